"""x[...]: a basic part (slices, integers, new axes), then an advanced part (arrays, masks)."""

from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier
from wengert.primitives import picks, views
from wengert.primitives.writes import put
from wengert.trace import writes
from wengert.trace.spellings.registry import axis_of, no_extras, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array

SELECT: list[Any] = []
"""What stands for x[mask] where the mask isn't known; from trace.spellings.selection."""


def _full(index: Any, ndim: int) -> list[Any]:
    """The index with its ellipsis written out, one entry for each axis, besides the new ones."""
    items = list(index) if isinstance(index, tuple) else [index]
    items = [_entry(i) for i in items]
    used = sum(_axes_used(i) for i in items)
    if used > ndim:
        raise IndexError(
            f"too many indices for array: it is {ndim}-dimensional, but {used} were indexed"
        )
    dots = [n for n, i in enumerate(items) if i is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(items)
    return items[:at] + [slice(None)] * (ndim - used) + items[at + 1 :]


def _entry(item: Any) -> Any:
    if isinstance(item, bool | np.bool_):
        return np.asarray(item)
    if item is None or item is Ellipsis or isinstance(item, slice | int):
        return item
    if isinstance(item, np.integer):
        return int(item)
    value = array(item)
    if isinstance(value, np.ndarray) and not value.size and value.dtype.kind == "f":
        return value.astype(np.intp)
    if value.dtype.kind not in "iub":
        raise IndexError(
            f"arrays used as indices must be of integer or boolean type, not {value.dtype}"
        )
    return value


def _switch(item: Any) -> Any:
    """Whether a mask of no axes holds, as in x[True]; None for another index."""
    return bool(item) if getattr(item, "shape", None) == () and item.dtype.kind == "b" else None


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if getattr(item, "dtype", None) == np.bool_ else 1


def getitem(x: Any, index: Any) -> Any:
    """x[index], with NumPy's rules for every mixture."""
    if type(index) is int and x.variable.type.shape:
        shape = x.variable.type.shape
        whole = tuple([(0, n, 1) for n in shape[1:]])
        return views.take(x, index=(_bounded(index, shape[0], 0), *whole))
    if type(index) is slice and x.variable.type.shape:
        return _basic(x, [index, *[slice(None)] * (len(x.shape) - 1)])
    items = _full(index, x.ndim)
    switches = [_switch(i) for i in items]
    if True in switches or False in switches:
        return _switched(x, items, switches)
    if not any(hasattr(i, "dtype") for i in items):
        y = _basic(x, items)
        dots = isinstance(index, tuple) and any(i is Ellipsis for i in index)
        if (dots or index is Ellipsis) and not np.shape(y) and isinstance(x, Tracer) and y is not x:
            y = y if isinstance(y, Tracer) else x.tape.constant(np.asarray(y))
            writes.through(x, writes.Step(lambda a: _basic(a, items), _back(items)), y)
        return y.fresh() if y is x and not y.shape else y
    return SELECT[0](x, items[0]) if _by_mask(x, items) else _advanced(x, items)


def _by_mask(x: Any, items: list[Any]) -> bool:
    """Whether this is a mask, not known yet, over the first axes of x."""
    mask, *rest = items
    return (
        isinstance(mask, Tracer)
        and mask.dtype.kind == "b"
        and all(isinstance(i, slice) and i == slice(None) for i in rest)
        and mask.shape == x.shape[: mask.ndim]
        and x.size > 0
        and mask.known() is None
    )


def _switched(x: Any, items: list[Any], switches: list[Any]) -> Any:
    """A mask of no axes is an axis of length one, of which it takes the one entry or none."""
    shape: list[int] = []
    axis = 0
    for item, on in zip(items, switches, strict=True):
        used = 0 if on is not None else _axes_used(item)
        shape += [*x.shape[axis : axis + used], *([] if on is None else [1])]
        axis += used
    pairs = zip(items, switches, strict=True)
    taken = [i if on is None else np.zeros(int(on), int) for i, on in pairs]
    return _advanced(np.reshape(x, tuple(shape)), taken)


def cuts(x: Any, items: list[Any]) -> tuple[Any, ...]:
    """Integers and slices, one for each axis, normalised as `take` and `put` want them."""
    index: list[Any] = []
    for axis, item in enumerate(items):
        n = x.shape[axis]
        if isinstance(item, slice):
            cut = item.indices(n)
            index.append(cut if len(range(*cut)) else (0, 0, 1))
        else:
            index.append(_bounded(item, n, axis))
    return tuple(index)


def _basic(x: Any, items: list[Any]) -> Any:
    """Integers and slices as one `take`; new axes as a reshape of what it gives."""
    index: list[Any] = []
    shape: list[int] = []
    element = None in items and not any(isinstance(i, slice) for i in items)
    for item in items:
        if item is None:
            shape.append(1)
            continue
        axis = len(index)
        n = x.shape[axis]
        if element:  # x[0, None] is a view, x[0] is none
            i = _bounded(item, n, axis)
            index.append((i, i + 1, 1))
        elif isinstance(item, slice):
            cut = item.indices(n)
            length = len(range(*cut))
            index.append(cut if length else (0, 0, 1))
            shape.append(length)
        else:
            index.append(_bounded(item, n, axis))
    whole = all(i == (0, n, 1) for i, n in zip(index, x.shape, strict=True))
    y = x if whole else views.take(x, index=tuple(index))
    return y if tuple(shape) == y.shape else np.reshape(y, tuple(shape))


def _back(items: list[Any]) -> Any:
    """The write back into an array of what these integers and slices, one an axis, took of it."""
    return lambda parent, new: put(parent, new, index=cuts(parent, items))


def _bounded(i: int, n: int, axis: int) -> int:
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
    return i % n


def _mask_indices(mask: Any) -> list[Any]:
    """A mask as integer indices: the shape of what it picks depends on all its entries."""
    value = mask.ask("A boolean mask as an index") if isinstance(mask, Tracer) else mask
    return list(np.nonzero(np.asarray(value)))


def _advanced(x: Any, items: list[Any]) -> Any:
    """Basic parts first, then one gather over the advanced axes brought to the front."""
    basic: list[Any] = []
    arrays: list[tuple[int, Any]] = []  # (axis after the basic part, indices)
    places: list[int] = []
    axis = 0
    for place, item in enumerate(items):
        if hasattr(item, "dtype"):
            parts = [item]
            if item.dtype.kind == "b":
                size = x.shape[sum(_axes_used(i) for i in items[:place]) :][: item.ndim]
                if size != item.shape:
                    raise IndexError(
                        f"boolean index of shape {item.shape} did not match axes of shape {size}"
                    )
                parts = _mask_indices(item)
            for part in parts:
                arrays.append((axis, part))
                basic.append(slice(None))
                axis += 1
            places.append(place)
        elif isinstance(item, int):
            arrays.append((axis, np.asarray(item)))  # among arrays an integer counts as one
            basic.append(slice(None))
            places.append(place)
            axis += 1
        else:
            basic.append(item)
            axis += 1
    adjacent = places == list(range(places[0], places[0] + len(places)))
    x = _basic(x, basic)
    axes = [a for a, _ in arrays]
    rest = [a for a in range(x.ndim) if a not in axes]
    sizes = [x.shape[a] for a in axes]
    indices = [_in_range(i, n, a) for (a, i), n in zip(arrays, sizes, strict=True)]
    shape = np.broadcast_shapes(*[i.shape for i in indices])
    indices = [i if i.shape == shape else np.broadcast_to(i, shape) for i in indices]
    y = picks.gather(np.transpose(x, (*axes, *rest)), *indices)
    if adjacent and axes[0]:
        y = np.moveaxis(y, list(range(len(shape))), list(range(axes[0], axes[0] + len(shape))))
    return y


def _in_range(index: Any, n: int, axis: int) -> Any:
    """Indices made not negative; IndexError for what lies outside, where that is known."""
    traced = isinstance(index, Tracer)
    value: Any = index.known() if traced else index
    if value is None and index.dtype.kind == "u":
        return index
    if value is None:  # what is too low stays so: NumPy raises when it runs
        return np.where((index < 0) & (index >= -n), index + n, index)
    value = np.asarray(value)
    if value.size and not (-n <= value.min() and value.max() < n):
        bad = value.max() if value.max() >= n else value.min()
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {n}")
    if traced:
        return np.where(index < 0, index + n, index)
    return np.where(value < 0, value + n, value) if (value < 0).any() else value


Tracer.__getitem__ = getitem


@spells(np.take)
def take(x: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    no_extras("np.take", out=out)
    if axis is None:
        x, axis = np.ravel(x), 0
    x, axis = array(x), axis_of(axis, array(x).ndim)
    indices, n = array(indices), array(x).shape[axis]
    if mode != "raise":
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else np.remainder(indices, n)
    if not isinstance(x, Carrier):
        return _take_constant(x, indices, axis)
    return getitem(x, (*[slice(None)] * axis, indices))


def _take_constant(x: Any, indices: Any, axis: int) -> Any:
    """Traced indices into an array known now."""
    rest = [a for a in range(x.ndim) if a != axis]
    y = picks.gather(np.transpose(x, (axis, *rest)), _in_range(indices, x.shape[axis], axis))
    rank = indices.ndim
    return np.moveaxis(y, list(range(rank)), list(range(axis, axis + rank)))


@spells(np.take_along_axis)
def take_along_axis(x: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    x, indices = array(x), array(indices)
    axis = axis_of(axis, x.ndim)
    shape = tuple(
        [
            i if a == axis else max(i, n)
            for a, (i, n) in enumerate(zip(indices.shape, x.shape, strict=True))
        ]
    )
    index: list[Any] = []
    for a, n in enumerate(shape):
        line = np.arange(n).reshape([-1 if b == a else 1 for b in range(x.ndim)])
        index.append(np.broadcast_to(line, shape))
    whole = np.broadcast_to(indices, shape)
    index[axis] = _in_range(whole, x.shape[axis], axis)
    return picks.gather(x, *index)


@spells(np.diagonal)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    y = _diagonal(x, offset, axis1, axis2)
    if isinstance(x, Tracer) and isinstance(y, Tracer):  # NumPy's is a view, read-only
        chosen = {"offset": offset, "axis1": axis1, "axis2": axis2}

        def view(a: Any) -> Any:
            return (_diagonal if isinstance(a, Tracer) else np.diagonal)(a, **chosen)

        writes.through(x, writes.Step(view), y)
    return y


def _diagonal(x: Any, offset: int, axis1: int, axis2: int) -> Any:
    x = np.moveaxis(x, (axis1, axis2), (-2, -1))
    i = np.arange(np.diagonal(np.empty(x.shape[-2:]), offset).shape[0])
    return x[..., i - min(offset, 0), i + max(offset, 0)]


spells(np.linalg.diagonal)(lambda x, /, *, offset=0: diagonal(x, offset, -2, -1))


@spells(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return diagonal(v, k)
    n = v.shape[0] + abs(k)
    i = np.arange(v.shape[0])
    return picks.scatter(v, i - min(k, 0), i + max(k, 0), shape=(n, n))


@spells(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(np.ravel(v), k)


@spells(np.trace)
def trace(
    x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    no_extras("np.trace", out=out)
    return np.sum(diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)


spells(np.linalg.trace)(lambda x, /, *, offset=0, dtype=None: trace(x, offset, -2, -1, dtype))


@spells(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    return np.where(np.tri(*m.shape[-2:], k=k, dtype=bool), m, 0)


@spells(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    return np.where(np.tri(*m.shape[-2:], k=k - 1, dtype=bool), 0, m)


@spells(np.nonzero)
def nonzero(x: Any) -> Any:
    return tuple(_mask_indices(x != 0))


spells(np.flatnonzero)(lambda x: nonzero(np.ravel(x))[0])
spells(np.argwhere)(lambda x: np.stack(nonzero(x), -1))


@spells(np.compress)
def compress(condition: Any, x: Any, axis: Any = None, out: Any = None) -> Any:
    x = array(x)
    if axis is None:
        x, axis = np.ravel(x), 0
    return np.take(x, _mask_indices(array(condition))[0], axis)


@spells(np.extract)
def extract(condition: Any, x: Any) -> Any:
    return compress(np.ravel(array(condition)), np.ravel(x))


@spells(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    whole = np.stack(np.broadcast_arrays(*choices))
    return np.take_along_axis(whole, np.broadcast_to(a, whole.shape[1:])[None], 0)[0]


@spells(np.select)
def select(conditions: Any, choices: Any, default: Any = 0) -> Any:
    y = default
    for c, v in zip(reversed(conditions), reversed(choices), strict=True):
        y = np.where(c, v, y)
    return y


@spells(np.sort)
def sort(x: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    return picks.sort(x, axis=axis_of(axis, x.ndim))


@spells(np.argsort)
def argsort(
    x: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    if stable or kind in ("stable", "mergesort"):
        return picks.argsort(x, axis=axis_of(axis, x.ndim))
    return picks.argsort(x, axis=axis_of(axis, x.ndim), kind=kind or "quicksort")


@spells(np.sort_complex)
def sort_complex(x: Any) -> Any:
    return sort(np.astype(x, np.complex128))


@spells(np.partition)
def partition(x: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
    """The elements in the order that NumPy's own selection leaves them in."""
    if axis is None:
        x, axis = np.ravel(x), 0
    axis = axis_of(axis, x.ndim)
    order = picks.partition_order(x, axis=axis, kth=tuple(np.atleast_1d(kth).tolist()))
    return np.take_along_axis(x, order, axis)


@spells(np.argpartition)
def argpartition(x: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    kths = tuple(np.atleast_1d(kth).tolist())
    return picks.partition_order(x, axis=axis_of(axis, x.ndim), kth=kths)


@spells(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """How many elements of a stand before v: a count, with no tangent."""
    a, v = array(a), array(v)
    a = a if sorter is None else np.take(a, sorter)
    column = np.reshape(v, (*v.shape, 1))
    return np.sum(np.less(a, column) if side == "left" else np.less_equal(a, column), axis=-1)
