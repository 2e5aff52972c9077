"""How good a model's outputs are: functions `(Z, y) -> float` and the table behind them.

>>> import numpy as np
>>> Z, y = np.array([[2.0, 1.0], [0.0, 5.0], [3.0, 0.0]]), np.array([0, 1, 1])
>>> round(accuracy(Z, y), 3)
0.667
>>> confusion(Z, y)
array([[1, 0],
       [1, 1]])
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wengert.errors import ShapeError, sentences

__all__ = ["Metric", "accuracy", "confusion", "most_frequent", "predicted", "r2"]

Metric = Callable[[Any, Any], float]
Labels = NDArray[np.intp]


def predicted(Z: ArrayLike) -> Labels:
    """The class each row of logits speaks for: argmax of (N, k), z > 0 of (N,) or (N, 1)."""
    Z = np.asarray(Z)
    if Z.ndim == 2 and Z.shape[1] > 1:
        return np.asarray(np.argmax(Z, axis=1))
    return (Z.reshape(len(Z)) > 0).astype(np.intp)


def accuracy(Z: ArrayLike, y: ArrayLike) -> float:
    """The share of rows whose class is y; y are integers, {0, 1}, {−1, +1} or one-hot rows."""
    given = _labels(y)
    p = predicted(Z)
    if p.shape != given.shape:
        raise ShapeError(
            sentences(f"{len(p)} predictions met {len(given)} labels.", "Give one label per row.")
        )
    return float(np.mean(p == given))


def confusion(Z: ArrayLike, y: ArrayLike, classes: int | None = None) -> Labels:
    """How often class i (row) was taken for class j (column), a (k, k) table of counts."""
    p, given = predicted(Z), _labels(y)
    k = classes or int(max(p.max(), given.max())) + 1
    return np.bincount(given * k + p, minlength=k * k).reshape(k, k)


def most_frequent(y: ArrayLike, y_test: ArrayLike) -> float:
    """The accuracy on y_test of always answering y's most frequent class: the baseline.

    >>> most_frequent([0, 1, 1], [1, 1, 1, 0])
    0.75
    """
    labels, count = np.unique(_labels(y), return_counts=True)
    return float(np.mean(_labels(y_test) == labels[np.argmax(count)]))


def r2(z: ArrayLike, y: ArrayLike) -> float:
    """1 − Σ(y − z)² / Σ(y − ȳ)², the share of y's variance that z explains.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    1.0
    """
    y = np.asarray(y, dtype=np.float64)
    z = np.asarray(z, dtype=np.float64).reshape(y.shape)
    return float(1 - np.sum((y - z) ** 2) / np.sum((y - y.mean(axis=0)) ** 2))


def _labels(y: ArrayLike) -> Labels:
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(np.argmax(y, axis=1))
    y = y.reshape(len(y))
    return np.asarray(y > 0, dtype=np.intp) if np.any(y < 0) else y.astype(np.intp)
