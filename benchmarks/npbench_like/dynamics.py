"""Things that move: steps in time, forces between bodies, rotations, iterations that stop."""

import math

import numpy as np


def euler_pendulum(state):
    path = np.zeros((9, 2))
    path[0] = state
    for t in range(8):
        angle, speed = path[t]
        path[t + 1, 0] = angle + 0.1 * speed
        path[t + 1, 1] = speed - 0.1 * np.sin(angle)
    return path


def runge_kutta_lorenz(state, rates):
    def slope(s):
        x, y, z = s
        return np.array([rates[0] * (y - x), x * (rates[1] - z) - y, x * y - rates[2] * z])

    h = 0.01
    for _ in range(5):
        k1 = slope(state)
        k2 = slope(state + h / 2 * k1)
        k3 = slope(state + h / 2 * k2)
        k4 = slope(state + h * k3)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state


def leapfrog(q, p):
    p -= 0.05 * q**3
    for _ in range(5):
        q += 0.1 * p
        p -= 0.1 * q**3
    p += 0.05 * q**3
    return 0.5 * p @ p + 0.25 * np.sum(q**4)


def n_body(position, velocity, mass):
    for _ in range(3):
        d = position[None, :, :] - position[:, None, :]
        inverse = np.sum(d**2, axis=-1) + 0.1
        inverse[inverse > 0] = inverse[inverse > 0] ** -1.5
        velocity += 0.02 * np.einsum("ij,ijk,j->ik", inverse, d, mass)
        position += 0.02 * velocity
    return position


def n_body_pairs(position, mass):
    """Newton's third law by two writes for each pair."""
    force = np.zeros(position.shape)
    for i in range(len(mass)):
        for j in range(i):
            d = position[j] - position[i]
            pull = mass[i] * mass[j] * d / (d @ d + 0.1) ** 1.5
            force[i] += pull
            force[j] -= pull
    return force


def lennard_jones_cutoff(position):
    i, j = np.triu_indices(position.shape[0], k=1)
    r2 = np.sum((position[i] - position[j]) ** 2, axis=1)
    near = r2 < 4.0
    s6 = 1 / (r2[near] + 0.5) ** 3
    return 4 * np.sum(s6**2 - s6)


def reflecting_walls(x, v):
    for _ in range(6):
        x += 0.4 * v
        outside = np.abs(x) > 1
        v[outside] *= -0.9
        x[outside] = np.sign(x[outside]) * 2 - x[outside]
    return x + v


def springs(x, rest):
    """A chain: differences of neighbours pushed back with += on overlapping slices."""
    v = np.zeros_like(x)
    for _ in range(4):
        d = x[1:] - x[:-1]
        length = np.sqrt(np.sum(d * d, axis=1, keepdims=True))
        f = (1 - rest / length) * d
        v[:-1] += 0.1 * f
        v[1:] -= 0.1 * f
        x += 0.1 * v
    return x


def rotate_by_angles(points, angles):
    for axis in range(3):
        c, s = np.cos(angles[axis]), np.sin(angles[axis])
        turn = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn[i, i], turn[i, j] = c, -s
        turn[j, i], turn[j, j] = s, c
        points = points @ turn.T
    return points


def quaternion_rotation(q, v):
    w, x, y, z = q / np.linalg.norm(q)
    r = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return v @ r.T


def rodrigues(axis, v):
    angle = np.sqrt(axis @ axis)
    k = axis / angle
    return (
        v * np.cos(angle)
        + np.cross(k, v) * np.sin(angle)
        + np.outer(v @ k, k) * (1 - np.cos(angle))
    )


