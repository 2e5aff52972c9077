"""Perceptrons for people: scikit-learn's conventions, derived gradients, native speed."""

from wengert.estimators.mlp import MLPClassifier, MLPRegressor
