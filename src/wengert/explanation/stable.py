"""Stable words for unstable spellings: what to write instead, and its value at the same point."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from wengert.explanation.source import written
from wengert.ir.program import Atom, Const, Equation, Program, Var, read
from wengert.ir.types import Array

VIEWS = ("broadcast", "reshape", "convert")
LONG = 16
"""Terms from which on a running sum is worth a word."""


@dataclass(frozen=True, slots=True)
class Advice:
    """`instead` of what line `eqn` says, and its value when it is written so."""

    eqn: Equation
    instead: str
    value: Callable[[], Array]


class Reader:
    """A list read from below: what made a value, what it is, and how the user wrote it."""

    def __init__(self, program: Program, env: dict[Var, Array]) -> None:
        self.program, self.env = program, env
        self.makers = {v: eqn for eqn in program.equations for v in eqn.outputs}
        self.names: dict[Any, str] = {v: v.name for v in program.inputs}

    def strip(self, atom: Atom) -> Atom:
        while isinstance(atom, Var) and atom in self.makers and self._view(self.makers[atom]):
            atom = self.makers[atom].inputs[0]
        return atom

    def _view(self, eqn: Equation) -> bool:
        return eqn.primitive.name in VIEWS

    def made(self, atom: Atom, *names: str) -> tuple[Atom, ...]:
        """The operands of the line that made this value, if it is one of these; else nothing."""
        atom = self.strip(atom)
        eqn = self.makers.get(atom) if isinstance(atom, Var) else None
        return eqn.inputs if eqn is not None and eqn.primitive.name in names else ()

    def value(self, atom: Atom) -> Array:
        return np.asarray(read(self.env, atom))

    def number(self, atom: Atom, n: float) -> bool:
        """Whether it is the constant n."""
        atom = self.strip(atom)
        return isinstance(atom, Const) and bool(np.all(np.asarray(atom.value) == n))

    def same(self, a: Atom, b: Atom) -> bool:
        """Whether two values are one, or computed by the same lines."""
        a, b = self.strip(a), self.strip(b)
        if a is b:
            return True
        if isinstance(a, Const) and isinstance(b, Const):
            return np.array_equal(a.value, b.value)
        p, q = self.makers.get(a), self.makers.get(b)  # type: ignore[arg-type]
        if p is None or q is None or p.primitive is not q.primitive or p.params != q.params:
            return False
        return all(self.same(x, y) for x, y in zip(p.inputs, q.inputs, strict=True))

    def squared(self, atom: Atom) -> Atom | None:
        """x where the value is x^2, however it is spelled."""
        for names in (("square",), ("monomial",), ("power", "float_power"), ("multiply",)):
            xs = self.made(atom, *names)
            if not xs:
                continue
            eqn = self.makers[self.strip(atom)]  # type: ignore[index]
            if names[0] == "square" or (names[0] == "monomial" and eqn.params["p"] == 2):
                return xs[0]
            if names[0] == "power" and self.number(xs[1], 2):
                return xs[0]
            if names[0] == "multiply" and self.same(xs[0], xs[1]):
                return xs[0]
        return None

    def text(self, atom: Atom) -> str:
        """The user's text of a value, in brackets where it is more than a name or a call."""
        atom = self.strip(atom)
        if isinstance(atom, Const):
            return f"{np.asarray(atom.value).item():g}" if not atom.type.shape else "c"
        if atom in self.names:
            return self.names[atom]
        found = written(self.makers[atom].place)
        if found is None:
            return "..."
        if found.name:
            return found.name
        plain = found.text.replace("_", "").replace(".", "").isalnum()
        call = found.text.endswith(")") and found.text.split("(")[0].replace(".", "").isalnum()
        return (
            found.text
            if plain or (call and _close(found.text, found.text.find("(")) == len(found.text) - 1)
            else f"({found.text})"
        )

    def sides(self, eqn: Equation) -> tuple[Atom, Atom] | None:
        """(a, b) where the line is a - b, or a + (-b)."""
        name, xs = eqn.primitive.name, eqn.inputs
        if name == "subtract":
            return xs[0], xs[1]
        if name == "add":
            for x, y in ((xs[0], xs[1]), (xs[1], xs[0])):
                negated = self.made(y, "negative")
                if negated:
                    return x, negated[0]
        return None

    def one_plus(self, atom: Atom) -> Atom | None:
        """t where the value is 1 + t."""
        xs = self.made(atom, "add")
        if xs and self.number(xs[0], 1):
            return xs[1]
        return xs[0] if xs and self.number(xs[1], 1) else None


