"""The grader names each classic mistake of a gradient written by hand, and passes what is right."""

import numpy as np
import pytest

import wengert

rng = np.random.default_rng(7)
X, w, y = rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=6)
signs = np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
bits = (signs + 1) / 2
Y = np.eye(4)[[0, 1, 2, 3, 1, 0]]
W, b = rng.normal(size=(3, 4)), np.zeros(4)
labels = np.array([0, 1, 2, 3, 1, 0])
A = rng.normal(size=(4, 4))
W1, b1, W2, b2 = rng.normal(size=(3, 5)), np.zeros(5), rng.normal(size=(5, 4)), np.zeros(4)


def sigma(z):
    return 1 / (1 + np.exp(-z))


def softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


# --- functions
def mse(w, X, y):
    return np.mean((X @ w - y) ** 2)


def ridge(w, X, y, lam):
    return np.sum((X @ w - y) ** 2) + lam * np.sum(w**2)


def lasso(w, X, y, lam):
    return np.sum((X @ w - y) ** 2) / 2 + lam * np.sum(np.abs(w))


def logistic(w, X, y):
    return np.sum(np.log(1 + np.exp(-y * (X @ w))))


def cross_entropy(W, b, X, Y):
    Z = X @ W + b
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - np.sum(Y * Z, axis=1))


def softmax_mse(W, X, Y):
    Z = X @ W
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return np.sum((P - Y) ** 2)


def net(W1, b1, W2, b2, X, Y):
    Z = X @ W1 + b1
    H = np.tanh(Z)
    O = H @ W2 + b2
    return np.sum((O - Y) ** 2) / 2


def relu_net(W1, W2, X, Y):
    Z = X @ W1
    H = np.maximum(Z, 0)
    return np.sum((H @ W2 - Y) ** 2) / 2


def leaky_net(W1, W2, X, Y):
    Z = X @ W1
    H = np.where(Z > 0, Z, 0.01 * Z)
    return np.sum((H @ W2 - Y) ** 2) / 2


def sigmoid_net(W1, W2, X, Y):
    Z = X @ W1
    H = sigma(Z)
    return np.sum((H @ W2 - Y) ** 2) / 2


def quadratic(x, A):
    return x @ A @ x


def huber(x):
    return np.sum(np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5))


def norm(x):
    return np.sqrt(np.sum(x**2))


def hinge(w, X, y):
    return np.sum(np.maximum(0, 1 - y * (X @ w)))


def bce(w, X, t):
    p = sigma(X @ w)
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


def logdet(A):
    return np.log(np.linalg.det(A))


def gauss(mu, s, x):
    return np.sum((x - mu) ** 2) / (2 * s**2) + x.size * np.log(s)


# --- right gradients
def d_mse(w, X, y):
    return 2 * X.T @ (X @ w - y) / len(X)


def d_cross_entropy(W, b, X, Y):
    D = (softmax(X @ W + b) - Y) / len(X)
    return X.T @ D, D.sum(axis=0)


def d_net(W1, b1, W2, b2, X, Y, *, slope=lambda z: 1 - np.tanh(z) ** 2, back=None, keep=None):
    Z = X @ W1 + b1
    H = np.tanh(Z)
    D2 = H @ W2 + b2 - Y
    D1 = (D2 @ W2.T) * slope(Z)
    return X.T @ D1, D1.sum(axis=0), H.T @ D2, D2.sum(axis=0)


def d_relu(W1, W2, X, Y, slope=lambda z: z > 0):
    Z = X @ W1
    H = np.maximum(Z, 0)
    D2 = H @ W2 - Y
    return X.T @ ((D2 @ W2.T) * slope(Z)), H.T @ D2


def d_leaky(W1, W2, X, Y, slope=lambda z: np.where(z > 0, 1, 0.01)):
    Z = X @ W1
    H = np.where(Z > 0, Z, 0.01 * Z)
    D2 = H @ W2 - Y
    return X.T @ ((D2 @ W2.T) * slope(Z)), H.T @ D2


