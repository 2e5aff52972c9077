"""A schedule becomes functions of pointers: nests and products called in order, memory planned.

A run of items that the machine knows is one native function; what stands between two runs (a
factorization, a rare function) is evaluated by its record, on the same arrays.

    run(ptr a0, ptr a1, ..., ptr workspace)

takes inputs, constants and what other steps read; everything else lies in the workspace, where
values that don't live at the same time share their place.
"""

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from wengert.backends.llvm import engine
from wengert.backends.llvm.apart import parts
from wengert.backends.llvm.box import Words, operands
from wengert.backends.llvm.calls import CALLS, TEAM
from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.control import overwritten
from wengert.backends.llvm.cpu import host
from wengert.backends.llvm.finished import write_finished
from wengert.backends.llvm.lane import Lane, element, vector
from wengert.backends.llvm.native import copy, leave, touched
from wengert.backends.llvm.nest import partial, write_nest
from wengert.backends.llvm.stored import Core
from wengert.backends.llvm.team import MEMBER, Meeting, fail, shared
from wengert.backends.llvm.threads import pool
from wengert.backends.llvm.words import WORDS
from wengert.backends.llvm.words.arithmetic import NoWord
from wengert.backends.llvm.work import BRIEF, WIDE, WORTH, nanoseconds, splits, time
from wengert.ir.memory import ALIGN, Block, lay, temporaries
from wengert.ir.primitive import freeze
from wengert.ir.program import Atom, Const, Equation, Program, Var, identity
from wengert.ir.schedule import Call, Nest, Operand, Schedule
from wengert.ir.types import Array, Type
from wengert.settings import shown, thread_count

Item = Nest | Call


