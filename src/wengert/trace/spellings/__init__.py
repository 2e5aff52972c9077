"""How NumPy's functions are spelled in primitives. Importing this package fills the tables."""

from wengert.trace import operators
from wengert.trace.spellings import (
    arithmetic,
    fourier,
    indexing,
    linalg,
    methods,
    products,
    reductions,
    shapes,
    special,
    writing,
)  # fmt: skip

__all__ = [
    "arithmetic", "fourier", "indexing", "linalg", "methods", "operators", "products", "reductions",
    "shapes", "special", "writing",
]  # fmt: skip
