"""What a gradient written by hand may have got wrong: each a way to compute the wrong gradient.

A suspect gives, for each sample, two gradients a and b, and says that the hand's is a + α b: with
α = 0 a path was forgotten, with -1 its sign, with 2 or 1/N a factor. Most of them are the reverse
sweep with the record of one line tampered with.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.explanation.grading import words
from wengert.explanation.grading.draws import TWO_SIDED
from wengert.explanation.grading.samples import Sample
from wengert.explanation.source import names, written
from wengert.ir.families import Contraction
from wengert.ir.primitive import ByHand, Primitive, Slopes
from wengert.ir.program import Const, Equation, Program, Var
from wengert.ir.types import Array
from wengert.transforms.vjp import adjoint_of

Gradients = list[Array]
Tamper = Callable[[Equation, Sequence[Array], Sequence[Array], Any, list[Any]], list[Any]]
MOST_LINES = 120


@dataclass(frozen=True, slots=True)
class Suspect:
    """`pair(sample)` gives (a, b); `free` = any α will do, else `alpha` is what it must be."""

    kind: str
    what: str
    pair: Callable[[Sample], tuple[Gradients, Gradients]]
    alpha: float | None = None
    how: str = ""


def tampered(program: Program, i: int, tamper: Tamper) -> Program:
    """The list in which the cotangents of line i's operands are what `tamper` makes of them."""
    eqn = program.equations[i]
    wants = [a.type.differentiable for a in eqn.inputs]

    def backward(xs: Any, ys: Any, us: Any, **params: Any) -> list[Any]:
        right = list(adjoint_of(eqn, xs, ys, us, wants))
        return tamper(eqn, xs, ys, us[0], right)

    p = eqn.primitive
    record = Primitive(p.name, p.evaluate, p.family, ByHand(lambda *_: None, backward))
    changed = Equation(record, eqn.inputs, eqn.outputs, eqn.params, eqn.place)
    equations = [*program.equations[:i], changed, *program.equations[i + 1 :]]
    return Program(program.inputs, equations, program.outputs, program.name)


def by_tampering(sample: Sample, i: int, tamper: Tamper) -> Gradients:
    """The gradient at a sample with line i tampered with."""
    return sample.suppose(tampered(sample.point.program, i, tamper))


def minus(a: Gradients, b: Gradients) -> Gradients:
    """a - b, leaf by leaf."""
    return [x - y for x, y in zip(a, b, strict=True)]


def zeros(a: Gradients) -> Gradients:
    """The like of a, of zeros."""
    return [np.zeros_like(x) for x in a]


def whole() -> Suspect:
    """The right gradient times a number."""
    return Suspect("factor", "", lambda s: (zeros(s.truth), s.truth))


def terms(sample: Sample) -> Iterator[Suspect]:
    """One for each term of the sum that f returns."""
    program = sample.point.program
    makers = {v: i for i, eqn in enumerate(program.equations) for v in eqn.outputs}
    leaves: list[tuple[int, int]] = []

    def split(atom: Any, reader: tuple[int, int]) -> None:
        i = makers.get(atom)
        name = program.equations[i].primitive.name if i is not None else ""
        if i is not None and name in ("add", "subtract") and not atom.type.shape:
            for k, a in enumerate(program.equations[i].inputs):
                split(a, (i, k))
        elif isinstance(atom, Var) and reader[0] >= 0:
            leaves.append(reader)

    split(program.outputs[0], (-1, 0))
    for i, k in leaves:
        atom = program.equations[i].inputs[k]
        maker = makers.get(atom) if isinstance(atom, Var) else None
        text = written(program.equations[maker].place) if maker is not None else None
        kind = "the regulariser's term" if _bare(program, atom, makers) else "the term"
        what = f"{kind} `{text.text}`" if text else "a term of the sum"
        where = f" ({text.where})" if text else ""
        yield Suspect("term", what + where, _path(i, k))


def _bare(program: Program, atom: Any, makers: dict[Var, int]) -> bool:
    """Whether a value depends on the differentiated arguments and on numbers, but on no data."""
    if isinstance(atom, Const):
        return not atom.type.shape
    if atom not in makers:
        return True
    return all(_bare(program, a, makers) for a in program.equations[makers[atom]].inputs)


