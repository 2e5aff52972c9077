"""What the environment may set: `WENGERT_SHOW`, a list of floors to print (trace,pruned,...), and
`WENGERT_LIMIT`, the number of equations from which on tracing is given up.

And whether derivatives are taken of formulas as they are written (`strict=True`) or of the stable
words that mean the same (`passes.stabilise`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["LIMIT", "is_strict", "shown", "strictly"]

LIMIT = int(os.environ.get("WENGERT_LIMIT", "1000000"))
"""So many equations are traced and no more: half a gigabyte, beside their values."""

_STRICT = ContextVar("wengert_strict", default=False)


def is_strict() -> bool:
    """Whether formulas are to be taken as they are written."""
    return _STRICT.get()


@contextmanager
def strictly(strict: bool) -> Iterator[None]:
    """Take formulas as they are written if `strict`; else leave it as it is."""
    token = _STRICT.set(strict or _STRICT.get())
    try:
        yield
    finally:
        _STRICT.reset(token)


def shown(floor: str) -> bool:
    """Whether `WENGERT_SHOW` names this floor; read each time, so that a notebook may change it."""
    return floor in os.environ.get("WENGERT_SHOW", "").replace(" ", "").split(",")
