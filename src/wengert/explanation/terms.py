"""Formulas with indices: sums of products of powers of indexed atoms, in one normal form.

    (XW + 1b')[i, j] = sum_k X[i, k] W[k, j] + b[j]

A broadcast is a missing index, a diagonal a repeated one, a transposition two labels swapped, a
division a negative power; what cancels, cancels by itself. Labels 0, 1, ... are the free axes; all
others are summed over.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count, permutations, product
from typing import Any

Number = Fraction | float
Dim = str | int
Atom = tuple["Head", tuple[int, ...], Fraction]
ONE = Fraction(1)
MOST_TIES = 720


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """What an atom is, apart from its indices: a symbol, a function of formulas, a unit matrix."""

    kind: str
    name: str
    dims: tuple[Dim, ...] = ()
    args: tuple["Poly", ...] = ()
    data: Any = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        inner = "; ".join(a.key for a in self.args)
        object.__setattr__(self, "key", f"{self.kind}:{self.name}{self.dims}({inner}){self.data}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Head) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def delta(dim: Dim) -> Head:
    """The unit matrix."""
    return Head("delta", "I", (dim, dim))


@dataclass(slots=True)
class Raw:
    """A product before it is brought to normal form; `sums` are the dimensions summed over."""

    coefficient: Number
    atoms: list[Atom]
    sums: dict[int, Dim]


@dataclass(frozen=True, eq=False)
class Poly:
    """A sum of products, with `dims` for its free axes."""

    dims: tuple[Dim, ...]
    terms: dict[tuple[Atom, ...], Number]
    key: str = field(init=False)

    def __post_init__(self) -> None:
        parts = sorted(f"{c}*{_spell(m)}" for m, c in self.terms.items())
        object.__setattr__(self, "key", f"{self.dims}{' + '.join(parts)}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _spell(atoms: Iterable[Atom]) -> str:
    return " ".join(f"{h.key}{labels}^{p}" for h, labels, p in atoms)


_FRESH = count(-1, -1)


def fresh() -> int:
    """A label that nobody has."""
    return next(_FRESH)


def constant(value: Number, dims: Sequence[Dim] = ()) -> Poly:
    """A number, the same everywhere."""
    return Poly(tuple(dims), {(): value} if value != 0 else {})


def symbol(head: Head) -> Poly:
    """An atom with all its axes free."""
    return Poly(head.dims, {((head, tuple(range(len(head.dims))), ONE),): ONE})


def instances(p: Poly, labels: Sequence[int]) -> Iterator[Raw]:
    """The terms of p with these labels on its free axes, and new ones on those summed over."""
    for atoms, coefficient in p.terms.items():
        names: dict[int, int] = dict(enumerate(labels))
        sums: dict[int, Dim] = {}
        for head, own, _ in atoms:
            for label, dim in zip(own, head.dims, strict=True):
                if label not in names:
                    names[label] = fresh()
                    sums[names[label]] = dim
        yield Raw(coefficient, [(h, tuple([names[a] for a in l]), q) for h, l, q in atoms], sums)


Law = Callable[[list[Atom], dict[int, Dim]], tuple[Number, list[Atom]] | None]


def collect(dims: Sequence[Dim], raws: Iterable[Raw], laws: Sequence[Law] = ()) -> Poly:
    """The normal form of a sum of products with free labels 0 .. len(dims) - 1."""
    terms: dict[tuple[Atom, ...], Number] = {}
    todo = list(raws)
    while todo:
        raw = todo.pop()
        more = _settle(raw, laws)
        if more is not None:
            todo += more
            continue
        atoms = _canonical(raw.atoms)
        total = terms.get(atoms, Fraction(0)) + raw.coefficient
        if abs(float(total)) < 1e-15:
            terms.pop(atoms, None)
        else:
            terms[atoms] = total
    return Poly(tuple(dims), dict(sorted(terms.items(), key=lambda t: _spell(t[0]))))


def _settle(  # noqa: C901 (the laws of the algebra, in their order)
    raw: Raw, laws: Sequence[Law]
) -> list[Raw] | None:
    """One step nearer to the normal form: what the product becomes; None if it's there."""
    merged: dict[tuple[Head, tuple[int, ...]], Fraction] = {}
    for head, labels, p in raw.atoms:
        if head.kind == "delta" and labels[0] == labels[1]:
            continue
        if head.kind == "delta":
            labels = tuple(sorted(labels))
            p = ONE
        merged[head, labels] = merged.get((head, labels), Fraction(0)) + p
        if head.kind == "delta":
            merged[head, labels] = ONE
    raw.atoms = [(h, l, p) for (h, l), p in merged.items() if p != 0]
    for i, (head, labels, p) in enumerate(raw.atoms):
        bound = [a for a in labels if a in raw.sums]
        if head.kind == "delta" and bound:
            gone, stays = bound[0], labels[1] if labels[0] == bound[0] else labels[0]
            rest = [
                (h, tuple([stays if a == gone else a for a in l]), q)
                for h, l, q in raw.atoms[:i] + raw.atoms[i + 1 :]
            ]
            return [Raw(raw.coefficient, rest, {k: d for k, d in raw.sums.items() if k != gone})]
        if head.kind == "group" and p == 1:
            rest = raw.atoms[:i] + raw.atoms[i + 1 :]
            return [
                Raw(
                    multiply(raw.coefficient, new.coefficient),
                    rest + new.atoms,
                    raw.sums | new.sums,
                )
                for new in instances(head.args[0], labels)
            ]
    for law in laws:
        found = law(raw.atoms, raw.sums)
        if found is not None:
            return [Raw(multiply(raw.coefficient, found[0]), found[1], raw.sums)]
    used = {a for _, labels, _ in raw.atoms for a in labels}
    for label, dim in list(raw.sums.items()):
        if label not in used:
            raw.sums = {k: d for k, d in raw.sums.items() if k != label}
            if isinstance(dim, int):
                raw.coefficient = multiply(raw.coefficient, Fraction(dim))
                return [raw]
            return [Raw(raw.coefficient, [*raw.atoms, (Head("dim", dim), (), ONE)], raw.sums)]
    return None


