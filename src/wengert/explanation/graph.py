"""`graph`: a function's list as a picture with values and adjoints, and as DOT and Mermaid text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from wengert.explanation.blocks import block_of
from wengert.explanation.record import recorded
from wengert.explanation.source import names, written
from wengert.explanation.svg import drawn
from wengert.ir.program import Atom, Const, Equation, Var, read
from wengert.ir.types import Array
from wengert.passes.prune import prune
from wengert.passes.share import share
from wengert.transforms.derivatives import Point
from wengert.transforms.vjp import adjoint_of, pullback

F = Callable[..., Any]
VIEWS = ("broadcast", "reshape", "convert")
MANY = 16
"""Lines from which on the lines of one statement, or of one function, are drawn as one block."""
LONG = 600
"""Lines from which on a loop is drawn as one."""
WIDE = 34


@dataclass(frozen=True, slots=True)
class Node:
    """A box: `kind` is input, constant, line, block or result; `lines` are its text."""

    key: str
    kind: str
    lines: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Whose value goes where; the label is what flows back along it, or the shape of an array."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges in the order of the list; `.svg`, `.dot`, `.mermaid`; notebooks draw it."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def svg(self) -> str:
        """The picture, laid out by igraph: `pip install wengert[explain]`."""
        return drawn(self)

    def _repr_svg_(self) -> str | None:
        try:
            return self.svg
        except ImportError:
            return None

    @property
    def dot(self) -> str:
        """The text that Graphviz draws."""
        rows = ["digraph {", "  node [shape=box, fontname=monospace]"]
        for n in self.nodes:
            label = "\\n".join(_quoted(line) for line in n.lines)
            style = ", style=rounded" if n.kind in ("input", "constant") else ""
            rows.append(f'  {n.key} [label="{label}"{style}]')
        for e in self.edges:
            label = f' [label="{_quoted(e.label)}"]' if e.label else ""
            rows.append(f"  {e.source} -> {e.target}{label}")
        return "\n".join([*rows, "}"])

    @property
    def mermaid(self) -> str:
        """The text that Mermaid draws, as in a page of GitHub."""
        rows = ["flowchart TD"]
        for n in self.nodes:
            label = "<br>".join(_entities(line) for line in n.lines)
            left, right = ("([", "])") if n.kind in ("input", "constant") else ("[", "]")
            rows.append(f'  {n.key}{left}"{label}"{right}')
        for e in self.edges:
            label = f'|"{_entities(e.label)}"|' if e.label else ""
            rows.append(f"  {e.source} -->{label} {e.target}")
        return "\n".join(rows)

    def __str__(self) -> str:
        return self.dot


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _entities(text: str) -> str:
    for mark, code in (
        ("#", "#35;"),
        ("&", "#amp;"),
        ('"', "#quot;"),
        ("<", "#lt;"),
        (">", "#gt;"),
    ):
        text = text.replace(mark, code) if mark != "#" else text.replace("#", "#35;")
    return text


def graph(f: F, *args: Any, blocks: bool | None = None) -> Graph:
    """The list of a scalar function at a point as a graph, with values and adjoints.

    With `blocks`, the lines of one statement (`z = x @ W + b`), and those of a function that f
    calls, are one box; by default from 16 lines on. Views are passed over.

    >>> print(graph(lambda x, y: x * np.sin(y), 2.0, 1.0).mermaid)
    flowchart TD
      n0(["x<br>= 2<br>adjoint 0.84147"])
      n1(["y<br>= 1<br>adjoint 1.0806"])
      n2["np.sin(y)<br>= 0.84147<br>adjoint 2"]
      n3["x * np.sin(y)<br>= 1.6829<br>adjoint 1"]
      n1 -->|"1.0806"| n2
      n0 -->|"0.84147"| n3
      n2 -->|"2"| n3
    """
    point = recorded(f, args, "graph", as_written=True)
    if len(point.program.equations) > LONG:
        point = recorded(f, args, "graph", as_written=False)
    point = Point(share(prune(point.program)), point.env)
    own = getattr(f, "__code__", None)
    lines = sum(e.primitive.name not in VIEWS for e in point.program.equations)
    return _Drawing(point, own, lines >= MANY if blocks is None else blocks).graph()


class _Drawing:
    def __init__(self, point: Point, own: Any, blocks: bool) -> None:
        self.point, self.program, self.own, self.blocks = point, point.program, own, blocks
        self.named = names(self.program)
        self.adjoint: dict[Any, Array] = {}
        one = np.ones((), self.program.outputs[0].type.dtype)[()]
        gradient = pullback(self.program, point.env, [one], seen=self.adjoint)
        pairs = zip(self.program.inputs, gradient, strict=True)
        self.adjoint.update((v, g) for v, g in pairs if g is not None)
        self.home: dict[Any, str] = {}
        self.makers = {v: e for e in self.program.equations for v in e.outputs}
        self.nodes: list[Node] = []
        self.edges: dict[tuple[str, str], list[str]] = {}

    def graph(self) -> Graph:
        for v in self.program.inputs:
            self.home[v] = self._add("input", (self.named[v], *self._numbers(v)), v.name)
        for group in self._groups():
            self._group(group)
        edges = [Edge(a, b, _label(labels)) for (a, b), labels in self.edges.items()]
        used = {e.source for e in edges} | {e.target for e in edges}
        nodes = [n for n in self.nodes if n.key in used or n.kind not in ("constant",)]
        return Graph(tuple(nodes), tuple(edges))

    def _groups(self) -> Iterator[list[Equation]]:
        equations = [e for e in self.program.equations if e.primitive.name not in VIEWS]
        if not self.blocks:
            yield from ([e] for e in equations)
            return
        for _, group in groupby(equations, key=lambda e: block_of(e.place, self.own)):
            yield list(group)

    def _add(self, kind: str, lines: Sequence[str], title: str) -> str:
        key = f"n{len(self.nodes)}"
        self.nodes.append(Node(key, kind, tuple(_short(x) for x in lines if x), title))
        return key

    def _numbers(self, v: Var) -> tuple[str, str]:
        """The value and the adjoint; an array's by shape and norm."""
        adjoint = self.adjoint.get(v)
        value = _number(self.point.env[v])
        return f"= {value}", "" if adjoint is None else f"adjoint {_number(adjoint)}"

    def _group(self, group: Sequence[Equation]) -> None:
        inside = {v for e in group for v in e.outputs}
        sources = [
            (self._source(a, inside), a, e, i) for e in group for i, a in enumerate(e.inputs)
        ]
        last = group[-1].outputs[0]
        result = any(v in self.program.outputs for e in group for v in e.outputs)
        kind = "result" if result else "block" if len(group) > 1 else "line"
        key = self._add(kind, (self._label(group), *self._numbers(last)), self._title(group))
        self.home.update((v, key) for v in inside)
        for source, atom, eqn, i in sources:
            if source is not None and source != key:
                self.edges.setdefault((source, key), []).append(self._flow(atom, eqn, i))

    def _source(self, atom: Atom, inside: set[Var]) -> str | None:
        """The node that an operand comes from, through views; a captured array has its own."""
        while isinstance(atom, Var) and atom not in self.home and atom not in inside:
            atom = self.makers[atom].inputs[0]
        if atom in inside:
            return None
        if isinstance(atom, Const):
            if not atom.type.shape:
                return None
            at = id(atom.value)
            if at not in self.home:
                text = f"constant {'×'.join(map(str, atom.type.shape))}"
                self.home[at] = self._add("constant", (text,), text)
            return self.home[at]
        return self.home[atom]

    def _flow(self, atom: Atom, eqn: Equation, i: int) -> str:
        """What the line adds to its operand's adjoint, for numbers; the shape, for arrays."""
        if atom.type.shape:
            return "×".join(map(str, atom.type.shape))
        us = [self.adjoint.get(v) for v in eqn.outputs]
        if isinstance(atom, Const) or not atom.type.differentiable or us[0] is None:
            return ""
        env = self.point.env
        xs, ys = [read(env, a) for a in eqn.inputs], [env[v] for v in eqn.outputs]
        flows = adjoint_of(eqn, xs, ys, us, [a.type.differentiable for a in eqn.inputs])
        return "0" if flows[i] is None else _number(flows[i])

    def _label(self, group: Sequence[Equation]) -> str:
        text, block = written(group[-1].place), block_of(group[-1].place, self.own)
        if text is None or (len(group) > 1 and block.name):
            return block.name or group[-1].primitive.name
        name = self.named.get(group[-1].outputs[0], "")
        return f"{name} = {text.text}" if name else text.text

    def _title(self, group: Sequence[Equation]) -> str:
        text = written(group[-1].place)
        parts = ", ".join(e.primitive.name for e in group)
        return f"{text.where}: {text.text} [{parts}]" if text else parts


def _label(labels: Sequence[str]) -> str:
    """One label for the edges between two boxes."""
    return ", ".join(dict.fromkeys(x for x in labels if x))


def _number(x: Array) -> str:
    """Five digits of a number, or the shape of an array and its norm."""
    x = np.asarray(x) + 0
    if not x.ndim:
        return f"{x.item():.5g}"
    return f"{'×'.join(map(str, x.shape))}, norm {np.linalg.norm(x.astype(float)):.4g}"


def _short(text: str) -> str:
    return text if len(text) <= WIDE else text[: WIDE - 1] + "…"
