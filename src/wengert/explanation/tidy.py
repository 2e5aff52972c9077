"""Common factors in front: 2 X'Xw - 2 X'y = 2 X'(Xw - y), D - D o H o H = D o (1 - H o H)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from wengert.explanation.terms import Number
from wengert.explanation.trees import Tree, had, mul, scaled


@dataclass(slots=True)
class Term:
    """A number, scalars, and what they scale; `body` None is 1."""

    c: Number
    scalars: list[Tree]
    body: Tree | None


def total(terms: Sequence[Term]) -> Tree:
    """The terms added, the positive ones first."""
    order = sorted(
        _merged(terms), key=lambda t: (t.c < 0, t.body is not None and t.body.op == "eye")
    )
    trees = [scaled(t.c, t.scalars, t.body) for t in order]
    return trees[0] if len(trees) == 1 else Tree("sum", tuple(trees))


def _merged(terms: Sequence[Term]) -> list[Term]:
    """Equal products, though their indices ran otherwise, are one."""
    found: list[Term] = []
    for t in terms:
        same = [u for u in found if u.scalars == t.scalars and u.body == t.body]
        if same:
            same[0].c = same[0].c + t.c
        else:
            found.append(Term(t.c, t.scalars, t.body))
    return [t for t in found if t.c != 0] or found[:1]


def factored(terms: Sequence[Term]) -> Tree:
    """The terms added, with common factors before brackets."""
    terms = _merged([_opened(t) for t in terms])
    if len(terms) == 1:
        return total(terms)
    c, scalars, rest = _numbers(terms)
    if c != 1 or scalars:
        return scaled(c, scalars, factored(rest))
    for split in (_diagonals, _left, _right, _elementwise):
        found = split(rest)
        if found is not None:
            return found
    return total(rest)


def _opened(t: Term) -> Term:
    """The term with the numbers of its body in front."""
    if t.body is None or t.body.op != "scale" or not t.body.data[2]:
        return t
    c, _, _ = t.body.data
    return Term(t.c * c, [*t.scalars, *t.body.args[:-1]], t.body.args[-1])


def _numbers(terms: Sequence[Term]) -> tuple[Number, list[Tree], list[Term]]:
    """The number and the scalars that all terms share."""
    shared = [s for s in terms[0].scalars if all(s in t.scalars for t in terms)]
    shared = list(dict.fromkeys(shared))
    c = _content([t.c for t in terms])
    if all(t.c < 0 for t in terms):
        c = -c
    rest = [Term(t.c / c, _without(t.scalars, shared), t.body) for t in terms]
    return c, shared, rest


def _without(scalars: Sequence[Tree], gone: Sequence[Tree]) -> list[Tree]:
    left = list(scalars)
    for s in gone:
        left.remove(s)
    return left


def _content(cs: Sequence[Number]) -> Number:
    exact = [c for c in cs if isinstance(c, Fraction)]
    if len(exact) == len(cs):
        above, below = [c.numerator for c in exact], [c.denominator for c in exact]
        return Fraction(gcd(*above), lcm(*below))
    sizes = {abs(float(c)) for c in cs}
    return sizes.pop() if len(sizes) == 1 else Fraction(1)


def _chain(t: Term) -> tuple[Tree, ...]:
    if t.body is None:
        return ()
    return t.body.args if t.body.op == "mul" else (t.body,)


def _left(terms: Sequence[Term]) -> Tree | None:
    return _side(terms, lambda ch: ch[0], lambda ch: ch[1:], lambda f, r: mul(f, r))


def _right(terms: Sequence[Term]) -> Tree | None:
    return _side(terms, lambda ch: ch[-1], lambda ch: ch[:-1], lambda f, r: mul(r, f))


def _side(terms: Sequence[Term], end: Callable, rest: Callable, join: Callable) -> Tree | None:  # type: ignore[type-arg]
    """A first (or last) factor that at least two products share, before a bracket."""
    groups: dict[Tree, list[Term]] = {}
    for t in terms:
        chain = _chain(t)
        if len(chain) > 1:
            groups.setdefault(end(chain), []).append(t)
    for factor, group in groups.items():
        if len(group) < 2 or (factor.op in ("ones", "T") and factor.args[:1] == (Tree("ones"),)):
            continue
        inner = factored([Term(t.c, t.scalars, mul(*rest(_chain(t)))) for t in group])
        body = join(factor, inner)
        others = [t for t in terms if not any(t is g for g in group)]
        if body.op == "scale" and others:
            return None
        return factored([Term(Fraction(1), [], body), *others]) if others else body
    return None


def _diagonals(terms: Sequence[Term]) -> Tree | None:
    """diag(u) + diag(v) = diag(u + v)."""
    if any(t.body is None or t.body.op != "diag" for t in terms):
        return None
    return Tree("diag", (factored([Term(t.c, t.scalars, t.body.args[0]) for t in terms]),))  # type: ignore[union-attr]


def _factors(t: Tree) -> list[Tree]:
    """The factors of an elementwise product, each power as so many of them."""
    parts = t.args if t.op == "had" else (t,)
    whole = [p.op == "pow" and p.data > 1 and p.data.denominator == 1 for p in parts]
    return [
        f
        for p, w in zip(parts, whole, strict=True)
        for f in ([p.args[0]] * int(p.data) if w else [p])
    ]


def _powers(factors: Sequence[Tree]) -> list[Tree]:
    """Equal factors as a power."""
    count = {f: factors.count(f) for f in factors}
    return [f if n == 1 else Tree("pow", (f,), Fraction(n)) for f, n in count.items()]


def _elementwise(terms: Sequence[Term]) -> Tree | None:
    """A factor that all elementwise products share."""
    if any(t.body is None for t in terms):
        return None
    parts = [_factors(t.body) for t in terms]  # type: ignore[arg-type]
    shared = [f for f in dict.fromkeys(parts[0]) if all(f in p for p in parts)]
    if not shared:
        return None
    inner = []
    for t, part in zip(terms, parts, strict=True):
        left = _without(part, shared)
        inner.append(Term(t.c, t.scalars, had(_powers(left)) if left else None))
    bracket = total(inner)
    return had([*shared, bracket])
