"""Random numbers as pure functions of a key: same key, same bits, in any thread and any order.

A key is a pair of uint64. `split` makes new ones; use each for one draw. The generator is NumPy's
counter-based Philox 4x64 (Salmon et al. 2011). A draw is a constant to a derivative; `loc`,
`scale`, `low` and `high` are differentiated through it (reparametrisation).

>>> from wengert import grad, random
>>> key = random.key(0)
>>> z = random.normal(key)
>>> float(grad(lambda scale: random.normal(key, scale=scale))(2.0)) == float(z)
True
"""

from typing import Any

import numpy as np

from wengert.errors import ConcreteError, InputError, sentences

__all__ = [
    "key", "split", "fold_in", "uniform", "normal", "bernoulli", "exponential", "gumbel",
    "integers", "permutation", "choice",
]  # fmt: skip

Key = np.ndarray[Any, np.dtype[np.uint64]]
Shape = int | tuple[int, ...]


def key(seed: int) -> Key:
    """The key of a seed: any whole number from 0 to 2^64 - 1.

    >>> split(key(1), 2).shape
    (2, 2)
    """
    if not 0 <= seed < 2**64:
        raise InputError(
            sentences(f"random.key was given the seed {seed}.", "Give one from 0 to 2^64 - 1.")
        )
    return np.array([seed, 0], np.uint64)


def _bits(key: Any, stream: int) -> "np.random.Philox":
    """Philox at the beginning of one of a key's streams: draws are on 0, new keys on 1 and 2."""
    if isinstance(key, tuple | list):
        key = np.array(key, np.uint64)
    if not isinstance(key, np.ndarray):
        raise ConcreteError(
            sentences(
                f"A key was to be an array of two uint64 and is {type(key).__name__}.",
                "Make it with wengert.random.key outside; under jit, use it from a closure or as "
                "a static tuple: tuple(key.tolist()).",
            )
        )
    if key.shape != (2,) or key.dtype != np.uint64:
        raise InputError(
            sentences(
                f"A key of shape {key.shape} and dtype {key.dtype} was given.",
                "Take one row of what wengert.random.split returned.",
            )
        )
    return np.random.Philox(key=key, counter=np.array([0, 0, 0, stream], np.uint64))


def _draw(key: Any) -> "np.random.Generator":
    return np.random.Generator(_bits(key, 0))


def split(key: Any, n: int = 2) -> Key:
    """n new keys, one a row; the old one is used up."""
    return _bits(key, 1).random_raw(2 * n).reshape(n, 2)


def fold_in(key: Any, number: int) -> Key:
    """The new key of a key and a whole number from 0 to 2^64 - 1: of a step, say."""
    bits = np.random.Philox(
        key=_bits(key, 2).random_raw(2), counter=np.array([0, 0, int(number), 2], np.uint64)
    )
    return bits.random_raw(2)


def uniform(key: Any, shape: Shape = (), low: Any = 0.0, high: Any = 1.0) -> Any:
    """low + (high - low) u, u uniform in [0, 1)."""
    return low + (high - low) * _draw(key).random(shape)


def normal(key: Any, shape: Shape = (), loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """loc + scale z, z of the standard normal distribution."""
    return loc + scale * _draw(key).standard_normal(shape)


def exponential(key: Any, shape: Shape = (), scale: Any = 1.0) -> Any:
    """scale e, e of the exponential distribution of mean 1."""
    return scale * _draw(key).standard_exponential(shape)


def gumbel(key: Any, shape: Shape = (), loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """loc - scale log(e), e exponential: the largest of logits + gumbel is a softmax draw."""
    return loc - scale * np.log(_draw(key).standard_exponential(shape))


def bernoulli(key: Any, p: Any = 0.5, shape: Shape | None = None) -> Any:
    """True with probability p: u < p, without a derivative."""
    return _draw(key).random(np.shape(p) if shape is None else shape) < p


def integers(key: Any, low: int, high: int, shape: Shape = ()) -> Any:
    """Whole numbers from low up to, not including, high."""
    return _draw(key).integers(low, high, shape)


def permutation(key: Any, x: Any) -> Any:
    """The numbers below x, or the rows of x, in random order.

    >>> sorted(permutation(key(0), 4).tolist())
    [0, 1, 2, 3]
    """
    if isinstance(x, int | np.integer):
        return _draw(key).permutation(int(x))
    x = x if hasattr(x, "shape") else np.asarray(x)
    return x[_draw(key).permutation(x.shape[0])]


def choice(key: Any, n: int, shape: Shape = (), p: Any = None, replace: bool = True) -> Any:
    """Indices below n, with probabilities p or all alike."""
    return _draw(key).choice(n, shape, replace=replace, p=p)
