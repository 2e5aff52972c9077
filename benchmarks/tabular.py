"""Accuracy and fit time beside scikit-learn's own classes, 5 seeds, on ten data sets.

    python -m benchmarks.tabular FOLDER [NAME ...]

FOLDER holds the .npz files of the larger sets; without it, only those that scikit-learn carries
are run. Each set is standardised, split anew for each seed, and cut to 8,000 rows to learn from
and 4,000 to score on. Both sides get the same split, parameters and number of epochs (30, none
stopped early); they take turns, and the time is the median of the seeds. A first fit, which compiles, is left
out.
"""

import argparse
import platform
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

warnings.simplefilter("ignore")
EPOCHS, SEEDS, LEARN, SCORE = 30, 5, 8000, 4000
WIDE = 200  # columns beyond which the preset, five inputs for each, takes too long to compare


def carried() -> dict[str, Callable[[], Any]]:
    from sklearn import datasets

    return {
        "digits": lambda: (*datasets.load_digits(return_X_y=True), True),
        "breast cancer": lambda: (*datasets.load_breast_cancer(return_X_y=True), True),
        "wine": lambda: (*datasets.load_wine(return_X_y=True), True),
        "diabetes": lambda: (*datasets.load_diabetes(return_X_y=True), False),
    }


def larger(folder: Path) -> dict[str, Callable[[], Any]]:
    def images(name: str) -> Any:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as f:
            return np.concatenate([f["Xtr"], f["Xte"]]), np.concatenate([f["ytr"], f["yte"]]), True

    def rows(name: str, classes: bool) -> Any:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as f:
            return f["X"], f["y"], classes

    return {
        "mnist": lambda: images("mnist"),
        "fashion": lambda: images("fashion_mnist"),
        "adult": lambda: images("adult"),
        "letter": lambda: rows("letter", True),
        "california": lambda: rows("california", False),
        "diamonds": lambda: rows("diamonds", False),
    }


def models(classes: bool, labels: int, seed: int, width: int) -> dict[str, tuple[Any, ...]]:
    """Pairs (theirs, ours, ...) under one title."""
    import sklearn.linear_model as linear
    from sklearn import neural_network as theirs

    from wengert import estimators as ours

    same = dict(max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=seed)
    kind = "MLPClassifier" if classes else "MLPRegressor"
    best = dict(preset="tabular", hidden_layer_sizes=(256, 256, 256), max_iter=EPOCHS)
    found = {
        "MLP(100)": (
            getattr(theirs, kind)(**same),
            getattr(ours, kind)(**same),
            getattr(ours, kind)(**best, random_state=seed),
        )
    }
    if width > WIDE:
        found["MLP(100)"] = found["MLP(100)"][:2]
    if classes:
        linearly = ours.LogisticRegression if labels == 2 else ours.SoftmaxRegression
        found["linear"] = (
            linear.LogisticRegression(tol=1e-4, max_iter=500),
            linearly(tol=1e-4, max_iter=500),
        )
    return found


def splits(X: Any, y: Any, seed: int) -> tuple[Any, ...]:
    order = np.random.default_rng(seed).permutation(len(y))
    count = min(SCORE, len(y) // 4)
    held, learn = order[:count], order[count : count + LEARN]
    A, B = X[learn].astype(np.float64), X[held].astype(np.float64)
    mean, scale = A.mean(axis=0), A.std(axis=0)
    scale[scale == 0] = 1
    return (A - mean) / scale, y[learn], (B - mean) / scale, y[held]


def measured(X: Any, y: Any, classes: bool) -> Iterator[tuple[str, Any, Any]]:
    """(title, scores (models, seeds), seconds (models, seeds)) of each pair."""
    labels = len(np.unique(y)) if classes else 0
    titles = models(classes, labels, 0, X.shape[1])
    for title in titles:
        scores, seconds = [], []
        for seed in range(SEEDS):
            A, a, B, b = splits(X, y, seed)
            unit = a.std() if not classes else 1
            a, b = (a, b) if classes else ((a - a.mean()) / unit, (b - a.mean()) / unit)
            row, times = [], []
            for model in models(classes, labels, seed, X.shape[1])[title]:
                if seed == 0:
                    type(model)(**model.get_params()).fit(A, a)
                start = perf_counter()
                model.fit(A, a)
                times.append(perf_counter() - start)
                row.append(model.score(B, b))
            scores.append(row)
            seconds.append(times)
        yield title, np.array(scores).T, np.array(seconds).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    sets = {**carried(), **(larger(given.folder) if given.folder else {})}
    import sklearn

    print(
        f"{platform.machine()}, Python {platform.python_version()}, scikit-learn {sklearn.__version__}"
    )
    print(
        "score: accuracy or R2, mean ± standard deviation of 5 seeds; time: scikit-learn / ours\n"
    )
    print("| data | model | scikit-learn | wengert | tabular preset | time | preset's |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, load in sets.items():
        if given.names and name not in given.names:
            continue
        for title, scores, seconds in measured(*load()):
            told = [f"{s.mean():.4f} ± {s.std(ddof=1):.4f}" for s in scores]
            middle = np.median(seconds, axis=1)
            ratios = [f"{middle[0] / t:.2f}" for t in middle[1:]]
            cells = [*told, *[""] * (3 - len(told)), *ratios, *[""] * (2 - len(ratios))]
            print("| " + " | ".join([name, title, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
