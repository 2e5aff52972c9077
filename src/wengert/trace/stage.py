"""From a function of arrays to its Wengert list."""

from collections.abc import Callable, Sequence
from typing import Any

from wengert.ir.primitive import Carrier
from wengert.ir.program import Const, Program, Var, identity
from wengert.ir.types import Type
from wengert.trace.tracer import Trace


def stage(
    function: Callable[..., Sequence[Any]], types: Sequence[Type], names: Sequence[str] = ()
) -> Program:
    """The list of a function of arrays of these types; it returns a sequence of arrays.

    Nothing is computed: only shapes and dtypes are known inside.
    """
    labels = [*names, *[""] * (len(types) - len(names))]
    with Trace(concrete=False) as trace:
        xs = [trace.input(t, name) for t, name in zip(types, labels, strict=True)]
        return trace.close(function(*xs))


def lift(program: Program) -> tuple[Program, list[Any]]:
    """The stand-ins that a list captured from traces around it, as further inputs."""
    found: dict[int, tuple[Var, Any]] = {}

    def atom(a: Any) -> Any:
        if not (isinstance(a, Const) and isinstance(a.value, Carrier)):
            return a
        return found.setdefault(identity(a), (Var(a.type), a.value))[0]

    equations = []
    for eqn in program.equations:
        inputs = tuple([atom(a) for a in eqn.inputs])
        equations.append(type(eqn)(eqn.primitive, inputs, eqn.outputs, eqn.params, eqn.place))
    outputs = [atom(a) for a in program.outputs]
    inputs = (*program.inputs, *[v for v, _ in found.values()])
    return Program(inputs, equations, outputs, program.name), [x for _, x in found.values()]