def d_sigmoid(W1, W2, X, Y, slope=lambda z: sigma(z) * (1 - sigma(z))):
    H = sigma(X @ W1)
    D2 = H @ W2 - Y
    return X.T @ ((D2 @ W2.T) * slope(X @ W1)), H.T @ D2


def d_softmax_mse(W, X, Y):
    P = softmax(X @ W)
    U = 2 * (P - Y)
    return X.T @ (P * (U - np.sum(U * P, axis=1, keepdims=True)))


def d_bce(w, X, t):
    return X.T @ (sigma(X @ w) - t) / len(X)


def d_inplace(w, X, y):
    g = X.T @ (X @ w - y) * 2 / len(X)
    w -= 0.1 * g
    return g


def d_numeric(w, X, y):
    h = 1e-6
    e = np.eye(len(w)) * h
    return np.array([(mse(w + d, X, y) - mse(w, X, y)) / h for d in e])


def d_by_loop(w, X, y):
    g = np.zeros_like(w)
    for i in range(len(X)):
        g += 2 * (X[i] @ w - y[i]) * X[i] / len(X)
    return g


lse = lambda z: np.log(np.sum(np.exp(z)))
RIGHT = {
    "mse": (mse, d_mse, (w, X, y)),
    "mse by a loop": (mse, d_by_loop, (w, X, y)),
    "ridge": (ridge, lambda w, X, y, lam: 2 * (X.T @ (X @ w - y) + lam * w), (w, X, y, 0.1)),
    "lasso": (lasso, lambda w, X, y, lam: X.T @ (X @ w - y) + lam * np.sign(w), (w, X, y, 0.1)),
    "logistic": (logistic, lambda w, X, y: -X.T @ (y * sigma(-y * (X @ w))), (w, X, signs)),
    "cross-entropy": (cross_entropy, d_cross_entropy, (W, b, X, Y)),
    "softmax and squares": (softmax_mse, d_softmax_mse, (W, X, Y)),
    "perceptron": (net, d_net, (W1, b1, W2, b2, X, Y)),
    "relu": (relu_net, d_relu, (W1, W2, X, Y)),
    "leaky": (leaky_net, d_leaky, (W1, W2, X, Y)),
    "sigmoid": (sigmoid_net, d_sigmoid, (W1, W2, X, Y)),
    "quadratic form": (quadratic, lambda x, A: (A + A.T) @ x, (A[0], A)),
    "huber": (huber, lambda x: np.clip(x, -1, 1), (w,)),
    "norm": (norm, lambda x: x / np.sqrt(np.sum(x**2)), (w,)),
    "hinge": (hinge, lambda w, X, y: -X.T @ (y * (1 - y * (X @ w) > 0)), (w, X, signs)),
    "bce": (bce, d_bce, (w, X, bits)),
    "log det": (logdet, lambda A: np.linalg.inv(A).T, (A @ A.T + np.eye(4),)),
    "dict": (
        lambda p, X: np.sum(np.tanh(X @ p["W"] + p["b"])),
        lambda p, X: {
            "b": np.sum(1 - np.tanh(X @ p["W"] + p["b"]) ** 2, axis=0),
            "W": X.T @ (1 - np.tanh(X @ p["W"] + p["b"]) ** 2),
        },
        ({"W": W, "b": b}, X),
    ),
    "captured data": (lambda w: mse(w, X, y), lambda w: d_mse(w, X, y), (w,)),
    "a number": (lambda x: x**3, lambda x: 3 * x**2, (2.0,)),
    "integer labels": (
        lambda W, X, n: np.mean(np.log(np.sum(np.exp(X @ W), 1)) - (X @ W)[np.arange(len(n)), n]),
        lambda W, X, n: X.T @ (softmax(X @ W) - np.eye(W.shape[1])[n]) / len(n),
        (W, X, labels),
    ),
    "gaussian": (
        gauss,
        lambda mu, s, x: (
            -np.sum(x - mu) / s**2,
            -np.sum((x - mu) ** 2) / s**3 + x.size / s,
        ),
        (0.5, 1.2, y),
    ),
}


