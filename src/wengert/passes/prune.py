"""Strike out what no result needs, inside loops and branches too."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from wengert.ir.program import Atom, Equation, Program, Var

Params = dict[str, Any]
Flags = tuple[bool, ...]
Trimmed = tuple[Params, tuple[int, ...], tuple[int, ...]]


def prune(program: Program) -> Program:
    """The same results from fewer lines."""
    needed = {a for a in program.outputs if isinstance(a, Var)}
    kept = []
    for eqn in reversed(program.equations):
        used = tuple([v in needed for v in eqn.outputs])
        if any(used) or eqn.primitive.effect:
            if eqn.primitive.name in TRIM:
                eqn = _inside(eqn, used)
            needed.update(a for a in eqn.inputs if isinstance(a, Var))
            kept.append(eqn)
    return Program(program.inputs, kept[::-1], program.outputs, program.name)


def _inside(eqn: Equation, used: Flags) -> Equation:
    params, ins, outs = trim(eqn.primitive.name, eqn.params, used)
    if len(ins) == len(eqn.inputs) and len(outs) == len(used):
        return eqn
    inputs = tuple([eqn.inputs[i] for i in ins])
    return Equation(eqn.primitive, inputs, tuple([eqn.outputs[i] for i in outs]), params, eqn.place)


def trim(name: str, params: Params, used: Flags) -> Trimmed:
    """A loop or branch with what these of its results need: parameters, operands, results."""
    return TRIM[name](used, **params)


def _read(outputs: Iterable[Atom], *programs: Program) -> set[Atom]:
    return {a for p in programs for e in p.equations for a in e.inputs} | set(outputs)


def _part(program: Program, ins: Iterable[int], outs: Iterable[int]) -> Program:
    """Some of the results, as a program of some of the inputs; itself if they are all."""
    inputs, outputs = [program.inputs[i] for i in ins], [program.outputs[i] for i in outs]
    pruned = prune(Program(inputs, program.equations, outputs, program.name))
    same = len(inputs) == len(program.inputs) and len(outputs) == len(program.outputs)
    return program if same and pruned.equations == program.equations else pruned


def _needs(program: Program, outs: Iterable[int]) -> set[int]:
    """The places of the inputs that some of the results need."""
    part = _part(program, range(len(program.inputs)), outs)
    read = _read(part.outputs, part)
    return {i for i, v in enumerate(program.inputs) if v in read}


def _loop(used: Flags, body: Program, consts: int, carries: int, **rest: Any) -> Trimmed:
    new, counts, ins, outs = _trimmed_loop(body, consts, carries, used)
    return {"body": new, "consts": counts[0], "carries": counts[1], **rest}, ins, outs


@lru_cache(maxsize=4096)
def _trimmed_loop(body: Program, consts: int, carries: int, used: Flags) -> Any:
    ys = [j for j in range(carries, len(used)) if used[j]]
    alive = {i for i in range(carries) if used[i]}
    while True:
        ins = _needs(body, [*sorted(alive), *ys])
        more = alive | {i - consts for i in ins if consts <= i < consts + carries}
        if more == alive:
            break
        alive = more
    ins |= {i + consts for i in alive}
    outs = [*sorted(alive), *ys]
    new = _part(body, sorted(ins), outs)
    counts = (sum(i < consts for i in ins), len(alive))
    return new, counts, tuple(sorted(ins)), tuple(outs)


@lru_cache(maxsize=4096)
def _trimmed_cond(true: Program, false: Program, used: Flags) -> Any:
    outs = tuple([j for j, u in enumerate(used) if u])
    ins = sorted(_needs(true, outs) | _needs(false, outs))
    return _part(true, ins, outs), _part(false, ins, outs), (0, *[i + 1 for i in ins]), outs


def _cond(used: Flags, true: Program, false: Program) -> Trimmed:
    yes, no, ins, outs = _trimmed_cond(true, false, used)
    return {"true": yes, "false": no}, ins, outs


@lru_cache(maxsize=4096)
def _trimmed_while(test: Program, body: Program, consts: int, used: Flags) -> Any:
    asked = _needs(test, [0])
    alive = {i for i, u in enumerate(used) if u} | {i - consts for i in asked if i >= consts}
    while True:
        ins = asked | _needs(body, sorted(alive))
        more = alive | {i - consts for i in ins if i >= consts}
        if more == alive:
            break
        alive = more
    places = sorted(ins | {i + consts for i in alive})
    new = _part(test, places, [0]), _part(body, places, sorted(alive))
    return *new, sum(i < consts for i in places), tuple(places), tuple(sorted(alive))


def _while(used: Flags, test: Program, body: Program, consts: int, **rest: Any) -> Trimmed:
    test, body, consts, ins, outs = _trimmed_while(test, body, consts, used)
    return {"test": test, "body": body, "consts": consts, **rest}, ins, outs


TRIM: dict[str, Callable[..., Trimmed]] = {"loop": _loop, "cond": _cond, "while_loop": _while}
