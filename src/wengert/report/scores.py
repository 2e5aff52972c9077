"""What a classifier's probabilities and a regressor's answers are asked, in NumPy.

>>> import numpy as np
>>> round(area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])), 4)
0.75
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["area", "average_precision", "bins", "calibration_error", "counts", "roc", "sweep"]

Array = NDArray[Any]


def counts(truth: Array, found: Array, labels: Array) -> Array:
    """The confusion matrix: C[i, j] rows of class i were answered j."""
    i, j = np.searchsorted(labels, truth), np.searchsorted(labels, found)
    C = np.zeros((len(labels), len(labels)), int)
    np.add.at(C, (i, j), 1)
    return C


def sweep(p: Array, yes: Array) -> tuple[Array, Array]:
    """(true, false) positives at each threshold, from the highest; equal p fall together."""
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    true = np.cumsum(yes[order])[ends]
    return true, ends + 1 - true


def roc(p: Array, yes: Array) -> tuple[Array, Array]:
    """(false positive rate, true positive rate) from (0, 0) to (1, 1)."""
    true, false = sweep(p, yes)
    no, some = max(int(np.sum(~yes)), 1), max(int(np.sum(yes)), 1)
    return np.append(0.0, false / no), np.append(0.0, true / some)


def area(p: Array, yes: Array) -> float:
    """The area under the ROC curve: P(p of a yes > p of a no) + half of the ties."""
    false, true = roc(p, yes)
    return float(np.trapezoid(true, false))


def average_precision(p: Array, yes: Array) -> float:
    """Σ (R_i − R_{i−1}) P_i over the thresholds."""
    true, false = sweep(p, yes)
    return float(np.sum(np.diff(true, prepend=0) / max(int(yes.sum()), 1) * true / (true + false)))


def bins(p: Array, yes: Array, count: int = 10) -> tuple[Array, Array, Array]:
    """(mean p, share of yes, rows) of each bin of p that isn't empty."""
    place = np.minimum((p * count).astype(int), count - 1)
    n = np.bincount(place, minlength=count)
    filled = n > 0
    said, so = (np.bincount(place, a, count)[filled] / n[filled] for a in (p, yes))
    return said, so, n[filled]


def calibration_error(p: Array, yes: Array) -> float:
    """Σ n_b/N |mean p − share of yes| over the bins b."""
    said, is_so, n = bins(p, yes)
    return float(np.sum(n * np.abs(said - is_so)) / len(p))
