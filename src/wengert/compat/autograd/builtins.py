"""Containers: wengert's functions take and return Python's own, so these are Python's own."""

import builtins
from typing import Any

import numpy as np

from wengert.trace.tracer import Tracer

dict = builtins.dict
list = builtins.list
tuple = builtins.tuple  # type: ignore[type-arg]  # the class, and no annotation
DictBox = builtins.dict
"""Containers are never boxed: a container of traced values is a container."""


def isinstance(x: Any, kinds: Any) -> bool:
    """isinstance, which takes a traced value for the array or number that it stands for."""
    return builtins.isinstance(_value(x), kinds)


def type(x: Any) -> Any:
    """type(x), which takes a traced value for the array or number that it stands for."""
    return builtins.type(_value(x))


def _value(x: Any) -> Any:
    value = x.known() if builtins.isinstance(x, Tracer) else x
    return value[()] if builtins.isinstance(value, np.ndarray) and not value.shape else value
