"""One page about training runs: a single HTML file that asks nothing of the network.

Its curves are SVG by matplotlib, its frame a Jinja template; it follows the reader's light or dark
setting without a script. Needs the extra `report`: pip install "wengert[report]".
"""

import base64
import html
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import MissingExtraError, sentences
from wengert.nn.activations import softmax
from wengert.nn.metrics import confusion, predicted
from wengert.nn.store import write
from wengert.nn.train import Training

__all__ = ["Chapter", "MissingExtraError", "curves", "inline", "page", "write_page"]

INKS = {"#010203": "--ink", "#040506": "--faint", "#070809": "--first", "#0a0b0c": "--second"}
INK, FAINT, FIRST, SECOND = INKS


@dataclass(frozen=True, slots=True, eq=False)
class Chapter:
    """One model on the page.

    `train` and `test` are scores as `nn.evaluate` gives them, with loss and accuracy. `Z` (N, k)
    are the logits on the test data and `y` (N,) their labels. `images` (N, h, w) in [0, 1], if
    there are any, are what the mistakes look like.
    """

    name: str
    training: Training
    train: Mapping[str, float]
    test: Mapping[str, float]
    Z: NDArray[Any]
    y: NDArray[Any]
    images: NDArray[Any] | None = None


def write_page(
    path: str | os.PathLike[str],
    title: str,
    chapters: Sequence[Chapter],
    *,
    baseline: float,
    lines: Sequence[str] = (),
) -> Path:
    """Write the page, whole or not at all; `lines` stand under the title. Returns its path."""
    return write(path, page(title, chapters, baseline=baseline, lines=lines))


def page(
    title: str, chapters: Sequence[Chapter], *, baseline: float, lines: Sequence[str] = ()
) -> str:
    """The page as text. MissingExtraError if jinja2 or matplotlib isn't installed."""
    try:
        import jinja2  # slow to import, and only a report needs it
    except ImportError as problem:
        raise _missing("jinja2") from problem
    source = (files("wengert.nn") / "templates" / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(source).render(
        title=title,
        lines=lines,
        baseline=baseline,
        percent=_percent,
        chapters=[_chapter(chapter) for chapter in chapters],
    )


def curves(history: Mapping[str, Sequence[float]], name: str = "") -> str:
    """The losses, and accuracies if there are any, over the epochs: an SVG element as text.

    Its colours are the page's variables, --ink, --faint, --first and --second.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure  # not pyplot: no state, no window
    except ImportError as problem:
        raise _missing("matplotlib") from problem
    panels = [("loss", True), ("accuracy", False)]
    panels = [(p, log) for p, log in panels if any(key.endswith(p) for key in history)]
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9}):
        figure = Figure(figsize=(9, 3), layout="constrained")
        figure.patch.set_alpha(0)
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (quantity, log) in zip(row, panels, strict=True):
            _panel(axes, history, quantity, log)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return inline(text.getvalue(), f"Training curves of {name}")


def _panel(axes: Any, history: Mapping[str, Sequence[float]], quantity: str, log: bool) -> None:
    """One quantity over the epochs, each line named where it ends."""
    lines = [("train", FIRST, "-"), ("validation", SECOND, "--")]
    lines = [line for line in lines if history.get(f"{line[0]}_{quantity}")]
    epochs, last = history["epoch"], [history[f"{line[0]}_{quantity}"][-1] for line in lines]
    for part, colour, dash in lines:
        values = history[f"{part}_{quantity}"]
        style = {"marker": "o"} if len(epochs) == 1 else {}
        axes.plot(epochs, values, dash, color=colour, linewidth=1.6, **style)
        side = 4 if values[-1] == max(last) else -4  # points up or down: two ends may meet
        at = {"xytext": (6, side if len(lines) > 1 else 0), "textcoords": "offset points"}
        text = f"{part} {values[-1]:.3f}"
        axes.annotate(text, (epochs[-1], values[-1]), color=colour, va="center", **at)
    if log:
        axes.set_yscale("log", subs=[2, 5])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title(quantity, loc="left", color=INK)
    axes.set_xlabel("epoch", color=FAINT)
    axes.patch.set_alpha(0)
    axes.tick_params(which="both", colors=FAINT, labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.margins(x=0.02)


def inline(svg: str, label: str) -> str:
    """An SVG file made an element: no prologue, no metadata, our colours, the page's font."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # unused, and the same in every figure
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
    for colour, variable in INKS.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg


def _chapter(c: Chapter) -> dict[str, Any]:
    k = max(c.Z.shape[1], 2) if c.Z.ndim > 1 else 2
    return {
        "name": c.name,
        "about": repr(c.training.model),
        "train": c.train,
        "test": c.test,
        "reason": c.training.reason,
        "best_epoch": c.training.best_epoch,
        "epochs": len(c.training.history.get("epoch", [])),
        "seconds": [0.0, *c.training.history.get("seconds", [])][-1],
        "figure": curves(c.training.history, c.name),
        "classes": range(k),
        "table": _table(confusion(c.Z, c.y, k)),
        "mistakes": [] if c.images is None else _mistakes(c.Z, c.y, c.images),
    }


def _table(counts: NDArray[Any]) -> list[list[dict[str, Any]]]:
    """The confusion matrix as cells; a wrong one is shaded by its share of all that is wrong."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    worst = max(float(np.max(share - np.diag(np.diag(share)))), 1e-9)

    def cell(i: int, j: int) -> dict[str, Any]:
        shade = share[i, j] if i == j else share[i, j] / worst
        kind = "right" if i == j else "wrong" if counts[i, j] else "none"
        return {"count": int(counts[i, j]), "shade": f"{shade:.2f}", "kind": kind}

    return [[cell(i, j) for j in range(len(counts))] for i in range(len(counts))]


def _mistakes(
    Z: NDArray[Any], y: NDArray[Any], images: NDArray[Any], most: int = 10
) -> list[dict[str, Any]]:
    P, answer = np.asarray(softmax(Z)), predicted(Z)
    sure = np.take_along_axis(P, answer[:, None], axis=1)[:, 0]
    wrong = np.flatnonzero(answer != y)
    chosen = wrong[np.argsort(-sure[wrong], kind="stable")[:most]]
    return [
        {"png": _png(images[i]), "truth": int(y[i]), "answer": int(answer[i]), "sure": sure[i]}
        for i in chosen
    ]


def _png(image: NDArray[Any]) -> str:
    import matplotlib.image  # slow to import, and only a report needs it

    content = io.BytesIO()
    matplotlib.image.imsave(content, 1 - image, format="png", cmap="gray", vmin=0, vmax=1)
    return base64.b64encode(content.getvalue()).decode()


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(
        sentences(
            f"A report needs {package}, which isn't installed.",
            'Install the extra: pip install "wengert[report]".',
        )
    )
