"""A model as an ONNX graph, through `onnx.helper` and checked by `onnx.checker`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wengert.errors import MissingExtraError, sentences
from wengert.export.portable import Layer, Net, Portable, known
from wengert.nn.store import write

__all__ = ["to_onnx"]


@dataclass(slots=True)
class _Graph:
    """Nodes and constants so far; `node` adds one and names its result."""

    onnx: Any
    dtype: Any
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def node(self, kind: str, *inputs: Any, **options: Any) -> str:
        name = f"v{len(self.nodes)}"
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        self.nodes.append(self.onnx.helper.make_node(kind, names, [name], **options))
        return name

    def constant(self, value: Any) -> str:
        array = np.asarray(value)
        array = array.astype(self.dtype) if array.dtype.kind == "f" else array
        name = f"c{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name


def to_onnx(model: Portable, path: str | Path) -> Path:
    """Write the model as ONNX: input "X" (N, width), output "Y" (N, outputs), opset 17.

    Everything is computed in the model's dtype, but for gelu's erf: float32, good to 1e-7.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError(
            sentences(
                "ONNX export needs the package onnx, which isn't installed.",
                'Install the extra: pip install "wengert[onnx]".',
            )
        ) from None
    g = _Graph(onnx, model.dtype)
    F = _numbers(g, model)
    answers = [_link(g, model, _net(g, net, F)) for net in model.nets]
    p = answers[0]
    if len(answers) > 1:
        p = g.node("Div", g.node("Sum", *answers), float(len(answers)))
    p = _end(g, model, p)
    g.nodes.append(onnx.helper.make_node("Identity", [p], ["Y"]))
    kind = onnx.helper.np_dtype_to_tensor_dtype(model.dtype)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        g.nodes, "wengert", [value("X", kind, ["N", model.width])],
        [value("Y", kind, ["N", model.outputs])], g.constants,
    )  # fmt: skip
    told = {
        "classes": str(list(model.classes)),
        **{
            f"column {c.column}": str(dict(enumerate(c.values, 1)))
            for c in model.nets[0].categories
        },
    }
    opset = onnx.helper.make_opsetid("", 17)
    made = onnx.helper.make_model(graph, opset_imports=[opset], producer_name="wengert")
    made.ir_version = 8  # that of opset 17: older runtimes read it
    onnx.helper.set_model_props(made, told)
    onnx.checker.check_model(made, full_check=True)
    return write(path, made.SerializeToString())


def _column(g: _Graph, columns: Any) -> str:
    return g.node("Gather", "X", np.asarray(columns, np.int64), axis=1)


def _numbers(g: _Graph, model: Portable) -> str | None:
    """Gaps filled and marked, then scaled; None where no column is a number."""
    if not model.numbers:
        return None
    F = _column(g, model.numbers)
    if model.medians:
        medians = dict(model.medians)
        filled = np.array([medians.get(j, 0.0) for j in model.numbers])
        marks = g.node("IsNaN", _column(g, [j for j, _ in model.medians]))
        F = g.node("Where", g.node("IsNaN", F), filled, F)
        kind = g.onnx.helper.np_dtype_to_tensor_dtype(g.dtype)
        F = g.node("Concat", F, g.node("Cast", marks, to=kind), axis=1)
    if model.center is None:
        return F
    z = g.node("Mul", g.node("Sub", F, np.asarray(model.center)), np.asarray(model.factor))
    third = g.node("Div", z, 3.0)
    return g.node("Div", z, g.node("Sqrt", g.node("Add", g.node("Mul", third, third), 1.0)))


def _net(g: _Graph, net: Net, F: str | None) -> str:
    parts = [] if F is None else [_periodic(g, net.periodic, F) if net.periodic else F]
    for category in net.categories:
        place = g.node("Cast", _column(g, category.column), to=g.onnx.TensorProto.INT64)
        parts.append(g.node("Gather", category.table, place, axis=0))
    H = parts[0] if len(parts) == 1 else g.node("Concat", *parts, axis=1)
    if net.scale is not None:
        H = g.node("Mul", H, net.scale)
    for layer in net.layers:
        H = _layer(g, layer, H)
    return H


