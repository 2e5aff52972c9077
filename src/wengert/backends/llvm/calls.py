"""What is run as a whole and natively: loops in time, picks by index, products of matrices."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from wengert.backends.llvm.code import Code, Value
from wengert.ir.program import Atom, Const, Var, identity
from wengert.ir.schedule import Call, Nest, Read, Schedule

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer

ALIGN = 64


class Native(NamedTuple):
    """How one kind of call is written: whether it can be, the bytes it needs, its instructions."""

    knows: Callable[[Call], bool]
    room: Callable[["Writer", Call], int]
    write: Callable[["Writer", Code, Call, Callable[[Atom], Value], Value | None], None]


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


class _Loop:
    """A loop's body as a function, and where its values stand."""

    def __init__(self, writer: "Writer", call: Call) -> None:
        params = call.equation.params
        self.body: Schedule = call.bodies["body"]
        self.program = self.body.program
        self.consts, self.carries = params["consts"], params["carries"]
        made = [a for a in dict.fromkeys(self.program.outputs) if a in self.body.stored]
        self.made = [a for a in made if isinstance(a, Var)]
        self.captured = [
            a for i in self.body.items for a in _touched_constants(i)
        ]  # fmt: skip
        self.captured = list({identity(a): a for a in self.captured}.values())
        self.outside: list[Atom] = [*self.program.inputs, *self.made, *self.captured]
        self.temporary: dict[Var, int] = {}
        self.size = 0
        for k, a in enumerate(self.program.outputs[: self.carries]):
            if isinstance(a, Var) and a in self.made and not self._direct(k):
                self.temporary[a] = self.size
                self.size += -(-max(a.type.nbytes, 1) // ALIGN) * ALIGN

    def _direct(self, k: int) -> bool:
        return False


def _touched_constants(item: Nest | Call) -> list[Const]:
    from wengert.backends.llvm.machine import touched

    return [a for a in touched(item) if isinstance(a, Const)]


_BODIES: dict[tuple[int, int], tuple[str, int]] = {}


def _body(writer: "Writer", call: Call) -> tuple[_Loop, str, int]:
    loop = _Loop(writer, call)
    key = ("body", id(call))
    found: Any = writer.module.helpers.get(key)
    if found is None:
        found = writer.function(loop.body, loop.body.items, loop.outside)
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
        targets = [_step(code, p, i, v.type.nbytes) for v, p in zip(program.outputs[n:], results, strict=True)]
        for v in loop.made:
            if v in loop.temporary:
                at[v] = code.at(room, loop.temporary[v], "i8")
            else:
                at[v] = targets[program.outputs[n:].index(v)]
        space = code.at(room, loop.size, "i8")
        arguments = [at[a] if isinstance(a, Var) else pointer(a) for a in loop.outside]
        code.do(f"call void @{name}({', '.join(map(str, [*arguments, space]))})")
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


CALLS: dict[str, Native] = {"loop": Native(_knows_loop, _loop_room, _write_loop)}
_ = Read
