"""`approximate`: a perceptron built without training, with a proven bound on its error."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wengert.certify.forms import given
from wengert.certify.perceptron import Perceptron, closed, hats, nodes, steps
from wengert.certify.proof import Proof, blocked, prove
from wengert.certify.ranges import lipschitz
from wengert.errors import InputError, sentences
from wengert.ir.program import Program
from wengert.ir.text import parse
from wengert.ir.types import Array, Type
from wengert.passes.pipeline import simplified
from wengert.trace.stage import stage

F = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Approximation:
    """A perceptron and what is proven of it: |f(x) - net(x)| <= bound for each x of the box.

    net(x) is what runs, in its dtype, rounded, for x a number of that dtype; f is exact. `proven`
    says whether bound <= tol.
    """

    net: Perceptron
    box: tuple[float, float]
    tol: float
    bound: float
    worst: tuple[float, float]
    cells: int
    seconds: float
    source: str

    def __call__(self, x: Any) -> Any:
        return self.net(x)

    @property
    def neurons(self) -> int:
        return self.net.neurons

    @property
    def proven(self) -> bool:
        return self.bound <= self.tol

    @property
    def certificate(self) -> str:
        """All that `verify` needs, as JSON: the function's list, the weights, the claim."""
        net = self.net
        weights = {k: np.asarray(getattr(net, k), float).tolist() for k in "wbvc"}
        kept = {"format": 1, "function": self.source, "box": self.box, "tol": self.tol}
        kept |= {"bound": self.bound, "activation": net.activation, "dtype": str(net.w.dtype)}
        return json.dumps(kept | weights)

    def __str__(self) -> str:
        word = "proven" if self.proven else "NOT proven to the tolerance"
        low, high = self.worst
        return (
            f"{self.neurons} neurons, |f - net| <= {self.bound:.4g}"
            f" on [{self.box[0]:g}, {self.box[1]:g}]"
            f" ({word}, tol {self.tol:g}); worst cell [{low:.6g}, {high:.6g}];"
            f" {self.cells} cells, {self.seconds:.2f} s"
        )


def approximate(
    f: F, box: Any, tol: float, activation: str = "sigmoid", dtype: Any = np.float64,
    budget: int = 200_000,
) -> Approximation:  # fmt: skip
    """A perceptron for a function of one number, built without training, its error proven.

    "sigmoid": the notes' steps, cells and steepness from L h (1/2 + 2 e^(-wh/2)/(1 - e^(-wh))).
    "relu": a polygon with nodes where f bends. If `budget` boxes don't prove `tol`, `bound` is what
    is proven (perhaps inf) and `proven` is False.

    >>> made = approximate(np.sin, (0.0, 3.0), 1e-3, "relu")
    >>> made.proven, made.neurons < 60
    (True, True)
    """
    start = time.perf_counter()
    low, high = _line(box)
    if (
        activation not in ("sigmoid", "relu")
        or not (0 < tol < np.inf)
        or np.dtype(dtype).kind != "f"
    ):
        raise InputError(
            sentences(
                f"activation={activation!r}, tol={tol!r}, dtype={np.dtype(dtype)} make no net.",
                "Take 'sigmoid' or 'relu', a positive tol, and float32 or float64.",
            )
        )
    program = simplified(stage(lambda x: [f(x)], [Type((), np.dtype(np.float64))], ("x",)))
    build = _steps if activation == "sigmoid" else _hats
    net, proof = build(f, low, high, tol, np.dtype(dtype), budget)
    seconds = time.perf_counter() - start
    return Approximation(
        net, (low, high), tol, proof.bound, proof.worst, proof.cells, seconds, str(program)
    )


def _line(box: Any) -> tuple[float, float]:
    found = given(box)
    if found.lo.shape != () or found.lo >= found.hi:
        raise InputError(
            sentences(
                "approximate builds nets of one number: sums of boxes don't converge in more.",
                "Pass box=(low, high) with low < high.",
            )
        )
    return float(found.lo), float(found.hi)


