"""A lane: a number, or a vector of them, in a register. Formulas run on it as they run on arrays.

    def horner(x):  return fma(fma(c2, x, c1), x, c0)

Each operator writes one instruction. A dtype is NumPy's; in a register a bool is one bit.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.backends.llvm.code import Code, Value, suffix

ELEMENTS = {"float64": "double", "float32": "float", "bool": "i1"} | {
    f"{sign}int{bits}": f"i{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
"""LLVM's name for what stands in a register."""
UNORDERED = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
SIGNED = {"<": "slt", "<=": "sle", ">": "sgt", ">=": "sge", "==": "eq", "!=": "ne"}
UNSIGNED = {"<": "ult", "<=": "ule", ">": "ugt", ">=": "uge", "==": "eq", "!=": "ne"}
BOOL = np.dtype(bool)


def element(dtype: np.dtype[Any]) -> str:
    """LLVM's type of one number in a register."""
    return ELEMENTS[dtype.name]


def vector(type: str, lanes: int) -> str:
    """LLVM's type of so many of them."""
    return type if lanes == 1 else f"<{lanes} x {type}>"


def literal(value: Any, dtype: np.dtype[Any], lanes: int) -> Value:
    """A number known when the code is written, the same in every lane."""
    type = element(dtype)
    if dtype.kind == "f":
        wide = float(dtype.type(value))
        text = f"0x{struct.unpack('<Q', struct.pack('<d', wide))[0]:016X}"
    else:
        text = str(int(value))
    return Value(text if lanes == 1 else f"splat ({type} {text})", vector(type, lanes))


