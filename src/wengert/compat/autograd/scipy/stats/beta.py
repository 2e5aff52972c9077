"""The beta distribution on (0, 1)."""

from typing import Any

import numpy as np

from wengert.ir.lazy import special


def logpdf(x: Any, a: Any, b: Any) -> Any:
    """(a-1) log x + (b-1) log(1-x) - log B(a, b); -inf outside [0, 1]."""
    inside = (x >= 0) & (x <= 1)
    x = np.where(inside, x, 0.5)
    density = special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)
    return np.where(inside, density, -np.inf)


def pdf(x: Any, a: Any, b: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, a, b))


def cdf(x: Any, a: Any, b: Any) -> Any:
    """The distribution function; no derivative in a and b."""
    return special.betainc(a, b, np.clip(x, 0.0, 1.0))
