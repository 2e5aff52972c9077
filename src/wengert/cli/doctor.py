"""`wengert doctor`: what this machine can do, and the same perceptron in whatever is installed."""

import argparse
import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any

import numpy as np

from wengert import api
from wengert.cli.failures import told
from wengert.estimators import MLPClassifier

__all__ = ["main"]

PACKAGES = (
    "numpy", "scipy", "llvmlite", "polars", "rich", "safetensors", "onnx", "jinja2", "matplotlib",
    "scikit-learn", "torch", "jax",
)  # fmt: skip


@told
def main(argv: Sequence[str]) -> int:
    """Print, or give as JSON, the machine, the packages and the side-by-side."""
    p = argparse.ArgumentParser("wengert doctor", description="What this machine can do.")
    p.add_argument("--json", action="store_true")
    p.add_argument("--fast", action="store_true", help="leave out the side-by-side")
    o = p.parse_args(argv)
    facts = {
        "wengert": import_module("wengert").__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count() or 1,
        "packages": {name: _version(name) for name in PACKAGES},
        "native": _native(),
    }
    if not o.fast:
        facts["epoch_seconds"] = side_by_side()
    if o.json:
        print(json.dumps(facts))
        return 0
    for name in ("wengert", "python", "system", "cores", "native"):
        print(f"{name:14} {facts[name]}")
    for name, found in _packages(facts).items():
        print(f"  {name:12} {found or 'not installed'}")
    for name, seconds in dict(facts.get("epoch_seconds", {})).items():
        print(f"20 epochs of 64-100-10 on 2,000 rows, {name:14} {seconds:.3f} s")
    return 0


def _packages(facts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = facts["packages"]
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _native() -> str:
    """Whether compiled code runs here and agrees with the interpreter."""
    x = np.linspace(-1, 1, 100)
    f = lambda x: np.sum(np.tanh(x) ** 2)
    try:
        found = api.jit(api.grad(f))(x)
    except Exception as problem:  # noqa: BLE001  # the doctor tells what ails, whatever it is
        return f"fails: {problem}"
    expected = 2 * np.tanh(x) / np.cosh(x) ** 2
    return "works" if np.allclose(found, expected, rtol=1e-12) else "gives wrong numbers"


def side_by_side() -> dict[str, float]:
    """Seconds of 20 epochs, best of three, each library in a process of its own."""
    found = {}
    for name in RUNS:
        if name == "wengert" or _version(name):
            code = f"from wengert.cli.doctor import best; print(best({name!r}))"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            if done.returncode == 0:
                found[name] = float(done.stdout)
    return found


def best(name: str) -> float:
    """The least of three times, after a first run that compiles and warms up."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 64))
    y = np.argmax(X @ rng.normal(size=(64, 10)), axis=1)
    RUNS[name](X, y)
    times = []
    for _ in range(3):
        start = perf_counter()
        RUNS[name](X, y)
        times.append(perf_counter() - start)
    return min(times)


def _estimator(kind: Any, X: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind((100,), max_iter=20, n_iter_no_change=20, random_state=0).fit(X, y)


def _sklearn(X: Any, y: Any) -> Any:
    return _estimator(import_module("sklearn.neural_network").MLPClassifier, X, y)


def _torch(X: Any, y: Any) -> None:
    torch = import_module("torch")
    data, labels = torch.tensor(X), torch.tensor(y)
    layers = torch.nn.Linear(64, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10)
    net = torch.nn.Sequential(*layers).double()
    steps = torch.optim.Adam(net.parameters(), 1e-3)
    loss = torch.nn.CrossEntropyLoss()
    for _ in range(20):
        for rows in torch.randperm(2000).split(200):
            steps.zero_grad()
            loss(net(data[rows]), labels[rows]).backward()
            steps.step()


RUNS: dict[str, Callable[[Any, Any], object]] = {
    "wengert": lambda X, y: _estimator(MLPClassifier, X, y),
    "scikit-learn": _sklearn,
    "torch": _torch,
}
