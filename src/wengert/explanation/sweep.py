"""The differential of a formula, and dX moved out of it: the seminar's own method.

dQ = sum U[i] dP[i],   dP = ... dX ...   gives   dQ = sum G[j] dX[j]
"""

from collections.abc import Callable, Iterator, Sequence, Set
from fractions import Fraction

from wengert.explanation.terms import (
    ONE,
    Head,
    Law,
    Poly,
    Raw,
    collect,
    contract,
    fresh,
    instances,
    multiply,
    scale,
    symbol,
    times,
)  # fmt: skip
from wengert.explanation.words import WORDS

D = "d"


def differential(p: Poly, active: Set[str], rules: Sequence[Law]) -> Poly:
    """dP, linear in the dX of the active symbols X."""
    raws = []
    for raw in instances(p, range(len(p.dims))):
        for i, (head, labels, q) in enumerate(raw.atoms):
            inner = _of(head, active, rules)
            if inner is None or not inner.terms:
                continue
            left = [(head, labels, q - 1)] if q != 1 else []
            rest = raw.atoms[:i] + raw.atoms[i + 1 :] + left
            for new in instances(inner, labels):
                value = multiply(multiply(raw.coefficient, q), new.coefficient)
                raws.append(Raw(value, rest + new.atoms, raw.sums | new.sums))
    return collect(p.dims, raws, rules)


def _of(head: Head, active: Set[str], rules: Sequence[Law]) -> Poly | None:
    """The differential of an atom."""
    if head.kind == "symbol":
        return symbol(Head(D, head.name, head.dims)) if head.name in active else None
    if head.kind == "onehot" or not head.args:
        return None
    inner = [differential(a, active, rules) for a in head.args]
    if not any(a.terms for a in inner):
        return None
    if head.kind == "group":
        return inner[0]
    if head.kind == "fn":
        return _curve(head, inner, rules)
    return ROWS[head.name](head, inner[0], rules)


def _curve(head: Head, inner: Sequence[Poly], rules: Sequence[Law]) -> Poly:
    raws: list[Raw] = []
    for slope, d in zip(WORDS[head.name].slopes, inner, strict=True):
        if slope is not None and d.terms:
            product = times(slope(*head.args), d)
            raws += instances(product, range(len(head.dims)))
    return collect(head.dims, raws, rules)


def _lse(head: Head, dz: Poly, rules: Sequence[Law], weight: str = "softmax") -> Poly:
    """dl = sum p dz; of a maximum the sum over where it is attained."""
    axis, label = int(head.data), fresh()
    p = symbol(Head("row", weight, dz.dims, head.args, axis))
    labels = [label if i == axis else i - (i > axis) for i in range(len(dz.dims))]
    dims = [d for i, d in enumerate(dz.dims) if i != axis]
    return contract(dims, [(p, labels), (dz, labels)], {label: dz.dims[axis]}, rules)


def _softmax(head: Head, dz: Poly, rules: Sequence[Law]) -> Poly:
    """dP = P o (dz - sum P dz)."""
    axis, label, p, n = int(head.data), fresh(), symbol(head), range(len(dz.dims))
    inner = [label if i == axis else i for i in n]
    mean = contract(dz.dims, [(p, list(n)), (p, inner), (dz, inner)], {label: dz.dims[axis]}, rules)
    raws = [*instances(times(p, dz), n), *instances(scale(mean, -ONE), n)]
    return collect(dz.dims, raws, rules)


def _inverse(head: Head, da: Poly, rules: Sequence[Law]) -> Poly:
    """dA^-1 = -A^-1 dA A^-1."""
    y, k, l = symbol(head), fresh(), fresh()
    sums = {k: da.dims[0], l: da.dims[1]}
    return scale(contract(head.dims, [(y, [0, k]), (da, [k, l]), (y, [l, 1])], sums, rules), -ONE)


def _logdet(head: Head, da: Poly, rules: Sequence[Law]) -> Poly:
    """d log det A = tr(A^-1 dA)."""
    y, k, l = symbol(Head("matrix", "inv", da.dims, head.args)), fresh(), fresh()
    return contract((), [(y, [l, k]), (da, [k, l])], {k: da.dims[0], l: da.dims[1]}, rules)


