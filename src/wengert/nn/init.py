"""The weights a layer starts with: W of shape (n, m), drawn so that signals keep their size.

With n units in and m units out, and g the layer's activation:

    lecun    Var W = 1/n          LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, equation 16
    glorot   Var W = 2/(n + m)    Glorot, Bengio 2010, equations 12 and 16
    he       Var W = 2/n          He, Zhang, Ren, Sun 2015 (arXiv 1502.01852), equation 10
    auto     Var W = s²/n         s = gain(g), the root of moments.gain

An initialisation is any function `(rng, n, m, activation) -> W`; the user's own will do as well.

>>> import numpy as np
>>> W = he(np.random.default_rng(0), 1000, 500, np.tanh)
>>> W.shape, round(float(W.var() * 1000), 2)
((1000, 500), 2.0)
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, sentences
from wengert.nn.activations import Activation, name_of
from wengert.nn.moments import GAINS, gain

__all__ = ["Initialisation", "NAMED", "auto", "by_name", "glorot", "he", "lecun"]

Array = NDArray[np.float64]
Initialisation = Callable[[np.random.Generator, int, int, Activation], Any]


def lecun(rng: np.random.Generator, n: int, m: int, activation: Activation) -> Array:
    """W_ij ~ N(0, 1/n): z keeps the variance of x. Efficient BackProp (1998), equation 16."""
    return np.asarray(rng.normal(size=(n, m)) / np.sqrt(n))


def glorot(rng: np.random.Generator, n: int, m: int, activation: Activation) -> Array:
    """W_ij ~ U(−c, c), c = √(6/(n + m)): between what x and what dQ/dz ask for.

    Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks,
    equation 16.
    """
    c = np.sqrt(6 / (n + m))
    return rng.uniform(-c, c, size=(n, m))


def he(rng: np.random.Generator, n: int, m: int, activation: Activation) -> Array:
    """W_ij ~ N(0, 2/n), since ReLU lets half of the mean square through.

    He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers (arXiv 1502.01852), equation 10.
    """
    return np.asarray(rng.normal(size=(n, m)) * np.sqrt(2 / n))


def auto(rng: np.random.Generator, n: int, m: int, activation: Activation) -> Array:
    """W_ij ~ N(0, s²/n) with the gain s that keeps gradients at their size through 20 layers.

    Where no gain does, as for the logistic sigmoid, it says so (UserWarning) and falls to `glorot`.

    >>> import numpy as np
    >>> W = auto(np.random.default_rng(0), 1000, 500, np.tanh)
    >>> round(float(W.std() * np.sqrt(1000)), 2)
    1.28
    """
    s = gain(activation)
    if s is not None:
        return np.asarray(rng.normal(size=(n, m)) * (s / np.sqrt(n)))
    warnings.warn(
        f"No gain up to {GAINS[1]:g} keeps the gradient's size through layers of "
        f"{name_of(activation)}; the weights are Glorot's. "
        "One or two such layers train well; for more, take tanh, ReLU or ELU (see nn.signals).",
        stacklevel=4,
    )
    return glorot(rng, n, m, activation)


NAMED: dict[str, Initialisation] = {f.__name__: f for f in (lecun, glorot, he, auto)}


def by_name(init: str | Initialisation) -> Initialisation:
    """The initialisation of this name, or the function itself; InputError for an unknown name."""
    if callable(init):
        return init
    if init in NAMED:
        return NAMED[init]
    raise InputError(
        sentences(
            f"There is no initialisation {init!r}.",
            f"Take one of {', '.join(NAMED)}, or a function (rng, n, m, activation) -> W.",
        )
    )
