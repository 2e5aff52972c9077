"""Loops whose turns don't need each other: what they carry is only added up, or written apart.

    s = s + f(x[i]);   y[i] = g(x[i])

Their turns are dealt out in parts, of which each adds up its own; the parts' sums are added in
their order. How many parts there are depends on the loop alone, so that the result has the same
bits whoever computes them.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.control import Loop, body
from wengert.backends.llvm.control import loop_room as in_time_room
from wengert.backends.llvm.control import write_loop as in_time
from wengert.backends.llvm.lane import Lane, literal
from wengert.backends.llvm.native import ALIGN, copy, leave
from wengert.backends.llvm.team import ME, alone, barrier, fail, share
from wengert.backends.llvm.touch import memory, neutral
from wengert.backends.llvm.work import WIDE, nanoseconds
from wengert.ir.program import Atom, Const, Equation, Var
from wengert.ir.schedule import Call

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer

MOST = 16
"""The parts of a loop: no more threads than this take part."""
ROOM = 1 << 20
"""The bytes that the sums of all parts may take, if each needs more than a fraction of it."""
FOLDS = ("add", "maximum", "minimum")


def parts(call: Call) -> int:
    """In how many parts a loop's turns are dealt out; 0 if they need each other."""
    if call.equation.primitive.name != "loop":
        return 0
    length: int = call.equation.params["length"]
    if length < 8 or nanoseconds(call) < 10 * WIDE:
        return 0
    kinds = _kinds(call)
    if kinds is None:
        return 0
    return min(MOST, length // 2, max(2, ROOM // max(1, _bytes(call, kinds))))


def _kinds(call: Call) -> list[str] | None:
    """How each carry is made: its fold, or "put" where turns write apart; None if otherwise."""
    loop = Loop(call)
    program, c = loop.program, loop.consts
    made = {v: eqn for eqn in program.equations for v in eqn.outputs}
    uses = [a for eqn in program.equations for a in eqn.inputs] + list(program.outputs)
    kinds = []
    for k, new in enumerate(program.outputs[: loop.carries]):
        old = program.inputs[c + k]
        once = uses.count(old) == 1 and uses.count(new) == 1
        eqn = made.get(new)  # type: ignore[arg-type]
        if not once or eqn is None or old not in eqn.inputs or not loop.direct(k):
            return None
        name = eqn.primitive.name
        real = new.type.dtype.kind in "fiu"
        if name in FOLDS and real and new.type == old.type:
            kinds.append(name)
        elif name == "put_moved" and eqn.inputs[0] is old and _disjoint(call, loop, eqn):
            kinds.append("put")
        else:
            return None
    return kinds


def _disjoint(call: Call, loop: Loop, eqn: Equation) -> bool:
    """Whether no two turns write to the same place: along an axis they are far enough apart."""
    first = loop.consts + loop.carries
    stacks = dict(zip(loop.program.inputs[first:], call.operands[first:], strict=True))
    for axis, by in zip(eqn.params["axes"], eqn.inputs[2:], strict=True):
        operand = stacks.get(by)  # type: ignore[arg-type]
        if operand is None or not isinstance(operand.atom, Const):
            continue
        places = np.ravel(operand.atom.value)
        cut = eqn.params["index"][axis]
        width = 1 if isinstance(cut, int) else abs(cut[1] - cut[0])
        if places.size == call.equation.params["length"] and np.all(np.diff(places) >= width):
            return True
    return False


def _bytes(call: Call, kinds: list[str]) -> int:
    """The bytes of one part's sums."""
    pairs = zip(call.equation.outputs, kinds, strict=False)
    return sum([_aligned(v.type.nbytes) for v, kind in pairs if kind != "put"])


def _aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGN) * ALIGN


def room(writer: "Writer", call: Call, team: bool = False) -> int:
    """The parts' sums, and a body's workspace for each thread."""
    loop, _, size = body(writer, call, team=False)
    kinds = _kinds(call)
    assert kinds is not None
    threads = writer.threads if team else 1
    sums = max(ALIGN, parts(call) * _bytes(call, kinds))
    return sums + threads * _aligned(loop.size + size)


