"""Take long arrays chunk by chunk, so that what is made of a chunk is used while it is at hand.

    z = X w; r = f(z); g = X' r          for each 40 rows x of X:  g += x' f(x w)

Equations that compute each entry of a leading axis from that entry of their operands are one loop
over chunks of it; sums over the axis are carried. X is read once, and only what others read of the
values in between is ever stored as a whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import numpy as np

from wengert.ir.families import Pointwise
from wengert.ir.infer import infer
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Atom, Const, Equation, Program, Var, identity
from wengert.ir.types import Type

FAR = 1 << 18
"""Arrays of so many bytes are far away when they are read again."""
NEAR = 1 << 15
"""So many bytes of them a chunk has, if it can."""
ROWS = 24
"""The rows of a chunk that a product of matrices wants at least."""
GAIN = 1 << 20
"""So many bytes of traffic saved are worth a loop."""
TURN = 1 << 11
"""What a turn costs, in bytes."""
AGAIN = ("add", "subtract", "multiply", "negative")
VIEWS = ("broadcast", "reshape", "transpose")
LENGTHS, ROUNDS = 4, 8
"""So many lengths are tried, and so many loops made of each."""


def stripe(program: Program) -> Program:
    """The program with groups of its equations as loops over chunks, where that saves traffic."""
    equations = list(program.equations)
    for length in _lengths(program)[:LENGTHS]:
        equations = _loops(program, equations, length)
    return Program(program.inputs, equations, program.outputs, program.name)


def _lengths(program: Program) -> list[int]:
    """How long the leading axes of large operands of products are, the largest operand first."""
    found: dict[int, int] = {}
    for eqn in program.equations:
        if eqn.primitive.name == "contract":
            for a in (*eqn.inputs, *eqn.outputs):
                if a.type.nbytes >= FAR and a.type.ndim and a.type.shape[0] > 1:
                    n = a.type.shape[0]
                    found[n] = max(found.get(n, 0), a.type.nbytes)
    return sorted(found, key=lambda n: -found[n])


def _loops(program: Program, equations: list[Equation], length: int) -> list[Equation]:
    done: list[Equation] = []
    for _ in range(ROUNDS):
        group = _Group(length)
        for eqn in equations:
            group.take(eqn)
        again = group.again(program.outputs)
        later = {a for e in [*again, *group.after] for a in e.inputs} | set(program.outputs)
        later -= {e.outputs[0] for e in again}
        size = group.size(later)
        if size:
            done += [*group.before, *group.loop(size, later)]
            group.after = [*again, *group.after]
        else:
            group.wait(again)
            waits = set(map(id, group.after))
            done += [e for e in equations if id(e) not in waits]
        equations = group.after
        if not group.inside:
            break
    return [*done, *equations]


@dataclass(eq=False)
class _Group:
    """Equations that can share a loop over a leading axis, and those before and after it."""

    length: int
    before: list[Equation] = field(default_factory=list)
    inside: list[Equation] = field(default_factory=list)
    after: list[Equation] = field(default_factory=list)
    cut: set[Var] = field(default_factory=set)  # values inside, made chunk by chunk
    sums: set[Var] = field(default_factory=set)
    late: set[Atom] = field(default_factory=set)

    # --- which equations
    def take(self, eqn: Equation) -> None:
        if any(a in self.late for a in eqn.inputs):
            self._later(eqn)
            return
        kind = self._kind(eqn)
        if kind:
            self.inside.append(eqn)
            if kind == "sum":
                self.sums.add(eqn.outputs[0])
                self.late.add(eqn.outputs[0])
            else:
                self.cut.add(eqn.outputs[0])
        elif any(a in self.cut for a in eqn.inputs):
            self._later(eqn)
        else:
            self.before.append(eqn)

    def _later(self, eqn: Equation) -> None:
        self.after.append(eqn)
        self.late.update(eqn.outputs)

    def _leads(self, atom: Atom) -> bool:
        return bool(atom.type.shape) and atom.type.shape[0] == self.length

    def sliced(self, eqn: Equation) -> list[bool]:
        """For each operand of an equation inside: whether it is cut along its first axis."""
        name = eqn.primitive.name
        if name == "contract":
            letter = self._letter(eqn)
            return [letter in part for part in eqn.params["spec"].split("->")[0].split(",")]
        if name == "broadcast":
            same = eqn.inputs[0].type.ndim == eqn.outputs[0].type.ndim
            return [same and self._leads(eqn.inputs[0])]
        return [bool(a.type.shape) for a in eqn.inputs]

    def _letter(self, eqn: Equation) -> str:
        """The letter of a product's axis that is cut; "" if there is none."""
        operands, out = eqn.params["spec"].split("->")
        parts = operands.split(",")
        found = [p[0] for p, a in zip(parts, eqn.inputs, strict=True) if a in self.cut]
        if not found and out and self._leads(eqn.outputs[0]):
            found = [out[0]]
        if not found or len(set(found)) != 1:
            return ""
        letter = found[0]
        places = [part.find(letter) for part in (*parts, out)]
        both = letter not in out and min(places[:2]) < 0
        return "" if both or max(places) > 0 else letter

    def _kind(self, eqn: Equation) -> str:
        """How an equation stands inside: "each", or "sum" over the axis, or "" if it can't."""
        out, name = eqn.outputs[0], eqn.primitive.name
        if len(eqn.outputs) != 1 or not out.type.size:
            return ""
        if name == "contract":
            letter = self._letter(eqn)
            if not letter:
                return ""
            return "each" if letter in eqn.params["spec"].split("->")[1] else self._sum(eqn)
        if name in ("sum", "max", "min", "prod"):
            x = eqn.inputs[0]
            if 0 not in eqn.params["axes"]:
                return "each" if self._leads(x) else ""
            return self._sum(eqn) if name == "sum" and x in self.cut else ""
        if not self._leads(out):
            return ""
        if isinstance(eqn.primitive.family, Pointwise) or name == "broadcast":
            whole = name == "broadcast" or all(
                a.type.shape == out.type.shape for a in eqn.inputs if a.type.shape
            )
            ranks = name != "broadcast" or self._fits(eqn)
            return "each" if whole and ranks else ""
        if name == "reshape":
            return "each" if self._leads(eqn.inputs[0]) else ""
        return "each" if name == "transpose" and eqn.params["perm"][0] == 0 else ""

    def _fits(self, eqn: Equation) -> bool:
        """Whether a broadcast keeps the axis, or makes it."""
        x, out = eqn.inputs[0], eqn.outputs[0]
        if x not in self.cut:
            return True
        return x.type.ndim == out.type.ndim

    def _sum(self, eqn: Equation) -> str:
        return "sum" if eqn.outputs[0].type.dtype.kind == "f" else ""

    def again(self, outputs: Iterable[Atom]) -> list[Equation]:
        """What had better be computed again after the loop than kept: cheap, of what is outside."""
        cheap: dict[Atom, Equation] = {}
        for eqn in self.inside:
            name, out = eqn.primitive.name, eqn.outputs[0]
            known = all(a in cheap or a not in self.cut for a in eqn.inputs)
            light = name in VIEWS or (name in AGAIN and out.type.nbytes >= FAR)
            if known and light and out not in outputs:
                cheap[out] = eqn
        needed = {a for e in self.after for a in e.inputs}
        kept: list[Equation] = []
        for eqn in reversed(cheap.values()):
            if eqn.outputs[0] in needed:
                needed.update(eqn.inputs)
                kept.append(eqn)
        return kept[::-1]

    def wait(self, again: list[Equation]) -> None:
        """Put off what only later equations read, if there is no loop: it may go into theirs."""
        late = {id(e) for e in again}
        for eqn in reversed(self.inside):
            if id(eqn) not in late:
                read = set(eqn.inputs)
                late -= {id(e) for e in again if e.outputs[0] in read}
        self.after[:0] = [e for e in again if id(e) in late]

    # --- whether it pays
    def size(self, later: set[Atom]) -> int:
        """The length of a chunk; 0 if the loop doesn't pay."""
        traffic, width, fixed = self._traffic(later)
        if not traffic:
            return 0
        least = 1
        for eqn in self.inside:
            if eqn.primitive.name == "contract" and not self._batch(eqn):
                least = ROWS
        sizes = [c for c in _divisors(self.length) if least <= c <= self.length // 2]
        if not sizes:
            return 0
        best = max([c for c in sizes if c * width <= NEAR * self.length], default=sizes[0])
        turns = self.length // best
        return best if traffic - turns * (TURN + fixed) >= GAIN else 0

    def _batch(self, eqn: Equation) -> bool:
        letter = self._letter(eqn)
        return all(letter in part for part in eqn.params["spec"].replace("->", ",").split(","))

    def _traffic(self, later: set[Atom]) -> tuple[int, int, int]:
        """Bytes saved, bytes of all long arrays, and bytes that each turn reads anew."""
        touches: dict[Any, int] = {}
        nbytes: dict[Any, int] = {}
        fixed: dict[Any, int] = {}
        products = 0
        for eqn in self.inside:
            heavy = eqn.primitive.name in ("contract", "sum", "max")
            products += eqn.primitive.name == "contract"
            for a, long in zip(eqn.inputs, self.sliced(eqn), strict=True):
                if long and a.type.nbytes >= FAR and (heavy or a not in self.cut):
                    touches[_key(a)] = touches.get(_key(a), 0) + 1
                    nbytes[_key(a)] = a.type.nbytes
                elif not long and heavy:
                    fixed[_key(a)] = a.type.nbytes
            out = eqn.outputs[0]
            if out in self.sums:
                fixed[out] = 2 * out.type.nbytes
            elif eqn.primitive.name == "contract" and out.type.nbytes >= FAR:
                touches[out] = touches.get(out, 0) + 1
                nbytes[out] = out.type.nbytes
        for a in touches:
            if a in self.cut and a not in later:
                touches[a] += 1  # its place in memory is fetched too
        if not products:
            return 0, 0, 0
        saved = sum([(t - 1) * nbytes[a] for a, t in touches.items()])
        return saved, sum(nbytes.values()), sum(b for b in fixed.values() if b > NEAR // 4)

    # --- the loop
    def loop(self, size: int, later: set[Atom]) -> list[Equation]:
        """The equations of the loop, and of the views around it."""
        return _Body(self, size).write(later)


def _divisors(n: int) -> list[int]:
    small = [c for c in range(1, isqrt(n) + 1) if n % c == 0]
    return sorted({*small, *[n // c for c in small]})


def _key(atom: Atom) -> Any:
    return ("const", identity(atom)) if isinstance(atom, Const) else atom


class _Body:
    """The body of a group's loop, and what it is given."""

    def __init__(self, group: _Group, size: int) -> None:
        self.group, self.size = group, size
        self.turns = group.length // size
        self.env: dict[Any, Atom] = {}
        self.consts: list[tuple[Var, Atom]] = []
        self.slices: list[tuple[Var, Atom]] = []
        self.carries: list[tuple[Var, Atom]] = []
        self.lines: list[Equation] = []
        self.around: list[Equation] = []

    def write(self, later: set[Atom]) -> list[Equation]:
        group = self.group
        totals: list[tuple[Var, Atom]] = []
        for eqn in group.inside:
            given = [
                self._given(a, long) for a, long in zip(eqn.inputs, group.sliced(eqn), strict=True)
            ]
            params = dict(eqn.params)
            if eqn.primitive.name in ("broadcast", "reshape"):
                params["shape"] = (self.size, *params["shape"][1:])
            out = eqn.outputs[0]
            made = self._line(self.lines, eqn.primitive.name, given, params, eqn)
            self.env[out] = made
            if out in group.sums:
                totals.append((out, self._added(made, eqn)))
        stacks = [(e.outputs[0], self.env[e.outputs[0]]) for e in group.inside
                  if e.outputs[0] in group.cut and e.outputs[0] in later]  # fmt: skip
        return [*self.around, *self._loop(totals, stacks)]

    def _line(
        self, lines: list[Equation], name: str, inputs: Iterable[Atom], params: dict[str, Any],
        like: Equation,
    ) -> Var:  # fmt: skip
        primitive, inputs = REGISTRY.primitives[name], tuple(inputs)
        if like.primitive.name == name:
            primitive = like.primitive
        (kind,) = infer(primitive, [a.type for a in inputs], params)
        out = Var(kind)
        lines.append(Equation(primitive, inputs, (out,), params, like.place))
        return out

    def _given(self, atom: Atom, long: bool) -> Atom:
        """What stands for an operand in the body."""
        key = (_key(atom), long)
        if atom in self.env:
            return self.env[atom]
        if key in self.env:
            return self.env[key]
        if not long:
            if isinstance(atom, Const):
                return atom
            inner = Var(atom.type, atom.name)
            self.consts.append((inner, atom))
        else:
            shape = (self.size, *atom.type.shape[1:])
            inner = Var(Type(shape, atom.type.dtype))
            self.slices.append((inner, self._stack(atom, (self.turns, *shape))))
        self.env[key] = inner
        return inner

    def _stack(self, atom: Atom, shape: tuple[int, ...]) -> Atom:
        if isinstance(atom, Const):
            return Const(np.ascontiguousarray(atom.value).reshape(shape))
        return self._line(self.around, "reshape", [atom], {"shape": shape}, self.group.inside[0])

    def _added(self, made: Var, eqn: Equation) -> Var:
        carry = Var(made.type)
        self.carries.append((carry, Const(np.zeros(made.type.shape, made.type.dtype)[()])))
        return self._line(self.lines, "add", [carry, made], {}, eqn)

    def _loop(
        self, totals: list[tuple[Var, Atom]], stacks: list[tuple[Var, Atom]]
    ) -> list[Equation]:
        pairs = [*self.consts, *self.carries, *self.slices]
        outputs = [a for _, a in (*totals, *stacks)]
        body = Program([v for v, _ in pairs], self.lines, outputs, "chunk")
        params = {
            "body": body, "consts": len(self.consts), "carries": len(self.carries),
            "length": self.turns, "reverse": False,
        }  # fmt: skip
        results, views = [v for v, _ in totals], []
        reshape = REGISTRY.primitives["reshape"]
        for v, a in stacks:
            stacked = Var(Type((self.turns, *a.type.shape), a.type.dtype))
            results.append(stacked)
            views.append(Equation(reshape, (stacked,), (v,), {"shape": v.type.shape}))
        operands = tuple([a for _, a in pairs])
        loop = Equation(
            REGISTRY.primitives["loop"], operands, tuple(results), params,
            self.group.inside[0].place,
        )  # fmt: skip
        return [loop, *views]
