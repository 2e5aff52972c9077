"""One object for all lists that say the same: what is derived from a body is derived once."""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.ir.primitive import freeze
from wengert.ir.program import Atom, Const, Program, identity


def intern(program: Program) -> Program:
    """The first list met that says what this one says, places in the user's file included.

    Constants are compared by their bits if they are scalars or repeat one number, else by identity.
    """
    return _first(_Said(program))


class _Said:
    """A program that equals every program with the same lines."""

    __slots__ = ("lines", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines = _lines(program)

    def __hash__(self) -> int:
        return hash(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Said) and self.lines == other.lines


def _lines(program: Program) -> Hashable:
    number: dict[Atom, int] = {v: i for i, v in enumerate(program.inputs)}

    def key(a: Atom) -> Hashable:
        return number[a] if a in number else _constant(a)

    lines: list[Hashable] = [tuple([(v.type, v.name) for v in program.inputs])]
    for eqn in program.equations:
        lines.append(
            (eqn.primitive, tuple([key(a) for a in eqn.inputs]), freeze(eqn.params), eqn.place)
        )
        for v in eqn.outputs:
            number[v] = len(number)
    return (*lines, tuple([key(a) for a in program.outputs]))


def _constant(atom: Any) -> Hashable:
    assert isinstance(atom, Const)
    value = atom.value
    if isinstance(value, np.ndarray) and value.ndim:
        if value.size and not any(value.strides):
            return (atom.type, value[(0,) * value.ndim].tobytes())
        return (atom.type, identity(atom))
    if isinstance(value, np.generic | np.ndarray | bool | int | float | complex):
        return (atom.type, np.asarray(value).tobytes())
    return (atom.type, identity(atom))


@lru_cache(maxsize=1024)
def _first(said: _Said) -> Program:
    return said.program
