"""What an estimator may minimise: a loss by name, or any NumPy function of outputs and targets.

A `Cost` knows its loss q(z, y), how many outputs a target needs, and the prediction a z stands
for. A user's own loss is called with z and y of one shape, (N,) or (N, k), and returns one cost
per sample, one per entry (k outputs are summed), or (where nothing is weighted) their mean.

>>> import numpy as np
>>> cost("quantile", (0.1, 0.9)).rows(np.zeros((1, 2)), np.array([1.0]))
array([1.])
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import InputError, ShapeError, sentences
from wengert.nn import losses
from wengert.nn.activations import identity, sigmoid, softmax
from wengert.primitives import activations

__all__ = ["Cost", "cost"]

Pair = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """A loss per sample, `outputs` of it per target, and the prediction that z stands for."""

    name: str
    loss: Pair
    outputs: int = 1
    link: Callable[[Any], Any] = identity
    fits: Callable[[Any], Any] = np.isfinite
    needs: str = "finite numbers"

    def rows(self, z: Any, y: Any) -> Any:
        """The costs q_i of N samples, (N,); a scalar where the user's loss gives only that."""
        if self.outputs == 1 and np.ndim(z) == 2 and z.shape[1] == 1 and np.ndim(y) == 1:
            z = z[:, 0]
        q = self.loss(z, y)
        if np.ndim(q) and q.shape[0] != z.shape[0]:
            raise ShapeError(
                sentences(
                    f"The loss {self.name} returns the shape {q.shape} for {z.shape[0]} samples.",
                    "Return one cost per sample, or one for each entry of z.",
                )
            )
        if np.ndim(q) > 1:
            q = np.sum(np.reshape(q, (q.shape[0], q.size // q.shape[0])), axis=1)
        return q

    def mean(self, z: Any, y: Any, w: Any = None) -> Any:
        """Σ w_i q_i / Σ w_i; ShapeError for weights with a loss that is a mean already."""
        q = self.rows(z, y)
        if w is None:
            return np.mean(q)
        if np.ndim(q) == 0:
            raise ShapeError(
                sentences(
                    f"The loss {self.name} returns one number, and samples are weighted.",
                    "Return one cost per sample: leave out the last mean or sum.",
                )
            )
        return np.sum(w * q) / np.sum(w)

    def check(self, y: Any) -> None:
        """InputError if a target is outside of what the loss is made for."""
        wrong = ~self.fits(y)
        if np.any(wrong):
            row = int(np.argwhere(wrong)[0][0])
            raise InputError(
                sentences(
                    f"y has {y[wrong].ravel()[0]} in row {row}.",
                    f"The loss {self.name!r} needs {self.needs}.",
                )
            )


def _squared(z: Any, y: Any) -> Any:
    return 0.5 * (z - y) ** 2


def _absolute(z: Any, y: Any) -> Any:
    return np.abs(z - y)


def _poisson(z: Any, y: Any) -> Any:
    return np.exp(z) - y * z


@dataclass(frozen=True, slots=True)
class _Huber:
    delta: float

    def __call__(self, z: Any, y: Any) -> Any:
        r = z - y
        inner = np.clip(r, -self.delta, self.delta)
        return inner * (r - inner / 2)


@dataclass(frozen=True, slots=True)
class _Quantiles:
    """max(τ r, (τ − 1) r), r = y − z, summed over the levels τ; z (N, levels), y (N,)."""

    levels: tuple[float, ...]

    def __call__(self, z: Any, y: Any) -> Any:
        tau = np.asarray(self.levels, z.dtype)
        r = y[:, None] - z
        return np.sum(np.maximum(tau * r, (tau - 1) * r), axis=1)


def _gaussian(z: Any, y: Any) -> Any:
    """½ (r² e⁻ˢ + s), r = y − z₁, s = z₂ = log σ²; z (N, 2), y (N,). Nix, Weigend 1994."""
    r, s = y - z[:, 0], z[:, 1]
    return 0.5 * (r * r * np.exp(-s) + s)


def _binary(z: Any, y: Any) -> Any:
    """y softplus(−z) + (1 − y) softplus(z), summed over labels."""
    q = activations.softplus(z) - y * z
    return np.sum(q, axis=1) if np.ndim(q) == 2 else q


def _softmax(Z: Any, Y: Any) -> Any:
    return losses.cross_entropy(Z, Y, reduction="none")


def _counts(y: Any) -> Any:
    return np.isfinite(y) & (y >= 0)


def _first(z: Any) -> Any:
    return z[:, 0]


# fmt: off
NAMED = {
    "squared_error":  Cost("squared_error", _squared),
    "absolute_error": Cost("absolute_error", _absolute),
    "poisson":        Cost("poisson", _poisson, link=np.exp, fits=_counts, needs="counts of 0 or more"),
    "gaussian_nll":   Cost("gaussian_nll", _gaussian, outputs=2, link=_first),
    "binary_log_loss": Cost("binary_log_loss", _binary, link=sigmoid),
    "log_loss":       Cost("log_loss", _softmax, link=softmax),
}
# fmt: on


def cost(loss: str | Pair, quantiles: tuple[float, ...] = (0.5,), delta: float = 1.0) -> Cost:
    """The cost of this name, or of the user's function; InputError for an unknown name."""
    if callable(loss):
        return Cost(getattr(loss, "__name__", "loss"), loss)
    if loss == "huber":
        return Cost("huber", _Huber(float(delta)))
    if loss == "quantile":
        if not quantiles or not all(0 < tau < 1 for tau in quantiles):
            raise InputError(
                sentences(f"quantiles={quantiles!r} isn't possible.", "Give levels within (0, 1).")
            )
        levels = tuple(float(tau) for tau in quantiles)
        return Cost("quantile", _Quantiles(levels), outputs=len(levels))
    if loss not in NAMED:
        raise InputError(
            sentences(
                f"There is no loss {loss!r}.",
                f"Take a NumPy function (z, y), or one of {[*NAMED, 'huber', 'quantile']}.",
            )
        )
    return NAMED[loss]