def _path(i: int, k: int) -> Callable[[Sample], tuple[Gradients, Gradients]]:
    def pair(sample: Sample) -> tuple[Gradients, Gradients]:
        a = by_tampering(
            sample,
            i,
            lambda e, xs, ys, u, right: [None if j == k else r for j, r in enumerate(right)],
        )
        return a, minus(sample.truth, a)

    return pair


def lines(sample: Sample) -> Iterator[Suspect]:
    """One for each way to get the slope of a line wrong, curves first."""
    program = sample.point.program
    known = names(program)
    order = sorted(
        range(len(program.equations)), key=lambda i: (not _curved(program.equations[i]), -i)
    )
    for i in order[:MOST_LINES]:
        eqn = program.equations[i]
        moving = [
            k for k, a in enumerate(eqn.inputs) if isinstance(a, Var) and a.type.differentiable
        ]
        if moving and _curved(eqn):
            yield from _slopes(i, moving[0], eqn, known)
        for k in moving:
            yield from _operand(program, i, k, known)
    for i in order[:MOST_LINES]:
        eqn = program.equations[i]
        if _curved(eqn) and isinstance(eqn.primitive.rule, Slopes):
            yield from _regions(i, _moving(eqn), eqn, known)


PLAIN = frozenset({"add", "subtract", "multiply", "divide", "negative", "select", "convert"})


def _moving(eqn: Equation) -> int:
    return next(
        (k for k, a in enumerate(eqn.inputs) if isinstance(a, Var) and a.type.differentiable), 0
    )


def _curved(eqn: Equation) -> bool:
    """Whether a line is a function of one variable with a slope of its own, or a softmax."""
    name, moving = eqn.primitive.name, sum(isinstance(a, Var) for a in eqn.inputs)
    curve = isinstance(eqn.primitive.rule, Slopes) and moving == 1 and name not in PLAIN
    return curve or name in ("softmax", "log_softmax")


def place(eqn: Equation) -> str:
    """`h = np.tanh(z)` (net.py:12), as the user wrote it; the record's name where he didn't."""
    text = written(eqn.place)
    if text is None:
        return f"the line with {eqn.primitive.name}"
    name = f"{text.name} = " if text.name else ""
    return f"`{name}{text.text}` ({text.where})"


def _name(atom: Any, known: dict[Var, str]) -> str:
    return known.get(atom, "") if isinstance(atom, Var) else ""


def _slope(e: Equation, xs: Sequence[Any], k: int) -> Any:
    assert isinstance(e.primitive.rule, Slopes)
    slope = e.primitive.rule.functions[k]
    assert slope is not None
    return slope(*xs, e.primitive(*xs, **e.params), **e.params)


def _at_result(e: Equation, xs: Any, k: int, u: Any) -> Any:
    y = e.primitive(*xs, **e.params)
    return u * _slope(e, [y if j == k else x for j, x in enumerate(xs)], k)


def _divided(e: Equation, xs: Any, k: int, u: Any) -> Any:
    slope = np.asarray(_slope(e, xs, k))
    if not np.all(slope):
        raise ValueError("there is no dividing by a slope of zero")
    return u / slope


# fmt: off
INSTEAD: dict[str, Any] = {
    "the derivative of {f} is forgotten at {at}: its factor {f}'({x}) is taken as 1": lambda e, x, y, u: u,
    "{f} itself stands where its derivative {f}' belongs, at {at}":                   lambda e, x, y, u: u * y,
    "{x} itself stands where the derivative {f}'({x}) belongs, at {at}":              lambda e, x, y, u: u * x,
    "1 - {f}({x}) stands where the derivative {f}'({x}) belongs, at {at}":            lambda e, x, y, u: u * (1 - y),
    "1 - {x}^2 stands where the derivative {f}'({x}) belongs, at {at}":               lambda e, x, y, u: u * (1 - x * x),
    "{x} (1 - {x}) stands where the derivative {f}'({x}) belongs, at {at}":           lambda e, x, y, u: u * x * (1 - x),
    "the derivative of {f} is taken at {f}({x}) instead of at {x}, at {at}":          _at_result,
    "{f}'({x}) is divided by instead of multiplied with, at {at}":                    _divided,
}
"""What people write where the derivative f'(x) belongs."""
# fmt: on


