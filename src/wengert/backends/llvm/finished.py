"""A product whose numbers go from its registers straight into a nest's formulas."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wengert.backends.llvm.box import Box, Memo, Words
from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.contract import contraction
from wengert.backends.llvm.lane import Lane
from wengert.backends.llvm.native import begin, rowwise
from wengert.backends.llvm.nest import distance
from wengert.backends.llvm.team import part
from wengert.backends.llvm.tiles import Epilogue
from wengert.backends.llvm.work import balance
from wengert.ir.program import Atom, Var
from wengert.ir.schedule import Affine, Apply, Nest, Read, nodes

if TYPE_CHECKING:
    from wengert.backends.llvm.machine import Writer

FEW = 4
"""A formula of so few words is written for each vector of a tile; a longer one once for a row."""


def write_finished(
    writer: "Writer", code: Code, nest: Nest, stored: set[Var],
    pointer: Callable[[Atom], Value], team: bool,
) -> None:  # fmt: skip
    """Write the call of a nest's product, whose last act are the nest's own formulas."""
    assert nest.product is not None
    atoms = _arrays(nest, stored)
    (stage,) = nest.stages
    whole = [(0, n) for n in stage.shape]

    def write(code: Code, extras: tuple[Value, ...], i: Value, j: Value, lane: Lane) -> None:
        piece = _Piece(code, nest, writer.words, dict(zip(atoms, extras, strict=True)), lane)
        Box(piece, stage, whole, False).piece([i, j], lane.lanes)

    long = sum(isinstance(e, Apply) for e in nodes([r.expr for r in nest.roots()])) > FEW
    epilogue = Epilogue(("nest", nest), write, ("ptr",) * len(atoms), long)
    made, operands = contraction(nest.product, writer.module, epilogue)
    places = [begin(code, o, pointer) for o in operands]
    pieces, by = made.shared(balance)
    mine = part(code, pieces) if team else (0, pieces)
    nothing = Value("null", "ptr")
    made.call(code, *places, nothing, *map(pointer, atoms), pieces=mine, by=by)


def _arrays(nest: Nest, stored: set[Var]) -> list[Atom]:
    """What the formulas read and write in memory."""
    assert nest.product is not None
    (stage,) = nest.stages
    handed = nest.product.equation.outputs[0]
    below = nodes([r.expr for r in stage.roots])
    reads = [e.atom for e in below if isinstance(e, Read) and e.atom is not handed]
    return list(dict.fromkeys([*reads, *[r.var for r in stage.roots if r.var in stored]]))


class _Piece:
    """Some neighbours of one row of the product: what a box must know of the nest it is in."""

    outer = 0
    shares = False
    partial = Value("null", "ptr")

    def __init__(
        self, code: Code, nest: Nest, words: Words, pointers: dict[Atom, Value], lane: Lane
    ) -> None:
        assert nest.product is not None
        self.code, self.words, self.pointers = code, words, pointers
        self.registers = {nest.product.equation.outputs[0]: lane}
        self.counters: list[Value | int] = []
        self.memo: Memo = {}

    def place(
        self, atom: Atom, shape: tuple[int, ...], index: Sequence[Affine], rank: int
    ) -> Affine:
        """The distance of an element from the array's first."""
        return distance(rowwise(shape), index, rank)
