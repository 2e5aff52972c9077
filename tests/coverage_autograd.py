"""Of the functions that HIPS/autograd differentiates, the share that wengert does: forward and reverse.

    python tests/coverage_autograd.py

prints the table. The names are autograd's own tables of rules after all of its modules are imported; each
is called once, its differential is compared with differences in float64, and reverse mode with forward.
SciPy's Python functions turn what they get into an ndarray, so they stand under wengert's own names.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

import wengert
from wengert import tree
from wengert.ir.lazy import special as sc
from wengert.trace.spellings import linalg as own_linalg
from wengert.trace.spellings import special as own_special

pytest.importorskip("autograd")

X, Y = np.array([0.3, 0.8, 1.7]), np.array([1.2, 0.4, 2.1])
M, A = (
    np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]),
    np.array([[3.0, 0.5, -1.0], [0.2, 2.5, 0.7], [-0.6, 0.9, 4.0]]),
)
S, U = A @ A.T + np.eye(3), np.array([0.2, 0.5, 0.8])
B, BAND = A[:, :2].copy(), np.array([[0.0, 0.5, 0.3], [3.0, 4.0, 5.0], [0.2, 0.1, 0.0]])

INTERNAL = {  # the machinery of autograd's own boxes and containers: no function that anyone calls
    "sparse_add", "mut_add", "inner_prod", "covector", "scalar_mul", "container_take", "container_untake", "sequence_extend_right",
    "sequence_extend_left", "make_sequence", "_make_dict", "dot_adjoint_0", "dot_adjoint_1", "tensordot_adjoint_0", "tensordot_adjoint_1",
    "untake", "truncate_pad", "make_diagonal", "array_from_args", "_array_from_scalar_or_array", "concatenate_args",
}  # fmt: skip
ALIASES = {
    "numpy.abs": "numpy.absolute", "numpy.acos": "numpy.arccos", "numpy.acosh": "numpy.arccosh", "numpy.conj": "numpy.conjugate", "numpy.mod": "numpy.remainder",
    "numpy.norm": "linalg.norm", "numpy.permute_dims": "numpy.transpose", "numpy.pow": "numpy.power", "numpy.concatenate_args": "numpy.concatenate",
}  # fmt: skip
# fmt: off
ONE = ["absolute", "fabs", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "arcsinh", "square", "sqrt", "sinc", "negative", "reciprocal", "rad2deg", "degrees", "deg2rad", "radians", "real", "imag", "conjugate", "angle", "nan_to_num", "real_if_close", "ravel", "sort", "flipud", "diag", "sum", "mean", "prod", "var", "std", "max", "min", "amax", "amin", "cumsum", "diff", "gradient", "atleast_1d", "atleast_2d", "atleast_3d", "squeeze", "transpose"]
TWO = ["add", "multiply", "subtract", "divide", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "remainder", "power", "arctan2", "hypot", "dot", "inner", "outer", "kron", "matmul", "cross"]
CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{f"numpy.{name}": (getattr(np, name), (X,)) for name in ONE},
    **{f"numpy.{name}": (getattr(np, name), (X, Y)) for name in TWO},
    "numpy.arcsin": (np.arcsin, (U,)), "numpy.arccos": (np.arccos, (U,)), "numpy.arctanh": (np.arctanh, (U,)), "numpy.arccosh": (np.arccosh, (1 + X,)),
    "numpy.reshape": (lambda x: np.reshape(x, (3, 2)), (M,)), "numpy.roll": (lambda x: np.roll(x, 1), (X,)), "numpy.array_split": (lambda x: np.array_split(x, 2), (X,)),
    "numpy.split": (lambda x: np.split(x, 3), (X,)), "numpy.vsplit": (lambda x: np.vsplit(x, 2), (M,)), "numpy.hsplit": (lambda x: np.hsplit(x, 3), (M,)), "numpy.dsplit": (lambda x: np.dsplit(x, 2), (np.stack([M, M + 1], -1),)),
    "numpy.expand_dims": (lambda x: np.expand_dims(x, 1), (X,)), "numpy.fliplr": (np.fliplr, (M,)), "numpy.rot90": (np.rot90, (M,)), "numpy.trace": (np.trace, (A,)), "numpy.full": (lambda v: np.full_like(v, 1) * v, (X,)),
    "numpy.triu": (np.triu, (A,)), "numpy.tril": (np.tril, (A,)), "numpy.clip": (lambda x: np.clip(x, 0.5, 1.0), (X,)), "numpy.swapaxes": (lambda x: np.swapaxes(x, 0, 1), (M,)), "numpy.moveaxis": (lambda x: np.moveaxis(x, 0, 1), (M,)),
    "numpy.where": (lambda x, y: np.where(x > 0.5, x, y), (X, Y)), "numpy.linspace": (lambda a, b: np.linspace(a, b, 5), (0.5, 2.0)), "numpy.astype": (lambda x: x.astype("f8"), (X,)), "numpy.rollaxis": (lambda x: np.rollaxis(x, 1), (M,)),
    "numpy.repeat": (lambda x: np.repeat(x, 2), (X,)), "numpy.tile": (lambda x: np.tile(x, 2), (X,)), "numpy.broadcast_to": (lambda x: np.broadcast_to(x, (2, 3)), (X,)), "numpy.tensordot": (lambda x, y: np.tensordot(x, y, 1), (A, B)),
    "numpy.concatenate": (lambda x, y: np.concatenate([x, y]), (X, Y)), "numpy.partition": (lambda x: np.partition(x, 2), (np.sort(X),)), "numpy.einsum": (lambda x, y: np.einsum("ij,jk->ik", x, y), (M, B)), "numpy.diagonal": (np.diagonal, (A,)),
    "numpy.__getitem__": (lambda x: x[1:, [0, 2]], (A,)), "numpy.pad": (lambda x: np.pad(x, 1), (M,)), "numpy.matmul": (np.matmul, (M, B)),
    **{f"fft.{name}": (getattr(np.fft, name), (X,)) for name in ["fft", "ifft", "rfft", "fftshift", "ifftshift"]}, "fft.irfft": (np.fft.irfft, (X + 0j,)),
    **{f"fft.{name}": (getattr(np.fft, name), (M,)) for name in ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "rfftn"]}, "fft.irfft2": (np.fft.irfft2, (M + 0j,)), "fft.irfftn": (np.fft.irfftn, (M + 0j,)),
    **{f"linalg.{name}": (getattr(np.linalg, name), (A,)) for name in ["det", "slogdet", "inv", "pinv", "norm"]}, "linalg.solve": (np.linalg.solve, (A, X)),
    "numpy.remainder": (np.remainder, (X, 1.1 * Y)), "linalg.eigh": (lambda a: np.linalg.eigh((a + a.T) / 2), (S,)), "linalg.eig": (lambda a: np.linalg.eig(a)[0], (A,)), "linalg.cholesky": (lambda a: np.linalg.cholesky((a + a.T) / 2), (S,)), "linalg.svd": (lambda a: np.linalg.svd(a, full_matrices=False), (M,)),
    "special.beta": (sc.beta, (X, Y)), "special.betainc": (lambda x: sc.betainc(1.5, 2.5, x), (U,)), "special.betaln": (sc.betaln, (X, Y)), "special.gammasgn": (sc.gammasgn, (X,)), "special.polygamma": (lambda x: own("polygamma")(1, x), (X,)),
    **{f"special.{name}": (getattr(sc, name), (X,)) for name in ["psi", "gamma", "gammaln", "rgamma", "j0", "y0", "j1", "y1", "i0", "i1", "erf", "erfc", "expit"]}, "special.digamma": (sc.digamma, (X,)),
    "special.multigammaln": (lambda x: own("multigammaln")(x, 2), (X + 1,)), "special.gammainc": (lambda x: sc.gammainc(1.5, x), (X,)), "special.gammaincc": (lambda x: sc.gammaincc(1.5, x), (X,)), "special.jv": (lambda x: sc.jv(2.0, x), (X,)), "special.jn": (lambda x: sc.jv(2.0, x), (X,)),
    "special.yn": (lambda x: sc.yn(2, x), (X,)), "special.iv": (lambda x: sc.iv(1.5, x), (X,)), "special.ive": (lambda x: sc.ive(1.5, x), (X,)), "special.erfinv": (sc.erfinv, (U,)), "special.erfcinv": (sc.erfcinv, (U,)), "special.logit": (sc.logit, (U,)),
    "special.logsumexp": (lambda x: own("logsumexp")(x), (X,)),
    "linalg.sqrtm": (lambda a: own("sqrtm")(a), (S,)), "linalg.solve_triangular": (lambda a, b: own("solve_triangular")(a, b, lower=True), (A, X)), "linalg.solve_banded": (lambda ab, b: own("solve_banded")((1, 1), ab, b), (BAND, X)),
    "linalg.solve_sylvester": (lambda a, b, q: own("solve_sylvester")(a, b, q), (A, S, S @ A)),
    "signal.convolve": (lambda x, y: np.convolve(x, y), (X, Y)), "integrate.odeint": (lambda y: own("odeint")(lambda y, t: -y, y, np.array([0.0, 0.5, 1.0])), (X,)),
}
# fmt: on
FORWARD, REVERSE = 0.99, 0.99  # what is reached; it may not fall


def own(name: str) -> Callable[..., Any]:
    """wengert's function of this name, for SciPy functions that don't dispatch."""
    for module in (wengert, own_linalg, own_special):
        if callable(found := getattr(module, name, None)):
            return found
    raise LookupError(f"wengert has no {name}")


def modules() -> Iterator[tuple[str, Any]]:
    """autograd's wrapped modules, by the name that a user would write."""
    for root in ("autograd.numpy", "autograd.scipy"):
        package = importlib.import_module(root)
        yield root.removeprefix("autograd."), package
        for found in pkgutil.walk_packages(package.__path__, f"{root}."):
            yield (
                found.name.removeprefix("autograd.numpy.").removeprefix("autograd.scipy."),
                importlib.import_module(found.name),
            )


