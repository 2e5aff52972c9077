"""scipy.special under wengert: values, both modes, the second order, precision, torch, distributions."""

import numpy as np
import pytest
import scipy
import scipy.stats

import wengert
from wengert.errors import NoDerivativeError
from wengert.ir.primitive import REGISTRY
from wengert.trace.spellings import special as own

special, stats = scipy.special, scipy.stats
NEAR, WIDE = (0.3, 2.5), (-2.5, 2.5)

# fmt: off
# (function, as scipy spells it; the interval of each operand that has a derivative)
TABLE = {
    "erf": (special.erf, WIDE), "erfc": (special.erfc, WIDE), "erfcx": (special.erfcx, WIDE), "erfi": (special.erfi, (-1.5, 1.5)),
    "dawsn": (special.dawsn, WIDE), "erfinv": (special.erfinv, (-.9, .9)), "erfcinv": (special.erfcinv, (.1, 1.9)),
    "ndtr": (special.ndtr, WIDE), "ndtri": (special.ndtri, (.05, .95)), "log_ndtr": (special.log_ndtr, (-9, 3)),
    "owens_t": (special.owens_t, WIDE, WIDE), "expit": (special.expit, WIDE), "logit": (special.logit, (.05, .95)),
    "log_expit": (special.log_expit, WIDE), "xlogy": (special.xlogy, NEAR, NEAR), "xlog1py": (special.xlog1py, NEAR, NEAR),
    "entr": (special.entr, NEAR), "rel_entr": (special.rel_entr, NEAR, NEAR), "kl_div": (special.kl_div, NEAR, NEAR),
    "gammaln": (special.gammaln, NEAR), "gammaln, x < 0": (special.gammaln, (-1.8, -1.2)), "loggamma": (special.loggamma, NEAR),
    "gamma": (special.gamma, NEAR), "gamma, x < 0": (special.gamma, (-1.8, -1.2)), "rgamma": (special.rgamma, NEAR),
    "psi": (special.psi, NEAR), "digamma": (special.digamma, NEAR), "digamma, x < 0": (special.digamma, (-1.8, -1.2)),
    "polygamma": (lambda x: own.polygamma(2, x), NEAR),
    "zeta": (lambda q: special.zeta(2.5, q), NEAR), "poch": (special.poch, NEAR, NEAR), "binom": (special.binom, (2.6, 4), NEAR),
    "beta": (special.beta, NEAR, NEAR), "betaln": (special.betaln, NEAR, NEAR),
    "betainc": (lambda x: special.betainc(1.5, 2.5, x), (.1, .9)), "betaincc": (lambda x: special.betaincc(1.5, 2.5, x), (.1, .9)),
    "betaincinv": (lambda p: special.betaincinv(1.5, 2.5, p), (.1, .9)),
    "gammainc": (lambda x: special.gammainc(1.5, x), NEAR), "gammaincc": (lambda x: special.gammaincc(1.5, x), NEAR),
    "gammaincinv": (lambda p: special.gammaincinv(1.5, p), (.1, .9)), "gammainccinv": (lambda p: special.gammainccinv(1.5, p), (.1, .9)),
    "chdtr": (lambda x: special.chdtr(3, x), NEAR), "chdtrc": (lambda x: special.chdtrc(3, x), NEAR),
    "stdtr": (lambda t: special.stdtr(3, t), WIDE), "stdtrit": (lambda p: special.stdtrit(3, p), (.1, .9)),
    "pdtr": (lambda m: special.pdtr(2, m), NEAR), "pdtrc": (lambda m: special.pdtrc(2, m), NEAR),
    "j0": (special.j0, WIDE), "j1": (special.j1, WIDE), "jv": (lambda x: special.jv(1.5, x), NEAR), "jn": (lambda x: special.jn(2, x), WIDE),
    "y0": (special.y0, NEAR), "y1": (special.y1, NEAR), "yv": (lambda x: special.yv(1.5, x), NEAR), "yn": (lambda x: special.yn(2, x), NEAR),
    "i0": (special.i0, WIDE), "i1": (special.i1, WIDE), "i0e": (special.i0e, NEAR), "i1e": (special.i1e, (-2.5, -.3)),
    "iv": (lambda x: special.iv(1.5, x), NEAR), "ive": (lambda x: special.ive(1.5, x), NEAR), "k0": (special.k0, NEAR), "k1": (special.k1, NEAR),
    "k0e": (special.k0e, NEAR), "k1e": (special.k1e, NEAR), "kv": (lambda x: special.kv(1.5, x), NEAR), "kn": (lambda x: special.kn(2, x), NEAR),
    "kve": (lambda x: special.kve(1.5, x), NEAR), "expi": (special.expi, NEAR), "exp1": (special.exp1, NEAR), "expn": (lambda x: special.expn(2, x), NEAR),
    "expn of 0": (lambda x: special.expn(0, x), NEAR), "spence": (special.spence, NEAR), "exprel": (special.exprel, WIDE),
    "hyp0f1": (lambda x: special.hyp0f1(1.5, x), WIDE), "hyp1f1": (lambda x: special.hyp1f1(1.5, 2.5, x), WIDE),
    "hyperu": (lambda x: special.hyperu(1.5, 2.5, x), NEAR), "hyp2f1": (lambda x: special.hyp2f1(.5, 1.5, 2.5, x), (-.5, .5)),
    "ellipk": (special.ellipk, (-.5, .8)), "ellipe": (special.ellipe, (-.5, .8)), "wrightomega": (special.wrightomega, WIDE),
    "exp2": (special.exp2, WIDE), "exp10": (special.exp10, (-1, 1)), "expm1": (special.expm1, WIDE), "log1p": (special.log1p, NEAR),
    "cosm1": (special.cosm1, WIDE), "cbrt": (special.cbrt, NEAR), "boxcox": (special.boxcox, NEAR, WIDE), "boxcox1p": (special.boxcox1p, NEAR, WIDE),
    "inv_boxcox": (special.inv_boxcox, (-.3, .3), WIDE), "inv_boxcox1p": (special.inv_boxcox1p, (-.3, .3), WIDE),
    "huber": (special.huber, (.3, 1), (1.2, 3)), "huber, inside": (special.huber, (1.2, 3), (-1, 1)),
    "pseudo_huber": (special.pseudo_huber, NEAR, WIDE), "multigammaln": (lambda a: own.multigammaln(a, 3), (1.5, 4)),
}
# fmt: on
ROWS = [pytest.param(f, domains, id=name) for name, (f, *domains) in TABLE.items()]
# SciPy's float32 and its own quadratures are coarser than its float64
STEP, LOOSE = 1e-3, 1e-3


