"""A list that is being written anew: its lines so far, and what stands for what."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.ir.infer import infer
from wengert.ir.primitive import Primitive
from wengert.ir.program import Atom, Const, Equation, Place, Var
from wengert.ir.types import Type
from wengert.passes.repeats import all_constant
from wengert.primitives import picks, views

Index = tuple[Any, ...]


class Lines:
    """The lines, which equation made a variable, and what stands for variables that are gone."""

    def __init__(self) -> None:
        self.lines: list[Equation] = []
        self.made: dict[Atom, Equation] = {}
        self.same: dict[Atom, Atom] = {}
        self.known: dict[Any, Var] = {}

    def copy(self, eqn: Equation) -> None:
        """A line of the old list."""
        inputs = tuple([self.same.get(a, a) for a in eqn.inputs])
        if inputs != eqn.inputs:
            eqn = Equation(eqn.primitive, inputs, eqn.outputs, eqn.params, eqn.place)
        self.add(eqn)

    def add(self, eqn: Equation) -> None:
        self.lines.append(eqn)
        self.made.update((v, eqn) for v in eqn.outputs)

    def write(self, primitive: Primitive, *inputs: Atom, place: Place = None, **params: Any) -> Var:
        """The result of a new line."""
        (kind,) = infer(primitive, [a.type for a in inputs], params)
        out = Var(kind)
        self.add(Equation(primitive, inputs, (out,), params, place))
        return out

    def take(self, atom: Atom, index: Sequence[Any], place: Place = None) -> Var:
        """atom[index], written once."""
        key = (atom, tuple(index))
        if key not in self.known:
            self.known[key] = self.write(views.take, atom, place=place, index=tuple(index))
        return self.known[key]

    def moved(self, atom: Atom, axis: int, to: int, place: Place = None) -> Atom:
        """An axis brought to another place."""
        axes = [a for a in range(len(atom.type.shape)) if a != axis]
        axes.insert(to, axis)
        if axis == to:
            return atom
        return self.write(views.transpose, atom, place=place, perm=tuple(axes))

    def rows(self, atom: Atom, index: Index, starts: np.ndarray, place: Place) -> Atom | None:
        """atom[index] at each of these places, stacked; None if it were more than views of atom."""
        axes = varying(starts)
        if len(axes) == 1 and isinstance(index[axes[0]], int):
            (axis,) = axes
            cut = even(starts[:, axis])
            if cut is not None:
                if cut == (0, atom.type.shape[axis], 1) and len(index) == 1:
                    return atom
                y = self.take(atom, [*index[:axis], cut, *index[axis + 1 :]], place)
                return self.moved(y, kept(index, axis), 0, place)
        if axes and all(isinstance(i, int) for i in index):
            indices = [constant(starts[:, a]) for a in range(len(index))]
            return self.write(picks.gather, atom, *indices, place=place)
        return None

    def stack(self, atoms: Sequence[Atom], place: Place) -> Atom:
        """Atoms of one type, stacked."""
        if all_constant(atoms):
            dtype = atoms[0].type.dtype
            return constant(np.stack([np.asarray(a.value, dtype) for a in atoms]))  # type: ignore[union-attr]
        found = self.gathered(atoms)
        stack = None if found is None else self.rows(*found, place)
        if stack is not None:
            return stack
        shape = (1, *atoms[0].type.shape)
        parts = [self.write(views.reshape, a, place=place, shape=shape) for a in atoms]
        return self.write(views.concatenate, *parts, place=place, axis=0)

    def gathered(self, atoms: Sequence[Atom]) -> tuple[Atom, Index, np.ndarray] | None:
        """(x, index, starts) if all atoms are `take`s of one array x, of one form."""
        made = [self.made.get(a) for a in atoms]
        first = made[0]
        if first is None or first.primitive is not views.take:
            return None
        x, form, starts = first.inputs[0], shape_of(first.params["index"]), []
        for eqn in made:
            if eqn is None or eqn.primitive is not views.take or eqn.inputs[0] is not x:
                return None
            if shape_of(eqn.params["index"]) != form:
                return None
            starts.append([i if isinstance(i, int) else i[0] for i in eqn.params["index"]])
        return x, first.params["index"], np.array(starts, np.int64).reshape(len(atoms), -1)


def shape_of(index: Index) -> Index:
    """What an index cuts, wherever it begins."""
    return tuple([-1 if isinstance(i, int) else (len(range(*i)), i[2]) for i in index])


def kept(index: Index, axis: int) -> int:
    """Where an axis stands among those that an index leaves."""
    return sum(not isinstance(i, int) for i in index[:axis])


def varying(starts: np.ndarray) -> list[int]:
    """The axes along which the turns differ."""
    return np.flatnonzero((starts != starts[0]).any(axis=0)).tolist()


def even(starts: np.ndarray) -> tuple[int, int, int] | None:
    """Places that step evenly along one axis, as a cut."""
    step = int(starts[1] - starts[0])
    if step == 0 or (np.diff(starts) != step).any():
        return None
    return int(starts[0]), max(int(starts[-1]) + step, -1), step


def whole(type: Type) -> list[Any]:
    """The index of everything."""
    return [(0, n, 1) for n in type.shape]


@lru_cache(maxsize=4096)
def _array(bits: bytes, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(bits, dtype).reshape(shape)


def constant(values: Any) -> Const:
    """An array as a constant; equal ones are one array, so that equal loops are equal lists."""
    values = np.asarray(values)
    return Const(_array(values.tobytes(), values.dtype, values.shape)[()])
