"""Roll loops up again: lines that Python's `for` wrote again and again become one `loop`.

    v1 = sin(x); v2 = v1 * a; v3 = sin(v2); v4 = v3 * a; ...   ->   loop(a, x, body=...)

The same operations run in the same order, so the values stay what they were, bit for bit. What
doesn't repeat (turns at the beginning and the end that say something else) stays outside. Inner
loops are rolled first; where they became equal lines, the next round sees the loop around them. A
loop whose inner loop changes its length from turn to turn stays a list of loops.
"""

from collections import defaultdict

import numpy as np

from wengert.ir.program import Const, Program
from wengert.passes.join import join
from wengert.passes.lines import Lines, varying
from wengert.passes.prune import prune
from wengert.passes.repeats import LEAST, Listing, Turns, periods, runs, settled
from wengert.passes.wind import Loop

LONG = 512
"""A shorter list stays as it is."""
SAVED = 32
"""A loop must spare so many lines."""
ROUNDS = 12


def roll(program: Program, long: int | None = None) -> Program:
    """The same values from fewer lines: repeated lines as loops.

    A list of fewer than `long` lines stays as it is.
    """
    if len(program.equations) < (LONG if long is None else long):
        return program
    program = prune(join(prune(program)))
    for _ in range(ROUNDS):
        before, program = program, _round(program)
        if program is before:
            break
        program = prune(join(prune(program)))
    return program


def _round(program: Program) -> Program:
    """The list with the innermost loops rolled; itself if there are none."""
    if len(program.equations) < LEAST:
        return program
    listing = Listing(program)
    found = sorted(_found(listing), key=lambda turns: turns.start)
    if not found:
        return program
    lines, at, plans = Lines(), 0, _plans(found)
    for turns in found:
        for eqn in listing.lines[at : turns.start]:
            lines.copy(eqn)
        Loop(turns, lines, *plans[turns.codes()]).write()
        at = turns.end
    for eqn in listing.lines[at:]:
        lines.copy(eqn)
    outputs = [lines.same.get(a, a) for a in program.outputs]
    return Program(program.inputs, lines.lines, outputs, program.name)


def _found(listing: Listing) -> list[Turns]:
    """Stretches of turns that don't overlap, those of the shortest period first."""
    free = np.ones(len(listing.codes), bool)
    found = []
    for period in periods(listing.codes):
        for start, count in runs(listing.codes, period, free):
            turns = settled(listing, start, period, count)
            if turns is not None and free[turns.start : turns.end].all() and _worth(turns):
                free[turns.start : turns.end] = False
                found.append(turns)
    return found


def _worth(turns: Turns) -> bool:
    """Whether the loop spares lines, with what must be written before and after it."""
    listing, n = turns.listing, turns.period * turns.count
    carried, extra = False, 1
    for j, m in turns.places():
        kind = turns.kinds[j][m]
        carried = carried or (kind[0] == "turn" and kind[3] > 0)
        if kind[0] == "each":
            atoms = np.unique(turns.operand(j, m))
            made = [listing.lines[i].primitive.name for i in listing.line[atoms].tolist() if i >= 0]
            constants = [isinstance(listing.atoms[a], Const) for a in atoms.tolist()]
            if not all(constants) and (set(made) != {"take"} or len(made) < len(atoms)):
                extra += 2 * turns.count
    for j in range(turns.period):
        for which in range(len(listing.lines[turns.start + j].outputs)):
            numbers = listing.results(turns.rows(j), which)
            read = int((listing.last[numbers] >= turns.end).sum())
            if read > 1 and not (carried and read >= turns.count - 1):
                extra += read
    return n - extra >= SAVED and 2 * extra <= n


def _plans(
    found: list[Turns],
) -> dict[bytes, tuple[frozenset[tuple[int, int]], dict[int, list[int]]]]:
    """For loops of the same lines: what differs among them, and so is an operand of their body."""
    groups: dict[bytes, list[Turns]] = defaultdict(list)
    for turns in found:
        groups[turns.codes()].append(turns)
    return {key: (_lifted(group), _moving(group)) for key, group in groups.items()}


def _lifted(group: list[Turns]) -> frozenset[tuple[int, int]]:
    """The operands that are the same in all turns, and not in all loops."""
    first = group[0]
    return frozenset(
        (j, m) for j, m in first.places()
        if len({turns.kinds[j][m] for turns in group}) > 1
    )  # fmt: skip


def _moving(group: list[Turns]) -> dict[int, list[int]]:
    """The axes along which an index moves, in the turns or from loop to loop."""
    found = {}
    for j in range(group[0].period):
        starts = [s for turns in group if (s := turns.starts(j)) is not None]
        if starts and (axes := varying(np.concatenate(starts))):
            found[j] = axes
    return found
