"""Places for the boxes of a graph: igraph orders the layers, and no two boxes meet."""

from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

SWEEPS = 24


def layered(
    widths: Sequence[float], edges: Sequence[tuple[int, int]], pinned: Sequence[bool], gap: float
) -> tuple[list[float], list[int], list[list[tuple[float, int]]]]:
    """The centre x and the layer of each node, and for each edge the points that it bends at.

    Each node stands one layer below the last one that it reads; a pinned one (an input) just above
    its first reader. An edge over several layers is a chain of narrow boxes, so that it goes round
    the others.
    """
    layers = _layers(len(widths), edges, pinned)
    wide, pairs, chains, rank = _chained(list(widths), edges, layers)
    order = _ordered(len(wide), pairs, rank)
    firm = [0.02 if i < len(pinned) and pinned[i] else 1.0 for i in range(len(wide))]
    xs = _spread(wide, firm, pairs, (rank, order), gap)
    bends = [[(xs[i], rank[i]) for i in chain] for chain in chains]
    left = min((x - w / 2 for x, w in zip(xs, wide, strict=True)), default=0.0)
    moved = [x - left for x in xs[: len(widths)]]
    return moved, layers, [[(x - left, r) for x, r in bend] for bend in bends]


def _layers(count: int, edges: Sequence[tuple[int, int]], pinned: Sequence[bool]) -> list[int]:
    """The longest path from above; edges go from smaller to larger numbers but for constants."""
    layer = [0] * count
    for _ in range(count):
        before = list(layer)
        for a, b in edges:
            layer[b] = max(layer[b], layer[a] + 1)
        if layer == before:
            break
    for i in range(count):
        readers = [layer[b] for a, b in edges if a == i]
        if pinned[i] and readers:
            layer[i] = min(readers) - 1
    return layer


def _chained(
    widths: list[float], edges: Sequence[tuple[int, int]], layers: list[int]
) -> tuple[list[float], list[tuple[int, int]], list[list[int]], list[int]]:
    """Edges cut into steps of one layer, by narrow boxes of their own."""
    rank, pairs, chains = list(layers), [], []
    for a, b in edges:
        chain, at = [], a
        for r in range(layers[a] + 1, layers[b]):
            widths.append(8.0)
            rank.append(r)
            pairs.append((at, len(widths) - 1))
            at = len(widths) - 1
            chain.append(at)
        pairs.append((at, b))
        chains.append(chain)
    return widths, pairs, chains, rank


def _ordered(count: int, pairs: list[tuple[int, int]], rank: list[int]) -> list[float]:
    """igraph's place of each node in its layer: few crossings, by Sugiyama's method."""
    try:
        igraph: Any = import_module("igraph")
    except ImportError as error:
        raise ImportError(
            "A picture needs igraph, which isn't installed. The text forms .dot and .mermaid need "
            "nothing. Install it with pip install 'wengert[explain]'."
        ) from error
    g = igraph.Graph(n=count, edges=pairs, directed=True)
    return [float(x) for x, _ in list(g.layout_sugiyama(layers=rank, maxiter=200))[:count]]


def _spread(
    wide: list[float], firm: list[float], pairs: list[tuple[int, int]], places: Any, gap: float
) -> list[float]:
    """Each node over the middle of its neighbours, as near as the boxes beside it allow.

    Inputs give way: they weigh little, for their readers and where boxes push each other.
    """
    rank, order = places
    rows: dict[int, list[int]] = {}
    for i in sorted(range(len(wide)), key=lambda i: (rank[i], order[i])):
        rows.setdefault(rank[i], []).append(i)
    beside: list[list[int]] = [[] for _ in wide]
    for a, b in pairs:
        beside[a].append(b)
        beside[b].append(a)
    xs = [x * 40.0 for x in order]
    for sweep in range(SWEEPS):
        ranks = sorted(rows, reverse=bool(sweep % 2))
        for r in ranks:
            row = rows[r]
            wish = [_middle(xs, firm, beside[i]) if beside[i] and sweep else xs[i] for i in row]
            sizes, weights = [wide[i] for i in row], [firm[i] for i in row]
            for i, x in zip(row, _apart(wish, sizes, weights, gap), strict=True):
                xs[i] = x
    return xs


def _middle(xs: list[float], firm: list[float], beside: list[int]) -> float:
    return float(np.average([xs[j] for j in beside], weights=[firm[j] for j in beside]))


def _apart(wish: list[float], widths: list[float], weights: list[float], gap: float) -> list[float]:
    """The places nearest to the wished ones, in this order and without overlap.

    With the widths before each box taken off, that is isotonic regression: pool what violates.
    """
    steps = [0.0]
    for a, b in pairwise(widths):
        steps.append(steps[-1] + (a + b) / 2 + gap)
    pools: list[tuple[float, float, int]] = []
    for x, s, w in zip(wish, steps, weights, strict=True):
        value, weight, count = x - s, w, 1
        while pools and pools[-1][0] > value:
            v, more, n = pools.pop()
            value, weight, count = (
                (v * more + value * weight) / (more + weight),
                more + weight,
                n + count,
            )
        pools.append((value, weight, count))
    flat = [value for value, _, count in pools for _ in range(count)]
    return [v + s for v, s in zip(flat, steps, strict=True)]
