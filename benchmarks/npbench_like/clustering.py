"""Models of data: clusters with masks, layers, mixtures, counts scattered into bins."""

import numpy as np


def k_means(points, centres):
    for _ in range(3):
        distance = np.sum((points[:, None] - centres[None]) ** 2, axis=-1)
        nearest = np.argmin(distance, axis=1)
        new = np.empty_like(centres)
        for k in range(centres.shape[0]):
            mine = nearest == k
            new[k] = points[mine].mean(axis=0) if mine.any() else centres[k]
        centres = new
    return np.sum(np.min(np.sum((points[:, None] - centres) ** 2, axis=-1), axis=1))


def soft_k_means(points, centres):
    for _ in range(2):
        distance = ((points[:, np.newaxis, :] - centres) ** 2).sum(axis=2)
        share = np.exp(-distance)
        share /= share.sum(axis=1, keepdims=True)
        centres = share.T @ points / share.sum(axis=0)[:, None]
    return centres


def gaussian_mixture(x, log_weights, means, scales):
    z = (x[:, None, :] - means) / np.exp(scales)
    log_density = log_weights - np.sum(0.5 * z**2 + scales, axis=-1)
    top = np.max(log_density, axis=1, keepdims=True)
    total = top[:, 0] + np.log(np.sum(np.exp(log_density - top), axis=1))
    return total.sum() - x.shape[0] * np.log(np.sum(np.exp(log_weights)))


def mixture_step(x, means):
    """One round of expectation and maximisation, cluster by cluster."""
    p = np.zeros((len(x), len(means)))
    for k in range(len(means)):
        p[:, k] = np.exp(-0.5 * np.sum((x - means[k]) ** 2, axis=1))
    p /= p.sum(axis=1)[:, None]
    return np.einsum("nk,nd->kd", p, x) / p.sum(0)[:, None]


def softmax_rows(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def perceptron(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return softmax_rows(hidden @ w2 + b2)


def attention(q, k, v):
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    n = scores.shape[-1]
    future = np.triu(np.ones((n, n), dtype=bool), 1)
    scores[..., future] = -1e9
    return softmax_rows(scores) @ v


def convolution_layer(image, kernels):
    h, w = image.shape[1] - 2, image.shape[2] - 2
    out = np.empty((image.shape[0], h, w, kernels.shape[3]))
    for i in range(h):
        for j in range(w):
            patch = image[:, i : i + 3, j : j + 3, :, np.newaxis]
            out[:, i, j, :] = np.sum(patch * kernels[np.newaxis], axis=(1, 2, 3))
    return out


def max_pool(image):
    out = np.empty((image.shape[0] // 2, image.shape[1] // 2))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.max(image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2])
    return out


def batch_normalise(x, gamma, beta):
    x -= np.mean(x, axis=0)
    x /= np.sqrt(np.var(x, axis=0) + 1e-5)
    return gamma * x + beta


def normalise_rows_in_place(x):
    for row in x:
        row /= np.linalg.norm(row)
    return x


def dropout_and_residual(x, w, keep):
    h = np.tanh(x @ w)
    h[~keep] = 0
    h *= 2.0
    return x + h


def graph_layer(x, source, target, w):
    """Messages along the edges, added up where they arrive."""
    messages = x[source] @ w
    out = np.zeros_like(x)
    np.add.at(out, target, messages)
    return np.tanh(out)


def histogram_weights(weights, bins):
    counts = np.zeros(5)
    np.add.at(counts, bins, weights)
    return counts / counts.sum()


def soft_histogram(x):
    """Each sample falls into two neighbouring bins."""
    counts = np.zeros(8)
    place = np.clip(x, 0, 6.99)
    low = np.floor(place).astype(int)
    share = place - low
    np.add.at(counts, low, 1 - share)
    np.add.at(counts, low + 1, share)
    return counts


def azimuthal_histogram(radius, weight):
    """Weighted means in rings, each ring by its mask."""
    edges = np.linspace(0.0, 3.0, 4)
    means = np.zeros(3)
    for i in range(3):
        ring = np.logical_and(edges[i] <= radius, radius < edges[i + 1])
        means[i] = np.sum((weight * radius)[ring]) / np.sum(weight[ring])
    return means


def ridge(x, y, strength):
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += np.exp(strength)
    return np.linalg.solve(gram, x.T @ y)


def pagerank(links):
    m = np.abs(links)
    m /= m.sum(axis=0)
    rank = np.full(m.shape[0], 1 / m.shape[0])
    for _ in range(6):
        rank = 0.85 * m @ rank + 0.15 / rank.size
    return rank


def matrix_factorisation(ratings, u, v, known):
    """Gradient steps written by hand, in place."""
    for _ in range(3):
        error = np.where(known, ratings - u @ v.T, 0.0)
        du, dv = error @ v, error.T @ u
        u += 0.05 * du
        v += 0.05 * dv
    return np.sum((ratings - u @ v.T)[known] ** 2)


PROGRAMS = [
    (k_means, lambda rng: (rng.normal(size=(12, 2)), rng.normal(size=(3, 2))), False),
    (soft_k_means, lambda rng: (rng.normal(size=(8, 2)), rng.normal(size=(3, 2))), True),
    (gaussian_mixture,
     lambda rng: (rng.normal(size=(6, 2)), rng.normal(size=3), *rng.normal(size=(2, 3, 2))), True),
    (mixture_step, lambda rng: (rng.normal(size=(7, 2)), rng.normal(size=(3, 2))), True),
    (softmax_rows, lambda rng: (rng.normal(size=(3, 5)),), True),
    (perceptron,
     lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5),
                  rng.normal(size=(5, 2)), rng.normal(size=2)), False),
    (attention, lambda rng: tuple(rng.normal(size=(3, 2, 4, 3))), True),
    (convolution_layer,
     lambda rng: (rng.normal(size=(2, 5, 5, 2)), rng.normal(size=(3, 3, 2, 2))), True),
    (max_pool, lambda rng: (rng.normal(size=(6, 4)),), False),
    (batch_normalise,
     lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)), True),
    (normalise_rows_in_place, lambda rng: (rng.normal(size=(4, 3)),), True),
    (dropout_and_residual,
     lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), rng.uniform(size=(4, 3)) > 0.5),
     True),
    (graph_layer,
     lambda rng: (rng.normal(size=(5, 3)), *rng.integers(0, 5, size=(2, 9)),
                  rng.normal(size=(3, 3))), True),
    (histogram_weights, lambda rng: (rng.uniform(size=20), rng.integers(0, 5, size=20)), True),
    (soft_histogram, lambda rng: (rng.uniform(0, 6, size=12),), False),
    (azimuthal_histogram, lambda rng: (3 * rng.uniform(size=15), rng.uniform(size=15)), False),
    (ridge, lambda rng: (rng.normal(size=(8, 3)), rng.normal(size=8), 0.3), True),
    (pagerank, lambda rng: (rng.uniform(0.1, 1, size=(5, 5)),), True),
    (matrix_factorisation,
     lambda rng: (rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), rng.normal(size=(4, 2)),
                  rng.uniform(size=(5, 4)) > 0.3), True),
]  # fmt: skip
