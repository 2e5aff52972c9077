"""The nonlinearities that stand between two layers: functions of one array, entry by entry.

An activation is any such function; these are the ones people know by name. The notes' identity
ties two of them together, tanh z = 2 (σ(2z) − 1/2):

>>> import numpy as np
>>> z = np.array([-2.0, 0.0, 0.5])
>>> bool(np.allclose(np.tanh(z), 2 * (sigmoid(2 * z) - 0.5), rtol=1e-15))
True
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "Activation", "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu",
    "softplus", "gelu", "silu", "NAMED",
]  # fmt: skip

from wengert.primitives import curves
Activation = Callable[[Any], Any]

tanh: Activation = np.tanh


def identity(z: Any) -> Any:
    """g(z) = z, the activation of a layer that has none.

    >>> identity(3.0)
    3.0
    """
    return z


def softplus(z: Any) -> Any:
    return np.logaddexp(0.0, z)


def sigmoid(z: Any) -> Any:
    return np.exp(-np.logaddexp(0.0, -z))


def relu(z: Any) -> Any:
    return np.where(z > 0, z, 0.0)


def leaky_relu(z: Any, slope: float = 0.01) -> Any:
    return np.where(z > 0, z, slope * z)


def elu(z: Any, alpha: float = 1.0) -> Any:
    return np.where(z > 0, z, alpha * np.expm1(np.where(z > 0, 0.0, z)))


def selu(z: Any) -> Any:
    return 1.0507009873554805 * elu(z, 1.6732632423543772)


def gelu(z: Any) -> Any:
    return z * 0.5 * (1 + ndtr_(z))


def ndtr_(z):
    from scipy.special import erf

    return erf(z / np.sqrt(2))


def silu(z: Any) -> Any:
    return z * sigmoid(z)


def softmax(z, axis=-1):
    return np.exp(log_softmax(z, axis))


def logsumexp(z, axis=-1):
    m = np.max(z, axis=axis, keepdims=True)
    return np.squeeze(m, axis) + np.log(np.sum(np.exp(z - m), axis=axis))


def log_softmax(z, axis=-1):
    return z - np.expand_dims(logsumexp(z, axis), axis)


NAMED = {
    f.__name__: f
    for f in (identity, sigmoid, tanh, relu, leaky_relu, elu, selu, softplus, gelu, silu)
}
