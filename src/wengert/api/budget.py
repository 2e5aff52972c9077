"""`jit(f, memory="64MB")`: the quickest form of a list that keeps to a budget, or an error.

Tried in this order, each measured exactly by its plan: as jit runs it anyway; in chunks of samples,
as large as the cache likes; with fewer states of its loops kept; with parts of a deep list computed
again; in smaller chunks; in chunks with fewer states.
"""

from collections.abc import Callable, Iterator

from wengert.errors import BudgetError, InputError, sentences
from wengert.ir.check import check
from wengert.ir.program import Equation, Program
from wengert.passes.chunk import chunked
from wengert.passes.pipeline import simplified
from wengert.passes.recompute import live, recomputed
from wengert.passes.rewind import rewound
from wengert.passes.separate import Split, barrier, splits
from wengert.passes.tile import CACHE, tiled

UNITS = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3,
         "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}  # fmt: skip
LEVELS = 3
PARTS = (2, 4, 8, 16)
Measure = Callable[[Program], int]


def size(budget: int | str) -> int:
    """Bytes, given as a number or as in "64MB" or "1.5GiB".

    >>> size("64MB"), size("1 KiB"), size(100)
    (64000000, 1024, 100)
    """
    if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
        return budget
    if isinstance(budget, str):
        text = budget.strip().upper()
        number = text.rstrip("BGIKM")
        try:
            count = float(number) * UNITS[text[len(number) :].strip() or "B"]
        except (ValueError, KeyError):
            count = 0
        if 0 < count < float("inf"):
            return int(count)
    raise InputError(
        sentences(
            f"memory={budget!r} is no budget.",
            'Give a number of bytes, or a text such as "64MB" or "1.5GiB".',
        )
    )


def within(program: Program, budget: int, measure: Measure) -> Program:
    """The first form of the list that takes no more bytes than that; BudgetError if none does."""
    least, form = measure(program), program
    if least <= budget:
        return tiled(program, least) or program
    for smaller in _forms(program, least, budget, measure):
        new = measure(smaller)
        if new <= budget:
            return smaller
        if new < least:
            least, form = new, smaller
    raise _refused(program, form, budget, least)


def _forms(program: Program, full: int, budget: int, measure: Measure) -> Iterator[Program]:
    """What may be smaller, the quickest first."""
    found = splits(program)
    found.sort(key=lambda s: (barrier(s) is not None, -s.size))
    feasible = [s for s in found[:4] if measure(_cut(s, 1, 0)) <= budget]
    for split in feasible:
        yield _cut(split, _cached(split, full), 0)
    for level in range(1, LEVELS + 1):
        yield _clean(rewound(program, level))
    most = max(live(program), default=0)
    for parts in PARTS:
        less = recomputed(program, most // parts)
        if less is not None:
            yield _clean(less)
            yield _clean(rewound(less, 1))
    for split in feasible:
        rows = _cached(split, full)
        while rows > 1:
            rows //= 2
            yield _cut(split, rows, 0)
    for split in found[:4]:
        for level in range(1, LEVELS + 1):
            yield _cut(split, min(_cached(split, full), 64), level)
            yield _cut(split, 1, level)
        yield _cut(split, 1, 0)


def _cached(split: Split, full: int) -> int:
    """The samples whose arrays fit the cache."""
    return max(1, min(CACHE * split.size // full, split.size // 2))


def _cut(split: Split, rows: int, level: int) -> Program:
    return _clean(rewound(chunked(split, rows), level))


def _clean(program: Program) -> Program:
    return simplified(check(program))


def _refused(program: Program, form: Program, budget: int, least: int) -> BudgetError:
    eqn = _largest(program)
    what = f"{eqn.primitive.name}, of {eqn.outputs[0].type}," if eqn else "What it returns"
    return BudgetError(
        sentences(
            f"A budget of {budget:,} bytes was given, and the smallest that is feasible is "
            f"{least:,}: {what} needs them.",
            f"Give memory={least}, or make arrays smaller there (wengert.separable says what "
            "prevents smaller chunks).",
            eqn.place if eqn else None,
        )
    )


def _largest(program: Program) -> Equation | None:
    """The equation with the most bytes of operands and results."""

    def weight(eqn: Equation) -> int:
        return sum([a.type.nbytes for a in (*eqn.inputs, *eqn.outputs)])

    return max(program.equations, key=weight, default=None)
