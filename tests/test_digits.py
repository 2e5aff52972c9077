"""Which line lost the digits: beside the truth in higher precision, on the classics."""

import math

import numpy as np
import pytest
import scipy

import wengert
from wengert.errors import InputError, UnsupportedError

mp = pytest.importorskip("mpmath")
mp.mp.dps = 60
rng = np.random.default_rng(0)
far = 1e6 + rng.normal(size=10)
tenths = np.full(200, 0.1)


def quadratic(a, b, c):
    return (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)


def quadratic_minus(a, b, c):
    return (-b - np.sqrt(b**2 - 4 * a * c)) / (2 * a)


def running(x):
    s = 0.0
    for t in x:
        s = s + t
    return s


def harmonic(x):
    s = x * 0
    for n in range(1, 40):
        s = s + x / n
    return s


def heron(a, b, c):
    s = (a + b + c) / 2
    return np.sqrt(s * (s - a) * (s - b) * (s - c))


def mp_heron(a, b, c):
    s = (a + b + c) / 2
    return mp.sqrt(s * (s - a) * (s - b) * (s - c))


def mp_var(*x):
    m = mp.fsum(x) / len(x)
    return mp.fsum([(t - m) ** 2 for t in x]) / len(x)


# name: f, the same in mpmath, the point, what the culprit's line says, what to write instead
# fmt: off
CLASSICS = {
    "quadratic":        (quadratic, lambda a, b, c: (-b + mp.sqrt(b * b - 4 * a * c)) / (2 * a), (1.0, 1e8, 1.0), "sqrt", "/ ("),
    "other root":       (quadratic_minus, lambda a, b, c: (-b - mp.sqrt(b * b - 4 * a * c)) / (2 * a), (1.0, -1e7, 3.0), "sqrt", "/ ("),
    "cosine":           (lambda x: (1 - np.cos(x)) / x**2, lambda x: (1 - mp.cos(x)) / x**2, (1.2e-5,), "cos", "np.sin(x / 2)"),
    "expm1":            (lambda x: np.exp(x) - 1, mp.expm1, (1e-9,), "exp", "np.expm1(x)"),
    "expm1 over x":     (lambda x: (np.exp(x) - 1) / x, lambda x: mp.expm1(x) / x, (1e-7,), "exp", "np.expm1(x)"),
    "log1p":            (lambda x: np.log(1 + x), mp.log1p, (1e-11,), "1 + x", "np.log1p(x)"),
    "1 - exp":          (lambda x: 1 - np.exp(-x), lambda x: -mp.expm1(-x), (1e-8,), "exp", "-np.expm1"),
    "variance":         (lambda x: np.mean(x**2) - np.mean(x) ** 2, mp_var, (far,), "np.mean", "np.mean((x - np.mean(x))**2)"),
    "roots":            (lambda x: np.sqrt(x + 1) - np.sqrt(x), lambda x: mp.sqrt(x + 1) - mp.sqrt(x), (1.7e12,), "sqrt", "1 / (np.sqrt(x + 1) + np.sqrt(x))"),
    "squares":          (lambda x, y: x**2 - y**2, lambda x, y: x**2 - y**2, (1e8 + 1.5, 1e8 + 0.25), "**2", "(x - y) * (x + y)"),
    "hypot":            (lambda x, y: np.sqrt(x**2 + y**2), lambda x, y: mp.sqrt(x**2 + y**2), (3e200, 4e200), None, "np.hypot(x, y)"),
    "logsumexp":        (lambda z: np.log(np.sum(np.exp(z))), lambda *z: mp.log(mp.fsum([mp.exp(t) for t in z])), (np.array([1000.0, 999.0, 3.0]),), None, "wengert.logsumexp(z)"),
    "softplus":         (lambda x: np.log(1 + np.exp(x)), lambda x: mp.log1p(mp.exp(x)), (-30.5,), "1 + np.exp(x)", "logaddexp"),
    "sines":            (lambda x, h: (np.sin(x + h) - np.sin(x)) / h, lambda x, h: (mp.sin(x + h) - mp.sin(x)) / h, (1.0, 1e-9), None, "np.cos("),
    "cosines":          (lambda x, h: np.cos(x + h) - np.cos(x), lambda x, h: mp.cos(x + h) - mp.cos(x), (1.0, 1e-10), None, "np.sin("),
    "logs":             (lambda x, y: np.log(x) - np.log(y), lambda x, y: mp.log(x) - mp.log(y), (1234.5 + 1e-9, 1234.5), "np.log", "np.log1p("),
    "exponentials":     (lambda x, y: np.exp(x) - np.exp(y), lambda x, y: mp.exp(x) - mp.exp(y), (2.0 + 1e-10, 2.0), "np.exp", "np.expm1("),
    "sinh":             (lambda x: (np.exp(x) - np.exp(-x)) / 2, mp.sinh, (1e-8,), "np.exp", "np.sinh(x)"),
    "reciprocals":      (lambda x: 1 / x - 1 / (x + 1), lambda x: 1 / x - 1 / (x + 1), (3e9,), "1 /", "/ ("),
    "compound interest": (lambda r, n: (1 + r / n) ** n, lambda r, n: (1 + r / n) ** n, (0.07, 1e9), "1 + r / n", "log1p"),
    "tanh'":            (lambda z: 1 - np.tanh(z) ** 2, lambda z: mp.sech(z) ** 2, (15.3,), "tanh", "np.cosh(z)**2"),
    "relativity":       (lambda b: 1 - np.sqrt(1 - b), lambda b: 1 - mp.sqrt(1 - b), (1e-11,), "1 - b", "/ (1 + np.sqrt"),
    "running sum":      (running, lambda *x: mp.fsum(x), (tenths,), "s + t", "fsum"),
    "arctangents":      (lambda x: np.arctan(x + 1) - np.arctan(x), lambda x: mp.atan(x + 1) - mp.atan(x), (1e7,), "np.arctan", "np.arctan("),
    "log of a ratio":   (lambda x, y: np.log(x / y), lambda x, y: mp.log(x / y), (1.0 + 1e-12, 1.0 - 1e-12), "x / y", "np.log1p("),
    # no better word is known, or needed
    "heron":            (heron, mp_heron, (1.0, 1.0 + 1e-9, 2e-9), None, ""),
    "sine less x":      (lambda x: x - np.sin(x), lambda x: x - mp.sin(x), (1e-4,), "sin", ""),
    "badly conditioned": (lambda x: np.sin(x), mp.sin, (1e15,), None, ""),
    "harmless":         (lambda x: np.exp(x) * np.sqrt(x), lambda x: mp.exp(x) * mp.sqrt(x), (1.3,), None, ""),
    "polynomial":       (lambda x: x**3 - 3 * x**2 + 3 * x - 1, lambda x: (x - 1) ** 3, (1.00001,), None, ""),
    "notes":            (lambda x, y, z: (x * y * np.sin(z) + np.exp(x * y)) / z, lambda x, y, z: (x * y * mp.sin(z) + mp.exp(x * y)) / z, (0.5, 4.0, 1.5), None, ""),
    "harmonic":         (harmonic, lambda x: x * mp.harmonic(39), (0.3,), None, "fsum"),
    "erf":              (lambda x: np.tanh(x) * np.arctan(x) - np.arcsin(x / 9), lambda x: mp.tanh(x) * mp.atan(x) - mp.asin(x / 9), (0.7,), None, ""),
}
# fmt: on