def f32(x):
    if isinstance(x, dict):
        return {k: f32(v) for k, v in x.items()}
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name):
    f, gradient, args = RIGHT[name]
    verdict = wengert.check(f, gradient, *args)
    assert verdict.ok, verdict
    assert verdict.kind == "right"
    assert verdict.uncovered == (), verdict


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes_in_float32(name):
    f, gradient, args = RIGHT[name]
    verdict = wengert.check(f, gradient, *[f32(x) for x in args])
    assert verdict.ok, verdict


def second(values, i, change):
    """The tuple with its i-th entry changed."""
    return tuple(change(v) if j == i else v for j, v in enumerate(values))


def nanny(w, X, y):
    g = d_mse(w, X, y)
    return np.where(w < -0.5, np.nan, g)


def naive(W, X, n):
    E = np.exp(X @ W)
    return X.T @ (E / E.sum(1, keepdims=True) - np.eye(W.shape[1])[n]) / len(n)


ce_args, net_args = (W, b, X, Y), (W1, b1, W2, b2, X, Y)
# name: (f, the hand's gradient, arguments, kind, what the text says)
# fmt: off
WRONG = {
    "lacks 1/N": (mse, lambda w, X, y: 2 * X.T @ (X @ w - y), (w, X, y), "factor", ["dw", "lacks the factor 1/N", "mean"]),
    "lacks 2": (mse, lambda w, X, y: d_mse(w, X, y) / 2, (w, X, y), "factor", ["half"]),
    "2 too many": (net, lambda *a: tuple(2 * g for g in d_net(*a)), net_args, "factor", ["twice"]),
    "1/N too much": (ridge, lambda w, X, y, lam: 2 * (X.T @ (X @ w - y) + lam * w) / len(X), (w, X, y, 0.1), "factor", ["1/N too much"]),
    "sign": (logistic, lambda w, X, y: X.T @ (y * sigma(-y * (X @ w))), (w, X, signs), "sign", ["wrong sign"]),
    "sign and 1/N": (mse, lambda w, X, y: -2 * X.T @ (X @ w - y), (w, X, y), "factor", ["wrong sign", "1/N"]),
    "transposed": (cross_entropy, lambda *a: second(d_cross_entropy(*a), 0, np.transpose), ce_args, "transposed", ["dW is transposed"]),
    "transposed square": (logdet, np.linalg.inv, (A @ A.T + A,), "transposed", ["transposed"]),
    "only b": (cross_entropy, lambda *a: second(d_cross_entropy(*a), 1, lambda g: -g), ce_args, "sign", ["Right in dW", "only in db"]),
    "b lacks 1/N": (cross_entropy, lambda W, b, X, Y: (d_cross_entropy(W, b, X, Y)[0], (softmax(X @ W + b) - Y).sum(0)), ce_args, "factor", ["only in db", "1/N"]),
    "b averaged": (net, lambda *a: second(d_net(*a), 3, lambda g: g / len(a[4])), net_args, "factor", ["only in db2", "1/N too much"]),
    "b not summed": (net, lambda *a: second(d_net(*a), 3, lambda g: np.tanh(a[4] @ a[0] + a[1]) @ a[2] + a[3] - a[5]), net_args, "unsummed", ["db2", "summed over the batch"]),
    "b summed to a number": (net, lambda *a: second(d_net(*a), 3, np.sum), net_args, "summed", ["db2", "too much"]),
    "no regulariser": (ridge, lambda w, X, y, lam: 2 * X.T @ (X @ w - y), (w, X, y, 0.1), "term", ["regulariser", "forgotten"]),
    "half the regulariser": (ridge, lambda w, X, y, lam: 2 * X.T @ (X @ w - y) + lam * w, (w, X, y, 0.1), "term", ["regulariser", "1/2"]),
    "regulariser's sign": (ridge, lambda w, X, y, lam: 2 * X.T @ (X @ w - y) - 2 * lam * w, (w, X, y, 0.1), "term", ["regulariser", "sign"]),
    "lasso without sign": (lasso, lambda w, X, y, lam: X.T @ (X @ w - y) + lam, (w, X, y, 0.1), "slope", ["absolute", "forgotten"]),
    "regulariser too many": (mse, lambda w, X, y: d_mse(w, X, y) + 0.02 * w, (w, X, y), "extra", ["0.02", "w", "too much"]),
    "lambda forgotten": (lambda w, lam: lam * np.sum(w**2), lambda w, lam: 2 * w, (w, 0.1), "factor", ["lacks the factor lam"]),
    "sigma for sigma'": (sigmoid_net, lambda *a: d_sigmoid(*a, slope=sigma), (W1, W2, X, Y), "slope", ["sigmoid itself", "Right in dW2"]),
    "sigma' forgotten": (sigmoid_net, lambda *a: d_sigmoid(*a, slope=np.ones_like), (W1, W2, X, Y), "slope", ["forgotten"]),
    "1 - sigma": (sigmoid_net, lambda *a: d_sigmoid(*a, slope=lambda z: 1 - sigma(z)), (W1, W2, X, Y), "slope", ["1 - sigmoid"]),
    "sigma'(sigma)": (sigmoid_net, lambda *a: d_sigmoid(*a, slope=lambda z: sigma(sigma(z)) * (1 - sigma(sigma(z)))), (W1, W2, X, Y), "slope", ["taken at"]),
    "z(1-z) for sigma'": (sigmoid_net, lambda *a: d_sigmoid(*a, slope=lambda z: z * (1 - z)), (W1, W2, X, Y), "slope", ["(1 - "]),
    "tanh' forgotten": (net, lambda *a: d_net(*a, slope=np.ones_like), net_args, "slope", ["tanh is forgotten", "H = np.tanh(Z)"]),
    "tanh for tanh'": (net, lambda *a: d_net(*a, slope=np.tanh), net_args, "slope", ["tanh itself"]),
    "1 - z^2 for tanh'": (net, lambda *a: d_net(*a, slope=lambda z: 1 - z**2), net_args, "slope", ["1 - Z^2"]),
    "1 - tanh": (net, lambda *a: d_net(*a, slope=lambda z: 1 - np.tanh(z)), net_args, "slope", ["1 - tanh"]),
    "relu' forgotten": (relu_net, lambda *a: d_relu(*a, slope=np.ones_like), (W1, W2, X, Y), "slope", ["forgotten"]),
    "relu' of the wrong side": (relu_net, lambda *a: d_relu(*a, slope=lambda z: np.where(z > 0, 1, -1)), (W1, W2, X, Y), "region", ["Z < 0"]),
    "relu for relu'": (relu_net, lambda *a: d_relu(*a, slope=lambda z: np.maximum(z, 0)), (W1, W2, X, Y), "slope", ["itself"]),
    "leaky as relu": (leaky_net, lambda *a: d_leaky(*a, slope=lambda z: z > 0), (W1, W2, X, Y), "region", ["where"]),
    "leaky's other slope": (leaky_net, lambda *a: d_leaky(*a, slope=lambda z: np.where(z > 0, 1, 0.02)), (W1, W2, X, Y), "region", ["2"]),
    "diagonal of softmax": (softmax_mse, lambda W, X, Y: X.T @ (2 * (softmax(X @ W) - Y) * softmax(X @ W) * (1 - softmax(X @ W))), (W, X, Y), "slope", ["entry by entry"]),
    "cross-entropy's for squares": (softmax_mse, lambda W, X, Y: X.T @ (softmax(X @ W) - Y), (W, X, Y), "unknown", ["no single mistake"]),
    "no labels": (cross_entropy, lambda W, b, X, Y: (X.T @ softmax(X @ W + b) / len(X), softmax(X @ W + b).mean(0)), ce_args, ("term", "path"), ["Y * Z"]),
    "2Ax": (quadratic, lambda x, A: 2 * A @ x, (A[0], A), "symmetric", ["2 times", "symmetric"]),
    "Ax": (quadratic, lambda x, A: A @ x, (A[0], A), "path", ["forgets"]),
    "huber's tails": (huber, lambda x: np.where(np.abs(x) < 1, x, 1.0), (w,), "slope", ["absolute"]),
    "hinge everywhere": (hinge, lambda w, X, y: -X.T @ y, (w, X, signs), "slope", ["maximum", "forgotten"]),
    "norm squared's": (norm, lambda x: 2 * x, (w,), ("slope", "unknown"), ["dx"]),
    "only where w < 0": (lambda w: np.sum(np.exp(w)), lambda w: np.where(w < 0, 1.0, np.exp(w)), (w,), "region", ["w < 0"]),
    "last entry": (lambda w: np.sum(w[1:] * w[:-1]), lambda w: np.concatenate([w[1:], [0.0]]) + np.concatenate([[0.0], w[:-1]]) * (np.arange(len(w)) < len(w) - 1), (np.arange(1.0, 5.0),), "region", ["last entry"]),
    "in place": (mse, d_inplace, (w, X, y), "in place", ["writes into its argument w"]),
    "swapped": (cross_entropy, lambda *a: d_cross_entropy(*a)[::-1], ce_args, "swapped", ["order"]),
    "swapped numbers": (gauss, lambda mu, s, x: (-np.sum((x - mu) ** 2) / s**3 + x.size / s, -np.sum(x - mu) / s**2), (0.5, 1.2, y), "swapped", ["order"]),
    "finite differences": (mse, d_numeric, (w, X, y), "approximate", ["approximately"]),
    "float32 inside": (mse, lambda w, X, y: d_mse(*[a.astype(np.float32) for a in (w, X, y)]), (w, X, y), "approximate", ["precision"]),
    "nan for negatives": (mse, nanny, (w, X, y), "nan", ["NaN"]),
    "overflow": (lambda W, X, n: np.mean(wengert.logsumexp(X @ W, axis=1) - (X @ W)[np.arange(len(n)), n]), naive, (W, X, labels), "nan", ["overflow"]),
    "None": (mse, lambda w, X, y: None, (w, X, y), "shape", ["return"]),
    "a column": (mse, lambda w, X, y: d_mse(w, X, y)[:, None], (w, X, y), "shape", ["reshape"]),
    "raises": (mse, lambda w, X, y: 2 * X @ (X @ w - y), (w, X, y), "raises", ["raises ValueError"]),
    "the value": (mse, lambda w, X, y: mse(w, X, y) * np.ones_like(w), (w, X, y), "unknown", ["dw"]),
    "no chain rule": (lambda x: np.sum(np.sin(3 * x)), lambda x: np.cos(3 * x), (w,), "factor", ["1/3"]),
    "sin for cos": (lambda x: np.sum(np.sin(x)), np.sin, (w,), "slope", ["itself"]),
    "y forgotten": (logistic, lambda w, X, y: -X.T @ sigma(-y * (X @ w)), (w, X, signs), "slope", ["factor is forgotten", "-y * (X @ w)"]),
    "zero": (mse, lambda w, X, y: np.zeros_like(w), (w, X, y), "zero", ["zero"]),
    "no minus in bce": (bce, lambda w, X, t: X.T @ (sigma(X @ w) + t) / len(X), (w, X, bits), ("path", "term", "unknown"), ["dw"]),
    "no log s": (gauss, lambda mu, s, x: (-np.sum(x - mu) / s**2, -np.sum((x - mu) ** 2) / s**3), (0.5, 1.2, y), "term", ["Right in dmu", "np.log(s)"]),
}
# fmt: on


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    f, gradient, args, kind, words = WRONG[name]
    verdict = wengert.check(f, gradient, *args)
    assert not verdict.ok, verdict
    assert verdict.kind in ((kind,) if isinstance(kind, str) else kind), verdict
    assert all(word in verdict.text for word in words), verdict
    assert verdict.text.count(". ") <= 3