def names() -> dict[str, tuple[bool, bool]]:
    """Every differentiated function by name, and whether autograd has a forward and a reverse rule."""
    known: dict[Any, str] = {}
    for place, module in modules():
        short = (
            "numpy"
            if place in ("numpy", "numpy_wrapper", "numpy_vjps", "numpy_boxes", "numpy_jvps")
            else place
        )
        for name, value in vars(module).items():
            if callable(value) and getattr(value, "__hash__", None) and not name.startswith("_"):
                known.setdefault(value, f"{short}.{name}")
    core = importlib.import_module("autograd.core")
    found: dict[str, tuple[bool, bool]] = {}
    for primitive in core.primitive_vjps:
        if primitive.__name__ in INTERNAL - {"concatenate_args"}:
            continue
        name = known.get(primitive, f"numpy.{primitive.__name__}")
        name = ALIASES.get(name, name)
        found[name] = (primitive in core.primitive_jvps, True)
    return found


def tried(call: Callable[..., Any], xs: tuple[Any, ...]) -> tuple[bool, bool, str]:
    """Whether forward mode is right, whether reverse mode agrees with it, and what went wrong."""
    xs = tuple(np.asarray(x)[()] for x in xs)
    rng = np.random.default_rng(0)
    vs = [np.asarray(rng.uniform(0.2, 1, x.shape), x.dtype)[()] for x in xs]
    if call is CALLS["linalg.sqrtm"][0]:
        vs = [v + v.T for v in vs]

    def floats(*zs: Any) -> list[Any]:
        return [
            y for y in tree.flatten(call(*zs))[0] if hasattr(y, "dtype") and y.dtype.kind in "fc"
        ]

    try:
        ys, dys = wengert.jvp(floats, xs, vs)
    except Exception as error:  # noqa: BLE001 - whatever it is, the function isn't covered
        return False, False, f"{type(error).__name__}: {error}"
    h = 1e-4
    near = [
        wengert.jvp(floats, [x + k * h * v for x, v in zip(xs, vs, strict=True)], vs)[0]
        for k in (-2, -1, 1, 2)
    ]
    numeric = [(a - 8 * b + 8 * c - d) / (12 * h) for a, b, c, d in zip(*near, strict=True)]
    forward = all(
        np.allclose(g, w, rtol=1e-6, atol=1e-7) for g, w in zip(dys, numeric, strict=True)
    )
    us = [np.asarray(rng.uniform(0.2, 1, y.shape), y.dtype)[()] for y in ys]
    try:
        dxs = wengert.vjp(floats, *xs)[1](us)
    except Exception as error:  # noqa: BLE001 - as above
        return forward, False, f"{type(error).__name__}: {error}"
    left, right = (
        sum(np.sum(np.real(np.conj(p) * q)) for p, q in zip(*pair, strict=True))
        for pair in ((us, dys), (dxs, vs))
    )
    return (
        forward,
        bool(abs(left - right) < 1e-8 * (1 + abs(left))),
        "" if forward else "differences disagree",
    )


