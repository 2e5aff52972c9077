"""What makes a list legal: the checker that runs between the passes."""

from wengert.errors import ProgramError
from wengert.ir.families import Pointwise
from wengert.ir.infer import infer
from wengert.ir.primitive import freeze
from wengert.ir.program import Const, Equation, Program, Var


def check(program: Program) -> Program:
    """The same program; ProgramError, with the equation, where a rule of the language is broken.

    Each variable is assigned once and before it is read, each result has the type that its
    operation infers, pointwise operands have the result's shape or are scalar constants, and
    parameters can be compared.
    """
    known = set(program.inputs)
    if len(known) != len(program.inputs):
        raise ProgramError("An input stands twice in the head of the list.")
    for eqn in program.equations:
        for atom in eqn.inputs:
            if isinstance(atom, Var) and atom not in known:
                raise ProgramError(f"{eqn} reads {atom} before it is assigned.")
        for var in eqn.outputs:
            if var in known:
                raise ProgramError(f"{eqn} assigns {var} a second time.")
            known.add(var)
        _types(eqn)
        hash(freeze(eqn.params))
    for atom in program.outputs:
        if isinstance(atom, Var) and atom not in known:
            raise ProgramError(f"The result {atom} is never assigned.")
    for body in program.subprograms():
        check(body)
    return program


def _types(eqn: Equation) -> None:
    types = [a.type for a in eqn.inputs]
    found = infer(eqn.primitive, types, eqn.params)
    stated = tuple(v.type for v in eqn.outputs)
    if found != stated:
        raise ProgramError(f"{eqn} states {stated}, its operands give {found}.")
    if isinstance(eqn.primitive.family, Pointwise):
        for atom in eqn.inputs:
            scalar = isinstance(atom, Const) and not atom.type.shape
            if not scalar and atom.type.shape != stated[0].shape:
                raise ProgramError(f"{eqn} takes {atom}, of another shape, without a broadcast.")
