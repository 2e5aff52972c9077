"""The pen for NumPy: a gradient as a function that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from wengert.errors import UnsupportedError, sentences
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


def _wordless(name: str) -> UnsupportedError:
    return UnsupportedError(sentences(f"code() has no words for {name}.", "Use wengert.grad."))


def _size(dim: Any) -> str:
    return str(dim) if isinstance(dim, int) else f"n_{dim}"


class _Pen:
    def __init__(self, columns: set[str]) -> None:
        self.columns = columns
        self.helpers: set[str] = set()

    def shape(self, name: str, shapes: Mapping[str, tuple[Any, ...]]) -> str:
        dims = [_size(d) for d in shapes[name]]
        return f"({', '.join([*dims, '1'] if len(dims) == 1 else dims)})"

    def write(self, t: Tree) -> str:  # noqa: C901 (a row for each word)
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
        first, last = t.args[0], t.args[-1]
        row = first.op == "T" and _is_column(first.args[0], self.columns)
        column = _is_column(last, self.columns)
        return f"{code}.item()" if row and column else code

    def row(self, t: Tree, z: str) -> str:
        name, axis = t.data
        if name not in HELPERS:
            raise _wordless(name)
        self.helpers.add(name)
        return f"{name}({z}, {axis})"

    def fixed(self, t: Tree, xs: Sequence[str]) -> str:
        if t.op == "cut":
            start, stop, step = t.data[1]
            if isinstance(start, tuple):
                start, stop = (" + ".join(map(_size, part)) or "0" for part in (start, stop))
            return f"np.eye({_size(t.data[2])})[{_end(start)}:{_end(stop)}:{step}]"
        if t.op == "einsum":
            parts = [
                f"{x}.reshape(-1)" if r == 1 else x for x, r in zip(xs, t.data[1], strict=True)
            ]
            parts += [f"np.ones({_size(d)})" for d in t.data[2]]
            code = f"np.einsum({t.data[0]!r}, {', '.join(parts)})"
            return code + (".reshape(-1, 1)" if t.data[0][-2] == ">" else "")
        if t.op == "unit":
            return f"np.eye({_size(t.data[2])})[:, [{t.data[1]}]]"
        if t.op == "flip":
            return f"np.eye({_size(t.data)})[::-1]"
        if t.op == "lower":
            return f"np.tri({_size(t.data)})"
        raise _wordless(t.op)


def _end(i: Any) -> str:
    return "" if i is None else str(i)


def _is_column(t: Tree, columns: set[str]) -> bool:
    return t.op == "ones" or (t.op == "sym" and t.data in columns)
