"""From a list to what runs it: machine code where llvmlite is at hand, else NumPy calls."""

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from wengert.backends.interpreter import interpret
from wengert.ir.check import check
from wengert.ir.families import Pointwise
from wengert.ir.fingerprint import fingerprint
from wengert.ir.lazy import Lazy
from wengert.ir.memory import interpreted
from wengert.ir.plan import plan_text
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Equation, Program
from wengert.ir.schedule import Schedule
from wengert.ir.types import Array
from wengert.passes.band import band
from wengert.passes.fuse import fuse
from wengert.passes.lighten import lighten
from wengert.passes.pipeline import simplified
from wengert.passes.stripe import stripe
from wengert.passes.tile import tiled
from wengert.passes.values import FOLDS, real
from wengert.settings import machine, shown
from wengert.transforms import branches, control
from wengert.transforms.expand import expand

_llvm = Lazy("wengert.backends.llvm.machine")
_entry = Lazy("wengert.backends.llvm.entry")
_stored = Lazy("wengert.backends.llvm.stored")
_contract = Lazy("wengert.backends.llvm.contract")
ALWAYS = {*FOLDS, "contract", "loop", "cond", "while_loop", "cumsum", "cumprod"}
"""What is never written out: the machine, or the record, does it as a whole."""


HOUSE = frozenset([*REGISTRY.primitives.values(), control.loop, branches.cond, branches.while_loop])
"""The records that stand in wengert's own files, so that their names say what they mean."""


def compiled(program: Program, tile: bool = True) -> Callable[..., list[Array]]:
    """A function of the inputs that returns the list of outputs, on the machine of the settings."""
    if not _native(program):
        return interpret(program)
    with np.errstate(all="ignore"):
        key = None if _watched() else fingerprint(program, HOUSE)
        key = key if key is None or tile else key + b" whole"
        found = None if key is None else _stored.recall(key, program)
        return _made(program, key, tile) if found is None else found


def _made(program: Program, key: bytes | None, tile: bool) -> Callable[..., list[Array]]:
    """The function compiled now, and kept under the key if the program is native as a whole."""
    core: Any = _llvm.native(_tiled(program) if tile else schedule(program))
    if not isinstance(core, _stored.Core):
        return core  # type: ignore[no-any-return]
    if key is not None:
        _stored.keep(key, core, program)
    return _stored.enter(core, program)  # type: ignore[no-any-return]


def _watched() -> bool:
    """Whether someone looks at a floor that a program from the cache doesn't pass through."""
    return any(map(shown, ("expand", "tile", "stripe", "fused", "llvm", "asm")))


def _native(program: Program) -> bool:
    return machine() != "interpreter" and _available() and not _asks(program)


def measured(program: Program) -> int:
    """The bytes that the list will take as it is, workspace and results."""
    if not _native(program):
        return interpreted(program)
    with np.errstate(all="ignore"):
        return _llvm.measured(schedule(program))  # type: ignore[no-any-return]


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


def memory(function: Callable[..., Any], program: Program) -> int:
    """The bytes that a call takes beside its arguments: workspace and results.

    Exact for what is native as a whole; where NumPy calls stand between, a bound.
    """
    found = _entry.memory(function) if _available() else None
    return interpreted(program) if found is None else int(found)


def schedule(program: Program) -> Schedule:
    """The program as the native machine runs it; `WENGERT_SHOW=expand,fused` prints it."""
    program = simplified(expand(program, _known))
    if shown("expand"):
        print(f"# expand\n{program}")
    program = stripe(band(lighten(program)))
    if shown("stripe"):
        print(f"# stripe\n{program}")
    found = fuse(program, _word, _contract.whole)
    if shown("fused"):
        print(f"# fused\n{plan_text(found)}")
    return found


def _tiled(program: Program) -> Schedule:
    """The program's schedule, in chunks where its arrays are too large for the cache."""
    found = schedule(program)
    smaller = tiled(program, _llvm.needs(found))
    if smaller is None:
        return found
    if shown("tile"):
        print(f"# tile\n{smaller}")
    return schedule(check(smaller))


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
