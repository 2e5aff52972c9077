"""Arrays made inside a traced function: `out = np.zeros(n); out[i] = t` must hold traced values.

NumPy's creation functions don't dispatch on what will be written later. So while a trace is under
way they are replaced, by functions that do as NumPy does unless the caller's frame belongs to the
thread that traces and to none of the libraries below; they stand back when the last trace ends.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.ir.primitive import Carrier
from wengert.trace.asking import COMPILED, LIBRARIES, calls
from wengert.trace.unify import holds_carrier

if TYPE_CHECKING:
    from wengert.trace.tracer import Trace

ACTIVE: ContextVar[tuple["Trace", ...]] = ContextVar("traces under way", default=())
MADE = (
    "zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "eye",
    "identity", "arange", "linspace", "tri", "indices",
)  # fmt: skip
HELD = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "fromiter")
PLAIN = frozenset((*LIBRARIES, *COMPILED))
ORDERED = {"ascontiguousarray": "C", "asfortranarray": "F"}
REAL: dict[str, Any] = {name: getattr(np, name) for name in (*MADE, *HELD, "r_", "c_", "vectorize")}

_lock = Lock()
_depth = 0


def enter(trace: "Trace") -> Any:
    """A trace begins in this thread; returns what `leave` wants."""
    global _depth
    with _lock:
        if _depth == 0:
            for found in MODULES:
                if found in sys.modules:
                    _place(found)
        _depth += 1
    return ACTIVE.set((*ACTIVE.get(), trace))


def leave(token: Any) -> None:
    """It ends; after the last one NumPy is as it was."""
    global _depth
    ACTIVE.reset(token)
    with _lock:
        _depth -= 1
        if _depth == 0:
            for found in _REALS:
                vars(sys.modules[found]).update(_REALS[found])


def _place(found: str) -> None:
    """The substitutes of a module's functions go where those were, which are remembered."""
    names = vars(sys.modules[found])
    if found not in _REALS:
        reals = {n: REAL.get(n, names[n]) if found == "numpy" else names[n]
                 for n in MODULES[found] if n in names}  # fmt: skip
        _PLACED[found] = {n: MODULES[found][n](real) for n, real in reals.items()}
        _REALS[found] = reals
    names.update(_PLACED[found])


