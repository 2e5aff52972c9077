"""Matrix notation as trees: what is printed is what is evaluated. Vectors are columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from wengert.explanation.terms import Number
from wengert.explanation.words import WORDS


@dataclass(frozen=True, slots=True)
class Tree:
    """An operation, its operands, and what else it says (a name, a number, a place)."""

    op: str
    args: tuple["Tree", ...] = ()
    data: Any = None


def sym(name: str) -> Tree:
    """A symbol."""
    return Tree("sym", (), name)


def num(value: Number) -> Tree:
    """A number."""
    return Tree("num", (), value)


def prime(x: Tree) -> Tree:
    """The transpose, pushed inside where that reads better."""
    if x.op == "T":
        return x.args[0]
    if x.op == "mul":
        return Tree("mul", tuple(prime(a) for a in reversed(x.args)))
    if x.op in ("eye", "diag", "num", "symmetric"):
        return x
    if x.op == "matrix" and x.args[0].op == "symmetric":
        return x
    if x.op == "scale" and x.data[2]:
        return Tree("scale", (*x.args[:-1], prime(x.args[-1])), x.data)
    if x.op == "had":
        return Tree("had", tuple(prime(a) for a in x.args))
    return Tree("T", (x,))


def mul(*xs: Tree) -> Tree:
    """A matrix product; factors of one are left out."""
    for i, x in enumerate(xs):
        if x.op == "scale" and x.data[2]:
            return scaled(x.data[0], x.args[:-1], mul(*xs[:i], x.args[-1], *xs[i + 1 :]))
    flat = [a for x in xs for a in (x.args if x.op == "mul" else (x,)) if a.op != "eye"]
    if not flat:
        return xs[0]
    return flat[0] if len(flat) == 1 else Tree("mul", tuple(flat))


def had(xs: Sequence[Tree]) -> Tree:
    """An elementwise product."""
    flat = [a for x in xs for a in (x.args if x.op == "had" else (x,)) if a.op != "ones"]
    if not flat:
        return xs[0]
    flat.sort(key=lambda x: x.op != "sym")
    return flat[0] if len(flat) == 1 else Tree("had", tuple(flat))


def trace(x: Tree) -> Tree:
    """tr x, turned so that it reads well: a dX last, else a product that is its own transpose."""
    if x.op != "mul":
        return Tree("tr", (x,))
    if any(a.op == "T" and is_small(a.args[0]) for a in x.args):
        x = prime(x)
    turns = [Tree("mul", x.args[i:] + x.args[:i]) for i in range(len(x.args))]
    best = min(turns, key=lambda t: (
        not is_small(t.args[-1]) if any(is_small(a) for a in x.args) else prime(t) != t,
        t.args[0].op != "T",
    ))  # fmt: skip
    return Tree("tr", (best,))


def number_of(x: Tree) -> Tree:
    """A product that is a number: itself or its transpose, whichever has fewer primes inside."""
    return min(x, prime(x), key=lambda t: sum(a.op == "T" for a in t.args))


def is_small(x: Tree) -> bool:
    """Whether this is a differential dX."""
    return x.op == "small"


def scaled(c: Number, scalars: Sequence[Tree], body: Tree | None) -> Tree:
    """A number times what it scales; `body` None is 1."""
    if body is not None and body.op == "scale":
        return scaled(c * body.data[0], [*scalars, *body.args[: body.data[1]]],
                      body.args[-1] if body.data[2] else None)  # fmt: skip
    scalars = _joined(scalars)
    if not scalars and body is None:
        return num(c)
    if c == 1 and not scalars and body is not None:
        return body
    if c == 1 and len(scalars) == 1 and body is None:
        return scalars[0]
    args = (*scalars, body) if body is not None else tuple(scalars)
    return Tree("scale", args, (c, len(scalars), body is not None))


def _joined(scalars: Sequence[Tree]) -> list[Tree]:
    """Powers of one number as one power."""
    powers: dict[Tree, Any] = {}
    for s in scalars:
        base, p = (s.args[0], s.data) if s.op == "pow" else (s, Fraction(1))
        powers[base] = powers.get(base, 0) + p
    return [b if p == 1 else Tree("pow", (b,), p) for b, p in powers.items() if p != 0]


Env = Mapping[str, Any]


def evaluate(tree: Tree, env: Env) -> Any:
    """The value: numbers as floats, vectors as columns, matrices."""
    value = EVALUATE[tree.op]([evaluate(a, env) for a in tree.args], tree.data, env)
    return value


def _column(x: Any) -> Any:
    x = np.asarray(x, float)
    return x.reshape(-1, 1) if x.ndim == 1 else (float(x) if x.ndim == 0 else x)


def _size(dim: Any, env: Env) -> int:
    return dim if isinstance(dim, int) else int(env[dim])


def _product(xs: Sequence[Any], _: Any, env: Env) -> Any:
    out = xs[0]
    for x in xs[1:]:
        out = out @ x if np.ndim(out) and np.ndim(x) else out * x
    return float(out[0, 0]) if np.shape(out) == (1, 1) else out


def _hadamard(xs: Sequence[Any], _: Any, env: Env) -> Any:
    out = xs[0]
    for x in xs[1:]:
        out = out * x
    return out


def _scale(xs: Sequence[Any], data: Any, env: Env) -> Any:
    return float(data[0]) * _hadamard([1.0, *xs], None, env)


def _row(xs: Sequence[Any], data: Any, env: Env) -> Any:
    name, axis = data
    z = xs[0]
    if z.shape[1] == 1:
        axis = 0
    top = z.max(axis=axis, keepdims=True)
    if name == "max":
        return _flat(top, z)
    if name == "hit":
        return (z == top) * 1.0
    total = np.exp(z - top).sum(axis=axis, keepdims=True)
    return np.exp(z - top) / total if name == "softmax" else _flat(top + np.log(total), z)


def _flat(x: Any, z: Any) -> Any:
    return float(x[0, 0]) if z.shape[1] == 1 else x.reshape(-1, 1)


def _cut(_: Any, data: Any, env: Env) -> Any:
    start, stop, step = data[1]
    if isinstance(start, tuple):  # after the parts that stand before
        start, stop = (sum(_size(d, env) for d in part) for part in (start, stop))
    return np.eye(_size(data[2], env))[start:stop:step]


def _trace(xs: Sequence[Any], _: Any, env: Env) -> Any:
    return float(np.trace(xs[0])) if np.ndim(xs[0]) else float(xs[0])


def _onehot(xs: Sequence[Any], data: Any, env: Env) -> Any:
    return np.eye(_size(data, env))[xs[0].astype(int).reshape(-1)]


def _diag(xs: Sequence[Any], _: Any, env: Env) -> Any:
    return np.diag(xs[0].reshape(-1))


def _einsum(xs: Sequence[Any], data: Any, env: Env) -> Any:
    spec, ranks, sizes = data
    given = [x.reshape(-1) if r == 1 else x for x, r in zip(xs, ranks, strict=True)]
    extra = [np.ones(_size(d, env)) for d in sizes]
    return _column(np.einsum(spec, *given, *extra))


def _vec(_: Any, dims: Any, env: Env) -> Any:
    sizes = [_size(d, env) for d in dims]
    return np.eye(int(np.prod(sizes))).reshape(-1, *sizes)


def _matrix(xs: Sequence[Any], data: Any, env: Env) -> Any:
    if data == "inv":
        return np.linalg.inv(xs[0])
    return float(np.linalg.det(xs[0]) if data == "det" else np.linalg.slogdet(xs[0])[1])


# fmt: off
EVALUATE: dict[str, Any] = {
    "sym": lambda xs, d, env: _column(env[d]), "symmetric": lambda xs, d, env: _column(env[d]), "small": lambda xs, d, env: _column(env[d]), "num": lambda xs, d, env: float(d), "dim": lambda xs, d, env: float(_size(d, env)),
    "ones": lambda xs, d, env: np.ones((_size(d, env), 1)), "eye": lambda xs, d, env: np.eye(_size(d, env)),
    "mul": _product, "had": _hadamard, "sum": lambda xs, d, env: sum(xs[1:], xs[0]), "T": lambda xs, d, env: xs[0].T if np.ndim(xs[0]) else xs[0],
    "pow": lambda xs, d, env: xs[0] ** (int(d) if d == int(d) and d >= 0 else float(d)), "fn": lambda xs, d, env: WORDS[d].evaluate(*xs),
    "diag": _diag, "diagof": lambda xs, d, env: np.diag(xs[0]).reshape(-1, 1), "tr": _trace, "scale": _scale, "row": _row, "matrix": _matrix,
    "cut": _cut, "unit": lambda xs, d, env: np.eye(_size(d[2], env))[:, [d[1]]], "onehot": _onehot, "einsum": _einsum,
    "flip": lambda xs, d, env: np.eye(_size(d, env))[::-1], "lower": lambda xs, d, env: np.tri(_size(d, env)), "vec": _vec,
}
# fmt: on
