"""Pictures as SVG elements whose colours are the page's variables: light and dark in one file."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.nn.report import FAINT, FIRST, INK, SECOND, inline
from wengert.report.scores import bins, roc, sweep

__all__ = [
    "calibration",
    "history",
    "importance",
    "precision",
    "residuals",
    "roc_curves",
    "surface",
]

Array = NDArray[Any]
HUES = {f"#0{c}0{c}f{c}": f"--c{c}" for c in range(8)}
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)), (0, (1, 3))]


def drawn(label: str, draw: Callable[[Any], None], width: float = 4.5, height: float = 3.4) -> str:
    """What `draw(axes)` draws, as an SVG element with this label for those who don't see it."""
    import matplotlib
    from matplotlib.figure import Figure  # not pyplot: no state, no window

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 9}):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        draw(axes)
        axes.tick_params(which="both", colors=INK, labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(FAINT)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, labelcolor=INK, fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = inline(text.getvalue(), label)
    for colour, variable in HUES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg


def hue(c: int) -> str:
    return list(HUES)[c % len(HUES)]


def history(values: list[float], title: str, best: int | None = None) -> str:
    """One quantity over the epochs; the epoch that was kept is marked."""

    def draw(axes: Any) -> None:
        epochs = np.arange(1, len(values) + 1)
        axes.plot(epochs, values, color=FIRST, linewidth=1.6, marker="o" * (len(values) == 1))
        if best is not None:
            axes.plot(best + 1, values[best], "o", color=SECOND, label=f"kept: epoch {best + 1}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
        axes.set_ylabel(title)

    return drawn(f"{title} over the epochs", draw)


def _each(axes: Any, P: Array, Y: Array, names: list[str], points: Any) -> None:
    for c, name in enumerate(names):
        x, y = points(P[:, c], Y[:, c])
        axes.plot(x, y, color=hue(c), linestyle=DASHES[c % 8], linewidth=1.5, label=name)


def roc_curves(P: Array, Y: Array, names: list[str]) -> str:
    """True over false positive rate, a curve per class against the rest."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        _each(axes, P, Y, names, roc)
        axes.set_xlabel("share of the others taken for it")
        axes.set_ylabel("share of it found")

    return drawn("ROC curves", draw)


def precision(P: Array, Y: Array, names: list[str]) -> str:
    """Precision over recall, a curve per class against the rest."""

    def points(p: Array, yes: Array) -> tuple[Array, Array]:
        true, false = sweep(p, yes)
        return true / max(int(yes.sum()), 1), true / (true + false)

    def draw(axes: Any) -> None:
        _each(axes, P, Y, names, points)
        axes.set_ylim(0, 1.03)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")

    return drawn("Precision and recall", draw)


def calibration(P: Array, Y: Array, names: list[str]) -> str:
    """How often it is so, over how probable it was said to be."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        for c, name in enumerate(names):
            said, is_so, n = bins(P[:, c], Y[:, c])
            axes.plot(said, is_so, color=hue(c), linestyle=DASHES[c % 8], linewidth=1.2, label=name)
            axes.scatter(said, is_so, 10 + 60 * n / n.max(), color=hue(c), linewidths=0)
        axes.set_xlabel("probability said")
        axes.set_ylabel("share that was so")

    return drawn("Calibration", draw)


def residuals(truth: Array, found: Array, target: str) -> list[str]:
    """The truth over the prediction, and how the differences are spread."""
    most = np.random.default_rng(0).permutation(len(truth))[:2000]

    def against(axes: Any) -> None:
        axes.axhline(0, color=FAINT, linewidth=0.8)
        axes.scatter(found[most], (truth - found)[most], 9, color=FIRST, alpha=0.6, linewidths=0)
        axes.set_xlabel(f"predicted {target}")
        axes.set_ylabel("truth − prediction")

    def spread(axes: Any) -> None:
        axes.hist(truth - found, bins="auto" if len(truth) < 5000 else 60, color=FIRST, alpha=0.8)
        axes.set_xlabel("truth − prediction")
        axes.set_ylabel("rows")

    return [drawn("Residuals over predictions", against), drawn("Spread of residuals", spread)]


def importance(rows: list[dict[str, Any]], metric: str) -> str:
    """What each column is worth, with its spread over the shuffles."""
    top = rows[:20][::-1]

    def draw(axes: Any) -> None:
        names = [_short(r["name"]) for r in top]
        axes.barh(names, [r["mean"] for r in top], xerr=[r["error"] for r in top],
                  color=FIRST, ecolor=SECOND, height=0.7)  # fmt: skip
        axes.axvline(0, color=FAINT, linewidth=0.8)
        axes.set_xlabel(f"{metric} lost when the column is shuffled")

    return drawn("Permutation importance", draw, 7, 0.9 + 0.26 * len(top))


def _short(name: str) -> str:
    name = name.replace("$", r"\$")
    return name if len(name) < 28 else name[:26] + "…"


def surface(x: Array, y: Array, Z: Array, points: Array, truth: Array, **told: Any) -> str:
    """A model of two numbers: its answer Z (y, x) on a grid, and the rows it was scored on.

    `told` has `names` of the two, `labels` of the classes (or None for a number) and `target`.
    """
    labels = told["labels"]

    def draw(axes: Any) -> None:
        if labels is None:
            lines = axes.contour(x, y, Z, 9, colors=FIRST, linewidths=1.2)
            axes.clabel(lines, fontsize=8)
            axes.scatter(*points.T, 8, color=FAINT, linewidths=0)
        else:
            for c, name in enumerate(labels):
                mask = np.where(c == Z, 1.0, 0.0)
                axes.contourf(x, y, mask, [0.5, 1.5], colors=[hue(c)], alpha=0.25)
                here = points[truth == c]
                axes.scatter(
                    *here.T, 14, color=hue(c), marker="os^DvPX*"[c % 8], linewidths=0, label=name
                )
        axes.set_xlabel(told["names"][0])
        axes.set_ylabel(told["names"][1])

    return drawn(f"What the network answers for {told['target']}", draw, 7, 4.6)