def meant_by(meaning: Callable[..., Any]) -> Callable[[Any], Any]:
    """What makes a substitute of a function: `meaning` where it is given stand-ins, else itself."""

    def substitute(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            traced = holds_carrier(args) or (kwargs and holds_carrier([*kwargs.values()]))
            return meaning(*args, **kwargs) if traced else real(*args, **kwargs)

        return _like(call, real)

    return substitute


@contextmanager
def inside(tracers: Sequence[Any]) -> Iterator[None]:
    """While a function runs on these: what it makes belongs to their trace, or to none."""
    tapes = [max((t.tape for t in tracers), key=lambda tape: tape.level)] if tracers else []
    token = ACTIVE.set(tuple(tapes))
    try:
        yield
    finally:
        ACTIVE.reset(token)


def tracing(name: str = "") -> "Trace | None":
    """The innermost trace of this thread, if the caller's caller is a traced function."""
    traces = ACTIVE.get()
    if not traces:
        return None
    frame = sys._getframe(2)
    library = frame.f_globals.get("__name__", "").partition(".")[0] in PLAIN
    return None if library or (name and not calls(frame, name)) else traces[-1]


def _through_scipy(name: str) -> "Trace | None":
    """The innermost trace if SciPy's Python asks for an array: a stand-in is one."""
    frame = sys._getframe(2)
    scipy = frame.f_globals.get("__name__", "").partition(".")[0] == "scipy"
    return ACTIVE.get()[-1] if scipy and calls(frame, name) else None


def _made(name: str) -> Callable[..., Any]:
    real = REAL[name]

    def make(*args: Any, **kwargs: Any) -> Any:
        trace = tracing(name)
        return real(*args, **kwargs) if trace is None else made(trace, name, args, kwargs)

    return _like(make, real)


def made(trace: "Trace", name: str, args: Any, kwargs: Any, least: int = 1) -> Any:
    """What a creation function makes: of floats a constant of the trace, to be written into."""
    if name == "full" and any(isinstance(a, Carrier) for a in (*args, *kwargs.values())):
        return _full(*args, **kwargs)
    if name == "arange":
        args = tuple([_count(a) for a in args])
    value = REAL[name](*args, **kwargs)
    plain = isinstance(value, np.ndarray) and value.dtype.kind in "fc" and value.ndim >= least
    return trace.constant(value) if plain else value


def _count(a: Any) -> Any:
    """The integer that a stand-in is, asked as an index asks."""
    if not isinstance(a, Carrier) or a.dtype.kind not in "iu" or a.shape:
        return a
    n = a.__index__()  # type: ignore[attr-defined]
    return n if a.weak else a.dtype.type(n)  # type: ignore[attr-defined]


def _full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    value = fill_value if dtype is None else np.astype(fill_value, dtype)
    return np.copy(np.broadcast_to(value, shape), kwargs.get("order", "C"))


def _held(name: str) -> Callable[..., Any]:
    real = REAL[name]

    def make(*args: Any, **kwargs: Any) -> Any:
        trace = tracing(name)
        if trace is None and ACTIVE.get() and args and holds_carrier(args[0]):
            trace = _through_scipy(name)
        if trace is None or not args:
            return real(*args, **kwargs)
        return held(trace, name, args, kwargs)

    return _like(make, real)


def held(trace: "Trace", name: str, args: Any, kwargs: Any) -> Any:
    """What a function that takes what there is makes an array of: stand-ins stay what they are."""
    x = list(args[0]) if name == "fromiter" else args[0]
    dtype = kwargs.get("dtype", args[1] if len(args) > 1 else None)
    if not holds_carrier(x):
        value = REAL[name](x, *args[1:], **kwargs)
        new = (name == "array" or (value is not x and value.base is None)) and value.ndim
        return trace.constant(value) if new and value.dtype.kind in "fc" else value
    y: Any = _stacked(x)
    y = y if isinstance(x, Carrier) else y.fresh("C")
    y = y if dtype is None or y.dtype == dtype else np.astype(y, dtype)
    order = ORDERED.get(name) or kwargs.get("order") or "K"
    if kwargs.get("copy", name == "array") is True:
        y = y.fresh(order)
    elif order in ("C", "F"):
        y = y.in_order(order == "F")
    least = 1 if name in ORDERED else kwargs.get("ndmin", 0)
    return y if y.ndim >= least else y[(None,) * (least - y.ndim)]


def _stacked(x: Any) -> Any:
    """Nested lists with stand-ins in them as one array."""
    if isinstance(x, list | tuple):
        return np.stack(np.broadcast_arrays(*[_stacked(v) for v in x])) if x else REAL["array"](x)
    return x if isinstance(x, Carrier) else REAL["asarray"](x)


class _Joined:
    """np.r_ and np.c_ where a stand-in is among what is joined."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if tracing() is None or not any(holds_carrier(p) for p in parts):
            return REAL[self.name][key]
        arrays: list[Any] = [p if isinstance(p, Carrier) else REAL["r_"][p] for p in parts]
        if self.name == "r_":
            return np.concatenate([np.atleast_1d(a) for a in arrays])
        return np.concatenate([a[:, None] if a.ndim == 1 else np.atleast_2d(a) for a in arrays], -1)

    def __getattr__(self, name: str) -> Any:
        return getattr(REAL[self.name], name)


class _Vectorized(np.vectorize):
    """np.vectorize, element by element where an argument is traced."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(a, Carrier) for a in args):
            return super().__call__(*args, **kwargs)
        arrays = np.broadcast_arrays(*args)
        flat = zip(*[np.ravel(a) for a in arrays], strict=True)
        results = [self.pyfunc(*row, **kwargs) for row in flat]
        return np.reshape(_stacked(results), arrays[0].shape)


def _instead(made: Any, real: Any) -> Any:
    return made


def _like(make: Callable[..., Any], real: Any) -> Callable[..., Any]:
    make.__name__, make.__doc__ = real.__name__, real.__doc__
    return make


SUBSTITUTES: dict[str, Any] = {
    **{name: _made(name) for name in MADE},
    **{name: _held(name) for name in HELD},
    "r_": _Joined("r_"),
    "c_": _Joined("c_"),
    "vectorize": _Vectorized,
}
MODULES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "numpy": {name: partial(_instead, made) for name, made in SUBSTITUTES.items()}
}
"""What makes the substitutes of a module's functions; trace.spellings adds to it."""
_REALS: dict[str, dict[str, Any]] = {}
_PLACED: dict[str, dict[str, Any]] = {}
