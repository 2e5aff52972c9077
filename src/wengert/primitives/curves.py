"""Pointwise functions: dy = slope(x, y) dx. One row each; the activations have a file of their own.

Slopes are written so that they don't cancel (tanh' = 1/cosh^2, sigma' = sigma(x) sigma(-x),
hypot' = x/h), keep the dtype of x, and are smooth where the function is, so that slopes of slopes
are right too. Conventions where there is no derivative (maximum at a tie, abs at 0, ...) stand in
docs/delicate.md.
Formulas: DLMF 4.4 (exp, log), 4.20-4.24 (circular), 4.34-4.38 (hyperbolic).
"""

import numpy as np

from wengert.ir.lazy import special
from wengert.ir.primitive import REGISTRY, curve, flat
from wengert.primitives.maps import convert

INF = float("inf")
POSITIVE = (0.05, 3.0)
UNIT = (-0.95, 0.95)
LOG2, LOG10 = float(np.log(2.0)), float(np.log(10.0))


def indicator(condition, x):
    """[condition]: 1 where it holds and 0 elsewhere, in the dtype of x."""
    return convert(condition, dtype=x.dtype)


def half_tie(x, y):
    """1 where x > y, 1/2 where x = y, 0 elsewhere: a maximum shares its gradient among ties."""
    return 0.5 * (indicator(x > y, x) + indicator(x >= y, x))


def power_base(x, y, p):
    """y x^(y-1), where 0 * 0^(-1) counts as 0."""
    return y * np.power(np.where((x == 0) & (y == 0), 1.0, x), y - 1)


def power_exponent(x, y, p):
    """x^y log x; where x = 0 the limit for y > 0 is 0, where x < 0 there is none and it is 0."""
    if p.dtype.kind == "c":
        return np.where(x == 0, 0.0, p * np.log(np.where(x == 0, 1.0, x)))
    at_zero = np.where((x == 0) & (y < 0), -p, 0.0)
    return np.where(x > 0, p * np.log(np.where(x > 0, x, 1.0)), at_zero)


def _monomial_slope(x, y, p):
    if p in (0, 1, 2, 3):
        return (0.0, 1, 2.0 * x, 3.0 * square(x))[int(p)]
    return p * monomial(x, p=p - 1)


def _leg(x, y):
    h = np.hypot(x, y)
    return np.where(h == 0, 0.0, x / np.where(h == 0, 1.0, h)).astype(h.dtype)[()]


def _leg_scale(a, x, y):
    """leg(y, x) a / h without squares that over- or underflow; 0 at the origin."""
    h = np.hypot(x, y)
    return leg(y, x) * a / np.where(h == 0, 1.0, h)


def _arctan2_scale(a, y, x):
    """a / (x^2 + y^2) without the squares over- or underflowing; 0 at the origin."""
    h = np.hypot(y, x)
    safe = np.where(h == 0, 1.0, h)
    return np.where(h == 0, 0.0, (a / safe) / safe)


def _sech(x):
    """1 / cosh x, zero where cosh overflows: 2 e^-|x| / (1 + e^-2|x|)."""
    e = np.exp(-np.abs(x))
    return 2 * e / (1 + e * e)


def _tanh_slope(x, y):
    return 1 - y * y if y.dtype.kind == "c" else square(sech(x))


def _sided(root, other, y):
    """The one of the roots +-r that lies as other(y) does: on a branch cut y knows the side."""
    if y.dtype.kind != "c":
        return root
    near = other(y)
    return np.where(np.real(root * np.conjugate(near)) < 0, -root, root)


def _arcsinh_slope(x, y):
    if y.dtype.kind == "c":
        return 1 / _sided(np.sqrt(1 + x * x), np.cosh, y)
    return 1 / np.hypot(x, 1.0)


def _gap(x, y):
    """x - y; where both are +inf they share, 0, and where both are -inf neither counts, -inf."""
    same = (x == y) & np.isinf(x)
    return np.where(same, np.where(x < 0, x, 0.0), x - np.where(same, 0.0, y))


