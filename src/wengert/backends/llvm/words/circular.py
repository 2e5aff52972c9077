"""sin, cos, tan and their inverses.

    |x| = n pi/2 + r,  n = round(2 |x| / pi)  (Cody, Waite 1980: pi in several numbers)

Where |x| is so large that n pi is not exact enough, the C library is asked, a lane at a time: a
branch that is hardly ever taken.
"""

from math import pi

from wengert.backends.llvm.lane import Lane, absolute, copysign, fma, polynomial, where
from wengert.backends.llvm.words.exponentials import layout, quotient, table, total
from wengert.backends.llvm.words.rare import rarely

# fmt: off
PI = {  # pi in numbers whose products with n are exact: where a product is rounded, of few bits
    (8, True): (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33),
    (8, False): (3.1415926534682512, 1.2154201012607932e-10, 4.044532497422333e-21, 1.69568553207378e-31),
    (4, True): (3.1415927410125732, -8.742277657347586e-08, -3.4302489988857658e-15),
}
FAR = {(8, True): 1e9, (8, False): 1e6, (4, True): 5e4, (4, False): 5e4}
HALF_PI = {8: (1.5707963267948966, 6.123233995736766e-17), 4: (1.5707963705062866, -4.371138828673793e-08)}
NEAR = 0.5625  # where the two ways of arcsin meet: half the angle of the second is below 1/2
# fmt: on


def reduced(a: Lane, n: Lane, unit: float) -> tuple[Lane, Lane]:
    """a - n unit pi, as a number and what its rounding took."""
    if a.dtype.itemsize == 4 and not a.code.cpu.fma:
        wide, k = a.to("float64"), n.to("float64")
        for value in PI[8, False][:3]:
            wide = wide - k * (unit * value)
        r = wide.to("float32")
        return r, (wide - r.to("float64")).to("float32")
    first, second, *others = [n.const(-unit * p) for p in PI[a.dtype.itemsize, a.code.cpu.fma]]
    r = fma(n, first, a)
    s = fma(n, second, r)
    low = fma(n, second, r - s)
    for part in others:
        low = fma(n, part, low)
    return s, low


def _quarters(x: Lane) -> tuple[Lane, Lane, Lane]:
    """n (in the low bits), and sin r and cos r of |x| = n pi/2 + r."""
    a, magic = absolute(x), layout(x).magic
    k = fma(a, a.const(2 / pi), magic)
    r, low = reduced(a, k - magic, 0.5)
    z = r * r
    s, c = polynomial(z, table(r, "SIN4")), polynomial(z, table(r, "COS4"))
    return k.bits(), r + fma(z * r, s, low), _cosine(z, c, r * low)


def _cosine(z: Lane, c: Lane, less: Lane) -> Lane:
    """1 - z/2 + c z^2 - less, with what the first difference loses."""
    half = 0.5 * z
    w = 1 - half
    return w + (((1 - w) - half) + fma(z * z, c, -less))


def _lowest(k: Lane) -> Lane:
    """Whether n is odd."""
    return (k & 1).ne(0)


def _turned(y: Lane, k: Lane) -> Lane:
    """y, or -y where the second bit of k is one."""
    return (y.bits() ^ ((k & 2) << (8 * k.dtype.itemsize - 2))).number()


def _minus(x: Lane) -> Lane:
    """The sign of x, alone."""
    return x.bits() & (-1 << (8 * x.dtype.itemsize - 1))


def _far(x: Lane) -> Lane:
    return absolute(x) > FAR[x.dtype.itemsize, x.code.cpu.fma]


def sin(x: Lane) -> Lane:
    """sin |x| = sin r, cos r, -sin r, -cos r for n = 0, 1, 2, 3."""
    k, s, c = _quarters(x)
    y = _turned(where(_lowest(k), c, s), k)
    return rarely(_far(x), "sin", (y.bits() ^ _minus(x)).number(), x)


def cos(x: Lane) -> Lane:
    """cos x = cos r, -sin r, -cos r, sin r for n = 0, 1, 2, 3."""
    k, s, c = _quarters(x)
    return rarely(_far(x), "cos", _turned(where(_lowest(k), s, c), k + 1), x)


def tan(x: Lane) -> Lane:
    """tan x = tan r or -1 / tan r, r = |x| - n pi/2."""
    a, magic = absolute(x), layout(x).magic
    k = fma(a, a.const(2 / pi), magic)
    r, low = reduced(a, k - magic, 0.5)
    z = r * r
    t = (z * r) * polynomial(z, table(r, "TAN"))
    t, rest = total(r, fma(low, fma(r, r, 1.0), t))
    odd = _lowest(k.bits())
    y = where(odd, quotient(t.const(-1.0), t, rest), t)
    return rarely(_far(x), "tan", (y.bits() ^ _minus(x)).number(), x)


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
    """arcsin x; beyond NEAR, pi/2 - 2 arcsin sqrt((1 - |x|) / 2)."""
    a = absolute(x)
    big = a > NEAR
    z = where(big, fma(a, a.const(-0.5), 0.5), a * a)
    s = where(big, z.intrinsic("sqrt"), a)
    y = fma(s, _arcsin(z, s), s)
    high, low = HALF_PI[x.dtype.itemsize]
    return copysign(where(big, high - (2 * y - low), y), x)


def arccos(x: Lane) -> Lane:
    """arccos x = pi/2 - arcsin x; beyond NEAR, 2 arcsin sqrt((1 - x) / 2), on either side."""
    a = absolute(x)
    big = a > NEAR
    z = where(big, fma(a, a.const(-0.5), 0.5), a * a)
    s = where(big, z.intrinsic("sqrt"), x)
    y = fma(s, _arcsin(z, s), s)
    high, low = HALF_PI[x.dtype.itemsize]
    right = where(x < 0, 2 * (high - (y - low)), 2 * y)
    return where(big, right, high - (y - low))
