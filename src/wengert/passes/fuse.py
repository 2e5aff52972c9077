"""Tie neighbours into loops: which values share a loop, and which need memory at all.

    v = exp(x - t); s = sum(v, axis 1); p = v / s      one nest over rows, of two stages

The roots (see `values`) are taken in the program's order; each joins the last nest that it can: the
same index set and operands at the same places (one stage), or the same first axes (a further stage
in the same outer loop).
"""

from math import prod

from wengert.ir.families import Reduction
from wengert.ir.program import Atom, Equation, Program, Var
from wengert.ir.schedule import Call, Expr, Nest, Operand, Read, Root, Schedule, Stage
from wengert.passes import access
from wengert.passes.access import Index
from wengert.passes.finish import finish
from wengert.passes.values import FOLDS, Asked, Values, letters, real


def fuse(program: Program, words: Asked, whole: Asked) -> Schedule:
    """The program as nests of loops and calls.

    `words` says which pointwise equations the machine knows, `whole` which products it runs as a
    call; the other products are loops too.
    """
    return _Fusion(program, words, whole).schedule()


class _Fusion:
    def __init__(self, program: Program, words: Asked, whole: Asked) -> None:
        self.values = Values(program, words)
        self.whole = whole
        self.items: list[Nest | Call] = []
        self.where: dict[Var, tuple[int, int]] = {}

    # --- grouping
    def schedule(self) -> Schedule:
        for eqn in self.values.program.equations:
            out = eqn.outputs[0]
            if out in self.values.roots:
                self._root(eqn)
            elif out in self.values.loops:
                continue
            elif self._is_product(eqn):
                self._product(eqn)
            else:
                self._call(eqn)
        stored, local = self._storage()
        for item in self.items:
            if isinstance(item, Nest):
                self._express(item)
        items = finish(self.items, self.values.program.outputs)
        handed = {i.product.equation.outputs[0] for i in items if isinstance(i, Nest) and i.product}
        return Schedule(self.values.program, items, stored - handed, local)

    def _is_product(self, eqn: Equation) -> bool:
        """Whether a product is run as loops."""
        if eqn.primitive.name != "contract" or self.whole(eqn):
            return False
        return all(real(a.type) and a.type.size for a in (*eqn.inputs, *eqn.outputs))

    def _product(self, eqn: Equation) -> None:
        """A nest of its own: an axis for each letter, the shared ones folded."""
        names, size = letters(eqn)
        kept = eqn.outputs[0].type.ndim
        shape = tuple([size[c] for c in names])
        stage = Stage(shape, tuple(range(kept, len(shape))))
        stage.roots.append(Root(eqn.outputs[0], eqn, fold="add" if stage.folded else ""))
        self.items.append(Nest(len(shape), [stage]))
        self.where[eqn.outputs[0]] = (len(self.items) - 1, 0)

    def _call(self, eqn: Equation) -> None:
        operands = tuple([self._operand(a) for a in eqn.inputs])
        bodies = {
            key: fuse(value, self.values.words, self.whole)
            for key, value in eqn.params.items() if isinstance(value, Program)
        }  # fmt: skip
        self.items.append(Call(eqn, operands, bodies))
        for v in eqn.outputs:
            self.where[v] = (len(self.items) - 1, 0)

    def _operand(self, atom: Atom) -> Operand:
        """A stored array, seen through the views that lie between."""
        shape = atom.type.shape
        rank = len(shape)
        index = access.identity(shape)
        seen: tuple[int, ...] = shape
        while not self.values.stored(atom, set()):
            eqn = self.values.maker[atom]  # type: ignore[index]
            inner = access.through(eqn, index, rank)
            if inner is None:
                break
            atom, index = eqn.inputs[0], inner
            seen = atom.type.shape
        while not self.values.stored(atom, set()):  # reshapes of what is stored row by row
            assert self.values.maker[atom].primitive.name == "reshape"  # type: ignore[index]
            atom = self.values.maker[atom].inputs[0]  # type: ignore[index]
        place = access.offset(seen, index, rank)
        return Operand(atom, place.constant, shape, place.steps)

    def _root(self, eqn: Equation) -> None:
        out = eqn.outputs[0]
        fold = (
            FOLDS.get(eqn.primitive.name, "") if isinstance(eqn.primitive.family, Reduction) else ""
        )
        shape = eqn.inputs[0].type.shape if fold else out.type.shape
        folded = tuple(eqn.params["axes"]) if fold else ()
        root = Root(out, eqn, fold=fold)
        reads = self._reads(eqn, fold, shape)
        first = max([self.where[v][0] for v, _ in reads if v in self.where], default=-1)
        for k in dict.fromkeys((max(first, 0), len(self.items) - 1)):
            if (
                0 <= k < len(self.items)
                and k >= first
                and self._join(k, root, shape, folded, reads)
            ):
                return
        self.items.append(Nest(len(shape), [Stage(shape, folded, [root])]))
        self.where[out] = (len(self.items) - 1, 0)

    def _reads(
        self, eqn: Equation, fold: str, shape: tuple[int, ...]
    ) -> list[tuple[Var, Index | None]]:
        """The roots that a root's expression looks at, and where; None for a flattened one."""
        memo: dict[object, Expr] = {}
        self.values.root_expression(eqn, fold, shape, () if fold else (eqn.outputs[0],), memo)
        return [
            (e.atom, e.index if e.shape == e.atom.type.shape else None)
            for e in memo.values()
            if isinstance(e, Read) and isinstance(e.atom, Var) and e.atom in self.values.maker
        ]

    def _join(
        self, k: int, root: Root, shape: tuple[int, ...], folded: tuple[int, ...],
        reads: list[tuple[Var, Index | None]],
    ) -> bool:  # fmt: skip
        """Let a root join a nest if what it reads there stands at the place of the loops."""
        nest = self.items[k]
        if (
            not isinstance(nest, Nest)
            or nest.stages[0].roots[0].equation.primitive.name == "contract"
        ):
            return False
        mine = [(v, index) for v, index in reads if self.where.get(v, (-1, 0))[0] == k]
        if any(index is None for _, index in mine):
            return False
        last = nest.stages[-1]
        at = len(nest.stages) - 1
        start = access.identity(shape)
        fits = last.shape == shape and (not folded or not last.folded or last.folded == folded)
        cut = self._cut(root.var) or any(self._cut(r.var) for r in nest.roots())
        if cut and (folded or last.folded or len(nest.stages) > 1):
            return False
        if fits and all(
            (self.where[v][1] < at and self._level(v, index, shape, nest.outer))
            or (index == start and v not in self._folds(last))
            for v, index in mine
        ):
            if len(nest.stages) > 1 and folded and min(folded) < nest.outer:
                return False
            last.roots.append(root)
            last.folded = last.folded or folded
            self.where[root.var] = (k, at)
            return True
        return not cut and self._stage(k, nest, root, shape, folded, mine)

    def _cut(self, var: Var) -> bool:
        """Whether a root is made of pieces."""
        return self.values.cuts.get(var, 0) > 0

    def _folds(self, stage: Stage) -> set[Var]:
        return {r.var for r in stage.roots if r.fold}

    def _level(self, v: Var, index: Index | None, shape: tuple[int, ...], outer: int) -> bool:
        """Whether the first `outer` places of a read are the loops' own counters."""
        start = access.identity(shape)
        return index is not None and index[:outer] == start[:outer]

    def _stage(
        self, k: int, nest: Nest, root: Root, shape: tuple[int, ...], folded: tuple[int, ...],
        mine: list[tuple[Var, Index | None]],
    ) -> bool:  # fmt: skip
        """A further stage, inside as many common outer loops as can be."""
        if not mine:
            return False
        reduced = [a for s in nest.stages for a in s.folded] + list(folded)
        outer = min(
            [nest.outer, len(shape) - 1, *[len(s.shape) - 1 for s in nest.stages], *reduced]
        )
        shared = nest.stages[0].shape
        while outer > 0:
            if shape[:outer] == shared[:outer] and all(
                self._level(v, index, shape, outer) for v, index in mine
            ):
                break
            outer -= 1
        if outer < 1 or prod(shape[outer:]) < 4 or prod(shape[:outer]) < 2:
            return False
        nest.outer = outer
        nest.stages.append(Stage(shape, folded, [root]))
        self.where[root.var] = (k, len(nest.stages) - 1)
        return True

    # --- what needs memory
    def _storage(self) -> tuple[set[Var], set[Var]]:
        """Values that other items read, and those that only later stages of the same nest do."""
        stored = {a for a in self.values.program.outputs if a in self.values.maker}
        local: set[Var] = set()
        for k, item in enumerate(self.items):
            if isinstance(item, Call):
                made = self.values.maker
                stored.update(o.atom for o in item.operands if o.atom in made)
                stored.update(item.equation.outputs)
                continue
            for s, stage in enumerate(item.stages):
                for root in stage.roots:
                    for v, index in self._reads(root.equation, root.fold, stage.shape):
                        if v not in self.values.roots or self.where[v][0] != k or index is None:
                            stored.add(v)
                        elif self.where[v][1] != s:
                            local.add(v)
        return stored, local - stored

    def _express(self, nest: Nest) -> None:
        for stage in nest.stages:
            here = [r.var for r in stage.roots if not r.fold]
            memo: dict[object, Expr] = {}
            for root in stage.roots:
                root.expr = self.values.root_expression(
                    root.equation, root.fold, stage.shape, here, memo
                )
