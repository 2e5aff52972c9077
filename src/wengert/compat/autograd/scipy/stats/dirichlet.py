"""The Dirichlet distribution of one point on the simplex."""

from typing import Any

import numpy as np

from wengert.ir.lazy import special


def logpdf(x: Any, alpha: Any) -> Any:
    """log Gamma(sum a) - sum log Gamma(a) + sum (a-1) log x."""
    terms = special.xlogy(alpha - 1, x) - special.gammaln(alpha)
    return special.gammaln(np.sum(alpha)) + np.sum(terms)


def pdf(x: Any, alpha: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, alpha))
