"""SciPy's special functions, found by the names of its ufuncs. One row each: dy = slope(x, y) dx.

SciPy is imported when the first of them is computed. Orders and parameters in which no derivative
is implemented (nu of a Bessel function, a of the incomplete gamma function) refuse by name; they
never count as constants silently. Sections of the NIST Digital Library of Mathematical Functions
(DLMF) and formulas of Abramowitz & Stegun (A&S) stand beside the rows.
"""

from math import factorial, pi, sqrt

import numpy as np

from wengert.errors import NoDerivativeError, sentences
from wengert.ir.families import Pointwise
from wengert.ir.lazy import special
from wengert.ir.primitive import REALS, REGISTRY, Primitive, Refusal, Slopes, curve, flat
from wengert.primitives import curves
from wengert.primitives.curves import POSITIVE, sigmoid, square

LOG10 = curves.LOG10
ROOT_PI, ROOT_2, ROOT_2PI = sqrt(pi), sqrt(2.0), sqrt(2 * pi)
OPEN_UNIT = (0.05, 0.95)


def refused(name, operand, position):
    """The slope in an operand that has none here: an error that names function and operand."""

    def slope(*xs, **params):
        raise NoDerivativeError(
            sentences(
                f"scipy.special.{name} has no derivative in {operand} (operand {position}).",
                f"Keep {operand} constant, wrap it in wengert.stop_gradient, or give the function "
                "a rule with wengert.custom_vjp.",
            )
        )

    return slope


def ufunc(name, *slopes, notation, domain=REALS, **fields):
    """Register SciPy's ufunc of this name by its slopes, one for each operand."""
    record = curve(name, _scipy(name), *slopes, notation=notation, domain=domain, **fields)
    REGISTRY.names[name] = record
    return record


def _scipy(name):
    """SciPy's ufunc, computing in the common dtype of its operands."""

    def evaluate(*xs):
        if len(xs) == 1:
            return getattr(special, name)(*xs)
        dtype = np.result_type(*xs)
        return getattr(special, name)(*[np.asarray(x, dtype)[()] for x in xs])

    return evaluate


def ordered(name, operands, *slopes, notation, orders, domain):
    """Register a function whose first operands are parameters with no derivative.

    `operands` names them ("a b"); `orders` are their values in the laws, drawn as integers.
    """
    given = operands.split()
    k = len(given)
    refusals = tuple([refused(name, operand, i) for i, operand in enumerate(given)])
    return _add(name, (*refusals, *slopes), notation, domain, _whole(k, orders, domain))


def counted(name, slope, notation):
    """Register a distribution of counts k: constant between whole numbers, a curve in the mean."""
    domain = ((0, 5), (0.5, 4))
    return _add(name, (None, slope), notation, domain, _whole(1, (0, 5), domain))


def _add(name, slopes, notation, domain, example):
    record = Primitive(
        name, _scipy(name), Pointwise(), Slopes(slopes), notation, domain, None, example
    )
    REGISTRY.names[name] = REGISTRY.add(record)
    return record


def _whole(k, orders, domain):
    """Arguments of which the first k are whole numbers, of a type that leaves the others theirs."""

    def example(rng):
        xs = [rng.uniform(low, high, (3,)) for low, high in domain[k:]]
        return (*[rng.integers(*orders, (3,), np.int8) for _ in range(k)], *xs), {}

    return example


def density(x):
    """The density of the normal distribution, exp(-x^2/2) / sqrt(2 pi)."""
    return np.exp(-0.5 * square(x)) / ROOT_2PI


def _bell(x):
    """erf'(x) = 2 / sqrt(pi) exp(-x^2). DLMF 7.2.1."""
    return 2 / ROOT_PI * np.exp(-square(x))


def _ratio(x, y):
    """x / y, where 0/0 counts as 0: x log y is 0 wherever x is."""
    return x / np.where((x == 0) & (y == 0), 1.0, y)


def _gamma_density(a, x):
    """x^(a-1) e^-x / Gamma(a), the derivative of P(a, x). DLMF 8.8.13."""
    return np.exp(xlogy(a - 1, x) - x - gammaln(a))


def _beta_density(a, b, x):
    """x^(a-1) (1-x)^(b-1) / B(a, b), the derivative of I_x(a, b). DLMF 8.17.1."""
    return np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _t_density(v, t):
    """Student's density. A&S 26.7.1."""
    scale = np.exp(gammaln(0.5 * (v + 1)) - gammaln(0.5 * v)) / np.sqrt(pi * v)
    return scale * np.exp(-0.5 * (v + 1) * np.log1p(t * t / v))


