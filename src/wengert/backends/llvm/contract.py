"""A product of matrices in a list, as einsum spells it, handed to the micro-kernels."""

from typing import NamedTuple

import numpy as np

from wengert.backends.llvm.code import Module
from wengert.backends.llvm.gemm import Product, gemm
from wengert.ir.program import Equation
from wengert.ir.schedule import Call, Operand

SMALL = 2048
"""Products of fewer multiplications are loops like any other, and share them with neighbours."""


class Matrices(NamedTuple):
    """C (m, n) = A (m, k) B (k, n); which operand is A, and the axes of both."""

    first: int
    letters: tuple[str, str, str]


def matrices(eqn: Equation) -> Matrices | None:
    """How a contraction is a product of two matrices; None if it is none."""
    operands, out = eqn.params["spec"].split("->")
    x, w = operands.split(",")
    shared = [c for c in x if c in w]
    if len(x) != 2 or len(w) != 2 or len(out) != 2 or len(shared) != 1 or shared[0] in out:
        return None
    k = shared[0]
    return Matrices(0 if out[0] in x else 1, (out[0], out[1], k))


def whole(eqn: Equation) -> bool:
    """Whether a product is run by the micro-kernels."""
    if eqn.primitive.name != "contract" or matrices(eqn) is None:
        return False
    dtypes = {a.type.dtype for a in (*eqn.inputs, *eqn.outputs)}
    sizes = [n for a in eqn.inputs for n in a.type.shape]
    if len(dtypes) != 1 or dtypes.pop() not in (np.float32, np.float64) or min(sizes) < 2:
        return False
    return eqn.outputs[0].type.size * sizes[0] >= SMALL


def product(call: Call, module: Module) -> tuple[Product, tuple[Operand, Operand]]:
    """The function of a product, and its operands in order."""
    eqn = call.equation
    found = matrices(eqn)
    assert found is not None
    parts = eqn.params["spec"].split("->")[0].split(",")
    a, b = call.operands[found.first], call.operands[1 - found.first]
    left, right = parts[found.first], parts[1 - found.first]
    i, j, k = found.letters
    size = dict(zip(left + right, a.shape + b.shape, strict=True))

    def steps(o: Operand, part: str, row: str, column: str) -> tuple[int, int]:
        return o.strides[part.index(row)], o.strides[part.index(column)]

    made = gemm(
        module, eqn.outputs[0].type.dtype, size[i], size[j], size[k],
        steps(a, left, i, k), steps(b, right, k, j), (size[j], 1),
    )  # fmt: skip
    return made, (a, b)
