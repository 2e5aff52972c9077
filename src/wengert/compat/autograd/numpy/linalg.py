"""numpy.linalg: every name is NumPy's, and `norm` takes lists of traced values."""

from typing import Any

import numpy

from wengert.compat.autograd.numpy.constructors import asarray


def norm(x: Any, *args: Any, **kwargs: Any) -> Any:
    """np.linalg.norm."""
    return numpy.linalg.norm(asarray(x), *args, **kwargs)


def __getattr__(name: str) -> Any:
    """NumPy's name, kept for the next time."""
    value = globals()[name] = getattr(numpy.linalg, name)
    return value
