"""Strike out what no result needs."""

from wengert.ir.program import Program, Var


def prune(program: Program) -> Program:
    """The same results from fewer lines."""
    needed = {a for a in program.outputs if isinstance(a, Var)}
    kept = []
    for eqn in reversed(program.equations):
        if any(v in needed for v in eqn.outputs):
            needed.update(a for a in eqn.inputs if isinstance(a, Var))
            kept.append(eqn)
    return Program(program.inputs, kept[::-1], program.outputs, program.name)
