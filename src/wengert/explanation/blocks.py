"""Which lines of a list belong together: those of one statement, or of one function called."""

import ast
import linecache
from functools import lru_cache
from itertools import islice
from types import CodeType
from typing import Any, NamedTuple

from wengert.ir.program import Place


class Block(NamedTuple):
    """Whose code, which statement of it, and the name of a function that was called."""

    code: Any
    statement: int
    name: str


def block_of(place: Place, own: CodeType | None) -> Block:
    """The block of a line asked for at this place.

    In a function that the traced one calls, all lines are one block of that function's name.
    """
    if place is None:
        return Block(None, 0, "")
    code, instruction = place
    if own is not None and code is not own and code not in own.co_consts:  # a lambda inside is own
        return Block(code, 0, f"{code.co_name}(…)")
    line = next(islice(code.co_positions(), instruction // 2, None), (None,))[0] or 0
    text = "".join(linecache.getlines(code.co_filename))
    return Block(code, _statements(text).get(line, line), "")


@lru_cache(maxsize=64)
def _statements(text: str) -> dict[int, int]:
    """The first line of the simple statement that stands on each line."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    found: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Expr):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, node.lineno)
    return found
