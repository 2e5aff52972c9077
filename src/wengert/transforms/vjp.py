"""Reverse mode: the list read backwards, one pass for all inputs.

This is the seminar's method: write dQ = tr(U' dY) for each line, and move dX out of the trace.
Cotangents pair with tangents bilinearly, <u, dx> = Re sum u dx; `api` conjugates at its doors, so
that the gradient of a real function of complex numbers points uphill.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.backends.interpreter import interpret
from wengert.ir.families import Pointwise
from wengert.ir.primitive import (
    Adjoints,
    ByHand,
    Carrier,
    Composition,
    Flat,
    Primitive,
    Refusal,
    Slopes,
    freeze,
)  # fmt: skip
from wengert.ir.program import Equation, Program, Var, read
from wengert.ir.types import Array, Type, types_of
from wengert.passes.pipeline import simplified
from wengert.primitives.maps import convert, expand
from wengert.primitives.picks import select
from wengert.primitives.views import reshape
from wengert.primitives.views import transpose as transposed_view
from wengert.trace.stage import stage
from wengert.trace.tracer import Trace, Tracer
from wengert.transforms import jvp, rules

Cotangent = Array | None
"""None is the cotangent zero."""
Mask = tuple[Array, bool]
"""(c, b): a cotangent out of a select is zero where c is not b, whatever slopes follow."""


def pullback(
    program: Program,
    env: dict[Var, Array],
    us: Sequence[Cotangent],
    wanted: Sequence[bool] | None = None,
    seen: dict[Var, Array] | None = None,
) -> list[Cotangent]:
    """The cotangents of the inputs for those of the results, where `env` holds all values.

    Those of all variables are left in `seen`, if it is given.
    """
    needed = active(program, wanted)
    waiting: dict[Var, Array] = {}
    masks: dict[Var, Mask] = {}
    for atom, u in zip(program.outputs, us, strict=True):
        if isinstance(atom, Var) and atom in needed and u is not None:
            waiting[atom] = waiting[atom] + u if atom in waiting else u
    for eqn in reversed(program.equations):
        arrived = [waiting.pop(v, None) for v in eqn.outputs]
        if not any(u is not None for u in arrived):
            continue
        if seen is not None:
            seen.update((v, u) for v, u in zip(eqn.outputs, arrived, strict=True) if u is not None)
        wants = [a in needed for a in eqn.inputs]
        xs = [read(env, a) for a in eqn.inputs]
        ys = [env[v] for v in eqn.outputs]
        adjoints = adjoint_of(eqn, xs, ys, arrived, wants)
        passed: Sequence[Mask | None] = ()
        if masks or eqn.primitive is select:
            mask = masks.pop(eqn.outputs[0], None)
            passed = _passed(eqn, xs, mask)
            if mask is not None and passed and eqn.primitive.name not in EXACT:
                adjoints = [None if u is None else _masked(u, mask) for u in adjoints]
        for i, (atom, want, u) in enumerate(zip(eqn.inputs, wants, adjoints, strict=True)):
            if want and u is not None:
                assert isinstance(atom, Var)
                if u.dtype != atom.type.dtype:  # a slope of float64 constants
                    u = convert(u, dtype=atom.type.dtype)
                if masks or passed:
                    _meet(masks, atom, passed[i] if passed else None, atom not in waiting)
                waiting[atom] = waiting[atom] + u if atom in waiting else u
    return [waiting.get(v) for v in program.inputs]


EXACT = frozenset(
    {"add", "subtract", "negative", "select", "convert", "reshape", "transpose", "broadcast", "sum"}
)
"""Their adjoints leave a zero a zero, or move it."""
MOVING = frozenset({"reshape", "transpose", "sum", "broadcast"})
"""Those of them through which a mask goes on in another shape."""


def _masked(u: Array, mask: Mask) -> Array:
    c, holds = mask
    return select(c, u, 0) if holds else select(c, 0, u)


def _passed(eqn: Equation, xs: Sequence[Array], mask: Mask | None) -> Sequence[Mask | None]:
    """The masks of the operands' cotangents, where the result's has this one; () for none.

    Only pointwise lines, sums and plain views hand a mask on: elsewhere an entry of the cotangent
    depends on others.
    """
    if eqn.primitive is select:
        c = xs[0]
        return None, _both(mask, (c, True)), _both(mask, (c, False))
    if mask is None:
        return ()
    if isinstance(eqn.primitive.family, Pointwise):
        return (mask,) * len(xs)
    c, holds = mask
    if not np.shape(c) and eqn.primitive.name in MOVING:
        return (mask,)  # np.where(True, x, 0): one condition for entries of every shape
    match eqn.primitive.name:
        case "reshape":
            return ((reshape(c, shape=eqn.inputs[0].type.shape), holds),)
        case "transpose":
            perm = eqn.params["perm"]
            return ((transposed_view(c, perm=tuple(np.argsort(perm).tolist())), holds),)
        case "sum":
            return ((expand(c, eqn.inputs[0].type.shape, eqn.params["axes"]), holds),)
        case "broadcast":  # zero where all copies are
            shape, whole = eqn.inputs[0].type.shape, eqn.params["shape"]
            lead = len(whole) - len(shape)
            axes = [i for i, n in enumerate(whole) if i < lead or shape[i - lead] == 1 != n]
            if axes:
                c = (np.any if holds else np.all)(c, axis=tuple(axes))
            return ((reshape(c, shape=shape), holds),)
    return ()


def _both(a: Mask | None, b: Mask) -> Mask:
    if a is None:
        return b
    return (np.logical_and(_live(a), _live(b)), True)


def _live(mask: Mask) -> Array:
    return mask[0] if mask[1] else np.logical_not(mask[0])


def _meet(masks: dict[Var, Mask], var: Var, new: Mask | None, first: bool) -> None:
    """The mask of a sum of cotangents: zero where both are."""
    old = masks.get(var)
    if first or (old is not None and new is not None and old[0] is new[0] and old[1] == new[1]):
        both = new
    elif old is None or new is None or old[0] is new[0]:
        both = None
    else:
        both = (np.logical_or(_live(old), _live(new)), True)
    if both is None:
        masks.pop(var, None)
    else:
        masks[var] = both


def active(program: Program, wanted: Sequence[bool] | None = None) -> set[Any]:
    """The variables through which a differentiable result depends on the wanted inputs."""
    chosen = wanted or [True] * len(program.inputs)
    found: set[Any] = {
        v for v, w in zip(program.inputs, chosen, strict=True) if w and v.type.differentiable
    }
    for eqn in program.equations:
        if not found.isdisjoint(eqn.inputs):
            for v in eqn.outputs:
                if v.type[1].kind in "fc":
                    found.add(v)
    return found


def adjoint_of(
    eqn: Equation,
    xs: Sequence[Array],
    ys: Sequence[Array],
    us: Sequence[Cotangent],
    wants: Sequence[bool],
) -> Sequence[Cotangent]:
    """The cotangents of an equation's operands, by the kind of rule that its record carries."""
    primitive, params = eqn.primitive, eqn.params
    match primitive.rule:
        case Slopes(functions):
            u = us[0]
            return [
                jvp.times(u, slope(*xs, ys[0], **params)) if want and slope is not None else None
                for want, slope in zip(wants, functions, strict=True)
            ]
        case Adjoints(functions) if isinstance(functions, tuple):
            return [
                adjoint(us[0], *xs, **params) if want and adjoint is not None else None
                for want, adjoint in zip(wants, functions, strict=True)
            ]
        case Adjoints(functions):
            assert callable(functions)
            return list(functions(us[0], *xs, **params))
        case ByHand(backward=rule, choosy=True) if rule is not None:
            return list(rule(xs, ys, us, wants, **params))
        case ByHand(backward=rule) if rule is not None:
            return list(rule(xs, ys, us, **params))
        case Flat():
            return [None] * len(xs)
        case Refusal(reason):
            raise jvp.no_derivative(eqn, reason)
    return _through_program(primitive, xs, ys, us, tuple(wants), params)


