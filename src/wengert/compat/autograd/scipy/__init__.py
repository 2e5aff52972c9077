"""SciPy, as far as it can be traced: special, stats and linalg."""

from wengert.compat.autograd.scipy import linalg, special, stats
