"""Small laws that hold bit for bit: x * 1 = x, x'' = x, a repeated number is that number."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.families import Pointwise
from wengert.ir.primitive import Carrier
from wengert.ir.program import Atom, Const, Equation, Program

Definitions = dict[Atom, Equation]
Law = Callable[[Equation, Definitions], "Atom | Equation | None"]


def simplify(program: Program) -> Program:
    """Apply the laws line by line, each to operands already simplified."""
    same: dict[Atom, Atom] = {}
    defined: Definitions = {}
    kept: list[Equation] = []
    for eqn in program.equations:
        inputs = tuple([same.get(a, a) for a in eqn.inputs])
        new: Any = Equation(eqn.primitive, inputs, eqn.outputs, eqn.params, eqn.place)
        new = _reduced(new, defined)
        if isinstance(new, Equation):
            kept.append(new)
            defined.update((v, new) for v in new.outputs)
        else:
            same[eqn.outputs[0]] = new
    outputs = [same.get(a, a) for a in program.outputs]
    return Program(program.inputs, kept, outputs, program.name)


def _reduced(eqn: Equation, defined: Definitions) -> Atom | Equation:
    while True:
        if isinstance(eqn.primitive.family, Pointwise):
            eqn = _literals(eqn, defined)
        law = LAWS.get(eqn.primitive.name)
        new = None if law is None else law(eqn, defined)
        if new is None:
            return eqn
        if not isinstance(new, Equation):
            return new
        eqn = new


def _literals(eqn: Equation, defined: Definitions) -> Equation:
    """A pointwise operand that repeats one number is that number, if another has the shape."""
    inputs = [_splat(a, defined) for a in eqn.inputs]
    shape = eqn.outputs[0].type.shape
    if not any(a.type.shape == shape for a in inputs) or inputs == list(eqn.inputs):
        return eqn
    return Equation(eqn.primitive, tuple(inputs), eqn.outputs, eqn.params, eqn.place)


def _splat(atom: Atom, defined: Definitions) -> Atom:
    made = defined.get(atom)
    if made is not None and made.primitive.name == "broadcast":
        source = made.inputs[0]
        if isinstance(source, Const) and not source.type.shape:
            return source
    if isinstance(atom, Const) and isinstance(atom.value, np.ndarray) and _uniform(atom.value):
        return Const(atom.value[(0,) * atom.type.ndim])
    return atom


def _uniform(x: np.ndarray) -> bool:
    """Whether an array repeats one number, as the gradient of a sum does."""
    if not x.size or x.ndim == 0:
        return False
    ends = x[(0,) * x.ndim], x[(-1,) * x.ndim]
    if ends[0].tobytes() != ends[1].tobytes():
        return False
    return not any(x.strides) or bool((x == ends[0]).all() and ends[0] != 0)


def _is(atom: Atom, number: float) -> bool:
    known = isinstance(atom, Const) and not atom.type.shape and not isinstance(atom.value, Carrier)
    return known and bool(atom.value == number)  # type: ignore[union-attr]


def _full(atom: Atom, eqn: Equation) -> bool:
    return atom.type == eqn.outputs[0].type


def _multiply(eqn: Equation, defined: Definitions) -> Atom | Equation | None:
    x, y = eqn.inputs
    for one, other in ((x, y), (y, x)):
        if _is(one, 1) and _full(other, eqn):
            return other
    return None


def _divide(eqn: Equation, defined: Definitions) -> Atom | Equation | None:
    x, y = eqn.inputs
    return x if _is(y, 1) and _full(x, eqn) else None


def _subtract(eqn: Equation, defined: Definitions) -> Atom | Equation | None:
    x, y = eqn.inputs
    plus_zero = _is(y, 0) and not np.signbit(y.value.real)  # type: ignore[union-attr]
    return x if plus_zero and _full(x, eqn) and x.type.dtype.kind != "c" else None


def _negative(eqn: Equation, defined: Definitions) -> Atom | Equation | None:
    made = defined.get(eqn.inputs[0])
    return made.inputs[0] if made is not None and made.primitive.name == "negative" else None


def _unless_changed(eqn: Equation, defined: Definitions) -> Atom | Equation | None:
    """A view or conversion to the type that a value already has."""
    x = eqn.inputs[0]
    return x if x.type == eqn.outputs[0].type else _through(eqn, defined)


def _through(eqn: Equation, defined: Definitions) -> Equation | None:
    """The same view of what a view is made of."""
    made = defined.get(eqn.inputs[0])
    if made is None or made.primitive is not eqn.primitive or eqn.primitive.name == "convert":
        return None
    return Equation(eqn.primitive, made.inputs, eqn.outputs, eqn.params, eqn.place)


def _transpose(eqn: Equation, defined: Definitions) -> Atom | Equation | None:
    perm = eqn.params["perm"]
    if perm == tuple(range(len(perm))):
        return eqn.inputs[0]
    made = defined.get(eqn.inputs[0])
    if made is None or made.primitive is not eqn.primitive:
        return None
    both = tuple([made.params["perm"][p] for p in perm])
    return Equation(eqn.primitive, made.inputs, eqn.outputs, {"perm": both}, eqn.place)


def _contract(eqn: Equation, defined: Definitions) -> Equation | None:
    """A transposed operand of a product is the operand with its letters in the other order."""
    operands, out = eqn.params["spec"].split("->")
    terms = operands.split(",")
    inputs = list(eqn.inputs)
    for i, atom in enumerate(inputs):
        made = defined.get(atom)
        if made is not None and made.primitive.name == "transpose":
            letters = dict(zip(made.params["perm"], terms[i], strict=True))
            terms[i] = "".join(letters[a] for a in range(len(letters)))
            inputs[i] = made.inputs[0]
    if tuple(inputs) == eqn.inputs:
        return None
    spec = f"{terms[0]},{terms[1]}->{out}"
    return Equation(eqn.primitive, tuple(inputs), eqn.outputs, {"spec": spec}, eqn.place)


def _sum(eqn: Equation, defined: Definitions) -> Atom | None:
    """A sum over no axes, or over axes of length one already folded."""
    return eqn.inputs[0] if not eqn.params["axes"] else None


LAWS: dict[str, Law] = {
    "multiply": _multiply,
    "divide": _divide,
    "subtract": _subtract,
    "negative": _negative,
    "convert": _unless_changed,
    "reshape": _unless_changed,
    "broadcast": _unless_changed,
    "transpose": _transpose,
    "contract": _contract,
    "sum": _sum,
}
