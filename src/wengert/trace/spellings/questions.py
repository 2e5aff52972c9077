"""What a program asks about values, shapes and types, and functions that are given functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier
from wengert.primitives import special
from wengert.trace.refusals import unsupported
from wengert.trace.spellings.counting import value
from wengert.trace.spellings.reductions import cumprod, cumsum
from wengert.trace.spellings.registry import axis_of, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array, holds_carrier

# --- about values


@spells(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    a, b = array(a), array(b)
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    near = np.logical_or(np.logical_and(near, np.isfinite(b)), a == b)
    if not equal_nan:
        return near
    return np.logical_or(near, np.logical_and(np.isnan(a), np.isnan(b)))


@spells(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> bool:
    return bool(np.all(isclose(a, b, rtol, atol, equal_nan)))


@spells(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    a, b = array(a1), array(a2)
    if a.shape != b.shape:
        return False
    same = a == b
    if equal_nan:
        same = np.logical_or(same, np.logical_and(np.isnan(a), np.isnan(b)))
    return bool(np.all(same))


@spells(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> bool:
    a, b = array(a1), array(a2)
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return False
    return bool(np.all(a == b))


spells(np.iscomplex)(lambda x: np.imag(x) != 0 if x.dtype.kind == "c" else np.zeros(x.shape, bool))
spells(np.isreal)(lambda x: np.imag(x) == 0)
spells(np.isposinf)(lambda x, out=None: x == np.inf)
spells(np.isneginf)(lambda x, out=None: x == -np.inf)


def _unless_nan(function: Any, least: float) -> Any:
    """argmax or argmin of what is a number; NumPy's error where all of them aren't."""

    def spelling(x: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        if x.dtype.kind not in "fc":
            return function(x, axis=axis, keepdims=keepdims is True)
        if np.any(np.all(np.isnan(x), axis=axis)):
            raise ValueError("All-NaN slice encountered")
        return function(np.where(np.isnan(x), least, x), axis=axis, keepdims=keepdims is True)

    return spelling


spells(np.nanargmax)(_unless_nan(np.argmax, -np.inf))
spells(np.nanargmin)(_unless_nan(np.argmin, np.inf))


def _filled(x: Any, neutral: float) -> Any:
    return np.where(np.isnan(x), neutral, x) if x.dtype.kind in "fc" else x


spells(np.nancumsum)(
    lambda x, axis=None, dtype=None, out=None: cumsum(_filled(x, 0.0), axis, dtype, out)
)
spells(np.nancumprod)(
    lambda x, axis=None, dtype=None, out=None: cumprod(_filled(x, 1.0), axis, dtype, out)
)


# --- about shapes and types


def _type(x: Any) -> Any:
    """An array of x's type and shape that takes no memory."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Carrier) else x


def _of_types(function: Any) -> None:
    spells(function)(lambda *args, **kwargs: function(*[_type(a) for a in args], **kwargs))


for _function in (
    np.can_cast, np.common_type, np.einsum_path, np.diag_indices_from, np.tril_indices_from,
    np.triu_indices_from,
):  # fmt: skip
    _of_types(_function)


@spells(np.min_scalar_type)
def min_scalar_type(x: Any) -> Any:
    return np.min_scalar_type(x.ask("np.min_scalar_type")) if not x.ndim else x.dtype


def _printed(function: Any) -> None:
    """What writes values down asks for them."""

    def spelling(*args: Any, **kwargs: Any) -> Any:
        name = f"np.{function.__name__}"
        known = [value(a, name) if isinstance(a, Tracer) else a for a in args]
        return function(
            *known, **{k: value(a, name) if isinstance(a, Tracer) else a for k, a in kwargs.items()}
        )

    spells(function)(spelling)


for _shower in (
    np.array2string, np.array_repr, np.array_str, np.save, np.savetxt, np.savez,
    np.savez_compressed,
):  # fmt: skip
    _printed(_shower)


# --- functions of functions


def _stacked(results: list[Any]) -> Any:
    if holds_carrier(results):
        return np.stack([array(r) for r in results])
    return np.asarray(results)


@spells(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    x = array(arr)
    axis = axis_of(axis, x.ndim)
    lines = np.moveaxis(x, axis, -1)
    lead = lines.shape[:-1]  # each line is a view, which may be written to
    y = _stacked([func1d(lines[place], *args, **kwargs) for place in np.ndindex(lead)])
    core = y.shape[1:]
    y = np.reshape(y, lead + core)
    rank, k = len(lead), len(core)
    return np.moveaxis(y, list(range(rank, rank + k)), list(range(axis, axis + k)))


@spells(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    y = array(a)
    for axis in np.atleast_1d(axes).tolist():
        z = func(y, axis)
        y = z if z.ndim == y.ndim else np.expand_dims(z, axis)
    return y


@spells(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Each function is called with the entries of its piece, so the pieces must be known."""
    x, n = array(x), len(funclist)
    nested = isinstance(condlist, list | tuple) and not np.isscalar(condlist[0])
    nested = nested and (isinstance(condlist[0], list | tuple) or array(condlist[0]).ndim)
    masks = list(condlist) if nested or (not nested and not x.ndim) else [condlist]
    masks = [value(m, "np.piecewise").astype(bool) for m in masks]
    if n == len(masks) + 1:
        masks.append(~np.any(masks, axis=0))
    elif n != len(masks):
        raise ValueError(f"with {len(masks)} condition(s), {len(masks)} or one more functions")
    y: Any = np.zeros(x.shape, x.dtype)
    line = np.ravel(x)
    for mask, function in zip(masks, funclist, strict=True):
        places = np.flatnonzero(mask)
        part = function
        if callable(function):
            if not places.size:
                continue
            part = function(np.take(line, places), *args, **kw)
        part = np.broadcast_to(np.astype(array(part), x.dtype), places.shape)
        whole = np.zeros(x.size, x.dtype)
        filled = np.reshape(_scattered(part, places, whole), x.shape)
        y = np.where(mask, filled, y)
    return y


def _scattered(part: Any, places: Any, whole: Any) -> Any:
    order = np.zeros(whole.size, int)
    order[places] = np.arange(places.size)
    return np.take(part, order) if places.size else whole


# --- numpy.emath: complex where a value asks for it


def _either(function: Any, outside: Callable[[Any], Any], cut: bool = False) -> None:
    """The real function unless a known value lies outside its domain."""
    plain = getattr(np, function.__name__)

    def spelling(x: Any) -> Any:
        known = value(x, f"np.emath.{function.__name__}")
        complicated = known.dtype.kind != "c" and np.any(outside(known))
        if complicated and cut:  # the slope has the wrong sign on one side of the cut
            raise unsupported(f"np.emath.{function.__name__} outside [-1, 1]")
        return plain(np.astype(array(x), np.complex128) if complicated else x)

    spells(function)(spelling)


for _name in ("sqrt", "log", "log2", "log10"):
    _either(getattr(np.emath, _name), lambda x: x < 0)
for _name in ("arccos", "arcsin", "arctanh"):
    _either(getattr(np.emath, _name), lambda x: np.abs(x) > 1, cut=True)


@spells(np.emath.logn)
def logn(n: Any, x: Any) -> Any:
    return np.emath.log(x) / np.emath.log(n)


@spells(np.emath.power)
def emath_power(x: Any, p: Any) -> Any:
    known = value(x, "np.emath.power")
    return np.power(np.astype(array(x), np.complex128) if np.any(known < 0) else x, p)


spells(np.i0)(lambda x: special.i0(array(x)))
