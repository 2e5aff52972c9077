"""One call of a scalar function, written down with all values and the user's names."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import DtypeError, sentences
from wengert.ir.types import Array
from wengert.passes.prune import prune
from wengert.settings import strictly
from wengert.trace.tracer import Trace
from wengert.trace.unify import array
from wengert.transforms.derivatives import Point, at_point


def recorded(f: Callable[..., Any], args: Sequence[Any], who: str, as_written: bool) -> Point:
    """f's list at these arguments; `as_written`: line by line, no stable words, loops unrolled."""
    leaves, structure = tree.flatten(tuple(args))
    xs, names = [array(x) for x in leaves], _labels(f, args)

    def run(*tracers: Any) -> Sequence[Any]:
        return [_scalar(f(*structure.unflatten(list(tracers))), who)]

    if not as_written:
        return at_point(run, xs, (), names)
    with strictly(True), np.errstate(all="ignore"), Trace(concrete=True) as trace:
        tracers = [trace.input(x, name) for x, name in zip(xs, names, strict=True)]
        program = trace.close(run(*tracers))
    return Point(prune(program), trace.values)


def _labels(f: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    """A name for each leaf: `W`, `layers0.W`."""
    return [
        path.replace("[", "").replace("]", "").replace("'", "")
        for i, a in enumerate(args)
        for path in tree.paths(a, _parameter(f, i))
    ]


def _parameter(f: Callable[..., Any], i: int) -> str:
    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):  # NumPy's own functions have none
        names = []
    return names[i] if i < len(names) else f"x{i + 1}"


def _scalar(y: Any, who: str) -> Any:
    if getattr(y, "shape", ()) != ():
        raise DtypeError(
            sentences(
                f"{who} needs a scalar function, and this one returned shape {y.shape}.",
                "Reduce it with np.sum.",
            )
        )
    return y


def plain(x: Array | None) -> str:
    """A value in few characters: a number, a small array, or the shape and the norm."""
    if x is None:
        return "0"
    x = np.asarray(x) + 0  # -0 reads as 0
    if x.dtype.kind == "b" or x.size <= 4:
        if x.ndim == 0:
            return f"{x.item():.6g}"
        if x.size <= 4:
            return np.array2string(x, precision=5, separator=" ").replace("\n", "")
    return f"|{'x'.join(map(str, x.shape))}| {np.linalg.norm(x.astype(float)):.6g}"
