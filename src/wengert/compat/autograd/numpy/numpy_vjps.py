"""What rules written for autograd take from its own: sums that undo broadcasting."""

from collections.abc import Callable
from typing import Any

import numpy as np


def unbroadcast(x: Any, like: Any) -> Any:
    """x summed down to the shape of `like`, and real where that is."""
    shape = np.shape(like)
    extra = x.ndim - len(shape)
    if extra > 0:
        x = np.sum(x, axis=tuple(range(extra)))
    stretched = tuple([i for i, n in enumerate(shape) if n == 1 != x.shape[i]])
    x = np.sum(x, axis=stretched, keepdims=True) if stretched else x
    return np.real(x) if x.dtype.kind == "c" and not np.iscomplexobj(like) else x


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """f, whose result is summed down to the shape of the target."""
    return lambda g: unbroadcast(f(g), target)
