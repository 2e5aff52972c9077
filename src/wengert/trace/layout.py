"""How a stand-in's array would lie in NumPy's memory: that says which reshape is a view.

A trace that knows values keeps them in NumPy's own order: ufuncs give it, views do, and what else
does is in the table below. One that knows types alone carries an array that lies alike, and whose
arguments' orders it comes from: where that decides something, jit's list holds for arguments that
lie so. Where the order can't be told nothing is guessed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.ir.families import Pointwise
from wengert.ir.primitive import Primitive
from wengert.trace import creation
from wengert.trace.tracer import GIVEN, ORDERED, SETTLED, UNKNOWN, Trace, Tracer

# fmt: off
LOOKS = frozenset((
    "reshape", "ravel", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis",
    "rollaxis", "expand_dims", "squeeze", "broadcast_to", "atleast_1d", "atleast_2d", "atleast_3d",
    "flip", "flipud", "fliplr", "rot90", "diagonal", "diag", "real", "imag", "real_if_close",
    "astype", "einsum", "trim_zeros", "sliding_window_view", "split", "array_split", "hsplit",
    "vsplit", "dsplit", "unstack", "broadcast_arrays", "meshgrid", "nan_to_num", "asarray", "diff", "ix_", "histogram",
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


class Order(NamedTuple):
    """An array that lies alike, and the inputs (of which trace, which) that it is due to."""

    like: Any
    inputs: frozenset[tuple[Trace, int]] = frozenset()


def order_of(x: Any) -> Order | None:
    """How x would lie in memory; None where that can't be told. Nothing is noted."""
    if not isinstance(x, Tracer):
        return Order(x)
    window, layout = x.window, x.layout
    if window is not None:
        base = order_of(window.root) if window.sure else None
        if base is None:
            return None
        like = base.like
        for step in window.path:
            like = step.apply(like)
        return Order(like, base.inputs)
    if type(layout) is Order:
        return layout
    if isinstance(layout, np.ndarray):
        return Order(layout)
    if type(layout) is str and layout == GIVEN:
        return None
    if plain(x.shape):
        return Order(np.empty(x.shape, x.dtype))
    return None if layout == UNKNOWN or x.value is None else order_of(x.value)


def lies(x: Tracer, firm: bool = False) -> Any:
    """An array that lies in memory as x would; None where that can't be told.

    The arguments that it is due to are noted: what is asked hangs on their order, at once if
    `firm`, else if anything is written to.
    """
    found = order_of(x)
    if found is None:
        return None
    for tape, place in found.inputs:
        if tape.witness is not None:
            (tape.witness.firm if firm else tape.witness.soft).add(place)
    return found.like


def given(x: Tracer, value: Any, place: int) -> None:
    """The input at this place of a list lies as the argument at hand."""
    if isinstance(value, np.ndarray) and value.ndim:
        x.layout = Order(value, frozenset([(x.tape, place)]))


def wrote() -> None:
    """What is a view and what a copy matters from now on, to all traces under way."""
    for tape in creation.ACTIVE.get():
        if tape.witness is not None:
            tape.witness.wrote = True


def ordered(primitive: Primitive, args: Sequence[Any], out: Tracer) -> None:
    """What a ufunc would make of operands of which only their order in memory is known."""
    if type(primitive.family) is not Pointwise or plain(out.shape):
        return
    operands = [a for a in args if np.ndim(a)]
    found = [o for a in operands if (o := order_of(a)) is not None]
    if len(found) < len(operands):
        return
    likes = [o.like for o in found]
    inputs = frozenset().union(*[o.inputs for o in found])
    out.layout = Order(_together(likes, out.shape, out.dtype), inputs)


def _together(likes: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    if all(a.flags.c_contiguous and a.shape == shape for a in likes):
        same = [a for a in likes if a.dtype == dtype]
        return same[0] if same else np.empty(shape, dtype)
    flags = [["readonly"]] * len(likes) + [["writeonly", "allocate"]]
    dtypes = [None] * len(likes) + [dtype]
    return np.nditer([*likes, None], ["zerosize_ok"], flags, dtypes).operands[-1]


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
    known = Order(np.empty(x.shape, x.dtype, order)) if order in ("C", "F") else order_of(x)
    if known is None:
        y = Tracer(x.tape, x.variable, _own(x.value))
        y.layout = UNKNOWN
        return y
    like = known.like
    if order == "A":
        only_f = like.flags.f_contiguous and not like.flags.c_contiguous
        like = np.empty(x.shape, x.dtype, "F" if only_f else "C")
    elif order == "K" and not like.flags.c_contiguous:
        like = np.empty_like(like)
    y = Tracer(x.tape, x.variable, laid(_own(x.value), like))
    y.layout = Order(like, known.inputs)
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


Tracer.order_of = order_of
Tracer.lies = lies
Tracer.fresh = fresh
SETTLED.append(settled)
ORDERED.append(ordered)
