"""Which axes are one and the same all through a list, in the bodies of its loops too.

An axis stands for the places of its array's first dimension, second, ...; what a family's labels
hold equal is united. An axis that is cut, turned or mixed with others begins anew behind it.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from wengert.ir.dims import Sets
from wengert.ir.families import Control
from wengert.ir.program import Atom, Equation, Program, Var
from wengert.passes.access import regroup

Path = tuple[Equation, ...]
"""The loops around a body."""


class Axes:
    """The sets of equal axes of a program."""

    def __init__(self, program: Program) -> None:
        self.sets = Sets()
        self._program(program, ())

    def root(self, name: Hashable, axis: int) -> Hashable:
        """The set of an axis."""
        return self.sets.find((name, axis))

    def of(self, name: Hashable, rank: int, root: Hashable) -> list[int]:
        """The axes of an array that are in a set."""
        return [a for a in range(rank) if self.sets.find((name, a)) == root]

    def _program(self, program: Program, path: Path) -> None:
        for eqn in program.equations:
            names = [named(path, a, eqn, k) for k, a in enumerate(eqn.inputs)]
            outs = [(path, v) for v in eqn.outputs]
            if eqn.primitive.name == "loop":
                self._loop(eqn, names, outs, path)
            elif eqn.primitive.name == "reshape":
                for a, b in kept_axes(eqn.inputs[0].type.shape, eqn.params["shape"]):
                    self.sets.unite((names[0], a), (outs[0], b))
            elif not isinstance(eqn.primitive.family, Control):
                self._labels(eqn, [*names, *outs])

    def _labels(self, eqn: Equation, names: Sequence[Hashable]) -> None:
        types = [a.type for a in eqn.inputs]
        ins, outs = eqn.primitive.family.labels(types, eqn.params)
        first: dict[Hashable, Hashable] = {}
        for name, labels in zip(names, (*ins, *outs), strict=True):
            for i, label in enumerate(labels):
                self.sets.unite(first.setdefault(label, (name, i)), (name, i))

    def _loop(
        self, eqn: Equation, names: Sequence[Hashable], outs: Sequence[Hashable], path: Path
    ) -> None:
        inner, body = (*path, eqn), eqn.params["body"]
        c, n = eqn.params["consts"], eqn.params["carries"]
        for k, (v, name) in enumerate(zip(body.inputs, names, strict=True)):
            self._same((inner, v), name, v.type.ndim, k >= c + n)
        for k, (a, out) in enumerate(zip(body.outputs, outs, strict=True)):
            if isinstance(a, Var):
                self._same((inner, a), out, a.type.ndim, k >= n)
            if k < n:
                self._same((inner, body.inputs[c + k]), out, a.type.ndim, False)
        self._program(body, inner)

    def _same(self, inner: Hashable, outer: Hashable, rank: int, stacked: bool) -> None:
        for a in range(rank):
            self.sets.unite((inner, a), (outer, a + stacked))


def named(path: Path, atom: Atom, eqn: Equation, k: int) -> Hashable:
    """A value's name: a constant is another one wherever it is read."""
    return (path, atom) if isinstance(atom, Var) else (path, eqn, k)


def kept_axes(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The axes that a reshape leaves as they are."""
    for mine, theirs in regroup(old, new) or ():
        long, longs = [i for i in mine if old[i] != 1], [j for j in theirs if new[j] != 1]
        if len(long) == len(longs) == 1:
            yield long[0], longs[0]


def inputs(program: Program) -> Iterator[tuple[Any, int]]:
    """Every axis of every input."""
    for v in program.inputs:
        for a, n in enumerate(v.type.shape):
            if n > 1:
                yield v, a
