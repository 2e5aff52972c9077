"""NumPy. Traced values go through NumPy's own functions, so the names here are NumPy's.
Only `array`, `asarray` and the joins (`stack` and its like) also take lists of traced values, or
iterators.

>>> from wengert.compat.autograd import numpy as np
>>> np.stack(iter([1.0, 2.0])).sum()
np.float64(3.0)
"""

from typing import Any

import numpy

from wengert.compat.autograd.numpy import fft, linalg, numpy_boxes, random
from wengert.compat.autograd.numpy.constructors import (
    array,
    asarray,
    column_stack,
    concatenate,
    hstack,
    stack,
    vstack,
)

__all__ = numpy.__all__


def __getattr__(name: str) -> Any:
    """NumPy's name, kept for the next time."""
    value = globals()[name] = getattr(numpy, name)
    return value
