"""Models are trees of plain arrays that can be called: Z = XW + 1b', A = g(Z), layer after layer.

>>> import numpy as np
>>> model = perceptron([3, 4, 2], activation=np.tanh, seed=0)
>>> model
Perceptron: 3 -> 4 tanh -> 2, 26 parameters
>>> model(np.ones((5, 3))).shape
(5, 2)

Nothing is hidden in it. `model.layers[0].W` is an ndarray, a gradient of a model is a model of
gradients, and any other dataclass of arrays is as good a model as these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from wengert import tree
from wengert.errors import DtypeError, InputError, ShapeError, sentences
from wengert.nn.activations import Activation, identity, name_of, relu
from wengert.nn.init import Initialisation, by_name

__all__ = ["Dense", "Perceptron", "linear", "perceptron"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dense:
    """One layer, A = g(XW + 1b').

    X is (N, n), W (n, m), b (m,) and A (N, m); with W (n,) and b () the result is (N,).
    """

    W: Any
    b: Any
    activation: Activation = tree.static(default=identity)

    def __call__(self, X: Any) -> Any:
        """A = g(XW + 1b'); ShapeError if X has not as many columns as W has rows."""
        return self.activation(self.affine(X))

    def affine(self, X: Any) -> Any:
        """Z = XW + 1b', what the activation is given."""
        if np.ndim(X) == 0 or X.shape[-1] != self.W.shape[0]:
            raise ShapeError(
                sentences(
                    f"A layer with W of shape {self.W.shape} was given X of shape {np.shape(X)}.",
                    f"X needs one row per sample and {self.W.shape[0]} columns.",
                )
            )
        return X @ self.W + self.b

    def __repr__(self) -> str:
        return f"Dense: {self.W.shape[0]} -> {_width(self)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Perceptron:
    """Layers one after another, A_l = g_l(A_{l−1} W_l + 1b_l'), A_0 = X."""

    layers: tuple[Dense, ...]

    def __call__(self, X: Any) -> Any:
        """The last layer's A, of shape (N, k); ShapeError if X doesn't fit the first."""
        A = X
        for layer in self.layers:
            A = layer(A)
        return A

    def __repr__(self) -> str:
        widths = " -> ".join([str(self.layers[0].W.shape[0]), *map(_width, self.layers)])
        count = sum(np.size(leaf) for leaf in tree.flatten(self)[0])
        return f"Perceptron: {widths}, {count:,} parameters"


def _width(layer: Dense) -> str:
    width = str(layer.W.shape[1] if len(layer.W.shape) > 1 else "()")
    return width if layer.activation is identity else f"{width} {name_of(layer.activation)}"


def linear(n: int, k: int | None = None, *, dtype: DTypeLike = np.float64) -> Dense:
    """The model of linear, logistic and softmax regression, Z = XW + 1b', all zeros at first.

    `n` columns in, `k` out; without k a vector w, so that z has the shape (N,) as in the notes'
    binary regression. A convex loss needs no random start. Raises InputError, DtypeError.

    >>> linear(784, 10), linear(30)
    (Dense: 784 -> 10, Dense: 30 -> ())
    """
    shape = _widths([n] if k is None else [n, k])
    return Dense(np.zeros(shape, _real(dtype)), np.zeros(shape[1:], _real(dtype)))


def perceptron(
    widths: Sequence[int],
    activation: Activation | Sequence[Activation] = relu,
    *,
    out: Activation = identity,
    init: str | Initialisation = "auto",
    seed: int = 0,
    dtype: DTypeLike = np.float64,
) -> Perceptron:
    """A multilayer perceptron with `widths` units: inputs, hidden layers, outputs.

    `activation` is one for all hidden layers or one for each; `out` is the last layer's, none by
    default since the losses take logits. `init` is a name or function of `nn.init`, where its
    source stands; the last layer is drawn as one without activation, and b starts at 0. The same
    seed gives the same bits. Raises InputError for widths, names or lengths that make no sense,
    DtypeError for a dtype that isn't real.

    >>> perceptron([784, 128, 10])
    Perceptron: 784 -> 128 relu -> 10, 101,770 parameters
    """
    shape = _widths(widths, least=2)
    draw, rng = by_name(init), np.random.default_rng(seed)
    hidden = _each(activation, len(shape) - 2)
    drawn = [
        np.asarray(draw(rng, n, m, g), _real(dtype))
        for (n, m), g in zip(pairwise(shape), [*hidden, identity], strict=True)
    ]
    layers = [
        Dense(W, np.zeros(W.shape[1], W.dtype), g)
        for W, g in zip(drawn, [*hidden, out], strict=True)
    ]
    return Perceptron(tuple(layers))


def _each(activation: Activation | Sequence[Activation], hidden: int) -> list[Activation]:
    if callable(activation):
        return [activation] * hidden
    if len(activation) != hidden or not all(map(callable, activation)):
        raise InputError(
            sentences(
                f"{hidden} hidden layers were given the activations {activation!r}.",
                "Give one function for all of them, or a sequence with one for each.",
            )
        )
    return list(activation)


def _widths(widths: Sequence[int], least: int = 1) -> tuple[int, ...]:
    whole = all(isinstance(n, int | np.integer) and n >= 1 for n in widths)
    if len(widths) < least or not whole:
        raise InputError(
            sentences(
                f"A model can't have the widths {list(widths)}.",
                "Give positive integers: inputs, hidden units if any, outputs.",
            )
        )
    return tuple(int(n) for n in widths)


def _real(dtype: DTypeLike) -> np.dtype[Any]:
    if not np.issubdtype(np.dtype(dtype), np.floating):
        raise DtypeError(
            sentences(
                f"A model can't have the dtype {np.dtype(dtype)}.", "Take float64 or float32."
            )
        )
    return np.dtype(dtype)
