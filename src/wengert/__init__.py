"""Plain NumPy in; derivation, gradient and native speed out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wengert import linalg, random, tree
from wengert.api import (
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
    objective,
    scan,
    stop_gradient,
    switch,
    trace,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)  # fmt: skip
from wengert.explanation.board import formulas
from wengert.ir.text import parse
from wengert.trace.spellings.special import (
    binary_cross_entropy,
    cross_entropy,
    elu,
    entropy,
    gelu,
    hard_tanh,
    kl_divergence,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logistic_loss,
    logsumexp,
    mish,
    multigammaln,
    polygamma,
    relu,
    selu,
    sigmoid,
    sigmoid_cross_entropy,
    silu,
    softmax,
    softmax_cross_entropy,
    softmax_entropy,
    softplus,
    softsign,
)

if TYPE_CHECKING:
    from wengert.api.checks import GradientError, check_grads
    from wengert.api.separable import separable
    from wengert.certify import approximate, bounds, lipschitz
    from wengert.estimators import load
    from wengert.explanation.explain import explain
    from wengert.explanation.grading.verdict import check
    from wengert.explanation.graph import graph
    from wengert.explanation.rounding import digits
    from wengert.explanation.tables import tables

__version__ = "0.1.0"
# fmt: off
__all__ = [
    "grad", "value_and_grad", "jvp", "vjp", "linearize", "jacobian", "hessian", "hvp", "vmap",
    "jit", "trace", "formulas", "explain", "tables", "check", "digits", "graph", "check_grads", "GradientError",
    "stop_gradient",
    "checkpoint", "custom_jvp", "custom_vjp", "scan", "fori_loop", "while_loop", "cond", "switch",
    "logsumexp", "softmax", "log_softmax", "softmax_cross_entropy", "softmax_entropy",
    "sigmoid_cross_entropy", "logistic_loss", "cross_entropy", "binary_cross_entropy",
    "kl_divergence", "entropy", "sigmoid", "log_sigmoid", "softplus", "relu", "leaky_relu",
    "elu", "selu", "gelu", "silu", "mish", "softsign", "hard_tanh", "polygamma", "multigammaln",
    "parse", "tree", "random", "linalg", "objective", "separable", "load", "bounds", "lipschitz", "approximate",
]
# fmt: on

# fmt: off
_LATER = {
    "approximate": "wengert.certify",
    "bounds": "wengert.certify",
    "GradientError": "wengert.api.checks",
    "check":  "wengert.explanation.grading.verdict",
    "check_grads": "wengert.api.checks",
    "digits": "wengert.explanation.rounding",
    "explain": "wengert.explanation.explain",
    "graph":  "wengert.explanation.graph",
    "lipschitz": "wengert.certify",
    "load":   "wengert.estimators",
    "separable": "wengert.api.separable",
    "tables": "wengert.explanation.tables",
}
"""What is imported when it is first asked for: `import wengert` stays quick."""
# fmt: on


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'wengert' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_LATER[name]), name)
    return found
