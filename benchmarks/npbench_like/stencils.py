"""Grids: slices of slices, ghost cells, masks at the walls, writes element by element."""

import numpy as np


def jacobi_1d(a, b):
    for _ in range(4):
        b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3
        a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3
    return a


def jacobi_2d(a):
    a, b = a.copy(), a.copy()
    for _ in range(3):
        b[1:-1, 1:-1] = 0.2 * (
            a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1]
        )
        a[1:-1, 1:-1] = 0.2 * (
            b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1]
        )
    return a


def heat_3d(a):
    b = np.copy(a)
    for _ in range(2):
        for source, target in ((a, b), (b, a)):
            c = source[1:-1, 1:-1, 1:-1]
            target[1:-1, 1:-1, 1:-1] = (
                0.125 * (source[2:, 1:-1, 1:-1] - 2 * c + source[:-2, 1:-1, 1:-1])
                + 0.125 * (source[1:-1, 2:, 1:-1] - 2 * c + source[1:-1, :-2, 1:-1])
                + 0.125 * (source[1:-1, 1:-1, 2:] - 2 * c + source[1:-1, 1:-1, :-2])
                + c
            )
    return a


def gauss_seidel(a):
    n = a.shape[0]
    for _ in range(2):
        for i in range(1, n - 1):
            a[i, 1:-1] += a[i - 1, :-2] + a[i - 1, 1:-1] + a[i - 1, 2:] + a[i, 2:] + a[i + 1, 1:-1]
            for j in range(1, n - 1):
                a[i, j] += a[i, j - 1]
                a[i, j] /= 9.0
    return a


def red_black_poisson(u, f):
    u = u.copy()
    for _ in range(2):
        for shift in (0, 1):
            for i in range(1, u.shape[0] - 1):
                s = slice(1 + (i + shift) % 2, -1, 2)
                row = u[i]
                around = u[i - 1] + u[i + 1] + np.roll(row, 1) + np.roll(row, -1)
                row[s] = 0.25 * (around[s] - f[i, s])
    return u


def fdtd_2d(ex, ey, hz, source):
    for t in range(source.shape[0]):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return hz


def upwind_advection(q, speed):
    for _ in range(5):
        left = np.where(speed > 0, np.roll(q, 1), q)
        right = np.where(speed > 0, q, np.roll(q, -1))
        q = q - 0.1 * speed * (right - left)
    return q


def limited_flux(q):
    """A hydro step: slopes by minmod, fluxes scattered to both neighbours."""
    q = q.copy()
    for _ in range(3):
        d = np.diff(q)
        left, right = d[:-1], d[1:]
        small = np.where(np.abs(left) < np.abs(right), left, right)
        slope = np.zeros_like(q)
        slope[1:-1] = np.where(left * right > 0, small, 0.0)
        flux = 0.2 * (q[:-1] + 0.4 * slope[:-1]) ** 2
        q[:-1] -= flux
        q[1:] += flux
    return q


def shallow_water(h, u):
    """Lax-Friedrichs with ghost cells."""
    state = np.zeros((2, h.size + 2))
    state[0, 1:-1], state[1, 1:-1] = h, h * u
    for _ in range(4):
        state[:, 0], state[:, -1] = state[:, 1], state[:, -2]
        height, momentum = state
        flux = np.stack([momentum, momentum**2 / height + 4.9 * height**2])
        state[:, 1:-1] = 0.5 * (state[:, 2:] + state[:, :-2]) - 0.05 * (flux[:, 2:] - flux[:, :-2])
    return state[:, 1:-1]


def channel_flow(u, v, p):
    """A step of flow between two walls, periodic along the channel."""
    d, dt, nu = 0.5, 0.05, 0.1
    b = np.zeros_like(p)
    for _ in range(2):
        un, vn = u.copy(), v.copy()
        ux = (np.roll(u, -1, 1) - np.roll(u, 1, 1)) / (2 * d)
        vy = (np.roll(v, -1, 0) - np.roll(v, 1, 0)) / (2 * d)
        b[1:-1] = ((ux + vy) / dt - ux**2 - vy**2)[1:-1]
        for _ in range(3):
            pn = p.copy()
            sides = np.roll(pn, 1, 1) + np.roll(pn, -1, 1)
            p[1:-1] = 0.25 * (sides[1:-1] + pn[2:] + pn[:-2] - d * d * b[1:-1])
            p[0, :] = p[1, :]
            p[-1, :] = p[-2, :]
        for w, wn, axis in ((u, un, 1), (v, vn, 0)):
            slope = (np.roll(p, -1, axis) - np.roll(p, 1, axis)) / (2 * d)
            lap = wn[2:] + wn[:-2] - 4 * wn[1:-1] + (np.roll(wn, 1, 1) + np.roll(wn, -1, 1))[1:-1]
            w[1:-1] = wn[1:-1] - dt * slope[1:-1] + nu * dt / d**2 * lap
        u[1:-1] += dt
        u[0, :] = u[-1, :] = 0
        v[0, :] = v[-1, :] = 0
    return u + v


