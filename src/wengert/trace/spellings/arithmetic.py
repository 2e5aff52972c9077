"""Ufuncs whose spelling isn't one record: powers, complex parts, quotients with remainder."""

from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.ir.primitive import Carrier
from wengert.primitives import curves, maps, picks
from wengert.trace.layout import Order, laid
from wengert.trace.spellings.registry import no_extras, spells
from wengert.trace.tracer import UNKNOWN, Tracer
from wengert.trace.unify import array
from wengert.trace.writes import Step, through


@spells(np.power)
def power(x: Any, p: Any) -> Any:
    """x ** p. A real exponent known now makes a monomial: its derivatives end where they should."""
    known = type(p) in (int, float) or (isinstance(p, np.generic) and p.dtype.kind in "iuf")
    if known and isinstance(x, Tracer) and x.dtype.kind in "fc":
        dtype = np.result_type(x.dtype, p) if not x.weak else np.result_type(x.dtype, float)
        return maps.convert(x, dtype=dtype) ** p if dtype != x.dtype else monomial(x, p)
    return curves.power(x, p)


def monomial(x: Any, p: Any) -> Any:
    number = p.item() if isinstance(p, np.generic) else p
    if number == 2:
        return curves.square(x)
    return x * 1 if number == 1 else curves.monomial(x, p=number)


@spells(np.absolute)
def absolute(z: Any) -> Any:
    if z.dtype.kind != "c":
        return curves.absolute(z)
    return np.hypot(np.real(z), np.imag(z))


@spells(np.sign)
def sign(z: Any) -> Any:
    if z.dtype.kind != "c":
        return curves.sign(z)
    size = np.absolute(z)
    return np.where(size == 0, 0.0, z / np.where(size == 0, 1.0, size))


@spells(np.positive)
def positive(x: Any) -> Any:
    return x.fresh()


@spells(np.divmod)
def divmod_(x: Any, y: Any) -> Any:
    return np.floor_divide(x, y), np.remainder(x, y)


@spells(np.modf)
def modf(x: Any) -> Any:
    whole = np.trunc(x)
    return x - whole, whole


@spells(np.frexp)
def frexp(x: Any) -> Any:
    e = np.where(x == 0, 0.0, np.floor(np.log2(np.abs(np.where(x == 0, 1.0, x)))) + 1)
    return x / np.exp2(e), np.astype(e, np.int32)


@spells(np.ldexp)
def ldexp(x: Any, e: Any) -> Any:
    return x * (np.exp2(np.astype(e, x.dtype)) if hasattr(e, "dtype") else float(np.exp2(e)))


@spells(np.real)
def real(z: Any) -> Any:
    return _part(maps.real, z) if z.dtype.kind == "c" else z


@spells(np.imag)
def imag(z: Any) -> Any:
    return _part(maps.imag, z) if z.dtype.kind == "c" else np.zeros_like(z)


def _part(part: Any, z: Any) -> Any:
    """The real or imaginary part: of an array a view, which sees what is written into the array."""
    y = part(z)
    if isinstance(z, Tracer) and isinstance(y, Tracer) and z.shape:
        ofarray = np.real if part is maps.real else np.imag
        step = Step(lambda a: (part if isinstance(a, Tracer) else ofarray)(a), _unwritable)
        through(z, step, y)
    return y


def _unwritable(parent: Any, new: Any) -> Any:
    raise UnsupportedError(
        sentences(
            "The real or imaginary part of a complex array was written to in place.",
            "Write the complex number: z[...] = new + 1j * z.imag.",
        )
    )


@spells(np.conjugate)
def conjugate(z: Any) -> Any:
    return maps.conjugate(z) if z.dtype.kind == "c" else z.fresh()


