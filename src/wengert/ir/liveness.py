"""When each value is needed for the last time."""

from wengert.ir.program import Program, Var


def last_uses(program: Program) -> dict[Var, int]:
    """The index of the last equation that reads a variable; outputs live to the end."""
    last: dict[Var, int] = {}
    for i, eqn in enumerate(program.equations):
        for var in eqn.outputs:
            last[var] = i
        for atom in eqn.inputs:
            if isinstance(atom, Var):
                last[atom] = i
    for atom in program.outputs:
        if isinstance(atom, Var):
            last[atom] = len(program.equations)
    return last


def dying(program: Program) -> list[list[Var]]:
    """For each equation, the variables of which it is the last reader."""
    last = last_uses(program)
    ends: list[list[Var]] = [[] for _ in program.equations]
    for var, i in last.items():
        if i < len(ends):
            ends[i].append(var)
    return ends
