"""Loops in time and branches: their bodies are functions, called where they stand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.native import begin, copy, dense, leave, plain, touched
from wengert.backends.llvm.team import MEMBER, alone, barrier
from wengert.ir.memory import ALIGN
from wengert.ir.program import Atom, Const, Var, identity
from wengert.ir.schedule import Affine, Call, Nest, Pick, Read, Schedule, Stage, nodes

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer


def knows_loop(call: Call) -> bool:
    """Whether a loop in time can be native."""
    sizes = [v.type.size for v in (*call.equation.outputs, *call.equation.inputs)]
    return call.equation.params["length"] > 0 and all(sizes) and dense(call)


class Loop:
    """A loop's body as a function, and where its values stand."""

    def __init__(self, call: Call) -> None:
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
                    return not later and alone and old not in _multiplied(item)
        return False

    def given(
        self, code: Code, call: Call, i: Value, cells: list[Value],
        pointer: Callable[[Atom], Value], room: Value,
    ) -> tuple[list[Value], dict[Any, Value], list[Value]]:  # fmt: skip
        """What the body is given in turn i; where its values stand; where its results shall."""
        program, c, n, at = self.program, self.consts, self.carries, {}
        fixed = [begin(code, o, pointer) for o in call.operands[:c]]
        stacks = [begin(code, o, pointer) for o in call.operands[c + n :]]
        results = [pointer(v) for v in call.equation.outputs[n:]]
        for v, p in zip(program.inputs, [*fixed, *cells], strict=False):
            at[v] = p
        for v, p in zip(program.inputs[c + n :], stacks, strict=True):
            at[v] = _step(code, p, i, v.type.nbytes)
        targets = [
            _step(code, p, i, v.type.nbytes)
            for v, p in zip(program.outputs[n:], results, strict=True)
        ]
        for v in self.made:
            if v in self.temporary:
                at[v] = code.at(room, self.temporary[v], "i8")
            elif v in program.outputs[:n]:
                at[v] = cells[program.outputs.index(v)]
            else:
                at[v] = targets[program.outputs[n:].index(v)]
        space = code.at(room, self.size, "i8")
        arguments = [at[a] if isinstance(a, Var) else pointer(a) for a in self.outside]
        return [*arguments, space], at, targets

    def move_results(
        self, code: Code, at: dict[Any, Value], targets: list[Value],
        pointer: Callable[[Atom], Value],
    ) -> None:  # fmt: skip
        """Copy what the body has made elsewhere to where its results shall stand."""
        for a, to in zip(self.program.outputs[self.carries :], targets, strict=True):
            source = at[a] if isinstance(a, Var) else pointer(a)
            if source is not to:
                copy(code, to, source, a.type.nbytes)


def _touched_constants(item: Nest | Call) -> list[Const]:
    return [a for a in touched(item) if isinstance(a, Const)]


def _reads(item: Nest | Call, var: Var) -> bool:
    if isinstance(item, Call):
        return any(o.atom is var for o in item.operands)
    return var in touched(item)


def _multiplied(nest: Nest) -> set[Atom]:
    """What the nest's product reads, each number many times."""
    return {o.atom for o in nest.product.operands} if nest.product else set()


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


def overwritten(item: Nest | Call) -> dict[Var, frozenset[Var]]:
    """For what an item makes, the operands on whose place it may be written if they end there.

    A nest of one stage reads an element before it writes the one at the same place; a loop in time
    copies its first carries to its results before it does anything else.
    """
    if isinstance(item, Call):
        if item.equation.primitive.name != "loop":
            return {}
        c, n = item.equation.params["consts"], item.equation.params["carries"]
        atoms = [o.atom for o in item.operands]
        pairs = zip(atoms[c : c + n], item.equation.outputs, strict=False)
        return {
            v: frozenset({a})
            for a, v in pairs if isinstance(a, Var) and atoms.count(a) == 1
            and a.type.nbytes == v.type.nbytes
        }  # fmt: skip
    if len(item.stages) > 1 or any(r.fold for r in item.roots()):
        return {}
    (stage,) = item.stages
    reads = {e.atom for e in nodes([r.expr for r in stage.roots]) if isinstance(e, Read)}
    reads -= _multiplied(item)
    return {
        r.var: frozenset(
            a for a in reads
            if isinstance(a, Var) and a.type == r.var.type and _in_place(stage, a)
        )
        for r in stage.roots if r.var.type.shape == stage.shape
    }  # fmt: skip


