"""Matrices that are nothing but a few diagonals are kept as these: Jacobians of stencils.

    J = I * cos(u) + 100 S      two vectors, added at their places in zeros

A Jacobian is a batch of derivatives along unit vectors; where a list only shifts, scales and adds,
constants show where its entries can be. A zero times nan would be nan: so the diagonals are
taken only if all factors are finite, and the list as it was is run if not.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from wengert.ir.infer import infer
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Atom, Const, Equation, Program, Var

LARGE = 1 << 16
"""Matrices of fewer elements are written in full."""
MOST = 32
"""So many diagonals are still few."""


class Diagonal(NamedTuple):
    """`values` at [row, row + offset] for rows from `low` on."""

    offset: int
    low: int
    values: Atom

    @property
    def high(self) -> int:
        return self.low + self.values.type.shape[0]


Band = list[Diagonal]


def band(program: Program) -> Program:
    """The program with its large matrices of few diagonals put together from these."""
    large = any(
        v.type.ndim == 2 and v.type.size >= LARGE for e in program.equations for v in e.outputs
    )
    return _Bands(program).run() if large else program


class _Bands:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.made: dict[Atom, Equation] = {v: e for e in program.equations for v in e.outputs}
        self.bands: dict[Atom, Band] = {}
        self.factors: dict[Atom, tuple[Atom, ...]] = {}  # what must be finite
        self.fast: list[Equation] = []
        self.constants: dict[int, Band | None] = {}

    def run(self) -> Program:
        for eqn in self.program.equations:
            self._take(eqn)
        if not self.bands:
            return self.program
        wanted = self._wanted()
        lines: list[Equation] = []
        for eqn in self.program.equations:
            out = eqn.outputs[0]
            lines += self._choice(out) if out in wanted else [eqn]
        return _needed(Program(self.program.inputs, lines, self.program.outputs, self.program.name))

    def _wanted(self) -> set[Atom]:
        """The bands that something reads as a whole."""
        read: set[Atom] = set(self.program.outputs)
        for eqn in self.program.equations:
            if eqn.outputs[0] not in self.bands:
                read.update(eqn.inputs)
        return {v for v in self.bands if v in read and v.type.size >= LARGE}

    # --- which values are bands
    def _take(self, eqn: Equation) -> None:
        out, rule = eqn.outputs[0], RULES.get(eqn.primitive.name)
        if rule is None or out.type.ndim != 2 or out.type.dtype not in (np.float32, np.float64):
            return
        if 0 in out.type.shape or out.type.size < LARGE // 4:
            return
        found = rule(self, eqn)
        if found is not None and len(found) <= MOST:
            self.bands[out] = found
            before = chain.from_iterable(self.factors.get(a, ()) for a in eqn.inputs)
            self.factors[out] = tuple(dict.fromkeys([*before, *self._scales(eqn)]))

    def band(self, atom: Atom) -> Band | None:
        """The diagonals of a value; None if it isn't known to have few."""
        if not isinstance(atom, Const):
            return self.bands.get(atom)
        x = atom.value
        if not isinstance(x, np.ndarray) or x.ndim != 2 or x.size < LARGE // 4:
            return None
        if id(x) not in self.constants:
            self.constants[id(x)] = _diagonals(x)
        return self.constants[id(x)]

    def write(self, name: str, *inputs: Atom, **params: Any) -> Atom:
        """A line of the fast way."""
        primitive = REGISTRY.primitives[name]
        (kind,) = infer(primitive, [a.type for a in inputs], params)
        out = Var(kind)
        self.fast.append(Equation(primitive, inputs, (out,), params))
        return out

    def part(self, values: Atom, low: int, high: int) -> Atom:
        """Some of a vector."""
        if (low, high) == (0, values.type.shape[0]):
            return values
        if isinstance(values, Const):
            return Const(values.value[low:high])
        return self.write("take", values, index=((low, high, 1),))

    def _scales(self, eqn: Equation) -> list[Atom]:
        """What a band is multiplied by, or divided."""
        if eqn.primitive.name not in ("multiply", "divide"):
            return []
        others = [a for a in eqn.inputs if self.band(a) is None]
        return [s for a in others if not isinstance(s := self._source(a)[0], Const)]

    def _source(self, atom: Atom) -> tuple[Atom, int]:
        """The vector that a matrix repeats, and along which axis it stands; -1: a number."""
        if not atom.type.shape:
            return atom, -1
        eqn = self.made.get(atom)
        if eqn is None or eqn.primitive.name != "broadcast":
            return atom, 2
        source = eqn.inputs[0]
        if source.type.ndim < 2:
            return source, source.type.ndim and 1
        inner = self.made.get(source)
        if source.type.shape[1] == 1 and inner is not None and inner.primitive.name == "reshape":
            return inner.inputs[0], 0 if inner.inputs[0].type.ndim == 1 else 2
        return source, 2

    def scaled(self, eqn: Equation, x: Band, by: Atom) -> Band | None:
        """Each diagonal times, or over, what stands beside it."""
        source, axis = self._source(by)
        if axis == 2 or (isinstance(source, Const) and not np.all(np.isfinite(source.value))):
            return None
        if axis >= 0 and source.type.ndim != 1:
            return None
        found = []
        for d in x:
            other = source
            if axis >= 0:
                start = d.low + (d.offset if axis else 0)
                other = self.part(source, start, start + d.high - d.low)
            found.append(d._replace(values=self.write(eqn.primitive.name, d.values, other)))
        return found

    # --- the two ways
    def _choice(self, out: Var) -> list[Equation]:
        """The value from its diagonals if all factors are finite, else as it was."""
        lines, fast = self._closure(out), self._assembled(out)
        if not self.factors[out]:
            made, (last,) = _renamed(fast, {}, fast[-1])
            end = made[-1]
            assert end.outputs == (last,)
            return [*made[:-1], Equation(end.primitive, end.inputs, (out,), end.params)]
        outside = list(dict.fromkeys(
            a for e in (*lines, *fast) for a in e.inputs if isinstance(a, Var)
        ))  # fmt: skip
        own = {v for e in (*lines, *fast) for v in e.outputs}
        given = [a for a in outside if a not in own]
        new = [Var(a.type, a.name) for a in given]
        ways = {
            "true": Program(new, *_renamed(fast, dict(zip(given, new, strict=True)), fast[-1])),
            "false": Program(new, *_renamed(lines, dict(zip(given, new, strict=True)), lines[-1])),
        }
        asked, finite = self._finite(self.factors[out])
        cond = REGISTRY.primitives["cond"]
        return [*asked, Equation(cond, (finite, *given), (out,), dict(ways))]

    def _closure(self, out: Var) -> list[Equation]:
        """The lines of the list that make a band, from what is none."""
        needed: set[Atom] = {out}
        found = []
        for eqn in reversed(self.program.equations):
            v = eqn.outputs[0]
            repeats = eqn.primitive.name in ("broadcast", "reshape") and v not in self.bands
            if v in needed and (v in self.bands or repeats):
                needed.update(eqn.inputs)
                found.append(eqn)
        return found[::-1]

    def _assembled(self, out: Var) -> list[Equation]:
        """The lines that make it from diagonals."""
        mark = len(self.fast)
        diagonals = [d for d in self.bands[out] if d.high > d.low]
        at = [np.arange(d.low, d.high) for d in diagonals]
        rows = Const(np.concatenate(at))
        columns = Const(np.concatenate([i + d.offset for i, d in zip(at, diagonals, strict=True)]))
        values = diagonals[0].values
        if len(diagonals) > 1:
            values = self.write("concatenate", *[d.values for d in diagonals], axis=0)
        self.write("scatter", values, rows, columns, shape=out.type.shape)
        last, self.fast = self.fast[mark:], self.fast[:mark]
        needed: set[Atom] = {a for e in last for a in e.inputs}
        kept = []
        for eqn in reversed(self.fast):
            if eqn.outputs[0] in needed:
                needed.update(eqn.inputs)
                kept.append(eqn)
        return [*kept[::-1], *last]

    def _finite(self, factors: tuple[Atom, ...]) -> tuple[list[Equation], Atom]:
        mark, answers = len(self.fast), []
        for a in factors:
            answer = self.write("isfinite", a)
            axes = tuple(range(a.type.ndim))
            answers.append(self.write("all", answer, axes=axes) if axes else answer)
        total: Atom = answers[0]
        for other in answers[1:]:
            total = self.write("logical_and", total, other)
        lines, self.fast = self.fast[mark:], self.fast[:mark]
        return lines, total


