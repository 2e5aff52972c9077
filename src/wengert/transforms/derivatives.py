"""Whole derivatives on flat lists of arrays: linearize a function once, then push or pull."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier
from wengert.ir.program import Const, Program, Var, bind, read
from wengert.ir.types import Array, Type
from wengert.passes.pipeline import simplified
from wengert.passes.roll import roll
from wengert.passes.stabilise import stabilise
from wengert.settings import is_strict
from wengert.trace.stage import stage
from wengert.trace.tracer import Trace
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import pullback
from wengert.transforms.vmap import batch


@dataclass(frozen=True, slots=True)
class Point:
    """A function's list together with every value at one point."""

    program: Program
    env: dict[Var, Array]

    @property
    def values(self) -> list[Array]:
        return [read(self.env, a) for a in self.program.outputs]

    @property
    def given(self) -> list[Array]:
        """The arrays that came from outside: arguments, and constants that are results."""
        constants = [a.value for a in self.program.outputs if isinstance(a, Const)]
        return [*(self.env[v] for v in self.program.inputs), *constants]

    def push(self, dxs: Sequence[Array | None]) -> list[Array]:
        """dy = J dx, one pass for one direction."""
        return _filled(pushforward(self.program, self.env, dxs), self.program.outputs)

    def pull(self, us: Sequence[Array | None]) -> list[Array]:
        """J' u, one pass for all inputs."""
        return _filled(pullback(self.program, self.env, us), self.program.inputs)

    def linear(self, forward: bool) -> Program:
        """dx -> dy (or u -> J' u) as a list of its own, with the values it needs as constants."""
        atoms = self.program.inputs if forward else self.program.outputs
        types = [a.type for a in atoms]
        return simplified(stage(lambda *t: self.push(t) if forward else self.pull(t), types))

    def columns(self, forward: bool) -> list[list[Array]]:
        """The Jacobian as blocks [output][input], by n forward or m reverse passes at once."""
        ins, outs = self.program.inputs, self.program.outputs
        sources = ins if forward else outs
        total = sum(a.type.size for a in sources)
        seeds = _basis([a.type for a in sources], total)
        results = batch(self.linear(forward), total, seeds, [True] * len(seeds))
        cuts = np.cumsum([0, *[a.type.size for a in sources]]).tolist()
        targets = outs if forward else ins
        blocks = [[r[a:b] for a, b in itertools.pairwise(cuts)] for r in results]
        table: list[list[Array]] = [[None] * len(ins) for _ in outs]
        for t, target in enumerate(targets):
            for s, source in enumerate(sources):
                block = np.reshape(blocks[t][s], (*source.type.shape, *target.type.shape))
                if forward:
                    k = len(source.type.shape)
                    rank = k + len(target.type.shape)
                    table[t][s] = np.transpose(block, (*range(k, rank), *range(k)))
                else:
                    table[s][t] = block
        return table


def _basis(types: Sequence[Type], total: int) -> list[Array]:
    """The identity of all inputs together, cut into one stack of arrays for each."""
    seeds, at = [], 0
    for t in types:
        eye = np.zeros((total, t.size), t.dtype)
        eye[at : at + t.size] = np.eye(t.size, dtype=t.dtype)
        seeds.append(eye.reshape(total, *t.shape))
        at += t.size
    return seeds


def _filled(values: Sequence[Array | None], atoms: Sequence[Any]) -> list[Array]:
    """Zeros for what doesn't depend; the dtype of what it belongs to."""
    return [
        np.zeros(a.type.shape, a.type.dtype)[()] if v is None else v
        for v, a in zip(values, atoms, strict=True)
    ]


def at_point(
    function: Callable[..., Sequence[Any]],
    xs: Sequence[Array],
    weak: Sequence[bool] = (),
    names: Sequence[str] = (),
) -> Point:
    """Run a function once on stand-ins for these arrays: the list and all its values."""
    labels = [*names, *[""] * (len(xs) - len(names))]
    flags = [*weak, *[False] * (len(xs) - len(weak))]
    with Trace(concrete=True) as trace:
        tracers = [trace.input(x, n, w) for x, n, w in zip(xs, labels, flags, strict=True)]
        program = trace.close(function(*tracers))
    better = roll(program if is_strict() else stabilise(program, trace.values))
    if better is program:
        return Point(program, trace.values)
    _revalue(program, better, trace.values)
    known = [*better.inputs, *[v for eqn in better.equations for v in eqn.outputs]]
    return Point(better, {v: trace.values[v] for v in known})


def _revalue(old: Program, new: Program, env: dict[Var, Array]) -> None:
    """Values for new lines, and for what follows from those that came out otherwise."""
    known = {id(eqn) for eqn in old.equations}
    changed: set[Any] = set()
    for eqn in new.equations:
        if id(eqn) in known and changed.isdisjoint(eqn.inputs):
            continue
        before = [env.get(v) for v in eqn.outputs]
        bind(env, eqn, eqn.primitive(*[read(env, a) for a in eqn.inputs], **eqn.params))
        for v, b in zip(eqn.outputs, before, strict=True):
            if b is not None and _agree(b, env[v]):
                env[v] = b
            else:
                changed.add(v)


def _agree(a: Array, b: Array) -> bool:
    """Whether two arrays are equal to rounding; stand-ins are never sure of it."""
    if isinstance(a, Carrier) or isinstance(b, Carrier) or b.dtype.kind not in "fc":
        return False
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= 64 * np.finfo(b.dtype).eps * np.abs(b)
        return bool(np.all(near | (a == b) | ((a != a) & (b != b))))
