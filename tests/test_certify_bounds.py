"""Every bound is attacked: words against mpmath, functions by dense and random samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

import wengert
from wengert.certify.interval import Interval
from wengert.certify.words import WORDS
from wengert.errors import InputError, UnsupportedError

# fmt: off
EXACT = {
    "exp": (mp.exp, -700, 700), "exp2": (lambda x: mp.mpf(2) ** x, -1000, 1000), "expm1": (mp.expm1, -40, 700),
    "log": (mp.log, 1e-300, 1e300), "log2": (lambda x: mp.log(x, 2), 1e-3, 1e3), "log10": (mp.log10, 1e-3, 1e3), "log1p": (mp.log1p, -0.999, 1e3),
    "sqrt": (mp.sqrt, 0, 1e10), "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), -1e3, 1e3), "square": (lambda x: x * x, -1e3, 1e3),
    "sin": (mp.sin, -1e3, 1e3), "cos": (mp.cos, -1e3, 1e3), "tan": (mp.tan, -1.57, 1.57),
    "arcsin": (mp.asin, -1, 1), "arccos": (mp.acos, -1, 1), "arctan": (mp.atan, -1e3, 1e3),
    "sinh": (mp.sinh, -700, 700), "cosh": (mp.cosh, -700, 700), "tanh": (mp.tanh, -40, 40), "sech": (mp.sech, -700, 700),
    "arcsinh": (mp.asinh, -1e3, 1e3), "arccosh": (mp.acosh, 1, 1e3), "arctanh": (mp.atanh, -0.9999, 0.9999),
    "degrees": (lambda x: mp.degrees(x), -1e3, 1e3), "radians": (lambda x: mp.radians(x), -1e3, 1e3),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), -700, 700), "softplus": (lambda x: mp.log1p(mp.exp(x)), -700, 700),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), -700, 700), "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), -700, 700),
    "erf": (mp.erf, -6, 6), "erfc": (mp.erfc, -6, 26), "ndtr": (mp.ncdf, -37, 8),
    "relu": (lambda x: max(x, 0), -9, 9), "softsign": (lambda x: x / (1 + abs(x)), -9, 9),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), -40, 9), "silu": (lambda x: x / (1 + mp.exp(-x)), -40, 40),
    "gelu": (lambda x: x * mp.ncdf(x), -30, 30), "absolute": (abs, -9, 9), "reciprocal": (lambda x: 1 / x, 1e-9, 1e9),
    "floor": (mp.floor, -9, 9), "ceil": (mp.ceil, -9, 9), "sign": (mp.sign, -9, 9),
}
PAIRS = {
    "add": (lambda x, y: x + y, -9, 9), "subtract": (lambda x, y: x - y, -9, 9), "multiply": (lambda x, y: x * y, -9, 9),
    "divide": (lambda x, y: x / y, 1e-3, 9), "power": (lambda x, y: x**y, 1e-3, 9), "hypot": (mp.hypot, -9, 9),
    "arctan2": (mp.atan2, -9, 9), "maximum": (max, -9, 9), "minimum": (min, -9, 9), "leg": (lambda x, y: x / mp.hypot(x, y), -9, 9),
    "logaddexp": (lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), -30, 30), "xlogy": (lambda x, y: x * mp.log(y), 1e-3, 9),
}
# fmt: on


def boxes(rng, low, high, n):
    """Wide ones, narrow ones, and single points."""
    a = rng.uniform(low, high, n)
    b = np.clip(a + rng.choice([0, 1e-12, 1e-3, 0.3], n) * (high - low), low, high)
    return Interval(a, b)


def inside(rng, x):
    t = rng.choice([0, 1, rng.uniform()], len(x.lo))
    return np.clip(x.lo + t * (x.hi - x.lo), x.lo, x.hi)


@pytest.mark.parametrize("name", EXACT)
def test_a_words_enclosure_holds_mpmaths_value(name):
    exact, low, high = EXACT[name]
    rng = np.random.default_rng(1)
    x = boxes(rng, low, high, 150)
    y, at = WORDS[name](x), inside(rng, x)
    with mp.workdps(60):
        for lo, hi, v in zip(y.lo, y.hi, at, strict=True):
            assert mp.mpf(lo) <= exact(mp.mpf(v)) <= mp.mpf(hi), (name, v, lo, hi)


@pytest.mark.parametrize("name", PAIRS)
def test_a_word_of_two_holds_mpmaths_value(name):
    exact, low, high = PAIRS[name]
    rng = np.random.default_rng(2)
    x, y = boxes(rng, low, high, 150), boxes(rng, low, high, 150)
    z, a, b = WORDS[name](x, y), inside(rng, x), inside(rng, y)
    with mp.workdps(60):
        for lo, hi, v, w in zip(z.lo, z.hi, a, b, strict=True):
            assert mp.mpf(lo) <= exact(mp.mpf(v), mp.mpf(w)) <= mp.mpf(hi), (name, v, w, lo, hi)


@pytest.mark.parametrize("name", ["sin", "cos", "exp", "log", "tanh", "sigmoid"])
def test_a_narrow_enclosure_is_narrow(name):
    _, low, high = EXACT[name]
    x = np.random.default_rng(3).uniform(low, high, 100)
    y = WORDS[name](Interval(x, x))
    assert np.all(y.hi - y.lo <= 1e-14 * np.maximum(1, np.abs(y.lo)))


# fmt: off
W, V = np.random.default_rng(0).normal(size=(2, 8)), np.random.default_rng(1).normal(size=(8, 3))
A = np.random.default_rng(5).normal(size=(2, 2))
LINE = [  # functions of one number, and where
    (lambda x: x * (1 - x), 0, 1), (lambda x: np.sin(3 * x) * np.exp(-x), 0, 3), (lambda x: np.abs(x) - x**2, -1, 2),
    (lambda x: x**3 - 2 * x, -2, 2), (lambda x: 1 / (1 + 25 * x**2), -1, 1), (lambda x: np.sqrt(x), 0, 4),
    (lambda x: np.log1p(x) / (1 + x), 0, 9), (lambda x: np.tanh(20 * x), -1, 1), (lambda x: np.where(x > 0, x, 0.1 * x), -1, 1),
    (lambda x: np.floor(3 * x) + x, -1, 2), (lambda x: np.sign(x) * x, -1, 1), (lambda x: np.maximum(x, 1 - x), -1, 2),
    (lambda x: np.cos(x) ** 2 + np.sin(x) ** 2, 0, 7), (lambda x: np.exp(x) - np.exp(-x), -2, 2), (lambda x: np.exp(np.sin(x * x)), -3, 3),
    (lambda x: np.arctan(5 * x) * x, -2, 2), (lambda x: np.arcsin(x) + 2 * np.arccos(x), -1, 1), (lambda x: np.cbrt(x), -1, 1),
    (lambda x: x ** 0.5 * np.log(x + 1), 0, 2), (lambda x: np.power(2.0, x), -3, 3), (lambda x: np.hypot(x, 1.0), -2, 2),
    (lambda x: np.arctan2(x, 1.0), -2, 2), (lambda x: np.arctan2(x, -1.0), -2, 2), (lambda x: np.clip(x, -0.5, 0.5), -1, 1),
    (lambda x: x - np.rint(x), -2, 2), (lambda x: wengert.gelu(x), -4, 2), (lambda x: wengert.silu(x), -4, 2), (lambda x: wengert.mish(x), -4, 2),
    (lambda x: wengert.elu(x) - wengert.selu(x), -2, 2), (lambda x: wengert.softplus(10 * x) / 10, -1, 1), (lambda x: wengert.softsign(x), -3, 3),
    (lambda x: np.cosh(x) / np.sinh(x + 3), -1, 1), (lambda x: np.logaddexp(x, -x), -2, 2), (lambda x: np.sinc(x), 0.1, 3),
    (lambda x: np.float32(0.1) * x + 0.2, -1, 1), (lambda x: np.heaviside(x, 0.5), -1, 1), (lambda x: np.log(1 + np.exp(x)), -5, 5),
    (lambda x: x - x, -1, 1), (lambda x: wengert.stop_gradient(x) * x, -1, 1), (lambda x: np.polyval([1.0, -3, 2, 1], x), -1, 3),
]
PLANE = [  # functions of two numbers, and where: the same box on both axes
    (lambda x: np.sum(np.sin(x) ** 2) - x[0] * x[1], -1, 2), (lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, -2, 2),
    (lambda x: wengert.softmax(np.tanh(x @ W) @ V, axis=-1), -0.5, 0.5), (lambda x: np.maximum(x @ W, 0) @ V, -1, 1),
    (lambda x: wengert.logsumexp(x @ W), -1, 1), (lambda x: np.max(x) - np.min(x), -1, 1), (lambda x: np.sort(x), -1, 1),
    (lambda x: np.prod(x) + np.cumsum(x)[1], -1, 2), (lambda x: x @ (A @ x), -1, 1), (lambda x: np.outer(x, x), -1, 1),
    (lambda x: np.concatenate([x, x[::-1]]) * 2, -1, 1), (lambda x: np.linalg.norm(x), -1, 1), (lambda x: np.where(x[0] > x[1], x[0], -x[1]), -1, 1),
    (lambda x: wengert.log_softmax(x * 30), -1, 1), (lambda x: np.mean(x.reshape(2, 1) * W), -1, 1),
]
# fmt: on


def attack(f, low, high, shape, tol=1e-3, budget=3000):
    """The bounds, and a cloud of values of f that must lie in them up to f's own rounding."""
    box = (np.full(shape, float(low))[()], np.full(shape, float(high))[()])
    b = wengert.bounds(f, box, tol=tol, budget=budget)
    rng = np.random.default_rng(7)
    xs = rng.uniform(low, high, (300, *shape))
    xs[:100] = rng.choice([low, high, (low + high) / 2, low + 1e-9], (100, *shape))
    ys = np.array([f(x[()]) for x in xs])
    slack = 1e-12 * (1 + np.abs(ys))
    assert np.all(b.lo <= ys + slack)
    assert np.all(ys - slack <= b.hi)
    return b, ys


