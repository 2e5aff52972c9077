"""A schedule as text: its loops and calls, what is made in them, and what goes to memory.

    loop [5]
      over [5, 3] folding 1
        round v1: f64[5] = max of x[i, j]
      over [5, 3]
        store v2: f64[5, 3] = exp(subtract(x[i, j], v1[i]))
    call contract(v2, c1) -> v3: f64[5, 4]

`store` is an array in memory, `round` one that lives for a round of the common loops. A value
that is read several times in a stage stands once, as a `let`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from wengert.ir.program import Atom, Const, identity
from wengert.ir.schedule import (
    Affine,
    Apply,
    Call,
    Expr,
    Literal,
    Nest,
    Operand,
    Pick,
    Read,
    Schedule,
    Stage,
    nodes,
)  # fmt: skip

_COUNTERS = "ijklmnopqrst"


def plan_text(schedule: Schedule) -> str:
    """The schedule, to be read."""
    return "\n".join(_lines(schedule, _Names(schedule), ""))


class _Names:
    """A name for each stored value: the list's where it has one, else v1, v2, ..."""

    def __init__(self, schedule: Schedule) -> None:
        self.names: dict[Any, str] = {}
        self.schedule = schedule
        for v in schedule.program.inputs:
            self.of(v, v.name)

    def of(self, atom: Atom, wish: str = "") -> str:
        key = ("const", identity(atom)) if isinstance(atom, Const) else atom
        if key not in self.names:
            stem = "c" if isinstance(atom, Const) else "v"
            taken = set(self.names.values())
            free = (f"{stem}{k}" for k in range(1, len(taken) + 2) if f"{stem}{k}" not in taken)
            self.names[key] = wish if wish and wish not in taken else next(free)
        return self.names[key]


def _lines(schedule: Schedule, names: _Names, indent: str) -> Iterator[str]:
    for item in schedule.items:
        if isinstance(item, Nest):
            yield from _nest(item, schedule, names, indent)
        else:
            yield from _call(item, names, indent)
    outputs = ", ".join(names.of(a) for a in schedule.program.outputs)
    yield f"{indent}return {outputs}"


def _call(call: Call, names: _Names, indent: str) -> Iterator[str]:
    args = ", ".join(_operand(o, names) for o in call.operands)
    outs = ", ".join(f"{names.of(v)}: {v.type}" for v in call.equation.outputs)
    yield f"{indent}call {call.equation.primitive.name}({args}) -> {outs}"
    for key, body in call.bodies.items():
        inner = _Names(body)
        heads = ", ".join(f"{inner.of(v)}: {v.type}" for v in body.program.inputs)
        yield f"{indent}  {key}({heads})"
        yield from _lines(body, inner, indent + "    ")


def _operand(o: Operand, names: _Names) -> str:
    whole = o.shape == o.atom.type.shape and not o.offset
    return names.of(o.atom) if whole else f"{names.of(o.atom)}[+{o.offset}, strides {o.strides}]"


def _nest(nest: Nest, schedule: Schedule, names: _Names, indent: str) -> Iterator[str]:
    common = list(nest.stages[0].shape[: nest.outer]) if len(nest.stages) > 1 else []
    yield f"{indent}loop {common}" if common else f"{indent}loop"
    if nest.product is not None:
        yield from _call(nest.product, names, indent + "  ")
    for stage in nest.stages:
        yield from _stage(stage, schedule, names, indent + "  ")


def _stage(stage: Stage, schedule: Schedule, names: _Names, indent: str) -> Iterator[str]:
    folded = f" folding {', '.join(map(str, stage.folded))}" if stage.folded else ""
    yield f"{indent}over {list(stage.shape)}{folded}"
    exprs = [r.expr for r in stage.roots]
    below = nodes(exprs)
    uses = Counter(b for e in below for b in _operands(e))
    known: dict[Expr, str] = {}
    for e in below:
        if uses[e] > 1 and isinstance(e, Apply | Pick):
            text = _expr(e, names, known)
            known[e] = f"t{len(known) + 1}"
            yield f"{indent}  let {known[e]} = {text}"
    for root in stage.roots:
        where = "store" if root.var in schedule.stored else "round"
        fold = f"{root.fold} of " if root.fold else ""
        assert root.expr is not None
        name = names.of(root.var)
        yield f"{indent}  {where} {name}: {root.var.type} = {fold}{_expr(root.expr, names, known)}"


def _operands(e: Expr) -> tuple[Expr, ...]:
    if isinstance(e, Apply):
        return e.args
    return (e.inside, e.outside) if isinstance(e, Pick) else ()


def _expr(e: Expr, names: _Names, known: dict[Expr, str]) -> str:
    if e in known:
        return known[e]
    if isinstance(e, Literal):
        return repr(e.value.item() if hasattr(e.value, "item") else e.value)
    if isinstance(e, Read):
        places = ", ".join(map(_place, e.index))
        seen = "" if e.shape == e.atom.type.shape else f" as {list(e.shape)}"
        return f"{names.of(e.atom)}[{places}]{seen}" if e.index else f"{names.of(e.atom)}{seen}"
    if isinstance(e, Pick):
        inside, outside = _expr(e.inside, names, known), _expr(e.outside, names, known)
        return f"({inside} if {e.low} <= {_place(e.place)} < {e.high} else {outside})"
    assert isinstance(e, Apply)
    params = [f"{k}={v}" for k, v in e.params.items()]
    return f"{e.name}({', '.join([*(_expr(a, names, known) for a in e.args), *params])})"


def _place(place: Affine) -> str:
    terms = [
        _COUNTERS[a] if step == 1 else f"{step} {_COUNTERS[a]}"
        for a, step in enumerate(place.steps) if step
    ]  # fmt: skip
    if place.constant or not terms:
        terms.append(str(place.constant))
    return " + ".join(terms)
