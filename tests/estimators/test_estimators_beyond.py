"""What scikit-learn's perceptrons don't have."""

from math import erfc
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from wengert.errors import InputError, ShapeError
from wengert.estimators import (
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    SoftmaxRegression,
)

pl = pytest.importorskip("polars")
D, d = load_digits(return_X_y=True)
D, d = D[:500] / 16, d[:500]
P, p = load_diabetes(return_X_y=True)
P, p = (P - P.mean(axis=0)) / P.std(axis=0), p / p.std()
rng = np.random.default_rng(0)
n = 300
FRAME = pl.DataFrame(
    {
        "size": [None if i == 3 else float(v) for i, v in enumerate(rng.normal(size=n))],
        "kind": [None if i == 4 else str(v) for i, v in enumerate(rng.choice(list("xyz"), n))],
        "town": [f"v{v}" for v in rng.integers(12, size=n)],
    }
)
ANSWER = np.array(
    ["yes" if k == "x" or (s or 0) > 0 else "no" for s, k, _ in FRAME.rows()], dtype=object
)
pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations")


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")


@pytest.mark.parametrize(
    "more",
    [
        dict(dropout=[0.1, 0.2], norm="batch", residual=True),
        dict(norm="layer", activation=["tanh", np.sin]),
        dict(norm="batch", dropout=0.1, ensemble=2, early_stopping=True),
        dict(init="he", class_weight="balanced"),
    ],
    ids=str,
)
def test_a_network_learns_with(more: Any) -> None:
    model = MLPClassifier((32, 32), max_iter=15, learning_rate_init=0.01, random_state=0, **more)
    assert model.fit(D, d).score(D, d) > 0.9


def test_the_tabular_preset() -> None:
    model = MLPClassifier((32, 32), max_iter=60, preset="tabular", random_state=0)
    assert model.fit(D[:350], d[:350]).score(D[350:], d[350:]) > 0.8
    assert model.best_iter_ <= model.n_iter_ == 60


def test_an_ensembles_members_are_the_single_networks() -> None:
    """vmap over seeds takes the steps that each seed takes alone."""
    both = MLPRegressor(ensemble=2, max_iter=5, random_state=1, shuffle=False).fit(P, p)
    first = MLPRegressor(max_iter=5, random_state=1, shuffle=False).fit(P, p)
    np.testing.assert_allclose(both.coefs_[0][0], first.coefs_[0], rtol=1e-9)
    assert not np.allclose(both.coefs_[0][0], both.coefs_[0][1])
    mean, spread = both.predict(P, return_std=True)
    assert mean.shape == spread.shape == p.shape
    assert (spread > 0).all()


def test_quantiles_cover_their_share() -> None:
    model = MLPRegressor("quantile", (20,), quantiles=(0.1, 0.9), learning_rate_init=0.01)
    low, high = model.set_params(random_state=0).fit(P, p).predict(P).T
    assert 0.7 < np.mean((p >= low) & (p <= high)) < 0.9


def test_gaussian_loss_predicts_a_spread() -> None:
    x = np.linspace(-1, 1, 600)[:, None]
    y = np.random.default_rng(0).normal(size=600) * (0.1 + (x[:, 0] > 0))
    model = MLPRegressor("gaussian_nll", (20,), learning_rate_init=0.02, random_state=0)
    _, spread = model.fit(x, y).predict(np.array([[-0.7], [0.7]]), return_std=True)
    np.testing.assert_allclose(spread, [0.1, 1.1], rtol=0.35)


@pytest.mark.parametrize(
    "loss", ["absolute_error", "huber", "poisson", lambda z, y: np.abs(z - y) ** 1.5]
)
def test_regression_with_another_loss(loss: Any) -> None:
    model = MLPRegressor(loss, (20,), max_iter=100, learning_rate_init=0.01, random_state=0)
    assert model.fit(P, p).score(P, p) > 0.45


def test_a_loss_that_is_a_mean_refuses_weights() -> None:
    def mean(z: Any, y: Any) -> Any:
        return np.mean((z - y) ** 2)

    assert MLPRegressor(mean, max_iter=2).fit(P, p).loss_ > 0
    with pytest.raises(ShapeError, match="one cost per sample"):
        MLPRegressor(mean, max_iter=2).fit(P, p, sample_weight=p)


def test_a_loss_of_another_length_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"returns the shape \(3,\) for 200 samples"):
        MLPRegressor(lambda z, y: np.ones(3) * np.sum(z - y)).fit(P, p)


def test_a_weight_of_two_is_a_row_twice() -> None:
    w = np.arange(len(p)) % 3
    given: dict[str, Any] = dict(solver="lbfgs", max_iter=20, random_state=0)
    weighted = MLPRegressor(**given).fit(P, p, sample_weight=w)
    twice = MLPRegressor(**given).fit(np.repeat(P, w, axis=0), np.repeat(p, w))
    np.testing.assert_allclose(weighted.predict(P), twice.predict(P), rtol=1e-4)


