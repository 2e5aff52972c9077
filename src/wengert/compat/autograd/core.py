"""autograd.core: the operators of functions of one argument, and the rules."""

from typing import Any

from wengert.compat.autograd import differential_operators as operators
from wengert.compat.autograd.extend import (
    def_linear,
    defjvp,
    defjvp_argnum,
    defvjp,
    defvjp_argnum,
    primitive,
)

# fmt: off
__all__ = [
    "def_linear", "defjvp", "defjvp_argnum", "defvjp", "defvjp_argnum", "make_jvp", "make_vjp", "primitive",
]
# fmt: on


def make_vjp(fun: operators.F, x: Any) -> Any:
    """(vjp, fun(x))."""
    return operators.make_vjp(fun)(x)


def make_jvp(fun: operators.F, x: Any) -> Any:
    """The function v -> (fun(x), J v)."""
    return operators.make_jvp(fun)(x)
