"""scikit-learn's own checks and tools, and its classes as the reference."""

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from wengert.estimators import (
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    SoftmaxRegression,
)

ALL = [LogisticRegression(), SoftmaxRegression(), MLPClassifier(), MLPRegressor()]
X, Y = load_digits(return_X_y=True)
X = X[:600] / 16
Y = Y[:600]


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of small shapes would each be compiled; both machines give the same numbers."""
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")
    warnings.simplefilter("ignore", ConvergenceWarning)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that they don't inherit from its BaseEstimator
    checks = parametrize_with_checks(ALL)


@checks
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "more",
    [
        dict(solver="sgd", learning_rate_init=0.1),
        dict(solver="sgd", learning_rate="invscaling", nesterovs_momentum=False),
        dict(solver="sgd", learning_rate="adaptive", tol=0.1, n_iter_no_change=2),
        dict(solver="lbfgs", activation="tanh"),
        dict(solver="sgd", activation="logistic", hidden_layer_sizes=(20, 10)),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_classifier_takes_the_same_steps_as_scikit_learns(more: Any) -> None:
    given = {"hidden_layer_sizes": (20,), "max_iter": 8, "random_state": 3, **more}
    theirs = sklearn.neural_network.MLPClassifier(**given).fit(X, Y)
    ours = MLPClassifier(**given).fit(X, Y)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)
    for W, V in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(W, V, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_adam_ends_where_scikit_learns_does() -> None:
    given: dict[str, Any] = dict(max_iter=30, random_state=0, learning_rate_init=0.01)
    theirs = sklearn.neural_network.MLPClassifier(**given).fit(X, Y)
    ours = MLPClassifier(**given).fit(X, Y)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0.05)
    assert ours.t_ == theirs.t_


@pytest.mark.filterwarnings("ignore")
def test_regressor_takes_the_same_steps_with_weights() -> None:
    A, b = load_diabetes(return_X_y=True)
    w = np.random.default_rng(0).uniform(0, 2, len(b))
    given: dict[str, Any] = dict(solver="sgd", max_iter=5, random_state=0, learning_rate_init=1e-4)
    theirs = sklearn.neural_network.MLPRegressor(**given).fit(A, b, w)
    ours = MLPRegressor(**given).fit(A, b, w)
    np.testing.assert_allclose(ours.predict(A), theirs.predict(A), rtol=1e-9)
    assert ours.score(A, b, w) == pytest.approx(theirs.score(A, b, w))


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("C", [0.1, 10.0])
@pytest.mark.parametrize("weight", [None, "balanced"])
def test_logistic_regression_is_at_the_minimum(solver: str, C: float, weight: Any) -> None:
    A, b = load_breast_cancer(return_X_y=True)
    A = scale(A)
    ours = LogisticRegression(C=C, tol=1e-8, solver=solver, max_iter=2000, class_weight=weight)
    ours.fit(A, b)
    assert ours.gradient_ <= 1e-8
    theirs = sklearn.linear_model.LogisticRegression(
        C=C, tol=1e-10, solver="newton-cholesky", class_weight=weight, max_iter=1000
    ).fit(A, b)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)


def test_softmax_regression_is_at_the_minimum() -> None:
    A, b = load_iris(return_X_y=True)
    ours = SoftmaxRegression(tol=1e-9).fit(A, b)
    theirs = sklearn.linear_model.LogisticRegression(tol=1e-10, max_iter=10000).fit(A, b)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(A), theirs.predict_proba(A), atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_within_scikit_learns_tools() -> None:
    net = MLPClassifier((10,), max_iter=15, learning_rate_init=0.03, random_state=0)
    model = make_pipeline(StandardScaler(), net)
    grid = GridSearchCV(model, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(X, Y)
    assert grid.best_score_ > 0.7
    assert cross_val_score(LogisticRegression(), X, Y > 4, cv=3).mean() > 0.8
    calibrated = CalibratedClassifierCV(SoftmaxRegression(), cv=2).fit(X, Y)
    assert calibrated.predict_proba(X).shape == (600, 10)


@pytest.mark.parametrize("model", ALL, ids=lambda m: type(m).__name__)
@pytest.mark.filterwarnings("ignore")
def test_clone_and_pickle(model: Any) -> None:
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert fresh is not model
    fitted = fresh.fit(X[:100], Y[:100] > 4)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict(X), fitted.predict(X))


def test_no_import_of_scikit_learn() -> None:
    code = (
        "import sys; from wengert.estimators import MLPClassifier, LogisticRegression as L;"
        "L().fit([[0.0], [1.0]], [0, 1]); MLPClassifier(solver='lbfgs').fit([[0.], [1.]], [0, 1]);"
        "print('sklearn' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
