"""One word over arrays, to be tested and timed: y[i] = word(x[i], ...)."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.cpu import Cpu, host
from wengert.backends.llvm.engine import load
from wengert.backends.llvm.lane import BOOL, Lane, element, vector


def word_text(
    word: Callable[..., Lane], dtypes: tuple[Any, ...], lanes: int, cpu: Cpu, **params: Any
) -> tuple[str, np.dtype[Any]]:
    """LLVM's text of `void loop(i64 n, ptr y, ptr x...)`, n in steps of lanes; the dtype of y."""
    module = Module(cpu)
    pointers = [Value(f"%x{i}", "ptr") for i in range(len(dtypes))]
    code = Code(module, "loop", "void", Value("%n", "i64"), Value("%y", "ptr"), *pointers)
    with code.loop(0, Value("%n", "i64"), lanes) as i:
        xs = [_read(code, p, i, np.dtype(d), lanes) for p, d in zip(pointers, dtypes, strict=True)]
        y = word(*xs, **params)
        _write(code, Value("%y", "ptr"), i, y)
    code.finish(linkage="")
    return module.text(), y.dtype


def _read(code: Code, pointer: Value, i: Value, dtype: np.dtype[Any], lanes: int) -> Lane:
    type = "i8" if dtype == BOOL else element(dtype)
    value = code.load(code.at(pointer, i, type), vector(type, lanes), dtype.itemsize)
    if dtype == BOOL:
        return Lane(code, value, np.dtype("int8"), lanes).to(BOOL)
    return Lane(code, value, dtype, lanes)


def _write(code: Code, pointer: Value, i: Value, y: Lane) -> None:
    if y.dtype == BOOL:
        y = y.to("int8")
    code.store(y.value, code.at(pointer, i, element(y.dtype)), y.dtype.itemsize)


def word_loop(
    word: Callable[..., Lane],
    dtypes: tuple[Any, ...],
    lanes: int,
    cpu: Cpu | None = None,
    **params: Any,
) -> Callable[..., np.ndarray]:
    """A function of arrays of these dtypes that computes a word of them."""
    cpu = cpu or host()
    text, result = word_text(word, dtypes, lanes, cpu, **params)
    library = load(text, "loop", cpu=cpu)
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (1 + len(dtypes)))(
        library.address("loop")
    )

    def call(*xs: Any, out: Any = None) -> np.ndarray:
        xs = tuple(np.ascontiguousarray(x, d) for x, d in zip(xs, dtypes, strict=True))
        n = xs[0].size
        padded = -(-n // lanes) * lanes
        if padded != n:
            xs = tuple(np.concatenate([x, np.repeat(x[-1:], padded - n)]) for x in xs)
        y = np.empty(padded, result) if out is None else out
        function(padded, y.ctypes.data, *[x.ctypes.data for x in xs])
        return y[:n]

    call.library = library  # type: ignore[attr-defined]
    call.function = function  # type: ignore[attr-defined]
    return call
