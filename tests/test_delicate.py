"""The delicate points: A must hold, B is a convention (docs/delicate.md), C is where others are wrong.

One row a case: its name, the function, where, the value and the gradient in each argument. In rows of
NAIVE, which are of class C, the function as it is written over- or underflows, so NumPy warns.
"""

import numpy as np
import pytest
import scipy

import wengert
from wengert.trace.spellings import special as own

special = scipy.special
inf, nan, pi = np.inf, np.nan, np.pi
THREE = np.array([1.0, 2.0, 3.0])
SMALL = 4.248354255291589e-18  # 1 / (1 + e^40)


def spectrum(w):
    l, v = np.linalg.eigh(np.diag(w))
    return np.trace(v @ np.diag(l) @ v.T)


def without(mask, y):
    return np.where(np.array(mask), 0.0, y)


# fmt: off
A = [
    ("double where",            lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0), ([1., 4.],), 3, ([.5, .25],)),
    ("double where, left out",  lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0), ([0., 4.],), 2, ([0, .25],)),
    ("sqrt(0)",                 np.sqrt, (0.,), 0, (inf,)),
    ("x**2",                    lambda x: x**2, ([0., -3.],), 9, ([0, -6],)),
    ("x**3.",                   lambda x: x**3., (-2.,), -8, (12,)),
    ("x**1.",                   lambda x: x**1., (0.,), 0, (1,)),
    ("x**0",                    lambda x: x**0, (0.,), 1, (0,)),
    ("x**0.",                   lambda x: x**0., (0.,), 1, (0,)),
    ("logsumexp",               own.logsumexp, ([1000., 1000.],), 1000.6931471805599, ([.5, .5],)),
    ("logsumexp, -inf",         own.logsumexp, ([0., -inf],), 0, ([1, 0],)),
    ("softplus",                own.softplus, ([1000., -1000., -40.],), 1000, ([1, 0, SMALL],)),
    ("softplus by logaddexp",   lambda x: np.logaddexp(0.0, x), ([1000., -1000., -40.],), 1000, ([1, 0, SMALL],)),
    ("softplus(-40)",           own.softplus, (-40.,), SMALL, (SMALL,)),
    ("softplus(25)",            own.softplus, (25.,), 25.000000000013888, (.9999999999861121,)),
    ("softplus(inf)",           own.softplus, (inf,), inf, (1,)),
    ("softplus(-inf)",          own.softplus, (-inf,), 0, (0,)),
    ("softplus(nan)",           own.softplus, (nan,), nan, (nan,)),
    ("log_softmax[1]",          lambda z: own.log_softmax(z)[1], ([1000., 0.],), -1000, ([-1, 1],)),
    ("log_softmax[0], -inf",    lambda z: own.log_softmax(z)[0], ([0., -inf],), 0, ([0, 0],)),
    ("cross-entropy",           lambda z: own.softmax_cross_entropy(z, 1), ([1e4, -1e4],), 20000, ([1, -1],)),
    ("cross-entropy, -inf",     lambda z: own.softmax_cross_entropy(z, 1), ([0., -inf],), inf, ([1, -1],)),
    ("cross-entropy, row of Y", lambda z: own.softmax_cross_entropy(z, [0., 1.]), ([1e4, -1e4],), 20000, ([1, -1],)),
    ("xlogy(0, 3)",             special.xlogy, (0., 3.), 0, (np.log(3), 0)),
    ("log1p",                   np.log1p, (1e-20,), 1e-20, (1,)),
    ("expm1",                   np.expm1, (1e-20,), 1e-20, (1,)),
    ("log1p(-1)",               np.log1p, (-1.,), -inf, (inf,)),
    ("ELU",                     own.elu, ([1e4, -1e4, 0.],), 9999, ([1, 0, 1],)),
    ("sinc'",                   np.sinc, (0.,), 1, (0,)),
    ("sinc''",                  wengert.grad(np.sinc), (0.,), 0, (-pi**2 / 3,)),
    ("prod, one zero",          np.prod, ([0., 2., 3.],), 0, ([6, 0, 0],)),
    ("prod, two zeros",         np.prod, ([0., 0., 3.],), 0, ([0, 0, 0],)),
    ("cumprod",                 np.cumprod, ([2., 0., 3.],), 2, ([1, 8, 0],)),
    ("det of a singular one",   np.linalg.det, ([[1., 2.], [2., 4.]],), 0, ([[4, -2], [-2, 1]],)),
    ("eigvalsh, equal",         lambda w: np.linalg.eigvalsh(np.diag(w)), ([1., 1.],), 2, ([1, 1],)),
    ("log of a subnormal",      np.log, (1e-310,), -713.8013788281542, (inf,)),
    ("there and back",          lambda x: x * 1e-308 / 1e-308, (1.,), 1, (1,)),
    ("third of x**2.",          wengert.grad(wengert.grad(lambda x: x**2.)), (0.,), 2, (0,)),
    ("third of tanh",           wengert.grad(wengert.grad(np.tanh)), (0.,), 0, (-2,)),
]
B = [
    ("norm at 0",               np.linalg.norm, ([0., 0., 0.],), 0, ([0, 0, 0],)),
    ("std of constants",        np.std, ([1., 1.],), 0, ([0, 0],)),
    ("hypot(0, 0)",             np.hypot, (0., 0.), 0, (0, 0)),
    ("pow(0, 2)",               np.power, (0., 2.), 0, (0, 0)),
    ("pow(0, 0)",               np.power, (0., 0.), 1, (0, 0)),
    ("pow(-2, 3)",              np.power, (-2., 3.), -8, (12, 0)),
    ("logsumexp, all -inf",     own.logsumexp, ([-inf, -inf],), -inf, ([0, 0],)),
    ("logaddexp, both -inf",    np.logaddexp, (-inf, -inf), -inf, (0, 0)),
    ("logaddexp, both inf",     np.logaddexp, (inf, inf), inf, (.5, .5)),
    ("logaddexp, one inf",      np.logaddexp, (inf, 0.), inf, (1, 0)),
    ("max, a tie",              np.max, ([1., 1., 0.],), 1, ([.5, .5, 0],)),
    ("maximum, a tie",          np.maximum, (1., 1.), 1, (.5, .5)),
    ("minimum, a tie",          np.minimum, (1., 1.), 1, (.5, .5)),
    ("maximum(x, 0) at 0",      lambda x: np.maximum(x, 0), (0.,), 0, (.5,)),
    ("max with nan",            np.max, ([nan, 1.],), nan, ([nan, nan],)),
    ("maximum with nan",        np.maximum, (nan, 1.), nan, (0, 0)),
    ("fmax with nan",           np.fmax, (nan, 1.), 1, (0, 1)),
    ("sort, ties",              lambda x: np.sort(x) * THREE, ([1., 1., 0.],), 5, ([2, 3, 1],)),
    ("abs(0)",                  np.abs, (0.,), 0, (0,)),
    ("relu(0)",                 own.relu, (0.,), 0, (0,)),
    ("leaky relu(0)",           own.leaky_relu, (0.,), 0, (.01,)),
    ("hard tanh(1)",            own.hard_tanh, (1.,), 1, (0,)),
    ("clip at its bounds",      lambda x: np.clip(x, 0, 1), ([0., 1.],), 1, ([.5, .5],)),
    ("arctan2(0, 0)",           np.arctan2, (0., 0.), 0, (0, 0)),
    ("arcsin(1)",               np.arcsin, (1.,), pi / 2, (inf,)),
    ("mod",                     np.mod, (3., 2.), 1, (1, -1)),
    ("sign(0)",                 np.sign, (0.,), 0, (0,)),
    ("floor(0)",                np.floor, (0.,), 0, (0,)),
    ("round(0)",                np.round, (0.,), 0, (0,)),
    ("entr(0)",                 special.entr, (0.,), 0, (inf,)),
    ("xlogy(0, 0) in x",        lambda x: special.xlogy(x, 0.0), (0.,), 0, (-inf,)),
    ("|z|^2",                   lambda z: np.abs(z)**2, (1 + 2j,), 5, (2 + 4j,)),
]
C = [
    ("hypot",                   np.hypot, (3e200, 4e200), 5e200, (.6, .8)),
    ("norm",                    np.linalg.norm, ([3e200, 4e200],), 5e200, ([.6, .8],)),
    ("sigmoid",                 own.sigmoid, ([1000., -1000., 40.],), 2, ([0, 0, SMALL],)),
    ("expit",                   special.expit, ([1000., -1000., 40.],), 2, ([0, 0, SMALL],)),
    ("log sigma by name",       own.log_sigmoid, ([-1000., -40.],), -1040, ([1, 1],)),
    ("naive log sigma, far",    lambda x: np.log(own.sigmoid(x)), ([-40.],), -40, ([1],)),
    ("entropy of softmax",      own.softmax_entropy, ([0., -inf],), 0, ([0, 0],)),
    ("xlogy(0, 0) in y",        lambda y: special.xlogy(0.0, y), (0.,), 0, (0,)),
    ("BCE of probabilities",    lambda p: own.binary_cross_entropy(p, [0., 1.]), ([0., 1.],), 0, ([1, -1],)),
    ("KL",                      lambda q: own.kl_divergence([1., 0.], q), ([.7, .3],), .35667494393873245, ([-1 / .7, 0],)),
    ("tanh",                    np.tanh, ([-20., 1000.],), 0, ([1.6993417021166355e-17, 0],)),
    ("arctan2",                 np.arctan2, (1e-200, 1e-200), pi / 4, (5e199, -5e199)),
    ("equal eigenvalues",       spectrum, ([1., 1.],), 2, ([1, 1],)),
]
NAIVE = [
    ("where(sqrt)",             lambda x: np.where(x > 0, np.sqrt(x), 0), ([0., 4.],), 2, ([0, .25],)),
    ("where(sin x / x)",        lambda x: np.where(x != 0, np.sin(x) / x, 1), ([0., 1.],), 1.8414709848078965, ([0, -.30116867893975674],)),
    ("where(log)",              lambda x: np.where(x > 0, np.log(x), 0), ([0., -1., 2.],), .6931471805599453, ([0, 0, .5],)),
    ("where(exp)",              lambda x: np.where(x < 10, np.exp(x), 0), ([1000., 0.],), 1, ([0, 1],)),
    ("x / 0, left out",         lambda x: without([True, False], x / np.array([0., 1.])), ([1., 1.],), 1, ([0, 1],)),
    ("sqrt(sum x^2) at 0",      lambda x: np.sqrt(np.sum(x**2)), ([0., 0.],), 0, ([0, 0],)),
    ("Hessian of norm^2 at 0",  lambda x: wengert.grad(lambda x: np.linalg.norm(x)**2)(x), ([0., 0.],), 0, ([2, 2],)),
    ("naive logsumexp",         lambda x: np.log(np.sum(np.exp(x))), ([1000., 1000.],), 1000.6931471805599, ([.5, .5],)),
    ("naive softplus",          lambda x: np.log(1 + np.exp(x)), ([1000., -1000.],), 1000, ([1, 0],)),
    ("naive sigmoid",           lambda x: 1 / (1 + np.exp(-x)), ([1000., -1000.],), 1, ([0, 0],)),
    ("naive log sigma",         lambda x: np.log(own.sigmoid(x)), ([-1000., -40.],), -1040, ([1, 1],)),
    ("naive -log softmax",      lambda z: -np.log(own.softmax(z))[0], ([1000., 0.],), 0, ([0, 0],)),
    ("naive log softmax",       lambda z: np.log(own.softmax(z))[1], ([0., -800.],), -800, ([-1, 1],)),
    ("naive entropy",           lambda z: -np.sum(own.softmax(z) * own.log_softmax(z)), ([0., -inf],), 0, ([0, 0],)),
    ("sqrt(x x + 1)",           lambda x: np.sqrt(x * x + 1), (1e200,), 1e200, (1,)),
    ("1 / (1 + e^-x), unit",    lambda x: np.reciprocal(np.exp(-x) + 1), ([1000., -1000.],), 1, ([0, 0],)),
    ("e^x / (1 + e^x)",         lambda x: np.exp(x) / (1 + np.exp(x)), ([1000., -1000.],), 1, ([0, 0],)),
    ("log1p(e^x)",              lambda x: np.log1p(np.exp(x)), ([1000., -1000.],), 1000, ([1, 0],)),
    ("log(1 - sigma)",          lambda x: np.log(1 - own.sigmoid(x)), ([1000., 40.],), -1040, ([-1, -1],)),
    ("both sigmas naive",       lambda x: np.log(1 / (1 + np.exp(-x))), ([-1000., -40.],), -1040, ([1, 1],)),
    ("naive softmax, by hand",  lambda z: np.log(np.exp(z) / np.sum(np.exp(z), axis=0))[1], ([0., -800.],), -800, ([-1, 1],)),
    ("the same, taken first",   lambda z: np.log((np.exp(z) / np.sum(np.exp(z), axis=0))[1]), ([0., -800.],), -800, ([-1, 1],)),
    ("the same, in rows",       lambda z: np.log(np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True))[0, 1], ([[0., -800.], [1., 2.]],), -800, ([[-1, 1], [0, 0]],)),
    ("the same, less its max",  lambda z: np.log(own.softmax(z - np.max(z)))[1], ([0., -800.],), -800, ([-1, 1],)),
    ("logsumexp in rows",       lambda z: np.log(np.sum(np.exp(z), axis=1, keepdims=True)), ([[1000., 1000.], [0., -2000.]],), 1000.6931471805599, ([[.5, .5], [1, 0]],)),
    ("entropy, p log p",        lambda z: -np.sum(own.softmax(z) * np.log(own.softmax(z))), ([0., -2000.],), 0, ([0, 0],)),
    ("entropy, all naive",      lambda z: np.sum(-(np.exp(z) / np.sum(np.exp(z))) * np.log(np.exp(z) / np.sum(np.exp(z)))), ([0., -2000.],), 0, ([0, 0],)),
    ("sqrt(x'x)",               lambda x: np.sqrt(x @ x), ([3e200, 4e200],), 5e200, ([.6, .8],)),
    ("sqrt(x'x) at 0",          lambda x: np.sqrt(x @ x), ([0., 0.],), 0, ([0, 0],)),
    ("where of where",          lambda x: np.where(x > -1, np.where(x < 9, np.sqrt(x), 0), 0), ([-5., 0.25],), .5, ([0, 1],)),
    ("where, three lines up",   lambda x: np.where(x > 0, 2 * np.exp(-1 / np.sqrt(x) ** 2), 0), ([0., 1.],), .7357588823428847, ([0, .7357588823428847],)),
    ("where, rows",             lambda x: np.where(x > 0, np.sqrt(x), 0)[:, None] * np.ones(2), ([0., 4.],), 4, ([0, .5],)),
    ("where, after a sum",      lambda x: np.sum(np.where((x > 0)[:, None], np.sqrt(x)[:, None] * np.ones(2), 0), axis=1), ([0., 4.],), 4, ([0, .5],)),
    ("where, a scalar",         lambda x: np.where(x > 0, np.sqrt(x), x), (0.,), 0, (1,)),
    ("where, other way",        lambda x: np.where(x <= 0, 0, np.log(x) * x), ([0., 1.],), 0, ([0, 1],)),
    ("where, its derivative",   wengert.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0))), ([0., 4.],), .25, ([0, -.03125],)),
    ("its second derivative",   wengert.grad(lambda x: np.sqrt(x * x + 1)), (1e8,), 1, (1e-24,)),
]
# fmt: on
TABLES = {"A": A, "B": B, "C": C, "NAIVE": NAIVE}
CASES = [pytest.param(*row, id=f"{c}: {row[0]}") for c in TABLES for row in TABLES[c]]
LOUD = {row[0] for row in NAIVE}