def point(domains, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(low, high, (4,)) for low, high in domains]


def difference(f, xs, vs):
    """Central, of the fourth order."""
    y = [
        np.asarray(f(*[x + k * STEP * v for x, v in zip(xs, vs, strict=True)]))
        for k in (-2, -1, 1, 2)
    ]
    return (y[0] - 8 * y[1] + 8 * y[2] - y[3]) / (12 * STEP)


@pytest.mark.parametrize(("f", "domains"), ROWS)
def test_value_and_both_modes(f, domains):
    xs, vs = point(domains), [np.cos(np.arange(4.0) + i) for i in range(len(domains))]
    y, dy = wengert.jvp(f, tuple(xs), tuple(vs))
    np.testing.assert_allclose(y, f(*xs), rtol=1e-13)
    np.testing.assert_allclose(dy, difference(f, xs, vs), rtol=1e-7, atol=1e-8)
    u = np.sin(1 + np.arange(4.0))
    dxs = wengert.vjp(f, *xs)[1](u)
    back = sum(np.sum(dx * v) for dx, v in zip(dxs, vs, strict=True))
    np.testing.assert_allclose(back, np.sum(u * dy), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("f", "domains"), ROWS)
def test_second_order(f, domains):
    xs, vs = point(domains), [np.cos(np.arange(4.0) + i) for i in range(len(domains))]
    g = wengert.grad(lambda *x: np.sum(f(*x)), argnums=tuple(range(len(xs))))
    ddy = wengert.jvp(g, tuple(xs), tuple(vs))[1]
    for i, d in enumerate(ddy):
        wanted = difference(lambda *x, i=i: g(*x)[i], xs, vs)
        np.testing.assert_allclose(d, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("f", "domains"), ROWS)
