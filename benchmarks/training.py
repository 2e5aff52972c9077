"""One training step with Adam in float32: wengert beside torch, jax and scikit-learn.

    python -m benchmarks.training --json rows.json

Each contestant starts from the same parameters and goes through the same shuffled minibatches, which
it gathers by their row numbers; the losses of the first and the last step of the first epoch stand
beside the times. Left to the peers' advantage: scikit-learn gets its rows already in order, jax waits
for its results once an epoch, and two classes are one output column to scikit-learn.
"""

import argparse
import itertools
import shutil

import numpy as np

from benchmarks.contest import Entry, Work, contest, heading, row, show
from benchmarks.timing import save

RATE, BETA1, BETA2, TINY = 1e-3, 0.9, 0.999, 1e-8
# widths, loss, batch, steps in an epoch
NETS = [
    ((30, 64, 64, 2), "entropy", 32, 100),
    ((784, 128, 10), "entropy", 32, 100),
    ((784, 128, 10), "entropy", 128, 50),
    ((100, 256, 256, 1), "squares", 256, 40),
    ((784, 512, 512, 10), "entropy", 128, 20),
    ((1024, 2048, 2048, 1000), "entropy", 512, 2),
]


def problem(widths, loss, batch, steps):
    rng = np.random.default_rng(0)
    net = [
        (
            (rng.normal(size=(a, b)) * np.sqrt(2 / a)).astype("f4"),
            np.zeros(b, "f4"),
        )
        for a, b in itertools.pairwise(widths)
    ]
    X = rng.normal(size=(batch * steps, widths[0])).astype("f4")
    labels = rng.integers(0, widths[-1], len(X))
    Y = np.eye(widths[-1], dtype="f4")[labels]
    if loss == "squares":
        Y = rng.normal(size=(len(X), widths[-1])).astype("f4")
    return net, X, Y, labels, rng.permutation(len(X)).reshape(steps, batch)


def plain(np, loss):
    """The loss of a batch, for NumPy or for jax.numpy."""

    def mean_loss(net, X, Y):
        H = X
        for W, b in net[:-1]:
            H = np.maximum(H @ W + b, 0)
        W, b = net[-1]
        Z = H @ W + b
        if loss == "squares":
            return np.mean((Z - Y) ** 2)
        shift = np.max(Z, axis=1, keepdims=True)
        lse = np.log(np.sum(np.exp(Z - shift), axis=1)) + shift[:, 0]
        return np.mean(lse - np.sum(Z * Y, axis=1))

    return mean_loss


def adam(np, value_and_grad, f4):
    """One step: (net, first moments, second moments, t), rows -> the same, and the loss."""
    b1, b2, rate, tiny = f4(BETA1), f4(BETA2), f4(RATE), f4(TINY)

    def moved(w, d, m, v, c1, c2):
        m, v = b1 * m + (1 - b1) * d, b2 * v + (1 - b2) * d * d
        return w - rate * (m / c1) / (np.sqrt(v / c2) + tiny), m, v

    def step(state, X, Y):
        net, M, V, t = state
        q, G = value_and_grad(net, X, Y)
        t = t + 1
        c1, c2 = 1 - b1**t, 1 - b2**t
        layers = [
            [moved(*four, c1, c2) for four in zip(*layer, strict=True)]
            for layer in zip(net, G, M, V, strict=True)
        ]
        net, M, V = ([tuple(p[i] for p in layer) for layer in layers] for i in range(3))
        return (net, M, V, t), q

    return step


def start(net):
    zeros = [tuple(np.zeros_like(a) for a in layer) for layer in net]
    return net, zeros, zeros, np.float32(0)


def ends(losses):
    return [round(float(losses[0]), 6), round(float(losses[-1]), 6)]


def ours(*case):
    import wengert

    net, X, Y, _, rows = problem(*case)
    step = adam(np, wengert.value_and_grad(plain(np, case[1])), np.float32)

    def epoch(state, X, Y, rows):
        return wengert.scan(lambda state, r: step(state, X[r], Y[r]), state, rows)

    run, state = wengert.jit(epoch), start(net)
    return Work(lambda: run(state, X, Y, rows), len(rows), lambda: ends(run(state, X, Y, rows)[1]))


def by_jax(form, *case):
    import jax
    import jax.numpy as jnp

    net, X, Y, _, rows = problem(*case)
    step = adam(jnp, jax.value_and_grad(plain(jnp, case[1])), jnp.float32)
    X, Y, rows = jnp.asarray(X), jnp.asarray(Y), jnp.asarray(rows)

    def one(state, X, Y, r):
        return step(state, X[r], Y[r])

    def scanned(state, X, Y, rows):
        return jax.lax.scan(lambda state, r: one(state, X, Y, r), state, rows)

    run = jax.jit(one if form == "step" else scanned, donate_argnums=0)
    held, first = {}, []
    batches = list(rows)

    def prepare():
        held["state"] = jax.tree.map(lambda a: jnp.array(a, copy=True), start(net))

    def call():
        if form == "step":
            losses = []
            for r in batches:
                held["state"], q = run(held["state"], X, Y, r)
                losses.append(q)
        else:
            held["state"], losses = run(held["state"], X, Y, rows)
        jax.block_until_ready((held["state"], losses))
        if not first:
            first.extend(ends(losses))

    prepare()
    return Work(call, len(rows), lambda: first, prepare)


