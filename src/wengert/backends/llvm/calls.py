"""What is run as a whole and natively: loops in time, picks by index, products of matrices."""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from wengert.backends.llvm import apart, control, moves
from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.contract import contraction, whole
from wengert.backends.llvm.lane import Lane, literal
from wengert.backends.llvm.native import Native, begin, copy, plain
from wengert.backends.llvm.team import fail, part
from wengert.backends.llvm.touch import memory
from wengert.backends.llvm.work import balance
from wengert.ir.program import Atom
from wengert.ir.schedule import Call

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer


# --- picks by index
def _knows_pick(call: Call) -> bool:
    real = all(
        o.atom.type.dtype.kind in "fiub" and o.atom.type.dtype.isnative for o in call.operands
    )
    return real and plain(call) and all(v.type.size for v in call.equation.outputs)


def _no_room(writer: "Writer", call: Call) -> int:
    return 0


class _Rows:
    """Rows of an array that index arrays name: where each begins, checked as NumPy checks."""

    def __init__(
        self, code: Code, call: Call, first: int, whole: tuple[int, ...],
        pointer: Callable[[Atom], Value],
    ) -> None:  # fmt: skip
        self.code, self.sizes = code, whole
        self.indices = call.operands[first:]
        self.pointers = [pointer(o.atom) for o in self.indices]
        self.count = self.indices[0].atom.type.size if self.indices else 1
        self.width = prod(whole[len(self.indices) :])

    def row(self, p: Value, bad: Value) -> tuple[Value, Value]:
        """The number of the row that entry p names, and whether one so far was out of bounds."""
        code, total = self.code, Value("0", "i64")
        for o, base, n in zip(self.indices, self.pointers, self.sizes, strict=False):
            stem = memory(o.atom.type.dtype)
            one = code.load(code.at(base, p, stem), stem, o.atom.type.dtype.itemsize)
            i = Lane(code, one, o.atom.type.dtype, 1).to("int64").value
            wrapped = code.op(f"add i64 {i.name}, {n}", "i64")
            low = code.op(f"icmp slt i64 {i.name}, 0", "i1")
            i = code.op(f"select {low}, {wrapped}, {i}", "i64")
            out = code.op(f"icmp uge i64 {i.name}, {n}", "i1")
            bad = code.op(f"or i1 {bad.name}, {out.name}", "i1")
            i = code.op(f"select {out}, i64 0, {i}", "i64")
            scaled = code.op(f"mul i64 {total.name}, {n}", "i64")
            total = code.op(f"add i64 {scaled.name}, {i.name}", "i64")
        return total, bad

    def each(self, do: Callable[[Value, Value], None], team: bool = False) -> Value:
        """`do` with each entry and the start of its row, in elements; the status at the end."""
        code, low, high = self.code, Value("0", "i64"), Value(str(self.count), "i64")
        if team:
            low, high = part(code, self.count)
        bad = code.stack("i8", 1)
        code.store(Value("0", "i8"), bad, 1)
        with code.when(code.op(f"icmp slt {low}, {high.name}", "i1")):
            with code.carried(low, high, 1, (Value("false", "i1"),)) as (p, now, later):
                row, later[0] = self.row(p, now[0])
                do(p, code.op(f"mul i64 {row.name}, {self.width}", "i64"))
            code.store(code.op(f"zext {later[0]} to i8", "i8"), bad, 1)
        return code.op(f"zext {code.load(bad, 'i8', 1)} to i32", "i32")


def _gather(writer, code, call, pointer, room, team=False):  # type: ignore[no-untyped-def]
    x, out = call.operands[0].atom, call.equation.outputs[0]
    size, source, to = x.type.dtype.itemsize, pointer(x), pointer(out)
    rows = _Rows(code, call, 1, x.type.shape, pointer)

    def do(p: Value, row: Value) -> None:
        mine = code.at(to, code.op(f"mul i64 {p.name}, {rows.width * size}", "i64"), "i8")
        copy(code, mine, code.at(source, row, memory(x.type.dtype)), rows.width * size)

    return rows.each(do, team)


