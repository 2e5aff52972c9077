"""Who asks a stand-in for its number: a derivative may be dropped on purpose, never by accident.

`float(x)` says that a constant is meant. `math.sin(x)`, `np.fromiter` and `y[i] = x` ask for the
same number through the same method; the instruction that the user's frame is at tells them apart.
"""

from dis import get_instructions, opmap
from functools import lru_cache
from types import CodeType, FrameType

_STORES = {opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in opmap}
_CALLS = {code for name, code in opmap.items() if name.startswith("CALL")}
PASSING = ("list", "map", "max", "min", "set", "sorted", "sum", "tuple")
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
    starts = ((s.positions.lineno, s.positions.col_offset) for s in loads if s.positions)
    name = next((str(s.argval) for s, at in zip(loads, starts, strict=True) if at == start), None)
    if name in PASSING and any(s.argval in MEANT for s in loads):
        return None  # sorted(map(float, x)): handed on
    return name
