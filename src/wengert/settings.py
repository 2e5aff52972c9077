"""What the environment may set.

    WENGERT_SHOW      a list of floors to print (trace, vjp, expand, stripe, fused, llvm, asm)
    WENGERT_PATHS     how many ways through a function `jit` keeps for arguments of one type
    WENGERT_LIMIT     the number of equations from which on tracing is given up
    WENGERT_MACHINE   what runs compiled functions: native, interpreter
    WENGERT_CACHE     the folder of compiled code; set to nothing, there is none
    WENGERT_THREADS   how many threads compiled code may run on

And whether derivatives are taken of formulas as they are written (`strict=True`) or of the stable
words that mean the same (`passes.stabilise`).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "LIMIT", "cache_folder", "is_strict", "machine", "most_paths", "shown", "strictly",
    "thread_count",
]  # fmt: skip

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


def machine() -> str:
    """What runs compiled functions: "native", or "interpreter" by `WENGERT_MACHINE=interpreter`."""
    return os.environ.get("WENGERT_MACHINE", "native")


def cache_folder() -> str | None:
    """Where compiled code is kept: `WENGERT_CACHE`, or the system's own place; None: nowhere."""
    given = os.environ.get("WENGERT_CACHE")
    if given is not None:
        return os.path.expanduser(given) or None
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        root = os.path.join(home, "Library", "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(root, "wengert") if os.path.isabs(root) else None


def thread_count() -> int | None:
    """How many threads `WENGERT_THREADS` asks for; None: it doesn't say."""
    given = os.environ.get("WENGERT_THREADS", "").strip()
    if not given:
        return None
    if not given.isdecimal() or int(given) == 0:
        raise ValueError(
            f"WENGERT_THREADS is {given!r}. It was read from the environment. Set it to the number"
            " of threads, 1 or more."
        )
    return int(given)


def most_paths() -> int:
    """How many paths `jit` keeps for arguments of one structure and type: 64 if nobody says so."""
    return int(os.environ.get("WENGERT_PATHS", "64"))
