"""One more axis in front of everything: the family of each operation says what that means."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.families import Along, Contraction, Control, Opaque, Pointwise, Reduction, View
from wengert.ir.primitive import Composition, Primitive
from wengert.ir.program import Const, Equation, Program, Var, bind
from wengert.ir.types import Array, Type
from wengert.primitives.maps import contract
from wengert.primitives.views import broadcast
from wengert.transforms import rules


def batch(
    program: Program, size: int, args: Sequence[Array], batched: Sequence[bool]
) -> list[Array]:
    """The results of a program on operands of which some have a leading axis of this size."""
    values, flags = batch_flags(program, size, args, batched)
    return [v if b else spread(v, size) for v, b in zip(values, flags, strict=True)]


def batch_flags(
    program: Program, size: int, args: Sequence[Array], batched: Sequence[bool]
) -> tuple[list[Array], list[bool]]:
    """The results, and which of them have the leading axis: the others don't depend on it."""
    env: dict[Var, Array] = dict(zip(program.inputs, args, strict=True))
    lead: set[Var] = {v for v, b in zip(program.inputs, batched, strict=True) if b}
    for eqn in program.equations:
        xs = [a.value if isinstance(a, Const) else env[a] for a in eqn.inputs]
        flags = [a in lead for a in eqn.inputs]
        bind(env, eqn, lane(eqn, xs, flags, size))
        if any(flags):
            lead.update(eqn.outputs)
    values = [a.value if isinstance(a, Const) else env[a] for a in program.outputs]
    return values, [a in lead for a in program.outputs]


def lane(eqn: Equation, xs: Sequence[Array], flags: Sequence[bool], size: int) -> Any:
    """One equation, mapped if an operand is."""
    return mapped(eqn, xs, flags, size) if any(flags) else eqn.primitive(*xs, **eqn.params)


def spread(x: Array, size: int) -> Array:
    """x, once for each member of the batch."""
    return broadcast(x, shape=(size, *np.shape(x)))


def mapped(eqn: Equation, xs: Sequence[Array], batched: Sequence[bool], size: int) -> Any:
    """One equation on operands of which some have the leading axis."""
    primitive, params = eqn.primitive, eqn.params
    match primitive.family:
        case Pointwise():
            return primitive(*_full(eqn, xs, batched, size), **params)
        case Reduction():
            shifted = {**params, "axes": tuple([a + 1 for a in params["axes"]])}
            return primitive(*_all(xs, batched, size), **shifted)
        case Along():
            return primitive(*_all(xs, batched, size), **{**params, "axis": params["axis"] + 1})
        case Contraction():
            return _contraction(xs, batched, params["spec"])
        case View() as view:
            return view.batch(xs, batched, size, **params)
        case Opaque() if (
            isinstance(primitive.rule, Composition) and primitive.definition is not None
        ):
            return _definition(primitive, xs, batched, size, params)
        case Opaque():
            return primitive(*_all(xs, batched, size), **params)
        case Control() as control:
            return control.batch(xs, batched, size, **params)


def _all(xs: Sequence[Array], batched: Sequence[bool], size: int) -> list[Array]:
    return [x if b else spread(x, size) for x, b in zip(xs, batched, strict=True)]


def _full(eqn: Equation, xs: Sequence[Array], batched: Sequence[bool], size: int) -> list[Array]:
    """Pointwise operands: scalar constants fit every shape."""
    scalar = [isinstance(a, Const) and not a.type.shape for a in eqn.inputs]
    return [x if b or s else spread(x, size) for x, b, s in zip(xs, batched, scalar, strict=True)]


def _contraction(xs: Sequence[Array], batched: Sequence[bool], spec: str) -> Array:
    operands, out = spec.split("->")
    free = next(c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in spec)
    x, w = (
        free + term if b else term for term, b in zip(operands.split(","), batched, strict=True)
    )
    return contract(*xs, spec=f"{x},{w}->{free}{out}")


def _definition(
    primitive: Primitive, xs: Sequence[Array], batched: Sequence[bool], size: int, params: Any
) -> Any:
    types = [Type(x.shape[1:], x.dtype) if b else x for x, b in zip(xs, batched, strict=True)]
    results = batch(rules.definition(primitive, types, params), size, xs, batched)
    return results[0] if len(results) == 1 else tuple(results)
