"""Turns of the same lines as one `loop`.

What comes from the turn before is carried, what differs from turn to turn is stacked, what is the
same in all turns is a constant of the loop. Where values come from is told by sources:

    ("atom", a)            an atom from before the first turn, the same in all
    ("lifted", n, ...)     the like, as an operand even if it is a number: other loops have another
    ("out", j, o)          result o of line j of this turn
    ("carry", s, a)        what s was one turn before; in the first turn a
    ("each", ns)           in each turn another atom from before the first
    ("rows", a)            a[t], where turn t is
    ("by", b), ("bys", b)  how far an index moves, in all turns or in each
"""

from typing import Any

import numpy as np

from wengert.ir.families import Pointwise
from wengert.ir.intern import intern
from wengert.ir.primitive import REGISTRY, Carrier
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.ir.types import Type
from wengert.passes.lines import Lines, constant, even, kept, varying, whole
from wengert.passes.reads import Before, chains, index_of, seen
from wengert.passes.repeats import Turns
from wengert.primitives import moves, views, writes

MOVED = {"take": moves.take_moved, "place": moves.place_moved, "put": moves.put_moved}
Source = tuple[Any, ...]


class Loop:
    """The loop of some turns; `lifted` operands and `moving` axes are operands of its body."""

    def __init__(
        self,
        turns: Turns,
        lines: Lines,
        lifted: frozenset[tuple[int, int]],
        moving: dict[int, list[int]],
    ) -> None:
        self.turns, self.lines = turns, lines
        self.lifted, self.moving = lifted, moving
        self.place = self.line(0).place
        self.body: list[Equation] = []
        self.values: dict[Source, Atom] = {}
        self.consts: list[tuple[Var, Atom]] = []
        self.carries: dict[Source, tuple[Var, Atom]] = {}
        self.slices: list[tuple[Var, Atom]] = []
        self.starts = {j: turns.starts(j) for j in range(turns.period)}
        self.chain = chains(turns)
        self.alias: dict[int, Source | None] = {}
        self.open: dict[int, bool] = {}
        for j in range(turns.period):
            self._look(j)
        self.after = {j: how for j in self.chain if (how := self._after(j))}

    def line(self, j: int) -> Equation:
        return self.turns.listing.lines[self.turns.start + j]

    def outer(self, number: int) -> Atom:
        """An atom from before the first turn, as it is called now."""
        atom = self.turns.listing.atoms[number]
        return self.lines.same.get(atom, atom)

    # --- where values come from
    def source(self, j: int, m: int) -> Source:
        """Where operand m of line j comes from."""
        kind = self.turns.kinds[j][m]
        if kind[0] == "same":
            if (j, m) in self.lifted:
                return ("lifted", kind[1], j, m)
            return ("atom", self.outer(kind[1]))
        atoms = self.turns.operand(j, m)
        if kind[0] == "each":
            return ("each", tuple(atoms.tolist()))
        _, line, which, lag = kind
        source = self.value(line, which)
        for number in atoms[:lag][::-1].tolist():
            source = ("carry", source, self.outer(number))
        return source

    def value(self, j: int, which: int) -> Source:
        """A result of line j."""
        found = self._look(j)
        return ("out", j, which) if found is None else found

    def _look(self, j: int) -> Source | None:
        """What a `take` gives without reading an array in the loop; None for all other lines."""
        if j in self.open:  # it reads itself around the loop, and stays a line
            self.open[j] = True
            return None
        if j not in self.alias:
            self.open[j] = False
            found = self._read(j) if self.line(j).primitive is views.take else None
            self.alias[j] = None if self.open.pop(j) else found
        return self.alias[j]

    def _read(self, j: int) -> Source | None:
        kind, starts = self.turns.kinds[j][0], self.starts[j]
        if starts is None:
            return None
        found = Before(kind[1]) if kind[0] == "same" else seen(self.turns, j, self.chain)
        if isinstance(found, Before):
            return self._row(j, self.outer(found.atom), starts)
        if found is None:
            return None
        source = self.source(found.line, 1)
        first = self.outer(self.chain[found.line].atom)
        for t in range(found.lag - 1, -1, -1):
            source = ("carry", source, self.lines.take(first, self._index(j, t), self.place))
        return source

    def _row(self, j: int, atom: Atom, starts: np.ndarray) -> Source | None:
        if not varying(starts):
            return ("atom", self.lines.take(atom, index_of(self.turns, j), self.place))
        stack = self.lines.rows(atom, index_of(self.turns, j), starts, self.place)
        return None if stack is None else ("rows", stack)

    def _index(self, j: int, t: int) -> tuple[Any, ...]:
        eqn = self.turns.listing.lines[self.turns.start + t * self.turns.period + j]
        index: tuple[Any, ...] = eqn.params["index"]
        return index

    # --- the body
    def atom(self, source: Source) -> Atom:
        """A source as an atom of the body."""
        found = self.values.get(source)
        if found is None:
            found = self.values[source] = self._atom(source)
        return found

    def _atom(self, source: Source) -> Atom:
        match source:
            case ("atom", Const() as c) if not c.type.shape and not isinstance(c.value, Carrier):
                return c
            case ("atom", outside):
                return self._const(outside)
            case ("lifted", number, _, _):
                return self._const(self.outer(number))
            case ("carry", _, first):
                new = Var(first.type)
                self.carries[source] = (new, first)
                return new
            case ("each", numbers):
                return self._slice(self.lines.stack([self.outer(n) for n in numbers], self.place))
            case ("rows", stack):
                return self._slice(stack)
            case ("by", start):
                return self._const(Const(np.int64(start)))
            case ("bys", starts):
                return self._slice(constant(np.frombuffer(starts, np.int64)))
        raise AssertionError(source)

    def _const(self, outside: Atom) -> Var:
        self.consts.append((Var(outside.type), outside))
        return self.consts[-1][0]

    def _slice(self, stack: Atom) -> Var:
        self.slices.append((Var(Type(stack.type.shape[1:], stack.type.dtype)), stack))
        return self.slices[-1][0]

    def _write(self, j: int) -> None:
        """Line j, in the body."""
        eqn = self.line(j)
        inputs = [self.atom(self.source(j, m)) for m in range(len(eqn.inputs))]
        primitive, params = eqn.primitive, eqn.params
        if isinstance(primitive.family, Pointwise):
            inputs = [self._spread(a, eqn.outputs[0].type.shape) for a in inputs]
        axes, starts = self.moving.get(j, []), self.starts[j]
        if axes and starts is not None:
            primitive = MOVED[primitive.name]
            index = [self._base(i) if a in axes else i for a, i in enumerate(params["index"])]
            params = {**params, "index": tuple(index), "axes": tuple(axes)}
            for a in axes:
                by = starts[:, a]
                fixed = (by == by[0]).all()
                inputs.append(self.atom(("by", int(by[0])) if fixed else ("bys", by.tobytes())))
        outs = tuple([Var(v.type, v.name) for v in eqn.outputs])
        self.values.update({("out", j, o): v for o, v in enumerate(outs)})
        self.body.append(Equation(primitive, tuple(inputs), outs, params, eqn.place))

    def _spread(self, a: Atom, shape: tuple[int, ...]) -> Atom:
        """A number that was a constant and fitted every shape is broadcast now that it differs."""
        if isinstance(a, Const) or a.type.shape == shape:
            return a
        out = Var(Type(shape, a.type.dtype))
        self.body.append(Equation(views.broadcast, (a,), (out,), {"shape": shape}, self.place))
        return out

    @staticmethod
    def _base(i: Any) -> Any:
        return 0 if isinstance(i, int) else (0, len(range(*i)) * i[2], i[2])

    # --- arrays that are only written
    def _after(self, j: int) -> str:
        """How a lone write into an array that the turns don't read is one write after the loop."""
        turns, starts = self.turns, self.starts[j]
        assert starts is not None
        read = turns.listing.last[self._results(j, 0)[:-1]] >= turns.end
        if len(self.chain[j].writes) != 1 or read.any() or not self._unread(j):
            return ""
        axes, index = varying(starts), index_of(turns, j)
        if len(axes) == 1 and isinstance(index[axes[0]], int) and even(starts[:, axes[0]]):
            return "cut"
        numbers = axes and all(isinstance(i, int) for i in index)
        return "places" if numbers and len(np.unique(starts, axis=0)) == len(starts) else ""

    def _unread(self, put: int) -> bool:
        return all(
            kind[0] != "turn" or kind[1] != put or (j, m) == (put, 0)
            or (m == 0 and self.alias[j] is not None)
            for j in range(self.turns.period) for m, kind in enumerate(self.turns.kinds[j])
        )  # fmt: skip

    def _written(self, j: int, stack: Atom) -> Var:
        """The array with all turns' values, which are stacked."""
        starts, index = self.starts[j], list(index_of(self.turns, j))
        assert starts is not None
        array = self.outer(self.chain[j].atom)
        if self.after[j] == "places":
            places = [constant(starts[:, a]) for a in range(len(index))]
            return self.lines.write(writes.put_at, array, stack, *places, place=self.place)
        (axis,) = varying(starts)
        stack = self.lines.moved(stack, 0, kept(tuple(index), axis), self.place)
        index[axis] = even(starts[:, axis])
        return self.lines.write(writes.put, array, stack, place=self.place, index=tuple(index))

    # --- what is read after the loop
    def _results(self, j: int, which: int) -> np.ndarray:
        return self.turns.listing.results(self.turns.rows(j), which)

    def _wanted(self) -> tuple[list[Any], list[Any]]:
        """(source, number) of what the last turn alone gives, (source, numbers by turn) of others.

        The numbers are those of atoms that are read after the turns.
        """
        listing, last, all = self.turns.listing, [], []
        for j in range(self.turns.period):
            if j in self.after:
                continue
            for which in range(len(self.line(j).outputs)):
                numbers = self._results(j, which)
                read = np.flatnonzero(listing.last[numbers] >= self.turns.end).tolist()
                if read == [self.turns.count - 1]:
                    last.append((self.value(j, which), int(numbers[-1])))
                elif read:
                    found = {t: int(numbers[t]) for t in read}
                    all.append((self.value(j, which), found))
        return last, all

    def _final(self, source: Source) -> Source:
        """A carry that is a source's value after the last turn."""
        for key in self.carries:
            if key[1] == source:
                return key
        kind = self.atom(source).type
        zero = Const(np.broadcast_to(np.zeros((), kind.dtype), kind.shape)[()], kind)
        self.atom(("carry", source, zero))
        return ("carry", source, zero)

    def write(self) -> None:
        """The loop, with what stands before and after it."""
        for j in range(self.turns.period):
            if self.alias[j] is None and j not in self.after:
                self._write(j)
        last, others = self._wanted()
        finals = [(self._final(s), number) for s, number in last]
        stacks = {s: self.atom(s) for s, _ in others}
        ends = {j: self.source(j, 1) for j in self.after}
        stacks.update((s, self.atom(s)) for s in ends.values())
        nexts: list[Atom] = []
        while len(nexts) < len(self.carries):
            nexts.append(self.atom(list(self.carries)[len(nexts)][1]))
        results = self._loop([*nexts, *stacks.values()])
        carried = dict(zip(self.carries, results, strict=False))
        stacked = dict(zip(stacks, results[len(nexts) :], strict=True))
        atoms, same = self.turns.listing.atoms, self.lines.same
        same.update((atoms[number], carried[key]) for key, number in finals)
        for source, numbers in others:
            stack = stacked[source]
            for t, number in numbers.items():
                index = (t, *whole(stack.type)[1:])
                same[atoms[number]] = self.lines.take(stack, index, self.place)
        for j, source in ends.items():
            same[atoms[self._results(j, 0)[-1]]] = self._written(j, stacked[source])

    def _loop(self, outputs: list[Atom]) -> list[Var]:
        carries = list(self.carries.values())
        pairs = [*self.consts, *carries, *self.slices]
        body = intern(Program([v for v, _ in pairs], self.body, outputs, "body"))
        count, kinds = self.turns.count, [a.type for a in outputs]
        results = [
            Var(t if i < len(carries) else Type((count, *t.shape), t.dtype))
            for i, t in enumerate(kinds)
        ]
        params = {
            "body": body, "consts": len(self.consts), "carries": len(carries), "length": count,
            "reverse": False,
        }  # fmt: skip
        operands = tuple([a for _, a in pairs])
        loop = REGISTRY.primitives["loop"]
        self.lines.add(Equation(loop, operands, tuple(results), params, self.place))
        return results
