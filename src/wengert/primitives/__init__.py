"""What each operation means. Importing this package fills the registry."""

from wengert.primitives import curves, folds, fourier, linalg, maps, picks, views

__all__ = ["curves", "folds", "fourier", "linalg", "maps", "picks", "views"]
