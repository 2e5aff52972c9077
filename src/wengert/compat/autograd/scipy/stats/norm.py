"""The normal distribution."""

from typing import Any

import numpy as np

from wengert.ir.lazy import special

_HALF_LOG_2PI = np.log(2 * np.pi) / 2


def logpdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """-z^2/2 - log(2 pi)/2 - log scale, z = (x - loc) / scale."""
    z = (x - loc) / scale
    return -z * z / 2 - _HALF_LOG_2PI - np.log(scale)


def pdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The density."""
    return np.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Phi((x - loc) / scale)."""
    return special.ndtr((x - loc) / scale)


def sf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """1 - cdf, without cancellation."""
    return special.ndtr((loc - x) / scale)


def logcdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """log Phi((x - loc) / scale), also far out."""
    return special.log_ndtr((x - loc) / scale)


def logsf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """log(1 - cdf), also far out."""
    return special.log_ndtr((loc - x) / scale)
