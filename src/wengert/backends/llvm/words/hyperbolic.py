"""sinh, cosh, tanh and their inverses, by e^|x| - 1 and log(1 + x)."""

from math import log

from wengert.backends.llvm.lane import Lane, absolute, copysign, fma, polynomial, where
from wengert.backends.llvm.words.exponentials import (
    INF,
    NAN,
    exp,
    layout,
    log1p,
    near,
    quotient,
    raise_by_one,
    scaled,
    split,
    table,
    two,
)


def tanh(x: Lane) -> Lane:
    """tanh x = (e^2|x| - 1) / (e^2|x| + 1)."""
    a = absolute(x)
    top = 20.0 if x.dtype.itemsize == 8 else 10.0
    a = where(a > top, a.const(top), a)
    r, low, k = split(a + a)
    p, s = near(r, low), two(k, x)
    t = fma(s, p, s - 1)
    d = t + 2
    return copysign(quotient(t, d, t - (d - 2)), x)


def _half(a: Lane) -> tuple[Lane, Lane]:
    """(e^a - 1) / 2 and e^a / 2 for a >= 0, which overflow later than e^a."""
    shape = layout(a)
    r, low, k = split(a)
    p = near(r, low)
    s = two(k - 1, a)
    less = fma(s, p, s - 0.5)
    last = shape.overflow + log(2)
    e = where(a < last, scaled(p + 1, k - 1), a * INF)
    return where(a > shape.mantissa, e, less), e


def sinh(x: Lane) -> Lane:
    """sinh x = (t + t / (t + 1)) / 2, t = e^|x| - 1; its series below one."""
    a = absolute(x)
    h, _ = _half(a)
    far = h + h / fma(h, 2.0, 1.0)
    z = a * a
    close = fma(z * a, polynomial(z, table(a, "SINH")), a)
    y = where(a < 1, close, where(h < INF, far, h))
    return copysign(y, x)


def cosh(x: Lane) -> Lane:
    """cosh x = e^|x| / 2 + 1 / (2 e^|x|)."""
    _, e = _half(absolute(x))
    return e + 0.25 / e


def sech(x: Lane) -> Lane:
    """1 / cosh x = 2 e^-|x| / (1 + e^-2|x|)."""
    e = exp(-absolute(x))
    return quotient(e + e, *raise_by_one(e * e))


def arcsinh(x: Lane) -> Lane:
    """arsinh x = log(1 + |x| + x^2 / (1 + sqrt(1 + x^2)))."""
    a = absolute(x)
    large = a > (1e8 if x.dtype.itemsize == 8 else 1e4)
    b = where(large, a.const(1.0), a)
    z = b * b
    t = where(large, a - 1, b + z / ((z + 1).intrinsic("sqrt") + 1))
    return copysign(_after(large, log1p(t)), x)


def _after(large: Lane, y: Lane) -> Lane:
    """y + log 2 where x was large."""
    return where(large, y + log(2), y)


def arccosh(x: Lane) -> Lane:
    """arcosh x = log(1 + t + sqrt(2t + t^2)), t = x - 1."""
    large = x > (1e9 if x.dtype.itemsize == 8 else 1e5)
    t = x - 1
    b = where(large, t.const(0.0), t)
    y = _after(large, log1p(where(large, t, b + fma(b, b, b + b).intrinsic("sqrt"))))
    return where(x < 1, y.const(NAN), y)


def arctanh(x: Lane) -> Lane:
    """artanh x = log(1 + 2|x| / (1 - |x|)) / 2."""
    a = absolute(x)
    return copysign(0.5 * log1p((a + a) / (1 - a)), x)
