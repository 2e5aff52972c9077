"""Layers, their start, and what an activation does to a signal."""

import warnings

import numpy as np
import pytest
import scipy

import wengert
from wengert import nn, tree
from wengert.errors import DtypeError, InputError, ShapeError
from wengert.nn import init
from wengert.nn.moments import kinks, moments


def test_a_perceptron_is_its_formula():
    model = nn.perceptron([3, 5, 4, 2], activation=[np.tanh, nn.relu], out=nn.sigmoid, seed=3)
    X = np.random.default_rng(0).normal(size=(6, 3))
    A = np.tanh(X @ model.layers[0].W + model.layers[0].b)
    A = np.maximum(A @ model.layers[1].W + model.layers[1].b, 0)
    Z = A @ model.layers[2].W + model.layers[2].b
    np.testing.assert_allclose(model(X), 1 / (1 + np.exp(-Z)), rtol=1e-14)


def test_the_gradient_of_a_model_is_a_model():
    model, X = nn.perceptron([3, 4, 2], activation=nn.tanh), np.ones((5, 3))
    y = np.array([0, 1, 1, 0, 1])
    Q, dQ = wengert.value_and_grad(lambda model: nn.cross_entropy(model(X), y))(model)
    assert type(dQ) is nn.Perceptron
    assert dQ.layers[0].W.shape == (3, 4)
    h, down = 1e-6, tree.map(lambda w, g: w - 1e-6 * g, model, dQ)
    slope = sum(np.sum(g * g) for g in tree.flatten(dQ)[0])
    assert (nn.cross_entropy(down(X), y) - Q) / h == pytest.approx(-slope, rel=1e-4)


def test_a_linear_model_starts_at_zero_and_has_the_notes_shapes():
    w, W = nn.linear(4), nn.linear(4, 3)
    assert (w.W.shape, w.b.shape, w(np.ones((7, 4))).shape) == ((4,), (), (7,))
    assert (W.W.shape, W.b.shape, W(np.ones((7, 4))).shape) == ((4, 3), (3,), (7, 3))
    assert not W.W.any()


def test_equal_seeds_give_equal_bits_and_others_dont():
    a, b, c = (nn.perceptron([5, 6, 2], seed=seed) for seed in (1, 1, 2))
    same = [
        x.tobytes() == y.tobytes()
        for x, y in zip(*(tree.flatten(m)[0] for m in (a, b)), strict=True)
    ]
    assert all(same)
    assert a.layers[0].W.tobytes() != c.layers[0].W.tobytes()


@pytest.mark.parametrize("widths", [[3], [3, 0, 2], [3, 2.5], [-1, 2]])
def test_widths_that_make_no_sense_are_refused(widths):
    with pytest.raises(InputError, match="positive integers"):
        nn.perceptron(widths)


def test_other_mistakes_are_named():
    with pytest.raises(ShapeError, match=r"\(3, 4\).*\(5, 2\).*3 columns"):
        nn.perceptron([3, 4, 2])(np.ones((5, 2)))
    with pytest.raises(DtypeError, match="int64"):
        nn.perceptron([3, 2], dtype=np.int64)
    with pytest.raises(InputError, match="lecun, glorot, he, auto"):
        nn.perceptron([3, 2], init="xavier")
    with pytest.raises(InputError, match="2 hidden layers"):
        nn.perceptron([3, 4, 4, 2], activation=[nn.relu])


@pytest.mark.parametrize(
    ("draw", "variance"),
    [(init.lecun, 1 / 400), (init.he, 2 / 400), (init.glorot, 2 / 700), (init.auto, 2 / 400)],
)
def test_starts_have_the_variance_of_their_source(draw, variance):
    W = draw(np.random.default_rng(0), 400, 300, nn.relu)
    assert W.shape == (400, 300)
    assert W.var() == pytest.approx(variance, rel=0.02)
    assert abs(W.mean()) < 3e-4


def test_glorot_is_uniform_within_its_bound():
    W = init.glorot(np.random.default_rng(0), 400, 300, nn.relu)
    assert np.abs(W).max() == pytest.approx(np.sqrt(6 / 700), rel=1e-3)


def test_auto_says_that_no_gain_mends_a_deep_sigmoid():
    with pytest.warns(UserWarning, match="No gain up to 4 .* sigmoid"):
        model = nn.perceptron([50, 40, 2], activation=nn.sigmoid, init="auto")
    assert model.layers[0].W.var() == pytest.approx(2 / 90, rel=0.1)


def test_the_users_own_start_is_taken():
    model = nn.perceptron([2, 3], init=lambda rng, n, m, g: np.full((n, m), 0.5))
    np.testing.assert_array_equal(model.layers[0].W, 0.5)


def by_sampling(g, q, n=2_000_001):
    normal = scipy.special.ndtri((np.arange(n) + 0.5) / n)
    return float(np.mean(g(np.sqrt(q) * normal) ** 2))


