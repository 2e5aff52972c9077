"""Touching memory: lanes from side by side, from afar, or behind a mask; and lanes among themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.backends.llvm.code import Code, Value, suffix
from wengert.backends.llvm.lane import BOOL, Lane, element, vector


def load(
    code: Code, pointer: Value, dtype: np.dtype[Any], lanes: int, step: int, mask: Value | None
) -> Lane:
    """Lanes whose numbers stand `step` elements apart; one lane if they are all the same."""
    stem, size = memory(dtype), dtype.itemsize
    if not step or lanes == 1:
        return _register(code, code.load(pointer, stem, size), dtype, 1)
    type = vector(stem, lanes)
    if step == 1 and mask is None:
        value = code.load(pointer, type, size)
    elif step == 1:
        assert mask is not None
        name = code.module.declare(
            f"llvm.masked.load.{suffix(type)}.p0", type, "ptr", "i32", mask.type, type
        )
        nothing = Value("zeroinitializer", type)
        value = code.call(name, type, pointer, Value(str(size), "i32"), mask, nothing)
    else:
        value = Value("zeroinitializer", type)
        for k in range(active(mask, lanes)):
            one = code.load(code.at(pointer, k * step, stem), stem, size)
            value = code.op(f"insertelement {value}, {one}, i32 {k}", type)
    return _register(code, value, dtype, lanes)


def _register(code: Code, value: Value, dtype: np.dtype[Any], lanes: int) -> Lane:
    """What was read, as it stands in a register: a bool is one bit there."""
    if dtype == BOOL:
        zero = "0" if lanes == 1 else "zeroinitializer"
        value = code.op(f"icmp ne {value}, {zero}", vector("i1", lanes))
    return Lane(code, value, dtype, lanes)


def store(code: Code, x: Lane, pointer: Value, step: int, mask: Value | None) -> None:
    """Put lanes where they belong, `step` elements apart."""
    stem, size, value = memory(x.dtype), x.dtype.itemsize, x.value
    if x.dtype == BOOL:
        type = vector(stem, x.lanes)
        value = code.op(f"zext {value} to {type}", type)
    if x.lanes == 1 or (step == 1 and mask is None):
        code.store(value, pointer, size)
    elif step == 1:
        assert mask is not None
        name = code.module.declare(
            f"llvm.masked.store.{suffix(value.type)}.p0",
            "void",
            value.type,
            "ptr",
            "i32",
            mask.type,
        )
        code.do(f"call void {name}({value}, {pointer}, i32 {size}, {mask})")
    else:
        for k in range(active(mask, x.lanes)):
            one = code.op(f"extractelement {value}, i32 {k}", stem)
            code.store(one, code.at(pointer, k * step, stem), size)


def wide(x: Lane, lanes: int) -> Lane:
    """A number in every lane."""
    if x.lanes == lanes:
        return x
    assert x.lanes == 1, (x.lanes, lanes)
    code, type = x.code, vector(x.value.type, lanes)
    if not x.value.name.startswith("%"):
        return Lane(code, Value(f"splat ({x.value})", type), x.dtype, lanes)
    one = code.op(f"insertelement {type} poison, {x.value}, i32 0", type)
    text = f"shufflevector {one}, {type} poison, <{lanes} x i32> zeroinitializer"
    return Lane(code, code.op(text, type), x.dtype, lanes)


def mask(count: int, lanes: int) -> Value:
    """The first `count` of the lanes."""
    bits = ", ".join([f"i1 {int(k < count)}" for k in range(lanes)])
    return Value(f"<{bits}>", f"<{lanes} x i1>")


def active(mask: Value | None, lanes: int) -> int:
    """How many lanes a mask lets through."""
    return lanes if mask is None else mask.name.count("i1 1")


def memory(dtype: np.dtype[Any]) -> str:
    """LLVM's type of an element in memory."""
    return "i8" if dtype == BOOL else element(dtype)


def neutral(fold: str, dtype: np.dtype[Any]) -> Any:
    """What changes nothing: 0 of a sum, 1 of a product, the least of a maximum."""
    if fold in ("add", "logical_or"):
        return 0
    if fold in ("multiply", "logical_and"):
        return 1
    if dtype == BOOL:
        return fold == "minimum"
    if dtype.kind == "f":
        return -np.inf if fold == "maximum" else np.inf
    info = np.iinfo(dtype)  # type: ignore[arg-type]
    return info.min if fold == "maximum" else info.max


def horizontal(x: Lane, word: Callable[..., Lane]) -> Lane:
    """All lanes folded into one, by halves."""
    while x.lanes > 1:
        half = x.lanes // 2
        type = vector(element(x.dtype), half)
        parts = []
        for first in (0, half):
            at = ", ".join([f"i32 {first + k}" for k in range(half)])
            text = f"shufflevector {x.value}, {x.value.type} poison, <{half} x i32> <{at}>"
            parts.append(x.code.op(text, type))
        if half == 1:
            parts = [
                x.code.op(f"extractelement {x.value}, i32 {k}", element(x.dtype)) for k in (0, 1)
            ]
        a, b = (Lane(x.code, p, x.dtype, half) for p in parts)
        x = word(a, b)
    return x


def count(type: str) -> int:
    """How many lanes a type has."""
    return int(type[1 : type.index(" x ")]) if type.startswith("<") else 1