def triangle_areas(corners, faces):
    a, b, c = (corners[faces[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def arm(angles, lengths):
    """math's functions on elements, points kept in a list."""
    x, y, total = 0.0, 0.0, 0.0
    points = []
    for i in range(len(angles)):
        total = total + angles[i]
        x, y = x + lengths[i] * np.cos(total), y + lengths[i] * np.sin(total)
        points.append([x, y])
    return np.array(points) / math.sqrt(2)


def escape_iteration(re, im):
    """As Mandelbrot's set is drawn: what has escaped is left alone."""
    x, y = np.zeros_like(re), np.zeros_like(im)
    for _ in range(6):
        inside = x * x + y * y < 4
        new_x = x[inside] ** 2 - y[inside] ** 2 + re[inside]
        y[inside] = 2 * x[inside] * y[inside] + im[inside]
        x[inside] = new_x
    return x * x + y * y


def escape_complex(re, im):
    c = re + 1j * im
    z = np.zeros(c.shape, dtype=np.complex128)
    for _ in range(5):
        inside = np.abs(z) < 2
        z[inside] = z[inside] ** 2 + c[inside]
    return np.abs(z) ** 2


def saddle_point(x, y, coupling):
    """Simultaneous descent and ascent."""
    for _ in range(6):
        gx, gy = x + coupling @ y, coupling.T @ x - y
        x, y = x - 0.1 * gx, y + 0.1 * gy
    return x @ coupling @ y + 0.5 * (x @ x - y @ y)


def newton_root(a):
    """A while that looks at the value."""
    x = a
    while abs(x * x - a) > 1e-13:
        x = 0.5 * (x + a / x)
    return x


def newton_system(a):
    x = np.array([1.5, 0.7])
    for _ in range(6):
        r = np.array([x[0] ** 2 + x[1] ** 2 - a[0], x[0] * x[1] - a[1]])
        j = np.array([[2 * x[0], 2 * x[1]], [x[1], x[0]]])
        x = x - np.linalg.solve(j, r)
        if np.max(np.abs(r)) < 1e-14:
            break
    return x


def bisection(a):
    """Halves while it looks; a last Newton step carries the derivative."""
    low, high = 0.0, 4.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if middle**3 + middle < a:
            low = middle
        else:
            high = middle
    return middle - (middle**3 + middle - a) / (3 * middle**2 + 1)


def momentum_descent(x, target):
    v = np.zeros_like(x)
    for step in range(1, 8):
        g = np.tanh(x - target)
        v *= 0.9
        v -= 0.3 / step * g
        x = x + v
    return x


def adam_steps(x, scale):
    m, s = np.zeros(x.shape), np.zeros(x.shape)
    for t in range(1, 5):
        g = scale * np.sin(x)
        m[:] = 0.9 * m + 0.1 * g
        s[...] = 0.99 * s + 0.01 * g**2
        x -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.99**t)) + 1e-8)
    return x


class Body:
    def __init__(self, x, v):
        self.x, self.v = x, v

    def step(self, field):
        self.v += 0.1 * field(self.x)
        self.x += 0.1 * self.v


def objects_and_closures(x, v, k):
    body = Body(x.copy(), v.copy())
    for _ in range(4):
        body.step(lambda at: -k * at)
    return body.x


PROGRAMS = [
    (euler_pendulum, lambda rng: (rng.normal(size=2),), True),
    (runge_kutta_lorenz, lambda rng: (rng.normal(size=3), np.array([10, 28, 8 / 3])), True),
    (leapfrog, lambda rng: (rng.normal(size=4), rng.normal(size=4)), True),
    (n_body,
     lambda rng: (*rng.normal(size=(2, 5, 3)), rng.uniform(size=5)), True),
    (n_body_pairs, lambda rng: (rng.normal(size=(5, 3)), rng.uniform(size=5)), True),
    (lennard_jones_cutoff, lambda rng: (rng.normal(size=(6, 3)),), False),
    (reflecting_walls, lambda rng: (rng.uniform(-1, 1, size=6), rng.normal(size=6)), False),
    (springs, lambda rng: (rng.normal(size=(5, 2)), 0.7), True),
    (rotate_by_angles, lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=3)), True),
    (quaternion_rotation, lambda rng: (rng.normal(size=4), rng.normal(size=(3, 3))), True),
    (rodrigues, lambda rng: (rng.normal(size=3), rng.normal(size=(4, 3))), True),
    (triangle_areas,
     lambda rng: (rng.normal(size=(6, 3)), np.array([[0, 1, 2], [2, 3, 4], [1, 4, 5]])), True),
    (arm, lambda rng: (rng.normal(size=4), rng.uniform(size=4)), True),
    (escape_iteration, lambda rng: tuple(rng.uniform(-2, 1, size=(2, 3, 4))), False),
    (escape_complex, lambda rng: tuple(rng.uniform(-2, 1, size=(2, 3, 4))), False),
    (saddle_point,
     lambda rng: (rng.normal(size=3), rng.normal(size=4), rng.normal(size=(3, 4))), True),
    (newton_root, lambda rng: (7.3,), True),
    (newton_system, lambda rng: (np.array([2.9, 1.1]),), True),
    (bisection, lambda rng: (2.7,), True),
    (momentum_descent, lambda rng: (rng.normal(size=5), rng.normal(size=5)), True),
    (adam_steps, lambda rng: (rng.uniform(0.5, 2, size=5), rng.uniform(1, 2, size=5)), True),
    (objects_and_closures, lambda rng: (rng.normal(size=3), rng.normal(size=3), 0.8), True),
]  # fmt: skip
