"""How a stand-in's array would lie in NumPy's memory: that says which reshape is a view.

A trace that knows values keeps them in NumPy's own order: ufuncs give it, views do, and what else
does is in the table below. Where the order can't be told nothing is guessed.
"""

from typing import Any

import numpy as np

from wengert.trace.tracer import GIVEN, SETTLED, UNKNOWN, Tracer

# fmt: off
LOOKS = frozenset((
    "reshape", "ravel", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis",
    "rollaxis", "expand_dims", "squeeze", "broadcast_to", "atleast_1d", "atleast_2d", "atleast_3d",
    "flip", "flipud", "fliplr", "rot90", "diagonal", "diag", "real", "imag", "real_if_close",
    "astype", "einsum", "trim_zeros", "sliding_window_view", "split", "array_split", "hsplit", "vsplit", "dsplit",
    "unstack", "broadcast_arrays", "meshgrid", "nan_to_num", "asarray", "diff", "ix_", "histogram",
    "histogram2d",
))
"""The functions whose result may share memory with an argument; all others make a copy."""
NATURAL = frozenset((
    "where", "clip", "nan_to_num", "concatenate", "concat", "stack", "vstack", "hstack", "copy",
    "round", "around", "fix", "real", "imag", "astype", "isclose", "reshape", "ravel",
    "zeros_like", "ones_like", "empty_like", "ufunc.outer",
))
"""Those whose values are computed as NumPy does, order in memory included."""
IN_C = frozenset(("take", "outer"))
"""Those whose result is always in C's order."""
# fmt: on


def plain(shape: tuple[int, ...]) -> bool:
    """Whether what is dense can lie in memory in one way only."""
    return sum([n != 1 for n in shape]) < 2 or 0 in shape


def lies(x: Tracer) -> Any:
    """An array that lies in memory as x would; None where that can't be told."""
    window, layout = x.window, x.layout
    if window is not None:
        base = lies(window.root) if window.sure else None
        for step in window.path if base is not None else ():
            base = step.apply(base)
        return base
    if isinstance(layout, np.ndarray):
        return layout
    if layout == GIVEN:
        return None
    if plain(x.shape):
        return np.empty(x.shape, x.dtype)
    if layout == UNKNOWN or x.value is None:
        return None
    return lies(x.value) if isinstance(x.value, Tracer) else x.value


def laid(value: Any, like: Any) -> Any:
    """The value with its numbers in the order in memory of another array."""
    if isinstance(value, Tracer):
        return Tracer(value.tape, value.variable, laid(value.value, like))
    if value is None or value.ndim < 2 or (value.flags.c_contiguous and like.flags.c_contiguous):
        return value
    y = np.empty_like(like, value.dtype)
    if y.strides != value.strides:
        y[...] = value
        return y
    return value


def fresh(x: Tracer, order: str = "K") -> Tracer:
    """A copy: the same value in memory of its own."""
    x.refresh()
    if plain(x.shape):
        y = Tracer(x.tape, x.variable, _own(x.value))
        y.layout = None if x.shape else GIVEN
        return y
    like = np.empty(x.shape, x.dtype, order) if order in ("C", "F") else lies(x)
    if like is None:
        y = Tracer(x.tape, x.variable, _own(x.value))
        y.layout = UNKNOWN
        return y
    if order == "A":
        only_f = like.flags.f_contiguous and not like.flags.c_contiguous
        like = np.empty(x.shape, x.dtype, "F" if only_f else "C")
    elif order == "K" and not like.flags.c_contiguous:
        like = np.empty_like(like)
    y = Tracer(x.tape, x.variable, laid(_own(x.value), like))
    y.layout = like
    return y


def _own(value: Any) -> Any:
    """The value; a broadcast, which is read-only, is copied."""
    readonly = isinstance(value, np.ndarray) and not value.flags.writeable
    return value.copy() if readonly else value


def settled(name: str, result: Any, args: Any) -> Any:
    """The result of a NumPy function: a view where NumPy gives one, else memory of its own."""
    if type(result) is not Tracer:
        if not isinstance(result, list | tuple) or name in LOOKS:
            return result
        parts = [settled(name, y, args) for y in result]
        return parts if isinstance(result, list) else getattr(type(result), "_make", tuple)(parts)
    given = any(result is b for a in args for b in (a if isinstance(a, list | tuple) else (a,)))
    if given or result.window is not None:
        if name in LOOKS:
            return result
        result = result.fresh()  # NumPy would have made a copy
    if not plain(result.shape):
        if name in IN_C:
            result.layout = np.empty(result.shape, result.dtype)
        elif name not in NATURAL:
            result.layout = UNKNOWN
    return result


Tracer.lies = lies
Tracer.fresh = fresh
SETTLED.append(settled)
