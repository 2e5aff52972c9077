"""From a run to its page: every number from the model, the task and the result, none made up."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import wengert
from wengert.errors import MissingExtraError, sentences
from wengert.nn.store import write as write_file
from wengert.report import plots, scores
from wengert.report.signals import derivation, layers

__all__ = ["page", "write"]

Array = NDArray[Any]
CURVES = 8
"""Classes that get curves of their own; of more, the commonest."""
COLUMNS, ROWS, REPEATS, SEED = 100, 1000, 5, 0
"""Importance is measured for so many columns, on so many rows, with so many shuffles."""


def write(folder: str | Path, model: Any, task: Any, result: dict[str, Any], command: str) -> Path:
    """Write report.html into a run's folder, whole or not at all. Returns its path."""
    return write_file(Path(folder) / "report.html", page(model, task, result, command))


def page(model: Any, task: Any, result: dict[str, Any], command: str) -> str:
    """The page as text. MissingExtraError if jinja2 or matplotlib isn't installed."""
    try:
        import jinja2  # slow to import, and only a report needs it
        import matplotlib  # noqa: F401  # said here rather than half through the page
    except ImportError as problem:
        raise MissingExtraError(
            sentences(
                f"A report needs {problem.name}, which isn't installed.",
                'Install the extra: pip install "wengert[report]".',
            )
        ) from problem
    source = (files("wengert.report") / "templates" / "run.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(
        f=lambda x: f"{x:.4f}", **facts(model, task, result), command=command
    )


def facts(model: Any, task: Any, result: dict[str, Any]) -> dict[str, Any]:
    """All that the page says."""
    held, found = result["held"], result["found"]
    X, y = task.X.rows(held), task.y[held]
    numbers = np.arange(len(task.y)) if getattr(task, "rows", None) is None else task.rows
    network = layers(model, X, y)
    return {
        "task": task, "r": result, "verdict": verdict(result),
        "curves": _curves(model, result),
        "answers": _classes(model, X, y, found) if task.classes else _numbers(task, y, found),
        "worst": _worst(model, task, X, y, found, numbers[held]),
        "importance": _importance(model, task, X, y),
        "columns": [*map(_column, task.X.columns, task.X.arrays), _column(task.target, task.y)],
        "layers": network, "strongest": max(row["signal"] for row in network) or 1.0,
        "derivation": derivation(model, network), "members": model.ensemble_,
        "surface": _surface(model, task, X, y), "machine": machine(),
    }  # fmt: skip


def verdict(r: dict[str, Any]) -> str:
    """Better than, worse than or not surely different from the linear model, by the interval."""
    if r["low"] > r["linear"]:
        return "better than the linear model"
    return "worse than the linear model" if r["high"] < r["linear"] else (
        "not surely different from the linear model"
    )  # fmt: skip


def _curves(model: Any, r: dict[str, Any]) -> list[str]:
    told = r.get("history") or {"loss": model.loss_curve_, "score": model.validation_scores_}
    loss, score = list(told["loss"]), list(told["score"] or [])
    found = [plots.history(loss, "training loss")] if loss else []
    if score:
        best = int(np.argmax(score))
        found.append(plots.history(score, f"validation {r['metric']}", best))
    return found


def _classes(model: Any, X: Any, y: Array, found: Array) -> dict[str, Any]:
    labels, P = model.classes_, model.predict_proba(X)
    C = scores.counts(y, found, labels)
    Y = y[:, None] == labels
    chosen = np.sort(np.argsort(-C.sum(axis=1), kind="stable")[:CURVES])
    if len(labels) == 2:
        chosen = np.array([1])
    names = [str(labels[c]) for c in chosen]
    part = P[:, chosen], Y[:, chosen], names
    share = C / np.maximum(C.sum(axis=1, keepdims=True), 1)
    return {
        "labels": labels.tolist(), "counts": C.tolist(), "share": share.tolist(),
        "areas": [
            {"name": name, "rows": int(Y[:, c].sum()), "area": scores.area(P[:, c], Y[:, c]),
             "precision": scores.average_precision(P[:, c], Y[:, c]),
             "off": scores.calibration_error(P[:, c], Y[:, c])}
            for c, name in zip(chosen, names, strict=True) if 0 < Y[:, c].sum() < len(y)
        ],
        "figures": [plots.roc_curves(*part), plots.precision(*part), plots.calibration(*part)],
    }  # fmt: skip


