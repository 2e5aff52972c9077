"""The functions whose derivations are golden files: name -> (function, examples, wrt)."""

import numpy as np

R = np.random.default_rng(0)
X, W, b, w = R.normal(size=(6, 3)), R.normal(size=(3, 2)), R.normal(size=2), R.normal(size=3)
Y, y, t = np.eye(2)[[0, 1, 0, 1, 1, 0]], np.array([1.0, -1, 1, 1, -1, -1]), R.normal(size=6)
A, u, v = R.normal(size=(3, 3)), R.normal(size=5), R.normal(size=5)
V = R.normal(size=(3, 2))
SYM = A @ A.T + np.eye(3)
LABELS = np.array([0, 1, 0, 1, 1, 0])


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def softmax_regression(W, b, X, Y):
    Z = X @ W + b
    P = softmax(Z)
    return -np.sum(Y * np.log(P)) / len(X)


def softmax_by_logsumexp(W, b, X, Y):
    Z = X @ W + b
    return np.mean(np.log(np.exp(Z).sum(1)) - (Y * Z).sum(1))


def softmax_with_labels(W, X, labels):
    Z = X @ W
    return np.mean(np.log(np.exp(Z).sum(1)) - Z[np.arange(len(Z)), labels])


def logistic(w, X, y):
    return np.sum(np.log(1 + np.exp(-y * (X @ w))))


def logistic01(w, X, t):
    s = 1 / (1 + np.exp(-X @ w))
    return -np.sum(t * np.log(s) + (1 - t) * np.log(1 - s))


def perceptron(W1, b1, W2, b2, X, Y):
    H = np.tanh(X @ W1 + b1)
    Z = H @ W2 + b2
    P = softmax(Z)
    return -np.sum(Y * np.log(P)) / len(X)


def relu_net(W1, W2, X, T):
    H = np.maximum(X @ W1, 0)
    R = H @ W2 - T
    return np.sum(R**2) / 2


def ridge(w, X, y, lam):
    return np.sum((X @ w - y) ** 2) + lam * (w @ w)


def least_squares(w, X, y):
    r = X @ w - y
    return r @ r / 2


def many_outputs(W, X, T):
    return np.linalg.norm(X @ W - T) ** 2 / 2


def weighted(w, X, y, s):
    r = X @ w - y
    return np.sum(s * r**2)


def poisson(w, X, y):
    e = X @ w
    return np.sum(np.exp(e) - y * e)


def log_det(A):
    return np.linalg.slogdet(A)[1]


def determinant(A):
    return np.linalg.det(A)


def trace(A):
    return np.trace(A)


def trace_of_square(A):
    return np.trace(A) + np.trace(A @ A)


def trace_quadratic(A, B):
    return np.trace(A.T @ B @ A)


def trace_of_inverse(A):
    return np.trace(np.linalg.inv(A))


def solve(A, b):
    return b @ np.linalg.solve(A, b)


def quadratic(x, A):
    return x @ A @ x


def quadratic_symmetric(x, A, b):
    return x @ A @ x / 2 - b @ x


def bilinear(x, A, y):
    return x @ A @ y


def frobenius(X):
    return np.linalg.norm(X)


def euclid(x):
    return np.sqrt(np.sum(x**2))


def absolute(x):
    return np.sum(np.abs(x))


def rayleigh(x, A):
    return x @ A @ x / (x @ x)


def gaussian(mu, L, X):
    D = X - mu
    return len(X) / 2 * np.linalg.slogdet(L)[1] - np.sum((D @ L) * D) / 2


def attention(Q, K, V):
    S = Q @ K.T / np.sqrt(Q.shape[1])
    A = softmax(S)
    return np.sum(A @ V)


def pca(V, X):
    return np.trace(V.T @ X.T @ X @ V)


def factorization(U, V, M):
    return np.sum((M - U @ V.T) ** 2)


def log_sum_exp(x):
    return np.log(np.sum(np.exp(x)))


