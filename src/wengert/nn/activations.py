"""The nonlinearities that stand between two layers: functions of one array, entry by entry.

An activation is any such function, and these are the ones people know by name. The notes' identity
ties two of them together, tanh z = 2 (σ(2z) − 1/2):

>>> import numpy as np
>>> z = np.array([-2.0, 0.0, 0.5])
>>> bool(np.allclose(tanh(z), 2 * (sigmoid(2 * z) - 0.5), rtol=1e-15))
True
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.primitives import activations, compositions, curves

__all__ = [
    "Activation", "NAMED", "elu", "gelu", "identity", "leaky_relu", "name_of",
    "relu", "selu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

Activation = Callable[[Any], Any]


def identity(z: Any) -> Any:
    """The activation of a layer that has none, g(z) = z.

    >>> identity(3.0)
    3.0
    """
    return z


def sigmoid(z: Any) -> Any:
    """The logistic sigmoid σ(z) = 1 / (1 + e⁻ᶻ), σ' = σ(z) σ(−z), exact in both tails.

    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return curves.sigmoid(z)


def tanh(z: Any) -> Any:
    """The hyperbolic tangent, g' = 1 / cosh² z.

    >>> import numpy as np
    >>> tanh(np.array([0.0, 20.0]))
    array([0., 1.])
    """
    return np.tanh(z)


def relu(z: Any) -> Any:
    """The rectifier max(z, 0), g' = [z > 0] and 0 at 0. Nair, Hinton 2010.

    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return activations.relu(z)


def leaky_relu(z: Any, slope: float = 0.01) -> Any:
    """A rectifier that lets a little through, z or `slope` z. Maas, Hannun, Ng 2013.

    >>> import numpy as np
    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return activations.leaky_relu(z, slope=slope)


def elu(z: Any, alpha: float = 1.0) -> Any:
    """The exponential linear unit, z or α (eᶻ − 1). Clevert et al. 2016 (arXiv 1511.07289).

    >>> import numpy as np
    >>> elu(np.array([-1e4, 2.0]))
    array([-1.,  2.])
    """
    return activations.elu(z, alpha=alpha)


def selu(z: Any) -> Any:
    """A scaled ELU that keeps mean 0 and variance 1: λ elu(z, α), λ = 1.0507, α = 1.6733.

    Klambauer et al. 2017 (arXiv 1706.02515), equation 2 and its constants.

    >>> import numpy as np
    >>> selu(np.array([1.0])).round(4)
    array([1.0507])
    """
    return activations.selu(z)


def softplus(z: Any) -> Any:
    """The smooth rectifier log(1 + eᶻ), g' = σ(z), without overflow. Dugas et al. 2001.

    >>> import numpy as np
    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    return activations.softplus(z)


def gelu(z: Any) -> Any:
    """The Gaussian error linear unit z Φ(z). Hendrycks, Gimpel 2016 (arXiv 1606.08415).

    >>> import numpy as np
    >>> gelu(np.array([1.0])).round(6)
    array([0.841345])
    """
    return activations.gelu(z)


def silu(z: Any) -> Any:
    """The sigmoid linear unit z σ(z), also swish. Elfwing et al. 2017 (arXiv 1702.03118).

    >>> import numpy as np
    >>> silu(np.array([1.0])).round(6)
    array([0.731059])
    """
    return activations.silu(z)


def softmax(Z: Any, axis: int = -1) -> Any:
    """Shares that sum to 1, exp z / Σ exp z along an axis, without overflow.

    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return compositions.softmax(Z, axis=axis % Z.ndim)


# fmt: off
NAMED: dict[str, Activation] = {
    f.__name__: f
    for f in (identity, sigmoid, tanh, relu, leaky_relu, elu, selu, softplus, gelu, silu)
}
# fmt: on


def name_of(activation: Activation) -> str:
    """What an activation is called: its `__name__`, or its type's.

    >>> name_of(tanh), name_of(np.sin)
    ('tanh', 'sin')
    """
    return str(getattr(activation, "__name__", type(activation).__name__))
