"""The lines of a derivation, one after another, each computed before it is written down."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError
from wengert.explanation.laws import Facts, laws
from wengert.explanation.matrix import written
from wengert.explanation.moves import chained, closed, moves
from wengert.explanation.numbers import deviation, numbers
from wengert.explanation.point import Point
from wengert.explanation.reading import Node, Reading, read
from wengert.explanation.recurrence import recurring
from wengert.explanation.result import Check, Explanation, Step
from wengert.explanation.rules import differentiated, in_pieces, put_in
from wengert.explanation.sweep import D, better, differential, moved, second
from wengert.explanation.terms import (
    ONE,
    Head,
    Poly,
    Raw,
    add,
    collect,
    constant,
    instances,
    multiply,
    symbol,
)  # fmt: skip
from wengert.explanation.text import text
from wengert.explanation.trees import Tree, evaluate, sym
from wengert.ir.dims import symbols

CLOSED, HESSIAN = 70, 100
MOVED = "Out of the trace"
TRIES = 3


class Derivation:
    """Backwards first, so that it is known which names are spoken of; then forwards."""

    def __init__(self, f: Any, point: Point, labels: Any, chosen: Any, facts: Facts) -> None:
        self.f, self.point, self.labels, self.chosen, self.facts = f, point, labels, chosen, facts
        self.rules = laws(facts)
        self.title = getattr(f, "__name__", "f")
        self.title = "Q" if self.title == "<lambda>" else self.title
        axes = _axes(point)
        names = dict(point.names)
        self.reading: Reading = read(point.program, axes, names, point.fits, facts)
        self.nodes = self.reading.nodes
        self.result: Node = self.nodes[-1]
        every = self.nodes
        self.aliases = {k: n for n in every for k in _alias(n) if n is not self.result}
        self.spoken: set[str] = set()
        self.nodes = _needed(self.nodes)
        self.every = every
        self.active = self._active()
        self.deltas: dict[str, Poly] = {}
        self.steps: list[Step] = []
        self.worst, self.count = 0.0, 0
        self.writing = ""
        self.cancelled: set[str] = set()
        self.shown: dict[str, None] = {}

    def _active(self) -> set[str]:
        found = set(self.chosen)
        for node in self.nodes:
            p = node.definition
            if p is not None and differential(p, found, self.rules).terms:
                found.add(node.head.name)
        return found

    # --- how symbols are written
    def resolve(self, full: bool) -> Callable[[Head], Tree | None]:
        by_name = {n.head.name: n for n in self.nodes}
        sure = self.facts

        def one(head: Head) -> Tree | None:
            node: Any
            if head.kind == "delta_of":
                node = by_name[head.name]
                if full or (not node.named and head.name not in self.shown):
                    return written(self.deltas[head.name], one)
                return sym(self.delta(node))
            node = self.aliases.get(head.key)
            if node is not None and not full and node.head.name != self.writing:
                self.spoken.add(node.head.name)
                return sym(node.head.name)
            if "symmetric" in sure.of(head):
                return Tree("symmetric", (), head.name)
            node = by_name.get(head.name) if head.kind == "symbol" else None
            if node is None or node.definition is None or node is self.result:
                return sym(self.title) if node is self.result and node else None
            return written(node.definition, one) if full or not node.named else None

        return one

    def explanation(self) -> Explanation:
        self.backward()
        self.forward()
        order = [
            "The function",
            "Its differential",
            "Backwards",
            MOVED,
            "The gradient",
            "The Hessian",
        ]
        self.steps.sort(key=lambda s: order.index(s.part))
        self.steps = recurring(_once(self.steps), self._counted())
        self.count = len(self.steps)
        used = tuple(self.facts.used)
        pieces = any(in_pieces(s.right) for s in self.steps)
        return Explanation(
            self.title, tuple(self.steps), used, self.point.sizes,
            Check(self.count, self.worst, pieces), tuple(self.labels), self.closed,
            tuple(self.chosen), {n.head.name: n.head.dims for n in self.nodes},
            self.reading.captured,
        )  # fmt: skip

    def _counted(self) -> frozenset[str]:
        """Names that a loop binds turn by turn: x1, x2, ... where the source has x alone."""
        mine = {n.head.name for n in self.nodes if n.named and n.definition is not None}
        bases = {n.rstrip("0123456789") for n in mine}
        written_ = set(getattr(getattr(self.f, "__code__", None), "co_varnames", ()))
        return frozenset(b for b in bases if b in written_ and f"{b}2" in mine - written_)

    def forward(self) -> None:
        one = self.resolve(False)
        kept = {n.head.name for n in self.nodes} | self.spoken
        self.nodes = [n for n in self.every if n.head.name in kept]
        for node in self.nodes:
            self.writing = node.head.name
            if node.definition is not None and node.named:
                left = self.title if node is self.result else node.head.name
                tree = written(node.definition, one, tidy=True)
                self.add(Step("The function", left, tree, ""), ("value", node))
        for node in self.nodes:
            if node.definition is None or not node.named or node.head.name not in self.active:
                continue
            self.writing = ""
            dp = self._through(differential(node.definition, self.active, self.rules))
            left = self.title if node is self.result else node.head.name
            tree = written(dp, one, tidy=False)
            rule = self._rule(node.definition)
            self.add(Step("Its differential", f"d{left}", tree, rule), ("tangent", node))

    def _rule(self, p: Poly) -> str:
        """The rules of dP, values without a name written out."""
        for node in reversed(self.nodes):
            if not node.named and node.definition is not None:
                p = _put(p, node.head.name, node.definition, self.rules, "symbol")
        return differentiated(p, self.active)

    def _through(self, dp: Poly) -> Poly:
        """The differential with those of values without a name put in."""
        by_name = {n.head.name: n for n in self.nodes}
        while True:
            heads = {h.name for m in dp.terms for h, _, _ in m if h.kind == D}
            hidden = [n for n in heads if not by_name[n].named]
            if not hidden:
                return dp
            node = by_name[hidden[0]]
            assert node.definition is not None
            inner = differential(node.definition, self.active, self.rules)
            dp = _put(dp, hidden[0], inner, self.rules)

    def backward(self) -> None:
        order = [n for n in self.nodes if n.head.name in self.active]
        gradients: dict[str, Poly] = {self.result.head.name: constant(ONE)}
        self.order, self.gradients = order, gradients
        for node in reversed(order):
            name = node.head.name
            if node is not self.result:
                gradients[name] = self._gathered(node, order, gradients)
            if node.definition is not None and node is not self.result and name not in self.chosen:
                self.deltas[name] = gradients[name]
                if len(gradients[name].terms) > 1:
                    gradients[name] = symbol(Head("delta_of", name, node.head.dims))
                    if node.named or self._readers(node) > 1:
                        self.shown[name] = None
                        tree = written(self.deltas[name], self.resolve(False))
                        left = self.delta(node)
                        assert node.definition is not None
                        of = (
                            name
                            if node.named
                            else text(written(node.definition, self.resolve(False)))
                        )
                        of = of if node.named else f"({of})"
                        self.move(node, tree, "Backwards")
                        rule = f"= d{self.title}/d{of}, the factor of d{of}"
                        self.add(Step("Backwards", left, tree, rule), ("adjoint", node))
        self.closed: dict[str, Tree] = {}
        for name in self.chosen:
            node = next(n for n in self.nodes if n.head.name == name)
            p = gradients.get(name, constant(ONE * 0, node.head.dims))
            self.gradient(node, p)

    def delta(self, node: Node) -> str:
        """The name of an adjoint: of a value without one they are counted."""
        if node.named:
            return f"delta_{node.head.name}"
        hidden = [n for n in self.shown if n.startswith("_")]
        return f"delta{hidden.index(node.head.name) + 1}"

    def _readers(self, node: Node) -> int:
        """How many active values a value is made of: so many gradients share its adjoint."""
        assert node.definition is not None
        return len(set(_symbols(node.definition)) & self.active)

    def gradient(self, node: Node, p: Poly) -> None:
        name = node.head.name
        left = f"d{self.title}/d{name}"
        short, full = written(p, self.resolve(False)), written(p, self.resolve(True))
        self.closed[name] = full
        self.move(node, short, MOVED)
        rule = ("g dx gives g", "g'dx gives g", "tr(G'dX) gives G")[min(len(node.head.dims), 2)]
        if text(short) != text(full):
            self.add(Step("The gradient", left, short, rule), ("adjoint", node))
            rule = put_in(short, full)
        if text(short) == text(full) or len(text(full)) <= CLOSED:
            self.add(Step("The gradient", left, full, rule), ("adjoint", node))
        if len(node.head.dims) == 1 and len(self.chosen) == 1:
            self.hessian(node, p)

    def move(self, node: Node, gradient: Tree, part: str) -> None:
        """The lines that take dX out of the trace: what dX adds to dQ, and the same as tr(G'dX)."""
        head, name = node.head, node.head.name
        readers = [n for n in self.order if n.definition is not None and n is not node]
        if not node.named or (gradient.op == "num" and gradient.data == 0):
            return
        first = chained(head, readers, self.gradients, self.rules, self.resolve(False))
        last = closed(gradient, head)
        left = f"d{self.title}" if self._whole(node) else f"d_{name} {self.title}"
        for tree, rule in ((first, self._chain(node, readers)), (last, first)):
            if tree is None:
                continue
            law = rule if isinstance(rule, str) else moves(rule, head) if rule else "in indices"
            if tree is last and "sigma(-" in text(first or last) and "sigma(-" not in text(last):
                law += ", sigma(-z) = 1 - sigma(z)"
            if tree is last and name in self.cancelled:
                law += ", what cancels is left out"
            self.add(Step(part, left, tree, law), ("share", node))

    def _chain(self, node: Node, readers: Sequence[Node]) -> str:
        """dQ = tr((dQ/dZ)'dZ), for the Z that are made of a value."""
        made = [n for n in readers if n.definition and node.head.name in _symbols(n.definition)]
        named = [n for n in made if n.named and n is not self.result]
        if len(named) < len(made) or not named:
            return f"the part of d{self.title} with d{node.head.name}"
        terms = [self._inside(n) for n in named]
        put = ", ".join(f"d{n.head.name}" for n in named)
        return f"{put} put into {' + '.join(terms)}"

    def _inside(self, node: Node) -> str:
        """tr((dQ/dZ)'dZ) as it is called here."""
        name, shown = node.head.name, node.head.name in self.shown
        u = self.delta(node) if shown else f"(d{self.title}/d{name})"
        rank = len(node.head.dims)
        return f"tr({u}'d{name})" if rank == 2 else f"{u}'d{name}" if rank else f"{u} d{name}"

    def _whole(self, node: Node) -> bool:
        """Whether all of dQ goes through a value."""
        for k in range(TRIES):
            v = self.values(k)
            share, whole = v["share"][node.head.name], v["tangent"][self.result.head.name]
            if not deviation(np.asarray(share), np.asarray(whole, float)) < 1e-9:
                return False
        return True

    def hessian(self, node: Node, p: Poly) -> None:
        """The second differential: dG = H dx, if it has a form that a line holds."""
        name = node.head.name
        for key, inner in reversed(self.deltas.items()):
            p = _put(p, key, inner, self.rules, "delta_of")
        dp = differential(p, self.active, self.rules)
        for inner_node in reversed(self.nodes):
            if inner_node.definition is not None:
                dn = differential(inner_node.definition, self.active, self.rules)
                dp = _put(dp, inner_node.head.name, dn, self.rules)
        tree = written(second(dp, node.head, self.rules), self.resolve(False))
        if len(text(tree)) <= HESSIAN:
            left = f"d^2{self.title}/d{name}^2"
            rule = f"the differential of d{self.title}/d{name} is H d{name}"
            self.add(Step("The Hessian", left, tree, rule), ("hessian", node))

    def _gathered(self, node: Node, order: Sequence[Node], gradients: Mapping[str, Poly]) -> Poly:
        parts = []
        for reader in order:
            if reader.definition is None or reader is node:
                continue
            dp = differential(reader.definition, {node.head.name}, self.rules)
            if dp.terms:
                parts.append(moved(dp, node.head, gradients[reader.head.name], self.rules))
        found = add(*parts) if parts else constant(ONE * 0, node.head.dims)
        for atoms, c in list(found.terms.items()):  # 1'(x - mean x) = 0
            if not self._opened(Poly(found.dims, {atoms: c})).terms:
                self.cancelled.add(node.head.name)
                found = Poly(found.dims, {m: v for m, v in found.terms.items() if m != atoms})
        opened = self._opened(found)
        return opened if _atoms(opened) < _atoms(found) else found

    def _opened(self, p: Poly) -> Poly:
        """The formula with values that have no name written out, if that lets terms cancel."""
        for node in self.nodes:
            if not node.named and node.definition is not None:
                p = _put(p, node.head.name, node.definition, self.rules, "symbol")
        return better(p, self.rules)

    # --- the check
    def add(self, step: Step, what: tuple[str, Node]) -> None:
        """A line that holds at all points; AssertionError for one that doesn't."""
        kind, node = what
        for k in range(TRIES):
            values = self.values(k)
            got = np.asarray(evaluate(step.right, values["env"]), float)
            want = np.asarray(values[kind][node.head.name], float)
            off = deviation(got, want)
            if not off < 1e-7:
                raise UnsupportedError(
                    f"explain found no formula for {step.left} that holds: {text(step.right)} is "
                    f"off by {off:.1e}. This happened in {self.title}. "
                    "Please report the function; wengert.formulas shows its list."
                )
            self.worst = max(self.worst, off)
        self.count += 1
        self.steps.append(step)

    def values(self, k: int) -> dict[str, Any]:
        if not hasattr(self, "_points"):
            self._points: dict[int, dict[str, Any]] = {}
        if k not in self._points:
            self._points[k] = numbers(self, k)
        values = self._points[k]
        for name in self.deltas:  # the printed deltas, as computed by wengert
            if name in self.shown:
                node = next(n for n in self.every if n.head.name == name)
                values["env"][self.delta(node)] = values["adjoint"][name]
        return values


def _axes(point: Point) -> dict[tuple[Any, int], Any]:
    """The symbol of each axis; the number where it can't change."""
    sizes, axes = symbols(point.program)
    by_size: dict[int, str] = {}
    for name, n in point.sizes.items():
        by_size.setdefault(n, name)
    return {key: by_size.get(sizes[s], sizes[s]) for key, s in axes.items()}


def _once(steps: Sequence[Step]) -> list[Step]:
    """Each line where it stands first."""
    kept: dict[str, Step] = {}
    for s in steps:
        kept.setdefault(str(s), s)
    return list(kept.values())


def _alias(node: Node) -> list[str]:
    """The key of the atom that a named value is, if it is a single one."""
    if node.definition is None or not node.named or len(node.definition.terms) != 1:
        return []
    ((atoms, c),) = node.definition.terms.items()
    if (
        c != 1
        or len(atoms) != 1
        or atoms[0][2] != 1
        or atoms[0][0].kind not in ("fn", "row", "matrix")
    ):
        return []
    return [atoms[0][0].key] if atoms[0][1] == tuple(range(len(node.definition.dims))) else []


def _needed(nodes: Sequence[Node]) -> list[Node]:
    """The inputs, and what the result is made of."""
    wanted = {nodes[-1].head.name}
    for node in reversed(nodes):
        if node.head.name in wanted and node.definition is not None:
            wanted |= set(_symbols(node.definition))
    return [n for n in nodes if n.definition is None or n.head.name in wanted]


def _symbols(p: Poly) -> Iterator[str]:
    for atoms in p.terms:
        for head, _, _ in atoms:
            if head.kind == "symbol":
                yield head.name
            for a in head.args:
                yield from _symbols(a)


def _atoms(p: Poly) -> int:
    return sum(len(m) + 1 for m in p.terms)


def _put(dp: Poly, name: str, inner: Poly, rules: Any, kind: str = D) -> Poly:
    """The formula with a symbol that stands in it replaced by another formula."""
    raws = []
    for raw in instances(dp, range(len(dp.dims))):
        at = [
            i
            for i, (h, _, q) in enumerate(raw.atoms)
            if h.kind == kind and h.name == name and q == 1
        ]
        if not at:
            raws.append(raw)
            continue
        labels, rest = raw.atoms[at[0]][1], raw.atoms[: at[0]] + raw.atoms[at[0] + 1 :]
        for new in instances(inner, labels):
            c = multiply(raw.coefficient, new.coefficient)
            raws.append(Raw(c, rest + new.atoms, raw.sums | new.sums))
    return collect(dp.dims, raws, rules)