def vertical_advection(field, wind):
    """Thomas' algorithm along the last axis of a block, with planes written as they come."""
    k = field.shape[-1]
    c = np.empty_like(field)
    d = np.empty_like(field)
    for i in range(k):
        above = 0.25 * wind[..., i]
        if i == 0:
            c[..., i] = above / (1 + above)
            d[..., i] = field[..., i] / (1 + above)
        else:
            scale = 1.0 / (1.0 + above - above * c[..., i - 1])
            c[..., i] = above * scale
            d[..., i] = (field[..., i] - above * d[..., i - 1]) * scale
    for i in range(k - 2, -1, -1):
        d[..., i] -= c[..., i] * d[..., i + 1]
    return d


def adi(u):
    """Alternating directions: one implicit sweep along rows, one along columns."""
    n = u.shape[0]
    v, p, q = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    for source, target in ((u, v), (v, u)):
        target[0, :] = 1.0
        p[:, 0], q[:, 0] = 0.0, target[0, :]
        for j in range(1, n - 1):
            p[1:-1, j] = 0.3 / (0.3 * p[1:-1, j - 1] + 1.6)
            q[1:-1, j] = (
                0.2 * source[j, :-2]
                + 0.6 * source[j, 1:-1]
                + 0.2 * source[j, 2:]
                + 0.3 * q[1:-1, j - 1]
            ) / (0.3 * p[1:-1, j - 1] + 1.6)
        target[-1, :] = 1.0
        for j in range(n - 2, 0, -1):
            target[j, 1:-1] = p[1:-1, j] * target[j + 1, 1:-1] + q[1:-1, j]
    return u


def horizontal_diffusion(a, coefficient):
    lap = 4 * a[1:-1, 1:-1] - (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2])
    east = lap[:, 1:] - lap[:, :-1]
    east = np.where(east * (a[1:-1, 2:-1] - a[1:-1, 1:-2]) > 0, 0, east)
    south = lap[1:] - lap[:-1]
    south = np.where(south * (a[2:-1, 1:-1] - a[1:-2, 1:-1]) > 0, 0, south)
    out = a.copy()
    out[2:-2, 2:-2] -= coefficient * (
        east[1:-1, 1:] - east[1:-1, :-1] + south[1:, 1:-1] - south[:-1, 1:-1]
    )
    return out


PROGRAMS = [
    (jacobi_1d, lambda rng: (rng.normal(size=12), rng.normal(size=12)), True),
    (jacobi_2d, lambda rng: (rng.normal(size=(7, 7)),), True),
    (heat_3d, lambda rng: (rng.normal(size=(5, 4, 5)),), True),
    (gauss_seidel, lambda rng: (rng.normal(size=(6, 6)),), True),
    (red_black_poisson, lambda rng: tuple(rng.normal(size=(2, 6, 7))), True),
    (fdtd_2d, lambda rng: (*rng.normal(size=(3, 5, 6)), rng.normal(size=4)), True),
    (upwind_advection, lambda rng: (rng.normal(size=11), rng.normal(size=11)), False),
    (limited_flux, lambda rng: (rng.normal(size=12),), False),
    (shallow_water, lambda rng: (1 + rng.uniform(size=9), 0.1 * rng.normal(size=9)), True),
    (channel_flow, lambda rng: tuple(rng.normal(size=(3, 5, 6))), True),
    (vertical_advection, lambda rng: tuple(rng.uniform(size=(2, 3, 2, 5))), True),
    (adi, lambda rng: (rng.normal(size=(6, 6)),), True),
    (horizontal_diffusion, lambda rng: (rng.normal(size=(7, 8)), rng.uniform(size=(3, 4))), False),
]
