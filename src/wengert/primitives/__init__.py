"""What each operation means. Importing this package fills the registry."""

from wengert.primitives import (
    activations,
    compositions,
    curves,
    folds,
    fourier,
    guards,
    linalg,
    maps,
    picks,
    special,
    views,
    writes,
)  # fmt: skip

__all__ = [
    "activations", "compositions", "curves", "folds", "fourier", "guards", "linalg", "maps",
    "picks", "special", "views", "writes",
]  # fmt: skip
