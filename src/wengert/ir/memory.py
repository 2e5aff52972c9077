"""Where values stand in one workspace: those that don't live at the same time share their place.

A `Block` is wanted from one step to another, both included. Two blocks clash if they live at the
same time, unless one is written in place over the other: then they may begin at the same byte.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wengert.ir.liveness import dying
from wengert.ir.program import Equation, Program, Var

ALIGN = 64
MANY = 400
"""With so many blocks one order is tried, not three: planning takes the square of the number."""


class Block(NamedTuple):
    """So many bytes for a value from step `first` to step `last`; `over` may be overwritten."""

    var: Var
    size: int
    first: int
    last: int
    over: frozenset[Var] = frozenset()


Offsets = dict[Var, int]


def aligned(size: int) -> int:
    """The bytes that a place for so many takes."""
    return -(-max(size, 1) // ALIGN) * ALIGN


def lay(blocks: Sequence[Block]) -> tuple[Offsets, int]:
    """An offset for each block, and the size of the workspace that holds them.

    Largest first is good, latest or longest first sometimes better: the least of them is taken.

    >>> import numpy as np
    >>> from wengert.ir.types import Type
    >>> a, b, c = (Var(Type((8,), np.dtype("f8")), name) for name in "abc")
    >>> lay([Block(a, 64, 0, 1), Block(b, 64, 1, 2), Block(c, 64, 2, 3)])[1]
    128
    """
    orders = (
        lambda b: (-b.size, b.first),
        lambda b: (b.first, -b.size),
        lambda b: (b.first - b.last, -b.size),
    )
    least = bound(blocks)
    best: tuple[Offsets, int] = {}, -1
    for order in orders[: 1 if len(blocks) > MANY else 3]:
        found = _placed(sorted(blocks, key=order))
        if best[1] < 0 or found[1] < best[1]:
            best = found
        if best[1] <= least:
            break
    return best


def table(blocks: Sequence[Block], places: Offsets) -> str:
    """The plan as it is read: where each value stands, and in which steps."""
    lines = [
        f"{places[b.var]:>10} .. {places[b.var] + b.size:<10} {b.var.name:8} "
        f"steps {b.first}-{b.last}"
        for b in sorted(blocks, key=lambda b: (b.first, places[b.var]))
    ]
    return "\n".join(lines)


def bound(blocks: Iterable[Block]) -> int:
    """The most bytes that live at one step: no workspace is smaller, but for what is in place."""
    change: dict[int, int] = {}
    for b in blocks:
        change[b.first] = change.get(b.first, 0) + aligned(b.size)
        change[b.last + 1] = change.get(b.last + 1, 0) - aligned(b.size)
    live = most = 0
    for step in sorted(change):
        live += change[step]
        most = max(most, live)
    return most


def _placed(order: Sequence[Block]) -> tuple[Offsets, int]:
    """Each block at the first gap among those that live with it, or over one that it ends."""
    offsets: Offsets = {}
    done: list[Block] = []
    total = 0
    for b in order:
        size = aligned(b.size)
        near = sorted(
            [
                (offsets[o.var], offsets[o.var] + aligned(o.size), o)
                for o in done
                if o.first <= b.last and b.first <= o.last
            ],
            key=lambda t: t[0],
        )
        at = _in_place(b, near)
        if at is None:
            at = 0
            for low, high, _ in near:
                if low < at + size and at < high:
                    at = high
        offsets[b.var] = at
        done.append(b)
        total = max(total, at + size)
    return offsets, total


def _in_place(b: Block, near: Sequence[tuple[int, int, Block]]) -> int | None:
    """Where an operand of the same size stands that nobody reads again."""
    for low, high, o in near:
        if not _may(b, o) or high - low != aligned(b.size):
            continue
        others = [t for t in near if t[2] is not o and t[0] < high and low < t[1]]
        if all(t[0] == low and _may(b, t[2]) for t in others):
            return low
    return None


def _may(a: Block, b: Block) -> bool:
    """Whether one of two blocks is made over the other, and they meet in that step alone."""
    if a.first > b.first:
        return b.var in a.over and b.last == a.first
    return a.var in b.over and a.last == b.first


# --- what NumPy calls take
def interpreted(program: Program) -> int:
    """A bound of the bytes that a list takes when it is run by NumPy calls, its results included.

    What lives, and for the call at hand four times its operands and results: its temporaries.
    """
    live = most = 0
    for eqn, dead in zip(program.equations, dying(program), strict=True):
        live += sum([v.type.nbytes for v in eqn.outputs])
        most = max(most, live + temporaries(eqn))
        live -= sum([v.type.nbytes for v in dead if v not in program.inputs])
    returned = sum([a.type.nbytes for a in program.outputs])
    return max(most, live) + returned


def temporaries(eqn: Equation) -> int:
    """A bound of what a record takes beside its operands and results."""
    mine = sum([a.type.nbytes for a in (*eqn.inputs, *eqn.outputs)])
    bodies = [v for v in eqn.params.values() if isinstance(v, Program)]
    return 4 * mine + (1 << 14) + max([interpreted(b) for b in bodies], default=0)
