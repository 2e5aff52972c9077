"""The nonlinearities of networks: pointwise records, one row each, exact in both tails.

Sources: ELU: Clevert, Unterthiner, Hochreiter 2016. SELU: Klambauer et al. 2017 (its two numbers).
GELU: Hendrycks, Gimpel 2016, exact by the normal distribution, and their formula by tanh, which is
x sigma(2u). SiLU: Elfwing, Uchibe, Doya 2018. Mish: Misra 2019. Softsign: Glorot, Bengio 2010.
"""

import numpy as np

from wengert.ir.primitive import curve
from wengert.primitives.curves import indicator, sech, sigmoid, square
from wengert.primitives.special import density, ndtr

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
GELU_CUBIC, GELU_SCALE = 0.044715, 2 * float(np.sqrt(2 / np.pi))


def _below(x):
    """x where it is negative, else 0; 0 belongs to the lower branch, so that slopes go on there."""
    return np.where(x > 0, 0.0, x)


def _gelu_inner(x):
    """2u = 2 sqrt(2/pi) (x + 0.044715 x^3)."""
    return GELU_SCALE * x * (1 + GELU_CUBIC * square(x))


def _gelu_tanh_slope(x, y):
    v = _gelu_inner(x)
    s = sigmoid(v)
    return s * (1 + x * sigmoid(-v) * GELU_SCALE * (1 + 3 * GELU_CUBIC * square(x)))


def _mish_slope(x, y):
    p = softplus(x)
    return np.tanh(p) + x * square(sech(p)) * sigmoid(x)


# fmt: off
relu        = curve("relu",        lambda x: np.maximum(x, 0),                                                  lambda x, y: indicator(x > 0, x),                                        notation="relu({})", domain=(0.1, 3))
leaky_relu  = curve("leaky_relu",  lambda x, slope=0.01: np.where(x > 0, x, slope * x)[()],                     lambda x, y, slope=0.01: slope + (1 - slope) * indicator(x > 0, x),      notation="leaky_relu({})", domain=(0.1, 3))
elu         = curve("elu",         lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(_below(x)))[()],    lambda x, y, alpha=1.0: np.where(x > 0, 1.0, alpha * np.exp(_below(x))), notation="elu({})", domain=(-3, -0.1))
selu        = curve("selu",        lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(_below(x))), lambda x, y: SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(_below(x))), notation="selu({})", domain=(-3, -0.1))
softplus    = curve("softplus",    lambda x: np.logaddexp(x, x.dtype.type(0)),                                  lambda x, y: sigmoid(x),                                                 notation="softplus({})", definition=lambda x: np.log1p(np.exp(x)))
log_sigmoid = curve("log_sigmoid", lambda x: -np.logaddexp(-x, x.dtype.type(0)),                                lambda x, y: sigmoid(-x),                                                notation="log sigma({})", definition=lambda x: -np.log1p(np.exp(-x)))
gelu        = curve("gelu",        lambda x: x * ndtr(x),                                                       lambda x, y: ndtr(x) + x * density(x),                                   notation="gelu({})", definition=lambda x: x * ndtr(x))
gelu_tanh   = curve("gelu_tanh",   lambda x: x * sigmoid(_gelu_inner(x)),                                       _gelu_tanh_slope,                                                        notation="gelu({})", definition=lambda x: x / 2 * (1 + np.tanh(_gelu_inner(x) / 2)))
silu        = curve("silu",        lambda x: x * sigmoid(x),                                                    lambda x, y: sigmoid(x) * (1 + x * sigmoid(-x)),                         notation="silu({})", definition=lambda x: x / (1 + np.exp(-x)))
mish        = curve("mish",        lambda x: x * np.tanh(softplus(x)),                                          _mish_slope,                                                             notation="mish({})", definition=lambda x: x * np.tanh(np.log1p(np.exp(x))))
softsign    = curve("softsign",    lambda x: x / (1 + np.abs(x)),                                               lambda x, y: square(1 / (1 + np.abs(x))),                                notation="softsign({})", domain=(0.1, 3))
hard_tanh   = curve("hard_tanh",   lambda x: np.minimum(np.maximum(x, -1.0), 1.0),                                  lambda x, y: indicator(np.abs(x) < 1, x),                                notation="hard_tanh({})", domain=(-0.9, 0.9))
# fmt: on
