"""The list of a function at sizes that are all different, and data of those sizes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.errors import DtypeError, UnsupportedError, WengertError, sentences
from wengert.explanation.sampling import PRIMES as PRIMES_OF
from wengert.explanation.sampling import Fits, aligned, fitted, resized, shapes, traced
from wengert.ir.program import Program, Var


@dataclass(slots=True)
class Point:
    """The list at sizes that are all different primes, and data of those sizes."""

    program: Program
    names: dict[Var, str]
    sizes: dict[str, int]
    fits: Fits
    args: list[Any]
    again: Callable[[Any], list[Any]]

    @staticmethod
    def at(f: Any, args: list[Any], labels: Any, named: Any, known: Any) -> "Point":
        first, _ = traced(f, args, labels)
        if first.outputs[0].type.shape != ():
            raise DtypeError(
                sentences(
                    f"explain needs a scalar function; this returned {first.outputs[0].type}.",
                    "Reduce it with np.sum.",
                )
            )
        sizes, dims = shapes(first, named)
        free = list(sizes)
        while True:
            found = _resized(f, first, args, labels, dims, sizes, free, known)
            if found is not None:
                return found
            if not free:
                raise UnsupportedError(
                    sentences("The list changes from run to run.", "Make the function pure.")
                )
            free = free[:-1] if len(free) > 1 else []


def _resized(
    f: Any, first: Program, args: Any, labels: Any, dims: Any, sizes: Any, free: Any, known: Any
) -> Point | None:
    """The list at two choices of sizes, if both are the same list but for sizes."""
    found = []
    for k, primes in enumerate(PRIMES_OF):
        new = dict(sizes) | dict(zip(free, primes, strict=False))

        def data(seed: Any, new: Any = new) -> list[Any]:
            rng = np.random.default_rng(seed)
            return [
                resized(x, tuple([new.get(d, d) for d in ds]), known[n], rng, new)
                for x, n, ds in zip(args, labels, dims, strict=True)
            ]

        try:
            program, names = traced(f, data(k), labels)
        except (WengertError, ValueError, IndexError, TypeError):
            return None
        if not aligned(program, first):
            return None
        found.append((program, names, new, data))
    (a, names, sa, data), (b, _, sb, _) = found
    fits = fitted(a, b, sa, sb)
    return None if fits is None else Point(a, names, sa, fits, data(0), data)
