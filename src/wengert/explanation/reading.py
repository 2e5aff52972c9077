"""From a Wengert list to formulas: a definition for each value that has a name, or needs one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from wengert.explanation.equations import READERS, cannot, fitted, number, word
from wengert.explanation.laws import Facts, laws
from wengert.explanation.terms import (
    Dim,
    Head,
    Number,
    Poly,
    collect,
    constant,
    instances,
    symbol,
)  # fmt: skip
from wengert.explanation.words import WORDS
from wengert.ir.primitive import Carrier
from wengert.ir.program import Atom, Const, Equation, Program, Var

USES = frozenset(
    [
        "contract",
        "multiply",
        "square",
        "monomial",
        "divide",
        "norm",
        "softmax",
        "log_softmax",
        "logsumexp",
        "softmax_cross_entropy",
        "gather",
        "inv",
        "det",
        "slogdet",
        "solve",
        "sqrt",
    ]
)
VIEWS = frozenset({"broadcast", "transpose", "reshape"})


@dataclass(slots=True)
class Node:
    """A value that has a symbol: the user's own name for it, or none yet."""

    head: Head
    var: Var | None
    definition: Poly | None = None
    named: bool = True


@dataclass(slots=True)
class Reading:
    """All nodes in order, the result's among them last, and arrays that the list captured."""

    nodes: list[Node] = field(default_factory=list)
    captured: dict[str, Any] = field(default_factory=dict)


def read(
    program: Program,
    dims: Mapping[tuple[Any, int], Dim],
    names: Mapping[Var, str],
    numbers: Mapping[tuple[int, int], tuple[Number, dict[str, Fraction]]],
    facts: Facts,
) -> Reading:
    """The formulas of a list with one scalar result."""
    return _Reader(program, dims, names, numbers, facts).read()


class _Reader:
    def __init__(self, program: Program, dims: Any, names: Any, numbers: Any, facts: Facts) -> None:
        self.program, self.dims, self.names, self.numbers = program, dims, names, numbers
        self.env: dict[Atom, Poly] = {}
        self.made = {v: eqn for eqn in program.equations for v in eqn.outputs}
        self.readers: dict[Atom, list[Equation]] = {}
        for eqn in program.equations:
            for a in eqn.inputs:
                self.readers.setdefault(a, []).append(eqn)
        self.out = Reading()
        self.laws = laws(facts)

    def axes(self, atom: Atom) -> tuple[Dim, ...]:
        return tuple([self.dims.get((atom, i), n) for i, n in enumerate(atom.type.shape)])

    def read(self) -> Reading:
        for v in self.program.inputs:
            self.node(v, self.names.get(v, v.name), None, True)
        for index, eqn in enumerate(self.program.equations):
            self.index = index
            self.equation(eqn)
        result = self.program.outputs[0]
        found = [n for n in self.out.nodes if n.var is result and n.definition is not None]
        if found:
            self.out.nodes = [n for n in self.out.nodes if n is not found[0]] + found
        else:
            self.node(result, "Q", self.get(result, 0), True)
        return self.out

    def node(self, var: Any, name: str, definition: Poly | None, named: bool) -> None:
        taken = {n.head.name for n in self.out.nodes}
        base, n = name, 1
        while name in taken:
            n += 1
            name = f"{base}{n}"
        head = Head("symbol", name, self.axes(var))
        self.out.nodes.append(Node(head, var, definition, named))
        self.env[var] = symbol(head)

    def get(self, atom: Atom, place: int) -> Poly:
        """The formula of an operand."""
        if atom in self.env:
            return self.env[atom]
        assert isinstance(atom, Const)
        if not atom.type.shape and not isinstance(atom.value, Carrier):
            return fitted(self.numbers.get((self.index, place)), np.asarray(atom.value).item())
        value = np.asarray(atom.value)
        if value.size and (value == value.flat[0]).all() and value.dtype.kind in "fi":
            return constant(number(value.flat[0].item()), self.axes(atom))
        name = f"c{len(self.out.captured) + 1}"
        self.out.captured[name] = value
        self.env[atom] = symbol(Head("symbol", name, self.axes(atom)))
        return self.env[atom]

    def equation(self, eqn: Equation) -> None:
        read = READERS.get(eqn.primitive.name)
        if read is None:
            if eqn.primitive.name not in WORDS:
                raise cannot(eqn)
            read = word
        for v, p in zip(eqn.outputs, _many(read(self, eqn)), strict=False):
            if p is None:
                continue
            p = collect(p.dims, instances(p, range(len(p.dims))), self.laws)
            if v in self.names and v not in self.program.inputs:
                self.node(v, self.names[v], p, True)
            elif eqn.primitive.name in ("add", "subtract") and v.type.shape and self.used(v):
                self.node(v, f"_{len(self.out.nodes)}", p, False)
            else:
                self.env[v] = p

    def used(self, v: Atom) -> bool:
        """Whether a value is a factor somewhere."""
        return any(
            e.primitive.name in USES
            or e.primitive.name in WORDS
            or (e.primitive.name in VIEWS and any(self.used(o) for o in e.outputs))
            for e in self.readers.get(v, [])
        )


def _many(p: Any) -> Sequence[Any]:
    return p if isinstance(p, tuple) else (p,)
