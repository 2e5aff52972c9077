"""Products of matrices, C = A B: shapes and strides known, all sums in registers, nothing copied
that lies well already.

The product's last act is the caller's: an `Epilogue` gets every piece of C while it is still in
registers, so that a bias and an activation, or an optimiser's step, cost no pass over memory.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.lane import Lane, element, literal, vector
from wengert.backends.llvm.tiling import Plan, Run, Shape, plan
from wengert.backends.llvm.turning import first, gather, pack, shuffle, transpose, widened

Write = Callable[[Code, tuple[Value, ...], Value, Value, Lane], Lane | None]


@dataclass(frozen=True, slots=True)
class Epilogue:
    """What becomes of C[i, j], C[i, j+1], ... before they are stored.

    `write(code, extras, i, j, lane)` gives the lane that is stored, or None if it has stored all
    that there is to store. The lane has exactly the columns that exist: between one and a vector.
    `extras` are further arguments of the product's function, of LLVM's types `arguments`; equal
    `key` and `arguments` mean equal code.
    """

    key: Hashable
    write: Write = field(compare=False)
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A function `void (A, B, C, extras ..., row, rows, panel, panels)` that computes C = A B.

    It computes the tiles of rows from `row` on, before `rows`, in the panels of columns from
    `panel` on, before `panels`: all of them are `self.rows` and `self.panels`, and threads may share
    them in any way.
    """

    name: str
    rows: int
    panels: int

    def call(
        self,
        code: Code,
        *pointers: Value,
        rows: tuple[int | Value, int | Value] | None = None,
        panels: tuple[int | Value, int | Value] | None = None,
    ) -> None:
        """Write the call: pointers to A, B and C, then the epilogue's own arguments."""
        numbers = (*(rows or (0, self.rows)), *(panels or (0, self.panels)))
        words = [n.name if isinstance(n, Value) else str(n) for n in numbers]
        arguments = [*map(str, pointers), *(f"i64 {word}" for word in words)]
        code.do(f"call void {self.name}({', '.join(arguments)})")


def gemm(
    module: Module,
    dtype: np.dtype[Any],
    m: int,
    n: int,
    k: int,
    a: tuple[int, int],
    b: tuple[int, int],
    c: tuple[int, int],
    epilogue: Epilogue | None = None,
    accumulate: bool = False,
) -> Product:
    """A function for C (m, n) = A (m, k) B (k, n), or C += A B; float32 or float64.

    `a`, `b`, `c` are the strides of rows and of columns, in elements. Where each has a stride of 1
    the product runs at full speed: X W, X' dZ and dZ W' with rows of C side by side.
    """
    dtype = np.dtype(dtype)
    shape = Shape(m, n, k, a, b, c).plain()
    made = plan(shape, module.cpu, dtype.itemsize, epilogue is None)
    key = ("gemm", dtype, shape, epilogue, accumulate)
    if key not in module.helpers:
        module.helpers[key] = _Writer(module, dtype, made, epilogue, accumulate).write()
    sides = [sum(run.count for run in side) for side in (made.rows, made.panels)]
    return Product(module.helpers[key], *(sides[::-1] if made.turned else sides))


