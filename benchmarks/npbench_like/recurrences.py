"""One step after the other: dynamic programming, filters, cells over time, series."""

import numpy as np


def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))
    return path


def soft_levenshtein(x, y):
    d = np.zeros((x.size + 1, y.size + 1))
    d[:, 0] = np.arange(x.size + 1)
    d[0, :] = np.arange(y.size + 1)
    for i in range(1, x.size + 1):
        for j in range(1, y.size + 1):
            ways = np.array(
                [d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (x[i - 1] - y[j - 1]) ** 2]
            )
            low = ways.min()
            d[i, j] = low - np.log(np.sum(np.exp(low - ways)))
    return d[-1, -1]


def smith_waterman(score):
    n, m = score.shape
    h = np.zeros((n + 1, m + 1))
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            h[i, j] = max(0.0, h[i - 1, j - 1] + score[i - 1, j - 1], h[i - 1, j] - 0.3,
                          h[i, j - 1] - 0.3)  # fmt: skip
    return np.max(h)


def nussinov(pair):
    n = pair.shape[0]
    table = np.zeros((n, n))
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            table[i, j] = max(table[i, j - 1], table[i + 1, j])
            table[i, j] = max(table[i, j], table[i + 1, j - 1] + pair[i, j])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table[0, -1]


def dynamic_time_warping(x, y):
    cost = np.full((x.size + 1, y.size + 1), np.inf)
    cost[0, 0] = 0.0
    for i, u in enumerate(x, 1):
        for j, v in enumerate(y, 1):
            cost[i, j] = (u - v) ** 2 + min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
    return cost[-1, -1]


def viterbi(start, move, emit, seen):
    """The best path's score, and the path read back with argmax."""
    score = start + emit[:, seen[0]]
    back = []
    for s in seen[1:]:
        options = score[:, None] + move
        back.append(np.argmax(options, axis=0))
        score = np.max(options, axis=0) + emit[:, s]
    state = int(np.argmax(score))
    total = score[state]
    for choice in reversed(back):
        state = int(choice[state])
        total = total + 0.1 * start[state]
    return total


def hmm_forward(start, move, emit, seen):
    alpha = start * emit[:, seen[0]]
    log_likelihood = 0.0
    for s in seen[1:]:
        norm = alpha.sum()
        log_likelihood += np.log(norm)
        alpha = (alpha / norm) @ move * emit[:, s]
    return log_likelihood + np.log(alpha.sum())


def kalman_filter(y, f, q):
    mean, cov = np.zeros(2), np.eye(2)
    h = np.array([[1.0, 0.0]])
    history = np.empty((len(y), 2))
    for t in range(len(y)):
        mean, cov = f @ mean, f @ cov @ f.T + q * np.eye(2)
        s = h @ cov @ h.T + 0.5
        gain = cov @ h.T @ np.linalg.inv(s)
        mean = mean + gain @ (y[t : t + 1] - h @ mean)
        cov = (np.eye(2) - gain @ h) @ cov
        history[t] = mean
    return history


def particle_filter(particles, y, ancestors):
    log_weight = 0.0
    for t in range(y.size):
        particles = 0.9 * particles + np.sin(particles)
        w = np.exp(-0.5 * (y[t] - particles) ** 2)
        log_weight += np.log(np.mean(w))
        particles = particles[ancestors[t]]
    return log_weight + particles.mean()