def test_float32_stays(f, domains):
    xs = point(domains)
    total = wengert.value_and_grad(lambda *x: np.sum(f(*x)), argnums=tuple(range(len(xs))))
    wide, narrow = total(*xs), total(*[x.astype(np.float32) for x in xs])
    assert narrow[0].dtype == np.float32
    for w, n in zip(wide[1], narrow[1], strict=True):
        assert n.dtype == np.float32
        np.testing.assert_allclose(n, w, rtol=LOOSE, atol=LOOSE)


# fmt: off
TORCH = {  # torch.special's name: ours, where
    "erf": (special.erf, WIDE), "erfc": (special.erfc, WIDE), "erfcx": (special.erfcx, (-1, 2)), "erfinv": (special.erfinv, (-.9, .9)), "expit": (special.expit, WIDE),
    "logit": (special.logit, (.05, .95)), "xlogy": (special.xlogy, NEAR, NEAR), "xlog1py": (special.xlog1py, NEAR, NEAR), "entr": (special.entr, NEAR),
    "gammaln": (special.gammaln, NEAR), "digamma": (special.digamma, NEAR), "ndtr": (special.ndtr, WIDE), "ndtri": (special.ndtri, (.05, .95)),
    "log_ndtr": (special.log_ndtr, (-9, 3)), "i0": (special.i0, WIDE), "i1": (special.i1, NEAR), "i0e": (special.i0e, NEAR), "i1e": (special.i1e, NEAR),
    "expm1": (special.expm1, WIDE), "log1p": (special.log1p, NEAR), "exp2": (special.exp2, WIDE), "sinc": (np.sinc, WIDE),
}
# fmt: on


@pytest.mark.parametrize("name", TORCH)
def test_torch_agrees(name):
    torch = pytest.importorskip("torch")
    f, *domains = TORCH[name]
    xs = point(domains)
    ts = [torch.tensor(x, requires_grad=True) for x in xs]
    getattr(torch.special, name)(*ts).sum().backward()
    ours = wengert.grad(lambda *x: np.sum(f(*x)), argnums=tuple(range(len(xs))))(*xs)
    for t, g in zip(ts, ours, strict=True):
        np.testing.assert_allclose(g, t.grad.numpy(), rtol=1e-9)  # its trigamma has nine digits


# --- the distributions whose densities HIPS/autograd differentiates, in plain NumPy and scipy.special
def normal_logpdf(x, m, s):
    return -(((x - m) / s) ** 2) / 2 - np.log(s) - np.log(2 * np.pi) / 2


def t_logpdf(x, df, m, s):
    z = (x - m) / s
    scale = special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - np.log(np.pi * df) / 2
    return scale - np.log(s) - (df + 1) / 2 * np.log1p(z * z / df)


def beta_logpdf(x, a, b):
    return special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)


def gamma_logpdf(x, a):
    return special.xlogy(a - 1, x) - x - special.gammaln(a)


def chi2_logpdf(x, df):
    return special.xlogy(df / 2 - 1, x) - x / 2 - special.gammaln(df / 2) - df / 2 * np.log(2)


def dirichlet_logpdf(x, a):
    terms = special.xlogy(a - 1, x) - special.gammaln(a)
    return special.gammaln(np.sum(a)) + np.sum(terms)


def mvn_logpdf(x, m, c):
    r = x - m
    return -(r @ np.linalg.solve(c, r) + np.linalg.slogdet(c)[1] + len(x) * np.log(2 * np.pi)) / 2


