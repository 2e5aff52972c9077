"""exp and log and what is made of them: a number is 2^k times a number near one.

exp x = 2^k e^r,  k = round(x / log 2),  |r| <= log(2) / 2
log x = k log 2 + log(1 + f),  1 + f in [sqrt(1/2), sqrt(2))
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import numpy as np

from wengert.backends.llvm.lane import Lane, absolute, copysign, fma, polynomial, where
from wengert.backends.llvm.words import coefficients as c

INF, NAN = float("inf"), float("nan")


class Layout(NamedTuple):
    """How a float is laid out, and numbers that follow from it."""

    mantissa: int  # bits after the point
    bias: int
    magic: float  # added and taken away it rounds to a whole number, which stands in the low bits
    ln2: tuple[float, float]  # log 2 in two numbers; a product of the first with k is exact
    log10_2: tuple[float, float]
    overflow: float  # exp overflows above
    underflow: float  # exp may be subnormal below
    zero: float  # exp is zero below


# fmt: off
LAYOUTS = {
    8: Layout(52, 1023, 1.5 * 2.0**52, (0.6931471805601177, -1.7239444525614835e-13), (0.3010299956640665, -8.532344317057107e-14), 709.782712893384, -708.0, -745.2),
    4: Layout(23, 127, 1.5 * 2.0**23, (0.693145751953125, 1.4286068203094173e-06), (0.301025390625, 4.605038981195214e-06), 88.72283935546875, -87.0, -104.0),
}
# fmt: on


def layout(x: Lane) -> Layout:
    """How this lane's floats are laid out."""
    return LAYOUTS[x.dtype.itemsize]


def table(x: Lane, name: str) -> tuple[float, ...]:
    """The coefficients of this name for this lane's floats."""
    rows: tuple[float, ...] = getattr(c, name)[x.dtype.itemsize]
    return rows


def total(x: Lane, y: Lane) -> tuple[Lane, Lane]:
    """x + y and what its rounding took, for |x| >= |y|. Dekker 1971."""
    s = x + y
    return s, y - (s - x)


def whole(x: Lane, factor: float) -> tuple[Lane, Lane]:
    """round(factor x) as a number, and with it in the low bits of an integer."""
    magic = layout(x).magic
    k = fma(x, x.const(factor), magic)
    return k - magic, k.bits()


def two(k: Lane, like: Lane) -> Lane:
    """2^k of an integer k whose low bits count; k + bias must be the exponent of a number."""
    shape = layout(like)
    return ((k << shape.mantissa) + (shape.bias << shape.mantissa)).number()


def scaled(y: Lane, k: Lane) -> Lane:
    """y 2^k by adding to the exponent: y and the result must be normal."""
    return (y.bits() + (k << layout(y).mantissa)).number()


def near(r: Lane, low: Lane | float = 0.0) -> Lane:
    """e^(r + low) - 1 where |r| <= log(2) / 2."""
    z = r * r
    q = polynomial(r, table(r, "EXP"))
    return fma(z, q, r) if isinstance(low, float) else r + fma(z, q, low)


def split(x: Lane) -> tuple[Lane, Lane, Lane]:
    """r, what its rounding took, and k (in the low bits) with x = k log 2 + r."""
    high, low = layout(x).ln2
    n, k = whole(x, 1 / log(2))
    exact = fma(n, n.const(-high), x)
    r = fma(n, n.const(-low), exact)
    return r, fma(n, n.const(-low), exact - r), k


def raised(y: Lane, k: Lane, x: Lane, overflow: float, underflow: float) -> Lane:
    """y 2^k for y near 1, where x tells of overflow and of subnormal results."""
    shape = layout(x)
    low = x < underflow
    lift = 128 if shape.mantissa > 23 else 64  # more than the mantissa has bits
    up = where(low, k.const(lift << shape.mantissa), 0)
    y = (y.bits() + (k << shape.mantissa) + up).number() * where(low, x.const(2.0**-lift), 1.0)
    return where(x <= overflow, y, x * INF)


