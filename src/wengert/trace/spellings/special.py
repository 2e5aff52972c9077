"""Names of wengert's own for what SciPy spells as Python functions, and for the costs of learning.

SciPy's ufuncs (scipy.special.erf) are traced as they are. Its logsumexp, softmax and polygamma turn
what they get into an ndarray, so these stand here, beside the cross-entropies that keep their name.
All take arrays, nested lists or traced values, compute in float64 where given integers, and keep
float32. Costs are folded along `axis`; the labels of a cross-entropy are integers, or weights of
the shape of the logits.
"""

from math import log, pi
from typing import Any

import numpy as np

from wengert.errors import InputError, sentences
from wengert.ir.primitive import Carrier, Primitive
from wengert.primitives import activations, compositions, curves
from wengert.primitives import special as records
from wengert.trace.spellings.registry import axes_of, axis_of
from wengert.trace.unify import array

__all__ = [
    "logsumexp", "softmax", "log_softmax", "softmax_cross_entropy", "softmax_entropy",
    "sigmoid_cross_entropy", "logistic_loss", "cross_entropy", "binary_cross_entropy",
    "kl_divergence", "entropy", "sigmoid", "log_sigmoid", "softplus", "relu", "leaky_relu", "elu",
    "selu", "gelu", "silu", "mish", "softsign", "hard_tanh", "polygamma", "multigammaln",
]  # fmt: skip


def _floats(x: Any) -> Any:
    """x as an array or carrier of floats."""
    x = array(x)
    if x.dtype.kind in "fc":
        return x
    return np.astype(x, np.float64) if isinstance(x, Carrier) else np.asarray(x, np.float64)


def _alike(*xs: Any) -> list[Any]:
    """The operands in one shape and one dtype."""
    found = [_floats(x) for x in xs]
    shape = np.broadcast_shapes(*[x.shape for x in found])
    dtype = np.result_type(*[x.dtype for x in found])
    out = []
    for x in found:
        if x.dtype != dtype:
            x = np.astype(x, dtype) if isinstance(x, Carrier) else np.asarray(x, dtype)
        out.append(x if x.shape == shape else np.broadcast_to(x, shape))
    return out


