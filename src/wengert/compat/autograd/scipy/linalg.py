"""scipy.linalg: what can be traced is wengert's own; the rest is SciPy's, for plain arrays."""

from typing import Any

import numpy as np

from wengert.ir.lazy import Lazy
from wengert.linalg import (
    cho_solve,
    expm,
    solve_banded,
    solve_sylvester,
    solve_triangular,
    sqrtm,
)

__all__ = ["cho_solve", "expm", "solve_banded", "solve_sylvester", "solve_triangular", "sqrtm"]
_scipy = Lazy("scipy.linalg")


def __getattr__(name: str) -> Any:
    """NumPy's function where it has one of this name and meaning, else SciPy's."""
    same = name in ("det", "inv", "norm", "pinv")
    value = globals()[name] = getattr(np.linalg if same else _scipy, name)
    return value