# fmt: off
# --- arithmetic
add      = curve("add",      np.add,      lambda x, y, z: 1,     lambda x, y, z: 1,          notation="{} + {}")
subtract = curve("subtract", np.subtract, lambda x, y, z: 1,     lambda x, y, z: -1,         notation="{} - {}")
multiply = curve("multiply", np.multiply, lambda x, y, z: y,     lambda x, y, z: x,          notation="{} * {}")
divide   = curve("divide",   np.divide,   lambda x, y, z: 1 / y, lambda x, y, z: -z / y,     notation="{} / {}", domain=((-3, 3), (0.3, 3)))
negative = curve("negative", np.negative, lambda x, y: -1,                                   notation="-{}")
reciprocal = curve("reciprocal", np.reciprocal, lambda x, y: -y * y,                         notation="1 / {}", domain=(0.3, 3))
power    = curve("power",    np.power,    power_base,            power_exponent,            notation="{}^{}", domain=((0.1, 3), (-3, 3)))
monomial = curve("monomial", lambda x, p: np.power(x, x.dtype.type(p)), _monomial_slope,     notation="{}^p")
square   = curve("square",   np.square,   lambda x, y: 2 * x,                                notation="{}^2")
sqrt     = curve("sqrt",     np.sqrt,     lambda x, y: 0.5 / y,                              notation="sqrt({})", domain=POSITIVE)
cbrt     = curve("cbrt",     np.cbrt,     lambda x, y: 1 / (3 * y * y),                      notation="cbrt({})", domain=POSITIVE)
hypot    = curve("hypot",    np.hypot,    lambda x, y, h: leg(x, y), lambda x, y, h: leg(y, x), notation="hypot({}, {})", domain=(0.2, 3))
leg      = curve("leg",      _leg, lambda x, y, c: _leg_scale(leg(y, x), x, y), lambda x, y, c: -_leg_scale(c, x, y), notation="leg({}, {})", domain=(0.2, 3))
absolute = curve("absolute", np.absolute, lambda x, y: np.sign(x),                           notation="|{}|", domain=(0.1, 3))
fabs     = curve("fabs",     np.fabs,     lambda x, y: np.sign(x),                           notation="|{}|", domain=(0.1, 3))
copysign = curve("copysign", np.copysign, lambda x, s, y: np.sign(x) * np.sign(y), None,     notation="copysign({}, {})", domain=(0.1, 3))
nextafter = curve("nextafter", np.nextafter, lambda x, y, z: 1,  None,                      notation="next({}, {})")
float_power = curve("float_power", np.float_power, power_base,   power_exponent,            notation="{}^{}", domain=((0.1, 3), (-3, 3)))
remainder = curve("remainder", np.remainder, lambda x, y, z: 1,  lambda x, y, z: -np.floor_divide(x, y), notation="{} mod {}", domain=((2.1, 2.3), (0.8, 1.0)))
fmod     = curve("fmod",     np.fmod,     lambda x, y, z: 1,     lambda x, y, z: -np.rint((x - z) / y), notation="fmod({}, {})", domain=((2.1, 2.3), (0.8, 1.0)))
# --- exponentials and logarithms
exp      = curve("exp",      np.exp,      lambda x, y: y,                                    notation="exp({})")
exp2     = curve("exp2",     np.exp2,     lambda x, y: LOG2 * y,                             notation="2^{}")
expm1    = curve("expm1",    np.expm1,    lambda x, y: np.exp(x),                            notation="expm1({})")
log      = curve("log",      np.log,      lambda x, y: 1 / x,                                notation="log({})", domain=POSITIVE)
log2     = curve("log2",     np.log2,     lambda x, y: 1 / (LOG2 * x),                       notation="log2({})", domain=POSITIVE)
log10    = curve("log10",    np.log10,    lambda x, y: 1 / (LOG10 * x),                      notation="log10({})", domain=POSITIVE)
log1p    = curve("log1p",    np.log1p,    lambda x, y: 1 / (1 + x),                          notation="log1p({})", domain=POSITIVE)
logaddexp  = curve("logaddexp",  np.logaddexp,  lambda x, y, z: sigmoid(_gap(x, y)), lambda x, y, z: sigmoid(_gap(y, x)), notation="log(exp {} + exp {})")
logaddexp2 = curve("logaddexp2", np.logaddexp2, lambda x, y, z: sigmoid(LOG2 * _gap(x, y)), lambda x, y, z: sigmoid(LOG2 * _gap(y, x)), notation="log2(2^{} + 2^{})")
# --- circular and hyperbolic
sin      = curve("sin",      np.sin,      lambda x, y: np.cos(x),                            notation="sin({})")
cos      = curve("cos",      np.cos,      lambda x, y: -np.sin(x),                           notation="cos({})")
tan      = curve("tan",      np.tan,      lambda x, y: 1 + y * y,                            notation="tan({})", domain=(-1.2, 1.2))
arcsin   = curve("arcsin",   np.arcsin,   lambda x, y: 1 / _sided(np.sqrt((1 - x) * (1 + x)), np.cos, y), notation="arcsin({})", domain=UNIT)
arccos   = curve("arccos",   np.arccos,   lambda x, y: -1 / _sided(np.sqrt((1 - x) * (1 + x)), np.sin, y), notation="arccos({})", domain=UNIT)
arctan   = curve("arctan",   np.arctan,   lambda x, y: 1 / (1 + x * x),                      notation="arctan({})")
arctan2  = curve("arctan2",  np.arctan2,  lambda y, x, z: _arctan2_scale(x, y, x), lambda y, x, z: -_arctan2_scale(y, y, x), notation="arctan2({}, {})", domain=(0.2, 3))
sinh     = curve("sinh",     np.sinh,     lambda x, y: np.cosh(x),                           notation="sinh({})")
cosh     = curve("cosh",     np.cosh,     lambda x, y: np.sinh(x),                           notation="cosh({})")
tanh     = curve("tanh",     np.tanh,     _tanh_slope,                                       notation="tanh({})")
sech     = curve("sech",     _sech,       lambda x, y: -y * np.tanh(x),                      notation="sech({})")
arcsinh  = curve("arcsinh",  np.arcsinh,  _arcsinh_slope,                                    notation="arsinh({})")
arccosh  = curve("arccosh",  np.arccosh,  lambda x, y: 1 / _sided(np.sqrt(x - 1) * np.sqrt(x + 1), np.sinh, y), notation="arcosh({})", domain=(1.1, 3))
arctanh  = curve("arctanh",  np.arctanh,  lambda x, y: 1 / ((1 - x) * (1 + x)),              notation="artanh({})", domain=UNIT)
degrees  = curve("degrees",  np.degrees,  lambda x, y: 180 / np.pi,                          notation="degrees({})")
radians  = curve("radians",  np.radians,  lambda x, y: np.pi / 180,                          notation="radians({})")
# --- the larger and the smaller
maximum  = curve("maximum",  np.maximum,  lambda x, y, z: half_tie(x, y), lambda x, y, z: half_tie(y, x), notation="max({}, {})", domain=((-3, 0), (0.1, 3)))
minimum  = curve("minimum",  np.minimum,  lambda x, y, z: half_tie(y, x), lambda x, y, z: half_tie(x, y), notation="min({}, {})", domain=((-3, 0), (0.1, 3)))
fmax     = curve("fmax",     np.fmax,     lambda x, y, z: np.where(np.isnan(y), 1.0, half_tie(x, y)), lambda x, y, z: np.where(np.isnan(x), 1.0, half_tie(y, x)), notation="max({}, {})", domain=((-3, 0), (0.1, 3)))
fmin     = curve("fmin",     np.fmin,     lambda x, y, z: np.where(np.isnan(y), 1.0, half_tie(y, x)), lambda x, y, z: np.where(np.isnan(x), 1.0, half_tie(x, y)), notation="min({}, {})", domain=((-3, 0), (0.1, 3)))
# --- the logistic sigmoid stands here, not with the activations: logaddexp leans on it
sigmoid    = curve("sigmoid",    lambda x: special.expit(x),      lambda x, y: y * sigmoid(-x),                             notation="sigma({})", definition=lambda x: 1 / (1 + np.exp(-x)))
# --- piecewise constant
sign     = flat("sign",     np.sign,     domain=((0.1, 3),), notation="sign({})")
floor    = flat("floor",    np.floor,    domain=((0.1, 0.9),), notation="floor({})")
ceil     = flat("ceil",     np.ceil,     domain=((0.1, 0.9),), notation="ceil({})")
trunc    = flat("trunc",    np.trunc,    domain=((0.1, 0.9),), notation="trunc({})")
rint     = flat("rint",     np.rint,     domain=((0.6, 0.9),), notation="round({})")
floor_divide = flat("floor_divide", np.floor_divide, 2, domain=((2.1, 2.9), (0.8, 1.0)))
heaviside = flat("heaviside", np.heaviside, 2, domain=((0.1, 3), (0, 1)))
spacing  = flat("spacing", np.spacing)
stop_gradient = flat("stop_gradient", lambda x: np.array(x)[()])
# fmt: on

# what compares, tests or counts: no tangents anywhere
FLAT_1 = ("logical_not", "isnan", "isinf", "isfinite", "signbit", "invert", "bitwise_count")
FLAT_2 = (
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal",
    "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor",
    "left_shift", "right_shift", "gcd", "lcm",
)  # fmt: skip
for _arity, _names in ((1, FLAT_1), (2, FLAT_2)):
    for _name in _names:
        globals()[_name] = flat(_name, getattr(np, _name), _arity)

for _record in list(REGISTRY.primitives.values()):
    if isinstance(_record.evaluate, np.ufunc):
        REGISTRY.ufuncs[_record.evaluate] = _record
REGISTRY.ufuncs.update({np.rad2deg: degrees, np.deg2rad: radians})
