"""Gradient descent and its kin: pure functions on trees, so that a whole step can be jitted.

    state = optimizer.init(params)
    params, state = optimizer.update(params, grads, state)

w is a leaf of the parameters, g of the gradient, η the rate, t = 1, 2, ... the step. `rate` is a
number or a schedule of `nn.schedules`; `update` takes the rate of its step as a fourth argument.
A tree of one float dtype keeps it.

>>> import numpy as np
>>> optimizer, w = Momentum(rate=0.1, momentum=0.5), np.array([1.0])
>>> state = optimizer.init(w)
>>> for _ in range(2):
...     w, state = optimizer.update(w, 2 * w, state)
>>> w
array([0.54])
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple, Protocol

import numpy as np

from wengert import tree

__all__ = [
    "Optimizer", "Descent", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdamW",
    "clip", "norm", "penalty",
]  # fmt: skip

Rate = float | Callable[[float], float]


class Optimizer(Protocol):
    """What `nn.train` asks of an optimiser."""

    @property
    def rate(self) -> Rate:
        """The rate η, or η as a function of time."""

    def init(self, params: Any) -> Any:
        """The state before the first step, a tree of arrays."""

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        """Parameters and state one step on; `rate` is this step's η, by default `self.rate`."""


@dataclass(frozen=True, slots=True)
class Descent:
    """Gradient descent, w ← w − η g. Cauchy 1847; on minibatches Robbins, Monro 1951.

    >>> Descent(rate=0.5).update(3.0, 2.0, ())
    (2.0, ())
    """

    rate: Rate = 0.1

    def init(self, params: Any) -> tuple[()]:
        return ()

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta = _eta(self, rate)
        return tree.map(lambda w, g: w - eta * g, params, grads), state


@dataclass(frozen=True, slots=True)
class Momentum:
    """The heavy ball, v ← μ v + g, w ← w − η v. Polyak 1964, equation 9."""

    rate: Rate = 0.05
    momentum: float = 0.9

    def init(self, params: Any) -> Any:
        return _zeros(params)

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, mu = _eta(self, rate), self.momentum
        v = tree.map(lambda v, g: mu * v + g, state, grads)
        return tree.map(lambda w, v: w - eta * v, params, v), v


@dataclass(frozen=True, slots=True)
class Nesterov:
    """Momentum that looks ahead, v ← μ v + g, w ← w − η (g + μ v).

    Nesterov 1983, in the form of Sutskever, Martens, Dahl, Hinton 2013, equations 3 and 4, written
    in the point that is looked ahead to.
    """

    rate: Rate = 0.05
    momentum: float = 0.9

    def init(self, params: Any) -> Any:
        return _zeros(params)

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, mu = _eta(self, rate), self.momentum
        v = tree.map(lambda v, g: mu * v + g, state, grads)
        return tree.map(lambda w, g, v: w - eta * (g + mu * v), params, grads, v), v


@dataclass(frozen=True, slots=True)
class Adagrad:
    """Each weight its own rate, s ← s + g², w ← w − η g / (√s + ε).

    Duchi, Hazan, Singer 2011, Adaptive Subgradient Methods, figure 1 with the diagonal matrix.
    """

    rate: Rate = 0.01
    epsilon: float = 1e-8

    def init(self, params: Any) -> Any:
        return _zeros(params)

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, epsilon = _eta(self, rate), self.epsilon
        s = tree.map(lambda s, g: s + g * g, state, grads)
        return tree.map(lambda w, g, s: w - eta * g / (np.sqrt(s) + epsilon), params, grads, s), s


@dataclass(frozen=True, slots=True)
class RMSprop:
    """Adagrad that forgets, s ← ρ s + (1 − ρ) g², w ← w − η g / (√s + ε).

    Tieleman, Hinton 2012, Neural Networks for Machine Learning, lecture 6.5.
    """

    rate: Rate = 1e-3
    decay: float = 0.9
    epsilon: float = 1e-8

    def init(self, params: Any) -> Any:
        return _zeros(params)

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, rho, epsilon = _eta(self, rate), self.decay, self.epsilon
        s = tree.map(lambda s, g: rho * s + (1 - rho) * (g * g), state, grads)
        return tree.map(lambda w, g, s: w - eta * g / (np.sqrt(s) + epsilon), params, grads, s), s


class Moments(NamedTuple):
    """Adam's state: the number of steps, a float of the parameters' dtype, and both moments."""

    t: Any
    m: Any
    v: Any


