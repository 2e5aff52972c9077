"""The doors: transformations of functions of trees, with the signatures that JAX's users know."""

from wengert.api.checks import GradientError, check_grads
from wengert.api.compiled import jit, trace
from wengert.api.custom import checkpoint, custom_jvp, custom_vjp, stop_gradient
from wengert.api.derivatives import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)  # fmt: skip
from wengert.api.mapping import vmap

# fmt: off
__all__ = [
    "GradientError", "check_grads", "checkpoint", "custom_jvp", "custom_vjp", "grad", "hessian",
    "hvp", "jacobian", "jit", "jvp", "linearize", "stop_gradient", "trace", "value_and_grad",
    "vjp", "vmap",
]
# fmt: on
