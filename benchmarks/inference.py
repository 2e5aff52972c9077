"""Inference: the logits of one row and of 1,024, from NumPy arrays to a NumPy array.

    python -m benchmarks.inference --json rows.json

All have the same parameters, float32, ReLU. onnxruntime reads a model that onnx.helper has made.
"""

import argparse
import itertools

import numpy as np

from benchmarks.contest import Entry, Work, contest, heading, row, show
from benchmarks.timing import save

NETS = [(30, 64, 64, 2), (784, 128, 10), (784, 512, 512, 10), (1024, 2048, 2048, 1000)]
BATCHES = (1, 1024)


def problem(widths, batch):
    rng = np.random.default_rng(0)
    net = [
        ((rng.normal(size=(a, b)) * np.sqrt(2 / a)).astype("f4"), rng.normal(size=b).astype("f4"))
        for a, b in itertools.pairwise(widths)
    ]
    return net, rng.normal(size=(batch, widths[0])).astype("f4")


def forward(np, net, X):
    for W, b in net[:-1]:
        X = np.maximum(X @ W + b, 0)
    W, b = net[-1]
    return X @ W + b


def seen(Z):
    Z = np.asarray(Z, "f8")
    return [round(float(Z[0, 0]), 4), round(float(np.abs(Z).mean()), 5)]


def ours(*case):
    import wengert

    net, X = problem(*case)
    run = wengert.jit(lambda net, X: forward(np, net, X))
    return Work(lambda: run(net, X), answer=lambda: seen(run(net, X)))


def by_numpy(*case):
    net, X = problem(*case)
    return Work(lambda: forward(np, net, X), answer=lambda: seen(forward(np, net, X)))


def by_jax(*case):
    import jax

    net, X = problem(*case)
    net = jax.device_put(net)
    run = jax.jit(lambda net, X: forward(jax.numpy, net, X))
    return Work(lambda: np.asarray(run(net, X)), answer=lambda: seen(run(net, X)))


def by_torch(compiled, threads, *case):
    import torch

    torch.set_num_threads(threads)
    net, X = problem(*case)
    layers = []
    for W, b in net:
        layer = torch.nn.Linear(*W.shape)
        layer.weight.data, layer.bias.data = torch.tensor(W.T.copy()), torch.tensor(b)
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).eval()
    run = torch.compile(model) if compiled else model

    def call():
        with torch.inference_mode():
            return run(torch.from_numpy(X)).numpy()

    return Work(call, answer=lambda: seen(call()))


def by_onnxruntime(threads, *case):
    import onnxruntime

    net, X = problem(*case)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model(net), options, ["CPUExecutionProvider"])

    def call():
        return session.run(None, {"X": X})[0]

    return Work(call, answer=lambda: seen(call()))


def model(net):
    """The net as ONNX: a Gemm and a Relu a layer."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "X"
    for i, (W, b) in enumerate(net):
        constants += [numpy_helper.from_array(x, f"{n}{i}") for n, x in (("W", W), ("b", b))]
        nodes.append(helper.make_node("Gemm", [name, f"W{i}", f"b{i}"], [f"Z{i}"]))
        name = f"Z{i}"
        if i + 1 < len(net):
            nodes.append(helper.make_node("Relu", [name], [f"H{i}"]))
            name = f"H{i}"
    sides = [("X", ["N", net[0][0].shape[0]]), (name, ["N", net[-1][0].shape[1]])]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in sides]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


def entries(case, compile_too):
    for n in (1, 2):
        yield Entry("wengert", ours, case, n)
        yield Entry("onnxruntime", by_onnxruntime, (n, *case), n, ("onnxruntime", "onnx"))
        yield Entry("torch", by_torch, (False, n, *case), n, ("torch",))
        if compile_too:
            yield Entry("torch.compile", by_torch, (True, n, *case), n, ("torch",))
        yield Entry("jax", by_jax, case, n, ("jax",))
        yield Entry("numpy", by_numpy, case, n)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each contestant of a row")
    parser.add_argument("--only", type=int, nargs="*", help="the numbers of the nets, from 0")
    parser.add_argument("--torch-compile", action="store_true", help="needs a C++ compiler")
    options = parser.parse_args()
    heading("torch", "jax", "onnxruntime")
    table = []
    for i, widths in enumerate(NETS):
        for batch in BATCHES:
            if options.only is None or i in options.only:
                case = (widths, batch)
                results = contest(list(entries(case, options.torch_compile)), options.seconds)
                table.append(row("-".join(map(str, widths)), batch, results))
                show(table[-1])
                save(table, options.json)


if __name__ == "__main__":
    main()
