"""A list as the board writes it: matrix notation, one line a value, or one formula for all."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from wengert.ir.families import Contraction
from wengert.ir.primitive import Carrier
from wengert.ir.program import Atom, Const, Equation, Program

SUM, PRODUCT, POSTFIX, ATOM = 50, 60, 90, 100


class Ink(NamedTuple):
    """A piece of formula, and how tightly it holds together."""

    text: str
    tight: int

    def within(self, tight: int) -> str:
        """The text, in brackets where what stands around it holds tighter."""
        return self.text if self.tight >= tight else f"({self.text})"


Writer = Callable[[Equation, Sequence[Ink]], Ink]


def prime(x: Ink) -> Ink:
    """The transpose; twice is nothing."""
    if x.text.endswith("'") and x.tight == POSTFIX:
        return Ink(x.text[:-1], ATOM)
    return Ink(x.within(ATOM) + "'", POSTFIX)


def times(*factors: Ink) -> Ink:
    """A matrix product, written side by side."""
    return Ink(" ".join(f.within(PRODUCT + 1) for f in factors), PRODUCT)


def formulas(program: Program, inline: bool = False) -> list[str]:
    """`name = formula` for each line; with `inline`, what is read once stands where it is read."""
    pen = _Pen(program, inline)
    lines = [pen.line(eqn) for eqn in program.equations]
    names = _result_names(program)
    results = [
        f"{name} = {pen.ink(a).text}" for name, a in zip(names, program.outputs, strict=True)
    ]
    return [line for line in lines if line] + (results if inline else [])


def _result_names(program: Program) -> list[str]:
    return [
        f"result {i + 1}" if len(program.outputs) > 1 else program.name
        for i, _ in enumerate(program.outputs)
    ]


class _Pen:
    def __init__(self, program: Program, inline: bool) -> None:
        reads = Counter(a for eqn in program.equations for a in eqn.inputs)
        reads.update(program.outputs)
        self.inline = inline
        self.reads = reads
        self.program = program
        self.known: dict[Atom, Ink] = {
            v: Ink(v.name or f"x{i + 1}", ATOM) for i, v in enumerate(program.inputs)
        }
        self.count = 0

    def line(self, eqn: Equation) -> str:
        """The line of an equation; empty where it is only put into another."""
        ink = self.formula(eqn)
        out = eqn.outputs[0]
        plain = eqn.primitive.name in ("broadcast", "reshape", "convert")
        if len(eqn.outputs) == 1 and (plain or (self.inline and self.reads[out] <= 1)):
            self.known[out] = ink
            return ""
        for v in eqn.outputs:
            self.count += 1
            self.known[v] = Ink(f"v{self.count}", ATOM)
        return f"{', '.join(self.known[v].text for v in eqn.outputs)} = {ink.text}"

    def ink(self, atom: Atom) -> Ink:
        if atom in self.known:
            return self.known[atom]
        assert isinstance(atom, Const)
        if atom.type.shape or isinstance(atom.value, Carrier):
            self.known[atom] = Ink(f"c{sum(isinstance(a, Const) for a in self.known) + 1}", ATOM)
            return self.known[atom]
        value = np.asarray(atom.value).item()
        return Ink(_number(value), ATOM if not str(value).startswith("-") else SUM)

    def formula(self, eqn: Equation) -> Ink:
        name = eqn.primitive.name
        args = [self.ink(a) for a in eqn.inputs]
        if isinstance(eqn.primitive.family, Contraction):
            return _product(args, eqn.params["spec"])
        special = SPECIAL.get(name)
        if special is not None:
            return special(eqn, args)
        if eqn.primitive.notation and eqn.primitive.notation.count("{}") == len(args):
            return _fill(eqn.primitive.notation, args)
        return Ink(f"{name}({', '.join(a.text for a in args)})", ATOM)


def _number(value: object) -> str:
    if isinstance(value, float):
        inverse = 1 / value if value else 0.0
        whole = round(inverse)
        if abs(whole) > 1 and whole and value == 1 / whole:
            return f"{'-' if whole < 0 else ''}1/{abs(whole)}"
        return f"{value:.6g}"
    return str(value)


def _fill(notation: str, args: Sequence[Ink]) -> Ink:
    """A record's own notation, its operands bracketed unless the notation brackets them."""
    parts = notation.split("{}")
    text = parts[0]
    for before, arg, after in zip(parts, args, parts[1:], strict=False):
        closed = before[-1:] in ("(", "|") or before[-2:] == ", "
        text += (arg.text if closed else arg.within(ATOM)) + after
    return Ink(text, ATOM if text[-1] in ")|" and parts[0] else POSTFIX)


