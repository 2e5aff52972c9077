"""A schedule becomes one function of pointers: nests and products called in order, memory planned.

    core(ptr arrays, ptr workspace) -> i32      0, or the number of what went wrong

`arrays` points to the inputs, the constants and the results; everything else lies in the workspace,
where values that don't live at the same time share their place.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.backends.llvm import engine
from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.cpu import host
from wengert.backends.llvm.nest import Words, write_nest
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.ir.schedule import Call, Nest, Schedule
from wengert.ir.types import Array

ALIGN = 64


@dataclass(slots=True, eq=False)
class Plan:
    """Where each value lies in the workspace, in bytes, and how large that must be."""

    offsets: dict[Var, int]
    size: int


def plan(schedule: Schedule, outside: set[Var]) -> Plan:
    """A place for every stored value that isn't `outside`, by first fit over lifetimes."""
    ends: dict[Var, int] = {}
    starts: dict[Var, int] = {}
    for k, item in enumerate(schedule.items):
        for v in touched(item):
            starts.setdefault(v, k)
            ends[v] = k
    taken: list[tuple[int, int, Var]] = []
    offsets: dict[Var, int] = {}
    wanted = [v for v in starts if v not in outside and v in schedule.stored | schedule.local]
    for v in sorted(wanted, key=lambda v: -v.type.nbytes):
        size, at = -(-max(v.type.nbytes, 1) // ALIGN) * ALIGN, 0
        for lo, hi, other in sorted(taken, key=lambda t: t[0]):
            if starts[other] <= ends[v] and starts[v] <= ends[other] and lo < at + size and at < hi:
                at = hi
        taken.append((at, at + size, v))
        offsets[v] = at
    return Plan(offsets, max([hi for _, hi, _ in taken], default=0))


def touched(item: Nest | Call) -> list[Var]:
    """The variables that an item reads or makes."""
    from wengert.backends.llvm.nest import nodes
    from wengert.ir.schedule import Read

    if isinstance(item, Call):
        found = [o.atom for o in item.operands]
        return [a for a in (*found, *item.equation.outputs) if isinstance(a, Var)]
    reads = [e.atom for e in nodes([r.expr for r in item.roots()]) if isinstance(e, Read)]
    return [a for a in (*reads, *[r.var for r in item.roots()]) if isinstance(a, Var)]


Builder = Callable[[Module, Call], "tuple[str, list[Any]] | None"]


class Core:
    """The native function of a schedule, all of whose items are native."""

    def __init__(self, schedule: Schedule, words: Words, product: Builder) -> None:
        self.schedule = schedule
        program = schedule.program
        self.arrays: list[Atom] = list(program.inputs)
        self.arrays += [v for v in dict.fromkeys(program.outputs) if v in schedule.stored]
        results = set(self.arrays)
        self.plan = plan(schedule, results)  # type: ignore[arg-type]
        module = Module(host())
        module.globals["!0"] = "!0 = !{}"
        arrays, workspace = Value("%arrays", "ptr"), Value("%workspace", "ptr")
        code = Code(module, "core", "i32", arrays, workspace)
        self.code, self.pointers = code, dict[Atom, Value]()
        for item in schedule.items:
            if isinstance(item, Nest):
                name, atoms = write_nest(module, item, schedule.stored, schedule.local, words)
                self._call(name, [self._pointer(a) for a in atoms])
            else:
                found = product(module, item)
                assert found is not None, item.equation
                name, _ = found
                places = [self._pointer(o.atom, o.offset) for o in item.operands]
                self._call(name, [*places, *[self._pointer(v) for v in item.equation.outputs]])
        code.finish(Value("0", "i32"), linkage="")
        self.text = module.text()

    def _call(self, name: str, pointers: list[Value]) -> None:
        self.code.do(f"call void {name}({', '.join(map(str, pointers))})")

    def _pointer(self, atom: Atom, offset: int = 0) -> Value:
        if atom not in self.pointers:
            if isinstance(atom, Var) and atom in self.plan.offsets:
                place = self.code.at(Value("%workspace", "ptr"), self.plan.offsets[atom], "i8")
            else:
                if atom not in self.arrays:
                    self.arrays.append(atom)
                k = self.arrays.index(atom)
                place = self.code.load(self.code.at(Value("%arrays", "ptr"), k, "ptr"), "ptr", 8)
            self.pointers[atom] = place
        if not offset:
            return self.pointers[atom]
        return self.code.at(self.pointers[atom], offset * atom.type.dtype.itemsize, "i8")

    def function(self) -> Callable[..., list[Array]]:
        """The function of arrays; it allocates results and workspace anew at each call."""
        library = engine.load(self.text, "core")
        core = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
            library.address("core")
        )
        program = self.schedule.program
        types = [v.type for v in program.inputs]
        count = len(types)
        made = [a for a in self.arrays[count:] if isinstance(a, Var)]
        consts = [np.ascontiguousarray(a.value) for a in self.arrays if isinstance(a, Const)]
        size = self.plan.size + ALIGN
        Pointers = ctypes.c_void_p * max(len(self.arrays), 1)

        def run(*args: Array) -> list[Array]:
            given = [np.ascontiguousarray(x, t.dtype) for x, t in zip(args, types, strict=True)]
            outs = {v: np.empty(v.type.shape, v.type.dtype) for v in made}
            space = np.empty(size, np.uint8)
            start = -(-space.ctypes.data // ALIGN) * ALIGN
            held = [*given, *outs.values(), *consts]
            pointers = Pointers(*[x.ctypes.data for x in held])
            core(ctypes.addressof(pointers), start)
            env: dict[Any, Any] = dict(zip(program.inputs, args, strict=True)) | outs
            return [
                np.array(env[a] if isinstance(a, Var) else a.value)[()] if a not in outs
                else env[a][()]
                for a in program.outputs
            ]  # fmt: skip

        run.library = library  # type: ignore[attr-defined]
        return run


def native(schedule: Schedule, words: Words, product: Builder) -> Callable[..., list[Array]]:
    """The schedule's function, compiled for this processor."""
    return Core(schedule, words, product).function()


__all__ = ["Core", "Equation", "Program", "native", "plan"]