def _renamed(
    lines: list[Equation], env: dict[Any, Atom], last: Equation
) -> tuple[list[Equation], list[Atom]]:
    """The lines on other variables, and the last one's result."""
    made = []
    for eqn in lines:
        outs = tuple([Var(v.type, v.name) for v in eqn.outputs])
        inputs = tuple([env.get(a, a) for a in eqn.inputs])
        made.append(Equation(eqn.primitive, inputs, outs, eqn.params, eqn.place))
        env.update(zip(eqn.outputs, outs, strict=True))
    return made, [env[last.outputs[0]]]


def _needed(program: Program) -> Program:
    """The program without the lines that only a band needed."""
    needed: set[Atom] = set(program.outputs)
    kept = []
    for eqn in reversed(program.equations):
        if needed.intersection(eqn.outputs) or eqn.primitive.name not in RULES:
            needed.update(eqn.inputs)
            kept.append(eqn)
    return Program(program.inputs, kept[::-1], program.outputs, program.name)


def _diagonals(x: np.ndarray[Any, Any]) -> Band | None:
    """The diagonals of a constant, if they are few."""
    if x.dtype not in (np.float32, np.float64) or np.count_nonzero(x) > MOST * max(x.shape):
        return None
    rows, columns = np.nonzero(x)
    found = []
    for offset in np.unique(columns - rows).tolist():
        mine = rows[columns - rows == offset]
        low, high = int(mine[0]), int(mine[-1]) + 1
        at = np.arange(low, high)
        found.append(Diagonal(offset, low, Const(np.ascontiguousarray(x[at, at + offset]))))
        if len(found) > MOST:
            return None
    return found


