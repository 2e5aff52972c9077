"""The product in thirty lines: plain NumPy in; its list, its gradient, and a model that learns."""

import numpy as np

from wengert import check_grads, grad, hessian, jit, trace, vmap


def loss(w, X, y):  # the notes' logistic regression, labels -1 and +1
    return np.mean(np.log1p(np.exp(-y * (X @ w))))


def test_the_product():
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((50, 3)), np.zeros(3)
    y = np.sign(X @ np.array([1.0, -2.0, 0.5]))

    assert str(trace(lambda x1, x2: x1 * x2 + np.sin(x1 * x2))(2.0, 3.0)) == (
        "def f(x1: f64, x2: f64):\n    v1: f64 = x1 * x2\n    v2: f64 = sin(v1)\n    v3: f64 = v1 + v2\n    return v3"
    )
    gradient = grad(loss)(w, X, y)
    np.testing.assert_allclose(gradient, -(y @ X) / 2 / 50)  # the closed form at w = 0
    assert np.linalg.eigvalsh(hessian(loss)(w, X, y)).min() > 0  # convex
    each = vmap(grad(loss), in_axes=(None, 0, 0))(w, X[:, None], y[:, None])
    np.testing.assert_allclose(each.mean(0), gradient)
    check_grads(lambda w: loss(w, X, y), w)

    step = jit(lambda w: w - grad(loss)(w, X, y))
    for _ in range(100):
        w = step(w)
    assert np.mean(np.sign(X @ w) == y) > 0.95