def floored(x: Lane, low: float) -> Lane:
    """max(x, low); nan stays."""
    return where(x < low, x.const(low), x)


def exp(x: Lane) -> Lane:
    """e^x."""
    shape = layout(x)
    bounded = floored(x, shape.zero)
    r, low, k = split(bounded)
    return raised(near(r, low) + 1, k, bounded, shape.overflow, shape.underflow)


def exp2(x: Lane) -> Lane:
    """2^x."""
    shape = layout(x)
    bounded = floored(x, -float(shape.bias + shape.mantissa + 1))
    n, k = whole(bounded, 1.0)
    y = near((bounded - n) * log(2)) + 1
    top = float(np.nextafter(x.dtype.type(shape.bias + 1), x.dtype.type(0)))
    return raised(y, k, bounded, top, 2.0 - shape.bias)


def expm1(x: Lane) -> Lane:
    """e^x - 1 = 2^k (e^r - 1) + (2^k - 1)."""
    shape = layout(x)
    bounded = floored(x, -2.0 * shape.mantissa)
    r, low, k = split(bounded)
    p = near(r, low)
    s = two(k, x)
    y = where(bounded > shape.mantissa, scaled(p + 1, k), fma(s, p, s - 1))
    return copysign(where(bounded <= shape.overflow, y, x * INF), x)


# --- logarithms
def taken(x: Lane) -> tuple[Lane, Lane]:
    """f and k (a number) with x = 2^k (1 + f), for x > 0 and normal."""
    shape = layout(x)
    one, half = _bits(x, 1.0), _bits(x, 0.5**0.5)
    i = x.bits() + (one - half)
    m = ((i & ((1 << shape.mantissa) - 1)) + half).number()
    magic = 2.0**shape.mantissa
    k = (_logical(i, shape.mantissa) | _bits(x, magic)).number() - (magic + shape.bias)
    return m - 1, k


def _logical(i: Lane, count: int) -> Lane:
    return (i.to(f"u{i.dtype.itemsize}") >> count).to(i.dtype)


def _bits(x: Lane, value: float) -> int:
    return int(np.array(value, x.dtype).view(f"i{x.dtype.itemsize}"))


def normal(x: Lane) -> tuple[Lane, Lane]:
    """x, or x 2^lift where it is subnormal, and the exponent to add for that."""
    shape = layout(x)
    lift = float(shape.mantissa + 2)
    small = x < 2.0 ** (1 - shape.bias)
    return where(small, x * 2.0**lift, x), where(small, x.const(-lift), 0.0)


def tail(f: Lane) -> tuple[Lane, Lane]:
    """f^2 / 2 and the rest: log(1 + f) = f - (f^2 / 2 - rest)."""
    square = 0.5 * (f * f)
    if f.dtype.itemsize == 4:
        return square, (f * f) * (f * polynomial(f, table(f, "LOG")))
    s = f / (f + 2)
    z = s * s
    return square, s * fma(z, polynomial(z, table(f, "ATANH")), square)


def edges(x: Lane, y: Lane) -> Lane:
    """y; but -inf at 0, nan below, and inf and nan as they come."""
    return where(x > 0, where(x < INF, y, x), where(x.eq(0), x.const(-INF), NAN))


def logarithm(x: Lane, scale: float, two: tuple[float, float]) -> Lane:
    """scale log x, where two is scale log 2 in two numbers."""
    y, lift = normal(x)
    f, k = taken(y)
    k = k + lift
    square, rest = tail(f)
    if scale == 1:
        body = f - (square - fma(k, k.const(two[1]), rest))
    else:
        high, low = _halves(f - (square - rest), f, square, rest)
        near, far = _rounded(x, scale)
        body = fma(high, near, high * far + fma(k, k.const(two[1]), low * scale))
    return edges(x, fma(k, k.const(two[0]), body))


