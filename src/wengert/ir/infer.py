"""Types of results from types of operands, with no value computed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.families import Control, Opaque, Pointwise, result_shapes
from wengert.ir.primitive import Primitive, freeze
from wengert.ir.types import Type

_DTYPES: dict[Any, np.dtype[Any]] = {}


def infer(primitive: Primitive, types: Sequence[Type], params: dict[str, Any]) -> tuple[Type, ...]:
    """The results' types; ShapeError if the operands don't fit together."""
    family = primitive.family
    if isinstance(family, Control):
        return tuple(family.infer(*types, **params))
    shapes = result_shapes(family, types, params)
    if isinstance(family, Pointwise):
        return (Type(shapes[0], _pointwise_dtype(primitive, types, params)),)
    if isinstance(family, Opaque) and family.dtypes is not None:
        dtypes = [np.dtype(d) for d in family.dtypes(*[t.dtype for t in types])]
    elif not isinstance(family, Opaque) and family.dtype is not None:
        dtypes = [np.dtype(family.dtype)] * len(shapes)
    else:
        dtypes = [types[0].dtype] * len(shapes)
    return tuple([Type(s, d) for s, d in zip(shapes, dtypes, strict=True)])


def _pointwise_dtype(
    primitive: Primitive, types: Sequence[Type], params: dict[str, Any]
) -> np.dtype[Any]:
    """NumPy's own answer, asked once on empty arrays."""
    assert isinstance(primitive.family, Pointwise)
    if primitive.family.dtype is not None:
        return np.dtype(primitive.family.dtype)
    key = (primitive, tuple([t.dtype for t in types]), freeze(params))
    dtype = _DTYPES.get(key)
    if dtype is None:
        tiny = [np.empty((0,), t.dtype) for t in types]
        dtype = _DTYPES[key] = primitive.evaluate(*tiny, **params).dtype
    return dtype
