"""The ways through a function that calls of one type have taken: a tree whose edges are answers.

Each path is a list that begins like its siblings and holds, as guards, the answers it was written
for. What a guard sees of another call leads to the sibling with that answer, or to a new path.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Lock
from typing import Any

import numpy as np

from wengert.backends.interpreter import interpret
from wengert.errors import ConcreteError, sentences
from wengert.ir.program import Program
from wengert.primitives.guards import Diverged
from wengert.settings import most_paths
from wengert.trace.guards import Outcome


@dataclass(frozen=True, eq=False)
class Path:
    """One list, compiled, with the answers it depends on, in order."""

    function: Callable[..., list[Any]]
    build: Callable[[list[Any]], Any]
    program: Program
    outcomes: tuple[Outcome, ...]

    @cached_property
    def resumed(self) -> Callable[..., list[Any]]:
        """The like that is told from which guard on it is to warn."""
        return interpret(self.program, resumed=True)


@dataclass(slots=True)
class _Node:
    """What the next answer may be; `last` is the path that was last taken through here."""

    last: Path | None = None
    branches: "dict[Outcome, _Node]" = field(default_factory=dict)


_LOCK = Lock()


class Paths:
    """All paths of one type; threads may add to them at once.

    `last` is the one to try first.
    """

    def __init__(self) -> None:
        self.root = _Node()
        self.count = 0

    @property
    def last(self) -> Path | None:
        return self.root.last

    def take(self, path: Path) -> None:
        """Add a path, or say that it was taken."""
        with _LOCK:
            node, new = self.root, False
            for outcome in path.outcomes:
                node.last = path
                new = new or outcome not in node.branches
                node = node.branches.setdefault(outcome, _Node())
            self.count += new or node.last is None
            node.last = path

    def sibling(self, path: Path, met: Diverged) -> Path | None:
        """The path that goes the other way where this one diverged, if there is one."""
        node = self.root
        for outcome in path.outcomes[: met.index]:
            node = node.branches[outcome]
        other = node.branches.get(met.seen)
        return other.last if other is not None else None


def attempt(path: Path, values: list[Any], met: Diverged | None = None) -> Any:
    """(results, None), or (None, where the path diverged); quiet up to where it was met before."""
    try:
        if met is None:
            return path.function(*values), None
        loud = partial(np.seterr, **np.geterr())
        with np.errstate(all="ignore"):
            return path.resumed(met.index, loud, *values), None
    except Diverged as found:
        return None, found


def script(path: Path, met: Diverged) -> list[Outcome]:
    """The answers up to and with the one that diverged."""
    return [*path.outcomes[: met.index], met.seen]


def too_many(name: str, path: Path, met: Diverged) -> ConcreteError:
    """The error for a function that goes another way at each call."""
    lines = (e for e in path.program.equations if e.primitive.effect)
    line = next((e for e in lines if e.params.get("index") == met.index), None)
    asks, outcome = met.seen
    shown = f"the array at hand, {len(outcome)} bytes," if asks == "array" and outcome else outcome
    return ConcreteError(
        sentences(
            f"jit keeps {most_paths()} paths through {name} for arguments of one type, and a value "
            f"that decides ({asks}: {shown}) asks for one more.",
            "Write the loop or choice as wengert.while_loop, wengert.cond or np.where, call the "
            "function without jit, or let WENGERT_PATHS allow more.",
            line.place if line is not None else None,
        )
    )