def poisson_logpmf(k, m):
    return special.xlogy(k, m) - special.gammaln(k + 1) - m


def exp(f):
    return lambda *x: np.exp(f(*x))


COV = np.array([[2.0, 0.3], [0.3, 1.0]])
SIMPLEX, PAIR = np.array([0.2, 0.3, 0.5]), np.array([0.4, -0.7])

# fmt: off
# (ours, scipy.stats', arguments, in which of them there is a derivative)
STATS = {
    "norm.logpdf":   (normal_logpdf, stats.norm.logpdf, (.3, .1, 1.2), (0, 1, 2)),
    "norm.pdf":      (exp(normal_logpdf), stats.norm.pdf, (.3, .1, 1.2), (0, 1, 2)),
    "norm.cdf":      (lambda x, m, s: special.ndtr((x - m) / s), stats.norm.cdf, (.3, .1, 1.2), (0, 1, 2)),
    "norm.sf":       (lambda x, m, s: special.ndtr((m - x) / s), stats.norm.sf, (.3, .1, 1.2), (0, 1, 2)),
    "norm.logcdf":   (lambda x, m, s: special.log_ndtr((x - m) / s), stats.norm.logcdf, (-9., .1, 1.2), (0, 1, 2)),
    "norm.logsf":    (lambda x, m, s: special.log_ndtr((m - x) / s), stats.norm.logsf, (9., .1, 1.2), (0, 1, 2)),
    "t.logpdf":      (t_logpdf, stats.t.logpdf, (.3, 4., .1, 1.2), (0, 1, 2, 3)),
    "t.pdf":         (exp(t_logpdf), stats.t.pdf, (.3, 4., .1, 1.2), (0, 1, 2, 3)),
    "t.cdf":         (lambda x, df, m, s: special.stdtr(df, (x - m) / s), stats.t.cdf, (.3, 4., .1, 1.2), (0, 2, 3)),
    "t.logcdf":      (lambda x, df, m, s: np.log(special.stdtr(df, (x - m) / s)), stats.t.logcdf, (.3, 4., .1, 1.2), (0, 2, 3)),
    "beta.logpdf":   (beta_logpdf, stats.beta.logpdf, (.3, 1.5, 2.5), (0, 1, 2)),
    "beta.pdf":      (exp(beta_logpdf), stats.beta.pdf, (.3, 1.5, 2.5), (0, 1, 2)),
    "beta.cdf":      (lambda x, a, b: special.betainc(a, b, x), stats.beta.cdf, (.3, 1.5, 2.5), (0,)),
    "gamma.logpdf":  (gamma_logpdf, stats.gamma.logpdf, (.7, 1.5), (0, 1)),
    "gamma.pdf":     (exp(gamma_logpdf), stats.gamma.pdf, (.7, 1.5), (0, 1)),
    "gamma.cdf":     (lambda x, a: special.gammainc(a, x), stats.gamma.cdf, (.7, 1.5), (0,)),
    "chi2.logpdf":   (chi2_logpdf, stats.chi2.logpdf, (.7, 3.), (0, 1)),
    "chi2.pdf":      (exp(chi2_logpdf), stats.chi2.pdf, (.7, 3.), (0, 1)),
    "chi2.cdf":      (lambda x, df: special.chdtr(df, x), stats.chi2.cdf, (.7, 3.), (0,)),
    "poisson.logpmf": (poisson_logpmf, stats.poisson.logpmf, (3, 1.7), (1,)),
    "poisson.pmf":   (exp(poisson_logpmf), stats.poisson.pmf, (3, 1.7), (1,)),
    "poisson.cdf":   (special.pdtr, stats.poisson.cdf, (3, 1.7), (1,)),
    "dirichlet.logpdf": (dirichlet_logpdf, stats.dirichlet.logpdf, (SIMPLEX, 3 * SIMPLEX + 1), (1,)),
    "dirichlet.pdf": (exp(dirichlet_logpdf), stats.dirichlet.pdf, (SIMPLEX, 3 * SIMPLEX + 1), (1,)),
    "multivariate_normal.logpdf": (mvn_logpdf, stats.multivariate_normal.logpdf, (PAIR, .3 * PAIR, COV), (0, 1)),
    "multivariate_normal.pdf": (exp(mvn_logpdf), stats.multivariate_normal.pdf, (PAIR, .3 * PAIR, COV), (0, 1)),
    "multivariate_normal.entropy": (lambda c: (np.linalg.slogdet(c)[1] + 2 * (1 + np.log(2 * np.pi))) / 2, lambda c: stats.multivariate_normal.entropy(cov=c), (COV,), ()),
}
# fmt: on


