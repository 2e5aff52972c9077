"""The numbers to compare with: values, tangents, adjoints and Hessians, by wengert itself."""

from typing import Any

import numpy as np

from wengert.api.derivatives import hessian
from wengert.errors import UnsupportedError
from wengert.ir.program import Program, Var
from wengert.transforms.jvp import pushforward
from wengert.transforms.vjp import pullback


def numbers(d: Any, k: int) -> dict[str, Any]:
    """Values, tangents along a random direction, and adjoints, by wengert at the k-th point."""
    program = d.point.program
    args = d.point.again(k + 10)
    env = program.run(args)
    rng = np.random.default_rng(k)
    dxs = [rng.normal(size=v.type.shape) if v.name in d.chosen else None for v in program.inputs]
    every = [*program.inputs, *[v for eqn in program.equations for v in eqn.outputs]]
    whole = Program(program.inputs, program.equations, every)
    tangents = dict(zip(every, pushforward(whole, env, dxs), strict=True))
    seen: dict[Var, Any] = {}
    rest = [None] * (len(program.outputs) - 1)
    found = pullback(program, env, [np.ones(())[()], *rest], seen=seen)
    seen.update((v, g) for v, g in zip(program.inputs, found, strict=True) if g is not None)
    _independent(program, args, dxs, tangents[program.outputs[0]])
    named: dict[str, Any] = dict(d.point.sizes) | dict(d.reading.captured)
    tables: dict[str, Any] = {
        "value": {},
        "tangent": {},
        "adjoint": {},
        "hessian": {},
        "share": {},
        "env": named,
    }
    _second(d, program, args, tables)
    for node in d.every:
        name, zero = node.head.name, np.zeros(node.var.type.shape)
        named[name] = tables["value"][name] = env.get(node.var, 0)
        tangent = tangents.get(node.var)
        named[f"d{name}"] = tables["tangent"][name] = zero if tangent is None else tangent
        adjoint = seen.get(node.var)
        tables["adjoint"][name] = zero if adjoint is None else adjoint
        tables["share"][name] = np.sum(tables["adjoint"][name] * tables["tangent"][name])
    return tables


def _second(d: Any, program: Program, args: Any, tables: dict[str, Any]) -> None:
    """The Hessian by wengert, where there may be a line for it."""
    at = [v.name for v in program.inputs].index(d.chosen[0])
    if len(d.chosen) == 1 and program.inputs[at].type.ndim == 1:
        only = Program(program.inputs, program.equations, program.outputs[:1])
        f = lambda x: only(*args[:at], x, *args[at + 1 :])[0]
        tables["hessian"][d.chosen[0]] = hessian(f)(args[at])


def _independent(program: Program, args: Any, dxs: Any, slope: Any) -> None:
    """The directional derivative by differences of the reference's own values."""
    h = 1e-5
    ends = []
    for s in (h, -h):
        moved = [x if d is None else x + s * d for x, d in zip(args, dxs, strict=True)]
        ends.append(float(np.asarray(program(*moved)[0])))
    found, want = (ends[0] - ends[1]) / (2 * h), 0.0 if slope is None else float(slope)
    scale = max(abs(found), abs(want), 1e-3 * max(abs(e) for e in ends), 1e-3)
    if not abs(found - want) <= 1e-3 * scale:
        raise UnsupportedError(
            f"The derivative {want:.6g} and differences {found:.6g} don't agree at a random point. "
            "This happened in the function given to explain. Give it where it is smooth."
        )


def deviation(got: Any, want: Any) -> float:
    """The greatest difference, relative to the greatest entry if that is above 1."""
    if got.size != want.size and got.size != 1:
        return np.inf
    got = np.broadcast_to(got, want.shape) if got.size == 1 else got.reshape(want.shape)
    return float(np.max(np.abs(got - want), initial=0) / max(1.0, np.max(np.abs(want), initial=0)))
