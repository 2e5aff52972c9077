"""Matrices taken apart in place, row by row and column by column."""

import numpy as np


def lu_in_place(a):
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]
    return a


def lu_by_outer_products(a):
    a = np.array(a)
    for k in range(a.shape[0] - 1):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a


def cholesky_in_place(x):
    a = x @ x.T + 3 * np.eye(x.shape[0])
    a[0, 0] = np.sqrt(a[0, 0])
    for i in range(1, a.shape[0]):
        for j in range(i):
            a[i, j] -= np.dot(a[i, :j], a[j, :j])
            a[i, j] /= a[j, j]
        a[i, i] -= np.dot(a[i, :i], a[i, :i])
        a[i, i] = np.sqrt(a[i, i])
    return np.tril(a)


def gram_schmidt(a):
    q = np.zeros_like(a)
    r = np.zeros((a.shape[1], a.shape[1]), dtype=a.dtype)
    for k in range(a.shape[1]):
        r[k, k] = np.sqrt(np.dot(a[:, k], a[:, k]))
        q[:, k] = a[:, k] / r[k, k]
        for j in range(k + 1, a.shape[1]):
            r[k, j] = np.dot(q[:, k], a[:, j])
            a[:, j] -= q[:, k] * r[k, j]
    return np.concatenate([q, r])


def householder(a):
    r = a.copy()
    for k in range(a.shape[1]):
        v = r[k:, k].copy()
        v[0] += np.copysign(np.linalg.norm(v), v[0])
        v /= np.linalg.norm(v)
        r[k:, k:] -= 2.0 * np.outer(v, v @ r[k:, k:])
    return np.triu(r)


def givens(a):
    r = a.copy()
    rows, columns = r.shape
    for j in range(columns):
        for i in range(rows - 1, j, -1):
            x, y = r[i - 1, j], r[i, j]
            length = np.hypot(x, y)
            turn = np.array([[x, y], [-y, x]]) / length
            r[i - 1 : i + 1, j:] = turn @ r[i - 1 : i + 1, j:]
    return r


def triangular_solve(l, b):
    x = np.empty_like(b)
    for i in range(b.size):
        x[i] = (b[i] - l[i, :i] @ x[:i]) / l[i, i]
    return x


def thomas(lower, diagonal, upper, b):
    c, d = upper.copy(), b.copy()
    c[0] /= diagonal[0]
    d[0] /= diagonal[0]
    for i in range(1, d.size):
        scale = diagonal[i] - lower[i] * c[i - 1]
        c[i] = c[i] / scale
        d[i] = (d[i] - lower[i] * d[i - 1]) / scale
    for i in reversed(range(d.size - 1)):
        d[i] -= c[i] * d[i + 1]
    return d


def determinant(a):
    """Elimination that pivots on the values."""
    a = a.copy()
    sign = 1.0
    for k in range(a.shape[0]):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        if p != k:
            a[[k, p]] = a[[p, k]]
            sign = -sign
        a[k + 1 :] -= np.outer(a[k + 1 :, k] / a[k, k], a[k])
    return sign * np.prod(np.diag(a))


def gauss_jordan(a):
    n = a.shape[0]
    w = np.hstack([a, np.eye(n)])
    for i in range(n):
        w[i] /= w[i, i]
        for j in range(n):
            if i != j:
                w[j] -= w[j, i] * w[i]
    return w[:, n:]


def determinant_by_minors(a):
    if a.shape[0] == 1:
        return a[0, 0]
    total = 0.0
    for j in range(a.shape[0]):
        minor = np.delete(a[1:], j, axis=1)
        total += (-1) ** j * a[0, j] * determinant_by_minors(minor)
    return total


def conjugate_gradients(x, b):
    a = x.T @ x + np.eye(b.size)
    u = np.zeros_like(b)
    r = b - a @ u
    p = r.copy()
    rho = r @ r
    for _ in range(b.size):
        w = a @ p
        alpha = rho / (p @ w)
        u += alpha * p
        r -= alpha * w
        rho, before = r @ r, rho
        p = r + rho / before * p
    return u


def conjugate_gradients_until(x, b):
    """As long as the residual says so."""
    a = x.T @ x + np.eye(b.size)
    u, r = np.zeros(b.size), b.copy()
    p = r.copy()
    while np.linalg.norm(r) > 1e-9:
        w = a @ p
        alpha = r @ r / (p @ w)
        u += alpha * p
        new = r - alpha * w
        p = new + new @ new / (r @ r) * p
        r = new
    return u


