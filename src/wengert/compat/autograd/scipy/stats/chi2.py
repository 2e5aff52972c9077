"""The chi-squared distribution."""

from typing import Any

import numpy as np

from wengert.compat.autograd.scipy.stats import gamma


def logpdf(x: Any, df: Any) -> Any:
    """That of the gamma distribution of df/2 at x/2, less log 2."""
    return gamma.logpdf(x / 2, df / 2) - np.log(2)


def pdf(x: Any, df: Any) -> Any:
    """The density."""
    return gamma.pdf(x / 2, df / 2) / 2


def cdf(x: Any, df: Any) -> Any:
    """The distribution function; no derivative in df."""
    return gamma.cdf(x / 2, df / 2)
