"""Plain NumPy in; derivation, gradient and native speed out."""

from wengert import tree
from wengert.api import (
    grad, hessian, hvp, jacobian, jit, jvp, linearize, trace, value_and_grad, vjp, vmap,
)  # fmt: skip

__version__ = "0.1.0"
__all__ = [
    "grad", "hessian", "hvp", "jacobian", "jit", "jvp", "linearize", "trace", "tree",
    "value_and_grad", "vjp", "vmap",
]  # fmt: skip
