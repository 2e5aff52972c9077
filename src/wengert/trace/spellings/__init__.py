"""How NumPy's functions are spelled in primitives. Importing this package fills the tables."""

from wengert.trace import operators
from wengert.trace.spellings import arithmetic, indexing, methods, products, reductions, shapes

__all__ = ["arithmetic", "indexing", "methods", "operators", "products", "reductions", "shapes"]
