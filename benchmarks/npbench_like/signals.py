"""Signals and images: windows, convolutions, transforms by hand, interpolation, sparse products."""

import numpy as np


def sliding_means(x):
    windows = np.lib.stride_tricks.sliding_window_view(x, 4)
    return windows.mean(axis=-1) * windows.max(axis=-1)


def windows_by_slices(x):
    out = np.zeros((x.size - 3, 4))
    for k in range(4):
        out[:, k] = x[k : k + out.shape[0]]
    return out.std(axis=1)


def windows_by_index(x):
    index = np.arange(x.size - 3)[:, None] + np.arange(4)
    return np.median(x[index], axis=1)


def convolution_by_hand(x, kernel):
    out = np.zeros(x.size + kernel.size - 1)
    for k in range(kernel.size):
        out[k : k + x.size] += kernel[k] * x
    return out


def convolution_2d(image, kernel):
    padded = np.pad(image, 1)
    out = np.zeros_like(image)
    for i in range(3):
        for j in range(3):
            out += kernel[i, j] * padded[i : i + image.shape[0], j : j + image.shape[1]]
    return out


def fourier_by_hand(x):
    n = x.shape[0]
    grid = np.arange(n)
    return np.abs(np.exp(-2j * np.pi * np.outer(grid, grid) / n) @ x) ** 2


def fourier_radix_2(x):
    def transform(z):
        if z.size == 1:
            return z
        even, odd = transform(z[::2]), transform(z[1::2])
        turned = np.exp(-2j * np.pi * np.arange(odd.size) / z.size) * odd
        return np.concatenate([even + turned, even - turned])

    return np.abs(transform(x.astype(complex))) ** 2


def fourier_butterflies(x):
    """Bit reversal, then butterflies in place."""
    n = x.size
    bits = n.bit_length() - 1
    order = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(n)]
    z = np.zeros(n, dtype=complex)
    z[:] = x[order]
    half = 1
    while half < n:
        turn = np.exp(-1j * np.pi * np.arange(half) / half)
        blocks = z.reshape(-1, 2 * half)
        odd = turn * blocks[:, half:]
        even = blocks[:, :half].copy()
        blocks[:, :half] = even + odd
        blocks[:, half:] = even - odd
        half *= 2
    return z.real**2 + z.imag**2


