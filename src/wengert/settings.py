"""What the environment may set: `WENGERT_SHOW`, a list of floors to print (trace,pruned,...), and
`WENGERT_PATHS`, how many ways through a function `jit` keeps for arguments of one type, and
`WENGERT_LIMIT`, the number of equations from which on tracing is given up.

And whether derivatives are taken of formulas as they are written (`strict=True`) or of the stable
words that mean the same (`passes.stabilise`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["LIMIT", "is_strict", "most_paths", "shown", "strictly"]

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


def most_paths() -> int:
    """How many paths `jit` keeps for arguments of one structure and type: 64 if nobody says so."""
    return int(os.environ.get("WENGERT_PATHS", "64"))
