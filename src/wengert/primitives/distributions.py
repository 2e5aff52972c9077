"""More of SciPy's special functions: polynomials, distributions, and integrals with two results.

One row each, as in `special`. Where a row has a word instead of a slope, the operand of that name
has no derivative here and refuses. Polynomials are computed by SciPy's recurrences wherever their
degrees are whole numbers.
"""

from math import pi

import numpy as np

from wengert.ir.families import Pointwise
from wengert.ir.lazy import special
from wengert.ir.primitive import REALS, REGISTRY, Primitive, Slopes
from wengert.primitives.curves import square
from wengert.primitives.special import (
    ROOT_2PI,
    _beta_density,
    _gamma_density,
    _poisson_mass,
    _scipy,
    hyp2f1,
    i0,
    ive,
    j0,
    jv,
    k0,
    mills,
    ndtri,
    refused,
    y0,
)

DEGREE = pi / 180
NAMES: set[str] = set()
"""The records of this file."""
UNIT, NEAR = (0.1, 0.9), (0.3, 2.5)


def row(name, *slopes, notation, domain, evaluate=None):
    """Register a function by its slopes; where one is a word, the operand it names refuses."""
    rules = [refused(name, s, i) if isinstance(s, str) else s for i, s in enumerate(slopes)]
    whole = [isinstance(s, str) or s is None for s in slopes]
    domains = domain if isinstance(domain[0], tuple) else (domain,) * len(slopes)

    def example(rng):
        """Operands without a derivative are whole numbers, of a type that leaves others theirs."""
        pairs = zip(domains, whole, strict=True)
        xs = [rng.integers(*d, (3,), np.int8) if w else rng.uniform(*d, (3,)) for d, w in pairs]
        return tuple(xs), {}

    record = Primitive(
        name, evaluate or _scipy(name), Pointwise(), Slopes(tuple(rules)), notation, domains,
        None, example if any(whole) else None,
    )  # fmt: skip
    REGISTRY.names[name] = REGISTRY.add(record)
    NAMES.add(name)
    return record


def degree(name, *slopes, notation, domain):
    """The like for a polynomial, whose first operand is its degree."""
    return row(name, *slopes, notation=notation, domain=domain, evaluate=_whole(name, 0))


def _whole(name, *places):
    """SciPy's ufunc, given integers in these places wherever what stands there is whole."""

    def evaluate(*xs):
        dtype = np.result_type(*xs)
        pairs = enumerate(xs)
        given = [_integers(x) if i in places else np.asarray(x, dtype)[()] for i, x in pairs]
        return np.asarray(getattr(special, name)(*given)).astype(dtype)[()]

    return evaluate


def _integers(n):
    n = np.asarray(n).real
    return (n.astype(np.int64) if np.all(np.isfinite(n) & (n == np.rint(n))) else n)[()]


def parts(name, *records):
    """SciPy's function of several results: each is a record of its own."""
    REGISTRY.names[name] = lambda *xs: tuple([record(*xs) for record in records])


def part(name, k, *slopes, notation, domain):
    """The k-th result of SciPy's function of the name before the underscore."""

    def evaluate(*xs):
        dtype = np.result_type(*xs)
        given = [np.asarray(x, dtype)[()] for x in xs]
        return getattr(special, name.partition("_")[0])(*given)[k]

    return row(name, *slopes, notation=notation, domain=domain, evaluate=evaluate)


def _below(n, polynomial, *xs):
    """The polynomial of one degree less; 0 for that of degree 0, which is constant."""
    return np.where(n == 0, 0.0, polynomial(np.where(n == 0, 1.0, n) - 1, *xs))


def _f_density(d, e, x):
    """The density of the F distribution. DLMF 8.17.1 at w = d x / (d x + e)."""
    s = d * x + e
    return _beta_density(0.5 * d, 0.5 * e, d * x / s) * (d / s) * (e / s)


def _quotient(x, y, limit=0.0):
    return np.where(x == 0, limit, y / np.where(x == 0, 1.0, x))


def _binomial(k, n, p):
    """The density in p of having more than k of n: p^k (1-p)^(n-k-1) / B(k+1, n-k)."""
    k = np.floor(k)
    all_of_them = k >= n
    density = _beta_density(k + 1, np.where(all_of_them, k + 1, n) - k, p)
    return np.where(all_of_them, 0.0, density)


