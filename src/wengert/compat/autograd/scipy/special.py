"""scipy.special: its ufuncs are traced as they are; its Python functions are wengert's own."""

from typing import Any

from wengert.ir.lazy import special
from wengert.trace.spellings import special as own
from wengert.trace.spellings.special import logsumexp, multigammaln, polygamma

__all__ = ["log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax"]


def softmax(x: Any, axis: int | None = None) -> Any:
    """exp(x) / sum exp(x), over all entries unless an axis is given, as in SciPy."""
    return own.softmax(x, axis)


def log_softmax(x: Any, axis: int | None = None) -> Any:
    """Its logarithm."""
    return own.log_softmax(x, axis)


def __getattr__(name: str) -> Any:
    """SciPy's name, kept for the next time."""
    value = globals()[name] = getattr(special, name)
    return value