def _poisson_mass(k, m):
    """e^-m m^k / k! at the whole part of k."""
    k = np.floor(k)
    return np.exp(xlogy(k, m) - m - gammaln(k + 1))


def _polygamma(x, n):
    """psi^(n)(x) = (-1)^(n+1) n! zeta(n+1, x) for n > 0. DLMF 25.11.12, A&S 6.4.10."""
    if n == 0:
        return special.psi(x)
    return (-1.0) ** (n + 1) * float(factorial(n)) * special._ufuncs._zeta(float(n + 1), x)


def _trigamma(x):
    return refused("psi", "a complex argument", 0)() if x.dtype.kind == "c" else polygamma(x, n=1)


def _log_power(l, lmbda):
    """The derivative of (e^(lambda l) - 1) / lambda in lambda: l^2 exprel'(lambda l)."""
    return square(l) * 0.5 * hyp1f1(2.0, 3.0, lmbda * l)


def _spence_slope(x, y):
    """-log x / (x - 1), smooth at 1. DLMF 25.12.2."""
    return np.log(x) / (1 - x) if x.dtype.kind == "c" else -1 / exprel(np.log(x))


def _clipped(delta, r):
    return np.minimum(np.maximum(r, -delta), delta)


def _expn_slope(n, x, y):
    """-E_(n-1)(x), where E_0(x) = e^-x / x. DLMF 8.19.13."""
    zero = n == 0
    lower = expn(np.where(zero, 1.0, n) - 1.0, x)
    return -np.where(zero, np.exp(-x) * (1 + x) / square(x), lower)


# fmt: off
# --- the error function and the normal distribution: DLMF 7, A&S 7 and 26.2
erf      = ufunc("erf",      lambda x, y: _bell(x),                         notation="erf({})")
erfc     = ufunc("erfc",     lambda x, y: -_bell(x),                        notation="erfc({})")
erfcx    = ufunc("erfcx",    lambda x, y: 2 * x * y - 2 / ROOT_PI,          notation="erfcx({})")
erfi     = ufunc("erfi",     lambda x, y: 2 / ROOT_PI * np.exp(square(x)),  notation="erfi({})", domain=(-2, 2))
dawsn    = ufunc("dawsn",    lambda x, y: 1 - 2 * x * y,                    notation="F({})")  # DLMF 7.10.2
erfinv   = ufunc("erfinv",   lambda x, y: ROOT_PI / 2 * np.exp(square(y)),  notation="erfinv({})", domain=(-0.9, 0.9))
erfcinv  = ufunc("erfcinv",  lambda x, y: -ROOT_PI / 2 * np.exp(square(y)), notation="erfcinv({})", domain=(0.1, 1.9))
ndtr     = ufunc("ndtr",     lambda x, y: density(x),                       notation="Phi({})")
ndtri    = ufunc("ndtri",    lambda p, y: ROOT_2PI * np.exp(0.5 * square(y)), notation="Phi^-1({})", domain=(0.1, 0.9))
mills    = curve("mills",    lambda x: ROOT_2 / ROOT_PI / special.erfcx(-x / ROOT_2), lambda x, y: -y * (x + y), notation="phi/Phi({})")  # the hazard of -x: Phi'/Phi, no quotient of tails
log_ndtr = ufunc("log_ndtr", lambda x, y: mills(x),                         notation="log Phi({})", definition=lambda x: np.log(ndtr(x)))
owens_t  = ufunc("owens_t",  lambda h, a, y: -0.5 * density(h) * erf(a * h / ROOT_2), lambda h, a, y: np.exp(-0.5 * square(h) * (1 + square(a))) / (2 * pi * (1 + square(a))), notation="T({}, {})")
# --- logits and entropies
logit    = ufunc("logit",    lambda x, y: 1 / (x * (1 - x)),                notation="logit({})", domain=OPEN_UNIT)
log_expit = ufunc("log_expit", lambda x, y: sigmoid(-x),                   notation="log sigma({})", definition=lambda x: np.log(sigmoid(x)))
xlogy    = ufunc("xlogy",    lambda x, y, z: np.log(y),   lambda x, y, z: _ratio(x, y),     notation="{} log({})", domain=POSITIVE)
xlog1py  = ufunc("xlog1py",  lambda x, y, z: np.log1p(y), lambda x, y, z: _ratio(x, 1 + y), notation="{} log1p({})", domain=POSITIVE)
entr     = ufunc("entr",     lambda x, y: -np.log(x) - 1,                   notation="entr({})", domain=POSITIVE)
rel_entr = ufunc("rel_entr", lambda x, y, z: np.log(x / y) + 1, lambda x, y, z: -_ratio(x, y),    notation="rel_entr({}, {})", domain=POSITIVE)
kl_div   = ufunc("kl_div",   lambda x, y, z: np.log(x / y),     lambda x, y, z: 1 - _ratio(x, y), notation="kl({}, {})", domain=POSITIVE)
# --- the gamma function and its relatives: DLMF 5, 8, 25.11; A&S 6
gammaln  = ufunc("gammaln",  lambda x, y: digamma(x),                       notation="log|Gamma({})|", domain=(0.2, 4))
loggamma = ufunc("loggamma", lambda x, y: digamma(x),                       notation="log Gamma({})", domain=(0.2, 4))
gamma    = ufunc("gamma",    lambda x, y: y * digamma(x),                   notation="Gamma({})", domain=(0.3, 4))
rgamma   = ufunc("rgamma",   lambda x, y: -y * digamma(x),                  notation="1 / Gamma({})", domain=(0.3, 4))
digamma  = ufunc("digamma",  lambda x, y: _trigamma(x),                      notation="psi({})", domain=(0.3, 4))
polygamma = REGISTRY.add(Primitive("polygamma", _polygamma, Pointwise(), Slopes((lambda x, y, n: polygamma(x, n=n + 1),)), "psi^(n)({})",
    ((0.5, 4),), example=lambda rng: ((rng.uniform(0.5, 4, (3,)),), {"n": int(rng.integers(0, 4))})))
