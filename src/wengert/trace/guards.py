"""Answers about values while types alone are traced: each becomes a guard in the list.

A list that `jit` keeps must not hold a choice without its condition. So a stand-in that is asked
for its value computes it from the arguments at hand, once, and writes down what it answered.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import ConcreteError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.program import Const, Equation, Var
from wengert.primitives.guards import ANSWERS, OUTCOMES, SPLIT, guard, outcome_of

Outcome = tuple[str, Any]


def apply(eqn: Equation, xs: Sequence[Any], lead: Sequence[bool]) -> Any:
    """An equation on values."""
    return eqn.primitive.evaluate(*xs, **eqn.params)


class Witness:
    """The values of the arguments at hand; without them it only notes that one was asked for.

    `script` are answers settled before; `lead` says which arguments are batches of an argument.
    `failed` is what computing a value raised: code that catches it has chosen without a guard.
    `opened` says that a function's own rule isn't in the list, which mustn't be differentiated;
    `outside` that the function worked on stand-ins of traces around, and chose by them, maybe.
    `firm` are the inputs on whose order in memory the list hangs, `soft` those on which it does if
    the function `wrote` into anything.
    """

    __slots__ = (
        "asked", "done", "env", "failed", "firm", "given", "lead", "opened", "outcomes", "outer",
        "outside", "script", "size", "soft", "step", "wrote",
    )  # fmt: skip

    def __init__(
        self,
        given: Sequence[Any] | None,
        script: Sequence[Outcome] = (),
        lead: Sequence[bool] = (),
        step: Callable[[Equation, Sequence[Any], Sequence[bool]], Any] = apply,
    ) -> None:
        self.given = given
        self.script = script
        self.step = step
        self.lead: Any = lead
        self.env: dict[Var, Any] | None = None
        self.done = 0
        self.outer = self.size = 1
        self.outcomes: list[Outcome] = []
        self.asked = self.opened = self.outside = self.wrote = False
        self.firm: set[int] = set()
        self.soft: set[int] = set()
        self.failed: Exception | None = None

    @property
    def places(self) -> set[int]:
        """The inputs on whose order in memory the list hangs."""
        return self.firm | self.soft if self.wrote else self.firm

    def value(self, trace: Any, var: Var) -> tuple[Any, bool]:
        """What a variable is, and whether that is a batch of it; (None, False) if it isn't known.

        Warnings are left to the run that follows, errors are not.
        """
        if self.given is None:
            return None, False
        if self.env is None:
            flags = self.lead or [False] * len(trace.inputs)
            self.env, self.lead = {}, set()
            for v, x, flag in zip(trace.inputs, self.given, flags, strict=True):
                self.env[v], many = self._seen(x, flag)
                self.lead |= {v} if many else set()
        errors = {k: "raise" if v == "raise" else "ignore" for k, v in np.geterr().items()}
        with np.errstate(**errors):
            for eqn in trace.equations[self.done :]:
                self._advance(eqn, self.env)
                self.done += 1
        return self.env[var], var in self.lead

    def _seen(self, x: Any, flag: bool = False) -> tuple[Any, bool]:
        """What comes from outside: for each member of this batch in each of a batch around it."""
        value, many = seen(x)
        if many and self.outer == 1 and isinstance(self.step, partial):
            self._widen(len(value))
        if value is None or (many and len(value) != self.outer):
            return None, False
        if many and not flag:
            return np.repeat(value, self.size, 0), True
        if many:
            return value.reshape(-1, *value.shape[2:]), True
        return (np.concatenate([value] * self.outer) if flag and self.outer > 1 else value), flag

    def _widen(self, outer: int) -> None:
        """From here on one batch of all members: this one's, for each member of the outer."""
        assert isinstance(self.step, partial)
        assert self.env is not None
        self.outer, self.size = outer, self.step.keywords["size"]
        self.step = partial(self.step, size=outer * self.size)
        for var in self.lead:
            if self.env[var] is not None:
                self.env[var] = np.concatenate([self.env[var]] * outer)

    def numbered(self, params: dict[str, Any]) -> dict[str, Any]:
        """A guard's parameters with its place among the guards of this list."""
        self.outcomes.append((params["asks"], params["outcome"]))
        return {**params, "index": len(self.outcomes) - 1}

    def _advance(self, eqn: Equation, env: dict[Var, Any]) -> None:
        found = [self._seen(a.value) for a in eqn.inputs if isinstance(a, Const)]
        consts = iter(found)  # each may widen what is known of the variables
        pairs = [
            next(consts) if isinstance(a, Const) else (env[a], a in self.lead) for a in eqn.inputs
        ]
        xs, flags = [x for x, _ in pairs], [many for _, many in pairs]
        result: Any = None
        if eqn.primitive.effect:
            result = xs[0]
        elif not any(x is None for x in xs):
            try:
                result = self.step(eqn, xs, flags)
            except Exception as error:
                self.failed = error
                raise
        results = result if isinstance(result, tuple) else (result,) * len(eqn.outputs)
        env.update(zip(eqn.outputs, results, strict=True))
        if any(flags):
            self.lead.update(eqn.outputs)


