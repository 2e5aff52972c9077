"""The programs behind rules: definitions, and the transposes of differentials, each made once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from wengert.ir.primitive import Primitive, freeze
from wengert.ir.program import Program
from wengert.ir.types import Type, types_of
from wengert.trace.stage import stage


def definition(primitive: Primitive, xs: Sequence[Any], params: dict[str, Any]) -> Program:
    """What a composition is made of, as a list, for operands of these types."""
    return _definition(primitive, types_of(xs), freeze(params))


@lru_cache(maxsize=4096)
def _definition(primitive: Primitive, types: tuple[Type, ...], params: Any) -> Program:
    assert primitive.definition is not None

    def body(*xs: Any) -> Sequence[Any]:
        assert primitive.definition is not None
        ys = primitive.definition(*xs, **dict(params))
        return ys if isinstance(ys, tuple) else (ys,)

    return stage(body, types)
