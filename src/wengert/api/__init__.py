"""The doors: transformations of functions of trees, with the signatures that JAX's users know."""

from wengert.api.compiled import jit, trace
from wengert.api.derivatives import (
    grad, hessian, hvp, jacobian, jvp, linearize, value_and_grad, vjp,
)  # fmt: skip
from wengert.api.mapping import vmap

__all__ = [
    "grad", "hessian", "hvp", "jacobian", "jit", "jvp", "linearize", "trace", "value_and_grad",
    "vjp", "vmap",
]  # fmt: skip
