"""What a processor nearly has: arithmetic, comparisons and bits, by NumPy's rules.

NumPy's rules are kept where C or LLVM leave them open: integers wrap around, division by zero gives
0, the remainder has the sign of the divisor, a shift by too much gives 0 (or -1), and which of two
operands a maximum with nan gives.
"""

from math import pi
from typing import Any

import numpy as np

from wengert.backends.llvm.lane import BOOL, Lane, absolute, copysign, fma, where
from wengert.backends.llvm.words.rare import rarely

INF = float("inf")


class NoWord(TypeError):
    """There is no word for these dtypes or parameters: the interpreter computes them."""


def kind(x: Lane) -> str:
    """f, i, u or b."""
    return x.dtype.kind


def refuse(condition: bool, text: str) -> None:
    """Say that there is no word."""
    if condition:
        raise NoWord(text)


# fmt: off
def add(x: Lane, y: Lane) -> Lane: return x | y if kind(x) == "b" else x + y
def subtract(x: Lane, y: Lane) -> Lane: return x - y
def multiply(x: Lane, y: Lane) -> Lane: return x & y if kind(x) == "b" else x * y
def negative(x: Lane) -> Lane: return -x
def square(x: Lane) -> Lane: return x * x
def sqrt(x: Lane) -> Lane: return x.intrinsic("sqrt")
def same(x: Lane) -> Lane: return x
def degrees(x: Lane) -> Lane: return x * (180 / pi)
def radians(x: Lane) -> Lane: return x * (pi / 180)
def equal(x: Lane, y: Lane) -> Lane: return x.eq(y)
def not_equal(x: Lane, y: Lane) -> Lane: return x.ne(y)
def less(x: Lane, y: Lane) -> Lane: return x < y
def less_equal(x: Lane, y: Lane) -> Lane: return x <= y
def greater(x: Lane, y: Lane) -> Lane: return x > y
def greater_equal(x: Lane, y: Lane) -> Lane: return x >= y
def bitwise_and(x: Lane, y: Lane) -> Lane: return x & y
def bitwise_or(x: Lane, y: Lane) -> Lane: return x | y
def bitwise_xor(x: Lane, y: Lane) -> Lane: return x ^ y
def invert(x: Lane) -> Lane: return ~x
def logical_not(x: Lane) -> Lane: return ~x.to(BOOL)
def logical_and(x: Lane, y: Lane) -> Lane: return x.to(BOOL) & y.to(BOOL)
def logical_or(x: Lane, y: Lane) -> Lane: return x.to(BOOL) | y.to(BOOL)
def logical_xor(x: Lane, y: Lane) -> Lane: return x.to(BOOL) ^ y.to(BOOL)
def select(c: Lane, x: Lane, y: Lane) -> Lane: return where(c, x, y)
def convert(x: Lane, dtype: Any) -> Lane: return x.to(dtype)
def conjugate(x: Lane) -> Lane: return x
def imag(x: Lane) -> Lane: return x.const(0)
# fmt: on


def divide(x: Lane, y: Lane) -> Lane:
    """x / y of floats."""
    refuse(kind(x) != "f", "division of integers")
    return x / y


def reciprocal(x: Lane) -> Lane:
    """1 / x."""
    refuse(kind(x) != "f", "the reciprocal of an integer")
    return 1 / x


# --- rounding
def _round(x: Lane, name: str) -> Lane:
    return x.intrinsic(name) if kind(x) == "f" else x


# fmt: off
def floor(x: Lane) -> Lane: return _round(x, "floor")
def ceil(x: Lane) -> Lane: return _round(x, "ceil")
def trunc(x: Lane) -> Lane: return _round(x, "trunc")
def rint(x: Lane) -> Lane: return _round(x, "rint")
# fmt: on


# --- tests and signs
def isnan(x: Lane) -> Lane:
    """x is nan; no integer is."""
    return x.ne(x)


def isinf(x: Lane) -> Lane:
    """x is inf or -inf."""
    return absolute(x).eq(INF) if kind(x) == "f" else x.ne(x)


def isfinite(x: Lane) -> Lane:
    """x is neither infinite nor nan."""
    return absolute(x) < INF if kind(x) == "f" else x.eq(x)


def signbit(x: Lane) -> Lane:
    """The sign, of -0 and of nan too."""
    if kind(x) == "f":
        return x.bits() < 0
    return x < 0 if kind(x) == "i" else x.ne(x)


def sign(x: Lane) -> Lane:
    """-1, 0, 1 or nan."""
    if kind(x) == "f":
        return where(x > 0, x.const(1), where(x < 0, x.const(-1), where(x.eq(0), x.const(0), x)))
    below = where(x < 0, x.const(-1), 0) if kind(x) == "i" else x.const(0)
    return where(x > 0, x.const(1), below)


def heaviside(x: Lane, h: Lane) -> Lane:
    """0 below zero, h at zero, 1 above."""
    return where(x > 0, x.const(1), where(x < 0, x.const(0), where(x.eq(0), h, x)))


