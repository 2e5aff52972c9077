"""What a read of an array that the turns write into sees: what was just written, or the beginning.

A loop that writes y[t] and reads y[t - 1] carries one number, not the array: the read is the value
written one turn before. A read of a place that no earlier turn has written sees the array as it was
before the first turn. Only what holds in each turn counts.
"""

from typing import Any, NamedTuple

import numpy as np

from wengert.passes.repeats import Turns

NEAR = 4
"""How many writes back a read is looked for."""


class Written(NamedTuple):
    """A read that gives what the write in line `line` wrote, `lag` turns before."""

    line: int
    lag: int


class Before(NamedTuple):
    """A read that sees the array before the first turn."""

    atom: int


class Chain(NamedTuple):
    """The writes of a turn into one carried array, in order, and the array before the first."""

    writes: tuple[int, ...]
    atom: int


def chains(turns: Turns) -> dict[int, Chain]:
    """The chain that each write belongs to."""
    lines = turns.listing.lines[turns.start : turns.start + turns.period]
    found: dict[int, Chain] = {}
    for head, eqn in enumerate(lines):
        if eqn.primitive.name != "put" or turns.starts(head) is None:
            continue
        kind = turns.kinds[head][0]
        if kind[0] != "turn" or kind[3] != 1:
            continue
        writes, at = [kind[1]], kind[1]
        while at != head and _writes(turns, at) and turns.kinds[at][0][0] == "turn":
            back = turns.kinds[at][0]
            if back[3] != 0:
                break
            at = back[1]
            writes.append(at)
        if at == head and all(_writes(turns, w) for w in writes):
            chain = Chain(tuple(writes[::-1]), int(turns.operand(head, 0)[0]))
            found.update((w, chain) for w in chain.writes)
    return found


def _writes(turns: Turns, j: int) -> bool:
    name = turns.listing.lines[turns.start + j].primitive.name
    return name == "put" and turns.start + j in turns.listing.starts


def seen(turns: Turns, j: int, chain: dict[int, Chain]) -> Written | Before | None:
    """What the `take` in line j sees of an array that is written in turns; None: its last state."""
    kind = turns.kinds[j][0]
    if kind[0] != "turn" or kind[1] not in chain:
        return None
    mine = chain[kind[1]]
    path = _back(mine, kind[1], kind[3])
    reads = turns.starts(j)
    for line, lag in path[:NEAR]:
        writes = turns.starts(line)
        assert reads is not None
        assert writes is not None
        now, then = reads[lag:], writes[: turns.count - lag]
        if _same_form(turns, j, line) and (now == then).all():
            return Written(line, lag) if lag <= NEAR else None
        if not _apart(turns, j, now, line, then):
            break
    if all(_later(turns, j, line, lag) for line, lag in path[: len(mine.writes)]):
        return Before(mine.atom)
    return None


def _back(chain: Chain, line: int, lag: int) -> list[tuple[int, int]]:
    """The writes before a state of the array, the last first, and how many turns ago they were."""
    order = chain.writes
    at, path = order.index(line), []
    for _ in range(max(NEAR, len(order))):
        path.append((order[at], lag))
        at -= 1
        if at < 0:
            at, lag = len(order) - 1, lag + 1
    return path


def index_of(turns: Turns, j: int) -> tuple[Any, ...]:
    """The index of line j in the first turn."""
    index: tuple[Any, ...] = turns.listing.lines[turns.start + j].params["index"]
    return index


def _same_form(turns: Turns, read: int, write: int) -> bool:
    """Whether a read and a write cut the same shape out of an array, and of the same dtype."""
    a, b = index_of(turns, read), index_of(turns, write)
    form = [
        isinstance(i, int) == isinstance(k, int)
        and (isinstance(i, int) or (len(range(*i)), i[2]) == (len(range(*k)), k[2]))
        for i, k in zip(a, b, strict=True)
    ]
    lines, start = turns.listing.lines, turns.start
    return all(form) and lines[start + read].outputs[0].type == lines[start + write].inputs[1].type


def _numbers(turns: Turns, read: int, write: int) -> list[int]:
    """The axes at which both are at one place."""
    pairs = zip(index_of(turns, read), index_of(turns, write), strict=True)
    return [n for n, (i, k) in enumerate(pairs) if isinstance(i, int) and isinstance(k, int)]


def _apart(turns: Turns, read: int, now: np.ndarray, write: int, then: np.ndarray) -> bool:
    """Whether these reads and writes never meet."""
    axes = _numbers(turns, read, write)
    return bool((now[:, axes] != then[:, axes]).any(axis=1).all())


def _later(turns: Turns, read: int, write: int, lag: int) -> bool:
    """Whether no place is read after it was written, `lag` turns before or earlier."""
    axes = _numbers(turns, read, write)
    reads, writes = turns.starts(read), turns.starts(write)
    assert reads is not None
    assert writes is not None
    first: dict[tuple[int, ...], int] = {}
    for k, place in enumerate(map(tuple, writes[:, axes].tolist())):
        first.setdefault(place, k)
    return all(
        first.get(place, turns.count) > k - lag
        for k, place in enumerate(map(tuple, reads[:, axes].tolist()))
    )