def _through_program(
    primitive: Primitive,
    xs: Sequence[Array],
    ys: Sequence[Array],
    us: Sequence[Cotangent],
    wants: tuple[bool, ...],
    params: dict[str, Any],
) -> Sequence[Cotangent]:
    """Compositions and differentials: the backward list is made once for each set of types."""
    given = tuple([u is not None for u in us])
    program, function, which = _backward(
        primitive, types_of(xs), types_of(ys), given, wants, freeze(params)
    )
    args = [*xs, *ys, *[u for u in us if u is not None]]
    deep = any(isinstance(a, Carrier) for a in args)
    results = iter(program(*args) if deep else function(*args))
    return [next(results) if there else None for there in which]


@lru_cache(maxsize=4096)
def _backward(
    primitive: Primitive,
    x_types: tuple[Type, ...],
    y_types: tuple[Type, ...],
    given: tuple[bool, ...],
    wants: tuple[bool, ...],
    params: Any,
) -> tuple[Program, Callable[..., list[Array]], list[bool]]:
    which: list[bool] = []
    n, m = len(x_types), len(y_types)

    def body(*args: Any) -> Sequence[Any]:
        xs, ys, rest = args[:n], args[n : n + m], iter(args[n + m :])
        us = [next(rest) if g else None for g in given]
        if isinstance(primitive.rule, Composition):
            inner = rules.definition(primitive, xs, dict(params))
            dxs = pullback(inner, inner.run(xs), us, wants)
        else:
            dxs = transposed(primitive, xs, ys, us, wants, dict(params))
        which[:] = [d is not None for d in dxs]
        return [d for d in dxs if d is not None]

    types = (*x_types, *y_types, *[t for t, g in zip(y_types, given, strict=True) if g])
    program = simplified(stage(body, types))
    return program, interpret(program), which


