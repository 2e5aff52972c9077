"""The pen for graphs: boxes, lines between them, text that fits, for light pages and dark ones."""

from html import escape
from itertools import pairwise
from typing import Any

from wengert.explanation.layered import layered

LETTER, ROW, PAD, BETWEEN, GAP = 7.25, 16.0, 10.0, 46.0, 18.0
"""The width of a letter of 12 px monospace, the height of a row, and the room around."""
SMALL = 6.1
MOST_LABELS = 60
"""Edges up to which each carries its label; beyond, the label shows when the mouse is over it."""
STYLE = """
.wg{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.wg rect{fill:#fff;stroke:#5b6b7b}.wg text{fill:#1c2733}.wg .input rect{fill:#e3f0fb}
.wg .constant rect{fill:#f0f0f0;stroke-dasharray:4 3}.wg .block rect{fill:#fdf3dc}
.wg .result rect{fill:#e2f4e4;stroke-width:2}.wg .adjoint{fill:#a2332a}
.wg path{fill:none;stroke:#8795a3}.wg .label{font-size:10px;fill:#a2332a;paint-order:stroke}
.wg .label{stroke:#fff;stroke-width:4px}.wg .ground{fill:#fff;stroke:none}.wg .tip{fill:#8795a3}
@media (prefers-color-scheme:dark){.wg .ground,.wg rect{fill:#14181d}.wg text{fill:#e6edf3}
.wg .input rect{fill:#16324a}.wg .constant rect{fill:#26292e}.wg .block rect{fill:#3d3115}
.wg .result rect{fill:#173a1d}.wg .adjoint,.wg .label{fill:#ff9d91}.wg .label{stroke:#14181d}}
""".replace("\n", "")

# fmt: off
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="wg" width="{width:.0f}" height="{height:.0f}" viewBox="{pad:.0f} {pad:.0f} {width:.0f} {height:.0f}">'
    '<style>{style}</style><defs><marker id="wg-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs><rect class="ground" x="{pad:.0f}" y="{pad:.0f}" width="100%" height="100%"/>'
)
EDGE = '<path d="{path}" marker-end="url(#wg-tip)"><title>{label}</title></path>'
TEXT = '<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle"{kind}>{text}</text>'
BOX = '<g class="{kind}"><title>{title}</title><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{round}"/>{texts}</g>'
# fmt: on


def drawn(graph: Any) -> str:
    """The graph as SVG: a page of its own, that needs no script and no network."""
    place = {n.key: i for i, n in enumerate(graph.nodes)}
    widths = [max(map(len, n.lines)) * LETTER + 2 * PAD for n in graph.nodes]
    heights = [len(n.lines) * ROW + PAD for n in graph.nodes]
    edges = [(place[e.source], place[e.target]) for e in graph.edges]
    pinned = [n.kind in ("input", "constant") for n in graph.nodes]
    xs, layers, bends = layered(widths, edges, pinned, GAP)
    tops = _tops(layers, heights)
    width = max((x + w / 2 for x, w in zip(xs, widths, strict=True)), default=0.0)
    width = max([width, *[x for bend in bends for x, _ in bend]]) + 2 * PAD
    height = max((tops[r] + h for r, h in zip(layers, heights, strict=True)), default=0.0) + 2 * PAD
    boxes = [
        _box(n, x, tops[r], w, h)
        for n, x, r, w, h in zip(graph.nodes, xs, layers, widths, heights, strict=True)
    ]
    few = len(edges) <= MOST_LABELS
    lines: list[str] = []
    labels: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for e, (a, b), bend in zip(graph.edges, edges, bends, strict=True):
        points = _points(
            (xs[a], tops[layers[a]] + heights[a]), (xs[b], tops[layers[b]]), bend, tops
        )
        lines.append(EDGE.format(path=_curve(points), label=escape(e.label)))
        if few and e.label:
            labels.append(_label(e.label, points, taken))
    head = HEAD.format(width=width, height=height, pad=-PAD, style=STYLE)
    return "".join([head, *lines, *boxes, *labels, "</svg>"])


def _tops(layers: list[int], heights: list[float]) -> list[float]:
    """Where each layer begins."""
    tops, y = [], 0.0
    for r in range(max(layers, default=0) + 1):
        tops.append(y)
        y += max((h for k, h in zip(layers, heights, strict=True) if k == r), default=0.0) + BETWEEN
    return tops


def _box(n: Any, x: float, y: float, w: float, h: float) -> str:
    round_ = 9 if n.kind in ("input", "constant") else 2
    rows = []
    for i, line in enumerate(n.lines):
        kind = ' class="adjoint"' if line.startswith("adjoint ") else ""
        rows.append(TEXT.format(x=x, y=y + ROW * (i + 0.95), kind=kind, text=escape(line)))
    title, texts = escape(n.title), "".join(rows)
    sizes = {"x": x - w / 2, "y": y, "w": w, "h": h, "round": round_}
    return BOX.format(kind=n.kind, title=title, texts=texts, **sizes)


Point = tuple[float, float]


def _points(
    start: Point, end: Point, bend: list[tuple[float, int]], tops: list[float]
) -> list[Point]:
    """From the bottom of a box to the top of another, through the places kept free for it."""
    points = [start]
    for x, r in bend:
        points += [(x, tops[r]), (x, tops[r + 1] - BETWEEN)]
    return [*points, end]


def _curve(points: list[Point]) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return path


def _label(text: str, points: list[Point], taken: list[tuple[float, float, float]]) -> str:
    """Text beside the last stretch of an edge, moved down where another label stands."""
    (x0, y0), (x1, y1) = points[-2], points[-1]
    width = len(text) * SMALL
    for t in (0.5, 0.72, 0.28, 0.86, 0.14):
        x = x0 + (x1 - x0) * t * t * (3 - 2 * t)
        y = y0 + (y1 - y0) * t
        if all(abs(y - v) > 10 or abs(x - u) > (width + w) / 2 for u, v, w in taken):
            break
    taken.append((x, y, width))
    return TEXT.format(x=x, y=y + 3, kind=' class="label"', text=escape(text))
