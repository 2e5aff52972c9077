"""`wengert test`, `predict` and `export`: what is done with a model that is there."""

import argparse
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wengert.cli.failures import DataError, UsageError, told
from wengert.cli.folder import write_predictions
from wengert.cli.tables import Table, read
from wengert.cli.task import Task, interval
from wengert.estimators import load

__all__ = ["export", "predict", "test"]

FORMATS = {".onnx": "to_onnx", ".c": "to_c", ".py": "to_numpy"}


def _model(path: str) -> Any:
    """The model of a file, or of a run's folder."""
    place = Path(path)
    return load(place / "model.safetensors" if place.is_dir() else place)


def _features(model: Any, table: Table) -> Table:
    """The columns that the model knows, each of the kind it knows; unseen values are told."""
    names = list(model.feature_names_in_) if hasattr(model, "feature_names_in_") else table.columns
    X = table.only(names)
    known = dict(model._columns.categories)
    for j, (name, a) in enumerate(zip(X.columns, X.arrays, strict=True)):
        if j not in known and a.dtype == object:
            row, value = next((i, v) for i, v in enumerate(a.tolist(), 1) if not _number(v))
            raise DataError(
                f"{table.source} holds {value!r} in row {row}, column {name!r}, where the model "
                "knows numbers."
            )
        if j not in known and j not in dict(model._columns.medians) and np.isnan(a).any():
            row = int(np.flatnonzero(np.isnan(a))[0]) + 1
            raise DataError(
                f"{table.source} has no value in row {row}, column {name!r}, which had no gaps in "
                "training."
            )
    return X


def _number(value: Any) -> bool:
    try:
        return value is None or bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _unseen(model: Any, X: Table) -> list[str]:
    """A sentence for each column with values that training hasn't seen."""
    found = []
    for j, values in model._columns.categories:
        given = X.arrays[j].tolist()
        new = [(i, v) for i, v in enumerate(given, 1) if _key(v) not in values]
        if new:
            row, value = new[0]
            found.append(
                f"column {X.columns[j]!r}: {len(new)} values not seen in training, "
                f"first {value!r} in row {row}"
            )
    return found


def _key(v: Any) -> Any:
    if isinstance(v, float):
        return None if np.isnan(v) else int(v) if v.is_integer() else v
    return v


def _parser(name: str, told: str) -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(f"wengert {name}", description=told)
    p.add_argument("model", help="a model file, or the folder of a run")
    p.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    return p


@told
def test(argv: Sequence[str]) -> int:
    """Score a model on a table that has the target."""
    p = _parser("test", "Score a model on another table.")
    p.add_argument("data")
    p.add_argument("--target", help="the column with the truth (that of run.toml)")
    p.add_argument("--encoding", default="utf-8")
    o = p.parse_args(argv)
    model, table = _model(o.model), read(o.data, o.encoding)
    target = o.target or _target(o.model)
    y = table.column(target)
    classes = model.kind == "classifier"
    if classes and model.classes_.dtype.kind != "U":
        y = y.astype(model.classes_.dtype) if y.dtype != object else y
    X = _features(model, table)
    task = Task(X, y, target, classes)
    found = model.predict(X)
    y = y.astype(str) if classes and model.classes_.dtype.kind == "U" else y
    score, (low, high) = task.score(y, found), interval(task, y, found)
    notes = _unseen(model, X)
    if o.json:
        said = {"metric": task.metric, "score": score, "low": low, "high": high, "rows": len(y)}
        print(json.dumps({**said, "notes": notes}))
        return 0
    for note in notes:
        print("note     " + note)
    print(f"{task.metric} {score:.4f}, 95 % interval {low:.4f} to {high:.4f}, {len(y):,} rows")
    return 0


def _target(path: str) -> str:
    file = Path(path) / "run.toml"
    if not file.is_file():
        raise UsageError("A model file doesn't name its target: give --target.")
    return str(tomllib.loads(file.read_text("utf-8"))["target"])


@told
def predict(argv: Sequence[str]) -> int:
    """Answers as CSV, on stdout or in a file."""
    p = _parser("predict", "Answer the rows of a table.")
    p.add_argument("data")
    p.add_argument("--out", help="a CSV file instead of standard output")
    p.add_argument("--encoding", default="utf-8")
    o = p.parse_args(argv)
    model, table = _model(o.model), read(o.data, o.encoding)
    X = _features(model, table)
    for note in _unseen(model, X):
        print("wengert: note: " + note, file=sys.stderr)
    found = model.predict(X)
    text = write_predictions(Path(o.out) if o.out else None, model, X, found)
    if o.json:
        print(json.dumps({"rows": len(found), "predictions": found.tolist()}))
    elif not o.out:
        sys.stdout.write(text)
    return 0


@told
def export(argv: Sequence[str]) -> int:
    """Write a model for a machine without wengert."""
    p = _parser("export", "Write a model as ONNX (.onnx), C (.c) or NumPy-only Python (.py).")
    p.add_argument("out", help="the file to write; its ending says the format")
    o = p.parse_args(argv)
    suffix = Path(o.out).suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(
            f"{o.out} ends in {suffix or 'nothing'}; take one of {', '.join(FORMATS)}."
        )
    written = getattr(_model(o.model), FORMATS[suffix])(o.out)
    print(json.dumps({"file": str(written)}) if o.json else written)
    return 0