def _halves(sum: Lane, f: Lane, square: Lane, rest: Lane) -> tuple[Lane, Lane]:
    """f - square + rest as a rounded number and what the rounding took."""
    part = f - square
    return sum, (part - sum) + (((f - part) - square) + rest)


def _rounded(x: Lane, scale: float) -> tuple[float, float]:
    near = float(x.dtype.type(scale))
    return near, scale - near


# fmt: off
def log_(x: Lane) -> Lane: return logarithm(x, 1.0, layout(x).ln2)
def log2_(x: Lane) -> Lane: return logarithm(x, 1 / log(2), (1.0, 0.0))
def log10_(x: Lane) -> Lane: return logarithm(x, 1 / log(10), layout(x).log10_2)
# fmt: on


def log1p(x: Lane) -> Lane:
    """log(1 + x): what 1 + x lost by rounding is added to f."""
    u = x + 1
    v = u - 1
    return where(x.eq(0), x, edges(u, logged(u, (1 - (u - v)) + (x - v))))


def logged(u: Lane, low: Lane) -> Lane:
    """log(u + low) for 0 < u < inf, normal, where low is what the rounding of u took."""
    shape = layout(u)
    f, k = taken(u)
    inverse = (_bits(u, 1.0) - (u.bits() - (f + 1).bits())).number()  # 2^-k
    inverse = where(u < 2.0**60, inverse, 0.0)
    f = fma(low, inverse, f)
    square, rest = tail(f)
    return fma(k, k.const(shape.ln2[0]), f - (square - fma(k, k.const(shape.ln2[1]), rest)))


def logaddexp(x: Lane, y: Lane) -> Lane:
    """log(e^x + e^y) = max + log(1 + e^-|x - y|)."""
    return _logadd(x, y, exp, 1.0)


def logaddexp2(x: Lane, y: Lane) -> Lane:
    """log2(2^x + 2^y)."""
    return _logadd(x, y, exp2, 1 / log(2))


def _logadd(x: Lane, y: Lane, power: Callable[[Lane], Lane], scale: float) -> Lane:
    top, gap = where(x > y, x, y), absolute(x - y)
    sum = fma(logged(*raise_by_one(power(-gap))), top.const(scale), top)
    return where(x.eq(y), x + scale * log(2), sum)  # inf - inf is nan, but inf and inf are inf


def sigmoid(x: Lane) -> Lane:
    """1 / (1 + e^-x), by e^-|x|, which never overflows."""
    e = exp(-absolute(x))
    return quotient(where(x < 0, e, 1.0), *raise_by_one(e))


def softplus(x: Lane) -> Lane:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    u, low = raise_by_one(exp(-absolute(x)))
    return where(x > 0, x, 0.0) + logged(u, low)


def log_sigmoid(x: Lane) -> Lane:
    """log(1 / (1 + e^-x))."""
    return -softplus(-x)


def raise_by_one(e: Lane) -> tuple[Lane, Lane]:
    """1 + e and what its rounding took, for 0 <= e <= 1."""
    u = e + 1
    return u, e - (u - 1)


def quotient(x: Lane, y: Lane, low: Lane) -> Lane:
    """x / (y + low), where low is what the rounding of y took."""
    if not x.code.cpu.fma:
        return x / y
    inverse = 1 / y
    q = x * inverse
    return fma(fma(-q, low, fma(-q, y, x)), inverse, q)


def xlogy(x: Lane, y: Lane) -> Lane:
    """x log y, and 0 where x is zero, but for a y that is nan."""
    return where(x.eq(0) & y.eq(y), x.const(0.0), x * log_(y))


def xlog1py(x: Lane, y: Lane) -> Lane:
    """x log(1 + y), and 0 where x is zero, but for a y that is nan."""
    return where(x.eq(0) & y.eq(y), x.const(0.0), x * log1p(y))


def entr(x: Lane) -> Lane:
    """-x log x, 0 at zero and -inf below."""
    y = where(x.eq(0), x.const(0.0), -x * log_(x))
    return where(x < 0, y.const(-INF), y)
