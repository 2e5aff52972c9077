"""`check_grads`: our derivatives against arithmetic that knows nothing of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.arguments import F
from wengert.api.derivatives import grad, jvp, vjp
from wengert.errors import WengertError


class GradientError(WengertError, AssertionError):
    """A derivative that disagrees with finite differences."""


@dataclass(frozen=True, slots=True)
class Report:
    """How many derivatives were compared, and the worst of them, relative to the largest."""

    compared: int
    worst: float
    where: str

    def __str__(self) -> str:
        return f"{self.compared} derivatives agree; the worst, {self.where}, to {self.worst:.1e}"


def check_grads(
    f: F,
    *args: Any,
    order: int = 2,
    modes: Sequence[str] = ("forward", "reverse"),
    rtol: float = 1e-5,
    seed: int = 0,
) -> Report:
    """Compare the derivatives of f at `args`, entry by entry, with differences or the complex step.

    The function is made scalar by a random weight on each of its results. Each entry of its
    gradient, in both modes, is compared with a central difference of fourth order, or with the
    complex step f'(x) = Im f(x + ih)/h (Squire & Trapp 1998) where f takes complex numbers and the
    two agree. For order 2 the gradient's own derivative along a random direction is compared
    likewise, in both modes.

    Raises GradientError, naming the worst entry, if one is off by more than rtol of the largest.
    """
    rng = np.random.default_rng(seed)
    leaves, structure = tree.flatten(args)
    xs = [np.array(x, dtype=np.result_type(x, np.float32), order="C") for x in leaves]
    names = tree.paths(args, "args")
    weights: list[np.ndarray] = []

    def analytic(*values: Any) -> Any:
        ys, _ = tree.flatten(f(*structure.unflatten(values)))
        if not weights:
            weights.extend(rng.uniform(0.5, 1.5, np.shape(y)) for y in ys)
        return sum(np.sum(y * w) for y, w in zip(ys, weights, strict=True))

    def scalar(*values: Any) -> Any:
        return np.real(analytic(*values))

    scalar(*xs)
    checker = _Checker(rtol)
    numeric = [_slopes(scalar, analytic, xs, i) for i in range(len(xs))]
    if "reverse" in modes:
        reverse = grad(scalar, tuple(range(len(xs))))(*xs)
        for name, g, n in zip(names, reverse, numeric, strict=True):
            checker.compare(f"reverse mode, {name}", g, n)
    if "forward" in modes:
        for i, (name, n) in enumerate(zip(names, numeric, strict=True)):
            checker.compare(f"forward mode, {name}", _forward(scalar, xs, i), n)
    if order >= 2:
        _second(scalar, xs, names, rng, modes, checker)
    return checker.report()


def _second(
    scalar: F, xs: list[Any], names: list[str], rng: Any, modes: Sequence[str], checker: "_Checker"
) -> None:
    """Hessian times a direction: forward over reverse, reverse over reverse, and differences."""
    numbers = tuple(range(len(xs)))
    vs = [rng.standard_normal(x.shape).astype(x.dtype) for x in xs]
    gradient = grad(scalar, numbers)

    def slope(*values: Any) -> Any:
        return sum(
            np.sum(np.real(np.conj(g) * v)) for g, v in zip(gradient(*values), vs, strict=True)
        )

    h = _step(xs[0].dtype) ** 0.75
    ahead, back = (
        [gradient(*[x + s * h * v for x, v in zip(xs, vs, strict=True)]) for s in (k, -k)]
        for k in (1, 2)
    )
    numeric = [
        (8 * (a - b) - (c - d)) / (12 * h)
        for a, b, c, d in zip(ahead[0], ahead[1], back[0], back[1], strict=True)
    ]
    found: dict[str, Callable[[], Any]] = {
        "forward": lambda: jvp(gradient, xs, vs)[1],
        "reverse": lambda: vjp(slope, *xs)[1](1.0),
    }
    for mode in modes:
        for name, g, n in zip(names, found[mode](), numeric, strict=True):
            checker.compare(f"second order, {mode} over reverse, {name}", g, n, 10)


def _step(dtype: Any) -> float:
    step: float = np.finfo(dtype).eps ** 0.2
    return step


def _forward(scalar: F, xs: list[Any], i: int) -> Any:
    """The gradient by one forward pass for each entry; for complex entries a second along i."""
    out = np.zeros_like(xs[i])
    for j in range(xs[i].size):
        for unit in (1, 1j) if xs[i].dtype.kind == "c" else (1,):
            dxs = [np.zeros_like(x) for x in xs]
            dxs[i].reshape(-1)[j] = unit
            out.reshape(-1)[j] += unit * jvp(scalar, xs, dxs)[1]
    return out


def _slopes(scalar: F, analytic: F, xs: list[Any], i: int) -> Any:
    """d scalar / d xs[i] by differences of fourth order; by the complex step where it holds."""
    h = _step(xs[i].dtype) * max(1.0, float(np.max(np.abs(xs[i]), initial=0.0)))
    out = np.zeros_like(xs[i])
    for j in range(xs[i].size):

        def at(step: Any, j: int = j, function: F = scalar) -> Any:
            moved = xs[i].astype(np.result_type(xs[i].dtype, step))
            moved.reshape(-1)[j] += step
            return function(*xs[:i], moved, *xs[i + 1 :])

        exact = (
            _complex_step(lambda step: at(step, function=analytic))
            if xs[i].dtype.kind == "f"
            else None
        )
        units = (1.0, 1j) if xs[i].dtype.kind == "c" else (1.0,)
        parts = [
            (8 * (at(h * u) - at(-h * u)) - (at(2 * h * u) - at(-2 * h * u))) / (12 * h)
            for u in units
        ]
        slope = parts[0] + (1j * parts[1] if len(parts) > 1 else 0)
        near = exact is not None and abs(exact - slope) < 1e-6 * max(1.0, abs(slope))
        out.reshape(-1)[j] = exact if near else slope
    return out


def _complex_step(at: Callable[[Any], Any]) -> float | None:
    """Im f(x + ih)/h: no cancellation, where f is analytic and takes complex numbers."""
    try:
        with np.errstate(all="ignore"):
            slope: float = np.imag(at(1e-30j)) / 1e-30
            return slope
    except Exception:  # noqa: BLE001  # whatever f does with complex numbers, differences remain
        return None


class _Checker:
    def __init__(self, rtol: float) -> None:
        self.rtol = rtol
        self.compared = 0
        self.worst = 0.0
        self.where = "nowhere"

    def compare(self, what: str, ours: Any, numeric: Any, slack: float = 1) -> None:
        ours, numeric = np.asarray(ours), np.asarray(numeric)
        scale = max(1.0, float(np.max(np.abs(numeric), initial=0.0)))
        off = np.abs(ours - numeric) / scale
        self.compared += off.size
        if not off.size:
            return
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        place = f"{what}{[int(i) for i in at] if off.ndim else ''}"
        if not off[at] <= self.rtol * slack:
            raise GradientError(
                f"The derivative in {place} is {ours[at]}, differences give {numeric[at]}. "
                "Differences are wrong at kinks and where the function is noisy. "
                "Move the point a little, or mend the rule."
            )
        if off[at] >= self.worst:
            self.worst, self.where = float(off[at]), place

    def report(self) -> Report:
        return Report(self.compared, self.worst, self.where)
