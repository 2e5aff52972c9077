"""What each kind of equation is as a formula: one reader for each primitive."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, line_of
from wengert.explanation.terms import (
    ONE,
    Atom,
    Dim,
    Head,
    Number,
    Poly,
    Raw,
    add,
    apply,
    collect,
    constant,
    contract,
    fresh,
    power,
    scale,
    symbol,
    times,
)  # fmt: skip
from wengert.ir.program import Const, Equation, Var

Reader = Any
"""What asks: it gives the formulas of operands, their axes, and who made them."""


def cannot(eqn: Equation) -> UnsupportedError:
    """The error for an equation that no formula says."""
    return UnsupportedError(
        f"explain has no formula for {eqn.primitive.name}, of which the function makes use. "
        f"This happened at {line_of(eqn.place)}. "
        "Leave it out of the function, or look at wengert.formulas and wengert.tables."
    )


def number(x: float) -> Number:
    """The fraction that a number is, if it is a simple one."""
    near = Fraction(x).limit_denominator(1000)
    return near if abs(float(near) - x) <= 4e-16 * abs(x) else float(x)


def fitted(fit: tuple[Number, dict[str, Fraction]] | None, value: float) -> Poly:
    """A number, as a monomial in the dimensions where it changes with them."""
    if fit is None:
        return constant(number(float(value)))
    atoms: list[Atom] = [(Head("dim", d), (), p) for d, p in fit[1].items()]
    return collect((), [Raw(fit[0], atoms, {})])


# --- one reader for each kind of equation
def _operands(r: Reader, eqn: Equation) -> list[Poly]:
    return [r.get(a, i) for i, a in enumerate(eqn.inputs)]


def _full(ps: Sequence[Poly], dims: tuple[Dim, ...]) -> list[Poly]:
    """Numbers as formulas with all axes."""
    return [p if p.dims else Poly(dims, p.terms) for p in ps]


def _binary(combine: Callable[[Poly, Poly], Poly]) -> Callable[[Reader, Equation], Poly]:
    def reader(r: Reader, eqn: Equation) -> Poly:
        x, y = _full(_operands(r, eqn), r.axes(eqn.outputs[0]))
        return combine(x, y)

    return reader


def _unary(change: Callable[[Poly], Poly]) -> Callable[[Reader, Equation], Poly]:
    return lambda r, eqn: change(_operands(r, eqn)[0])


def word(r: Reader, eqn: Equation) -> Poly:
    """A function by its name; a constant power is a power."""
    xs = _full(_operands(r, eqn), r.axes(eqn.outputs[0]))
    if eqn.primitive.name == "power":
        exponent = xs[1].terms.get(())
        if len(xs[1].terms) == 1 and isinstance(exponent, Fraction):
            return power(xs[0], exponent)
    return apply(eqn.primitive.name, *xs)


def _divide(r: Reader, eqn: Equation) -> Poly:
    soft = _softmax_of(r, eqn)
    if soft is not None:
        return row("softmax", *soft)
    x, y = _full(_operands(r, eqn), r.axes(eqn.outputs[0]))
    return times(x, power(y, Fraction(-1)))


def _origin(r: Reader, atom: Any, *names: str) -> Equation | None:
    """The equation that made an atom, through broadcasts and axes of length one."""
    eqn = r.made.get(atom)
    while eqn is not None and eqn.primitive.name in ("broadcast", "reshape"):
        eqn = r.made.get(eqn.inputs[0])
    return eqn if eqn is not None and eqn.primitive.name in names else None


def _softmax_of(r: Reader, eqn: Equation) -> tuple[Poly, int] | None:
    """(z, axis) if this is exp(z) / sum exp(z), with or without a shift."""
    above, below = _origin(r, eqn.inputs[0], "exp"), _origin(r, eqn.inputs[1], "sum")
    inner = None if below is None else _origin(r, below.inputs[0], "exp")
    if above is None or below is None or inner is None or len(below.params["axes"]) != 1:
        return None
    if above.inputs[0] is not inner.inputs[0] or above.outputs[0].type != eqn.outputs[0].type:
        return None
    axis = below.params["axes"][0]
    return r.get(_unshifted(r, above.inputs[0], axis), 0), axis


def _unshifted(r: Reader, atom: Any, axis: int) -> Any:
    """z for z - max z along this axis."""
    eqn = r.made.get(atom)
    if eqn is not None and eqn.primitive.name == "subtract":
        top = _origin(r, eqn.inputs[1], "max")
        if top and top.inputs[0] is eqn.inputs[0] and top.params["axes"] == (axis,):
            return eqn.inputs[0]
    return atom


def _log(r: Reader, eqn: Equation) -> Poly:
    total = r.made.get(eqn.inputs[0])
    if total is not None and total.primitive.name == "sum" and len(total.params["axes"]) == 1:
        inner = _origin(r, total.inputs[0], "exp")
        if inner is not None and inner.outputs[0] is total.inputs[0]:
            return row("lse", r.get(inner.inputs[0], 0), total.params["axes"][0])
    return apply("log", *_operands(r, eqn))


def row(name: str, z: Poly, axis: int) -> Poly:
    """softmax, log-sum-exp or maximum along an axis."""
    kept = z.dims if name in ("softmax", "hit") else z.dims[:axis] + z.dims[axis + 1 :]
    return symbol(Head("row", name, kept, (z,), axis))


def _row(name: str) -> Callable[[Reader, Equation], Poly]:
    def reader(r: Reader, eqn: Equation) -> Poly:
        axis = eqn.params["axis"] if "axis" in eqn.params else _single(eqn)
        z = r.get(_unshifted(r, eqn.inputs[0], axis) if name != "max" else eqn.inputs[0], 0)
        if name != "log_softmax":
            return row(name, z, axis)
        return add(z, scale(_lifted(row("lse", z, axis), z.dims, axis), -ONE))

    return reader


def _single(eqn: Equation) -> int:
    if len(eqn.params["axes"]) != 1:
        raise cannot(eqn)
    return int(eqn.params["axes"][0])


def _lifted(p: Poly, dims: Sequence[Dim], axis: int) -> Poly:
    """p, the same all along a new axis."""
    return contract(dims, [(p, [i for i in range(len(dims)) if i != axis])])


def _cross_entropy(r: Reader, eqn: Equation) -> Poly:
    z, y = _operands(r, eqn)
    axis = _single(eqn)
    minus_log = add(_lifted(row("lse", z, axis), z.dims, axis), scale(z, -ONE))
    return _summed(times(y, minus_log), (axis,), r)


def _summed(p: Poly, axes: Sequence[int], r: Reader) -> Poly:
    kept = [i for i in range(len(p.dims)) if i not in axes]
    labels = {a: fresh() for a in axes} | {a: i for i, a in enumerate(kept)}
    sums = {labels[a]: p.dims[a] for a in axes}
    return contract(
        [p.dims[a] for a in kept], [(p, [labels[i] for i in range(len(p.dims))])], sums, r.laws
    )


def _sum(r: Reader, eqn: Equation) -> Poly:
    p = r.get(eqn.inputs[0], 0)
    return _summed(p, eqn.params["axes"], r)


def _contract(r: Reader, eqn: Equation) -> Poly:
    operands, out = eqn.params["spec"].split("->")
    label: dict[str, int] = {c: i for i, c in enumerate(out)}
    sums: dict[int, Dim] = {}
    factors = []
    for i, (atom, letters) in enumerate(zip(eqn.inputs, operands.split(","), strict=True)):
        for c, dim in zip(letters, r.axes(atom), strict=True):
            if c not in label:
                label[c] = fresh()
                sums[label[c]] = dim
        factors.append((r.get(atom, i), [label[c] for c in letters]))
    return contract(r.axes(eqn.outputs[0]), factors, sums, r.laws)


def _relabel(r: Reader, eqn: Equation, place: dict[int, int]) -> Poly:
    """A view: each axis in its new place; those without one have length one."""
    p = r.get(eqn.inputs[0], 0)
    labels = [place.get(i, 0) if i in place else fresh() for i in range(len(p.dims))]
    sums = {l: p.dims[i] for i, l in enumerate(labels) if i not in place}
    return contract(r.axes(eqn.outputs[0]), [(p, labels)], sums)


def _broadcast(r: Reader, eqn: Equation) -> Poly:
    mine, whole = eqn.inputs[0].type.shape, eqn.outputs[0].type.shape
    lead = len(whole) - len(mine)
    return _relabel(r, eqn, {i: i + lead for i, n in enumerate(mine) if n == whole[i + lead]})


def _transpose(r: Reader, eqn: Equation) -> Poly:
    return _relabel(r, eqn, {p: i for i, p in enumerate(eqn.params["perm"])})


def _reshape(r: Reader, eqn: Equation) -> Poly:
    mine, new = eqn.inputs[0].type.shape, eqn.outputs[0].type.shape
    old = [i for i, n in enumerate(mine) if n != 1]
    now = [i for i, n in enumerate(new) if n != 1]
    if [mine[i] for i in old] == [new[i] for i in now]:
        return _relabel(r, eqn, dict(zip(old, now, strict=True)))
    if new == (eqn.inputs[0].type.size,):
        dims = r.axes(eqn.inputs[0])
        head = Head("vec", "vec", (*r.axes(eqn.outputs[0]), *dims), data=mine)
        ids = [fresh() for _ in dims]
        x = r.get(eqn.inputs[0], 0)
        return contract(
            head.dims[:1], [(symbol(head), [0, *ids]), (x, ids)], dict(zip(ids, dims, strict=True))
        )
    raise cannot(eqn)


def _take(r: Reader, eqn: Equation) -> Poly:
    p, out, labels, sums, factors = r.get(eqn.inputs[0], 0), 0, [], {}, []
    outs = r.axes(eqn.outputs[0])
    shape = eqn.inputs[0].type.shape
    for k, (i, n, dim) in enumerate(zip(eqn.params["index"], shape, p.dims, strict=True)):
        cut = r.numbers[r.index, -1 - k]
        if i == (0, n, 1):
            labels.append(out)
            out += 1
            continue
        label = fresh()
        labels.append(label)
        sums[label] = dim
        if isinstance(i, int):
            factors.append((symbol(Head("unit", _place(cut[0]), (dim,), data=cut[0])), [label]))
            continue
        head = Head("cut", f"I[{_cut(*cut)}]", (outs[out], dim), data=cut)
        factors.append((symbol(head), [out, label]))
        out += 1
    return contract(outs, [(p, labels), *factors], sums, r.laws)


def _place(i: int) -> str:
    return "e_last" if i == -1 else f"e_{i}"


def _cut(start: int | None, stop: int | None, step: int) -> str:
    begin = "" if not start or (step < 0 and start == -1) else start
    return f"{begin}:{'' if stop is None else stop}" + (f":{step}" if step != 1 else "")


def _flip(r: Reader, eqn: Equation) -> Poly:
    return _mapped(r, eqn, eqn.params["axes"], "flip", "J")


def _cumsum(r: Reader, eqn: Equation) -> Poly:
    return _mapped(r, eqn, (eqn.params["axis"],), "lower", "L")


def _mapped(r: Reader, eqn: Equation, axes: Sequence[int], kind: str, name: str) -> Poly:
    """A fixed square matrix along each of these axes."""
    p = r.get(eqn.inputs[0], 0)
    inner = {a: fresh() for a in axes}
    heads = [(symbol(Head(kind, name, (p.dims[a], p.dims[a]))), [a, l]) for a, l in inner.items()]
    labels = [inner.get(i, i) for i in range(len(p.dims))]
    return contract(p.dims, [(p, labels), *heads], {l: p.dims[a] for a, l in inner.items()})


def _concatenate(r: Reader, eqn: Equation) -> Poly:
    """The sum of the parts, each put in its place by rows of the unit matrix."""
    axis, outs = eqn.params["axis"], r.axes(eqn.outputs[0])
    parts: list[Poly] = []
    before: tuple[Dim, ...] = ()
    for i, atom in enumerate(eqn.inputs):
        p, label, mine = r.get(atom, i), fresh(), r.axes(atom)[axis]
        end = "+".join(map(str, (*before, mine))) if i + 1 < len(eqn.inputs) else ""
        name = f"I[{'+'.join(map(str, before))}:{end}]"
        head = symbol(Head("cut", name, (mine, outs[axis]), data=(before, (*before, mine), 1)))
        labels = [label if j == axis else j for j in range(len(outs))]
        parts.append(contract(outs, [(p, labels), (head, [label, axis])], {label: mine}))
        before = (*before, mine)
    return add(*parts)


def _gather(r: Reader, eqn: Equation) -> Poly:
    """x[i, j, ...] with arrays of integers: a diagonal, or a product with one-hot rows."""
    p, outs, rank = r.get(eqn.inputs[0], 0), r.axes(eqn.outputs[0]), eqn.inputs[1].type.ndim
    factors, labels, sums = [], [], {}
    for k, atom in enumerate(eqn.inputs[1:]):
        if rank != 1:
            raise cannot(eqn)
        if _counts(atom) and eqn.inputs[0].type.shape[k] == atom.type.shape[0]:
            labels.append(0)
            continue
        label = fresh()
        labels.append(label)
        sums[label] = p.dims[k]
        index = r.get(_counted(r, atom), k + 1)
        head = Head("onehot", "onehot", (outs[0], p.dims[k]), (index,))
        factors.append((symbol(head), [0, label]))
    labels += range(rank, len(outs))
    return contract(outs, [(p, labels), *factors], sums, r.laws)


def _counts(atom: Var | Const) -> bool:
    return isinstance(atom, Const) and np.array_equal(atom.value, np.arange(atom.type.shape[0]))


def _counted(r: Reader, atom: Any) -> Any:
    """An index without the step that counts negative ones from the end: a unit matrix does too."""
    eqn = r.made.get(atom)
    if eqn is not None and eqn.primitive.name == "select":
        asked = r.made.get(eqn.inputs[0])
        if asked is not None and asked.primitive.name == "less":
            return eqn.inputs[2]
    return atom


def _hypot(r: Reader, eqn: Equation) -> Poly:
    x, y = _full(_operands(r, eqn), r.axes(eqn.outputs[0]))
    return power(add(power(x, Fraction(2)), power(y, Fraction(2))), Fraction(1, 2))


def _norm(r: Reader, eqn: Equation) -> Poly:
    p = _operands(r, eqn)[0]
    if eqn.params["p"] != 2:
        raise cannot(eqn)
    return power(_summed(power(p, Fraction(2)), eqn.params["axes"], r), Fraction(1, 2))


def _select(r: Reader, eqn: Equation) -> Poly:
    c, x, y = _full(_operands(r, eqn), r.axes(eqn.outputs[0]))
    return add(times(c, x), y, scale(times(c, y), -ONE))


def _matrix(name: str) -> Callable[[Reader, Equation], Any]:
    def reader(r: Reader, eqn: Equation) -> Any:
        a = r.get(eqn.inputs[0], 0)
        dims = a.dims if name == "inv" else ()
        if len(a.dims) != 2:
            raise cannot(eqn)
        made = symbol(Head("matrix", name, dims, (a,)))
        return (None, made) if eqn.primitive.name == "slogdet" else made

    return reader


def _solve(r: Reader, eqn: Equation) -> Poly:
    a, b = _operands(r, eqn)
    label = fresh()
    inverse = symbol(Head("matrix", "inv", a.dims, (a,)))
    return contract(b.dims, [(inverse, [0, label]), (b, [label, 1])], {label: a.dims[1]})


def _monomial(r: Reader, eqn: Equation) -> Poly:
    return power(_operands(r, eqn)[0], Fraction(eqn.params["p"]).limit_denominator(100))


# fmt: off
READERS: dict[str, Callable[[Reader, Equation], Any]] = {
    "add": _binary(add), "subtract": _binary(lambda x, y: add(x, scale(y, -ONE))), "multiply": _binary(times), "divide": _divide,
    "negative": _unary(lambda x: scale(x, -ONE)), "reciprocal": _unary(lambda x: power(x, -ONE)), "square": _unary(lambda x: power(x, Fraction(2))),
    "sqrt": _unary(lambda x: power(x, Fraction(1, 2))), "monomial": _monomial, "convert": _unary(lambda x: x), "log": _log,
    "contract": _contract, "sum": _sum, "broadcast": _broadcast, "transpose": _transpose, "reshape": _reshape, "take": _take, "flip": _flip, "cumsum": _cumsum,
    "concatenate": _concatenate, "gather": _gather, "norm": _norm, "hypot": _hypot, "select": _select, "softmax": _row("softmax"), "log_softmax": _row("log_softmax"),
    "logsumexp": _row("lse"), "max": _row("max"), "softmax_cross_entropy": _cross_entropy,
    "inv": _matrix("inv"), "det": _matrix("det"), "slogdet": _matrix("logdet"), "solve": _solve,
}
# fmt: on
