"""The parameters of the MLP estimators, checked once, and what they mean for a run."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, log2, pi
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import InputError, sentences
from wengert.nn import optimizers
from wengert.nn.activations import NAMED, Activation, name_of, sigmoid
from wengert.primitives import activations

__all__ = ["Recipe", "activation_of", "check", "generators", "named", "recipe"]


def mish(z: Any) -> Any:
    """z tanh(log(1 + eᶻ)). Misra 2020 (arXiv 1908.08681)."""
    return activations.mish(z)


ACTIVATIONS: dict[str, Activation] = {**NAMED, "logistic": sigmoid, "mish": mish, "sin": np.sin}

# fmt: off
CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alpha":               (lambda v: np.isreal(v) and 0 <= v < np.inf,           "a number of at least 0"),
    "batch_size":          (lambda v: v == "auto" or (_whole(v) and v >= 1),      '"auto" or a positive whole number'),
    "learning_rate":       (lambda v: v in ("constant", "invscaling", "adaptive") or callable(v), '"constant", "invscaling", "adaptive" or a schedule'),
    "learning_rate_init":  (lambda v: 0 < v < np.inf,                             "a positive number"),
    "max_iter":            (lambda v: _whole(v) and v >= 1,                       "a positive whole number"),
    "momentum":            (lambda v: 0 <= v <= 1,                                "a number in [0, 1]"),
    "validation_fraction": (lambda v: 0 < v < 1,                                  "a number in (0, 1)"),
    "beta_1":              (lambda v: 0 <= v < 1,                                 "a number in [0, 1)"),
    "beta_2":              (lambda v: 0 <= v < 1,                                 "a number in [0, 1)"),
    "epsilon":             (lambda v: v > 0,                                      "a positive number"),
    "n_iter_no_change":    (lambda v: v == np.inf or (_whole(v) and v >= 1),      "a positive whole number or inf"),
    "max_fun":             (lambda v: _whole(v) and v >= 1,                       "a positive whole number"),
    "tol":                 (lambda v: v >= 0,                                     "a number of at least 0"),
    "solver":              (lambda v: v in ("adam", "sgd", "lbfgs") or hasattr(v, "update"), '"adam", "sgd", "lbfgs" or an optimiser of wengert.nn'),
    "norm":                (lambda v: v in (None, "batch", "layer"),              '"batch", "layer" or None'),
    "preset":              (lambda v: v in (None, "tabular"),                     '"tabular" or None'),
    "ensemble":            (lambda v: _whole(v) and v >= 1,                       "a positive whole number"),
}
# fmt: on


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check(estimator: Any) -> None:
    """InputError for the first parameter with a value that makes no sense."""
    for name, (fits, what) in CHECKS.items():
        value = getattr(estimator, name)
        try:
            good = fits(value)
        except TypeError:
            good = False
        if not good:
            raise InputError(
                sentences(
                    f"{type(estimator).__name__} can't have {name}={value!r}.", f"Give {what}."
                )
            )


def hidden_of(sizes: Any) -> tuple[int, ...]:
    """The hidden widths of `hidden_layer_sizes`: a number or a sequence of positive ones."""
    widths = tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)
    if any(not _whole(m) or m <= 0 for m in widths):
        raise InputError(
            sentences(f"hidden_layer_sizes must be > 0, got {list(widths)}.", "Give whole numbers.")
        )
    return tuple(int(m) for m in widths)


def per_layer(value: Any, count: int, name: str) -> list[Any]:
    """One value for each hidden layer, of one for all or a sequence."""
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return [value] * count
    if len(value) != count:
        raise InputError(
            sentences(
                f"{name} has {len(value)} entries for {count} hidden layers.",
                "Give one, or one for each layer.",
            )
        )
    return list(value)


def activation_of(given: Any) -> Activation:
    """The activation of this name, or the function itself."""
    if callable(given):
        return given
    if given in ACTIVATIONS:
        return ACTIVATIONS[given]
    raise InputError(
        sentences(
            f"There is no activation {given!r}.",
            f"Take a NumPy function, or one of {sorted(ACTIVATIONS)}.",
        )
    )


def named(activation: Activation) -> str:
    """The name that means this very function; InputError for one of the user's own.

    >>> named(np.tanh), named(sigmoid)
    ('tanh', 'sigmoid')
    """
    if activation is np.tanh:
        return "tanh"
    found = [name for name, known in ACTIVATIONS.items() if known is activation]
    if found:
        return found[0]
    raise InputError(
        sentences(
            f"The activation {name_of(activation)} is code, not data: it can't be written down.",
            f"Take one of {sorted(ACTIVATIONS)}.",
        )
    )


def shares(dropout: Any, count: int) -> tuple[float, ...]:
    """The dropout of each hidden layer."""
    found = tuple(float(p) for p in per_layer(dropout, count, "dropout"))
    if not all(0 <= p < 1 for p in found):
        raise InputError(
            sentences(f"dropout={dropout!r} isn't possible.", "Give shares in [0, 1).")
        )
    return found


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run does over time: optimiser, rate η(t), dropout p(t), decay λ(t), t in epochs."""

    optimizer: Any
    rate: Callable[[float], float]
    dropout: Callable[[float], tuple[float, ...]]
    decay: float = 0.0
    decay_at: Callable[[float], float] = lambda t: 1.0
    factors: bool = False


