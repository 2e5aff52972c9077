"""Gradient descent on trees: `optimizer(grad, x0, callback)`, where grad(x, i) is the gradient."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from wengert.compat.autograd.misc.flatten import flatten

F = Callable[..., Any]
Step = Callable[[Any, int], Any]


def _optimizer(stepper: F) -> F:
    """An optimiser from `stepper(size, **settings)`, which makes (gradient, i) -> displacement."""

    @wraps(stepper)
    def optimize(
        grad: F,
        x0: Any,
        callback: F | None = None,
        num_iters: int | None = None,
        *rest: Any,
        **kw: Any,
    ) -> Any:
        x, unflatten = flatten(x0)
        x = x.astype(np.result_type(x, float))
        step = stepper(x.size, *rest, **kw)
        for i in range(DEFAULT[stepper.__name__] if num_iters is None else num_iters):
            g = flatten(grad(unflatten(x), i))[0]
            if callback is not None:
                callback(unflatten(x), i, unflatten(g))
            x = x + step(g, i)
        return unflatten(x)

    return optimize


DEFAULT = {"sgd": 200, "rmsprop": 100, "adam": 100}


@_optimizer
def sgd(size: int, step_size: float = 0.1, mass: float = 0.9) -> Step:
    """v <- mass v - (1 - mass) g; x <- x + step v."""
    v = np.zeros(size)

    def step(g: Any, i: int) -> Any:
        v[:] = mass * v - (1 - mass) * g
        return step_size * v

    return step


@_optimizer
def rmsprop(size: int, step_size: float = 0.1, gamma: float = 0.9, eps: float = 1e-8) -> Step:
    """s <- gamma s + (1 - gamma) g^2, from 1; x <- x - step g / (sqrt s + eps)."""
    s = np.ones(size)

    def step(g: Any, i: int) -> Any:
        s[:] = gamma * s + (1 - gamma) * g**2
        return -step_size * g / (np.sqrt(s) + eps)

    return step


@_optimizer
def adam(
    size: int, step_size: float = 0.001, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Step:
    """m, v: running means of g and g^2, unbiased; x <- x - step m / (sqrt v + eps).

    Source: Kingma & Ba 2015, algorithm 1.
    """
    m, v = np.zeros(size), np.zeros(size)

    def step(g: Any, i: int) -> Any:
        m[:] = b1 * m + (1 - b1) * g
        v[:] = b2 * v + (1 - b2) * g**2
        free = m / (1 - b1 ** (i + 1)), v / (1 - b2 ** (i + 1))
        return -step_size * free[0] / (np.sqrt(free[1]) + eps)

    return step
