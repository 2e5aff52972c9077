"""A compiled program as bytes: the next process does no pass and writes no text.

    recall(key, program)       the function that an earlier process compiled under this key, or None
    enter(core, program)       the function of a core
    keep(key, core, program)   let the next process find it

What is kept is the object code, the bytes of its workspace, and which arrays it is given: those
that the program holds by their number, those that the passes made by their values.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.backends.llvm import cache, engine
from wengert.backends.llvm.entry import Reference, entry
from wengert.backends.llvm.threads import pool, threads
from wengert.ir.fingerprint import captured
from wengert.ir.program import Program
from wengert.ir.types import Array


@dataclass(frozen=True, slots=True)
class Core:
    """Object code whose function `core` runs a whole program, and what it is given."""

    code: bytes
    workspace: int
    team: bool
    constants: list[Array]


def enter(core: Core, program: Program) -> Reference:
    """The function of a core, behind its door; the program is the reference."""
    library = engine.Library(core.code, ("core",))
    fixed = [np.ascontiguousarray(c) for c in core.constants]
    held: tuple[object, ...] = (library,)
    if core.team:
        fixed.append(np.ctypeslib.as_array(pool().words))
        held = (library, pool())
    return entry(
        library.address("core"), [v.type for v in program.inputs],
        [a.type for a in program.outputs], core.workspace, fixed, program, keep=held,
    )  # fmt: skip


def recall(fingerprint: bytes, program: Program) -> Reference | None:
    """The function that was kept for a program; None if none was."""
    data = cache.find(_key(fingerprint))
    return None if data is None else enter(_unpack(data, program), program)


def keep(fingerprint: bytes, core: Core, program: Program) -> None:
    """Write a core to the cache."""
    cache.keep(_key(fingerprint), _pack(core, program))


def _key(fingerprint: bytes) -> bytes:
    about = f"{np.__version__} {threads()}".encode()
    return engine.program_key(fingerprint + about)


def _pack(core: Core, program: Program) -> bytes:
    numbers = {id(value): k for k, value in enumerate(captured(program))}
    table: list[Any] = []
    made: list[bytes] = []
    for c in core.constants:
        if id(c) in numbers:
            table.append(numbers[id(c)])
            continue
        table.append((c.dtype.str, c.shape))
        made.append(c.tobytes())
    head = json.dumps([core.workspace, core.team, table]).encode()
    return b"".join([len(head).to_bytes(8, "little"), head, *made, core.code])


def _unpack(data: bytes, program: Program) -> Core:
    at = 8 + int.from_bytes(data[:8], "little")
    workspace, team, table = json.loads(data[8:at])
    given = list(captured(program)) if table else []
    constants: list[Array] = []
    for item in table:
        if isinstance(item, int):
            constants.append(given[item])
            continue
        made = np.empty(item[1], item[0])
        made.reshape(-1).view(np.uint8)[:] = np.frombuffer(data, np.uint8, made.nbytes, at)
        constants.append(made)
        at += made.nbytes
    return Core(data[at:], workspace, team, constants)
