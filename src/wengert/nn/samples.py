"""The data of a training run, looked at once before it starts: every mistake has its sentence.

>>> samples([[1.0, 2.0], [3.0, 4.0]], [0, 1]).y
array([0, 1])
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wengert.errors import DtypeError, InputError, ShapeError, sentences

__all__ = ["Samples", "samples"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N rows: X (N, ...), y (N, ...) and, where some count more, weights (N,) of mean 1."""

    X: Array
    y: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, rows: Any) -> "Samples":
        """The samples at these rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Samples(self.X[rows], self.y[rows], weights)

    def arrays(self, dtype: Any) -> tuple[Array, ...]:
        """X, y and the weights if any, all but integer labels in this dtype."""
        y = self.y if self.y.dtype.kind in "iub" else self.y.astype(dtype, copy=False)
        X = self.X.astype(dtype, copy=False)
        return (X, y) if self.weights is None else (X, y, self.weights.astype(dtype, copy=False))


def samples(X: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> Samples:
    """X and y as arrays that fit together, weights scaled to mean 1.

    Raises DtypeError for text, objects and masks, ShapeError for different lengths, InputError for
    no rows at all, nan or inf, and weights that are negative or all 0.
    """
    X, y = _numbers(X, "X"), _numbers(y, "y")
    if len(X) != len(y):
        _misfit(f"X has {len(X)} rows and y has {len(y)}.", "Give one y for each row of X.")
    if weights is None:
        return Samples(X, y)
    w = _numbers(weights, "weights").astype(np.float64)
    if w.shape != (len(X),):
        _misfit(f"{len(X)} rows got weights of shape {w.shape}.", "Give one number for each row.")
    if w.min() < 0 or not w.any():
        raise InputError(
            sentences("Weights are negative, or all of them 0.", "Give weights of 0 or more.")
        )
    return Samples(X, y, w / w.mean())


def _numbers(given: ArrayLike, name: str) -> Array:
    """An array with rows, of finite real numbers."""
    array = np.asarray(given)
    if isinstance(given, np.ma.MaskedArray) or array.dtype.kind not in "fiub":
        what = "a mask" if isinstance(given, np.ma.MaskedArray) else f"the dtype {array.dtype}"
        raise DtypeError(
            sentences(f"{name} has {what}.", "Give real numbers; encode categories and fill gaps.")
        )
    if array.ndim == 0 or array.size == 0:
        raise InputError(
            sentences(f"{name} has the shape {array.shape}.", "Give at least one row and column.")
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise InputError(
            sentences(
                f"{name}{list(place)} is {array[place]}.",
                "Fill or drop what is missing before training.",
            )
        )
    return array


def _misfit(what: str, advice: str) -> None:
    raise ShapeError(sentences(what, advice))
