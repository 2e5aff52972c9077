"""Distributions in plain NumPy and scipy.special's ufuncs: differentiable in every argument."""

from wengert.compat.autograd.scipy.stats import (
    beta,
    chi2,
    dirichlet,
    gamma,
    multivariate_normal,
    norm,
    poisson,
    t,
)