class TestValidation:
    def test_the_best_weights_are_kept(self) -> None:
        model = MLPClassifier((16,), max_iter=12, learning_rate_init=0.02, random_state=0)
        model.fit(D[:400], d[:400], X_val=D[400:], y_val=d[400:])
        assert len(model.validation_scores_) == model.n_iter_
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.score(D[400:], d[400:]) == model.best_validation_score_

    def test_a_callback_ends_the_run(self) -> None:
        seen: list[Any] = []
        stop = lambda epoch: seen.append(epoch.row["train_loss"]) or epoch.number == 3
        model = MLPClassifier((8,), callbacks=[stop], random_state=0).fit(D, d)
        assert model.loss_curve_ == seen
        assert model.n_iter_ == 3

    def test_ctrl_c_keeps_the_model(self) -> None:
        def interrupt(epoch: Any) -> None:
            if epoch.number == 2:
                raise KeyboardInterrupt

        with pytest.warns(UserWarning, match="interrupted"):
            model = MLPClassifier((8,), callbacks=[interrupt], random_state=0).fit(D, d)
        assert model.n_iter_ == 2
        assert model.predict(D).shape == d.shape

    def test_find_rate(self) -> None:
        model = MLPClassifier(random_state=0)
        assert 1e-4 < model.find_rate(D, d) < 0.5
        assert not hasattr(model, "n_features_in_")

    @pytest.mark.parametrize("name", ["early_stopping", "preset"])
    def test_not_in_part(self, name: str) -> None:
        value = {"early_stopping": True, "preset": "tabular"}[name]
        with pytest.raises(InputError, match=f"does not support {name}"):
            MLPClassifier(**{name: value}).partial_fit(D, d)


class TestFrames:
    def test_categories_and_gaps(self) -> None:
        model = MLPClassifier((16,), max_iter=60, learning_rate_init=0.02, random_state=0)
        assert model.fit(FRAME, ANSWER).score(FRAME, ANSWER) > 0.95
        assert model.feature_names_in_.tolist() == ["size", "kind", "town"]
        assert [table.shape for table in model._learner.network.embeddings] == [(13, 8)]

    def test_an_unseen_category_is_no_error(self) -> None:
        model = LogisticRegression().fit(FRAME, ANSWER)
        other = FRAME.with_columns(kind=pl.lit("w"))
        assert set(model.predict(other)) <= {"yes", "no"}

    def test_any_arrow_stream(self) -> None:
        class Stream:
            def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
                return FRAME.__arrow_c_stream__(requested_schema)

        model = SoftmaxRegression().fit(FRAME, ANSWER)
        assert np.array_equal(model.predict(Stream()), model.predict(FRAME))

    def test_dates_are_no_numbers(self) -> None:
        with pytest.raises(TypeError, match="datetime64"):
            LogisticRegression().fit(np.array([["2020-01-01"]] * 4, "M8[D]"), [0, 1, 0, 1])

    def test_text_where_fit_saw_numbers(self) -> None:
        model = LogisticRegression().fit(FRAME, ANSWER)
        with pytest.raises(TypeError, match="Column 0 holds 'big' in row 0"):
            model.predict(FRAME.with_columns(size=pl.lit("big")))


class TestSummary:
    def test_against_the_closed_form(self) -> None:
        """Of a table of 2 x 2 the log odds ratio and its error are known in closed form."""
        x = np.repeat([0.0, 0.0, 1.0, 1.0], [40, 10, 20, 30])[:, None]
        y = np.repeat([0, 1, 0, 1], [40, 10, 20, 30])
        table = LogisticRegression(C=np.inf, tol=1e-12).fit(x, y).summary(x, y)
        np.testing.assert_allclose(table.estimate, [np.log(6), np.log(1 / 4)], rtol=1e-8)
        errors = np.sqrt([1 / 40 + 1 / 10 + 1 / 20 + 1 / 30, 1 / 40 + 1 / 10])
        np.testing.assert_allclose(table.error, errors, rtol=1e-8)
        assert table.p[0] == pytest.approx(erfc(np.log(6) / errors[0] / np.sqrt(2)))
        assert "std.error" in str(table)

    def test_not_of_a_penalised_fit(self) -> None:
        model = LogisticRegression().fit(P, p > 2)
        with pytest.raises(InputError, match=r"C=np\.inf"):
            model.summary(P, p > 2)

    def test_not_of_classes_that_separate(self) -> None:
        model = LogisticRegression(C=np.inf).fit(P[:, :1], P[:, 0] > 0)
        with pytest.raises(InputError, match="separate"):
            model.summary(P[:, :1], P[:, 0] > 0)

    def test_not_of_columns_that_depend(self) -> None:
        A = np.column_stack([P[:, 0], P[:, 0]])
        model = LogisticRegression(C=np.inf).fit(A, p > 2)
        with pytest.raises(InputError, match="singular"):
            model.summary(A, p > 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(dtype: Any) -> None:
    A, b = load_breast_cancer(return_X_y=True)
    A = ((A - A.mean(axis=0)) / A.std(axis=0)).astype(dtype)
    for model in (LogisticRegression(class_weight="balanced"), MLPClassifier((4,), max_iter=2)):
        assert model.fit(A, b).predict_proba(A).dtype == dtype


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MLPClassifier(activation="bogus"), "no activation 'bogus'"),
        (MLPClassifier(alpha=-1), "alpha=-1"),
        (MLPClassifier(hidden_layer_sizes=(0,)), "hidden_layer_sizes must be > 0"),
        (MLPClassifier(hidden_layer_sizes=(5, 5), dropout=[0.1]), "1 entries for 2 hidden"),
        (MLPClassifier(solver="lbfgs", dropout=0.5), "all samples at once"),
        (MLPRegressor("cubic"), "no loss 'cubic'"),
        (MLPRegressor("quantile", quantiles=(1.5,)), "levels within"),
        (LogisticRegression("l1"), "L2 penalty"),
        (LogisticRegression(C=0), "C=0"),
        (SoftmaxRegression(solver="magic"), "solver='magic'"),
        (MLPClassifier(categorical=["town"]), "no categorical column 'town'"),
    ],
)
def test_a_wrong_parameter_is_named(model: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.fit(D[:50], d[:50] > 4)
