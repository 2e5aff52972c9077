"""The doors: transformations of functions of trees, with the signatures that JAX's users know."""

from wengert.api.compiled import jit, trace
from wengert.api.control import cond, fori_loop, scan, switch, while_loop
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
from wengert.api.objective import objective

# fmt: off
__all__ = [
    "checkpoint", "cond", "custom_jvp", "custom_vjp", "fori_loop",
    "grad", "hessian", "hvp", "jacobian", "jit", "jvp", "linearize", "objective", "scan", "stop_gradient", "switch", "trace", "value_and_grad", "vjp", "vmap", "while_loop",
]
# fmt: on
