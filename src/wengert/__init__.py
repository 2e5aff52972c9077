"""Plain NumPy in; derivation, gradient and native speed out."""

from wengert import tree
from wengert.api import (
    GradientError,
    check_grads,
    checkpoint,
    cond,
    custom_jvp,
    custom_vjp,
    fori_loop,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    linearize,
    scan,
    stop_gradient,
    switch,
    trace,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)  # fmt: skip
from wengert.explain.board import formulas
from wengert.explain.tables import tables

__version__ = "0.1.0"
# fmt: off
__all__ = [
    "grad", "value_and_grad", "jvp", "vjp", "linearize", "jacobian", "hessian", "hvp", "vmap",
    "jit", "trace", "formulas", "tables", "check_grads", "GradientError", "stop_gradient",
    "checkpoint", "custom_jvp", "custom_vjp", "scan", "fori_loop", "while_loop", "cond", "switch",
    "tree",
]
# fmt: on
