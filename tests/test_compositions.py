"""logsumexp, softmax, the cross-entropies and activations by their own names: values and gradients."""

import numpy as np
import pytest
import scipy

import wengert
from wengert.errors import InputError
from wengert.ir.primitive import REGISTRY
from wengert.trace.spellings import special as own

pytestmark = pytest.mark.usefixtures("numpy_calls")  # bits are compared

special = scipy.special
Z = np.random.default_rng(0).normal(size=(4, 3)) * 3
Y = special.softmax(np.random.default_rng(1).normal(size=(4, 3)), axis=1)
LABELS = np.array([0, 2, 1, 1])
ONE_HOT = np.eye(3)[LABELS]
P = special.softmax(Z / 4, axis=1)
inf = np.inf

# fmt: off
# name: (ours, the plain NumPy of it, where)
TABLE = {
    "logsumexp":             (own.logsumexp, special.logsumexp, Z),
    "logsumexp, axis":       (lambda z: own.logsumexp(z, axis=0), lambda z: special.logsumexp(z, axis=0), Z),
    "logsumexp, axes":       (lambda z: own.logsumexp(z, axis=(0, -1)), lambda z: special.logsumexp(z, axis=(0, 1)), Z),
    "logsumexp, keepdims":   (lambda z: own.logsumexp(z, axis=1, keepdims=True), lambda z: special.logsumexp(z, axis=1, keepdims=True), Z),
    "logsumexp, b":          (lambda z: own.logsumexp(z, axis=1, b=Y), lambda z: special.logsumexp(z, axis=1, b=Y), Z),
    "logsumexp, of b":       (lambda b: own.logsumexp(Z, axis=1, b=b), lambda b: special.logsumexp(Z, axis=1, b=b), Y),
    "logsumexp, b a row":    (lambda z: own.logsumexp(z, b=np.array([1., 0., 2.])), lambda z: special.logsumexp(z, b=np.array([1., 0., 2.])), Z),
    "softmax":               (own.softmax, lambda z: special.softmax(z, axis=-1), Z),
    "softmax, axis":         (lambda z: own.softmax(z, axis=0), lambda z: special.softmax(z, axis=0), Z),
    "softmax, all":          (lambda z: own.softmax(z, axis=None), special.softmax, Z),
    "log_softmax":           (own.log_softmax, lambda z: special.log_softmax(z, axis=-1), Z),
    "softmax_cross_entropy": (lambda z: own.softmax_cross_entropy(z, Y), lambda z: -np.sum(Y * special.log_softmax(z, axis=1), 1), Z),
    "of labels":             (lambda z: own.softmax_cross_entropy(z, LABELS), lambda z: -special.log_softmax(z, axis=1)[np.arange(4), LABELS], Z),
    "of columns":            (lambda z: own.softmax_cross_entropy(z, LABELS, axis=0), lambda z: -special.log_softmax(z, axis=0)[LABELS, np.arange(4)], Z.T),
    "of weights":            (lambda z: own.softmax_cross_entropy(z, 3 * Y), lambda z: -np.sum(3 * Y * special.log_softmax(z, axis=1), 1), Z),
    "in the labels":         (lambda y: own.softmax_cross_entropy(Z, y), lambda y: -np.sum(y * special.log_softmax(Z, axis=1), 1), Y),
    "softmax_entropy":       (own.softmax_entropy, lambda z: np.sum(special.entr(special.softmax(z, axis=1)), 1), Z),
    "sigmoid_cross_entropy": (lambda z: own.sigmoid_cross_entropy(z, Y), lambda z: -Y * special.log_expit(z) - (1 - Y) * special.log_expit(-z), Z),
    "logistic_loss":         (lambda z: own.logistic_loss(z, 2 * ONE_HOT - 1), lambda z: -special.log_expit((2 * ONE_HOT - 1) * z), Z),
    "cross_entropy":         (lambda p: own.cross_entropy(p, LABELS), lambda p: -np.log(p[np.arange(4), LABELS]), P),
    "cross_entropy, Y":      (lambda p: own.cross_entropy(p, Y), lambda p: -np.sum(Y * np.log(p), 1), P),
    "binary_cross_entropy":  (lambda p: own.binary_cross_entropy(p, Y), lambda p: -Y * np.log(p) - (1 - Y) * np.log(1 - p), P),
    "kl_divergence in q":    (lambda q: own.kl_divergence(Y, q), lambda q: np.sum(special.rel_entr(Y, q), 1), P),
    "kl_divergence in p":    (lambda p: own.kl_divergence(p, Y), lambda p: np.sum(special.rel_entr(p, Y), 1), P),
    "entropy":               (own.entropy, lambda p: np.sum(special.entr(p), 1), P),
    "sigmoid":               (own.sigmoid, special.expit, Z),
    "log_sigmoid":           (own.log_sigmoid, special.log_expit, Z),
    "softplus":              (own.softplus, lambda z: np.log(1 + np.exp(z)), Z),
    "relu":                  (own.relu, lambda z: z * (z > 0), Z),
    "leaky_relu":            (lambda z: own.leaky_relu(z, slope=.2), lambda z: np.where(z > 0, z, .2 * z), Z),
    "elu":                   (lambda z: own.elu(z, alpha=1.5), lambda z: np.where(z > 0, z, 1.5 * np.expm1(z)), Z),
    "selu":                  (own.selu, lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)), Z),
    "gelu":                  (own.gelu, lambda z: z / 2 * (1 + special.erf(z / np.sqrt(2))), Z),
    "gelu, approximate":     (lambda z: own.gelu(z, approximate=True), lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + .044715 * z**3))), Z),
    "silu":                  (own.silu, lambda z: z * special.expit(z), Z),
    "mish":                  (own.mish, lambda z: z * np.tanh(np.log1p(np.exp(z))), Z),
    "softsign":              (own.softsign, lambda z: z / (1 + np.abs(z)), Z),
    "hard_tanh":             (own.hard_tanh, lambda z: np.clip(z, -1, 1), Z),
}
# fmt: on
ROWS = [pytest.param(*row, id=name) for name, row in TABLE.items()]
STEP = 1e-3
V = np.cos(np.arange(12.0)).reshape(4, 3)


