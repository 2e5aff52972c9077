"""|f - net| <= tol on a whole box: batched branch and bound, the net's own rounding included."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.certify.forms import Traced, traced
from wengert.certify.interval import Interval
from wengert.certify.perceptron import Perceptron
from wengert.certify.ranges import halves
from wengert.ir.types import Array

F = Callable[..., Any]
ROOM = 1_000_000
"""Boxes times neurons at once."""


@dataclass(frozen=True, slots=True)
class Proof:
    """|f - net| <= bound everywhere; `worst` is the cell with it, `open` what is above tol."""

    bound: float
    worst: tuple[float, float]
    cells: int
    open: Interval

    @property
    def done(self) -> bool:
        return len(self.open.lo) == 0


def prove(f: F, net: Perceptron, edges: Array, tol: float, budget: int) -> Proof:
    """Bisect the cells between the edges until each is proven, or the budget is spent."""
    error = traced(lambda x: f(x) - net.exactly(x), ())
    boxes = Interval(edges[:-1, None], edges[1:, None])
    hopeless = blocked(net, edges, tol)
    bound, worst, seen = 0.0, (float(edges[0]), float(edges[1])), 0
    while True:
        e = _errors(error, net, boxes)
        seen += len(e)
        bad = ~(e <= tol)  # nan is no proof
        last = hopeless or not bad.any() or seen + 2 * bad.sum() > budget
        settled = np.full(len(e), True) if last else ~bad
        if settled.any():
            top = np.where(np.isnan(e), np.inf, e)
            i = int(np.argmax(np.where(settled, top, -1)))
            if top[i] > bound:
                bound, worst = float(top[i]), (float(boxes.lo[i, 0]), float(boxes.hi[i, 0]))
        left = Interval(boxes.lo[bad], boxes.hi[bad])
        if last:
            return Proof(bound, worst, seen, left)
        boxes = halves(left)


def blocked(net: Perceptron, edges: Array, tol: float) -> bool:
    """Whether the net's rounding at an edge is above the tolerance: no cut helps."""
    inner = edges[:: max(1, len(edges) // 64), None]
    return bool(np.any(net.rounding(Interval(inner, inner)) > tol))


def _errors(error: Traced, net: Perceptron, boxes: Interval) -> Array:
    """A bound on |f - net as it runs| for each box."""
    many = max(1, ROOM // (net.neurons + 1))
    parts = []
    for i in range(0, len(boxes.lo), many):
        part = Interval(boxes.lo[i : i + many], boxes.hi[i : i + many])
        y = error.enclose(part)[0]
        parts.append(np.nextafter(y.size()[:, 0] + net.rounding(part), np.inf))
    return np.concatenate(parts)
