"""x[mask] where the mask isn't known yet: it stays x and a mask until its length matters.

How many entries x[x > 0] has depends on values, which a list on types alone can't say without a
guard on the whole mask. Sums, means and extremes of it can be said of all of x, with `where=mask`,
and so can what is done to the entries before. Whatever else is asked of a selection makes it the
array that it stands for, by that guard.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.program import Const, Var
from wengert.primitives import curves
from wengert.trace.operators import BINARY, COMPARE, UNARY
from wengert.trace.spellings import indexing
from wengert.trace.tracer import Tracer
from wengert.trace.unify import PYTHON

STATE = ("tape", "variable", "value", "weak", "window", "version", "layout")
RECENT = 400
"""How many lines back two masks are looked for that may be the same."""
_SLOT: dict[str, Any] = {name: vars(Tracer)[name] for name in STATE}


class Selection(Tracer):
    """The entries of `whole` at which `mask`, over its first axes, holds.

    `ready`: elsewhere whole is made of a selected entry, too, so that no function fails there.
    """

    __slots__ = ()

    @property
    def parts(self) -> tuple[Tracer, Tracer, bool]:
        found: tuple[Tracer, Tracer, bool] = _SLOT["value"].__get__(self)
        return found

    @property
    def dtype(self) -> Any:
        return self.parts[0].dtype

    @property
    def ndim(self) -> int:
        whole, mask, _ = self.parts
        return whole.ndim - mask.ndim + 1

    @property
    def size(self) -> Any:
        """A traced integer: how many entries there are."""
        whole, mask, _ = self.parts
        return np.sum(mask) * int(np.prod(whole.shape[mask.ndim :]))

    def record(self, primitive: Any, args: Any, params: dict[str, Any]) -> Any:
        return array_of(self).record(primitive, args, params)

    def __getitem__(self, index: Any) -> Any:
        return array_of(self)[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        array_of(self)[index] = value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            found = _both(*inputs) if ufunc is np.matmul else _each(ufunc, inputs)
            if found is not None:
                return found
        plain, named = _settled((inputs, kwargs))
        return getattr(ufunc, method)(*plain, **named)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in FOLDS and args and isinstance(args[0], Selection):
            found = FOLDS[func](args[0], *args[1:], **kwargs)
        elif func in (np.where, np.clip) and not kwargs:
            found = _each(func, args)
        else:
            found = _both(*args) if func in (np.dot, np.inner, np.vdot) and not kwargs else None
        if found is not None:
            return found
        plain, named = _settled((args, kwargs))
        return func(*plain, **named)


def _hidden(name: str) -> property:
    """What only the array has: asking for it makes the selection one."""

    def get(self: Selection) -> Any:
        return _SLOT[name].__get__(array_of(self))

    return property(get, lambda self, value: _SLOT[name].__set__(array_of(self), value))


for _name in STATE:
    setattr(Selection, _name, _hidden(_name))
setattr(Selection, "level", property(lambda self: _SLOT["tape"].__get__(array_of(self)).level))  # noqa: B010
setattr(Selection, "shape", property(lambda self: array_of(self).shape))  # noqa: B010


def select(x: Tracer, mask: Tracer) -> Selection:
    """x[mask] as it is now, whatever is written into either afterwards."""
    found: Selection = Selection.__new__(Selection)
    _SLOT["tape"].__set__(found, x.tape)
    _SLOT["value"].__set__(found, (x.fresh(), mask.fresh(), False))
    return found


def array_of(s: Any) -> Tracer:
    """The stand-in of the array itself, which s is from here on: its mask is a guard."""
    if type(s) is Selection:
        whole, mask, _ = s.parts
        y = whole[mask.ask("A boolean mask as an index")]
        y = y if isinstance(y, Tracer) else whole.tape.constant(np.asarray(y))
        for name in STATE:
            _SLOT[name].__set__(s, _SLOT[name].__get__(y))
        s.__class__ = Tracer  # type: ignore[assignment]
    return s  # type: ignore[no-any-return]


def _settled(x: Any) -> Any:
    if isinstance(x, Selection):
        return array_of(x)
    if type(x) in (list, tuple):
        return type(x)([_settled(v) for v in x])
    return {k: _settled(v) for k, v in x.items()} if type(x) is dict else x


# --- entry by entry


def _each(function: Callable[..., Any], xs: Any) -> Any:
    """The selection from the function of the whole arrays; None if they are selected otherwise."""
    first = next(x for x in xs if isinstance(x, Selection))
    mask = first.parts[1]
    if getattr(function, "signature", None) or not all(_fits(x, first) for x in xs):
        return None
    y = function(*[_safe(x) if isinstance(x, Selection) else x for x in xs])
    if isinstance(y, tuple):
        return tuple([_made(t, mask) for t in y])
    return _made(y, mask)


def _fits(x: Any, first: Selection) -> bool:
    """Whether x is a number, or selected by the same mask out of as many axes."""
    if isinstance(x, Selection):
        same = same_value(x.parts[1], first.parts[1])
        return same and x.parts[0].ndim == first.parts[0].ndim
    return type(x) in PYTHON or (isinstance(x, np.generic | Tracer) and not x.shape)


def same_value(a: Any, b: Any, depth: int = 4) -> bool:
    """Whether two stand-ins surely hold the same: by the same lines from the same variables."""
    if a is b:
        return True
    return a.tape is b.tape and _same(a.variable, b.variable, a.tape.equations, depth)


def _same(a: Any, b: Any, equations: Any, depth: int) -> bool:
    if a is b:
        return True
    if isinstance(a, Const) and isinstance(b, Const):
        plain = not isinstance(a.value, Tracer) and not isinstance(b.value, Tracer)
        return plain and a.type == b.type and bool(np.all(a.value == b.value))
    if not (isinstance(a, Var) and isinstance(b, Var) and depth):
        return False
    lines = [e for e in equations[-RECENT:] if a in e.outputs or b in e.outputs]
    if len(lines) != 2 or lines[0].primitive is not lines[1].primitive:
        return False
    p, q = lines
    if p.params != q.params or len(p.inputs) != len(q.inputs) or len(p.outputs) > 1:
        return False
    pairs = zip(p.inputs, q.inputs, strict=True)
    return all(_same(i, j, equations, depth - 1) for i, j in pairs)


def _safe(s: Selection) -> Any:
    """The whole array, with a selected entry wherever none is selected."""
    whole, mask, ready = s.parts
    if ready:
        return whole
    rows = np.reshape(curves.stop_gradient(whole), (mask.size, *whole.shape[mask.ndim :]))
    one = np.where(np.any(mask), rows[np.argmax(mask)], whole.dtype.type(1))
    return np.where(_over(mask, whole), whole, one)


def _over(mask: Any, whole: Any) -> Any:
    return np.reshape(mask, mask.shape + (1,) * (whole.ndim - mask.ndim))


def _made(whole: Any, mask: Tracer) -> Selection:
    found: Selection = Selection.__new__(Selection)
    _SLOT["tape"].__set__(found, whole.tape)
    _SLOT["value"].__set__(found, (whole, mask, True))
    return found


def _operator(ufunc: Any, swap: bool = False) -> Callable[..., Any]:
    def method(self: Any, *other: Any) -> Any:
        if other and (other[0] is None or isinstance(other[0], str)):
            return NotImplemented
        return ufunc(*other, self) if swap else ufunc(self, *other)

    return method


def _in_place(ufunc: Any) -> Callable[..., Any]:
    """A selection is memory of its own: who holds it sees what is written."""

    def method(self: Any, other: Any) -> Any:
        y = _each(ufunc, (self, other))
        if y is None or y.dtype != self.dtype:
            return getattr(array_of(self), method.__name__)(other)
        _SLOT["value"].__set__(self, y.parts)
        return self

    return method


for _name, _ufunc in {**BINARY, **COMPARE, **UNARY}.items():
    setattr(Selection, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in BINARY.items():
    setattr(Selection, f"__r{_name}__", _operator(_ufunc, swap=True))
for _name in ("add", "sub", "mul", "truediv", "pow"):
    _method = _in_place(BINARY[_name])
    _method.__name__ = f"__i{_name}__"
    setattr(Selection, _method.__name__, _method)


# --- reductions


def _axes(s: Selection, axis: Any) -> tuple[int, ...] | None:
    """The axes of the whole array that `axis` of the selection stands for; None if it isn't all."""
    whole, mask, _ = s.parts
    if axis is None or (s.ndim == 1 and axis in (0, -1, (0,), (-1,))):
        return tuple(range(whole.ndim))
    return tuple(range(mask.ndim)) if axis in (0, -s.ndim, (0,)) else None


