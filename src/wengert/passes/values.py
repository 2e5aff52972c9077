"""Values of loops: which there are, which of them stand by themselves, and what each is made of.

A value of a loop is a *root* if something outside of loops reads it, if it is folded (a sum), or if
it is read twice and dear; everything else is computed anew where it is read.
"""

from collections.abc import Callable, Iterable

from wengert.ir.families import Contraction, Opaque, Pointwise, Reduction
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.ir.schedule import Apply, Expr, Literal, Pick, Read
from wengert.ir.types import Type
from wengert.passes import access
from wengert.passes.access import Index

Asked = Callable[[Equation], bool]
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


class Values:
    """The values of a program's loops; `words` says which pointwise equations a machine knows."""

    def __init__(self, program: Program, words: Asked) -> None:
        self.program = program
        self.words = words
        self.maker: dict[Var, Equation] = {v: eqn for eqn in program.equations for v in eqn.outputs}
        self.loops = {eqn.outputs[0] for eqn in program.equations if self._is_loop(eqn)}
        self.cuts: dict[Var, int] = {}
        self.roots = self._roots()

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
        return (
            isinstance(atom, Var)
            and atom in self.loops
            and (self.maker[atom].primitive.name in MEMORY)
        )

    def _roots(self) -> set[Var]:
        """The values of loops that stand by themselves."""
        roots = {a for a in self.program.outputs if a in self.loops}
        readers: dict[Var, list[Equation]] = {v: [] for v in self.maker}
        for eqn in self.program.equations:
            for a in set(eqn.inputs):
                if a in readers:
                    readers[a].append(eqn)
            if eqn.outputs[0] not in self.loops:
                read = [self._seen(a, eqn) for a in eqn.inputs]
                roots.update(a for a in read if a in self.loops)
            elif isinstance(eqn.primitive.family, Reduction):
                roots.add(eqn.outputs[0])
        cost: dict[Var, int] = {}
        for eqn in self.program.equations:
            if eqn.outputs[0] in self.loops:
                self._weigh(eqn, roots, cost, readers)
        return roots

    def _weigh(
        self, eqn: Equation, roots: set[Var], cost: dict[Var, int],
        readers: dict[Var, list[Equation]],
    ) -> None:  # fmt: skip
        """What a value costs where it is computed anew, and which operands had better be kept."""
        cuts, x, out, name = self.cuts, eqn.inputs[0], eqn.outputs[0], eqn.primitive.name
        if name == "reshape" and not self._splits(eqn) and not self._whole(x, roots):
            roots.add(x)  # type: ignore[arg-type]
        jumps = name == "take" and any(_jumps(c) for c in eqn.params["index"])
        if (jumps or name in ("reshape", *FOLDS)) and cuts.get(x, 0):  # type: ignore[arg-type]
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

    def _seen(self, atom: Atom, eqn: Equation) -> Atom:
        """What must stand in memory for an equation that isn't a loop over elements.

        Products and factorizations read strides; a loop in time reads what lies row by row.
        """
        if isinstance(eqn.primitive.family, Contraction | Opaque):
            return self._base(atom)
        return self._row(atom) if eqn.primitive.name == "loop" else atom

    def _row(self, atom: Atom) -> Atom:
        """What views look at that are one piece of it, row by row; else the view itself."""
        shape, base = atom.type.shape, atom
        index: Index | None = access.identity(shape)
        while isinstance(base, Var) and self._is_view(base) and index is not None:
            eqn = self.maker[base]
            index, base = access.through(eqn, index, len(shape)), eqn.inputs[0]
        if index is None or base is atom:
            return atom
        steps = access.offset(base.type.shape, index, len(shape)).steps
        plain = access.strides(shape)
        same = all(s == p or n == 1 for s, p, n in zip(steps, plain, shape, strict=True))
        return base if same else atom

    def _whole(self, atom: Atom, roots: set[Var]) -> bool:
        """Whether only reshapes lie between a value and what is stored."""
        while atom in self.loops and atom not in roots:
            eqn = self.maker[atom]
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

    def root_expression(
        self, eqn: Equation, fold: str, shape: tuple[int, ...], here: Iterable[Var],
        memo: dict[object, Expr],
    ) -> Expr:  # fmt: skip
        """What a root is, or what it folds, where the loops stand."""
        start, rank = access.identity(shape), len(shape)
        if eqn.primitive.name == "contract":
            names, _ = letters(eqn)
            parts = eqn.params["spec"].split("->")[0].split(",")
            places = [tuple([start[names.index(c)] for c in part]) for part in parts]
            x, w = [
                self.expression(a, place, rank, here, memo)
                for a, place in zip(eqn.inputs, places, strict=True)
            ]
            return Apply("multiply", (x, w), {}, eqn.outputs[0].type.dtype)
        return self.expression(eqn.inputs[0] if fold else eqn.outputs[0], start, rank, here, memo)

    def stored(self, atom: Atom, looked: set[Var]) -> bool:
        """Whether a value is read from memory, by all but those that look into these roots."""
        if isinstance(atom, Const) or atom not in self.loops:
            return True
        return atom in self.roots and atom not in looked

    def _needs(
        self, atom: Atom, index: Index, rank: int, looked: set[Var]
    ) -> list[tuple[Atom, Index]]:
        if self.stored(atom, looked):
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
        if self.stored(atom, looked):
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
        while not self.stored(atom, looked):
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


REAL = {"float32", "float64", "bool"} | {
    f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)
}


def letters(eqn: Equation) -> tuple[str, dict[str, int]]:
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


def _same(memo: dict[object, Expr], new: Expr) -> Expr:
    """One object for equal expressions."""
    if isinstance(new, Literal):
        key: object = ("literal", new.dtype, repr(new.value))
    else:
        assert isinstance(new, Apply)
        key = (new.name, tuple([id(a) for a in new.args]), tuple(sorted(new.params.items())))
    return memo.setdefault(key, new)
