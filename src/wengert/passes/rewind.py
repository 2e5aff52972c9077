"""Fewer states kept for the reverse sweep of a loop: some are kept, the others computed again.

    forward    c[0] ... c[T]                          keeps T states for the reversed loop
    rewound    keeps c[0], c[s], c[2s], ...; the reversed loop, segment by segment from the last,
               runs s steps forward again and keeps their states, then s steps backward

That is T/s + s states instead of T, for one run of the loop more; a segment may be rewound in its
turn, and n levels of it keep some (n + 1) T^(1/(n + 1)) states for n runs more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Atom, Equation, Program, Var
from wengert.ir.types import Type
from wengert.passes.lines import Lines
from wengert.passes.prune import prune
from wengert.primitives import views

LEAST = 4
"""Loops of fewer steps keep their states."""


@dataclass(slots=True, eq=False)
class _Pair:
    """A loop, the one that reads its states backwards, and which stacks they are."""

    forward: Equation
    back: Equation
    states: dict[int, int]
    """For operands of the one behind, which result of the other they are."""


def rewound(program: Program, levels: int) -> Program:
    """The list with the states of its loops in so many levels of segments; itself at none."""
    return prune(_once(program, levels)) if levels else program


def _once(program: Program, level: int) -> Program:
    """Each pair of loops cut into segments, the length so that `level` cuts make them alike."""
    pairs = {p.back: p for p in _pairs(program)}
    heads = {p.forward for p in pairs.values()}
    lines = Lines()
    for eqn in program.equations:
        if eqn in heads:
            pair = next(p for p in pairs.values() if p.forward is eqn)
            _Rewind(lines, pair, level).forward()
        elif eqn in pairs:
            _Rewind(lines, pairs[eqn], level).back()
        else:
            lines.copy(_inside(eqn, level))
    outputs = [lines.same.get(a, a) for a in program.outputs]
    return Program(program.inputs, lines.lines, outputs, program.name)


def _inside(eqn: Equation, level: int) -> Equation:
    if eqn.primitive.name != "loop":
        return eqn
    body = _once(eqn.params["body"], level)
    return Equation(eqn.primitive, eqn.inputs, eqn.outputs, eqn.params | {"body": body}, eqn.place)


def _pairs(program: Program) -> list[_Pair]:
    """Loops whose states one loop of as many steps, the other way round, reads, and nobody else."""
    maker = {v: e for e in program.equations for v in e.outputs}
    readers: dict[Atom, list[Equation]] = {}
    for e in program.equations:
        for a in set(e.inputs):
            readers.setdefault(a, []).append(e)
    found, taken = [], set()
    for back in program.equations:
        if back.primitive.name != "loop" or back.params["length"] < LEAST:
            continue
        first = back.params["consts"] + back.params["carries"]
        for k in range(first, len(back.inputs)):
            head = maker.get(back.inputs[k])  # type: ignore[arg-type]
            if head is None or head in taken or head.primitive.name != "loop":
                continue
            states = _states(head, back, readers, program)
            if states and _opposite(head, back):
                found.append(_Pair(head, back, states))
                taken |= {head, back}
                break
    return found


def _opposite(head: Equation, back: Equation) -> bool:
    a, b = head.params, back.params
    return bool(a["length"] == b["length"] and a["reverse"] != b["reverse"])


def _states(
    head: Equation, back: Equation, readers: dict[Atom, list[Equation]], program: Program
) -> dict[int, int]:
    n = head.params["carries"]
    first = back.params["consts"] + back.params["carries"]
    return {
        k: j
        for k in range(first, len(back.inputs))
        for j in range(n, len(head.outputs))
        if back.inputs[k] is head.outputs[j]
        and readers[back.inputs[k]] == [back]
        and back.inputs[k] not in program.outputs
        and list(back.inputs).count(back.inputs[k]) == 1
    }


def segment(length: int, level: int) -> int:
    """Steps to a segment: near T^(level / (level + 1)), and with few steps left over."""
    near = length ** (level / (level + 1))
    low, high = max(2, int(0.7 * near)), max(2, min(int(1.4 * near), length // 2))

    def kept(s: int) -> float:
        inner = s if level == 1 else level * s ** (1 / level)
        return length // s + max(inner, length % s)

    return min(range(low, high + 1), key=kept, default=2)


class _Rewind:
    def __init__(self, lines: Lines, pair: _Pair, level: int) -> None:
        self.lines, self.head, self.tail, self.states = lines, pair.forward, pair.back, pair.states
        length = self.head.params["length"]
        self.level = level
        self.step = segment(length, level)
        self.count, self.rest = divmod(length, self.step)
        main = self.count * self.step
        cut = self.rest if self.head.params["reverse"] else 0
        self.main = (cut, cut + main)
        self.late = (0, self.rest) if cut else (main, length)
        c = self.head.params["consts"]
        self.consts = list(self.head.inputs[:c])
        self.carries = list(self.head.inputs[c : c + self.head.params["carries"]])
        self.stacks = list(self.head.inputs[c + len(self.carries) :])

    def forward(self) -> None:
        """Segment after segment, of which the first state is kept; then the steps that are left."""
        head, n = self.head, len(self.carries)
        body = self._body([*self.consts, *self.carries], self.stacks)
        inner = Lines()
        ins = list(body)
        outs = _loop(inner, head, ins, self.step)
        firsts = ins[len(self.consts) : len(self.consts) + n]
        program = Program(ins, inner.lines, [*outs, *firsts], "segment")
        results = _loop(
            self.lines, head, self._inputs(self.consts, self.carries, self.stacks),
            self.count, program,
        )  # fmt: skip
        kept = results[len(outs) :]
        ends: list[Atom] = list(results[:n])
        late: list[Atom] = []
        if self.rest:
            cuts = [self._cut(x, self.late) for x in self.stacks]
            last = _loop(self.lines, head, [*self.consts, *ends, *cuts], self.rest)
            ends, late = list(last[:n]), list(last[n:])
        for v, new in zip(head.outputs, ends, strict=False):
            self.lines.same[v] = new
        for j, v in enumerate(head.outputs[n:]):
            joined = self._joined(results[n + j], late[j] if late else None)
            self.lines.same[v] = joined
        self.lines.known["kept", head] = kept  # type: ignore[assignment]
        self.lines.known["late", head] = late  # type: ignore[assignment]

    def back(self) -> None:
        """The steps that are left, then segment after segment: forward once more, then backward."""
        tail, n = self.tail, len(self.carries)
        kept: Any = self.lines.known["kept", self.head]
        late: Any = self.lines.known["late", self.head]
        inputs = [self.lines.same.get(a, a) for a in tail.inputs]
        c, m = tail.params["consts"], tail.params["carries"]
        consts, ends = inputs[:c], inputs[c : c + m]
        stacks = [k for k in range(c + m, len(inputs)) if k not in self.states]
        first: list[Atom] = []
        if self.rest:
            given = [
                late[self.states[k] - n] if k in self.states else self._cut(inputs[k], self.late)
                for k in range(c + m, len(inputs))
            ]
            last = _loop(self.lines, tail, [*consts, *ends, *given], self.rest)
            ends, first = list(last[:m]), list(last[m:])
        mine = [self.lines.same.get(a, a) for a in self.consts]
        theirs = [self.lines.same.get(a, a) for a in self.stacks]
        fixed = [*mine, *consts]
        body = self._body([*fixed, *ends], [*theirs, *[inputs[k] for k in stacks]], kept)
        at = len(fixed)
        own, more = body[at : at + m], body[at + m :]
        states, xs, others = more[:n], more[n : n + len(theirs)], more[n + len(theirs) :]
        inner = Lines()
        again = _loop(inner, self.head, [*body[: len(mine)], *states, *xs], self.step)
        given = [
            again[self.states[k]] if k in self.states else others[stacks.index(k)]
            for k in range(c + m, len(inputs))
        ]
        outs = _loop(inner, tail, [*body[len(mine) : at], *own, *given], self.step)
        program = Program(body, inner.lines, outs, "rewound")
        if self.level > 1:
            program = _once(prune(program), self.level - 1)
        results = _loop(
            self.lines, tail,
            [*fixed, *ends, *kept,
             *[self._segments(x) for x in (*theirs, *[inputs[k] for k in stacks])]],
            self.count, program, len(fixed),
        )  # fmt: skip
        for v, new in zip(tail.outputs, results[:m], strict=False):
            self.lines.same[v] = new
        for j, v in enumerate(tail.outputs[m:]):
            joined = self._joined(results[m + j], first[j] if first else None)
            self.lines.same[v] = joined

    # --- shapes
    def _inputs(self, *parts: Sequence[Atom]) -> list[Atom]:
        consts, carries, stacks = [[self.lines.same.get(a, a) for a in p] for p in parts]
        return [*consts, *carries, *[self._segments(x) for x in stacks]]

    def _body(
        self, whole: Sequence[Atom], stacks: Sequence[Atom], kept: Sequence[Atom] = ()
    ) -> list[Var]:
        """The operands of a segment: as they are, states, and stacks of as many steps."""
        given = [Var(a.type, getattr(a, "name", "")) for a in whole]
        given += [Var(Type(a.type.shape[1:], a.type.dtype)) for a in kept]
        return given + [
            Var(Type((self.step, *a.type.shape[1:]), a.type.dtype), getattr(a, "name", ""))
            for a in stacks
        ]

    def _cut(self, a: Atom, part: tuple[int, int]) -> Atom:
        a = self.lines.same.get(a, a)
        if part == (0, a.type.shape[0]):
            return a
        return self.lines.take(a, [(*part, 1), *[(0, k, 1) for k in a.type.shape[1:]]])

    def _segments(self, a: Atom) -> Atom:
        shape = (self.count, self.step, *a.type.shape[1:])
        return self.lines.write(views.reshape, self._cut(a, self.main), shape=shape)

    def _joined(self, main: Atom, late: Atom | None) -> Atom:
        shape = (self.count * self.step, *main.type.shape[2:])
        whole = self.lines.write(views.reshape, main, shape=shape)
        if late is None:
            return whole
        parts = (late, whole) if self.head.params["reverse"] else (whole, late)
        return self.lines.write(views.concatenate, *parts, axis=0)


def _loop(
    lines: Lines, like: Equation, inputs: Sequence[Atom], length: int,
    body: Program | None = None, consts: int | None = None,
) -> list[Var]:  # fmt: skip
    """A loop with the same direction and numbers of operands, and its results."""
    params = like.params | {"length": length, "body": body or like.params["body"]}
    params["consts"] = params["consts"] if consts is None else consts
    n = params["carries"]
    outs = [
        Var(a.type if k < n else Type((length, *a.type.shape), a.type.dtype))
        for k, a in enumerate(params["body"].outputs)
    ]
    lines.add(Equation(REGISTRY.primitives["loop"], tuple(inputs), tuple(outs), params, like.place))
    return outs