def _fold(function: Any) -> Callable[..., Any]:
    """A reduction that NumPy computes with `where=`."""

    def fold(s: Selection, axis: Any = None, **kwargs: Any) -> Any:
        axes = _axes(s, axis)
        if axes is None or any(v is not None for k, v in kwargs.items() if k not in ("ddof",)):
            return None
        whole, mask, _ = s.parts
        where = np.broadcast_to(_over(mask, whole), whole.shape)
        kept = {k: v for k, v in kwargs.items() if v is not None}
        return function(whole, axis=axes, where=where, **kept)

    return fold


def _extreme(function: Any, sign: int) -> Callable[..., Any]:
    """max and min, where one entry at least is a number above the worst: that is the guard."""

    def fold(s: Selection, axis: Any = None, **kwargs: Any) -> Any:
        whole, mask, _ = s.parts
        axes = _axes(s, axis)
        if axes is None or kwargs or whole.dtype.kind not in "fiu":
            return None
        if whole.dtype.kind == "f":
            worst: Any = whole.dtype.type(-sign * np.inf)
        else:
            worst = whole.dtype.type(getattr(np.iinfo(whole.dtype), "min" if sign > 0 else "max"))
        y = function(np.where(_over(mask, whole), whole, worst), axis=axes)
        return y if bool(np.all(y > worst if sign > 0 else y < worst)) else None

    return fold


