"""What an activation does to a random signal: E g(z)² and E g'(z)² for z ~ N(0, q).

Both are integrals against a Gauss bell, done by Gauss–Legendre quadrature on panels that end where
g or its traced derivative jumps, so that they are exact to twelve digits for kinked functions too.

>>> import numpy as np
>>> hinge = moments(lambda z: np.where(z > 0, z, 0.0))
>>> round(hinge.signal(2.0), 12), round(hinge.gradient(2.0), 12)
(1.0, 0.5)
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert import api
from wengert.errors import InputError, sentences
from wengert.nn.activations import Activation, name_of

__all__ = ["Moments", "gain", "kinks", "moments"]

Array = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
REACH = 40.0  # kinks are looked for in [−40, 40]
GAINS = 1 / 8, 4.0  # beyond four times LeCun's weights the units of a bounded activation saturate


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """An activation sampled once at the nodes of a quadrature; each moment is then a dot product.

    `z` and `dz` are the nodes and their weights, `square` and `slope` g(z)² and g'(z)² there, and
    `kinks` the places where g or g' jumps. All are float64 vectors.
    """

    z: Array
    dz: Array
    square: Array
    slope: Array
    kinks: Array

    def signal(self, q: float) -> float:
        """E g(z)², the mean square of what leaves a unit whose z has mean square q."""
        return self._expect(self.square, q)

    def gradient(self, q: float) -> float:
        """E g'(z)², the factor by which the unit shrinks the mean square of a gradient."""
        return self._expect(self.slope, q)

    def _expect(self, h: Array, q: float) -> float:
        q = min(max(q, 1e-16), 1e16)
        bell = self.dz * np.exp(-self.z * self.z / (2 * q)) / np.sqrt(2 * np.pi * q)
        met = bell > 0  # where the bell is exactly 0, an infinite h would make nan of it
        return float(np.dot(h[met], bell[met]))


@lru_cache(maxsize=64)
def moments(g: Activation) -> Moments:
    """The moments of an activation: any function of an array, entry by entry, that can be traced.

    Raises InputError if g changes the shape of its input.
    """
    breaks = kinks(g)
    z, dz = _nodes(breaks)
    with np.errstate(all="ignore"):
        square, slope = _value(g, z) ** 2, _slope(g, z) ** 2
    return Moments(z, dz, square, slope, breaks)


def kinks(g: Activation) -> Array:
    """Where g or g' jumps in [−40, 40], found by bisection towards the larger jump.

    >>> import numpy as np
    >>> (kinks(lambda z: np.where(z > 1.5, z, 1.5)) * 1e9).round() / 1e9
    array([1.5])
    """
    grid = np.linspace(-REACH, REACH + 1 / 64, 2001)  # irregular: 0 and 1 are no grid points
    low, high = grid[:-1], grid[1:]
    with np.errstate(all="ignore"):
        ends = (_both(g, low), _both(g, high))
        scale = 1 + np.nanmedian(np.abs(ends[0]), axis=1, keepdims=True)
        for _ in range(50):
            middle = (low + high) / 2
            centre = _both(g, middle)
            left = _jump(ends[0], centre, scale) >= _jump(centre, ends[1], scale)
            low, high = np.where(left, low, middle), np.where(left, middle, high)
            ends = (np.where(left, ends[0], centre), np.where(left, centre, ends[1]))
        found = high[_jump(*ends, scale) > 1e-6]
    return found[np.diff(found, prepend=-np.inf) > 1e-9]


@lru_cache(maxsize=64)
def gain(g: Activation, depth: int = 20) -> float | None:
    """The s for which weights of variance s²/n keep the gradient's size through `depth` layers.

    Solves the mean over the layers of log(s² E g'(z_l)²) = 0, z_l ~ N(0, q_l), where
    q_l = s² E g(z_{l−1})² and the input has mean square 1. None where no s in [1/8, 4] does:
    for the logistic sigmoid only s near 10.7 would, with nearly all its units saturated.
    Source: Schoenholz et al. 2017, Deep Information Propagation (arXiv 1611.01232), equations 3
    and 6; for ReLU it is He's √2.

    >>> import numpy as np
    >>> round(gain(lambda z: np.where(z > 0, z, 0.0)), 6), round(gain(np.tanh), 2)
    (1.414214, 1.28)
    """
    table = moments(g)
    low, high = GAINS
    if _growth(table, low, depth) > 0 or not _growth(table, high, depth) > 0:
        return None
    for _ in range(45):
        middle = (low + high) / 2
        low, high = (middle, high) if _growth(table, middle, depth) < 0 else (low, middle)
    return (low + high) / 2


def _growth(table: Moments, s: float, depth: int) -> float:
    """The mean over the layers of log(s² E g'²), −inf where a gradient dies altogether."""
    signal, total = 1.0, 0.0
    for _ in range(depth):
        q = s * s * signal
        factor = s * s * table.gradient(q)
        if not factor > 0:
            return -np.inf
        total += float(np.log(factor))
        signal = table.signal(q)
    return total / depth


def _nodes(breaks: Array) -> tuple[Array, Array]:
    """Gauss–Legendre nodes on panels that widen away from 0 and end at the breaks."""
    half = np.concatenate(
        [2.0 ** np.arange(-30, 0), np.arange(1.0, 41), 40 * 2.0 ** np.arange(1, 25)]
    )
    edges = np.unique(np.concatenate([-half, [0.0], half, breaks]))
    centre, radius = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    return (centre[:, None] + radius[:, None] * NODES).ravel(), (radius[:, None] * WEIGHTS).ravel()


def _value(g: Activation, z: Array) -> Array:
    a = np.asarray(g(z), dtype=np.float64)
    if a.shape != z.shape:
        raise InputError(
            sentences(
                f"The activation {name_of(g)} turned {z.shape} into {a.shape}.",
                "Give a function that works entry by entry; a softmax belongs into the loss.",
            )
        )
    return a


def _slope(g: Activation, z: Array) -> Array:
    def total(z: Any) -> Any:
        return np.sum(g(z))

    return np.asarray(api.grad(total)(z), dtype=np.float64)


def _both(g: Activation, z: Array) -> Array:
    return np.stack([_value(g, z), _slope(g, z)])


def _jump(a: Array, b: Array, scale: Array) -> Array:
    """The larger of the jumps in g and g', in units of their usual size."""
    return np.asarray(np.nan_to_num(np.max(np.abs(b - a) / scale, axis=0), posinf=0.0))
