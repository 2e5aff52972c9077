"""Stable words for naive ones: log(sum(exp x)) is logsumexp x, 1 / (1 + exp(-x)) is sigma(x).

The values agree to rounding where the naive spelling has one, so this pass, unlike the others, may
change bits; it must run before differentiation, for what is lost is the derivative of the naive
spelling. Each law looks at the line that ends its pattern; of real numbers only. A logsumexp that
is shifted by its greatest entry stays as it is, and so do the bodies of loops and branches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.ir.infer import infer
from wengert.ir.primitive import Carrier, Primitive
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.passes.prune import prune
from wengert.primitives import activations, compositions, curves, linalg, maps
from wengert.settings import shown

NEEDED = frozenset({"exp", "log", "log_softmax", "norm", "sqrt"})
"""Without one of these no law applies: most programs pay one look at each name and no more."""
VIEWS = frozenset({"reshape", "broadcast", "transpose", "take", "flip"})


@dataclass(frozen=True, slots=True)
class Call:
    """A right-hand side to write: its operands are atoms and calls."""

    primitive: Primitive
    args: tuple["Atom | Call", ...]
    params: dict[str, Any] = field(default_factory=dict)


Made = dict[Atom, Equation]
Law = Callable[[Equation, Made], Call | None]


def stabilise(program: Program, env: Mapping[Any, Any] | None = None) -> Program:
    """The list with stable words; itself if nothing is to say better. Results keep their names.

    `env` may hold values: where they show that a sum of exponentials or squares is in the middle of
    the range of floats, it is as good as its stable word, and stays.
    """
    if NEEDED.isdisjoint([eqn.primitive.name for eqn in program.equations]):
        return program
    made: Made = {eqn.outputs[0]: eqn for eqn in program.equations}
    fixed = _deciding(program)
    if not any(_better(e, made, env) for e in program.equations if fixed.isdisjoint(e.outputs)):
        return program
    kept: list[Equation] = []
    for eqn in program.equations:
        lines = (_better(eqn, made, env) if fixed.isdisjoint(eqn.outputs) else None) or [eqn]
        made.update((line.outputs[0], line) for line in lines)
        kept += lines
    new = prune(Program(program.inputs, kept, program.outputs, program.name))
    if shown("stabilise"):
        print(f"# stabilise\n{new}")
    return new


def _deciding(program: Program) -> set[Atom]:
    """What guards depend on, which must answer as it did: to the bit."""
    found: set[Atom] = set()
    for eqn in reversed(program.equations):
        if eqn.primitive.effect or not found.isdisjoint(eqn.outputs):
            found.update(eqn.inputs)
    return found


def _better(eqn: Equation, made: Made, env: Mapping[Any, Any] | None) -> list[Equation] | None:
    """The lines that a law puts in the place of this one."""
    law = LAWS.get(eqn.primitive.name)
    if law is None or eqn.outputs[0].type.dtype.kind != "f":
        return None
    call = law(eqn, made)
    if call is None or (env and _ordinary(eqn, made, env)):
        return None
    return _lines(call, eqn)


def _ordinary(eqn: Equation, made: Made, env: Mapping[Any, Any]) -> bool:
    """Whether a root or logarithm is of sums known to be far from 0 and from infinity."""
    if eqn.primitive.name not in ("log", "sqrt"):
        return False
    source = _peeled(eqn.inputs[0], made)[0]
    line, s = made.get(source), env.get(source)
    if line is None or line.primitive.name not in ("sum", "contract") or isinstance(s, Carrier):
        return False
    info = np.finfo(source.type.dtype)
    return s is not None and bool(np.all((s > info.tiny / info.eps**2) & (s <= info.max)))


def _lines(call: Call, eqn: Equation) -> list[Equation]:
    """The equations of a call, the last one with the results of `eqn`; none if its type differs."""
    lines: list[Equation] = []

    def write(c: "Atom | Call") -> Atom:
        if not isinstance(c, Call):
            return c
        args = tuple([write(a) for a in c.args])
        outs = infer(c.primitive, [a.type for a in args], c.params)
        var = eqn.outputs[0] if c is call else Var(outs[0])
        if outs != (var.type,):
            raise _OtherType
        lines.append(Equation(c.primitive, args, (var,), c.params, eqn.place))
        return var

    try:
        write(call)
    except _OtherType:
        return []
    return lines


class _OtherType(Exception):
    pass


# --- what a line is made of
def _by(atom: "Atom | Call", name: str, made: Made) -> Equation | None:
    """The line that made a value, if it is one of this name."""
    eqn = made.get(atom)  # type: ignore[arg-type]
    return eqn if eqn is not None and eqn.primitive.name == name else None


def _is(atom: Atom, number: float) -> bool:
    known = isinstance(atom, Const) and not atom.type.shape and not isinstance(atom.value, Carrier)
    return known and bool(atom.value == number)  # type: ignore[union-attr]


def _peeled(atom: Atom, made: Made) -> tuple[Atom, list[Equation]]:
    """What a value is a view of, and the views on the way to it, the last one first."""
    way: list[Equation] = []
    while (eqn := made.get(atom)) is not None and eqn.primitive.name in VIEWS:
        way.append(eqn)
        atom = eqn.inputs[0]
    return atom, way


def _seen(call: Call | None, way: list[Equation]) -> Call | None:
    """The same views of a call."""
    for eqn in reversed(way):
        call = None if call is None else Call(eqn.primitive, (call,), eqn.params)
    return call


def _one_plus(atom: Atom, made: Made) -> Atom | None:
    """x of 1 + x or x + 1."""
    eqn = _by(atom, "add", made)
    if eqn is not None:
        for one, other in (eqn.inputs, eqn.inputs[::-1]):
            if _is(one, 1):
                return other
    return None


def _of_exp(atom: Atom | None, made: Made) -> Atom | None:
    """x of exp(x)."""
    eqn = None if atom is None else _by(atom, "exp", made)
    return None if eqn is None else eqn.inputs[0]


def _squared(atom: Atom, made: Made) -> Atom | None:
    """x of x**2 or x * x."""
    if (eqn := _by(atom, "square", made)) is not None:
        return eqn.inputs[0]
    eqn = _by(atom, "multiply", made)
    return eqn.inputs[0] if eqn is not None and _twice(eqn) else None


def _twice(eqn: Equation) -> bool:
    return isinstance(eqn.inputs[0], Var) and eqn.inputs[0] is eqn.inputs[1]


def _shifted(atom: Atom, made: Made) -> bool:
    """Whether x is z - max z, or might be: its exponentials don't overflow."""
    eqn = _by(atom, "subtract", made)
    if eqn is None:
        return False
    top = made.get(_peeled(eqn.inputs[1], made)[0])
    return top is not None and top.primitive.name in ("max", "select", "stop_gradient")


