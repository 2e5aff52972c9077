"""A decision is proven for a whole box, or a row of it decides otherwise."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from wengert.certify import decision
from wengert.errors import InputError


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    m = MLPClassifier((16,), solver="lbfgs", alpha=1.0, max_iter=60, random_state=0).fit(X, y)
    (W, V), (b, c) = m.coefs_, m.intercepts_
    return X, lambda x: np.maximum(x @ W + b, 0) @ V + c


@pytest.mark.parametrize("radius", [0.02, 0.2, 0.6, 1.5])
def test_each_verdict_survives_an_attack(iris, radius):
    X, scores = iris
    rng = np.random.default_rng(0)
    for row in X[::10]:
        made = decision(scores, row, radius, budget=1500)
        cloud = row + radius * rng.uniform(-1, 1, (400, 4))
        cloud[:200] = row + radius * rng.choice([-1, 1], (200, 4))
        labels = np.array([np.argmax(scores(x)) for x in cloud])
        if made.proven:
            assert made.margin > 0
            assert np.all(labels == made.label)
        if made.counterexample is not None:
            assert np.all(np.abs(made.counterexample - row) <= radius * (1 + 1e-12))
            assert np.argmax(scores(made.counterexample)) != made.label


def test_small_boxes_are_proven_and_large_ones_refuted(iris):
    X, scores = iris
    assert all(decision(scores, x, 1e-3).proven for x in X[::15])
    found = [decision(scores, x, 4.0).counterexample for x in X[::15]]
    assert all(x is not None for x in found)


def test_a_budget_that_ends_says_neither():
    made = decision(
        lambda x: np.array([1.0, -1.0]) * (x[0] - x[0] * x[0] + 1e-7), [0.5], 0.4999999, budget=1
    )
    assert made.proven or made.counterexample is None


def test_a_single_score_is_refused():
    with pytest.raises(InputError, match="one score for each class"):
        decision(lambda x: np.sum(x), [1.0], 0.1)