def _steps(
    f: F, low: float, high: float, tol: float, dtype: Any, budget: int
) -> tuple[Perceptron, Proof]:
    """As many equal cells as the closed bound asks for, with 5 % left for proof and rounding."""
    slope = lipschitz(f, (low, high))
    if not np.isfinite(slope):
        raise InputError(
            sentences(
                "No Lipschitz constant of f is proven: it may jump, or be infinitely steep.",
                "Cut the box where f is steep, or use activation='relu'.",
            )
        )
    cells = max(2, int(np.ceil((high - low) * closed(slope, 1.0) / (0.95 * tol))))
    net, edges = steps(f, low, high, cells, dtype)
    return net, prove(f, net, edges, tol, budget)


def _hats(
    f: F, low: float, high: float, tol: float, dtype: Any, budget: int
) -> tuple[Perceptron, Proof]:
    """Nodes by the bend of f; cells that are not proven get one more in their middle."""
    at = nodes(f, low, high, 0.9 * tol)
    most = 4 * len(at) + 8  # more only where rounding stands in the way, and then none helps
    for _ in range(12):
        net, edges = hats(f, at, dtype)
        proof = prove(f, net, edges, tol, min(budget, 64 * len(edges) + 512))
        if proof.done or len(at) > most or blocked(net, edges, tol):
            break
        at = np.union1d(at, _middles(edges, proof))
    return net, proof


def _middles(edges: Array, proof: Proof) -> Array:
    where = np.searchsorted(edges, proof.open.middle()[:, 0], "right") - 1
    where = np.unique(np.clip(where, 0, len(edges) - 2))
    return 0.5 * (edges[where] + edges[where + 1])


def verify(file: str | Path, budget: int = 200_000) -> Approximation:
    """Check a certificate again from scratch: its list, weights and claim; nothing is believed.

    The answer's `bound` is proven anew; `proven` says whether it keeps the file's claim, its `tol`.
    """
    start = time.perf_counter()
    try:
        kept = json.loads(Path(file).read_text(encoding="utf-8"))
        assert_format(kept)
        dtype = np.dtype(kept["dtype"])
        net = Perceptron(*_weights(kept, dtype), kept["activation"])
        program: Program = parse(kept["function"])
        low, high = _line(kept["box"])
        claim = max(float(kept["tol"]), float(kept["bound"]))
    except (KeyError, TypeError, ValueError, SyntaxError) as error:
        raise InputError(
            sentences(f"{file} is no certificate: {error}.", "Write one with .certificate.")
        ) from error

    def f(x: Any) -> Any:
        return program(x)[0]

    edges = _edges(net, low, high)
    proof = prove(f, net, edges, claim, budget)
    seconds = time.perf_counter() - start
    return Approximation(
        net, (low, high), claim, proof.bound, proof.worst, proof.cells, seconds, str(program)
    )


def _weights(kept: Any, dtype: Any) -> tuple[Array, Array, Array, Array]:
    w, b, v, c = (np.asarray(kept[k], dtype) for k in "wbvc")
    if not (w.shape == b.shape == v.shape and w.ndim == 1 and c.shape == ()):
        raise ValueError("the weights' shapes don't fit together")
    return w, b, v, c


def assert_format(kept: Any) -> None:
    """The one format that there is."""
    if kept["format"] != 1 or kept["activation"] not in ("sigmoid", "relu"):
        raise ValueError(f"format {kept['format']!r}, activation {kept['activation']!r}")


def _edges(net: Perceptron, low: float, high: float) -> Array:
    """Where the net bends, as a first cut of the box."""
    with np.errstate(all="ignore"):
        turns = -np.asarray(net.b, float) / np.asarray(net.w, float)
    inside = turns[(turns > low) & (turns < high)]
    return np.unique(np.concatenate([[low], inside, [high]]))
