"""Medians and quantiles: a place between two neighbours in the sorted values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.primitives import picks
from wengert.trace.refusals import unsupported
from wengert.trace.spellings.indexing import take
from wengert.trace.spellings.registry import axes_of, no_extras, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array

Keep = np._NoValue


def _rows(x: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """The folded axes as one, sorted and brought to the front; which they are."""
    x = array(x)
    x = np.astype(x, np.float64) if x.dtype.kind in "biu" else x
    axes = axes_of(axis, x.ndim)
    kept = [i for i in range(x.ndim) if i not in axes]
    lead = int(np.prod([x.shape[i] for i in axes], dtype=int))
    rows = np.reshape(np.transpose(x, (*axes, *kept)), (lead, *[x.shape[i] for i in kept]))
    return picks.sort(rows, axis=0), axes


def _kept(y: Any, ndim: int, axes: tuple[int, ...], lead: int, keepdims: Any) -> Any:
    """y, whose first axes are those of q, with axes of length one where some were folded."""
    return np.expand_dims(y, tuple([a + lead for a in axes])) if keepdims is True else y


def _between(a: Any, b: Any, t: Any) -> Any:
    """a + t (b - a), from the nearer end as NumPy computes it."""
    return np.where(t >= 0.5, b - (b - a) * (1 - t), a + (b - a) * t)


def _place(q: Any, n: int, method: str) -> Any:
    """Where quantile q of n sorted values stands: NumPy's own answer for the values 0, 1, 2 ..."""
    if not isinstance(q, Tracer):
        return np.quantile(np.arange(float(n)), q, method=method)
    if method != "linear":
        raise unsupported(f"np.quantile with a traced q and method={method!r}")
    return np.multiply(q, n - 1.0)


def _places(q: Any, most: int, method: str) -> Any:
    """The same for 0, 1, ... up to `most` values."""
    if method == "linear":
        return np.multiply.outer(np.maximum(np.arange(most + 1.0) - 1, 0), q)
    none = np.zeros(q.shape)
    return np.stack([none, *[_place(q, k, method) for k in range(1, most + 1)]])


def _at(rows: Any, place: Any) -> Any:
    """The values at these places, an axis of places in front."""
    n = rows.shape[0]
    low = np.clip(np.floor(place), 0, n - 1)
    t = np.astype(place - low, rows.dtype)
    low = np.astype(low, np.int64)
    high = np.minimum(low + 1, n - 1)
    t = np.reshape(t, t.shape + (1,) * (rows.ndim - 1))
    y = _between(take(rows, low, axis=0), take(rows, high, axis=0), t)
    return np.where(np.isnan(rows[-1]), np.nan, y) if rows.dtype.kind == "f" else y


@spells(np.quantile)
def quantile(
    x: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    no_extras("np.quantile", out=out, weights=weights)
    rows, axes = _rows(x, axis)
    q = q if isinstance(q, Tracer) else np.asarray(q, float)
    y = _at(rows, _place(q, rows.shape[0], method))
    return _kept(y, np.ndim(x), axes, q.ndim, keepdims)


@spells(np.nanquantile)
def nanquantile(
    x: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Each column has its own number of values: the places are a table of them."""
    no_extras("np.nanquantile", out=out, weights=weights)
    rows, axes = _rows(x, axis)
    if isinstance(q, Tracer):
        raise unsupported("np.nanquantile with a traced q")
    q = np.asarray(q, float)
    flat = np.reshape(rows, (rows.shape[0], -1))
    n, columns = flat.shape
    count = np.sum(np.logical_not(np.isnan(flat)), axis=0)
    place = np.moveaxis(take(_places(q, n, method), count, axis=0), 0, -1)
    low = np.astype(np.floor(place), np.int64)
    t = np.astype(place - np.floor(place), rows.dtype)
    high = np.minimum(low + 1, n - 1)
    which = np.broadcast_to(np.arange(columns), low.shape)
    y = _between(picks.gather(flat, low, which), picks.gather(flat, high, which), t)
    y = np.where(t == 0, picks.gather(flat, low, which), y)  # what stands above may be a nan
    y = np.reshape(y, q.shape + rows.shape[1:])
    return _kept(y, np.ndim(x), axes, q.ndim, keepdims)


@spells(np.median)
def median(
    x: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    no_extras("np.median", out=out)
    rows, axes = _rows(x, axis)
    n = rows.shape[0]
    middle = rows[n // 2] if n % 2 else (rows[n // 2 - 1] + rows[n // 2]) / 2
    y = np.where(np.isnan(rows[-1]), np.nan, middle)
    return _kept(y, np.ndim(x), axes, 0, keepdims)


@spells(np.nanmedian)
def nanmedian(
    x: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    return nanquantile(x, 0.5, axis, out, keepdims=keepdims)


def _percent(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, q, *args, **kwargs: function(x, np.true_divide(q, 100), *args, **kwargs)


spells(np.percentile)(_percent(quantile))
spells(np.nanpercentile)(_percent(nanquantile))
