"""Loops and branches whose bodies are lists themselves, so that a loop stays a loop.

    loop        c[t+1], y[t] = body(k, c[t], x[t])  for t = 0 .. length - 1
    cond        y = true(x) if p else false(x)
    while_loop  c = body(k, c) while test(k, c)

The derivatives are loops and branches again, of the bodies' derivatives:

    forward   dc[t+1], dy[t] = D body(k, c[t], x[t]) (dk, dc[t], dx[t])
    reverse   dk[t], u[t], dx[t] = D body(k, c[t], x[t])' (u[t+1], uy[t]),  dk = sum dk[t]

The reversed loop needs the states c[t]: those that its body reads are computed again and stacked,
or taken from the results where the loop returns them anyway.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

import numpy as np

from wengert.backends.interpreter import step
from wengert.errors import DtypeError, ShapeError
from wengert.ir.families import Control
from wengert.ir.primitive import REGISTRY, ByHand, Primitive
from wengert.ir.program import Program, Var
from wengert.ir.types import Array, Type, types_of
from wengert.passes.pipeline import simplified
from wengert.passes.prune import trim
from wengert.primitives.views import reshape, transpose
from wengert.trace.stage import stage
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import active, pullback
from wengert.transforms.vmap import batch_flags, spread

Flags = tuple[bool, ...]
Maybe = Array | None


def call(
    record: Primitive, args: Sequence[Any], used: Sequence[bool], **params: Any
) -> list[Maybe]:
    """The results that are used, None for the others, of a loop or branch that computes no more."""
    if not any(used):
        return [None] * len(used)
    params, ins, outs = trim(record.name, params, tuple(used))
    result = record(*[args[i] for i in ins], **params)
    found = dict(zip(outs, result if isinstance(result, tuple) else (result,), strict=True))
    return [found.get(j) for j in range(len(used))]


def zero(type: Type) -> Array:
    """Zeros that take no memory."""
    return np.broadcast_to(np.zeros((), type.dtype), type.shape)[()]


def fill(values: Iterable[Maybe], types: Iterable[Type]) -> list[Array]:
    """Zeros where there is None."""
    return [zero(t) if v is None else v for v, t in zip(values, types, strict=True)]


def expand(flags: Sequence[bool], values: Iterable[Any]) -> list[Any]:
    """The values in the places that are flagged, None in the others."""
    found = iter(values)
    return [next(found) if f else None for f in flags]


def cut(values: Sequence[Any], *counts: int) -> list[list[Any]]:
    """The values in pieces of these lengths, and the rest."""
    ends = np.cumsum([0, *counts]).tolist()
    return [list(values[a:b]) for a, b in zip(ends, [*ends[1:], None], strict=True)]


def there(values: Iterable[Maybe]) -> Flags:
    """Which values aren't the zero None."""
    return tuple([v is not None for v in values])


def types_at(atoms: Iterable[Any]) -> list[Type]:
    """The types of variables and constants."""
    return [a.type for a in atoms]


def named(prefix: str, variables: Iterable[Var]) -> list[str]:
    """The variables' own names behind a prefix."""
    return [prefix + v.name if v.name else "" for v in variables]


def one_or_tuple(results: Sequence[Array]) -> Any:
    """Results as a record returns them."""
    return results[0] if len(results) == 1 else tuple(results)


@lru_cache(maxsize=4096)
def fit(body: Program, types: tuple[Type, ...]) -> Program:
    """A body for operands of these types: itself if they are its own, else written again."""
    if types != tuple(types_at(body.inputs)):
        if [t.shape for t in types] != [v.type.shape for v in body.inputs]:
            raise ShapeError(f"A body of {body.inputs} was given operands {types}.")
        body = simplified(stage(body, types, [v.name for v in body.inputs]))
    return body


def _fit_loop(xs: Sequence[Any], body: Program, consts: int, carries: int, length: int) -> Program:
    """The body for operands of these types; ShapeError or DtypeError if it is none of a loop."""
    types = types_of(xs)
    slices = [Type(t.shape[1:], t.dtype) for t in types[consts + carries :]]
    if any(t.shape[0] != length for t in types[consts + carries :]):
        raise ShapeError(f"A loop of {length} steps was given stacks {types[consts + carries :]}.")
    body = fit(body, (*types[: consts + carries], *slices))
    for c, new in zip(types[consts:], body.outputs[:carries], strict=False):
        if c != new.type:
            raise DtypeError(f"A loop's body was given {c} and returned {new.type} for it.")
    return body


