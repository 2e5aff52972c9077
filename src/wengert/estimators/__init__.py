"""Perceptrons for people: scikit-learn's conventions, derived gradients, native speed."""

from pathlib import Path
from typing import Any

from wengert.estimators.linear import LogisticRegression, SoftmaxRegression
from wengert.estimators.mlp import MLPClassifier, MLPRegressor
from wengert.estimators.store import read

__all__ = ["LogisticRegression", "MLPClassifier", "MLPRegressor", "SoftmaxRegression", "load"]

ALL = (LogisticRegression, SoftmaxRegression, MLPClassifier, MLPRegressor)


def load(path: str | Path) -> Any:
    """The estimator that `save` wrote; runs no code. ModelFileError tells what is wrong."""
    return read(path, {kind.__name__: kind for kind in ALL})
