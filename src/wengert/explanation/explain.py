"""The derivation of a NumPy function's gradient in matrix notation, every line checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert import tree as trees_of
from wengert.api.arguments import identifier, parameter
from wengert.api.derivatives import hessian
from wengert.errors import DtypeError, InputError, UnsupportedError, WengertError, sentences
from wengert.explanation.laws import Facts, detect, laws
from wengert.explanation.matrix import written
from wengert.explanation.reading import Node, Reading, read
from wengert.explanation.sampling import Fits, aligned, fitted, resized, shapes, traced
from wengert.explanation.sampling import PRIMES as PRIMES_OF
from wengert.explanation.sweep import D, better, differential, moved, second
from wengert.explanation.terms import (
    ONE, Head, Poly, Raw, add, collect, constant, instances, multiply, symbol,
)  # fmt: skip
from wengert.explanation.latex import latex_of
from wengert.explanation.page import page
from wengert.explanation.source import source
from wengert.explanation.text import text
from wengert.explanation.trees import Tree, evaluate, sym
from wengert.ir.dims import symbols
from wengert.ir.program import Program, Var
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import pullback

CLOSED, HESSIAN = 70, 100
TRIES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the derivation: `left = right`, and the rule that gave it."""

    part: str
    left: str
    right: Tree
    rule: str

    def __str__(self) -> str:
        return f"{self.left} = {text(self.right)}"


@dataclass(frozen=True, slots=True)
class Check:
    """How many identities were computed at random points, and the worst relative deviation."""

    identities: int
    worst: float
    pieces: bool

    def __str__(self) -> str:
        note = " Only the pieces that the samples met are covered." if self.pieces else ""
        return f"checked: {self.identities} identities, worst deviation {self.worst:.1e}.{note}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A derivation: print it, or read `.text`, `.latex`, `.html`, `.steps`, `.check`, `.code()`."""

    name: str
    steps: tuple[Step, ...]
    facts: tuple[str, ...]
    sizes: Mapping[str, int]
    check: Check
    inputs: tuple[str, ...] = ()
    gradient: Mapping[str, Tree] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    captured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def latex(self) -> str:
        """The derivation as LaTeX: one aligned environment for each part."""
        return latex_of(self.steps)

    @property
    def html(self) -> str:
        """One page that needs nothing else: MathML, parts that fold, light and dark."""
        return page(self)

    def _repr_html_(self) -> str:
        return self.html

    def _repr_latex_(self) -> str:
        return self.latex

    def code(self) -> str:
        """The gradient as a NumPy function that needs no wengert.

        Raises UnsupportedError where the function captured arrays, which code can't hold.
        """
        if self.captured:
            raise UnsupportedError(
                sentences("The function captured arrays.", "Pass them as arguments.")
            )
        return source(self.name, self.inputs, self.gradient, self.shapes)

    @property
    def text(self) -> str:
        """The derivation for a terminal."""
        lines, part = [], ""
        width = max(len(str(s)) for s in self.steps)
        width = min(width, 60)
        for s in self.steps:
            if s.part != part:
                part = s.part
                lines += ["", part]
            lines.append(f"  {s!s:<{width}}  ({s.rule})" if s.rule else f"  {s}")
        if self.facts:
            lines += ["", "Used", *[f"  {f}" for f in self.facts]]
        return "\n".join([*lines[1:], "", str(self.check)])

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


