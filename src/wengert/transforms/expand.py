"""Write out what a machine has no word for: an operation becomes the list of its own formula.

Each record's `evaluate` is plain NumPy; run on stand-ins it says what it is made of. So a machine
that knows some forty words knows softmax, logsumexp and the cross-entropies too.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wengert.errors import WengertError
from wengert.ir.families import Along, Pointwise, Reduction
from wengert.ir.primitive import Primitive, freeze
from wengert.ir.program import Atom, Equation, Program, Var
from wengert.ir.types import Type
from wengert.trace.stage import stage

Known = Callable[[Equation], bool]


def expand(program: Program, known: Known) -> Program:
    """The program with all that is pointwise or a fold and not `known` written out, if it can be.

    What it is written out to may hold further ones, which are written out in their turn.
    """
    env: dict[Var, Atom] = {}
    equations: list[Equation] = []
    for eqn in program.equations:
        inputs = tuple([env.get(a, a) if isinstance(a, Var) else a for a in eqn.inputs])
        new = Equation(eqn.primitive, inputs, eqn.outputs, eqn.params, eqn.place)
        inner = None if known(eqn) else formula(eqn)
        if inner is None:
            equations.append(_within(new, known))
            continue
        inner = expand(inner, known)
        inside: dict[Var, Atom] = dict(zip(inner.inputs, inputs, strict=True))
        for step in inner.equations:
            args = tuple([inside.get(a, a) if isinstance(a, Var) else a for a in step.inputs])
            outs = tuple([Var(v.type, v.name) for v in step.outputs])
            inside.update(zip(step.outputs, outs, strict=True))
            equations.append(Equation(step.primitive, args, outs, step.params, eqn.place))
        for mine, theirs in zip(eqn.outputs, inner.outputs, strict=True):
            env[mine] = inside.get(theirs, theirs) if isinstance(theirs, Var) else theirs
    outputs = [env.get(a, a) if isinstance(a, Var) else a for a in program.outputs]
    return Program(program.inputs, equations, outputs, program.name)


def _within(eqn: Equation, known: Known) -> Equation:
    """The bodies of loops and branches, written out too."""

    def inside(value: Any) -> Any:
        if isinstance(value, Program):
            return expand(value, known)
        if isinstance(value, tuple) and value and all(isinstance(v, Program) for v in value):
            return tuple([expand(v, known) for v in value])
        return value

    params = {k: inside(v) for k, v in eqn.params.items()}
    return Equation(eqn.primitive, eqn.inputs, eqn.outputs, params, eqn.place)


def formula(eqn: Equation) -> Program | None:
    """What an equation's operation is made of; None if it doesn't say."""
    if not isinstance(eqn.primitive.family, Pointwise | Reduction | Along):
        return None
    types = tuple([a.type for a in eqn.inputs])
    inner = _formula(eqn.primitive, types, freeze(eqn.params))
    if inner is None or [a.type for a in inner.outputs] != [v.type for v in eqn.outputs]:
        return None
    return inner


@lru_cache(maxsize=4096)
def _formula(
    primitive: Primitive, types: tuple[Type, ...], params: tuple[tuple[str, Any], ...]
) -> Program | None:
    def evaluate(*xs: Any) -> list[Any]:
        result = primitive.evaluate(*xs, **dict(params))
        return list(result) if isinstance(result, tuple) else [result]

    try:
        inner = stage(evaluate, types)
    except (WengertError, TypeError, ValueError, AttributeError, NotImplementedError):
        return None
    if any(step.primitive is primitive for step in inner.equations):
        return None
    return inner