def logsumexp(x: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """The smooth maximum log sum_i b_i exp(x_i), b = 1 unless given; gradient b exp(x - result).

    Nothing overflows. Where all entries are -inf the value is -inf and the gradient 0.

    >>> float(logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    """
    if b is None:
        x = _floats(x)
        axes = axes_of(axis, x.ndim)
        y = compositions.logsumexp(x, axes=axes)
    else:
        x, b = _alike(x, b)
        axes = axes_of(axis, x.ndim)
        y = compositions.weighted_logsumexp(x, b, axes=axes)
    return np.expand_dims(y, axes) if keepdims else y


def _along(primitive: Primitive, x: Any, axis: int | None) -> Any:
    x = _floats(x)
    if axis is None or not x.shape:
        return np.reshape(primitive(np.reshape(x, (-1,)), axis=0), x.shape)
    return primitive(x, axis=axis_of(axis, x.ndim))


def softmax(x: Any, axis: int | None = -1) -> Any:
    """p_i = exp(x_i) / sum_j exp(x_j) along an axis (None: over all entries); dp = p (dx - p'dx).

    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    return _along(compositions.softmax, x, axis)


def log_softmax(x: Any, axis: int | None = -1) -> Any:
    """log softmax(x) = x - logsumexp(x) along an axis; its differential is dx - p'dx.

    >>> log_softmax([1000.0, 0.0])
    array([    0., -1000.])
    """
    return _along(compositions.log_softmax, x, axis)


def _labelled(z: Any, y: Any, axis: int) -> tuple[Any, Any, tuple[int]]:
    """Logits or probabilities, and weights of their shape: labels become rows of the identity."""
    z, y = _floats(z), array(y)
    a = axis_of(axis, z.ndim)
    if y.ndim == z.ndim - 1:
        if y.dtype.kind not in "iu":
            raise InputError(
                sentences(
                    f"Labels of dtype {y.dtype}, shape {y.shape}, were given for shape {z.shape}.",
                    "Labels without the class axis are integers: y.astype(int); else give a "
                    "weight to each class.",
                )
            )
        _in_range(y, z.shape[a])
        classes = np.arange(z.shape[a]).reshape([-1 if i == a else 1 for i in range(z.ndim)])
        y = np.expand_dims(y, a) == classes
        y = np.astype(y, z.dtype) if isinstance(y, Carrier) else np.asarray(y, z.dtype)
    z, y = _alike(z, y)
    return z, y, (a,)


def _in_range(y: Any, k: int) -> None:
    """Refuse labels that no class has, as far as their values are known."""
    if not isinstance(y, Carrier) and y.size and not (y.min() >= 0 and y.max() < k):
        wrong = y.min() if y.min() < 0 else y.max()
        raise InputError(
            sentences(f"There is no class {wrong} among {k}.", f"Labels run from 0 to {k - 1}.")
        )


def softmax_cross_entropy(logits: Any, labels: Any, axis: int = -1) -> Any:
    """q = -sum_k y_k log softmax(z)_k, a cost for each row; gradient p - y, since 1'y = 1.

    Labels are integers in [0, k), or weights of the shape of the logits (distributions; where a row
    sums to s the gradient is s p - y). Terms with weight 0 count nothing, also at z = -inf.

    >>> softmax_cross_entropy([[0.0, -np.inf], [1e4, -1e4]], [0, 1])
    array([    0., 20000.])
    """
    z, y, axes = _labelled(logits, labels, axis)
    return compositions.softmax_cross_entropy(z, y, axes=axes)


def cross_entropy(p: Any, labels: Any, axis: int = -1) -> Any:
    """q = -sum_k y_k log p_k of probabilities, 0 log 0 = 0; gradient -y / p. Labels as above.

    >>> cross_entropy([[0.5, 0.5, 0.0]], [1]).round(6)
    array([0.693147])
    """
    p, y, axes = _labelled(p, labels, axis)
    return compositions.cross_entropy(p, y, axes=axes)


def _folded(primitive: Primitive, axis: int, *xs: Any) -> Any:
    operands = _alike(*xs)
    return primitive(*operands, axes=(axis_of(axis, operands[0].ndim),))


def softmax_entropy(logits: Any, axis: int = -1) -> Any:
    """H = -sum_k p_k log p_k for p = softmax(z), 0 log 0 = 0; gradient -p (log p + H).

    >>> float(softmax_entropy([0.0, -np.inf]))
    0.0
    """
    return _folded(compositions.softmax_entropy, axis, logits)


def entropy(p: Any, axis: int = -1) -> Any:
    """H = -sum_k p_k log p_k of a distribution, 0 log 0 = 0; gradient -log p - 1, inf where p = 0.

    >>> float(entropy([0.5, 0.5, 0.0]).round(6))
    0.693147
    """
    return _folded(compositions.entropy, axis, p) + 0.0


def kl_divergence(p: Any, q: Any, axis: int = -1) -> Any:
    """KL(p, q) = sum_k p_k log(p_k / q_k), 0 log 0 = 0; gradients log(p/q) + 1 in p and -p/q in q.

    >>> float(kl_divergence([1.0, 0.0], [0.7, 0.3]).round(10))
    0.3566749439
    """
    return _folded(compositions.kl_divergence, axis, p, q)


def sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    """q = -y log sigma(z) - (1 - y) log sigma(-z) for y in [0, 1]; gradient sigma(z) - y.

    >>> sigmoid_cross_entropy([1000.0, -40.0], [1, 0])
    array([0.00000000e+00, 4.24835426e-18])
    """
    return compositions.sigmoid_cross_entropy(*_alike(logits, labels))


def logistic_loss(logits: Any, labels: Any) -> Any:
    """The same for labels -1 and +1, q = log(1 + exp(-y z)); gradient -y sigma(-y z).

    >>> logistic_loss([0.0, 1000.0], [-1, 1]).round(6)
    array([0.693147, 0.      ])
    """
    return compositions.logistic_loss(*_alike(logits, labels))


def binary_cross_entropy(p: Any, labels: Any) -> Any:
    """q = -y log p - (1 - y) log(1 - p) of probabilities, 0 log 0 = 0, entry by entry.

    The gradient is (1 - y)/(1 - p) - y/p. Of logits, sigmoid_cross_entropy loses no digits.

    >>> binary_cross_entropy([0.0, 1.0, 0.5], [0, 1, 1]).round(6) + 0.0
    array([0.      , 0.      , 0.693147])
    """
    return compositions.binary_cross_entropy(*_alike(p, labels))


def _pointwise(record: Primitive, sentence: str) -> Any:
    """The record as a function of anything that becomes an array."""

    def function(x: Any, **params: Any) -> Any:
        return record(_floats(x), **params)

    function.__name__ = function.__qualname__ = record.name
    function.__doc__ = sentence
    return function


# fmt: off
sigmoid     = _pointwise(curves.sigmoid,          "sigma(x) = 1 / (1 + e^-x), sigma' = sigma(x) sigma(-x).")
log_sigmoid = _pointwise(activations.log_sigmoid, "log sigma(x) = -log(1 + e^-x), slope sigma(-x).")
softplus    = _pointwise(activations.softplus,    "log(1 + e^x), slope sigma(x).")
relu        = _pointwise(activations.relu,        "max(x, 0), slope [x > 0].")
leaky_relu  = _pointwise(activations.leaky_relu,  "x where x > 0, else slope * x (slope=0.01).")
elu         = _pointwise(activations.elu,         "x where x > 0, else alpha (e^x - 1) (alpha=1).")
selu        = _pointwise(activations.selu,        "1.0507 elu(x, alpha=1.6733), which keeps mean 0 and variance 1.")
silu        = _pointwise(activations.silu,        "x sigma(x), slope sigma(x) (1 + x sigma(-x)).")
mish        = _pointwise(activations.mish,        "x tanh(softplus x).")
softsign    = _pointwise(activations.softsign,    "x / (1 + |x|), slope 1 / (1 + |x|)^2.")
hard_tanh   = _pointwise(activations.hard_tanh,   "x held within -1 and 1, slope [|x| < 1].")
# fmt: on


def gelu(x: Any, approximate: bool = False) -> Any:
    """x Phi(x), Phi the normal distribution; approximate: x/2 (1 + tanh(0.7979 (x + 0.0447 x^3))).

    >>> gelu([0.0, 1.0]).round(6)
    array([0.      , 0.841345])
    """
    return (activations.gelu_tanh if approximate else activations.gelu)(_floats(x))


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of the digamma function, psi^(n)(x); its slope is psi^(n+1)(x).

    >>> float(polygamma(1, 1.0).round(6))  # pi^2 / 6
    1.644934
    """
    if isinstance(n, Carrier) or np.ndim(n) or int(n) != n or n < 0:
        raise InputError(
            sentences(f"polygamma was given the order {n!r}.", "Give one whole number, 0 or more.")
        )
    return records.polygamma(_floats(x), n=int(n))


def multigammaln(a: Any, d: int) -> Any:
    """log Gamma_d(a) = d(d-1)/4 log pi + sum_j log Gamma(a - j/2), j < d; slope sum_j psi(a - j/2).

    Source: DLMF 35.3.1.

    >>> float(multigammaln(3.0, 2).round(6))
    1.550195
    """
    a = _floats(a)
    terms = records.gammaln(a[..., None] - np.arange(d, dtype=a.dtype) / 2)
    return np.sum(terms, axis=-1) + d * (d - 1) / 4 * log(pi)
