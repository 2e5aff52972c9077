"""The folder of a run: run.toml, model.safetensors, history.csv, predictions.csv, report.html."""

import csv
import io
import platform
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from wengert.nn.store import write

__all__ = ["free", "write_predictions", "write_run"]


def free(folder: Path) -> Path:
    """The folder, or the next NAME-2, NAME-3 ... that isn't there yet."""
    found, number = folder, 2
    while found.exists():
        found, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return found


def write_run(folder: Path, task: Any, o: Any, r: dict[str, Any], line: str, table: Any) -> None:
    """Every file whole or not at all; run.toml, written last, says that the others are there."""
    model = r["model"]
    model.save(folder / "model.safetensors")
    rows = zip(model.loss_curve_, model.validation_scores_ or [], strict=False)
    history = [f"{i},{loss!r},{score!r}" for i, (loss, score) in enumerate(rows, 1)]
    write(folder / "history.csv", "\n".join(["epoch,train_loss,validation_score", *history, ""]))
    X = task.X.rows(r["held"])
    write_predictions(
        folder / "predictions.csv", model, X, r["found"], task.y[r["held"]], task.rows[r["held"]]
    )
    if find_spec("jinja2") and find_spec("matplotlib"):  # the extra `report`
        import_module("wengert.report").write(folder, model, task, r, line)
    write(folder / "run.toml", _toml(task, o, r, line, table))


def write_predictions(
    path: Path | None, model: Any, X: Any, found: Any, truth: Any = None, rows: Any = None
) -> str:
    """A line per row: its number from 1, the truth if known, the prediction, probabilities."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    P = model.predict_proba(X) if model.kind == "classifier" else None
    head = ["row", *(["truth"] if truth is not None else []), "prediction"]
    writer.writerow(head + ([] if P is None else [f"p({c})" for c in model.classes_.tolist()]))
    numbers = np.arange(len(found)) if rows is None else rows
    for i, (number, value) in enumerate(zip(numbers, found.tolist(), strict=True)):
        line = [int(number) + 1, *([truth[i]] if truth is not None else []), value]
        writer.writerow(line + ([] if P is None else P[i].tolist()))
    if path is not None:
        write(path, out.getvalue())
    return out.getvalue()


def _toml(task: Any, o: Any, r: dict[str, Any], line: str, table: Any) -> str:
    version = import_module("wengert").__version__
    pairs = {
        "command": line, "data": o.data, "rows": len(table), "table": table.fingerprint(),
        "target": task.target,
        "task": "classification" if task.classes else "regression", "metric": r["metric"],
        "score": r["score"], "low": r["low"], "high": r["high"], "baseline": r["baseline"],
        "linear": r["linear"], "train_rows": r["train_rows"], "test_rows": r["test_rows"],
        "seconds": r["seconds"], "hidden": list(o.hidden), "epochs": o.epochs, "seed": o.seed,
        "ensemble": o.ensemble, "wengert": version, "numpy": np.__version__,
        "python": platform.python_version(), "machine": platform.platform(),
    }  # fmt: skip
    if "folds" in r:
        pairs["folds"] = r["folds"]["scores"]
    return "".join(f"{name} = {_value(v)}\n" for name, v in pairs.items())


def _value(v: Any) -> str:
    if isinstance(v, str):
        escaped = "".join(
            f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\' or ord(c) == 127 else c for c in v
        )
        return f'"{escaped}"'
    return repr(v).replace("np.float64", "").replace("(", "").replace(")", "")