def test_a_kink_far_away_is_looked_for():
    f = lambda x: np.sum(np.where(x > 50, x**2, x))
    assert not wengert.check(f, np.ones_like, np.zeros(3))
    assert wengert.check(f, lambda x: np.where(x > 50, 2 * x, 1.0), np.zeros(3))


def test_a_narrow_region_between_two_kinks_is_visited():
    f = lambda x: np.sum(np.clip(x, -1e-3, 1e-3))
    assert wengert.check(f, np.zeros_like, np.ones(3)).kind == "zero"
    assert wengert.check(f, lambda x: (np.abs(x) < 1e-3) * 1.0, np.ones(3))
    assert not wengert.check(f, np.zeros_like, np.ones(3, np.float32) * 0)


def test_rounding_alone_is_no_mistake():
    f = lambda w, X: np.sum(np.tanh(X @ w))  # 1 - tanh^2 cancels where it saturates
    assert wengert.check(f, lambda w, X: X.T @ (1 - np.tanh(X @ w) ** 2), np.ones(3), X)
    g = lambda x: np.sqrt(np.sum(x**2) + 1e-8)
    assert wengert.check(g, lambda x: x / np.sqrt(np.sum(x**2)), np.ones(3)).kind == "approximate"


def test_a_matrix_of_attention():
    def attention(Q, K, V):
        S = Q @ K.T / np.sqrt(Q.shape[1])
        E = np.exp(S - S.max(axis=1, keepdims=True))
        P = E / E.sum(axis=1, keepdims=True)
        return np.sum((P @ V) ** 2)

    def by_hand(Q, K, V, scale=True, whole=True):
        P = softmax(Q @ K.T / np.sqrt(Q.shape[1]))
        dP = 2 * (P @ V) @ V.T
        dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True)) if whole else P * (1 - P) * dP
        dS = dS / np.sqrt(Q.shape[1]) if scale else dS
        return dS @ K, dS.T @ Q, P.T @ (2 * P @ V)

    args = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    assert wengert.check(attention, by_hand, *args)
    text = wengert.check(attention, lambda *a: by_hand(*a, scale=False), *args).text
    assert "Right in dV" in text
    assert "1/sqrt(" in text
    text = wengert.check(attention, lambda *a: by_hand(*a, whole=False), *args).text
    assert "entry by entry" in text


