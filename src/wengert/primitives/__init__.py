"""What each operation means. Importing this package fills the registry."""

from wengert.primitives import (
    activations,
    compositions,
    curves,
    distributions,
    folds,
    fourier,
    guards,
    linalg,
    maps,
    moves,
    picks,
    special,
    views,
    writes,
)  # fmt: skip

__all__ = [
    "activations", "compositions", "curves", "distributions", "folds", "fourier", "guards",
    "linalg", "maps", "moves", "picks", "special", "views", "writes",
]  # fmt: skip