@dataclass(frozen=True, slots=True)
class Velocity:
    """v ← μ v − η g, w ← w + v, or w + μ v − η g looking ahead: scikit-learn's momentum.

    It differs from `nn.Momentum` where η changes, since the rates of old steps stay in v.
    """

    rate: float
    momentum: float
    ahead: bool

    def init(self, params: Any) -> Any:
        return tree.map(np.zeros_like, params)

    def update(self, params: Any, grads: Any, state: Any, rate: Any = None) -> tuple[Any, Any]:
        eta, mu = self.rate if rate is None else rate, self.momentum
        v = tree.map(lambda v, g: mu * v - eta * g, state, grads)
        if not self.ahead:
            return tree.map(lambda w, v: w + v, params, v), v
        return tree.map(lambda w, v, g: w + mu * v - eta * g, params, v, grads), v


def recipe(estimator: Any, layers: int, iterations: int) -> Recipe:
    """The recipe of an estimator's parameters; the preset's where it names one."""
    if estimator.preset == "tabular":
        return tabular(estimator, layers, iterations)
    fixed = shares(estimator.dropout, layers)
    rate = estimator.learning_rate
    eta = rate if callable(rate) else lambda t: estimator.learning_rate_init
    return Recipe(optimizer_of(estimator), eta, lambda t: fixed)


def optimizer_of(e: Any) -> Any:
    """The optimiser of `solver` and its parameters."""
    if not isinstance(e.solver, str):
        return e.solver
    if e.solver == "sgd":
        return Velocity(e.learning_rate_init, e.momentum, bool(e.nesterovs_momentum))
    return optimizers.Adam(e.learning_rate_init, e.beta_1, e.beta_2, e.epsilon)


def tabular(e: Any, layers: int, epochs: int) -> Recipe:
    """RealMLP-TD's schedules: coslog₄ for the rate, flat then cosine for dropout and decay.

    Holzmüller, Grinsztajn, Steinwart 2024, Better by Default (arXiv 2407.04491), table A.1. Not
    taken over: parametric activations and the start of b from the data.
    """
    top = 0.04 if e.kind == "classifier" else 0.2

    def flat(t: float) -> float:
        part = min(t / epochs, 1.0)
        return 1.0 if part < 0.5 else (1 + cos(pi * (2 * part - 1))) / 2

    def rate(t: float) -> float:
        return top * (1 - cos(2 * pi * log2(1 + 15 * min(t / epochs, 1.0)))) / 2

    p = e.dropout if e.dropout else 0.15
    base = shares(p, layers)
    return Recipe(
        optimizers.Adam(top, 0.9, 0.95, 1e-8),
        rate,
        lambda t: tuple(q * flat(t) for q in base),
        0.02,
        flat,
        True,
    )


def generators(random_state: Any, members: int) -> list[Any]:
    """One generator for each member: random_state itself, then those of seeds drawn from it.

    A `numpy.random.RandomState`, since its draws are scikit-learn's.
    """
    state = np.random.RandomState
    if isinstance(random_state, np.random.Generator):
        first = state(random_state.integers(2**32))
    elif isinstance(random_state, state):
        first = random_state
    elif random_state is None:
        first = np.random.mtrand._rand
    else:
        first = state(random_state)
    again = state()
    again.set_state(first.get_state())  # so that the first member is the single network
    return [first, *(state(seed) for seed in again.randint(2**31, size=members - 1))]
