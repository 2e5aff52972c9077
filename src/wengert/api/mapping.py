"""`vmap`: a function of one example as a function of many."""

from collections.abc import Sequence
from functools import partial, wraps
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.arguments import F, distinct
from wengert.api.compiled import staged
from wengert.errors import ShapeError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.types import type_of
from wengert.trace.guards import Witness
from wengert.trace.unify import PYTHON, array
from wengert.transforms.vmap import batch, lane

Axes = int | None | Sequence[Any] | dict[str, Any]


def vmap(f: F, in_axes: Axes = 0, out_axes: Axes = 0) -> F:
    """f mapped over one axis of its arguments, without a loop.

    `in_axes` says which axis of each positional argument is mapped, None for one that is the same
    for all; it may be a tree like an argument. Keyword arguments are mapped over their first axis.
    `out_axes` says where the new axis stands in the results. ValueError if the sizes differ. A
    Python `if` in f takes one way for all members; TypeError if they don't agree on it.

    >>> vmap(np.dot)(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        axes = _spread(in_axes, args) + [0] * len(tree.flatten(kwargs)[0])
        arrays, size = _leading(leaves, axes)
        flags = [a is not None for a in axes]
        kinds = [
            (None,) if isinstance(x, np.ndarray | np.generic | Carrier) or type(x) in PYTHON else x
            for x in leaves
        ]
        examples = [_example(x, b) for x, b in zip(arrays, flags, strict=True)]

        def run(*tracers: Any) -> Any:
            found = iter(tracers)
            values = [
                next(found) if isinstance(k, tuple) else x
                for x, k in zip(leaves, kinds, strict=True)
            ]
            positional, named = structure.unflatten(values)
            return f(*positional, **named)

        traced = [isinstance(k, tuple) for k in kinds]
        names = [""] * sum(traced)
        inputs = [x for x, t in zip(arrays, traced, strict=True) if t]
        lead = [b for b, t in zip(flags, traced, strict=True) if t]
        witness = Witness(inputs, lead=lead, step=partial(lane, size=size))
        program, build, captured = staged(
            run, examples, kinds, names, constants=True, witness=witness
        )
        inputs, lead = inputs + captured, lead + [False] * len(captured)
        results = build(batch(program, size, inputs, lead))
        leaves_out, out_structure = tree.flatten(results)
        places = _spread(
            out_axes, results if isinstance(out_axes, tuple | list | dict) else (results,)
        )
        moved = [_placed(y, a) for y, a in zip(leaves_out, places, strict=True)]
        return out_structure.unflatten(distinct(moved, [*leaves, *captured]))

    return wrapped


def _placed(y: Any, axis: int | None) -> Any:
    if axis is None:
        return np.array(y[0]) if isinstance(y, np.ndarray) else y[0]
    y = np.moveaxis(y, 0, axis) if axis else y
    return np.array(y) if isinstance(y, np.ndarray) and not y.flags.writeable else y


def _spread(axes: Axes, trees: Any) -> list[int | None]:
    """One axis for each leaf: a number or None stands for the whole tree below it."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(tree.flatten(trees)[0])
    children: Any = trees.items() if isinstance(trees, dict) else enumerate(trees)
    pairs = [(axes[key], child) for key, child in children]
    return [axis for below, child in pairs for axis in _spread(below, child)]


def _leading(leaves: Sequence[Any], axes: Sequence[int | None]) -> tuple[list[Any], int]:
    arrays: list[Any] = []
    sizes: set[int] = set()
    for x, axis in zip(leaves, axes, strict=True):
        if axis is None:
            arrays.append(array(x) if type(x) in PYTHON else x)
            continue
        x = x if isinstance(x, Carrier) else array(x)
        if not -len(x.shape) <= axis < len(x.shape):
            raise ShapeError(
                sentences(
                    f"vmap was to map axis {axis} of an argument of shape {x.shape}.",
                    "Give in_axes=None for what is the same for all.",
                )
            )
        sizes.add(x.shape[axis])
        arrays.append(np.moveaxis(x, axis, 0) if axis else x)
    if len(sizes) != 1:
        raise ShapeError(
            sentences(
                f"vmap was to map axes of the sizes {sorted(sizes)}.",
                "Mapped axes have one length, and there is at least one.",
            )
        )
    return arrays, sizes.pop()


class _Example:
    """Shape and dtype of one member of a batch."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, dtype


def _example(x: Any, batched: bool) -> Any:
    if not hasattr(x, "dtype"):
        return x
    t = type_of(x)
    return _Example(t.shape[1:] if batched else t.shape, t.dtype)
