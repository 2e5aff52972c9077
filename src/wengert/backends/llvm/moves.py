"""Views and writes at a place that moves: x[t] and y[t + 1] = v in the body of a loop."""

from collections.abc import Callable
from math import prod
from typing import Any

from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.lane import Lane
from wengert.backends.llvm.native import rowwise
from wengert.backends.llvm.touch import memory
from wengert.ir.program import Atom
from wengert.ir.schedule import Call

Index = tuple[int | tuple[int, int, int], ...]


class Moved:
    """The part of an array that an index cuts, moved by numbers known when it runs."""

    def __init__(
        self, code: Code, call: Call, shape: tuple[int, ...], first: int,
        pointer: Callable[[Atom], Value],
    ) -> None:  # fmt: skip
        self.code = code
        params = call.equation.params
        self.index, self.axes = params["index"], params["axes"]
        self.steps = rowwise(shape)
        self.start = Value("0", "i64")
        self.bad = Value("false", "i1")
        for axis, o in zip(self.axes, call.operands[first:], strict=True):
            dtype = o.atom.type.dtype
            stem = memory(dtype)
            one = code.load(pointer(o.atom), stem, dtype.itemsize)
            self._move(axis, Lane(code, one, dtype, 1).to("int64").value, shape[axis])

    def _move(self, axis: int, by: Value, size: int) -> None:
        """Add a move along an axis; what then lies outside of the array is bad."""
        code, cut = self.code, self.index[axis]
        ends = (cut, cut) if isinstance(cut, int) else (cut[0], range(*cut)[-1])
        for end in ends:
            at = code.op(f"add i64 {by.name}, {end}", "i64")
            out = code.op(f"icmp uge i64 {at.name}, {size}", "i1")
            self.bad = code.op(f"or i1 {self.bad.name}, {out.name}", "i1")
        far = code.op(f"mul i64 {by.name}, {self.steps[axis]}", "i64")
        self.start = code.op(f"add i64 {self.start.name}, {far.name}", "i64")

    def status(self) -> Value:
        """1 where the part doesn't lie in the array."""
        return self.code.op(f"zext {self.bad} to i32", "i32")

    def each(self, do: Callable[[Value, Value], None]) -> None:
        """`do` with the place of each element: in the part, stored row by row, and in the array."""
        lengths = [1 if isinstance(i, int) else len(range(*i)) for i in self.index]
        firsts = [i if isinstance(i, int) else i[0] for i in self.index]
        jumps = [0 if isinstance(i, int) else i[2] for i in self.index]
        self._nested(0, lengths, firsts, jumps, Value("0", "i64"), self.start, do)

    def _nested(
        self, a: int, lengths: list[int], firsts: list[int], jumps: list[int],
        mine: Value, theirs: Value, do: Callable[[Value, Value], None],
    ) -> None:  # fmt: skip
        if a == len(lengths):
            do(mine, theirs)
            return
        code = self.code
        theirs = code.op(f"add i64 {theirs.name}, {firsts[a] * self.steps[a]}", "i64")
        if lengths[a] == 1:
            self._nested(a + 1, lengths, firsts, jumps, mine, theirs, do)
            return
        with code.loop(0, lengths[a]) as i:
            near = code.op(f"mul i64 {i.name}, {prod(lengths[a + 1 :])}", "i64")
            far = code.op(f"mul i64 {i.name}, {self.steps[a] * jumps[a]}", "i64")
            near = code.op(f"add i64 {mine.name}, {near.name}", "i64")
            far = code.op(f"add i64 {theirs.name}, {far.name}", "i64")
            self._nested(a + 1, lengths, firsts, jumps, near, far, do)


def _copied(code: Code, dtype: Any, to: tuple[Value, Value], source: tuple[Value, Value]) -> None:
    """One element, from an array and place to another."""
    stem, size = memory(dtype), dtype.itemsize
    one = code.load(code.at(*source, stem), stem, size)
    code.store(one, code.at(*to, stem), size)


def take_moved(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    """x[index + by]."""
    x, out = call.operands[0].atom, call.equation.outputs[0]
    part = Moved(code, call, x.type.shape, 1, pointer)
    _guarded(
        code, part, lambda m, t: _copied(code, x.type.dtype, (pointer(out), m), (pointer(x), t))
    )
    return part.status()


def place_moved(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    """Zeros with u at index + by."""
    u, out = call.operands[0].atom, call.equation.outputs[0]
    fill = code.module.declare("llvm.memset.p0.i64", "void", "ptr", "i8", "i64", "i1")
    code.do(f"call void {fill}({pointer(out)}, i8 0, i64 {out.type.nbytes}, i1 false)")
    part = Moved(code, call, out.type.shape, 1, pointer)
    _guarded(
        code, part, lambda m, t: _copied(code, u.type.dtype, (pointer(out), t), (pointer(u), m))
    )
    return part.status()


def put_moved(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    """x with v written at index + by; where both are the same memory nothing is copied."""
    x, v, out = call.operands[0].atom, call.operands[1].atom, call.equation.outputs[0]
    to = pointer(out)
    if to is not pointer(x):
        name = code.module.declare("llvm.memcpy.p0.p0.i64", "void", "ptr", "ptr", "i64", "i1")
        code.do(f"call void {name}({to}, {pointer(x)}, i64 {x.type.nbytes}, i1 false)")
    part = Moved(code, call, x.type.shape, 2, pointer)
    _guarded(code, part, lambda m, t: _copied(code, v.type.dtype, (to, t), (pointer(v), m)))
    return part.status()


def _guarded(code: Code, part: Moved, do: Callable[[Value, Value], None]) -> None:
    """Touch the array only if the part lies in it."""
    with code.when(code.op(f"xor i1 {part.bad.name}, true", "i1")):
        part.each(do)