def multiply(a: Number, b: Number) -> Number:
    """The product of two numbers, exact where both are."""
    return a * b if isinstance(a, Fraction) and isinstance(b, Fraction) else float(a) * float(b)


def _canonical(atoms: list[Atom]) -> tuple[Atom, ...]:
    """The atoms in order, labels summed over named -1, -2, ... in one way among all equal ones."""
    bound = sorted({a for _, labels, _ in atoms for a in labels if a < 0})
    color = dict.fromkeys(bound, "")
    for _ in bound:
        color = {b: _signature(b, atoms, color) for b in bound}
        ranks = {c: str(i) for i, c in enumerate(sorted(set(color.values())))}
        color = {b: ranks[c] for b, c in color.items()}
    classes = [[b for b in bound if color[b] == c] for c in sorted(set(color.values()), key=int)]
    best: tuple[str, tuple[Atom, ...]] | None = None
    for n, orders in enumerate(product(*[permutations(c) for c in classes])):
        if n >= MOST_TIES:
            break
        flat = [b for order in orders for b in order]
        names = {b: -1 - i for i, b in enumerate(flat)}
        named = sorted(
            ((h, tuple([names.get(a, a) for a in l]), p) for h, l, p in atoms),
            key=lambda a: (a[0].key, a[1], a[2]),
        )
        text = _spell(named)
        if best is None or text < best[0]:
            best = text, tuple(named)
    assert best is not None
    return best[1]


def _signature(b: int, atoms: list[Atom], color: dict[int, str]) -> str:
    parts = sorted(
        f"{h.key}^{p}{['*' if a == b else color.get(a, f'={a}') for a in labels]}"
        for h, labels, p in atoms
        if b in labels
    )
    return color[b] + "|" + ";".join(parts)


# --- algebra
def add(*ps: Poly) -> Poly:
    """The sum of formulas with the same free axes."""
    dims = max((p.dims for p in ps), key=len)
    return collect(dims, [r for p in ps for r in instances(p, range(len(dims)))])


def scale(p: Poly, c: Number) -> Poly:
    """c p."""
    return Poly(p.dims, {m: multiply(v, c) for m, v in p.terms.items()} if c != 0 else {})


def contract(
    dims: Sequence[Dim],
    factors: Sequence[tuple[Poly, Sequence[int]]],
    sums: dict[int, Dim] | None = None,
    laws: Sequence[Law] = (),
) -> Poly:
    """The product of formulas with these labels on their axes, summed over those in `sums`."""
    raws = [Raw(ONE, [], dict(sums or {}))]
    for p, labels in factors:
        raws = [
            Raw(multiply(r.coefficient, s.coefficient), r.atoms + s.atoms, r.sums | s.sums)
            for r in raws
            for s in instances(p, labels)
        ]
    return collect(dims, raws, laws)


def times(*ps: Poly) -> Poly:
    """The elementwise product; a formula without axes is a number."""
    dims = max((p.dims for p in ps), key=len)
    return contract(dims, [(p, range(len(p.dims))) for p in ps])


def power(p: Poly, q: Fraction) -> Poly:
    """p^q, elementwise: powers of atoms where that is the same, else of a group."""
    if q == 1:
        return p
    if len(p.terms) == 1:
        ((atoms, c),) = p.terms.items()
        free = all(a >= 0 for _, labels, _ in atoms for a in labels)
        whole = q.denominator == 1
        single = len(atoms) <= 1 and (not atoms or atoms[0][2] == 1) and c > 0
        if free and (whole or single):
            value: Number = c**q if whole or c == 1 else float(c) ** float(q)
            value = Fraction(value) if isinstance(c, Fraction) and whole else value
            raw = Raw(value, [(h, l, r * q) for h, l, r in atoms], {})
            return collect(p.dims, [raw])
    head, labels = function("group", "group", (p,))
    return Poly(p.dims, {((head, labels, q),): ONE})


def function(
    kind: str, name: str, args: Sequence[Poly], data: Any = None
) -> tuple[Head, tuple[int, ...]]:
    """The head of an elementwise function, with the axes on which its arguments depend alone."""
    dims = max((a.dims for a in args), key=len)
    used = {l for a in args for m in a.terms for _, labels, _ in m for l in labels if l >= 0}
    kept = tuple([i for i in range(len(dims)) if i in used])
    place = {l: i for i, l in enumerate(kept)}
    small = [dims[i] for i in kept]
    inner = [collect(small, _moved(a, place)) for a in args]
    return Head(kind, name, tuple(small), tuple(inner), data), kept


def _moved(p: Poly, place: dict[int, int]) -> Iterator[Raw]:
    for raw in instances(p, range(len(p.dims))):
        raw.atoms = [(h, tuple([place.get(a, a) for a in l]), q) for h, l, q in raw.atoms]
        yield raw


def apply(name: str, *args: Poly, data: Any = None) -> Poly:
    """name(args), elementwise."""
    dims = max((a.dims for a in args), key=len)
    head, labels = function("fn", name, args, data)
    return Poly(dims, {((head, labels, ONE),): ONE})
