"""Promotion and broadcasting made explicit, by NumPy's rules (NEP 50), an equation a step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import DtypeError, ShapeError, sentences
from wengert.ir.families import Pointwise
from wengert.ir.primitive import Carrier, Primitive
from wengert.ir.types import Array, is_masked
from wengert.primitives.maps import convert
from wengert.primitives.views import broadcast

PYTHON = (float, int, complex, bool)
WEAK = {"f": float, "i": int, "c": complex, "b": bool}
STRONG = {float: np.dtype("f8"), int: np.dtype("i8"), complex: np.dtype("c16"), bool: np.dtype("?")}
SAMPLE: dict[type, Any] = {float: 0.0, int: 0, complex: 0j}
_PLANS: dict[Any, tuple[np.dtype[Any], ...]] = {}


def array(value: Any) -> Array:
    """What came in as an array or carrier; TypeError for what is no array of numbers."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if is_masked(value):
            raise DtypeError(
                sentences("A masked array met a traced value.", "Use np.where with the mask.")
            )
        if value.dtype.kind not in "fiubc":
            raise DtypeError(
                sentences(
                    f"An array of dtype {value.dtype} met a traced value.",
                    "Convert it to numbers first, with .astype(float) if that is what it holds.",
                )
            )
        return value
    if isinstance(value, list | tuple) and holds_carrier(value):
        return np.stack([array(v) for v in value])
    if type(value) is int:
        return np.asarray(value, np.int64)  # OverflowError for what no integer of NumPy's can hold
    return array(np.asarray(value))


def holds_carrier(value: Any) -> bool:
    """Whether a stand-in is among the items of nested lists."""
    if isinstance(value, list | tuple):
        return any(holds_carrier(v) for v in value)
    return isinstance(value, Carrier)


def _weak(value: Any) -> bool:
    """Whether a value is made of Python numbers alone; arrays never are."""
    weak: bool = getattr(value, "weak", False)
    return weak


def _quick(x: Any, y: Any) -> Sequence[Any] | None:
    """What needs no thought: two floats of one type, or a float and a Python number."""
    if not isinstance(x, Carrier):
        if (
            type(x) in (float, int)
            and isinstance(y, Carrier)
            and y.dtype.kind == "f"
            and not _weak(y)
        ):
            return y.dtype.type(x), y
        return None
    if x.dtype.kind != "f" or _weak(x):
        return None
    if type(y) in (float, int):
        return x, x.dtype.type(y)
    same = isinstance(y, Carrier) and x.dtype == y.dtype and x.shape == y.shape
    return (x, y) if same and not _weak(y) else None


def unify(primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Sequence[Any]:
    """Operands of one shape and of the dtypes that NumPy would compute in; scalars stay scalars."""
    if len(args) == 2 and (quick := _quick(args[0], args[1])) is not None:
        return quick
    kinds: list[Any] = []
    operands: list[Any] = []
    shapes: list[tuple[int, ...]] = []
    for a in args:
        kind = type(a)
        if kind in STRONG:
            kinds.append(kind)
            operands.append(a)
            continue
        if not isinstance(a, Carrier):
            a = array(a)
        weak = _weak(a)
        kinds.append(WEAK[a.dtype.kind] if weak else a.dtype)
        operands.append(a)
        shapes.append(a.shape)
    dtypes = _PLANS.get((primitive, *kinds)) or _plan(primitive, tuple(kinds))
    shape = shapes[0]
    if any(s != shape for s in shapes):
        shape = _common(shapes)
    out = []
    for a, kind, dtype in zip(operands, kinds, dtypes, strict=True):
        if kind in STRONG and not isinstance(a, Carrier):
            out.append(_scalar(a, dtype))
            continue
        if a.dtype != dtype:
            a = convert(a, dtype=dtype)
        if a.shape != shape and (a.shape or isinstance(a, Carrier)):
            a = broadcast(a, shape=shape)
        out.append(a)
    return out


def _scalar(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "iu" and isinstance(value, int):
        return np.array(value, dtype)[
            ()
        ]  # raises OverflowError where it doesn't fit, as NumPy does
    return dtype.type(value)


def _common(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        text = " and ".join(str(s) for s in shapes)
        raise ShapeError(
            sentences(
                f"Operands of shapes {text} don't broadcast together.",
                "Axes are matched from the last; insert one with x[:, None] to repeat.",
            )
        ) from None


def _plan(primitive: Primitive, kinds: tuple[Any, ...]) -> tuple[np.dtype[Any], ...]:
    """The dtypes in which NumPy computes; remembered."""
    evaluate = primitive.evaluate
    assert isinstance(primitive.family, Pointwise)
    keep = primitive.family.conditions
    asked = tuple([np.dtype("?") if k is bool else k for k in kinds])
    if all(k in STRONG for k in kinds):
        asked = tuple([STRONG[k] for k in kinds])
    if isinstance(evaluate, np.ufunc):
        dtypes: tuple[Any, ...] = evaluate.resolve_dtypes((*asked, *[None] * evaluate.nout))
        dtypes = dtypes[: evaluate.nin]
    elif len(asked) == 1:
        dtypes = (STRONG.get(asked[0], asked[0]),)
    else:
        common = np.result_type(*[SAMPLE.get(k, k) for k in asked[keep:]])
        dtypes = (np.dtype("?"),) * keep + (common,) * (len(asked) - keep)
    _PLANS[(primitive, *kinds)] = dtypes
    return dtypes
