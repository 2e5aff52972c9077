"""A fitted model as the writers see it: columns, tables, layers, a link; nothing to be run.

One input, X (N, width): numeric columns as they are (nan where `medians` knows the column), and
in a categorical column the number of its value, 1, 2, ... in the order of `values`, 0 for others.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from wengert.errors import UnsupportedError, sentences

__all__ = ["ACTIVATIONS", "Category", "Layer", "Net", "Portable", "known"]

Array = NDArray[Any]
ACTIVATIONS = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "gelu",
    "silu", "mish", "sin",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """H ← [H +] g(norm(H W / root + b)). `norm` is ("batch", gain, b, mean, var) or ("layer",
    gain, b).
    """

    W: Array
    b: Array
    activation: str = "identity"
    root: float = 1.0
    norm: tuple[Any, ...] = ()
    residual: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Category:
    """A categorical column: its values, and the row of numbers that each (0 first) becomes."""

    column: int
    values: tuple[Any, ...]
    table: Array


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """One network. `periodic` is (f, phase, C, c) or (); `scale` multiplies the front."""

    layers: tuple[Layer, ...]
    categories: tuple[Category, ...] = ()
    periodic: tuple[Array, ...] = ()
    scale: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Portable:
    """A model: the mean over `nets` of link(outputs), times `unit` plus `shift`, clipped.

    `link` is identity, exp, sigmoid, softmax or first; with `two` a probability p becomes
    (1 − p, p). `medians` fill gaps in numeric columns, each marked in a column of its own.
    """

    name: str
    width: int
    numbers: tuple[int, ...]
    nets: tuple[Net, ...]
    medians: tuple[tuple[int, float], ...] = ()
    center: Array | None = None
    factor: Array | None = None
    link: str = "identity"
    two: bool = False
    unit: Array | None = None
    shift: Array | None = None
    clip: tuple[Array, Array] | None = None
    classes: tuple[Any, ...] = ()

    @property
    def dtype(self) -> Any:
        """float32 or float64, in which everything is computed."""
        return self.nets[0].layers[0].W.dtype

    @property
    def outputs(self) -> int:
        """How many numbers a row is answered with."""
        count = int(self.nets[0].layers[-1].b.size)
        return 2 if self.two else 1 if self.link == "first" else count


def known(activation: str) -> str:
    """The activation's name; UnsupportedError for one that no writer knows."""
    if activation in ACTIVATIONS:
        return activation
    raise UnsupportedError(
        sentences(
            f"The activation {activation!r} can't be exported.", f"Take one of {ACTIVATIONS}."
        )
    )
