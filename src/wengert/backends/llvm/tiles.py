"""The function of one product: tiles of sums in registers, and what becomes of them."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.lane import Lane, element, literal, vector
from wengert.backends.llvm.tiling import Plan, Run
from wengert.backends.llvm.turning import (
    first,
    gather,
    pack,
    shuffle,
    splat,
    transpose,
    widened,
)

Write = Callable[[Code, tuple[Value, ...], Value, Value, Lane], Lane | None]


@dataclass(frozen=True, slots=True)
class Epilogue:
    """What becomes of C[i, j], C[i, j+1], ... before they are stored.

    `write(code, extras, i, j, lane)` gives the lane that is stored, or None if it has stored all
    that there is to store. The lane has exactly the columns that exist: between one and a vector.
    `extras` are further arguments of the product's function, of LLVM's types `arguments`; equal
    `key` and `arguments` mean equal code. A long formula is `rolled`: written once for each of a
    tile's vectors of columns, and run in a loop over its rows.
    """

    key: Hashable
    write: Write = field(compare=False)
    arguments: tuple[str, ...] = ()
    rolled: bool = False


CHAINS = 8  # sums that keep a processor busy: two multiplications a cycle, four until one is done


class Part(NamedTuple):
    """The part of k that is summed now, and where sums wait between the parts."""

    depth: int | Value
    begins: Value | None = None
    ends: Value | None = None
    sums: Value | None = None


class Strip(NamedTuple):
    """Some columns of C, or of C' if the product is turned: a panel's."""

    at: Value
    columns: int
    lanes: int

    @property
    def widths(self) -> list[int]:
        """How many columns there are for each of the vectors."""
        return [min(self.lanes, self.columns - j) for j in range(0, self.columns, self.lanes)]


class Writer:
    """Writes one product's function."""

    def __init__(
        self,
        module: Module,
        dtype: np.dtype[Any],
        plan: Plan,
        epilogue: Epilogue | None,
        accumulate: bool,
    ) -> None:
        self.plan, self.shape, self.dtype = plan, plan.shape, dtype
        self.kind, self.lanes = element(dtype), module.cpu.lanes(dtype.itemsize)
        self.epilogue, self.accumulate = epilogue, accumulate
        abc = tuple(Value(name, "ptr") for name in ("%A", "%B", "%C"))
        types = epilogue.arguments if epilogue else ()
        self.extras = tuple(Value(f"%x{i}", type) for i, type in enumerate(types))
        sides = tuple(Value(name, "i64") for name in ("%row", "%rows", "%panel", "%panels"))
        self.code = Code(module, module.name("gemm"), "void", *abc, *self.extras, *sides)
        self.sides = (sides[2:], sides[:2]) if plan.turned else (sides[:2], sides[2:])
        self.a, self.b = (abc[1], abc[0]) if plan.turned else (abc[0], abc[1])
        self.c = abc[2]
        self.scratch = self.partial = self.waiting = Value("null", "ptr")

    def write(self) -> str:
        """The whole function: panel by panel, and in each panel tile by tile."""
        plan, code, tiles = self.plan, self.code, self.sides[0]
        if self.epilogue is not None and self.epilogue.rolled:
            self.waiting = code.stack(f"[{plan.sums * self.lanes} x {self.kind}]")
        if plan.packed:
            self.scratch = code.stack(f"[{plan.width * self.lanes * plan.depth} x {self.kind}]")
        chunk = 1 if self._streams() else 0 if plan.whole else plan.chunk
        if not plan.whole:
            self.partial = code.stack(f"[{chunk * plan.sums * self.lanes} x {self.kind}]")
        if not chunk:
            self._chunk(tiles)
            return code.finish()
        some = code.op(f"icmp slt {tiles[0]}, {tiles[1].name}", "i1")
        with code.when(some), code.loop(tiles[0], tiles[1], chunk) as low:
            self._chunk((low, code.intrinsic("smin", self._plus(low, chunk), tiles[1])))
        return code.finish()

    def _streams(self) -> bool:
        """Whether C's rows are finished one tile after another, as all that lies beside C does.

        What an epilogue reads and writes is then met side by side, not a panel's width at a time.
        """
        plan = self.plan
        return self.epilogue is not None and plan.whole and not (plan.packed or plan.turned)

    def _chunk(self, tiles: tuple[Value, ...]) -> None:
        """All panels, for as many tiles of rows as there is room to keep sums of."""
        for run, columns in self._panels():
            with self._each(run, self.sides[1], self.lanes) as (_, column):
                lanes = min(self.lanes, 1 << (columns - 1).bit_length())
                strip = Strip(column, columns, lanes)
                if self.plan.whole:
                    self._panel(tiles, strip, self.a, self.b, Part(self.shape.k))
                    continue
                with self.code.loop(0, self.shape.k, self.plan.depth) as p:
                    a = self._offset(self.a, (p, self.shape.a[1]))
                    b = self._offset(self.b, (p, self.shape.b[0]))
                    self._panel(tiles, strip, a, b, self._part(p))

    def _part(self, start: Value) -> Part:
        code, depth = self.code, self.plan.depth
        left = code.op(f"sub nsw i64 {self.shape.k}, {start.name}", "i64")
        many = code.intrinsic("smin", left, Value(str(depth), "i64"))
        begins = code.op(f"icmp eq {start}, 0", "i1")
        return Part(many, begins, code.op(f"icmp sle {left}, {depth}", "i1"))

    def _panel(
        self, tiles: tuple[Value, ...], strip: Strip, a: Value, b: Value, part: Part
    ) -> None:
        """The tiles of one panel, for a part of k."""
        code, shape = self.code, self.shape
        b, step, widths = self._offset(b, (strip.at, shape.b[1])), shape.b[0], strip.widths
        if self.plan.packed and shape.k:
            pack(code, b, self.scratch, self.dtype, part.depth, strip.columns, shape.b, strip.lanes)
            b, step, widths = self.scratch, len(widths) * strip.lanes, [strip.lanes] * len(widths)
        for run in self.plan.rows:
            with self._each(run, tiles, 1) as (tile, row):
                if part.begins is not None:
                    place = code.op(f"sub nsw {tile}, {tiles[0].name}", "i64")
                    stride = self.plan.sums * self.lanes
                    part = part._replace(sums=self._offset(self.partial, (place, stride)))
                line = self._offset(a, (row, shape.a[0]))
                if self.plan.dots:
                    self._hand(row, strip.at, self._dots(line, run.size, b), run.size)
                    continue
                sums = self._sums(part, strip.lanes, line, run.size, b, step, widths)
                if part.ends is None:
                    self._finish(row, run.size, strip, sums)
                    continue
                for q, value in enumerate(sums):
                    place = code.at(part.sums or b, q * strip.lanes, self.kind)
                    code.store(value, place, self.dtype.itemsize)
                with code.when(part.ends):
                    self._finish(row, run.size, strip, sums)

    def _panels(self) -> list[tuple[Run, int]]:
        """Panels and how many columns each has; the last panel may have fewer than its vectors."""
        panels = [(run, run.size * self.lanes) for run in self.plan.panels]
        over = -self.shape.n % self.lanes
        if not over:
            return panels
        run, columns = panels.pop()
        if run.count > 1:
            panels.append((replace(run, count=run.count - 1), columns))
        tile, start = run.tile + run.count - 1, run.start + (run.count - 1) * run.size
        return [*panels, (Run(tile, 1, start, run.size), columns - over)]

    @contextmanager
    def _each(self, run: Run, side: tuple[Value, ...], unit: int) -> Iterator[tuple[Value, Value]]:
        """Each of these tiles that the caller has asked for, and its first row or column."""
        code = self.code
        low = code.intrinsic("smax", side[0], Value(str(run.tile), "i64"))
        high = code.intrinsic("smin", side[1], Value(str(run.tile + run.count), "i64"))
        some = code.op(f"icmp slt {low}, {high.name}", "i1")
        with code.when(some), code.loop(low, high) as tile:
            past = code.op(f"mul nsw {tile}, {run.size * unit}", "i64")
            yield tile, self._plus(past, (run.start - run.tile * run.size) * unit)

    def _offset(self, base: Value, *terms: tuple[Value, int]) -> Value:
        """The address of element i s + j t + ..."""
        code = self.code
        for index, stride in terms:
            base = code.at(base, code.op(f"mul nsw {index}, {stride}", "i64"), self.kind)
        return base

    def _plus(self, base: Value, more: int) -> Value:
        return self.code.op(f"add nsw {base}, {more}", "i64") if more else base

    def _sums(
        self, part: Part, lanes: int, a: Value, height: int, b: Value, step: int, widths: list[int]
    ) -> list[Value]:
        """sum_p a[r, p] b[p, v] for each row r and vector v, row after row.

        Few sums would wait for one another: then each is made of several, of every other p.
        """
        code, k, along = self.code, self.shape.k, self.shape.a[1]
        zero, count = literal(0, self.dtype, lanes), height * len(widths)
        chains = min(k, -(-CHAINS // count)) if self.plan.whole and k else 1
        start = [zero] * (count * chains)
        if part.begins is not None:
            start = self._waiting(part, count, zero)
        if not k:
            return start

        def add(u: int, pointers: list[Value], sums: list[Value]) -> None:
            left, right = (
                code.at(pointers[0], u * along, self.kind),
                code.at(pointers[1], u * step, self.kind),
            )
            self._step(left, right, widths, lanes, height, sums)

        depth = k // chains * chains if self.plan.whole else part.depth
        with code.carried(0, depth, chains, (a, b, *start)) as (_, now, later):
            for u in range(chains):
                sums = now[2 + u * count :][:count]
                add(u, now, sums)
                later[2 + u * count : 2 + (u + 1) * count] = sums
            later[0] = code.at(now[0], chains * along, self.kind)
            later[1] = code.at(now[1], chains * step, self.kind)
        for u in range(k % chains):
            sums = later[2 + u * count :][:count]
            add(u, later, sums)
            later[2 + u * count : 2 + (u + 1) * count] = sums
        return [self._add(later[2 + q :: count]) for q in range(count)]

    def _waiting(self, part: Part, count: int, zero: Value) -> list[Value]:
        """The sums of the parts before this one."""
        code, lanes = self.code, int(zero.type[1:].split(" ")[0]) if zero.type[0] == "<" else 1
        assert part.begins is not None
        assert part.sums is not None
        places = [code.at(part.sums, q * lanes, self.kind) for q in range(count)]
        before = [code.load(place, zero.type, self.dtype.itemsize) for place in places]
        return [code.op(f"select {part.begins}, {zero}, {w}", w.type) for w in before]

    def _step(
        self, a: Value, b: Value, widths: list[int], lanes: int, height: int, sums: list[Value]
    ) -> None:
        """sums += a[r] b[v] at one p."""
        code, size, down = self.code, self.dtype.itemsize, self.shape.a[0]
        sources = []
        for v, width in enumerate(widths):
            source = code.load(code.at(b, v * lanes, self.kind), vector(self.kind, width), size)
            sources.append(widened(code, source, lanes) if width < lanes else source)
        for r in range(height):
            scalar = code.load(code.at(a, r * down, self.kind), self.kind, size)
            many = splat(code, scalar, lanes)
            for v, source in enumerate(sources):
                q = r * len(widths) + v
                sums[q] = self._fma(many, source, sums[q])

    def _add(self, terms: list[Value]) -> Value:
        """Their sum, by halves."""
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            sums = [self.code.op(f"fadd {x}, {y.name}", x.type) for x, y in pairs]
            terms = sums + terms[len(terms) // 2 * 2 :]
        return terms[0]

    def _dots(self, a: Value, height: int, b: Value) -> Value:
        """sum_p a[r, p] b[p] for each row r, side by side; vectors run along p."""
        code, lanes, k = self.code, self.lanes, self.shape.k
        zero, chains = literal(0, self.dtype, lanes), max(1, CHAINS // height)
        sums = [zero] * (height * chains)

        def add(u: int, width: int, a: Value, b: Value) -> None:
            source = self._padded(code.at(b, u * lanes, self.kind), width)
            for r in range(height):
                at = code.at(a, r * self.shape.a[0] + u * lanes, self.kind)
                q = u * height + r
                sums[q] = self._fma(self._padded(at, width), source, sums[q])

        done = k // (lanes * chains) * lanes * chains
        if done:
            with code.carried(0, done, lanes * chains, tuple(sums)) as (p, now, later):
                sums = list(now)
                for u in range(chains):
                    add(u, lanes, code.at(a, p, self.kind), code.at(b, p, self.kind))
                later[:] = sums
            sums = later
        ends = code.at(a, done, self.kind), code.at(b, done, self.kind)
        for u, left in enumerate(range(k - done, 0, -lanes)):
            add(u, min(left, lanes), *ends)
        rows = [self._folded(self._add(sums[r::height])) for r in range(height)]
        return self._add(transpose(code, rows, self.dtype))

    def _padded(self, address: Value, width: int) -> Value:
        """So many numbers from memory, and zeros after them."""
        value = self.code.load(address, vector(self.kind, width), self.dtype.itemsize)
        if width == self.lanes:
            return value
        if width == 1:
            zero = literal(0, self.dtype, self.lanes)
            return self.code.op(f"insertelement {zero}, {value}, i64 0", zero.type)
        zero = literal(0, self.dtype, width)
        return shuffle(self.code, value, zero, [*range(width), *[width] * (self.lanes - width)])

    def _folded(self, x: Value) -> Value:
        """A vector of 128 bits with the same sum."""
        lanes = self.lanes
        while lanes * self.dtype.itemsize > 16:
            lanes //= 2
            halves = [shuffle(self.code, x, x, list(range(s, s + lanes))) for s in (0, lanes)]
            x = self._add(halves)
        return x

    def _fma(self, x: Value, y: Value, z: Value) -> Value:
        return self.code.intrinsic("fma" if self.code.cpu.fma else "fmuladd", x, y, z)

    def _finish(self, row: Value, height: int, strip: Strip, sums: list[Value]) -> None:
        """Hand a tile over, piece by piece: the pieces lie side by side in C."""
        widths = strip.widths
        lines = [sums[r * len(widths) :][: len(widths)] for r in range(height)]
        if self.plan.across:
            turned = [
                column
                for v, valid in enumerate(widths)
                for column in transpose(self.code, [line[v] for line in lines], self.dtype)[:valid]
            ]
            for q, line in self._lines([[column] for column in turned], [height]):
                self._put(row, self._sum(strip.at, q), line[0], height)
            return
        for r, line in self._lines(lines, widths):
            for v, valid in enumerate(widths):
                at = self._plus(strip.at, v * strip.lanes)
                self._put(self._sum(row, r), at, line[v], valid)

    def _hand(self, row: Value, column: Value, sums: Value, height: int) -> None:
        """Hand a column's sums over: at once, if C's rows lie side by side."""
        if self.plan.across or height == 1:
            self._put(row, column, sums, height)
            return
        for r in range(height):
            one = self.code.op(f"extractelement {sums}, i64 {r}", self.kind)
            self._put(self._plus(row, r), column, one, 1)

    def _lines(
        self, lines: list[list[Value]], widths: list[int]
    ) -> Iterator[tuple[int | Value, list[Value]]]:
        """Each line and its number; from memory, and all of them in one loop, if rolled."""
        code = self.code
        if self.epilogue is None or not self.epilogue.rolled or len(lines) == 1:
            yield from enumerate(lines)
            return
        size, lanes = self.dtype.itemsize, max(widths)
        stride = len(widths) * lanes
        for r, line in enumerate(lines):
            for v, value in enumerate(line):
                place = code.at(self.waiting, r * stride + v * lanes, self.kind)
                code.store(first(code, value, widths[v]), place, size)
        with code.loop(0, len(lines)) as i:
            start = self._offset(self.waiting, (i, stride))
            places = [code.at(start, v * lanes, self.kind) for v in range(len(widths))]
            pairs = zip(places, widths, strict=True)
            yield i, [code.load(place, vector(self.kind, w), size) for place, w in pairs]

    def _sum(self, base: Value, more: int | Value) -> Value:
        if isinstance(more, int):
            return self._plus(base, more)
        return self.code.op(f"add nsw {base}, {more.name}", "i64")

    def _put(self, row: Value, column: Value, value: Value, lanes: int) -> None:
        """Finish and store `lanes` numbers of C from [row, column] on, or of C' if turned."""
        code, kind = self.code, self.kind
        lane = Lane(code, first(code, value, lanes), self.dtype, lanes)
        stride = self.shape.c[0 if self.plan.across else 1]
        target = self._offset(self.c, (row, self.shape.c[0]), (column, self.shape.c[1]))
        if self.accumulate:
            lane = lane.like(self._fetch(target, lanes, stride)) + lane
        if self.epilogue is not None:
            i, j = (column, row) if self.plan.turned else (row, column)
            done = self.epilogue.write(code, self.extras, i, j, lane)
            if done is None:
                return
            lane = done
        if lanes == 1 or stride == 1:
            code.store(lane.value, target, self.dtype.itemsize)
            return
        for q in range(lanes):
            number = code.op(f"extractelement {lane.value}, i64 {q}", kind)
            code.store(number, code.at(target, q * stride, kind), self.dtype.itemsize)

    def _fetch(self, source: Value, lanes: int, stride: int) -> Value:
        """`lanes` numbers of C as they stand."""
        code, size = self.code, self.dtype.itemsize
        if lanes == 1 or stride == 1:
            return code.load(source, vector(self.kind, lanes), size)
        each = [code.at(source, q * stride, self.kind) for q in range(lanes)]
        return gather(code, [code.load(address, self.kind, size) for address in each])