def body(writer: "Writer", call: Call, team: bool) -> tuple[Loop, str, int]:
    """A loop, the function of its body, and the bytes that this wants."""
    loop = Loop(call)
    key = ("body", id(call), team)
    found: Any = writer.module.helpers.get(key)
    if found is None:
        found = writer.function(loop.body, loop.body.items, loop.outside, same=loop.same, team=team)
        writer.module.helpers[key] = found
    return loop, *found


def loop_room(writer: "Writer", call: Call, team: bool = False) -> int:
    """The body's workspace, and the new carries that can't go where the old ones stand."""
    loop, _, size = body(writer, call, team)
    return max(loop.size + size, ALIGN)


@contextmanager
def copies(code: Code, team: bool) -> Iterator[None]:
    """Copies for all, that all have seen afterwards."""
    mark, block = len(code.lines), code.block
    with alone(code) if team else nullcontext():
        start = len(code.lines)
        yield
        none = len(code.lines) == start
    if none:
        code.block = block
        del code.lines[mark:]
    elif team:
        barrier(code)


def write_loop(
    writer: "Writer", code: Code, call: Call, pointer: Callable[[Atom], Value],
    room: Value | None, team: bool = False,
) -> None:  # fmt: skip
    """A body for each step; carries stand in the loop's own results."""
    loop, name, _ = body(writer, call, team)
    eqn, c, n = call.equation, loop.consts, loop.carries
    assert room is not None
    cells = [pointer(v) for v in eqn.outputs[:n]]
    with copies(code, team):
        for cell, o, v in zip(cells, call.operands[c : c + n], eqn.outputs, strict=False):
            copy(code, cell, begin(code, o, pointer), v.type.nbytes)
    length, reverse = eqn.params["length"], eqn.params["reverse"]
    with code.loop(0, length) as i:
        if reverse:
            i = code.op(f"sub i64 {length - 1}, {i.name}", "i64")
        arguments, at, targets = loop.given(code, call, i, cells, pointer, room)
        _run(code, name, arguments, team)
        with copies(code, team):
            loop.move_results(code, at, targets, pointer)
            _hand_on(code, loop, cells, at, pointer, room)


def _run(code: Code, name: str, arguments: list[Value], team: bool) -> None:
    """Call a body; a team's can't be left, and remembers that it failed."""
    status = code.call(f"@{name}", "i32", *arguments, *(MEMBER if team else ()))
    if not team:
        leave(code, status)


