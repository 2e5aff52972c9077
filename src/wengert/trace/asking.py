"""Who asks a stand-in for its number: a derivative may be dropped on purpose, never by accident.

`float(x)` says that a constant is meant. `math.sin(x)`, `np.fromiter` and `y[i] = x` ask for the
same number through the same method; the instruction that the user's frame is at tells them apart.
"""

from dis import Instruction, get_instructions, opmap
from functools import lru_cache, partial
from types import CodeType, FrameType, FunctionType, TracebackType

Place = tuple[CodeType, int]

_STORES = {opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in opmap}
_CALLS = {code for name, code in opmap.items() if name.startswith("CALL")}
LIBRARIES = ("numpy", "scipy", "wengert")
COMPILED = ("pandas", "pyarrow", "polars", "sklearn", "numba", "torch", "jax", "matplotlib")
"""Libraries that hand the arrays they make to compiled code: these stay plain."""
PASSING = ("list", "map", "max", "min", "next", "set", "sorted", "sum", "tuple")
MEANT = ("float", "int", "complex", "print", "format", "str")


def asker(frame: FrameType) -> str | None:
    """What took the number without saying so: "" for a write, a name for a call; None if meant."""
    code, at = frame.f_code, frame.f_lasti
    operation = code.co_code[at]
    if operation in _STORES:
        return ""
    if operation not in _CALLS:
        return None
    name = _called(code, at)
    return None if name is None or name in MEANT else name


@lru_cache(maxsize=4096)
def _called(code: CodeType, at: int) -> str | None:
    """The first name of the expression called at this instruction: `math` of math.sin(x)."""
    steps = list(get_instructions(code))
    call = next((s for s in steps if s.offset == at), None)
    if call is None or call.positions is None or call.positions.col_offset is None:
        return None
    start = (call.positions.lineno, call.positions.col_offset)
    loads = [s for s in steps if s.opname.startswith("LOAD_") and s.positions]
    if any(s.argval == "__setitem__" and _start(s) == start for s in loads):
        return ""
    name = next((str(s.argval) for s in loads if _start(s) == start), None)
    if name in PASSING and any(s.argval in MEANT for s in loads):
        return None  # sorted(map(float, x)): handed on
    return name


def _start(step: Instruction) -> tuple[int | None, int | None]:
    where = step.positions
    return (where.lineno, where.col_offset) if where else (None, None)


def library(frame: FrameType | None) -> tuple[str, Place | None]:
    """SciPy's function that the user called, if it is one that asks, and where that was."""
    steps: list[tuple[FrameType, int]] = []
    while frame is not None:
        steps.append((frame, frame.f_lasti))
        frame = frame.f_back
    return _called_by_user(steps[::-1])


def raised(traceback: TracebackType | None) -> tuple[str, Place | None]:
    """The same for an error that arose inside SciPy; no name for one from elsewhere."""
    steps: list[tuple[FrameType, int]] = []
    while traceback is not None:
        steps.append((traceback.tb_frame, traceback.tb_lasti))
        traceback = traceback.tb_next
    while steps and steps[-1][0].f_code.co_filename.endswith((".pyx", ".pxi")):
        steps.pop()  # Cython's frames have no module
    module = _module(steps[-1][0]) if steps else ""
    if not module.startswith("scipy."):
        return "", None
    name, place = _called_by_user(steps)
    return name or _public(module), place


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _public(module: str) -> str:
    return ".".join([part for part in module.split(".") if not part.startswith("_")])


def _called_by_user(steps: list[tuple[FrameType, int]]) -> tuple[str, Place | None]:
    """The first public function of SciPy after the last step outside of the libraries."""
    name = ""
    for frame, at in reversed(steps):
        module = _module(frame)
        if module.partition(".")[0] not in LIBRARIES:
            return name, (frame.f_code, at)
        called = frame.f_code.co_name
        if called in ("__init__", "__call__"):  # the class is what the user knows
            called = frame.f_code.co_qualname.partition(".")[0]
        public = not called.startswith(("_", "<")) and "wrap" not in called
        if module.startswith("scipy.") and not module.startswith("scipy._") and public:
            name = f"{_public(module)}.{called}"
    return name, None


def calls(frame: FrameType, name: str) -> bool:
    """Whether this frame itself calls np.`name`, and not C code that does, like rng.normal(size=3).

    C code leaves no frame, and would take a stand-in for the memory of an array.
    """
    code, at = frame.f_code, frame.f_lasti
    if code.co_code[at] not in _CALLS:
        return True
    called = _callee(code, at)
    if called is None or called[0] == name or called[0] in PASSING:
        return True
    if called[1]:
        return False
    bound = frame.f_locals.get(called[0], frame.f_globals.get(called[0]))
    return bound is None or isinstance(bound, FunctionType | type | partial)


@lru_cache(maxsize=4096)
def _callee(code: CodeType, at: int) -> tuple[str, bool] | None:
    """The last name of the expression called at this instruction, and whether it's an attribute."""
    steps = [s for s in get_instructions(code) if s.offset <= at]
    call = steps[-1] if steps and steps[-1].offset == at else None
    if call is None or _start(call)[1] is None:
        return None
    loads = [s for s in steps if s.opname.startswith("LOAD_") and _start(s) == _start(call)]
    if not loads:
        return None
    return str(loads[-1].argval), loads[-1].opname in ("LOAD_ATTR", "LOAD_METHOD")
