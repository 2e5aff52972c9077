"""Nested containers of numbers as one vector, and back."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier

F = Callable[..., Any]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in _leaves(value[key])]
    if isinstance(value, list | tuple):
        return [leaf for child in value for leaf in _leaves(child)]
    return [value if isinstance(value, Carrier) else np.asarray(value)]


def _rebuild(value: Any, shapes: Any, vector: Any) -> Any:
    """A tree like `value` from the vector, whose next entries are taken in turn."""
    if isinstance(value, dict):
        made = {key: _rebuild(value[key], shapes, vector) for key in sorted(value)}
        return {key: made[key] for key in value}
    if isinstance(value, list | tuple):
        children = [_rebuild(child, shapes, vector) for child in value]
        return type(value)(*children) if hasattr(value, "_fields") else type(value)(children)
    shape, start, stop = next(shapes)
    return np.reshape(vector[start:stop], shape)[()]


def flatten(value: Any) -> tuple[Any, F]:
    """(the vector of all numbers, vector -> tree); dicts in the order of their sorted keys."""
    leaves = _leaves(value)
    ends = np.cumsum([0, *[leaf.size for leaf in leaves]]).tolist()
    cuts = [(x.shape, a, b) for x, a, b in zip(leaves, ends[:-1], ends[1:], strict=True)]
    flat = np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.array([])
    return flat, lambda vector: _rebuild(value, iter(cuts), vector)


def flatten_func(func: F, example: Any) -> tuple[F, F, Any]:
    """(func from vector to vector, unflatten, the example as a vector)."""
    vector, unflatten = flatten(example)
    return lambda x, *args: flatten(func(unflatten(x), *args))[0], unflatten, vector