poch     = ufunc("poch",     lambda a, m, y: y * (digamma(a + m) - digamma(a)), lambda a, m, y: y * digamma(a + m), notation="({})_{}", domain=(0.5, 3))
binom    = ufunc("binom",    lambda n, k, y: y * (digamma(n + 1) - digamma(n - k + 1)), lambda n, k, y: y * (digamma(n - k + 1) - digamma(k + 1)), notation="binom({}, {})", domain=((2.1, 4), (0.1, 1.9)))
beta     = ufunc("beta",     lambda a, b, y: y * (digamma(a) - digamma(a + b)), lambda a, b, y: y * (digamma(b) - digamma(a + b)), notation="B({}, {})", domain=(0.3, 4))
betaln   = ufunc("betaln",   lambda a, b, y: digamma(a) - digamma(a + b),       lambda a, b, y: digamma(b) - digamma(a + b),       notation="log B({}, {})", domain=(0.3, 4))
gammasgn = flat("gammasgn",  _scipy("gammasgn"), domain=((0.2, 4),))
zeta     = ordered("zeta",         "s",   lambda s, q, y: -s * zeta(s + 1, q),               notation="zeta({}, {})", orders=(2, 5), domain=((2, 5), (0.5, 3)))  # DLMF 25.11.17
gammainc    = ordered("gammainc",    "a",   lambda a, x, y: _gamma_density(a, x),              notation="P({}, {})",    orders=(1, 5), domain=((1, 5), (0.3, 4)))
gammaincc   = ordered("gammaincc",   "a",   lambda a, x, y: -_gamma_density(a, x),             notation="Q({}, {})",    orders=(1, 5), domain=((1, 5), (0.3, 4)))
gammaincinv = ordered("gammaincinv", "a",   lambda a, p, y: 1 / _gamma_density(a, y),          notation="P^-1({}, {})", orders=(1, 5), domain=((1, 5), (0.1, 0.9)))
gammainccinv = ordered("gammainccinv", "a", lambda a, p, y: -1 / _gamma_density(a, y),         notation="Q^-1({}, {})", orders=(1, 5), domain=((1, 5), (0.1, 0.9)))
betainc     = ordered("betainc",     "a b", lambda a, b, x, y: _beta_density(a, b, x),         notation="I({}, {}, {})", orders=(1, 4), domain=((1, 4), (1, 4), (0.1, 0.9)))
betaincc    = ordered("betaincc",    "a b", lambda a, b, x, y: -_beta_density(a, b, x),        notation="Ic({}, {}, {})", orders=(1, 4), domain=((1, 4), (1, 4), (0.1, 0.9)))
betaincinv  = ordered("betaincinv",  "a b", lambda a, b, p, y: 1 / _beta_density(a, b, y),     notation="I^-1({}, {}, {})", orders=(1, 4), domain=((1, 4), (1, 4), (0.1, 0.9)))
chdtr    = ordered("chdtr",    "v", lambda v, x, y: 0.5 * _gamma_density(0.5 * v, 0.5 * x),    notation="chi2({}, {})", orders=(1, 6), domain=((1, 6), (0.3, 4)))  # A&S 26.4.1
chdtrc   = ordered("chdtrc",   "v", lambda v, x, y: -0.5 * _gamma_density(0.5 * v, 0.5 * x),   notation="1 - chi2({}, {})", orders=(1, 6), domain=((1, 6), (0.3, 4)))
stdtr    = ordered("stdtr",    "df", lambda v, t, y: _t_density(v, t),                         notation="t({}, {})", orders=(1, 6), domain=((1, 6), (-3, 3)))
stdtrit  = ordered("stdtrit",  "df", lambda v, p, y: 1 / _t_density(v, y),                     notation="t^-1({}, {})", orders=(2, 6), domain=((2, 6), (0.1, 0.9)))
pdtr     = counted("pdtr", lambda k, m, y: -_poisson_mass(k, m), notation="Poisson({}, {})")
pdtrc    = counted("pdtrc", lambda k, m, y: _poisson_mass(k, m),  notation="1 - Poisson({}, {})")
# --- Bessel functions: DLMF 10.6, 10.29; A&S 9.1.27, 9.6.26
j0       = ufunc("j0",  lambda x, y: -j1(x),                                     notation="J0({})")
j1       = ufunc("j1",  lambda x, y: 0.5 * (j0(x) - jv(2.0, x)),                 notation="J1({})")
y0       = ufunc("y0",  lambda x, y: -y1(x),                                     notation="Y0({})", domain=(0.5, 3))
y1       = ufunc("y1",  lambda x, y: 0.5 * (y0(x) - yv(2.0, x)),                 notation="Y1({})", domain=(0.5, 3))
i0       = ufunc("i0",  lambda x, y: i1(x),                                      notation="I0({})")
i1       = ufunc("i1",  lambda x, y: 0.5 * (i0(x) + iv(2.0, x)),                 notation="I1({})")
i0e      = ufunc("i0e", lambda x, y: i1e(x) - np.sign(x) * y,                    notation="I0e({})", domain=POSITIVE)
i1e      = ufunc("i1e", lambda x, y: 0.5 * (i0e(x) + ive(2.0, x)) - np.sign(x) * y, notation="I1e({})", domain=POSITIVE)
k0       = ufunc("k0",  lambda x, y: -k1(x),                                     notation="K0({})", domain=(0.5, 3))
k1       = ufunc("k1",  lambda x, y: -0.5 * (k0(x) + kv(2.0, x)),                notation="K1({})", domain=(0.5, 3))
k0e      = ufunc("k0e", lambda x, y: y - k1e(x),                                 notation="K0e({})", domain=(0.5, 3))
k1e      = ufunc("k1e", lambda x, y: y - 0.5 * (k0e(x) + kve(2.0, x)),           notation="K1e({})", domain=(0.5, 3))
jv       = ordered("jv",  "v", lambda v, x, y: 0.5 * (jv(v - 1, x) - jv(v + 1, x)),                        notation="J({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
yv       = ordered("yv",  "v", lambda v, x, y: 0.5 * (yv(v - 1, x) - yv(v + 1, x)),                        notation="Y({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
iv       = ordered("iv",  "v", lambda v, x, y: 0.5 * (iv(v - 1, x) + iv(v + 1, x)),                        notation="I({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
kv       = ordered("kv",  "v", lambda v, x, y: -0.5 * (kv(v - 1, x) + kv(v + 1, x)),                       notation="K({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
ive      = ordered("ive", "v", lambda v, x, y: 0.5 * (ive(v - 1, x) + ive(v + 1, x)) - np.sign(x) * y,     notation="Ie({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
kve      = ordered("kve", "v", lambda v, x, y: y - 0.5 * (kve(v - 1, x) + kve(v + 1, x)),                  notation="Ke({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
# --- integrals of exponentials, hypergeometric and elliptic functions: DLMF 6, 8.19, 13.3, 15.5, 19.5
expi     = ufunc("expi",   lambda x, y: np.exp(x) / x,                        notation="Ei({})", domain=(0.5, 3))
exp1     = ufunc("exp1",   lambda x, y: -np.exp(-x) / x,                      notation="E1({})", domain=(0.5, 3))
expn     = ordered("expn", "n", _expn_slope,                                                               notation="E({}, {})", orders=(0, 4), domain=((0, 4), (0.5, 3)))
spence   = ufunc("spence", _spence_slope,                                    notation="Li2(1 - {})", domain=(0.2, 3))
exprel   = ufunc("exprel", lambda x, y: 0.5 * hyp1f1(2.0, 3.0, x),            notation="exprel({})", definition=lambda x: np.expm1(x) / x)
hyp0f1   = ordered("hyp0f1", "b",     lambda b, x, y: hyp0f1(b + 1, x) / b,                                notation="0F1({}, {})", orders=(1, 4), domain=((1, 4), (-1, 1)))
hyp1f1   = ordered("hyp1f1", "a b",   lambda a, b, x, y: a / b * hyp1f1(a + 1, b + 1, x),                  notation="1F1({}, {}, {})", orders=(1, 4), domain=((1, 4), (1, 4), (-1, 1)))
hyperu   = ordered("hyperu", "a b",   lambda a, b, x, y: -a * hyperu(a + 1, b + 1, x),                     notation="U({}, {}, {})", orders=(1, 4), domain=((1, 4), (1, 4), (0.5, 2)))
hyp2f1   = ordered("hyp2f1", "a b c", lambda a, b, c, x, y: a * b / c * hyp2f1(a + 1, b + 1, c + 1, x),    notation="2F1({}, {}, {}, {})", orders=(1, 4), domain=((1, 4), (1, 4), (1, 4), (-0.5, 0.5)))
ellipk   = ufunc("ellipk", lambda m, y: pi / 8 * hyp2f1(1.5, 1.5, 2.0, m),    notation="K({})", domain=(-0.5, 0.5))
ellipe   = ufunc("ellipe", lambda m, y: -pi / 8 * hyp2f1(0.5, 1.5, 2.0, m),   notation="E({})", domain=(-0.5, 0.5))
# --- powers and losses
exp10    = ufunc("exp10",  lambda x, y: LOG10 * y,                            notation="10^{}", domain=(-2, 2))
cosm1    = ufunc("cosm1",  lambda x, y: -np.sin(x),                           notation="cos({}) - 1", definition=lambda x: np.cos(x) - 1)
wrightomega = ufunc("wrightomega", lambda x, y: y / (1 + y),             notation="omega({})")
boxcox   = ufunc("boxcox",   lambda x, l, y: np.power(x, l - 1),     lambda x, l, y: _log_power(np.log(x), l),   notation="boxcox({}, {})", domain=((0.3, 3), (-2, 2)))
boxcox1p = ufunc("boxcox1p", lambda x, l, y: np.power(1 + x, l - 1), lambda x, l, y: _log_power(np.log1p(x), l), notation="boxcox1p({}, {})", domain=((0.3, 3), (-2, 2)))
inv_boxcox   = ufunc("inv_boxcox",   lambda y, l, x: np.power(x, 1 - l),     lambda y, l, x: -np.power(x, 1 - l) * _log_power(np.log(x), l),       notation="boxcox^-1({}, {})", domain=((-0.4, 0.4), (-1, 1)))
inv_boxcox1p = ufunc("inv_boxcox1p", lambda y, l, x: np.power(1 + x, 1 - l), lambda y, l, x: -np.power(1 + x, 1 - l) * _log_power(np.log1p(x), l), notation="boxcox1p^-1({}, {})", domain=((-0.4, 0.4), (-1, 1)))
huber        = ufunc("huber",        lambda d, r, y: np.maximum(np.abs(r) - d, 0.0),                lambda d, r, y: _clipped(d, r),        notation="huber({}, {})", domain=((0.2, 0.9), (1, 3)))
pseudo_huber = ufunc("pseudo_huber", lambda d, r, y: square(y / d) / np.hypot(d, r), lambda d, r, y: r / np.hypot(1.0, r / d), notation="pseudo_huber({}, {})", domain=((0.5, 3), (-3, 3)))
riemann_zeta = REGISTRY.add(Primitive("riemann_zeta", lambda s: special._ufuncs._riemann_zeta(s), Pointwise(), Refusal("no derivative of Riemann's zeta function is implemented"), "zeta({})", ((2, 5),)))
# fmt: on

# what SciPy calls by another name, and its own versions of NumPy's
ALIASES = {
    "expit": sigmoid, "psi": digamma, "kn": kv, "yn": yv, "_zeta": zeta,
    "_riemann_zeta": riemann_zeta, "cbrt": curves.cbrt, "exp2": curves.exp2,
    "expm1": curves.expm1, "log1p": curves.log1p, "round": curves.rint,
}  # fmt: skip
REGISTRY.names.update(ALIASES, gammasgn=gammasgn)