@pytest.mark.parametrize("q", [1e-12, 0.01, 1.0, 30.0])
def test_moments_have_their_closed_forms(q):
    np.testing.assert_allclose(moments(nn.relu).signal(q), q / 2, rtol=1e-12)
    np.testing.assert_allclose(moments(nn.relu).gradient(q), 0.5, rtol=1e-12)
    np.testing.assert_allclose(moments(np.sin).signal(q), -np.expm1(-2 * q) / 2, rtol=1e-11)
    np.testing.assert_allclose(moments(np.sin).gradient(q), (1 + np.exp(-2 * q)) / 2, rtol=1e-11)
    np.testing.assert_allclose(moments(np.tanh).signal(q), by_sampling(np.tanh, q), rtol=1e-5)


def test_kinks_are_found_where_they_are_and_nowhere_else():
    def hat(z):
        return np.where(np.abs(z - 0.3) < 1.1, 1.1 - np.abs(z - 0.3), 0.0)

    np.testing.assert_allclose(kinks(hat), [-0.8, 0.3, 1.4], atol=1e-9)
    np.testing.assert_allclose(kinks(nn.relu), [0], atol=1e-9)
    for smooth in (np.tanh, nn.sigmoid, np.sin, nn.softplus, nn.identity):
        assert kinks(smooth).size == 0


def test_moments_of_a_kinked_activation_are_exact_across_the_kink():
    """E max(z, 1/2)² for z ~ N(0, 1), by hand: 1/4 Φ(1/2) + 1 − Φ(1/2) + φ(1/2)/2."""
    ndtr, phi = scipy.special.ndtr(0.5), np.exp(-1 / 8) / np.sqrt(2 * np.pi)
    got = moments(lambda z: np.where(z > 0.5, z, 0.5)).signal(1.0)
    np.testing.assert_allclose(got, ndtr / 4 + 1 - ndtr + phi / 2, rtol=1e-12)


def test_gains_are_the_known_ones():
    assert nn.gain(nn.relu) == pytest.approx(np.sqrt(2), abs=1e-9)
    assert nn.gain(np.tanh) == pytest.approx(1.28, abs=0.01)
    assert nn.gain(nn.elu) == pytest.approx(1.22, abs=0.005)
    assert nn.gain(nn.sigmoid) is None


def test_an_activation_that_mixes_entries_is_refused():
    with pytest.raises(InputError, match="entry by entry"):
        nn.gain(lambda z: np.sum(z))


@pytest.mark.parametrize(
    ("activation", "vanishes"),
    [(nn.sigmoid, True), (nn.tanh, False), (nn.relu, False), (nn.elu, False), (np.sin, False)],
)
def test_twenty_layers_are_predicted_within_a_fifth(activation, vanishes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.perceptron([200] * 21 + [10], activation=activation, init="auto", seed=1)
    report = nn.signals(model, np.random.default_rng(0).normal(size=(100, 200)))
    assert report.gradient == pytest.approx(report.gradient_measured, rel=0.25)
    for layer in report.layers:
        assert layer.gradient == pytest.approx(layer.gradient_measured, rel=0.2)
    for layer in report.layers[:-1]:  # the last has ten units, too few for a mean
        assert layer.signal == pytest.approx(layer.signal_measured, rel=0.2)
    assert (report.gradient_measured < 1e-9) == vanishes
    assert ("No gain mends sigmoid" in str(report)) == vanishes
    assert ("Healthy" in str(report)) != vanishes


def test_exploding_gradients_get_advice():
    big = nn.perceptron([100] * 12 + [3], activation=nn.tanh, seed=0)
    big = tree.map(lambda w: 2.5 * w, big)
    report = nn.signals(big, np.random.default_rng(0).normal(size=(50, 100)))
    assert report.gradient_measured > 10
    assert "explode" in report.advice
    assert "(1.28)²/n" in report.advice


def test_signals_measure_the_gradient_of_a_given_loss():
    model, rng = nn.perceptron([4, 5, 3], activation=nn.tanh), np.random.default_rng(0)
    X, y = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    report = nn.signals(model, X, y, nn.cross_entropy)
    Z = model.layers[0].affine(X)
    P = np.exp(model(X)) / np.exp(model(X)).sum(axis=1, keepdims=True)
    dZ2 = (P - np.eye(3)[y]) / 8
    dZ1 = (dZ2 @ model.layers[1].W.T) * (1 - np.tanh(Z) ** 2)
    wanted = np.linalg.norm(dZ1) / np.linalg.norm(dZ2)
    assert report.layers[0].gradient_measured == pytest.approx(wanted, rel=1e-12)


def test_signals_of_something_else_are_refused():
    with pytest.raises(DtypeError, match="Perceptron or Dense"):
        nn.signals({"W": np.ones(2)}, np.ones((2, 2)))
