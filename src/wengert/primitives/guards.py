"""Guards: what a traced function found when it asked for a value, checked again at each run.

A Python `if` asks a stand-in for its truth, `range` for its integer, a mask for all its entries.
The list that follows is right as long as the answer is the same; where it isn't, nothing after the
guard may run.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.families import Control
from wengert.ir.primitive import REGISTRY, Flat, Primitive

SPLIT = "split"
"""The outcome of a batch whose members answer differently."""


class Diverged(Exception):
    """The value that guard number `index` looks at has another outcome: (asks, outcome) is seen."""

    def __init__(self, index: int, seen: tuple[str, Any]) -> None:
        self.index = index
        self.seen = seen


# fmt: off
OUTCOMES: dict[str, Callable[[Any], Any]] = {
    "bool":    bool,
    "int":     int,
    "round":   lambda x: round(np.asarray(x)[()]),  # type: ignore[call-overload]
    "float":   lambda x: repr(float(x)),  # all bits: nan is nan, and -0. isn't 0.
    "complex": lambda x: repr(complex(x)),
    "array":   lambda x: np.asarray(x).tobytes(),
}
ANSWERS: dict[str, Callable[..., Any]] = {
    "bool":    lambda outcome, type: outcome,
    "int":     lambda outcome, type: outcome,
    "round":   lambda outcome, type: outcome,
    "float":   lambda outcome, type: float(outcome),
    "complex": lambda outcome, type: complex(outcome),
    "array":   lambda outcome, type: np.frombuffer(outcome, type.dtype).reshape(type.shape),
}
# fmt: on


def outcome_of(value: Any, asks: str, lanes: int = 0) -> Any:
    """What an answer is compared by; None where NumPy raises, as int(nan) does."""
    if not lanes:
        try:
            return OUTCOMES[asks](value)
        except (ValueError, OverflowError):
            return None
    rows = np.reshape(value, (-1, *np.shape(value)[lanes:]))
    if asks == "bool" and rows.ndim == 1 and len(rows):
        return bool(rows[0]) if np.all(rows.astype(bool) == bool(rows[0])) else SPLIT
    found = {outcome_of(row, asks) for row in rows}
    return found.pop() if len(found) == 1 else SPLIT


def _guard(value: Any, asks: str, outcome: Any, index: int = 0, lanes: int = 0) -> Any:
    seen = outcome_of(value, asks, lanes)
    if seen != outcome:
        raise Diverged(index, (asks, seen))
    return value


def _batch(xs: Any, batched: Any, size: int, lanes: int = 0, **params: Any) -> Any:
    return guard(xs[0], lanes=lanes + 1, **params)


guard = REGISTRY.add(
    Primitive(
        "guard", _guard, Control(lambda t, **params: [t], _batch), Flat(), notation="{}",
        example=lambda rng: ([np.True_], {"asks": "bool", "outcome": True}), effect=True,
    )
)  # fmt: skip
"""The value itself, if it answers the question `asks` as it did when the list was written."""
