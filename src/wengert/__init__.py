"""Plain NumPy in; derivation, gradient and native speed out."""

from wengert import tree
from wengert.api import grad, hessian, hvp, jacobian, jvp, linearize, stop_gradient, value_and_grad, vjp

__version__ = "0.1.0"
