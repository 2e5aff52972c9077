"""Real handwritten digits that travel with the package; see data/README.md for their source."""

from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Digits", "digits"]


class Digits(NamedTuple):
    """X (8000, 784) and X_test (2000, 784) in [0, 1], y and y_test their classes 0 to 9."""

    X: NDArray[Any]
    y: NDArray[np.int64]
    X_test: NDArray[Any]
    y_test: NDArray[np.int64]


def digits(dtype: DTypeLike = np.float64) -> Digits:
    """A stratified tenth of MNIST: 28 x 28 pixels a row, ink 1, paper 0 (CC BY-SA 3.0).

    >>> X, y, X_test, y_test = digits()
    >>> X.shape, X_test.shape, float(X.max()), sorted(set(y.tolist()))
    ((8000, 784), (2000, 784), 1.0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    with (files("wengert.nn") / "data" / "digits28.npz").open("rb") as file:
        data = np.load(file, allow_pickle=False)
        scaled = [
            np.asarray(data[name], dtype) / np.asarray(255, dtype) for name in ("X", "X_test")
        ]
        labels = [data[name].astype(np.int64) for name in ("y", "y_test")]
    return Digits(scaled[0], labels[0], scaled[1], labels[1])
