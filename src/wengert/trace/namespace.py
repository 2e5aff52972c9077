"""What `x.__array_namespace__()` is for a stand-in: NumPy, whose arrays here belong to the trace.

Code written for the array API standard asks its argument for the functions it may use. SciPy does,
where the environment variable SCIPY_ARRAY_API is set. NumPy's own creation functions would leave
such code, which is a library's, with plain arrays that no traced value can be written into.
"""

import sys
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier
from wengert.trace import creation

COMPAT = "scipy._lib.array_api_compat"


class Special:
    """SciPy's special functions without the wrapper that turns stand-ins into arrays."""

    def __getattr__(self, name: str) -> Any:
        homes = [import_module(f"scipy.special.{home}") for home in ("_ufuncs", "_basic")]
        return next((vars(h)[name] for h in homes if name in vars(h)), None) or getattr(np, name)


special = Special()
"""SciPy looks here for a special function of arrays that aren't NumPy's."""


def __getattr__(name: str) -> Any:
    if name in creation.MADE:
        return partial(_new, name, partial(creation.made, least=0))
    if name in ("asarray", "array"):
        return partial(_new, name, creation.held)
    return getattr(np, name)


def _new(name: str, make: Any, *args: Any, **kwargs: Any) -> Any:
    traces = creation.ACTIVE.get()
    return make(traces[-1], name, args, kwargs) if traces else getattr(np, name)(*args, **kwargs)


def namespace(x: Any = None, *, api_version: str | None = None) -> Any:
    """The module that you read, for every version of the standard."""
    return sys.modules[__name__]


def _common(real: Any) -> Any:
    """Stand-ins beside plain arrays: these are constants, and need not be converted first."""

    def array_namespace(*xs: Any, **kwargs: Any) -> Any:
        traced = any(isinstance(x, Carrier) for x in xs)
        return namespace() if traced else real(*xs, **kwargs)

    return array_namespace


creation.MODULES[COMPAT] = {"array_namespace": _common}