def seen(x: Any) -> tuple[Any, bool]:
    """The array that a stand-in stands for now, and whether that is a batch; None if not known."""
    while isinstance(x, Carrier):
        below = _below(x)
        if below is None:
            witness = x.tape.witness  # type: ignore[attr-defined]
            return (None, False) if witness is None else witness.value(x.tape, x.variable)  # type: ignore[attr-defined]
        x = below
    return (x if isinstance(x, np.ndarray | np.generic) else np.asarray(x)[()]), False


def bottom(x: Any) -> Any:
    """The same array; None if it isn't known, or is a batch."""
    value, many = seen(x)
    return None if many else value


def _below(x: Any) -> Any:
    x.refresh()
    return x.variable.value if isinstance(x.variable, Const) else x.value


def answer(x: Any, asks: str, what: str) -> Any:
    """What a stand-in's value is, asked as bool, int, float, complex or a whole array."""
    while isinstance(x, Carrier):
        below = _below(x)
        if below is None:
            return _guarded(x, asks, what)
        x = below
    return x if asks == "array" else _plain(x, asks)


def _plain(value: Any, asks: str) -> Any:
    return round(value[()]) if asks == "round" else READ[asks](value)


READ = {"bool": bool, "int": int, "float": float, "complex": complex}


def _guarded(x: Any, asks: str, what: str) -> Any:
    witness = x.tape.witness
    if witness is None or not x.tape.open:
        raise unknown(x, what)
    place = len(witness.outcomes)
    told = witness.script[place] if place < len(witness.script) else ("", None)
    outcome, lanes = told[1], 0
    value: Any = None
    if told[0] != asks or outcome is None:
        value, many = witness.value(x.tape, x.variable)
        lanes = int(many)
        if value is None or (many and not len(value)):
            witness.asked = True
            raise unknown(x, what)
        outcome = outcome_of(value, asks, lanes)
    if outcome == SPLIT:
        raise _split(x, what)
    guard(x, asks=asks, outcome=outcome)
    if outcome is None:  # NumPy raises
        return OUTCOMES[asks](value[0] if lanes else value)
    return ANSWERS[asks](outcome, x.variable.type)


def unknown(x: Any, what: str) -> ConcreteError:
    """The error for a question about a value of which only the type is known."""
    return ConcreteError(
        sentences(
            f"{what} asks for the value of a {x.variable.type}, and jit, vmap or the "
            "body of a loop knows only its shape and dtype.",
            "Write the choice as np.where(condition, a, b) or wengert.cond, mark the "
            "argument with static_argnums, or call the function without jit.",
        )
    )


def _split(x: Any, what: str) -> ConcreteError:
    return ConcreteError(
        sentences(
            f"{what} asks for the value of a {x.variable.type}, and the members of the batch that "
            "vmap maps over answer differently.",
            "Write the choice as np.where(condition, a, b) or wengert.cond.",
        )
    )