def _numbers(task: Any, y: Array, found: Array) -> dict[str, Any]:
    e = y - found
    return {
        "mean": float(e.mean()), "absolute": float(np.abs(e).mean()),
        "root": float(np.sqrt(np.mean(e**2))), "figures": plots.residuals(y, found, task.target),
    }  # fmt: skip


def _worst(model: Any, task: Any, X: Any, y: Array, found: Array, numbers: Array) -> Any:
    """Ten rows: classes by the probability their truth was given, numbers by the difference."""
    if task.classes:
        P = model.predict_proba(X)
        amount = P[np.arange(len(y)), np.searchsorted(model.classes_, y)]
        order = np.argsort(amount, kind="stable")
    else:
        amount = y - found
        order = np.argsort(-np.abs(amount), kind="stable")
    shown = X.columns[:8]
    return {
        "columns": shown, "left": len(X.columns) - len(shown),
        "rows": [
            {"row": int(numbers[i]) + 1, "truth": y[i], "found": found[i], "amount": amount[i],
             "values": [_said(a[i]) for a in X.arrays[:8]]}
            for i in order[:10]
        ],
    }  # fmt: skip


def _said(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "missing" if missing else f"{value:.6g}" if isinstance(value, float) else str(value)


def _importance(model: Any, task: Any, X: Any, y: Array) -> dict[str, Any] | None:
    """The score lost when a column is shuffled. Breiman 2001, Random forests, section 10."""
    if len(X.columns) > COLUMNS:
        return None
    rng = np.random.default_rng(SEED)
    rows = rng.permutation(len(y))[:ROWS]
    X, y = X.rows(rows), y[rows]
    whole, found = task.score(y, model.predict(X)), []
    for j, name in enumerate(X.columns):
        lost = [whole - task.score(y, model.predict(_shuffled(X, j, rng))) for _ in range(REPEATS)]
        found.append({"name": name, "mean": float(np.mean(lost)), "error": float(np.std(lost))})
    found.sort(key=lambda r: -r["mean"])
    figure = plots.importance(found, task.metric)
    return {"rows": found, "count": len(y), "repeats": REPEATS, "figure": figure}


def _shuffled(X: Any, j: int, rng: Any) -> Any:
    arrays = list(X.arrays)
    arrays[j] = rng.permutation(arrays[j])
    return type(X)(X.columns, arrays, X.source)


def _column(name: str, a: Array) -> dict[str, Any]:
    """Kind, missing and range of a column, or its commonest values."""
    if a.dtype.kind in "fiu":
        a = a.astype(float)
        there = a[~np.isnan(a)]
        span = f"{there.min():.6g} to {there.max():.6g}" if len(there) else "nothing"
        kind, middle = "number", f"{there.mean():.6g}" if len(there) else ""
    else:
        there = np.array([v for v in a.tolist() if v is not None], dtype=str)
        values, n = np.unique(there, return_counts=True)
        top = [str(values[i]) for i in np.argsort(-n, kind="stable")[:3]]
        kind, middle = "text", ""
        span = f"{len(values)} values: {', '.join(top)}" + (" …" if len(values) > 3 else "")
    return {
        "name": name,
        "kind": kind,
        "missing": len(a) - len(there),
        "span": span,
        "mean": middle,
    }


def _surface(model: Any, task: Any, X: Any, y: Array) -> str | None:
    """The answers on a grid over two numeric columns without gaps; None for any others."""
    if len(X.columns) != 2 or any(a.dtype.kind != "f" or np.isnan(a).any() for a in X.arrays):
        return None
    points = np.column_stack(X.arrays)
    low, high = points.min(axis=0), points.max(axis=0)
    if not np.all(high > low):
        return None
    edge = 0.05 * (high - low)
    x, h = np.linspace(low - edge, high + edge, 120).T
    grid = [a.ravel() for a in np.meshgrid(x, h)]
    found = model.predict(type(X)(X.columns, grid, X.source)).reshape(120, 120)
    labels, told = None, y
    if task.classes:
        labels = [str(c) for c in model.classes_]
        found, told = (np.searchsorted(model.classes_, a) for a in (found, y))
    elif found.min() == found.max():
        return None
    return plots.surface(
        x, h, found, points, told, names=X.columns, labels=labels, target=task.target
    )


def machine() -> dict[str, str]:
    """Where the page was made."""
    found = {"wengert": wengert.__version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "llvmlite", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "system": platform.platform(), "cores": str(os.cpu_count())}
