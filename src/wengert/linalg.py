"""scipy.linalg's functions, traced and untraced, by SciPy's names; NumPy's own are in np.linalg.

>>> import numpy as np
>>> from wengert import grad, linalg
>>> float(grad(lambda t: linalg.expm(t * np.eye(2))[0, 0])(1.0).round(6))
2.718282
"""

from wengert.trace.spellings.linalg import (
    cho_solve,
    expm,
    solve_banded,
    solve_sylvester,
    solve_triangular,
    sqrtm,
)

__all__ = ["cho_solve", "expm", "solve_banded", "solve_sylvester", "solve_triangular", "sqrtm"]
