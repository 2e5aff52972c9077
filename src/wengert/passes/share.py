"""Compute equal things once."""

from typing import Any

import numpy as np

from wengert.ir.primitive import freeze
from wengert.ir.program import Atom, Const, Equation, Program, Var, identity


def share(program: Program) -> Program:
    """The list with every repeated right-hand side replaced by its first."""
    seen: dict[Any, tuple[Var, ...]] = {}
    same: dict[Atom, Atom] = {}
    kept = []
    for eqn in program.equations:
        inputs = tuple([same.get(a, a) for a in eqn.inputs])
        key = (eqn.primitive, tuple([_key(a) for a in inputs]), freeze(eqn.params))
        first = seen.setdefault(key, eqn.outputs)
        if first is eqn.outputs:
            kept.append(Equation(eqn.primitive, inputs, eqn.outputs, eqn.params, eqn.place))
        else:
            same.update(zip(eqn.outputs, first, strict=True))
    outputs = [same.get(a, a) for a in program.outputs]
    return Program(program.inputs, kept, outputs, program.name)


def _key(atom: Atom) -> Any:
    """Scalars are equal by their bits (0.0 is not -0.0), arrays by being the same array."""
    if not isinstance(atom, Const):
        return atom
    if not atom.type.shape and isinstance(atom.value, np.generic | float | int | np.ndarray):
        return (atom.type, np.asarray(atom.value).tobytes())
    return (atom.type, identity(atom))