@pytest.mark.parametrize("i", range(len(LINE)))
def test_no_sample_on_a_line_leaves_the_bounds(i):
    b, ys = attack(*LINE[i], ())
    assert b.hi - b.lo <= 1.2 * np.ptp(ys) + 0.1


@pytest.mark.parametrize("i", range(len(PLANE)))
def test_no_sample_in_a_plane_leaves_the_bounds(i):
    b, ys = attack(*PLANE[i], (2,))
    assert np.all(b.hi - b.lo <= 1.6 * np.ptp(ys, axis=0) + 0.2)


@pytest.mark.parametrize("i", [0, 1, 3, 4, 7, 14, 25, 36])
def test_no_slope_leaves_the_bounds_of_the_gradient(i):
    f, low, high = LINE[i]
    g = wengert.bounds(f, (float(low), float(high)), gradient=True, tol=1e-2).gradient
    slopes = np.array([wengert.grad(f)(x) for x in np.linspace(low, high, 200)])
    assert np.all((g[0] <= slopes + 1e-12) & (slopes - 1e-12 <= g[1]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=2, max_size=5),
    st.floats(-4, 4),
    st.floats(0, 3),
    st.floats(0, 1),
)
def test_any_polynomial_at_any_point_of_any_box(coefficients, low, width, t):
    def f(x):
        return np.polyval(coefficients, x) * np.sin(x)

    b = wengert.bounds(f, (low, low + width), tol=0.1, budget=200)
    x = min(low + t * width, low + width)
    with mp.workdps(50):
        exact = mp.polyval([mp.mpf(c) for c in coefficients], mp.mpf(x)) * mp.sin(mp.mpf(x))
        assert mp.mpf(float(b.lo)) <= exact <= mp.mpf(float(b.hi))


