"""Proof that a list is a sum over the samples of one axis, or the equation that prevents it.

Along an axis each value is one of four:

    constant   doesn't know the axis
    map        has it, and sample i of the value depends on sample i of its operands alone
    fold       the sum (or the greatest, the least) of a map over the axis
    whole      needs all samples at once: sorted, cut, multiplied with itself along the axis

A value's level says how many folds must be complete before it can be made. A list whose maps all
have level 0 can be run on some samples after others, its folds added up: that is the proof. A map
of level 1 (what divides by a batch's own variance) needs a second run over the samples.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.ir.families import Along, Contraction, Control, Opaque, Pointwise, Reduction
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.passes.axes import Axes, Path, named

FOLDS = {"sum": "add", "contract": "add", "max": "maximum", "min": "minimum"}
VIEWS = {"broadcast", "reshape", "transpose", "flip", "take", "place", "pad", "concatenate", "put"}
LINEAR = {"negative", "reshape", "transpose", "broadcast", "take", "place", "pad", "flip", "sum"}
"""What may be done to sums that aren't complete, in the body of a loop."""


class NotSeparableError(Exception):
    """An equation needs more than one sample at a time."""

    def __init__(self, eqn: Equation, why: str) -> None:
        super().__init__(why)
        self.equation, self.why = eqn, why


@dataclass(slots=True, eq=False)
class Step:
    """An equation, what it is along the axis, and what must be complete before."""

    equation: Equation
    kind: str
    level: int
    folds: dict[Var, str] = field(default_factory=dict)
    why: str = ""