def _periodic(g: _Graph, arrays: tuple[Any, ...], F: str) -> str:
    f, phase, C, c = arrays
    x = g.node("Unsqueeze", F, np.array([2]))
    turn = g.node("Add", g.node("Mul", x, f), phase)
    # cos t = sin(t + π/2): runtimes have Sin, and not all of them Cos, in float64
    wave = g.node("Sin", g.node("Add", g.node("Mul", turn, 2 * np.pi), np.pi / 2))
    terms = g.node("Mul", g.node("Unsqueeze", wave, np.array([3])), C)
    part = g.node("Add", g.node("ReduceSum", terms, np.array([2]), keepdims=0), c)
    whole = g.node("Concat", x, part, axis=2)
    return g.node("Reshape", whole, np.array([0, f.shape[0] * (1 + c.shape[1])]))


def _layer(g: _Graph, layer: Layer, H: str) -> str:
    Z = g.node("MatMul", H, layer.W)
    Z = Z if layer.root == 1.0 else g.node("Div", Z, layer.root)
    Z = g.node("Add", Z, layer.b)
    if layer.norm:
        Z = _norm(g, layer.norm, Z)
    A = _activation(g, known(layer.activation), Z)
    return g.node("Add", H, A) if layer.residual else A


def _norm(g: _Graph, norm: tuple[Any, ...], Z: str) -> str:
    kind, gain, b, *moments = norm
    if kind == "layer":
        mean = g.node("ReduceMean", Z, axes=[1])
        away = g.node("Sub", Z, mean)
        var: Any = g.node("ReduceMean", g.node("Mul", away, away), axes=[1])
    else:
        away, var = g.node("Sub", Z, moments[0]), moments[1]
    spread = g.node("Sqrt", g.node("Add", var, 1e-5))
    return g.node("Add", g.node("Div", g.node("Mul", away, gain), spread), b)


def _activation(g: _Graph, name: str, z: str) -> str:
    """From words that runtimes have in float64 too."""
    plain = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "sin": "Sin"}
    if name == "identity":
        return z
    if name in plain:
        return g.node(plain[name], z)
    if name == "silu":
        return g.node("Mul", z, g.node("Sigmoid", z))
    if name == "gelu":
        kinds = g.onnx.TensorProto.FLOAT, g.onnx.helper.np_dtype_to_tensor_dtype(g.dtype)
        given = g.node("Cast", g.node("Div", z, float(np.sqrt(2))), to=kinds[0])
        erf = g.node("Cast", g.node("Erf", given), to=kinds[1])  # runtimes have it in float32 only
        return g.node("Mul", g.node("Mul", z, 0.5), g.node("Add", erf, 1.0))
    if name in ("softplus", "mish"):
        small = g.node("Exp", g.node("Neg", g.node("Abs", z)))
        soft = g.node("Add", g.node("Relu", z), g.node("Log", g.node("Add", small, 1.0)))
        return soft if name == "softplus" else g.node("Mul", z, g.node("Tanh", soft))
    below = g.node("Neg", g.node("Relu", g.node("Neg", z)))
    if name == "leaky_relu":
        return g.node("Add", g.node("Relu", z), g.node("Mul", below, 0.01))
    curve = g.node("Sub", g.node("Exp", below), 1.0)
    if name == "elu":
        return g.node("Add", g.node("Relu", z), curve)
    curve = g.node("Mul", curve, 1.6732632423543772)
    return g.node("Mul", g.node("Add", g.node("Relu", z), curve), 1.0507009873554805)


def _link(g: _Graph, model: Portable, H: str) -> str:
    if model.link == "first":
        return g.node("Gather", H, np.array([0]), axis=1)
    if model.link == "softmax":
        return g.node("Softmax", H, axis=1)
    named = {"exp": "Exp", "sigmoid": "Sigmoid"}
    return H if model.link == "identity" else g.node(named[model.link], H)


def _end(g: _Graph, model: Portable, p: str) -> str:
    if model.two:
        p = g.node("Concat", g.node("Sub", 1.0, p), p, axis=1)
    if model.unit is not None:
        p = g.node("Mul", p, np.asarray(model.unit, float))
        p = g.node("Add", p, np.asarray(model.shift, float))
    if model.clip is not None:
        p = g.node("Max", p, np.asarray(model.clip[0], float))
        p = g.node("Min", p, np.asarray(model.clip[1], float))
    return p
