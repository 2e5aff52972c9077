"""Powers and roots.

    x^y = 2^(y log2 |x|),  log2 |x| = k + 2 artanh(s) / log 2,  s = f / (2 + f)

In float64 the logarithm takes two numbers, high and low; float32 is computed in float64.
"""

from collections.abc import Callable
from math import log

from wengert.backends.llvm.lane import Lane, absolute, copysign, fma, polynomial, where
from wengert.backends.llvm.words.arithmetic import NoWord, reciprocal, sqrt
from wengert.backends.llvm.words.exponentials import (
    INF,
    layout,
    near,
    normal,
    raised,
    scaled,
    table,
    taken,
    total,
    whole,
)

NAN = float("nan")
THIRD = (0.3333333333333333, 1.850371707708594e-17)
TWO_LOG2E = (2.8853900817779268, 4.0710547481862066e-17)
Pair = tuple[Lane, Lane]


# --- two numbers whose sum counts: Dekker 1971
def product(x: Lane, y: Lane) -> Pair:
    """x y and what its rounding took."""
    p = x * y
    if x.code.cpu.fma:
        return p, fma(x, y, -p)
    (a, b), (c, d) = _halves(x), _halves(y)
    return p, ((a * c - p) + a * d + b * c) + b * d


def _halves(x: Lane) -> Pair:
    """x as two numbers of half as many bits each."""
    t = x * float(2 ** ((layout(x).mantissa + 2) // 2) + 1)
    high = t - (t - x)
    return high, x - high


def times(x: Pair, y: Pair) -> Pair:
    """The product of two pairs."""
    p, low = product(x[0], y[0])
    return total(p, low + fma(x[0], y[1], x[1] * y[0]))


def constant(x: Lane, value: tuple[float, float]) -> Pair:
    """A pair known when the code is written."""
    return x.const(value[0]), x.const(value[1])


def _log2(a: Lane) -> Pair:
    """log2 a for 0 < a < inf, to about 2^-65."""
    y, lift = normal(a)
    f, k = taken(y)
    d, dropped = total(f.const(2.0), f)
    inverse = 1 / d
    s = f * inverse
    p, q = product(s, d)
    low = (((f - p) - q) - s * dropped) * inverse
    z, zz = product(s, s)
    zz = fma(2 * s, low, zz)
    rest = z * polynomial(z, table(z, "POWER"))
    c = total(a.const(THIRD[0]), rest)
    c = c[0], c[1] + THIRD[1]
    more = times(times((z, zz), c), (s, low))
    t, tt = total(s, more[0])
    t, tt = times(total(t, tt + (more[1] + low)), constant(a, TWO_LOG2E))
    high, rest = total(k + lift, t)
    swapped = total(t, k + lift)
    none = (k + lift).eq(0)
    return where(none, swapped[0], high), where(none, swapped[1], rest) + tt


def _power(a: Lane, y: Lane) -> Lane:
    """a^y for 0 < a < inf."""
    log2, low = _log2(a)
    limit = y.const(2.0**64)  # beyond it every result is 0, 1 or inf, and products would overflow
    y = where(y > limit, limit, where(y < -limit, -limit, y))
    p = log2 * y
    p = where(p < -2000.0, p.const(-2000.0), where(p > 2000.0, p.const(2000.0), p))
    exact, rest = product(log2, y)
    rest = where(exact.eq(p), fma(low, y, rest), 0.0)
    return _exp2(p, rest)


def _exp2(p: Lane, low: Lane) -> Lane:
    """2^(p + low)."""
    shape = layout(p)
    floor = -float(shape.bias + shape.mantissa + 2)
    p = where(p < floor, p.const(floor), p)
    n, k = whole(p, 1.0)
    y = near(((p - n) + low) * log(2)) + 1
    z = raised(y, k, p, float(shape.bias + 1), 2.0 - shape.bias)
    return where(z < INF, z, INF)  # 2^1024 times one or more is no number


def _shorter(a: Lane, y: Lane) -> Lane:
    """a^y as exact as float32 needs it, for a and a^y that are normal in float64 or overflow."""
    f, k = taken(a)
    s = f / (f + 2)
    z = s * s
    p = y * fma(s, polynomial(z, table(z, "POWER_LOG")), k)
    p = where(p < -500.0, p.const(-500.0), where(p > 500.0, p.const(500.0), p))
    n, i = whole(p, 1.0)
    return scaled(polynomial(p - n, table(p, "POWER_EXP")), i)


def power(x: Lane, y: Lane) -> Lane:
    """x^y, by C's rules at 0, 1, inf and nan; integers by squaring."""
    if x.dtype.kind in "iub":
        return _repeated(x, y)
    if x.dtype.itemsize == 4:
        return _ruled(x.to("float64"), y.to("float64"), _shorter).to("float32")
    return _ruled(x, y, _power)


def _ruled(x: Lane, y: Lane, positive: Callable[[Lane, Lane], Lane]) -> Lane:
    """x^y, given a^y for positive finite a."""
    a = absolute(x)
    z = positive(a, y)
    up = y > 0
    z = where(a.eq(0) | a.eq(INF), where(a.eq(0) ^ up, z.const(INF), 0.0), z)
    z = where(absolute(y).eq(INF), where((a > 1) ^ up, z.const(0.0), INF), z)
    half = y * 0.5
    odd = y.intrinsic("trunc").eq(y) & half.intrinsic("trunc").ne(half)
    z = where(odd, copysign(z, x), z)
    bad = (x < 0) & (a < INF) & y.intrinsic("trunc").ne(y)
    z = where(bad | x.ne(x) | y.ne(y), z.const(NAN), z)
    return where(y.eq(0) | x.eq(1) | (x.eq(-1) & absolute(y).eq(INF)), z.const(1.0), z)


def _repeated(x: Lane, y: Lane) -> Lane:
    """x^y of integers, modulo 2^bits. NumPy refuses negative exponents: so does the interpreter."""
    if y.dtype.kind == "i" or x.dtype.kind == "b":
        raise NoWord("integers to the power of integers with a sign")
    r = x.const(1)
    for _ in range(8 * x.dtype.itemsize):
        r = where((y & 1).ne(0), r * x, r)
        x, y = x * x, y >> 1
    return r


def monomial(x: Lane, p: float) -> Lane:
    """x^p for a number p: by products where they are as exact."""
    if (p == int(p) and 0 <= p <= 4) or (x.dtype.kind in "iu" and p >= 0):
        return _product(x, int(p))
    if x.dtype.kind != "f":
        raise NoWord("negative powers of integers")
    if p in (-1, -2):
        return _product(reciprocal(x), -int(p))
    if p == 0.5:
        return sqrt(x)  # as NumPy, also at -0 and -inf
    return power(x, x.const(p))


def _product(x: Lane, p: int) -> Lane:
    """x p times: x^p = (x^2)^(p/2), and x times that if p is odd."""
    if p < 2:
        return x if p else x.const(1)
    y = _product(x * x, p // 2)
    return x * y if p % 2 else y


def float_power(x: Lane, y: Lane) -> Lane:
    """x^y in float64."""
    return power(x.to("float64"), y.to("float64"))


def cbrt(x: Lane) -> Lane:
    """The cube root: r = m^(-1/3) by iteration for x = 8^q m, then x^(1/3) = 2^q m r^2."""
    y, lift = normal(absolute(x))
    f, k = taken(y)
    k = k + lift
    magic = layout(x).magic
    q = fma(k, k.const(1 / 3), magic)
    j = k - 3.0 * (q - magic)  # -1, 0 or 1
    m = f + 1
    r = polynomial(m, table(x, "CBRT"))
    r = r * where(j > 0, r.const(0.5 ** (1 / 3)), where(j < 0, r.const(2.0 ** (1 / 3)), 1.0))
    m = m * where(j > 0, m.const(2.0), where(j < 0, m.const(0.5), 1.0))
    for _ in range(2 if x.dtype.itemsize == 8 else 1):
        h = fma(-m * r, r * r, 1.0)
        r = fma(r * h, fma(h, h.const(2 / 9), 1 / 3), r)
    c = m * (r * r)
    square, low = product(c, c)
    p, pp = product(square, c)
    c = fma((m - p) - fma(low, c, pp), (r * r) * (1 / 3), c)
    y = (c.bits() + (q.bits() << layout(x).mantissa)).number()
    return where(absolute(x) < INF, copysign(where(x.eq(0), x, y), x), x)


def hypot(x: Lane, y: Lane) -> Lane:
    """sqrt(x^2 + y^2), scaled so that no square over- or underflows; inf beside anything is inf."""
    a, b = absolute(x), absolute(y)
    top = where(a > b, a, b)
    s = 2.0**700 if x.dtype.itemsize == 8 else 2.0**90
    big, small = top > s**0.66, top < s**-0.66
    down = where(big, a.const(1 / s), where(small, a.const(s), 1.0))
    up = where(big, a.const(s), where(small, a.const(1 / s), 1.0))
    c, d = a * down, b * down
    h = fma(c, c, d * d).intrinsic("sqrt") * up
    return where(a.eq(INF) | b.eq(INF), h.const(INF), h)


def leg(x: Lane, y: Lane) -> Lane:
    """x / hypot(x, y), and 0 at the origin."""
    h = hypot(x, y)
    return where(h.eq(0), h.const(0.0), x / h)