def _slopes(i: int, k: int, eqn: Equation, known: dict[Var, str]) -> Iterator[Suspect]:
    """Another function in the place of the derivative."""
    f, at = eqn.primitive.name, place(eqn)
    x = _name(eqn.inputs[k], known) or "z"
    if eqn.inputs[k].type.shape != eqn.outputs[0].type.shape:
        return
    table: list[tuple[str, Any]] = [
        (what.format(f=f, x=x, at=at), rule) for what, rule in INSTEAD.items()
    ]
    if f == "softmax":
        each = words.ENTRYWISE.format(at=at)
        table.insert(0, (each, lambda e, x, y, u: u * y * (1 - y)))
        table.insert(
            1,
            (
                words.NO_OUTER.format(at=at),
                lambda e, x, y, u: u * y,
            ),
        )
    for what, rule in table:
        if isinstance(eqn.primitive.rule, Slopes) or rule not in (_at_result, _divided):
            yield Suspect("slope", what, _replaced(i, k, rule), 0)


def _replaced(i: int, k: int, rule: Any) -> Callable[[Sample], tuple[Gradients, Gradients]]:
    def tamper(e: Equation, xs: Any, ys: Any, u: Any, right: list[Any]) -> list[Any]:
        new = rule(e, xs[k], ys[0], u) if rule not in (_at_result, _divided) else rule(e, xs, k, u)
        return [new if j == k else r for j, r in enumerate(right)]

    return lambda s: (by_tampering(s, i, tamper), zeros(s.truth))


def _regions(i: int, k: int, eqn: Equation, known: dict[Var, str]) -> Iterator[Suspect]:
    """On one side of zero alone (of the other operand, for max and min): a factor, or a slope."""
    x, at = _name(eqn.inputs[k], known) or "its operand", place(eqn)
    for sign, text in ((1, "<"), (-1, ">")):
        what = f"wrong only where {x} {text} {_threshold_text(eqn, k)}, at {at}"
        side = ": the slope there is taken {factor} times"
        flat = ": there you take the slope {factor}"
        yield Suspect("region", what, _sided(i, k, sign, flat=True), how=flat)
        yield Suspect("region", what, _sided(i, k, sign, flat=False), how=side)


def _threshold_text(eqn: Equation, k: int) -> str:
    other = eqn.inputs[1 - k] if len(eqn.inputs) == 2 else None
    if isinstance(other, Const) and not other.type.shape and eqn.primitive.name in TWO_SIDED:
        return f"{np.asarray(other.value).item():g}"
    return "0"


def _sided(
    i: int, k: int, sign: int, flat: bool
) -> Callable[[Sample], tuple[Gradients, Gradients]]:
    """a: what comes through on the one side; b: through the other, by slope 1 if `flat`."""

    def pair(sample: Sample) -> tuple[Gradients, Gradients]:
        def here(e: Equation, xs: Any) -> Any:
            two = len(xs) == 2 and e.primitive.name in TWO_SIDED
            return sign * (xs[k] - (xs[1 - k] if two else 0)) > 0

        def only(j: int, k: int, value: Any) -> Any:
            return value if j == k else None

        def near(e: Equation, xs: Any, ys: Any, u: Any, right: list[Any]) -> list[Any]:
            return [only(j, k, np.where(here(e, xs), right[k], 0)) for j in range(len(right))]

        def far(e: Equation, xs: Any, ys: Any, u: Any, right: list[Any]) -> list[Any]:
            value = u if flat else right[k]
            return [only(j, k, np.where(here(e, xs), 0, value)) for j in range(len(right))]

        nothing = by_tampering(sample, i, lambda e, xs, ys, u, right: [None] * len(right))
        a = by_tampering(sample, i, near)
        return a, minus(by_tampering(sample, i, far), nothing)

    return pair


