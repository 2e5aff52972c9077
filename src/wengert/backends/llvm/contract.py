"""A contraction in a list, as einsum spells it, handed to the micro-kernels.

The letters of a spec fall into four classes, by where they stand:

    batch   x, w and the result        rows     x and the result
    folded  x and w                    columns  w and the result

    Aik,kj->Aij    rows A and i, which lie side by side: one product of (A i) x k x j
    Aik,Aij->kj    folded A and i: one product
    Aik,Ajk->Aij   a loop over A, a product in each round

Letters of a class whose steps chain in every operand are one axis. The longest axis of a class is
the product's, the others are loops around it: over folded ones it adds to what stands there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from wengert.backends.llvm.code import Code, Module, Value, word
from wengert.backends.llvm.gemm import Product, gemm
from wengert.backends.llvm.lane import element
from wengert.backends.llvm.native import rowwise
from wengert.backends.llvm.tiles import Epilogue
from wengert.ir.program import Equation
from wengert.ir.schedule import Call, Operand

SMALL = 2048
"""Products of fewer multiplications are loops like any other, and share them with neighbours."""
ROUND = 256
"""So many multiplications are worth a call of the kernel in each round of a loop."""


class Axis(NamedTuple):
    """An axis of a contraction: its length, and its steps in both operands and in the result."""

    size: int
    x: int
    w: int
    out: int

    @property
    def steps(self) -> tuple[int, int, int]:
        return (self.x, self.w, self.out)


ALONE = Axis(1, 0, 0, 0)


class Classes(NamedTuple):
    """The letters of a spec, by where they stand."""

    batch: str
    rows: str
    columns: str
    folded: str


def classes(spec: str) -> Classes | None:
    """The classes of a spec's letters; None if one stands in one operand alone, or twice."""
    operands, out = spec.split("->")
    x, w = operands.split(",")
    if any(len(set(part)) < len(part) for part in (x, w, out)):
        return None
    if set(x) ^ set(w) != (set(x) ^ set(w)) & set(out):
        return None
    shared = [c for c in x if c in w]
    return Classes(
        "".join(c for c in out if c in shared),
        "".join(c for c in out if c not in w),
        "".join(c for c in out if c not in x),
        "".join(c for c in shared if c not in out),
    )


def whole(eqn: Equation) -> bool:
    """Whether a contraction is run by the micro-kernels.

    Sums along a single axis and outer products are not: loops do them as fast as memory allows.
    """
    found = classes(eqn.params["spec"]) if eqn.primitive.name == "contract" else None
    if found is None:
        return False
    dtypes = {a.type.dtype for a in (*eqn.inputs, *eqn.outputs)}
    if len(dtypes) != 1 or dtypes.pop() not in (np.float32, np.float64):
        return False
    size = sizes(eqn)
    batch, m, n, k = (prod([size[c] for c in part]) for part in found)
    if k < 2 or m * n < 2 or batch * m * n * k < SMALL:
        return False
    out = eqn.outputs[0].type.shape
    beside = bool(found.batch) and eqn.params["spec"].endswith(found.batch[-1]) and out[-1] >= 8
    return batch == 1 or m * n * k >= (16 * ROUND if beside else ROUND)


def sizes(eqn: Equation) -> dict[str, int]:
    """How long the axis of each letter is."""
    size: dict[str, int] = {}
    for part, a in zip(eqn.params["spec"].split("->")[0].split(","), eqn.inputs, strict=True):
        size.update(zip(part, a.type.shape, strict=True))
    return size


