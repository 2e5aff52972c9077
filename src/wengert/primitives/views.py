"""Views: elements move, none is computed. Each is linear, and says how it maps over an axis."""

from math import prod

import numpy as np

from wengert.ir.families import View
from wengert.ir.primitive import linear

Index = tuple[int | tuple[int, int, int], ...]
"""An entry for each axis: an integer, not negative, drops it; (start, stop, step) cuts it.

Cuts are normalised: start lies in range, and a stop of -1 means before the first.
"""


def _index(index: Index):
    def cut(i):
        return i if isinstance(i, int) else slice(i[0], None if i[1] < 0 else i[1], i[2])

    return tuple([cut(i) for i in index])


def cut_shape(index: Index):
    """The shape that an index leaves."""
    return tuple([len(range(*i)) for i in index if not isinstance(i, int)])


def _cut_axes(whole, index):
    """Labels of the axes of the whole and of the cut: those left as they are keep theirs."""

    def label(a, side):
        return a if index[a] == (0, whole[a], 1) else (side, a)

    kept = [a for a, i in enumerate(index) if not isinstance(i, int)]
    return (
        tuple([label(a, "cut") for a in range(len(index))]),
        tuple([label(a, "result") for a in kept]),
    )


def _take_axes(x, index):
    whole, cut = _cut_axes(x.shape, index)
    return [whole], [cut]


def _place_axes(u, shape, index):
    whole, cut = _cut_axes(shape, index)
    return [cut], [whole]


def unbroadcast(u, x):
    """Sum over the axes along which a value of x's shape was repeated."""
    lead = len(u.shape) - len(x.shape)
    axes = tuple(i for i, n in enumerate(u.shape) if i < lead or (x.shape[i - lead] == 1 != n))
    return reshape(np.add.reduce(u, axis=axes) if axes else u, shape=x.shape)


def _broadcast(x, shape):
    """np.broadcast_to, five times as quick where memory is in order."""
    x = np.asarray(x)
    if not x.flags.c_contiguous or not x.size:
        return np.broadcast_to(x, shape)
    lead = len(shape) - x.ndim
    steps = [0 if n == 1 else s for n, s in zip(x.shape, x.strides, strict=True)]
    view = np.ndarray(shape, x.dtype, x, 0, (*[0] * lead, *steps))
    view.flags.writeable = False
    return view


def _broadcast_axes(x, shape):
    lead = len(shape) - len(x.shape)
    mine = [("one", i) if n == 1 != shape[i + lead] else i + lead for i, n in enumerate(x.shape)]
    return [tuple(mine)], [tuple(range(len(shape)))]


def _transpose_axes(x, perm):
    return [tuple(range(len(perm)))], [tuple(perm)]


def _same_axes(whole):
    """Labels of a view that leaves some axes as they are: those with whole(i, type, params)."""

    def axes(x, **params):
        kept = [whole(i, x, params) for i in range(len(x.shape))]
        ins = tuple([i if k else ("cut", i) for i, k in enumerate(kept)])
        return [ins], [tuple([i if k else ("result", i) for i, k in enumerate(kept)])]

    return axes


def _place(u, shape, index):
    out = np.zeros(shape, u.dtype)
    out[_index(index)] = u
    return out


def _pad_adjoint(u, x, widths):
    inner = [(lo, lo + n, 1) for (lo, _), n in zip(widths, x.shape, strict=True)]
    return take(u, index=tuple(inner))


def _pad_shape(x, widths):
    return tuple([lo + n + hi for (lo, hi), n in zip(widths, x.shape, strict=True)])


def _split(u, *xs, axis):
    """The pieces of u, one for each operand of a concatenation."""
    ends = np.cumsum([x.shape[axis] for x in xs]).tolist()
    whole = [(0, n, 1) for n in u.shape]
    return tuple(
        [
            take(u, index=(*whole[:axis], (end - x.shape[axis], end, 1), *whole[axis + 1 :]))
            for x, end in zip(xs, ends, strict=True)
        ]
    )


def _join_shape(*xs, axis):
    lead = xs[0].shape
    return (*lead[:axis], int(np.sum([x.shape[axis] for x in xs])), *lead[axis + 1 :])


def _join_axes(*xs, axis):
    def labels(n):
        return tuple((n, i) if i == axis else i for i in range(len(xs[0].shape)))

    return [labels(n) for n in range(len(xs))], [labels("result")]


def _join_batch(xs, batched, size, axis):
    pairs = zip(xs, batched, strict=True)
    full = [x if b else broadcast(x, shape=(size, *x.shape)) for x, b in pairs]
    return concatenate(*full, axis=axis + 1)


def _broadcast_batch(args, batched, size, shape):
    (x,) = args
    ones = (1,) * (len(shape) + 1 - len(x.shape))
    return broadcast(reshape(x, shape=(size, *ones, *x.shape[1:])), shape=(size, *shape))


# fmt: off
broadcast = linear("broadcast", _broadcast,
    View(lambda x, shape: shape, _broadcast_batch, _broadcast_axes),
    lambda u, x, shape: unbroadcast(u, x), notation="1 {}'")
reshape = linear("reshape", lambda x, shape: np.reshape(x, shape),
    View(lambda x, shape: shape, lambda a, b, n, shape: reshape(a[0], shape=(n, *shape))),
    lambda u, x, shape: reshape(u, shape=x.shape), notation="{}")
transpose = linear("transpose", lambda x, perm: np.transpose(x, perm),
    View(lambda x, perm: tuple([x.shape[p] for p in perm]),
         lambda a, b, n, perm: transpose(a[0], perm=(0, *[p + 1 for p in perm])), _transpose_axes),
    lambda u, x, perm: transpose(u, perm=tuple(np.argsort(perm).tolist())), notation="{}'")
flip = linear("flip", lambda x, axes: np.flip(x, axes),
    View(lambda x, axes: x.shape, lambda a, b, n, axes: flip(a[0], axes=tuple([i + 1 for i in axes])),
         _same_axes(lambda i, t, p: True)),
    lambda u, x, axes: flip(u, axes=axes), notation="flip {}")
take = linear("take", lambda x, index: x[_index(index)],
    View(lambda x, index: cut_shape(index),
         lambda a, b, n, index: take(a[0], index=((0, n, 1), *index)), _take_axes),
    lambda u, x, index: place(u, shape=x.shape, index=index), notation="{}[...]")
place = linear("place", _place,
    View(lambda u, shape, index: shape,
         lambda a, b, n, shape, index: place(a[0], shape=(n, *shape), index=((0, n, 1), *index)), _place_axes),
    lambda v, u, shape, index: take(v, index=index), notation="{} placed")
pad = linear("pad", lambda x, widths: np.pad(x, widths) if prod(np.shape(x)) else np.zeros(_pad_shape(x, widths), x.dtype),
    View(_pad_shape, lambda a, b, n, widths: pad(a[0], widths=((0, 0), *widths)),
         _same_axes(lambda i, t, p: p["widths"][i] == (0, 0))),
    _pad_adjoint, notation="pad {}")
concatenate = linear("concatenate", lambda *xs, axis: np.concatenate(xs, axis),
    View(_join_shape, _join_batch, _join_axes), variadic=_split, notation="[{}]")
# fmt: on
