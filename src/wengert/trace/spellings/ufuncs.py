"""The methods of ufuncs: reduce, accumulate, reduceat, outer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.primitives import picks
from wengert.trace.refusals import unsupported
from wengert.trace.spellings import reductions
from wengert.trace.spellings.reductions import cumprod, cumsum
from wengert.trace.spellings.registry import axes_of, no_extras, spells_method
from wengert.trace.unify import array

Keep = np._NoValue

ASSOCIATIVE = {
    np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.hypot,
    np.logical_and, np.logical_or,
}  # fmt: skip
SEQUENTIAL = {
    np.subtract, np.true_divide, np.power, np.float_power, np.arctan2, np.copysign, np.fmod,
    np.remainder, np.floor_divide, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.logical_xor,
    np.gcd, np.lcm,
}  # fmt: skip
REDUCE: dict[Any, Callable[..., Any]] = {
    np.add: reductions.sum, np.multiply: reductions.prod, np.maximum: reductions.amax,
    np.minimum: reductions.amin, np.logical_and: reductions.all, np.logical_or: reductions.any,
    np.fmax: reductions.nanmax, np.fmin: reductions.nanmin,
}  # fmt: skip


@spells_method(None, "reduce")
def ufunc_reduce(
    ufunc: Any,
    x: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = Keep,
    where: Any = Keep,
) -> Any:
    """A ufunc's reduction: by name where it has one, else by halves."""
    no_extras(f"np.{ufunc.__name__}.reduce", out=out)
    x = array(x)
    if ufunc in REDUCE:
        extras: dict[str, Any] = (
            {} if ufunc in (np.logical_and, np.logical_or) else {"initial": initial}
        )
        x = x if dtype is None else np.astype(x, dtype)
        return REDUCE[ufunc](x, axis=axis, keepdims=keepdims, where=where, **extras)
    y = x if dtype is None else np.astype(x, dtype)
    if ufunc not in ASSOCIATIVE and len(axes_of(axis, x.ndim)) > 1:
        raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable")
    for a in reversed(axes_of(axis, x.ndim)):
        y = _halves(ufunc, np.moveaxis(y, a, 0))
    if initial is not Keep and initial is not None:
        y = ufunc(y, initial)
    return expand_shape(y, x.shape, axes_of(axis, x.ndim)) if keepdims else y


def _halves(ufunc: Any, y: Any) -> Any:
    if ufunc not in ASSOCIATIVE:
        return _one_by_one(ufunc, y, "reduce")[-1]
    if not y.shape[0]:
        raise ValueError(
            f"zero-size array to reduction operation {ufunc.__name__} which has no identity"
        )
    while (n := y.shape[0]) > 1:
        half = ufunc(y[: n // 2], y[n // 2 : 2 * (n // 2)])
        y = np.concatenate([half, y[-1:]]) if n % 2 else half
    return y[0]


def _one_by_one(ufunc: Any, y: Any, method: str) -> list[Any]:
    """The partial results of what isn't associative: a - b - c."""
    if ufunc not in SEQUENTIAL:
        raise unsupported(f"np.{ufunc.__name__}.{method}")
    found = [y[0]]
    for i in range(1, y.shape[0]):
        found.append(ufunc(found[-1], y[i]))
    return found


def expand_shape(y: Any, shape: Any, axes: Any) -> Any:
    return np.reshape(y, tuple([1 if i in axes else n for i, n in enumerate(shape)]))


@spells_method(None, "accumulate")
def ufunc_accumulate(ufunc: Any, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    if ufunc in (np.add, np.multiply):
        return (cumsum if ufunc is np.add else cumprod)(x, axis, dtype, out)
    x = array(x)
    x = x if dtype is None else np.astype(x, dtype)
    y, shift = np.moveaxis(x, axis, 0), 1
    if ufunc not in ASSOCIATIVE:
        return np.moveaxis(np.stack(_one_by_one(ufunc, y, "accumulate")), 0, axis)
    while shift < y.shape[0]:
        y = np.concatenate([y[:shift], ufunc(y[:-shift], y[shift:])])
        shift *= 2
    return np.moveaxis(y, 0, axis)


@spells_method(None, "outer")
def ufunc_outer(ufunc: Any, x: Any, y: Any, **kwargs: Any) -> Any:
    x, y = array(x), array(y)
    return ufunc(np.reshape(x, x.shape + (1,) * y.ndim), y, **kwargs)


@spells_method(None, "reduceat")
def ufunc_reduceat(
    ufunc: Any, x: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    """Segment i runs from indices[i] up to indices[i + 1]; one that would be empty is one entry."""
    no_extras(f"np.{ufunc.__name__}.reduceat", out=out)
    x = np.moveaxis(array(x) if dtype is None else np.astype(array(x), dtype), axis, 0)
    cuts = np.asarray(indices).tolist()
    bounds = [(a, max(a + 1, b)) for a, b in zip(cuts, [*cuts[1:], x.shape[0]], strict=True)]
    if any_outside(cuts, x.shape[0]):
        raise IndexError(f"indices {cuts} of reduceat are out of bounds for {x.shape[0]} entries")
    if ufunc is not np.add:
        y = np.stack([ufunc.reduce(x[a:b], axis=0) for a, b in bounds])
        return np.moveaxis(y, 0, axis)
    rows = np.concatenate([np.arange(a, b) for a, b in bounds])
    labels = np.repeat(np.arange(len(bounds)), [b - a for a, b in bounds])
    y = picks.scatter(np.take(x, rows, axis=0), labels, shape=(len(bounds), *x.shape[1:]))
    return np.moveaxis(y, 0, axis)


def any_outside(places: list[int], n: int) -> bool:
    return any(not 0 <= i < n for i in places)
