"""Tie neighbours into loops: which values share a loop, and which need memory at all.

    v = exp(x - t); s = sum(v, axis 1); p = v / s      one nest over rows, of two stages

A value of a loop is a *root* if something outside of loops reads it, if it is folded (a sum), or if
it is read twice and dear; everything else is computed anew where it is read. Roots are taken in
the program's order; each joins the last nest that it can: the same index set and operands at the
same places (one stage), or the same first axes (a further stage in the same outer loop).
"""

from collections.abc import Callable, Iterable

from wengert.ir.families import Contraction, Opaque, Pointwise, Reduction
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.ir.schedule import (
    Apply,
    Call,
    Expr,
    Literal,
    Nest,
    Operand,
    Pick,
    Read,
    Root,
    Schedule,
    Stage,
)
from wengert.ir.types import Type
from wengert.passes import access
from wengert.passes.access import Index

FOLDS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum",
         "any": "logical_or", "all": "logical_and"}  # fmt: skip
PIECES = ("place", "pad", "concatenate", "put")
MEMORY = ("reshape", "transpose", "take", "flip", "broadcast")
CHEAP = {"add", "subtract", "multiply", "negative", "absolute", "square", "maximum", "minimum",
         "select", "convert", "relu", "stop_gradient", "greater", "greater_equal", "less",
         "less_equal", "equal", "not_equal", "logical_not", "logical_and", "logical_or",
         "sign", "copysign"}  # fmt: skip
LIMIT = 8
"""Up to so many cheap operations a value is computed again rather than kept."""
REGIONS = 12
"""Into how many pieces a loop is cut at most so that views made of pieces need no question."""


Asked = Callable[[Equation], bool]


def fuse(program: Program, words: Asked, whole: Asked) -> Schedule:
    """The program as nests of loops and calls.

    `words` says which pointwise equations the machine knows, `whole` which products it runs as a
    call; the other products are loops too.
    """
    return _Fusion(program, words, whole).schedule()


