"""The pen for LaTeX: the same trees, in aligned environments."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from wengert.explanation.trees import Tree
from wengert.explanation.words import WORDS

SUM, TERM, PRODUCT, POSTFIX, ATOM = range(5)
GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "lambda",
    "mu",
    "sigma",
    "theta",
    "tau",
    "phi",
    "psi",
    "rho",
    "omega",
    "eta",
]
Ink = tuple[str, int]


def latex_of(steps: Iterable[Any]) -> str:
    """All steps, a part at a time."""
    parts: dict[str, list[str]] = {}
    for s in steps:
        parts.setdefault(s.part, []).append(f"{left(s.left)} &= {latex(s.right)}")
    return "\n".join(
        "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
        for lines in parts.values()
    )


def left(text: str) -> str:
    """A name, d name, dQ/dW or d^2Q/dw^2."""
    if "/" in text:
        above, below = text.split("/", 1)
        return rf"\frac{{{left(above)}}}{{{left(below)}}}"
    if match := re.fullmatch(r"d\((.*)\)", text):
        return rf"\mathrm{{d}}({match[1].replace(chr(39), '^{T}')})"
    if match := re.fullmatch(r"d_(\w+) (\w+)", text):
        return rf"\mathrm{{d}}_{{{name(match[1])}}} {name(match[2])}"
    power = re.fullmatch(r"(d\^2)?(.*?)(\^2)?", text)
    assert power is not None
    head = r"\mathrm{d}^2 " if power[1] else ""
    body = power[2]
    if not head and len(body) > 1 and body[0] == "d" and not body.startswith("delta"):
        head, body = r"\mathrm{d}", body[1:]
    return f"{head} {name(body)}{'^2' if power[3] else ''}".strip()


def name(text: str) -> str:
    r"""W1 as W_{1}, delta_Z as \delta_{Z}, longer names upright."""
    match = re.fullmatch(r"([A-Za-z]+?)_?(\d+|_\w+)?", text)
    base, index = (match[1], (match[2] or "").strip("_")) if match else (text, "")
    if base.startswith("delta_"):
        base, index = "delta", base[6:] + index
    shown = {"lam": r"\lambda"}.get(base, "\\" + base if base in GREEK else base)
    if len(shown) > 1 and not shown.startswith("\\"):
        shown = rf"\mathrm{{{shown}}}".replace("_", r"\_")
    return shown + (f"_{{{index}}}".replace("_{_", "_{") if index else "")


def latex(tree: Tree) -> str:
    """A formula."""
    return str(PEN[tree.op](tree)[0])


def _in(tree: Tree, tight: int) -> str:
    s, t = PEN[tree.op](tree)
    return s if t >= tight else rf"\left({s}\right)"


def number(c: Any) -> str:
    """A number, or a small fraction."""
    if isinstance(c, Fraction) and c.denominator != 1:
        return rf"\tfrac{{{c.numerator}}}{{{c.denominator}}}"
    return str(c) if isinstance(c, Fraction) else f"{c:.6g}"


def _sum(t: Tree) -> Ink:
    out = _in(t.args[0], TERM)
    for a in t.args[1:]:
        s = _in(a, TERM)
        out += f" - {s[1:]}" if s.startswith("-") else f" + {s}"
    return out, SUM


def _scale(t: Tree) -> Ink:
    c, n, has = t.data
    sign, c = ("-", -c) if c < 0 else ("", c)
    over = [a for a in t.args[:n] if a.op == "pow" and a.data < 0]
    front = [a for a in t.args[:n] if a not in over]
    below = [latex(a.args[0] if a.data == -1 else Tree("pow", a.args, -a.data)) for a in over]
    lead = number(c) if c != 1 or not (front or has) else ""
    if isinstance(c, Fraction) and c.denominator != 1:
        below.insert(0, str(c.denominator))
        lead = str(c.numerator) if c.numerator != 1 or not (front or has) else ""
    tops = ([lead] if lead else []) + [_in(a, PRODUCT) for a in front]
    body = _in(t.args[-1], PRODUCT) if has else ""
    if not below:
        return f"{sign}{' '.join([*tops, body])}".strip(), TERM
    return rf"{sign}\frac{{{' '.join(tops) or '1'}}}{{{' '.join(below)}}} {body}".strip(), TERM


def _pow(t: Tree) -> Ink:
    if t.data == Fraction(1, 2):
        return rf"\sqrt{{{latex(t.args[0])}}}", ATOM
    inner = t.args[0]
    mark = r"\circ " if inner.op not in ("dim", "num") else ""
    mark = mark if inner.op in ("sym", "fn", "sum") else ""
    return f"{_in(inner, ATOM)}^{{{mark}{t.data}}}", POSTFIX


ROW = {"softmax": "softmax", "lse": "logsumexp", "max": "max", "hit": "argmax"}


def _upright(word: str, t: Tree) -> Ink:
    return rf"\operatorname{{{word}}}\left({', '.join(latex(a) for a in t.args)}\right)", ATOM


def _matrix(t: Tree) -> Ink:
    if t.data == "inv":
        return f"{_in(t.args[0], ATOM)}^{{-1}}", POSTFIX
    return ("\\log\\det " if t.data == "logdet" else "\\det ") + _in(t.args[0], ATOM), PRODUCT


def _prime(t: Tree) -> Ink:
    (a,) = t.args
    if a.op == "matrix" and a.data == "inv":
        return f"{_in(a.args[0], ATOM)}^{{-T}}", POSTFIX
    return f"{_in(a, ATOM)}^{{T}}", POSTFIX


def _einsum(t: Tree) -> Ink:
    spec, out = t.data[0].split("->")
    parts = spec.split(",")
    bound = "".join(dict.fromkeys(c for c in "".join(parts) if c not in out))
    terms = [f"{_in(a, ATOM)}_{{{p}}}" for a, p in zip(t.args, parts, strict=False)]
    return (rf"\sum_{{{bound}}} " if bound else "") + " ".join(terms), TERM


# fmt: off
PEN: dict[str, Any] = {
    "sym": lambda t: (name(t.data), ATOM), "symmetric": lambda t: (name(t.data), ATOM), "small": lambda t: (r"\mathrm{d}" + name(t.data[1:]), ATOM),
    "num": lambda t: (number(t.data), ATOM if t.data >= 0 else TERM), "dim": lambda t: (str(t.data), ATOM), "ones": lambda t: (r"\mathbf{1}", ATOM), "eye": lambda t: ("I", ATOM),
    "mul": lambda t: (" ".join(_in(a, POSTFIX) for a in t.args), PRODUCT), "had": lambda t: (r" \odot ".join(_in(a, PRODUCT) for a in t.args), TERM), "sum": _sum, "T": _prime, "pow": _pow,
    "fn": lambda t: (WORDS[t.data].latex.format(*[latex(a) for a in t.args]), ATOM), "diag": lambda t: _upright("diag", t), "diagof": lambda t: _upright("diag", t), "tr": lambda t: _upright("tr", t),
    "scale": _scale, "row": lambda t: _upright(ROW[t.data[0]], t), "matrix": _matrix, "onehot": lambda t: _upright("onehot", t), "einsum": _einsum,
    "cut": lambda t: (rf"I_{{{t.data[0][2:-1]}}}", ATOM), "unit": lambda t: (rf"e_{{{t.data[1]}}}", ATOM), "flip": lambda t: ("J", ATOM), "lower": lambda t: ("L", ATOM), "vec": lambda t: (r"\mathrm{vec}", ATOM),
}
# fmt: on
