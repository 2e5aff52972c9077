"""The error function and the normal distribution.

    erfc x = exp(-x^2) g(t) / (1 + 2x),  t = (x - 4) / (x + 4),  x >= 0

with a polynomial g: Shepherd, Laframboise 1981. Near zero erf has its series.
"""

from math import sqrt

from wengert.backends.llvm.lane import Lane, absolute, copysign, fma, polynomial, where
from wengert.backends.llvm.words.exponentials import (
    floored,
    layout,
    near,
    quotient,
    raised,
    split,
    table,
    total,
)
from wengert.backends.llvm.words.powers import product


def _upper(x: Lane, half: float) -> Lane:
    """erfc(z), z = sqrt(half) x >= 0."""
    bell = _bell(x, half)
    x = where(x < 1e4, x, 1e4)
    z = x if half == 1 else x * sqrt(half)
    t = (z - 4) / (z + 4)
    top = 2 * sqrt(half) * x
    d = top + 1
    return quotient(bell * polynomial(t, table(x, "ERFC")), d, 1 - (d - top))


def _bell(x: Lane, half: float) -> Lane:
    """exp(-half x^2), with the square in two numbers."""
    top = 39.0 if x.dtype.itemsize == 8 else 15.0
    x = where(x > top, x.const(top), x)
    square, low = product(x, x)
    return lowered(-half * square, -half * low)


def lowered(x: Lane, low: Lane) -> Lane:
    """exp(x + low) for x <= 0."""
    shape = layout(x)
    bounded = floored(x, shape.zero)
    r, more, k = split(bounded)
    r, low = total(r, more + low)
    return raised(near(r, low) + 1, k, bounded, shape.overflow, shape.underflow)


def erfc(x: Lane) -> Lane:
    """1 - erf x, right in the upper tail."""
    a = absolute(x)
    y = _upper(a, 1.0)
    y = where(x < 0, 2 - y, y)
    return where(a < 0.5, 1 - _near(x), where(x.ne(x), x, y))


def _near(x: Lane) -> Lane:
    """erf x for |x| <= 1."""
    z = x * x
    return fma(x, polynomial(z, table(x, "ERF")), x)


def erf(x: Lane) -> Lane:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    a = absolute(x)
    far = 1 - _upper(a, 1.0)
    return copysign(where(a < 1, _near(a), where(x.ne(x), x, far)), x)


def ndtr(x: Lane) -> Lane:
    """The normal distribution: erfc(-x / sqrt 2) / 2."""
    a = absolute(x)
    y = 0.5 * _upper(a, 0.5)
    close = fma(_near(x * sqrt(0.5)), x.const(0.5), 0.5)
    return where(a < 0.7, close, where(x.ne(x), x, where(x > 0, 1 - y, y)))
