"""The five families: what the shape of an operation says, apart from its meaning.

A family labels the axes of its operands and results; equal labels are equal axes. From the labels
follow the result's shape, the symbols of dimensions, and how to map over one more axis.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from wengert.errors import ShapeError
from wengert.ir.types import Array, Type

Labels = tuple[Hashable, ...]
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pointwise:
    """y[i] = f(x[i], ...): all operands have the result's shape, or are scalar constants.

    The first `conditions` operands are booleans and take no part in promotion.
    """

    conditions: int = 0
    dtype: str | None = None

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        rank = max((t.ndim for t in types), default=0)
        return [tuple(range(rank)) if t.shape else () for t in types], [tuple(range(rank))]


@dataclass(frozen=True, slots=True)
class Reduction:
    """The axes in `axes` (ascending, not negative) are folded away."""

    dtype: str | None = None

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        axes = tuple(range(types[0].ndim))
        return [axes] * len(types), [tuple(i for i in axes if i not in params["axes"])]


@dataclass(frozen=True, slots=True)
class Along:
    """The axis `axis` (not negative) is read as a sequence and keeps its length."""

    dtype: str | None = None

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        axes = tuple(range(types[0].ndim))
        return [axes] * len(types), [axes]


@dataclass(frozen=True, slots=True)
class Contraction:
    """A product of two operands summed over shared letters, spelled as einsum spells it."""

    dtype: str | None = None

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        operands, result = params["spec"].split("->")
        return [tuple(part) for part in operands.split(",")], [tuple(result)]


@dataclass(frozen=True, slots=True)
class View:
    """Elements move and none is computed. `shape(*types, **params)` is the result's shape.

    `batch(args, batched, size, **params)` is the same view of operands with one more leading axis.
    """

    shape: Callable[..., tuple[int, ...]]
    batch: Callable[..., Array]
    axes: Callable[..., tuple[list[Labels], list[Labels]]] | None = None
    dtype: str | None = None

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        if self.axes is not None:
            return self.axes(*types, **params)
        mine: list[Labels] = [tuple((i, a) for a in range(t.ndim)) for i, t in enumerate(types)]
        shape = self.shape(*types, **params)
        return mine, [tuple(("result", axis) for axis in range(len(shape)))]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A whole core at once: `signature` as NumPy's generalised ufuncs write it, `(n,n)->(n)`.

    Leading axes are mapped over. `sizes(*types, **params)` names the dimensions that no operand
    has; `dtypes(*dtypes)` gives the results' where they aren't the first operand's.
    """

    signature: str
    sizes: Callable[..., dict[str, int]] | None = None
    dtypes: Callable[..., Sequence[Any]] | None = None

    def cores(self) -> tuple[list[Labels], list[Labels]]:
        """The names of the core axes of each operand and of each result."""
        sides = self.signature.replace(" ", "").split("->")
        return tuple(  # type: ignore[return-value]
            [tuple(filter(None, core.split(","))) for core in side[1:-1].split("),(")]
            for side in sides
        )

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        ins, outs = self.cores()
        lead = tuple(range(max(t.ndim - len(core) for t, core in zip(types, ins, strict=True))))
        label = [
            (*lead[len(lead) - (t.ndim - len(core)) :], *core)
            for t, core in zip(types, ins, strict=True)
        ]
        return label, [(*lead, *core) for core in outs]


@dataclass(frozen=True, slots=True)
class Control:
    """A loop or a branch: what it does to types and to one more axis is its own affair."""

    infer: Callable[..., Sequence[Type]]
    batch: Callable[..., Any]

    def labels(self, types: Sequence[Type], params: Params) -> tuple[list[Labels], list[Labels]]:
        mine: list[Labels] = [tuple((i, a) for a in range(t.ndim)) for i, t in enumerate(types)]
        outs = self.infer(*types, **params)
        return mine, [tuple((-1 - i, a) for a in range(t.ndim)) for i, t in enumerate(outs)]


Family = Pointwise | Reduction | Along | Contraction | View | Opaque | Control


def result_shapes(family: Family, types: Sequence[Type], params: Params) -> list[tuple[int, ...]]:
    """The results' shapes, from the labels; ShapeError when a label has two sizes."""
    if isinstance(family, View):
        return [tuple(family.shape(*types, **params))]
    ins, outs = family.labels(types, params)
    size: dict[Hashable, int] = {}
    if isinstance(family, Opaque) and family.sizes is not None:
        size.update(family.sizes(*types, **params))
    for t, labels in zip(types, ins, strict=True):
        for n, label in zip(t.shape, labels, strict=True):
            if size.setdefault(label, n) != n:
                shapes = " and ".join(str(t.shape) for t in types)
                raise ShapeError(f"Shapes {shapes} don't fit together.")
    return [tuple(size[label] for label in labels) for labels in outs]
