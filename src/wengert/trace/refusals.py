"""The errors for what a stand-in can't do: what happened, where, and what to do instead."""

from typing import Any

import numpy as np

from wengert import settings
from wengert.errors import ConcreteError, LeakError, UnsupportedError, sentences
from wengert.trace import creation
from wengert.trace.asking import library

SPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}
"""Where SciPy's functions may have namesakes that dispatch."""


def unsupported(name: str) -> UnsupportedError:
    """The error for a NumPy function, or a way to call it, that has no spelling."""
    return UnsupportedError(
        sentences(
            f"{name} was called on a traced value, and wengert has no rule for it.",
            "Compose it of functions that docs/primitives.md lists, or give it a rule with "
            "wengert.custom_vjp.",
        )
    )


def converted(tracer: Any, frame: Any) -> ConcreteError:
    """The error for what would make an ndarray of a traced value; names SciPy's function."""
    name, place = library(frame)
    advice = (
        "Use NumPy functions of the value itself: np.stack for np.array of a list, np.take(table, "
        "i) for table[i] of a plain array, an operator for a method of the other array."
    )
    if name:
        module, _, own = name.rpartition(".")
        there = next((f"{n}.{own}" for n, m in SPACES.items() if own in dir(m)), None)
        advice = f"Use {there}." if there else "Write it in NumPy, or give it a wengert.custom_vjp."
        if own in creation.MODULES.get(module, ()):
            advice = f"Call it as {name}(...), not by a name that was imported from {module}."
    what = f"{name} was called, and a" if name else "A"
    return ConcreteError(
        sentences(
            f"{what} traced value of type {tracer.variable.type} was to be turned into an ndarray, "
            "which would lose its derivative.",
            advice,
            place,
        )
    )


def failed(name: str, place: Any, problem: Exception) -> UnsupportedError:
    """The error for what went wrong inside a function of SciPy's that was given a traced value."""
    return UnsupportedError(
        sentences(
            f"{name} was called while a function was traced, and failed: {problem}.",
            "If it works on plain arrays, write it in NumPy or give it a wengert.custom_vjp.",
            place,
        )
    )


def written(what: str) -> UnsupportedError:
    """The error for a traced value that would go into memory that keeps no derivative."""
    return UnsupportedError(
        sentences(
            f"{what}, which would lose its derivative.",
            "Build the new array instead: np.where(mask, new, old), np.stack or np.concatenate.",
        )
    )


def endless() -> UnsupportedError:
    """The error for a Python loop of too many turns."""
    return UnsupportedError(
        sentences(
            f"The list of this function has reached {settings.LIMIT:,} equations, one for each "
            "operation of each turn of a Python loop.",
            "Write the loop as wengert.fori_loop or wengert.scan, which are one equation, or raise "
            "the environment variable WENGERT_LIMIT.",
        )
    )


def leaked(tracer: Any) -> LeakError:
    """The error for a stand-in whose trace is over."""
    return LeakError(
        sentences(
            f"A stand-in of type {tracer.variable.type} is used after its function returned.",
            "Return the value from the function instead of keeping it in a global, a closure or an "
            "attribute.",
        )
    )
