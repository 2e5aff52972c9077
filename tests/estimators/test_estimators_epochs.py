"""An epoch that runs many minibatches at once takes the steps that it would take one by one."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from wengert.estimators import MLPClassifier, MLPRegressor, learn
from wengert.nn import Adam

D, d = load_digits(return_X_y=True)
D, d = D[:230] / 16, d[:230]
pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations", "ignore:.*batch_size")
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "alpha": 0.1},
    "dropout": {"dropout": 0.3},
    "batch norm": {"norm": "batch"},
    "ensemble": {"ensemble": 2},
    "tabular": {"preset": "tabular"},
    "logistic": {"activation": "logistic", "shuffle": False},
}


def fitted(X: Any, y: Any, kind: Any = MLPClassifier, weight: Any = None, **more: Any) -> Any:
    settings = {"hidden_layer_sizes": (12,), "batch_size": 32, "max_iter": 3, "random_state": 0}
    return kind(**{**settings, **more}).fit(X, y, sample_weight=weight)


def compare(monkeypatch: pytest.MonkeyPatch, X: Any, y: Any, **more: Any) -> list[int]:
    """Both ways lead to equal weights; how many steps the calls of the first had."""
    calls: list[int] = []
    go = learn._Way.go

    def counted(way: Any, beside: list[Any], batches: Any) -> Any:
        calls.append(len(beside) if way.length == len(beside) else 1)
        return go(way, beside, batches)

    with monkeypatch.context() as patch:
        patch.setattr(learn._Way, "go", counted)
        many = fitted(X, y, **more)
    with monkeypatch.context() as patch:
        patch.setattr(learn, "MOST", 1)
        one = fitted(X, y, **more)
    np.testing.assert_allclose(many.loss_curve_, one.loss_curve_, rtol=1e-5)
    for got, want in zip(many.coefs_, one.coefs_, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    return calls


@pytest.mark.parametrize("name", SETTINGS)
def test_many_steps_are_one_call(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = compare(monkeypatch, D, d, **SETTINGS[name])
    whole = {"tabular": 5}.get(name, 7)  # it holds a fifth of the samples back
    assert max(calls) == whole
    assert len(calls) == 3 * 2  # the last minibatch of an epoch is short


def test_float32_and_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = D.astype("f4"), D[:, 20:22].astype("f4")
    assert max(compare(monkeypatch, X, y, kind=MLPRegressor)) == 7


def test_a_minibatch_without_weight_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = np.ones(len(D))
    weight[32:64] = 0
    calls = compare(monkeypatch, D, d, weight=weight, shuffle=False, solver="sgd")
    assert max(calls) == 1


def test_an_optimiser_that_asks_runs_step_by_step() -> None:
    class Asking(Adam):
        def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> Any:
            if float(state.t) < 0:
                raise AssertionError
            return super().update(params, grads, state, rate)

    asked, plain = fitted(D, d, solver=Asking(1e-3)), fitted(D, d)
    np.testing.assert_allclose(asked.loss_curve_, plain.loss_curve_, rtol=1e-5)


def test_folds_share_what_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted(D, d)
    made: list[Any] = []
    compiled = learn.api.jit._compile
    monkeypatch.setattr(learn.api.jit, "_compile", lambda *a: made.append(1) or compiled(*a))
    fitted(D[3:], d[3:], batch_size=32, max_iter=1)
    assert len(made) == 1  # the short minibatch is another one
