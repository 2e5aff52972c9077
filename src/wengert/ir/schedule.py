"""What a machine is given: loops over index sets, tied together so that little travels to memory.

A `Schedule` is a program in the order in which it is run. An item is a `Nest` of loops, or a `Call`
of something that is no loop over independent elements (a product, a factorization, a loop in time).
Inside a nest values are expressions of what stands at affine places:

    place on an axis = constant + sum_a step_a * i_a,   i_a the counters of the nest's loops.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wengert.ir.program import Atom, Equation, Program, Var


class Affine(NamedTuple):
    """constant + sum of steps times counters."""

    constant: int
    steps: tuple[int, ...]


class Expr:
    """A value at the place where the loops stand. Two are equal only if they are the same."""

    __slots__ = ("axes", "dtype")
    dtype: np.dtype[Any]
    axes: int
    """Bit a is set if the value changes with counter a."""


class Literal(Expr):
    """A number known beforehand."""

    __slots__ = ("value",)

    def __init__(self, value: Any, dtype: np.dtype[Any]) -> None:
        self.value, self.dtype, self.axes = value, dtype, 0


class Read(Expr):
    """An element of a stored array, which is addressed as if it had this shape (row by row)."""

    __slots__ = ("atom", "index", "shape")

    def __init__(self, atom: Atom, shape: tuple[int, ...], index: tuple[Affine, ...]) -> None:
        self.atom, self.shape, self.index, self.dtype = atom, shape, index, atom.type.dtype
        self.axes = 0
        for n, place in zip(shape, index, strict=True):
            for a, step in enumerate(place.steps):
                if step and n != 1:
                    self.axes |= 1 << a


class Apply(Expr):
    """A pointwise primitive of values."""

    __slots__ = ("args", "name", "params")

    def __init__(
        self, name: str, args: tuple[Expr, ...], params: dict[str, Any], dtype: np.dtype[Any]
    ) -> None:
        self.name, self.args, self.params, self.dtype = name, args, params, dtype
        self.axes = 0
        for a in args:
            self.axes |= a.axes


class Pick(Expr):
    """`inside` where low <= place < high, else `outside`."""

    __slots__ = ("high", "inside", "low", "outside", "place")

    def __init__(self, place: Affine, low: int, high: int, inside: Expr, outside: Expr) -> None:
        self.place, self.low, self.high = place, low, high
        self.inside, self.outside, self.dtype = inside, outside, inside.dtype
        self.axes = inside.axes | outside.axes
        for a, step in enumerate(place.steps):
            if step:
                self.axes |= 1 << a


def nodes(roots: Sequence[Any]) -> list[Expr]:
    """All expressions under these, operands first."""
    seen: dict[Expr, None] = {}
    stack: list[tuple[Expr, bool]] = [(r, False) for r in reversed(roots) if r is not None]
    while stack:
        e, ready = stack.pop()
        if e in seen:
            continue
        if ready:
            seen[e] = None
            continue
        stack.append((e, True))
        below: tuple[Expr, ...] = ()
        if isinstance(e, Apply):
            below = e.args
        elif isinstance(e, Pick):
            below = (e.inside, e.outside)
        stack += [(b, False) for b in below if b not in seen]
    return list(seen)


@dataclass(slots=True, eq=False)
class Root:
    """A value that a stage makes: an element for each counter, or folded by `fold` along axes."""

    var: Var
    equation: Equation
    expr: Expr | None = None
    fold: str = ""


@dataclass(slots=True, eq=False)
class Stage:
    """Loops over a whole index set, in which some values are made. `folded` axes are reduced."""

    shape: tuple[int, ...]
    folded: tuple[int, ...] = ()
    roots: list[Root] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Nest:
    """Stages, one after another, inside common loops over the first `outer` axes.

    The loops of a `product` are those that compute it: each of its numbers is handed to the nest's
    one stage as soon as it is known, and stands nowhere else.
    """

    outer: int
    stages: list[Stage]
    product: "Call | None" = None

    def roots(self) -> Iterator[Root]:
        """All values that are made here."""
        for stage in self.stages:
            yield from stage.roots


class Operand(NamedTuple):
    """A stored array seen through strides (in elements): an argument of a call."""

    atom: Atom
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Call:
    """An equation that is run as a whole, on stored arrays."""

    equation: Equation
    operands: tuple[Operand, ...]
    bodies: dict[str, "Schedule"] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Schedule:
    """A program in running order; `stored` is what needs memory, `local` only for one round."""

    program: Program
    items: list[Nest | Call]
    stored: set[Var]
    local: set[Var]
