"""Chunks without being asked: a long tape of what is done sample by sample is kept in the cache.

    x = sin(x) a + b, 200 times, and its gradient: 160 MB of tape, or 200 numbers for each of 128

Where a list's own arrays are larger than the cache, and it is a sum over an axis, it runs in chunks
whose arrays fit. Products of matrices gain little (their kernels make blocks themselves), so that
lists with them are cut only where the arrays are very large.
"""

from wengert.ir.program import Program
from wengert.passes.chunk import chunked
from wengert.passes.separate import Split, barrier, splits

CACHE = 1 << 18
"""Bytes that the arrays of a chunk may take: a part of the second cache."""
LARGE = 1 << 22
HUGE = 1 << 24
FEWEST = 64
"""With fewer samples a chunk's loops are shorter than what surrounds them."""


def tiled(program: Program, size: int) -> Program | None:
    """The list in chunks that fit the cache, if its own arrays take so many bytes; None: as it is.

    An axis must be the first one of all that is cut, or chunks would be copied.
    """
    heavy = any("contract" in p for p in _names(program))
    if size <= (HUGE if heavy else LARGE):
        return None
    for split in splits(program):
        rows = best(split, size)
        if rows and barrier(split) is None and _first(split):
            return chunked(split, rows)
    return None


def best(split: Split, size: int) -> int:
    """How many samples of a list with so many bytes make a chunk; 0: there are too few."""
    rows = max(CACHE * split.size // size // 16 * 16, FEWEST)
    return rows if 4 * rows <= split.size else 0


def _first(split: Split) -> bool:
    """Whether the axis is the first one of all inputs that have it."""
    return all(
        split.axes.of(((), v), v.type.ndim, split.root) in ([], [0]) for v in split.program.inputs
    )


def _names(program: Program) -> list[set[str]]:
    """The primitives of a list and of its bodies."""
    found = [{eqn.primitive.name for eqn in program.equations}]
    for body in program.subprograms():
        found += _names(body)
    return found
