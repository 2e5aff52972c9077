"""The Wengert list: single assignment, one equation a line, nothing implied."""

from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

from wengert.ir.primitive import Primitive
from wengert.ir.types import Array, Type, type_of

Place = tuple[CodeType, int] | None


class Var:
    """A name for a value, assigned once. Two are equal only if they are the same."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str = "") -> None:
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name or 'v'}:{self.type}"


class Const:
    """A value known when the list was written: a literal, or an array that it captured."""

    __slots__ = ("type", "value")

    def __init__(self, value: Array, type: Type | None = None) -> None:
        self.value = value
        self.type = type_of(value) if type is None else type

    def __repr__(self) -> str:
        return f"Const({self.value!r})"


Atom = Var | Const


def identity(const: Const) -> int:
    """The same number for constants that hold the same array, or a stand-in of the same value."""
    return id(getattr(const.value, "variable", const.value))


class Equation:
    """outputs = primitive(inputs; params), and the place in the user's file that asked for it."""

    __slots__ = ("inputs", "outputs", "params", "place", "primitive")

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Atom, ...],
        outputs: tuple[Var, ...],
        params: dict[str, Any],
        place: Place = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.outputs = outputs
        self.params = params
        self.place = place

    def __repr__(self) -> str:
        return f"{self.outputs} = {self.primitive}{self.inputs}"


class Program:
    """inputs -> equations -> outputs. Calling it is the reference: one record after another.

    Called on carriers it does whatever they make of each primitive; a tracer writes the list again.
    """

    __slots__ = ("equations", "inputs", "name", "outputs")
    show: Callable[..., str]

    def __init__(
        self,
        inputs: Sequence[Var],
        equations: Sequence[Equation],
        outputs: Sequence[Atom],
        name: str = "f",
    ) -> None:
        self.inputs = tuple(inputs)
        self.equations = tuple(equations)
        self.outputs = tuple(outputs)
        self.name = name

    def __call__(self, *args: Array) -> list[Array]:
        """The outputs' values."""
        env = self.run(args)
        return [read(env, a) for a in self.outputs]

    def run(self, args: Sequence[Array]) -> dict[Var, Array]:
        """The value of every variable."""
        env: dict[Var, Array] = dict(zip(self.inputs, args, strict=True))
        for eqn in self.equations:
            result = eqn.primitive(*[read(env, a) for a in eqn.inputs], **eqn.params)
            bind(env, eqn, result)
        return env

    def subprograms(self) -> Iterator["Program"]:
        """The bodies of loops and branches."""
        for eqn in self.equations:
            for value in eqn.params.values():
                for item in value if isinstance(value, tuple) else (value,):
                    if isinstance(item, Program):
                        yield item


def read(env: dict[Var, Array], atom: Atom) -> Array:
    """An atom's value."""
    return atom.value if isinstance(atom, Const) else env[atom]


def bind(env: dict[Var, Array], eqn: Equation, result: Any) -> None:
    """Give the outputs of an equation their values."""
    if len(eqn.outputs) == 1 and not isinstance(result, tuple):
        env[eqn.outputs[0]] = result
    else:
        env.update(zip(eqn.outputs, result, strict=True))


def rewrite(program: Program, step: Callable[[Equation], Equation | None]) -> Program:
    """The program with each equation replaced by what `step` makes of it (None strikes it out)."""
    equations = [new for eqn in program.equations if (new := step(eqn)) is not None]
    return Program(program.inputs, equations, program.outputs, program.name)
