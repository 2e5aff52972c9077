"""How NumPy's functions are spelled in primitives. Importing this package fills the tables."""

from wengert.trace import operators
from wengert.trace.spellings import (
    arithmetic,
    counting,
    fourier,
    indexing,
    linalg,
    methods,
    polynomials,
    products,
    quantiles,
    questions,
    reductions,
    selection,
    shapes,
    special,
    substitutes,
    ufuncs,
    writing,
)  # fmt: skip

__all__ = [
    "arithmetic", "counting", "fourier", "indexing", "linalg", "methods", "operators",
    "polynomials", "products", "quantiles", "questions", "reductions", "selection", "shapes",
    "special", "substitutes", "ufuncs", "writing",
]  # fmt: skip
