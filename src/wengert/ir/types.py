"""What is known of a value before it is computed: its shape and dtype."""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

Array = Any
"""An ndarray, a NumPy scalar, or a carrier that stands for one."""

SHORT = {"float": "f", "int": "i", "uint": "u", "complex": "c", "bool": "bool"}
KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}


class Type(NamedTuple):
    """Shape and dtype. Stands for a value where a rule may look at these and nothing else."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        count = 1
        for n in self.shape:
            count *= n
        return count

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def differentiable(self) -> bool:
        """Whether values of this type have tangents: floats and complex numbers do."""
        return self.dtype.kind in "fc"

    def __str__(self) -> str:
        return short(self.dtype) + (f"[{', '.join(map(str, self.shape))}]" if self.shape else "")


def is_masked(value: Any) -> bool:
    """Whether a value is a masked array; their module isn't imported to say that it isn't."""
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())
    return isinstance(value, masked)


def short(dtype: np.dtype[Any]) -> str:
    """`f64` for float64, `bool` for bool."""
    name = dtype.name
    stem = name.rstrip("0123456789")
    return SHORT[stem] + name[len(stem) :] if stem in SHORT else name


def long(name: str) -> np.dtype[Any]:
    """The dtype that `short` writes so."""
    return np.dtype(KINDS[name[0]] + name[1:] if name[0] in KINDS and name[1:].isdigit() else name)


def type_of(value: Array) -> Type:
    """The type of an array, a carrier or a Python number."""
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
    return Type(value.shape, value.dtype)


def types_of(values: Iterable[Array]) -> tuple[Type, ...]:
    """The types of several values."""
    return tuple([type_of(v) for v in values])
