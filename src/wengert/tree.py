"""Nested tuples, lists, dicts and dataclasses <-> flat lists of leaves.

A model is such a tree. What isn't a container is a leaf; a dataclass field made with `static()`
belongs to the structure (an activation, a name) and is compared, never differentiated.

>>> leaves, structure = flatten({"W": 1.0, "b": (2.0, 3.0)})
>>> leaves, structure.unflatten([10.0, 20.0, 30.0])
([1.0, 2.0, 3.0], {'W': 10.0, 'b': (20.0, 30.0)})
"""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wengert.errors import ShapeError

__all__ = ["Structure", "flatten", "map", "paths", "static"]


def static(**options: Any) -> Any:
    """A dataclass field that is structure and no leaf: `activation: Callable = static()`."""
    return dataclasses.field(metadata={"static": True}, **options)


@dataclass(frozen=True, slots=True)
class Structure:
    """The shape of a tree: its kind of container, what is fixed in it, and its children.

    `kind` is None for a leaf. Equal structures may be zipped; one is a key of the cache of `jit`.
    """

    kind: type | None
    keys: tuple[Any, ...] = ()
    fixed: tuple[Any, ...] = ()
    children: tuple["Structure", ...] = ()

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return 1 if self.kind is None else sum(child.size for child in self.children)

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """The tree of this structure with these leaves; ValueError if their number is wrong."""
        if len(leaves) != self.size:
            raise ShapeError(f"A tree of {self.size} leaves was given {len(leaves)}.")
        return self._build(iter(leaves))

    def _build(self, leaves: Any) -> Any:
        if self.kind is None:
            return next(leaves)
        children = [child._build(leaves) for child in self.children]
        kind: Any = self.kind
        if issubclass(kind, dict):
            return kind(zip(self.keys, children, strict=True))
        if dataclasses.is_dataclass(kind):
            make: Any = object.__new__
            tree = make(kind)  # no __init__: a tree of tracers is no new model
            for name, value in (*zip(self.keys, children, strict=True), *self.fixed):
                object.__setattr__(tree, name, value)
            return tree
        return kind(*children) if hasattr(kind, "_fields") else kind(children)


LEAF = Structure(None)


def _open(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]] | None:
    """(keys, children, fixed) of a container; None for a leaf."""
    kind = type(tree)
    if kind is tuple or kind is list or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return tuple(range(len(tree))), tuple(tree), ()
    if kind is dict or kind is OrderedDict:
        return tuple(tree), tuple(tree.values()), ()
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = [
            (f.name, getattr(tree, f.name), "static" in f.metadata)
            for f in dataclasses.fields(tree)
        ]
        moving = [(name, value) for name, value, still in fields if not still]
        fixed = tuple((name, value) for name, value, still in fields if still)
        return tuple(n for n, _ in moving), tuple(v for _, v in moving), fixed
    return None


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves from left to right, and the structure that puts them back."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    opened = _open(tree)
    if opened is None:
        leaves.append(tree)
        return LEAF
    keys, children, fixed = opened
    return Structure(
        type(tree), keys, fixed, tuple([_flatten(child, leaves) for child in children])
    )


def map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree of `function(leaf, *leaves of the others)`; ValueError if structures differ."""
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in others:
        more, same = flatten(other)
        if same != structure:
            raise ShapeError(f"Trees of different structure were zipped: {structure} and {same}.")
        columns.append(more)
    return structure.unflatten([function(*row) for row in zip(*columns, strict=True)])


def paths(tree: Any, root: str = "") -> list[str]:
    """A name for each leaf, as one would write it in Python: `layers[0].W`, `['b']`."""
    opened = _open(tree)
    if opened is None:
        return [root]
    mark = ".{}" if dataclasses.is_dataclass(tree) else "[{!r}]"
    found: list[str] = []
    for key, child in zip(opened[0], opened[1], strict=True):
        found += paths(child, root + mark.format(key))
    return found
