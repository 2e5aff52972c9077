"""Branches, and loops that end when a test says so. See `control` for what they mean."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

import numpy as np

from wengert.backends.interpreter import step
from wengert.errors import DtypeError, InputError, NoDerivativeError, ShapeError, sentences
from wengert.ir.families import Control
from wengert.ir.primitive import REGISTRY, ByHand, Primitive
from wengert.ir.program import Program
from wengert.ir.types import Array, Type, types_of
from wengert.passes.pipeline import simplified
from wengert.primitives.picks import select
from wengert.primitives.views import broadcast, reshape
from wengert.trace.stage import stage
from wengert.transforms.control import (
    Flags,
    Maybe,
    call,
    cut,
    expand,
    fill,
    fit,
    lead,
    loop_backward,
    many,
    one_or_tuple,
    tangents,
    there,
    types_at,
    varies,
)  # fmt: skip
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import pullback
from wengert.transforms.vmap import batch_flags, spread

BOOL = Type((), np.dtype("?"))


# --- cond
def _both(xs: Sequence[Any], true: Program, false: Program) -> tuple[Program, Program]:
    """The branches for operands of these types; they return the same types."""
    types = types_of(xs[1:])
    true, false = fit(true, types), fit(false, types)
    if types_at(true.outputs) != types_at(false.outputs):
        raise DtypeError(f"Branches return {types_at(true.outputs)} and {types_at(false.outputs)}.")
    return true, false


def _cond(p: Array, *xs: Array, true: Program, false: Program) -> Any:
    true, false = _both((p, *xs), true, false)
    results = step(true if p else false)(*xs)
    return one_or_tuple([np.array(y)[()] for y in results])


def _cond_types(*types: Type, true: Program, false: Program) -> Sequence[Type]:
    if types[0] != BOOL:
        raise ShapeError(f"A branch is chosen by a {types[0]}, and needs one bool.")
    return types_at(_both(types, true, false)[0].outputs)


def _cond_forward(
    xs: Sequence[Any], ys: Sequence[Any], dxs: Sequence[Maybe], *, true: Program, false: Program
) -> Sequence[Maybe]:
    pair = _both(xs, true, false)
    given = there(dxs[1:])
    outs = tuple([a or b for a, b in zip(*[tangents(b, given) for b in pair], strict=True)])
    yes, no = [_branch_pushed(b, given, outs) for b in pair]
    args = [*xs, *[d for d in dxs[1:] if d is not None]]
    return expand(outs, call(cond, args, [True] * sum(outs), true=yes, false=no))


@lru_cache(maxsize=1024)
def _branch_pushed(branch: Program, given: Flags, outs: Flags) -> Program:
    def push(*args: Any) -> Sequence[Any]:
        xs, dxs = cut(args, len(given))
        dys = pushforward(branch, branch.run(xs), expand(given, dxs))
        return fill(compress(dys, outs), types_at(compress(branch.outputs, outs)))

    return simplified(stage(push, types_at([*branch.inputs, *compress(branch.inputs, given)])))


def _cond_backward(
    xs: Sequence[Any], ys: Sequence[Any], us: Sequence[Maybe], wants: Sequence[bool],
    *, true: Program, false: Program,
) -> Sequence[Maybe]:  # fmt: skip
    pair, given = _both(xs, true, false), there(us)
    chosen = tuple(wants[1:])
    yes, no = [_branch_pulled(b, given, chosen) for b in pair]
    args = [*xs, *[u for u in us if u is not None]]
    return [None, *expand(chosen, call(cond, args, [True] * sum(chosen), true=yes, false=no))]


@lru_cache(maxsize=1024)
def _branch_pulled(branch: Program, given: Flags, wants: Flags) -> Program:
    def pull(*args: Any) -> Sequence[Any]:
        xs, us = cut(args, len(wants))
        dxs = pullback(branch, branch.run(xs), expand(given, us), wants)
        return fill(compress(dxs, wants), types_at(compress(branch.inputs, wants)))

    return simplified(stage(pull, types_at([*branch.inputs, *compress(branch.outputs, given)])))


def _cond_batch(
    xs: Sequence[Any], batched: Sequence[bool], size: int, *, true: Program, false: Program
) -> Any:
    """One branch for all where all choose the same; else both, and a selection."""
    pair, flags = _both(_members(xs, batched), true, false), tuple(batched[1:])
    if not batched[0]:
        outs = (True,) * len(true.outputs)
        yes, no = [_branch_mapped(b, flags, outs, size) for b in pair]
        return one_or_tuple(call(cond, xs, outs, true=yes, false=no))
    rows = []
    for branch in pair:
        values, is_lead = batch_flags(branch, size, xs[1:], flags)
        rows.append([v if b else spread(v, size) for v, b in zip(values, is_lead, strict=True)])
    return one_or_tuple([_chosen(xs[0], a, b) for a, b in zip(*rows, strict=True)])


@lru_cache(maxsize=1024)
def _branch_mapped(branch: Program, flags: Flags, outs: Flags, size: int) -> Program:
    return many(branch, flags, outs, size)


def _members(xs: Sequence[Any], batched: Sequence[bool]) -> list[Type]:
    """The types of one member of the batch."""
    return [Type(t.shape[b:], t.dtype) for t, b in zip(types_of(xs), batched, strict=True)]


def _chosen(p: Array, a: Array, b: Array) -> Array:
    """For each member of a batch, a where p holds and else b."""
    full = reshape(p, shape=(*p.shape, *[1] * (len(a.shape) - 1)))
    return select(broadcast(full, shape=a.shape), a, b)


# --- while_loop
def _fit_while(
    xs: Sequence[Any], test: Program, body: Program, consts: int
) -> tuple[Program, Program]:
    types = types_of(xs)
    test, body = fit(test, types), fit(body, types)
    if types_at(body.outputs) != list(types[consts:]):
        raise DtypeError(
            f"A loop's body was given {types[consts:]} and returned {types_at(body.outputs)}."
        )
    return test, body


def _while(*xs: Array, test: Program, body: Program, consts: int, max_steps: int | None) -> Any:
    test, body = _fit_while(xs, test, body, consts)
    ask, one = step(test), step(body)
    k, c = cut(xs, consts)
    count = 0
    while ask(*k, *c)[0]:
        if count == max_steps:
            raise InputError(
                sentences(
                    f"A while_loop goes on after max_steps={max_steps} steps.",
                    "Allow more steps, or look why its test still holds.",
                )
            )
        c = one(*k, *c)
        count += 1
    return one_or_tuple([np.array(v)[()] for v in c])


def _while_types(
    *types: Type, test: Program, body: Program, consts: int, max_steps: int | None
) -> Sequence[Type]:
    return types_at(_fit_while(types, test, body, consts)[1].outputs)


def _while_forward(
    xs: Sequence[Any], ys: Sequence[Any], dxs: Sequence[Maybe],
    *, test: Program, body: Program, consts: int, max_steps: int | None,
) -> Sequence[Maybe]:  # fmt: skip
    test, body = _fit_while(xs, test, body, consts)
    ask, one, grown = _while_pushed(test, body, consts, there(dxs))
    (k, c), (dk, dc) = cut(xs, consts), cut(dxs, consts)
    new_k = [d for d in dk if d is not None]
    moving = list(compress(fill(dc, types_at(body.outputs)), grown))
    used = [False] * len(c) + [True] * len(moving)
    results = call(
        while_loop, [*k, *new_k, *c, *moving], used, test=ask, body=one,
        consts=consts + len(new_k), max_steps=max_steps,
    )  # fmt: skip
    return expand(grown, results[len(c) :])


@lru_cache(maxsize=1024)
def _while_pushed(
    test: Program, body: Program, consts: int, given: Flags
) -> tuple[Program, Program, Flags]:
    """Test and body on values and tangents, and which carries have tangents."""
    flags = list(given)
    while True:
        outs = tangents(body, tuple(flags))
        pairs = zip(flags[consts:], outs, strict=True)
        more = [*given[:consts], *[a or b for a, b in pairs]]
        if more == flags:
            break
        flags = more
    grown, n = tuple(flags[consts:]), len(flags) - consts
    (k, c), n_dk = cut(body.inputs, consts), sum(given[:consts])
    dk, dc = cut(list(compress(body.inputs, flags)), n_dk)

    def both(*args: Any) -> Sequence[Any]:
        k, dk, c, dc = cut(args, consts, n_dk, n)
        dys = pushforward(body, body.run([*k, *c]), expand(flags, [*dk, *dc]))
        ys = body(*k, *c)
        return [*ys, *fill(compress(dys, grown), types_at(compress(body.outputs, grown)))]

    def ask(*args: Any) -> Sequence[Any]:
        k, _, c, _ = cut(args, consts, n_dk, n)
        return test(*k, *c)

    types = types_at([*k, *dk, *c, *dc])
    return simplified(stage(ask, types)), simplified(stage(both, types)), grown


def _while_backward(
    xs: Sequence[Any], ys: Sequence[Any], us: Sequence[Maybe], wants: Sequence[bool],
    *, test: Program, body: Program, consts: int, max_steps: int | None,
) -> Sequence[Maybe]:  # fmt: skip
    if max_steps is None:
        raise NoDerivativeError(
            sentences(
                "Reverse mode met a while_loop, which keeps none of the states on its way.",
                "Give it max_steps, write it as wengert.scan, or use forward mode (jvp, "
                "jacobian(mode='forward')).",
            )
        )
    test, body = _fit_while(xs, test, body, consts)
    return loop_backward(
        xs, ys, us, wants, body=_bounded(test, body, consts), consts=consts,
        carries=len(xs) - consts, length=max_steps, reverse=False,
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _bounded(test: Program, body: Program, consts: int) -> Program:
    """One step of a loop of fixed length: nothing changes once the test has failed."""
    stay = Program(body.inputs, [], body.inputs[consts:], "stay")

    def one(*xs: Any) -> Sequence[Any]:
        return call(cond, [*test(*xs), *xs], [True] * len(body.outputs), true=body, false=stay)

    return simplified(stage(one, types_at(body.inputs)))


def _while_batch(
    xs: Sequence[Any], batched: Sequence[bool], size: int,
    *, test: Program, body: Program, consts: int, max_steps: int | None,
) -> Any:  # fmt: skip
    """All members go on until the last has stopped; one that has stopped keeps its state."""
    test, body = _fit_while(_members(xs, batched), test, body, consts)
    ask, one, flags = _while_mapped(test, body, consts, tuple(batched), size)
    args = [
        spread(x, size) if f and not b else x for x, f, b in zip(xs, flags, batched, strict=True)
    ]
    results = call(
        while_loop, args, [True] * (len(xs) - consts), test=ask, body=one, consts=consts,
        max_steps=max_steps,
    )  # fmt: skip
    return one_or_tuple(
        [y if f else spread(y, size) for y, f in zip(results, flags[consts:], strict=True)]
    )


@lru_cache(maxsize=1024)
def _while_mapped(
    test: Program, body: Program, consts: int, batched: Flags, size: int
) -> tuple[Program, Program, Flags]:
    flags = list(batched)
    while True:
        asks = varies(test, tuple(flags), size)[0]
        outs = varies(body, tuple(flags), size)
        more = [
            *flags[:consts],
            *[f or o or asks for f, o in zip(flags[consts:], outs, strict=True)],
        ]
        if more == flags:
            break
        flags = more

    def ask(*xs: Any) -> Sequence[Any]:
        (p,), _ = batch_flags(test, size, xs, flags)
        return [np.any(p) if asks else p]

    def one(*xs: Any) -> Sequence[Any]:
        new, is_lead = batch_flags(body, size, xs, flags)
        new = [
            v if b or not f else spread(v, size)
            for v, b, f in zip(new, is_lead, flags[consts:], strict=True)
        ]
        if not asks:
            return new
        (p,), _ = batch_flags(test, size, xs, flags)
        return [_chosen(p, a, b) for a, b in zip(new, xs[consts:], strict=True)]

    types = lead(types_at(body.inputs), flags, size)
    return simplified(stage(ask, types)), simplified(stage(one, types)), tuple(flags)


def _example_cond(rng: Any) -> tuple[list[Array], dict[str, Any]]:
    """x sin(w) or x / w, of a number and a vector."""
    types = [Type((), np.dtype("f8")), Type((3,), np.dtype("f8"))]
    true = simplified(stage(lambda w, x: [x * np.sin(w)], types, ["w", "x"]))
    false = simplified(stage(lambda w, x: [x / w], types, ["w", "x"]))
    args = [np.bool_(rng.integers(2)), np.float64(rng.uniform(1, 2)), rng.uniform(-1, 1, 3)]
    return args, {"true": true, "false": false}


def _example_while(rng: Any) -> tuple[list[Array], dict[str, Any]]:
    """x = x w until x < 1."""
    types = [Type((), np.dtype("f8")), Type((), np.dtype("f8"))]
    test = simplified(stage(lambda w, x: [x > 1], types, ["w", "x"]))
    body = simplified(stage(lambda w, x: [x * w], types, ["w", "x"]))
    args = [np.float64(rng.uniform(0.6, 0.65)), np.float64(rng.uniform(3.0, 3.1))]
    return args, {"test": test, "body": body, "consts": 1, "max_steps": 10}


# fmt: off
cond = REGISTRY.add(Primitive("cond", _cond, Control(_cond_types, _cond_batch),
    ByHand(_cond_forward, _cond_backward, choosy=True), notation="cond({})", example=_example_cond))
while_loop = REGISTRY.add(Primitive("while_loop", _while, Control(_while_types, _while_batch),
    ByHand(_while_forward, _while_backward, choosy=True), notation="while({})",
    example=_example_while))
# fmt: on
