"""sin, cos, tan and their inverses.

    sin x = (-1)^n sin r,  n = round(x / pi),  r = x - n pi  (Cody, Waite 1980: pi in several numbers)

Where |x| is so large that n pi is not exact enough, the C library is asked, a lane at a time: a
branch that is hardly ever taken.
"""

from math import pi

from wengert.backends.llvm.lane import Lane, absolute, copysign, fma, polynomial, where
from wengert.backends.llvm.words.exponentials import layout, table
from wengert.backends.llvm.words.rare import rarely

# fmt: off
PI = {  # pi in numbers whose products with n are exact: where a product is rounded, of few bits
    (8, True): (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33),
    (8, False): (3.1415926534682512, 1.2154201012607932e-10, 4.044532497422333e-21, 1.69568553207378e-31),
    (4, True): (3.1415927410125732, -8.742277657347586e-08, -3.4302489988857658e-15),
}
FAR = {(8, True): 1e9, (8, False): 1e6, (4, True): 5e4, (4, False): 5e4}
HALF_PI = {8: (1.5707963267948966, 6.123233995736766e-17), 4: (1.5707963705062866, -4.371138828673793e-08)}
# fmt: on


def reduced(a: Lane, n: Lane, unit: float) -> tuple[Lane, Lane | None]:
    """a - n unit pi, as a number and what its rounding took (None where that doesn't matter)."""
    if a.dtype.itemsize == 4 and not a.code.cpu.fma:
        wide, k = a.to("float64"), n.to("float64")
        first, *others = [unit * p for p in PI[8, False][:3]]
        return (wide - k * first - k * others[0] - k * others[1]).to("float32"), None
    first, second, *others = [n.const(-unit * p) for p in PI[a.dtype.itemsize, a.code.cpu.fma]]
    r = fma(n, first, a)
    if a.dtype.itemsize == 4:
        return fma(n, others[0], fma(n, second, r)), None
    s = fma(n, second, r)
    low = fma(n, second, r - s)
    for part in others:
        low = fma(n, part, low)
    return s, low


def _sine(r: Lane, low: Lane | None) -> Lane:
    """sin(r + low) for |r| <= pi/2."""
    z = r * r
    cube = (z * r) * polynomial(z, table(r, "SIN"))
    return r + (cube if low is None else fma(low, fma(z, z.const(-4 / pi**2), 1.0), cube))


def _sign(k: Lane) -> Lane:
    """The lowest bit in the place of the sign."""
    return k << (8 * k.dtype.itemsize - 1)


def _minus(x: Lane) -> Lane:
    """The sign of x, alone."""
    return x.bits() & (-1 << (8 * x.dtype.itemsize - 1))


def sin(x: Lane) -> Lane:
    """sin x."""
    a, magic = absolute(x), layout(x).magic
    k = fma(a, a.const(1 / pi), magic)
    r, low = reduced(a, k - magic, 1.0)
    y = (_sine(r, low).bits() ^ _sign(k.bits()) ^ _minus(x)).number()
    return rarely(a > FAR[x.dtype.itemsize, x.code.cpu.fma], "sin", y, x)


def cos(x: Lane) -> Lane:
    """cos x = -(-1)^n sin(|x| - (n + 1/2) pi)."""
    a, magic = absolute(x), layout(x).magic
    k = fma(a, a.const(1 / pi), -0.5) + magic
    r, low = reduced(a, (k - magic) + 0.5, 1.0)
    y = ((-_sine(r, low)).bits() ^ _sign(k.bits())).number()
    return rarely(a > FAR[x.dtype.itemsize, x.code.cpu.fma], "cos", y, x)


def tan(x: Lane) -> Lane:
    """tan x = tan r or -1 / tan r, r = |x| - n pi/2."""
    a, magic = absolute(x), layout(x).magic
    k = fma(a, a.const(2 / pi), magic)
    r, low = reduced(a, k - magic, 0.5)
    z = r * r
    s = (z * r) * polynomial(z, table(r, "SIN4"))
    c = fma(z * z, polynomial(z, table(r, "COS4")), -0.5 * z)
    if low is not None:
        s, c = s + low, fma(-low, r, c)
    s, c = r + s, c + 1
    odd = (k.bits() & 1).ne(0)
    y = where(odd, -c, s) / where(odd, s, c)
    y = (y.bits() ^ _minus(x)).number()
    return rarely(a > FAR[x.dtype.itemsize, x.code.cpu.fma], "tan", y, x)


# --- inverses
def _arctan(num: Lane, den: Lane) -> Lane:
    """arctan(num / den) for 0 <= num <= den."""
    t = num / den
    z = t * t
    return fma(z * t, polynomial(z, table(t, "ARCTAN")), t)


def arctan(x: Lane) -> Lane:
    """arctan x; beyond one, pi/2 - arctan(1 / x)."""
    a = absolute(x)
    big = a > 1
    y = _arctan(where(big, a.const(1), a), where(big, a, 1))
    high, low = HALF_PI[x.dtype.itemsize]
    return copysign(where(big, high - (y - low), y), x)


def arctan2(y: Lane, x: Lane) -> Lane:
    """The angle of (x, y)."""
    a, b = absolute(x), absolute(y)
    steep = b > a
    num, den = where(steep, a, b), where(steep, b, a)
    even = num.eq(den)  # 0/0 and inf/inf: a zero is on the axis, infinities are on the diagonal
    t = _arctan(where(even, where(den.eq(0), num, 1.0), num), where(even, den.const(1.0), den))
    high, low = HALF_PI[x.dtype.itemsize]
    t = where(steep, high - (t - low), t)
    t = where(x.bits() < 0, 2 * high - (t - 2 * low), t)
    return where((x + y).ne(x + y) & (x.ne(x) | y.ne(y)), x + y, copysign(t, y))


def _arcsin(z: Lane, s: Lane) -> Lane:
    """(arcsin s - s) / s by z = s^2."""
    return z * polynomial(z, table(s, "ARCSIN"))


def arcsin(x: Lane) -> Lane:
    """arcsin x; beyond 1/2, pi/2 - 2 arcsin sqrt((1 - |x|) / 2)."""
    a = absolute(x)
    big = a > 0.5
    z = where(big, fma(a, a.const(-0.5), 0.5), a * a)
    s = where(big, z.intrinsic("sqrt"), a)
    y = fma(s, _arcsin(z, s), s)
    high, low = HALF_PI[x.dtype.itemsize]
    return copysign(where(big, high - (2 * y - low), y), x)


def arccos(x: Lane) -> Lane:
    """arccos x = pi/2 - arcsin x; beyond 1/2, 2 arcsin sqrt((1 - x) / 2), on either side."""
    a = absolute(x)
    big = a > 0.5
    z = where(big, fma(a, a.const(-0.5), 0.5), a * a)
    s = where(big, z.intrinsic("sqrt"), x)
    y = fma(s, _arcsin(z, s), s)
    high, low = HALF_PI[x.dtype.itemsize]
    right = where(x < 0, 2 * (high - (y - low)), 2 * y)
    return where(big, right, high - (y - low))