def softplus_sum(w, X):
    return np.sum(np.log(1 + np.exp(X @ w)))


def tanh_sum(W, X):
    return np.sum(np.tanh(X @ W))


def sines(x):
    return np.sum(np.sin(x) * np.exp(x))


def differences(x):
    d = x[1:] - x[:-1]
    return d @ d


def first_and_last(x):
    return x[0] * x[-1]


def flattened(X, v):
    return X.reshape(-1) @ X.reshape(-1)


def einsum_trace(A, B):
    return np.einsum("ij,jk,ki->", A, B, A)


def three_indices(x, T):
    return np.einsum("i,j,k,ijk->", x, x, x, T)


def stacked(x, y):
    z = np.concatenate([x, y])
    return z @ z


def running(x):
    return np.sum(np.cumsum(x) ** 2)


def loop(x, A):
    for _ in range(3):
        x = np.tanh(A @ x)
    return np.sum(x)


def variance(x):
    return np.mean((x - x.mean()) ** 2)


def mean_of_rows(X):
    m = X.mean(0)
    return m @ m


def correlation(x, y):
    return x @ y / (np.sqrt(x @ x) * np.sqrt(y @ y))


def huber_like(w, X, y):
    r = X @ w - y
    return np.sum(np.sqrt(1 + r**2))


def power_law(x, y):
    return np.sum(x**3 * y)


def reversed_product(x):
    return x[::-1] @ x


# fmt: off
CASES = {
    f.__name__: (f, examples, wrt)
    for f, examples, wrt in [
        (softmax_regression, (W, b, X, Y), ["W", "b"]), (softmax_by_logsumexp, (W, b, X, Y), ["W", "b"]),
        (softmax_with_labels, (W, X, LABELS), None), (logistic, (w, X, y), None), (logistic01, (w, X, (y + 1) / 2), None),
        (perceptron, (R.normal(size=(3, 4)), R.normal(size=4), R.normal(size=(4, 2)), b, X, Y), ["W1", "b1", "W2", "b2"]),
        (relu_net, (R.normal(size=(3, 4)), R.normal(size=(4, 2)), X, R.normal(size=(6, 2))), ["W1", "W2"]),
        (ridge, (w, X, t, 0.1), None), (least_squares, (w, X, t), None), (many_outputs, (W, X, R.normal(size=(6, 2))), None),
        (weighted, (w, X, t, t**2), None), (poisson, (w, X, t), None), (log_det, (A,), None), (determinant, (A,), None), (trace, (A,), None),
        (trace_of_square, (A,), None), (trace_quadratic, (V, A), None), (trace_of_inverse, (A,), None), (solve, (A, w), ["A", "b"]),
        (quadratic, (w, A), None), (quadratic_symmetric, (w, SYM, w + 1), None), (bilinear, (w, V, b), ["x", "A", "y"]), (frobenius, (X,), None), (euclid, (u,), None),
        (absolute, (u,), None), (rayleigh, (w, SYM), None), (gaussian, (w, SYM, X), ["mu", "L"]), (attention, (X, X + 1, X), ["Q", "K", "V"]),
        (pca, (W, X), None), (factorization, (R.normal(size=(6, 2)), R.normal(size=(4, 2)), R.normal(size=(6, 4))), ["U", "V"]), (log_sum_exp, (u,), None), (softplus_sum, (w, X), None),
        (tanh_sum, (W, X), None), (sines, (u,), None), (differences, (u,), None), (first_and_last, (u,), None), (flattened, (X, u), None),
        (einsum_trace, (A, SYM + A), ["A", "B"]), (three_indices, (b, R.normal(size=(2, 2, 2))), None), (stacked, (u, v), ["x", "y"]), (running, (u,), None),
        (loop, (w, A), ["x", "A"]), (variance, (u,), None), (mean_of_rows, (X,), None), (correlation, (u, v), None), (huber_like, (w, X, t), None),
        (power_law, (u, v), None), (reversed_product, (u,), None),
    ]
}
# fmt: on
