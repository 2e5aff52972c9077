"""Views: reshape, transpose, join, split, repeat, fill."""

import itertools
from math import prod
from typing import Any

import numpy as np

from wengert.primitives import views
from wengert.trace import writes
from wengert.trace.refusals import unsupported
from wengert.trace.spellings.registry import axes_of, axis_of, no_extras, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array


@spells(np.reshape)
def reshape(
    x: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    shape = newshape if shape is None else shape
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    if writes.meant(x, order) == "F":
        return np.transpose(np.reshape(np.transpose(x), shape[::-1]))
    known = prod(int(n) for n in shape if n != -1)
    shape = tuple([(x.size // known if known else 0) if n == -1 else int(n) for n in shape])
    if prod(shape) != x.size:
        raise ValueError(f"cannot reshape array of size {x.size} into shape {shape}")
    return x if shape == x.shape else views.reshape(x, shape=shape)


@spells(np.ravel)
def ravel(x: Any, order: str = "C") -> Any:
    if isinstance(x, Tracer) and x.shape:
        return writes.ravel(x, order)
    return reshape(x, (-1,), order)


@spells(np.transpose, np.permute_dims)
def transpose(x: Any, axes: Any = None) -> Any:
    x = array(x)
    perm = tuple(range(x.ndim))[::-1] if axes is None else tuple(axis_of(a, x.ndim) for a in axes)
    return x if perm == tuple(range(x.ndim)) else views.transpose(x, perm=perm)


@spells(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    return np.swapaxes(x, -1, -2)


@spells(np.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    perm = list(range(x.ndim))
    a, b = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    perm[a], perm[b] = b, a
    return transpose(x, perm)


@spells(np.moveaxis)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    x = array(x)
    moved = np.moveaxis(np.empty([1] * x.ndim), source, destination)  # NumPy's own checks
    del moved
    src = [axis_of(a, x.ndim) for a in np.atleast_1d(source)]
    dst = [axis_of(a, x.ndim) for a in np.atleast_1d(destination)]
    order = [a for a in range(x.ndim) if a not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return transpose(x, order)


@spells(np.rollaxis)
def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    axis = axis_of(axis, x.ndim)
    start = start + x.ndim if start < 0 else start
    return moveaxis(x, axis, start - 1 if axis < start else start)


@spells(np.expand_dims)
def expand_dims(x: Any, axis: Any) -> Any:
    axes = np.atleast_1d(axis)
    rank = x.ndim + len(axes)
    new = {axis_of(a, rank) for a in axes}
    sizes = iter(x.shape)
    return reshape(x, tuple([1 if i in new else next(sizes) for i in range(rank)]))


@spells(np.squeeze)
def squeeze(x: Any, axis: Any = None) -> Any:
    if axis is None:
        return reshape(x, tuple([n for n in x.shape if n != 1]))
    axes = axes_of(axis, x.ndim)
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape(x, tuple([n for i, n in enumerate(x.shape) if i not in axes]))


@spells(np.broadcast_to)
def broadcast_to(x: Any, shape: Any, subok: bool = False) -> Any:
    shape = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    if np.broadcast_shapes(x.shape, shape) != shape:
        raise ValueError(f"operands could not be broadcast together: {x.shape} to {shape}")
    return x if shape == x.shape else views.broadcast(x, shape=shape)


@spells(np.broadcast_arrays)
def broadcast_arrays(*xs: Any, subok: bool = False) -> tuple[Any, ...]:
    xs = tuple(array(x) for x in xs)
    shape = np.broadcast_shapes(*[x.shape for x in xs])
    return tuple(np.broadcast_to(x, shape) for x in xs)


def together(xs: Any) -> list[Any]:
    """Operands of one dtype, as NumPy's joining functions want them."""
    xs = [array(x) for x in xs]
    dtype = np.result_type(*[x.dtype for x in xs])
    return [np.astype(x, dtype) if x.dtype != dtype else x for x in xs]


@spells(np.concatenate, np.concat)
def concatenate(
    xs: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    no_extras("np.concatenate", out=out)
    xs = together(xs) if dtype is None else [np.astype(array(x), dtype) for x in xs]
    if axis is None:
        xs, axis = [np.ravel(x) for x in xs], 0
    axis = axis_of(axis, xs[0].ndim)
    lead = [(*x.shape[:axis], *x.shape[axis + 1 :]) for x in xs]
    if any(shape != lead[0] for shape in lead):
        raise ValueError(
            f"arrays of shapes {[x.shape for x in xs]} can't be joined along axis {axis}"
        )
    return xs[0] if len(xs) == 1 else views.concatenate(*xs, axis=axis)


@spells(np.stack)
def stack(
    xs: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    no_extras("np.stack", out=out)
    xs = [array(x) for x in xs]
    if any(x.shape != xs[0].shape for x in xs):
        raise ValueError("all input arrays must have the same shape")
    axis = axis_of(axis, xs[0].ndim + 1)
    return concatenate([np.expand_dims(x, axis) for x in xs], axis, dtype=dtype)


@spells(np.vstack)
def vstack(xs: Any, **kwargs: Any) -> Any:
    return concatenate([np.atleast_2d(array(x)) for x in xs], 0)


@spells(np.hstack)
def hstack(xs: Any, **kwargs: Any) -> Any:
    xs = [np.atleast_1d(array(x)) for x in xs]
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1)


@spells(np.dstack)
def dstack(xs: Any) -> Any:
    return concatenate([np.atleast_3d(array(x)) for x in xs], 2)


@spells(np.column_stack)
def column_stack(xs: Any) -> Any:
    xs = [array(x) for x in xs]
    return concatenate([np.transpose(np.atleast_2d(x)) if x.ndim < 2 else x for x in xs], 1)


@spells(np.append)
def append(x: Any, values: Any, axis: Any = None) -> Any:
    return concatenate([x, values], axis)


@spells(np.block)
def block(rows: Any) -> Any:
    def depth(t: Any) -> int:
        return 1 + depth(t[0]) if isinstance(t, list) else 0

    def join(t: Any, axis: int) -> Any:
        if not isinstance(t, list):
            x = array(t)
            return x if x.ndim >= rank else np.reshape(x, (1,) * (rank - x.ndim) + x.shape)
        return concatenate([join(s, axis + 1) for s in t], axis)

    rank = max(depth(rows), 1)
    return join(rows, -depth(rows) if depth(rows) else 0)


@spells(np.atleast_1d)
def atleast_1d(*xs: Any) -> Any:
    return _each(xs, lambda x: np.reshape(x, (1,)) if x.ndim == 0 else x)


@spells(np.atleast_2d)
def atleast_2d(*xs: Any) -> Any:
    return _each(xs, lambda x: np.reshape(x, (1,) * (2 - x.ndim) + x.shape) if x.ndim < 2 else x)


@spells(np.atleast_3d)
def atleast_3d(*xs: Any) -> Any:
    shapes = {0: lambda s: (1, 1, 1), 1: lambda s: (1, *s, 1), 2: lambda s: (*s, 1)}
    return _each(xs, lambda x: np.reshape(x, shapes[x.ndim](x.shape)) if x.ndim < 3 else x)


def _each(xs: Any, function: Any) -> Any:
    out = tuple(function(array(x)) for x in xs)
    return out[0] if len(out) == 1 else out


@spells(np.flip)
def flip(x: Any, axis: Any = None) -> Any:
    return views.flip(x, axes=axes_of(axis, x.ndim))


@spells(np.flipud)
def flipud(x: Any) -> Any:
    return flip(x, 0)


@spells(np.fliplr)
def fliplr(x: Any) -> Any:
    return flip(x, 1)


@spells(np.rot90)
def rot90(x: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    for _ in range(k % 4):
        x = flip(np.swapaxes(x, *axes), axes[0])
    return x


@spells(np.roll)
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return np.reshape(roll(np.ravel(x), shift, 0), x.shape)
    pairs = np.broadcast(np.atleast_1d(shift), np.atleast_1d(axis))
    for s, a in pairs:
        a, n = axis_of(a, x.ndim), x.shape[axis_of(a, x.ndim)]
        cut = -int(s) % n if n else 0
        if cut:
            index = (slice(None),) * a
            x = concatenate([x[(*index, slice(cut, None))], x[(*index, slice(None, cut))]], a)
    return x


@spells(np.array_split)
def array_split(x: Any, sections: Any, axis: int = 0) -> list[Any]:
    axis = axis_of(axis, x.ndim)
    index, n = (slice(None),) * axis, x.shape[axis]
    if np.ndim(sections) == 0:
        sizes = [len(part) for part in np.array_split(np.arange(n), sections)]
        cuts = np.cumsum([0, *sizes]).tolist()
    else:
        cuts = [0, *[int(c) for c in sections], n]
    return [x[(*index, slice(a, b))] for a, b in itertools.pairwise(cuts)]


@spells(np.split)
def split(x: Any, sections: Any, axis: int = 0) -> list[Any]:
    if np.ndim(sections) == 0 and x.shape[axis] % sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(x, sections, axis)


spells(np.vsplit)(lambda x, s: split(x, s, 0))
spells(np.hsplit)(lambda x, s: split(x, s, 1 if x.ndim > 1 else 0))
spells(np.dsplit)(lambda x, s: split(x, s, 2))


@spells(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    return tuple(np.moveaxis(x, axis, 0))


@spells(np.tile)
def tile(x: Any, reps: Any) -> Any:
    reps = tuple(np.atleast_1d(reps).tolist())
    rank = max(len(reps), x.ndim)
    reps = (1,) * (rank - len(reps)) + reps
    shape = (1,) * (rank - x.ndim) + x.shape
    spread = np.broadcast_to(
        np.reshape(x, tuple(n for s in shape for n in (1, s))),
        tuple(n for r, s in zip(reps, shape, strict=True) for n in (r, s)),
    )
    return np.reshape(spread, tuple(r * s for r, s in zip(reps, shape, strict=True)))


@spells(np.repeat)
def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    index = np.repeat(np.arange(x.shape[axis]), repeats)
    return np.take(x, index, axis)


@spells(np.pad)
def pad(x: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - x.ndim, (0, 0))) for i in range(x.ndim)]
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
    widths = tuple((w, w) if np.ndim(w) == 0 else tuple(w) for w in widths)
    if mode == "constant":
        return _filled(x, widths, kwargs.get("constant_values", 0))
    for axis, width in enumerate(widths):
        if width != (0, 0):
            x = _extended(x, axis, width, mode, kwargs)
    return x


def _filled(x: Any, widths: Any, fill: Any) -> Any:
    if not widths:
        return x
    y = views.pad(x, widths=widths)
    if isinstance(fill, int | float) and fill == 0:
        return y
    inside = np.pad(np.ones(x.shape, bool), widths)
    if np.ndim(fill) == 0:
        return np.where(inside, y, np.astype(array(fill), x.dtype))
    return np.where(inside, y, np.pad(np.zeros(x.shape, x.dtype), widths, constant_values=fill))


REPEATING = ("edge", "reflect", "symmetric", "wrap")
MOMENTS = {"mean": np.mean, "maximum": np.max, "minimum": np.min}


def _extended(x: Any, axis: int, width: tuple[int, int], mode: str, options: dict[str, Any]) -> Any:
    """x continued along one axis by elements of its own, by a mean or extreme, or by a ramp."""
    if mode in REPEATING and options.get("reflect_type", "even") == "even":  # ask NumPy which
        return np.take(x, np.pad(np.arange(x.shape[axis]), width, mode), axis)
    if mode in MOMENTS and options.get("stat_length") is None:
        moment: Any = MOMENTS[mode]
        ends = [moment(x, axis=axis, keepdims=True)] * 2
        ends = [np.repeat(e, n, axis) for e, n in zip(ends, width, strict=True)]
    elif mode == "linear_ramp" and np.ndim(goal := options.get("end_values", 0)) == 0:
        ends = [
            _ramp(np.take(x, [edge], axis), goal, n, axis)
            for edge, n in zip((0, -1), width, strict=True)
        ]
        ends[1] = np.flip(ends[1], axis)
    else:
        raise unsupported(f"np.pad with mode={mode!r} and {options}")
    if x.dtype.kind in "iu":
        ends = [np.astype(np.rint(e), x.dtype) for e in ends]
    return concatenate([ends[0], x, ends[1]], axis)


def _ramp(edge: Any, goal: Any, n: int, axis: int) -> Any:
    steps = np.reshape(
        np.arange(n, dtype=edge.dtype), [-1 if i == axis else 1 for i in range(edge.ndim)]
    )
    return goal + (edge - goal) * (steps / n)


@spells(np.delete)
def delete(x: Any, obj: Any, axis: Any = None) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    return np.take(x, np.delete(np.arange(x.shape[axis]), obj), axis)


@spells(np.insert)
def insert(x: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    axis, values, n = axis_of(axis, x.ndim), array(values), x.shape[axis]
    if np.size(obj) == 1:  # all the values go to one place
        values = np.reshape(values, (1,) * (x.ndim - values.ndim) + values.shape)
        values = np.moveaxis(values, 0, axis) if np.ndim(obj) == 0 else values
        obj = np.repeat(obj, values.shape[axis])
    order = np.insert(np.arange(n), obj, -1)
    new = order == -1
    count = int(new.sum())
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    both = concatenate([x, np.broadcast_to(np.astype(values, x.dtype), shape)], axis)
    order[new] = n + np.arange(count)
    return np.take(both, order, axis)


@spells(np.resize)
def resize(x: Any, new_shape: Any) -> Any:
    size = prod(np.atleast_1d(new_shape).tolist())
    return np.reshape(np.take(np.ravel(x), np.arange(size) % x.size), new_shape)


@spells(np.trim_zeros)
def trim_zeros(x: Any, trim: str = "fb", axis: Any = None) -> Any:
    """NumPy is asked what it would leave, of marks where x is not zero."""
    marks = np.not_equal(x, 0)
    marks = marks.ask("np.trim_zeros") if isinstance(marks, Tracer) else marks
    places = np.argwhere(marks)
    axes = axes_of(axis, x.ndim)
    cut = [slice(None)] * x.ndim
    for a in axes:
        n = x.shape[a]
        first, last = (places[:, a].min(), places[:, a].max()) if len(places) else (n, n)
        cut[a] = slice(
            int(first) if "f" in trim.lower() else 0, int(last) + 1 if "b" in trim.lower() else n
        )
    return x[tuple(cut)]


@spells(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    kind = np.result_type(*[getattr(x, "dtype", x) for x in (start, stop)], float(num))
    start, stop = np.broadcast_arrays(*[np.astype(array(x), kind) for x in (start, stop)])
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else (stop - start) * np.nan
    count = np.reshape(np.arange(num, dtype=kind), (-1,) + (1,) * start.ndim)
    y = count * step + start if parts > 0 else count * (stop - start) + start
    if endpoint and num > 1:
        y = concatenate([y[:-1], np.expand_dims(stop, 0)])
    y = np.moveaxis(y, 0, axis)
    if dtype is not None:
        y = np.astype(np.floor(y) if np.dtype(dtype).kind in "iu" else y, dtype)
    return (y, step) if retstep else y


@spells(np.meshgrid)
def meshgrid(*xs: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    xs = tuple(np.ravel(array(x)) for x in xs)
    rank = len(xs)
    order = list(range(rank))
    if indexing == "xy" and rank > 1:
        order[0], order[1] = 1, 0
    out = [
        np.reshape(x, tuple(-1 if a == order[i] else 1 for a in range(rank)))
        for i, x in enumerate(xs)
    ]
    out = out if sparse else list(np.broadcast_arrays(*out))
    return tuple([np.copy(y, "C") for y in out] if copy else out)


@spells(np.ix_)
def ix_(*xs: Any) -> Any:
    return meshgrid(*xs, sparse=True, indexing="ij")