@pytest.mark.parametrize("name", STATS)
def test_distributions(name):
    """Values are scipy.stats'; gradients are the differences of scipy.stats' values."""
    f, scipys, args, moving = STATS[name]
    np.testing.assert_allclose(f(*args), scipys(*args), rtol=1e-12)
    if not moving:
        g = wengert.grad(f)(*args)
        np.testing.assert_allclose(g, np.linalg.inv(*args) / 2, rtol=1e-12)
        return
    for i in moving:
        v = np.cos(np.arange(np.size(args[i]), dtype=float)).reshape(np.shape(args[i]))
        ys = []
        for k in (-2, -1, 1, 2):
            near = [a + k * STEP * v if j == i else a for j, a in enumerate(args)]
            ys.append(scipys(*near))
        wanted = (ys[0] - 8 * ys[1] + 8 * ys[2] - ys[3]) / (12 * STEP)
        g = wengert.grad(f, argnums=i)(*args)
        np.testing.assert_allclose(np.sum(g * v), wanted, rtol=1e-7)


def test_gradient_in_a_covariance():
    """d/dC of the normal density: half of (C^-1 r r' C^-1 - C^-1)."""
    g = wengert.grad(mvn_logpdf, argnums=2)(PAIR, np.zeros(2), COV)
    s, inverse = np.linalg.solve(COV, PAIR), np.linalg.inv(COV)
    np.testing.assert_allclose(g, (np.outer(s, s) - inverse) / 2, rtol=1e-12)


# fmt: off
REFUSED = [
    (lambda a: special.gammainc(a, 1.0), "a"),
    (lambda a: special.gammaincc(a, 1.0), "a"),
    (lambda a: special.betainc(a, 2.0, 0.5), "a"),
    (lambda b: special.betainc(2.0, b, 0.5), "b"),
    (lambda v: special.jv(v, 1.0), "v"),
    (lambda v: special.iv(v, 1.0), "v"),
    (lambda n: special.expn(n, 1.0), "n"),
    (lambda s: special.zeta(s, 1.0), "s"),
    (lambda s: special.zeta(s), "Riemann"),
    (lambda v: special.stdtr(v, 1.0), "df"),
]
# fmt: on


@pytest.mark.parametrize(("f", "operand"), REFUSED)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_what_has_no_derivative_says_so(f, operand, mode):
    with pytest.raises(NoDerivativeError, match=operand):
        wengert.jvp(f, (2.0,), (1.0,)) if mode == "forward" else wengert.grad(f)(2.0)


def test_orders_may_be_arrays():
    n, x = np.array([0, 1, 2]), np.array([0.5, 1.0, 1.5])
    g = wengert.grad(lambda x: np.sum(special.jn(n, x)))(x)
    np.testing.assert_allclose(g, special.jvp(n, x), rtol=1e-13)


