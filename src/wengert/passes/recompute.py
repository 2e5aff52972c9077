"""Deep lists with fewer values kept: what a late line needs of an early one is computed again.

The list is cut where most bytes live: before is the forward sweep, behind are its late readers.
The forward sweep is cut into segments. What a later segment reads stays; what only late readers
want is forgotten, and a segment is run once more when the first of them comes:

    bytes = sum of what stays at the cuts + the most that one segment makes

Where to cut is found by dynamic programming: for segments that make at most so many bytes, the
cuts at which the least stays.
"""

from collections.abc import Sequence
from itertools import pairwise

from wengert.ir.liveness import last_uses
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Atom, Equation, Program, Var
from wengert.ir.types import Type
from wengert.passes.lines import Lines
from wengert.passes.prune import prune

FREE = {"reshape", "transpose", "broadcast", "take", "flip"}
LONGEST = 2000
"""Equations of a forward sweep for which cuts are looked for: it takes their square."""


def recomputed(program: Program, limit: int) -> Program | None:
    """The list whose segments make about so many bytes at most; None where it can't be cut."""
    turn = peak(program)
    if not 2 < turn <= LONGEST:
        return None
    sweep = _Sweep(program, turn)
    cuts = sweep.cuts(limit)
    return prune(_written(sweep, cuts)) if len(cuts) > 2 else None


def live(program: Program) -> list[int]:
    """The bytes that live behind each equation."""
    ends = last_uses(program)
    change = [0] * (len(program.equations) + 2)
    for k, eqn in enumerate(program.equations):
        for v in eqn.outputs:
            change[k] += weight(eqn, v)
            change[ends[v] + 1] -= weight(eqn, v)
    total, found = 0, []
    for step in change[: len(program.equations)]:
        total += step
        found.append(total)
    return found


def peak(program: Program) -> int:
    """The number of equations after which most bytes live."""
    bytes_ = live(program)
    return bytes_.index(max(bytes_)) + 1 if bytes_ else 0


def weight(eqn: Equation, v: Var) -> int:
    """The bytes of a value; views have none of their own."""
    return 0 if eqn.primitive.name in FREE else v.type.nbytes


class _Sweep:
    """The equations up to the turn: where each value is read again by them, and what is late."""

    def __init__(self, program: Program, turn: int) -> None:
        self.program, self.turn = program, turn
        self.made: dict[Var, int] = {}
        self.size: dict[Var, int] = {}
        self.early: dict[Var, int] = {}
        for k, eqn in enumerate(program.equations[:turn]):
            for v in eqn.outputs:
                self.made[v], self.size[v] = k, weight(eqn, v)
            for a in eqn.inputs:
                if isinstance(a, Var) and a in self.made:
                    self.early[a] = k
        readers = [a for e in program.equations[turn:] for a in e.inputs]
        self.late = {a for a in (*readers, *program.outputs) if a in self.made}

    def cuts(self, limit: int) -> list[int]:
        """0 < ... < turn: segments within the limit, and the least that stays at the cuts."""
        stays = [self._stays(p) for p in range(self.turn + 1)]
        makes = [0] * (self.turn + 1)
        for v in self.late:
            makes[self.made[v] + 1] += self.size[v]
        best: list[float] = [0.0] + [float("inf")] * self.turn
        before = [0] * (self.turn + 1)
        for end in range(1, self.turn + 1):
            total = 0
            for start in range(end - 1, -1, -1):
                total += makes[start + 1]
                if total > limit and start < end - 1:
                    break
                cost = best[start] + stays[start]
                if cost < best[end]:
                    best[end], before[end] = cost, start
        found = [self.turn]
        while found[-1]:
            found.append(before[found[-1]])
        return found[::-1]

    def _stays(self, p: int) -> int:
        """The bytes that equations from p on read of those before."""
        return sum([self.size[v] for v, k in self.early.items() if self.made[v] < p <= k])


def _written(sweep: _Sweep, cuts: Sequence[int]) -> Program:
    """The list with its segments run again, each when the first late line wants it."""
    program = sweep.program
    segment = {
        v: (low, high)
        for low, high in pairwise(cuts[:-1])
        for eqn in program.equations[low:high]
        for v in eqn.outputs
    }
    kept = {
        v for v, k in sweep.early.items()
        if any(sweep.made[v] < p <= k for p in cuts[1:-1])
    } | {a for a in program.outputs if isinstance(a, Var)}  # fmt: skip
    lines = Lines()
    for k, eqn in enumerate(program.equations):
        if k >= sweep.turn:
            for a in eqn.inputs:
                if a in segment and a not in kept and a not in lines.same:
                    _again(lines, sweep, segment[a], kept)
        lines.copy(eqn)
    outputs = [a if a in kept else lines.same.get(a, a) for a in program.outputs]
    return Program(program.inputs, lines.lines, outputs, program.name)


def _again(lines: Lines, sweep: _Sweep, span: tuple[int, int], kept: set[Var]) -> None:
    """A segment once more, as a loop of one turn: no pass takes it for what was computed before."""
    equations = sweep.program.equations[span[0] : span[1]]
    made = {v for e in equations for v in e.outputs}
    wanted = [v for e in equations for v in e.outputs if v in sweep.late and v not in kept]
    body = prune(Program([], list(equations), wanted, "again"))
    inside = {v for e in body.equations for v in e.outputs}
    reads: dict[Atom, None] = {
        a: None
        for e in body.equations
        for a in e.inputs
        if isinstance(a, Var) and a not in inside and a not in made
    }
    new: dict[Atom, Atom] = {a: Var(a.type, getattr(a, "name", "")) for a in reads}
    inner = Lines()
    inner.same.update(new)
    for e in body.equations:
        outs = tuple([Var(v.type, v.name) for v in e.outputs])
        inputs = tuple([inner.same.get(a, a) for a in e.inputs])
        inner.same.update(zip(e.outputs, outs, strict=True))
        inner.add(Equation(e.primitive, inputs, outs, e.params, e.place))
    results = [inner.same[v] for v in wanted]
    outs = tuple([Var(Type((1, *v.type.shape), v.type.dtype), v.name) for v in wanted])
    params = {
        "body": Program(list(new.values()), inner.lines, results, "again"),  # type: ignore[arg-type]
        "consts": len(new), "carries": 0, "length": 1, "reverse": False,
    }  # fmt: skip
    inputs = tuple([lines.same.get(a, a) for a in reads])
    place = equations[0].place
    lines.add(Equation(REGISTRY.primitives["loop"], inputs, outs, params, place))
    for v, y in zip(wanted, outs, strict=True):
        lines.same[v] = lines.take(y, [0, *[(0, n, 1) for n in v.type.shape]], place)