def _hand_on(
    code: Code, loop: Loop, cells: list[Value], at: dict[Any, Value],
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


# --- branches, and loops that end when a test says so
class _Part:
    """A program as a function: what it makes, and what it must be given besides its inputs."""

    def __init__(self, writer: "Writer", key: object, schedule: Schedule, team: bool) -> None:
        self.team = team
        self.program = schedule.program
        made = [a for a in dict.fromkeys(self.program.outputs) if a in schedule.stored]
        self.made = [a for a in made if isinstance(a, Var)]
        found = [a for i in schedule.items for a in touched(i) if isinstance(a, Const)]
        found += [a for a in self.program.outputs if isinstance(a, Const)]
        captured = list({identity(a): a for a in found}.values())
        self.outside: list[Atom] = [*self.program.inputs, *self.made, *captured]
        if key not in writer.module.helpers:
            writer.module.helpers[key] = writer.function(
                schedule, schedule.items, self.outside, team=team
            )
        self.name: str = writer.module.helpers[key][0]
        self.size: int = writer.module.helpers[key][1]

    def call(
        self, code: Code, inputs: list[Value], results: list[Value],
        pointer: Callable[[Atom], Value], room: Value,
    ) -> None:  # fmt: skip
        """Run it from inputs to results, which are other memory."""
        at: dict[Any, Value] = dict(zip(self.program.inputs, inputs, strict=True))
        for v in self.made:
            at[v] = results[self.program.outputs.index(v)]
        arguments = [at[a] if isinstance(a, Var) else pointer(a) for a in self.outside]
        _run(code, self.name, [*arguments, room], self.team)
        with copies(code, self.team):
            for a, to in zip(self.program.outputs, results, strict=True):
                source = at[a] if isinstance(a, Var) else pointer(a)
                if source is not to:
                    copy(code, to, source, a.type.nbytes)


def _parts(writer: "Writer", call: Call, team: bool) -> dict[str, _Part]:
    return {k: _Part(writer, (k, id(call), team), body, team) for k, body in call.bodies.items()}


def knows_parts(call: Call) -> bool:
    """Whether a branch, or a loop with a test, can be native."""
    sized = all(v.type.size for v in (*call.equation.outputs, *call.equation.inputs))
    return sized and plain(call) and call.equation.params.get("max_steps") is None


def _aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGN) * ALIGN


def parts_room(writer: "Writer", call: Call, team: bool = False) -> int:
    """The workspace of the largest part, new carries, and the answer of a test."""
    parts = _parts(writer, call, team).values()
    carries = sum([_aligned(v.type.nbytes) for v in call.equation.outputs])
    return max([p.size for p in parts]) + carries + 2 * ALIGN


def write_cond(
    writer: "Writer", code: Code, call: Call, pointer: Callable[[Atom], Value],
    room: Value | None, team: bool = False,
) -> None:  # fmt: skip
    """One of two branches."""
    assert room is not None
    parts = _parts(writer, call, team)
    results = [pointer(v) for v in call.equation.outputs]
    inputs = [pointer(o.atom) for o in call.operands[1:]]
    asked = code.load(pointer(call.operands[0].atom), "i8", 1)
    for name, sign in (("true", "ne"), ("false", "eq")):
        with code.when(code.op(f"icmp {sign} i8 {asked.name}, 0", "i1")):
            parts[name].call(code, inputs, results, pointer, room)


def write_while(
    writer: "Writer", code: Code, call: Call, pointer: Callable[[Atom], Value],
    room: Value | None, team: bool = False,
) -> None:  # fmt: skip
    """A body again and again while a test holds."""
    assert room is not None
    parts, consts = _parts(writer, call, team), call.equation.params["consts"]
    cells = [pointer(v) for v in call.equation.outputs]
    with copies(code, team):
        for cell, o in zip(cells, call.operands[consts:], strict=True):
            copy(code, cell, pointer(o.atom), o.atom.type.nbytes)
    inputs = [*[pointer(o.atom) for o in call.operands[:consts]], *cells]
    fresh, at = [], ALIGN
    for v in call.equation.outputs:
        fresh.append(code.at(room, at, "i8"))
        at += _aligned(v.type.nbytes)
    space, again, end = code.at(room, at, "i8"), code.label("again"), code.label("end")
    code.start(again)
    parts["test"].call(code, inputs, [room], pointer, space)
    holds = code.op(f"icmp ne i8 {code.load(room, 'i8', 1).name}, 0", "i1")
    if team:
        barrier(code)  # all have read it
    go = code.label("go")
    code.do(f"br i1 {holds.name}, label %{go}, label %{end}")
    code.start(go)
    parts["body"].call(code, inputs, fresh, pointer, space)
    with copies(code, team):
        for cell, new, v in zip(cells, fresh, call.equation.outputs, strict=True):
            copy(code, cell, new, v.type.nbytes)
    code.do(f"br label %{again}")
    code.start(end)
