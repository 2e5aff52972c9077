"""How the gradient of the trained network flows: |dQ/dz| per layer, and its formulas.

dQ/dz of each row is dQ/db of a network whose offsets b are written out row by row.
"""

import linecache
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

import wengert
from wengert.api import grad
from wengert.errors import WengertError
from wengert.estimators.learn import Rows, unstack
from wengert.explanation.explain import explain
from wengert.nn.activations import name_of

__all__ = ["derivation", "layers"]

MOST = 500
# fmt: off
SPELLED = {
    "identity": "{0}",          "tanh":     "np.tanh({0})",
    "relu":     "np.maximum({0}, 0)",
    "sigmoid":  "1 / (1 + np.exp(-{0}))",  "logistic": "1 / (1 + np.exp(-{0}))",
    "softplus": "np.log(1 + np.exp({0}))",
    "mish":     "{0} * np.tanh(np.log(1 + np.exp({0})))",
    "selu":     "1.0507 * np.maximum({0}, 0) + 1.7581 * (np.exp(np.minimum({0}, 0)) - 1)",
}
ENDS = {
    "softmax": ["E = np.exp({Z} - {Z}.max(1, keepdims=True))", "P = E / E.sum(1, keepdims=True)",
                "return -np.sum(Y * np.log(P)) / len(X)"],
    "logistic": ["return np.sum(np.log(1 + np.exp({Z})) - Y * {Z}) / len(X)"],
    "identity": ["return np.sum(({Z} - Y) ** 2) / (2 * len(X))"],
}
# fmt: on


def layers(model: Any, X: Any, y: Any) -> list[dict[str, Any]]:
    """Of each layer its units, activation, weights, mean |dQ/dz| of a row, and units at rest.

    A unit is at rest if no row moves it: dQ/dz is 0 in all of them.
    """
    first = next(iter(unstack(model._learner))) if model.ensemble_ > 1 else model._learner
    data = model._rows(X, y)
    data = Rows(data.X[:MOST], data.codes[:MOST], data.T[:MOST])
    network, n = first.network, len(data.X)

    def loss(offsets: Any) -> Any:
        each = tuple(replace(l, b=b) for l, b in zip(network.layers, offsets, strict=True))
        Z, _ = replace(network, layers=each).forward(data.X, data.codes, first.running)
        return model._cost.mean(Z, data.T)

    offsets = tuple(np.tile(layer.b, (n, 1)) for layer in network.layers)
    signals = [n * np.asarray(d) for d in grad(loss)(offsets)]
    return [
        {
            "name": f"layer {l}", "inputs": layer.W.shape[0], "units": layer.W.shape[1],
            "activation": name_of(layer.activation), "weights": layer.W.size + layer.b.size,
            "signal": float(np.mean(np.abs(d))), "rest": int(np.sum(~np.any(d, axis=0))),
        }
        for l, (layer, d) in enumerate(zip(network.layers, signals, strict=True), 1)
    ]  # fmt: skip


def derivation(model: Any, rows: list[dict[str, Any]]) -> Any:
    """What wengert.explain says of a network of this depth, these activations and this loss.

    None if it has no formula for one of them, or the loss is the user's own.
    """
    end = model.out_activation_
    spelled = [SPELLED.get(row["activation"]) for row in rows[:-1]]
    if end not in ENDS or None in spelled or callable(model.loss):
        return None
    source = _source([s for s in spelled if s], ENDS[end])
    name = f"<network {hash(source):x}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    space: dict[str, Any] = {"np": np, "wengert": wengert}
    exec(compile(source, name, "exec"), space)  # our own text, of the tables above
    try:
        return explain(space["Q"], *_examples(len(rows), end), wrt=_names(len(rows)))
    except WengertError:
        return None


def _names(depth: int) -> list[str]:
    return [f"{letter}{l}" for l in range(1, depth + 1) for letter in "Wb"]


def _source(activations: list[str], end: list[str]) -> str:
    """The network as a person would write it."""
    depth = len(activations) + 1
    lines = [f"def Q({', '.join(_names(depth))}, X, Y):"]
    for l in range(1, depth + 1):
        H = f"H{l - 1}" if l > 1 else "X"
        lines.append(f"    Z{l} = {H} @ W{l} + b{l}")
        if l < depth:
            lines.append(f"    H{l} = {activations[l - 1].format(f'Z{l}')}")
    return "\n".join([*lines, *("    " + line.format(Z=f"Z{depth}") for line in end)]) + "\n"


def _examples(depth: int, end: str) -> list[Any]:
    """Arrays of small sizes, no two alike."""
    rng = np.random.default_rng(0)
    sizes = [3, *range(5, 4 + depth), 2]
    weights = [(rng.normal(size=(n, m)) / n, rng.normal(size=m)) for n, m in pairwise(sizes)]
    Y = rng.normal(size=(11, 2)) if end == "identity" else np.eye(2)[rng.integers(0, 2, 11)]
    return [a for pair in weights for a in pair] + [rng.normal(size=(11, 3)), Y]