def check(function, xs, value, gradients, how=lambda f: f):
    xs = [np.asarray(x)[()] for x in xs]

    def total(*xs):
        return np.sum(function(*xs))

    got, found = how(wengert.value_and_grad(total, argnums=tuple(range(len(xs)))))(*xs)
    np.testing.assert_allclose(got, value, rtol=4e-15, atol=1e-300)
    for g, wanted in zip(found, gradients, strict=True):
        # the right sign of 1e-17 matters: what is compared with 0 must be 0
        np.testing.assert_allclose(g, np.asarray(wanted), rtol=4e-15, atol=1e-300)


def finite(*parts):
    return all(np.all(np.isfinite(np.asarray(p))) for p in parts)


@pytest.mark.parametrize(("name", "function", "xs", "value", "gradients"), CASES)
def test_delicate(name, function, xs, value, gradients):
    # where all is finite no branch may have computed on bad values
    loud = "raise" if name not in LOUD and finite(value, *gradients) else "ignore"
    with np.errstate(over=loud, divide=loud, invalid=loud):
        check(function, xs, value, gradients)


REAL = [p for p in CASES if p.values[0] != "|z|^2"]  # which has no one differential


@pytest.mark.parametrize(("name", "function", "xs", "value", "gradients"), REAL)
def test_forward_mode_says_the_same(name, function, xs, value, gradients):
    """Each entry of the gradient by one push of a unit vector; zeros of the direction stay zeros."""
    xs = [np.asarray(x)[()] for x in xs]
    for i, wanted in enumerate(gradients):
        wanted = np.asarray(wanted, float)
        for at in np.ndindex(wanted.shape):
            dx = np.zeros(np.shape(xs[i]))
            dx[at] = 1.0
            tangents = [dx[()] if j == i else np.zeros(np.shape(x))[()] for j, x in enumerate(xs)]
            if not finite(value, *gradients):
                continue
            with np.errstate(all="ignore"):
                dy = wengert.jvp(lambda *x: np.sum(function(*x)), xs, tangents)[1]
            np.testing.assert_allclose(dy, wanted[at], rtol=4e-15, atol=4e-15)