def by_torch(form, threads, *case):
    import torch

    torch.set_num_threads(threads)
    net, X, Y, labels, rows = problem(*case)
    layers = [[torch.tensor(a, requires_grad=True) for a in layer] for layer in net]
    flat = [a for layer in layers for a in layer]
    X, rows = torch.tensor(X), torch.tensor(rows)
    Y = torch.tensor(Y) if case[1] == "squares" else torch.tensor(labels)
    optimizer = torch.optim.Adam(flat, lr=RATE, betas=(BETA1, BETA2), eps=TINY, fused=True)
    batches = list(rows)
    measure = (
        torch.nn.functional.mse_loss if case[1] == "squares" else torch.nn.functional.cross_entropy
    )

    def mean_loss(X, Y):
        for W, b in layers[:-1]:
            X = torch.relu(torch.addmm(b, X, W))
        W, b = layers[-1]
        return measure(torch.addmm(b, X, W), Y)

    run = torch.compile(mean_loss) if form == "compile" else mean_loss
    first = []

    def prepare():
        with torch.no_grad():
            for a, b in zip(flat, (a for layer in net for a in layer), strict=True):
                a.copy_(torch.tensor(b))
            for held in optimizer.state.values():
                for a in held.values():
                    a.zero_()

    def call():
        losses = []
        for r in batches:
            optimizer.zero_grad(set_to_none=True)
            q = run(X[r], Y[r])
            q.backward()
            optimizer.step()
            losses.append(q.detach())
        if not first:
            first.extend(ends(losses))

    return Work(call, len(rows), lambda: first, prepare)


def by_sklearn(*case):
    import sklearn.neural_network as nn

    widths, loss, batch, steps = case
    net, X, Y, labels, rows = problem(*case)
    order = rows.ravel()
    X, y = X[order], (Y.ravel() if loss == "squares" else labels)[order]
    kind = nn.MLPRegressor if loss == "squares" else nn.MLPClassifier
    more = {} if loss == "squares" else {"classes": np.arange(widths[-1])}
    model = kind(
        hidden_layer_sizes=widths[1:-1],
        alpha=0.0,
        batch_size=batch,
        shuffle=False,
        learning_rate_init=RATE,
    )
    model.partial_fit(X[:batch], y[:batch], **more)

    def prepare():
        for i, (W, b) in enumerate(net):
            two = W.shape[1] == 2 and i == len(net) - 1  # one column: the difference of the two
            model.coefs_[i][...] = W[:, 1:] - W[:, :1] if two else W
            model.intercepts_[i][...] = b[1:] - b[:1] if two else b
        if hasattr(model, "_optimizer"):
            del model._optimizer

    def call():
        model.partial_fit(X, y, **more)

    first = []

    def answer():
        twice = 2 if loss == "squares" else 1  # its squared loss is halved
        return [f"mean of the epoch {twice * model.loss_:.6f}", *first]

    prepare()
    return Work(call, steps, answer, prepare)


def entries(case, compile_too):
    for n in (1, 2):
        yield Entry("wengert", ours, case, n)
        yield Entry("torch", by_torch, ("eager", n, *case), n, ("torch",))
        if compile_too:
            yield Entry("torch.compile", by_torch, ("compile", n, *case), n, ("torch",))
        yield Entry("jax step", by_jax, ("step", *case), n, ("jax",))
        yield Entry("jax scan", by_jax, ("scan", *case), n, ("jax",))
        yield Entry("scikit-learn", by_sklearn, case, n, ("sklearn",))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each contestant of a row")
    parser.add_argument("--only", type=int, nargs="*", help="the numbers of the nets, from 0")
    parser.add_argument("--torch-compile", action="store_true", help="needs a C++ compiler")
    options = parser.parse_args()
    compile_too = options.torch_compile and shutil.which("g++") is not None
    if options.torch_compile and not compile_too:
        print("# torch.compile: skipped, there is no g++")
    heading("torch", "jax", "sklearn")
    table = []
    for i, case in enumerate(NETS):
        if options.only is None or i in options.only:
            results = contest(list(entries(case, compile_too)), options.seconds)
            table.append(row("-".join(map(str, case[0])), case[2], results))
            show(table[-1])
            save(table, options.json)


if __name__ == "__main__":
    main()
