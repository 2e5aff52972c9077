"""Random arguments like the user's: of other sizes, on both sides of every kink."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.ir.types import Array

Random = np.random.Generator
SIZES = (3, 5, 7, 4, 6, 11, 13, 8, 9, 10)
SCALES = (1.0, 0.3, 3.0, 1.0, 8.0, 0.05)


def kind_of(x: Array) -> str:
    """What an array that isn't differentiated seems to be; it is drawn as the same."""
    x = np.asarray(x)
    if x.dtype.kind == "b":
        return "flags"
    if x.dtype.kind in "iu":
        return "integers"
    if not x.ndim:
        return "positive" if x > 0 else "real"
    values = set(np.unique(x).tolist()) if x.size else set()
    if values == {0.0, 1.0}:
        return "one-hot" if x.ndim > 1 and bool(np.all(x.sum(axis=-1) == 1)) else "bits"
    if values == {-1.0, 1.0}:
        return "signs"
    if x.ndim and x.size and bool(np.all(x >= 0)) and np.allclose(x.sum(axis=-1), 1):
        return "distribution"
    return "real"


def _one_hot(rng: Random, shape: tuple[int, ...], like: Array) -> Array:
    return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]


def _definite(rng: Random, shape: tuple[int, ...], like: Array) -> Array:
    n = shape[-1]
    a = rng.normal(size=(*shape[:-2], n, n))
    return a @ np.swapaxes(a, -1, -2) / n + np.eye(n)


def _integers(rng: Random, shape: tuple[int, ...], like: Array) -> Array:
    return rng.integers(like.min(initial=0), like.max(initial=0) + 1, size=shape)


# fmt: off
DRAWS: dict[str, Callable[[Random, tuple[int, ...], Array], Array]] = {
    "real":         lambda rng, shape, like: rng.normal(size=shape),
    "positive":     lambda rng, shape, like: np.exp(rng.normal(size=shape)),
    "unit":         lambda rng, shape, like: rng.uniform(0.05, 0.95, size=shape),
    "signs":        lambda rng, shape, like: rng.choice([-1.0, 1.0], size=shape),
    "bits":         lambda rng, shape, like: rng.choice([0.0, 1.0], size=shape),
    "flags":        lambda rng, shape, like: rng.random(size=shape) < 0.5,
    "one-hot":      _one_hot,
    "distribution": lambda rng, shape, like: rng.dirichlet(np.ones(shape[-1]), size=shape[:-1]),
    "definite":     _definite,
    "integers":     _integers,
    "near":         lambda rng, shape, like: like * (1 + 0.1 * rng.normal(size=like.shape)),
}
# fmt: on
WANTED = ("real", "positive", "unit", "definite", "near")
"""How what is differentiated is drawn: the first of these at which the function is finite."""


def draw(kind: str, rng: Random, shape: tuple[int, ...], like: Array, scale: float) -> Array:
    """An array of this kind and shape, of the dtype of the example."""
    if kind == "definite" and (len(shape) < 2 or shape[-1] != shape[-2]):
        kind = "real"
    x = DRAWS[kind](rng, tuple(shape), np.asarray(like))
    if kind == "real":
        x = x * scale
    return np.asarray(x, np.asarray(like).dtype)[()]


def sizes_for(
    rng: Random, symbols: Sequence[str], fixed: dict[str, int], floor: int
) -> dict[str, int]:
    """A size for each dimension, pairwise different; those of captured arrays stay."""
    free = [n for n in rng.permutation(SIZES).tolist() if n not in fixed.values() and n > floor]
    pool = iter([*free, *range(max(14, floor + 1), 200)])
    return {s: fixed[s] if s in fixed else next(pool) for s in symbols}


def conditions(program: Any, env: Any, read: Callable[..., Any]) -> dict[int, Any]:
    """For each line with a kink, the array whose sign says on which side it is."""
    found = {}
    for i, eqn in enumerate(program.equations):
        name = eqn.primitive.name
        xs = [np.asarray(read(env, a)) for a in eqn.inputs]
        if xs and xs[0].dtype.kind != "f":
            continue
        if name in TWO_SIDED:
            found[i] = xs[0] - xs[1]
        elif name in ONE_SIDED:
            found[i] = xs[0]
    return found


TWO_SIDED = frozenset(
    {"greater", "greater_equal", "less", "less_equal", "maximum", "minimum", "fmax", "fmin"}
)
ONE_SIDED = frozenset(
    {"absolute", "fabs", "sign", "relu", "leaky_relu", "elu", "selu", "hard_tanh", "heaviside"}
)
