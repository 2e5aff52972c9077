"""A function and its derivative on boxes, by the natural form and the mean-value form together.

    natural      F(X)
    mean value   F(c) + F'(X) (X - c), where nothing jumps in X
    monotone     F at the ends of an axis along which F' keeps its sign

Source: Neumaier, Interval Methods for Systems of Equations, 1990, 2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.api.derivatives import jacobian
from wengert.certify import interval as iv
from wengert.certify.enclose import Run, ready, run
from wengert.certify.folds import total
from wengert.certify.interval import Interval
from wengert.errors import DtypeError, InputError, NoDerivativeError, UnsupportedError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.program import Program
from wengert.ir.types import Type
from wengert.passes.pipeline import simplified
from wengert.trace.stage import stage
from wengert.trace.unify import array

F = Callable[..., Any]


def given(box: Any) -> Interval:
    """A box as (lower ends, upper ends); InputError unless it is finite and in order."""
    try:
        lo, hi = (np.asarray(v, np.float64) for v in box)
        fits = lo.shape == hi.shape and bool(np.all(np.isfinite(lo) & np.isfinite(hi) & (lo <= hi)))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            sentences(
                "The box is not (lower, upper), finite and in order.",
                "Pass (0.0, 1.0), or two arrays.",
            )
        )
    return Interval(lo, hi)


@dataclass(slots=True)
class Traced:
    """f: R^shape -> R^m as a list, and its Jacobian's list (None where f has none)."""

    shape: tuple[int, ...]
    value: Program
    slope: Program | None
    result: tuple[int, ...]

    def values(self, boxes: Interval) -> Run:
        """The natural form, one row of outputs for each box."""
        return _flat(run(self.value, [self._inner(boxes)]))

    def slopes(self, boxes: Interval) -> Interval:
        """The Jacobian on each box: (boxes, m, n)."""
        assert self.slope is not None
        n, m = boxes.lo.shape[1], int(np.prod(self.result))
        y = run(self.slope, [self._inner(boxes)]).values[0]
        return Interval(*[v.reshape(-1, m, n) for v in y])

    def _inner(self, boxes: Interval) -> Interval:
        return Interval(*[v.reshape(-1, *self.shape) for v in boxes])

    def enclose(self, boxes: Interval) -> tuple[Interval, Interval | None]:
        """Enclosures (boxes, m) of the values, by all forms, and of the slopes."""
        natural = self.values(boxes)
        y = natural.values[0]
        if self.slope is None:
            return y, None
        g = self.slopes(boxes)
        with np.errstate(all="ignore"):
            near = iv.meet(self.mean_value(boxes, g), self.monotone(boxes, g))
        usable = ~natural.jumps[:, None] & ~np.isnan(y.lo) & ~np.isnan(g.lo).any(2)
        met = iv.meet(y, near)
        return Interval(*[np.where(usable, a, b) for a, b in zip(met, y, strict=True)]), g

    def mean_value(self, boxes: Interval, g: Interval) -> Interval:
        c = boxes.middle()
        off = iv.subtract(boxes, Interval(c, c))
        move = iv.multiply(g, Interval(off.lo[:, None], off.hi[:, None]))
        return iv.add(self.values(Interval(c, c)).values[0], total(move, (-1,)))

    def monotone(self, boxes: Interval, g: Interval) -> Interval:
        """For one output: its least value stands where each monotone axis is at its lower end."""
        if g.lo.shape[1] != 1:
            return Interval(np.full(g.lo.shape[:2], np.nan), np.full(g.lo.shape[:2], np.nan))
        up = g.lo[:, 0] >= 0
        down = (g.hi[:, 0] <= 0) & ~up
        low = Interval(np.where(down, boxes.hi, boxes.lo), np.where(up, boxes.lo, boxes.hi))
        high = Interval(np.where(up, boxes.hi, boxes.lo), np.where(down, boxes.lo, boxes.hi))
        return Interval(self.values(low).values[0].lo, self.values(high).values[0].hi)


def _flat(r: Run) -> Run:
    return Run([Interval(*[v.reshape(len(v), -1) for v in r.values[0]])], r.jumps)


def traced(f: F, shape: tuple[int, ...]) -> Traced:
    """f's list and its Jacobian's on an array of this shape, in words that have enclosures."""

    def value(x: Any) -> list[Any]:
        y = f(x)
        if not isinstance(y, Carrier | np.ndarray | np.generic | int | float):
            raise DtypeError(
                sentences(
                    f"f returns {type(y).__name__}, not an array.", "Return one array of numbers."
                )
            )
        return [y if isinstance(y, Carrier) else array(y)]

    kind = [Type(shape, np.dtype(np.float64))]
    program = simplified(stage(value, kind, ("x",)))
    out = program.outputs[0].type
    slope = None
    if out.dtype.kind == "f":
        try:
            slope = ready(simplified(stage(lambda x: [array_of(jacobian(f)(x))], kind, ("x",))))
        except (UnsupportedError, NoDerivativeError):
            slope = None
    return Traced(shape, ready(program), slope, out.shape)


def array_of(y: Any) -> Any:
    """A stand-in as it is, a constant as an array."""
    return y if isinstance(y, Carrier) else array(y)
