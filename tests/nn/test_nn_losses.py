"""Values against closed forms and SciPy, gradients against the notes' formulas and differences."""

from functools import partial

import numpy as np
import pytest
import scipy
from sklearn.utils.class_weight import compute_sample_weight

import wengert
from wengert import nn
from wengert.errors import InputError, ShapeError
from wengert.nn.losses import check_labels

special, rng = scipy.special, np.random.default_rng(0)
z, Z = rng.normal(size=7), rng.normal(size=(7, 4))
signs, bits = np.array([1, -1, 1, 1, -1, -1, 1]), np.array([1, 0, 1, 1, 0, 0, 1])
labels = rng.integers(0, 4, 7)
one_hot = np.eye(4)[labels]
real, counts = rng.normal(size=7), rng.poisson(2.0, 7)
p, P = special.expit(z), special.softmax(Z, axis=1)
shares = special.softmax(rng.normal(size=(7, 4)), axis=1)

# fmt: off
CASES = [  # name, loss, outputs, y, what q_i is, what dq_i/dz is
    ("logistic",     nn.logistic,             z, signs,   -special.log_expit(signs * z),                      -signs * special.expit(-signs * z)),
    ("binary",       nn.binary_cross_entropy, z, bits,    -special.log_expit((2 * bits - 1) * z),             special.expit(z) - bits),
    ("soft binary",  nn.binary_cross_entropy, z, p[::-1], np.logaddexp(0, z) - p[::-1] * z,                   special.expit(z) - p[::-1]),
    ("labels",       nn.cross_entropy,        Z, labels,  -special.log_softmax(Z, axis=1)[range(7), labels],  P - one_hot),
    ("one-hot",      nn.cross_entropy,        Z, one_hot, -special.log_softmax(Z, axis=1)[range(7), labels],  P - one_hot),
    ("distribution", nn.cross_entropy,        Z, shares,  -np.sum(shares * special.log_softmax(Z, 1), 1),     P - shares),
    ("of p",         nn.binary_cross_entropy_of_probabilities, p, bits, -special.log_expit((2 * bits - 1) * z), -bits / p + (1 - bits) / (1 - p)),
    ("of P, labels", nn.cross_entropy_of_probabilities, P, labels, -np.log(P[range(7), labels]),              -one_hot / P),
    ("of P, shares", nn.cross_entropy_of_probabilities, P, shares, -np.sum(special.xlogy(shares, P), 1),      -shares / P),
    ("KL",           nn.kl_divergence,        P, shares,  np.sum(special.rel_entr(shares, P), 1),             -shares / P),
    ("squared",      nn.squared_error,        z, real,    (z - real) ** 2,                                    2 * (z - real)),
    ("squared k",    nn.squared_error,        Z, shares,  np.sum((Z - shares) ** 2, 1),                       2 * (Z - shares)),
    ("Huber",        nn.huber,                z, real,    special.huber(1.0, z - real),                       np.clip(z - real, -1, 1)),
    ("Huber .3",     partial(nn.huber, delta=0.3), z, real, special.huber(0.3, z - real),                     np.clip(z - real, -0.3, 0.3)),
    ("median",       nn.quantile,             z, real,    np.abs(z - real) / 2,                               np.sign(z - real) / 2),
    ("quantile .9",  partial(nn.quantile, tau=0.9), z, real, np.where(real > z, 0.9, -0.1) * (real - z),      np.where(real > z, -0.9, 0.1)),
    ("Poisson",      nn.poisson,              z, counts,  np.exp(z) - counts * z,                             np.exp(z) - counts),
]
# fmt: on
cases = pytest.mark.parametrize(
    ("loss", "out", "y", "q", "dq"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)


@cases
def test_each_cost_is_its_closed_form(loss, out, y, q, dq):
    np.testing.assert_allclose(loss(out, y, reduction="none"), q, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(loss(out, y), q.mean(), rtol=1e-13)
    np.testing.assert_allclose(loss(out, y, reduction="sum"), q.sum(), rtol=1e-13)


@cases
def test_the_gradient_is_the_notes(loss, out, y, q, dq):
    got = wengert.grad(lambda out: loss(out, y, reduction="sum"))(out)
    np.testing.assert_allclose(got, dq, rtol=1e-12, atol=1e-14)


@cases
def test_the_gradient_is_the_difference_quotient(loss, out, y, q, dq):
    h, direction = 1e-6, np.random.default_rng(1).normal(size=out.shape)
    quotient = (loss(out + h * direction, y) - loss(out - h * direction, y)) / (2 * h)
    got = np.sum(wengert.grad(lambda out: loss(out, y))(out) * direction)
    np.testing.assert_allclose(got, quotient, rtol=1e-6)


@cases
def test_jit_with_the_labels_as_argument_changes_nothing(loss, out, y, q, dq):
    np.testing.assert_allclose(wengert.jit(loss)(out, y), q.mean(), rtol=1e-13)


@cases
def test_a_weight_of_two_is_a_sample_given_twice(loss, out, y, q, dq):
    w = np.array([1.0, 2.0, 1.0, 0.0, 1.0, 3.0, 1.0])
    twice = np.repeat(np.arange(7), w.astype(int))
    np.testing.assert_allclose(loss(out, y, weights=w), loss(out[twice], y[twice]), rtol=1e-13)


@cases
def test_float32_stays_float32(loss, out, y, q, dq):
    got = loss(out.astype(np.float32), y, reduction="none")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, q, rtol=2e-5, atol=1e-6)


def both(loss, out, y):
    out = np.array(out)
    with np.errstate(all="ignore"):
        return wengert.value_and_grad(lambda o: loss(o, np.array(y), reduction="sum"))(out)


@pytest.mark.parametrize(
    ("loss", "out", "y", "value", "gradient"),
    [
        (nn.cross_entropy, [[1e4, -1e4]], [1], 20000, [[1, -1]]),
        (nn.cross_entropy, [[1e4, -1e4]], [[0.0, 1.0]], 20000, [[1, -1]]),
        (nn.cross_entropy, [[0.0, -np.inf]], [1], np.inf, [[1, -1]]),
        (nn.cross_entropy, [[0.0, -np.inf]], [0], 0, [[0, 0]]),
        (nn.cross_entropy, [[0.0, -np.inf]], [[1.0, 0.0]], 0, [[0, 0]]),
        (nn.cross_entropy, [[1000.0, 1000.0]], [0], np.log(2), [[-0.5, 0.5]]),
        (nn.logistic, [1000.0, -1000.0], [1, -1], 0, [0, 0]),
        (nn.logistic, [1000.0, -1000.0], [-1, 1], 2000, [1, -1]),
        (nn.logistic, [40.0], [1], 4.248354255291589e-18, [-4.248354255291589e-18]),
        (nn.logistic, [np.inf, -np.inf], [1, -1], 0, [0, 0]),
        (nn.binary_cross_entropy, [1000.0, -1000.0], [0, 1], 2000, [1, -1]),
        (nn.binary_cross_entropy, [40.0], [1], 4.248354255291589e-18, [0]),  # σ(z) − y rounds
        (nn.binary_cross_entropy, [np.inf, -np.inf], [1, 0], 0, [0, 0]),
        (nn.kl_divergence, [[0.7, 0.3]], [[0.7, 0.3]], 0, [[-1, -1]]),
        (nn.binary_cross_entropy_of_probabilities, [0.0], [0], 0, [1]),
        (nn.binary_cross_entropy_of_probabilities, [1.0], [1], 0, [-1]),
        (nn.binary_cross_entropy_of_probabilities, [0.0], [1], np.inf, [-np.inf]),
        (nn.kl_divergence, [[0.7, 0.3]], [[1.0, 0.0]], 0.35667494393873245, [[-1 / 0.7, 0]]),
        (nn.kl_divergence, [[1.0, 0.0]], [[1.0, 0.0]], 0, [[-1, 0]]),
        (nn.cross_entropy_of_probabilities, [[1.0, 0.0]], [0], 0, [[-1, 0]]),
        (nn.huber, [1.0, -1.0], [0.0, 0.0], 1.0, [1, -1]),
    ],
)
def test_delicate_points(loss, out, y, value, gradient):
    q, dq = both(loss, out, y)
    np.testing.assert_allclose(q, value, rtol=1e-15)
    np.testing.assert_allclose(dq, gradient, rtol=1e-15, atol=0)


def test_a_column_meets_a_vector_and_nothing_else_broadcasts():
    assert nn.squared_error(np.ones((3, 1)), np.zeros(3)) == 1
    for loss in (nn.squared_error, nn.logistic, nn.huber, nn.poisson):
        with pytest.raises(ShapeError, match=r"shape \(3,\).*shape \(3, 1\)"):
            loss(np.ones(3), np.ones((3, 1)))
    with pytest.raises(ShapeError):
        nn.cross_entropy(np.ones((3, 2)), np.array([0, 1]))
    with pytest.raises(ShapeError, match="one weight per sample"):
        nn.squared_error(np.ones(3), np.ones(3), weights=np.ones(2))


def test_mistakes_have_three_sentences():
    with pytest.raises(InputError, match=r"The label 3 .*test_nn_losses.* labels 0 to 2\."):
        nn.cross_entropy(np.zeros((2, 3)), np.array([0, 3]))
    with pytest.raises(InputError, match="The label -1"):
        nn.cross_entropy(np.zeros((2, 3)), np.array([-1, 2]))
    with pytest.raises(InputError, match="no reduction 'median'"):
        nn.squared_error(z, real, reduction="median")


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        (nn.logistic, [0, 1, 1], "for 0 and 1 there is binary_cross_entropy"),
        (nn.binary_cross_entropy, [-1, 1, 1], r"for -1 and \+1 there is logistic"),
        (nn.poisson, [1, 2, -1], "counts"),
        (partial(nn.huber, delta=2.0), [0, np.inf, 1], "finite"),
    ],
)
def test_labels_of_the_wrong_kind_are_named(loss, y, words):
    with pytest.raises(InputError, match=words):
        check_labels(loss, (3,), np.array(y))


def test_float_labels_for_a_cross_entropy_are_refused():
    with pytest.raises(InputError, match="integers"):
        check_labels(nn.cross_entropy, (3, 4), np.array([0.0, 1.0, 2.0]))


def test_class_weights_are_scikit_learns():
    y = rng.integers(0, 3, 40)
    np.testing.assert_allclose(
        nn.class_weights(y, "balanced"), compute_sample_weight("balanced", y)
    )
    asked = {0: 2.0, 2: 0.5, 1: 1.0}
    np.testing.assert_allclose(nn.class_weights(y, asked), compute_sample_weight(asked, y))
    np.testing.assert_allclose(nn.class_weights(y, [2, 1, 0.5]), compute_sample_weight(asked, y))
    with pytest.raises(InputError, match="balanced"):
        nn.class_weights(y, [1.0, 2.0])


def test_a_traced_label_out_of_range_is_an_index_error():
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        wengert.jit(nn.cross_entropy)(np.zeros((2, 3)), np.array([0, 3]))
