"""An epoch as one loop of machine code: equal to NumPy's steps, cut where Python must listen."""

import signal
import threading

import numpy as np
import pytest

from wengert import nn, tree
from wengert.nn import steps as module
from wengert.nn.steps import Steps

rng = np.random.default_rng(5)
X = rng.normal(size=(150, 6))
LABELS = rng.integers(0, 3, 150)
TARGETS = X @ rng.normal(size=6) + np.sin(X[:, 0])

NETS = {
    "tanh": (lambda d: nn.perceptron([6, 8, 5, 3], activation=np.tanh, dtype=d), nn.cross_entropy),
    "relu": (lambda d: nn.perceptron([6, 16, 3], dtype=d), nn.cross_entropy),
    "one": (lambda d: nn.perceptron([6, 7, 1], dtype=d), nn.squared_error),
}  # fmt: skip
OPTIMIZERS = [
    nn.Descent(0.05), nn.Momentum(0.02), nn.Nesterov(0.02), nn.Adagrad(0.05), nn.RMSprop(1e-3),
    nn.Adam(1e-2), nn.AdamW(1e-2),
]  # fmt: skip


def run(net, optimizer, dtype, **options):
    make, loss = NETS[net]
    y = TARGETS if net == "one" else LABELS
    given = {"epochs": 3, "batch_size": 32, "progress": False} | options
    return nn.train(make(dtype), loss, X, y, optimizer=optimizer, **given)


def close(a, b, dtype):
    """The same to rounding: weights and every column of the history but the time."""
    rtol = 2e-3 if dtype == "f4" else 1e-9
    for x, y in zip(tree.flatten(a.model)[0], tree.flatten(b.model)[0], strict=True):
        assert x.dtype == y.dtype == np.dtype(dtype)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol / 10)
    assert list(a.history) == list(b.history)
    for name in set(a.history) - {"seconds"}:
        np.testing.assert_allclose(a.history[name], b.history[name], rtol=rtol)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("net", NETS)
def test_native_epochs_are_the_interpreters(net, optimizer, dtype, monkeypatch):
    native = run(net, optimizer, dtype)
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")
    close(native, run(net, optimizer, dtype), dtype)


@pytest.mark.parametrize(
    "options",
    [
        {"clip": 0.1, "l2": 1e-2},
        {"weights": rng.uniform(size=150), "validation": 0.2, "metrics": [nn.accuracy]},
        {"class_weight": "balanced", "batch_size": 1},
        {"batch_size": 150},
        {"batch_size": 149},
    ],
    ids=lambda options: "-".join(options),
)
def test_options_change_nothing_about_it(options, monkeypatch):
    native = run("tanh", nn.Adam(1e-2), "f8", **options)
    monkeypatch.setattr(Steps, "_length", lambda self, left: 1)
    close(native, run("tanh", nn.Adam(1e-2), "f8", **options), "f8")


def test_the_rate_of_each_step_is_the_schedules(monkeypatch):
    optimizer = nn.Descent(lambda t: 0.1 / (1 + t))
    native = run("relu", optimizer, "f8")
    assert native.history["rate"][0] == pytest.approx(0.1 / (1 + 128 / 150))
    monkeypatch.setattr(Steps, "_length", lambda self, left: 1)
    close(native, run("relu", optimizer, "f8"), "f8")


def total(carry, batch, rate):
    """A step that adds up its rows."""
    return (carry[0] + batch[0].sum(), ()), carry[0]


def walk(steps, count, size, rows):
    batches = [np.arange(i, min(i + size, rows)) for i in range(0, count * size, size)]
    return list(steps((0.0, ()), batches, np.ones(len(batches))))


@pytest.mark.parametrize(
    ("guess", "lengths"), [(1e-9, [9, 1]), (0.03, [3, 3, 3, 1]), (1, [1] * 10)]
)
def test_a_call_lasts_a_moment(guess, lengths):
    steps = Steps(total, (np.arange(19.0),), guess)
    found = walk(steps, 10, 2, 19)
    assert [len(costs) for _, costs in found] == lengths
    assert found[-1][0][0] == 171
    assert np.concatenate([costs for _, costs in found]).tolist() == [
        sum(range(2 * i)) for i in range(10)
    ]


def test_calls_that_last_too_long_become_shorter(monkeypatch):
    steps = Steps(total, (np.arange(64.0),), 1e-9)
    clock = iter(np.arange(0.0, 1e3, 4.0))  # every look at it is four seconds on
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    lengths = [[len(costs) for _, costs in walk(steps, 32, 2, 64)] for _ in range(3)]
    assert lengths[:2] == [[32], [32]]  # the first call compiles, and tells nothing
    assert lengths[2] == [1] * 32
    assert steps.guess == 2 * 4 / 32


def test_what_no_loop_can_hold_runs_step_by_step():
    def moody(carry, batch, rate):
        w = carry[0]
        return (w + 1 if w.sum() > 2 else w + 2, ()), w.sum()

    steps = Steps(moody, (np.arange(6.0),), 1e-9)
    batches = [np.array([i]) for i in range(4)]
    found = list(steps((np.zeros(1), ()), batches, np.ones(4)))
    assert not steps.scannable
    assert [float(costs[0]) for _, costs in found] == [0, 2, 4, 5]


def test_a_models_own_error_is_the_one_that_is_raised():
    def wrong(z, y):
        raise ValueError("no such loss")

    with pytest.raises(ValueError, match="no such loss"):
        nn.train(nn.linear(6), wrong, X, TARGETS)


def test_the_real_ctrl_c_is_heard_between_the_calls():
    native = run("relu", nn.Adam(), "f4", epochs=10**5, callbacks=[interrupt_soon])
    assert native.interrupted
    assert 1 <= native.best_epoch <= len(native.history["epoch"])
    best = native.history["train_loss"][native.best_epoch - 1]
    assert best == min(native.history["train_loss"])


def interrupt_soon(epoch):
    """Again after many epochs: Python drops an exception that falls into a collector's callback."""
    if epoch.number % 5000 == 1:
        threading.Timer(0.05, lambda: signal.raise_signal(signal.SIGINT)).start()
