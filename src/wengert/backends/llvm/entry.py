"""From Python into compiled code: arrays are checked, results made, and the core is called.

A core is `i32 core(ptr args)`: args points to the addresses of the inputs' data, of the outputs',
of the workspace (64-byte aligned) and of the constants. It returns 0, or anything else to say that
the reference shall run on the same inputs (and raise NumPy's own error).

Two ways lead in. The `gate` (machine code, 0.1 µs) takes what is exactly as expected and hands the
rest to a `Caller` (Python and ctypes, 5 µs and more), which converts what it may and raises where
it mayn't. Where Python's or NumPy's objects aren't laid out as the gate knows them, or Python has
no GIL, the `Caller` is all there is.
"""

import ctypes
import platform
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.backends.llvm import gate
from wengert.backends.llvm.engine import Library, load
from wengert.errors import DtypeError, ShapeError, sentences
from wengert.ir.types import Array, Type

Reference = Callable[..., list[Array]]
KEPT = 1 << 26
"""Bytes of workspace up to which a function keeps its own from call to call."""
NUMBERS = (bool, int, float, complex)
_CORE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)  # lets the GIL go
_FASTCALL = 0x0080
_API = {
    "vectorcall": "PyObject_Vectorcall", "incref": "Py_IncRef", "decref": "Py_DecRef",
    "new_list": "PyList_New", "set_item": "PyList_SetItem", "save": "PyEval_SaveThread",
    "restore": "PyEval_RestoreThread", "malloc": "PyMem_RawMalloc", "free": "PyMem_RawFree",
    "no_memory": "PyErr_NoMemory",
}  # fmt: skip
_NUMPY = {"new_array": 94, "new_scalar": 60}  # PyArray_NewFromDescr, PyArray_Scalar


def entry(
    address: int,
    inputs: Sequence[Type],
    outputs: Sequence[Type],
    workspace: int,
    constants: Sequence[np.ndarray[Any, Any]],
    reference: Reference,
    *,
    long: bool = False,
    keep: object = None,
) -> Reference:
    """A function of arrays that runs the core at an address; it returns the list of outputs.

    `long` lets other Python threads run meanwhile (40 ns more); `keep` lives as long as the
    function does: the library that the core is in.
    """
    caller = Caller(address, inputs, outputs, workspace, constants, reference, keep)
    few = len(inputs) + len(outputs) + len(constants) < 250  # they lie on the stack
    door = _gate() if few else None
    return caller if door is None else _bound(door, caller, long)


def straightened(
    function: Reference, slow: Callable[..., Any], weak: Sequence[bool] | None = None
) -> Reference | None:
    """The same function behind a gate that hands what isn't exactly as expected to `slow`.

    Where `weak` says which inputs are Python's numbers, these are numbers of Python's alone, and
    the others never. None where there is no gate.
    """
    door = _gate()
    inside = getattr(function, "__self__", None)
    if door is None or not isinstance(inside, tuple):
        return None
    return _bound(door, inside[3], False, slow, weak)


