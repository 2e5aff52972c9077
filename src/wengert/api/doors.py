"""A door for calls of one structure: Python written for it takes the trees apart and builds them.

def enter(*args):                      # for f(layers, x) with layers = [(W, b)]
    if len(args) != 2: return slow(*args)
    a0, a1 = args
    if type(a0) is not list or len(a0) != 1: return slow(*args)
    (a2,) = a0
    ...
    r = quick(a3, a4, a1)
    return (r[0], r[1]) if type(r) is list else r[0]
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from wengert.tree import Structure

Enter = Callable[..., Any]


def door(
    given: Structure, build: Callable[[list[Any]], Any], quick: Callable[..., Any], slow: Enter
) -> Enter | None:
    """The door of a function from leaves to a list of results; None for trees of other kinds.

    What doesn't fit is `slow`'s; what `quick` returns that is no list is (the answer,).
    """
    if not _plain(given):
        return None
    lines: list[str] = []
    leaves: list[str] = []
    known: dict[str, Any] = {"quick": quick, "slow": slow, "build": build}
    _take(given, "args", lines, leaves, count(), known)
    made = getattr(build, "__self__", None)
    whole = isinstance(made, Structure) and _plain(made)
    result = _build(made, count(), known) if whole else "build(r)"
    lines += [
        f"r = quick({', '.join(leaves)})",
        f"return {result} if type(r) is list else r[0]",
    ]
    source = "def enter(*args):\n" + "".join(f"    {line}\n" for line in lines)
    exec(source, known)  # our own text: names and numbers only
    enter: Enter = known["enter"]
    return enter


def _plain(tree: Structure) -> bool:
    kind = tree.kind
    if kind is None:
        return True
    return kind in (tuple, list, dict) and all(map(_plain, tree.children))


def _take(
    tree: Structure, name: str, lines: list[str], leaves: list[str], names: Any,
    known: dict[str, Any],
) -> None:  # fmt: skip
    """Take a container apart, or leave by the slow way."""
    if tree.kind is None:
        leaves.append(name)
        return
    kind, size = tree.kind.__name__, len(tree.children)
    fits = f"type({name}) is not {kind} or len({name}) != {size}"
    if tree.kind is dict:
        keys = f"k{next(names)}"
        known[keys] = list(tree.keys)
        fits += f" or [*{name}] != {keys}"
    lines.append(f"if {fits}: return slow(*args)")
    parts = [f"a{next(names)}" for _ in tree.children]
    if parts:
        source = f"{name}.values()" if tree.kind is dict else name
        lines.append(f"{', '.join(parts)}, = {source}")
    for child, part in zip(tree.children, parts, strict=True):
        _take(child, part, lines, leaves, names, known)


def _build(tree: Structure, results: Any, known: dict[str, Any]) -> str:
    """The expression of a tree of results."""
    if tree.kind is None:
        return f"r[{next(results)}]"
    parts = [_build(child, results, known) for child in tree.children]
    if tree.kind is dict:
        keys = f"d{len(known)}"
        known[keys] = tree.keys
        pairs = [f"{keys}[{i}]: {part}" for i, part in enumerate(parts)]
        return "{" + ", ".join(pairs) + "}"
    if tree.kind is list:
        return f"[{', '.join(parts)}]"
    return f"({''.join(f'{part}, ' for part in parts)})"
