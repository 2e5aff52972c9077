"""What NumPy's own can't be told of: `array` of traced values, and joins of what is no list."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from wengert import tree
from wengert.ir.primitive import Carrier
from wengert.trace.unify import array as stacked


def array(object: Any, *args: Any, **kwargs: Any) -> Any:
    """np.array; nested lists with traced values in them are stacked."""
    if isinstance(object, list | tuple):
        if not any(isinstance(x, Carrier) for x in tree.flatten(object)[0]):
            return np.array(object, *args, **kwargs)
    elif not isinstance(object, Carrier):
        return np.array(object, *args, **kwargs)
    made = stacked(object)
    dtype = args[0] if args else kwargs.get("dtype")
    made = made if dtype is None or made.dtype == dtype else np.astype(made, dtype)
    missing = kwargs.get("ndmin", 0) - len(made.shape)
    return np.expand_dims(made, tuple(range(missing))) if missing > 0 else made


def asarray(a: Any, *args: Any, **kwargs: Any) -> Any:
    """np.asarray, likewise."""
    if isinstance(a, list | tuple | Carrier):
        return array(a, *args, **kwargs)
    return np.asarray(a, *args, **kwargs)


def _joining(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.stack and its like, which also take iterators and views of a dict."""

    @wraps(function)
    def joined(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(arrays, list | tuple | np.ndarray | Carrier):
            arrays = list(arrays)
        return function(arrays, *args, **kwargs)

    return joined


concatenate = _joining(np.concatenate)
stack = _joining(np.stack)
hstack = _joining(np.hstack)
vstack = _joining(np.vstack)
column_stack = _joining(np.column_stack)