def _minus(atom: Atom, made: Made) -> "Atom | Call":
    """-x, where x of -x is x."""
    eqn = _by(atom, "negative", made)
    return Call(curves.negative, (atom,)) if eqn is None else eqn.inputs[0]


def _softmax_of(atom: Atom, made: Made) -> tuple[Atom, int] | None:
    """(z, axis) of softmax z, by its name or as exp(z) / sum(exp(z)) with the axis put back."""
    if (eqn := _by(atom, "softmax", made)) is not None:
        return eqn.inputs[0], eqn.params["axis"]
    if (eqn := _by(atom, "divide", made)) is None:
        return None
    z = _of_exp(eqn.inputs[0], made)
    source, way = _peeled(eqn.inputs[1], made)
    total = _by(source, "sum", made)
    if z is None or total is None or len(total.params["axes"]) != 1:
        return None
    if _of_exp(total.inputs[0], made) is not z:
        return None
    (axis,) = total.params["axes"]
    shape = z.type.shape
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    if any(view.primitive.name not in ("reshape", "broadcast") for view in way):
        return None
    shapes = [view.outputs[0].type.shape for view in way]
    fits = shapes in ([shape, kept], [kept, kept]) or (axis == 0 and shapes == [shape])
    return (z, axis) if fits or (shapes == [kept] == [shape]) else None


# --- the laws, by the name of the last line
def _log(eqn: Equation, made: Made) -> Call | None:
    x, way = _peeled(eqn.inputs[0], made)
    return _seen(_log_of(x, made), way)


