"""Writes: an array with some of its elements replaced, linear in it and in what is written."""

import numpy as np

from wengert.ir.families import View
from wengert.ir.primitive import REGISTRY, Adjoints, Primitive
from wengert.primitives.picks import gather
from wengert.primitives.views import _index, broadcast, take


def _put(x, v, index):
    y = np.array(x)  # keeps the order of axes in memory, as NumPy's own write does
    y[_index(index)] = v
    return y


def _put_at(x, v, *indices):
    y = np.array(x)
    y[indices] = v
    return y


def _without(u, v, index):
    return put(u, np.zeros(v.shape, v.dtype), index=index)


def last(shape, indices):
    """Whether each write is the last at its place: of several, only it is seen afterwards."""
    order = np.arange(indices[0].size).reshape(indices[0].shape)
    winner = put_at(np.full(shape[: len(indices)], -1), order, *indices)
    return gather(winner, *indices) == order


def _at_adjoints(u, x, v, *indices):
    rest = (1,) * (len(v.shape) - len(indices[0].shape))
    seen = np.reshape(last(x.shape, indices), (*indices[0].shape, *rest))
    dv = np.where(seen, gather(u, *indices), 0)
    return (put_at(u, np.zeros(v.shape, v.dtype), *indices), dv, *[None] * len(indices))


def _lead(value, is_batched, size):
    return value if is_batched else broadcast(value, shape=(size, *value.shape))


def _put_batch(args, batched, size, index):
    x, v = (_lead(a, b, size) for a, b in zip(args, batched, strict=True))
    return put(x, v, index=((0, size, 1), *index))


def _at_batch(args, batched, size):
    x, v, *indices = (_lead(a, b, size) for a, b in zip(args, batched, strict=True))
    rank = len(indices[0].shape) - 1
    row = np.broadcast_to(np.arange(size).reshape(size, *[1] * rank), indices[0].shape)
    return put_at(x, v, row, *indices)


# fmt: off
put = REGISTRY.add(Primitive("put", _put, View(lambda x, v, index: x.shape, _put_batch),
    Adjoints((lambda u, x, v, index: _without(u, v, index), lambda u, x, v, index: take(u, index=index))),
    "{} with {} written"))
put_at = REGISTRY.add(Primitive("put_at", _put_at, View(lambda x, v, *i: x.shape, _at_batch),
    Adjoints(_at_adjoints), "{} with {} written"))
# fmt: on
