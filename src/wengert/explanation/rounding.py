"""`digits`: which line lost the digits, the problem's condition, and what to write instead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import DtypeError, InputError, sentences
from wengert.explanation import precise
from wengert.explanation.record import plain, recorded
from wengert.explanation.source import Written, names, written
from wengert.explanation.stable import Advice, advice
from wengert.ir.program import Const, Equation, Program, Var, bind, read
from wengert.ir.types import Array
from wengert.trace.stage import stage
from wengert.transforms.derivatives import Point
from wengert.transforms.vjp import pullback

F = Callable[..., Any]
# fmt: off
HARD = "The problem is badly conditioned ({condition:.2g}): a change of the last digit of the input costs {problem:.1f} digits, whatever the algorithm."
UNSTABLE = "The condition of the problem, {condition:.2g}, explains {problem:.1f} of them; the algorithm loses the other {rest:.1f}."
# fmt: on
ADDITIVE = ("add", "subtract", "sum", "contract")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list, and what its rounding does to the result.

    `error` is what it really did: adjoint times the line's own rounding, summed; `bound` is
    |adjoint value| u, or more where a long sum rounds more often. `cancelled` are the digits that
    a sum or difference took from its terms; `right` and `right32` how many digits of the value hold
    in float64 and in float32 (None where float32 takes another way).
    """

    name: str
    text: str
    where: str
    value: str
    adjoint: str
    error: float
    bound: float
    cancelled: float
    right: float
    right32: float | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to write instead of a line, and the result's right digits before and after."""

    line: str
    where: str
    instead: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Digits:
    """The result, its error by sixty digits, the condition of the problem, the lines: print it."""

    value: float
    exact: float
    error: float
    right: float
    right32: float
    condition: float
    bound: float
    lines: tuple[Line, ...]
    suggestions: tuple[Suggestion, ...]
    text: str

    @property
    def culprit(self) -> Line | None:
        """The line whose rounding could cost the result most; None if no line rounds."""
        worst = max(self.lines, key=lambda line: line.bound, default=None)
        return worst if worst is not None and worst.bound > 0 else None

    def __str__(self) -> str:
        total = sum(line.bound for line in self.lines) or 1.0
        head = ("line", "where", "value", "adjoint", "share", "right", "in float32", "cancels")
        rows = [head]
        for x in self.lines:
            share = "-" if not x.bound else f"{x.bound / total:.1%}"
            single = "" if x.right32 is None else f"{x.right32:.1f}"
            lost = f"{x.cancelled:.1f}" if x.cancelled > 0.5 else ""
            rows.append(
                (
                    f"{x.name} = {x.text}",
                    x.where,
                    x.value,
                    x.adjoint,
                    share,
                    f"{x.right:.1f}",
                    single,
                    lost,
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        table = [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join([*table, "", self.text])


def digits(f: F, *args: Any) -> Digits:
    """Which line of a scalar function lost the digits at this point.

    Every line is run a second time with sixty digits. A line's share of the rounding error is
    |adjoint · value| u, u = 2^-53; the condition of the problem is sum |x_i df/dx_i| / |f|, and
    what is lost beyond it, the algorithm lost. Where a stable word exists, it is tried.

    >>> lost = digits(lambda x: (1 - np.cos(x)) / x**2, 1e-5)
    >>> print(lost.text)  # doctest: +NORMALIZE_WHITESPACE
    7.1 of 16.0 digits are right (0.5; exactly 0.49999999999583333). The condition of the problem,
    1.7e-11, explains 0.0 of them; the algorithm loses the other 8.9. 100% of the rounding error
    enters at `v1 = np.cos(x)` (...). Write 2 * np.sin(x / 2)**2 for `1 - np.cos(x)`: 16.0 digits.
    """
    args = tuple(_wide(a, float) for a in args)
    points = recorded(f, args, "digits", as_written=True)
    _affordable(points.program)
    with precise.digits(), np.errstate(all="ignore"):
        run = _Run(points)
        single = _single(f, args, run)
        found = _suggestions(run)
        rows = [run.line(eqn, single) for eqn in points.program.equations if _shown(eqn)]
        lines = tuple(x for x in rows if x is not None)
        condition, value = run.condition(), float(run.value)
        error = float(Decimal(value) - run.exact)
    exact = float(run.exact)
    right32 = single.right() if single is not None else np.nan
    bound = sum(line.bound for line in lines)
    right, rest = run.right(), (condition, bound, lines, found)
    result = Digits(value, exact, error, right, right32, *rest, "")
    return replace(result, text=_said(result))


def _wide(argument: Any, kind: Any) -> Any:
    """All floats in one precision; whole numbers given as Python integers are floats here."""

    def leaf(x: Any) -> Any:
        if isinstance(x, float | np.ndarray | np.floating) and np.asarray(x).dtype.kind == "f":
            return np.asarray(x, kind)[()]
        if type(x) is int:
            return np.asarray(x, kind)[()]
        return x

    return tree.map(leaf, argument)


def _affordable(program: Program) -> None:
    size = sum(v.type.size for eqn in program.equations for v in eqn.outputs)
    if size > precise.MOST:
        raise InputError(
            sentences(
                f"The list has {size} values, and digits runs each with sixty digits.",
                f"Pass smaller arrays: at most {precise.MOST} values in all.",
            )
        )


def _shown(eqn: Equation) -> bool:
    return len(eqn.outputs) == 1 and eqn.outputs[0].type.dtype.kind == "f"


class _Run:
    """A list in floating point and with sixty digits, side by side, with exact adjoints."""

    def __init__(self, point: Point) -> None:
        self.point, self.program = point, point.program
        output = self.program.outputs[0]
        if output.type.dtype.kind != "f":
            raise DtypeError(
                sentences(
                    f"digits needs a real function, and this one gives {output.type}.",
                    "Return a float.",
                )
            )
        self.u = float(np.finfo(output.type.dtype).eps) / 2
        self.inputs = [precise.lift(point.env[v]) for v in self.program.inputs]
        self.env = precise.run(self.program, self.inputs)
        self.adjoint = self._adjoints()
        self.named = names(self.program)
        self.value = np.asarray(read(point.env, output))
        self.exact = self._read(output).item()

    def _read(self, atom: Any) -> Array:
        return precise.lift(atom.value) if isinstance(atom, Const) else np.asarray(self.env[atom])

    def _adjoints(self) -> dict[Var, Array]:
        """The adjoint of every line, by the reverse list run with sixty digits."""
        program = self.program
        found: list[Var] = []

        def back(*xs: Any) -> Sequence[Any]:
            env = program.run(xs)
            seen: dict[Var, Any] = {}
            one = np.ones((), program.outputs[0].type.dtype)[()]
            gradient = pullback(program, env, [one], seen=seen)
            seen.update(
                (v, g) for v, g in zip(program.inputs, gradient, strict=True) if g is not None
            )
            found[:] = list(seen)
            return list(seen.values())

        types = [v.type for v in program.inputs]
        reverse = stage(back, types)
        env = precise.run(reverse, self.inputs)
        values = [
            precise.lift(a.value) if isinstance(a, Const) else env[a] for a in reverse.outputs
        ]
        return {v: precise._decimals(np.asarray(g)) for v, g in zip(found, values, strict=True)}

    def local(self, eqn: Equation) -> Array:
        """What the line itself rounded: its value less the exact one for the same operands."""
        xs = [precise.lift(read(self.point.env, a)) for a in eqn.inputs]
        exact = precise.apply(eqn, xs)
        return np.asarray(precise.lift(self.point.env[eqn.outputs[0]]) - exact, object)

    def line(self, eqn: Equation, single: "_Run | None") -> Line | None:
        """The line's row; None for a view, which says nothing of its own."""
        out, text = eqn.outputs[0], written(eqn.place)
        if eqn.primitive.name in ("broadcast", "reshape", "convert", "transpose"):
            return None
        adjoint, local = self.adjoint.get(out), self.local(eqn)
        value = np.asarray(self.point.env[out])
        error = bound = 0.0
        if adjoint is not None:
            effect = precise.floats(adjoint * local)
            error = float(np.sum(effect))
            rounds = precise.floats(local) != 0
            size = np.abs(precise.floats(adjoint)) * np.abs(value) * self.u
            bound = float(np.sum(np.where(rounds, np.maximum(size, np.abs(effect)), 0.0)))
        shown = plain(None if adjoint is None else precise.floats(adjoint))
        twin = None if single is None else single.twin(self, eqn)
        return Line(
            self.named.get(out) or f"v{self.number(eqn)}", _text(eqn, text),
            text.where if text else "", plain(value), shown, error, bound, self.cancelled(eqn),
            _right(value, self.env[out]), twin,
        )  # fmt: skip

    def number(self, eqn: Equation) -> int:
        return 1 + next(i for i, e in enumerate(self.program.equations) if e is eqn)

    def cancelled(self, eqn: Equation) -> float:
        """log10 of the largest term over the sum."""
        if eqn.primitive.name not in ADDITIVE:
            return 0.0
        y = np.abs(precise.floats(self.env[eqn.outputs[0]]))
        terms = [np.max(np.abs(precise.floats(self._read(a))), initial=0) for a in eqn.inputs]
        if eqn.primitive.name == "contract":
            terms = [terms[0] * terms[1]]
        largest, smallest = max(map(float, terms)), float(np.max(y, initial=0))
        return float(np.log10(largest / smallest)) if largest and smallest else 0.0

    def twin(self, other: "_Run", eqn: Equation) -> float | None:
        """The right digits of the same line here, if the lists are the same."""
        mine, theirs = self.program.equations, other.program.equations
        if [e.primitive for e in mine] != [e.primitive for e in theirs]:
            return None
        out = mine[other.number(eqn) - 1].outputs[0]
        return _right(np.asarray(self.point.env[out]), self.env[out])

    def right(self) -> float:
        return _right(self.value, np.asarray(self.exact, object))

    def condition(self) -> float:
        """sum |x df/dx| / |f|, exactly."""
        if not self.exact or not self.exact.is_finite():
            return float("inf")
        total = Decimal(0)
        for v, x in zip(self.program.inputs, self.inputs, strict=True):
            if v in self.adjoint and x.size:
                total += sum(
                    abs(p * q) for p, q in zip(x.ravel(), self.adjoint[v].ravel(), strict=True)
                )
        return float(total / abs(self.exact))


def _single(f: F, args: Any, run: _Run) -> _Run | None:
    """The same in float32; None where the list can't be made there."""
    try:
        point = recorded(f, tuple(_wide(a, np.float32) for a in args), "digits", as_written=True)
        return _Run(point)
    except (ValueError, TypeError, NotImplementedError, ArithmeticError):
        return None


def _right(value: Array, exact: Array) -> float:
    """How many decimal digits hold, for an array in the norm of its largest entry."""
    value = np.asarray(value)
    most = -float(np.log10(np.finfo(value.dtype).eps / 2))
    if not np.all(np.isfinite(value)):
        same = np.array_equal(value.astype(float), precise.floats(exact), equal_nan=True)
        return most if same else 0.0
    exact = np.asarray(exact, object)
    gap = np.asarray(np.abs(precise.lift(value) - exact), object)
    worst, largest = (
        max(gap.ravel().tolist(), default=Decimal(0)),
        max(np.asarray(np.abs(exact), object).ravel().tolist(), default=Decimal(0)),
    )
    if not worst:
        return most
    if not largest or not largest.is_finite() or worst.is_nan():
        return 0.0
    return float(min(max(-(worst / largest).log10(), Decimal(0)), Decimal(most)))


def _text(eqn: Equation, text: Written | None) -> str:
    if text is None:
        return eqn.primitive.name
    return text.text if len(text.text) <= 44 else text.text[:41] + "..."


# --- what to write instead
def _suggestions(run: _Run) -> tuple[Suggestion, ...]:
    """The stable spellings that give the result more digits, the best first; each was tried."""
    before = run.right()
    tried: list[tuple[float, Advice]] = []
    for a in advice(run.program, run.point.env):
        after = _after(run, [a])
        if after >= before + 0.5:
            tried.append((after, a))
    tried.sort(key=lambda pair: -pair[0])
    out = []
    for after, a in tried[:3]:
        text = written(a.eqn.place)
        out.append(
            Suggestion(_text(a.eqn, text), text.where if text else "", a.instead, before, after)
        )
    return tuple(out)


def _after(run: _Run, advices: Sequence[Advice]) -> float:
    """The result's right digits when lines are written so."""
    env: dict[Var, Any] = {v: run.point.env[v] for v in run.program.inputs}
    new = {id(a.eqn): a for a in advices}
    for eqn in run.program.equations:
        if id(eqn) in new:
            env[eqn.outputs[0]] = np.asarray(new[id(eqn)].value(), eqn.outputs[0].type.dtype)
        else:
            bind(env, eqn, eqn.primitive(*[read(env, a) for a in eqn.inputs], **eqn.params))
    value = np.asarray(read(env, run.program.outputs[0]))
    return _right(value, np.asarray(run.exact, object))


def _said(d: Digits) -> str:
    """One to four sentences: what holds, who lost what, what to write."""
    most = -float(np.log10(np.finfo(float).eps / 2))
    problem = min(max(float(np.log10(max(d.condition, 1.0))), 0.0), most)
    parts = [
        f"{d.right:.1f} of {most:.1f} digits are right ({d.value:.6g}; exactly {d.exact:.17g})."
    ]
    lost = most - d.right
    if lost <= 1.5 and not d.suggestions and d.right >= most - problem - 1.5:
        parts.append("No line lost any to speak of.")
    elif lost <= problem + 1.0:
        parts.append(HARD.format(condition=d.condition, problem=problem))
    else:
        parts.append(UNSTABLE.format(condition=d.condition, problem=problem, rest=lost - problem))
    worst = d.culprit
    if worst is not None and lost > 1.5:
        where = f" ({worst.where})" if worst.where else ""
        share = worst.bound / sum(x.bound for x in d.lines)
        parts.append(
            f"{share:.0%} of the rounding error enters at `{worst.name} = {worst.text}`{where}."
        )
    for s in d.suggestions[:1]:
        parts.append(f"Write {s.instead} for `{s.line}`: {s.after:.1f} digits.")
    return " ".join(parts)