def table() -> list[tuple[str, bool, bool, bool, bool, str]]:
    """(name, autograd forward, autograd reverse, ours forward, ours reverse, trouble) for each function."""
    rows = []
    for name, (jvp, vjp) in sorted(names().items()):
        if name.startswith("stats."):
            continue
        ours = (
            tried(*CALLS[name])
            if name in CALLS
            else (False, False, "no sample call in tests/coverage_autograd.py")
        )
        rows.append((name, jvp, vjp, *ours))
    return rows


def share(rows: Any, column: int) -> float:
    return sum(row[column] for row in rows) / len(rows)


def main() -> None:
    rows = table()
    print(f"{'function':34} autograd       wengert\n{'':34} fwd  rev       fwd  rev")
    for name, *marks, trouble in rows:
        signs = ["yes" if m else " - " for m in marks]
        print(f"{name:34} {signs[0]}  {signs[1]}       {signs[2]}  {signs[3]}  {trouble[:90]}")
    stats = sorted(name for name in names() if name.startswith("stats."))
    print(
        f"\n{len(rows)} functions. autograd {version('autograd')}: forward {share(rows, 1):.0%}, reverse {share(rows, 2):.0%}; wengert: forward {share(rows, 3):.0%}, reverse {share(rows, 4):.0%}."
    )
    print("Missing:", ", ".join(row[0] for row in rows if not (row[3] and row[4])) or "none")
    print(
        f"Not counted, {len(stats)} densities that scipy.stats writes in Python and that don't dispatch:",
        ", ".join(stats),
    )


if __name__ == "__main__":
    main()