# fmt: off
SMOOTH = [
    (special.i1, 0.0, 0.5), (special.j1, 0.0, 0.5), (special.exprel, 0.0, 0.5), (special.spence, 1.0, -1.0),
    (wengert.grad(special.spence), 1.0, 0.5), (wengert.grad(special.exprel), 0.0, 1 / 3),
    (lambda l: special.boxcox(3.0, l), 0.0, np.log(3) ** 2 / 2), (special.ellipk, 0.0, np.pi / 8),
    (special.log_ndtr, -1e4, 1e4 + 1e-4), (special.log_ndtr, 40.0, 0.0), (wengert.grad(special.log_ndtr), 40.0, 0.0),
    (special.erf, 30.0, 0.0), (special.ndtri, 0.5, np.sqrt(2 * np.pi)), (special.gammaln, 1e8, 18.420680738952367),
]
# fmt: on


@pytest.mark.parametrize(("f", "x", "wanted"), SMOOTH)
def test_where_formulas_divide_by_zero(f, x, wanted):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        np.testing.assert_allclose(wengert.grad(f)(x), wanted, rtol=1e-13, atol=1e-300)


def test_order_of_polygamma_is_one_whole_number():
    for n in (-1, 0.5, np.array([1, 2])):
        with pytest.raises(ValueError, match="whole number"):
            own.polygamma(n, 1.0)


def test_names_of_scipys_ufuncs_are_theirs():
    """What a record computes is what SciPy calls so."""
    for name, record in REGISTRY.names.items():
        ufunc = getattr(special, name, None)
        if isinstance(ufunc, np.ufunc) and ufunc.nout == 1:
            xs = [np.array([0.7]) for _ in range(ufunc.nin)]
            if record.example is not None:
                xs = record.example(np.random.default_rng(0))[0]
            np.testing.assert_allclose(record.evaluate(*xs), ufunc(*xs), rtol=1e-13, err_msg=name)


@pytest.mark.parametrize(
    "f",
    [special.fresnel, special.sici, special.shichi, special.airy, special.itj0y0, special.iti0k0,
     lambda x: special.ellipj(x, 0.4), lambda x: special.pbdv(2, x)],
)  # fmt: skip
def test_functions_of_several_results(f):
    x, v = np.array([0.4, 1.1, 2.0]), np.array([1.0, -0.5, 2.0])
    ys, dys = wengert.jvp(f, (x,), (v,))
    assert len(ys) == len(f(x))
    for k, (y, dy) in enumerate(zip(ys, dys, strict=True)):
        np.testing.assert_allclose(y, f(x)[k], rtol=1e-13)
        np.testing.assert_allclose(wengert.jit(f)(x)[k], y, rtol=1e-13)
        wanted = difference(lambda x, k=k: f(x)[k], (x,), (v,))
        np.testing.assert_allclose(dy, wanted, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_polynomials_of_whole_degree(n):
    """At the ends of the interval, where the textbook's quotients are 0/0, and as integers."""
    ends = np.array([-1.0, 0.0, 1.0])
    for name in ("legendre", "chebyt", "chebyu", "hermite", "hermitenorm", "laguerre"):
        f = getattr(special, f"eval_{name}")
        y, dy = wengert.jvp(lambda x, f=f: f(n, x), (ends,), (np.ones(3),))
        np.testing.assert_array_equal(y, f(n, ends))
        wanted = difference(lambda x, f=f: f(n, x), (ends,), (np.ones(3),))
        np.testing.assert_allclose(dy, wanted, rtol=1e-7, atol=1e-7)


COMPLEX = [
    "erf",
    "erfc",
    "erfi",
    "dawsn",
    "loggamma",
    "gamma",
    "rgamma",
    "log_ndtr",
    "exp1",
    "spence",
]


@pytest.mark.parametrize("name", COMPLEX)
def test_holomorphic(name):
    """One complex slope, whatever the direction of the step."""
    f, z = getattr(special, name), 0.7 + 0.4j
    slope = wengert.jvp(f, (z,), (1.0 + 0j,))[1]
    for v in (1.0, 1j):
        np.testing.assert_allclose(slope * v, difference(f, [z], [v]), rtol=1e-7)


def test_complex_trigamma_says_that_there_is_none():
    with pytest.raises(NoDerivativeError, match="complex"):
        wengert.jvp(special.psi, (0.7 + 0.4j,), (1.0 + 0j,))