def power_iteration(x):
    a = x + x.T
    v = np.ones(a.shape[0]) / np.sqrt(a.shape[0])
    for _ in range(10):
        v = a @ v
        v /= np.linalg.norm(v)
    return v @ a @ v


def bidiagonal_products(a, p, r):
    return np.concatenate([r @ a, a @ p, a.T @ (a @ p)])


def matrix_updates(a, u, v, y, z):
    """gemver: batched outer updates, then two products."""
    a += np.outer(u[0], v[0]) + np.outer(u[1], v[1])
    x = 1.2 * y @ a + z
    return 0.7 * a @ x


def symmetric_rank_updates(a, b, c):
    """syr2k, row by row of the triangle."""
    for i in range(a.shape[0]):
        c[i, : i + 1] *= 0.5
        for k in range(a.shape[1]):
            c[i, : i + 1] += a[: i + 1, k] * 1.5 * b[i, k] + b[: i + 1, k] * 1.5 * a[i, k]
    return c


def triangular_product(a, b):
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    b *= 1.5
    return b


def jacobi_rotations(x):
    """Eigenvalues of a symmetric matrix, rotated in place."""
    a = (x + x.T) / 2
    n = a.shape[0]
    for _ in range(4):
        for p in range(n - 1):
            for q in range(p + 1, n):
                angle = 0.5 * np.arctan2(2 * a[p, q], a[q, q] - a[p, p])
                c, s = np.cos(angle), np.sin(angle)
                rows = a[[p, q], :]
                a[p, :], a[q, :] = c * rows[0] - s * rows[1], s * rows[0] + c * rows[1]
                columns = a[:, [p, q]]
                a[:, p] = c * columns[:, 0] - s * columns[:, 1]
                a[:, q] = s * columns[:, 0] + c * columns[:, 1]
    return np.sort(a.diagonal())


PROGRAMS = [
    (lu_in_place, lambda rng: (rng.normal(size=(5, 5)) + 5 * np.eye(5),), True),
    (lu_by_outer_products, lambda rng: (rng.normal(size=(5, 5)) + 5 * np.eye(5),), True),
    (cholesky_in_place, lambda rng: (rng.normal(size=(5, 5)),), True),
    (gram_schmidt, lambda rng: (rng.normal(size=(6, 4)),), True),
    (householder, lambda rng: (rng.normal(size=(5, 3)),), True),
    (givens, lambda rng: (rng.normal(size=(4, 3)),), True),
    (triangular_solve, lambda rng: (rng.normal(size=(6, 6)) + 4 * np.eye(6), rng.normal(size=6)),
     True),
    (thomas, lambda rng: (rng.normal(size=7), 5 + rng.uniform(size=7), *rng.normal(size=(2, 7))),
     True),
    (determinant, lambda rng: (rng.normal(size=(5, 5)),), False),
    (gauss_jordan, lambda rng: (rng.normal(size=(4, 4)) + 4 * np.eye(4),), True),
    (determinant_by_minors, lambda rng: (rng.normal(size=(4, 4)),), True),
    (conjugate_gradients, lambda rng: (rng.normal(size=(6, 5)), rng.normal(size=5)), True),
    (conjugate_gradients_until, lambda rng: (rng.normal(size=(6, 5)), rng.normal(size=5)), True),
    (power_iteration, lambda rng: (rng.uniform(size=(5, 5)),), True),
    (bidiagonal_products,
     lambda rng: (rng.normal(size=(5, 4)), rng.normal(size=4), rng.normal(size=5)), True),
    (matrix_updates,
     lambda rng: (rng.normal(size=(4, 4)), *rng.normal(size=(2, 2, 4)), *rng.normal(size=(2, 4))),
     True),
    (symmetric_rank_updates,
     lambda rng: (*rng.normal(size=(2, 4, 3)), rng.normal(size=(4, 4))), True),
    (triangular_product, lambda rng: (rng.normal(size=(4, 4)), rng.normal(size=(4, 3))), True),
    (jacobi_rotations, lambda rng: (rng.normal(size=(4, 4)),), False),
]  # fmt: skip
