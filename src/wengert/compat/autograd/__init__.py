"""HIPS/autograd's names: `from wengert.compat import autograd` instead of `import autograd`.

Conventions are autograd's: for complex arguments `grad` is the conjugate of the direction uphill,
so that `holomorphic_grad` is f'(z). Plain NumPy functions may be used beside `autograd.numpy`.

>>> from wengert.compat.autograd import grad, numpy as np
>>> grad(lambda x: np.sum(np.array([x, x**2])))(3.0)
np.float64(7.0)
"""

from wengert.compat.autograd import builtins, extend, misc, numpy, scipy, test_util
from wengert.compat.autograd.builtins import dict, isinstance, list, tuple
from wengert.compat.autograd.differential_operators import (
    checkpoint,
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_jvp_reversemode,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)
from wengert.compat.autograd.extend import primitive

egrad = elementwise_grad
# fmt: off
__all__ = [
    "grad", "value_and_grad", "grad_and_aux", "grad_named", "multigrad_dict", "elementwise_grad", "egrad",
    "holomorphic_grad", "deriv", "jacobian", "hessian", "make_vjp", "make_jvp",
    "make_jvp_reversemode", "make_hvp", "make_ggnvp", "hessian_tensor_product",
    "hessian_vector_product", "tensor_jacobian_product", "vector_jacobian_product", "checkpoint",
    "primitive", "dict", "isinstance", "list", "tuple", "builtins", "extend", "misc", "numpy",
    "scipy", "test_util",
]
# fmt: on
