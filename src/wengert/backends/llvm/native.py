"""What the writers of calls share: when a call can be native, and what it touches."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from wengert.backends.llvm.code import Code, Value
from wengert.ir.program import Atom, Const, identity
from wengert.ir.schedule import Call, Nest, Operand, Read, Schedule, nodes

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer


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


def plain(call: Call) -> bool:
    """Whether every operand is an array as it is stored."""
    return all(not o.offset and o.shape == o.atom.type.shape for o in call.operands) and all(
        o.strides == rowwise(o.shape) or 0 in o.shape or o.atom.type.size == 1
        for o in call.operands
    )


def dense(call: Call) -> bool:
    """Whether every operand is one piece of a stored array, row by row."""
    return all(
        all(s == p or n == 1 for s, p, n in zip(o.strides, rowwise(o.shape), o.shape, strict=True))
        for o in call.operands
    )


def begin(code: Code, o: Operand, pointer: Callable[[Atom], Value]) -> Value:
    """Where an operand's first element stands."""
    at = pointer(o.atom)
    return code.at(at, o.offset * o.atom.type.dtype.itemsize, "i8") if o.offset else at


def rowwise(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Elements from entry to entry of an array stored row by row."""
    return tuple([prod(shape[a + 1 :]) for a in range(len(shape))])


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
    if item.product is not None:
        handed = item.product.equation.outputs[0]
        reads = [o.atom for o in item.product.operands] + [a for a in reads if a is not handed]
    return [*reads, *[r.var for r in item.roots()]]


def constants(schedule: Schedule) -> list[Const]:
    """The constant arrays that a schedule reads or returns."""
    found = [a for item in schedule.items for a in touched(item) if isinstance(a, Const)]
    found += [a for a in schedule.program.outputs if isinstance(a, Const)]
    return list({identity(a): a for a in found}.values())
