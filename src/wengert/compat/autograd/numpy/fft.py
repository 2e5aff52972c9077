"""numpy.fft: every name is NumPy's."""

from typing import Any

import numpy


def __getattr__(name: str) -> Any:
    """NumPy's name, kept for the next time."""
    value = globals()[name] = getattr(numpy.fft, name)
    return value
