"""Counting: bins, histograms and sorted sets. Counts are constants, weights are counted linearly.

Which values there are in a set, and how many bins a count has, must be known.
"""

from typing import Any

import numpy as np

from wengert.primitives import picks
from wengert.trace.spellings.registry import axis_of, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array


def value(x: Any, asker: str) -> Any:
    """The array itself; ConcreteError where only its type is known."""
    return x.ask(asker) if isinstance(x, Tracer) else np.asarray(x)


def totals(places: Any, weights: Any, size: int) -> Any:
    """For each of `size` places the sum of the weights that fall there."""
    weights = array(weights)
    weights = np.astype(weights, np.float64) if weights.dtype != np.float64 else weights
    return picks.scatter(weights, places, shape=(size,))


@spells(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = value(x, "np.bincount")
    if weights is None:
        return np.bincount(places, None, minlength)
    size = len(np.bincount(places, None, minlength))
    if np.shape(weights) != places.shape:
        raise ValueError("The weights and list don't have the same length.")
    return totals(places, weights, size)


@spells(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """The number of edges at or below x; where the edges fall, of those above it."""
    x, bins = array(x), array(bins)
    column = np.reshape(x, (*x.shape, 1))
    below = np.sum(bins < column if right else bins <= column, axis=-1)
    above = np.sum(bins >= column if right else bins > column, axis=-1)
    return np.where(bins[:1].sum() <= bins[-1:].sum(), below, above)


def _edges(x: Any, bins: Any, limits: Any) -> Any:
    """The edges of the bins; between the extremes of x unless limits are given."""
    if isinstance(bins, str):
        bins = len(np.histogram_bin_edges(value(x, "np.histogram"), bins, limits)) - 1
    if not np.isscalar(bins):
        return array(bins)
    number = int(bins)
    if number < 1:
        raise ValueError("`bins` must be positive, when an integer")
    low, high = (np.min(x), np.max(x)) if limits is None else limits
    same = np.where(np.equal(low, high), 0.5, 0.0)  # as NumPy does where all values are the same
    return np.linspace(low - same, high + same, number + 1)


@spells(np.histogram_bin_edges)
def histogram_bin_edges(x: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    return _edges(np.ravel(array(x)), bins, range)


def _bin(x: Any, edges: Any) -> tuple[Any, Any]:
    """The bin that each x falls into, and whether there is one; the last holds its upper edge."""
    n = edges.shape[0] - 1
    k = np.sum(edges <= np.reshape(x, (*x.shape, 1)), axis=-1) - 1
    k = np.where(x == edges[-1], n - 1, k)
    return np.clip(k, 0, n - 1), np.logical_and(k >= 0, k < n)


def _counted(place: Any, inside: Any, weights: Any, size: int) -> Any:
    if weights is None:
        return picks.scatter(np.astype(array(inside), np.int64), place, shape=(size,))
    weights = np.ravel(array(weights))
    weights = np.astype(weights, np.int64) if weights.dtype.kind == "b" else weights
    return picks.scatter(np.where(inside, weights, 0), place, shape=(size,))


@spells(np.histogram)
def histogram(
    x: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    x = np.ravel(array(x))
    edges = _edges(x, bins, range)
    counts = _counted(*_bin(x, edges), weights, edges.shape[0] - 1)
    if density:
        width = np.diff(edges)
        counts = counts / width / np.sum(counts)
    return counts, edges


@spells(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    rows = [array(s) for s in sample] if isinstance(sample, list | tuple) else None
    x = np.stack(rows, axis=-1) if rows else array(sample)
    x = x[:, None] if x.ndim == 1 else x
    n = x.shape[1]
    bins = bins if isinstance(bins, list | tuple) else [bins] * n
    limits = [None] * n if range is None else range
    columns = [x[:, i] for i in np.arange(n).tolist()]
    edges = [_edges(c, b, r) for c, b, r in zip(columns, bins, limits, strict=True)]
    place: Any = 0
    inside: Any = True
    for column, e in zip(columns, edges, strict=True):
        k, good = _bin(column, e)
        place, inside = place * (e.shape[0] - 1) + k, np.logical_and(inside, good)
    shape = tuple([e.shape[0] - 1 for e in edges])
    counts = _counted(place, inside, weights, int(np.prod(shape)))
    counts = np.reshape(np.astype(counts, np.float64), shape)
    if density:
        total = np.sum(counts)
        for i, e in enumerate(edges):
            width = np.diff(e)
            counts = counts / np.reshape(width, [-1 if j == i else 1 for j, _ in enumerate(shape)])
        counts = counts / total
    return counts, edges


@spells(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    many = np.ndim(bins) == 1 if not isinstance(bins, list | tuple) else len(bins) > 2
    bins = [bins, bins] if many else bins
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]


# --- sets: known values, found once and taken again, so that their derivatives are kept


@spells(np.unique)
def unique(
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    x = array(x)
    found = np.unique(value(x, "np.unique"), True, True, True, axis, equal_nan=equal_nan)
    _, index, inverse, counts = found
    y = np.take(np.ravel(x), index) if axis is None else np.take(x, index, axis_of(axis, x.ndim))
    extras = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    extra = [result for wanted, result in extras if wanted]
    return (y, *extra) if extra else y


def _unique_result(function: Any, *extras: int) -> Any:
    def spelling(x: Any, /) -> Any:
        found = unique(x, True, True, True, equal_nan=False)
        kind = type(function(np.empty(0)))
        return kind(*[found[i] for i in (0, *extras)])

    return spelling


spells(np.unique_all)(_unique_result(np.unique_all, 1, 2, 3))
spells(np.unique_counts)(_unique_result(np.unique_counts, 3))
spells(np.unique_inverse)(_unique_result(np.unique_inverse, 2))
spells(np.unique_values)(lambda x, /: unique(x, equal_nan=False))


@spells(np.union1d)
def union1d(x: Any, y: Any) -> Any:
    return unique(np.concatenate([np.ravel(array(x)), np.ravel(array(y))]))


@spells(np.intersect1d)
def intersect1d(x: Any, y: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    x = np.ravel(array(x))
    values = value(x, "np.intersect1d"), value(y, "np.intersect1d")
    _, i, j = np.intersect1d(*values, assume_unique, True)
    common = np.take(x, i)
    return (common, i, j) if return_indices else common


@spells(np.setdiff1d)
def setdiff1d(x: Any, y: Any, assume_unique: bool = False) -> Any:
    x = np.ravel(array(x)) if assume_unique else unique(x)
    inside = np.isin(value(x, "np.setdiff1d"), value(y, "np.setdiff1d"))
    return np.take(x, np.flatnonzero(~inside))


@spells(np.setxor1d)
def setxor1d(x: Any, y: Any, assume_unique: bool = False) -> Any:
    left, right = setdiff1d(x, y, assume_unique), setdiff1d(y, x, assume_unique)
    return np.sort(np.concatenate([left, right]))


@spells(np.isin)
def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Any:
    element = array(element)
    column = np.reshape(element, (*element.shape, 1))
    found = np.any(column == np.ravel(array(test_elements)), axis=-1)
    return np.logical_not(found) if invert else found


# --- orders and places: whole numbers of NumPy's own, of known values


@spells(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Any:
    return np.lexsort([value(k, "np.lexsort") for k in keys], axis)


@spells(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    known = tuple([value(i, "np.ravel_multi_index") for i in multi_index])
    return np.ravel_multi_index(known, dims, mode, order)


@spells(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> Any:
    """Quotients and remainders: known or not, as the indices are."""
    indices, found = array(indices), []
    for n in reversed(shape) if order == "C" else shape:
        found.append(np.remainder(indices, n))
        indices = np.floor_divide(indices, n)
    return tuple(found[::-1] if order == "C" else found)
