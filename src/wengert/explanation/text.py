"""The pen that writes trees in a terminal, in LaTeX, and as NumPy."""

from fractions import Fraction
from typing import Any

from wengert.explanation.trees import Tree
from wengert.explanation.words import WORDS

SUM, TERM, PRODUCT, HADAMARD, POSTFIX, ATOM = range(6)
Ink = tuple[str, int]


def text(tree: Tree) -> str:
    """One line for a terminal: X'(softmax(Z) - Y)/N."""
    return _ink(tree)[0]


def _in(tree: Tree, tight: int) -> str:
    s, t = _ink(tree)
    return s if t >= tight else f"({s})"


def _ink(tree: Tree) -> Ink:
    found: Ink = PEN[tree.op](tree)
    return found


def number(c: Any) -> str:
    """A number as one writes it: 1/2, 3, 0.918939."""
    return str(c) if isinstance(c, Fraction) else f"{c:.6g}"


def _sum(t: Tree) -> Ink:
    out = _in(t.args[0], TERM)
    for a in t.args[1:]:
        s = _in(a, TERM)
        out += f" - {s[1:]}" if s.startswith("-") else f" + {s}"
    return out, SUM


def _mul(t: Tree) -> Ink:
    parts = [_in(a, POSTFIX) for a in t.args]
    out = parts[0]
    for before, last, s in zip(t.args, parts, parts[1:], strict=False):
        letters = len(last.rstrip("'")) == 1 == len(s.rstrip("'"))
        out += s if before.op == "T" or letters else f" {s}"
    return out, PRODUCT


def _scale(t: Tree) -> Ink:
    c, n, has = t.data
    over = [a for a in t.args[:n] if a.op == "pow" and a.data < 0]
    front = [a for a in t.args[:n] if a not in over]
    body = [t.args[-1]] if has else []
    sign, c = ("-", -c) if c < 0 else ("", c)
    below = [_in(_flip(a), POSTFIX) for a in over]
    if isinstance(c, Fraction):
        if c.denominator != 1:
            below.insert(0, str(c.denominator))
        lead = [] if c.numerator == 1 and (front or body) else [str(c.numerator)]
    else:
        lead = [number(c)]
    whole = lead + [_in(a, PRODUCT) for a in front]
    for a in body:
        alone = not whole
        whole.append(
            _in(a, PRODUCT if alone or a.op == "mul" else POSTFIX) if not alone else _in(a, PRODUCT)
        )
    top = ""
    for i, w in enumerate(whole):
        top += w if not i or (w.startswith("(") and whole[i - 1].isdigit()) else f" {w}"
    bottom = "" if not below else f"/{below[0]}" if len(below) == 1 else f"/({' '.join(below)})"
    return f"{sign}{top}{bottom}", TERM


def _flip(a: Tree) -> Tree:
    return a.args[0] if a.data == -1 else Tree("pow", a.args, -a.data)


def _pow(t: Tree) -> Ink:
    (a,) = t.args
    if t.data in (Fraction(1, 2), 1) and _squares(a) is not None:
        return f"||{text(_squares(a))}||", ATOM
    if t.data == Fraction(1, 2):
        return f"sqrt({text(t.args[0])})", ATOM
    if t.data < 0 and t.data.denominator == 1:
        return f"1/{_in(_flip(t), POSTFIX)}", TERM
    p = str(t.data) if t.data.denominator == 1 and t.data > 0 else f"({t.data})"
    return f"{_in(t.args[0], ATOM)}^{p}", POSTFIX


def _squares(a: Tree) -> Any:
    """x of x'x and of tr(x'x)."""
    a = a.args[0] if a.op == "tr" else a
    pair = a.op == "mul" and len(a.args) == 2 and a.args[0] == Tree("T", (a.args[1],))
    return a.args[1] if pair else None


def _word(t: Tree) -> Ink:
    return WORDS[t.data].text.format(*[text(a) for a in t.args]), ATOM


ROW = {"softmax": "softmax", "lse": "log sum exp", "max": "max", "hit": "argmax"}


def _row(t: Tree) -> Ink:
    return f"{ROW[t.data[0]]}({text(t.args[0])})", ATOM


def _matrix(t: Tree) -> Ink:
    if t.data == "inv":
        return f"{_in(t.args[0], ATOM)}^-1", POSTFIX
    return f"{'log det' if t.data == 'logdet' else 'det'}({text(t.args[0])})", ATOM


def _prime(t: Tree) -> Ink:
    (a,) = t.args
    if a.op == "matrix" and a.data == "inv":
        return f"{_in(a.args[0], ATOM)}^-T", POSTFIX
    return f"{_in(a, ATOM)}'", POSTFIX


def _call(name: str) -> Any:
    return lambda t: (f"{name}({', '.join(text(a) for a in t.args)})", ATOM)


# fmt: off
PEN: dict[str, Any] = {
    "sym": lambda t: (t.data, ATOM), "symmetric": lambda t: (t.data, ATOM), "small": lambda t: (t.data, ATOM), "num": lambda t: (number(t.data), ATOM if t.data >= 0 else TERM), "dim": lambda t: (str(t.data), ATOM),
    "ones": lambda t: ("1", ATOM), "eye": lambda t: ("I", ATOM), "mul": _mul, "had": lambda t: (" * ".join(_in(a, PRODUCT) for a in t.args), HADAMARD - 1),
    "sum": _sum, "T": _prime, "pow": _pow, "fn": _word, "diag": _call("diag"), "diagof": _call("diag"), "tr": _call("tr"), "scale": _scale, "row": _row,
    "matrix": _matrix, "cut": lambda t: (t.data[0], ATOM), "unit": lambda t: (t.data[0], ATOM), "onehot": _call("onehot"),
    "einsum": lambda t: (f"einsum({t.data[0]}; {', '.join(text(a) for a in t.args)})", ATOM), "flip": lambda t: ("J", ATOM), "lower": lambda t: ("L", ATOM),
    "vec": lambda t: ("vec", ATOM),
}
# fmt: on
