"""The notes' two tables: values and derivatives forward, adjoints backward."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import DtypeError, sentences
from wengert.explanation.board import formulas
from wengert.ir.program import Program, Var
from wengert.ir.types import Array
from wengert.trace.unify import array
from wengert.transforms.derivatives import Point, at_point
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import pullback

MOST_PASSES = 6


@dataclass(frozen=True, slots=True)
class Tables:
    """The two modes at one point; print it, or read `forward` and `reverse` as rows of text."""

    forward: tuple[tuple[str, ...], ...]
    reverse: tuple[tuple[str, ...], ...]
    summary: str

    def __str__(self) -> str:
        return "\n".join(
            [
                "Forward mode: one pass for each input, from the first line to the last",
                _layout(self.forward),
                "",
                "Reverse mode: one pass for all inputs, from the last line to the first",
                _layout(self.reverse),
                "",
                self.summary,
            ]
        )


def tables(f: Callable[..., Any], *args: Any) -> Tables:
    """The evaluation traces of a scalar function at a point, as the notes tabulate them.

    An input of up to six numbers in all has one forward column for each; more are shown along one
    direction, all ones. Arrays of more than four numbers are shown by shape and norm.

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
    v1 = sin(x2)  2         v2
    x2            1.0806    v1
    x1            0.841471  v2
    <BLANKLINE>
    2 lines and 2 inputs: forward mode takes 2 passes, reverse mode 1, with 4 numbers kept.
    """
    leaves, structure = tree.flatten(args)
    xs = [array(x) for x in leaves]
    names = [_parameter(f, i) for i in range(len(args))]
    labels = [
        p.replace("[", "").replace("]", "").replace("'", "")
        for a, n in zip(args, names, strict=True)
        for p in tree.paths(a, n)
    ]
    point = at_point(lambda *t: [_scalar(f(*structure.unflatten(t)))], xs, (), labels)
    lines = dict(
        zip([e.outputs[0] for e in point.program.equations], _lines(point.program), strict=True)
    )
    return Tables(_forward(point, lines), _reverse(point, lines), _summary(point))


def _parameter(f: Callable[..., Any], i: int) -> str:
    names = inspect.signature(f).parameters
    return list(names)[i] if i < len(names) else f"x{i + 1}"


def _scalar(y: Any) -> Any:
    if getattr(y, "shape", ()) != ():
        raise DtypeError(
            sentences(
                f"tables needs a scalar function, and this one returned shape {y.shape}.",
                "Reduce it with np.sum.",
            )
        )
    return y


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
            rows.append(
                (text, _show(seen.get(v)), ", ".join(_readers(program, v, name)) or "nothing")
            )
    return tuple(rows)


def _readers(program: Program, v: Var, name: dict[Var, str]) -> list[str]:
    """Whose adjoints were added up into that of v; a view passes on what it got."""
    found = ["result"] if v in program.outputs else []
    for eqn in program.equations:
        if v in eqn.inputs:
            out = eqn.outputs[0]
            found += [name[out]] if name[out] else _readers(program, out, name)
    return list(dict.fromkeys(found))


def _summary(point: Point) -> str:
    n = len(point.program.equations)
    inputs = sum(v.type.size for v in point.program.inputs)
    kept = sum(v.type.size for v in point.env)
    return (
        f"{n} lines and {inputs} inputs: forward mode takes {inputs} passes, reverse mode 1, "
        f"with {kept} numbers kept."
    )


def _show(x: Array | None) -> str:
    if x is None:
        return "0"
    x = np.asarray(x) + 0  # -0 reads as 0
    if x.size > 4:
        return f"|{'x'.join(map(str, x.shape))}| {np.linalg.norm(x.astype(float)):.6g}"
    return (
        f"{x.item():.6g}"
        if x.ndim == 0
        else np.array2string(x, precision=5, separator=" ").replace("\n", "")
    )


def _layout(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows
    )