def merged(axes: list[Axis]) -> list[Axis]:
    """Neighbours whose steps chain everywhere are one axis; axes of one entry are none.

    >>> merged([Axis(3, 20, 0, 8), Axis(5, 4, 0, 4), Axis(1, 9, 9, 9)])
    [Axis(size=3, x=20, w=0, out=8), Axis(size=5, x=4, w=0, out=4)]
    >>> merged([Axis(3, 20, 0, 20), Axis(5, 4, 0, 4)])
    [Axis(size=15, x=4, w=0, out=4)]
    """
    found: list[Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        chained = found and all(
            outer == inner * axis.size
            for outer, inner in zip(found[-1].steps, axis.steps, strict=True)
        )
        if chained:
            axis = Axis(found.pop().size * axis.size, *axis.steps)
        found.append(axis)
    return found


@dataclass(frozen=True, slots=True)
class Contraction:
    """How a contraction is computed: in pieces, of which any range may be computed alone.

    However it is cut, each number is computed alike.
    """

    product: Product
    name: str = ""
    """The function of the loops around the product; "" if there are none."""
    rounds: int = 1

    def shared(self, balance: Callable[[int], float]) -> tuple[int, str]:
        """How many pieces there are, and of what: the kind of which this is greatest."""
        if self.name:
            return self.rounds, "rounds"
        sides = {"rows": self.product.rows, "panels": self.product.panels}
        by = max(sides, key=lambda side: balance(sides[side]))
        return sides[by], by

    def call(
        self, code: Code, *pointers: Value, pieces: tuple[int | Value, int | Value], by: str
    ) -> None:
        """Write the call for some of the pieces: pointers to the product's A, B, and the result."""
        if by != "rounds":
            self.product.call(code, *pointers, **{by: pieces})
            return
        arguments = [*map(str, pointers), *(f"i64 {word(n)}" for n in pieces)]
        code.do(f"call void {self.name}({', '.join(arguments)})")


def contraction(
    call: Call, module: Module, epilogue: Epilogue | None = None
) -> tuple[Contraction, tuple[Operand, Operand]]:
    """How a call is computed, and its operands in order; a product alone may have an epilogue."""
    eqn = call.equation
    x, w = call.operands
    operands, out = eqn.params["spec"].split("->")
    if _turned(eqn.params["spec"]):
        x, w = w, x
        operands = ",".join(operands.split(",")[::-1])
    found = classes(f"{operands}->{out}")
    assert found is not None
    parts = operands.split(",")
    steps = [
        dict(zip(part, strides, strict=True))
        for part, strides in zip(
            (*parts, out),
            (x.strides, w.strides, rowwise(eqn.outputs[0].type.shape)),
            strict=True,
        )
    ]
    size = sizes(eqn)
    batch, rows, columns, folded = (
        merged([Axis(size[c], *[step.get(c, 0) for step in steps]) for c in part]) for part in found
    )
    dtype = eqn.outputs[0].type.dtype
    return _write(module, dtype, batch, rows, columns, folded, epilogue), (x, w)


def _turned(spec: str) -> bool:
    """Whether the second operand has the rows: the last axis of a product is a column's."""
    found = classes(spec)
    assert found is not None
    ends = [spec.rfind(part[-1]) if part else -1 for part in (found.rows, found.columns)]
    return ends[0] > ends[1]


def _write(
    module: Module, dtype: np.dtype[Any], batch: list[Axis], rows: list[Axis],
    columns: list[Axis], folded: list[Axis], epilogue: Epilogue | None,
) -> Contraction:  # fmt: skip
    """The product of the longest axes, and loops over the others."""
    m, n, k = (max(axes, key=lambda a: a.size, default=ALONE) for axes in (rows, columns, folded))
    request = (
        dtype, m.size, n.size, k.size, (m.x, k.x), (k.w, n.w), (m.out, n.out)
    )  # fmt: skip
    first = gemm(module, *request, epilogue)
    outer = [*batch, *[a for a in rows if a is not m], *[a for a in columns if a is not n]]
    inner = [a for a in folded if a is not k]
    if not outer and not inner:
        return Contraction(first)
    assert epilogue is None
    key = ("contraction", request, tuple(outer), tuple(inner))
    if key not in module.helpers:
        more = gemm(module, *request, accumulate=True) if inner else first
        module.helpers[key] = _loops(module, dtype, outer, inner, first, more)
    return Contraction(first, module.helpers[key], prod([a.size for a in outer]))


def _loops(
    module: Module, dtype: np.dtype[Any], outer: list[Axis], inner: list[Axis], first: Product,
    more: Product,
) -> str:  # fmt: skip
    """The function of some rounds of the outer loops; each adds over all of the inner ones."""
    pointers = tuple(Value(name, "ptr") for name in ("%A", "%B", "%C"))
    low, high = Value("%low", "i64"), Value("%high", "i64")
    code = Code(module, module.name("contract"), "void", *pointers, low, high)
    kind = element(dtype)
    some = code.op(f"icmp slt {low}, {high.name}", "i1")
    with code.when(some), code.loop(low, high) as p:
        mine = _moved(code, kind, pointers, outer, p)
        first.call(code, *mine)
        if inner:
            with code.loop(1, prod([a.size for a in inner])) as q:
                more.call(code, *_moved(code, kind, mine, inner, q))
    return code.finish()


def _moved(
    code: Code, kind: str, pointers: tuple[Value, ...], axes: list[Axis], at: Value
) -> tuple[Value, ...]:
    """The pointers in round `at` of loops over these axes, the last of them innermost."""
    for t, axis in reversed(list(enumerate(axes))):
        index = at
        if t:
            index = code.op(f"urem i64 {at.name}, {axis.size}", "i64")
            at = code.op(f"udiv i64 {at.name}, {axis.size}", "i64")
        pointers = tuple(
            code.at(p, code.op(f"mul nsw {index}, {step}", "i64"), kind) if step else p
            for p, step in zip(pointers, axis.steps, strict=True)
        )
    return pointers