def haar_wavelet(x):
    out = x.copy()
    n = out.size
    while n > 1:
        even, odd = out[:n:2].copy(), out[1:n:2].copy()
        out[: n // 2] = (even + odd) / np.sqrt(2)
        out[n // 2 : n] = (even - odd) / np.sqrt(2)
        n //= 2
    return out


def bilinear(image, x, y):
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    u, v = x - i, y - j
    return (
        image[i, j] * (1 - u) * (1 - v)
        + image[i + 1, j] * u * (1 - v)
        + image[i, j + 1] * (1 - u) * v
        + image[i + 1, j + 1] * u * v
    )


def linear_table(table, x):
    """Where in a table each x falls: searchsorted on values."""
    knots = np.linspace(0, 1, table.size)
    k = np.clip(np.searchsorted(knots, x) - 1, 0, table.size - 2)
    t = (x - knots[k]) / (knots[k + 1] - knots[k])
    return (1 - t) * table[k] + t * table[k + 1]


def spmv(data, x, indices, indptr):
    y = np.empty(indptr.size - 1)
    for i in range(y.size):
        row = slice(indptr[i], indptr[i + 1])
        y[i] = data[row] @ x[indices[row]]
    return y


def spmv_coordinates(values, x, rows, columns):
    y = np.zeros(4)
    np.add.at(y, rows, values * x[columns])
    return y


def segment_sums(x, starts):
    return np.add.reduceat(x, starts) ** 2


def runs(x):
    """Lengths and sums of the runs of one sign."""
    positive = x > 0
    edges = np.flatnonzero(positive[1:] != positive[:-1]) + 1
    ends = np.concatenate([edges, [x.size]])
    starts = np.concatenate([[0], edges])
    return np.array([x[a:b].sum() * (b - a) for a, b in zip(starts, ends, strict=True)])


def compress_and_fill(x):
    y = np.zeros_like(x)
    good = x[x > 0]
    y[: good.size] = np.sort(good)
    y[y == 0] = np.mean(good)
    return y


def clip_in_place(x, low):
    x[x < low] = low
    np.minimum(x, 1.0, out=x)
    np.multiply(x, 2.0, out=x)
    return x


def compute(a, b):
    """Clipped, scaled, added: np.clip on arrays."""
    return np.clip(a, -1, 1) * 3 + b * 4 + np.where(b > a, 2 * a, b)


def total_variation(image):
    dx = np.diff(image, axis=0)[:, :-1]
    dy = np.diff(image, axis=1)[:-1, :]
    return np.sum(np.sqrt(dx**2 + dy**2 + 1e-3))


def histogram_of_gradients(image):
    gy, gx = np.gradient(image)
    size, angle = np.hypot(gx, gy), np.arctan2(gy, gx)
    bins = np.floor((angle + np.pi) / (np.pi / 2)).astype(int) % 4
    out = np.zeros(4)
    for k in range(4):
        out[k] = size[bins == k].sum()
    return out


def trapezoid(y, x):
    return np.sum((y[1:] + y[:-1]) * np.diff(x)) / 2 + np.trapezoid(y**2, x)


def romberg(a):
    table = np.zeros((4, 4))
    for i in range(4):
        t = np.linspace(0.0, 1.0, 2**i + 1)
        y = np.exp(-a * t) * np.cos(a * t)
        table[i, 0] = (y.sum() - 0.5 * (y[0] + y[-1])) / 2**i
        for k in range(1, i + 1):
            table[i, k] = table[i, k - 1] + (table[i, k - 1] - table[i - 1, k - 1]) / (4**k - 1)
    return table[3, 3]


def scattering_products(g, d):
    """Batched small products summed into a block: sse's pattern with roll."""
    out = np.zeros((g.shape[1], g.shape[2]))
    for k in range(g.shape[0]):
        for i in range(d.shape[0]):
            out += d[i] * (np.roll(g, i, axis=0)[k] @ g[k])
    return out


PROGRAMS = [
    (sliding_means, lambda rng: (rng.normal(size=10),), False),
    (windows_by_slices, lambda rng: (rng.normal(size=10),), True),
    (windows_by_index, lambda rng: (rng.normal(size=10),), False),
    (convolution_by_hand, lambda rng: (rng.normal(size=8), rng.normal(size=3)), True),
    (convolution_2d, lambda rng: (rng.normal(size=(5, 5)), rng.normal(size=(3, 3))), True),
    (fourier_by_hand, lambda rng: (rng.normal(size=8),), True),
    (fourier_radix_2, lambda rng: (rng.normal(size=8),), True),
    (fourier_butterflies, lambda rng: (rng.normal(size=8),), True),
    (haar_wavelet, lambda rng: (rng.normal(size=8),), True),
    (bilinear, lambda rng: (rng.normal(size=(5, 5)), *rng.uniform(0, 4, size=(2, 6))), False),
    (linear_table, lambda rng: (rng.normal(size=6), rng.uniform(size=7)), False),
    (spmv,
     lambda rng: (rng.normal(size=8), rng.normal(size=5), rng.integers(0, 5, size=8),
                  np.array([0, 2, 2, 5, 8])), True),
    (spmv_coordinates,
     lambda rng: (rng.normal(size=9), rng.normal(size=5), rng.integers(0, 4, size=9),
                  rng.integers(0, 5, size=9)), True),
    (segment_sums, lambda rng: (rng.normal(size=9), np.array([0, 3, 4, 7])), True),
    (runs, lambda rng: (rng.normal(size=10),), False),
    (compress_and_fill, lambda rng: (rng.normal(size=9),), False),
    (clip_in_place, lambda rng: (2 * rng.normal(size=9), -0.5), False),
    (compute, lambda rng: tuple(rng.normal(size=(2, 4, 4))), False),
    (total_variation, lambda rng: (rng.normal(size=(5, 5)),), True),
    (histogram_of_gradients, lambda rng: (rng.normal(size=(5, 5)),), False),
    (trapezoid, lambda rng: (rng.normal(size=7), np.sort(rng.uniform(size=7))), True),
    (romberg, lambda rng: (1.3,), True),
    (scattering_products, lambda rng: (rng.normal(size=(3, 2, 2)), rng.normal(size=(2, 2, 2))),
     True),
]  # fmt: skip
