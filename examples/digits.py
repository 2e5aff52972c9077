"""Real handwritten digits: softmax regression and a perceptron, trained, weighed, and put on a page.

python examples/digits.py [folder]        # default: runs/digits; WENGERT_FAST=1 for a quick look
"""

import os
import sys
from pathlib import Path

import numpy as np

import wengert
from wengert import nn
from wengert.nn import report

FAST = os.environ.get("WENGERT_FAST", "0") not in ("", "0")


def show_mathematics():
    """Step 1: the list of the softmax-regression loss, on three rows of a small example."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3, 2)), np.array([0, 2, 1])

    def loss(W, b):
        return nn.cross_entropy(X @ W + b, y)

    print("1. The Wengert list of the softmax-regression loss\n")
    print(wengert.trace(loss)(np.zeros((2, 3)), np.zeros(3)))
    print()


def train(name, model, data, **options):
    """Step 2: one model, from its start to its scores on data it hasn't seen."""
    print(f"{name}: {model!r}")
    run = nn.train(
        model,
        nn.cross_entropy,
        data.X,
        data.y,
        validation=0.1,
        metrics=[nn.accuracy],
        title=name,
        **options,
    )
    pairs = ("train", data.X, data.y), ("test", data.X_test, data.y_test)
    scores = {
        part: nn.evaluate(run.model, nn.cross_entropy, X, y, metrics=[nn.accuracy])
        for part, X, y in pairs
    }
    for part, score in scores.items():
        print(f"   {part:<5}  loss {score['loss']:.4f}   accuracy {100 * score['accuracy']:.1f} %")
    seconds = run.history["seconds"][-1] if run.history else 0
    print(f"   {run.reason}; best epoch {run.best_epoch}; {seconds:.1f} s\n")
    Z = nn.outputs(run.model, data.X_test)
    images = data.X_test.reshape(-1, 28, 28)
    return report.Chapter(name, run, scores["train"], scores["test"], Z, data.y_test, images)


def keep(folder, chapters, data, baseline):
    """Step 3: models, histories and one page, in one folder."""
    for c in chapters:
        place = folder / c.name.split()[0].lower()
        nn.save(c.training.model, place, notes={"train": c.train, "test": c.test})
        nn.save_history(c.training.history, place / "history.csv")
    lines = [
        f"{len(data.X):,} digits to learn from, of which 10 % chose the best epoch, and "
        f"{len(data.X_test):,} to be tested on: a tenth of MNIST, 28 × 28 pixels.",
    ]
    page = folder / "report.html"
    report.write_page(page, "Handwritten digits", chapters, baseline=baseline, lines=lines)
    print(f"3. Models, histories and the page are in {folder.resolve()}")
    print(f"   Open {page.resolve().as_uri()}")


def main():
    """The three steps, one after another."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/digits")
    show_mathematics()
    data = nn.digits()
    baseline = nn.most_frequent(data.y, data.y_test)
    print(f"2. Training on {len(data.X):,} real digits, testing on {len(data.X_test):,}")
    print(f"   Always the most frequent class: accuracy {100 * baseline:.1f} %\n")
    epochs = 3 if FAST else 40
    softmax = train(
        "Softmax regression", nn.linear(784, 10), data, epochs=epochs, optimizer=nn.Adam(1e-3)
    )
    perceptron = train(
        "Perceptron 784-128-10",
        nn.perceptron([784, 128, 10], activation=nn.relu, seed=0),
        data,
        epochs=epochs,
        optimizer=nn.AdamW(nn.Cosine(2e-3, epochs), decay=0.05),
    )
    keep(folder, [softmax, perceptron], data, baseline)


if __name__ == "__main__":
    main()
