"""A model as one Python file that needs NumPy alone."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from wengert.export.portable import Portable, known
from wengert.nn.store import write

__all__ = ["to_numpy"]

# fmt: off
WORDS = {
    "identity":   "lambda z: z",
    "sigmoid":    "lambda z: np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))",
    "tanh":       "np.tanh",
    "sin":        "np.sin",
    "relu":       "lambda z: np.maximum(z, 0)",
    "leaky_relu": "lambda z: np.where(z > 0, z, z * z.dtype.type(0.01))",
    "elu":        "lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0)))",
    "selu":       "lambda z: z.dtype.type(1.0507009873554805) * np.where(z > 0, z, z.dtype.type(1.6732632423543772) * np.expm1(np.minimum(z, 0)))",
    "softplus":   "lambda z: np.logaddexp(z, z.dtype.type(0))",
    "gelu":       "lambda z: (z * 0.5 * np.vectorize(math.erfc)(-z / math.sqrt(2))).astype(z.dtype)",
    "silu":       "lambda z: z * sigmoid(z)",
    "mish":       "lambda z: z * np.tanh(np.logaddexp(z, z.dtype.type(0)))",
}
# fmt: on

HEAD = '''"""{title}. Made by wengert; needs NumPy.

    predict(X)    X (N, {width}) -> (N, {outputs})

{columns}
"""

import base64
import math

import numpy as np

DTYPE = np.dtype("{dtype}")
CLASSES = {classes!r}


def array(text, *shape):
    flat = np.frombuffer(base64.b64decode(text), DTYPE.newbyteorder("<"))
    return flat.astype(DTYPE).reshape(shape)


{words}


def softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def predict(X):
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] != {width}:
        raise ValueError(f"X has the shape {{X.shape}}, not (N, {width})")
    numbers = np.array(X[:, {numbers}])
    marks = [np.isnan(X[:, j]) for j, _ in {medians}]
    for j, median in {medians}:
        numbers[np.isnan(X[:, j]), {numbers}.index(j)] = median
    X = X.copy()
    F = np.column_stack([numbers, *marks]).astype(DTYPE)
'''


def to_numpy(model: Portable, path: str | Path) -> Path:
    """Write the model as a Python file with a function predict(X)."""
    lines = [_head(model)]
    if model.center is not None:
        lines += [
            f"    z = (F - np.array({list(map(float, model.center))})) * np.array("
            f"{list(map(float, model.factor))})",  # type: ignore[arg-type]
            "    F = (z / np.sqrt(1 + (z / 3) ** 2)).astype(DTYPE)",
        ]
    lines.append("    answers = []")
    for net in model.nets:
        lines += _front(net)
        for layer in net.layers:
            lines += _layer(layer)
        lines.append(f"    answers.append({_linked(model)})")
    lines.append("    p = np.mean(answers, axis=0) if len(answers) > 1 else answers[0]")
    if model.unit is not None:
        unit, shift = np.asarray(model.unit).tolist(), np.asarray(model.shift).tolist()
        lines.append(f"    p = (p * np.array({unit}) + np.array({shift})).astype(DTYPE)")
    if model.clip is not None:
        low, high = (np.asarray(end).tolist() for end in model.clip)
        lines.append(f"    p = np.clip(p, np.array({low}), np.array({high})).astype(DTYPE)")
    if model.two:
        lines.append("    p = np.concatenate([1 - p, p], axis=1)")
    return write(path, "\n".join([*lines, "    return p", ""]))


def _head(model: Portable) -> str:
    used = {known(layer.activation) for net in model.nets for layer in net.layers}
    used |= {"sigmoid"} if "silu" in used or model.link == "sigmoid" else set()
    columns = [f"    column {c.column}: {dict(enumerate(c.values, 1))}" for c in _categories(model)]
    return HEAD.format(
        title=model.name, width=model.width, outputs=model.outputs, dtype=model.dtype,
        classes=list(model.classes), numbers=list(model.numbers), medians=list(model.medians),
        columns="\n".join(columns) or "    all columns are numbers",
        words="\n".join(f"{name} = {WORDS[name]}  # noqa: E731" for name in sorted(used)),
    )  # fmt: skip


def _categories(model: Portable) -> Any:
    return model.nets[0].categories


def _front(net: Any) -> list[str]:
    lines = ["    H = F"]
    if net.periodic:
        f, phase, C, c = map(_array, net.periodic)
        lines += [
            f"    wave = np.cos(2 * np.pi * (F[:, :, None] * {f} + {phase}))",
            f"    part = np.sum(wave[:, :, :, None] * {C}, axis=2) + {c}",
            "    H = np.concatenate([F[:, :, None], part], axis=2).reshape(len(F), -1)",
        ]
    parts = [f"{_array(c.table)}[X[:, {c.column}].astype(int)]" for c in net.categories]
    if parts:
        lines.append(f"    H = np.concatenate([H, {', '.join(parts)}], axis=1)")
    if net.scale is not None:
        lines.append(f"    H = H * {_array(net.scale)}")
    return lines


def _layer(layer: Any) -> list[str]:
    root = f" / DTYPE.type({layer.root!r})" if layer.root != 1.0 else ""
    lines = [f"    Z = H @ {_array(layer.W)}{root} + {_array(layer.b)}"]
    if layer.norm:
        kind, gain, b, *moments = layer.norm
        if kind == "layer":
            lines.append("    mean = np.mean(Z, axis=1, keepdims=True)")
            lines.append("    var = np.mean((Z - mean) ** 2, axis=1, keepdims=True)")
        else:
            lines.append(f"    mean, var = {_array(moments[0])}, {_array(moments[1])}")
        lines.append(f"    Z = {_array(gain)} * (Z - mean) / np.sqrt(var + 1e-5) + {_array(b)}")
    act = f"{layer.activation}(Z)" if layer.activation != "identity" else "Z"
    lines.append(f"    H = H + {act}" if layer.residual else f"    H = {act}")
    return lines


def _linked(model: Portable) -> str:
    named = {"identity": "H", "first": "H[:, :1]", "exp": "np.exp(H)"}
    return named.get(model.link, f"{model.link}(H)")


def _array(a: Any) -> str:
    a = np.asarray(a)
    text = base64.b64encode(np.ascontiguousarray(a, a.dtype.newbyteorder("<")).tobytes()).decode()
    return f"array({text!r}, {', '.join(map(str, a.shape))})"
