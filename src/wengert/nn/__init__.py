"""Models, losses and training: trees of plain arrays, and functions of them.

>>> from wengert import nn
>>> model = nn.perceptron([2, 8, 1], activation=nn.tanh)
>>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
>>> run = nn.train(model, nn.binary_cross_entropy, X, y, optimizer=nn.Adam(0.1), epochs=100)
>>> nn.accuracy(nn.outputs(run.model, X), y)
1.0
"""

from wengert.nn.activations import (
    elu,
    gelu,
    identity,
    leaky_relu,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from wengert.nn.batches import batches, split
from wengert.nn.digits import Digits, digits
from wengert.nn.evaluate import evaluate, outputs
from wengert.nn.layers import Dense, Perceptron, linear, perceptron
from wengert.nn.lbfgs import LBFGS
from wengert.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_of_probabilities,
    class_weights,
    cross_entropy,
    cross_entropy_of_probabilities,
    huber,
    kl_divergence,
    logistic,
    poisson,
    quantile,
    squared_error,
)
from wengert.nn.metrics import accuracy, confusion, most_frequent, predicted, r2
from wengert.nn.moments import gain
from wengert.nn.optimizers import (
    Adagrad,
    Adam,
    AdamW,
    Descent,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    clip,
)
from wengert.nn.schedules import Constant, Cosine, Exponential, Step, Warmup
from wengert.nn.signals import Signals, signals
from wengert.nn.store import ModelFileError, load, save, save_history
from wengert.nn.train import DivergedError, Epoch, Training, train