class Split:
    """A program seen along one axis."""

    def __init__(self, program: Program, axes: Axes, root: Hashable, size: int) -> None:
        self.program, self.axes, self.root, self.size = program, axes, root, size
        self.level: dict[Atom, int] = {}
        self.full: set[Var] = set(program.inputs)
        self.steps = [self._step(eqn) for eqn in program.equations]

    def axis(self, path: Path, atom: Atom, eqn: Equation, k: int = 0) -> int | None:
        """Which axis of a value it is; NotSeparableError if it is two."""
        if not atom.type.shape:
            return None
        found = self.axes.of(named(path, atom, eqn, k), atom.type.ndim, self.root)
        found = [a for a in found if atom.type.shape[a] == self.size]
        if len(found) > 1:
            raise NotSeparableError(eqn, "it relates each sample to each other")
        return found[0] if found else None

    def _step(self, eqn: Equation) -> Step:
        level = max([self.level.get(a, 0) for a in eqn.inputs], default=0)
        try:
            kind, folds = self._kind(eqn)
            step = Step(eqn, kind, level, folds)
        except NotSeparableError as error:
            step = Step(eqn, "whole", level, why=error.why)
        for v in eqn.outputs:
            late = step.kind == "whole" or v in step.folds
            self.level[v] = level + late
            if step.kind == "whole":
                self.full.add(v)
        return step

    def _kind(self, eqn: Equation) -> tuple[str, dict[Var, str]]:
        ins = [self.axis((), a, eqn, k) for k, a in enumerate(eqn.inputs)]
        outs = [self.axis((), v, eqn) for v in eqn.outputs]
        if all(a is None for a in (*ins, *outs)):
            return "outside", {}
        if eqn.primitive.name == "loop":
            return "map", self._loop(eqn, ins, outs)
        if independent(eqn, ins, outs):
            return "map", {}
        return "map", {eqn.outputs[0]: folded(eqn, ins)}

    # --- loops in time
    def _loop(
        self, eqn: Equation, ins: Sequence[int | None], outs: Sequence[int | None]
    ) -> dict[Var, str]:
        """The sums that a loop makes over the axis, if each step keeps to its samples."""
        c, n = eqn.params["consts"], eqn.params["carries"]
        if any(a == 0 for a in (*ins[c + n :], *outs[n:])):
            raise NotSeparableError(eqn, "it is a loop in time along this axis")
        start = ["map" if a is not None else "constant" for a in ins]
        for k in range(c, c + n):
            if start[k] == "constant" and zero(eqn.inputs[k], self.program):
                start[k] = "zero"
        found = self._body(eqn, (), start, self.program)
        return {v: "add" for v, kind in zip(eqn.outputs, found, strict=True) if kind == "sum"}

    def _body(self, eqn: Equation, path: Path, start: list[str], program: Program) -> list[str]:
        """What the results of a loop are, its carries made consistent."""
        body, c, n = eqn.params["body"], eqn.params["consts"], eqn.params["carries"]
        while True:
            kinds = self._kinds(body, (*path, eqn), start)
            grown = list(start)
            for k in range(n):
                grown[c + k] = met(start[c + k], kinds[k], eqn)
            if grown == start:
                break
            start = grown
        found = [start[c + k] for k in range(n)] + kinds[n:]
        read = {a for e in program.equations for a in e.inputs} | set(program.outputs)
        if any(k == "constant" and v in read for k, v in zip(found, eqn.outputs, strict=True)):
            raise NotSeparableError(eqn, "it makes values that no sample takes part in")
        return ["sum" if kind == "zero" else kind for kind in found]

    def _kinds(self, body: Program, path: Path, start: Sequence[str]) -> list[str]:
        kinds: dict[Any, str] = dict(zip(body.inputs, start, strict=True))

        def kind(a: Atom) -> str:
            if isinstance(a, Const):
                return "zero" if not np.any(a.value) else "constant"
            return kinds[a]

        for eqn in body.equations:
            given = [kind(a) for a in eqn.inputs]
            kinds.update(self._inside(eqn, given, path, body))
        return [kind(a) for a in body.outputs]

    def _inside(self, eqn: Equation, given: list[str], path: Path, body: Program) -> dict[Var, str]:
        """What the results of an equation of a body are."""
        ins = [self.axis(path, a, eqn, k) for k, a in enumerate(eqn.inputs)]
        outs = [self.axis(path, v, eqn) for v in eqn.outputs]
        if any(isinstance(a, Const) and i is not None
               for a, i in zip(eqn.inputs, ins, strict=True)):  # fmt: skip
            raise NotSeparableError(eqn, "it reads a constant with an entry for each sample")
        if any(a is not None for a in (*ins, *outs)):
            if "sum" in given:
                raise NotSeparableError(eqn, "it needs a sum over all samples")
            if eqn.primitive.name == "loop":
                c, n = eqn.params["consts"], eqn.params["carries"]
                if any(a == 0 for a in (*ins[c + n :], *outs[n:])):
                    raise NotSeparableError(eqn, "it is a loop in time along this axis")
                start = ["map" if i is not None else g for i, g in zip(ins, given, strict=True)]
                return dict(zip(eqn.outputs, self._body(eqn, path, start, body), strict=True))
            if independent(eqn, ins, outs):
                return {eqn.outputs[0]: "map"}
            if folded(eqn, ins) != "add":
                raise NotSeparableError(eqn, "it needs all samples at once")
            return {eqn.outputs[0]: "sum"}
        return dict.fromkeys(eqn.outputs, linear(eqn, given))


def independent(eqn: Equation, ins: Sequence[int | None], outs: Sequence[int | None]) -> bool:
    """Whether each sample of the result comes from the same sample of the operands."""
    name, family = eqn.primitive.name, eqn.primitive.family
    if any(a is None for a in outs):
        return False
    if isinstance(family, Pointwise):
        shaped = [a for x, a in zip(eqn.inputs, ins, strict=True) if x.type.shape]
        return all(a == outs[0] for a in shaped)
    if isinstance(family, Along | Reduction):
        axes = eqn.params.get("axes", eqn.params.get("axis"))
        return ins[0] not in (axes if isinstance(axes, tuple) else (axes,))
    if isinstance(family, Contraction):
        return True
    if isinstance(family, Opaque):
        return _leads(eqn, ins, outs)
    if isinstance(family, Control) or name not in VIEWS:
        return False
    if name == "flip" and ins[0] in eqn.params["axes"]:
        return False
    return name == "broadcast" or all(a is not None for a in ins)


