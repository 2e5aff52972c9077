"""x[mask] under jit: what is reduced needs no guard on the mask, so one path serves every mask."""

import numpy as np
import pytest

import wengert
from wengert import grad, jit, vmap
from wengert.errors import ConcreteError

# fmt: off
ONE_PATH = {
    "sum":              lambda x: np.sum(x[x > 0]),
    "the method":       lambda x: x[x > 0].sum(),
    "mean":             lambda x: np.mean(x[x > 0.1]),
    "prod":             lambda x: np.prod(x[x > 0.5]),
    "max":              lambda x: np.max(x[x < 0.5]),
    "min":              lambda x: x[x > 0].min(),
    "any and all":      lambda x: 1.0 * np.any(x[x > 0] > 1) + (x[x > 0] > 0.1).all() + 0 * x[0],
    "count":            lambda x: 1.0 * np.count_nonzero(x[x > 0] - 1) + x[0],
    "size":             lambda x: np.sum((x[x > 0] - 0.3) ** 2) / x[x > 0].size,
    "logarithm":        lambda x: np.sum(np.log(x[x > 0])),
    "power":            lambda x: np.sum(x[x > 0] ** 1.5),
    "quotient":         lambda x: np.sum(1 / x[np.abs(x) > 0.2]),
    "from a number":    lambda x: (1 - x[x > 0]).sum() + np.sum(2 ** -x[x > 0]),
    "deviation":        lambda x: np.std(x[x > 0]) + x[x > 0].var(ddof=1),
    "twice the mask":   lambda x: np.sum(x[x > 0] * np.sqrt(x[x > 0])),
    "inner products":   lambda x: x[x > 0] @ np.sin(x[x > 0]) + np.dot(x[x < 0], x[x < 0]),
    "norm":             lambda x: np.linalg.norm(x[x > 0]),
    "where":            lambda x: np.sum(np.where(x[x > 0] > 0.5, x[x > 0], 0.0)),
    "clip":             lambda x: np.sum(np.clip(x[x > 0], 0.2, 0.9)),
    "a traced number":  lambda x: (x[x > 0] * np.mean(x)).sum(),
    "in place":         lambda x: in_place(x[x > 0]),
    "then written":     lambda x: written(x),
    "a matrix":         lambda x: np.sum(np.exp(x.reshape(2, -1)[x.reshape(2, -1) < 0])),
    "rows":             lambda x: np.sum(x.reshape(-1, 2)[x[:6] > 0].mean(axis=0) ** 2),
}
GUARDED = {
    "length":           lambda x: np.sum(x[x > 0]) / len(x[x > 0]),
    "sorted":           lambda x: np.sort(x[x > 0])[0] + np.median(x[x > 0]),
    "joined":           lambda x: np.sum(np.sin(np.concatenate([x[x > 0], x]))),
    "the array itself": lambda x: x[x > 0] * 2,
    "an entry":         lambda x: x[x > 0][0] * 3,
    "another mask":     lambda x: np.sum(x[x > 0][x[x > 0] < 1]),
    "a loop":           lambda x: sum(v * v for v in x[x > 0]),
}
# fmt: on


def in_place(y):
    z = y
    y += 1
    y *= y
    return np.sum(z)


def written(x):
    y = x[x > 0]
    x[x > 0] = 0.0
    return np.sum(y * y) + np.sum(x)


def points(n):
    xs = np.random.default_rng(1).normal(size=(n, 12))
    xs[:, :2], xs[:, 2] = np.abs(xs[:, :2]), -np.abs(xs[:, 2])  # no mean of nothing
    return xs


@pytest.mark.parametrize("name", ONE_PATH)
def test_one_path_for_every_mask(name):
    """More masks than jit would keep paths for; nothing warns that NumPy doesn't warn of."""
    f = ONE_PATH[name]
    fast, slope = jit(f), jit(grad(f))
    with np.errstate(all="raise"):
        for x in points(70):
            want = f(x.copy())
            got = fast(x)
            assert np.asarray(got).dtype == np.asarray(want).dtype
            np.testing.assert_allclose(got, want, rtol=1e-11)
            np.testing.assert_allclose(slope(x), grad(f)(x), rtol=1e-10, atol=1e-12)
    assert "array" not in str(fast.program(x))


