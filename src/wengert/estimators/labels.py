"""Class labels as numbers and back, and the two scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, ShapeError, sentences

__all__ = ["Labels", "accuracy", "fit_labels", "r2"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The classes of y; with `many`, y is a table of 0 and 1, a column per label."""

    classes: Array
    many: bool = False

    @property
    def softmax(self) -> bool:
        """Whether there is an output per class that share one probability."""
        return not self.many and len(self.classes) > 2

    def targets(self, y: Array) -> Array:
        """Rows e_y, or one column of 0 and 1 for two classes, or the table itself."""
        if self.many != (y.ndim == 2):
            raise ShapeError(
                sentences(f"y has the shape {y.shape}.", "Give y as in the first fit.")
            )
        if self.many:
            if y.shape[1] != len(self.classes):
                raise ShapeError(
                    sentences(f"y has {y.shape[1]} labels.", f"fit had {len(self.classes)}.")
                )
            return y.astype(np.float64)
        place = self.place(y)
        if self.softmax:
            return np.eye(len(self.classes))[place]
        return place[:, None].astype(np.float64)

    def place(self, y: Array) -> Array:
        """The number of each label; InputError for one that isn't among the classes."""
        place = np.searchsorted(self.classes, y)
        clipped = np.minimum(place, len(self.classes) - 1)
        wrong = self.classes[clipped] != y
        if np.any(wrong):
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                sentences(
                    f"y has the label {y[row]!r} in row {row}, which isn't among the classes "
                    f"{self.classes.tolist()}.",
                    "Name all classes in the first partial_fit, or fit anew.",
                )
            )
        return clipped

    def probabilities(self, P: Array) -> Array:
        """(N, classes) of what the outputs say."""
        return P if self.many or self.softmax else np.concatenate([1 - P, P], axis=1)

    def places(self, P: Array) -> Array:
        """The class's number, or the table of labels, of outputs' probabilities."""
        if self.many:
            return (P > 0.5).astype(int)
        return np.argmax(P, axis=1) if self.softmax else (P[:, 0] > 0.5).astype(int)

    def answers(self, P: Array) -> Array:
        """The likeliest label of each row of `probabilities`; ties go to the first class."""
        return (P > 0.5).astype(int) if self.many else self.classes[np.argmax(P, axis=1)]

    def weights(self, y: Array, each: Any) -> Array:
        """A weight per sample: N / (K N_c) if "balanced", else by label, 1 where silent."""
        if self.many or not (isinstance(each, Mapping) or each == "balanced"):
            raise InputError(
                sentences(
                    f"class_weight={each!r} isn't possible here.",
                    'Give "balanced" or a mapping from label to weight, for one label per row.',
                )
            )
        place = self.place(y.ravel())
        if not isinstance(each, Mapping):
            count = np.bincount(place, minlength=len(self.classes))
            return np.asarray((len(place) / (np.sum(count > 0) * np.maximum(count, 1)))[place])
        table = np.array([float(each.get(c, 1.0)) for c in self.classes.tolist()])
        return np.asarray(table[place])


def fit_labels(y: Any, estimator: str) -> Labels:
    """The labels of y; InputError for a y that is continuous, or has one class."""
    y = np.asarray(y)
    if y.dtype.kind == "f" and np.any(y != np.floor(y)):
        raise InputError(
            sentences(
                "Unknown label type: continuous. Maybe you are trying to fit a classifier, which "
                "expects discrete classes on a regression target with continuous values.",
                "Take the regressor, or cut y into classes.",
            )
        )
    if y.ndim == 2:
        if not np.all((y == 0) | (y == 1)):
            raise InputError(
                sentences("A multi-label y has entries beside 0 and 1.", "Give a table of 0 and 1.")
            )
        return Labels(np.arange(y.shape[1]), many=True)
    if y.dtype == object and any(value is None or value != value for value in y):
        raise InputError(sentences("y has missing values.", "Drop those rows."))
    if y.dtype == object and len({isinstance(value, str) for value in y}) > 1:
        raise InputError(sentences("y mixes text and numbers.", "Make one kind of them."))
    classes = np.unique(y)
    if len(classes) < 2:
        raise InputError(
            sentences(
                f"{estimator} needs samples of at least 2 classes, but the data contains only one "
                f"class: {classes.tolist()}.",
                "Give rows of another class too.",
            )
        )
    return Labels(classes)


def accuracy(found: Array, y: Array, weights: Any = None) -> float:
    """The (weighted) share of rows that are right as a whole."""
    if found.shape != y.shape:
        y = y.reshape(found.shape)
    right = found == y if found.ndim == 1 else np.all(found == y, axis=1)
    return float(np.average(right, weights=weights))


def r2(z: Array, y: Array, weights: Any = None) -> float:
    """1 − Σ w (y − z)² / Σ w (y − ȳ)², the mean over columns; for a constant y 1 or 0."""
    z, y = (np.reshape(v, (len(y), -1)).astype(np.float64) for v in (z, y))
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    rest = w @ (y - z) ** 2
    whole = w @ (y - np.average(y, axis=0, weights=w)) ** 2
    each = np.where(whole > 0, 1 - rest / np.where(whole > 0, whole, 1), (rest == 0) * 1.0)
    return float(np.mean(each))
