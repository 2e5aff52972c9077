"""x[i] = v, x += y, out=, np.copyto, np.add.at: writes in place, spelled as new versions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.ir.primitive import REGISTRY
from wengert.primitives import picks
from wengert.primitives.writes import put, put_at
from wengert.trace.refusals import unsupported
from wengert.trace.spellings import indexing
from wengert.trace.spellings.registry import axis_of, spells, spells_method
from wengert.trace.tracer import OUT, Tracer
from wengert.trace.unify import array
from wengert.trace.writes import assign, outside


def cast(x: Tracer, value: Any) -> Any:
    """What is written takes the dtype of where it is written; TypeError where NumPy refuses."""
    if isinstance(value, complex) and x.dtype.kind != "c":
        raise TypeError("a complex number can't be written into an array of real ones")
    value = array(value)
    order = "buifc"
    if order.index(value.dtype.kind) > max(2, order.index(x.dtype.kind)) and isinstance(
        value, Tracer
    ):
        raise UnsupportedError(
            sentences(
                f"A traced {value.dtype} was written into an array of dtype {x.dtype}, where its "
                "derivative would be lost.",
                f"Make the array of dtype {value.dtype}.",
            )
        )
    return value if value.dtype == x.dtype else np.astype(value, x.dtype)


def setitem(x: Tracer, index: Any, value: Any) -> None:
    """x[index] = value, seen by every view of the same memory."""
    assign(x, written(x, index, cast(x, value)))


def written(x: Any, index: Any, v: Any) -> Any:
    """x with `value` at x[index]."""
    items = indexing._full(index, x.ndim)
    if not any(hasattr(i, "dtype") for i in items):
        cuts = indexing.cuts(x, [i for i in items if i is not None])
        return put(x, _fitted(v, _cut_shape(cuts)), index=cuts)
    known = [i.known() if isinstance(i, Tracer) else i for i in items]
    if any(i is None and j is not None for i, j in zip(known, items, strict=True)):
        y = _at_unknown(x, items, v)
        if y is not None:
            return y
        known = [i.ask("A write at places") if isinstance(i, Tracer) else i for i in items]
    place = np.arange(x.size).reshape(x.shape)[tuple(known)]
    flat = put_at(np.ravel(x), np.ravel(_fitted(v, place.shape)), place.ravel())
    return np.reshape(flat, x.shape)


def _at_unknown(x: Any, items: list[Any], v: Any) -> Any:
    """Places known only when the list runs: a mask over x, or integers on its first axes.

    None for others: these must be known.
    """
    mask, rest = items[0], items[1:]
    whole = getattr(mask, "dtype", None) == np.bool_ and all(i == slice(None) for i in rest)
    if whole and not v.shape and mask.shape == x.shape[: mask.ndim]:
        return np.where(np.reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim)), v, x)
    arrays = [i for i in items if not (isinstance(i, slice) and i == slice(None))]
    plain = all(not isinstance(i, slice) and i is not None for i in arrays)
    plain = plain and all(getattr(i, "dtype", None) != np.bool_ for i in arrays)
    first = all(a is b for a, b in zip(items, arrays, strict=False))
    if not (plain and first):
        return None
    pairs = zip(arrays, x.shape, range(x.ndim), strict=False)
    indices = [indexing._in_range(array(i), n, a) for i, n, a in pairs]
    shape = np.broadcast_shapes(*[i.shape for i in indices])
    indices = [i if i.shape == shape else np.broadcast_to(i, shape) for i in indices]
    return put_at(x, _fitted(v, (*shape, *x.shape[len(indices) :])), *indices)


def _cut_shape(cuts: Any) -> tuple[int, ...]:
    return tuple([len(range(*c)) for c in cuts if not isinstance(c, int)])


def _fitted(v: Any, shape: tuple[int, ...]) -> Any:
    """v broadcast to where it is written; leading axes of length one fall away, as in NumPy."""
    while v.ndim > len(shape) and v.shape[0] == 1:
        v = v[0]
    return v if v.shape == shape else np.broadcast_to(v, shape)


def overwrite(x: Any, new: Any, casting: Any = "same_kind") -> Any:
    """A whole new value for x, of its shape and dtype: what `out=` and `x += y` do."""
    if new.shape != x.shape and np.broadcast_shapes(new.shape, x.shape) != x.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {x.shape} doesn't match the broadcast "
            f"shape {new.shape}"
        )
    if not np.can_cast(new.dtype, x.dtype, casting):
        raise TypeError(f"Cannot cast from {new.dtype} to {x.dtype} with casting rule '{casting}'")
    new = new if new.dtype == x.dtype else np.astype(new, x.dtype)
    assign(x, new if new.shape == x.shape else np.broadcast_to(new, x.shape))
    return x


def _in_place(ufunc: Any) -> Callable[[Tracer, Any], Any]:
    def method(self: Tracer, other: Any) -> Any:
        result = REGISTRY.ufuncs[ufunc](self, other)
        if not self.shape and self.window is None:  # a scalar has no memory: the name is bound anew
            result.weak = self.weak and type(other) in (int, float)
            return result
        return overwrite(self, result)

    return method


IN_PLACE = {
    "iadd": np.add, "isub": np.subtract, "imul": np.multiply, "itruediv": np.true_divide,
    "ifloordiv": np.floor_divide, "imod": np.remainder, "ipow": np.power, "imatmul": np.matmul,
    "iand": np.bitwise_and, "ior": np.bitwise_or, "ixor": np.bitwise_xor,
}  # fmt: skip


def _install() -> None:
    for name, ufunc in IN_PLACE.items():
        setattr(Tracer, f"__{name}__", _in_place(ufunc))
    Tracer.__setitem__ = setitem
    Tracer.overwrite = overwrite
    Tracer.fill = lambda self, value: setitem(self, ..., value)  # type: ignore[attr-defined]
    Tracer.put = lambda self, i, v, mode="raise": put_flat(self, i, v, mode)  # type: ignore[attr-defined]
    Tracer.sort = _sort  # type: ignore[attr-defined]
    Tracer.partition = _partition  # type: ignore[attr-defined]


def _partition(self: Tracer, kth: Any, axis: int = -1, **kwargs: Any) -> None:
    assign(self, np.partition(self, kth, axis))


def _sort(self: Tracer, axis: int = -1, **kwargs: Any) -> None:
    assign(self, picks.sort(self, axis=axis_of(axis, self.ndim)))


_install()


@spells(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    value = _fitted(array(src), dst.shape)
    if where is not True:
        value = np.where(where, value, dst)
    overwrite(dst, value)


@spells(np.put)
def put_flat(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    places = array(ind).ravel()
    if mode != "raise":
        places = places % a.size if mode == "wrap" else np.clip(places, 0, a.size - 1)
    values = np.resize(array(v), places.shape) if array(v).ndim and array(v).size else v
    flat = written(np.ravel(a), places, cast(a, values))
    assign(a, np.reshape(flat, a.shape))


@spells(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    v = array(values)
    v = np.resize(v, a.shape) if v.shape != a.shape else v
    assign(a, np.where(mask, cast(a, v), a))


@spells(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """The k-th true of the mask takes vals[k], and they begin again when they end."""
    line, values = np.ravel(array(mask) != 0), np.ravel(cast(arr, vals))
    if line.size != arr.size:
        raise ValueError("place: mask and data must be the same size")
    if not values.size:
        raise ValueError("Cannot insert from an empty array!")
    turn = (np.cumsum(line) - 1) % values.size
    assign(arr, np.reshape(np.where(line, indexing.take(values, turn), np.ravel(arr)), arr.shape))


@spells(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if axis is None:
        return put_flat(arr, array(indices), values)
    axis = axis_of(axis, arr.ndim)
    index = []
    for a in range(arr.ndim):
        line = np.arange(indices.shape[a] if a == axis else arr.shape[a])
        index.append(line.reshape([-1 if b == a else 1 for b in range(arr.ndim)]))
    index[axis] = indices
    setitem(arr, tuple(index), values)


@spells(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    places = np.arange(a.size).reshape(a.shape)
    marked = np.zeros(a.shape, bool)
    np.fill_diagonal(marked, True, wrap)
    spots = places[marked]
    put_flat(a, spots, array(val))


@spells_method(None, "at")
def ufunc_at(ufunc: Any, a: Any, indices: Any, *operand: Any) -> None:
    """a[indices] = ufunc(a[indices], b), every repeated index counted."""
    _writable(a)
    index = indices if isinstance(indices, tuple) else (indices,)
    if (new := _at_mask(ufunc, a, index, operand)) is not None:
        overwrite(a, new)
        return
    index = tuple([i.ask("np.add.at") if isinstance(i, Tracer) else i for i in index])
    place = np.arange(a.size).reshape(a.shape)[index]
    spots = place.ravel()
    v = [np.ravel(_fitted(array(b), place.shape)) for b in operand]
    if ufunc in (np.add, np.subtract):
        change = picks.scatter(cast(a, v[0]), spots, shape=(a.size,))
        assign(a, ufunc(a, np.reshape(change, a.shape)))
        return
    flat = np.ravel(a)
    for now in _rounds(spots):
        new = ufunc(np.take(flat, spots[now]), *[np.take(b, now) for b in v])
        flat = put_at(flat, cast(a, new), spots[now])
    assign(a, np.reshape(flat, a.shape))


def _writable(x: Any) -> None:
    """NumPy's own checks let `.at` and np.concatenate write through some read-only views."""
    if not isinstance(x, Tracer):
        raise outside()
    if x.window and any(s.back is None for s in x.window.path):
        raise unsupported("A function that writes into a read-only view")


