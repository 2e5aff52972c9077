"""The notes' two tables: values and derivatives forward, adjoints backward."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from wengert.explanation.board import formulas
from wengert.explanation.record import plain, recorded
from wengert.ir.families import Along, Contraction, Reduction, View
from wengert.ir.liveness import dying
from wengert.ir.program import Equation, Program, Var, read
from wengert.ir.types import Array
from wengert.passes.prune import prune
from wengert.passes.share import share
from wengert.transforms.derivatives import Point
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import adjoint_of, pullback

FORWARD = "Forward mode: one pass for each input, from the first line to the last"
REVERSE = "Reverse mode: one pass for all inputs, from the last line to the first"
COST = "What each costs"
MOST_PASSES = 6


@dataclass(frozen=True, slots=True)
class Tables:
    """The two modes at one point: print it, or read `forward`, `reverse` and `cost` as rows."""

    forward: tuple[tuple[str, ...], ...]
    reverse: tuple[tuple[str, ...], ...]
    cost: tuple[tuple[str, ...], ...]
    summary: str

    @property
    def text(self) -> str:
        """The tables one below the other."""
        parts = [f"{head}\n{_layout(rows)}" for head, rows in self._parts()]
        return "\n\n".join([*parts, self.summary])

    @property
    def html(self) -> str:
        """The two modes side by side, for a page or a notebook."""
        found = [f"<div><p>{head}</p>{_html(rows)}</div>" for head, rows in self._parts()]
        both = f'<div style="display:flex;flex-wrap:wrap;gap:2em">{found[0]}{found[1]}</div>'
        return f'<div class="wengert-tables">{both}{found[2]}<p>{escape(self.summary)}</p></div>'

    def _parts(self) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
        return [(FORWARD, self.forward), (REVERSE, self.reverse), (COST, self.cost)]

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.text


def tables(f: Callable[..., Any], *args: Any) -> Tables:
    """The evaluation traces of a scalar function at a point, as the notes tabulate them.

    An input of up to six numbers in all has one forward column for each; more are shown along one
    direction, all ones. Arrays of more than four numbers are shown by shape and norm. A line's
    adjoint is the sum of what each line that reads it hands back; that stands beside it. The costs
    count multiplications, additions and functions of the value and a sweep, slopes at hand.

    >>> print(tables(lambda x1, x2: x1 * np.sin(x2), 2.0, 1.0))
    Forward mode: one pass for each input, from the first line to the last
    line          value     d/dx1     d/dx2
    x1            2         1         0
    x2            1         0         1
    v1 = sin(x2)  0.841471  0         0.540302
    v2 = x1 v1    1.68294   0.841471  1.0806
    <BLANKLINE>
    Reverse mode: one pass for all inputs, from the last line to the first
    line          adjoint   from
    v2 = x1 v1    1         result
    v1 = sin(x2)  2         v2: 2
    x2            1.0806    v1: 1.0806
    x1            0.841471  v2: 0.841471
    <BLANKLINE>
    What each costs
    mode     passes  operations a pass  in all  numbers kept
    value    1       2                  2       3
    forward  2       6                  12      6
    reverse  1       5                  5       4
    <BLANKLINE>
    2 lines and 2 inputs: forward mode takes 2 passes, reverse mode 1, with 4 numbers kept.
    """
    point = recorded(f, args, "tables", as_written=False)
    point = Point(share(prune(point.program)), point.env)
    lines = dict(
        zip([e.outputs[0] for e in point.program.equations], _lines(point.program), strict=True)
    )
    return Tables(_forward(point, lines), _reverse(point, lines), _cost(point), _summary(point))


def _lines(program: Program) -> list[str]:
    """One formula for each equation, also for the views that a derivation would pass over."""
    written = iter(formulas(program))
    out, count = [], 0
    for eqn in program.equations:
        if eqn.primitive.name in ("broadcast", "reshape", "convert") and len(eqn.outputs) == 1:
            out.append("")
        else:
            count += 1
            out.append(next(written))
    return out


def _forward(point: Point, lines: dict[Var, str]) -> tuple[tuple[str, ...], ...]:
    program = point.program
    total = sum(v.type.size for v in program.inputs)
    passes = _directions(program, total)
    columns = [_tangents(point, dxs) for _, dxs in passes]
    rows = [("line", "value", *[name for name, _ in passes])]
    for v in program.inputs:
        rows.append((v.name, _show(point.env[v]), *[_show(c.get(v)) for c in columns]))
    for v, line in lines.items():
        if line:
            rows.append((line, _show(point.env[v]), *[_show(c.get(v)) for c in columns]))
    return tuple(rows)


def _directions(program: Program, total: int) -> list[tuple[str, list[Array]]]:
    """One unit direction for each number, or all ones at once where there are many."""
    if total > MOST_PASSES:
        return [("along 1", [np.ones(v.type.shape, v.type.dtype) for v in program.inputs])]
    out = []
    for v in program.inputs:
        for j in range(v.type.size):
            dxs = [np.zeros(w.type.shape, w.type.dtype) for w in program.inputs]
            dxs[program.inputs.index(v)].reshape(-1)[j] = 1
            at = ", ".join(str(i) for i in np.unravel_index(j, v.type.shape))
            out.append((f"d/d{v.name}[{at}]" if at else f"d/d{v.name}", dxs))
    return out


def _tangents(point: Point, dxs: Sequence[Array]) -> dict[Var, Array]:
    """The tangent of every variable: the list again, with every variable as a result."""
    every = [*point.program.inputs, *[v for eqn in point.program.equations for v in eqn.outputs]]
    whole = Program(point.program.inputs, point.program.equations, every)
    found = zip(every, pushforward(whole, point.env, dxs), strict=True)
    return {v: d for v, d in found if d is not None}


def _reverse(point: Point, lines: dict[Var, str]) -> tuple[tuple[str, ...], ...]:
    program = point.program
    seen: dict[Var, Array] = {}
    one = np.ones((), program.outputs[0].type.dtype)[()]
    gradient = pullback(program, point.env, [one], seen=seen)
    seen.update((v, g) for v, g in zip(program.inputs, gradient, strict=True) if g is not None)
    name = {v: line.split(" = ")[0] for v, line in lines.items()}
    rows = [("line", "adjoint", "from")]
    for v in [*reversed(list(lines)), *reversed(program.inputs)]:
        text = lines.get(v, v.name)
        if text:
            parts = _parts_of(point, v, name, seen)
            rows.append((text, _show(seen.get(v)), " + ".join(parts) or "nothing"))
    return tuple(rows)


def _parts_of(point: Point, v: Var, name: dict[Var, str], seen: dict[Var, Array]) -> list[str]:
    """Who hands back how much to the adjoint of v; a view passes on what it got."""
    found = ["result"] if v in point.program.outputs else []
    for eqn in point.program.equations:
        if v in eqn.inputs:
            out = eqn.outputs[0]
            if not name[out]:
                found += _parts_of(point, out, name, seen)
                continue
            flow = _flow(point, eqn, v, seen)
            if flow is not None:
                found.append(f"{name[out]}: {_show(flow)}")
    return found


def _flow(point: Point, eqn: Equation, v: Var, seen: dict[Var, Array]) -> Array | None:
    """What one line adds to the adjoint of an operand."""
    us = [seen.get(out) for out in eqn.outputs]
    if all(u is None for u in us):
        return None
    xs, ys = [read(point.env, a) for a in eqn.inputs], [point.env[out] for out in eqn.outputs]
    wants = [a is v and a.type.differentiable for a in eqn.inputs]
    with np.errstate(all="ignore"):
        flows = adjoint_of(eqn, xs, ys, us, wants)
    given = [u for u, want in zip(flows, wants, strict=True) if want and u is not None]
    return sum(given[1:], given[0]) if given else None


def _cost(point: Point) -> tuple[tuple[str, ...], ...]:
    """Operations and memory of the value, of n forward passes, and of the one reverse pass."""
    program, inputs = point.program, sum(v.type.size for v in point.program.inputs)
    value, live = _operations(program), _live(program)
    ahead = value + _operations(point.linear(forward=True))
    back = value + _operations(point.linear(forward=False))
    kept = _kept(point)
    rows = [
        ("value", 1, value, live),
        ("forward", inputs, ahead, 2 * live),
        ("reverse", 1, back, kept),
    ]
    head = ("mode", "passes", "operations a pass", "in all", "numbers kept")
    return head, *[(m, str(n), str(ops), str(n * ops), str(k)) for m, n, ops, k in rows]


def _operations(program: Program) -> int:
    """Multiplications, additions and functions: 2 m n k for a product, n for a sum of n terms."""
    total = 0
    for eqn in program.equations:
        family = eqn.primitive.family
        if isinstance(family, Contraction):
            operands, out = eqn.params["spec"].split("->")
            sizes = dict(
                zip(
                    operands.replace(",", ""),
                    [n for a in eqn.inputs for n in a.type.shape],
                    strict=True,
                )
            )
            total += (2 if set(operands) - set(out) - {","} else 1) * math.prod(sizes.values())
        elif isinstance(family, Reduction | Along):
            total += eqn.inputs[0].type.size
        elif not isinstance(family, View):
            total += sum(v.type.size for v in eqn.outputs)
    return total


def _kept(point: Point) -> int:
    """The numbers that wait for the way back: all."""
    made = [v for eqn in point.program.equations for v in eqn.outputs]
    return sum(v.type.size for v in (*point.program.inputs, *made))


def _live(program: Program) -> int:
    """The most numbers that wait for a reader at one time."""
    now = most = sum(v.type.size for v in program.inputs)
    for eqn, dead in zip(program.equations, dying(program), strict=True):
        now += sum(v.type.size for v in eqn.outputs)
        most = max(most, now)
        now -= sum(v.type.size for v in dead)
    return most


def _summary(point: Point) -> str:
    n = len(point.program.equations)
    inputs = sum(v.type.size for v in point.program.inputs)
    kept = _kept(point)
    return (
        f"{n} lines and {inputs} inputs: forward mode takes {inputs} passes, reverse mode 1, "
        f"with {kept} numbers kept."
    )


_show = plain


def _html(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows[1:]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _layout(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows
    )
