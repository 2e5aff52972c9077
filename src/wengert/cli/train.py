"""`wengert train`: a table in, a folder out, and every choice on the way told."""

import argparse
import json
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.cli.failures import UsageError, told
from wengert.cli.folder import free, write_run
from wengert.cli.tables import read
from wengert.cli.task import Task, interval, task_of
from wengert.estimators.store import ready
from wengert.nn.batches import split

__all__ = ["held_back", "main", "options"]

Array = NDArray[Any]


def options() -> argparse.ArgumentParser:
    """The options of `wengert train`."""
    # fmt: off
    p = argparse.ArgumentParser("wengert train", description="Learn from a table: CSV, TSV, Parquet, Arrow, NPZ, or - for standard input.")
    p.add_argument("data", help="the table")
    p.add_argument("--target", required=True, help="the column to predict")
    p.add_argument("--task", choices=["auto", "classification", "regression"], default="auto")
    p.add_argument("--drop", default="", help="columns to leave out, with commas")
    p.add_argument("--test", type=float, default=0.2, help="share of the rows to score on (0.2)")
    p.add_argument("--folds", type=int, default=0, help="cross-validate on so many folds")
    p.add_argument("--hidden", type=_widths, default=(256, 256, 256), help="widths of the hidden layers (256,256,256)")
    p.add_argument("--epochs", type=_positive, default=64, help="passes over the data (64)")
    p.add_argument("--ensemble", type=_positive, default=1, help="networks to average (1)")
    p.add_argument("--seed", type=int, default=0, help="every random choice comes from it (0)")
    p.add_argument("--out", help="the run's folder (runs/NAME)")
    p.add_argument("--encoding", default="utf-8")
    p.add_argument("--json", action="store_true", help="one line of JSON on stdout, nothing else")
    p.add_argument("--quiet", action="store_true", help="no live display")
    # fmt: on
    return p


def _widths(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(",") if part)


def _positive(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return int(text)


@told
def main(argv: Sequence[str]) -> int:
    """Train, score beside the baseline and the linear model, write the folder."""
    o = options().parse_args(argv)
    o.bar = False if o.json or o.quiet else None
    say = (lambda text: None) if o.json else print
    if not 0 < o.test < 1:
        raise UsageError(f"--test {o.test} isn't a share between 0 and 1.")
    ready()
    table = read(o.data, o.encoding)
    drop = [name for name in o.drop.split(",") if name]
    for name in drop:
        table.column(name)
    task = task_of(table.without(*drop), o.target, o.task)
    if o.folds and not 2 <= o.folds <= len(task.y) // 2:
        raise UsageError(f"--folds {o.folds} isn't possible for {len(task.y)} rows.")
    _introduce(say, table, task, o)
    name = "stdin" if o.data == "-" else Path(o.data).stem
    folder = free(Path(o.out) if o.out else Path("runs") / name)
    folder.parent.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    result = _holdout(task, o)
    if o.folds:
        result["folds"] = _folds(task, o)
    line = "wengert train " + shlex.join(argv)
    interrupted = result.pop("interrupted")
    write_run(folder, task, o, result, line, table)
    if o.json:
        print(json.dumps({"folder": str(folder), **_plain(result)}))
    else:
        _conclude(say, task, result, folder, line)
    return 130 if interrupted else 0


def _introduce(say: Any, table: Any, task: Task, o: Any) -> None:
    say(f"{table.source}: {len(table):,} rows, {len(table.columns)} columns")
    for text in table.seen():
        say("  " + text)
    kind = f"{len(np.unique(task.y))} classes" if task.classes else "a number"
    say(
        f"target   {task.target}: {kind}"
        + (f"; {task.dropped} rows without it left out" * bool(task.dropped))
    )
    say(f"model    perceptron {o.hidden}, {o.epochs} epochs, the tabular preset, seed {o.seed}")
    say(f"scored   on {o.test:.0%} of the rows held back; the best epoch by another 20 %")


def _fitted(model: Any, task: Task, rows: Array) -> tuple[Any, bool]:
    """The model, and whether Ctrl-C ended it early."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(task.X.rows(rows), task.y[rows])
    return model, any("interrupted" in str(w.message) for w in caught)


def held_back(task: Task, o: Any) -> tuple[Array, Array]:
    """(rows to learn from, rows to score on)."""
    labels = np.unique(task.y, return_inverse=True)[1] if task.classes else task.y
    return split(labels, o.test, seed=o.seed)


def _holdout(task: Task, o: Any) -> dict[str, Any]:
    learn, held = held_back(task, o)
    start = perf_counter()
    model, interrupted = _fitted(task.network(o), task, learn)
    seconds = perf_counter() - start
    linear, _ = _fitted(task.linear(len(np.unique(task.y))), task, learn)
    y, X = task.y[held], task.X.rows(held)
    found = model.predict(X)
    low, high = interval(task, y, found, o.seed)
    return {
        "metric": task.metric, "score": task.score(y, found), "low": low, "high": high,
        "baseline": task.score(y, task.baseline(task.y[learn], len(y))),
        "linear": task.score(y, linear.predict(X)),
        "train_rows": len(learn), "test_rows": len(held), "seconds": seconds,
        "model": model, "held": held, "found": found, "interrupted": interrupted,
    }  # fmt: skip


def _folds(task: Task, o: Any) -> dict[str, Any]:
    """Scores on each of k parts by models that haven't seen it, and their mean ± its error."""
    order = np.random.default_rng(o.seed).permutation(len(task.y))
    scores = []
    for part in np.array_split(order, o.folds):
        learn = np.setdiff1d(order, part)
        model, _ = _fitted(task.network(o), task, learn)
        scores.append(task.score(task.y[part], model.predict(task.X.rows(part))))
    spread = float(np.std(scores, ddof=1) / np.sqrt(o.folds))
    return {"scores": scores, "mean": float(np.mean(scores)), "error": spread}


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in result.items() if k not in ("model", "held", "found")}


def _conclude(say: Any, task: Task, r: dict[str, Any], folder: Path, line: str) -> None:
    name = r["metric"]
    say("")
    say(f"{name} {r['score']:.4f}, 95 % interval {r['low']:.4f} to {r['high']:.4f}, "
        f"on {r['test_rows']:,} rows not learned from")  # fmt: skip
    say(f"  baseline {r['baseline']:.4f}, linear model {r['linear']:.4f}")
    if "folds" in r:
        f = r["folds"]
        say(f"  {len(f['scores'])} folds: {f['mean']:.4f} ± {f['error']:.4f}")
    better = "better than" if r["low"] > r["linear"] else "not surely better than"
    say(f"  the perceptron is {better} the linear model; {r['seconds']:.1f} s to train")
    say(f"folder   {folder}")
    say(f"again    {line}")
    sys.stdout.flush()