def _leads(eqn: Equation, ins: Sequence[int | None], outs: Sequence[int | None]) -> bool:
    """Whether the axis is one that an opaque operation maps over, for all that have it."""
    family = eqn.primitive.family
    assert isinstance(family, Opaque)
    cores, results = family.cores()
    return all(
        a is None or a < v.type.ndim - len(core)
        for v, a, core in zip(
            (*eqn.inputs, *eqn.outputs), (*ins, *outs), (*cores, *results), strict=True
        )
    )


def folded(eqn: Equation, ins: Sequence[int | None]) -> str:
    """The word that puts together what a fold made of some samples and of others."""
    name = eqn.primitive.name
    if name not in FOLDS:
        raise NotSeparableError(eqn, "it needs all samples at once")
    if name == "contract" and any(a is None for a in ins):
        raise NotSeparableError(eqn, "it needs all samples at once")
    return FOLDS[name]


def linear(eqn: Equation, given: Sequence[str]) -> str:
    """What an equation without the axis makes, in a body, of sums that aren't complete."""
    name = eqn.primitive.name
    if "map" in given:
        raise NotSeparableError(eqn, "it loses the axis of the samples")
    if "sum" not in given:
        views = LINEAR | {"multiply", "contract"}
        if name in views and "zero" in given:
            return "zero"
        both = name in ("add", "subtract") and all(g == "zero" for g in given)
        return "zero" if both else "constant"
    if name in LINEAR or (name in ("add", "subtract") and "constant" not in given):
        return "sum"
    if name in ("multiply", "contract") and list(given).count("sum") == 1:
        return "sum"
    if name == "divide" and given[1] == "constant":
        return "sum"
    raise NotSeparableError(eqn, "it isn't linear in a sum over all samples")


def met(old: str, new: str, eqn: Equation) -> str:
    """What a carry is that begins as the one and goes on as the other."""
    if old == new or new == "zero":
        return old
    if old == "zero" and new in ("sum", "constant"):
        return new
    raise NotSeparableError(eqn, "its state is a constant first and knows the samples later")


def zero(atom: Atom, program: Program) -> bool:
    """Whether a value is nothing but zeros, as far as the list says."""
    if isinstance(atom, Const):
        return not np.any(np.asarray(atom.value))
    maker = next((e for e in program.equations if atom in e.outputs), None)
    return (
        maker is not None
        and maker.primitive.name in ("broadcast", "reshape")
        and zero(maker.inputs[0], program)
    )


def splits(program: Program) -> list[Split]:
    """The program along each set of axes that its inputs have, the longest first."""
    axes = Axes(program)
    found: dict[Hashable, int] = {}
    for v in program.inputs:
        for a, n in enumerate(v.type.shape):
            if n > 1:
                found.setdefault(axes.root(((), v), a), n)
    order = sorted(found.items(), key=lambda item: -item[1])
    return [Split(program, axes, root, n) for root, n in order]


def barrier(split: Split) -> Step | None:
    """The first equation that needs all samples before it can be run on any; None: it is a sum."""
    for step in split.steps:
        if step.kind == "whole" or (step.kind == "map" and step.level > 0):
            return step
    return None


def curved(split: Split) -> Step | None:
    """The first equation that isn't linear in a sum over the axis, or no sum: log det X'X."""
    kinds: dict[Atom, str] = {}
    for step in split.steps:
        eqn = step.equation
        if any(word != "add" for word in step.folds.values()):
            return step
        kinds.update(dict.fromkeys(step.folds, "sum"))
        given = [kinds.get(a, "constant") for a in eqn.inputs]
        if step.kind != "outside" or "sum" not in given:
            continue
        if eqn.primitive.name not in ("add", "subtract"):
            try:
                linear(eqn, given)
            except NotSeparableError:
                return step
        kinds.update(dict.fromkeys(eqn.outputs, "sum"))
    return None