# --- loop
def _loop(*xs: Array, body: Program, consts: int, carries: int, length: int, reverse: bool) -> Any:
    body = _fit_loop(xs, body, consts, carries, length)
    one, (k, c, slices) = step(body), cut(xs, consts, carries)
    stacks = [np.empty((length, *a.type.shape), a.type.dtype) for a in body.outputs[carries:]]
    for t in range(length - 1, -1, -1) if reverse else range(length):
        c = one(*k, *c, *[x[t] for x in slices])
        for stack in reversed(stacks):
            stack[t] = c.pop()
    return one_or_tuple([*[np.array(v)[()] for v in c], *stacks])


def _loop_types(
    *types: Type, body: Program, consts: int, carries: int, length: int, reverse: bool
) -> Sequence[Type]:
    body = _fit_loop(types, body, consts, carries, length)
    kept, stacked = cut(types_at(body.outputs), carries)
    return [*kept, *[Type((length, *t.shape), t.dtype) for t in stacked]]


@lru_cache(maxsize=1024)
def _pushed(body: Program, consts: int, carries: int, given: Flags) -> tuple[Program, Flags, Flags]:
    """One step of the loop on values and tangents; which operands and results have tangents."""
    n, grown = len(body.inputs), list(given)
    while True:
        outs = tangents(body, tuple(grown))
        more = [
            g or (consts <= i < consts + carries and outs[i - consts]) for i, g in enumerate(grown)
        ]
        if more == grown:
            break
        grown = more
    moving = [v for v, g in zip(body.inputs, grown, strict=True) if g]
    counts = [sum(part) for part in cut(grown, consts, carries)]
    outs = (*grown[consts : consts + carries], *outs[carries:])

    def both(*args: Any) -> Sequence[Any]:
        k, dk, c, dc, x, dx = cut(args, consts, counts[0], carries, counts[1], n - consts - carries)
        env = body.run([*k, *c, *x])
        dys = pushforward(body, env, expand(grown, [*dk, *dc, *dx]))
        ys = [env[a] if isinstance(a, Var) else a.value for a in body.outputs[:carries]]
        tangents = fill(compress(dys, outs), types_at(compress(body.outputs, outs)))
        return [*ys, *tangents]

    (k, c, x), (dk, dc, dx) = cut(body.inputs, consts, carries), cut(moving, *counts[:2])
    names = [
        name for a, d in ((k, dk), (c, dc), (x, dx)) for name in (*named("", a), *named("d", d))
    ]
    types = types_at([*k, *dk, *c, *dc, *x, *dx])
    return simplified(stage(both, types, names)), tuple(grown), outs


def tangents(body: Program, given: Flags) -> Flags:
    """Which results have tangents if these operands have."""
    found: list[bool] = []

    def push(*args: Any) -> Sequence[Any]:
        xs, dxs = cut(args, len(given))
        found[:] = there(pushforward(body, body.run(xs), expand(given, dxs)))
        return []

    stage(push, types_at([*body.inputs, *compress(body.inputs, given)]))
    return tuple(found)


def _loop_forward(
    xs: Sequence[Any], ys: Sequence[Any], dxs: Sequence[Maybe],
    *, body: Program, consts: int, carries: int, length: int, reverse: bool,
) -> Sequence[Maybe]:  # fmt: skip
    body = _fit_loop(xs, body, consts, carries, length)
    both, grown, outs = _pushed(body, consts, carries, there(dxs))
    (k, c, x), (dk, dc, dx) = cut(xs, consts, carries), cut(dxs, consts, carries)
    start = fill(dc, types_at(body.inputs[consts : consts + carries]))
    moving = list(compress(start, grown[consts:]))
    new_k, new_x = [d for d in dk if d is not None], [d for d in dx if d is not None]
    used = [False] * carries + [True] * sum(outs)
    results = call(
        loop, [*k, *new_k, *c, *moving, *x, *new_x], used, body=both, consts=consts + len(new_k),
        carries=carries + len(moving), length=length, reverse=reverse,
    )  # fmt: skip
    return expand(outs, results[carries:])