def _softmax_by_hand(program: Program, eqn: Equation) -> bool:
    """Whether a line divides exponentials by their sum."""
    makers = {v: e for e in program.equations for v in e.outputs}

    def above(atom: Any, depth: int) -> Iterator[str]:
        if depth and atom in makers:
            yield makers[atom].primitive.name
            yield from above(makers[atom].inputs[0], depth - 1)

    if eqn.primitive.name != "divide":
        return False
    return "exp" in above(eqn.inputs[0], 1) and {"sum", "exp"} <= set(above(eqn.inputs[1], 5))


def _entrywise(i: int) -> Callable[[Sample], tuple[Gradients, Gradients]]:
    """p(1 - p); the maximum that is taken off before exp has no part in p, so its path is cut."""

    def tamper(e: Equation, xs: Any, ys: Any, u: Any, right: list[Any]) -> list[Any]:
        return [right[0] * (1 - ys[0]), None]

    def supposed(sample: Sample) -> Gradients:
        program = tampered(sample.point.program, i, tamper)
        for j, eqn in enumerate(program.equations[:i]):
            if eqn.primitive.name == "max":
                program = tampered(program, j, lambda e, xs, ys, u, right: [None] * len(right))
        return sample.suppose(program)

    return lambda s: (supposed(s), zeros(s.truth))


def _scalar(eqn: Equation, k: int) -> bool:
    """Whether the other factor is one number."""
    return not eqn.inputs[1 - k].type.shape


def _alone(i: int, k: int) -> Callable[[Sample], tuple[Gradients, Gradients]]:
    def pair(sample: Sample) -> tuple[Gradients, Gradients]:
        return zeros(sample.truth), _path(i, k)(sample)[1]

    return pair


def _operand(program: Program, i: int, k: int, known: dict[Var, str]) -> Iterator[Suspect]:
    """The path through an operand: forgotten, its sign, a factor; a matrix in place of its W'."""
    eqn = program.equations[i]
    name = _name(eqn.inputs[k], known)
    through = f" through {name}" if name else ""
    if eqn.primitive.name == "select":
        where = f"wrong only {names_of_condition(eqn, k)}"
        yield Suspect("region", where, _path(i, k), how=": the slope there is taken {factor} times")
    if eqn.primitive.name == "multiply" and not _scalar(eqn, k):
        other = _name(eqn.inputs[1 - k], known)
        what = f"the factor {other} is forgotten" if other else "a factor is forgotten"
        bare = _replaced(i, k, lambda e, x, y, u: u)
        pair = lambda s: bare(s)[::-1]  # nothing, and α of the path with slope 1
        yield Suspect("forgotten", f"{what} at {place(eqn)}", pair)
    if isinstance(eqn.primitive.family, Contraction):
        what = f"a matrix isn't transposed at {place(eqn)}"
        yield Suspect("transposed", what, _untransposed(i, k), 0)
    if _softmax_by_hand(program, eqn) and k == 0:
        yield Suspect("slope", words.ENTRYWISE.format(at=place(eqn)), _entrywise(i), 0)
    yield Suspect("path", f"the path{through} at {place(eqn)}", _path(i, k))
    if len(eqn.inputs) > 1:
        what = words.ALONE.format(through=through, at=place(eqn))
        yield Suspect("symmetric", what, _alone(i, k))


def names_of_condition(eqn: Equation, k: int) -> str:
    """Where the k-th operand of a `where` is chosen."""
    side = "holds" if k == 1 else "doesn't hold"
    return f"where the condition of {place(eqn)} {side}"


def _untransposed(i: int, k: int) -> Callable[[Sample], tuple[Gradients, Gradients]]:
    """The product's adjoint with the other factor as it stands, where it is square."""

    def tamper(e: Equation, xs: Any, ys: Any, u: Any, right: list[Any]) -> list[Any]:
        other = xs[1 - k]
        if other.ndim != 2 or other.shape[0] != other.shape[1]:
            return right
        swapped = [xs[k], other.T] if k == 0 else [other.T, xs[k]]
        wants = [j == k for j in range(2)]
        wrong = adjoint_of(e, swapped, ys, [u], wants)[k]
        return [wrong if j == k else r for j, r in enumerate(right)]

    return lambda s: (by_tampering(s, i, tamper), zeros(s.truth))
