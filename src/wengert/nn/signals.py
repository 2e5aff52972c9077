"""Vanishing and exploding gradients: what each layer does to the signal and to the gradient.

For a layer Z = AW + 1b' with n inputs, whose weights and offsets are like random ones,

    E z_l² = q_l = s_l² E a_{l−1}² + E b_l²,    s_l² = n E W_l²
    E a_l² = E g_l(z)², z ~ N(0, q_l)
    |dQ/dz_l| / |dQ/dz_{l+1}| = √(s_{l+1}² E g_l'(z)²)

Sources: Poole et al. 2016 (arXiv 1606.05340), equation 3; Schoenholz et al. 2017 (arXiv
1611.01232), equation 6. Beside the prediction stands what a pass over real rows gives.

>>> import numpy as np
>>> from wengert.nn import perceptron
>>> model = perceptron([100] * 6 + [10], activation=np.tanh, init="lecun")
>>> report = signals(model, np.random.default_rng(0).normal(size=(200, 100)))
>>> [round(layer.gradient, 1) for layer in report.layers[:2]]
[0.7, 0.8]
>>> 0.9 < report.layers[0].gradient / report.layers[0].gradient_measured < 1.1
True
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wengert import api
from wengert.errors import DtypeError, sentences
from wengert.nn.activations import identity, name_of
from wengert.nn.evaluate import model_dtype
from wengert.nn.layers import Dense, Perceptron
from wengert.nn.losses import Loss
from wengert.nn.moments import gain, moments

__all__ = ["Layer", "Signals", "signals"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of the table, numbered from 1 at the input.

    `signal` is the factor on √E a² from the layer before to this one, `gradient` the factor on
    |dQ/dz| from the layer behind to this one (1 for the last layer, where Q begins); each predicted
    and measured. `length` is |dQ/dz| itself, measured, relative to the last layer's.
    """

    number: int
    activation: str
    width: int
    spread: float
    signal: float
    signal_measured: float
    gradient: float
    gradient_measured: float
    length: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What `nn.signals` found: a line per layer, the products over all of them, and advice."""

    layers: tuple[Layer, ...]
    advice: str

    @property
    def gradient(self) -> float:
        """Predicted |dQ/dz_1| / |dQ/dz_L|, from the last layer to the first."""
        return float(np.prod([layer.gradient for layer in self.layers]))

    @property
    def gradient_measured(self) -> float:
        """The same, measured."""
        return self.layers[0].length

    def __str__(self) -> str:
        lines = [HEAD.format(*HEADINGS), HEAD.format(*UNITS)]
        lines += [_line(layer) for layer in self.layers]
        product = f"|dQ/dz| from the last layer to the first: {self.gradient:.2g} predicted, "
        return "\n".join([*lines, f"{product}{self.gradient_measured:.2g} measured.", self.advice])


def signals(
    model: Perceptron,
    X: ArrayLike,
    y: ArrayLike | None = None,
    loss: Loss | None = None,
    *,
    seed: int = 0,
) -> Signals:
    """The factor each layer of a perceptron applies to the signal and to the gradient.

    X (N, n) are real rows, or `rng.normal(size=(N, n))` for the start. Q is the given loss on
    (X, y) or, without one, Σ u ∘ z with random u of the last layer's shape. DtypeError for a model
    that isn't a Perceptron or Dense; errors of shape as the layers raise them.
    """
    layers = _layers(model)
    X = np.asarray(X, dtype=model_dtype(model))
    Z, A, dZ = _measure(layers, X, y, loss, seed)
    slopes = [moments(layer.activation) for layer in layers]
    square, lines = float(np.mean(X * X)), []
    lengths = [float(np.linalg.norm(d)) for d in dZ]
    for l, layer in enumerate(layers):
        behind = layers[l + 1] if l + 1 < len(layers) else None
        q = _strength(layer) * square + float(np.mean(np.square(layer.b)))
        after = slopes[l].signal(q)
        factor = np.sqrt(_strength(behind) * slopes[l].gradient(q)) if behind else 1.0
        measured = lengths[l] / lengths[l + 1] if behind and lengths[l + 1] else 1.0
        before = X if l == 0 else A[l - 1]
        lines.append(
            Layer(
                number=l + 1,
                activation=name_of(layer.activation),
                width=Z[l].shape[-1] if Z[l].ndim > 1 else 1,
                spread=float(np.sqrt(_strength(layer))),
                signal=float(np.sqrt(after / square)) if square else 0.0,
                signal_measured=_ratio(_rms(A[l]), _rms(before)),
                gradient=float(factor),
                gradient_measured=measured,
                length=_ratio(lengths[l], lengths[-1]),
            )
        )
        square = after
    return Signals(tuple(lines), _advice(layers, lines))


def _measure(
    layers: Sequence[Dense], X: Array, y: ArrayLike | None, loss: Loss | None, seed: int
) -> tuple[list[Array], list[Array], list[Array]]:
    """Z, A and dQ/dZ of every layer: dQ/dZ is the gradient in a shift Δ added to Z."""
    Z, A = [], [X]
    for layer in layers:
        Z.append(np.asarray(layer.affine(A[-1])))
        A.append(np.asarray(layer.activation(Z[-1])))
    u = np.random.default_rng(seed).normal(size=A[-1].shape).astype(A[-1].dtype)

    def Q(shifts: list[Any]) -> Any:
        a: Any = X
        for layer, shift in zip(layers, shifts, strict=True):
            a = layer.activation(layer.affine(a) + shift)
        return np.sum(u * a) if loss is None else loss(a, np.asarray(y))

    dZ = api.grad(Q)([np.zeros_like(z) for z in Z])
    return Z, A[1:], [np.asarray(d) for d in dZ]


def _layers(model: Any) -> tuple[Dense, ...]:
    if isinstance(model, Dense):
        return (model,)
    if isinstance(model, Perceptron):
        return model.layers
    raise DtypeError(
        sentences(
            f"signals was given a {type(model).__name__}.", "Give it a Perceptron or Dense layer."
        )
    )


def _strength(layer: Dense) -> float:
    """s² = n E W², the mean square of z for inputs of mean square 1."""
    return float(layer.W.shape[0] * np.mean(np.square(layer.W)))


def _advice(layers: Sequence[Dense], lines: Sequence[Layer]) -> str:
    """One sentence on what the factors mean and what would mend them."""
    hidden = [layer.activation for layer in layers[:-1]] or [identity]
    typical = max(hidden, key=hidden.count)
    factor = lines[0].length ** (1 / max(len(lines) - 1, 1))
    if 0.1 <= lines[0].length <= 10 or len(lines) < 2:
        return f"Healthy: a factor of {factor:.2f} a layer reaches the first one."
    fate = "vanish" if factor < 1 else "explode"
    name, s = name_of(typical), gain(typical)
    start = f"Gradients {fate} by {factor:.2g} a layer."
    if s is None:
        mend = f"No gain mends {name}: take tanh, ReLU or ELU, or fewer layers."
    else:
        mend = f'{name} asks for weights of variance ({s:.2f})²/n, which init="auto" draws.'
    return f"{start} {mend}"


HEADINGS = ("layer", "", "units", "s", "signal", "", "gradient", "", "|dQ/dz|")
UNITS = ("", "", "", "", "predicted", "measured", "predicted", "measured", "measured")
HEAD = "{:>5}  {:<10} {:>6} {:>6} {:>10} {:>10} {:>10} {:>10} {:>10}"


def _line(layer: Layer) -> str:
    numbers = (layer.signal, layer.signal_measured, layer.gradient, layer.gradient_measured)
    shown = [f"{value:.3f}" for value in numbers]
    spread, length = f"{layer.spread:.2f}", f"{layer.length:.2g}"
    return HEAD.format(layer.number, layer.activation, layer.width, spread, *shown, length)


def _rms(a: Array) -> float:
    return float(np.sqrt(np.mean(a * a)))


def _ratio(a: float, b: float) -> float:
    return a / b if b else 0.0
