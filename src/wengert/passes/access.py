"""Views as places: which element of the operand stands at a place of the result."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from wengert.ir.program import Atom, Equation
from wengert.ir.schedule import Affine
from wengert.ir.types import Type

Index = tuple[Affine, ...]
Source = tuple[Atom, Index]


def shifted(place: Affine, by: int, scale: int = 1) -> Affine:
    """scale * place + by."""
    return Affine(scale * place.constant + by, tuple([scale * s for s in place.steps]))


def plus(a: Affine, b: Affine) -> Affine:
    """The sum of two places."""
    return Affine(
        a.constant + b.constant, tuple([s + t for s, t in zip(a.steps, b.steps, strict=True)])
    )


def origin(rank: int) -> Affine:
    """The first element, wherever the loops stand."""
    return Affine(0, (0,) * rank)


def identity(shape: tuple[int, ...]) -> Index:
    """The place of the loops' own counters."""
    rank = len(shape)
    return tuple([Affine(0, tuple([int(a == b) for b in range(rank)])) for a in range(rank)])


def _broadcast(t: Type, places: Index, rank: int, shape: Any) -> Index:
    inner = places[len(places) - t.ndim :]
    return tuple([p if n != 1 else origin(rank) for n, p in zip(t.shape, inner, strict=True)])


def _transpose(t: Type, places: Index, rank: int, perm: Any) -> Index:
    found: dict[int, Affine] = dict(zip(perm, places, strict=True))
    return tuple([found[a] for a in range(len(perm))])


def _flip(t: Type, places: Index, rank: int, axes: Any) -> Index:
    return tuple([shifted(p, t.shape[a] - 1, -1) if a in axes else p for a, p in enumerate(places)])


def _take(t: Type, places: Index, rank: int, index: Any) -> Index:
    left = iter(places)
    return tuple(
        [
            Affine(cut, (0,) * rank)
            if isinstance(cut, int)
            else shifted(next(left), cut[0], cut[2])
            for cut in index
        ]
    )


def regroup(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]] | None:
    """The axes of two shapes of one size in groups of equal products; None for empty arrays."""
    if 0 in old or 0 in new:
        return None
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        mine, theirs, p, q = [], [], 1, 1
        while True:
            if p <= q and i < len(old) and (p < q or not mine):
                mine.append(i)
                p *= old[i]
                i += 1
            elif j < len(new) and (q < p or not theirs):
                theirs.append(j)
                q *= new[j]
                j += 1
            else:
                break
            if p == q and mine and theirs:
                break
        groups.append((mine, theirs))
    return groups


def _reshape(t: Type, places: Index, rank: int, shape: Any) -> Index | None:
    """The operand's place: an axis may be split; two axes made one would need a division."""
    groups = regroup(t.shape, shape)
    if groups is None:
        return None
    found: dict[int, Affine] = {}
    for mine, theirs in groups:
        whole = origin(rank)
        for j in theirs:
            whole = plus(shifted(whole, 0, shape[j]), places[j])
        long = [i for i in mine if t.shape[i] != 1]
        if len(long) > 1:
            return None
        if long:
            found[long[0]] = whole
    return tuple([found.get(i, origin(rank)) for i in range(t.ndim)])


MAPS: dict[str, Callable[..., Index | None]] = {
    "broadcast": _broadcast,
    "transpose": _transpose,
    "flip": _flip,
    "take": _take,
    "reshape": _reshape,
}
"""Views of one operand, every element of which comes from one place."""


def through(eqn: Equation, index: Index, rank: int) -> Index | None:
    """The place in the operand of a view; None if it isn't affine."""
    return MAPS[eqn.primitive.name](eqn.inputs[0].type, index, rank, **eqn.params)


# --- views made of pieces: where a piece stands, and what is seen elsewhere
Piece = tuple[int, int, int, int]
"""(axis, low, high, step): on that axis the piece covers low, low + step, ... < high."""


def pieces(eqn: Equation) -> list[tuple[int, list[tuple[int, int, int]]]] | None:
    """For each operand but the last, and in this order: it stands where all (axis, low, high) hold.

    None if a piece has a step other than 1 (or -1): then it isn't an interval.
    """
    name, shape = eqn.primitive.name, eqn.outputs[0].type.shape
    if name == "pad":
        inner = eqn.inputs[0].type.shape
        widths = eqn.params["widths"]
        return [(0, [(a, lo, lo + inner[a]) for a, (lo, hi) in enumerate(widths) if lo or hi])]
    if name == "concatenate":
        axis, at, found = eqn.params["axis"], 0, []
        for k, x in enumerate(eqn.inputs):
            found.append((k, [(axis, at, at + x.type.shape[axis])]))
            at += x.type.shape[axis]
        return found
    if name in ("place", "put"):
        bounds = []
        for a, cut in enumerate(eqn.params["index"]):
            lo, hi, step = (cut, cut + 1, 1) if isinstance(cut, int) else cut
            count = len(range(lo, hi, step))
            if abs(step) != 1 and count > 1:
                return None
            if step < 0:
                lo, hi = lo - count + 1, lo + 1
            if (lo, lo + count) != (0, shape[a]):
                bounds.append((a, lo, lo + count))
        return [(0 if name == "place" else 1, bounds)]
    return None


def inside(eqn: Equation, operand: int, index: Index, rank: int) -> Index:
    """The place in an operand of a view made of pieces."""
    name = eqn.primitive.name
    if name == "pad":
        pairs = zip(index, eqn.params["widths"], strict=True)
        return tuple([shifted(p, -lo) for p, (lo, _) in pairs])
    if name == "concatenate":
        axis = eqn.params["axis"]
        at = sum([x.type.shape[axis] for x in eqn.inputs[:operand]])
        return tuple([shifted(p, -at) if a == axis else p for a, p in enumerate(index)])
    found = []
    for p, cut in zip(index, eqn.params["index"], strict=True):
        if not isinstance(cut, int):
            found.append(shifted(p, -cut[0]) if cut[2] > 0 else shifted(p, cut[0], -1))
    return tuple(found)


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements from one entry to the next along each axis of an array stored row by row."""
    return tuple([prod(shape[a + 1 :]) for a in range(len(shape))])


def offset(shape: Sequence[int], index: Index, rank: int) -> Affine:
    """The place as a distance, in elements, from the first of an array stored row by row."""
    total = origin(rank)
    for step, place in zip(strides(shape), index, strict=True):
        total = plus(total, shifted(place, 0, step))
    return total