class Writer:
    """Writes the functions of one module."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.module = Module(host())

    @property
    def threads(self) -> int:
        """How many threads may share a step."""
        return pool().threads

    def knows(self, item: Item) -> bool:
        """Whether an item is native."""
        if isinstance(item, Nest):
            return True
        name = item.equation.primitive.name
        if not all(self.knows(i) for body in item.bodies.values() for i in body.items):
            return False
        return name in CALLS and CALLS[name].knows(item)

    def function(
        self, schedule: Schedule, items: Sequence[Item], outside: Sequence[Atom],
        linkage: str = "internal ", same: Mapping[Var, Var] = MappingProxyType({}),
        team: bool = False,
    ) -> tuple[str, int]:  # fmt: skip
        """The function of some items, given pointers to what is outside; the bytes that it wants.

        `same` says what is made where another value stood. All of a `team` call it, none before
        the others are ready, and none is ready before it has ended for all.
        """
        room = {
            k: Var(Type((n,), np.dtype("u1")))
            for k, i in enumerate(items) if (n := self.room(i, team))
        }  # fmt: skip
        places, size, adopted = plan(schedule, items, set(outside), room, set(same))
        pointers = {a: Value(f"%a{k}", "ptr") for k, a in enumerate(outside)}
        workspace = Value("%workspace", "ptr")
        name = self.module.name("run")
        code = Code(
            self.module, name, "i32", *pointers.values(), workspace, *(MEMBER if team else ())
        )
        pointers |= {new: pointers[old] for new, old in same.items()}
        known = {_key(a): p for a, p in pointers.items()}
        for v, offset in places.items():
            known[v] = code.at(workspace, offset, "i8")
        known |= {v: pointers[result] for v, result in adopted.items()}
        meeting = Meeting(code)
        for k, item in enumerate(items):
            space = known.get(room.get(k))
            if team and self.wide(item):
                meeting.all()
                self._step(code, schedule, item, known, space, team)
            elif team:
                with meeting.first():
                    status = self._step(code, schedule, item, known, space)
                    if status is not None:
                        fail(code, status)
            else:
                status = self._step(code, schedule, item, known, space)
                if status is not None:
                    leave(code, status)
        meeting.end()
        code.finish(Value("0", "i32"), linkage=linkage)
        return name, size

    def _step(
        self, code: Code, schedule: Schedule, item: Item, known: dict[Any, Value],
        space: Value | None, team: bool = False,
    ) -> Value | None:  # fmt: skip
        """Write an item; what a team shares is a nest, or among `TEAM`."""
        if isinstance(item, Call):
            name = item.equation.primitive.name
            write = TEAM[name].write if team else CALLS[name].write
            return write(self, code, item, lambda a: known[_key(a)], space)
        if item.product is not None:
            write_finished(self, code, item, schedule.stored, lambda a: known[_key(a)], team)
            return None
        function, atoms = write_nest(
            self.module, item, schedule.stored, schedule.local, self.words, team
        )
        more = (space or Value("null", "ptr"), *MEMBER) if team else ()
        arguments = ", ".join([*(f"ptr {known[_key(a)].name}" for a in atoms), *map(str, more)])
        code.do(f"call void {function}({arguments})")
        return None

    def room(self, item: Item, team: bool) -> int:
        """The bytes that an item needs while it runs."""
        if isinstance(item, Nest):
            return partial(item) if team and self.wide(item) else 0
        calls = TEAM if team and self.wide(item) else CALLS
        return calls[item.equation.primitive.name].room(self, item)

    def wide(self, item: Item) -> bool:
        """Whether a team shares an item."""
        if isinstance(item, Nest):
            return splits(item) and nanoseconds(item) >= WIDE
        if item.bodies:
            inside = [i for body in item.bodies.values() for i in body.items]
            among = item.equation.primitive.name in TEAM and any(map(self.wide, inside))
            return bool(parts(item)) or among
        return item.equation.primitive.name in TEAM and nanoseconds(item) >= WIDE


def _key(atom: Atom) -> Any:
    return ("const", identity(atom)) if isinstance(atom, Const) else atom


def plan(
    schedule: Schedule, items: Sequence[Item], outside: set[Atom], room: dict[int, Var],
    same: set[Var],
) -> tuple[dict[Var, int], int, dict[Var, Var]]:  # fmt: skip
    """Offsets in a workspace and its size; and what is made where a result will stand."""
    starts: dict[Var, int] = {}
    ends: dict[Var, int] = {}
    for k, item in enumerate(items):
        for v in (*touched(item), *([room[k]] if k in room else [])):
            if isinstance(v, Var):
                starts.setdefault(v, k)
                ends[v] = k
    kept = schedule.stored | schedule.local | set(room.values())
    inside = [v for v in starts if v in kept and v not in outside]
    over = {v: old for item in items for v, old in overwritten(item).items()}
    adopted: dict[Var, Var] = {}
    for v in sorted(starts, key=lambda v: -starts[v]):
        if (v in outside and v not in same) or v in adopted:
            fits = (a for a in over.get(v, ()) if a in inside and a not in adopted)
            first = next((a for a in fits if ends[a] == starts[v]), None)
            if first is not None:
                adopted[first] = adopted.get(v, v)
    blocks = [
        Block(v, v.type.nbytes, starts[v], ends[v], over.get(v, frozenset()))
        for v in inside if v not in adopted
    ]  # fmt: skip
    return *lay(blocks), adopted


@dataclass(slots=True, eq=False)
class _Run:
    """A native step: its function, the arrays that it takes, and its workspace."""

    name: str
    arrays: list[Atom]
    size: int
    team: bool
    call: Any = None


def has_word(eqn: Equation) -> bool:
    """Whether there is a word for a pointwise equation, at its dtypes."""
    name, words = eqn.primitive.name, WORDS
    if name not in words:
        return False
    dtypes = tuple([a.type.dtype for a in eqn.inputs])
    return _writes(name, dtypes, eqn.outputs[0].type.dtype, freeze(eqn.params))


@lru_cache(maxsize=4096)
def _writes(
    name: str, dtypes: tuple[Any, ...], result: np.dtype[Any], params: tuple[tuple[str, Any], ...]
) -> bool:
    """Whether a word can be written: tried on a page that is thrown away."""
    code = Code(Module(host()), "trial", "void")
    given = [
        Lane(code, Value("%x", vector(element(d), 2)), d, 2) for d in operands(dtypes, result, name)
    ]
    try:
        return WORDS[name](*given, **dict(params)).lanes == 2
    except NoWord:
        return False


def _steps(writer: Writer, schedule: Schedule) -> list[_Run | Call]:
    """What is native as functions, written; what isn't stands between."""
    steps: list[_Run | Call] = []
    groups = [(known, list(items)) for known, items in groupby(schedule.items, key=writer.knows)]
    for k, (known, items) in enumerate(groups):
        if not known:
            steps += items  # type: ignore[arg-type]
            continue
        elsewhere = {
            a for j, (_, other) in enumerate(groups) if j != k for i in other for a in touched(i)
        }
        shared = [*schedule.program.inputs, *schedule.program.outputs]
        outside: dict[Any, Atom] = {}
        for a in (a for i in items for a in touched(i)):
            kept = isinstance(a, Const) or a in shared or a in elsewhere
            if kept and (
                isinstance(a, Const) or a in schedule.stored or a in schedule.program.inputs
            ):
                outside[_key(a)] = a
        steps.append(_run(writer, schedule, items, list(outside.values())))
    return steps