def transposed(
    primitive: Primitive,
    xs: Sequence[Array],
    ys: Sequence[Array],
    us: Sequence[Cotangent],
    wants: Sequence[bool],
    params: dict[str, Any],
) -> list[Cotangent]:
    """The adjoint of an operation from its differential: trace dx -> dy, and read it backwards."""
    trace = Trace(concrete=False)
    dxs = [trace.input(t) if w else None for t, w in zip(types_of(xs), wants, strict=True)]
    var_in = tuple([Var(t) for t in types_of(xs)])
    var_out = tuple([Var(t) for t in types_of(ys)])
    dys = jvp.differential_of(Equation(primitive, var_in, var_out, params), xs, ys, dxs)
    found = iter(transpose(trace, dys, us))
    return [next(found) if w else None for w in wants]


def transpose(trace: Trace, dys: Sequence[Any], us: Sequence[Cotangent]) -> list[Cotangent]:
    """The transpose of the linear list in `trace`, applied to us.

    Where a value is linear in the inputs, a rule sees its type and nothing else.
    """
    kept = [
        (dy, u)
        for dy, u in zip(dys, us, strict=True)
        if isinstance(dy, Tracer) and dy.tape is trace and u is not None
    ]
    program = trace.close([dy for dy, _ in kept])
    env: dict[Var, Any] = {v: v.type for v in program.inputs}
    for eqn in program.equations:
        env.update((v, v.type) for v in eqn.outputs)
    return pullback(program, env, [u for _, u in kept])


def forward_from(backward: Callable[..., Sequence[Cotangent]]) -> Callable[..., Any]:
    """The forward rule that goes with a backward rule: the transpose of u -> backward(u)."""

    def forward(xs: Any, ys: Any, dxs: Any, **params: Any) -> list[Cotangent]:
        trace = Trace(concrete=False)
        us = [trace.input(t) for t in types_of(ys)]
        return transpose(trace, backward(xs, ys, us, **params), dxs)

    return forward
