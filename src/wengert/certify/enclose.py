"""A Wengert list evaluated on many boxes at once: the values lie in what comes out, proven.

`ready` writes a list out in words that have enclosures, `run` evaluates it on intervals whose first
axis counts the boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.certify.folds import FOLDS, contract
from wengert.certify.interval import Interval, point
from wengert.certify.words import JUMPS, WORDS, arguments, truth
from wengert.errors import UnsupportedError, sentences
from wengert.ir.families import Along, Reduction, View
from wengert.ir.program import Atom, Const, Equation, Program
from wengert.ir.types import Array
from wengert.transforms.expand import expand

LOGIC = {"bitwise_and", "bitwise_or", "invert"}
PLAIN = {"scatter", "put_at", "place_moved", "take_moved", "put_moved"}
"""Views that add, or that look at a place that moves: they have no enclosure here."""


def known(eqn: Equation) -> bool:
    """Whether an equation has an enclosure; all else is written out in such."""
    name, kinds = eqn.primitive.name, {a.type.dtype.kind for a in eqn.inputs}
    if name in LOGIC:
        return kinds == {"b"}
    if name == "norm":
        return kinds == {"f"} and eqn.params.get("p") == 2
    if "c" in kinds or any(v.type.dtype.kind == "c" for v in eqn.outputs):
        return False
    return name in WORDS or name in FOLDS or name in ("contract", "convert") or _moves(eqn)


def _moves(eqn: Equation) -> bool:
    return isinstance(eqn.primitive.family, View) and eqn.primitive.name not in PLAIN


def ready(program: Program) -> Program:
    """The list in words that have enclosures; UnsupportedError names the line that hasn't."""
    program = expand(program, known)
    for eqn in program.equations:
        if not known(eqn) and not _fixed(eqn):
            raise UnsupportedError(
                sentences(
                    f"{eqn.primitive.name} has no enclosure by intervals.",
                    "Write it with words that have one (docs/certified.md lists them).",
                    eqn.place,
                )
            )
    return program


def _fixed(eqn: Equation) -> bool:
    """What is done with known whole numbers and truth values is computed: nothing rounds."""
    whole = all(isinstance(a, Const) and a.type.dtype.kind in "iub" for a in eqn.inputs)
    return eqn.primitive.effect or (
        whole and len(eqn.outputs) == 1 and eqn.outputs[0].type.dtype.kind in "iub"
    )


@dataclass(slots=True)
class Run:
    """What one evaluation found: the outputs, and in which boxes something may jump."""

    values: list[Interval]
    jumps: Array


def run(program: Program, boxes: Sequence[Interval]) -> Run:
    """The outputs of a list that is `ready`, each with the boxes as its first axis."""
    count = len(boxes[0].lo)
    env: dict[Any, Interval] = dict(zip(program.inputs, boxes, strict=True))
    batched: set[Any] = set(program.inputs)
    jumps = np.zeros(count, bool)
    with np.errstate(all="ignore"):
        for eqn in program.equations:
            args = [_read(env, a) for a in eqn.inputs]
            many = [a in batched for a in eqn.inputs]
            y = _apply(eqn, args, many, count)
            env[eqn.outputs[0]] = y
            if any(many):
                batched.add(eqn.outputs[0])
                jumps |= _jumps(eqn, args, y)
    return Run([_spread(_read(env, a), a in batched, count) for a in program.outputs], jumps)


def _read(env: dict[Any, Interval], atom: Atom) -> Interval:
    return point(atom.value) if isinstance(atom, Const) else env[atom]


def _spread(y: Interval, many: bool, count: int) -> Interval:
    y = arguments([y])[0]
    return y if many else Interval(*[np.broadcast_to(v, (count, *np.shape(v))) for v in y])


def _apply(eqn: Equation, args: list[Interval], many: list[bool], count: int) -> Interval:
    primitive, params = eqn.primitive, eqn.params
    name = primitive.name
    if _fixed(eqn) and not primitive.effect:
        return point(primitive.evaluate(*[a.lo for a in args], **params))
    if primitive.effect:
        return args[0]
    if name == "convert":
        return _convert(eqn, args[0])
    if name == "contract":
        letters = [("Z" if m else "") for m in many]
        spec = _batched(params["spec"], letters)
        x, w = _floats(args)
        return contract(x, w, spec)
    if name in FOLDS:
        x = truth(args[0]) if name in ("any", "all") else _floats(args)[0]
        return FOLDS[name](x, **_from_end(eqn))
    if name in WORDS:
        return _word(eqn, _aligned(eqn, arguments(args), many))
    return _view(eqn, args, many, count)