# --- how operations move diagonals
Rule = Callable[[_Bands, Equation], "Band | None"]


def _product(bands: _Bands, eqn: Equation) -> Band | None:
    x, y = eqn.inputs
    a, b = bands.band(x), bands.band(y)
    if eqn.primitive.name == "divide" and not _number(y):
        return None  # zero by zero
    if a is not None and b is None:
        return bands.scaled(eqn, a, y)
    if b is not None and a is None and eqn.primitive.name == "multiply":
        return bands.scaled(eqn, b, x)
    return None


def _number(atom: Atom) -> bool:
    """Whether it is one number, known and not zero."""
    return isinstance(atom, Const) and not atom.type.shape and bool(atom.value != 0)


def _sum(bands: _Bands, eqn: Equation) -> Band | None:
    a, b = [bands.band(x) for x in eqn.inputs]
    if a is None or b is None:
        return None
    if eqn.primitive.name == "subtract":
        b = [d._replace(values=bands.write("negative", d.values)) for d in b]
    return [*a, *b]


def _negative(bands: _Bands, eqn: Equation) -> Band | None:
    x = bands.band(eqn.inputs[0])
    return x and [d._replace(values=bands.write("negative", d.values)) for d in x]


def _transpose(bands: _Bands, eqn: Equation) -> Band | None:
    x = bands.band(eqn.inputs[0])
    return x and [Diagonal(-d.offset, d.low + d.offset, d.values) for d in x]


def _plain(index: tuple[Any, ...]) -> bool:
    return all(not isinstance(cut, int) and cut[2] == 1 for cut in index)


def _place(bands: _Bands, eqn: Equation) -> Band | None:
    x, index = bands.band(eqn.inputs[0]), eqn.params["index"]
    if x is None or not _plain(index):
        return None
    (top, _, _), (left, _, _) = index
    return [Diagonal(d.offset + left - top, d.low + top, d.values) for d in x]


def _take(bands: _Bands, eqn: Equation) -> Band | None:
    x, index = bands.band(eqn.inputs[0]), eqn.params["index"]
    if x is None or not _plain(index):
        return None
    (top, bottom, _), (left, right, _) = index
    found = []
    for d in x:
        low = max(d.low, top, left - d.offset)
        high = min(d.high, bottom, right - d.offset)
        if low < high:
            values = bands.part(d.values, low - d.low, high - d.low)
            found.append(Diagonal(d.offset + top - left, low - top, values))
    return found or None


RULES: dict[str, Rule] = {
    "multiply": _product, "divide": _product, "add": _sum, "subtract": _sum,
    "negative": _negative, "transpose": _transpose, "place": _place, "take": _take,
}  # fmt: skip
