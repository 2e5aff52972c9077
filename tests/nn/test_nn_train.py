"""A run: what it lowers, when it ends, what it keeps, and what it refuses."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy
from sklearn import metrics
from sklearn.linear_model import LogisticRegression, Ridge

from wengert import nn, tree
from wengert.errors import DtypeError, InputError, ShapeError
from wengert.nn.train import DivergedError

rng = np.random.default_rng(0)
X = rng.normal(size=(203, 5))
y = (X @ [1.0, -2.0, 0.5, 0.0, 1.0] + 0.3 * rng.normal(size=203) > 0).astype(int)
classes = rng.integers(0, 3, 203)


def bits(model):
    return b"".join(np.asarray(leaf).tobytes() for leaf in tree.flatten(model)[0])


def small(**options):
    options = {"epochs": 5, "batch_size": 32, "optimizer": nn.Adam(0.01), **options}
    return nn.train(nn.perceptron([5, 8, 1], nn.tanh), nn.binary_cross_entropy, X, y, **options)


def test_equal_seeds_give_equal_bits_and_others_dont():
    a, b, c = small(seed=4), small(seed=4), small(seed=5)
    assert bits(a.model) == bits(b.model)
    assert a.history["train_loss"] == b.history["train_loss"]
    assert bits(a.model) != bits(c.model)


def test_one_epoch_of_descent_is_the_steps_by_hand():
    run = nn.train(
        nn.linear(5),
        nn.logistic,
        X,
        2 * y - 1,
        optimizer=nn.Descent(0.5),
        epochs=1,
        batch_size=64,
        seed=9,
    )
    w, b, signs, costs = np.zeros(5), 0.0, 2 * y - 1, []
    for rows in nn.batches(203, 64, seed=9, epoch=1):
        z = X[rows] @ w + b
        costs.append((np.logaddexp(0, -signs[rows] * z).mean(), len(rows)))
        dz = -signs[rows] * scipy.special.expit(-signs[rows] * z) / len(rows)
        w, b = w - 0.5 * X[rows].T @ dz, b - 0.5 * dz.sum()
    assert [n for _, n in costs] == [64, 64, 64, 11]
    np.testing.assert_allclose(run.model.W, w, rtol=1e-12)
    np.testing.assert_allclose(run.model.b, b, rtol=1e-12)
    mean = sum(cost * n for cost, n in costs) / 203
    assert run.history["train_loss"][0] == pytest.approx(mean, rel=1e-12)


def test_the_model_that_was_given_is_left_alone():
    model = nn.perceptron([5, 4, 1])
    before = bits(model)
    nn.train(model, nn.binary_cross_entropy, X, y, epochs=1)
    assert bits(model) == before


def test_lbfgs_finds_scikit_learns_logistic_regression():
    run = nn.train(
        nn.linear(5),
        nn.logistic,
        X,
        2 * y - 1,
        optimizer=nn.LBFGS(tolerance=1e-9),
        epochs=200,
        l2=1 / 203,
    )
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(run.model.W, theirs.coef_[0], rtol=1e-6)
    np.testing.assert_allclose(run.model.b, theirs.intercept_[0], rtol=1e-5)
    assert run.reason.startswith("converged after")
    assert run.history["train_loss"] == sorted(run.history["train_loss"], reverse=True)


def test_lbfgs_and_l2_are_ridge_regression():
    t = X @ [1.0, 2.0, 3.0, 4.0, 5.0] + 6
    run = nn.train(
        nn.linear(5),
        nn.squared_error,
        X,
        t,
        optimizer=nn.LBFGS(tolerance=1e-10),
        epochs=100,
        l2=0.1,
    )
    theirs = Ridge(alpha=0.1 * 203 / 2, tol=1e-12).fit(X, t)
    np.testing.assert_allclose(run.model.W, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(run.model.b, theirs.intercept_, rtol=1e-6)


def test_sample_weights_are_repeated_rows():
    w = rng.integers(0, 3, 203)
    lbfgs = {"optimizer": nn.LBFGS(tolerance=1e-10), "epochs": 200, "l2": 0.01}
    rows = np.repeat(np.arange(203), w)
    weighted = nn.train(nn.linear(5), nn.binary_cross_entropy, X, y, weights=w, **lbfgs)
    repeated = nn.train(nn.linear(5), nn.binary_cross_entropy, X[rows], y[rows], **lbfgs)
    np.testing.assert_allclose(weighted.model.W, repeated.model.W, rtol=1e-6)


def test_class_weights_are_scikit_learns():
    rare = np.flatnonzero((y == 0) | (np.arange(203) % 5 == 0))
    Xr, yr = X[rare], y[rare]
    run = nn.train(
        nn.linear(5), nn.binary_cross_entropy, Xr, yr, class_weight="balanced",
        optimizer=nn.LBFGS(tolerance=1e-10), epochs=200, l2=1 / len(yr),
    )  # fmt: skip
    theirs = LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=1000).fit(Xr, yr)
    np.testing.assert_allclose(run.model.W, theirs.coef_[0], rtol=1e-5)


def test_minibatches_reach_what_lbfgs_reaches():
    best = nn.train(nn.linear(5, 3), nn.cross_entropy, X, classes, optimizer=nn.LBFGS(), epochs=100)
    rate = nn.Exponential(0.05, 0.9)
    run = nn.train(
        nn.linear(5, 3), nn.cross_entropy, X, classes, optimizer=nn.Adam(rate), epochs=60
    )
    low = nn.evaluate(best.model, nn.cross_entropy, X, classes)["loss"]
    assert nn.evaluate(run.model, nn.cross_entropy, X, classes)["loss"] == pytest.approx(
        low, rel=1e-4
    )


def test_early_stopping_waits_and_brings_the_best_weights_back():
    noise = rng.integers(0, 2, 203)  # nothing to learn: validation gets worse at once
    seen = {}

    def remember(epoch):
        seen[epoch.number] = bits(epoch.model)

    run = nn.train(
        nn.perceptron([5, 64, 1], nn.tanh), nn.binary_cross_entropy, X, noise, optimizer=nn.Adam(0.02),
        epochs=200, validation=0.3, patience=4, callbacks=[remember],
    )  # fmt: skip
    losses = run.history["validation_loss"]
    assert len(losses) < 200
    assert run.reason == "no better for 4 epochs"
    assert run.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 4
    assert bits(run.model) == seen[run.best_epoch] != seen[len(losses)]


def test_history_has_a_column_a_quantity_and_a_row_an_epoch():
    run = small(
        validation=(X[:50], y[:50]), metrics=[nn.accuracy], optimizer=nn.Adam(nn.Step(0.1, 2))
    )
    names = ["epoch", "rate", "train_loss", "validation_loss", "validation_accuracy", "seconds"]
    assert list(run.history) == names
    assert run.history["epoch"] == [1, 2, 3, 4, 5]
    assert run.history["rate"] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    scores = nn.evaluate(run.model, nn.binary_cross_entropy, X[:50], y[:50], metrics=[nn.accuracy])
    assert scores["loss"] == min(run.history["validation_loss"])


def test_ctrl_c_keeps_the_best_model_so_far():
    seen = []

    def interrupt(epoch):
        seen.append(epoch.model)
        if epoch.number == 3:
            raise KeyboardInterrupt

    run = small(epochs=50, validation=0.2, callbacks=[interrupt])
    assert run.interrupted
    assert run.reason == "interrupted in epoch 4"
    assert len(run.history["epoch"]) == 3
    assert bits(run.model) == bits(seen[run.best_epoch - 1])


def test_ctrl_c_in_the_first_epoch_keeps_the_steps_done():
    calls = []

    def loss(z, y):
        calls.append(1)
        if len(calls) > 1:  # the second shape, which is the last batch's
            raise KeyboardInterrupt
        return nn.binary_cross_entropy(z, y)

    model = nn.perceptron([5, 3, 1])
    run = nn.train(model, loss, X, y, batch_size=150)
    assert run.interrupted
    assert run.history == {}
    assert bits(run.model) != bits(model)


def test_a_callback_ends_the_run_by_returning_true():
    run = small(callbacks=[lambda epoch: epoch.number == 2, lambda epoch: None])
    assert run.reason == "a callback ended it after epoch 2"
    lbfgs = nn.train(
        nn.linear(5),
        nn.binary_cross_entropy,
        X,
        y,
        optimizer=nn.LBFGS(),
        callbacks=[lambda e: True],
    )
    assert len(lbfgs.history["epoch"]) == 1


def test_a_loss_that_diverges_at_once_is_an_error():
    t = 1e3 * X[:, 0]
    with (
        pytest.raises(DivergedError, match=r"epoch 1.*test_nn_train.*Lower the rate"),
        np.errstate(all="ignore"),
    ):
        nn.train(
            nn.linear(5),
            nn.squared_error,
            1e3 * X,
            t,
            optimizer=nn.Descent(10.0),
            epochs=100,
            batch_size=8,
        )


def test_a_loss_that_diverges_later_keeps_the_best_model():
    def rate(t):
        return 0.01 if t < 3 else 1e12

    with (
        pytest.warns(RuntimeWarning, match="the model of epoch 3 was kept"),
        np.errstate(all="ignore"),
    ):
        run = nn.train(
            nn.linear(5), nn.squared_error, X, X[:, 0], optimizer=nn.Descent(rate), epochs=30
        )
    assert run.diverged
    assert run.best_epoch == 3
    assert nn.evaluate(run.model, nn.squared_error, X, X[:, 0])["loss"] < 1


def test_clipping_holds_a_step_within_its_length():
    start = nn.linear(5)
    run = nn.train(
        start,
        nn.squared_error,
        1e6 * X,
        y,
        optimizer=nn.Descent(1.0),
        clip=0.5,
        epochs=1,
        batch_size=203,
    )
    assert np.sqrt(np.sum(run.model.W**2) + run.model.b**2) == pytest.approx(0.5)


def test_float32_models_train_in_float32_on_any_input():
    pixels = rng.integers(0, 255, size=(64, 5), dtype=np.uint8)
    for optimizer in (nn.Adam(), nn.LBFGS()):
        run = nn.train(
            nn.linear(5, 2, dtype=np.float32),
            nn.cross_entropy,
            pixels,
            classes[:64] % 2,
            optimizer=optimizer,
            epochs=2,
        )
        assert {leaf.dtype for leaf in tree.flatten(run.model)[0]} == {np.dtype(np.float32)}


def test_any_tree_of_arrays_that_can_be_called_is_a_model():
    @dataclass(frozen=True)
    class Power:
        a: np.ndarray
        k: np.ndarray

        def __call__(self, x):
            return self.a * x**self.k

    x = np.linspace(0.5, 2, 50)
    start = Power(np.array(1.0), np.array(1.0))
    run = nn.train(
        start, nn.squared_error, x, 3 * x**2.5, optimizer=nn.LBFGS(tolerance=1e-10), epochs=200
    )
    assert float(run.model.a) == pytest.approx(3, rel=1e-6)
    assert float(run.model.k) == pytest.approx(2.5, rel=1e-6)


def test_the_users_own_loss_needs_only_two_arguments():
    run = nn.train(
        nn.linear(5),
        lambda z, y: np.mean(np.cosh(z - y) - 1),
        X,
        X[:, 1],
        optimizer=nn.Adam(0.05),
        epochs=60,
    )
    np.testing.assert_allclose(run.model.W, [0, 1, 0, 0, 0], atol=1e-2)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"X": X[:10]}, ShapeError, "10 rows and y has 203"),
        ({"X": np.where(np.arange(203) == 7, np.nan, X.T).T}, InputError, r"X\[7, 0\] is nan"),
        ({"X": X.astype(object)}, DtypeError, "dtype object"),
        ({"X": X[:, :4]}, ShapeError, "5 columns"),
        ({"X": X[:0], "y": y[:0]}, InputError, "at least one row"),
        ({"X": np.ma.masked_array(X)}, DtypeError, "a mask"),
        ({"y": y + 1}, InputError, "y = 2 is no label here"),
        ({"y": np.array(["a"] * 203)}, DtypeError, "dtype <U1"),
        ({"epochs": 0}, InputError, "epochs=0"),
        ({"epochs": 2.5}, InputError, "epochs=2.5"),
        ({"batch_size": 0}, InputError, "batch_size=0"),
        ({"patience": 0}, InputError, "patience=0"),
        ({"l2": -1.0}, InputError, "l2=-1.0"),
        ({"clip": 0.0}, InputError, "clip=0.0"),
        ({"validation": 1.0}, InputError, "share of 1.0"),
        ({"validation": (X[:3], y[:4])}, ShapeError, "3 rows and y has 4"),
        ({"weights": np.ones(3)}, ShapeError, r"weights of shape \(3,\)"),
        ({"weights": -np.ones(203)}, InputError, "negative"),
        ({"model": {"W": np.ones(3, int)}}, DtypeError, "float arrays"),
    ],
)
def test_mistakes_are_named_before_the_first_step(options, error, words):
    given = {
        "model": nn.perceptron([5, 4, 1]),
        "loss": nn.binary_cross_entropy,
        "X": X,
        "y": y,
        **options,
    }
    with pytest.raises(error, match=words):
        nn.train(**given)


def test_labels_beyond_the_outputs_are_named():
    with pytest.raises(InputError, match="The label 3"):
        nn.train(nn.linear(5, 3), nn.cross_entropy, X, np.where(np.arange(203) == 5, 3, classes))


def test_batches_hold_every_row_once_and_depend_on_seed_and_epoch():
    pieces = list(nn.batches(103, 10, seed=1, epoch=2))
    assert [len(p) for p in pieces] == [10] * 10 + [3]
    assert sorted(np.concatenate(pieces).tolist()) == list(range(103))
    again, other = (
        list(nn.batches(103, 10, seed=1, epoch=2)),
        list(nn.batches(103, 10, seed=1, epoch=3)),
    )
    assert all((a == b).all() for a, b in zip(pieces, again, strict=True))
    assert not all((a == b).all() for a, b in zip(pieces, other, strict=True))
    with pytest.raises(InputError):
        list(nn.batches(10, 0))


def test_rows_held_back_keep_the_classes_shares():
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    learn, held = nn.split(labels, 0.25, seed=0)
    assert np.bincount(labels[held]).tolist() == [25, 15, 10]
    assert sorted([*learn, *held]) == list(range(200))
    assert nn.split(labels, 0.25, seed=0)[1].tolist() == held.tolist()
    assert len(nn.split(np.linspace(0, 1, 10), 0.2)[1]) == 2


def test_metrics_are_scikit_learns():
    Z, t = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    assert nn.accuracy(Z, t) == metrics.accuracy_score(t, Z.argmax(1))
    assert nn.confusion(Z, t).tolist() == metrics.confusion_matrix(t, Z.argmax(1)).tolist()
    assert nn.r2(Z[:, 0], Z[:, 1]) == pytest.approx(metrics.r2_score(Z[:, 1], Z[:, 0]))
    assert nn.accuracy(Z, np.eye(4)[t]) == nn.accuracy(Z, t)
    for labels in (t > 1, np.where(t > 1, 1, -1)):
        assert nn.accuracy(Z[:, 0], labels) == np.mean((Z[:, 0] > 0) == (t > 1))
        assert nn.accuracy(Z[:, :1], labels) == nn.accuracy(Z[:, 0], labels)


def test_a_bar_is_shown_where_it_is_wanted(capsys):
    small(progress=True, title="a small one", validation=0.2)
    assert "a small one" in capsys.readouterr().out
    small()
    assert capsys.readouterr().out == ""
