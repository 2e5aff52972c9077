"""`wengert report RUN`: the page of a run, made again from its folder and its table."""

import argparse
import csv
import json
import shlex
import tomllib
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wengert.cli.failures import DataError, UsageError, told
from wengert.cli.tables import read
from wengert.cli.task import task_of
from wengert.cli.train import held_back, options
from wengert.estimators import load
from wengert.report import write

__all__ = ["main"]

SAID = (
    "metric",
    "score",
    "low",
    "high",
    "baseline",
    "linear",
    "train_rows",
    "test_rows",
    "seconds",
)


@told
def main(argv: Sequence[str]) -> int:
    """Write RUN/report.html once more and print its path."""
    p = argparse.ArgumentParser("wengert report", description="The page of a run, made again.")
    p.add_argument("run", help="the folder of a run")
    p.add_argument("--data", help="the table, if it has moved since")
    p.add_argument("--open", action="store_true", help="show it in the browser")
    p.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    o = p.parse_args(argv)
    page = again(Path(o.run), o.data)
    print(json.dumps({"file": str(page)}) if o.json else page)
    if o.open:
        webbrowser.open(page.resolve().as_uri())
    return 0


def again(folder: Path, data: str | None = None) -> Path:
    """The page of the run in this folder; DataError if its table isn't what it was."""
    said = _said(folder)
    o = options().parse_args(shlex.split(said["command"])[2:])
    source = data or o.data
    if source == "-":
        raise UsageError("The run read standard input. Give its table with --data.")
    if not Path(source).is_file():
        raise DataError(f"The run's table {source} isn't here. Give it with --data.")
    drop = [name for name in o.drop.split(",") if name]
    table = read(source, o.encoding)
    if table.fingerprint() != said["table"]:
        raise DataError(f"{source} isn't the table that the run saw: a value or a name differs.")
    task = task_of(table.without(*drop), o.target, o.task)
    model = load(folder / "model.safetensors")
    _, held = held_back(task, o)
    known = task.X.only(list(model.feature_names_in_))
    found = model.predict(known.rows(held))
    result = {name: said[name] for name in SAID}
    if "folds" in said:
        each = said["folds"]
        error = float(np.std(each, ddof=1) / np.sqrt(len(each)))
        result["folds"] = {"scores": each, "mean": float(np.mean(each)), "error": error}
    result |= {"held": held, "found": found, "history": _history(folder / "history.csv")}
    return write(folder, model, task, result, said["command"])


def _said(folder: Path) -> dict[str, Any]:
    file = folder / "run.toml"
    if not file.is_file():
        raise UsageError(f"{folder} is no folder of a run: it holds no run.toml.")
    try:
        said = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DataError(f"{file} is damaged: {problem}.") from None
    missing = [name for name in ("command", "table", *SAID) if name not in said]
    if missing:
        raise DataError(f"{file} is damaged: it doesn't say {missing[0]!r}.")
    return said


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        raise DataError(f"{file} is missing. Train once more.")
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _history(file: Path) -> dict[str, list[float]]:
    rows = _rows(file)
    score = [row["validation_score"] for row in rows]
    return {
        "loss": [float(row["train_loss"]) for row in rows],
        "score": [float(s) for s in score if s not in ("", "None")],
    }