def _product(args: Sequence[Ink], spec: str) -> Ink:
    """X W, X' W, x w', ... from the letters; what matrices can't say is an einsum."""
    operands, out = spec.split("->")
    x, w = operands.split(",")
    if max(len(x), len(w), len(out)) > 2 or not x or not w:
        return Ink(f"einsum({spec}; {args[0].text}, {args[1].text})", ATOM)
    shared = set(x) & set(w) - set(out)
    if not shared and len(x) == len(w) == 1 and len(out) == 2:
        pair = args if out == x + w else args[::-1]
        return times(pair[0], prime(pair[1]))
    if len(shared) != 1:
        return Ink(f"einsum({spec}; {args[0].text}, {args[1].text})", ATOM)
    k = shared.pop()
    left = args[0] if x[-1] == k and len(x) == 2 else prime(args[0])
    right = args[1] if w[0] == k else prime(args[1])
    if out == x.replace(k, "") + w.replace(k, ""):
        return times(left, right)
    return times(prime(right), prime(left))


def _infix(sign: str, tight: int) -> Writer:
    def write(eqn: Equation, args: Sequence[Ink]) -> Ink:
        right = args[1].within(tight + 1)
        return Ink(f"{args[0].within(tight)} {sign} {right}", tight)

    return write


def _multiply(eqn: Equation, args: Sequence[Ink]) -> Ink:
    """Hadamard between arrays; a number stands in front."""
    scalar = [not a.type.shape for a in eqn.inputs]
    if scalar[1] and not scalar[0]:
        args = args[::-1]
    sign = " " if any(scalar) else " ∘ "
    return Ink(f"{args[0].within(PRODUCT + 1)}{sign}{args[1].within(PRODUCT + 1)}", PRODUCT)


def _broadcast(eqn: Equation, args: Sequence[Ink]) -> Ink:
    """1 b' where b is a row, a 1' where a is a column, and a number is itself."""
    mine, whole = eqn.inputs[0].type.shape, eqn.outputs[0].type.shape
    if len(whole) == 2 and mine in ((whole[1],), (1, whole[1])):
        return times(Ink("1", ATOM), prime(args[0]))
    if len(whole) == 2 and mine == (whole[0], 1):
        return times(args[0], Ink("1'", POSTFIX))
    if len(whole) == 1 and mine in ((), (1,)):
        return times(args[0], Ink("1", ATOM))
    if len(whole) == 2 and mine in ((), (1, 1)):
        return times(args[0], Ink("1", ATOM), Ink("1'", POSTFIX))
    return args[0]


def _sum(eqn: Equation, args: Sequence[Ink]) -> Ink:
    """1'v, A 1, A' 1 and 1'A 1."""
    rank, axes = len(eqn.inputs[0].type.shape), eqn.params["axes"]
    one, row = Ink("1", ATOM), Ink("1'", POSTFIX)
    if rank == 1:
        return times(row, args[0])
    if rank == 2:
        return (times(row, args[0], one), times(prime(args[0]), one), times(args[0], one))[
            0 if len(axes) == 2 else 1 + axes[0]
        ]
    return Ink(f"sum_{axes}({args[0].text})", ATOM)


def _take(eqn: Equation, args: Sequence[Ink]) -> Ink:
    parts = []
    for i, n in zip(eqn.params["index"], eqn.inputs[0].type.shape, strict=True):
        if type(i) is int:
            parts.append(str(i))
        elif i == (0, n, 1):
            parts.append(":")
        else:
            step = "" if i[2] == 1 else f":{i[2]}"
            parts.append(f"{i[0] or ''}:{i[1] if i[1] >= 0 else ''}{step}")
    return Ink(f"{args[0].within(ATOM)}[{', '.join(parts)}]", ATOM)


def _transpose(eqn: Equation, args: Sequence[Ink]) -> Ink:
    return (
        prime(args[0]) if eqn.params["perm"] == (1, 0) else Ink(f"transpose({args[0].text})", ATOM)
    )


SPECIAL: dict[str, Writer] = {
    "add": _infix("+", SUM),
    "subtract": _infix("-", SUM),
    "divide": _infix("/", PRODUCT),
    "multiply": _multiply,
    "negative": lambda eqn, args: Ink(f"-{args[0].within(PRODUCT)}", SUM),
    "broadcast": _broadcast,
    "reshape": lambda eqn, args: args[0],
    "convert": lambda eqn, args: args[0],
    "transpose": _transpose,
    "sum": _sum,
    "take": _take,
    "monomial": lambda eqn, args: Ink(f"{args[0].within(ATOM)}^{eqn.params['p']:g}", POSTFIX),
}
