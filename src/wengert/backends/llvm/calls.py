"""What is run as a whole and natively: loops in time, picks by index, products of matrices."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from wengert.backends.llvm import moves
from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.contract import product, whole
from wengert.backends.llvm.lane import Lane, literal
from wengert.backends.llvm.touch import memory
from wengert.ir.program import Atom, Const, Var, identity
from wengert.ir.schedule import Affine, Call, Nest, Pick, Read, Schedule, Stage, nodes

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer

ALIGN = 64


class Native(NamedTuple):
    """How one kind of call is written: whether it can be, the bytes it needs, its instructions."""

    knows: Callable[[Call], bool]
    room: Callable[["Writer", Call], int]
    write: Callable[["Writer", Code, Call, Callable[[Atom], Value], Value | None], Value | None]
    """Writes it; gives a status, of type i32, that isn't 0 where it failed."""


def leave(code: Code, status: Value) -> None:
    """Return at once where something has failed."""
    with code.when(code.op(f"icmp ne i32 {status.name}, 0", "i1")):
        code.do(f"ret i32 {status.name}")


def copy(code: Code, to: Value, source: Value, size: int) -> None:
    """Copy so many bytes."""
    name = code.module.declare("llvm.memcpy.p0.p0.i64", "void", "ptr", "ptr", "i64", "i1")
    code.do(f"call void {name}({to}, {source}, i64 {size}, i1 false)")


# --- loops in time
def _plain(call: Call) -> bool:
    """Whether every operand is an array as it is stored."""
    return all(not o.offset and o.shape == o.atom.type.shape for o in call.operands) and all(
        o.strides == _rowwise(o.shape) or 0 in o.shape or o.atom.type.size == 1
        for o in call.operands
    )


def _rowwise(shape: tuple[int, ...]) -> tuple[int, ...]:
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= n
    return tuple(reversed(steps))


def _knows_loop(call: Call) -> bool:
    sizes = [v.type.size for v in (*call.equation.outputs, *call.equation.inputs)]
    return call.equation.params["length"] > 0 and all(sizes) and _plain(call)


def touched(item: Nest | Call) -> list[Atom]:
    """The arrays that an item reads or makes."""
    if isinstance(item, Call):
        found: list[Atom] = [o.atom for o in item.operands]
        for body in item.bodies.values():
            found += constants(body)
        return [*found, *item.equation.outputs]
    reads: list[Atom] = [
        e.atom for e in nodes([r.expr for r in item.roots()]) if isinstance(e, Read)
    ]
    return [*reads, *[r.var for r in item.roots()]]


def constants(schedule: Schedule) -> list[Const]:
    """The constant arrays that a schedule reads or returns."""
    found = [a for item in schedule.items for a in touched(item) if isinstance(a, Const)]
    found += [a for a in schedule.program.outputs if isinstance(a, Const)]
    return list({identity(a): a for a in found}.values())