def lstm(x, w, b):
    size = b.size // 4
    h, c = np.zeros(size), np.zeros(size)
    out = np.zeros((x.shape[0], size))
    for t in range(x.shape[0]):
        i, f, o, g = np.split(w @ np.concatenate([x[t], h]) + b, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        out[t, :] = h
    return out


def gru(x, w, u):
    h = np.zeros(u.shape[-1])
    states = []
    for row in x:
        z = 1 / (1 + np.exp(-(w[0] @ row + u[0] @ h)))
        r = 1 / (1 + np.exp(-(w[1] @ row + u[1] @ h)))
        h = (1 - z) * h + z * np.tanh(w[2] @ row + u[2] @ (r * h))
        states.append(h)
    return np.array(states)


def first_order_filter(x, a):
    y = np.zeros(len(x))
    y[0] = x[0]
    for n in range(1, len(x)):
        y[n] = a[0] * x[n] + a[1] * y[n - 1]
    return y


def deriche(image):
    """A recursive filter along the rows, both ways, accumulated with +=."""
    h = image.shape[1]
    forward, backward = np.empty_like(image), np.empty_like(image)
    forward[:, 0] = 0.4 * image[:, 0]
    for j in range(1, h):
        forward[:, j] = 0.4 * image[:, j] + 0.6 * forward[:, j - 1]
    backward[:, -1] = 0.0
    for j in range(h - 2, -1, -1):
        backward[:, j] = 0.4 * image[:, j + 1] + 0.6 * backward[:, j + 1]
    forward += backward
    return forward


def levinson_durbin(r):
    n = r.size - 1
    y = np.zeros(n)
    alpha, beta = -r[1] / r[0], r[0]
    y[0] = alpha
    for k in range(1, n):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k + 1] + np.dot(np.flip(r[1 : k + 1]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def prefix_sums(x):
    """Hillis and Steele: log n sweeps of shifted slices."""
    out, shift = x.copy(), 1
    while shift < x.size:
        out[shift:] = out[shift:] + out[:-shift]
        shift *= 2
    return out


def cumulative_products(x):
    y = np.ones_like(x)
    y[1:] = x[:-1]
    return np.cumprod(y) * np.cumsum(x[::-1])[::-1]


def horner(coefficients, x):
    y = np.zeros_like(x)
    for c in coefficients:
        y *= x
        y += c
    return y


def clenshaw(coefficients, x):
    b1, b2 = np.zeros_like(x), np.zeros_like(x)
    for c in coefficients[:0:-1]:
        b1, b2 = c + 2 * x * b1 - b2, b1
    return coefficients[0] + x * b1 - b2


def legendre_table(x):
    p = np.empty((6, x.size))
    p[0], p[1] = 1, x
    for n in range(1, 5):
        p[n + 1] = ((2 * n + 1) * x * p[n] - n * p[n - 1]) / (n + 1)
    return p


def binomial_tree(spot, volatility):
    """An American put, folded back over a shrinking slice."""
    n, rate = 8, 0.01
    up = np.exp(volatility)
    prob = (np.exp(rate) - 1 / up) / (up - 1 / up)
    price = spot * up ** np.arange(-n, n + 1, 2)
    value = np.maximum(1.0 - price, 0.0)
    for step in range(n - 1, -1, -1):
        value[: step + 1] = np.exp(-rate) * (prob * value[1 : step + 2] + (1 - prob)
                                             * value[: step + 1])  # fmt: skip
        price[: step + 1] = spot * up ** np.arange(-step, step + 1, 2)
        np.maximum(value, 1.0 - price, out=value)
    return value[0]


def bubble_sort(x):
    for i in range(len(x)):
        for j in range(len(x) - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    return x


PROGRAMS = [
    (floyd_warshall, lambda rng: (rng.uniform(0.1, 2, size=(6, 6)),), False),
    (soft_levenshtein, lambda rng: (rng.normal(size=5), rng.normal(size=4)), False),
    (smith_waterman, lambda rng: (rng.normal(size=(5, 4)),), False),
    (nussinov, lambda rng: (rng.uniform(size=(6, 6)),), False),
    (dynamic_time_warping, lambda rng: (rng.normal(size=5), rng.normal(size=5)), False),
    (viterbi,
     lambda rng: (rng.normal(size=3), *(rng.normal(size=(2, 3, 3))), rng.integers(0, 3, size=6)),
     False),
    (hmm_forward,
     lambda rng: (rng.uniform(size=3), *(rng.uniform(size=(2, 3, 3))), rng.integers(0, 3, size=6)),
     True),
    (kalman_filter, lambda rng: (rng.normal(size=6), rng.normal(size=(2, 2)), 0.3), True),
    (particle_filter,
     lambda rng: (rng.normal(size=8), rng.normal(size=4), rng.integers(0, 8, size=(4, 8))), True),
    (lstm,
     lambda rng: (rng.normal(size=(4, 2)), rng.normal(size=(12, 5)), rng.normal(size=12)), True),
    (gru,
     lambda rng: (rng.normal(size=(4, 2)), rng.normal(size=(3, 3, 2)), rng.normal(size=(3, 3, 3))),
     True),
    (first_order_filter, lambda rng: (rng.normal(size=16), rng.uniform(size=2)), True),
    (deriche, lambda rng: (rng.normal(size=(4, 7)),), True),
    (levinson_durbin, lambda rng: (0.1 * rng.normal(size=7) + 3 * (np.arange(7) == 0),), True),
    (prefix_sums, lambda rng: (rng.normal(size=11),), True),
    (cumulative_products, lambda rng: (rng.normal(size=8),), True),
    (horner, lambda rng: (rng.normal(size=5), rng.normal(size=6)), True),
    (clenshaw, lambda rng: (rng.normal(size=6), rng.uniform(-1, 1, size=5)), True),
    (legendre_table, lambda rng: (rng.uniform(-1, 1, size=5),), True),
    (binomial_tree, lambda rng: (0.97, 0.13), False),
    (bubble_sort, lambda rng: (rng.normal(size=7),), False),
]  # fmt: skip
