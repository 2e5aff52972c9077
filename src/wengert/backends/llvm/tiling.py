"""How a product is cut into tiles that fit the registers, decided by counting cycles.

A tile is `height` rows of scalars against `vectors` vectors of columns: height * vectors sums stand
in registers while k goes by, and each step loads height + vectors operands for them.
"""

from dataclasses import dataclass
from functools import lru_cache

from wengert.backends.llvm.cpu import Cpu

# Cycles, as they were seen: a processor of two vector instructions a cycle.
TURN = 0.35  # to transpose a number on its way
PICK = 2.0  # to fetch or store one alone
TILE = 20.0  # to begin and end a tile
LINE = 4.0  # to go to another row of C in it
FAR = 1.5  # to find a step's scalars far from the last one's
STREAM = 0.2  # to fetch a vector of B that is not at hand
NEAR = 1 << 13  # so many elements of B are
KERNEL = 0.025  # the share of its time that a product would give for one kernel less to compile

REACH = 8 << 20  # bytes from the first to the last row of B beyond which a copy pays,
ALIKE = (
    1 << 10,
    3 << 19,
)  # or, where rows are a multiple of 1 KB apart and share cache lines, 1.5 MB
OFTEN = 96  # if at least so many rows of A use it
DEPTH = 512  # so much of k is packed at once
WAITING = 2048  # so many vectors of sums may wait for the next part of k