@pytest.mark.parametrize(("name", "function", "xs", "value", "gradients"), CASES)
def test_compiled_says_the_same(name, function, xs, value, gradients):
    with np.errstate(all="ignore"):
        check(function, xs, value, gradients, wengert.jit)


# --- a where must not hide what is really there, nor a stable word change what has a value
def test_infinities_and_nans_that_are_there_stay():
    with np.errstate(all="ignore"):
        grad = wengert.grad(lambda x: np.sum(np.where(x >= 0, np.sqrt(x), 0)))
        np.testing.assert_array_equal(grad(np.array([0.0, 4.0, -1.0])), [inf, 0.25, 0])
        both = wengert.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0) + np.log(x)))
        np.testing.assert_array_equal(both(np.array([0.0, 4.0])), [inf, 0.5])
        sides = wengert.grad(lambda x: np.sum(np.where(x > 0, np.log(x), np.sqrt(x))))
        np.testing.assert_array_equal(sides(np.array([0.0, 4.0])), [inf, 0.25])
        total = wengert.grad(lambda x: np.sum(np.where(x > 0, np.sum(np.sqrt(x)), 0)))
        np.testing.assert_array_equal(total(np.array([0.0, 4.0])), [inf, 0.25])
        assert np.isnan(wengert.grad(lambda x: np.where(x > 0, x, x * nan))(-1.0))


