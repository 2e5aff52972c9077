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

__version__ = "0.1.0"
__all__ = [
    "GradientError", "check_grads", "checkpoint", "custom_jvp", "custom_vjp", "grad", "hessian", "hvp",
    "jacobian", "jit", "jvp", "linearize", "stop_gradient", "trace", "tree", "value_and_grad", "vjp",
    "vmap",
]  # fmt: skip