def nextafter(x: Lane, y: Lane) -> Lane:
    """The neighbour of x on the side of y."""
    i = x.bits()
    away = (x < y) ^ (i < 0)
    step = (i + where(away, i.const(1), -1)).number()
    step = where(x.eq(0), copysign(x.const(_tiny(x)), y), step)
    step = where(x.eq(y), y, step)
    return where(x.ne(x) | y.ne(y), x + y, step)


def spacing(x: Lane) -> Lane:
    """From x to its neighbour further from zero."""
    step = (x.bits() + 1).number() - x
    return where(absolute(x) < INF, where(x.eq(0), x.const(_tiny(x)), step), x - x)


def _tiny(x: Lane) -> float:
    return float(np.nextafter(x.dtype.type(0), x.dtype.type(1)))


def bitwise_count(x: Lane) -> Lane:
    """How many bits of |x| are one."""
    if kind(x) == "b":
        return x.to("uint8")
    return absolute(x).intrinsic("ctpop").to("uint8")


# --- the larger and the smaller
# fmt: off
def maximum(x: Lane, y: Lane) -> Lane: return where(x >= y if kind(x) != "f" else (x >= y) | x.ne(x), x, y)
def minimum(x: Lane, y: Lane) -> Lane: return where(x <= y if kind(x) != "f" else (x <= y) | x.ne(x), x, y)
def fmax(x: Lane, y: Lane) -> Lane: return where(x >= y if kind(x) != "f" else (x >= y) | y.ne(y), x, y)
def fmin(x: Lane, y: Lane) -> Lane: return where(x <= y if kind(x) != "f" else (x <= y) | y.ne(y), x, y)
# fmt: on


def relu(x: Lane) -> Lane:
    """max(x, 0)."""
    return maximum(x, x.const(0))


def leaky_relu(x: Lane, slope: float = 0.01) -> Lane:
    """x where it is positive, else slope x."""
    return where(x > 0, x, slope * x)


# --- whole quotients
def _whole(x: Lane, y: Lane, name: str) -> Lane:
    """`sdiv` or `srem` of integers without the two cases that stop the processor."""
    signed = kind(x) == "i"
    bad = y.eq(0) | y.eq(-1) if signed else y.eq(0)
    safe = where(bad, y.const(1), y)
    z = x._op(("s" if signed else "u") + name, safe)
    z = where(y.eq(0), z.const(0), z)
    return where(y.eq(-1), -x if name == "div" else z.const(0), z) if signed else z


def fmod(x: Lane, y: Lane) -> Lane:
    """The remainder with the sign of x: exact."""
    if kind(x) != "f":
        return _whole(x, y, "rem")
    if not x.code.cpu.fma:
        return x._op("frem", y)
    a, b = absolute(x), absolute(y)
    q = (a / b).intrinsic("trunc")
    r = fma(-q, b, a)
    r = where(r < 0, r + b, r)
    r = where(r >= b, r - b, r)
    r = where(b.eq(INF) & (a < INF), a, r)
    close = q < (2.0**52 if x.dtype.itemsize == 8 else 2.0**23)
    return rarely(~close, "frem", copysign(r, x), x, y)


def remainder(x: Lane, y: Lane) -> Lane:
    """x - y floor(x / y), with the sign of y."""
    r = fmod(x, y)
    if kind(x) == "u":
        return r
    if kind(x) == "i":
        return where(r.ne(0) & ((r < 0) ^ (y < 0)), r + y, r)
    return where(r.eq(0), copysign(r, y), where((r < 0) ^ (y < 0), r + y, r))


def floor_divide(x: Lane, y: Lane) -> Lane:
    """floor(x / y), of floats too as NumPy computes it: from the exact remainder."""
    if kind(x) == "u":
        return _whole(x, y, "div")
    r = fmod(x, y)
    other = r.ne(0) & ((r < 0) ^ (y < 0))
    if kind(x) == "i":
        return _whole(x, y, "div") - other.to(x.dtype)
    q = (x - r) / y
    q = where(other, q - 1, q)
    down = q.intrinsic("floor")
    down = where(q - down > 0.5, down + 1, down)
    return where(y.eq(0), x / y, where(q.eq(0), copysign(q, x / y), down))


# --- shifts
def left_shift(x: Lane, y: Lane) -> Lane:
    """x 2^y; 0 when all bits are shifted out."""
    inside = _inside(x, y)
    return where(inside, x << where(inside, y, 0), 0)


def right_shift(x: Lane, y: Lane) -> Lane:
    """floor(x / 2^y); 0 or -1 when all bits are shifted out."""
    inside = _inside(x, y)
    rest = where(x < 0, x.const(-1), 0) if kind(x) == "i" else x.const(0)
    return where(inside, x >> where(inside, y, 0), rest)


def _inside(x: Lane, y: Lane) -> Lane:
    bits = 8 * x.dtype.itemsize
    return y.to(f"u{y.dtype.itemsize}") < bits