class Caller:
    """The slow way in: it converts, it complains, and it needs nothing but ctypes.

    Each call has its own workspace, so that threads may call at once.
    """

    __slots__ = (
        "address", "constants", "core", "inputs", "keep", "outputs", "reference", "workspace",
    )  # fmt: skip

    def __init__(
        self,
        address: int,
        inputs: Sequence[Type],
        outputs: Sequence[Type],
        workspace: int,
        constants: Sequence[np.ndarray[Any, Any]],
        reference: Reference,
        keep: object = None,
    ) -> None:
        self.address = address
        self.core = _CORE(address)
        self.inputs = [plain(t) for t in inputs]
        self.outputs = [plain(t) for t in outputs]
        self.workspace = workspace
        self.constants = [np.require(c, None, ["C", "A"]) for c in constants]
        self.reference = reference
        self.keep = keep

    def __call__(self, *args: Any) -> list[Array]:
        if len(args) != len(self.inputs):
            raise TypeError(
                sentences(
                    f"A compiled function of {len(self.inputs)} arrays was given {len(args)}.",
                    "Pass as many as it was compiled for.",
                )
            )
        arrays = [fitted(x, t, i) for i, (x, t) in enumerate(zip(args, self.inputs, strict=True))]
        results = [np.empty(t.shape, t.dtype) for t in self.outputs]
        room = np.empty(self.workspace + 64, np.uint8)
        space = -(-where(room) // 64) * 64
        addresses = [*map(where, arrays + results), space, *map(where, self.constants)]
        if self.core((ctypes.c_void_p * len(addresses))(*addresses)) != 0:
            return self.reference(*arrays)
        return [y if y.ndim else y[()] for y in results]

    def parts(self) -> list[object]:
        """What the gate knows by address: a tuple of its own keeps it, whatever becomes of this."""
        return [self.reference, self.keep, *self.constants]


def plain(type: Type) -> Type:
    """The same type with NumPy's own dtype object, in the machine's byte order."""
    assert type.dtype.kind in "biufc", type
    assert type.dtype.itemsize <= 16, type
    return Type(tuple(type.shape), np.dtype(type.dtype.name))


def where(array: np.ndarray[Any, Any]) -> int:
    """The address of an array's data."""
    return int(array.__array_interface__["data"][0])


def fitted(value: Any, type: Type, number: int) -> np.ndarray[Any, Any]:
    """An argument as the core wants it: this shape, this dtype, straight in memory.

    Only what changes no value is converted: byte order, strides, a narrower dtype, Python numbers.
    """
    if value.__class__ is np.ndarray and value.dtype == type.dtype and value.shape == type.shape:
        return value if value.flags.c_contiguous and value.flags.aligned else straight(value, type)
    if isinstance(value, np.ma.MaskedArray):
        raise DtypeError(
            sentences(
                f"Argument {number + 1} of a compiled function is a masked array.",
                "Use np.where with the mask.",
            )
        )
    array = np.asarray(value)
    if array.shape != type.shape:
        raise ShapeError(
            sentences(
                f"Argument {number + 1} of a function compiled for {type} has the shape"
                f" {array.shape}.",
                "Compile it for this shape too.",
            )
        )
    if not _fits(value, array.dtype, type.dtype):
        raise DtypeError(
            sentences(
                f"Argument {number + 1} of a function compiled for {type} has the dtype"
                f" {array.dtype}, and to convert it may change its values.",
                f"Convert it yourself with .astype(np.{type.dtype}), or compile for this dtype.",
            )
        )
    if value.__class__ in NUMBERS:
        return np.array(value, type.dtype)  # an integer that is too large raises here
    return straight(array, type)


def straight(array: np.ndarray[Any, Any], type: Type) -> np.ndarray[Any, Any]:
    """Its values in C's order, aligned, in the machine's byte order."""
    return np.require(array, type.dtype, ["C", "A"]).view(np.ndarray)


def _fits(value: Any, given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    if value.__class__ in NUMBERS:
        return "biufc".index(wanted.kind) >= "bi?fc".index(given.kind)
    return np.can_cast(given, wanted, "safe")


# --- the gate and the order it is given
class _MethodDef(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    ]  # fmt: skip


@lru_cache(maxsize=1)
def _gate() -> tuple[gate.Layout, Library] | None:
    """The gate for this Python and this NumPy, compiled once; None where there can be none."""
    at = layout()
    return None if at is None else (at, load(gate.text(at), "gate"))


def _bound(
    door: tuple[gate.Layout, Library], caller: Caller, long: bool, slow: object = None,
    weak: Sequence[bool] | None = None,
) -> Reference:  # fmt: skip
    """The gate as a Python function with this caller's order."""
    at, library = door
    slow = caller if slow is None else slow
    order, kept = _order(at, caller, long, slow, weak)
    method = _MethodDef(b"compiled", library.address("gate"), _FASTCALL, None)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    make.restype = ctypes.py_object
    function: Reference = make(
        ctypes.addressof(method),
        (order, method, library, caller, slow, *caller.parts(), *kept),
        "wengert",
    )
    return function


def _order(
    at: gate.Layout, caller: Caller, long: bool, slow: object, weak: Sequence[bool] | None
) -> tuple[np.ndarray[Any, Any], list[Any]]:
    """The words that the gate reads, and what must live as long as they."""
    kept_room = 0 < caller.workspace <= KEPT
    room = np.empty(caller.workspace + 64 if kept_room else 0, np.uint8)
    table = np.array([where(c) for c in caller.constants], np.uint64)
    numpy = _numpy_api()
    head = {name: _address(getattr(ctypes.pythonapi, f)) for name, f in _API.items()} | {
        name: numpy[i] for name, i in _NUMPY.items()
    }
    head |= {
        "inputs": len(caller.inputs), "outputs": len(caller.outputs),
        "constants": len(caller.constants),
        "pointers": len(caller.inputs) + len(caller.outputs) + len(caller.constants) + 1,
        "release": int(long), "bytes": caller.workspace, "taken": 0, "core": caller.address,
        "room": -(-where(room) // 64) * 64 if kept_room else 0, "table": where(table),
        "slow": id(slow), "reference": id(caller.reference), "array_type": id(np.ndarray),
    }  # fmt: skip
    words = [head[name] for name in gate.HEAD]
    shapes = []
    kinds: list[bool | None] = [None] * (len(caller.inputs) + len(caller.outputs))
    kinds[: len(weak or ())] = weak or ()
    for type, is_weak in zip([*caller.inputs, *caller.outputs], kinds, strict=True):
        shapes.append(np.array(type.shape, np.int64))
        words += _record(at, type, where(shapes[-1]), is_weak)
    return np.array(words, np.uint64), [room, table, *shapes]


def _record(at: gate.Layout, type: Type, shape: int, weak: bool | None) -> list[int]:
    dtype = type.dtype
    value = object.__basicsize__
    scalar = number = 0
    if not type.shape and _holds(dtype, value):
        scalar = id(dtype.type)
        number = id({"d": float, "D": complex}.get(dtype.char, dtype.type))
        scalar, number = 0 if weak else scalar, 0 if weak is False else number
    kind = int.from_bytes(ctypes.string_at(id(dtype) + at.kind, 8), sys.byteorder)
    fields = {
        "dtype": 0 if weak else id(dtype), "kind": 0 if weak else kind,
        "ndim": type.ndim, "shape": shape,
        "scalar": scalar, "number": number, "value": value, "spare": 0,
    }  # fmt: skip
    return [fields[name] for name in gate.RECORD]


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@lru_cache(maxsize=1)
def _numpy_api() -> Any:
    """NumPy's table of C functions; its order is part of NumPy's promise to extensions."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    return ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_void_p))


# --- how objects are laid out
class _ArrayFields(ctypes.Structure):
    """NumPy's public PyArrayObject_fields, after the header that every object has."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("ndim", ctypes.c_int), ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p), ("base", ctypes.c_void_p), ("dtype", ctypes.c_void_p),
        ("flags", ctypes.c_int),
    ]  # fmt: skip


@lru_cache(maxsize=1)
def layout() -> gate.Layout | None:
    """Where things stand in objects, if samples show that it is so; None if anything differs."""
    if (
        platform.python_implementation() != "CPython"
        or sysconfig.get_config_var("Py_GIL_DISABLED")
        or ctypes.sizeof(ctypes.c_void_p) != 8
    ):
        return None
    head = object.__basicsize__
    array = {name: head + getattr(_ArrayFields, name).offset for name, *_ in _ArrayFields._fields_}
    at = gate.Layout(
        type=head - 8, item=tuple.__basicsize__, kind=head + 8,
        **{name: array[name] for name in ("data", "ndim", "shape", "dtype", "flags")},
    )  # fmt: skip
    return at if _confirmed(at) else None


def _confirmed(at: gate.Layout) -> bool:
    grid = np.arange(24.0).reshape(2, 3, 4)
    samples = [grid, grid[::-1, :, 1:3], grid.T, np.array(1.5), np.zeros((0, 3), np.int32)]
    dtypes = [np.dtype(c) for c in "?bBhHiIlLfdFD"] + [np.dtype(">f8"), np.dtype(">i4")]
    pair = (grid, at)
    return (
        all(_array_confirmed(at, a) for a in samples)
        and all(_dtype_confirmed(at, d) for d in dtypes)
        and _word(pair, at.item) == id(grid)
        and _word(pair, at.item + 8) == id(at)
        and _numpy_api()[2] == id(np.ndarray)
    )


def _array_confirmed(at: gate.Layout, array: np.ndarray[Any, Any]) -> bool:
    """The addresses inside are only followed once all that stands around them is as it should."""
    fields = _ArrayFields.from_address(id(array) + object.__basicsize__)
    around = (
        np.ndarray.__basicsize__ >= at.flags + 4
        and _word(array, at.type) == id(np.ndarray)
        and (fields.data or 0) == where(array)
        and fields.ndim == array.ndim
        and (fields.base or id(None)) == id(array.base)
        and fields.dtype == id(array.dtype)
        and fields.flags == array.flags.num
    )
    if not around or not array.ndim:
        return around
    numbers = ctypes.c_int64 * array.ndim
    return (
        tuple(numbers.from_address(fields.shape)) == array.shape
        and tuple(numbers.from_address(fields.strides)) == array.strides
    )


def _dtype_confirmed(at: gate.Layout, dtype: np.dtype[Any]) -> bool:
    word = ctypes.string_at(id(dtype) + at.kind, 8)
    named = f"{dtype.kind}{dtype.char}{dtype.byteorder}".encode()
    return word[4:] == dtype.num.to_bytes(4, sys.byteorder) and (
        word[:3] == named or (dtype.itemsize == 1 and word[:2] == named[:2])
    )


@lru_cache(maxsize=64)
def _holds(dtype: np.dtype[Any], value: int) -> bool:
    """Whether NumPy's scalars (and Python's float and complex) keep their number there."""
    samples = [dtype.type(1), dtype.type(0)]
    if dtype.kind in "fc":
        samples.append(dtype.type(-1.7))
    if dtype.char in "dD":
        samples += [dtype.type(2.3).item(), {"d": float, "D": complex}[dtype.char](-0.0)]
    return all(
        type(x).__basicsize__ >= value + dtype.itemsize
        and ctypes.string_at(id(x) + value, dtype.itemsize) == np.array(x, dtype).tobytes()
        for x in samples
    )


def _word(thing: object, offset: int) -> int:
    return ctypes.c_void_p.from_address(id(thing) + offset).value or 0
