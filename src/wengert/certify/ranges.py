"""`bounds` and `lipschitz`: enclosures over a box, made tighter by cutting it where it matters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.certify.folds import total
from wengert.certify.forms import Traced, given, traced
from wengert.certify.interval import Interval, square
from wengert.certify.words import WORDS
from wengert.ir.types import Array

F = Callable[..., Any]
Look = Callable[[Interval], Interval]
"""An enclosure (boxes, m) for boxes (boxes, n)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """f(x) lies in [lo, hi] for each x of the box, in exact arithmetic; nan: it may be undefined.

    `gradient` encloses the Jacobian as (lo, hi), each of the result's shape + the argument's, or is
    None where it wasn't asked for; `cells` is the number of boxes looked at.
    """

    lo: Array
    hi: Array
    gradient: tuple[Array, Array] | None
    cells: int


def bounds(
    f: F, box: Any, gradient: bool = False, tol: float = 1e-3, budget: int = 20_000
) -> Bounds:
    """An enclosure of f over a box (lower, upper), proven: real arithmetic, roundings outward.

    It is cut until no end is further than `tol` (relative to the range) from a value of f, or
    `budget` boxes have been looked at: then it is wider, and still right.

    >>> b = bounds(lambda x: x * (1 - x), (0.0, 1.0))
    >>> bool(b.lo <= 0 and 0.25 <= b.hi <= 0.2503)
    True
    """
    start = given(box)
    t = traced(f, start.lo.shape)
    whole = _row(start)
    y, cells = cut(lambda b: t.enclose(b)[0], whole, tol, budget, _centres(t))
    found = None
    if gradient:
        if t.slope is None:
            raise_no_slope(t, f, start)
        g, more = cut(lambda b: _slopes(t, b), whole, tol, budget)
        shape = (*t.result, *t.shape)
        found, cells = (g.lo.reshape(shape)[()], g.hi.reshape(shape)[()]), cells + more
    return Bounds(y.lo.reshape(t.result)[()], y.hi.reshape(t.result)[()], found, cells)


def raise_no_slope(t: Traced, f: F, start: Interval) -> None:
    """Trace the Jacobian once more, for its own error."""
    from wengert.api.derivatives import jacobian  # noqa: PLC0415 - only on the way to an error
    from wengert.certify.enclose import ready  # noqa: PLC0415
    from wengert.ir.types import Type  # noqa: PLC0415
    from wengert.trace.stage import stage  # noqa: PLC0415

    kind = [Type(start.lo.shape, np.dtype(np.float64))]
    ready(stage(lambda x: [jacobian(f)(x)], kind))
    raise AssertionError(t)


def _row(box: Interval) -> Interval:
    return Interval(box.lo.reshape(1, -1), box.hi.reshape(1, -1))


def _slopes(t: Traced, boxes: Interval) -> Interval:
    """The Jacobian on each box, flat; nothing is known where f may jump."""
    g = t.slopes(boxes)
    jumps = t.values(boxes).jumps[:, None]
    low, high = (v.reshape(len(jumps), -1) for v in g)
    return Interval(np.where(jumps, -np.inf, low), np.where(jumps, np.inf, high))


def _centres(t: Traced) -> Look:
    def at(boxes: Interval) -> Interval:
        c = boxes.middle()
        return t.values(Interval(c, c)).values[0]

    return at


def cut(
    look: Look, whole: Interval, tol: float, budget: int, centres: Look | None = None
) -> tuple[Interval, int]:
    """The range of what `look` encloses over a box, by bisecting the boxes that hold its ends."""
    boxes, y, seen = whole, look(whole), 1
    ends = look if centres is None else centres
    c = ends(_middle(boxes))
    least, most = np.min(c.hi, 0), np.max(c.lo, 0)  # values that are taken: no end lies inside
    low, high = np.full(y.lo.shape[1], np.inf), np.full(y.lo.shape[1], -np.inf)
    while True:
        slack = tol * np.where(np.isfinite(most - least), np.maximum(most - least, 0), 0) + 1e-12
        done = (y.lo >= least - slack) & (y.hi <= most + slack)
        settled = done.all(1) | (boxes.lo >= boxes.hi).all(1) | _tiny(boxes)
        if seen + 2 * np.sum(~settled) > budget:
            settled[:] = True
        low = np.minimum(low, np.min(y.lo[settled], 0, initial=np.inf))
        high = np.maximum(high, np.max(y.hi[settled], 0, initial=-np.inf))
        if settled.all():
            return Interval(low, high), seen
        boxes = halves(Interval(boxes.lo[~settled], boxes.hi[~settled]))
        y, seen = look(boxes), seen + len(boxes.lo)
        c = ends(_middle(boxes))
        least, most = np.fmin(least, np.min(c.hi, 0)), np.fmax(most, np.max(c.lo, 0))


def _middle(boxes: Interval) -> Interval:
    c = boxes.middle()
    return Interval(c, c)


def _tiny(boxes: Interval) -> Array:
    """Boxes that no cut makes smaller."""
    c = boxes.middle()
    return ((c <= boxes.lo) | (c >= boxes.hi)).all(1)


def halves(boxes: Interval) -> Interval:
    """Each box cut at the middle of its longest side; the halves share the cut."""
    row, axis = np.arange(len(boxes.lo)), np.argmax(boxes.hi - boxes.lo, 1)
    c = boxes.middle()[row, axis]
    left, right = boxes.hi.copy(), boxes.lo.copy()
    left[row, axis] = right[row, axis] = c
    return Interval(np.concatenate([boxes.lo, right]), np.concatenate([left, boxes.hi]))


def lipschitz(f: F, box: Any, tol: float = 1e-2, budget: int = 20_000) -> float:
    """L with |f(x) - f(y)| <= L |x - y| (Euclidean; Frobenius norm) on a box, proven.

    Infinite where f may jump or its slope isn't bounded.

    >>> 3.0 <= lipschitz(lambda x: np.sin(3 * x), (0.0, 1.0)) < 3.05
    True
    """
    start = given(box)
    t = traced(f, start.lo.shape)
    if t.slope is None:
        return float("inf")

    def norm(boxes: Interval) -> Interval:
        g = _slopes(t, boxes)
        s = WORDS["sqrt"](Interval(*[np.maximum(v, 0) for v in total(square(g), (-1,))]))
        return Interval(s.lo[:, None], s.hi[:, None])

    y, _ = cut(norm, _row(start), tol, budget)
    return float("inf") if np.isnan(y.hi[0]) else float(y.hi[0])
