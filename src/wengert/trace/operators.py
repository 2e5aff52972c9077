"""Python's operators on stand-ins. What is made of Python numbers alone stays weak (NEP 50)."""

from typing import Any

import numpy as np

from wengert.ir.primitive import REGISTRY
from wengert.trace.tracer import Tracer
from wengert.trace.unify import PYTHON

BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift, "divmod": np.divmod,
}  # fmt: skip
COMPARE = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def _is_weak(value: Any) -> bool:
    return value.weak if isinstance(value, Tracer) else type(value) in PYTHON


def _apply(ufunc: Any, *operands: Any) -> Any:
    result = REGISTRY.ufuncs[ufunc](*operands)
    if isinstance(result, Tracer) and all(map(_is_weak, operands)):
        result.weak = True
    return result


def _foreign(other: Any) -> bool:
    """Whether the other operand wants to handle the operator itself."""
    return getattr(type(other), "__array_ufunc__", 0) is None


def _install() -> None:
    def binary(ufunc: Any, swap: bool) -> Any:
        def method(self: Tracer, other: Any) -> Any:
            if _foreign(other) or isinstance(other, str) or other is None:
                return NotImplemented
            return _apply(ufunc, other, self) if swap else _apply(ufunc, self, other)

        return method

    for name, ufunc in BINARY.items():
        setattr(Tracer, f"__{name}__", binary(ufunc, swap=False))
        setattr(Tracer, f"__r{name}__", binary(ufunc, swap=True))
    for name, ufunc in COMPARE.items():
        setattr(Tracer, f"__{name}__", binary(ufunc, swap=False))
    for name, ufunc in UNARY.items():
        setattr(Tracer, f"__{name}__", lambda self, ufunc=ufunc: _apply(ufunc, self))


_install()