class _Loop:
    """A loop's body as a function, and where its values stand."""

    def __init__(self, writer: "Writer", call: Call) -> None:
        params = call.equation.params
        self.body: Schedule = call.bodies["body"]
        self.program = self.body.program
        self.consts, self.carries = params["consts"], params["carries"]
        made = [a for a in dict.fromkeys(self.program.outputs) if a in self.body.stored]
        self.made = [a for a in made if isinstance(a, Var)]
        found = [a for i in self.body.items for a in _touched_constants(i)]
        found += [a for a in self.program.outputs if isinstance(a, Const)]
        self.captured = list({identity(a): a for a in found}.values())
        self.outside: list[Atom] = [*self.program.inputs, *self.made, *self.captured]
        self.temporary: dict[Var, int] = {}
        self.same: dict[Var, Var] = {}
        self.size = 0
        for k, a in enumerate(self.program.outputs[: self.carries]):
            if not isinstance(a, Var) or a not in self.made:
                continue
            if self.direct(k):
                self.same[a] = self.program.inputs[self.consts + k]
            else:
                self.temporary[a] = self.size
                self.size += -(-max(a.type.nbytes, 1) // ALIGN) * ALIGN

    def direct(self, k: int) -> bool:
        """Whether a carry's new value may overwrite its old one: nobody reads the old one after."""
        outputs, old, new = self.program.outputs, self.program.inputs[self.consts + k], None
        new = outputs[k]
        if old in outputs or list(outputs).count(new) > 1:
            return False
        for n, item in enumerate(self.body.items):
            later = any(_reads(i, old) for i in self.body.items[n + 1 :])
            if isinstance(item, Call):
                if new in item.equation.outputs:
                    puts = item.equation.primitive.name in ("put_moved", "put_at")
                    once = [o.atom for o in item.operands].count(old) == 1
                    return puts and once and item.operands[0].atom is old and not later
                continue
            for stage in item.stages:
                if any(r.var is new and not r.fold for r in stage.roots):
                    alone = len(item.stages) == 1 and _in_place(stage, old)
                    return not later and alone
        return False


def _touched_constants(item: Nest | Call) -> list[Const]:
    return [a for a in touched(item) if isinstance(a, Const)]


def _reads(item: Nest | Call, var: Var) -> bool:
    if isinstance(item, Call):
        return any(o.atom is var for o in item.operands)
    found = nodes([r.expr for r in item.roots()])
    return any(isinstance(e, Read) and e.atom is var for e in found)


def _in_place(stage: Stage, var: Var) -> bool:
    """Whether a stage reads an array only where its loops stand, whatever the order of loops."""
    rank = len(stage.shape)
    own = [Affine(0, tuple([int(a == b) for b in range(rank)])) for a in range(rank)]
    for e in nodes([r.expr for r in stage.roots]):
        if isinstance(e, Pick):
            return False
        if isinstance(e, Read) and e.atom is var:
            same = [p == o or n == 1 for p, o, n in zip(e.index, own, stage.shape, strict=False)]
            if e.shape != stage.shape or not all(same):
                return False
    return True


def _body(writer: "Writer", call: Call) -> tuple[_Loop, str, int]:
    loop = _Loop(writer, call)
    key = ("body", id(call))
    found: Any = writer.module.helpers.get(key)
    if found is None:
        found = writer.function(loop.body, loop.body.items, loop.outside, same=loop.same)
        writer.module.helpers[key] = found
    return loop, *found


def _loop_room(writer: "Writer", call: Call) -> int:
    loop, _, size = _body(writer, call)
    return max(loop.size + size, ALIGN)


def _write_loop(
    writer: "Writer", code: Code, call: Call, pointer: Callable[[Atom], Value], room: Value | None
) -> None:
    loop, name, _ = _body(writer, call)
    eqn, program = call.equation, loop.program
    c, n = loop.consts, loop.carries
    assert room is not None
    cells = [pointer(v) for v in eqn.outputs[:n]]
    for cell, o in zip(cells, call.operands[c : c + n], strict=True):
        copy(code, cell, pointer(o.atom), o.atom.type.nbytes)
    stacks = [pointer(o.atom) for o in call.operands[c + n :]]
    results = [pointer(v) for v in eqn.outputs[n:]]
    length, reverse = eqn.params["length"], eqn.params["reverse"]
    with code.loop(0, length) as i:
        if reverse:
            i = code.op(f"sub i64 {length - 1}, {i.name}", "i64")
        at: dict[Any, Value] = {}
        fixed = [pointer(o.atom) for o in call.operands[:c]]
        for v, p in zip(program.inputs, [*fixed, *cells], strict=False):
            at[v] = p
        for v, p in zip(program.inputs[c + n :], stacks, strict=True):
            at[v] = _step(code, p, i, v.type.nbytes)
        targets = [
            _step(code, p, i, v.type.nbytes)
            for v, p in zip(program.outputs[n:], results, strict=True)
        ]
        for v in loop.made:
            if v in loop.temporary:
                at[v] = code.at(room, loop.temporary[v], "i8")
            elif v in program.outputs[:n]:
                at[v] = cells[program.outputs.index(v)]
            else:
                at[v] = targets[program.outputs[n:].index(v)]
        space = code.at(room, loop.size, "i8")
        arguments = [at[a] if isinstance(a, Var) else pointer(a) for a in loop.outside]
        status = code.call(f"@{name}", "i32", *arguments, space)
        leave(code, status)
        for a, to in zip(program.outputs[n:], targets, strict=True):
            source = at[a] if isinstance(a, Var) else pointer(a)
            if source is not to:
                copy(code, to, source, a.type.nbytes)
        _hand_on(code, loop, cells, at, pointer, room)


def _hand_on(
    code: Code, loop: _Loop, cells: list[Value], at: dict[Any, Value],
    pointer: Callable[[Atom], Value], room: Value,
) -> None:  # fmt: skip
    """New carries into the cells; one that is another's old value is saved first."""
    moves = []
    for k, (cell, a) in enumerate(zip(cells, loop.program.outputs, strict=False)):
        source = at[a] if isinstance(a, Var) else pointer(a)
        if source is cell:
            continue
        if source in cells:
            saved = code.stack(f"[{max(a.type.nbytes, 1)} x i8]")
            copy(code, saved, source, a.type.nbytes)
            source = saved
        moves.append((cell, source, a.type.nbytes, k))
    for cell, source, size, _ in moves:
        copy(code, cell, source, size)


def _step(code: Code, base: Value, i: Value, size: int) -> Value:
    """Where slice i of a stack begins."""
    offset = code.op(f"mul nsw i64 {i.name}, {size}", "i64")
    return code.at(base, offset, "i8")


# --- picks by index
def _knows_pick(call: Call) -> bool:
    real = all(
        o.atom.type.dtype.kind in "fiub" and o.atom.type.dtype.isnative for o in call.operands
    )
    return real and _plain(call) and all(v.type.size for v in call.equation.outputs)


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

    def each(self, do: Callable[[Value, Value], None]) -> Value:
        """`do` with each entry and the start of its row, in elements; the status at the end."""
        code = self.code
        with code.carried(0, self.count, 1, (Value("false", "i1"),)) as (p, now, later):
            row, later[0] = self.row(p, now[0])
            do(p, code.op(f"mul i64 {row.name}, {self.width}", "i64"))
        return code.op(f"zext {later[0]} to i32", "i32")


def _gather(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    x, out = call.operands[0].atom, call.equation.outputs[0]
    size, source, to = x.type.dtype.itemsize, pointer(x), pointer(out)
    rows = _Rows(code, call, 1, x.type.shape, pointer)

    def do(p: Value, row: Value) -> None:
        mine = code.at(to, code.op(f"mul i64 {p.name}, {rows.width * size}", "i64"), "i8")
        copy(code, mine, code.at(source, row, memory(x.type.dtype)), rows.width * size)

    return rows.each(do)


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
def _product(writer, code, call, pointer, room):  # type: ignore[no-untyped-def]
    made, operands = product(call, writer.module)
    places = [
        code.at(pointer(o.atom), o.offset * o.atom.type.dtype.itemsize, "i8") for o in operands
    ]
    made.call(code, *places, pointer(call.equation.outputs[0]))


CALLS: dict[str, Native] = {
    "contract": Native(lambda call: whole(call.equation), _no_room, _product),
    "loop": Native(_knows_loop, _loop_room, _write_loop),
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