def _floats(args: list[Interval]) -> list[Interval]:
    """Truth values too as numbers; a known value stays one array."""
    one = [np.asarray(x.lo, np.float64) for x in args]
    pairs = zip(args, one, strict=True)
    return [Interval(lo, lo if x.lo is x.hi else np.asarray(x.hi, np.float64)) for x, lo in pairs]


def _batched(spec: str, letters: list[str]) -> str:
    """The product's letters, with the boxes' in front where an operand has them."""
    operands, out = spec.split("->")
    x, w = operands.split(",")
    free = next(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba" if c not in spec)
    lead = [free if letter else "" for letter in letters]
    return f"{lead[0]}{x},{lead[1]}{w}->{free if any(lead) else ''}{out}"


def _from_end(eqn: Equation) -> dict[str, Any]:
    rank, params = eqn.inputs[0].type.ndim, dict(eqn.params)
    if isinstance(eqn.primitive.family, Reduction):
        params["axes"] = tuple([a - rank for a in params["axes"]])
    if isinstance(eqn.primitive.family, Along):
        params["axis"] = params["axis"] - rank
    return params


def _aligned(eqn: Equation, args: list[Interval], many: list[bool]) -> list[Interval]:
    """Scalars of each box get axes, so that they meet arrays."""
    rank = max(a.type.ndim for a in eqn.inputs)

    def fit(x: Interval, atom: Atom, is_many: bool) -> Interval:
        if not is_many or atom.type.ndim == rank:
            return x
        return Interval(*[v.reshape(*v.shape, *[1] * (rank - atom.type.ndim)) for v in x])

    return [fit(x, a, m) for x, a, m in zip(args, eqn.inputs, many, strict=True)]


def _word(eqn: Equation, args: list[Interval]) -> Interval:
    """A word; of one variable with itself, what that is."""
    name, same = eqn.primitive.name, len(args) == 2 and eqn.inputs[0] is eqn.inputs[1]
    if same and name == "multiply":
        return WORDS["square"](args[0])
    if name == "select":
        return WORDS[name](truth(args[0]), *args[1:])
    return WORDS[name](*args, **eqn.params)


def _convert(eqn: Equation, x: Interval) -> Interval:
    """Real numbers stay what they are; a number that becomes a whole one is cut off."""
    kind = eqn.outputs[0].type.dtype.kind
    if kind == "b":
        return truth(x)
    x = Interval(np.asarray(x.lo, np.float64), np.asarray(x.hi, np.float64))
    return x if kind == "f" or eqn.inputs[0].type.dtype.kind != "f" else WORDS["trunc"](x)


def _view(eqn: Equation, args: list[Interval], many: list[bool], count: int) -> Interval:
    """Elements move: the lower ends like the upper ones."""
    family, name = eqn.primitive.family, eqn.primitive.name
    assert isinstance(family, View)
    ends = []
    if name == "gather" and any(many[1:]):
        raise UnsupportedError(
            sentences("An index depends on the box.", "Index with what is known.", eqn.place)
        )
    for side in (0, 1):
        values = [a[side] for a in args]
        if any(many):
            ends.append(family.batch(values, many, count, **eqn.params))
        else:
            ends.append(eqn.primitive.evaluate(*values, **eqn.params))
    return Interval(ends[0], ends[1])


def _jumps(eqn: Equation, args: list[Interval], y: Interval) -> Array:
    """The boxes in which an equation may jump."""
    name, kind = eqn.primitive.name, eqn.inputs[0].type.dtype.kind
    if name == "select":
        c = truth(args[0])
        bad = np.asarray(c.lo != c.hi)
    elif name == "convert" and (kind == "b" or eqn.outputs[0].type.dtype.kind in "iub"):
        bad = np.asarray(y.lo != y.hi)
    elif name in JUMPS:
        bad = np.asarray(JUMPS[name](y))
    else:
        return np.False_
    if not bad.ndim:
        return bad
    return bad.any(axis=tuple(range(1, bad.ndim)))
