"""Gradients on HIPS/autograd's own ground: the same NumPy function, wengert beside autograd.

    python -m benchmarks.interpreter --json rows.json

`jit` is wengert.jit(wengert.grad(f)) after its first call; `grad` retraces at each call, as
autograd does.
"""

from functools import partial

import autograd
import autograd.numpy as anp
import numpy as np

import wengert
from benchmarks.timing import arguments, compare, machine, save


def rosenbrock(np):
    return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def notes(np):
    return lambda x: (x[0] * x[1] * np.sin(x[2]) + np.exp(x[0] * x[1])) / x[2]


def perceptron(np, X, Y):
    def loss(params):
        (W1, b1), (W2, b2) = params
        Z = np.tanh(X @ W1 + b1) @ W2 + b2
        shift = np.max(Z, axis=1, keepdims=True)
        lse = shift[:, 0] + np.log(np.sum(np.exp(Z - shift), axis=1))
        return np.mean(lse - np.sum(Y * Z, axis=1))

    return loss


def mixture(np, X):
    """-log p(X) for weights softmax(a), means M and diagonal precisions exp(S)."""

    def loss(params):
        a, M, S = params
        D = (X[:, None, :] - M[None, :, :]) * np.exp(0.5 * S)[None, :, :]
        L = a - np.log(np.sum(np.exp(a))) + 0.5 * np.sum(S, axis=1) - 0.5 * np.sum(D**2, axis=2)
        shift = np.max(L, axis=1, keepdims=True)
        return -np.sum(shift[:, 0] + np.log(np.sum(np.exp(L - shift), axis=1)))

    return loss


def rows():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 30)), np.eye(10)[rng.integers(0, 10, 64)]
    net = [(rng.normal(size=(30, 32)), np.zeros(32)), (rng.normal(size=(32, 10)), np.zeros(10))]
    points = rng.normal(size=(1000, 10))
    gmm = (rng.normal(size=25), rng.normal(size=(25, 10)), rng.normal(size=(25, 10)) * 0.1)
    yield "Rosenbrock, n = 1e3", rosenbrock(np), rosenbrock(anp), rng.normal(size=1000)
    yield "Rosenbrock, n = 1e6", rosenbrock(np), rosenbrock(anp), rng.normal(size=1_000_000)
    yield "perceptron 30-32-10, batch 64", perceptron(np, X, Y), perceptron(anp, X, Y), net
    yield "Gaussian mixture, d=10 k=25 n=1000", mixture(np, points), mixture(anp, points), gmm
    yield "the notes' f(x)", notes(np), notes(anp), np.array([1.0, 2.0, 3.0])


def main():
    options = arguments(__doc__.splitlines()[0])
    print(machine("numpy", "autograd"))
    print(f"{'us, medians':36}{'autograd':>12}{'grad':>12}{'ratio':>8}{'jit':>12}{'ratio':>8}")
    table = []
    for name, ours, theirs, x in rows():
        jitted, plain, peer = (
            wengert.jit(wengert.grad(ours)),
            wengert.grad(ours),
            autograd.grad(theirs),
        )
        a, b = wengert.tree.flatten(jitted(x))[0], wengert.tree.flatten(peer(x))[0]
        assert all(np.allclose(p, q, rtol=1e-9) for p, q in zip(a, b, strict=True)), name
        calls = {"jit": partial(jitted, x), "grad": partial(plain, x), "autograd": partial(peer, x)}
        times = compare(calls, options.seconds)
        t = {k: v["median"] for k, v in times.items()}
        print(
            f"{name:36}{t['autograd']:12.1f}{t['grad']:12.1f}{t['autograd'] / t['grad']:8.2f}"
            f"{t['jit']:12.1f}{t['autograd'] / t['jit']:8.2f}"
        )
        table.append({"work": name, "threads": None, **{f"{k}_us": v for k, v in times.items()}})
    save(table, options.json)


if __name__ == "__main__":
    main()