def explain(
    f: Callable[..., Any],
    *examples: Any,
    wrt: str | Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Explanation:
    """The derivation of the gradient of a scalar function, from its own NumPy code.

    `wrt` names the parameters to differentiate (the first by default), `names` the dimensions of
    inputs (`{"X": "N d"}`), `facts` what is known of inputs (`{"A": "symmetric"}`) beside what
    the examples show. Every line is computed at random points of other sizes and compared with
    wengert's own derivatives; what doesn't agree is an error. Raises UnsupportedError for an
    equation that no formula says.

    >>> def q(x, A):
    ...     return x @ A @ x
    >>> print(explain(q, np.ones(3), np.arange(9.0).reshape(3, 3)).steps[-1])
    dq/dx = (A + A') x
    """
    labels = [identifier(parameter(f, i)) for i in range(len(examples))]
    args = [_array(x, n) for x, n in zip(examples, labels, strict=True)]
    chosen = _chosen(wrt, labels)
    known = {n: _declared(x, (facts or {}).get(n)) for n, x in zip(labels, args, strict=True)}
    point = _Point.at(f, args, labels, names or {}, known)
    return _Derivation(f, point, labels, chosen, Facts(known)).explanation()


def _array(x: Any, name: str) -> Any:
    leaves, _ = trees_of.flatten(x)
    if len(leaves) != 1 or leaves[0] is not x:
        raise DtypeError(
            sentences(f"explain was given {name} as a container.", "Pass its arrays one by one.")
        )
    return np.asarray(x)


def _chosen(wrt: Any, labels: Sequence[str]) -> list[str]:
    chosen = [labels[0]] if wrt is None else [wrt] if isinstance(wrt, str) else list(wrt)
    for name in chosen:
        if name not in labels:
            raise InputError(sentences(f"wrt names {name!r}, no parameter.", "Check its spelling."))
    return chosen


def _declared(x: Any, said: str | None) -> frozenset[str]:
    found = detect(x)
    if said is not None and said not in found:
        raise InputError(
            sentences(f"The fact {said!r} doesn't hold of the example.", "Pass data that has it.")
        )
    return found


@dataclass(slots=True)
class _Point:
    """The list at sizes that are all different primes, and data of those sizes."""

    program: Program
    names: dict[Var, str]
    sizes: dict[str, int]
    fits: Fits
    args: list[Any]
    again: Callable[[Any], list[Any]]

    @staticmethod
    def at(f: Any, args: list[Any], labels: Any, named: Any, known: Any) -> "_Point":
        first, _ = traced(f, args, labels)
        if first.outputs[0].type.shape != ():
            raise DtypeError(
                sentences(
                    f"explain needs a scalar function; this returned {first.outputs[0].type}.",
                    "Reduce it with np.sum.",
                )
            )
        sizes, dims = shapes(first, named)
        free = list(sizes)
        while True:
            found = _resized(f, first, args, labels, dims, sizes, free, known)
            if found is not None:
                return found
            if not free:
                raise UnsupportedError(
                    sentences("The list changes from run to run.", "Make the function pure.")
                )
            free = free[:-1] if len(free) > 1 else []


def _resized(
    f: Any, first: Program, args: Any, labels: Any, dims: Any, sizes: Any, free: Any, known: Any
) -> _Point | None:
    """The list at two choices of sizes, if both are the same list but for sizes."""
    found = []
    for k, primes in enumerate(PRIMES_OF):
        new = dict(sizes) | dict(zip(free, primes, strict=False))

        def data(seed: Any, new: Any = new) -> list[Any]:
            rng = np.random.default_rng(seed)
            return [
                resized(x, tuple([new.get(d, d) for d in ds]), known[n], rng, new)
                for x, n, ds in zip(args, labels, dims, strict=True)
            ]

        try:
            program, names = traced(f, data(k), labels)
        except (WengertError, ValueError, IndexError, TypeError):
            return None
        if not aligned(program, first):
            return None
        found.append((program, names, new, data))
    (a, names, sa, data), (b, _, sb, _) = found
    fits = fitted(a, b, sa, sb)
    return None if fits is None else _Point(a, names, sa, fits, data(0), data)


class _Derivation:
    def __init__(self, f: Any, point: _Point, labels: Any, chosen: Any, facts: Facts) -> None:
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
        self.shown: dict[str, None] = {}

    def _active(self) -> set[str]:
        found = set(self.chosen)
        for node in self.nodes:
            if node.definition is not None:
                if differential(node.definition, found, self.rules).terms:
                    found.add(node.head.name)
        return found

    # --- how symbols are written
    def resolve(self, full: bool) -> Callable[[Head], Tree | None]:
        by_name = {n.head.name: n for n in self.nodes}
        sure = self.facts

        def one(head: Head) -> Tree | None:
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
        order = ["The function", "Its differential", "Backwards", "The gradient", "The Hessian"]
        self.steps.sort(key=lambda s: order.index(s.part))
        used = tuple(self.facts.used)
        pieces = any("greater" in s.right.__repr__() for s in self.steps)
        return Explanation(
            self.title, tuple(self.steps), used, self.point.sizes,
            Check(self.count, self.worst, pieces), tuple(self.labels), self.closed,
            tuple(self.chosen), {n.head.name: n.head.dims for n in self.nodes},
            self.reading.captured,
        )  # fmt: skip

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
            self.add(Step("Its differential", f"d{left}", tree, ""), ("tangent", node))

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
                        of = name if node.named else text(written(node.definition, self.resolve(False)))
                        of = of if node.named else f"({of})"
                        self.add(
                            Step("Backwards", left, tree, f"d{self.title}/d{of}"),
                            ("adjoint", node),
                        )
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
        if text(short) != text(full):
            self.add(Step("The gradient", left, short, ""), ("adjoint", node))
        if text(short) == text(full) or len(text(full)) <= CLOSED:
            self.add(Step("The gradient", left, full, ""), ("adjoint", node))
        if len(node.head.dims) == 1 and len(self.chosen) == 1:
            self.hessian(node, p)

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
            self.add(Step("The Hessian", left, tree, ""), ("hessian", node))

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
            off = _deviation(got, want)
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
            self._points[k] = _numbers(self, k)
        values = self._points[k]
        for name in self.deltas:  # the printed deltas, as computed by wengert
            if name in self.shown:
                node = next(n for n in self.every if n.head.name == name)
                values["env"][self.delta(node)] = values["adjoint"][name]
        return values


def _numbers(d: _Derivation, k: int) -> dict[str, Any]:
    """Values, tangents along a random direction, and adjoints, by wengert at the k-th point."""
    program = d.point.program
    args = d.point.again(k + 10)
    env = program.run(args)
    rng = np.random.default_rng(k)
    dxs = [
        rng.normal(size=v.type.shape) if v.name in d.chosen else None for v in program.inputs
    ]
    every = [*program.inputs, *[v for eqn in program.equations for v in eqn.outputs]]
    whole = Program(program.inputs, program.equations, every)
    tangents = dict(zip(every, pushforward(whole, env, dxs), strict=True))
    seen: dict[Var, Any] = {}
    rest = [None] * (len(program.outputs) - 1)
    found = pullback(program, env, [np.ones(())[()], *rest], seen=seen)
    seen.update((v, g) for v, g in zip(program.inputs, found, strict=True) if g is not None)
    _independent(program, args, dxs, tangents[program.outputs[0]])
    named: dict[str, Any] = dict(d.point.sizes) | dict(d.reading.captured)
    tables: dict[str, Any] = {"value": {}, "tangent": {}, "adjoint": {}, "hessian": {}, "env": named}
    _second(d, program, args, tables)
    for node in d.every:
        name, zero = node.head.name, np.zeros(node.var.type.shape)  # type: ignore[union-attr]
        named[name] = tables["value"][name] = env[node.var] if node.var in env else 0
        tangent = tangents.get(node.var)  # type: ignore[arg-type]
        named[f"d{name}"] = tables["tangent"][name] = zero if tangent is None else tangent
        adjoint = seen.get(node.var)  # type: ignore[arg-type]
        tables["adjoint"][name] = zero if adjoint is None else adjoint
    return tables


def _second(d: _Derivation, program: Program, args: Any, tables: dict[str, Any]) -> None:
    """The Hessian by wengert, where there may be a line for it."""
    at = [v.name for v in program.inputs].index(d.chosen[0])
    if len(d.chosen) == 1 and program.inputs[at].type.ndim == 1:
        only = Program(program.inputs, program.equations, program.outputs[:1])
        f = lambda x: only(*args[:at], x, *args[at + 1 :])[0]  # noqa: E731
        tables["hessian"][d.chosen[0]] = hessian(f)(args[at])


def _independent(program: Program, args: Any, dxs: Any, slope: Any) -> None:
    """The directional derivative by differences of the reference's own values."""
    h = 1e-5
    ends = []
    for s in (h, -h):
        moved = [x if d is None else x + s * d for x, d in zip(args, dxs, strict=True)]
        ends.append(float(np.asarray(program(*moved)[0])))
    found, want = (ends[0] - ends[1]) / (2 * h), 0.0 if slope is None else float(slope)
    scale = max(abs(found), abs(want), 1e-3 * max(abs(e) for e in ends), 1e-3)
    if not abs(found - want) <= 1e-3 * scale:
        raise UnsupportedError(
            f"The derivative {want:.6g} and differences {found:.6g} don't agree at a random point. "
            "This happened in the function given to explain. Give it where it is smooth."
        )


def _deviation(got: Any, want: Any) -> float:
    if got.size != want.size and got.size != 1:
        return np.inf
    got = np.broadcast_to(got, want.shape) if got.size == 1 else got.reshape(want.shape)
    return float(np.max(np.abs(got - want), initial=0) / max(1.0, np.max(np.abs(want), initial=0)))


def _axes(point: _Point) -> dict[tuple[Any, int], Any]:
    """The symbol of each axis; the number where it can't change."""
    sizes, axes = symbols(point.program)
    by_size: dict[int, str] = {}
    for name, n in point.sizes.items():
        by_size.setdefault(n, name)
    return {key: by_size.get(sizes[s], sizes[s]) for key, s in axes.items()}


def _alias(node: Node) -> list[str]:
    """The key of the atom that a named value is, if it is a single one."""
    if node.definition is None or not node.named or len(node.definition.terms) != 1:
        return []
    ((atoms, c),) = node.definition.terms.items()
    if c != 1 or len(atoms) != 1 or atoms[0][2] != 1 or atoms[0][0].kind not in ("fn", "row", "matrix"):
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
        at = [i for i, (h, _, q) in enumerate(raw.atoms) if h.kind == kind and h.name == name and q == 1]
        if not at:
            raws.append(raw)
            continue
        labels, rest = raw.atoms[at[0]][1], raw.atoms[: at[0]] + raw.atoms[at[0] + 1 :]
        for new in instances(inner, labels):
            c = multiply(raw.coefficient, new.coefficient)
            raws.append(Raw(c, rest + new.atoms, raw.sums | new.sums))
    return collect(dp.dims, raws, rules)
