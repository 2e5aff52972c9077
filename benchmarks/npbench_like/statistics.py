"""Numbers about numbers: moments, likelihoods, distances, orders."""

import numpy as np


def correlation(data):
    mean = data.mean(axis=0)
    deviation = data.std(axis=0)
    deviation[deviation <= 0.1] = 1.0
    data -= mean
    data /= np.sqrt(data.shape[0]) * deviation
    corr = np.eye(data.shape[1], dtype=data.dtype)
    for i in range(data.shape[1] - 1):
        corr[i + 1 :, i] = corr[i, i + 1 :] = data[:, i] @ data[:, i + 1 :]
    return corr


def covariance(data):
    data -= np.mean(data, axis=0)
    cov = np.zeros((data.shape[1], data.shape[1]), dtype=data.dtype)
    for i in range(data.shape[1]):
        cov[i:, i] = data[:, i] @ data[:, i:] / (data.shape[0] - 1)
        cov[i, i:] = cov[i:, i]
    return cov


def online_moments(x):
    """Welford's: mean and variance in one pass."""
    mean, m2 = 0.0, 0.0
    for n, value in enumerate(x, start=1):
        delta = value - mean
        mean += delta / n
        m2 += delta * (value - mean)
    return np.array([mean, m2 / (len(x) - 1)])


def gaussian_process(x, y, length):
    d = x[:, None] - x[None, :]
    k = np.exp(-0.5 * (d / length) ** 2) + 0.1 * np.eye(x.size)
    l = np.linalg.cholesky(k)
    alpha = np.linalg.solve(l.T, np.linalg.solve(l, y))
    return 0.5 * y @ alpha + np.sum(np.log(np.diag(l)))


def logistic_regression(w, x, y):
    for _ in range(3):
        p = 1 / (1 + np.exp(-x @ w))
        w = w - 0.5 * x.T @ (p - y) / y.size
    return w


def newton_logistic(w, x, y):
    for _ in range(2):
        p = 1 / (1 + np.exp(-(x @ w)))
        h = (x.T * (p * (1 - p))) @ x + 0.1 * np.eye(w.size)
        w = w - np.linalg.solve(h, x.T @ (p - y))
    return w


def huber(residual, delta):
    out = np.empty(residual.shape)
    small = np.abs(residual) <= delta
    out[small] = 0.5 * residual[small] ** 2
    out[~small] = delta * (np.abs(residual[~small]) - 0.5 * delta)
    return out.sum()


def iteratively_reweighted(x, y):
    w = np.ones_like(y)
    for _ in range(4):
        beta = np.linalg.solve(x.T @ (w[:, None] * x), x.T @ (w * y))
        w = 1 / np.maximum(np.abs(y - x @ beta), 0.05)
    return beta


def trimmed_mean(x):
    return np.sort(x)[2:-2].mean() + np.percentile(x, 30)


def rank_loss(score, order):
    """Each pair of a ranking, in a list."""
    losses = []
    for a in range(len(order)):
        for b in range(a + 1, len(order)):
            losses.append(np.log1p(np.exp(score[order[b]] - score[order[a]])))
    return np.sum(losses)


def cox_likelihood(beta, x, time):
    order = np.argsort(-time)
    risk = (x @ beta)[order]
    return np.sum(risk - np.log(np.cumsum(np.exp(risk))))


def distances(x, y):
    d = np.empty((x.shape[0], y.shape[0]))
    for i, p in enumerate(x):
        for j, q in enumerate(y):
            d[i, j] = np.sqrt(((p - q) ** 2).sum())
    return d


def chebyshev_fit(y):
    n = y.size
    nodes = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    basis = np.polynomial.chebyshev.chebvander(nodes, n - 1)
    return np.linalg.solve(basis, y)


def sinkhorn(cost):
    k = np.exp(-cost)
    u, v = np.ones(k.shape[0]), np.ones(k.shape[1])
    for _ in range(5):
        u[:] = 1 / (k @ v)
        v[:] = 1 / (k.T @ u)
    plan = u[:, None] * k * v
    return np.sum(plan * cost)


def bootstrap(x, picks):
    means = np.zeros(len(picks))
    for b, pick in enumerate(picks):
        means[b] = x[pick].mean()
    return np.var(means, ddof=1)


def geometric_brownian(rate, volatility, noise):
    s = np.ones(noise.shape[0])
    lowest = s.copy()
    for z in noise.T:
        s *= np.exp((rate - 0.5 * volatility**2) * 0.1 + volatility * np.sqrt(0.1) * z)
        np.minimum(lowest, s, out=lowest)
    return np.mean(np.maximum(s - lowest, 0))


def garch(returns, parameters):
    omega, alpha, beta = parameters
    variance = np.empty_like(returns)
    variance[0] = returns.var()
    for t in range(1, returns.size):
        variance[t] = omega + alpha * returns[t - 1] ** 2 + beta * variance[t - 1]
    return np.sum(np.log(variance) + returns**2 / variance)


def doitgen(a, c):
    for r in range(a.shape[0]):
        a[r] = np.reshape(np.reshape(a[r], (a.shape[1], 1, a.shape[2])) @ c, a.shape[1:])
    return a


def wrapped_angles(x):
    x = x.copy()
    while np.any(x > np.pi):
        x[x > np.pi] -= 2 * np.pi
    return x**2


PROGRAMS = [
    (correlation, lambda rng: (rng.normal(size=(7, 4)),), True),
    (covariance, lambda rng: (rng.normal(size=(7, 4)),), True),
    (online_moments, lambda rng: (rng.normal(size=9),), True),
    (gaussian_process, lambda rng: (rng.normal(size=5), rng.normal(size=5), 0.8), True),
    (logistic_regression,
     lambda rng: (rng.normal(size=3), rng.normal(size=(6, 3)), rng.uniform(size=6)), True),
    (newton_logistic,
     lambda rng: (rng.normal(size=3), rng.normal(size=(6, 3)), rng.uniform(size=6)), True),
    (huber, lambda rng: (rng.normal(size=9), 0.6), False),
    (iteratively_reweighted, lambda rng: (rng.normal(size=(8, 2)), rng.normal(size=8)), False),
    (trimmed_mean, lambda rng: (rng.normal(size=9),), False),
    (rank_loss, lambda rng: (rng.normal(size=5), rng.permutation(5)), True),
    (cox_likelihood,
     lambda rng: (rng.normal(size=2), rng.normal(size=(6, 2)), rng.uniform(size=6)), False),
    (distances, lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=(4, 2))), True),
    (chebyshev_fit, lambda rng: (rng.normal(size=6),), True),
    (sinkhorn, lambda rng: (rng.uniform(size=(4, 5)),), True),
    (bootstrap, lambda rng: (rng.normal(size=6), rng.integers(0, 6, size=(5, 6))), True),
    (geometric_brownian, lambda rng: (0.05, 0.2, rng.normal(size=(6, 4))), False),
    (garch, lambda rng: (rng.normal(size=9), np.array([0.2, 0.1, 0.6])), True),
    (doitgen, lambda rng: (rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 4))), True),
    (wrapped_angles, lambda rng: (rng.uniform(0, 15, size=6),), False),
]  # fmt: skip
