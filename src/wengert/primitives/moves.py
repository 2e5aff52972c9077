"""Views and writes at a place that moves: what a loop's body says for x[t] and y[t + 1] = v.

    take_moved     x[index + by]
    place_moved    zeros with u at index + by
    put_moved      x with v written at index + by

`index` is as in `take`; `by` is one integer operand for each of `axes`, in whose direction the
index moves. The moved index must lie in the array (IndexError).
"""

import numpy as np

from wengert.ir.families import View
from wengert.ir.primitive import REGISTRY, Adjoints, Primitive
from wengert.primitives.picks import gather
from wengert.primitives.views import _index, broadcast, cut_shape
from wengert.primitives.writes import put_at


def moved(index, axes, by, shape):
    """The index at its new place."""
    new = list(index)
    for a, b in zip(axes, by, strict=True):
        i, b = index[a], int(b)
        first, last = (i, i) if isinstance(i, int) else (i[0], i[0] + (len(range(*i)) - 1) * i[2])
        if not (0 <= first + b < shape[a] and 0 <= last + b < shape[a]):
            raise IndexError(f"index {i} moved by {b} is out of bounds for size {shape[a]}")
        new[a] = i + b if isinstance(i, int) else (i[0] + b, max(last + b + i[2], -1), i[2])
    return tuple(new)


def _take(x, *by, index, axes):
    return x[_index(moved(index, axes, by, x.shape))]


def _place(u, *by, shape, index, axes):
    out = np.zeros(shape, u.dtype)
    out[_index(moved(index, axes, by, shape))] = u
    return out


def _put(x, v, *by, index, axes):
    y = np.array(x)
    y[_index(moved(index, axes, by, x.shape))] = v
    return y


def _cleared(u, v, *by, index, axes):
    return put_moved(u, np.zeros(v.shape, v.dtype), *by, index=index, axes=axes)


def _lead(value, is_batched, size):
    return value if is_batched else broadcast(value, shape=(size, *value.shape))


def _grids(size, by, batched, index, axes):
    """The places of all elements of a batch of cuts, as `gather` wants them; the batch's axis."""
    shape = (size, *cut_shape(index))
    grids, at = [], 0
    for a, i in enumerate(index):
        line = np.asarray(i)
        if not isinstance(i, int):
            at += 1
            line = np.arange(len(range(*i))) * i[2] + i[0]
            line = line.reshape(-1, *[1] * (len(shape) - 1 - at))
        if a in axes:
            b = by[axes.index(a)]
            b = np.reshape(b, (size, *[1] * (len(shape) - 1))) if batched[axes.index(a)] else b
            line = b + line
        grids.append(np.broadcast_to(line, shape))
    row = np.broadcast_to(np.arange(size).reshape(-1, *[1] * (len(shape) - 1)), shape)
    return row, grids


def _shifted(size, index, axes):
    return {"index": ((0, size, 1), *index), "axes": tuple([a + 1 for a in axes])}


def _take_batch(args, batched, size, index, axes):
    x, *by = args
    if True not in batched[1:]:
        return take_moved(x, *by, **_shifted(size, index, axes))
    row, grids = _grids(size, by, batched[1:], index, axes)
    return gather(x, *([row] if batched[0] else []), *grids)


def _place_batch(args, batched, size, shape, index, axes):
    u, *by = args
    if True not in batched[1:]:
        return place_moved(u, *by, shape=(size, *shape), **_shifted(size, index, axes))
    row, grids = _grids(size, by, batched[1:], index, axes)
    return put_at(np.zeros((size, *shape), u.dtype), _lead(u, batched[0], size), row, *grids)


def _put_batch(args, batched, size, index, axes):
    x, v, *by = args
    x, v = _lead(x, batched[0], size), _lead(v, batched[1], size)
    if True not in batched[2:]:
        return put_moved(x, v, *by, **_shifted(size, index, axes))
    row, grids = _grids(size, by, batched[2:], index, axes)
    return put_at(x, v, row, *grids)


def _none(by):
    return [None] * len(by)


# fmt: off
take_moved = REGISTRY.add(Primitive("take_moved", _take, View(lambda x, *by, index, axes: cut_shape(index), _take_batch),
    Adjoints(lambda u, x, *by, index, axes: (place_moved(u, *by, shape=x.shape, index=index, axes=axes), *_none(by))), "{}[...]"))
place_moved = REGISTRY.add(Primitive("place_moved", _place, View(lambda u, *by, shape, index, axes: shape, _place_batch),
    Adjoints(lambda v, u, *by, shape, index, axes: (take_moved(v, *by, index=index, axes=axes), *_none(by))), "{} placed"))
put_moved = REGISTRY.add(Primitive("put_moved", _put, View(lambda x, v, *by, index, axes: x.shape, _put_batch),
    Adjoints(lambda u, x, v, *by, index, axes: (_cleared(u, v, *by, index=index, axes=axes), take_moved(u, *by, index=index, axes=axes), *_none(by))), "{} with {} written"))
# fmt: on
