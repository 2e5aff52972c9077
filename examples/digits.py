"""Real handwritten digits: softmax regression and a perceptron, trained, weighed, put on a page.

python examples/digits.py [folder]        # default: runs/digits; WENGERT_FAST=1 for a quick look
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two threads on a busy machine: 25 times slower

import numpy as np

import wengert
from wengert import nn
from wengert.nn import report

FAST = os.environ.get("WENGERT_FAST", "0") not in ("", "0")


def show_mathematics(data):
    """Step 1: the loss as a list, its closed gradient, both evaluation traces at one example."""
    print("1. Softmax regression's loss of 128 digits, as a Wengert list\n")
    X, Y = data.X[:128], np.eye(10)[data.y[:128]]
    W, b = np.zeros((784, 10)), np.zeros(10)

    def Q(W, b, X):
        return nn.cross_entropy(X @ W + b, Y)

    print(wengert.trace(Q)(W, b, X).show(dims={"X": "N d", "W": "d k"}))
    print("\nThe same on the board (c1 are the labels Y, one-hot), and its gradient for W and b:\n")
    gradient = wengert.trace(wengert.grad(Q, (0, 1)))(W, b, X)
    print("   " + "\n   ".join(wengert.formulas(wengert.trace(Q)(W, b, X), inline=True)))
    print("   " + "\n   ".join(wengert.formulas(gradient, inline=True)))
    closed = X.T @ (nn.softmax(X @ W + b) - Y) / len(X)
    gap = np.abs(wengert.grad(Q)(W, b, X) - closed).max()
    print(f"\nThat is X'(softmax(XW + 1b') - Y)/N; worked out in NumPy it agrees within {gap:.0e}.")
    print("\nOne example with two inputs and two classes, q = log 1'exp(z) - y'z, z' = x'W:\n")
    x, y = np.array([1.0, 2.0]), np.array([0.0, 1.0])

    def q(W):
        z = x @ W
        return np.log(np.sum(np.exp(z))) - y @ z

    print(wengert.tables(q, np.array([[0.5, -0.5], [0.0, 1.0]])), "\n")


def train(name, model, data, **options):
    """Step 2: one model, from its start to its scores on data it hasn't seen."""
    print(f"{name}: {model!r}")
    learn, held = nn.split(data.y, 0.1, seed=0)
    X, y, validation = data.X[learn], data.y[learn], (data.X[held], data.y[held])
    options |= {"validation": validation, "metrics": [nn.accuracy], "title": name}
    run = nn.train(model, nn.cross_entropy, X, y, **options)
    scores = []
    for part, rows, labels in (("train", X, y), ("test ", data.X_test, data.y_test)):
        score = nn.evaluate(run.model, nn.cross_entropy, rows, labels, metrics=[nn.accuracy])
        print(f"   {part}  loss {score['loss']:.4f}   accuracy {100 * score['accuracy']:.1f} %")
        scores.append(score)
    seconds = [0.0, *run.history.get("seconds", [])][-1]
    print(f"   {run.reason}; epoch {run.best_epoch} was the best; {seconds:.1f} s\n")
    Z, images = nn.outputs(run.model, data.X_test), data.X_test.reshape(-1, 28, 28)
    return report.Chapter(name, run, *scores, Z, data.y_test, images)


def keep(folder, chapters, data, baseline):
    """Step 3: models, histories and one page, in one folder."""
    for c in chapters:
        place = folder / c.name.split()[0].lower()
        nn.save(c.training.model, place, notes={"train": c.train, "test": c.test})
        nn.save_history(c.training.history, place / "history.csv")
    sizes = (
        f"{0.9 * len(data.X):,.0f} to learn from, {0.1 * len(data.X):,.0f} to choose the epoch by"
    )
    lines = [f"Digits of MNIST, 28 × 28 pixels: {sizes}, {len(data.X_test):,} to be tested on."]
    page = folder / "report.html"
    report.write_page(page, "Handwritten digits", chapters, baseline=baseline, lines=lines)
    print(f"3. Models, histories and the page are in {folder.resolve()}")
    print(f"   Open {page.resolve().as_uri()}")


def main():
    """The three steps, one after another."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/digits")
    data = nn.digits()
    show_mathematics(data)
    baseline = nn.most_frequent(data.y, data.y_test)
    print(f"2. Training on {len(data.X):,} real digits, testing on {len(data.X_test):,}")
    print(f"   Always the most frequent class: accuracy {100 * baseline:.1f} %\n")
    epochs = (3, 3) if FAST else (40, 20)
    softmax = train(
        "Softmax regression", nn.linear(784, 10), data, epochs=epochs[0], optimizer=nn.Adam(1e-3)
    )
    rate = nn.Cosine(4e-3, epochs[1])
    perceptron = train(
        "Perceptron 784-128-10",
        nn.perceptron([784, 128, 10], activation=nn.relu, seed=0),
        data,
        epochs=epochs[1],
        batch_size=64,
        optimizer=nn.AdamW(rate, decay=0.5),
    )
    keep(folder, [softmax, perceptron], data, baseline)


if __name__ == "__main__":
    main()