def write(
    writer: "Writer", code: Code, call: Call, pointer: Callable[[Atom], Value],
    room: Value | None, team: bool = False,
) -> None:  # fmt: skip
    """Each part's turns one after another, then the sums of the parts."""
    assert room is not None
    count, kinds = parts(call), _kinds(call)
    assert kinds is not None
    loop, name, size = body(writer, call, team=False)
    c, n, length = loop.consts, loop.carries, call.equation.params["length"]
    each, carries = _bytes(call, kinds), call.equation.outputs[:n]
    space = code.at(room, max(ALIGN, count * each), "i8")
    if team:
        mine = code.op(f"mul nsw i64 {ME.name}, {_aligned(loop.size + size)}", "i64")
        space = code.at(space, mine, "i8")
    with alone(code) if team else nullcontext():
        for v, o in zip(carries, call.operands[c : c + n], strict=True):
            copy(code, pointer(v), pointer(o.atom), v.type.nbytes)
    if team:
        barrier(code)
    with share(code, 0, count) if team else code.loop(0, count) as p:
        cells = _cells(code, carries, kinds, pointer, _nth(code, room, p, each))
        for cell, v, kind in zip(cells, carries, kinds, strict=True):
            if kind != "put":
                _fill(code, cell, v, neutral(kind, v.type.dtype))
        low, high = (_turn(code, end, length, count) for end in (p, _next(code, p)))
        with code.loop(low, high) as i:
            if call.equation.params["reverse"]:
                i = code.op(f"sub i64 {length - 1}, {i.name}", "i64")
            arguments, at, targets = loop.given(code, call, i, cells, pointer, space)
            status = code.call(f"@{name}", "i32", *arguments)
            if team:
                fail(code, status)
            else:
                leave(code, status)
            loop.move_results(code, at, targets, pointer)
    if team:
        barrier(code)
    with alone(code) if team else nullcontext(), code.loop(0, count) as p:
        cells = _cells(code, carries, kinds, pointer, _nth(code, room, p, each))
        for cell, v, kind in zip(cells, carries, kinds, strict=True):
            if kind != "put":
                _fold(writer, code, pointer(v), cell, v, kind)


def _nth(code: Code, base: Value, p: Value, size: int) -> Value:
    return code.at(base, code.op(f"mul nsw i64 {p.name}, {size}", "i64"), "i8")


def _next(code: Code, p: Value) -> Value:
    return code.op(f"add nsw i64 {p.name}, 1", "i64")


def _turn(code: Code, p: Value, length: int, count: int) -> Value:
    """The first turn of part p."""
    far = code.op(f"mul nsw i64 {p.name}, {length}", "i64")
    return code.op(f"udiv i64 {far.name}, {count}", "i64")


def _cells(
    code: Code, carries: tuple[Var, ...], kinds: list[str], pointer: Callable[[Atom], Value],
    sums: Value,
) -> list[Value]:  # fmt: skip
    """Where a part's carries stand: its own sums, and what all write to."""
    cells, at = [], 0
    for v, kind in zip(carries, kinds, strict=True):
        cells.append(pointer(v) if kind == "put" else code.at(sums, at, "i8"))
        at += 0 if kind == "put" else _aligned(v.type.nbytes)
    return cells


def _each(code: Code, v: Var, do: Callable[[Value, int], None]) -> None:
    """`do` with the place and the number of lanes of each piece of an array."""
    n, lanes = v.type.size, code.cpu.lanes(v.type.dtype.itemsize)
    whole = n // lanes * lanes
    if whole:
        with code.loop(0, whole, lanes) as i:
            do(i, lanes)
    if whole < n:
        with code.loop(whole, n) as i:
            do(i, 1)


def _fill(code: Code, cell: Value, v: Var, value: object) -> None:
    dtype = v.type.dtype

    def one(i: Value, lanes: int) -> None:
        code.store(literal(value, dtype, lanes), code.at(cell, i, memory(dtype)), dtype.itemsize)

    _each(code, v, one)


def _fold(writer: "Writer", code: Code, cell: Value, part: Value, v: Var, kind: str) -> None:
    """cell = cell + part, element by element."""
    dtype, stem = v.type.dtype, memory(v.type.dtype)

    def one(i: Value, lanes: int) -> None:
        type = literal(0, dtype, lanes).type
        places = [code.at(base, i, stem) for base in (cell, part)]
        x, y = (Lane(code, code.load(p, type, dtype.itemsize), dtype, lanes) for p in places)
        code.store(writer.words[kind](x, y).value, places[0], dtype.itemsize)

    _each(code, v, one)


def loop_room(writer: "Writer", call: Call, team: bool = False) -> int:
    """The workspace of a loop in time, in parts or not."""
    return room(writer, call, team) if parts(call) else in_time_room(writer, call, team)


def loop(
    writer: "Writer", code: Code, call: Call, pointer: Callable[[Atom], Value],
    space: Value | None, team: bool = False,
) -> None:  # fmt: skip
    """A loop in time, in parts or not."""
    (write if parts(call) else in_time)(writer, code, call, pointer, space, team)
