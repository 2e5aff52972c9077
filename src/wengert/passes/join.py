"""Slices of one array that are set side by side again are one slice of it."""

from wengert.ir.program import Atom, Equation, Program
from wengert.passes.lines import Lines
from wengert.passes.repeats import LEAST
from wengert.primitives import views


def join(program: Program) -> Program:
    """[x[0], x[1], x[2], ...] as x[0:n]: what `np.stack` makes of the results of a loop."""
    if not any(_long(eqn) for eqn in program.equations):
        return program
    lines = Lines()
    for eqn in program.equations:
        lines.copy(eqn)
        if _long(eqn):
            _joined(lines)
    outputs = [lines.same.get(a, a) for a in program.outputs]
    return Program(program.inputs, lines.lines, outputs, program.name)


def _long(eqn: Equation) -> bool:
    return eqn.primitive is views.concatenate and len(eqn.inputs) >= LEAST


def _joined(lines: Lines) -> None:
    """The last line, a concatenation, with fewer operands."""
    eqn = lines.lines[-1]
    axis, parts = eqn.params["axis"], list(eqn.inputs)
    slices = [_slice(lines, a, axis) for a in parts]
    new: list[Atom] = []
    at = 0
    lines.lines.pop()
    while at < len(parts):
        end = _run(lines, slices, at)
        stack = None
        if end - at >= LEAST:
            found = lines.gathered([s for s in slices[at:end] if s is not None])
            stack = None if found is None else lines.rows(*found, eqn.place)
        if stack is None:
            new += parts[at:end]
        else:
            new.append(lines.moved(stack, 0, axis, eqn.place))
        at = end
    if len(new) == 1 and new[0].type == eqn.outputs[0].type:
        lines.same[eqn.outputs[0]] = new[0]
    else:
        lines.add(Equation(eqn.primitive, tuple(new), eqn.outputs, eqn.params, eqn.place))


def _slice(lines: Lines, atom: Atom, axis: int) -> Atom | None:
    """The `take` that an operand of np.stack along this axis is made of."""
    made = lines.made.get(atom)
    if made is None or made.primitive is not views.reshape:
        return None
    source, shape = made.inputs[0], atom.type.shape
    if (*shape[:axis], *shape[axis + 1 :]) != source.type.shape or shape[axis] != 1:
        return None
    taken = lines.made.get(source)
    return source if taken is not None and taken.primitive is views.take else None


def _run(lines: Lines, slices: list[Atom | None], at: int) -> int:
    """Where the slices of the array that the slice at this place is cut from end."""
    first, end = slices[at], at + 1
    if first is None:
        return end
    while end < len(slices):
        other = slices[end]
        if other is None or lines.made[other].inputs[0] is not lines.made[first].inputs[0]:
            break
        end += 1
    return end
