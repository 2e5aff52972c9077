"""What a model's output costs: Q = (1/N) Σ q(z_i, y_i), z a logit, a log rate or a mean.

Each loss is a function `(z, y, *, weights=None, reduction="mean")` of plain arrays. `weights` (N,)
count a sample as often as its weight says: the mean is Σ w_i q_i / Σ w_i. `reduction` is "mean",
"sum" or "none", which gives the N single costs. An output of shape (N, 1) may meet y of shape
(N,); any other pair of shapes that don't agree is a ShapeError and never broadcast.

>>> import numpy as np
>>> float(cross_entropy(np.array([[1e4, -1e4]]), np.array([1])))
20000.0
>>> logistic(np.array([-800.0, 1000.0]), np.array([1, -1]), reduction="none")
array([ 800., 1000.])
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wengert.errors import InputError, ShapeError, sentences
from wengert.primitives import compositions, picks

__all__ = [
    "Loss", "Reduction", "logistic", "binary_cross_entropy", "cross_entropy",
    "binary_cross_entropy_of_probabilities", "cross_entropy_of_probabilities", "kl_divergence",
    "squared_error", "huber", "quantile", "poisson", "class_weights", "check_labels",
]  # fmt: skip

Loss = Callable[..., Any]
Reduction = Literal["mean", "sum", "none"]


def logistic(z: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Logistic loss, q = log(1 + exp(−y z)) for labels y in {−1, +1}; gradient −y σ(−y z).

    z are logits (N,), y (N,). Source: the notes' binary logistic regression.

    >>> import numpy as np
    >>> float(logistic(np.array([0.0]), np.array([-1])).round(6))
    0.693147
    """
    z, y = _same(z, y)
    return _reduce(compositions.logistic_loss(z, y), weights, reduction)


def binary_cross_entropy(
    z: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean"
) -> Any:
    """For y in {0, 1} or between, q = −y log σ(z) − (1 − y) log(1 − σ(z)); gradient σ(z) − y.

    z are logits (N,) or (N, k), y the same shape; k outputs are summed. Each of the two terms is
    a softplus, so nothing cancels: q = y softplus(−z) + (1 − y) softplus(z).

    >>> import numpy as np
    >>> binary_cross_entropy(np.array([1000.0, -40.0]), np.array([1, 0]), reduction="none")
    array([0.00000000e+00, 4.24835426e-18])
    """
    z, y = _same(z, y)
    return _reduce(_rows(compositions.sigmoid_cross_entropy(z, y)), weights, reduction)


