"""Rows become columns in registers, and columns that lie far apart are laid side by side."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.lane import element, vector


def shuffle(code: Code, x: Value, y: Value, picks: list[int]) -> Value:
    """The numbers of x and y, counted through, in this order."""
    kind = x.type[1:-1].split(" x ")[1]
    words = ", ".join(f"i32 {p}" if p >= 0 else "i32 poison" for p in picks)
    mask = f"<{len(picks)} x i32> <{words}>"
    return code.op(f"shufflevector {x}, {y}, {mask}", f"<{len(picks)} x {kind}>")


def splat(code: Code, scalar: Value, lanes: int) -> Value:
    """A number in every lane."""
    if lanes == 1:
        return scalar
    type = vector(scalar.type, lanes)
    one = code.op(f"insertelement {type} poison, {scalar}, i64 0", type)
    return shuffle(code, one, one, [0] * lanes)


def first(code: Code, x: Value, lanes: int) -> Value:
    """The first so many numbers of a vector; one of them is no vector."""
    count, kind = x.type[1:-1].split(" x ") if x.type.startswith("<") else ("1", x.type)
    if lanes == int(count):
        return x
    if lanes == 1:
        return code.op(f"extractelement {x}, i64 0", kind)
    return shuffle(code, x, x, list(range(lanes)))


def widened(code: Code, x: Value, lanes: int) -> Value:
    """A vector with lanes after its own, whose numbers nobody may ask for."""
    if not x.type.startswith("<"):
        type = f"<{lanes} x {x.type}>"
        return code.op(f"insertelement {type} poison, {x}, i64 0", type)
    count = int(x.type[1:-1].split(" x ")[0])
    return x if count == lanes else shuffle(code, x, x, [*range(count), *[-1] * (lanes - count)])


def transpose(code: Code, rows: list[Value], dtype: np.dtype[Any]) -> list[Value]:
    """R vectors of L numbers become L vectors of R.

    Pairs are woven within pieces of 128 bits, which costs a processor least, then the pieces are
    joined.
    """
    if not rows[0].type.startswith("<"):
        return [gather(code, rows)]
    lanes, height = int(rows[0].type[1:-1].split(" x ")[0]), len(rows)
    piece = min(16 // dtype.itemsize, lanes)
    rows = rows + [rows[-1]] * (-height % piece)
    groups = [_weave(code, rows[g : g + piece], lanes, piece) for g in range(0, len(rows), piece)]
    columns = []
    for column in range(lanes):
        at = column - column % piece
        parts = [group[column % piece] for group in groups]
        columns.append(first(code, _join(code, parts, at, piece), height))
    return columns


def gather(code: Code, rows: list[Value]) -> Value:
    """Numbers side by side in one register."""
    if len(rows) == 1:
        return rows[0]
    gathered = Value("poison", vector(rows[0].type, len(rows)))
    for i, row in enumerate(rows):
        gathered = code.op(f"insertelement {gathered}, {row}, i64 {i}", gathered.type)
    return gathered


def _weave(code: Code, rows: list[Value], lanes: int, piece: int) -> list[Value]:
    """Vector q holds, in the piece that begins at c, column c + q of these rows."""
    if piece == 1:
        return rows
    if piece == 2:
        return _zip(code, rows[0], rows[1], lanes, 2, 1)
    upper = _zip(code, rows[0], rows[1], lanes, 4, 1)
    lower = _zip(code, rows[2], rows[3], lanes, 4, 1)
    return [z for u, l in zip(upper, lower, strict=True) for z in _zip(code, u, l, lanes, 4, 2)]


def _zip(code: Code, x: Value, y: Value, lanes: int, piece: int, width: int) -> list[Value]:
    """In each piece: the low halves of x and y by turns, `width` numbers at once; then the high."""
    halves = []
    for start in (0, piece // 2):
        picks = [
            from_ + at + start + q + w
            for at in range(0, lanes, piece)
            for q in range(0, piece // 2, width)
            for from_ in (0, lanes)
            for w in range(width)
        ]
        halves.append(shuffle(code, x, y, picks))
    return halves


def _join(code: Code, parts: list[Value], at: int, piece: int) -> Value:
    """The pieces that begin at `at`, of all parts, one after the other."""
    lanes = int(parts[0].type[1:-1].split(" x ")[0])
    if len(parts) == 1:
        if lanes == piece:
            return parts[0]
        return shuffle(code, parts[0], parts[0], list(range(at, at + piece)))
    if len(parts) == 2:
        starts = (at, lanes + at)
        return shuffle(code, parts[0], parts[1], [s + q for s in starts for q in range(piece)])
    half = 1 << (len(parts) - 1).bit_length() - 1
    x, y = (_join(code, part, at, piece) for part in (parts[:half], parts[half:]))
    left, right = (int(v.type[1:-1].split(" x ")[0]) for v in (x, y))
    return shuffle(code, x, widened(code, y, left), list(range(left + right)))


def pack(
    code: Code,
    source: Value,
    target: Value,
    dtype: np.dtype[Any],
    k: int | Value,
    columns: int,
    strides: tuple[int, int],
    lanes: int,
) -> None:
    """target[p, j] = source[p, j] for p < k, j < columns; a k that is a Value is at least `lanes`.

    The target's rows are a multiple of `lanes` long; past the columns they hold copies of the last.
    """
    width = -(-columns // lanes) * lanes
    kind, size = element(dtype), dtype.itemsize

    def locate(p: Value, j: Value) -> Value:
        if width != columns and strides[1] != 1:
            j = code.intrinsic("smin", j, Value(str(columns - 1), "i64"))
        down = code.op(f"mul nsw i64 {p.name}, {strides[0]}", "i64")
        across = code.op(f"mul nsw i64 {j.name}, {strides[1]}", "i64")
        return code.at(source, code.op(f"add nsw i64 {down.name}, {across.name}", "i64"), kind)

    def place(p: Value, j: Value) -> Value:
        row = code.op(f"mul nsw i64 {p.name}, {width}", "i64")
        return code.at(target, code.op(f"add nsw i64 {row.name}, {j.name}", "i64"), kind)

    if strides[1] == 1:
        _copy(code, k, columns, lanes, kind, locate, place)
    elif strides[0] == 1 and lanes > 1 and k != 1:
        _turn(code, k, width, lanes, dtype, locate, place)
    else:
        with code.loop(0, k) as p, code.loop(0, width) as j:
            code.store(code.load(locate(p, j), kind, size), place(p, j), size)


Locate = Callable[[Value, Value], Value]


def _copy(
    code: Code, k: int | Value, columns: int, lanes: int, kind: str, locate: Locate, place: Locate
) -> None:
    with code.loop(0, k) as p:
        source, target = (f(p, Value("0", "i64")) for f in (locate, place))
        for j in range(0, columns, lanes):
            type = vector(kind, min(lanes, columns - j))
            code.store(code.load(code.at(source, j, kind), type, 4), code.at(target, j, kind), 4)


def _turn(
    code: Code,
    k: int | Value,
    width: int,
    lanes: int,
    dtype: np.dtype[Any],
    locate: Locate,
    place: Locate,
) -> None:
    kind, size = element(dtype), dtype.itemsize
    step = lanes if isinstance(k, Value) else min(lanes, k)
    end = k if isinstance(k, Value) else Value(str(k), "i64")
    with code.loop(0, k, step) as p, code.loop(0, width, lanes) as j:
        if isinstance(k, Value) or k % step:  # the last block begins earlier, some rows come twice
            p = code.intrinsic("smin", p, code.op(f"sub nsw {end}, {step}", "i64"))
        each = [code.op(f"add nsw i64 {j.name}, {r}", "i64") for r in range(lanes)]
        rows = [code.load(locate(p, j), vector(kind, step), size) for j in each]
        rows = [widened(code, row, lanes) for row in rows]
        row = place(p, j)
        for q, column in enumerate(transpose(code, rows, dtype)[:step]):
            code.store(column, code.at(row, q * width, kind), size)
