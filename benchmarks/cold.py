"""A cold start: how long a fresh process takes to its first result, beside jax, torch and autograd.

    python -m benchmarks.cold --json rows.json

Each figure is a process of its own: it imports, builds its data, and calls once, so that what is
measured is what a user waits for who starts a script. `first` has an empty folder of compiled code,
`again` the one that this left. NumPy's import is not in any figure. A peer that isn't
installed is left out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from benchmarks.timing import machine, save

PEERS = [p for p in ("jax", "torch", "autograd") if find_spec(p)]
TIMED = """
import time
import numpy as np
start = time.perf_counter()
{head}
imported = time.perf_counter()
rng = np.random.default_rng(0)
{body}
began = time.perf_counter()
{call}
done = time.perf_counter()
print("seconds", imported - start, done - began)
"""
HEADS = {
    "wengert": "import wengert\nmodule = np",
    "jax": "import jax\nimport jax.numpy as jnp\nmodule = jnp",
    "autograd": "import autograd\nimport autograd.numpy as anp\nmodule = anp",
    "torch": "import torch\nmodule = torch",
}
NOTES = """
def f(x):
    return module.log(x[0]) + x[0] * x[1] - module.sin(x[1])
x = np.array([2.0, 5.0])
"""
PERCEPTRON = """
sizes = {sizes}
net = [(rng.normal(size=(a, b)).astype("f4") / a**0.5, np.zeros(b, "f4"))
       for a, b in zip(sizes, sizes[1:])]
X = rng.normal(size=({batch}, sizes[0])).astype("f4")
Y = rng.normal(size=({batch}, sizes[-1])).astype("f4")
def f(net):
    H = {X}
    for W, b in net[:-1]:
        H = module.tanh(H @ W + b)
    W, b = net[-1]
    return module.mean((H @ W + b - {Y}) ** 2)
x = net
"""
STEP = """
def step(net):
    value, G = {value_and_grad}(f)(net)
    net = [(W - 0.01 * dW, b - 0.01 * db) for (W, b), (dW, db) in zip(net, G)]
    return value, net
"""
GRAD = {
    "wengert": "wengert.jit(wengert.grad(f))(x)",
    "jax": "jax.block_until_ready(jax.jit(jax.grad(f))(x))",
    "autograd": "autograd.grad(f)(x)",
}
TORCH = """
leaves = [torch.tensor(a, requires_grad=True) for a in ([x] if isinstance(x, np.ndarray)
          else [a for layer in x for a in layer])]
pairs = leaves[0] if isinstance(x, np.ndarray) else list(zip(leaves[::2], leaves[1::2]))
"""
LOOP = """
def epoch(net):
    return wengert.scan(lambda net, t: step(net)[::-1], net, np.arange(100))
"""


def perceptron(who, sizes, batch):
    wrap = "torch.tensor({})" if who == "torch" else "{}"
    return PERCEPTRON.format(sizes=sizes, batch=batch, X=wrap.format("X"), Y=wrap.format("Y"))


def stepping(who):
    name = "value_and_grad"
    return STEP.format(value_and_grad=f"{who}.{name}")


def scripts(who):
    """The body and the call of each figure that a contestant has."""
    tiny = perceptron(who, (4, 8, 1), 32)
    large = perceptron(who, (784, 512, 512, 10), 128)
    if who == "torch":
        more, call = TORCH, "f(pairs).backward()"
        return {
            "gradient of f(x)": (NOTES + more, call),
            "gradient, 4-8-1": (tiny + more, call),
            "a step, 784-512-512-10": (
                large + more + "rule = torch.optim.SGD(leaves, 0.01)",
                call + "; rule.step()",
            ),
        }
    found = {
        "gradient of f(x)": (NOTES, GRAD[who]),
        "gradient, 4-8-1": (tiny, GRAD[who]),
    }
    if who in ("wengert", "jax"):
        run = (
            "wengert.jit(step)(x)"
            if who == "wengert"
            else "jax.block_until_ready(jax.jit(step)(x))"
        )
        found["a step, 784-512-512-10"] = (large + stepping(who), run)
    if who == "wengert":
        small = perceptron(who, (30, 64, 64, 2), 32)
        found["f(x)"] = (NOTES, "wengert.jit(f)(x)")
        found["100 steps, 30-64-64-2"] = (small + stepping(who) + LOOP, "wengert.jit(epoch)(x)")
    return found


def once(who, body, call, folder):
    """Seconds of the import and of the first call, in a fresh process."""
    source = TIMED.format(head=HEADS[who], body=body, call=call)
    given = {**os.environ, "WENGERT_CACHE": folder}
    done = subprocess.run(
        [sys.executable, "-c", source], env=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{who} failed:\n{done.stderr}")
    line = next(ln for ln in done.stdout.splitlines() if ln.startswith("seconds"))
    return tuple(float(x) * 1000 for x in line.split()[1:])


def summary(times):
    imports, calls = zip(*times, strict=True)
    return {
        "import_ms": round(statistics.median(imports), 1),
        "call_ms": round(statistics.median(calls), 1),
        "best_call_ms": round(min(calls), 1),
        "together_ms": round(statistics.median(map(sum, times)), 1),
    }


def measured(work, everyone, runs):
    """The figures of everyone for one piece of work, taken in turn."""
    times = {}
    for _ in range(runs):
        for who, figures in everyone.items():
            if work not in figures:
                continue
            with tempfile.TemporaryDirectory() as folder:
                first = once(who, *figures[work], folder)
                times.setdefault(f"{who} first", []).append(first)
                if who == "wengert":
                    again = once(who, *figures[work], folder)
                    times.setdefault("wengert again", []).append(again)
    return {"work": work} | {name: summary(found) for name, found in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--runs", type=int, default=5, help="processes for each figure")
    options = parser.parse_args()
    print(machine("numpy", "llvmlite", *PEERS))
    everyone = {who: scripts(who) for who in ("wengert", *PEERS)}
    once("wengert", *everyone["wengert"]["f(x)"], "")  # the modules' own compiled files
    rows = []
    for work in everyone["wengert"]:
        rows.append(measured(work, everyone, options.runs))
        print(json.dumps(rows[-1]))
    save(rows, options.json)


if __name__ == "__main__":
    main()