@dataclass(frozen=True, slots=True)
class Run:
    """`count` tiles of equal `size`, the first of them number `tile`, at row or column `start`."""

    tile: int
    count: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Shape:
    """C (m, n) = A (m, k) B (k, n); strides in elements, of rows and of columns."""

    m: int
    n: int
    k: int
    a: tuple[int, int]
    b: tuple[int, int]
    c: tuple[int, int]

    def plain(self) -> "Shape":
        """A stride that is never used is 1."""
        m, n, k = self.m, self.n, self.k

        def unit(strides: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
            return (strides[0] if rows > 1 else 1, strides[1] if columns > 1 else 1)

        return Shape(m, n, k, unit(self.a, m, k), unit(self.b, k, n), unit(self.c, m, n))

    def turned(self) -> "Shape":
        """C' = B' A'."""
        return Shape(self.n, self.m, self.k, self.b[::-1], self.a[::-1], self.c[::-1])


@dataclass(frozen=True, slots=True)
class Plan:
    """The tiles of a product: vectors run along n of `shape`, which is C' if `turned`."""

    shape: Shape
    turned: bool
    across: bool  # C is stored along the heights of the tiles
    rows: tuple[Run, ...]
    panels: tuple[Run, ...]  # in vectors, not in columns
    packed: bool  # B's panels are laid side by side first
    depth: int  # so much of k at once
    cost: float
    dots: bool = False  # vectors run along k: there is one column

    @property
    def whole(self) -> bool:
        """Whether all of k is summed at once."""
        return self.depth == self.shape.k

    @property
    def width(self) -> int:
        """The vectors of the widest panel."""
        return max((run.size for run in self.panels), default=0)

    @property
    def sums(self) -> int:
        """The vectors of sums of the largest tile."""
        return max((run.size for run in self.rows), default=0) * self.width

    @property
    def chunk(self) -> int:
        """The tiles of rows whose sums may wait together."""
        tiles = sum(run.count for run in self.rows)
        return max(1, min(tiles, WAITING // max(1, self.sums)))


def pitch(columns: int, itemsize: int) -> int:
    """How far apart the rows of a buffer of our own are, in elements, so that products run best.

    Whole cache lines, but no multiple of 1 KB: rows so far apart take each other's place in a
    cache. (The buffer itself begins on a cache line.)

    >>> pitch(100, 4), pitch(512, 4), pitch(2, 4)
    (112, 528, 2)
    """
    line = 64 // itemsize
    if columns < line:
        return columns
    lines = -(-columns // line)
    return line * (lines + (lines % 16 == 0))


def runs(total: int, most: int) -> tuple[Run, ...]:
    """`total` in as few parts as parts of at most `most` allow, all alike but for one."""
    if not total:
        return ()
    count = -(-total // most)
    size, more = divmod(total, count)
    parts = (Run(0, more, 0, size + 1), Run(more, count - more, more * (size + 1), size))
    return tuple(part for part in parts if part.count)


def _cycles(height: int, vectors: int) -> float:
    """One step of k: sums at two a cycle, loads at two a cycle."""
    return max(height * vectors / 2, (height + vectors) / 2, 1.0)


def _candidates(cpu: Cpu, rows: int, turned: bool) -> list[tuple[int, int]]:
    free = cpu.registers - (1 if cpu.fma else 2)
    sizes = [(min((free - v) // v, 16), v) for v in (1, 2, 3, 4)]
    if turned:  # a column's height becomes a row's width
        return [(h, v) for most, v in sizes for h in (4, 8, 12, rows) if 0 < h <= most]
    return [(h, v) for most, v in sizes for h in range(max(1, most // 2), most + 1)]


@lru_cache(maxsize=4096)
def plan(shape: Shape, cpu: Cpu, itemsize: int, free: bool) -> Plan:
    """The cheapest way found to compute a product of this shape.

    Pieces of C come as pieces of its rows, or, if `free`, of whatever lies side by side.
    """
    lanes = cpu.lanes(itemsize)
    sides = ((False, shape), (True, shape.turned()))
    plans = [
        _plan(s, turned, free, itemsize, lanes, h, v)
        for turned, s in sides
        for h, v in _candidates(cpu, s.m, turned)
    ]
    plans += [
        _dots(s, turned, free, lanes)
        for turned, s in sides
        if s.n == 1 and s.a[1] == s.b[0] == 1 and s.k >= lanes
    ]
    return min(plans, key=lambda p: p.cost)


def _dots(shape: Shape, turned: bool, free: bool, lanes: int) -> Plan:
    """One column: vectors along k, eight rows at once."""
    rows = runs(shape.m, 8)
    cost = shape.m * (shape.k / lanes * 0.55 + 8) + 20 * len(rows)
    across = turned or (free and shape.c[0] == 1)
    return Plan(shape, turned, across, rows, runs(1, 1), False, shape.k, cost, dots=True)


def _plan(
    shape: Shape, turned: bool, free: bool, itemsize: int, lanes: int, height: int, vectors: int
) -> Plan:
    rows = runs(shape.m, height)
    if turned:  # whole heights first: what is over is one narrow tile
        full, over = divmod(shape.m, height)
        parts = (Run(0, full, 0, height), Run(full, int(over > 0), full * height, over))
        rows = tuple(part for part in parts if part.count)
    panels = runs(-(-shape.n // lanes), vectors)
    far = FAR if shape.a[1] != 1 else 0.1
    near = shape.k * vectors * lanes <= NEAR
    tiles = sum(
        r.count * p.count * (_cycles(r.size, p.size) + far + (0 if near else p.size * STREAM))
        for r in rows
        for p in panels
    )
    cost = tiles * shape.k * (1 + KERNEL * len(rows) * len(panels))
    across = shape.c[1] != 1 and shape.c[0] == 1 if free else turned
    line = 0.0 if across else LINE
    cost += sum(p.count for p in panels) * (shape.m * line + sum(r.count for r in rows) * TILE)
    if shape.b[1] != 1:
        cost += shape.k * shape.n * (TURN if shape.b[0] == 1 else PICK)
    if shape.c[0 if across else 1] != 1:
        cost += shape.m * shape.n * PICK
    elif across:
        cost += shape.m * shape.n * TURN
    packed = shape.b[1] != 1 or (shape.m >= OFTEN and _far(shape, itemsize))
    depth = _depth(shape.k) if packed else shape.k
    return Plan(shape, turned, across, rows, panels, packed, depth, cost)


def _far(shape: Shape, itemsize: int) -> bool:
    row = shape.b[0] * itemsize
    period, reach = ALIKE
    return shape.k * row >= (REACH if row % period else reach)


def _depth(k: int) -> int:
    """As much of k as is packed at once; nothing small remains."""
    if k <= DEPTH:
        return k
    return next(d for d in range(DEPTH, 0, -1) if k % d == 0 or k % d >= DEPTH // 4)
