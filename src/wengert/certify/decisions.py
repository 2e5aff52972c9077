"""Does a classifier's decision change in a box around a row? A proof, or a row where it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.certify.forms import Traced, given, traced
from wengert.certify.interval import Interval
from wengert.certify.ranges import halves
from wengert.errors import InputError, sentences
from wengert.ir.types import Array

F = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """`label` at the row; `proven`: the same in the whole box, by `margin` over each other score.

    `counterexample` is a row of the box where the scores, as they are computed, decide otherwise.
    Both False and None: the budget ended first.
    """

    label: int
    proven: bool
    margin: float
    counterexample: Array | None
    cells: int


def decision(
    scores: F, row: Any, radius: Any, rounding: float = 1e-9, budget: int = 20_000
) -> Decision:
    """Whether argmax scores(x) is the same for all x with |x - row| <= radius, entry by entry.

    Each other score must stay below by more than `rounding`, which is for the scores as computed.

    >>> made = decision(lambda x: np.array([[1.0, 0.0], [0.0, 1.0]]) @ x, [2.0, 1.0], 0.4)
    >>> made.label, made.proven
    (0, True)
    """
    row, radius = np.asarray(row, np.float64), np.asarray(radius, np.float64)
    low, high = np.nextafter(row - radius, -np.inf), np.nextafter(row + radius, np.inf)
    start = given((low, high))
    at = np.asarray(scores(row))
    if at.ndim != 1 or len(at) < 2:
        raise InputError(
            sentences(
                f"The scores of a row have shape {at.shape}.", "Return one score for each class."
            )
        )
    label = int(np.argmax(at))
    others = np.array([i for i in range(len(at)) if i != label])
    gap = traced(lambda x: scores(x)[label] - scores(x)[others], row.shape)
    return _search(scores, gap, start, label, rounding, budget)


def _search(
    scores: F, gap: Traced, start: Interval, label: int, rounding: float, budget: int
) -> Decision:
    """Bisect until each box keeps its margin, or a row decides otherwise."""
    shape = start.lo.shape
    boxes, seen, margin = Interval(start.lo.reshape(1, -1), start.hi.reshape(1, -1)), 0, np.inf
    while True:
        low = gap.enclose(boxes)[0].lo.min(1)
        seen += len(low)
        bad = ~(low > rounding)
        margin = min(margin, float(np.min(low[~bad], initial=np.inf)))
        if not bad.any():
            return Decision(label, True, margin, None, seen)
        found = _counterexample(scores, boxes, low, label, shape)
        if found is not None or seen + 2 * bad.sum() > budget:
            return Decision(label, False, float(np.min(low)), found, seen)
        boxes = halves(Interval(boxes.lo[bad], boxes.hi[bad]))


def _counterexample(
    scores: F, boxes: Interval, low: Array, label: int, shape: tuple[int, ...]
) -> Array | None:
    """The middle of one of the eight boxes that look worst, if it decides otherwise."""
    for i in np.argsort(low)[:8]:
        row = boxes.middle()[i].reshape(shape)
        if int(np.argmax(scores(row))) != label:
            found: Array = row
            return found
    return None