def called(f, args):
    with np.errstate(all="ignore"):
        return f(*[np.float64(x) if isinstance(x, float) else x for x in args])


def truth(g, args):
    flat = [mp.mpf(float(x)) for a in args for x in np.ravel(a)]
    return g(*flat)


@pytest.mark.parametrize("name", CLASSICS)
def test_the_truth_and_what_was_lost(name):
    f, g, args, culprit, instead = CLASSICS[name]
    lost, true = wengert.digits(f, *args), truth(g, args)
    assert abs(mp.mpf(lost.exact) - true) <= abs(true) * mp.mpf(2) ** -52
    assert lost.value == called(f, args)
    error = abs(mp.mpf(lost.value) - true) if math.isfinite(lost.value) else mp.inf
    right = 16 if error == 0 else 0 if error == mp.inf else -mp.log10(error / abs(true))
    assert abs(min(max(right, 0), 15.95) - lost.right) < 0.1
    if math.isfinite(lost.value):  # to first order, the lines' errors are the error
        assert sum(line.bound for line in lost.lines) >= float(error) * 0.9
        at = sum(line.error for line in lost.lines)
        assert math.isclose(
            at,
            float(mp.mpf(lost.value) - true),
            rel_tol=0.1,
            abs_tol=abs(lost.exact) * 1e-19 + 1e-300,
        ), name
    if culprit is not None:
        assert lost.culprit is not None
        assert culprit in lost.culprit.text, lost
    if instead:
        assert lost.suggestions, lost
        best = lost.suggestions[0]
        assert instead in best.instead, lost
        assert best.after > best.before + 0.5
        assert best.before == lost.right
    else:
        assert not lost.suggestions, lost