def test_strict_takes_formulas_as_they_are_written():
    naive, x = lambda x: np.log(np.sum(np.exp(x))), np.array([1000.0, 1000.0])
    with np.errstate(all="ignore"):
        assert np.isfinite(wengert.grad(naive)(x)).all()
        wrong = wengert.grad(naive, strict=True)(x)
        assert np.isinf(wengert.value_and_grad(naive, strict=True)(x)[0])
        assert np.isinf(wengert.jit(naive, strict=True)(x))
        compiled = wengert.jit(wengert.grad(naive), strict=True)(x)
        assert not np.allclose(wrong, 0.5)
        assert not np.allclose(compiled, 0.5)
        (value, seen), _ = wengert.value_and_grad(lambda x: (naive(x),) * 2, has_aux=True)(x)
    np.testing.assert_allclose([value, seen], 1000.6931471805599)


def test_hessian_of_logsumexp():
    quarter = np.array([[0.25, -0.25], [-0.25, 0.25]])
    np.testing.assert_allclose(wengert.hessian(own.logsumexp)(np.zeros(2)), quarter, rtol=1e-15)
    pair = wengert.hessian(lambda x: np.logaddexp(x[0], x[1]))(np.ones(2))
    np.testing.assert_allclose(pair, quarter, rtol=1e-15)


