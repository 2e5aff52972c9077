"""scipy.linalg: what can be traced is wengert's own; the rest is SciPy's, for plain arrays."""

from typing import Any

import numpy as np

from wengert import linalg as own
from wengert.ir.lazy import Lazy

__all__ = own.__all__
_scipy = Lazy("scipy.linalg")


def __getattr__(name: str) -> Any:
    """wengert's function, or NumPy's of this name and meaning, else SciPy's."""
    same = name in ("det", "inv", "norm", "pinv")
    home = own if name in own.__all__ else np.linalg if same else _scipy
    value = globals()[name] = getattr(home, name)
    return value
