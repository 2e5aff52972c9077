"""Which axes are the same dimension, by what the operations unite; and a name for each.

Axes carry no symbol while a list is written: the families' labels say, after the fact, which axes
an operation holds equal (matmul's inner ones, the axes of a pointwise function), and a union-find
over the list gives N, d, k.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from wengert.ir.families import Control
from wengert.ir.program import Atom, Const, Program, Var

LETTERS = ("N", "d", "k", "m", "p", "q", "r", "s", "t")
Axis = tuple[Any, int]


class Sets:
    """Disjoint sets of axes."""

    def __init__(self) -> None:
        self.parent: dict[Hashable, Hashable] = {}

    def find(self, a: Hashable) -> Hashable:
        while (up := self.parent.setdefault(a, a)) != a:
            self.parent[a] = self.parent.get(up, up)
            a = up
        return a

    def unite(self, a: Hashable, b: Hashable) -> None:
        self.parent[self.find(b)] = self.find(a)


def united(program: Program) -> Sets:
    """The axes (atom, i) of a program, united by its equations."""
    sets = Sets()
    for eqn in program.equations:
        if isinstance(eqn.primitive.family, Control):
            continue
        types = [a.type for a in eqn.inputs]
        ins, outs = eqn.primitive.family.labels(types, eqn.params)
        first: dict[Hashable, Axis] = {}
        for atom, labels in zip((*eqn.inputs, *eqn.outputs), (*ins, *outs), strict=True):
            for i, label in enumerate(labels):
                sets.unite(first.setdefault(label, (atom, i)), (atom, i))
    return sets


def symbols(
    program: Program, named: Mapping[str, str] | None = None
) -> tuple[dict[str, int], dict[tuple[Var, int], str]]:
    """Sizes by symbol, and the symbol of each axis. `named` says `{"X": "N d"}` for inputs.

    Axes of length one have no symbol, nor have axes of small lists that no operation unites with
    an input's. The first axes met are N, d, k, m, ...
    """
    sets = united(program)
    symbol: dict[Hashable, str] = {}
    for var in program.inputs:
        for i, wish in enumerate((named or {}).get(var.name, "").split()):
            symbol.setdefault(sets.find((var, i)), wish)
    letters = _letters(set(symbol.values()) | {v.name for v in program.inputs})
    sizes: dict[str, int] = {}
    axes: dict[tuple[Var, int], str] = {}
    for atom in _atoms(program):
        for i, n in enumerate(atom.type.shape):
            if n == 1:
                continue
            root = sets.find((atom, i))
            if root not in symbol:
                symbol[root] = next(letters)
            sizes[symbol[root]] = n
            axes[(atom, i)] = symbol[root]  # type: ignore[index]
    return sizes, axes


def _letters(taken: set[str]) -> Iterator[str]:
    yield from (letter for letter in LETTERS if letter not in taken)
    n = 1
    while True:
        if f"n{n}" not in taken:
            yield f"n{n}"
        n += 1


def _atoms(program: Program) -> Iterator[Atom]:
    yield from program.inputs
    for eqn in program.equations:
        yield from (a for a in eqn.inputs if isinstance(a, Const))
        yield from eqn.outputs
