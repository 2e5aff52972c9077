"""One class for each kind of mistake, each a subclass of the builtin that people already catch.

Every message has three sentences: what happened, where in the user's file, what to do.
"""

import os
import sys
from types import CodeType, FrameType

import numpy as np

_NUMPY = os.path.dirname(np.__file__)
_SCIPY = os.path.join(os.path.dirname(_NUMPY), "scipy")
_OURS = (os.path.dirname(__file__), *[os.path.join(d, "") for d in (_NUMPY, _SCIPY)], "<wengert")


class WengertError(Exception):
    """What all of wengert's own errors have in common."""


class ConcreteError(WengertError, TypeError):
    """A value was asked for while tracing, where only shapes and dtypes are known."""


class LeakError(WengertError, RuntimeError):
    """A stand-in was used after the trace that made it had ended."""


class ShapeError(WengertError, ValueError):
    """Shapes that don't fit together."""


class DtypeError(WengertError, TypeError):
    """A dtype that the operation or transformation isn't defined for."""


class NoDerivativeError(WengertError, TypeError):
    """An operation that has no derivative stands on the path to the result."""


class UnsupportedError(WengertError, NotImplementedError):
    """A NumPy function, or a way to call it, that wengert can't trace."""


class ProgramError(WengertError, ValueError):
    """A Wengert list that breaks the rules of the language, or text that isn't one."""


class BudgetError(WengertError, MemoryError):
    """A function can't be run within the memory that it was given; the message names the least."""


class InputError(WengertError, ValueError):
    """An argument with a value that makes no sense; the message says which would."""


class MissingExtraError(WengertError, ImportError):
    """A package of an extra isn't installed."""


_IS_OURS: dict[CodeType, bool] = {}


def user_place(depth: int = 1) -> tuple[CodeType, int] | None:
    """The innermost frame outside of wengert, NumPy and SciPy: its code and instruction."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        ours = _IS_OURS.get(code)
        if ours is None:
            ours = _IS_OURS[code] = code.co_filename.startswith(_OURS)
        if not ours:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def line_of(place: tuple[CodeType, int] | None) -> str:
    """``file.py:12, in loss`` for a place, as people quote it."""
    if place is None:
        return "an unknown place"
    code, instruction = place
    line = next((n for a, b, n in code.co_lines() if a <= instruction < b), code.co_firstlineno)
    return f"{code.co_filename}:{line}, in {code.co_name}"


def sentences(what: str, advice: str, place: tuple[CodeType, int] | None = None) -> str:
    """The three sentences: what happened, where in your file, what you can do."""
    return f"{what} This happened at {line_of(place or user_place(2))}. {advice}"