class Lane:
    """`lanes` numbers of a dtype in one register."""

    __slots__ = ("code", "dtype", "lanes", "value")
    __array_ufunc__ = None

    def __init__(self, code: Code, value: Value, dtype: np.dtype[Any], lanes: int) -> None:
        self.code = code
        self.value = value
        self.dtype = dtype
        self.lanes = lanes

    def like(self, value: Value, dtype: np.dtype[Any] | None = None) -> "Lane":
        """Another one with as many lanes."""
        return Lane(self.code, value, dtype or self.dtype, self.lanes)

    def const(self, value: Any, dtype: Any = None) -> "Lane":
        """A number in every lane."""
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        return self.like(literal(value, dtype, self.lanes), dtype)

    def of(self, other: Any) -> "Lane":
        """An operand beside this one: itself, or a Python number of this dtype."""
        return other if isinstance(other, Lane) else self.const(other)

    def _op(self, name: str, *others: Any, dtype: Any = None) -> "Lane":
        operands = [self, *[self.of(o) for o in others]]
        assert all(o.value.type == self.value.type for o in operands), (name, self.value, others)
        names = ", ".join(o.value.name for o in operands)
        type = self.value.type if dtype is None else vector(element(dtype), self.lanes)
        return self.like(self.code.op(f"{name} {self.value.type} {names}", type), dtype)

    def _either(self, real: str, whole: str, other: Any) -> "Lane":
        return self._op(real if self.dtype.kind == "f" else whole, other)

    # fmt: off
    def __add__(self, other: Any) -> "Lane": return self._either("fadd", "add", other)
    def __sub__(self, other: Any) -> "Lane": return self._either("fsub", "sub", other)
    def __mul__(self, other: Any) -> "Lane": return self._either("fmul", "mul", other)
    def __truediv__(self, other: Any) -> "Lane": return self._op("fdiv", other)
    def __radd__(self, other: Any) -> "Lane": return self.of(other) + self
    def __rsub__(self, other: Any) -> "Lane": return self.of(other) - self
    def __rmul__(self, other: Any) -> "Lane": return self.of(other) * self
    def __rtruediv__(self, other: Any) -> "Lane": return self.of(other) / self
    def __and__(self, other: Any) -> "Lane": return self._op("and", other)
    def __or__(self, other: Any) -> "Lane": return self._op("or", other)
    def __xor__(self, other: Any) -> "Lane": return self._op("xor", other)
    def __lshift__(self, other: Any) -> "Lane": return self._op("shl", other)
    def __rshift__(self, other: Any) -> "Lane": return self._op("ashr" if self.dtype.kind == "i" else "lshr", other)
    def __invert__(self) -> "Lane": return self ^ self.const(1 if self.dtype == BOOL else -1)
    def __lt__(self, other: Any) -> "Lane": return self.compare("<", other)
    def __le__(self, other: Any) -> "Lane": return self.compare("<=", other)
    def __gt__(self, other: Any) -> "Lane": return self.compare(">", other)
    def __ge__(self, other: Any) -> "Lane": return self.compare(">=", other)
    def eq(self, other: Any) -> "Lane": return self.compare("==", other)
    def ne(self, other: Any) -> "Lane": return self.compare("!=", other)
    # fmt: on

    def __neg__(self) -> "Lane":
        if self.dtype.kind == "f":
            return self.like(
                self.code.op(f"fneg {self.value.type} {self.value.name}", self.value.type)
            )
        return self.const(0) - self

    def compare(self, sign: str, other: Any) -> "Lane":
        """A bool in each lane; with nan every comparison but != is false."""
        if self.dtype.kind == "f":
            return self._op(f"fcmp {UNORDERED[sign]}", other, dtype=BOOL)
        table = SIGNED if self.dtype.kind == "i" else UNSIGNED
        return self._op(f"icmp {table[sign]}", other, dtype=BOOL)

    def intrinsic(self, name: str, *others: Any) -> "Lane":
        """`llvm.name` of this and the others, all of one type."""
        return self.like(self.code.intrinsic(name, self.value, *[self.of(o).value for o in others]))

    def bits(self) -> "Lane":
        """The same bits as an integer with a sign."""
        return self._cast("bitcast", np.dtype(f"i{self.dtype.itemsize}"))

    def number(self) -> "Lane":
        """An integer's bits as a float of that size."""
        return self._cast("bitcast", np.dtype(f"f{self.dtype.itemsize}"))

    def to(self, dtype: Any) -> "Lane":
        """Converted as NumPy's astype does; a float that no integer holds gives the nearest one.

        (NumPy's own answer there is undefined and differs between machines.)
        """
        new = np.dtype(dtype)
        old = self.dtype
        if new == old:
            return self
        if new == BOOL:
            return self.ne(0)
        if old.kind == "f" and new.kind == "f":
            return self._cast("fpext" if new.itemsize > old.itemsize else "fptrunc", new)
        if old.kind == "f":
            type = vector(element(new), self.lanes)
            name = "fptosi.sat" if new.kind == "i" else "fptoui.sat"
            full = f"llvm.{name}.{suffix(type)}.{suffix(self.value.type)}"
            function = self.code.module.declare(full, type, self.value.type)
            return self.like(self.code.call(function, type, self.value), new)
        if new.kind == "f":
            return self._cast("sitofp" if old.kind == "i" else "uitofp", new)
        if old == BOOL:
            return self._cast("zext", new)
        if new.itemsize == old.itemsize:
            return self.like(self.value, new)
        if new.itemsize < old.itemsize:
            return self._cast("trunc", new)
        return self._cast("sext" if old.kind == "i" else "zext", new)

    def _cast(self, name: str, dtype: np.dtype[Any]) -> "Lane":
        type = vector(element(dtype), self.lanes)
        text = f"{name} {self.value.type} {self.value.name} to {type}"
        return self.like(self.code.op(text, type), dtype)


# --- what formulas are written with, besides the operators
def fma(a: Lane, b: Any, c: Any) -> Lane:
    """a b + c, rounded once where the processor can."""
    return a.intrinsic("fma" if a.code.cpu.fma else "fmuladd", b, c)


def where(c: Lane, a: Lane, b: Any) -> Lane:
    """a where c holds, else b."""
    b = a.of(b)
    text = f"select {c.value}, {a.value}, {b.value}"
    return a.like(a.code.op(text, a.value.type))


def absolute(x: Lane) -> Lane:
    """|x|."""
    if x.dtype.kind == "f":
        return x.intrinsic("fabs")
    return where(x < 0, -x, x) if x.dtype.kind == "i" else x


def copysign(x: Lane, s: Any) -> Lane:
    """x with the sign of s."""
    return x.intrinsic("copysign", s)


def polynomial(x: Lane, coefficients: Sequence[float]) -> Lane:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule."""
    y = x.const(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        y = fma(y, x, c)
    return y


Word = Callable[..., Lane]
