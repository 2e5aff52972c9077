"""Gradients of the wrong shape, and right numbers in wrong places."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.explanation.grading import words
from wengert.explanation.grading.diagnosis import Finding, close
from wengert.explanation.grading.samples import Sample
from wengert.ir.types import Array


def misplaced(
    samples: Sequence[Sample], mine: Sequence[list[Array]], labels: Sequence[str], eps: float
) -> Finding | None:
    """The finding where a returned array hasn't its argument's shape."""
    for j, label in enumerate(labels):
        bad = [
            (s, m[j]) for s, m in zip(samples, mine, strict=True) if m[j].shape != s.truth[j].shape
        ]
        if bad:
            return _shape(
                bad,
                [(s, m[j]) for s, m in zip(samples, mine, strict=True)],
                j,
                label,
                mine,
                labels,
                eps,
            )
    return None


def _shape(bad: Any, every: Any, j: int, label: str, mine: Any, labels: Any, eps: float) -> Finding:
    s, m = bad[0]
    t = s.truth[j]
    shapes = f"d{label} has shape {m.shape}, and {label} has {t.shape}"
    for k, other in enumerate(labels):
        if k != j and all(
            row[j].shape == x.truth[k].shape and close(row[j], x.truth[k], x, eps)
            for x, row in zip([e[0] for e in every], mine, strict=True)
        ):
            return Finding(
                "swapped",
                words.SWAPPED.format(label=label, other=other),
                (shapes,),
            )
    for kind, text, turn in TURNS:
        if all(
            (v := turn(x, g.truth[j])) is not None and close(v, g.truth[j], g, eps) for g, x in bad
        ):
            return Finding(kind, text.format(label=label), (shapes,))
    for c in (-1.0, 2.0, 0.5):
        if t.ndim == 2 and all(
            x.T.shape == g.truth[j].shape and close(x.T / c, g.truth[j], g, eps) for g, x in bad
        ):
            return Finding(
                "transposed",
                f"Your d{label} is transposed, and {c:g} times the right one.",
                (shapes,),
            )
    why = (
        ""
        if m.T.shape != t.shape
        else f" It has the shape of {label}', but its transpose isn't right either."
    )
    return Finding(
        "shape",
        words.WRONG_SHAPE.format(label=label, mine=m.shape, shape=t.shape, why=why),
        (shapes,),
    )


def _turn(x: Array, t: Array) -> Array | None:
    return x.T if x.ndim == t.ndim > 1 and x.T.shape == t.shape else None


def _summed(x: Array, t: Array) -> Array | None:
    """x with the axes folded that t hasn't."""
    lead = x.ndim - t.ndim
    if lead > 0 and x.shape[lead:] == t.shape:
        return np.asarray(x.sum(axis=tuple(range(lead))))
    if lead > 0 and x.shape[: t.ndim] == t.shape:
        return np.asarray(x.sum(axis=tuple(range(t.ndim, x.ndim))))
    return None


def _averaged(x: Array, t: Array) -> Array | None:
    folded = _summed(x, t)
    return None if folded is None or not x.size else folded * t.size / x.size


def _reshaped(x: Array, t: Array) -> Array | None:
    return x.reshape(t.shape) if x.size == t.size else None


def _filled(x: Array, t: Array) -> Array | None:
    """t summed is x: hand it back as t, so that it agrees."""
    try:
        np.broadcast_shapes(x.shape, t.shape)
    except ValueError:
        return None
    folds: list[tuple[int, ...]] = [axes for axes in ((0,), (1,), (0, 1)) if max(axes) < t.ndim]
    if not x.ndim:
        folds.append(tuple(range(t.ndim)))
    same = [a for a in folds if np.asarray(t.sum(axis=a)).squeeze().shape == x.squeeze().shape]
    return t if any(np.allclose(t.sum(axis=a).squeeze(), x.squeeze()) for a in same) else None


# fmt: off
TURNS = [
    ("transposed", "Your d{label} is transposed.", _turn),
    ("shape",      "The numbers of your d{label} are right, but its shape isn't the argument's: reshape it.", _reshaped),
    ("unsummed",   "Your d{label} isn't summed over the batch: its leading axis must be folded, as the bias is added to every row.", _summed),
    ("unsummed",   "Your d{label} isn't folded over the batch, which the function averages over.", _averaged),
    ("summed",     "Your d{label} is summed over too much: it must keep the shape of {label}.", _filled),
]
# fmt: on