def _log_of(x: Atom, made: Made) -> Call | None:
    line = made.get(x)
    if line is None:
        return None
    match line.primitive.name:
        case "sigmoid":
            return Call(activations.log_sigmoid, (line.inputs[0],))
        case "subtract" if _is(line.inputs[0], 1):  # log(1 - sigma(x))
            inner = _by(line.inputs[1], "sigmoid", made)
            if inner is not None:
                return Call(activations.log_sigmoid, (_minus(inner.inputs[0], made),))
        case "softmax" | "divide":
            found = _softmax_of(x, made)
            if found is not None:
                return Call(compositions.log_softmax, found[:1], {"axis": found[1]})
        case "sum":
            z = _of_exp(line.inputs[0], made)
            if z is not None and line.params["axes"] and not _shifted(z, made):
                return Call(compositions.logsumexp, (z,), dict(line.params))
        case "add":
            z = _of_exp(_one_plus(x, made), made)
            return None if z is None else Call(activations.softplus, (z,))
    return None


def _log1p(eqn: Equation, made: Made) -> Call | None:
    z = _of_exp(eqn.inputs[0], made)
    return None if z is None else Call(activations.softplus, (z,))


def _divide(eqn: Equation, made: Made) -> Call | None:
    """1 / (1 + exp(-x)) and exp(x) / (1 + exp(x))."""
    z = _of_exp(_one_plus(eqn.inputs[1], made), made)
    if z is None:
        return None
    if _is(eqn.inputs[0], 1):
        return Call(curves.sigmoid, (_minus(z, made),))
    return Call(curves.sigmoid, (z,)) if _of_exp(eqn.inputs[0], made) is z else None


def _reciprocal(eqn: Equation, made: Made) -> Call | None:
    z = _of_exp(_one_plus(eqn.inputs[0], made), made)
    return None if z is None else Call(curves.sigmoid, (_minus(z, made),))


def _sum(eqn: Equation, made: Made) -> Call | None:
    """sum p log p = -H(softmax z), where p = softmax z; of -p log p it is H."""
    terms = _by(eqn.inputs[0], "multiply", made)
    if terms is None:
        return None
    for p, l in (terms.inputs, terms.inputs[::-1]):
        line = _by(l, "log_softmax", made)
        if line is None:
            continue
        flipped = _by(p, "negative", made)
        found = _softmax_of(p if flipped is None else flipped.inputs[0], made)
        axis, axes = line.params["axis"], eqn.params["axes"]
        if found != (line.inputs[0], axis) or axis not in axes:
            continue
        entropy = Call(compositions.softmax_entropy, (line.inputs[0],), {"axes": (axis,)})
        rest = tuple([a - (a > axis) for a in axes if a != axis])
        whole = Call(maps.sum, (entropy,), {"axes": rest}) if rest else entropy
        return Call(curves.negative, (whole,)) if flipped is None else whole
    return None


def _sqrt(eqn: Equation, made: Made) -> Call | None:
    """The norm of x from sum x^2 or x'x, and hypot(x, 1) from x^2 + 1."""
    x, way = _peeled(eqn.inputs[0], made)
    line = made.get(x)
    z: Atom | None = None
    match line.primitive.name if line is not None else "":
        case "sum" if line is not None and line.params["axes"]:
            z, axes = _squared(line.inputs[0], made), line.params["axes"]
        case "contract" if line is not None and _twice(line) and line.inputs[0].type.ndim == 1:
            z, axes = None if line.outputs[0].type.ndim else line.inputs[0], (0,)
        case "add":
            other = _one_plus(x, made)
            z = None if other is None else _squared(other, made)
            if z is not None:
                return _seen(Call(curves.hypot, (z, Const(z.type.dtype.type(1)))), way)
            return None
    if z is None:
        return None
    return _seen(Call(linalg.norm, (z,), {"axes": axes, "p": 2.0}), way)


def _square(eqn: Equation, made: Made) -> Call | None:
    """The square of a norm, which has all derivatives at 0."""
    if eqn.primitive.name == "multiply" and not _twice(eqn):
        return None
    x, way = _peeled(eqn.inputs[0], made)
    line = _by(x, "norm", made)
    if line is None or line.params["p"] != 2 or line.inputs[0].type.dtype.kind != "f":
        return None
    squares = Call(curves.square, (line.inputs[0],))
    return _seen(Call(maps.sum, (squares,), {"axes": line.params["axes"]}), way)


LAWS: dict[str, Law] = {
    "log": _log,
    "log1p": _log1p,
    "divide": _divide,
    "reciprocal": _reciprocal,
    "sum": _sum,
    "sqrt": _sqrt,
    "square": _square,
    "multiply": _square,
}