def cross_entropy(Z: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Softmax regression's loss, q = log Σ_k exp z_k − z_y; gradient softmax(z) − e_y.

    Z are logits (N, k); y is (N,) integers in [0, k), or (N, k) one-hot or any distribution, for
    which q = Σ_k y_k (log Σ exp z − z_k), where a term with y_k = 0 counts nothing even if
    z_k = −inf. InputError for a label outside [0, k).

    >>> import numpy as np
    >>> Z = np.array([[0.0, -np.inf], [1.0, 3.0]])
    >>> cross_entropy(Z, np.array([0, 0]), reduction="none").round(6)
    array([0.      , 2.126928])
    >>> cross_entropy(Z, np.array([[1.0, 0.0], [0.5, 0.5]]), reduction="none").round(6)
    array([0.      , 1.126928])
    """
    Z, Y = _same(Z, _one_hot(y, Z))
    q = compositions.softmax_cross_entropy(Z, Y, axes=(Z.ndim - 1,))
    return _reduce(q, weights, reduction)


def binary_cross_entropy_of_probabilities(
    p: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean"
) -> Any:
    """Costs of probabilities, q = −y log p − (1 − y) log(1 − p); gradient −y/p + (1 − y)/(1 − p).

    p and y are (N,) or (N, k) in [0, 1]; k outputs are summed; 0 log 0 = 0. Where a model has
    logits, `binary_cross_entropy` is exact and this one is not.

    >>> import numpy as np
    >>> p, y = np.array([0.0, 1.0, 0.5]), np.array([0, 1, 1])
    >>> binary_cross_entropy_of_probabilities(p, y, reduction="none").round(6) + 0.0
    array([0.      , 0.      , 0.693147])
    """
    p, y = _same(p, y)
    return _reduce(_rows(compositions.binary_cross_entropy(p, y)), weights, reduction)


def cross_entropy_of_probabilities(
    P: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean"
) -> Any:
    """Costs of distributions, q = −log p_y or −Σ_k y_k log p_k, 0 log 0 = 0; gradient −y_k / p_k.

    P are distributions (N, k); y is (N,) integers in [0, k) or (N, k) distributions. InputError
    for a label outside [0, k).

    >>> import numpy as np
    >>> float(cross_entropy_of_probabilities(np.array([[0.5, 0.5, 0.0]]), np.array([1])).round(6))
    0.693147
    """
    P, Y = _same(P, _one_hot(y, P))
    return _reduce(compositions.cross_entropy(P, Y, axes=(P.ndim - 1,)), weights, reduction)


def kl_divergence(Q: Any, P: Any, *, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Distance from P to Q, KL = Σ_k p_k log(p_k / q_k), 0 log 0 = 0; gradient in Q −p_k / q_k.

    Q (the model's) and P (the data's) are distributions (N, k).

    >>> import numpy as np
    >>> float(kl_divergence(np.array([[0.7, 0.3]]), np.array([[1.0, 0.0]])).round(10))
    0.3566749439
    """
    Q, P = _same(Q, P)
    return _reduce(compositions.kl_divergence(P, Q, axes=(P.ndim - 1,)), weights, reduction)


def squared_error(z: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Squared distance, q = |z − y|², summed over k outputs; gradient 2 (z − y).

    z and y are (N,) or (N, k). Its minimum is the mean.

    >>> import numpy as np
    >>> float(squared_error(np.array([1.0, 4.0]), np.array([1.0, 2.0])))
    2.0
    """
    z, y = _same(z, y)
    return _reduce(_rows((z - y) ** 2), weights, reduction)


def huber(
    z: Any,
    y: Any,
    *,
    delta: float = 1.0,
    weights: Any = None,
    reduction: Reduction = "mean",
) -> Any:
    """Huber's loss, q = r²/2 for |r| ≤ δ, δ(|r| − δ/2) beyond, r = z − y; gradient r within ±δ.

    z and y are (N,) or (N, k), δ is in the unit of y. For another δ in training:
    `functools.partial(huber, delta=2.0)`. Source: Huber 1964, Robust estimation of a location
    parameter.

    >>> import numpy as np
    >>> huber(np.array([0.5, 3.0]), np.zeros(2), reduction="none")
    array([0.125, 2.5  ])
    """
    z, y = _same(z, y)
    r = z - y
    inner = np.clip(r, -delta, delta)
    return _reduce(_rows(inner * (r - inner / 2)), weights, reduction)


def quantile(
    z: Any,
    y: Any,
    *,
    tau: float = 0.5,
    weights: Any = None,
    reduction: Reduction = "mean",
) -> Any:
    """The pinball loss, q = max(τ (y − z), (τ − 1)(y − z)); its minimum is the τ-quantile.

    z and y are (N,) or (N, k), 0 < τ < 1. For another τ in training:
    `functools.partial(quantile, tau=0.9)`. Source: Koenker, Bassett 1978, Regression quantiles.

    >>> import numpy as np
    >>> quantile(np.array([0.0, 0.0]), np.array([1.0, -1.0]), tau=0.9, reduction="none")
    array([0.9, 0.1])
    """
    z, y = _same(z, y)
    r = y - z
    return _reduce(_rows(np.maximum(tau * r, (tau - 1) * r)), weights, reduction)


def poisson(z: Any, y: Any, *, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Poisson's −log-likelihood of counts up to log y!, q = exp(z) − y z; gradient exp(z) − y.

    z are log rates and y counts, (N,) or (N, k).

    >>> import numpy as np
    >>> float(poisson(np.array([0.0, 0.0]), np.array([0, 3])))
    1.0
    """
    z, y = _same(z, y)
    return _reduce(_rows(np.exp(z) - y * z), weights, reduction)


def class_weights(
    y: ArrayLike, weights: Literal["balanced"] | Mapping[int, float] | Sequence[float]
) -> NDArray[np.float64]:
    """A weight for each sample from a weight for each class.

    "balanced" gives class c the weight N / (K N_c), so that K classes count alike; a mapping
    gives them by label (1 where it is silent), a sequence by position. Source: King, Zeng 2001.

    >>> class_weights([0, 0, 0, 1], "balanced")
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    labels, place, count = np.unique(np.asarray(y), return_inverse=True, return_counts=True)
    if isinstance(weights, str) and weights == "balanced":
        each = len(place) / (len(labels) * count)
        return np.asarray(each[place], dtype=np.float64)
    if isinstance(weights, Mapping):
        each = np.array([float(weights.get(c, 1.0)) for c in labels.tolist()])
        return np.asarray(each[place])
    if isinstance(weights, str) or labels.min() < 0 or len(weights) <= labels.max():
        raise InputError(
            sentences(
                f"Class weights {weights!r} don't fit labels {labels.min()} to {labels.max()}.",
                'Give "balanced", a mapping from label to weight, or one weight per class.',
            )
        )
    each = np.asarray(weights, dtype=np.float64)[labels.astype(int)]
    return np.asarray(each[place])


def check_labels(loss: Loss, z_shape: tuple[int, ...], y: NDArray[Any]) -> None:
    """Raise InputError or ShapeError if y can't be what this loss is given with such outputs.

    Losses of the user's own pass; those of this module, also inside `functools.partial`, are
    looked up in the table below.
    """
    while isinstance(loss, partial):
        loss = loss.func
    if loss not in LABELS:
        return
    if loss in (cross_entropy, cross_entropy_of_probabilities) and y.ndim == len(z_shape) - 1:
        if y.dtype.kind not in "iu":
            _refuse(f"A value of dtype {y.dtype}", "Labels are integers: y.astype(int).")
        _labels_fit(y, z_shape)
        return
    _same(np.empty(z_shape), y)
    fits, what = LABELS[loss]
    if not np.all(fits(y)):
        wrong = y[~fits(y)].ravel()[0]
        _refuse(f"y = {wrong}", f"{loss.__name__} takes {what}.")


# fmt: off
LABELS: dict[Loss, tuple[Callable[[Any], Any], str]] = {
    logistic:                              (lambda y: (y == 1) | (y == -1), "labels -1 and +1; for 0 and 1 there is binary_cross_entropy"),
    binary_cross_entropy:                  (lambda y: (y >= 0) & (y <= 1),  "labels in [0, 1]; for -1 and +1 there is logistic"),
    binary_cross_entropy_of_probabilities: (lambda y: (y >= 0) & (y <= 1),  "labels in [0, 1]"),
    cross_entropy:                         (lambda y: y >= 0,               "integer labels (N,) or distributions (N, k)"),
    cross_entropy_of_probabilities:        (lambda y: y >= 0,               "integer labels (N,) or distributions (N, k)"),
    kl_divergence:                         (lambda y: y >= 0,               "distributions (N, k)"),
    squared_error:                         (np.isfinite,                    "finite numbers"),
    huber:                                 (np.isfinite,                    "finite numbers"),
    quantile:                              (np.isfinite,                    "finite numbers"),
    poisson:                               (lambda y: y >= 0,               "counts, which aren't negative"),
}
# fmt: on


def _one_hot(y: Any, Z: Any) -> Any:
    """Integer labels (N,) as rows e_y (N, k); anything else as it is."""
    if np.ndim(y) != np.ndim(Z) - 1 or y.dtype.kind not in "iu":
        return y
    _labels_fit(y, Z.shape)
    return picks.gather(np.eye(Z.shape[-1], dtype=Z.dtype), y)  # np.take never asks y


def _reduce(q: Any, weights: Any, reduction: Reduction) -> Any:
    """The mean, the sum or the list of N costs, each times its weight."""
    if weights is not None and np.shape(weights) != q.shape:
        raise ShapeError(
            sentences(
                f"Weights of shape {np.shape(weights)} were given for costs of shape {q.shape}.",
                "Give one weight per sample.",
            )
        )
    weighted = q if weights is None else weights * q
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return np.sum(weighted)
    if reduction == "mean":
        return np.mean(q) if weights is None else np.sum(weighted) / np.sum(weights)
    raise InputError(
        sentences(f"There is no reduction {reduction!r}.", 'Take "mean", "sum" or "none".')
    )


def _same(z: Any, y: Any) -> tuple[Any, Any]:
    """The pair in one shape, y in the dtype of z; (N, 1) may meet (N,), nothing else broadcasts."""
    if np.ndim(z) == np.ndim(y) + 1 and z.shape[-1] == 1:
        z = z[..., 0]
    if np.shape(z) != np.shape(y):
        raise ShapeError(
            sentences(
                f"Outputs of shape {np.shape(z)} were compared with y of shape {np.shape(y)}.",
                "Give y the shape of the model's output, or integer labels to a cross-entropy.",
            )
        )
    return z, y.astype(z.dtype)


def _rows(q: Any) -> Any:
    """One cost per sample: k outputs are summed."""
    return np.sum(q, axis=-1) if np.ndim(q) > 1 else q


def _labels_fit(y: Any, shape: tuple[int, ...]) -> None:
    """Refuse labels outside [0, k), as far as y's values are known (in a trace they aren't)."""
    if np.shape(y) != shape[:-1]:
        raise ShapeError(
            sentences(
                f"{np.shape(y)} labels were given for outputs of shape {shape}.",
                "Give one label per row.",
            )
        )
    if isinstance(y, np.ndarray) and y.size and not (y.min() >= 0 and y.max() < shape[-1]):
        wrong = y.min() if y.min() < 0 else y.max()
        _refuse(
            f"The label {wrong}",
            f"A model with {shape[-1]} outputs has labels 0 to {shape[-1] - 1}.",
        )


def _refuse(what: str, advice: str) -> None:
    raise InputError(sentences(f"{what} is no label here.", advice))
