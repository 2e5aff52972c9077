"""Perceptrons for people: scikit-learn's conventions, derived gradients, native speed."""

from wengert.estimators.linear import LogisticRegression, SoftmaxRegression
from wengert.estimators.mlp import MLPClassifier, MLPRegressor
