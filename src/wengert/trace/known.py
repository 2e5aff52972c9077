"""Functions without a rule may be called with what is known: constants made inside the trace."""

from typing import Any

import numpy as np

from wengert.ir.primitive import Carrier
from wengert.ir.program import Const


def of_constants(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """NumPy's own result where all stand-ins are constants; NotImplemented if one isn't."""
    found: list[Any] = []
    known = _replaced((args, kwargs), found)
    if any(not isinstance(c.variable, Const) for c in found):
        return NotImplemented
    if not found:  # np.zeros(3, like=x): NumPy has taken x away already
        return function(*args, **kwargs)
    args, kwargs = known
    tape = max((c.tape for c in found), key=lambda tape: tape.level)
    return _held(function(*args, **kwargs), tape)


def _replaced(x: Any, found: list[Any]) -> Any:
    """Arguments with the constants in the places of their stand-ins, which are added to `found`."""
    if isinstance(x, Carrier):
        found.append(x)
        x.refresh()  # type: ignore[attr-defined]
        variable = x.variable  # type: ignore[attr-defined]
        return variable.value if isinstance(variable, Const) else x
    if type(x) in (list, tuple):
        return type(x)([_replaced(v, found) for v in x])
    return {k: _replaced(v, found) for k, v in x.items()} if type(x) is dict else x


def _held(y: Any, tape: Any) -> Any:
    """Arrays of floats may be written to from now on, so they are constants of the trace."""
    if type(y) in (list, tuple):
        return type(y)([_held(v, tape) for v in y])
    plain = isinstance(y, np.ndarray) and y.dtype.kind in "fc" and y.ndim
    return tape.constant(y) if plain else y
