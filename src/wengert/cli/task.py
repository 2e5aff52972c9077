"""What a table is asked: classes or numbers, and the models and scores that go with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.cli.failures import DataError, UsageError
from wengert.cli.tables import Table
from wengert.estimators import (
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    SoftmaxRegression,
)
from wengert.estimators.labels import accuracy, r2

__all__ = ["Task", "interval", "task_of"]

Array = NDArray[Any]
FEW = 20
"""A numeric target of whole numbers with at most so many values is taken for classes."""


@dataclass(frozen=True, slots=True)
class Task:
    """The features, the target, and whether it is classes."""

    X: Table
    y: Array
    target: str
    classes: bool
    dropped: int = 0
    rows: Any = None
    """Where in the file each row stands, from 0; None where no row was left out."""

    @property
    def metric(self) -> str:
        return "accuracy" if self.classes else "R²"

    def score(self, y: Array, found: Array) -> float:
        """Accuracy, or R²."""
        return accuracy(found, y) if self.classes else r2(found, y)

    def baseline(self, learn: Array, rows: int) -> Array:
        """What answers without looking: the most frequent class, or the mean."""
        if not self.classes:
            return np.full(rows, learn.mean())
        values, counts = np.unique(learn, return_counts=True)
        return np.repeat(values[np.argmax(counts)], rows)

    def network(self, options: Any) -> Any:
        """The perceptron of these options."""
        kind: Any = MLPClassifier if self.classes else MLPRegressor
        return kind(
            hidden_layer_sizes=options.hidden, max_iter=options.epochs, preset="tabular",
            random_state=options.seed, ensemble=options.ensemble, progress=options.bar,
        )  # fmt: skip

    def linear(self, labels: int) -> Any:
        """The linear model beside it."""
        kind: Any = LogisticRegression if labels == 2 else SoftmaxRegression
        if self.classes:
            return kind(scale=True)
        kind = MLPRegressor
        return kind(hidden_layer_sizes=(), solver="lbfgs", max_iter=500, scale=True)


def task_of(table: Table, target: str, wanted: str) -> Task:
    """The task that a target makes; DataError for one that is constant, rows without it dropped."""
    y = table.column(target)
    gaps = np.isnan(y) if y.dtype.kind == "f" else np.array([v is None for v in y.tolist()])
    if gaps.all():
        raise DataError(f"The target {target!r} of {table.source} is missing in every row.")
    if len(table.columns) < 2:
        raise DataError(f"{table.source} has no column beside the target {target!r}.")
    y, X = y[~gaps], table.rows(~gaps).without(target)
    values = np.unique(y.astype(str) if y.dtype == object else y)
    if len(values) < 2:
        raise DataError(
            f"The target {target!r} of {table.source} is constant: every row has {values[0]!r}."
        )
    whole = y.dtype.kind == "f" and bool(np.all(y == np.floor(y)))
    classes = y.dtype == object or (whole and len(values) <= FEW)
    if wanted == "regression" and y.dtype == object:
        row = next(i for i, v in enumerate(table.column(target).tolist(), 1) if v is not None)
        raise UsageError(
            f"The target {target!r} is text in row {row}: {y[0]!r}; that is no number."
        )
    classes = classes if wanted == "auto" else wanted == "classification"
    if classes and y.dtype != object:
        y = y.astype(int) if whole else y.astype(str)
    if classes and len(values) > len(y) / 2:
        raise DataError(
            f"The target {target!r} has {len(values)} values in {len(y)} rows: it names rows "
            "rather than classes."
        )
    y = y.astype(str) if y.dtype == object else y
    return Task(X, y, target, classes, int(gaps.sum()), np.flatnonzero(~gaps))


def interval(task: Task, y: Array, found: Array, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval on the score: Wilson's (1927) for a share, else 1,000 bootstrap samples."""
    n = len(y)
    if task.classes:
        p, z = accuracy(found, y), 1.959964
        middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return float((middle - half) / (1 + z * z / n)), float((middle + half) / (1 + z * z / n))
    rng = np.random.default_rng(seed)
    draws = (rng.integers(n, size=n) for _ in range(1000))
    scores = [r2(found[rows], y[rows]) for rows in draws]
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


Said = Callable[[str], None]
