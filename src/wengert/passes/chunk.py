"""Run a list on some samples after others: what it keeps of each sample fits a cache, or a budget.

    s = sum(f(X))        for chunk in chunks of X:  s = s + sum(f(chunk))
    Y = f(X)             for chunk in chunks of X:  Y[chunk] = f(chunk)

One loop for each level (see `separate`), over rows of a stack where the axis is the first; what
doesn't divide is a last loop of one turn. Nothing is computed twice.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Atom, Const, Equation, Program, Var, identity
from wengert.ir.types import Type
from wengert.passes.axes import Path
from wengert.passes.lines import Lines
from wengert.passes.prune import prune
from wengert.passes.separate import Split, Step
from wengert.primitives import moves, views


def chunked(split: Split, rows: int) -> Program:
    """The list in chunks of so many samples."""
    return prune(_Chunks(split, rows).program())


def _key(a: Atom) -> Any:
    return a if isinstance(a, Var) else ("const", identity(a))


class _Chunks:
    def __init__(self, split: Split, rows: int) -> None:
        self.split, self.rows = split, rows
        self.out = Lines()
        self.readers: dict[Any, set[int]] = {}
        for k, step in enumerate(split.steps):
            for a in step.equation.inputs:
                self.readers.setdefault(_key(a), set()).add(k)

    def program(self) -> Program:
        old, steps = self.split.program, self.split.steps
        top = max([s.level + (s.kind == "whole") for s in steps], default=0)
        for level in range(top + 1):
            for s in steps:
                if s.kind != "map" and s.level + (s.kind == "whole") == level:
                    self.out.copy(s.equation)
            group = [k for k, s in enumerate(steps) if s.kind == "map" and s.level == level]
            if group:
                self._run(group)
        outputs = [self.out.same.get(a, a) for a in old.outputs]
        return Program(old.inputs, self.out.lines, outputs, old.name)

    def _run(self, group: Sequence[int]) -> None:
        """The loops over the chunks of one level."""
        steps = [self.split.steps[k] for k in group]
        needed = self._needed(group)
        cells = {v: self._start(v, self._fold(v, steps), steps) for v in needed}
        count, rest = divmod(self.split.size, self.rows)
        parts = [(0, count, self.rows)] + ([(count * self.rows, 1, rest)] if rest else [])
        for start, turns, rows in parts:
            if turns:
                cells = self._loop(steps, cells, start, turns, rows)
        self.out.same.update((v, a) for v, a in cells.items())

    def _needed(self, group: Sequence[int]) -> list[Var]:
        """What other steps, or the caller, want of a level."""
        inside = set(group)
        made = [v for k in group for v in self.split.steps[k].equation.outputs]
        folds = {v for k in group for v in self.split.steps[k].folds}
        outputs = set(self.split.program.outputs)
        return [
            v for v in made
            if v in outputs or v in folds or self.readers.get(v, set()) - inside
        ]  # fmt: skip

    def _fold(self, v: Var, steps: Iterable[Step]) -> str:
        return next((s.folds[v] for s in steps if v in s.folds), "")

    def _start(self, v: Var, fold: str, steps: Sequence[Step]) -> Atom:
        """What a result is before the first chunk."""
        least: Any = 0
        if fold in ("maximum", "minimum"):
            info = np.finfo if v.type.dtype.kind == "f" else np.iinfo
            lowest = -np.inf if v.type.dtype.kind == "f" else info(v.type.dtype).min
            highest = np.inf if v.type.dtype.kind == "f" else info(v.type.dtype).max
            least = lowest if fold == "maximum" else highest
        number = Const(np.asarray(least, v.type.dtype)[()])
        return self.out.write(views.broadcast, number, shape=v.type.shape)

    def _loop(
        self, steps: Sequence[Step], cells: dict[Var, Atom], start: int, turns: int, rows: int
    ) -> dict[Var, Atom]:
        body = _Body(self, steps, rows, cells)
        starts = Const(np.arange(turns, dtype=np.int64) * rows + start)
        stacks = [self._stacked(a, start, turns, rows) for a in body.stacked.values()]
        consts = list(body.consts.values())
        inputs = (*consts, *cells.values(), starts, *stacks)
        outs = tuple([Var(v.type, v.name) for v in cells])
        params = {
            "body": body.program(), "consts": len(consts), "carries": len(cells),
            "length": turns, "reverse": False,
        }  # fmt: skip
        self.out.add(Equation(REGISTRY.primitives["loop"], inputs, outs, params, body.place))
        return dict(zip(cells, outs, strict=True))

    def _stacked(self, a: Atom, start: int, turns: int, rows: int) -> Atom:
        """The chunks of an array whose first axis it is, stacked: a view."""
        shape = a.type.shape
        stop = start + turns * rows
        if (start, stop) != (0, shape[0]):
            a = self.out.take(a, [(start, stop, 1), *[(0, n, 1) for n in shape[1:]]])
        return self.out.write(views.reshape, a, shape=(turns, rows, *shape[1:]))


class _Body:
    """One chunk: the level's equations with so many samples instead of all."""

    def __init__(
        self, chunks: _Chunks, steps: Sequence[Step], rows: int, cells: dict[Var, Atom]
    ) -> None:
        self.split, self.steps, self.rows, self.cells = chunks.split, steps, rows, cells
        self.outer = chunks.out
        self.lines = Lines()
        self.consts: dict[Any, Atom] = {}
        self.stacked: dict[Any, Atom] = {}
        self.inputs: dict[Any, Var] = {}
        self.start = Var(Type((), np.dtype("i8")))
        self.here: dict[Any, Atom] = {}
        self.place = steps[0].equation.place
        for step in steps:
            self._step(step.equation)
        self.outputs = [self._result(v) for v in cells]

    def program(self) -> Program:
        inputs = [
            *[self.inputs[k] for k in self.consts],
            *self.carries,
            self.start,
            *[self.inputs[k] for k in self.stacked],
        ]
        return Program(inputs, self.lines.lines, self.outputs, "chunk")

    @property
    def carries(self) -> list[Var]:
        return [self.inputs["carry", v] for v in self.cells]

    def _step(self, eqn: Equation) -> None:
        inputs = tuple([self._read(a, eqn, k) for k, a in enumerate(eqn.inputs)])
        self.lines.add(resized(self.split, (), eqn, inputs, self.rows, self.here))

    def _read(self, a: Atom, eqn: Equation, k: int) -> Atom:
        """An operand in the body: made there, a chunk of an array, or a constant."""
        if isinstance(a, Const) and not a.type.shape:
            return a
        axis = self.split.axis((), a, eqn, k)
        key = (_key(a), axis)
        if _key(a) in self.here:
            return self.here[_key(a)]
        if isinstance(a, Const) and axis is not None and a.value.strides[axis] == 0:
            part = tuple([slice(self.rows) if b == axis else slice(None) for b in range(axis + 1)])
            return Const(a.value[part])  # each chunk has the same
        if key not in self.inputs:
            outer = self.outer.same.get(a, a)
            if axis == 0:
                shape = (self.rows, *a.type.shape[1:])
                self.inputs[key] = Var(Type(shape, a.type.dtype), getattr(a, "name", ""))
                self.stacked[key] = outer
            else:
                self.inputs[key] = Var(a.type, getattr(a, "name", ""))
                self.consts[key] = outer
                if axis is not None:
                    self.inputs["part", key] = self.lines.write(
                        moves.take_moved, self.inputs[key], self.start,
                        index=self._index(a.type.shape, axis), axes=(axis,), place=eqn.place,
                    )  # fmt: skip
        return self.inputs.get(("part", key), self.inputs[key])

    def _index(self, shape: tuple[int, ...], axis: int) -> tuple[tuple[int, int, int], ...]:
        return tuple([(0, self.rows if a == axis else n, 1) for a, n in enumerate(shape)])

    def _result(self, v: Var) -> Atom:
        """A carry after the chunk: a fold goes on, a map is written in its place."""
        old = self.inputs["carry", v] = Var(v.type, v.name)
        step = next(s for s in self.steps if v in s.equation.outputs)
        new, place = self.here[v], step.equation.place
        if v in step.folds:
            return self.lines.write(REGISTRY.primitives[step.folds[v]], old, new, place=place)
        axis = self.split.axis((), v, step.equation)
        assert axis is not None, v
        return self.lines.write(
            moves.put_moved, old, new, self.start,
            index=self._index(v.type.shape, axis), axes=(axis,), place=place,
        )  # fmt: skip