def difference(f, x, v):
    y = [np.asarray(f(x + k * STEP * v)) for k in (-2, -1, 1, 2)]
    return (y[0] - 8 * y[1] + 8 * y[2] - y[3]) / (12 * STEP)


@pytest.mark.parametrize(("ours", "plain", "x"), ROWS)
def test_value_and_both_modes(ours, plain, x):
    v = V.reshape(x.shape)
    y, dy = wengert.jvp(ours, (x,), (v,))
    np.testing.assert_allclose(y, plain(x), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours(x), y)
    np.testing.assert_allclose(dy, difference(plain, x, v), rtol=1e-7, atol=1e-8)
    u = np.sin(1 + np.arange(np.size(y), dtype=float)).reshape(np.shape(y))
    (dx,) = wengert.vjp(ours, x)[1](u)
    np.testing.assert_allclose(np.sum(dx * v), np.sum(u * dy), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("ours", "plain", "x"), ROWS)
def test_second_order(ours, plain, x):
    v = V.reshape(x.shape)
    u = np.sin(1 + np.arange(np.size(plain(x)), dtype=float)).reshape(np.shape(plain(x)))
    g = wengert.grad(lambda x: np.sum(u * ours(x)))
    np.testing.assert_allclose(
        wengert.hvp(lambda x: np.sum(u * ours(x)), (x,), (v,)), difference(g, x, v), atol=1e-6
    )