class _Writer:
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
        self.abc = tuple(Value(name, "ptr") for name in ("%A", "%B", "%C"))
        types = epilogue.arguments if epilogue else ()
        self.extras = tuple(Value(f"%x{i}", type) for i, type in enumerate(types))
        sides = tuple(Value(name, "i64") for name in ("%row", "%rows", "%panel", "%panels"))
        self.code = Code(module, module.name("gemm"), "void", *self.abc, *self.extras, *sides)
        self.sides = (sides[2:], sides[:2]) if plan.turned else (sides[:2], sides[2:])

    def write(self) -> str:
        """The whole function: panel by panel, and in each panel tile by tile."""
        width = max((run.size for run in self.plan.panels), default=0) * self.lanes
        scratch = None
        if self.plan.packed and self.shape.m and self.shape.k:
            scratch = self.code.stack(f"[{width * self.shape.k} x {self.kind}]")
        for panel, columns in self._panels():
            with self._each(panel, self.sides[1], self.lanes) as column:
                self._pack(column, columns, scratch)
                for run in self.plan.rows:
                    with self._each(run, self.sides[0], 1) as row:
                        self._tile(row, run.size, column, columns, scratch)
        return self.code.finish()

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
    def _each(self, run: Run, side: tuple[Value, ...], unit: int) -> Iterator[Value]:
        """The first row or column of each of these tiles that the caller has asked for."""
        code = self.code
        low = code.intrinsic("smax", side[0], Value(str(run.tile), "i64"))
        high = code.intrinsic("smin", side[1], Value(str(run.tile + run.count), "i64"))
        some = code.op(f"icmp slt {low}, {high.name}", "i1")
        with code.when(some), code.loop(low, high) as tile:
            past = code.op(f"mul nsw {tile}, {run.size * unit}", "i64")
            yield code.op(f"add nsw {past}, {(run.start - run.tile * run.size) * unit}", "i64")

    def _narrow(self, columns: int) -> int:
        """The lanes of a vector; fewer than a register has where few columns are all there is."""
        return min(self.lanes, 1 << (columns - 1).bit_length())

    def _offset(self, base: Value, *terms: tuple[Value, int]) -> Value:
        """The address of element i s + j t + ..."""
        code = self.code
        for index, stride in terms:
            base = code.at(base, code.op(f"mul nsw {index}, {stride}", "i64"), self.kind)
        return base

    def _pack(self, column: Value, columns: int, scratch: Value | None) -> None:
        if scratch is not None:
            b = self._offset(self.abc[0 if self.plan.turned else 1], (column, self.shape.b[1]))
            lanes = self._narrow(columns)
            pack(self.code, b, scratch, self.dtype, self.shape.k, columns, self.shape.b, lanes)

    def _tile(
        self, row: Value, height: int, column: Value, columns: int, scratch: Value | None
    ) -> None:
        """height rows of C' or C, all their sums at once, and what becomes of them."""
        lanes = self._narrow(columns)
        widths = [min(lanes, columns - at) for at in range(0, columns, lanes)]
        a, b = self.abc[:2][:: -1 if self.plan.turned else 1]
        a = self._offset(a, (row, self.shape.a[0]))
        if scratch is None:
            b = self._offset(b, (column, 1))
            sums = self._sums(a, height, b, self.shape.b[0], widths, lanes)
        else:
            full = [lanes] * len(widths)
            sums = self._sums(a, height, scratch, len(full) * lanes, full, lanes)
        for v, valid in enumerate(widths):
            vectors = [line[v] for line in sums]
            at = self._plus(column, v * lanes)
            if self.plan.across:
                for q, vector in enumerate(transpose(self.code, vectors, self.dtype)[:valid]):
                    self._put(row, self._plus(at, q), vector, height)
            else:
                for r, vector in enumerate(vectors):
                    self._put(self._plus(row, r), at, vector, valid)

    def _plus(self, base: Value, more: int) -> Value:
        return self.code.op(f"add nsw {base}, {more}", "i64") if more else base

    def _sums(
        self, a: Value, height: int, b: Value, step: int, widths: list[int], lanes: int
    ) -> list[list[Value]]:
        """sum_p a[r, p] b[p, v] for each row r and vector v."""
        code, size = self.code, self.dtype.itemsize
        type, (down, along) = vector(self.kind, lanes), self.shape.a
        zero = literal(0, self.dtype, lanes)
        sums = [zero] * (height * len(widths))
        if self.shape.k:
            with code.carried(0, self.shape.k, 1, (a, b, *sums)) as (_, now, sums):
                sources = []
                for v, width in enumerate(widths):
                    address = code.at(now[1], v * lanes, self.kind)
                    part = code.load(address, vector(self.kind, width), size)
                    sources.append(widened(code, part, lanes) if width < lanes else part)
                for r in range(height):
                    scalar = code.load(code.at(now[0], r * down, self.kind), self.kind, size)
                    many = splat(code, scalar, lanes)
                    for v, source in enumerate(sources):
                        q = 2 + r * len(widths) + v
                        sums[q] = self._fma(many, source, now[q])
                sums[0] = code.at(now[0], along, self.kind)
                sums[1] = code.at(now[1], step, self.kind)
            sums = sums[2:]
        assert all(value.type == type for value in sums)
        return [sums[r * len(widths) :][: len(widths)] for r in range(height)]

    def _fma(self, x: Value, y: Value, z: Value) -> Value:
        return self.code.intrinsic("fma" if self.code.cpu.fma else "fmuladd", x, y, z)

    def _put(self, row: Value, column: Value, value: Value, lanes: int) -> None:
        """Finish and store `lanes` numbers of C from [row, column] on, or of C' if turned."""
        code, kind = self.code, self.kind
        lane = Lane(code, first(code, value, lanes), self.dtype, lanes)
        stride = self.shape.c[0 if self.plan.across else 1]
        target = self._offset(self.abc[2], (row, self.shape.c[0]), (column, self.shape.c[1]))
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


def splat(code: Code, scalar: Value, lanes: int) -> Value:
    """A number in every lane."""
    if lanes == 1:
        return scalar
    type = vector(scalar.type, lanes)
    one = code.op(f"insertelement {type} poison, {scalar}, i64 0", type)
    return shuffle(code, one, one, [0] * lanes)
