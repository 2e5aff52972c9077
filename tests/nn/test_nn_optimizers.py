"""Each rule against its formula in plain Python numbers, and against torch where it is installed."""

import math

import numpy as np
import pytest

import wengert
from wengert import nn, tree
from wengert.nn.optimizers import norm, penalty

GRADS = [0.5, -2.0, 1e-3, 4.0]


def steps(optimizer, w, grads=GRADS, rate=None):
    w, path = np.array([w]), []
    state = optimizer.init(w)
    for g in grads:
        w, state = optimizer.update(w, np.array([g]), state, rate)
        path.append(float(w[0]))
    return path


def test_descent_is_its_formula():
    w, wanted = 1.0, []
    for g in GRADS:
        w -= 0.1 * g
        wanted.append(w)
    assert steps(nn.Descent(0.1), 1.0) == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize("look_ahead", [False, True])
def test_momentum_and_nesterov_are_their_formulas(look_ahead):
    w, v, wanted = 1.0, 0.0, []
    for g in GRADS:
        v = 0.8 * v + g
        w -= 0.1 * (g + 0.8 * v if look_ahead else v)
        wanted.append(w)
    rule = nn.Nesterov if look_ahead else nn.Momentum
    assert steps(rule(0.1, 0.8), 1.0) == pytest.approx(wanted, rel=1e-14)


def test_nesterov_is_its_paper_in_the_looked_ahead_point():
    """v' = μ v − η ∇f(w + μ v), w' = w + v'; ours is w + μ v of it, for f = w²."""
    mu, eta, w, v, wanted = 0.9, 0.05, 1.0, 0.0, []
    for _ in range(5):
        v = mu * v - eta * 2 * (w + mu * v)
        w += v
        wanted.append(w + mu * v)
    x, got = np.array([1.0]), []
    state = nn.Nesterov(eta, mu).init(x)
    for _ in range(5):
        x, state = nn.Nesterov(eta, mu).update(x, 2 * x, state)
        got.append(float(x[0]))
    assert got == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("rho", [None, 0.9])
def test_adagrad_and_rmsprop_are_their_formulas(rho):
    w, s, wanted = 1.0, 0.0, []
    for g in GRADS:
        s = s + g * g if rho is None else rho * s + (1 - rho) * g * g
        w -= 0.1 * g / (math.sqrt(s) + 1e-8)
        wanted.append(w)
    rule = nn.Adagrad(0.1) if rho is None else nn.RMSprop(0.1, decay=rho)
    assert steps(rule, 1.0) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_and_adamw_are_their_formulas(decay):
    w, m, v, wanted = 1.0, 0.0, 0.0, []
    for t, g in enumerate(GRADS, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w -= 0.01 * (step + decay * w)
        wanted.append(w)
    rule = nn.AdamW(0.01, decay=decay) if decay else nn.Adam(0.01)
    assert steps(rule, 1.0) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("ours", "name", "options"),
    [
        (nn.Descent(0.1), "SGD", {"lr": 0.1}),
        (nn.Momentum(0.1, 0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
        (nn.Nesterov(0.1, 0.9), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (nn.Adagrad(0.1), "Adagrad", {"lr": 0.1, "eps": 1e-8}),
        (nn.RMSprop(0.1, decay=0.9), "RMSprop", {"lr": 0.1, "alpha": 0.9}),
        (nn.Adam(0.1), "Adam", {"lr": 0.1}),
        (nn.AdamW(0.1, decay=0.02), "AdamW", {"lr": 0.1, "weight_decay": 0.02}),
    ],
)
def test_twenty_steps_are_torchs(ours, name, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    w, grads = rng.normal(size=(3, 2)), rng.normal(size=(20, 3, 2))
    theirs = torch.tensor(w, requires_grad=True)
    rule, state = getattr(torch.optim, name)([theirs], **options), ours.init(w)
    for g in grads:
        theirs.grad = torch.tensor(g)
        rule.step()
        w, state = ours.update(w, g, state)
    np.testing.assert_allclose(w, theirs.detach().numpy(), rtol=1e-10)


ALL = [
    nn.Descent(0.1), nn.Momentum(0.1), nn.Nesterov(0.1), nn.Adagrad(0.1), nn.RMSprop(0.1),
    nn.Adam(0.1), nn.AdamW(0.1),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", ALL, ids=lambda o: type(o).__name__)
def test_a_jitted_step_of_a_model_is_the_plain_one_and_keeps_float32(optimizer):
    model = nn.perceptron([3, 4, 2], dtype=np.float32)
    grads = tree.map(np.ones_like, model)
    state = optimizer.init(model)
    plain, _ = optimizer.update(model, grads, state)
    rate = np.asarray(0.1, np.float32)
    fast, next_state = wengert.jit(optimizer.update)(model, grads, state, rate)
    for a, b in zip(tree.flatten(plain)[0], tree.flatten(fast)[0], strict=True):
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert all(leaf.dtype == np.float32 for leaf in tree.flatten(next_state)[0])


@pytest.mark.parametrize("optimizer", ALL, ids=lambda o: type(o).__name__)
def test_updates_change_nothing_in_place(optimizer):
    w, g = np.ones(3), np.full(3, 2.0)
    optimizer.update(w, g, optimizer.init(w))
    assert w.tolist() == [1, 1, 1]
    assert g.tolist() == [2, 2, 2]


def test_adamw_shrinks_weights_and_not_offsets():
    model = nn.Dense(np.ones((2, 2)), np.ones(2))
    zero = tree.map(np.zeros_like, model)
    optimizer = nn.AdamW(0.1, decay=0.5)
    after, _ = optimizer.update(model, zero, optimizer.init(model))
    np.testing.assert_allclose(after.W, 0.95)
    np.testing.assert_array_equal(after.b, 1)


def test_clipping_shortens_the_whole_tree_and_leaves_short_ones_alone():
    grads = {"W": np.array([[3.0, 0.0]]), "b": np.array([4.0])}
    short = nn.clip(grads, 1.0)
    assert float(norm(short)) == pytest.approx(1.0)
    np.testing.assert_allclose(short["W"], [[0.6, 0]])
    np.testing.assert_array_equal(nn.clip(grads, 6.0)["b"], grads["b"])
    assert not np.any(nn.clip({"W": np.zeros(2)}, 1.0)["W"])


def test_the_penalty_leaves_offsets_out():
    model = nn.perceptron([2, 3, 1])
    model = tree.map(np.ones_like, model)
    assert penalty(model) == pytest.approx((6 + 3) / 2)


def test_schedules_are_their_formulas():
    cosine = nn.Cosine(1.0, epochs=10, floor=0.2)
    assert [cosine(t) for t in (0, 5, 10, 99)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert [nn.Step(1.0, 3, 0.5)(t) for t in (0, 2.99, 3, 6)] == pytest.approx([1, 1, 0.5, 0.25])
    assert nn.Exponential(2.0, 0.5)(3) == pytest.approx(0.25)
    assert [nn.Warmup(2, 0.1)(t) for t in (0, 1, 2, 9)] == pytest.approx([0, 0.05, 0.1, 0.1])
    assert nn.Constant(0.3)(7) == 0.3
