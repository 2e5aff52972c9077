"""dX moved out of the trace, in lines of their own, with the laws that move it.

dQ = tr((dQ/dZ)' dZ),  dZ = X dW   gives   dQ = tr(U'X dW) = tr((X'U)'dW)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wengert.explanation.matrix import Resolve, written
from wengert.explanation.sweep import differential
from wengert.explanation.terms import Head, Law, Poly
from wengert.explanation.trees import Tree, is_small, mul, prime, scaled

HADAMARD = "tr(A'(B * C)) = tr((A * B)'C)"


def chained(
    head: Head, readers: Sequence[Any], adjoints: Mapping[str, Poly], rules: Sequence[Law],
    resolve: Resolve,
) -> Tree | None:  # fmt: skip
    """The part of dQ that dX makes: sum tr(U'dZ) over the values Z made of X, dX not yet moved."""
    parts = []
    for reader in readers:
        dz = differential(reader.definition, {head.name}, rules)
        if dz.terms:
            if len(dz.dims) > 2:
                return None
            u = written(adjoints[reader.head.name], resolve)
            parts.append(
                paired(prime(u) if dz.dims else u, written(dz, resolve, tidy=False), len(dz.dims))
            )
    return parts[0] if len(parts) == 1 else Tree("sum", tuple(parts)) if parts else None


def closed(gradient: Tree, head: Head) -> Tree | None:
    """tr(G'dX), dX at the end; g'dx for a vector; None where there is no such matrix."""
    if len(head.dims) > 2:
        return None
    small = Tree("small", (), f"d{head.name}")
    turned = gradient if not head.dims else Tree("T", (gradient,))
    return paired(turned if gradient.op != "sym" else prime(gradient), small, len(head.dims))


def paired(u: Tree, dz: Tree, rank: int) -> Tree:
    """u'dz, in a trace if these are matrices; numbers stand in front of it."""
    if u.op == "num":
        return scaled(u.data, (), dz)
    product = mul(u, dz)
    if rank < 2:
        return product
    if product.op == "scale" and product.data[2]:
        return scaled(product.data[0], product.args[:-1], Tree("tr", product.args[-1:]))
    return Tree("tr", (product,))


def moves(tree: Tree, head: Head) -> str:
    """The laws that take dX out of this line."""
    if "einsum" in {t.op for t in _every(tree)}:
        return "the sum over indices, written for each entry of dX"
    ranks, found = len(head.dims), []
    traced = any(t.op == "tr" for t in _every(tree))
    inside = [t for t in _every(tree) if t.op == "mul" and any(_holds(a) for a in t.args)]
    if any(t.op == "had" and _holds(t) for t in _every(tree)):
        found.append(HADAMARD if ranks == 2 else "a'(b * c) = (a * b)'c")
    if any(t.op == "T" and _holds(t) for t in _every(tree)):
        vector = "tr(ab') = b'a" if traced else "a'b = b'a"
        found.append("tr A = tr A'" if ranks == 2 else vector)
    if ranks == 2 and any(not _holds(t.args[-1]) for t in inside):
        found.append("tr AB = tr BA")
    if ranks == 2 and not traced:
        found.insert(0, "a number is its own trace")
    if any(len(t.args) > 2 for t in inside) and ranks and not found:
        found.append("(AB)' = B'A'")
    return ", ".join(found) or ("written as g dx", "written as g'dx", "written as tr(G'dX)")[ranks]


def _every(tree: Tree) -> Iterator[Tree]:
    yield tree
    for a in tree.args:
        yield from _every(a)


def _holds(tree: Tree) -> bool:
    return any(is_small(t) for t in _every(tree))
