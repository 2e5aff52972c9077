"""Which lines of a list say the same, and where they do so again and again.

A line's code is what it does, whatever its operands are called: its primitive, its parameters with
indices told by their lengths alone, and the types of its operands. A loop that Python unrolled is a
stretch where the codes repeat with one period.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier, freeze
from wengert.ir.program import Atom, Const, Equation, Program, Var, identity
from wengert.primitives.views import cut_shape

MOVING = frozenset({"take", "place", "put"})
"""The primitives with an index that may move from one turn to the next."""
LEAST = 8
"""Fewer turns are no loop."""
WINDOWS, NARROW, PERIODS = 10, 8, 400
"""So often is the window doubled; narrower ones come again by chance; so many periods are tried."""
OUTSIDE = -1


class Listing:
    """A list in numbers: `flat[offset[i] + m]` is operand m of line i, an index into `atoms`."""

    __slots__ = (
        "atoms", "codes", "flat", "last", "line", "lines", "numbers", "offset", "slot", "starts",
    )  # fmt: skip

    def __init__(self, program: Program) -> None:
        self.lines = program.equations
        self.atoms: list[Atom] = []
        self.starts: dict[int, tuple[int, ...]] = {}
        line: list[int] = []
        slot: list[int] = []
        flat: list[int] = []
        offset, codes = [0], []
        known: dict[Any, int] = {}
        self.numbers: dict[Any, int] = {}
        numbers = self.numbers

        def add(key: Any, atom: Atom, at: int, which: int) -> int:
            numbers[key] = len(self.atoms)
            self.atoms.append(atom)
            line.append(at)
            slot.append(which)
            return numbers[key]

        for v in program.inputs:
            add(v, v, OUTSIDE, 0)
        for i, eqn in enumerate(self.lines):
            for a in eqn.inputs:
                key = a if type(a) is Var else _bits(a)
                found = numbers.get(key)
                flat.append(add(key, a, OUTSIDE, 0) if found is None else found)
            offset.append(len(flat))
            code = self._code(i, eqn)
            codes.append(known.setdefault(code, len(known)))
            for which, v in enumerate(eqn.outputs):
                add(v, v, i, which)
        self.codes = np.array(codes, np.int64)
        self.flat, self.offset = np.array(flat, np.int64), np.array(offset, np.int64)
        self.line, self.slot = np.array(line, np.int64), np.array(slot, np.int64)
        self.last = np.full(len(self.atoms), -1)
        np.maximum.at(
            self.last, self.flat, np.repeat(np.arange(len(self.lines)), np.diff(self.offset))
        )
        for a in program.outputs:
            if a in numbers:
                self.last[numbers[a]] = len(self.lines)

    def _code(self, i: int, eqn: Equation) -> Any:
        types = tuple([a.type for a in eqn.inputs])
        if eqn.primitive.effect:  # stays where it is: a guard tells the choice that it stands for
            return i
        if eqn.primitive.name not in MOVING:
            return (eqn.primitive, freeze(eqn.params), types)
        index = eqn.params["index"]
        if eqn.primitive.name == "put" and types[1].shape != cut_shape(index):
            return (eqn.primitive, index, types)
        self.starts[i] = tuple([e if isinstance(e, int) else e[0] for e in index])
        form = tuple([e if isinstance(e, int) else (len(range(*e)), e[2]) for e in index])
        form = tuple([-1 if isinstance(e, int) else e for e in form])
        return (eqn.primitive, form, eqn.params.get("shape"), types)

    def operand(self, rows: np.ndarray, m: int) -> np.ndarray:
        """Operand m of these lines."""
        found: np.ndarray = self.flat[self.offset[rows] + m]
        return found

    def results(self, rows: np.ndarray, which: int) -> np.ndarray:
        """A result of these lines."""
        return np.array([self.numbers[self.lines[i].outputs[which]] for i in rows.tolist()])


def _bits(const: Any) -> Any:
    """The same key for constants of the same bits (scalars), or that are the same array."""
    value = const.value
    if not const.type.shape and not isinstance(value, Carrier):
        return (const.type, np.asarray(value).tobytes())
    return (const.type, identity(const))


def periods(codes: np.ndarray) -> list[int]:
    """Distances at which the same few codes come again, the shortest first."""
    n = len(codes)
    counts = np.zeros(n // LEAST + 1, np.int64)
    window, width = codes, 1
    for _ in range(WINDOWS):
        order = np.argsort(window, kind="stable")
        again = window[order[1:]] == window[order[:-1]]
        apart = np.diff(order)[again]
        apart = apart[apart < len(counts)]
        if width >= NARROW:
            counts = np.maximum(counts, np.bincount(apart, minlength=len(counts)))
        if not len(apart) or (width >= NARROW and 2 * width >= len(counts)):
            break
        pairs = window[:-width] * (int(window.max()) + 1) + window[width:]
        window, width = np.unique(pairs, return_inverse=True)[1], 2 * width
    common = np.argsort(-counts, kind="stable")[:PERIODS]
    return sorted(common[counts[common] >= LEAST - 1].tolist())


def runs(codes: np.ndarray, period: int, free: np.ndarray) -> Iterator[tuple[int, int]]:
    """The stretches of free lines that repeat with this period: their beginnings and turns."""
    equal = (codes[:-period] == codes[period:]) & free[:-period] & free[period:]
    ends = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    starts, lengths = ends[::2], ends[1::2] - ends[::2]
    long = lengths >= (LEAST - 1) * period
    for a, length in zip(starts[long].tolist(), lengths[long].tolist(), strict=True):
        yield a, length // period + 1


class Turns:
    """`count` turns of `period` lines from line `start`, and how each operand goes with the turns.

    An operand is one of
        ("same", a)       the atom a, from before the first turn, in all turns
        ("turn", j, o, L) result o of line j, L turns before; in the first L turns it is from before
        ("each", None)    another atom from before the first turn in every turn
    """

    __slots__ = ("count", "kinds", "listing", "period", "start")

    def __init__(self, listing: Listing, start: int, period: int, count: int) -> None:
        self.listing, self.start, self.period, self.count = listing, start, period, count
        self.kinds: list[list[tuple[Any, ...]]] = []

    @property
    def end(self) -> int:
        return self.start + self.period * self.count

    def codes(self) -> bytes:
        """The same for loops of the same lines."""
        found: bytes = self.listing.codes[self.start : self.start + self.period].tobytes()
        return found

    def rows(self, j: int) -> np.ndarray:
        """Line j of each turn."""
        return np.arange(self.start + j, self.end, self.period)

    def operand(self, j: int, m: int) -> np.ndarray:
        """Operand m of line j in each turn."""
        return self.listing.operand(self.rows(j), m)

    def starts(self, j: int) -> np.ndarray | None:
        """Where the index of line j begins in each turn, axis by axis; None if it has none."""
        listing = self.listing
        if self.start + j not in listing.starts:
            return None
        return np.array([listing.starts[i] for i in self.rows(j).tolist()], np.int64)

    def places(self) -> Iterator[tuple[int, int]]:
        for j in range(self.period):
            for m in range(len(self.listing.lines[self.start + j].inputs)):
                yield j, m


def settled(listing: Listing, start: int, period: int, count: int) -> Turns | None:
    """The longest run of turns about the middle in which all operands go with the turns."""
    turns = Turns(listing, start, period, count)
    for _ in range(32):
        if turns.count < LEAST:
            return None
        turns.kinds = [[] for _ in range(period)]
        for j, m in turns.places():
            found = _kind(turns, turns.operand(j, m))
            if found is None:
                return None
            kind, low, high = found
            if low > 0 or high < turns.count:
                turns = Turns(listing, turns.start + low * period, period, high - low)
                break
            turns.kinds[j].append(kind)
        else:
            return turns
    return None


def _kind(turns: Turns, atoms: np.ndarray) -> tuple[tuple[Any, ...], int, int] | None:
    """How an operand goes about the middle, and from which turn to which it does."""
    listing, period, count = turns.listing, turns.period, turns.count
    lines = listing.line[atoms]
    mid = count // 2
    if atoms[mid] == atoms[mid + 1]:
        late = (int(lines[mid]) - turns.start) // period + 1  # made in a turn: begin after it
        low, high = _about(atoms == atoms[mid], mid)
        return ("same", int(atoms[mid])), max(low, late if lines[mid] >= turns.start else 0), high
    begin = turns.start + period * np.arange(count)
    away = lines - begin
    inside = lines >= turns.start
    if inside[mid] and away[mid] == away[mid + 1]:
        lag, j = -(int(away[mid]) // period), int(away[mid]) % period
        which = listing.slot[atoms[mid]]
        good = inside & (away == away[mid]) & (listing.slot[atoms] == which)
        low, high = _about(good, mid)
        if lag > 4:
            return None
        from_before = max(low - lag, 0)
        if not (lines[from_before:low] < turns.start + from_before * period).all():
            from_before = low
        return ("turn", j, int(which), lag), from_before, high
    if inside[mid]:
        return None
    low, high = _about(~inside, mid)
    return ("each", None), low, high


def _about(good: np.ndarray, mid: int) -> tuple[int, int]:
    """The stretch of good turns about the middle."""
    bad = np.flatnonzero(~good)
    at = int(np.searchsorted(bad, mid))
    return (int(bad[at - 1]) + 1 if at else 0), (int(bad[at]) if at < len(bad) else len(good))


def all_constant(atoms: Sequence[Atom]) -> bool:
    """Whether these are arrays known now."""
    return all(isinstance(a, Const) and not isinstance(a.value, Carrier) for a in atoms)