def resized(
    split: Split, path: Path, eqn: Equation, inputs: tuple[Atom, ...], rows: int,
    here: dict[Any, Atom],
) -> Equation:  # fmt: skip
    """An equation with so many samples along the axis; `here` learns its results."""
    params = dict(eqn.params)
    ins = [split.axis(path, a, eqn, k) for k, a in enumerate(eqn.inputs)]
    outs = [split.axis(path, v, eqn) for v in eqn.outputs]
    if "shape" in params and outs[0] is not None:
        params["shape"] = replaced(params["shape"], outs[0], rows)
    if "index" in params:
        axis = ins[0] if eqn.primitive.name == "take" else outs[0]
        if axis is not None:
            params["index"] = replaced(params["index"], axis, (0, rows, 1))
    if "body" in params:
        params["body"] = _smaller(split, (*path, eqn), params["body"], rows)
    new = tuple([_sized(v, a, rows) for v, a in zip(eqn.outputs, outs, strict=True)])
    here.update(zip(eqn.outputs, new, strict=True))
    return Equation(eqn.primitive, inputs, new, params, eqn.place)


def _smaller(split: Split, path: Path, body: Program, rows: int) -> Program:
    """A loop's body with so many samples along the axis."""
    here: dict[Any, Atom] = {v: _sized(v, split.axis(path, v, path[-1]), rows) for v in body.inputs}
    inputs = [here[v] for v in body.inputs]
    equations = [
        resized(split, path, eqn, tuple([here.get(a, a) for a in eqn.inputs]), rows, here)
        for eqn in body.equations
    ]
    outputs = [here.get(a, a) for a in body.outputs]
    return Program(inputs, equations, outputs, body.name)  # type: ignore[arg-type]


def _sized(v: Var, axis: int | None, rows: int) -> Var:
    if axis is None:
        return Var(v.type, v.name)
    return Var(Type(replaced(v.type.shape, axis, rows), v.type.dtype), v.name)


def replaced(values: tuple[Any, ...], at: int, new: Any) -> tuple[Any, ...]:
    """The tuple with another entry in one place."""
    return (*values[:at], new, *values[at + 1 :])
