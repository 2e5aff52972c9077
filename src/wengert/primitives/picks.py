"""Selecting and ordering: which element stands where depends on values, and carries no tangent."""

import numpy as np

from wengert.ir.families import Along, Pointwise, Reduction, View
from wengert.ir.primitive import REGISTRY, Adjoints, Differential, Primitive, flat, linear
from wengert.primitives.maps import expand
from wengert.primitives.views import broadcast, transpose


def _select(c, x, y):
    return np.where(c, x, y)[()]


def _masked(u, c):
    return np.where(c, u, 0)


def _gather_shape(x, *indices):
    return (*indices[0].shape, *x.shape[len(indices) :])


def _gather_axes(x, *indices):
    rank = len(indices[0].shape)
    lead = [("i", a) for a in range(rank)]
    rest = [("x", a) for a in range(len(indices), len(x.shape))]
    mine = [("cut", a) for a in range(len(indices))] + rest
    return [tuple(mine), *[tuple(lead)] * len(indices)], [(*lead, *rest)]


def _scatter(u, *indices, shape):
    out = np.zeros(shape, np.asarray(u).dtype)
    np.add.at(out, indices, u)
    return out


def _iota(size, shape):
    return np.broadcast_to(np.arange(size).reshape(size, *[1] * len(shape)), (size, *shape))


def _lead(value, is_batched, size):
    return value if is_batched else broadcast(value, shape=(size, *value.shape))


def _gather_batch(args, batched, size):
    x, *indices = args
    k = len(indices)
    if True not in batched[1:]:  # the same places in each array: let the batch come last
        rest = range(k + 1, len(x.shape))
        y = gather(transpose(x, perm=(*range(1, k + 1), 0, *rest)), *indices)
        rank = len(indices[0].shape)
        return transpose(y, perm=(rank, *range(rank), *range(rank + 1, len(y.shape))))
    full = [_lead(i, b, size) for i, b in zip(indices, batched[1:], strict=True)]
    if not batched[0]:
        return gather(x, *full)
    return gather(x, _iota(size, full[0].shape[1:]), *full)


def _scatter_batch(args, batched, size, shape):
    u, *indices = [_lead(a, b, size) for a, b in zip(args, batched, strict=True)]
    return scatter(u, _iota(size, indices[0].shape[1:]), *indices, shape=(size, *shape))


def _partition_order(x, axis, kth=(0,)):
    """The places in x from which np.partition took its elements."""
    rank = np.argsort(np.argsort(np.partition(x, kth, axis), axis, kind="stable"), axis)
    return np.take_along_axis(np.argsort(x, axis, kind="stable"), rank, axis)


def _order_tangent(dx, y, x, axis):
    return np.take_along_axis(dx, argsort(x, axis=axis), axis)


def _extreme(dx, y, x, axes):
    """Ties share: dy = sum over where(x = y) of dx, divided by their number."""
    hit = x == expand(y, x.shape, axes)
    weight = np.where(hit, 1.0, 0.0)
    return np.add.reduce(weight * dx, axis=axes) / np.add.reduce(weight, axis=axes)


def _arg(function):
    """argmax and argmin over several axes: over one, made of them."""

    def evaluate(x, axes):
        x = np.asarray(x)
        kept = [i for i in range(x.ndim) if i not in axes]
        y = x.transpose(*kept, *axes).reshape(*[x.shape[i] for i in kept], -1)
        return function(y, axis=-1)

    return evaluate


# fmt: off
select = linear("select", _select, Pointwise(conditions=1),
    None, lambda u, c, x, y: _masked(u, c), lambda u, c, x, y: _masked(u, np.logical_not(c)), notation="[{}] {} + [else] {}")
gather = REGISTRY.add(Primitive("gather", lambda x, *indices: x[indices], View(_gather_shape, _gather_batch, _gather_axes),
    Adjoints(lambda u, x, *i: (scatter(u, *i, shape=x.shape), *[None] * len(i))), "{}[{}]"))
scatter = REGISTRY.add(Primitive("scatter", _scatter,
    View(lambda u, *i, shape: shape, _scatter_batch),
    Adjoints(lambda v, u, *i, shape: (gather(v, *i), *[None] * len(i))), "{} added at {}"))
argsort = flat("argsort", lambda x, axis, kind="stable": np.argsort(x, axis=axis, kind=kind), family=Along(dtype="int64"))
partition_order = flat("partition_order", _partition_order, family=Along(dtype="int64"))
sort = REGISTRY.add(Primitive("sort", lambda x, axis: np.sort(x, axis=axis), Along(), Differential((_order_tangent,)), "sort {}"))
max = REGISTRY.add(Primitive("max", lambda x, axes: np.maximum.reduce(x, axis=axes), Reduction(), Differential((_extreme,)), "max {}"))
min = REGISTRY.add(Primitive("min", lambda x, axes: np.minimum.reduce(x, axis=axes), Reduction(), Differential((_extreme,)), "min {}"))
argmax = flat("argmax", _arg(np.argmax), family=Reduction(dtype="int64"))
argmin = flat("argmin", _arg(np.argmin), family=Reduction(dtype="int64"))
any = flat("any", lambda x, axes: np.logical_or.reduce(x, axis=axes), family=Reduction(dtype="bool"))
all = flat("all", lambda x, axes: np.logical_and.reduce(x, axis=axes), family=Reduction(dtype="bool"))
# fmt: on