@lru_cache(maxsize=1024)
def _pulled(
    body: Program, consts: int, carries: int, given: Flags, wants: Flags
) -> tuple[Program, Flags, Flags]:
    """One step of the reversed loop; which results have cotangents, and which operands get them.

    Its operands: k; the sums of dk, and u; c, x and uy. Its results: the sums and u; dx.
    """
    wanted = list(wants)
    while True:
        found = active(body, wanted)
        more = [
            w or (0 <= i - consts < carries and body.outputs[i - consts] in found)
            for i, w in enumerate(wanted)
        ]
        if more == wanted:
            break
        wanted = more
    arrived = [g and a in found for g, a in zip(given, body.outputs, strict=True)]
    for i in range(carries):
        arrived[i] = arrived[i] or (given[i] and body.inputs[consts + i] in found)
    while True:
        reached = _cotangents(body, tuple(arrived), tuple(wanted))
        more = [a or (i < carries and reached[consts + i]) for i, a in enumerate(arrived)]
        if more == arrived:
            break
        arrived = more
    reached = (*reached[:consts], *arrived[:carries], *reached[consts + carries :])
    n_sums, n_us = sum(reached[:consts]), sum(arrived[:carries])

    def back(*args: Any) -> Sequence[Any]:
        k, sums, u, rest = cut(args, consts, n_sums, n_us)
        cx, uy = cut(rest, len(body.inputs) - consts)
        us = expand(arrived, [*u, *uy])
        dxs = pullback(body, body.run([*k, *cx]), us, wanted)
        dk, dc, dx = cut(fill(dxs, types_at(body.inputs)), consts, carries)
        added = [s + d for s, d in zip(sums, compress(dk, reached), strict=True)]
        return [*added, *compress(dc, arrived), *compress(dx, reached[consts + carries :])]

    k, c, x = cut(body.inputs, consts, carries)
    u, uy = cut(list(compress(body.outputs, arrived)), n_us)
    sums, states = list(compress(k, reached)), list(compress(c, arrived))
    types = types_at([*k, *sums, *u, *c, *x, *uy])
    names = [*named("", k), *named("d", sums), *named("u_", states), *named("", c), *named("", x)]
    return simplified(stage(back, types, names)), tuple(arrived), reached


def _cotangents(body: Program, given: Flags, wanted: Flags) -> Flags:
    """Which operands get cotangents if these results have them."""
    found: list[bool] = []

    def pull(*args: Any) -> Sequence[Any]:
        xs, us = cut(args, len(body.inputs))
        found[:] = there(pullback(body, body.run(xs), expand(given, us), wanted))
        return []

    stage(pull, types_at([*body.inputs, *compress(body.outputs, given)]))
    return tuple(found)


def loop_backward(
    xs: Sequence[Any], ys: Sequence[Any], us: Sequence[Maybe], wants: Sequence[bool],
    *, body: Program, consts: int, carries: int, length: int, reverse: bool,
) -> Sequence[Maybe]:  # fmt: skip
    """The loop run backwards: the cotangents of the operands that are wanted."""
    body = _fit_loop(xs, body, consts, carries, length)
    back, arrived, reached = _pulled(body, consts, carries, there(us), tuple(wants))
    k, _, x = cut(xs, consts, carries)
    sums = [zero(v.type) for v in compress(body.inputs[:consts], reached)]
    uc, uy = cut(fill(us, types_of(ys)), carries)
    u = list(compress(uc, arrived))
    used = [True] * sum(reached)
    for i, j in enumerate(j for j in range(carries) if arrived[j]):
        used[len(sums) + i] = bool(wants[consts + j])
    params: dict[str, Any] = {
        "body": back, "consts": consts, "carries": len(sums) + len(u),
        "length": length, "reverse": not reverse,
    }  # fmt: skip
    at = consts + len(sums) + len(u)
    needed = set(trim("loop", params, tuple(used))[1]) if any(used) else set()
    states = _states(
        xs, ys, [at + i in needed for i in range(carries)],
        body=body, consts=consts, carries=carries, length=length, reverse=reverse,
    )  # fmt: skip
    args = [*k, *sums, *u, *states, *x, *compress(uy, arrived[carries:])]
    return expand(reached, call(loop, args, used, **params))


def _states(
    xs: Sequence[Any], ys: Sequence[Any], needed: Sequence[bool],
    *, body: Program, consts: int, carries: int, length: int, reverse: bool,
) -> Sequence[Maybe]:  # fmt: skip
    """The carries before each step, stacked; None for those that aren't needed."""
    kept = [_returned(body, i, carries) if n and length else None for i, n in enumerate(needed)]
    if all(j is not None or not n for j, n in zip(kept, needed, strict=True)):
        return [
            None if j is None else _shifted(xs[consts + i], ys[j], reverse)
            for i, j in enumerate(kept)
        ]
    used = [False] * carries + list(needed)
    recording = _recording(body, consts, carries)
    return call(
        loop,
        xs,
        used,
        body=recording,
        consts=consts,
        carries=carries,
        length=length,
        reverse=reverse,
    )[carries:]