# fmt: off
IEEE = [
    ("x * 0",           lambda x: x * 0,                    [1., -1., inf, nan]),
    ("x - x",           lambda x: x - x,                    [1., inf, nan]),
    ("x / x",           lambda x: x / x,                    [0., -2., inf, nan]),
    ("(x + big) - big", lambda x: (x + 1e16) - 1e16,        [1., 3.]),
    ("-0.",             lambda x: -x * 1 + 0 * x,           [0., -0.]),
    ("x + 0.",          lambda x: x + 0.0,                  [-0., 0.]),
    ("x - 0.",          lambda x: x - 0.0,                  [-0., 0.]),
    ("subnormals",      lambda x: x * 0.5,                  [5e-324, 1e-310]),
    ("min of nan",      lambda x: np.min(x),                [1., nan, 0.]),
    ("max of nan",      lambda x: np.max(x),                [1., nan, 0.]),
    ("argmax of nan",   lambda x: np.argmax(x),             [1., nan, 0.]),
    ("half to even",    lambda x: np.round(x),              [.5, 1.5, 2.5, -.5]),
    ("sign of mod",     lambda x: np.mod(x, 3.0),           [-1., 1., -0.]),
    ("mod by -3",       lambda x: np.mod(x, -3.0),          [-1., 1., 3.]),
    ("integers wrap",   lambda x: x.astype(np.int8) + np.int8(127), [1., 2.]),
    ("weak scalars",    lambda x: x.astype(np.float32) * 0.1, [1., 3.]),
    ("sin(1e22)",       lambda x: np.sin(x),                [1e22]),
]
# fmt: on


@pytest.mark.parametrize(("name", "function", "x"), IEEE, ids=[row[0] for row in IEEE])
def test_ieee_is_numpys(name, function, x):
    """No fast-math: bit for bit what NumPy says, traced and compiled."""
    x = np.array(x)
    with np.errstate(all="ignore"):
        want = np.asarray(function(x))
        for got in (wengert.jit(function)(x), wengert.trace(function)(x)(x)[0]):
            assert np.asarray(got).dtype == want.dtype
            assert np.asarray(got).tobytes() == want.tobytes()


def test_sum_of_ten_million_floats():
    x = np.full(10_000_000, 0.1, np.float32)
    total = wengert.jit(np.sum)(x)
    assert total.dtype == np.float32
    assert abs(float(total) / 1e6 - 1) < 1e-4