@pytest.mark.parametrize(("ours", "plain", "x"), ROWS)
def test_jit_vmap_and_float32(ours, plain, x):
    np.testing.assert_array_equal(wengert.jit(ours)(x), ours(x))
    if x.shape == (4, 3) and np.shape(plain(x)) == x.shape and np.shape(ours(x[0])) == (3,):
        rows = np.stack([ours(row) for row in x])
        np.testing.assert_allclose(wengert.vmap(ours)(x), rows, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", [n for n in own.__all__ if n not in ("polygamma", "multigammaln")])
def test_float32_stays(name):
    f, x = getattr(own, name), P.astype(np.float32)
    two = "entropy" in name and name not in ("entropy", "softmax_entropy")
    args = (x, Y.astype(np.float32)) if two or name in ("kl_divergence", "logistic_loss") else (x,)
    y, g = wengert.value_and_grad(lambda x: np.sum(f(x, *args[1:])))(x)
    assert y.dtype == g.dtype == f(*args).dtype == np.float32


# fmt: off
TORCH = {
    "logsumexp": (lambda z: own.logsumexp(z, axis=1), lambda t, F, z: t.logsumexp(z, 1), Z),
    "softmax": (own.softmax, lambda t, F, z: t.softmax(z, 1), Z),
    "log_softmax": (own.log_softmax, lambda t, F, z: t.log_softmax(z, 1), Z),
    "cross-entropy of labels": (lambda z: own.softmax_cross_entropy(z, LABELS), lambda t, F, z: F.cross_entropy(z, t.tensor(LABELS), reduction="none"), Z),
    "cross-entropy of Y": (lambda z: own.softmax_cross_entropy(z, Y), lambda t, F, z: F.cross_entropy(z, t.tensor(Y), reduction="none"), Z),
    "sigmoid_cross_entropy": (lambda z: own.sigmoid_cross_entropy(z, Y), lambda t, F, z: F.binary_cross_entropy_with_logits(z, t.tensor(Y), reduction="none"), Z),
    "binary_cross_entropy": (lambda p: own.binary_cross_entropy(p, Y), lambda t, F, p: F.binary_cross_entropy(p, t.tensor(Y), reduction="none"), P),
    "logistic_loss": (lambda z: own.logistic_loss(z, 2 * ONE_HOT - 1), lambda t, F, z: F.soft_margin_loss(z, t.tensor(2 * ONE_HOT - 1), reduction="none"), Z),
    "kl_divergence": (lambda q: own.kl_divergence(Y, q), lambda t, F, q: F.kl_div(q.log(), t.tensor(Y), reduction="none").sum(1), P),
    "leaky_relu": (own.leaky_relu, lambda t, F, z: F.leaky_relu(z), Z), "elu": (own.elu, lambda t, F, z: F.elu(z), Z), "selu": (own.selu, lambda t, F, z: F.selu(z), Z),
    "gelu": (own.gelu, lambda t, F, z: F.gelu(z), Z), "gelu, approximate": (lambda z: own.gelu(z, approximate=True), lambda t, F, z: F.gelu(z, approximate="tanh"), Z),
    "silu": (own.silu, lambda t, F, z: F.silu(z), Z), "mish": (own.mish, lambda t, F, z: F.mish(z), Z), "softsign": (own.softsign, lambda t, F, z: F.softsign(z), Z),
    "hard_tanh": (own.hard_tanh, lambda t, F, z: F.hardtanh(z), Z), "softplus": (own.softplus, lambda t, F, z: F.softplus(z), Z), "log_sigmoid": (own.log_sigmoid, lambda t, F, z: F.logsigmoid(z), Z),
}
# fmt: on


@pytest.mark.parametrize("name", TORCH)
def test_torch_agrees(name):
    torch = pytest.importorskip("torch")
    ours, theirs, x = TORCH[name]
    t = torch.tensor(x, requires_grad=True)
    y = theirs(torch, torch.nn.functional, t)
    u = np.sin(1 + np.arange(y.numel(), dtype=float)).reshape(y.shape)
    (y * torch.tensor(u)).sum().backward()
    np.testing.assert_allclose(ours(x), y.detach().numpy(), rtol=1e-12, atol=1e-15)
    dx = wengert.grad(lambda x: np.sum(u * ours(x)))(x)
    np.testing.assert_allclose(dx, t.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_the_gradient_is_p_minus_y():
    p = own.softmax(Z)
    mean = wengert.grad(lambda z: np.sum(own.softmax_cross_entropy(z, LABELS)))(Z)
    np.testing.assert_allclose(mean, p - ONE_HOT, rtol=1e-14, atol=1e-16)
    z = Z[:, 0]
    one = wengert.grad(lambda z: np.sum(own.sigmoid_cross_entropy(z, ONE_HOT[:, 0])))(z)
    np.testing.assert_allclose(one, own.sigmoid(z) - ONE_HOT[:, 0], rtol=1e-14)


def test_names_stay_for_the_reader():
    text = str(wengert.trace(lambda z: np.mean(own.softmax_cross_entropy(z, Y)))(Z))
    assert "softmax_cross_entropy" in text
    assert "exp" not in text.replace("cross_entropy", "")


def test_digits_survive_where_one_entry_is_far_ahead():
    """log sum exp [0, -40] = log1p(e^-40): not lost beside the 0."""
    assert own.logsumexp([0.0, -40.0]) == np.log1p(np.exp(-40))
    assert own.log_softmax([40.0, 0.0])[0] == -np.log1p(np.exp(-40))
    assert own.softmax_cross_entropy([40.0, 0.0], 0) == np.log1p(np.exp(-40))


def test_float32_shares_sum_to_one_far_from_zero():
    x = np.array([1000.0, 1000.5, 999.0], np.float32)
    p = wengert.grad(own.logsumexp)(x)
    np.testing.assert_allclose(p, special.softmax(x.astype(float)), rtol=3e-7)


def test_infinities():
    np.testing.assert_array_equal(own.logsumexp([inf, 0.0]), inf)
    np.testing.assert_array_equal(own.logsumexp([-inf, -inf]), -inf)
    np.testing.assert_array_equal(own.logsumexp([[-inf], [1.0]], axis=1), [-inf, 1.0])
    np.testing.assert_array_equal(own.logsumexp([0.0, inf], b=[1.0, 0.0]), 0.0)
    np.testing.assert_array_equal(own.sigmoid_cross_entropy([inf, -inf], [1, 0]), [0, 0])
    assert np.isnan(own.logsumexp([np.nan, 0.0]))
    assert own.logsumexp(np.zeros((0,))) == -inf


def test_masked_entries_get_no_gradient_and_spoil_none():
    def f(x):
        masked = np.where(np.array([True, False, True]), x, -inf)
        return own.logsumexp(masked) + np.sum(own.log_softmax(masked)[:1])

    with np.errstate(all="raise", under="ignore"):
        g = wengert.grad(f)(np.array([1.0, 2.0, 3.0]))
    assert g[1] == 0
    assert np.all(np.isfinite(g))


def test_lists_and_integers_are_taken():
    np.testing.assert_allclose(own.softmax([[0, 0], [0, 0]]), np.full((2, 2), 0.5))
    assert own.logsumexp([0, 0]).dtype == np.float64
    assert own.relu(3) == 3.0
    assert own.kl_divergence([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))


def test_a_list_of_traced_values_is_taken():
    g = wengert.grad(lambda x: own.logsumexp([x, 2 * x]))(1.0)
    p = special.softmax([1.0, 2.0])
    np.testing.assert_allclose(g, p[0] + 2 * p[1])


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0.5, 1.0]])
def test_labels_that_no_class_has(labels):
    with pytest.raises(InputError):
        own.softmax_cross_entropy(np.zeros((2, 3)), np.array(labels))


def test_labels_traced_by_jit():
    f = wengert.jit(lambda z, y: np.sum(own.softmax_cross_entropy(z, y)))
    want = np.sum(own.softmax_cross_entropy(Z, LABELS))
    np.testing.assert_allclose(f(Z, LABELS), want, rtol=1e-15)


def test_every_activation_agrees_with_its_definition():
    x = np.linspace(-3, 3, 7)
    for name in ("softplus", "log_sigmoid", "gelu", "gelu_tanh", "silu", "mish", "sigmoid"):
        record = REGISTRY.primitives[name]
        np.testing.assert_allclose(record(x), record.definition(x), rtol=1e-13)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "softplus", "log_sigmoid", "selu"])
def test_tails_are_finite(name):
    f = getattr(own, name)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        g = wengert.grad(lambda x: np.sum(f(x)))(np.array([-1e3, -40.0, 0.0, 40.0, 1e3]))
        assert np.all(np.isfinite(g))
