"""Forward mode: the differential of each line in turn, one pass for one direction."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import NoDerivativeError, sentences
from wengert.ir.primitive import (
    Adjoints,
    ByHand,
    Composition,
    Differential,
    Flat,
    Primitive,
    Refusal,
    Slopes,
)  # fmt: skip
from wengert.ir.program import Equation, Program, Var, read
from wengert.ir.types import Array, type_of
from wengert.primitives.maps import convert
from wengert.transforms import rules

Tangent = Array | None
"""None is the tangent zero."""


def pushforward(program: Program, env: dict[Var, Array], dxs: Sequence[Tangent]) -> list[Tangent]:
    """dy for the tangents dx of the inputs, where `env` holds the value of every variable."""
    tangents: dict[Var, Array] = {
        v: dx for v, dx in zip(program.inputs, dxs, strict=True) if dx is not None
    }
    for eqn in program.equations:
        dx = [tangents.get(a) if isinstance(a, Var) else None for a in eqn.inputs]
        if all(d is None for d in dx):
            continue
        xs = [read(env, a) for a in eqn.inputs]
        ys = [env[v] for v in eqn.outputs]
        for var, dy in zip(eqn.outputs, differential_of(eqn, xs, ys, dx), strict=True):
            if dy is not None and var.type.differentiable:
                same = dy.dtype == var.type.dtype  # no: a slope of float64 constants
                tangents[var] = dy if same else convert(dy, dtype=var.type.dtype)
    return [tangents.get(a) if isinstance(a, Var) else None for a in program.outputs]


def jvp(
    program: Program, xs: Sequence[Array], dxs: Sequence[Tangent]
) -> tuple[list[Array], list[Tangent]]:
    """(y, dy), value and differential in one sweep."""
    env = program.run(xs)
    return [read(env, a) for a in program.outputs], pushforward(program, env, dxs)


def differential_of(
    eqn: Equation, xs: Sequence[Array], ys: Sequence[Array], dxs: Sequence[Tangent]
) -> Sequence[Tangent]:
    """dy of one equation, by the kind of rule that its record carries."""
    primitive, params = eqn.primitive, eqn.params
    match primitive.rule:
        case Slopes(functions):
            terms = [
                times(dx, slope(*xs, ys[0], **params))
                for dx, slope in zip(dxs, functions, strict=True)
                if dx is not None and slope is not None
            ]
            return [total(terms)]
        case Adjoints(each=True):
            terms = [
                primitive(*xs[:i], dx, *xs[i + 1 :], **params)
                for i, dx in enumerate(dxs)
                if dx is not None
            ]
            return [total(terms)]
        case Adjoints():
            return as_list(primitive(*_linear_args(xs, dxs), **params))
        case Differential(functions):
            return _by_differential(primitive, functions, xs, ys, dxs, params)
        case Composition():
            return jvp(rules.definition(primitive, xs, params), xs, dxs)[1]
        case ByHand(forward=rule):
            return list(rule(xs, ys, dxs, **params))
        case Flat():
            return [None] * len(ys)
        case Refusal(reason):
            raise no_derivative(eqn, reason)


def _linear_args(xs: Sequence[Array], dxs: Sequence[Tangent]) -> list[Array]:
    """Tangents in the places of the linear operands; what is no float stays as it is."""
    return [
        dx if dx is not None else (np.zeros(x.shape, x.dtype) if type_of(x).differentiable else x)
        for x, dx in zip(xs, dxs, strict=True)
    ]


def _by_differential(
    primitive: Primitive, functions: Any, xs: Any, ys: Any, dxs: Any, params: dict[str, Any]
) -> Sequence[Tangent]:
    y = ys[0] if len(ys) == 1 else tuple(ys)
    terms = [
        as_list(rule(dx, y, *xs, **params))
        for dx, rule in zip(dxs, functions, strict=True)
        if dx is not None and rule is not None
    ]
    return [total([t[i] for t in terms if t[i] is not None]) for i in range(len(ys))]


def as_list(result: Any) -> Sequence[Any]:
    """One result or a tuple of them, as a list."""
    return list(result) if isinstance(result, tuple) else [result]


def times(u: Array, slope: Any) -> Tangent:
    """u * slope, where a slope of 1 or -1 costs no product and None or 0. is the zero."""
    if type(slope) in (int, float):  # a number of the rule; one that NumPy made may be a limit
        if slope == 0:
            return None
        if slope == 1:
            return u
        if slope == -1:
            return -u
    return u * slope


def total(terms: Sequence[Array]) -> Tangent:
    """The sum; None where there is nothing to add."""
    if not terms:
        return None
    result = terms[0]
    for term in terms[1:]:
        if term is not None:
            result = term if result is None else result + term
    return result


def no_derivative(eqn: Equation, reason: str) -> NoDerivativeError:
    """The error for an equation that has none, at the user's line."""
    return NoDerivativeError(
        sentences(
            f"{eqn.primitive.name} has no derivative: {reason}.",
            "Take it out of the path from the inputs to the result, wrap it in "
            "wengert.stop_gradient, or give it a rule with wengert.custom_vjp.",
            eqn.place,
        )
    )
