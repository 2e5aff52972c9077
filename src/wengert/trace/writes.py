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
from wengert.trace.tracer import VIEWED, Tracer


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
    if primitive not in WRITE_BACK or not result.variable.type.shape:
        return
    shares = _shares(x, params["shape"]) if primitive is views.reshape else True
    if shares is not False:
        back = WRITE_BACK[primitive]
        step = Step(partial(primitive, **params), None if back is None else partial(back, **params))
        through(x, step, result, shares is True)


def through(x: Tracer, step: Step, result: Tracer, sure: bool = True) -> None:
    """From here on `result` is a view of x."""
    inner = x.window
    root, path = (x, ()) if inner is None else (inner.root, inner.path)
    sure = sure and (inner is None or inner.sure)
    result.window = Window(root, (*path, step), root.version, sure)


def _shares(x: Tracer, shape: tuple[int, ...]) -> bool | None:
    """Whether NumPy's reshape of x would be a view; None where its order in memory isn't known."""
    if [n for n in shape if n != 1] == [n for n in x.shape if n != 1]:
        return True
    lies = memory(x)
    if lies is None:
        return True if x.ndim == 1 and x.window is None else None
    try:
        np.reshape(lies, shape, copy=False)
    except ValueError:
        return False
    return True


def memory(x: Tracer) -> Any:
    """An array that lies in memory as x would; None where that isn't known."""
    window = x.window
    root = window.root if window else x
    lies = root.known() if root.layout is None else root.layout
    for step in window.path if window and lies is not None else ():
        lies = step.apply(lies)
    return lies


def in_order(x: Tracer, fortran: bool) -> Tracer:
    """x itself if it lies in C's (or Fortran's) order, else a copy."""
    lies = memory(x)
    if lies is not None:
        flag = lies.flags.f_contiguous if fortran else lies.flags.c_contiguous
        return x if flag else x.fresh()
    y = x.fresh()
    through(x, Step(lambda a: a, lambda parent, new: new), y, sure=False)
    return y


def ravel(x: Tracer) -> Tracer:
    """x in one line: a view if x lies in order, else a copy."""
    flat: Any = np.reshape(x, (-1,))
    line: Tracer = flat
    line = line.fresh() if line is x else line
    lies = memory(x)
    if lies is not None:
        line.window = None
        if not lies.flags.c_contiguous:
            return line
    whole = Step(lambda a: np.reshape(a, (-1,)), lambda parent, new: np.reshape(new, parent.shape))
    through(x, whole, line, lies is not None or (x.ndim == 1 and x.window is None))
    return line


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
    move(t, new)
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
        if t.layout is None:
            t.layout = t.known()
        move(t, new if isinstance(new, Tracer) else t.tape.constant(new))
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
    return UnsupportedError(
        sentences(
            "An array and a reshape of it were written to under jit, where it isn't known whether "
            "NumPy would have made the reshape a view or a copy.",
            "Say which is meant: write into the array itself, or reshape x.copy().",
        )
    )


Tracer.refresh = refresh
Tracer.in_order = in_order
VIEWED.append(look)
