"""Writes in place on stand-ins: the list stays single assignment, the names move on.

A stand-in of an array that was written to means the newest version of its memory. A view remembers
the array it looks into and how; when that array has changed, the view is taken again before it is
read, and a write into the view is written back through all the views between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.ir.primitive import Primitive
from wengert.primitives import views
from wengert.primitives.writes import put
from wengert.trace import creation
from wengert.trace.layout import laid, order_of, wrote
from wengert.trace.tracer import GIVEN, VIEWED, Tracer


@dataclass(frozen=True, slots=True)
class Step:
    """One view: take it of an array, and write a new value of it back into that array.

    Without `back` NumPy's view is read-only.
    """

    apply: Callable[[Any], Any]
    back: Callable[[Any, Any], Any] | None = None


@dataclass(slots=True)
class Window:
    """A look into the memory of `root` through views; `version` is the one last seen.

    `sure` is False where NumPy might have made a copy and the trace can't tell: then neither may
    be written to.
    """

    root: Tracer
    path: tuple[Step, ...]
    version: int
    sure: bool = True


Back = Callable[..., Any]
WRITE_BACK: dict[Primitive, Back | None] = {
    views.take: lambda parent, new, index: put(parent, new, index=index),
    views.transpose: lambda parent, new, perm: views.transpose(
        new, perm=tuple(np.argsort(perm).tolist())
    ),
    views.flip: lambda parent, new, axes: views.flip(new, axes=axes),
    views.reshape: lambda parent, new, shape: np.reshape(new, parent.shape),
    views.broadcast: None,
}


def look(primitive: Primitive, x: Tracer, params: dict[str, Any], result: Tracer) -> None:
    """Remember that the result of a view is one, where NumPy would have made one."""
    if primitive not in WRITE_BACK or (primitive is views.take and not result.shape):
        return
    if not x.shape and x.window is None and x.layout is None:  # a scalar has no memory
        return
    shares = _shares(x, params["shape"]) if primitive is views.reshape else True
    if not x.shape and x.window is None and x.layout == GIVEN:  # if only it is an array
        shares = None
    if shares is False:
        result.layout = np.empty(result.shape, result.dtype)
        return
    back = WRITE_BACK[primitive]
    step = Step(partial(primitive, **params), None if back is None else partial(back, **params))
    through(x, step, result, shares is True)


def through(x: Tracer, step: Step, result: Tracer, sure: bool = True) -> None:
    """From here on `result` is a view of x."""
    inner = x.window
    root, path = (x, ()) if inner is None else (inner.root, inner.path)
    sure = sure and (inner is None or inner.sure)
    result.window = Window(root, (*path, step), root.version, sure)
    base = root.layout if isinstance(root.layout, str) else None
    result.layout = base if sure else GIVEN


def _shares(x: Tracer, shape: tuple[int, ...]) -> bool | None:
    """Whether NumPy's reshape of x would be a view; None where its order in memory isn't known."""
    if [n for n in shape if n != 1] == [n for n in x.shape if n != 1]:
        return True
    if sum([n != 1 for n in x.shape]) < 2:
        return True
    lies = x.lies()
    if lies is None:
        return None
    try:
        np.reshape(lies, shape, copy=False)
    except ValueError:
        return False
    return True


def in_order(x: Tracer, fortran: bool) -> Tracer:
    """x itself if it lies in C's (or Fortran's) order, else a copy."""
    y: Tracer
    lies = x.lies()
    if lies is not None:
        flag = lies.flags.f_contiguous if fortran else lies.flags.c_contiguous
        y = x if flag else x.fresh("F" if fortran else "C")
        return y
    y = x.fresh()
    through(x, Step(lambda a: a, lambda parent, new: new), y, sure=False)
    return y


def meant(x: Any, order: str) -> str:
    """What order="A" means: Fortran's where x lies so and not in C's."""
    if order != "A":
        return order
    lies = x.lies(firm=True) if isinstance(x, Tracer) else np.asarray(x)
    if lies is None:
        raise _unsure()
    return "F" if lies.flags.f_contiguous and not lies.flags.c_contiguous else "C"


def ravel(x: Tracer, order: str) -> Tracer:
    """x in one line: a view if x lies in this order, else a copy."""
    order = meant(x, order) if order == "A" else order
    lies = x.lies(firm=order == "K")
    if order == "K" and (lies is None or 0 in lies.strides):
        raise _unsure()
    axes = list(range(x.ndim))
    if order == "K":  # axes from the longest stride to the shortest
        axes = sorted(axes, key=lambda a: -abs(lies.strides[a]) if x.shape[a] > 1 else 0)
    axes = axes[::-1] if order == "F" else axes
    turned = np.transpose(x, axes)
    line: Any = np.reshape(turned, (-1,))
    flat: Tracer = line
    if lies is not None and not np.transpose(lies, axes).flags.c_contiguous:
        flat = flat if flat.window is None and flat is not x else flat.fresh()
        return flat
    if lies is None:
        flat = flat.fresh()
        whole = Step(
            lambda a: np.reshape(a, (-1,)), lambda parent, new: np.reshape(new, parent.shape)
        )
        through(turned, whole, flat, sure=False)
    return flat


def refresh(t: Tracer) -> None:
    """Take a view again if its memory was written to since."""
    window = t.window
    if window is None or window.version == window.root.version:
        return
    if not window.sure:
        raise _unsure()
    new: Any = window.root
    for step in window.path:
        new = step.apply(new)
    move(t, new if isinstance(new, Tracer) else t.tape.constant(np.asarray(new)))
    window.version = window.root.version


def move(t: Tracer, new: Any) -> None:
    """From here on t means this value."""
    t.tape, t.variable, t.value = new.tape, new.variable, new.value


def assign(t: Tracer, new: Any) -> None:
    """Write a whole new value into t's memory: its root and all views of it see it."""
    if not isinstance(t, Tracer):
        raise outside()
    window = t.window
    if window is None:
        _from_inside(t)
        wrote()
        order = order_of(t)
        if t.layout is None:
            t.layout = GIVEN if order is None else order
        new = new if isinstance(new, Tracer) else t.tape.constant(new)
        if order is not None and not isinstance(t.layout, str):
            new = laid(new, order.like)
        move(t, new)
        t.version += 1
        return
    if not window.sure:
        raise _unsure()
    levels: list[Any] = [window.root]
    for step in window.path:
        levels.append(step.apply(levels[-1]))
    for parent, step in zip(levels[-2::-1], window.path[::-1], strict=True):
        if step.back is None:
            raise ValueError("assignment destination is read-only")
        new = step.back(parent, new)
    assign(window.root, new)
    refresh(t)


def _from_inside(root: Tracer) -> None:
    """What a loop's body or a compiled function wrote outside of it would happen only once."""
    inner = creation.ACTIVE.get()
    if inner and inner[-1] is not root.tape and not inner[-1].concrete:
        raise UnsupportedError(
            sentences(
                "A function that is traced once and run many times (a loop's body, a branch, under "
                "jit or vmap) wrote into an array from outside it.",
                "Pass the array in, write into it there, and return it.",
            )
        )


def outside() -> UnsupportedError:
    """The error for a write into what no trace has made."""
    return UnsupportedError(
        sentences(
            "A traced value was written into an array from outside the function, which would lose "
            "its derivative.",
            "Write into a copy made inside it: y = x.copy().",
        )
    )


def _unsure() -> UnsupportedError:
    for tape in creation.ACTIVE.get():  # the trace around may know
        if tape.witness is not None:
            tape.witness.asked = True
    return UnsupportedError(
        sentences(
            "An array and a reshape of it were written to, and it isn't known (under jit it often "
            "isn't) whether NumPy would have made the reshape a view or a copy.",
            "Say which is meant: write into the array itself, or reshape x.copy().",
        )
    )


Tracer.refresh = refresh
Tracer.in_order = in_order
VIEWED.append(look)
