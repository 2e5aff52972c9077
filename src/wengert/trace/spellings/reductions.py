"""Reductions and running sums, in NumPy's spelling: axis may be None, negative or a tuple."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.primitives import folds, maps, picks
from wengert.trace.spellings.registry import axes_of, axis_of, no_extras, spells
from wengert.trace.unify import array


def folded(primitive: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    """A reduction over `axis`; the axes stay, of length one, if keepdims."""
    axes = axes_of(axis, x.ndim)
    y = primitive(x, axes=axes) if axes or x.dtype.kind == "b" else x
    if keepdims is True:
        return np.reshape(y, tuple([1 if i in axes else n for i, n in enumerate(x.shape)]))
    return y


def accumulator(x: Any, dtype: Any) -> Any:
    """Sums and products of small integers and of booleans run in int64, as NumPy's do."""
    x = array(x)
    if dtype is not None:
        x = np.astype(x, dtype)
    if x.dtype.kind in "bi" and x.dtype.itemsize < 8:
        return np.astype(x, np.int64)
    return np.astype(x, np.uint64) if x.dtype.kind == "u" and x.dtype.itemsize < 8 else x


def narrowed(y: Any, dtype: Any) -> Any:
    """The small integers that were asked for: sums wrap around in the end as they do on the way."""
    return y if dtype is None else np.astype(y, dtype)


def masked(x: Any, where: Any, neutral: Any) -> Any:
    return x if where is True or where is np._NoValue else np.where(where, x, neutral)


Keep = np._NoValue


@spells(np.sum)
def sum(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = Keep,
    initial: Any = Keep,
    where: Any = Keep,
) -> Any:
    no_extras("np.sum", out=out)
    y = narrowed(folded(maps.sum, masked(accumulator(x, dtype), where, 0), axis, keepdims), dtype)
    return y if initial is Keep or initial is None else y + initial


@spells(np.prod)
def prod(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = Keep,
    initial: Any = Keep,
    where: Any = Keep,
) -> Any:
    no_extras("np.prod", out=out)
    y = narrowed(folded(folds.prod, masked(accumulator(x, dtype), where, 1), axis, keepdims), dtype)
    return y if initial is Keep or initial is None else y * initial


def _extreme(primitive: Any, pair: Any, worst: float) -> Callable[..., Any]:
    def extreme(
        x: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = Keep,
        initial: Any = Keep,
        where: Any = Keep,
    ) -> Any:
        no_extras(f"np.{primitive.name}", out=out)
        start = initial is not Keep and initial is not None
        y = folded(primitive, masked(x, where, initial if start else worst), axis, keepdims)
        return pair(y, initial) if start else y

    return extreme


amax = spells(np.max, np.amax)(_extreme(picks.max, np.maximum, -np.inf))
amin = spells(np.min, np.amin)(_extreme(picks.min, np.minimum, np.inf))


def _unless_nan(x: Any, value: float) -> Any:
    x = array(x)
    return np.where(np.isnan(x), value, x) if x.dtype.kind in "fc" else x


@spells(np.nanmax)
def nanmax(x: Any, axis: Any = None, out: Any = None, keepdims: Any = Keep, **kwargs: Any) -> Any:
    return amax(_unless_nan(x, -np.inf), axis, out, keepdims, **kwargs)


@spells(np.nanmin)
def nanmin(x: Any, axis: Any = None, out: Any = None, keepdims: Any = Keep, **kwargs: Any) -> Any:
    return amin(_unless_nan(x, np.inf), axis, out, keepdims, **kwargs)


@spells(np.nansum)
def nansum(x: Any, axis: Any = None, **kwargs: Any) -> Any:
    return sum(_unless_nan(x, 0.0), axis, **kwargs)


@spells(np.nanprod)
def nanprod(x: Any, axis: Any = None, **kwargs: Any) -> Any:
    return prod(_unless_nan(x, 1.0), axis, **kwargs)


def _number(x: Any, axis: Any) -> int:
    count = 1
    for a in axes_of(axis, x.ndim):
        count *= x.shape[a]
    return count


def _floats(x: Any, dtype: Any) -> Any:
    x = array(x)
    if dtype is not None:
        return np.astype(x, dtype)
    return np.astype(x, np.float64) if x.dtype.kind in "biu" else x


@spells(np.mean)
def mean(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = Keep,
    *,
    where: Any = Keep,
) -> Any:
    no_extras("np.mean", out=out)
    x = _floats(x, dtype)
    if where is not Keep and where is not True:
        count = np.sum(np.broadcast_to(where, x.shape), axis=axis, keepdims=keepdims is True)
        total = sum(x, axis, keepdims=keepdims, where=where)
        return np.astype(total / count, total.dtype)
    return sum(x, axis, keepdims=keepdims) / _number(x, axis)