@dataclass(frozen=True, slots=True)
class Adam:
    """Momentum and a rate for each weight, both corrected for their start at zero.

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        w ← w − η m̂ / (√v̂ + ε),     m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)

    Kingma, Ba 2015, Adam (arXiv 1412.6980), algorithm 1.

    >>> import numpy as np
    >>> optimizer, w = Adam(rate=0.1), np.array([1.0, 1.0])
    >>> w, state = optimizer.update(w, np.array([100.0, -0.01]), optimizer.init(w))
    >>> w.round(6)
    array([0.9, 1.1])
    """

    rate: Rate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, params: Any) -> Moments:
        return Moments(np.zeros((), _dtype(params)), _zeros(params), _zeros(params))

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, epsilon = _eta(self, rate), self.epsilon
        state, m_scale, v_scale = _moments(self, grads, state)

        def step(w: Any, m: Any, v: Any) -> Any:
            return w - (eta * m_scale) * m / (np.sqrt(v * v_scale) + epsilon)

        return tree.map(step, params, state.m, state.v), state


@dataclass(frozen=True, slots=True)
class AdamW:
    """Adam that also shrinks the weights, w ← w − η (m̂ / (√v̂ + ε) + λ w).

    Only leaves that are W shrink, offsets b don't: `shrinks` decides it from a leaf's path, such as
    `.layers[0].W`. Loshchilov, Hutter 2019, Decoupled Weight Decay (arXiv 1711.05101), algorithm 2.
    """

    rate: Rate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.01
    shrinks: Callable[[str], bool] = lambda path: not _is_offset(path)

    def init(self, params: Any) -> Moments:
        return Moments(np.zeros((), _dtype(params)), _zeros(params), _zeros(params))

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, epsilon = _eta(self, rate), self.epsilon
        state, m_scale, v_scale = _moments(self, grads, state)
        leaves, structure = tree.flatten(params)
        lambdas = [self.decay if self.shrinks(path) else 0.0 for path in tree.paths(params)]

        def step(w: Any, m: Any, v: Any, decay: float) -> Any:
            adam = m_scale * m / (np.sqrt(v * v_scale) + epsilon)
            return w - eta * (adam + decay * w if decay else adam)

        m, v = tree.flatten(state.m)[0], tree.flatten(state.v)[0]
        rows = zip(leaves, m, v, lambdas, strict=True)
        return structure.unflatten([step(*row) for row in rows]), state


def norm(grads: Any) -> Any:
    """The length of a whole tree, |g| = √(Σ over the leaves of |g|²).

    >>> import numpy as np
    >>> float(norm([np.array([3.0]), np.array([0.0, 4.0])]))
    5.0
    """
    return np.sqrt(sum(np.sum(g * g) for g in tree.flatten(grads)[0]))


def clip(grads: Any, limit: float) -> Any:
    """The gradient shortened to the length `limit` if it is longer: g · min(1, c/|g|).

    Pascanu, Mikolov, Bengio 2013 (arXiv 1211.5063), algorithm 1.

    >>> import numpy as np
    >>> clip(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    scale = limit / np.maximum(norm(grads), limit)
    return tree.map(lambda g: g * scale, grads)


def penalty(params: Any) -> Any:
    """½ Σ W², over every leaf but the offsets (those whose path ends in b): the L2 term of a loss.

    >>> import numpy as np
    >>> float(penalty({"W": np.array([1.0, 3.0]), "b": np.array([9.0])}))
    5.0
    """
    leaves = zip(tree.flatten(params)[0], tree.paths(params), strict=True)
    return 0.5 * sum(np.sum(w * w) for w, path in leaves if not _is_offset(path))


def _is_offset(path: str) -> bool:
    return path.endswith((".b", "['b']"))


def _eta(optimizer: Optimizer, rate: Any) -> Any:
    """The rate of one step; a Python float where it is known, so that it widens no float32."""
    rate = optimizer.rate if rate is None else rate
    if callable(rate):
        rate = rate(0.0)
    return float(rate) if isinstance(rate, int | np.floating) else rate


def _moments(optimizer: Any, grads: Any, state: Moments) -> tuple[Moments, Any, Any]:
    """Both moments one step on, and the factors 1/(1 − β₁ᵗ) and 1/(1 − β₂ᵗ) that correct them."""
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    t = state.t + 1
    m = tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.m, grads)
    v = tree.map(lambda v, g: beta2 * v + (1 - beta2) * (g * g), state.v, grads)
    return Moments(t, m, v), _correction(beta1, t), _correction(beta2, t)


def _correction(beta: float, t: Any) -> Any:
    """1/(1 − βᵗ), by expm1 since 1 − 0.999 has lost digits in float32."""
    return -1 / np.expm1(t * log(beta)) if beta else 1.0


def _zeros(params: Any) -> Any:
    return tree.map(np.zeros_like, params)


def _dtype(params: Any) -> Any:
    return np.result_type(*tree.flatten(params)[0])