def test_where_it_may_be_undefined_nothing_is_claimed():
    assert np.isnan(wengert.bounds(lambda x: np.log(x), (-1.0, 1.0), budget=100).lo)
    assert np.isnan(wengert.bounds(lambda x: 1 / x, (-1.0, 1.0), budget=100).hi)


def test_an_overflow_has_no_upper_bound_but_a_lower_one():
    b = wengert.bounds(lambda x: np.exp(x), (800.0, 900.0), budget=10)
    assert b.lo > 1e308
    assert b.hi == np.inf


def test_lipschitz_is_above_every_quotient_and_not_far():
    def f(x):
        return np.tanh(x @ W) @ V

    box = ([-1.0, -1.0], [1.0, 1.0])
    L = wengert.lipschitz(f, box, tol=0.05, budget=4000)
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (500, 2))
    y = np.clip(x + 1e-4 * rng.normal(size=(500, 2)), -1, 1)
    steep = np.linalg.norm(f(x) - f(y), axis=1) / np.linalg.norm(x - y, axis=1)
    assert steep.max() <= L
    assert wengert.lipschitz(np.floor, (0.0, 2.0), budget=50) == np.inf


def test_a_word_without_enclosure_is_named_with_the_line():
    def f(x):
        return np.fmod(x, 2.0)

    with pytest.raises(
        UnsupportedError, match=r"fmod has no enclosure.*test_certify_bounds.py:\d+, in f"
    ):
        wengert.bounds(f, (0.0, 1.0))


@pytest.mark.parametrize("box", [(1.0, 0.0), (0.0, np.inf), 3.0, (0.0,), ([0.0], 1.0)])
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(InputError, match="box"):
        wengert.bounds(lambda x: x, box)