def _returned(body: Program, i: int, carries: int) -> int | None:
    """The stacked result that is carry i after each step."""
    return next(
        (j for j, y in enumerate(body.outputs) if j >= carries and y is body.outputs[i]), None
    )


def _shifted(start: Array, after: Array, reverse: bool) -> Array:
    """The carries before each step, from those after it."""
    first = reshape(start, shape=(1, *start.shape))
    return np.concatenate([after[1:], first] if reverse else [first, after[:-1]])


@lru_cache(maxsize=1024)
def _recording(body: Program, consts: int, carries: int) -> Program:
    """The body that returns the carries it was given as well."""
    outputs = (*body.outputs[:carries], *body.inputs[consts : consts + carries])
    return Program(body.inputs, body.equations, outputs, body.name)


def _loop_batch(
    xs: Sequence[Any], batched: Sequence[bool], size: int,
    *, body: Program, consts: int, carries: int, length: int, reverse: bool,
) -> Any:  # fmt: skip
    mapped, flags, outs = _mapped(body, consts, carries, tuple(batched), size)
    args = []
    for i, (x, b, f) in enumerate(zip(xs, batched, flags, strict=True)):
        if i >= consts + carries:
            args.append(_swapped(x) if b else x)
        else:
            args.append(spread(x, size) if f and not b else x)
    results = call(
        loop, args, [True] * len(outs), body=mapped, consts=consts, carries=carries, length=length,
        reverse=reverse,
    )  # fmt: skip
    moved = [
        _swapped(y) if o and j >= carries else y
        for j, (y, o) in enumerate(zip(results, outs, strict=True))
    ]
    return one_or_tuple([y if o else spread(y, size) for y, o in zip(moved, outs, strict=True)])


def _swapped(x: Array) -> Array:
    """Batches of stacks as stacks of batches."""
    return transpose(x, perm=(1, 0, *range(2, len(x.shape))))


@lru_cache(maxsize=1024)
def _mapped(
    body: Program, consts: int, carries: int, batched: Flags, size: int
) -> tuple[Program, Flags, Flags]:
    """The body on batches; which operands and results are batches in the end."""
    flags = list(batched)
    while True:
        outs = varies(body, tuple(flags), size)
        more = [f or (0 <= i - consts < carries and outs[i - consts]) for i, f in enumerate(flags)]
        if more == flags:
            break
        flags = more
    outs = (*flags[consts : consts + carries], *outs[carries:])
    return many(body, tuple(flags), outs, size), tuple(flags), outs


def varies(body: Program, flags: Flags, size: int) -> Flags:
    """Which results are batches if these operands are."""
    found: list[bool] = []

    def run(*args: Any) -> Sequence[Any]:
        found[:] = batch_flags(body, size, args, flags)[1]
        return []

    stage(run, lead(types_at(body.inputs), flags, size))
    return tuple(found)


def many(body: Program, flags: Flags, outs: Flags, size: int) -> Program:
    """The body on batches of these operands, with these results as batches."""

    def run(*args: Any) -> Sequence[Any]:
        values, is_lead = batch_flags(body, size, args, flags)
        return [
            spread(v, size) if o and not b else v
            for v, b, o in zip(values, is_lead, outs, strict=True)
        ]

    return simplified(stage(run, lead(types_at(body.inputs), flags, size)))


def lead(types: Sequence[Type], flags: Sequence[bool], size: int) -> list[Type]:
    """The types of the operands of which some are batches."""
    return [Type((size, *t.shape), t.dtype) if f else t for t, f in zip(types, flags, strict=True)]


def _example(rng: Any) -> tuple[list[Array], dict[str, Any]]:
    """c[t+1] = tanh(w c[t] + x[t]), y[t] = c[t] x[t]."""
    types = [Type((), np.dtype("f8")), Type((2,), np.dtype("f8")), Type((2,), np.dtype("f8"))]
    body = simplified(stage(lambda w, c, x: [np.tanh(w * c + x), c * x], types, ["w", "c", "x"]))
    args = [rng.uniform(0.5, 1.5), rng.uniform(-1, 1, 2), rng.uniform(-1, 1, (3, 2))]
    params = {
        "body": body,
        "consts": 1,
        "carries": 1,
        "length": 3,
        "reverse": bool(rng.integers(2)),
    }
    return [np.asarray(a)[()] for a in args], params


loop = REGISTRY.add(
    Primitive(
        "loop", _loop, Control(_loop_types, _loop_batch),
        ByHand(_loop_forward, loop_backward, choosy=True), notation="loop({})", example=_example,
    )
)  # fmt: skip
