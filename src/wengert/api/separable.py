"""`separable`: the proof that a loss is a sum over samples, or what prevents it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wengert.api.arguments import F, parameters
from wengert.api.compiled import jit
from wengert.errors import InputError, line_of, sentences
from wengert.ir.program import Program, Var
from wengert.ir.types import short
from wengert.passes.axes import Axes
from wengert.passes.separate import Split, Step, barrier, curved

SIZES = (7, 5, 3, 11, 13, 17, 19, 23, 29, 31)
"""Lengths for letters, when no arguments are given: no two axes are of one length."""
LOOSE = {"outside": "constant", "map": "each sample", "whole": "all samples"}


@dataclass(frozen=True)
class Proof:
    """What each value of a function is along one axis; true if the function is a sum over it."""

    name: str
    letter: str
    split: Split

    def __bool__(self) -> bool:
        return self.barrier is None

    @property
    def barrier(self) -> Step | None:
        """The first equation that keeps the function from being a sum over samples."""
        return self._stop[0]

    @cached_property
    def _stop(self) -> tuple[Step | None, str]:
        found = barrier(self.split)
        if found is not None:
            return found, found.why or "it reads a sum over all samples"
        late = curved(self.split)
        if late is not None:
            return late, "it isn't linear in a sum over all samples"
        if not all(self._folded(a) for a in self.split.program.outputs):
            maps = (s for s in self.split.steps if s.kind == "map" and not s.folds)
            return next(maps, None), "the result has an entry for each sample"
        return None, ""

    def _folded(self, atom: Any) -> bool:
        return not isinstance(atom, Var) or atom not in self._maps()

    def _maps(self) -> set[Var]:
        return {
            v for s in self.split.steps if s.kind == "map"
            for v in s.equation.outputs if v not in s.folds
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join([self._head(), *self._lines()])

    __repr__ = __str__

    def _head(self) -> str:
        stop, why = self._stop
        if stop is None:
            return f"{self.name} is a sum over {self.letter}: gradients may be added up in chunks."
        return (
            f"{self.name} isn't a sum over {self.letter}: {stop.equation.primitive.name} at "
            f"{line_of(stop.equation.place)}: {why}."
        )

    def _lines(self) -> Iterator[str]:
        stop = self.barrier
        for step in self.split.steps:
            v = step.equation.outputs[0]
            kind = step.folds.get(v, step.kind)
            word = {"add": "sum", "maximum": "greatest", "minimum": "least"}.get(kind)
            mark = " <-- here" if step is stop else ""
            shape = f"{short(v.type.dtype)}{list(v.type.shape)}"
            yield (
                f"    {word or LOOSE[kind]:12} {step.equation.primitive.name:12} {shape:14} "
                f"{line_of(step.equation.place)}{mark}"
            )


def separable(f: F, axes: str, *args: Any) -> Any:
    """The proof that f is a sum over the first letter's axis, or the equation that prevents it.

    `axes` names the axes of arguments, the samples' first: "X: N d, w: d". Where it names those of
    all arguments the proof is of arrays of such shapes; else give example arguments behind it.
    Truth value and text of what is returned say the same.

    >>> print(separable(lambda X, w: np.sum((X @ w) ** 2), "X: N d, w: d"))
    f is a sum over N: gradients may be added up in chunks.
        each sample  contract     f64[7]         ...
        each sample  square       f64[7]         ...
        sum          sum          f64[]          ...
    """
    named = _named(axes)
    if not args:
        args = tuple(_examples(f, named))
    program = jit(f).program(*args)
    letter, var, axis = _place(named, program)
    whole = Axes(program)
    split = Split(program, whole, whole.root(((), var), axis), var.type.shape[axis])
    return Proof(program.name, letter, split)


def _named(axes: str) -> dict[str, list[str]]:
    """{"X": ["N", "d"]} of "X: N d"."""
    parts = [part.split(":") for part in axes.split(",") if part.strip()]
    if not parts or any(len(p) != 2 for p in parts) or not parts[0][1].split():
        raise InputError(
            sentences(
                f"{axes!r} names no axes.", 'Write the argument and its axes, as in "X: N d, w: d".'
            )
        )
    return {name.strip(): letters.split() for name, letters in parts}


def _examples(f: Callable[..., Any], named: dict[str, list[str]]) -> list[np.ndarray[Any, Any]]:
    """Arrays of different lengths for the letters."""
    names = parameters(f)
    if not set(names) <= set(named):
        missing = ", ".join(n for n in names if n not in named)
        raise InputError(
            sentences(
                f"The axes of {missing} aren't named, and no example arguments were given.",
                "Name them too, or pass arguments behind the axes: separable(f, axes, *args).",
            )
        )
    letters = list(dict.fromkeys(c for n in names for c in named[n]))
    sizes = dict(zip(letters, SIZES, strict=False))
    return [np.full([sizes[c] for c in named[n]], 0.5) for n in names]


def _place(named: dict[str, list[str]], program: Program) -> tuple[str, Var, int]:
    """The letter of the samples, and where it stands in the inputs."""
    name, letters = next(iter(named.items()))
    found = next((v for v in program.inputs if v.name == name), None)
    if found is None or found.type.ndim != len(letters):
        have = ", ".join(f"{v.name}: {v.type}" for v in program.inputs)
        raise InputError(
            sentences(
                f"There is no array {name} with the axes {' '.join(letters)} among {have}.",
                "Name an argument (or params_0_W for params[0]['W']) with all of its axes.",
            )
        )
    return letters[0], found, 0
