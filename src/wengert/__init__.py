"""Plain NumPy in; derivation, gradient and native speed out."""

from wengert import tree
from wengert.api import (
    GradientError,
    check_grads,
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    linearize,
    stop_gradient,
    trace,
    value_and_grad,
    vjp,
    vmap,
)  # fmt: skip
from wengert.explain.board import formulas
from wengert.explain.tables import tables

__version__ = "0.1.0"
# fmt: off
__all__ = [
    "grad", "value_and_grad", "jvp", "vjp", "linearize", "jacobian", "hessian", "hvp", "vmap",
    "jit", "trace", "formulas", "tables", "check_grads", "GradientError", "stop_gradient",
    "checkpoint", "custom_jvp", "custom_vjp", "tree",
]
# fmt: on