class _Fusion:
    def __init__(self, program: Program, words: Asked, whole: Asked) -> None:
        self.program = program
        self.words = words
        self.whole = whole
        self.maker: dict[Var, Equation] = {v: eqn for eqn in program.equations for v in eqn.outputs}
        self.loops = {eqn.outputs[0] for eqn in program.equations if self._is_loop(eqn)}
        self.cuts: dict[Var, int] = {}
        self.roots = self._roots()
        self.items: list[Nest | Call] = []
        self.where: dict[Var, tuple[int, int]] = {}

    # --- what is a value of a loop, and which of them are roots
    def _is_loop(self, eqn: Equation) -> bool:
        atoms = (*eqn.inputs, *eqn.outputs)
        if not all(real(a.type) and a.type.size for a in atoms):
            return False
        name, family = eqn.primitive.name, eqn.primitive.family
        if isinstance(family, Pointwise):
            return self.words(eqn)
        if isinstance(family, Reduction):
            return name in FOLDS
        if name in PIECES:
            return access.pieces(eqn) is not None
        return name in access.MAPS

    def _is_view(self, atom: Atom) -> bool:
        return atom in self.loops and self.maker[atom].primitive.name in MEMORY  # type: ignore[index]

    def _roots(self) -> set[Var]:
        """The values of loops that stand by themselves."""
        roots = {a for a in self.program.outputs if a in self.loops}
        readers: dict[Var, list[Equation]] = {v: [] for v in self.maker}
        for eqn in self.program.equations:
            for a in set(eqn.inputs):
                if a in readers:
                    readers[a].append(eqn)  # type: ignore[index]
            if eqn.outputs[0] not in self.loops:
                strided = isinstance(eqn.primitive.family, Contraction | Opaque)
                read = [self._base(a) if strided else a for a in eqn.inputs]
                roots.update(a for a in read if a in self.loops)
            elif isinstance(eqn.primitive.family, Reduction):
                roots.add(eqn.outputs[0])
        cost: dict[Var, int] = {}
        for eqn in self.program.equations:
            if eqn.outputs[0] in self.loops:
                self._weigh(eqn, roots, cost, readers)  # type: ignore[arg-type]
        return roots  # type: ignore[return-value]

    def _weigh(
        self, eqn: Equation, roots: set[Var], cost: dict[Var, int],
        readers: dict[Var, list[Equation]],
    ) -> None:  # fmt: skip
        """What a value costs where it is computed anew, and which operands had better be kept."""
        cuts, x, out, name = self.cuts, eqn.inputs[0], eqn.outputs[0], eqn.primitive.name
        if name == "reshape" and not self._splits(eqn) and not self._whole(x, roots):
            roots.add(x)  # type: ignore[arg-type]
        jumps = name == "take" and any(_jumps(c) for c in eqn.params["index"])
        if (jumps or name in ("reshape", *FOLDS)) and cuts.get(x, 0):  # type: ignore[call-overload]
            roots.add(x)  # type: ignore[arg-type]
        cost[out] = 0 if name in MEMORY else 1 if name in CHEAP or name in PIECES else LIMIT
        cuts[out] = len(eqn.inputs) if name in PIECES else 0
        for a in set(eqn.inputs):
            if not isinstance(a, Var) or a not in cost or a in roots:
                continue
            if self._dear(a, cost[a], readers[a], eqn) or cuts[out] + cuts[a] > REGIONS:
                roots.add(a)
            else:
                cost[out] += cost[a]
                cuts[out] += cuts[a]

    def _dear(self, var: Var, cost: int, readers: list[Equation], eqn: Equation) -> bool:
        """Whether a value is rather kept than computed again for each reader."""
        if self._is_view(var) or not cost:
            return False
        if eqn.primitive.name == "broadcast" and eqn.outputs[0].type.size > var.type.size:
            return (cost > 1 and var.type.size > 1) or cost >= LIMIT
        return len(readers) > 1 and cost >= (LIMIT if var.type.shape else 2 * LIMIT)

    def _splits(self, eqn: Equation) -> bool:
        old, new = eqn.inputs[0].type, eqn.params["shape"]
        start = access.identity(new)
        return access.through(eqn, start, len(new)) is not None and old.size > 0

    def _base(self, atom: Atom) -> Atom:
        """What a chain of strided views looks at."""
        while isinstance(atom, Var) and self._is_view(atom):
            atom = self.maker[atom].inputs[0]
        return atom

    def _whole(self, atom: Atom, roots: set[Var]) -> bool:
        """Whether only reshapes lie between a value and what is stored."""
        while atom in self.loops and atom not in roots:
            eqn = self.maker[atom]  # type: ignore[index]
            if eqn.primitive.name != "reshape":
                return False
            atom = eqn.inputs[0]
        return True

    # --- expressions
    def expression(
        self, atom: Atom, index: Index, rank: int, here: Iterable[Var], memo: dict[object, Expr]
    ) -> Expr:
        """The value at a place, down to what is stored; roots of `here` are looked into."""
        looked = set(here)
        stack: list[tuple[Atom, Index]] = [(atom, index)]
        while stack:
            key = stack[-1]
            if key in memo:
                stack.pop()
                continue
            needs = self._needs(*key, rank, looked)
            missing = [n for n in needs if n not in memo]
            if missing:
                stack += missing
                continue
            stack.pop()
            memo[key] = self._made(*key, rank, looked, [memo[n] for n in needs], memo)
        return memo[(atom, index)]

    def _root_expression(
        self, eqn: Equation, fold: str, shape: tuple[int, ...], here: Iterable[Var],
        memo: dict[object, Expr],
    ) -> Expr:  # fmt: skip
        """What a root is, or what it folds, where the loops stand."""
        start, rank = access.identity(shape), len(shape)
        if eqn.primitive.name == "contract":
            letters, _ = _letters(eqn)
            parts = eqn.params["spec"].split("->")[0].split(",")
            places = [tuple([start[letters.index(c)] for c in part]) for part in parts]
            x, w = [
                self.expression(a, place, rank, here, memo)
                for a, place in zip(eqn.inputs, places, strict=True)
            ]
            return Apply("multiply", (x, w), {}, eqn.outputs[0].type.dtype)
        return self.expression(eqn.inputs[0] if fold else eqn.outputs[0], start, rank, here, memo)

    def _stored(self, atom: Atom, looked: set[Var]) -> bool:
        if isinstance(atom, Const) or atom not in self.loops:
            return True
        return atom in self.roots and atom not in looked

    def _needs(
        self, atom: Atom, index: Index, rank: int, looked: set[Var]
    ) -> list[tuple[Atom, Index]]:
        if self._stored(atom, looked):
            return []
        eqn = self.maker[atom]  # type: ignore[index]
        name = eqn.primitive.name
        if name in access.MAPS:
            inner = access.through(eqn, index, rank)
            if inner is not None:
                return [(eqn.inputs[0], inner)]
            return []  # a reshape of something stored
        if name in PIECES:
            found = access.pieces(eqn)
            assert found is not None
            needs = [(eqn.inputs[k], access.inside(eqn, k, index, rank)) for k, _ in found]
            return [*needs, (eqn.inputs[0], index)] if name == "put" else needs
        scalar = access.identity(())
        return [(a, index if a.type.shape else scalar) for a in eqn.inputs]

    def _made(
        self, atom: Atom, index: Index, rank: int, looked: set[Var], args: list[Expr],
        memo: dict[object, Expr],
    ) -> Expr:  # fmt: skip
        if self._stored(atom, looked):
            if isinstance(atom, Const) and not atom.type.shape:
                return _same(memo, Literal(atom.value, atom.type.dtype))
            return Read(atom, atom.type.shape, index)
        eqn = self.maker[atom]  # type: ignore[index]
        name = eqn.primitive.name
        if name in access.MAPS:
            return args[0] if args else self._flat(eqn, index, looked)
        if name in PIECES:
            return self._pieces(eqn, index, args, memo)
        return _same(memo, Apply(name, tuple(args), eqn.params, eqn.outputs[0].type.dtype))

    def _flat(self, eqn: Equation, index: Index, looked: set[Var]) -> Expr:
        """A reshape that makes axes one, of something that is stored row by row."""
        shape, atom = eqn.outputs[0].type.shape, eqn.inputs[0]
        while not self._stored(atom, looked):
            inner = self.maker[atom]  # type: ignore[index]
            assert inner.primitive.name == "reshape", inner
            atom = inner.inputs[0]
        return Read(atom, shape, index)

    def _pieces(
        self, eqn: Equation, index: Index, args: list[Expr], memo: dict[object, Expr]
    ) -> Expr:
        found = access.pieces(eqn)
        assert found is not None
        if eqn.primitive.name == "put":
            outside = args.pop()
        elif eqn.primitive.name == "concatenate":
            filled = [k for k, (_, b) in enumerate(found) if b[0][1] < b[0][2]]
            outside = args[filled.pop()]
            found, args = [found[k] for k in filled], [args[k] for k in filled]
        else:
            outside = _same(memo, Literal(0, eqn.outputs[0].type.dtype))
        for (_, bounds), piece in zip(reversed(found), reversed(args), strict=True):
            value = piece
            for a, low, high in bounds:
                value = Pick(index[a], low, high, value, outside)
            outside = value
        return outside

    # --- grouping
    def schedule(self) -> Schedule:
        for eqn in self.program.equations:
            out = eqn.outputs[0]
            if out in self.roots:
                self._root(eqn)
            elif out in self.loops:
                continue
            elif self._is_product(eqn):
                self._product(eqn)
            else:
                self._call(eqn)
        stored, local = self._storage()
        for item in self.items:
            if isinstance(item, Nest):
                self._express(item)
        return Schedule(self.program, self.items, stored, local)

    def _is_product(self, eqn: Equation) -> bool:
        """Whether a product is run as loops."""
        if eqn.primitive.name != "contract" or self.whole(eqn):
            return False
        return all(real(a.type) and a.type.size for a in (*eqn.inputs, *eqn.outputs))

    def _product(self, eqn: Equation) -> None:
        """A nest of its own: an axis for each letter, the shared ones folded."""
        letters, size = _letters(eqn)
        kept = eqn.outputs[0].type.ndim
        shape = tuple([size[c] for c in letters])
        stage = Stage(shape, tuple(range(kept, len(shape))))
        stage.roots.append(Root(eqn.outputs[0], eqn, fold="add"))
        self.items.append(Nest(len(shape), [stage]))
        self.where[eqn.outputs[0]] = (len(self.items) - 1, 0)

    def _call(self, eqn: Equation) -> None:
        operands = tuple([self._operand(a) for a in eqn.inputs])
        bodies = {
            key: fuse(value, self.words, self.whole)
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
        while not self._stored(atom, set()):
            eqn = self.maker[atom]  # type: ignore[index]
            inner = access.through(eqn, index, rank)
            if inner is None:
                break
            atom, index = eqn.inputs[0], inner
            seen = atom.type.shape
        while not self._stored(atom, set()):  # reshapes of what is stored row by row
            assert self.maker[atom].primitive.name == "reshape"  # type: ignore[index]
            atom = self.maker[atom].inputs[0]  # type: ignore[index]
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
        self._root_expression(eqn, fold, shape, () if fold else (eqn.outputs[0],), memo)
        return [
            (e.atom, e.index if e.shape == e.atom.type.shape else None)
            for e in memo.values()
            if isinstance(e, Read) and isinstance(e.atom, Var) and e.atom in self.maker
        ]

    def _join(
        self, k: int, root: Root, shape: tuple[int, ...], folded: tuple[int, ...],
        reads: list[tuple[Var, Index | None]],
    ) -> bool:  # fmt: skip
        """Let a root join a nest if what it reads there stands at the place of the loops."""
        nest = self.items[k]
        if not isinstance(nest, Nest):
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
        return self.cuts.get(var, 0) > 0

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
        if outer < 1 or _product(shape[outer:]) < 4 or _product(shape[:outer]) < 2:
            return False
        nest.outer = outer
        nest.stages.append(Stage(shape, folded, [root]))
        self.where[root.var] = (k, len(nest.stages) - 1)
        return True

    # --- what needs memory
    def _storage(self) -> tuple[set[Var], set[Var]]:
        """Values that other items read, and those that only later stages of the same nest do."""
        stored = {a for a in self.program.outputs if a in self.maker}
        local: set[Var] = set()
        for k, item in enumerate(self.items):
            if isinstance(item, Call):
                stored.update(o.atom for o in item.operands if o.atom in self.maker)  # type: ignore[misc]
                stored.update(item.equation.outputs)
                continue
            for s, stage in enumerate(item.stages):
                for root in stage.roots:
                    for v, index in self._reads(root.equation, root.fold, stage.shape):
                        if v not in self.roots or self.where[v][0] != k or index is None:
                            stored.add(v)
                        elif self.where[v][1] != s:
                            local.add(v)
        return stored, local - stored  # type: ignore[return-value]

    def _express(self, nest: Nest) -> None:
        for stage in nest.stages:
            here = [r.var for r in stage.roots if not r.fold]
            memo: dict[object, Expr] = {}
            for root in stage.roots:
                root.expr = self._root_expression(root.equation, root.fold, stage.shape, here, memo)


REAL = {"float32", "float64", "bool"} | {
    f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)
}


def _letters(eqn: Equation) -> tuple[str, dict[str, int]]:
    """A product's letters, those of the result first, and how long their axes are."""
    operands, out = eqn.params["spec"].split("->")
    size: dict[str, int] = {}
    for part, a in zip(operands.split(","), eqn.inputs, strict=True):
        size.update(zip(part, a.type.shape, strict=True))
    return out + "".join(c for c in size if c not in out), size


def _jumps(cut: int | tuple[int, int, int]) -> bool:
    """Whether a cut leaves elements out between those that it takes."""
    return not isinstance(cut, int) and abs(cut[2]) != 1


def real(type: Type) -> bool:
    """Whether a machine's registers hold such numbers: real ones, in its own byte order."""
    return type.dtype.name in REAL and type.dtype.isnative


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _same(memo: dict[object, Expr], new: Expr) -> Expr:
    """One object for equal expressions."""
    if isinstance(new, Literal):
        key: object = ("literal", new.dtype, repr(new.value))
    else:
        assert isinstance(new, Apply)
        key = (new.name, tuple([id(a) for a in new.args]), tuple(sorted(new.params.items())))
    return memo.setdefault(key, new)