def _at_mask(ufunc: Any, a: Tracer, index: Any, operand: Any) -> Any:
    """The new a where the index is one mask over it that isn't known yet; else None."""
    mask = index[0]
    whole = len(index) == 1 and getattr(mask, "dtype", None) == np.bool_ and mask.shape == a.shape
    if not whole or any(np.ndim(b) for b in operand):
        return None
    return np.where(mask, ufunc(a, *operand), a) if mask.known() is None else None


def _rounds(spots: Any) -> list[Any]:
    """Positions of which each round meets a spot once: first its first turn, then its second."""
    order = np.argsort(spots, kind="stable")
    starts = np.flatnonzero(np.diff(spots[order], prepend=-1))
    turn = np.empty_like(order)
    turn[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return [np.flatnonzero(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]


# fmt: off
BUFFERED = frozenset((
    "clip", "cumsum", "cumprod", "sum", "prod", "max", "min", "amax", "amin", "mean", "var", "std",
    "take", "dot", "round", "around", "outer", "any", "all", "ptp", "ufunc.accumulate",
    "ufunc.reduce", "ufunc.outer",
))
"""The functions that read all of their operands before they write `out`, as ufuncs do."""
# fmt: on


def into(name: str, spelling: Any, args: Any, kwargs: Any, out: Any) -> Any:
    """A function's result written into `out`, which is given back."""
    if isinstance(out, tuple):
        (out,) = out
    _writable(out)
    if name in ("concatenate", "concat", "stack"):
        return _join_into(name, *args, out=out, **kwargs)
    operands = [a for a in (*args, *kwargs.values()) for a in (a if isinstance(a, list) else [a])]
    if name not in BUFFERED and any(_root(a) is _root(out) for a in operands):
        raise UnsupportedError(
            sentences(
                f"np.{name} was to write its result over an operand, and NumPy reads there while "
                "it writes.",
                "Write the result into the array afterwards: x[...] = result.",
            )
        )
    result = array(spelling(*args, **kwargs))
    if result.shape != out.shape and name != "clip":
        raise unsupported(f"np.{name} of shape {result.shape} with an out of shape {out.shape}")
    return overwrite(out, result, kwargs.get("casting", "same_kind"))


def _root(x: Any) -> Any:
    return x if not isinstance(x, Tracer) or x.window is None else x.window.root


def _join_into(name: str, xs: Any, axis: Any = 0, *, out: Any, **options: Any) -> Any:
    """Part after part, as NumPy does: a later one sees what the earlier ones wrote."""
    xs = [array(x) for x in xs]
    if name == "stack":
        xs = [np.expand_dims(x, axis_of(axis, out.ndim)) for x in xs]
    if axis is None:
        flat, axis = np.reshape(out, (-1,)), 0
        xs = [np.ravel(x) for x in xs]
    else:
        flat, axis = out, axis_of(axis, out.ndim)
    lead = (slice(None),) * axis
    start = 0
    shape = [
        n if a != axis else int(np.sum([x.shape[axis] for x in xs]))
        for a, n in enumerate(flat.shape)
    ]
    if tuple(shape) != flat.shape or any(x.ndim != flat.ndim for x in xs):
        raise ValueError("Output array is the wrong shape")
    for x in xs:
        stop = start + x.shape[axis]
        part = flat[(*lead, slice(start, stop))]
        overwrite(part, x, options.get("casting", "same_kind"))
        start = stop
    return out


OUT.append(into)
