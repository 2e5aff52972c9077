"""A perceptron of one hidden layer built by hand from a function of one number.

    steps    f(m_0) + sum over i of (f(m_i) - f(m_(i-1))) sigma(w (x - a_i))       sigmoid
    hats     f(a_0) + sum over i of (s_i - s_(i-1)) relu(x - a_i)                  ReLU

with cells of centre m_i, edges a_i, slopes s_i. Steps of f with Lipschitz constant L in cells
of width h are off by at most L h (1/2 + 2 e^(-wh/2) / (1 - e^(-wh))): in a transition the net is a
mixture of two neighbours, the rest is a geometric tail.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.certify.interval import Interval
from wengert.ir.types import Array
from wengert.trace.spellings.special import relu, sigmoid

F = Callable[..., Any]
STEEP = 12.0
"""w h: the tail is then half a percent of the tolerance."""


@dataclass(frozen=True, slots=True)
class Perceptron:
    """act(x w + b) v + c in the dtype of its weights."""

    w: Array
    b: Array
    v: Array
    c: Array
    activation: str

    @property
    def act(self) -> F:
        f: F = relu if self.activation == "relu" else sigmoid
        return f

    @property
    def neurons(self) -> int:
        return len(self.w)

    def __call__(self, x: Any) -> Any:
        """The net, as it runs: for one number, or an array of them."""
        x = np.asarray(x, self.w.dtype)
        return self.act(x[..., None] * self.w + self.b) @ self.v + self.c

    def exactly(self, x: Any) -> Any:
        """The same weights in float64, for one number: what is compared in exact arithmetic."""
        w, b, v, c = (np.asarray(a, np.float64) for a in (self.w, self.b, self.v, self.c))
        return self.act(x * w + b) @ v + c

    def rounding(self, boxes: Interval) -> Array:
        """How far the net as it runs may be from exact arithmetic, for each box of x.

        z = w x + b is off by e <= 2 u (|w x| + |b|); the activation multiplies that by its slope
        (at most 1, or e^-|z| <= 1/4) and adds 8 units in the last place; the sum of n products in
        any order, fused or not, adds n u / (1 - n u) of the absolute values.
        """
        eps = float(np.finfo(self.w.dtype).eps)
        tiny = float(np.finfo(self.w.dtype).tiny)
        w, b, v = (np.asarray(a, np.float64) for a in (self.w, self.b, self.v))
        size = np.maximum(np.abs(boxes.lo), np.abs(boxes.hi)) * np.abs(w) + np.abs(b)
        e = 2.1 * eps * size + 2 * tiny
        if self.activation == "relu":
            z = np.maximum(boxes.lo * w + b, boxes.hi * w + b)
            live = z > -2 * e  # elsewhere the computed value is zero, as the exact one
            top, off = np.where(live, np.maximum(z, 0) + 2 * e, 0.0), np.where(live, e, 0.0)
        else:
            p, q = boxes.lo * w + b, boxes.hi * w + b
            near = np.where(p * q <= 0, 0.0, np.minimum(np.abs(p), np.abs(q)))
            slope = np.minimum(0.25, np.exp(np.minimum(2 * e - near, 0.0)) * (1 + 1e-9))
            top, off = np.ones_like(size), slope * e + 8 * eps + tiny
        n = (len(w) + 3) * eps
        total = top @ np.abs(v) + abs(float(self.c))
        return (off @ np.abs(v) + n * total + len(w) * tiny) * (1 + 1e-9)


def closed(slope: float, h: float) -> float:
    """L h (1/2 + 2 e^(-wh/2) / (1 - e^(-wh))), the notes' bound."""
    return float(slope * h * (0.5 + 2 * np.exp(-STEEP / 2) / (1 - np.exp(-STEEP))))


def steps(f: F, low: float, high: float, cells: int, dtype: Any) -> tuple[Perceptron, Array]:
    """Equal cells, f at their centres, and the edges."""
    edges = np.linspace(low, high, cells + 1)
    y = _values(f, 0.5 * (edges[1:] + edges[:-1]))
    w = STEEP * cells / (high - low)
    inner = edges[1:-1]
    return _make(np.full(len(inner), w), -w * inner, np.diff(y), y[0], "sigmoid", dtype), edges


def hats(f: F, nodes: Array, dtype: Any) -> tuple[Perceptron, Array]:
    """The polygon through f at the nodes."""
    nodes = np.unique(np.concatenate([nodes[:1], nodes[1:-1].astype(dtype), nodes[-1:]]))
    y = _values(f, nodes)
    slopes = np.diff(y) / np.diff(nodes)
    turns = np.diff(slopes, prepend=0.0)
    return _make(np.ones(len(turns)), -nodes[:-1], turns, y[0], "relu", dtype), nodes


def _values(f: F, xs: Array) -> Array:
    return np.array([float(f(x)) for x in xs])


def _make(w: Array, b: Array, v: Array, c: float, activation: str, dtype: Any) -> Perceptron:
    w, b, v = (np.asarray(a, dtype) for a in (w, b, v))
    return Perceptron(w, b, v, np.asarray(c, dtype), activation)


def nodes(f: F, low: float, high: float, tol: float) -> Array:
    """Nodes that are dense where f bends: a polygon is off by h^2 |f''| / 8 in a cell."""
    x = np.linspace(low, high, 2049)
    y = _values(f, x)
    bend = np.abs(np.diff(y, 2, prepend=y[0], append=y[-1])) / (x[1] - x[0]) ** 2
    bend[[0, -1]] = bend[[1, -2]]
    density = np.sqrt(bend / (8 * tol)) + 0.5 / (high - low)
    count = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(x))])
    cells = max(1, int(np.ceil(count[-1])))
    return np.interp(np.linspace(0, count[-1], cells + 1), count, x)
