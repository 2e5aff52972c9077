"""The network of the estimators: embeddings, dense layers, normalisation, dropout, short cuts.

A block is H ← [H +] drop(g(norm(s H W + b))), with s = 1, or 1/√n in the NTK parametrisation. What
is learned are the leaves; the plan is structure. Running means of batch normalisation are kept
apart, as they are no parameters.
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wengert import tree
from wengert.nn.activations import Activation, sigmoid
from wengert.nn.layers import Dense
from wengert.primitives import picks

__all__ = ["Network", "Norm", "Periodic", "Plan", "build", "effective", "moving", "start"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a network isn't learned. `categories` (column by column): its number, and whether
    it is embedded; `ntk` divides each product by √n.
    """

    norm: Literal["batch", "layer"] | None = None
    residual: bool = False
    ntk: bool = False
    categories: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """gain (h − mean) / √(var + 1e-5) + b. Ioffe, Szegedy 2015; Ba, Kiros, Hinton 2016."""

    gain: Any
    b: Any

    def __call__(self, h: Any, mean: Any, var: Any) -> Any:
        return self.gain * (h - mean) / np.sqrt(var + 1e-5) + self.b


@dataclass(frozen=True, slots=True, eq=False)
class Periodic:
    """PBLD embedding of a number x: (x, C cos(2π (f x + φ)) + c), f and φ (n, m), C (n, m, p).

    Holzmüller, Grinsztajn, Steinwart 2024 (arXiv 2407.04491), section 3 and appendix A.
    """

    f: Any
    phase: Any
    C: Any
    c: Any

    def __call__(self, X: Any) -> Any:
        wave = np.cos(2 * np.pi * (X[:, :, None] * self.f + self.phase))
        part = np.einsum("bnm,nmp->bnp", wave, self.C) + self.c
        whole = np.concatenate([X[:, :, None], part], axis=2)
        return np.reshape(whole, (X.shape[0], whole.shape[1] * whole.shape[2]))


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Layers and what stands around them; `periodic`, `scale` and `norms` may be ()."""

    layers: tuple[Dense, ...]
    norms: tuple[Norm, ...] = ()
    embeddings: tuple[Any, ...] = ()
    periodic: tuple[Periodic, ...] = ()
    scale: tuple[Any, ...] = ()
    plan: Plan = tree.static(default=Plan())

    def forward(
        self, X: Any, codes: Any, running: Any = (), masks: Any = (), training: bool = False
    ) -> tuple[Any, Any]:
        """(outputs (N, k), batch moments). In training a batch is normalised by its own moments,
        and `masks` has a factor for each hidden unit that may drop.
        """
        H, moments = self.front(X, codes), []
        for l, layer in enumerate(self.layers):
            Z = H @ layer.W
            Z = (Z / np.sqrt(H.shape[1]).astype(H.dtype) if self.plan.ntk else Z) + layer.b
            if l == len(self.layers) - 1:
                break
            if self.norms:
                Z, used = self._normal(l, Z, running, training)
                moments.append(used)
            A = layer.activation(Z)
            A = A * masks[l] if masks else A
            H = H + A if self.plan.residual and A.shape == H.shape else A
        return self.layers[-1].activation(Z), tuple(moments)

    def _normal(self, l: int, Z: Any, running: Any, training: bool) -> tuple[Any, Any]:
        axis = 1 if self.plan.norm == "layer" else 0
        if axis == 0 and not training:
            return self.norms[l](Z, *running[l]), running[l]
        mean = np.mean(Z, axis=axis, keepdims=True)
        var = np.mean((Z - mean) ** 2, axis=axis, keepdims=True)
        return self.norms[l](Z, mean, var), () if axis else (mean, var)

    def front(self, X: Any, codes: Any) -> Any:
        """Numbers, embedded where asked, beside one-hot or embedded categories; scaled."""
        parts = [self.periodic[0](X) if self.periodic else X] if X.shape[1] else []
        tables = iter(self.embeddings)
        for j, (count, embedded) in enumerate(self.plan.categories):
            table = next(tables) if embedded else np.eye(count + 1, dtype=X.dtype)[:, 1:]
            parts.append(picks.gather(table, codes[:, j]))
        H = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return H * self.scale[0] if self.scale else H


def moving(running: Any, moments: Any, share: float = 0.1) -> Any:
    """The running moments one batch on."""
    return tree.map(lambda old, new: (1 - share) * old + share * new, running, moments)


def start(network: Network) -> Any:
    """The running moments before the first batch: means 0, variances 1."""
    if network.plan.norm != "batch":
        return tuple(() for _ in network.norms)
    return tuple((0 * norm.b[None], np.ones_like(norm.b[None])) for norm in network.norms)


def effective(network: Network) -> list[Array]:
    """W of each layer as a plain product needs it."""
    each = [np.asarray(layer.W) for layer in network.layers]
    return [W / np.sqrt(W.shape[-2]).astype(W.dtype) for W in each] if network.plan.ntk else each


def build(
    numbers: int,
    hidden: tuple[int, ...],
    outputs: int,
    activations: list[Activation],
    out: Activation,
    plan: Plan,
    rng: Any,
    dtype: Any,
    *,
    init: Any = None,
    preset: bool = False,
) -> Network:
    """A network with fresh weights, drawn in scikit-learn's order: W, b, layer after layer.

    Glorot's bounds √(6/(n + m)), or √(2/(n + m)) for a network of logistic units, as there.
    """

    def drawn(*shape: int) -> Array:
        return np.asarray(rng.standard_normal(shape), dtype)

    embeddings = tuple(
        np.concatenate([np.zeros((1, 8), dtype), drawn(count, 8)])
        for count, embedded in plan.categories
        if embedded
    )
    width = numbers * (5 if preset else 1)
    width += sum(8 if embedded else count for count, embedded in plan.categories)
    periodic: tuple[Periodic, ...] = ()
    if preset and numbers:
        shape = numbers, 16
        c, C = np.zeros((numbers, 4), dtype), drawn(*shape, 4) / 4
        phase = np.asarray(rng.uniform(-0.5, 0.5, shape), dtype)
        periodic = (Periodic(0.1 * drawn(*shape), phase, C, c),)
    factor = 2.0 if activations and set(activations) == {sigmoid} else 6.0
    layers = [
        _layer(n, m, g, rng, dtype, init or partial(_glorot, factor), plan.ntk)
        for (n, m), g in zip(pairwise([width, *hidden, outputs]), [*activations, out], strict=True)
    ]
    norms: tuple[Norm, ...] = tuple(
        Norm(np.ones(m, dtype), np.zeros(m, dtype)) for m in hidden if plan.norm
    )
    scale = (np.ones(width, dtype),) if preset else ()
    return Network(tuple(layers), norms, embeddings, periodic, scale, plan)


def _layer(n: int, m: int, g: Activation, rng: Any, dtype: Any, init: Any, ntk: bool) -> Dense:
    if ntk:
        W, b = rng.standard_normal((n, m)), rng.standard_normal(m)
    else:
        W = init(rng, n, m, g)
        W, b = W if isinstance(W, tuple) else (W, np.zeros(m))
    return Dense(np.asarray(W, dtype), np.asarray(b, dtype), g)


def _glorot(factor: float, rng: Any, n: int, m: int, g: Activation) -> Any:
    """W and b of U(−c, c), c = √(factor/(n + m)), as scikit-learn draws them."""
    c = np.sqrt(factor / (n + m))
    return rng.uniform(-c, c, (n, m)), rng.uniform(-c, c, m)