@spells(np.average)
def average(
    x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = Keep
) -> Any:
    x = _floats(x, None)
    if weights is None:
        y, total = mean(x, axis, keepdims=keepdims), np.asarray(float(_number(x, axis)))
    else:
        w = array(weights)
        if w.shape != x.shape:
            axes = [axis_of(a, x.ndim) for a in np.atleast_1d(axis)]
            w = np.transpose(w, np.argsort(axes).tolist())
            w = np.reshape(w, tuple([n if i in axes else 1 for i, n in enumerate(x.shape)]))
            w = np.broadcast_to(w, x.shape)
        total = np.sum(w, axis=axis, keepdims=keepdims is True)
        y = sum(x * w, axis, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, np.shape(y))) if returned else y


@spells(np.var)
def var(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = Keep,
    *,
    where: Any = Keep,
    mean: Any = Keep,
    correction: Any = Keep,
) -> Any:
    no_extras("np.var", out=out)
    x = _floats(x, dtype)
    ddof = ddof if correction is Keep else correction
    d = x - (np.mean(x, axis=axis, keepdims=True, where=where) if mean is Keep else mean)
    squares = np.real(d * np.conjugate(d)) if x.dtype.kind == "c" else np.square(d)
    total = sum(squares, axis, keepdims=keepdims, where=where)
    if where is Keep or where is True:
        return total / max(_number(x, axis) - ddof, 0)
    count = np.sum(np.broadcast_to(where, x.shape), axis=axis, keepdims=keepdims is True)
    return np.astype(total / np.maximum(count - ddof, 0), total.dtype)


@spells(np.std)
def std(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = Keep,
    **kwargs: Any,
) -> Any:
    v = var(x, axis, dtype, out, ddof, keepdims, **kwargs)
    return safe_sqrt(v)


def safe_sqrt(s: Any) -> Any:
    """sqrt of a sum of squares: where it is 0 the gradient is 0 (a minimum), not infinite."""
    return np.where(s == 0, 0.0, np.sqrt(np.where(s == 0, 1.0, s)))


def _nan_moment(moment: Any) -> Any:
    def spelling(
        x: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = Keep,
    ) -> Any:
        good = np.logical_not(np.isnan(x))
        count = np.sum(good, axis=axis, keepdims=True)
        m = np.sum(np.where(good, x, 0.0), axis=axis, keepdims=True) / count
        d = np.where(good, x - m, 0.0)
        squeezed = keepdims is True
        n = count if squeezed else np.squeeze(count, axis_tuple(x, axis))
        v = np.sum(d * d, axis=axis, keepdims=squeezed) / (n - ddof)
        return moment(v)

    return spelling


def axis_tuple(x: Any, axis: Any) -> tuple[int, ...]:
    return axes_of(axis, x.ndim)


spells(np.nanvar)(_nan_moment(lambda v: v))
spells(np.nanstd)(_nan_moment(safe_sqrt))


@spells(np.nanmean)
def nanmean(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = Keep,
    *,
    where: Any = Keep,
) -> Any:
    keep = keepdims is True
    return np.nansum(x, axis=axis, keepdims=keep) / np.sum(
        np.logical_not(np.isnan(x)), axis=axis, keepdims=keep
    )


@spells(np.ptp)
def ptp(x: Any, axis: Any = None, out: Any = None, keepdims: Any = Keep) -> Any:
    return amax(x, axis, out, keepdims) - amin(x, axis, out, keepdims)


@spells(np.any)
def any(
    x: Any, axis: Any = None, out: Any = None, keepdims: Any = Keep, *, where: Any = Keep
) -> Any:
    return folded(picks.any, np.astype(masked(x, where, False), bool), axis, keepdims)


@spells(np.all)
def all(
    x: Any, axis: Any = None, out: Any = None, keepdims: Any = Keep, *, where: Any = Keep
) -> Any:
    return folded(picks.all, np.astype(masked(x, where, True), bool), axis, keepdims)


@spells(np.count_nonzero)
def count_nonzero(x: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return sum(x != 0, axis, keepdims=keepdims)


@spells(np.argmax)
def argmax(x: Any, axis: Any = None, out: Any = None, *, keepdims: Any = Keep) -> Any:
    return folded(picks.argmax, x, axis, keepdims)


@spells(np.argmin)
def argmin(x: Any, axis: Any = None, out: Any = None, *, keepdims: Any = Keep) -> Any:
    return folded(picks.argmin, x, axis, keepdims)


def along(primitive: Any, x: Any, axis: Any) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    return primitive(x, axis=axis_of(axis, x.ndim))


@spells(np.cumsum)
def cumsum(x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    no_extras("np.cumsum", out=out)
    return narrowed(along(maps.cumsum, accumulator(x, dtype), axis), dtype)


@spells(np.cumprod)
def cumprod(x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    no_extras("np.cumprod", out=out)
    return narrowed(along(folds.cumprod, accumulator(x, dtype), axis), dtype)


def _cumulative(function: Any, neutral: int) -> Any:
    def spelling(
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Any:
        axis = 0 if axis is None else axis
        y = function(x, axis, dtype)
        if not include_initial:
            return y
        lead = np.full(
            [1 if i == axis_of(axis, x.ndim) else n for i, n in enumerate(x.shape)],
            neutral,
            y.dtype,
        )
        return np.concatenate([lead, y], axis)

    return spelling


spells(np.cumulative_sum)(_cumulative(cumsum, 0))
spells(np.cumulative_prod)(_cumulative(cumprod, 1))
