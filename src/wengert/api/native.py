"""From a list to what runs it: machine code where llvmlite is at hand, else NumPy calls."""

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from wengert.backends.interpreter import interpret
from wengert.ir.families import Pointwise
from wengert.ir.lazy import Lazy
from wengert.ir.program import Equation, Program
from wengert.ir.schedule import Schedule
from wengert.ir.types import Array
from wengert.passes.fuse import fuse
from wengert.passes.pipeline import simplified
from wengert.passes.values import FOLDS, real
from wengert.settings import machine, shown
from wengert.transforms.expand import expand

_llvm = Lazy("wengert.backends.llvm.machine")
_entry = Lazy("wengert.backends.llvm.entry")
_contract = Lazy("wengert.backends.llvm.contract")
ALWAYS = {*FOLDS, "contract", "loop", "cond", "while_loop", "cumsum", "cumprod"}
"""What is never written out: the machine, or the record, does it as a whole."""


def compiled(program: Program) -> Callable[..., list[Array]]:
    """A function of the inputs that returns the list of outputs, on the machine of the settings."""
    if machine() == "interpreter" or not _available() or _asks(program):
        return interpret(program)
    with np.errstate(all="ignore"):
        return _llvm.native(schedule(program))  # type: ignore[no-any-return]


def quick(
    function: Callable[..., list[Array]],
    program: Program,
    slow: Callable[..., Any],
    weak: Sequence[bool],
) -> Callable[..., Any] | None:
    """The function with no Python before it, which hands what it doesn't expect to `slow`.

    None where there can be none. A number of Python's (`weak`) and NumPy's scalar mean different
    things, except where all of the program is of float64.
    """
    if machine() == "interpreter" or not _available():
        return None
    atoms = [v for eqn in program.equations for v in (*eqn.inputs, *eqn.outputs)]
    alike = all(v.type.dtype == np.float64 for v in program.inputs) and all(
        a.type.dtype == np.float64 for a in atoms if a.type.dtype.kind in "fc"
    )
    return _entry.straightened(function, slow, None if alike else weak)  # type: ignore[no-any-return]


def schedule(program: Program) -> Schedule:
    """The program as the native machine runs it; `WENGERT_SHOW=expand,fuse` prints it."""
    program = simplified(expand(program, _known))
    if shown("expand"):
        print(f"# expand\n{program}")
    return fuse(program, _word, _contract.whole)


def _known(eqn: Equation) -> bool:
    return eqn.primitive.name in ALWAYS or _word(eqn)


def _word(eqn: Equation) -> bool:
    """Whether the machine has a word for a pointwise equation."""
    if not isinstance(eqn.primitive.family, Pointwise):
        return False
    if not all(real(a.type) for a in (*eqn.inputs, *eqn.outputs)):
        return False
    return _llvm.has_word(eqn)  # type: ignore[no-any-return]


def _asks(program: Program) -> bool:
    """Whether a list has guards, which NumPy calls answer."""
    return any(eqn.primitive.name == "guard" for eqn in program.equations)


@lru_cache(maxsize=1)
def _available() -> bool:
    if find_spec("llvmlite") is not None:
        return True
    warnings.warn(
        "llvmlite isn't installed, so jit runs NumPy calls instead of machine code. "
        "Everything works, more slowly. Install it with `pip install llvmlite`.",
        RuntimeWarning,
        stacklevel=4,
    )
    return False
