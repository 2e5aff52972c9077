"""A nest as one function: loops, the innermost over vectors, each value in a register.

The function takes a pointer for each array that it touches. The loops of a stage are

    kept axes, then folded ones;   the vector runs along the axis on which most accesses have step 1

and a folded value stays in registers until its last loop has ended. Where views are made of pieces
the index set is cut into boxes, in each of which every piece is seen or not.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from math import prod

from wengert.backends.llvm.box import BLOCK, Box, Memo, Words
from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.lane import Lane
from wengert.backends.llvm.native import rowwise
from wengert.backends.llvm.pieces import boxes
from wengert.backends.llvm.team import MEMBER, alone, part, share
from wengert.backends.llvm.touch import memory
from wengert.ir.program import Atom, Var
from wengert.ir.schedule import Affine, Nest, Read, nodes


def write_nest(
    module: Module, nest: Nest, stored: set[Var], local: set[Var], words: Words, team: bool = False
) -> tuple[str, list[Atom]]:
    """The function of a nest, and the arrays whose pointers it takes, in order.

    A `team` shares its outermost loop: the function then takes the room for `partial` sums too,
    and `MEMBER`.
    """
    writer = _Nest(module, nest, stored, local, words, team)
    return writer.write(), writer.atoms


def partial(nest: Nest) -> int:
    """The bytes that a team needs for the sums of a fold's blocks."""
    stage = nest.stages[0]
    folds = [r for r in stage.roots if r.fold]
    return (prod(stage.shape) // BLOCK + 64) * 8 * len(folds) if len(nest.stages) == 1 else 0


class _Nest:
    def __init__(
        self, module: Module, nest: Nest, stored: set[Var], local: set[Var], words: Words,
        team: bool,
    ) -> None:  # fmt: skip
        self.team, self.partial = team, Value("%partial", "ptr")
        self.nest, self.stored, self.local, self.words = nest, stored, local, words
        self.outer = nest.outer if len(nest.stages) > 1 else 0
        self.counters: list[Value | int] = []
        self.memo: Memo = {}
        self.registers: dict[Var, Lane] = {}
        self.made = {r.var for r in nest.roots()}
        self.folds = {r.var for r in nest.roots() if r.fold}
        self.atoms = self._arrays()
        pointers = [Value(f"%a{k}", "ptr") for k in range(len(self.atoms))]
        self.pointers = dict(zip(self.atoms, pointers, strict=True))
        name = module.name("nest")
        self.code = Code(
            module, name, "void", *pointers, *((self.partial, *MEMBER) if team else ())
        )

    def _arrays(self) -> list[Atom]:
        """What is read or written through memory."""
        found: dict[Atom, None] = {}
        for stage in self.nest.stages:
            for root in stage.roots:
                for e in nodes([root.expr]):
                    if isinstance(e, Read):
                        found[e.atom] = None
                if root.var in self.stored or root.var in self.local:
                    found[root.var] = None
        return list(found)

    def write(self) -> str:
        self.shares = self.team
        with ExitStack() as loops:
            for n in self.nest.stages[0].shape[: self.outer]:
                self.counters.append(loops.enter_context(self._loop(n)) if n > 1 else 0)
            if self.shares and len(self.nest.stages) > 1:
                loops.enter_context(alone(self.code))
                self.shares = False
            for stage in self.nest.stages:
                spans = boxes(stage, self.outer)
                assert len(spans) == 1 or not stage.folded, "folds and pieces don't share a stage"
                for span in spans:
                    Box(self, stage, span, len(spans) > 1).write()
        return self.code.finish()

    def _loop(self, n: int) -> AbstractContextManager[Value]:
        """An outer loop: a team shares the first."""
        if not self.shares:
            return self.code.loop(0, n)
        self.shares = False
        first, _ = part(self.code, n)
        for v in self.local - self.stored:
            if v in self.pointers:  # each thread has a round of its own
                size = prod(v.type.shape[self.outer :])
                assert v.type.size >= n * size, v
                far = self.code.op(f"mul nsw i64 {first.name}, {size}", "i64")
                self.pointers[v] = self.code.at(self.pointers[v], far, memory(v.type.dtype))
        return share(self.code, 0, n)

    def place(
        self, atom: Atom, shape: tuple[int, ...], index: Sequence[Affine], rank: int
    ) -> Affine:
        """The distance of an element from the array's first."""
        steps = list(rowwise(shape))
        if atom in self.local and atom not in self.stored:
            steps[: self.outer] = [0] * min(self.outer, len(steps))
        return distance(steps, index, rank)


def distance(steps: Sequence[int], index: Sequence[Affine], rank: int) -> Affine:
    """How far from its first element an array's element stands, in elements."""
    total = 0
    sums = [0] * rank
    for step, p in zip(steps, index, strict=True):
        total += step * p.constant
        for a, s in enumerate(p.steps):
            sums[a] += step * s
    return Affine(total, tuple(sums))