# fmt: off
# --- orthogonal polynomials: DLMF 18.9.15-27
N = (0, 6)
gegenbauer  = degree("eval_gegenbauer",  "n", "alpha", lambda n, a, x, y: 2 * a * _below(n, gegenbauer, a + 1, x),             notation="C({}, {}, {})", domain=(N, (1, 4), UNIT))
jacobi      = degree("eval_jacobi",      "n", "alpha", "beta", lambda n, a, b, x, y: 0.5 * (n + a + b + 1) * _below(n, jacobi, a + 1, b + 1, x), notation="P({}, {}, {}, {})", domain=(N, (0, 3), (0, 3), UNIT))
genlaguerre = degree("eval_genlaguerre", "n", "alpha", lambda n, a, x, y: -_below(n, genlaguerre, a + 1, x),                   notation="L({}, {}, {})", domain=(N, (0, 3), NEAR))
laguerre    = degree("eval_laguerre",    "n", lambda n, x, y: -_below(n, genlaguerre, 1.0, x),                                 notation="L({}, {})",   domain=(N, NEAR))
legendre    = degree("eval_legendre",    "n", lambda n, x, y: 0.5 * (n + 1) * _below(n, jacobi, 1.0, 1.0, x),                  notation="P({}, {})",   domain=(N, UNIT))
sh_legendre = degree("eval_sh_legendre", "n", lambda n, x, y: (n + 1) * _below(n, jacobi, 1.0, 1.0, 2 * x - 1),                notation="P*({}, {})",  domain=(N, UNIT))
sh_jacobi   = degree("eval_sh_jacobi",   "n", "p", "q", lambda n, p, q, x, y: n * _below(n, sh_jacobi, p + 2, q + 1, x),        notation="G({}, {}, {}, {})", domain=(N, (2, 4), (1, 2), UNIT))
chebyu      = degree("eval_chebyu",      "n", lambda n, x, y: 2 * _below(n, gegenbauer, 2.0, x),                               notation="U({}, {})",   domain=(N, UNIT))
chebyt      = degree("eval_chebyt",      "n", lambda n, x, y: n * _below(n, chebyu, x),                                        notation="T({}, {})",   domain=(N, UNIT))
chebys      = degree("eval_chebys",      "n", lambda n, x, y: _below(n, gegenbauer, 2.0, 0.5 * x),                             notation="S({}, {})",   domain=(N, UNIT))
chebyc      = degree("eval_chebyc",      "n", lambda n, x, y: n * _below(n, chebys, x),                                        notation="C({}, {})",   domain=(N, UNIT))
sh_chebyu   = degree("eval_sh_chebyu",   "n", lambda n, x, y: 4 * _below(n, gegenbauer, 2.0, 2 * x - 1),                       notation="U*({}, {})",  domain=(N, UNIT))
sh_chebyt   = degree("eval_sh_chebyt",   "n", lambda n, x, y: 2 * n * _below(n, sh_chebyu, x),                                 notation="T*({}, {})",  domain=(N, UNIT))
hermite     = degree("eval_hermite",     "n", lambda n, x, y: 2 * n * _below(n, hermite, x),                                   notation="H({}, {})",   domain=(N, UNIT))
hermitenorm = degree("eval_hermitenorm", "n", lambda n, x, y: n * _below(n, hermitenorm, x),                                   notation="He({}, {})",  domain=(N, UNIT))
# --- distributions: DLMF 8.17, A&S 26
betainccinv = row("betainccinv", "a", "b", lambda a, b, p, y: -1 / _beta_density(a, b, y),       notation="Ic^-1({}, {}, {})", domain=((1, 4), (1, 4), UNIT))
bdtr   = row("bdtr",   None, None, lambda k, n, p, y: -_binomial(k, n, p),         notation="binomial({}, {}, {})",    domain=((0, 3), (4, 7), UNIT), evaluate=_whole("bdtr", 1))
bdtrc  = row("bdtrc",  None, None, lambda k, n, p, y: _binomial(k, n, p),          notation="1 - binomial({}, {}, {})", domain=((0, 3), (4, 7), UNIT), evaluate=_whole("bdtrc", 1))
bdtri  = row("bdtri",  None, None, lambda k, n, q, y: -1 / _binomial(k, n, y),     notation="binomial^-1({}, {}, {})", domain=((0, 3), (4, 7), UNIT), evaluate=_whole("bdtri", 1))
nbdtr  = row("nbdtr",  None, None, lambda k, n, p, y: _beta_density(n, np.floor(k) + 1, p),  notation="nb({}, {}, {})",     domain=((0, 3), (1, 5), UNIT), evaluate=_whole("nbdtr", 0, 1))
nbdtrc = row("nbdtrc", None, None, lambda k, n, p, y: -_beta_density(n, np.floor(k) + 1, p), notation="1 - nb({}, {}, {})", domain=((0, 3), (1, 5), UNIT), evaluate=_whole("nbdtrc", 0, 1))
nbdtri = row("nbdtri", None, None, lambda k, n, q, y: 1 / _beta_density(n, np.floor(k) + 1, y), notation="nb^-1({}, {}, {})", domain=((0, 3), (1, 5), UNIT), evaluate=_whole("nbdtri", 0, 1))
fdtr   = row("fdtr",   "dfn", "dfd", lambda d, e, x, y: _f_density(d, e, x),       notation="F({}, {}, {})",           domain=((1, 6), (2, 6), NEAR))
fdtrc  = row("fdtrc",  "dfn", "dfd", lambda d, e, x, y: -_f_density(d, e, x),      notation="1 - F({}, {}, {})",       domain=((1, 6), (2, 6), NEAR))
fdtri  = row("fdtri",  "dfn", "dfd", lambda d, e, p, y: 1 / _f_density(d, e, y),   notation="F^-1({}, {}, {})",        domain=((1, 6), (2, 6), UNIT))
gdtr   = row("gdtr",   lambda a, b, x, y: x * _gamma_density(b, a * x), "b", lambda a, b, x, y: a * _gamma_density(b, a * x),    notation="gamma({}, {}, {})",     domain=(NEAR, (1, 5), NEAR))
gdtrc  = row("gdtrc",  lambda a, b, x, y: -x * _gamma_density(b, a * x), "b", lambda a, b, x, y: -a * _gamma_density(b, a * x),  notation="1 - gamma({}, {}, {})", domain=(NEAR, (1, 5), NEAR))
gdtrix = row("gdtrix", lambda a, b, p, x: -x / a, "b", lambda a, b, p, x: 1 / (a * _gamma_density(b, a * x)),                    notation="gamma^-1({}, {}, {})",  domain=(NEAR, (1, 5), UNIT))
gdtria = row("gdtria", lambda p, b, x, a: 1 / (x * _gamma_density(b, a * x)), "b", lambda p, b, x, a: -a / x,                    notation="gamma_a({}, {}, {})",   domain=(UNIT, (1, 5), NEAR))
chdtri = row("chdtri", "v", lambda v, p, y: -2 / _gamma_density(0.5 * v, 0.5 * y), notation="chi2^-1({}, {})",                   domain=((1, 6), UNIT))
pdtri  = row("pdtri",  None, lambda k, p, m: -1 / _poisson_mass(k, m),             notation="Poisson^-1({}, {})",                domain=((0, 5), UNIT))
chndtr = row("chndtr", lambda x, k, c, y: 0.5 * np.exp(-0.5 * square(np.sqrt(x) - np.sqrt(c))) * np.power(x / c, 0.25 * k - 0.5) * ive(0.5 * k - 1, np.sqrt(c * x)), "df",
    lambda x, k, c, y: 0.5 * (chndtr(x, k + 2, c) - y), notation="chi2({}, {}, {})", domain=(NEAR, (2, 6), NEAR))