def needs(schedule: Schedule) -> int:
    """The bytes of a schedule's own arrays, its results and the insides of its calls left out."""
    program = schedule.program
    kept = set(program.inputs) | {a for a in program.outputs if isinstance(a, Var)}
    return plan(schedule, schedule.items, set(kept), {}, set())[1]


def measured(schedule: Schedule) -> int:
    """The bytes that a call will take, workspace and results: exact before anything is compiled."""
    steps = _steps(Writer(WORDS), schedule)
    outputs = schedule.program.outputs
    if len(steps) <= 1 and all(isinstance(s, _Run) for s in steps):
        size = sum([s.size for s in steps if isinstance(s, _Run)])
        return (size + ALIGN if size else 0) + sum([a.type.nbytes for a in outputs if a.type.shape])
    return _whole(schedule.program, steps)


def _whole(program: Program, steps: Sequence[_Run | Call]) -> int:
    """What native runs and NumPy calls take together."""
    size = max([s.size for s in steps if isinstance(s, _Run)], default=0)
    return size + ALIGN + _held(program, steps, _gone(program, steps))


def native(schedule: Schedule) -> Core | Callable[..., list[Array]]:
    """The schedule compiled for this processor: a core, or a function where calls stand between."""
    writer = Writer(WORDS)
    steps = _steps(writer, schedule)
    if all(isinstance(s, _Run) for s in steps) and len(steps) <= 1:
        return _core(writer, schedule, steps[0] if steps else None)  # type: ignore[arg-type]
    runs = [s for s in steps if isinstance(s, _Run)]
    library = engine.load(_text(writer), *[r.name for r in runs]) if runs else None
    for run in runs:
        assert library is not None
        given = len(run.arrays) + 1 + run.team
        kind = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * given)
        run.call = kind(library.address(run.name))
    return _driver(schedule, steps, library)


def _text(writer: Writer) -> str:
    """The module; `WENGERT_SHOW=llvm,asm` prints it, and what the processor is given."""
    text = writer.module.text()
    if shown("llvm"):
        print(f"; llvm\n{text}")
    if shown("asm"):
        print(f"# asm\n{engine.assembly(text)}")
    return text


def _run(writer: Writer, schedule: Schedule, items: Sequence[Item], arrays: list[Atom]) -> _Run:
    """Some items as one step, run by several threads if that is worth their while."""
    team = thread_count() != 1 and time(items, writer.wide) >= WORTH and pool().threads > 1
    name, size = writer.function(schedule, items, arrays, linkage="", team=team)
    if team:
        brief = time(items, writer.wide) < BRIEF
        name = shared(writer.module, name, len(arrays) + 1, brief)[1:]
    return _Run(name, arrays, size, team)


def _core(writer: Writer, schedule: Schedule, run: _Run | None) -> Core:
    """A program that is native as a whole: one function of all that it is given."""
    program = schedule.program
    made = [a for a in dict.fromkeys(program.outputs) if a in (run.arrays if run else ())]
    made = [a for a in made if a not in program.inputs and isinstance(a, Var)]
    consts = {
        _key(a): a for a in (*(run.arrays if run else ()), *program.outputs) if isinstance(a, Const)
    }
    args = Value("%args", "ptr")
    code = Code(writer.module, "core", "i32", args)
    n, m = len(program.inputs), len(program.outputs)

    def pointer(k: int) -> Value:
        return code.load(code.at(args, k, "ptr"), "ptr", 8)

    at: dict[Any, Value] = {v: pointer(k) for k, v in enumerate(program.inputs)}
    results = [pointer(n + k) for k in range(m)]
    for a in made:
        at[a] = results[program.outputs.index(a)]
    for k, key in enumerate(consts):
        at[key] = pointer(n + m + 1 + k)
    if run is not None:
        arguments = [*[at[_key(a)] for a in run.arrays], pointer(n + m)]
        if run.team:
            arguments.append(pointer(n + m + 1 + len(consts)))
        leave(code, code.call(f"@{run.name}", "i32", *arguments))
    for a, to in zip(program.outputs, results, strict=True):
        if at[_key(a)] is not to:
            copy(code, to, at[_key(a)], a.type.nbytes)
    code.finish(Value("0", "i32"), linkage="")
    return Core(
        engine.assembled(_text(writer)), run.size if run else 0, bool(run and run.team),
        [a.value for a in consts.values()],
    )  # fmt: skip