ROWS: dict[str, Callable[[Head, Poly, Sequence[Law]], Poly]] = {
    "softmax": _softmax,
    "lse": _lse,
    "max": lambda head, dz, rules: _lse(head, dz, rules, "hit"),
    "hit": lambda head, dz, rules: scale(dz, Fraction(0)),
    "inv": _inverse,
    "logdet": _logdet,
    "det": lambda head, da, rules: times(symbol(head), _logdet(head, da, rules)),
}


def moved(dp: Poly, head: Head, u: Poly, rules: Sequence[Law]) -> Poly:
    """G with sum U dP = sum G dX + ...: every dX taken out of the sums in which it stands."""
    raws: list[Raw] = []
    for raw in instances(dp, range(len(dp.dims))):
        raws += _terms(raw, dp, head, u)
    return better(collect(head.dims, raws, rules), rules)


def _terms(raw: Raw, dp: Poly, head: Head, u: Poly) -> Iterator[Raw]:
    found = [i for i, (h, _, _) in enumerate(raw.atoms) if h.kind == D and h.name == head.name]
    if not found:
        return
    labels = raw.atoms[found[0]][1]
    rest = raw.atoms[: found[0]] + raw.atoms[found[0] + 1 :]
    axes = [fresh() for _ in dp.dims]  # the free axes of dP are summed over now
    sums = raw.sums | dict(zip(axes, dp.dims, strict=True))
    name = dict(enumerate(axes))
    labels = tuple([name.get(a, a) for a in labels])
    rest = [(h, tuple([name.get(a, a) for a in l]), q) for h, l, q in rest]
    place: dict[int, int] = {}
    units = []
    for j, a in enumerate(labels):
        if a in place:
            units.append((Head("delta", "I", (head.dims[j],) * 2), (place[a], j), ONE))
        place.setdefault(a, j)
    for new in instances(u, axes):
        atoms = [(h, tuple([place.get(a, a) for a in l]), q) for h, l, q in rest + new.atoms]
        left = {a: d for a, d in (sums | new.sums).items() if a not in place}
        yield Raw(multiply(raw.coefficient, new.coefficient), [*atoms, *units], left)


def better(p: Poly, rules: Sequence[Law]) -> Poly:
    """sigma(-z) = 1 - sigma(z) where it leaves fewer terms, or where sigma(z) stands beside it."""
    every = _opened(p, rules, beside=False)
    if len(every.terms) < len(p.terms):
        return every
    return _opened(p, rules, beside=True)


def _opened(p: Poly, rules: Sequence[Law], beside: bool) -> Poly:
    raws: list[Raw] = []
    for raw in instances(p, range(len(p.dims))):
        keys = {(h.key, l) for h, l, _ in raw.atoms}
        todo = [raw]
        for h, l, q in raw.atoms:
            if h.name != "sigmoid" or h.kind != "fn" or q != 1:
                continue
            mirror = Head("fn", "sigmoid", h.dims, (scale(h.args[0], -ONE),))
            leading = next(iter(h.args[0].terms.values()), ONE)
            if leading < 0 and (not beside or (mirror.key, l) in keys):
                todo = [
                    t
                    for r in todo
                    for t in (
                        Raw(r.coefficient, [a for a in r.atoms if a != (h, l, q)], dict(r.sums)),
                        Raw(
                            -r.coefficient,
                            [(mirror, l, q) if a == (h, l, q) else a for a in r.atoms],
                            dict(r.sums),
                        ),
                    )
                ]
        raws += todo
    return collect(p.dims, raws, rules)


def second(dp: Poly, head: Head, rules: Sequence[Law]) -> Poly:
    """H with dG = H dx, from the differential of a gradient."""
    raws = []
    for raw in instances(dp, range(len(dp.dims))):
        at = next(i for i, (h, _, _) in enumerate(raw.atoms) if h.kind == D)
        (label,) = raw.atoms[at][1]
        rest = raw.atoms[:at] + raw.atoms[at + 1 :]
        if label >= 0:
            atoms = [*rest, (Head("delta", "I", head.dims * 2), (label, 1), ONE)]
        else:
            atoms = [(h, tuple([1 if a == label else a for a in l]), q) for h, l, q in rest]
        sums = {a: d for a, d in raw.sums.items() if a != label}
        raws.append(Raw(raw.coefficient, atoms, sums))
    return better(collect(head.dims * 2, raws, rules), rules)
