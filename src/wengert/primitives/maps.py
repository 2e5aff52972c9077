"""Linear maps that compute: <u, L dx> = <adjoint(u), dx>."""

from functools import lru_cache
from typing import Any

import numpy as np

from wengert.ir.families import Along, Contraction, Pointwise, Reduction
from wengert.ir.primitive import REGISTRY, linear
from wengert.primitives.views import broadcast, flip, reshape


def expand(u, shape, axes):
    """u with the axes that a reduction folded put back, and broadcast along them."""
    kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return broadcast(reshape(u, shape=kept), shape=shape)


def _convert(x, dtype):
    x = np.asarray(x)
    return (x.real if x.dtype.kind == "c" and dtype.kind != "c" else x).astype(dtype)[()]


def _unconvert(u, x, dtype):
    return convert(u, dtype=x.dtype)


def flip_cumsum(u, x, axis):
    """The adjoint of a running sum runs from the end."""
    return flip(cumsum(flip(u, axes=(axis,)), axis=axis), axes=(axis,))


def solve_spec(spec: str, operand: int) -> str:
    """The product that gives the adjoint of one operand: u takes the place of the result."""
    operands, result = spec.split("->")
    x, w = operands.split(",")
    return f"{result},{w}->{x}" if operand == 0 else f"{x},{result}->{w}"


@lru_cache(maxsize=4096)
def plan(spec: str) -> Any:
    """How NumPy computes a product: `@` on transposed operands where that says it, else einsum."""
    operands, out = spec.split("->")
    x, w = operands.split(",")
    match spec:
        case _ if x == w == "" or out == x == w:
            return np.multiply
    simple = _as_matmul(x, w, out)
    if simple is not None:
        return simple
    return _general(x, w, out)


def _as_matmul(x: str, w: str, out: str) -> Any:
    """Products of vectors and matrices, by name."""
    if len(x) > 2 or len(w) > 2 or not x or not w:
        return None
    shared = [c for c in x if c in w and c not in out]
    if len(shared) == 0 and len(x) == len(w) == 1 and out == x + w:
        return np.multiply.outer
    if len(shared) != 1 or len(out) != len(x) + len(w) - 2:
        return None
    k = shared[0]
    left = len(x) == 2 and x[1] != k  # the shared axis stands first: transpose
    right = len(w) == 2 and w[0] != k
    natural = x.replace(k, "") + w.replace(k, "")
    if out == natural:
        if not left and not right:
            return np.matmul
        if left and right:
            return lambda a, b: a.T @ b.T
        return (lambda a, b: a.T @ b) if left else (lambda a, b: a @ b.T)
    if out == natural[::-1]:
        first, second = len(w) == 2 and w[1] == k, len(x) == 2 and x[0] == k
        return lambda a, b: (b if first else b.T) @ (a if second else a.T)
    return None


def _general(x: str, w: str, out: str) -> Any:
    """Batched: transpose to (batch, m, k) @ (batch, k, n), then to the order asked for."""
    batch = [c for c in x if c in w and c in out]
    inner = [c for c in x if c in w and c not in out]
    rows = [c for c in x if c not in w]
    cols = [c for c in w if c not in x]
    left = [x.index(c) for c in (*batch, *rows, *inner)]
    right = [w.index(c) for c in (*batch, *inner, *cols)]
    order = [[*batch, *rows, *cols].index(c) for c in out]

    def product(a: Any, b: Any) -> Any:
        a, b = np.asarray(a), np.asarray(b)
        if not inner and not cols and not rows:
            return np.transpose(a.transpose(left) * b.transpose(right), order)
        size = dict(zip(x, a.shape, strict=True)) | dict(zip(w, b.shape, strict=True))
        b_, m, k, n = (_sizes(size, part) for part in (batch, rows, inner, cols))
        flat = [int(np.prod(part)) for part in (m, k, n)]
        y = a.transpose(left).reshape(*b_, flat[0], flat[1]) @ b.transpose(right).reshape(
            *b_, flat[1], flat[2]
        )
        return y.reshape((*b_, *m, *n)).transpose(order)[()]

    return product


def _sizes(size: dict[str, int], letters: list[str]) -> list[int]:
    return [size[c] for c in letters]


# fmt: off
convert = linear("convert", _convert, Pointwise(), _unconvert, notation="{}")
real = linear("real", lambda z: np.positive(np.real(z)), Pointwise(), lambda u, z: convert(u, dtype=z.dtype),       notation="Re {}")
imag = linear("imag", lambda z: np.positive(np.imag(z)), Pointwise(), lambda u, z: convert(u, dtype=z.dtype) * -1j, notation="Im {}")
conjugate = linear("conjugate", np.conjugate, Pointwise(), lambda u, z: conjugate(u),                  notation="conj {}")
sum = linear("sum", lambda x, axes: np.add.reduce(x, axis=axes), Reduction(),
    lambda u, x, axes: expand(u, x.shape, axes), notation="sum {}")
cumsum = linear("cumsum", lambda x, axis: np.add.accumulate(x, axis=axis), Along(),
    flip_cumsum, notation="cumsum {}")
contract = linear("contract", lambda x, w, spec: plan(spec)(x, w), Contraction(),
    lambda u, x, w, spec: contract(u, w, spec=solve_spec(spec, 0)),    # dQ/dX = dQ/dZ W'
    lambda u, x, w, spec: contract(x, u, spec=solve_spec(spec, 1)),    # dQ/dW = X' dQ/dZ
    each=True, notation="{} {}")
# fmt: on
REGISTRY.ufuncs[np.conjugate] = conjugate
