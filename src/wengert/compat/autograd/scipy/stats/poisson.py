"""The Poisson distribution."""

from typing import Any

import numpy as np

from wengert.ir.lazy import special


def logpmf(k: Any, mu: Any) -> Any:
    """k log mu - mu - log k!; -inf where k is no count."""
    k = np.asarray(k)
    inside = (k >= 0) & (k % 1 == 0)
    k = np.where(inside, k, 0)
    return np.where(inside, special.xlogy(k, mu) - special.gammaln(k + 1) - mu, -np.inf)


def pmf(k: Any, mu: Any) -> Any:
    """The probability of k."""
    return np.exp(logpmf(k, mu))


def cdf(k: Any, mu: Any) -> Any:
    """The probability of k or less."""
    return special.pdtr(np.floor(k), mu)