def _put_at(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    x, v = call.operands[0].atom, call.operands[1].atom
    out = call.equation.outputs[0]
    if pointer(out) is not pointer(x):
        copy(code, pointer(out), pointer(x), x.type.nbytes)
    rows = _Rows(code, call, 2, x.type.shape, pointer)
    size, to, source = x.type.dtype.itemsize, pointer(out), pointer(v)

    def do(p: Value, row: Value) -> None:
        theirs = code.at(source, code.op(f"mul i64 {p.name}, {rows.width * size}", "i64"), "i8")
        copy(code, code.at(to, row, memory(x.type.dtype)), theirs, rows.width * size)

    return rows.each(do)


def _scatter(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    u, out = call.operands[0].atom, call.equation.outputs[0]
    dtype, stem = out.type.dtype, memory(out.type.dtype)
    fill = code.module.declare("llvm.memset.p0.i64", "void", "ptr", "i8", "i64", "i1")
    code.do(f"call void {fill}({pointer(out)}, i8 0, i64 {out.type.nbytes}, i1 false)")
    rows = _Rows(code, call, 1, out.type.shape, pointer)
    to, source, size = pointer(out), pointer(u), dtype.itemsize

    def do(p: Value, row: Value) -> None:
        theirs = code.op(f"mul i64 {p.name}, {rows.width}", "i64")
        with code.loop(0, rows.width) as k:
            a = code.at(source, code.op(f"add i64 {theirs.name}, {k.name}", "i64"), stem)
            b = code.at(to, code.op(f"add i64 {row.name}, {k.name}", "i64"), stem)
            x, y = (Lane(code, code.load(at, stem, size), dtype, 1) for at in (a, b))
            code.store((x + y).value, b, size)

    return rows.each(do)


# --- running sums
def _knows_scan(call: Call) -> bool:
    dtypes = {a.type.dtype for a in (*call.equation.inputs, *call.equation.outputs)}
    return len(dtypes) == 1 and _knows_pick(call) and dtypes.pop().kind in "fiu"


def _scan(word: str) -> Callable[..., None]:
    def write(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
        x, out, axis = call.operands[0].atom, call.equation.outputs[0], call.equation.params["axis"]
        shape, dtype = x.type.shape, x.type.dtype
        n, inner, outer = shape[axis], prod(shape[axis + 1 :]), prod(shape[:axis])
        stem, size = memory(dtype), dtype.itemsize
        with code.loop(0, outer) as a, code.loop(0, inner) as b:
            base = code.op(f"mul i64 {a.name}, {n * inner}", "i64")
            base = code.op(f"add i64 {base.name}, {b.name}", "i64")
            start = literal(0 if word == "add" else 1, dtype, 1)
            with code.carried(0, n, 1, (start,)) as (i, now, later):
                at = code.op(f"mul i64 {i.name}, {inner}", "i64")
                at = code.op(f"add i64 {at.name}, {base.name}", "i64")
                one = Lane(code, code.load(code.at(pointer(x), at, stem), stem, size), dtype, 1)
                total = writer.words[word](Lane(code, now[0], dtype, 1), one)
                code.store(total.value, code.at(pointer(out), at, stem), size)
                later[0] = total.value

    return write


# --- products of matrices
def _product(writer, code, call, pointer, room, team=False):  # type: ignore[no-untyped-def]
    made, operands = contraction(call, writer.module)
    places = [begin(code, o, pointer) for o in operands]
    pieces, by = made.shared(balance)
    mine = part(code, pieces) if team else (0, pieces)
    made.call(code, *places, pointer(call.equation.outputs[0]), pieces=mine, by=by)


def _shared_gather(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    fail(code, _gather(writer, code, call, pointer, room, team=True))  # type: ignore[no-untyped-call]


CALLS: dict[str, Native] = {
    "contract": Native(lambda call: whole(call.equation), _no_room, _product),
    "loop": Native(control.knows_loop, apart.loop_room, apart.loop),
    "cond": Native(control.knows_parts, control.parts_room, control.write_cond),
    "while_loop": Native(control.knows_parts, control.parts_room, control.write_while),
    "gather": Native(_knows_pick, _no_room, _gather),
    "scatter": Native(_knows_pick, _no_room, _scatter),
    "put_at": Native(_knows_pick, _no_room, _put_at),
    "take_moved": Native(_knows_pick, _no_room, moves.take_moved),
    "place_moved": Native(_knows_pick, _no_room, moves.place_moved),
    "put_moved": Native(_knows_pick, _no_room, moves.put_moved),
    "cumsum": Native(_knows_scan, _no_room, _scan("add")),
    "cumprod": Native(_knows_scan, _no_room, _scan("multiply")),
}
"""The calls that are native; the others are evaluated by their records."""
TEAM: dict[str, Native] = {
    "contract": Native(CALLS["contract"].knows, _no_room, partial(_product, team=True)),
    "gather": Native(_knows_pick, _no_room, _shared_gather),
    "loop": Native(
        control.knows_loop,
        partial(apart.loop_room, team=True),
        partial(apart.loop, team=True),
    ),
    "cond": Native(
        control.knows_parts,
        partial(control.parts_room, team=True),
        partial(control.write_cond, team=True),
    ),
    "while_loop": Native(
        control.knows_parts,
        partial(control.parts_room, team=True),
        partial(control.write_while, team=True),
    ),
}
"""The calls that threads share."""