def test_what_was_not_covered_is_said():
    verdict = wengert.check(lambda x: np.sum(np.maximum(np.exp(x), -1)), np.exp, np.zeros(3))
    assert verdict.ok
    assert "Not covered" in verdict.text
    assert len(verdict.uncovered) == 1


def test_branches_are_followed():
    def f(x):
        return np.sum(x**2) if x[0] > 0 else np.sum(x)

    right = lambda x: 2 * x if x[0] > 0 else np.ones_like(x)
    assert wengert.check(f, right, np.ones(3))
    assert not wengert.check(f, lambda x: 2 * x, np.ones(3))


def test_sizes_that_the_function_fixes_are_said():
    f = lambda x: np.sum(np.reshape(x, (2, 3)) @ np.ones(3))
    verdict = wengert.check(f, np.ones_like, np.ones(6))
    assert verdict.ok
    assert "the example's sizes" in verdict.text


def test_an_argument_is_chosen_by_wrt():
    f = lambda X, w: np.sum((X @ w) ** 2)
    assert wengert.check(f, lambda X, w: 2 * X.T @ X @ w, X, w, wrt=1)
    assert not wengert.check(f, lambda X, w: X.T @ X @ w, X, w, wrt=1)


def test_the_text_says_where():
    verdict = wengert.check(net, WRONG["tanh' forgotten"][1], *net_args)
    assert "test_check.py:" in verdict.text
    assert str(verdict).startswith(verdict.text)
    assert verdict.evidence
