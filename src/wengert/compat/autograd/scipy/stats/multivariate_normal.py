"""The multivariate normal distribution; points along the last axis."""

from typing import Any

import numpy as np


def _matrix(cov: Any, d: int) -> Any:
    """A covariance: a number is a multiple of the identity, a vector its diagonal."""
    return np.eye(d) * cov if np.ndim(cov) < 2 else cov


def logpdf(x: Any, mean: Any, cov: Any, allow_singular: bool = False) -> Any:
    """-(r' C^-1 r + log det C + d log 2 pi) / 2, r = x - mean; singular: C^+ and its rank."""
    r = x - mean
    d = 1 if np.ndim(r) == 0 else np.shape(r)[-1]
    r = np.reshape(r, (*np.shape(r)[:-1], d))
    cov = _matrix(cov, d)
    if allow_singular:
        values = np.linalg.eigvalsh(cov)
        kept = values > 1e-10 * values[-1]
        precision = np.linalg.pinv(cov, hermitian=True)
        logdet = np.sum(np.log(np.where(kept, values, 1.0)))
        rank = np.sum(kept)
    else:
        precision, logdet, rank = np.linalg.inv(cov), np.linalg.slogdet(cov)[1], d
    square = np.sum(r @ precision * r, axis=-1)
    return -(square + logdet + rank * np.log(2 * np.pi)) / 2


def pdf(x: Any, mean: Any, cov: Any, allow_singular: bool = False) -> Any:
    """The density."""
    return np.exp(logpdf(x, mean, cov, allow_singular))


def entropy(mean: Any, cov: Any) -> Any:
    """(log det C + d (1 + log 2 pi)) / 2."""
    cov = _matrix(cov, np.size(mean))
    return (np.linalg.slogdet(cov)[1] + np.shape(cov)[-1] * (1 + np.log(2 * np.pi))) / 2