def _count(s: Selection, axis: Any = None, **kwargs: Any) -> Any:
    whole, mask, _ = s.parts
    axes = _axes(s, axis)
    if axes is None or kwargs:
        return None
    return np.sum(np.logical_and(np.not_equal(whole, 0), _over(mask, whole)), axis=axes)


def _norm(s: Selection, *args: Any, **kwargs: Any) -> Any:
    whole, mask, _ = s.parts
    if args or kwargs or whole.ndim > mask.ndim:
        return None
    return np.linalg.norm(np.ravel(np.where(mask, whole, 0)))


def _both(a: Any = None, b: Any = None, *others: Any) -> Any:
    """The inner product of two selections in one line by one mask."""
    if others or not (isinstance(a, Selection) and isinstance(b, Selection)) or a.ndim != 1:
        return None
    if b.ndim != 1 or not same_value(a.parts[1], b.parts[1]) or a.dtype.kind == "c":
        return None
    mask = a.parts[1]
    return np.vdot(*[np.ravel(np.where(mask, s.parts[0], 0)) for s in (a, b)])


FOLDS: dict[Any, Callable[..., Any]] = {
    **{f: _fold(f) for f in (np.sum, np.prod, np.mean, np.var, np.std, np.any, np.all)},
    np.max: _extreme(np.max, 1),
    np.min: _extreme(np.min, -1),
    np.count_nonzero: _count,
    np.size: lambda s, axis=None: s.size if axis is None else None,
    np.linalg.norm: _norm,
}
"""What needs no guard on the mask: reductions over the entries; None where they do."""
indexing.SELECT.append(select)
