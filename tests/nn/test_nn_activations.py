import numpy as np
import pytest
import scipy

import wengert
from wengert import nn
from wengert.nn.activations import NAMED

special = scipy.special
Z = np.array([-30.0, -3.0, -0.7, -1e-3, 1e-3, 0.4, 2.0, 30.0])
BY_SCIPY = {
    "identity": lambda z: z,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, special.expm1(z)),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
}


def slope(g, z):
    return wengert.grad(lambda z: np.sum(g(z)))(np.asarray(z, dtype=float))


@pytest.mark.parametrize("name", NAMED)
def test_values_are_scipys(name):
    np.testing.assert_allclose(NAMED[name](Z), BY_SCIPY[name](Z), rtol=1e-14)


@pytest.mark.parametrize("name", NAMED)
def test_slopes_are_the_derivatives(name):
    h = 1e-6
    central = (BY_SCIPY[name](Z + h) - BY_SCIPY[name](Z - h)) / (2 * h)
    np.testing.assert_allclose(slope(NAMED[name], Z), central, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", NAMED)
def test_jit_and_float32_keep_value_and_dtype(name):
    z = Z.astype(np.float32)
    got = wengert.jit(NAMED[name])(z)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, NAMED[name](z), rtol=1e-6)


def test_the_notes_identity_ties_tanh_to_the_sigmoid():
    z = np.linspace(-20, 20, 401)
    np.testing.assert_allclose(nn.tanh(z), 2 * (nn.sigmoid(2 * z) - 0.5), atol=3e-16)
    np.testing.assert_allclose(slope(nn.tanh, z), 4 * slope(nn.sigmoid, 2 * z), rtol=1e-14)


@pytest.mark.parametrize(
    ("g", "z", "wanted"),
    [
        (nn.sigmoid, [40.0, 1000.0, -1000.0], [4.248354255291589e-18, 0, 0]),
        (nn.tanh, [-20.0, 1000.0], [1.6993417021166355e-17, 0]),
        (nn.elu, [1e4, -1e4, 0.0], [1, 0, 1]),
        (nn.relu, [0.0, -1.0, 1.0], [0, 0, 1]),
        (
            nn.softplus,
            [1000.0, -1000.0, -40.0, np.inf, -np.inf],
            [1, 0, 4.248354255291589e-18, 1, 0],
        ),
    ],
)
def test_delicate_slopes(g, z, wanted):
    np.testing.assert_allclose(slope(g, z), wanted, rtol=1e-15)


def test_delicate_values():
    assert nn.softplus(np.array(25.0)) == 25.000000000013888
    with np.errstate(invalid="ignore"):  # NumPy's logaddexp says it too
        assert np.isnan(nn.softplus(np.array(np.nan)))
    np.testing.assert_array_equal(nn.sigmoid(np.array([-1000.0, 1000.0])), [0, 1])