@spells(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    a = np.arctan2(np.imag(z), np.real(z))
    return np.degrees(a) if deg else a


@spells(np.real_if_close)
def real_if_close(z: Any, tol: float = 100) -> Any:
    return z


@spells(np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    dtype = np.dtype(dtype)
    if dtype != x.dtype or getattr(x, "weak", False):
        return _converted(x, dtype)
    return x.fresh() if copy and x.shape else x


def _converted(x: Any, dtype: np.dtype[Any]) -> Any:
    if x.dtype == dtype:  # a weak scalar becomes a strong one
        return x * 1 if x.dtype.kind == "b" else maps.convert(x, dtype=dtype)
    return maps.convert(x, dtype=dtype)


@spells(np.where)
def where(condition: Any, *branches: Any) -> Any:
    if not branches:
        return np.nonzero(condition)
    c = array(condition)
    return picks.select(np.astype(c, bool) if c.dtype.kind != "b" else c, *branches)


@spells(np.clip)
def clip(x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **kwargs: Any) -> Any:
    low, high = kwargs.pop("min", a_min), kwargs.pop("max", a_max)
    no_extras("np.clip", out=out, **kwargs)
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@spells(np.nan_to_num)
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    if not copy:
        x.overwrite(nan_to_num(x, True, nan, posinf, neginf))
        return x
    info = np.finfo(x.dtype)
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, info.max if posinf is None else posinf, x)
    return np.where(x == -np.inf, info.min if neginf is None else neginf, x)


@spells(np.sinc)
def sinc(x: Any) -> Any:
    """sin(pi x)/(pi x); near 0 its Taylor polynomial, so that all derivatives there are right."""
    t = np.pi * x
    near = np.abs(t) < 0.1
    s = t * t
    series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110))))
    far = np.where(near, 1.0, t)
    return np.where(near, series, np.sin(far) / far)


@spells(np.round, np.around)
def around(x: Any, decimals: int = 0, out: Any = None) -> Any:
    no_extras("np.round", out=out)
    whole = x.dtype.kind in "iu"
    if decimals >= 0:
        scale = 10.0**decimals
        return x if whole else np.rint(x) if decimals == 0 else np.rint(x * scale) / scale
    y = np.rint(x / 10.0**-decimals) * 10.0**-decimals
    return np.astype(y, x.dtype) if whole else y


@spells(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    no_extras("np.fix", out=out)
    return np.trunc(x)


def _made(x: Any, value: Any, order: str) -> Any:
    """A new array like x: a constant of its trace, so that traced values may be written into it."""
    if not (isinstance(x, Tracer) and value.dtype.kind in "fc" and value.ndim):
        return value
    if value.shape != x.shape or order not in "KA":
        return x.tape.constant(np.asarray(value, order="F" if order == "F" else "C"))
    known = x.order_of()
    if known is None:
        made = x.tape.constant(value)
        made.layout = UNKNOWN
        return made
    like = np.empty_like(known.like, value.dtype, order)
    made = x.tape.constant(laid(value, like))
    made.layout = Order(like, known.inputs)
    return made


def _like(fill: Any) -> Any:
    def spelling(
        x: Any,
        dtype: Any = None,
        order: Any = "K",
        subok: Any = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Any:
        shape, dtype = x.shape if shape is None else shape, x.dtype if dtype is None else dtype
        return _made(x, np.full(shape, fill, dtype), order)

    return spelling


spells(np.zeros_like, np.empty_like)(_like(0))
spells(np.ones_like)(_like(1))


@spells(np.full_like)
def full_like(
    x: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: Any = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    shape, dtype = x.shape if shape is None else shape, x.dtype if dtype is None else dtype
    if isinstance(fill_value, Carrier):
        return np.copy(np.broadcast_to(np.astype(fill_value, dtype), shape))
    return _made(x, np.full(shape, fill_value, dtype), order)


@spells(np.result_type)
def result_type(*operands: Any) -> Any:
    return np.result_type(*[o if isinstance(o, type) else getattr(o, "dtype", o) for o in operands])


@spells(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return bool(x.dtype.kind == "c")


@spells(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return bool(x.dtype.kind != "c")


@spells(np.shape)
def shape(x: Any) -> tuple[int, ...]:
    return tuple(array(x).shape)


@spells(np.ndim)
def ndim(x: Any) -> int:
    return len(array(x).shape)


@spells(np.size)
def size(x: Any, axis: Any = None) -> int:
    x = array(x)
    return int(x.size if axis is None else x.shape[axis])


@spells(np.copy)
def copy(x: Any, order: Any = "K", subok: bool = False) -> Any:
    return x.fresh(order)
