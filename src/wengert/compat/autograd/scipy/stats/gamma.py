"""The gamma distribution of scale 1."""

from typing import Any

import numpy as np

from wengert.ir.lazy import special


def logpdf(x: Any, a: Any) -> Any:
    """(a-1) log x - x - log Gamma(a); -inf for x < 0."""
    inside = x >= 0
    x = np.where(inside, x, 1.0)
    return np.where(inside, special.xlogy(a - 1, x) - x - special.gammaln(a), -np.inf)


def pdf(x: Any, a: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, a))


def cdf(x: Any, a: Any) -> Any:
    """The distribution function; no derivative in a."""
    return special.gammainc(a, np.maximum(x, 0.0))
