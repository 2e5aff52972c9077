"""How a NumPy function is spelled in primitives: `@spells(np.mean)` above a function."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.ir.primitive import REGISTRY
from wengert.trace.refusals import unsupported
from wengert.trace.tracer import METHODS, SPELLINGS

F = TypeVar("F", bound=Callable[..., Any])


def spells(*functions: Any) -> Callable[[F], F]:
    """Register what these NumPy functions (or ufuncs) mean on stand-ins."""

    def register(spelling: F) -> F:
        for function in functions:
            table = REGISTRY.ufuncs if isinstance(function, np.ufunc) else SPELLINGS
            table[function] = spelling
        return spelling

    return register


def spells_method(ufunc: Any, method: str) -> Callable[[F], F]:
    """Register what `ufunc.method` means (`np.add.reduce`); ufunc None stands for all of them."""

    def register(spelling: F) -> F:
        METHODS[(ufunc, method)] = spelling
        return spelling

    return register


def no_extras(name: str, **extras: Any) -> None:
    """UnsupportedError if a keyword that wengert has no meaning for was given."""
    for key, value in extras.items():
        if value is not None and value is not np._NoValue and value is not True:
            raise unsupported(f"{name} with {key}=")


def axis_of(axis: Any, ndim: int) -> int:
    """One axis, not negative; AxisError if there is no such axis."""
    return int(np.lib.array_utils.normalize_axis_index(axis, ndim))


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes of a reduction, ascending: None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axis, ndim)))
