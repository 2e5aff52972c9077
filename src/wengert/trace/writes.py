"""Writes in place on stand-ins: the list stays single assignment, the names move on.

A stand-in of an array that was written to means the newest version of its memory. A view remembers the
array it looks into and how; when that array has changed, the view is taken again before it is read, and
a write into the view is written back through all the views between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.ir.primitive import Primitive
from wengert.primitives import views
from wengert.primitives.writes import put
from wengert.trace.tracer import VIEWED, Tracer

Step = tuple[Primitive, dict[str, Any]]


@dataclass(slots=True)
class Window:
    """A look into the memory of `root` through views; `version` is the one last seen.

    `sure` is False where NumPy might have made a copy and the trace can't tell: reading is right
    either way, writing is refused.
    """

    root: Tracer
    path: tuple[Step, ...]
    version: int
    sure: bool = True


def _back_reshape(parent: Any, new: Any, shape: Any) -> Any:
    return np.reshape(new, parent.shape)


WRITE_BACK: dict[Primitive, Callable[..., Any]] = {
    views.take: lambda parent, new, index: put(parent, new, index=index),
    views.transpose: lambda parent, new, perm: views.transpose(
        new, perm=tuple(np.argsort(perm).tolist())
    ),
    views.flip: lambda parent, new, axes: views.flip(new, axes=axes),
    views.reshape: _back_reshape,
}


def look(primitive: Primitive, x: Tracer, params: dict[str, Any], result: Tracer) -> None:
    """Remember that `result` is a view of x, where NumPy would have made one."""
    if primitive not in WRITE_BACK or not result.variable.type.shape:
        return
    sure = True
    if primitive is views.reshape:
        mine, seen = x.known(), result.known()
        if mine is None:
            sure = x.window is None  # a fresh array is in order; of a view nobody knows
        elif not np.may_share_memory(mine, seen):
            return
    inner = x.window
    root, path = (x, ()) if inner is None else (inner.root, inner.path)
    sure = sure and (inner is None or inner.sure)
    result.window = Window(root, (*path, (primitive, params)), root.version, sure)


def refresh(t: Tracer) -> None:
    """Take a view again if its memory was written to since."""
    window = t.window
    if window is None or window.version == window.root.version:
        return
    new: Any = window.root
    for primitive, params in window.path:
        new = primitive(new, **params)
    move(t, new)
    window.version = window.root.version


def move(t: Tracer, new: Any) -> None:
    """From here on t means this value."""
    t.tape, t.variable, t.value = new.tape, new.variable, new.value


def assign(t: Tracer, new: Any) -> None:
    """Write a whole new value into t's memory: its root and all views of it see it."""
    window = t.window
    if window is None:
        if isinstance(new, Tracer):
            move(t, new)
        else:
            move(t, t.tape.constant(new))
        t.version += 1
        return
    if not window.sure:
        raise UnsupportedError(
            sentences(
                "A reshaped view was written to under jit, where it isn't known whether NumPy "
                "would have made a copy.",
                "Write into the array itself, or reshape a copy: x.copy().reshape(...).",
            )
        )
    levels: list[Any] = [window.root]
    for primitive, params in window.path:
        levels.append(primitive(levels[-1], **params))
    for parent, (primitive, params) in zip(levels[-2::-1], window.path[::-1], strict=True):
        new = WRITE_BACK[primitive](parent, new, **params)
    assign(window.root, new)
    refresh(t)


Tracer.refresh = refresh
VIEWED.append(look)