@pytest.mark.parametrize("name", ONE_PATH)
def test_second_order_and_batches(name):
    f, xs = ONE_PATH[name], points(3)
    for x in xs:
        plain = wengert.hessian(f)(x)
        np.testing.assert_allclose(jit(wengert.hessian(f))(x), plain, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(vmap(f)(xs), [f(x.copy()) for x in xs], rtol=1e-11)


@pytest.mark.parametrize("name", GUARDED)
def test_what_needs_the_entries_is_guarded(name):
    f = GUARDED[name]
    fast = jit(f)
    for x in points(5):
        np.testing.assert_allclose(fast(x), f(x), rtol=1e-12)
        total = lambda x: np.sum(f(x))
        np.testing.assert_allclose(jit(grad(total))(x), grad(total)(x), rtol=1e-11)
    assert "asks='array'" in str(fast.program(x))


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "i8", "u1", "?", "c16"])
@pytest.mark.parametrize("fold", ["sum", "mean", "prod", "max", "min", "any", "all"])
def test_dtypes(kind, fold):
    x, y = np.array([1, 0, 2, 1]).astype(kind), np.array([0.5, -1.0, 2.0, -3.0])
    f = lambda x, y: getattr(x[y > 0], fold)()
    for v in (y, -y, y[::-1]):
        got, want = jit(f)(x, v), f(x, v)
        assert np.asarray(got).dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore")
def test_nothing_selected():
    none = -np.ones(4)
    for fold in (np.sum, np.prod, np.mean, np.any, np.all, np.count_nonzero, np.var, np.size):
        f = lambda x, fold=fold: fold(x[x > 0])
        np.testing.assert_array_equal(jit(f)(none), f(none))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(jit(lambda x: np.sum(np.log(x[x > 0])))(none), 0.0)
        np.testing.assert_array_equal(grad(jit(lambda x: np.sum(np.log(x[x > 0]))))(none), 0 * none)
    for fold in (np.max, np.min):
        fast = jit(lambda x, fold=fold: fold(x[x > 0]))
        assert fast(np.arange(4.0)) == fold(np.arange(1, 4.0))
        with pytest.raises(ValueError, match="zero-size"):
            fast(none)


@pytest.mark.parametrize("fold", [np.max, np.min])
def test_extremes_that_are_no_numbers(fold):
    """Infinite and missing entries: value and gradient of the entries that were selected."""
    f = lambda x: fold(x[:4][x[4:] > 0])
    fast, slope = jit(f), jit(grad(f))
    for head in (
        [np.inf, 1, 2, -np.inf],
        [np.nan, 1, 2, 3],
        [-np.inf, -np.inf, 5, np.inf],
        [1, 1, 2, 2],
    ):
        for mask in ([1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]):
            x = np.array([*head, *mask], float)
            np.testing.assert_array_equal(fast(x), f(x))
            np.testing.assert_array_equal(slope(x), grad(f)(x))


def test_inside_loops_and_branches():
    """Where no value may be asked for, a reduced selection asks for none."""
    f = lambda x: wengert.fori_loop(0, 3, lambda i, t: t + np.sum(x[x > t]), 0.0)
    x = points(1)[0]
    t = 0.0
    for _ in range(3):
        t = t + np.sum(x[x > t])
    np.testing.assert_allclose(jit(f)(x), t)
    g = lambda x: wengert.fori_loop(0, 3, lambda i, t: t + np.sort(x[x > t])[0], 0.0)
    with pytest.raises(ConcreteError, match="mask"):
        jit(g)(x)


def test_two_traces():
    """A mask of an inner trace over an array of an outer one, and the other way about."""
    x, y = points(2)

    def f(x):
        return grad(lambda y: np.sum(y * np.mean(x[y > 0]) + np.sum(y[x > 0] ** 2)))(y)

    want = f(x)
    np.testing.assert_allclose(jit(f)(x), want, rtol=1e-12)
    total = lambda x: np.sum(np.sin(f(x)))
    np.testing.assert_allclose(jit(grad(total))(x), grad(total)(x), rtol=1e-10)
