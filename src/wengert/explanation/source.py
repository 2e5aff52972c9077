"""Where a line of the list comes from: the text that the user wrote, and the name it was given."""

import ast
import linecache
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from wengert.ir.program import Place, Program, Var

Span = tuple[int, int, int, int]


class Written(NamedTuple):
    """An expression in the user's file: where it stands, its text, and the name it was given."""

    file: str
    line: int
    text: str
    name: str
    function: str

    @property
    def where(self) -> str:
        """`loss.py:12`, as people quote it."""
        return f"{self.file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{self.line}"


@lru_cache(maxsize=8192)
def written(place: Place) -> Written | None:
    """What stands at a place; None where the file can't be read."""
    if place is None:
        return None
    code, instruction = place
    span = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    lines = linecache.getlines(code.co_filename)
    if None in span or not lines or span[1] > len(lines):  # type: ignore[operator]
        return None
    found: Span = span[0], span[2], span[1], span[3]  # type: ignore[assignment]
    name = _targets(code.co_filename, "".join(lines)).get(found, "")
    return Written(code.co_filename, found[0], _cut(lines, found), name, code.co_name)


def _cut(lines: list[str], span: Span) -> str:
    """The text between two places, on one line."""
    first, start, last, end = span
    rows = [line.encode() for line in lines[first - 1 : last]]
    rows[-1] = rows[-1][:end]
    rows[0] = rows[0][start:]
    return " ".join(b" ".join(rows).decode(errors="replace").split())


@lru_cache(maxsize=64)
def _targets(file: str, text: str) -> dict[Span, str]:
    """`z` for the span of the expression in `z = x @ W + b`, for all assignments of a file."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return {}
    found = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[_span(value)] = name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[_span(value)] = name
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                found[_span(value)] = name
            case ast.AugAssign(target=ast.Name(id=name)):
                found[_span(node)] = name
    return found


def _span(node: ast.expr | ast.stmt) -> Span:
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def names(program: Program) -> dict[Var, str]:
    """The user's own names: of the inputs, and of each line that an assignment ends in.

    A name that is bound several times, as in a loop, gets a number: h_1, h_2, ...
    """
    found = {v: v.name or f"x{i + 1}" for i, v in enumerate(program.inputs)}
    bound: list[tuple[Var, str]] = []
    places = [eqn.place for eqn in program.equations]
    afters = [*places, None][1:]
    for eqn, place, after in zip(program.equations, places, afters, strict=True):
        text = written(place)
        if text is not None and text.name and len(eqn.outputs) == 1 and after != place:
            bound.append((eqn.outputs[0], text.name))
    times = Counter([*found.values(), *[name for _, name in bound]])
    seen: Counter[str] = Counter()
    for var, name in bound:
        seen[name] += 1
        found[var] = name if times[name] == 1 else f"{name}_{seen[name]}"
    return found