nrdtrimn  = row("nrdtrimn", lambda p, s, x, m: -s * ROOT_2PI * np.exp(0.5 * square(ndtri(p))), lambda p, s, x, m: -ndtri(p), lambda p, s, x, m: 1, notation="normal_m({}, {}, {})", domain=(UNIT, NEAR, NEAR))
nrdtrisd  = row("nrdtrisd", lambda m, p, x, s: -1 / ndtri(p), lambda m, p, x, s: -s / ndtri(p) * ROOT_2PI * np.exp(0.5 * square(ndtri(p))), lambda m, p, x, s: 1 / ndtri(p), notation="normal_s({}, {}, {})", domain=((0.1, 0.5), (0.6, 0.9), (1, 3)))
ndtri_exp = row("ndtri_exp", lambda y, x: 1 / mills(x),                             notation="Phi^-1(exp {})", domain=(-3, -0.2))
tklmbda   = row("tklmbda", lambda x, l, y: 1 / (np.power(y, l - 1) + np.power(1 - y, l - 1)), "lmbda", notation="tukey({}, {})", domain=((-0.3, 0.3), (1, 3)))
# --- circular functions of degrees, powers, elliptic integrals: DLMF 19.4
sindg    = row("sindg", lambda x, y: DEGREE * cosdg(x),              notation="sin {} deg",  domain=REALS)
cosdg    = row("cosdg", lambda x, y: -DEGREE * sindg(x),             notation="cos {} deg",  domain=REALS)
tandg    = row("tandg", lambda x, y: DEGREE * (1 + y * y),           notation="tan {} deg",  domain=REALS)
cotdg    = row("cotdg", lambda x, y: -DEGREE * (1 + y * y),          notation="cot {} deg",  domain=(20, 70))
radian   = row("radian", lambda d, m, s, y: DEGREE, lambda d, m, s, y: DEGREE / 60, lambda d, m, s, y: DEGREE / 3600, notation="radian({}, {}, {})", domain=REALS)
powm1    = row("powm1", lambda x, p, y: p * np.power(x, p - 1), lambda x, p, y: (y + 1) * np.log(x), notation="{}^{} - 1", domain=NEAR)
ellipkm1  = row("ellipkm1", lambda p, y: -pi / 8 * hyp2f1(1.5, 1.5, 2.0, 1 - p), notation="K(1 - {})", domain=(0.5, 1.5))
ellipkinc = row("ellipkinc", lambda t, m, y: 1 / np.sqrt(1 - m * square(np.sin(t))), "m", notation="F({}, {})", domain=((-1, 1), (0, 1)))
ellipeinc = row("ellipeinc", lambda t, m, y: np.sqrt(1 - m * square(np.sin(t))), "m",     notation="E({}, {})", domain=((-1, 1), (0, 1)))
# --- functions of Bessel's kind: DLMF 10.6, 10.46, 10.61, 11.4, 12.2
jve      = row("jve", "v", lambda v, x, y: 0.5 * (jv(v - 1, x) - jv(v + 1, x)),   notation="Je({}, {})", domain=((0, 4), NEAR))
struve   = row("struve", "v", lambda v, x, y: struve(v - 1, x) - v * y / x,       notation="H({}, {})",  domain=((0, 4), NEAR))
modstruve = row("modstruve", "v", lambda v, x, y: modstruve(v - 1, x) - v * y / x, notation="Lv({}, {})", domain=((0, 4), NEAR))
itstruve0 = row("itstruve0", lambda x, y: struve(0.0, x),                          notation="int H0({})", domain=NEAR)
itmodstruve0 = row("itmodstruve0", lambda x, y: modstruve(0.0, x),                 notation="int L0({})", domain=NEAR)
it2struve0 = row("it2struve0", lambda x, y: -struve(0.0, x) / x,                   notation="int H0/t({})", domain=NEAR)
wright_bessel = row("wright_bessel", "a", "b", lambda a, b, x, y: wright_bessel(a, a + b, x), notation="Wr({}, {}, {})", domain=((0, 3), (1, 4), NEAR))
ber      = row("ber",  lambda x, y: berp(x),                              notation="ber({})",  domain=NEAR)
bei      = row("bei",  lambda x, y: beip(x),                              notation="bei({})",  domain=NEAR)
berp     = row("berp", lambda x, y: -bei(x) - _quotient(x, y),            notation="ber'({})", domain=NEAR)
beip     = row("beip", lambda x, y: ber(x) - _quotient(x, y, 0.5),        notation="bei'({})", domain=NEAR)
ker      = row("ker",  lambda x, y: kerp(x),                              notation="ker({})",  domain=NEAR)
kei      = row("kei",  lambda x, y: keip(x),                              notation="kei({})",  domain=NEAR)
kerp     = row("kerp", lambda x, y: -kei(x) - y / x,                      notation="ker'({})", domain=NEAR)
keip     = row("keip", lambda x, y: ker(x) - y / x,                       notation="kei'({})", domain=NEAR)
# --- of several results: DLMF 6.2, 7.2, 9.2, 22.13
fresnel_s = part("fresnel_s", 0, lambda x, y: np.sin(0.5 * pi * square(x)), notation="S({})", domain=REALS)
fresnel_c = part("fresnel_c", 1, lambda x, y: np.cos(0.5 * pi * square(x)), notation="C({})", domain=REALS)
sici_s   = part("sici_s", 0, lambda x, y: _quotient(x, np.sin(x), 1.0),     notation="Si({})",  domain=NEAR)
sici_c   = part("sici_c", 1, lambda x, y: np.cos(x) / x,                    notation="Ci({})",  domain=NEAR)
shichi_s = part("shichi_s", 0, lambda x, y: _quotient(x, np.sinh(x), 1.0),  notation="Shi({})", domain=NEAR)
shichi_c = part("shichi_c", 1, lambda x, y: np.cosh(x) / x,                 notation="Chi({})", domain=NEAR)
airy_a   = part("airy_a", 0, lambda x, y: airy_b(x),                        notation="Ai({})",  domain=REALS)
airy_b   = part("airy_b", 1, lambda x, y: x * airy_a(x),                    notation="Ai'({})", domain=REALS)
airy_c   = part("airy_c", 2, lambda x, y: airy_d(x),                        notation="Bi({})",  domain=REALS)
airy_d   = part("airy_d", 3, lambda x, y: x * airy_c(x),                    notation="Bi'({})", domain=REALS)
itj0y0_j = part("itj0y0_j", 0, lambda x, y: j0(x),                          notation="int J0({})", domain=NEAR)
itj0y0_y = part("itj0y0_y", 1, lambda x, y: y0(x),                          notation="int Y0({})", domain=NEAR)
iti0k0_i = part("iti0k0_i", 0, lambda x, y: i0(x),                          notation="int I0({})", domain=NEAR)
iti0k0_k = part("iti0k0_k", 1, lambda x, y: k0(x),                          notation="int K0({})", domain=NEAR)
ellipj_s = part("ellipj_s", 0, lambda u, m, y: ellipj_c(u, m) * ellipj_d(u, m), "m",      notation="sn({}, {})", domain=((-1, 1), (0, 1)))
ellipj_c = part("ellipj_c", 1, lambda u, m, y: -ellipj_s(u, m) * ellipj_d(u, m), "m",     notation="cn({}, {})", domain=((-1, 1), (0, 1)))
ellipj_d = part("ellipj_d", 2, lambda u, m, y: -m * ellipj_s(u, m) * ellipj_c(u, m), "m", notation="dn({}, {})", domain=((-1, 1), (0, 1)))
ellipj_p = part("ellipj_p", 3, lambda u, m, y: ellipj_d(u, m), "m",                       notation="am({}, {})", domain=((-1, 1), (0, 1)))
pbdv_v   = part("pbdv_v", 0, "v", lambda v, x, y: pbdv_d(v, x),                                   notation="D({}, {})",  domain=((0, 4), NEAR))
pbdv_d   = part("pbdv_d", 1, "v", lambda v, x, y: (0.25 * square(x) - v - 0.5) * pbdv_v(v, x),    notation="D'({}, {})", domain=((0, 4), NEAR))
# fmt: on
parts("fresnel", fresnel_s, fresnel_c)
parts("sici", sici_s, sici_c)
parts("shichi", shichi_s, shichi_c)
parts("airy", airy_a, airy_b, airy_c, airy_d)
parts("itj0y0", itj0y0_j, itj0y0_y)
parts("iti0k0", iti0k0_i, iti0k0_k)
parts("ellipj", ellipj_s, ellipj_c, ellipj_d, ellipj_p)
parts("pbdv", pbdv_v, pbdv_d)
