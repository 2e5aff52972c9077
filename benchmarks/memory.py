"""Time against memory: gradients as they are and under budgets, beside torch's and jax's checkpoint.

    python -m benchmarks.memory --json rows.json

Each row runs in a process of its own. `said` is what `jit(...).memory` says before the run, `took`
how much the peak of the process grew over what it was before (getrusage), for the peers too. torch
and jax do it their way: torch.utils.checkpoint and jax.checkpoint around each layer or step.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

from benchmarks.timing import save

STEPS, LAYERS = 200, 24


def sines(np, lib, wrap):
    def link(x):
        return np.sin(x) * 1.1 + 0.3

    link = wrap(link)

    def f(x):
        for _ in range(STEPS):
            x = link(x)
        return np.sum(x) if lib != "torch" else x.sum()

    return f


def layers(np, lib, wrap):
    def layer(h, W):
        return np.tanh(h @ W)

    layer = wrap(layer)

    def f(Ws, X):
        h = X
        for W in Ws:
            h = layer(h, W)
        return (h**2).mean()

    return f


def normalised(np, lib, wrap):
    def layer(h, W):
        z = h @ W
        m = z.mean(0)
        return np.tanh((z - m) / np.sqrt(((z - m) ** 2).mean(0) + 1e-5))

    layer = wrap(layer)

    def f(Ws, X):
        h = X
        for W in Ws:
            h = layer(h, W)
        return (h**2).mean()

    return f


def recurrence(np, lib, wrap):
    def step(h, x, W):
        return np.tanh(h @ W + x)

    step = wrap(step)

    def f(W, xs):
        h = xs[0] * 0.0
        if lib == "jax":
            import jax

            h, _ = jax.lax.scan(lambda h, x: (step(h, x, W), None), h, xs)
        elif lib == "wengert":
            import wengert

            h, _ = wengert.scan(lambda h, x: (step(h, x, W), None), h, xs)
        else:
            for x in xs:
                h = step(h, x, W)
        return (h**2).mean()

    return f


def mixture(np, lib, wrap):
    def energies(M, S, X):
        d = (X[:, None] - M[None]) * np.exp(S)[None]
        return (S.sum(1))[None] - 0.5 * (d**2).sum(2)

    energies = wrap(energies)

    def f(M, S, X):
        E = energies(M, S, X)
        return -np.log(np.exp(E - 5.0).sum(1)).sum()

    return f


def attention(np, lib, wrap):
    def one(Q, K, V):
        E = np.exp(Q @ K.T * 0.1)
        return ((E @ V) / E.sum(1)[:, None]) ** 2

    one = wrap(one)
    return lambda Q, K, V: one(Q, K, V).sum()


def _random(*shape):
    return np.random.default_rng(0).normal(size=shape) / np.sqrt(shape[-1])


# fmt: off
PROBLEMS = {
    "200 sines, 1e5":           (sines, lambda: (_random(100_000),), ["8MB", "1MB"]),
    "perceptron, 20000 rows":   (layers, lambda: ([_random(64, 128), _random(128, 128), _random(128, 10)], _random(20_000, 64)), ["4MB", "1MB"]),
    "24 layers, full batch":    (layers, lambda: ([_random(64, 64) for _ in range(LAYERS)], _random(4000, 64)), ["20MB", "4MB"]),
    "8 layers, normalised":     (normalised, lambda: ([_random(64, 64) for _ in range(8)], _random(8000, 64)), ["80MB", "70MB"]),
    "recurrence, 2000 x 32x64": (recurrence, lambda: (_random(64, 64), _random(2000, 32, 64)), ["20MB", "3MB"]),
    "mixture, 20000 x 32 x 16": (mixture, lambda: (_random(32, 16), _random(32, 16), _random(20_000, 16)), ["20MB", "1MB"]),
    "attention, 2000 x 64":     (attention, lambda: (_random(2000, 64), _random(2000, 64), _random(2000, 64)), ["60MB", "8MB"]),
}
# fmt: on


def _wengert(build, args, budget):
    import wengert

    f = wengert.jit(wengert.grad(build(np, "wengert", lambda g: g)), memory=budget)
    try:
        said = f.memory(*args)
    except MemoryError as error:
        return None, str(error).partition(" This happened")[0]
    return lambda: f(*args), said


def _torch(build, args, again):
    import torch
    from torch.utils.checkpoint import checkpoint

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)

    def tensor(x):
        return [tensor(y) for y in x] if isinstance(x, list) else torch.tensor(x)

    def wrap(g):
        return (lambda *a: checkpoint(g, *a, use_reentrant=False)) if again else g

    given = tensor(list(args))
    leaves = given[0] if isinstance(given[0], list) else [given[0]]
    for x in leaves:
        x.requires_grad_()
    f = build(torch, "torch", wrap)
    return lambda: torch.autograd.grad(f(*given), leaves), None


def _jax(build, args, again):
    import jax

    jax.config.update("jax_enable_x64", True)
    given = jax.tree.map(jax.numpy.asarray, list(args))
    f = jax.jit(jax.grad(build(jax.numpy, "jax", jax.checkpoint if again else lambda g: g)))
    return lambda: jax.block_until_ready(f(*given)), None


def _peak():
    """The process's own peak, in bytes; what its parent had isn't counted."""
    try:
        with open("/proc/self/status") as status:
            return next(int(x.split()[1]) * 1024 for x in status if x.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _here(problem, way, setting):
    """One row, in this process: milliseconds, bytes said, bytes by which the peak grew."""
    build, make, _ = PROBLEMS[problem]
    args = make()
    makers = {"wengert": _wengert, "torch": _torch, "jax": _jax}
    small = _small(args)  # the libraries themselves are loaded before memory is looked at
    warm, _ = makers[way](build, small, None if way == "wengert" else setting)
    warm()
    call, said = makers[way](build, args, setting)
    if call is None:
        return {"error": said}
    before = _peak()
    call()
    took = _peak() - before
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return {"ms": min(times) * 1e3, "said": said, "took": took}


def _small(args):
    """The same with few samples."""
    alike = all(getattr(x, "shape", None) == args[-1].shape for x in args)
    return tuple([x[:8] if alike or k == len(args) - 1 else x for k, x in enumerate(args)])


def _away(problem, way, setting):
    """The same in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.memory",
        "--row",
        json.dumps([problem, way, setting]),
    ]
    env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "WENGERT_THREADS": "1"}
    env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=240)
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {"error": done.stderr.strip()[-300:]}


def _shown(row):
    if "error" in row:
        return f"{row['problem']:26} {row['way']:10} {row['error'][:110]}"
    said = f"{row['said'] / 1e6:10.2f}" if row["said"] is not None else " " * 10
    return (
        f"{row['problem']:26} {row['way']:18} {row['ms']:9.1f} ms {said} MB said "
        f"{row['took'] / 1e6:10.2f} MB took"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--row", help="one row, run in this process")
    parser.add_argument("--only", default="", help="problems whose name holds this")
    given = parser.parse_args()
    if given.row:
        print(json.dumps(_here(*json.loads(given.row))))
        return
    rows = []
    for problem, (_, _, budgets) in PROBLEMS.items():
        if given.only not in problem:
            continue
        ways = [("wengert", None), *[("wengert", b) for b in budgets]]
        ways += [(peer, again) for peer in ("torch", "jax") for again in (False, True)]
        for way, setting in ways:
            name = {True: "checkpoint", False: "", None: ""}.get(setting, setting)
            row = {"problem": problem, "way": f"{way} {name}", **_away(problem, way, setting)}
            rows.append(row)
            print(_shown(row), flush=True)
    save(rows, given.json)


if __name__ == "__main__":
    main()
