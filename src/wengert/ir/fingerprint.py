"""What a program is, as bytes that are the same in the next process.

    fingerprint(program, known)    a hash of its equations, types, parameters and constants

Two programs of the same fingerprint compute the same. One that holds what can't be told by its text
(a function of the user's, a record that isn't `known`) has none.
"""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from wengert.ir.lazy import Lazy
from wengert.ir.primitive import Primitive
from wengert.ir.program import Atom, Const, Program, Var
from wengert.ir.types import Array, Type

hashlib = Lazy("hashlib")

_PLAIN = (str, int, float, complex, bool, bytes, type(None), type(...))


class _Unknown(Exception):
    """Something whose meaning its text doesn't tell."""


def fingerprint(program: Program, known: Collection[Primitive]) -> bytes | None:
    r"""The hash; None if there is none.

    >>> from wengert.ir.text import parse
    >>> plus = parse("def f(x: f64):\n v: f64 = x + 1.0\n return v")
    >>> known = {e.primitive for e in plus.equations}
    >>> len(fingerprint(plus, known)), fingerprint(plus, set())
    (32, None)
    """
    try:
        return _digest(repr(_program(program, known)).encode())
    except _Unknown:
        return None


def captured(program: Program) -> Iterator[Array]:
    """The values of the constants, in the order in which they stand."""
    for atom in _atoms(program):
        if isinstance(atom, Const):
            yield atom.value
    for body in program.subprograms():
        yield from captured(body)


def _atoms(program: Program) -> Iterator[Atom]:
    for eqn in program.equations:
        yield from eqn.inputs
    yield from program.outputs


def _program(program: Program, known: Collection[Primitive]) -> Any:
    numbers: dict[Var, int] = {}
    types: list[Any] = []

    def new(v: Var) -> int:
        numbers[v] = len(numbers)
        types.append(_type(v.type))
        return numbers[v]

    def old(a: Atom) -> Any:
        return numbers[a] if isinstance(a, Var) else _const(a)

    inputs = [new(v) for v in program.inputs]
    lines = []
    for eqn in program.equations:
        if eqn.primitive not in known:
            raise _Unknown
        args = [old(a) for a in eqn.inputs]
        params = [(k, _param(x, known)) for k, x in sorted(eqn.params.items())]
        lines.append((eqn.primitive.name, args, params, [new(v) for v in eqn.outputs]))
    return len(inputs), lines, [old(a) for a in program.outputs], types


def _type(type: Type) -> Any:
    return tuple(map(int, type.shape)), type.dtype.str


def _const(const: Const) -> Any:
    return "const", _type(const.type), _array(const.value)


def _array(value: Any) -> Any:
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.hasobject:
        raise _Unknown
    if value.size == 1:
        return value.dtype.str, value.shape, value.tobytes()
    data: Any = np.ascontiguousarray(value).view(np.uint8) if value.size else b""
    return value.dtype.str, value.shape, _digest(data)


def _param(x: Any, known: Collection[Primitive]) -> Any:
    if type(x) in _PLAIN:
        return x
    if type(x) in (tuple, list):
        return type(x).__name__, [_param(y, known) for y in x]
    if type(x) is slice:
        return "slice", [_param(y, known) for y in (x.start, x.stop, x.step)]
    if isinstance(x, np.dtype):
        return "dtype", x.str
    if isinstance(x, Type):
        return "type", _type(x)
    if isinstance(x, np.ndarray | np.generic):
        return "array", _array(x)
    if isinstance(x, Program):
        return "program", _program(x, known)
    raise _Unknown


def _digest(data: Any) -> bytes:
    digest: bytes = hashlib.blake2b(data, digest_size=32).digest()
    return digest