def _driver(
    schedule: Schedule, steps: Sequence[_Run | Call], library: object
) -> Callable[..., list[Array]]:
    program = schedule.program
    consts = {
        identity(a): np.ascontiguousarray(a.value)
        for s in steps if isinstance(s, _Run) for a in s.arrays if isinstance(a, Const)
    }  # fmt: skip
    size = max([s.size for s in steps if isinstance(s, _Run)], default=0)
    gone = _gone(program, steps)

    def run(*args: Array) -> list[Array]:
        env: dict[Any, Any] = {
            v: _plain(x, v.type) for v, x in zip(program.inputs, args, strict=True)
        }
        space = np.empty(size + ALIGN, np.uint8)
        for step, dead in zip(steps, gone, strict=True):
            if isinstance(step, Call):
                _evaluate(step, env)
                continue
            pointers = []
            for a in step.arrays:
                if isinstance(a, Const):
                    array = consts[identity(a)]
                elif a in env:
                    array = env[a]
                else:
                    array = env[a] = np.empty(a.type.shape, a.type.dtype)
                pointers.append(array.ctypes.data)
            del array
            pointers.append(-(-space.ctypes.data // ALIGN) * ALIGN)
            if step.call(*pointers, *([pool().board] if step.team else [])):
                return program(*args)  # the reference says what is wrong
            for a in dead:
                env.pop(a, None)
        return _results(program.outputs, program.inputs, env)

    run.library = library  # type: ignore[attr-defined]
    run.memory = _whole(program, steps)  # type: ignore[attr-defined]
    return run


def _made(step: _Run | Call) -> list[Atom]:
    return touched(step) if isinstance(step, Call) else step.arrays


def _gone(program: Program, steps: Sequence[_Run | Call]) -> list[list[Atom]]:
    """After each step, what nobody reads any more."""
    last = {a: k for k, s in enumerate(steps) for a in _made(s) if isinstance(a, Var)}
    gone: list[list[Atom]] = [[] for _ in steps]
    for a, k in last.items():
        if a not in program.outputs:
            gone[k].append(a)
    return gone


def _held(program: Program, steps: Sequence[_Run | Call], gone: Sequence[Sequence[Atom]]) -> int:
    """The most bytes of arrays that live at once between inputs and outputs; a bound for calls."""
    held: set[Atom] = set()
    most = 0
    for step, dead in zip(steps, gone, strict=True):
        held.update(a for a in _made(step) if isinstance(a, Var) and a not in program.inputs)
        beside = temporaries(step.equation) if isinstance(step, Call) else 0
        most = max(most, sum([a.type.nbytes for a in held]) + beside)
        held.difference_update(dead)
    copies = list(program.outputs)
    for a in held.intersection(copies):
        copies.remove(a)
    return max(most, sum([a.type.nbytes for a in (*held, *copies)]))


def _results(outputs: Sequence[Atom], inputs: Iterable[Var], env: dict[Any, Any]) -> list[Array]:
    """The outputs, each in memory of its own."""
    seen: set[Any] = set(inputs)
    results = []
    for a in outputs:
        value = a.value if isinstance(a, Const) else env[a]
        results.append(np.array(value)[()] if isinstance(a, Const) or a in seen else value[()])
        seen.add(a)
    return results


def _plain(x: Array, type: Type) -> Any:
    """An argument as the machine reads it: row by row, aligned, in the processor's byte order."""
    return np.require(x, type.dtype, ("C", "A"))


def _evaluate(call: Call, env: dict[Any, Any]) -> None:
    """An equation that isn't native, by its record."""
    eqn = call.equation
    args = [_seen(o, env) for o in call.operands]
    result = eqn.primitive.evaluate(*args, **eqn.params)
    if len(eqn.outputs) == 1 and not isinstance(result, tuple):
        result = (result,)
    for v, y in zip(eqn.outputs, result, strict=True):
        env[v] = np.require(y, v.type.dtype, ("C", "A"))


def _seen(o: Operand, env: dict[Any, Any]) -> Any:
    """An operand as an array: a view of what is stored."""
    base = o.atom.value if isinstance(o.atom, Const) else env[o.atom]
    if o.shape == np.shape(base) and not o.offset:
        plain = tuple([prod(o.shape[a + 1 :]) for a in range(len(o.shape))])
        if o.strides == plain or not prod(o.shape):
            return base[()] if isinstance(base, np.ndarray) and not base.ndim else base
    base = np.ascontiguousarray(base)
    size = base.dtype.itemsize
    return np.ndarray(
        o.shape, base.dtype, base, o.offset * size, tuple([s * size for s in o.strides])
    )[()]