def advice(program: Program, env: dict[Var, Array]) -> Iterator[Advice]:
    """What could be written more stably, line by line."""
    r = Reader(program, env)
    for eqn in program.equations:
        if eqn.outputs[0].type.dtype.kind != "f":
            continue
        for rule in RULES.get(eqn.primitive.name, ()):
            for instead, value in rule(r, eqn):
                yield Advice(eqn, _tidy(instead), value)


def _tidy(text: str) -> str:
    """Without brackets that stand right inside others, and without one pair around all."""
    for i, c in enumerate(text):
        if c == "(" and text[i + 1 : i + 2] == "(":
            end = _close(text, i + 1)
            if text[end + 1 : end + 2] == ")":
                return _tidy(text[: i + 1] + text[i + 2 : end] + text[end + 1 :])
    return text


def _close(text: str, start: int) -> int:
    """Where the bracket that opens at `start` closes."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if not depth:
            return i
    return len(text)


Found = Iterator[tuple[str, Callable[[], Array]]]


def _log1p(r: Reader, eqn: Equation) -> Found:
    t = r.one_plus(eqn.inputs[0])
    if t is not None:
        e = r.made(t, "exp")
        if e:
            yield f"np.logaddexp(0, {r.text(e[0])})", lambda: np.logaddexp(0, r.value(e[0]))
        yield f"np.log1p({r.text(t)})", lambda: np.log1p(r.value(t))


def _logsumexp(r: Reader, eqn: Equation) -> Found:
    total = r.made(eqn.inputs[0], "sum")
    inner = r.made(total[0], "exp") if total else ()
    maker = r.makers.get(r.strip(eqn.inputs[0]))  # type: ignore[arg-type]
    if inner and maker is not None:
        axes = maker.params["axes"]

        def value() -> Array:
            z = r.value(inner[0])
            top = z.max(axis=axes, keepdims=True)
            return np.asarray(np.log(np.exp(z - top).sum(axis=axes)) + np.squeeze(top, axes))

        yield f"wengert.logsumexp({r.text(inner[0])})", value


def _less_one(r: Reader, eqn: Equation) -> Found:
    """exp(x) - 1, 1 - cos(x), 1 - tanh(x)^2, 1 - exp(x)."""
    pair = r.sides(eqn)
    if pair is None:
        xs = r.made(eqn.inputs[0], "exp") if eqn.primitive.name == "add" else ()
        if xs and r.number(eqn.inputs[1], -1):
            yield f"np.expm1({r.text(xs[0])})", lambda: np.expm1(r.value(xs[0]))
        return
    a, b = pair
    if (xs := r.made(a, "exp")) and r.number(b, 1):
        yield f"np.expm1({r.text(xs[0])})", lambda: np.expm1(r.value(xs[0]))
    if not r.number(a, 1):
        return
    if xs := r.made(b, "exp"):
        yield f"-np.expm1({r.text(xs[0])})", lambda: -np.expm1(r.value(xs[0]))
    if xs := r.made(b, "cos"):
        t = r.text(xs[0])
        yield f"2 * np.sin({t} / 2)**2", lambda: 2 * np.sin(r.value(xs[0]) / 2) ** 2
    inner = r.squared(b)
    if inner is not None and (ts := r.made(inner, "tanh")):
        yield f"1 / np.cosh({r.text(ts[0])})**2", lambda: 1 / np.cosh(r.value(ts[0])) ** 2
    if inner is not None and (ts := r.made(inner, "cos")):
        yield f"np.sin({r.text(ts[0])})**2", lambda: np.sin(r.value(ts[0])) ** 2
    if xs := r.made(b, "sqrt"):
        yield from _one_less_root(r, xs[0])
    if xs := r.made(b, "sigmoid"):
        yield f"1 / (1 + np.exp({r.text(xs[0])}))", lambda: 1 / (1 + np.exp(r.value(xs[0])))


def _one_less_root(r: Reader, inside: Atom) -> Found:
    """1 - sqrt(1 - t) = t / (1 + sqrt(1 - t))."""
    xs = r.made(inside, "subtract")
    if xs and r.number(xs[0], 1):
        t = xs[1]
        text = f"{r.text(t)} / (1 + np.sqrt(1 - {r.text(t)}))"
        yield text, lambda: r.value(t) / (1 + np.sqrt(1 - r.value(t)))


def _difference(r: Reader, eqn: Equation) -> Found:
    """The same word at two neighbouring places, and squares."""
    pair = r.sides(eqn)
    if pair is None:
        return
    a, b = pair
    p, q = r.squared(a), r.squared(b)
    if p is not None and q is not None:
        x, y = r.text(p), r.text(q)
        yield (
            f"({x} - {y}) * ({x} + {y})",
            lambda: (r.value(p) - r.value(q)) * (r.value(p) + r.value(q)),
        )
    for name, text, formula in PAIRS:
        ps, qs = r.made(a, name), r.made(b, name)
        if ps and qs:
            said, gap = _gap(r, ps[0], qs[0])
            values = (*[r.value(v) for v in (ps[0], qs[0], a, b)], gap)
            new = text.format(x=r.text(ps[0]), y=r.text(qs[0]), gap=said)
            yield new, partial(formula, *values)
    us, vs = _ratio(r, a), _ratio(r, b)
    if us is not None and vs is not None:
        (n, d), (m, e) = us, vs
        if r.same(n, m):
            x, y, top = r.text(d), r.text(e), r.text(n)
            said, gap = _gap(r, e, d)
            yield (
                f"{top} * {said} / ({x} * {y})",
                lambda: r.value(n) * gap / (r.value(d) * r.value(e)),
            )


def _ratio(r: Reader, atom: Atom) -> tuple[Atom, Atom] | None:
    xs = r.made(atom, "divide")
    if xs:
        return xs[0], xs[1]
    ys = r.made(atom, "reciprocal")
    return (Const(np.float64(1)), ys[0]) if ys else None


def _gap(r: Reader, x: Atom, y: Atom) -> tuple[str, Array]:
    """x - y, as text and value: without rounding where the one is the other plus something."""
    for p, q, sign in ((x, y, 1), (y, x, -1)):
        xs = r.made(p, "add")
        for i in range(len(xs)):
            if r.same(xs[i], q):
                text = r.text(xs[1 - i])
                return (text if sign > 0 else f"(-{text})"), np.asarray(sign * r.value(xs[1 - i]))
    return f"({r.text(x)} - {r.text(y)})", np.asarray(r.value(x) - r.value(y))


# fmt: off
PAIRS: list[tuple[str, str, Callable[..., Array]]] = [
    ("sqrt", "{gap} / (np.sqrt({x}) + np.sqrt({y}))",                 lambda x, y, a, b, gap: gap / (a + b)),
    ("exp",  "np.exp({y}) * np.expm1({gap})",                         lambda x, y, a, b, gap: b * np.expm1(gap)),
    ("log",  "np.log1p({gap} / {y})",                                 lambda x, y, a, b, gap: np.log1p(gap / y)),
    ("sin",  "2 * np.cos(({x} + {y}) / 2) * np.sin({gap} / 2)",       lambda x, y, a, b, gap: 2 * np.cos((x + y) / 2) * np.sin(gap / 2)),
    ("cos",  "-2 * np.sin(({x} + {y}) / 2) * np.sin({gap} / 2)",      lambda x, y, a, b, gap: -2 * np.sin((x + y) / 2) * np.sin(gap / 2)),
    ("arctan", "np.arctan({gap} / (1 + {x} * {y}))",                  lambda x, y, a, b, gap: np.arctan(gap / (1 + x * y))),
]
# fmt: on


def _sinh(r: Reader, eqn: Equation) -> Found:
    """exp(x) - exp(-x)."""
    pair = r.sides(eqn)
    if pair is None:
        return
    xs, ys = r.made(pair[0], "exp"), r.made(pair[1], "exp")
    negated = r.made(ys[0], "negative") if ys else ()
    if xs and negated and r.same(xs[0], negated[0]):
        yield f"2 * np.sinh({r.text(xs[0])})", lambda: 2 * np.sinh(r.value(xs[0]))


def _other_root(r: Reader, eqn: Equation) -> Found:
    """p b + q sqrt(b^2 + d) = q d / (sqrt(b^2 + d) - (p/q) b): the quadratic formula."""
    name, (u, v) = eqn.primitive.name, eqn.inputs[:2]
    sign = -1.0 if name == "subtract" else 1.0
    for root, base, q, p in ((u, v, 1.0, sign), (v, u, sign, 1.0)):
        inside = r.made(root, "sqrt")
        negated = r.made(base, "negative")
        b, p = (negated[0], -p) if negated else (base, p)
        if not inside:
            continue
        for inner, s in ((r.made(inside[0], "subtract"), -1.0), (r.made(inside[0], "add"), 1.0)):
            for i in range(len(inner)):
                square = r.squared(inner[i])
                if square is None or not r.same(square, b) or (i and s < 0):
                    continue
                d, minus = inner[1 - i], "-" if s * q < 0 else ""
                mark = "-" if p * q > 0 else "+"
                text = f"{minus}{r.text(d)} / ({r.text(root)} {mark} {r.text(b)})"
                top, bottom = q * s * r.value(d), r.value(root) - p * q * r.value(b)
                yield text, partial(np.divide, top, bottom)


def _variance(r: Reader, eqn: Equation) -> Found:
    """mean(x^2) - mean(x)^2."""
    pair = r.sides(eqn)
    mean = r.squared(pair[1]) if pair else None
    if pair is None or mean is None:
        return
    total, plain = r.made(pair[0], "divide", "multiply"), r.made(mean, "divide", "multiply")
    sums = [r.made(x, "sum") for xs in (total, plain) for x in xs]
    found = [s[0] for s in sums if s]
    x = r.squared(found[0]) if len(found) == 2 else None
    if x is not None and r.same(x, found[1]):
        t = r.text(x)
        yield (
            f"np.mean(({t} - np.mean({t}))**2)",
            lambda: np.mean((r.value(x) - np.mean(r.value(x))) ** 2),
        )


def _hypot(r: Reader, eqn: Equation) -> Found:
    xs = r.made(eqn.inputs[0], "add")
    found = [x for x in map(r.squared, xs) if x is not None]
    if len(found) == 2:
        p, q = found
        yield f"np.hypot({r.text(p)}, {r.text(q)})", lambda: np.hypot(r.value(p), r.value(q))


def _power(r: Reader, eqn: Equation) -> Found:
    """(1 + t)^n."""
    t = r.one_plus(eqn.inputs[0])
    if t is None:
        return
    n = eqn.inputs[1] if len(eqn.inputs) > 1 else Const(np.float64(eqn.params.get("p", 2)))
    yield (
        f"np.exp({r.text(n)} * np.log1p({r.text(t)}))",
        lambda: np.exp(r.value(n) * np.log1p(r.value(t))),
    )


def _running(r: Reader, eqn: Equation) -> Found:
    """x1 + x2 + ... term by term."""
    if any(eqn.outputs[0] in e.inputs and e.primitive.name == "add" for e in r.program.equations):
        return
    terms: list[Array] = []
    at: Atom = eqn.outputs[0]
    while (xs := r.made(at, "add")) and not xs[1].type.shape:
        terms.append(r.value(xs[1]))
        at = xs[0]
    if len(terms) >= LONG and not at.type.shape:
        terms.append(r.value(at))
        yield (
            "math.fsum of the terms, or np.sum of an array of them",
            lambda: np.float64(math.fsum(float(t) for t in terms)),
        )


def _log_ratio(r: Reader, eqn: Equation) -> Found:
    """log(x / y)."""
    xs = r.made(eqn.inputs[0], "divide")
    if xs:
        x, y = xs
        said, gap = _gap(r, x, y)
        yield f"np.log1p({said} / {r.text(y)})", lambda: np.log1p(gap / r.value(y))


# fmt: off
RULES: dict[str, tuple[Callable[[Reader, Equation], Found], ...]] = {
    "log":      (_log1p, _logsumexp, _log_ratio),
    "subtract": (_less_one, _sinh, _variance, _other_root, _difference),
    "add":      (_less_one, _other_root, _difference, _running),
    "sqrt":     (_hypot,),
    "power":    (_power,),
    "monomial": (_power,),
}
# fmt: on