@pytest.mark.parametrize("name", CLASSICS)
def test_the_condition_is_the_problems(name):
    f, g, args, _, _ = CLASSICS[name]
    flat = [mp.mpf(float(x)) for a in args for x in np.ravel(a)]
    total, h = mp.mpf(0), mp.mpf(10) ** -25
    for i, x in enumerate(flat):
        up = [*flat[:i], x * (1 + h), *flat[i + 1 :]]
        down = [*flat[:i], x * (1 - h), *flat[i + 1 :]]
        total += abs(g(*up) - g(*down)) / (2 * h)
    condition = float(total / abs(g(*flat)))
    assert math.isclose(wengert.digits(f, *args).condition, condition, rel_tol=1e-6, abs_tol=1e-12)


def test_condition_and_instability_stand_apart():
    bad = wengert.digits(lambda x: np.exp(x) - np.exp(x - 1e-9) * 1.0, 40.0)
    assert "algorithm" in bad.text
    hard = wengert.digits(lambda x, y: x * x - y, 1.0 + 1e-12, 1.0)
    assert "badly conditioned" in hard.text
    fine = wengert.digits(lambda x: np.exp(x), 1.0)
    assert "No line lost any" in fine.text


MORE = {
    "norm": np.linalg.norm,
    "softmax": lambda z: np.sum(wengert.softmax(z) ** 2),
    "logsumexp": wengert.logsumexp,
    "std": np.std,
    "sort": lambda z: np.sum(np.sort(z)[1:] * z[:-1]),
    "prod": np.prod,
    "where": lambda z: np.sum(np.where(z > 0, z, 0)) + np.max(np.abs(z)),
    "matrix": lambda z: z @ np.outer(z, z) @ z,
}


@pytest.mark.parametrize("name", MORE)
def test_arrays_and_compositions_are_run_with_sixty_digits_too(name):
    z = rng.normal(size=5)
    lost = wengert.digits(MORE[name], z)
    assert math.isclose(lost.exact, float(MORE[name](z)), rel_tol=1e-14)
    assert sum(line.bound for line in lost.lines) >= abs(lost.error) * 0.9
    assert lost.right > 14.5


def test_the_table_names_lines_variables_and_float32():
    lost = wengert.digits(quadratic, 1.0, 1e3, 1.0)
    assert "in float32" in str(lost)
    assert "test_digits.py:" in str(lost)
    root = next(x for x in lost.lines if x.text.startswith("np.sqrt"))
    assert root.right32 is not None
    assert 6 < root.right32 < 8 < root.right
    assert lost.right32 < 3 < lost.right


def test_what_it_cannot_do_is_said():
    with pytest.raises(UnsupportedError, match="digits knows no series of gammaln"):
        wengert.digits(lambda x: scipy.special.gammaln(x), 2.5)
    with pytest.raises(InputError, match="smaller arrays"):
        wengert.digits(lambda x: np.sum(x * x), np.ones(300_000))
    with pytest.raises(TypeError, match="scalar"):
        wengert.digits(lambda x: x * x, np.ones(3))
