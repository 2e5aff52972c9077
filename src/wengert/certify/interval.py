"""An interval [lo, hi] for each entry of an array, rounded outward; nan where it may be undefined.

An infinite end means that nothing is known on that side, never that infinity is a value: so zero
times an unbounded interval is zero. Where the list leaves its domain (log of what may be negative,
a division by what may be zero) both ends are nan, and nan goes through all that follows.
Source: Moore, Kearfott, Cloud, Introduction to Interval Analysis, 2009.
"""

from typing import Any, NamedTuple

import numpy as np

from wengert.ir.types import Array

EPS = 2.0**-52
TINY = float(np.finfo(float).tiny)
MAX = float(np.finfo(float).max)


class Interval(NamedTuple):
    """The values of all entries lie between `lo` and `hi`; truth values as False <= True.

    >>> Interval(np.array([1.0]), np.array([2.0])).width()
    array([1.])
    """

    lo: Array
    hi: Array

    def width(self) -> Array:
        return np.nextafter(self.hi - self.lo, np.inf)

    def size(self) -> Array:
        """The greatest absolute value."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi))

    def middle(self) -> Array:
        return np.clip(0.5 * self.lo + 0.5 * self.hi, self.lo, self.hi)

    def decided(self) -> Array:
        """Where a single value is left."""
        return self.lo == self.hi


def point(value: Any) -> Interval:
    """The interval of a known value."""
    value = np.asarray(value)
    if value.dtype.kind == "f":
        value = value.astype(np.float64)
    return Interval(value, value)


def step(lo: Array, hi: Array) -> Interval:
    """One number further out: enough for what IEEE 754 rounds correctly."""
    return Interval(np.nextafter(lo, -np.inf), np.nextafter(hi, np.inf))


def widen(lo: Array, hi: Array, ulps: float, floor: Array | float = TINY) -> Interval:
    """Further out by so many units in the last place; an overflow still has a finite lower end."""
    lo, hi = np.minimum(lo, MAX), np.maximum(hi, -MAX)
    low = lo - (np.minimum(np.abs(lo), MAX) * (ulps * EPS) + floor)
    high = hi + (np.minimum(np.abs(hi), MAX) * (ulps * EPS) + floor)
    return step(low, high)


def unless(bad: Array, x: Interval) -> Interval:
    """x, and nan where it may be undefined."""
    return Interval(np.where(bad, np.nan, x.lo), np.where(bad, np.nan, x.hi))


def add(x: Interval, y: Interval) -> Interval:
    """x + y."""
    return step(x.lo + y.lo, x.hi + y.hi)


def negative(x: Interval) -> Interval:
    """-x."""
    return Interval(-x.hi, -x.lo)


def subtract(x: Interval, y: Interval) -> Interval:
    """x - y."""
    return step(x.lo - y.hi, x.hi - y.lo)


def times(x: Array, y: Array) -> Array:
    """x y, where zero times an unbounded end is zero."""
    p = x * y
    return np.where(np.isnan(p) & ~np.isnan(x) & ~np.isnan(y), 0.0, p)


def multiply(x: Interval, y: Interval) -> Interval:
    """x y: the extremes stand at corners."""
    a, b = times(x.lo, y.lo), times(x.lo, y.hi)
    c, d = times(x.hi, y.lo), times(x.hi, y.hi)
    low, high = (
        np.minimum(np.minimum(a, b), np.minimum(c, d)),
        np.maximum(np.maximum(a, b), np.maximum(c, d)),
    )
    return step(low, high)


def reciprocal(x: Interval) -> Interval:
    """1 / x, nan where x may be zero."""
    bad = (x.lo <= 0) & (x.hi >= 0)
    safe = unless(bad, x)
    return step(1 / safe.hi, 1 / safe.lo)


def divide(x: Interval, y: Interval) -> Interval:
    """x / y; both ends of y on one side of zero, so the extremes stand at corners."""
    y = unless((y.lo <= 0) & (y.hi >= 0), y)
    finite = np.isfinite(x.lo) & np.isfinite(x.hi) & np.isfinite(y.lo) & np.isfinite(y.hi)
    corners = [x.lo / y.lo, x.lo / y.hi, x.hi / y.lo, x.hi / y.hi]
    near = step(np.minimum.reduce(corners), np.maximum.reduce(corners))
    far = multiply(x, reciprocal(y))
    return Interval(np.where(finite, near.lo, far.lo), np.where(finite, near.hi, far.hi))


def absolute(x: Interval) -> Interval:
    """|x|."""
    inside = (x.lo <= 0) & (x.hi >= 0)
    small = np.minimum(np.abs(x.lo), np.abs(x.hi))
    return Interval(np.where(inside, 0.0, small), x.size())


def square(x: Interval) -> Interval:
    """x^2, never negative."""
    a = absolute(x)
    y = step(a.lo * a.lo, a.hi * a.hi)
    return Interval(np.maximum(y.lo, 0.0), y.hi)


def meet(x: Interval, y: Interval) -> Interval:
    """What two enclosures of the same value have in common; one that is nan says nothing."""
    return Interval(np.fmax(x.lo, y.lo), np.fmin(x.hi, y.hi))
