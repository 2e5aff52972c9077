"""Which samples a step sees: shuffled minibatches, and rows held back, both from a seed.

The order in epoch e is a function of (seed, e) alone, so that the third epoch is the same whether
or not one saw the first two.

>>> [rows.tolist() for rows in batches(5, 2, seed=0, epoch=1)]
[[1, 4], [3, 0], [2]]
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, sentences

__all__ = ["batches", "split"]

Rows = NDArray[np.intp]


def batches(n: int, size: int, *, seed: int = 0, epoch: int = 0) -> Iterator[Rows]:
    """The rows of each minibatch: a permutation of 0..n−1 cut into pieces of `size`.

    The last piece is what is left; nothing is dropped. InputError if n or size isn't positive.
    """
    if n < 1 or size < 1:
        raise InputError(
            sentences(f"{n} samples can't be cut into batches of {size}.", "Both must be positive.")
        )
    order = np.random.default_rng([seed, epoch]).permutation(n)
    for start in range(0, n, size):
        yield order[start : start + size]


def split(y: NDArray[Any], fraction: float, *, seed: int = 0) -> tuple[Rows, Rows]:
    """Rows to learn from and rows to hold back: `fraction` of all, of each class if y is integer.

    Both are sorted. InputError unless both sides get at least one row.

    >>> learn, held = split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25)
    >>> len(learn), len(held)
    (6, 2)
    """
    n, rng = len(y), np.random.default_rng(seed)
    chosen = rng.permutation(n)
    if y.ndim == 1 and y.dtype.kind in "iu":
        chosen = chosen[np.argsort(_spread(y[chosen]), kind="stable")]
    count = round(fraction * n)
    if not 0 < count < n:
        raise InputError(
            sentences(
                f"A share of {fraction} of {n} samples can't be held back.",
                "Give a fraction between 0 and 1 that leaves both sides some.",
            )
        )
    return np.sort(chosen[count:]), np.sort(chosen[:count])


def _spread(y: NDArray[Any]) -> NDArray[np.float64]:
    """Each row's place within its class, in (0, 1): sorting by it deals the classes out evenly."""
    _, label, count = np.unique(y, return_inverse=True, return_counts=True)
    order = np.argsort(label, kind="stable")
    first = np.cumsum(count) - count
    rank = np.empty(len(y))
    rank[order] = np.arange(len(y)) - np.repeat(first, count)
    return np.asarray((rank + 0.5) / count[label])
