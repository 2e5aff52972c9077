"""Products of matrices, C = A B: shapes and strides known, all sums in registers, nothing copied
that lies well already.

The product's last act is the caller's: an `Epilogue` gets every piece of C while it is still in
registers, so that a bias and an activation, or an optimiser's step, cost no pass over memory.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.tiles import Epilogue, Writer
from wengert.backends.llvm.tiling import Shape, plan


@dataclass(frozen=True, slots=True)
class Product:
    """A function `void (A, B, C, extras ..., row, rows, panel, panels)` that computes C = A B.

    It computes the tiles of rows from `row` on, before `rows`, in the panels of columns from
    `panel` on, before `panels`: all of them are `self.rows` and `self.panels`, and threads may
    share them in any way (by panels where B is copied: each thread then copies its own).
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
    the product runs at full speed: X W, X' dZ and dZ W', with rows of C side by side; any other
    strides cost a copy. Products of one module with equal arguments are one function. C is only
    written, and not even that where the epilogue stores in its place; sums that must wait, and
    copies of B, stand in the function's frame (256 KB at most).

    >>> from wengert.backends.llvm.cpu import host
    >>> product = gemm(Module(host()), np.dtype("f4"), 32, 64, 30, (30, 1), (64, 1), (64, 1))
    >>> product.name
    '@gemm_1'
    """
    dtype = np.dtype(dtype)
    assert dtype.name in ("float32", "float64"), dtype
    shape = Shape(m, n, k, a, b, c).plain()
    made = plan(shape, module.cpu, dtype.itemsize, epilogue is None)
    key = ("gemm", dtype, shape, epilogue, accumulate)
    if key not in module.helpers:
        module.helpers[key] = Writer(module, dtype, made, epilogue, accumulate).write()
    sides = [sum(run.count for run in side) for side in (made.rows, made.panels)]
    return Product(module.helpers[key], *(sides[::-1] if made.turned else sides))
