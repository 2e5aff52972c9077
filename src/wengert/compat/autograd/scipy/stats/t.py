"""Student's t distribution."""

from typing import Any

import numpy as np

from wengert.ir.lazy import special


def logpdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """log Gamma((n+1)/2) - log Gamma(n/2) - log(n pi)/2 - log scale - (n+1)/2 log(1 + z^2/n)."""
    z = (x - loc) / scale
    norm = special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - np.log(np.pi * df) / 2
    return norm - np.log(scale) - (df + 1) / 2 * np.log1p(z * z / df)


def pdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The density."""
    return np.exp(logpdf(x, df, loc, scale))


def cdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The distribution function; no derivative in df."""
    return special.stdtr(df, (x - loc) / scale)


def logcdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Its logarithm."""
    return np.log(cdf(x, df, loc, scale))
