"""Views: elements move, none is computed. Each is linear; each says how it maps over one more axis."""

from math import prod

import numpy as np

from wengert.ir.families import View
from wengert.ir.primitive import linear

Slices = tuple[tuple[int, int, int], ...]
"""(start, stop, step) for each axis, normalised: start in range, and stop -1 = before the first."""


def _slice(start, stop, step):
    return slice(start, None if stop < 0 else stop, step)


def _index(slices: Slices):
    return tuple([_slice(*s) for s in slices])


def _length(start, stop, step):
    return len(range(start, stop, step))


def unbroadcast(u, x):
    """Sum over the axes along which a value of x's shape was repeated."""
    lead = len(u.shape) - len(x.shape)
    axes = tuple(i for i, n in enumerate(u.shape) if i < lead or (x.shape[i - lead] == 1 != n))
    return reshape(np.add.reduce(u, axis=axes) if axes else u, shape=x.shape)


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


def _place(u, shape, slices):
    out = np.zeros(shape, np.asarray(u).dtype)
    out[_index(slices)] = u
    return out


def _pad_adjoint(u, x, widths):
    slices = tuple([(lo, lo + n, 1) for (lo, _), n in zip(widths, x.shape, strict=True)])
    return take(u, slices=slices)


def _pad_shape(x, widths):
    return tuple([lo + n + hi for (lo, hi), n in zip(widths, x.shape, strict=True)])


def _split(u, *xs, axis):
    """The pieces of u, one for each operand of a concatenation."""
    ends = np.cumsum([x.shape[axis] for x in xs]).tolist()
    whole = [(0, n, 1) for n in u.shape]
    return tuple([
        take(u, slices=(*whole[:axis], (end - x.shape[axis], end, 1), *whole[axis + 1 :]))
        for x, end in zip(xs, ends, strict=True)
    ])


def _join_shape(*xs, axis):
    lead = xs[0].shape
    return (*lead[:axis], int(np.sum([x.shape[axis] for x in xs])), *lead[axis + 1 :])


def _join_axes(*xs, axis):
    def labels(n):
        return tuple((n, i) if i == axis else i for i in range(len(xs[0].shape)))

    return [labels(n) for n in range(len(xs))], [labels("result")]


def _join_batch(xs, batched, size, axis):
    full = [x if b else broadcast(x, shape=(size, *x.shape)) for x, b in zip(xs, batched, strict=True)]
    return concatenate(*full, axis=axis + 1)


def _broadcast_batch(args, batched, size, shape):
    (x,) = args
    ones = (1,) * (len(shape) + 1 - len(x.shape))
    return broadcast(reshape(x, shape=(size, *ones, *x.shape[1:])), shape=(size, *shape))


# fmt: off
broadcast = linear("broadcast", lambda x, shape: np.broadcast_to(x, shape),
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
take = linear("take", lambda x, slices: x[_index(slices)],
    View(lambda x, slices: tuple([_length(*s) for s in slices]),
         lambda a, b, n, slices: take(a[0], slices=((0, n, 1), *slices)),
         _same_axes(lambda i, t, p: p["slices"][i] == (0, t.shape[i], 1))),
    lambda u, x, slices: place(u, shape=x.shape, slices=slices), notation="{}[...]")
place = linear("place", _place,
    View(lambda u, shape, slices: shape,
         lambda a, b, n, shape, slices: place(a[0], shape=(n, *shape), slices=((0, n, 1), *slices)),
         _same_axes(lambda i, t, p: p["slices"][i] == (0, t.shape[i], 1))),
    lambda v, u, shape, slices: take(v, slices=slices), notation="{} placed")
pad = linear("pad", lambda x, widths: np.pad(x, widths) if prod(np.shape(x)) else np.zeros(_pad_shape(x, widths), x.dtype),
    View(_pad_shape, lambda a, b, n, widths: pad(a[0], widths=((0, 0), *widths)),
         _same_axes(lambda i, t, p: p["widths"][i] == (0, 0))),
    _pad_adjoint, notation="pad {}")
concatenate = linear("concatenate", lambda *xs, axis: np.concatenate(xs, axis),
    View(_join_shape, _join_batch, _join_axes), variadic=_split, notation="[{}]")
# fmt: on
