"""The pen for NumPy: a gradient as a function that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from wengert.explanation.trees import Tree
from wengert.explanation.words import WORDS

HELPERS = {
    "softmax": """def softmax(z, axis):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)""",
    "lse": """def lse(z, axis):
    top = z.max(axis=axis, keepdims=True)
    out = top + np.log(np.exp(z - top).sum(axis=axis, keepdims=True))
    return out.reshape(-1, 1)""",
}


def source(
    title: str,
    inputs: Sequence[str],
    gradient: Mapping[str, Tree],
    shapes: Mapping[str, tuple[Any, ...]],
) -> str:
    """`def gradient(...)`: vectors are columns inside, and have their own shape outside."""
    pen = _Pen({n for n in inputs if len(shapes[n]) == 1})
    results = {n: pen.write(tree) for n, tree in gradient.items()}
    lines = [f"    {n} = np.asarray({n}, float)" for n in inputs]
    found = {d: (n, i) for n in reversed(inputs) for i, d in enumerate(shapes[n])}
    for dim, (n, i) in found.items():
        if isinstance(dim, str):
            lines.append(f"    n_{dim} = {n}.shape[{i}]")
    lines += [f"    {n} = {n}.reshape(-1, 1)" for n in inputs if len(shapes[n]) == 1]
    for n, code in results.items():
        shape = f"({', '.join(_size(d) for d in shapes[n])}{',' if len(shapes[n]) == 1 else ''})"
        lines.append(f"    d{n} = np.broadcast_to({code}, {pen.shape(n, shapes)}).reshape({shape})")
    back = ", ".join(f"d{n}" for n in results)
    head = ["import numpy as np", *[HELPERS[h] for h in sorted(pen.helpers)]]
    doc = f'    """The gradient of {title} in {", ".join(results)}."""'
    body = [f"def gradient({', '.join(inputs)}):", doc, *lines, f"    return {back}"]
    return "\n\n\n".join([*head, "\n".join(body)]) + "\n"


def _size(dim: Any) -> str:
    return str(dim) if isinstance(dim, int) else f"n_{dim}"


class _Pen:
    def __init__(self, columns: set[str]) -> None:
        self.columns = columns
        self.helpers: set[str] = set()

    def shape(self, name: str, shapes: Mapping[str, tuple[Any, ...]]) -> str:
        dims = [_size(d) for d in shapes[name]]
        return f"({', '.join([*dims, '1'] if len(dims) == 1 else dims)})"

    def write(self, t: Tree) -> str:
        xs = [self.write(a) for a in t.args]
        match t.op:
            case "sym" | "symmetric" | "small":
                return str(t.data)
            case "num":
                return f"({t.data})"
            case "dim":
                return f"n_{t.data}"
            case "ones":
                return f"np.ones(({_size(t.data)}, 1))"
            case "eye":
                return f"np.eye({_size(t.data)})"
            case "mul":
                return self.product(t, xs)
            case "had":
                return "(" + " * ".join(xs) + ")"
            case "scale":
                return f"({' * '.join([f'({t.data[0]})', *xs])})"
            case "sum":
                return "(" + " + ".join(xs) + ")"
            case "T":
                return f"{xs[0]}.T"
            case "pow":
                return f"({xs[0]} ** ({t.data}))"
            case "fn":
                return f"({WORDS[t.data].code.format(*xs)})"
            case "diag":
                return f"np.diag({xs[0]}.reshape(-1))"
            case "diagof":
                return f"np.diag({xs[0]}).reshape(-1, 1)"
            case "tr":
                return f"np.trace({xs[0]})"
            case "row":
                return self.row(t, xs[0])
            case "matrix":
                call = {"inv": "inv({})", "det": "det({})", "logdet": "slogdet({})[1]"}[t.data]
                return f"np.linalg.{call.format(xs[0])}"
            case "onehot":
                return f"np.eye({_size(t.data)})[{xs[0]}.astype(int).reshape(-1)]"
        return self.fixed(t, xs)

    def product(self, t: Tree, xs: Sequence[str]) -> str:
        """A product; one with a single number as its result is that number."""
        code = "(" + " @ ".join(xs) + ")"
        row, column = _is_row(t.args[0]), _is_row_of(t.args[-1], self.columns)
        return f"{code}.item()" if row and column else code

    def row(self, t: Tree, z: str) -> str:
        name, axis = t.data
        if name not in HELPERS:
            raise NotImplementedError(f"code() has no word for {name}")
        self.helpers.add(name)
        return f"{name}({z}, {axis})"

    def fixed(self, t: Tree, xs: Sequence[str]) -> str:
        if t.op == "cut":
            start, stop, step = t.data[1]
            return f"np.eye({_size(t.data[2])})[{start}:{'' if stop < 0 else stop}:{step}]"
        if t.op == "unit":
            return f"np.eye({_size(t.data[2])})[:, [{t.data[1]}]]"
        if t.op == "flip":
            return f"np.eye({_size(t.data)})[::-1]"
        if t.op == "lower":
            return f"np.tri({_size(t.data)})"
        raise NotImplementedError(f"code() has no word for {t.op}")


def _is_row(t: Tree) -> bool:
    return t.op == "T" and t.args[0].op in ("ones", "sym") or False


def _is_row_of(t: Tree, columns: set[str]) -> bool:
    return t.op == "ones" or (t.op == "sym" and t.data in columns)
