"""The enclosure of each word: where its extremes lie, and how far its computed value may be off.

The accuracy of NumPy's and SciPy's words isn't guaranteed: NumPy promises 4 units in the last place
for its vector code, and SciPy's own tests allow more. The margins here are
attacked with mpmath in tests/test_certify_bounds.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.certify import interval as iv
from wengert.certify.interval import EPS, Interval, point, step, unless, widen
from wengert.ir.lazy import special
from wengert.ir.types import Array

Word = Callable[..., Interval]
INF = float("inf")
PI = float(np.pi)
FAR = 1e8
"""From here on the argument of a circular function isn't reduced: [-1, 1] is all we say."""


def monotone(
    f: Callable[..., Array], ulps: float = 8, inside: tuple[float, float] = (-INF, INF),
    within: tuple[float, float] = (-INF, INF), falls: bool = False, shut: bool = False,
) -> Word:  # fmt: skip
    """A word that only rises (or falls), defined in `inside` (its ends too if `shut`)."""

    def word(x: Interval, **params: Any) -> Interval:
        below, above = (x.lo < inside[0], x.hi > inside[1])
        if not shut:
            below = below | ((x.lo <= inside[0]) & (inside[0] > -INF))
            above = above | ((x.hi >= inside[1]) & (inside[1] < INF))
        x = unless(below | above, x)
        a, b = f(x.lo, **params), f(x.hi, **params)
        y = widen(b, a, ulps) if falls else widen(a, b, ulps)
        return clip(y, *within)

    return word


def exact(f: Callable[..., Array]) -> Word:
    """A word that rises and doesn't round."""
    return lambda x, **params: Interval(f(x.lo, **params), f(x.hi, **params))


def clip(y: Interval, low: float, high: float) -> Interval:
    """No further than the word's own range; nan stays nan."""
    return Interval(np.maximum(y.lo, low), np.minimum(y.hi, high))


def even(f: Callable[..., Array], low: float, high: float, falls: bool = False) -> Word:
    """f(|x|), which only rises (or falls) with |x|."""
    rise = monotone(f, within=(low, high), falls=falls)
    return lambda x: rise(iv.absolute(x))


def _reaches(x: Interval, start: float, period: float) -> Array:
    """Whether x may hold start + k period; the slack is far above what the quotient rounds."""
    a, b = (x.lo - start) / period, (x.hi - start) / period
    slack = 1e-9 + 8 * EPS * (np.abs(a) + np.abs(b))
    return np.floor(b + slack) >= np.ceil(a - slack)


def _circular(f: Callable[..., Array], top: float) -> Word:
    def word(x: Interval) -> Interval:
        a, b = f(np.clip(x.lo, -FAR, FAR)), f(np.clip(x.hi, -FAR, FAR))
        y = clip(widen(np.minimum(a, b), np.maximum(a, b), 8), -1.0, 1.0)
        far = x.size() > FAR
        low = far | _reaches(x, top + PI, 2 * PI)
        high = far | _reaches(x, top, 2 * PI)
        return Interval(np.where(low, -1.0, y.lo), np.where(high, 1.0, y.hi))

    def careful(x: Interval) -> Interval:
        return unless(np.isnan(x.lo) | np.isnan(x.hi), word(x))

    return careful


def tan(x: Interval) -> Interval:
    """A pole in the interval leaves nothing known."""
    x = unless((x.size() > FAR) | _reaches(x, PI / 2, PI), x)
    return widen(np.tan(x.lo), np.tan(x.hi), 8)


def monomial(x: Interval, p: Any) -> Interval:
    """x^p for a number p; odd and even whole powers of any sign, others where x is not negative."""
    p = float(p)
    if p == 0:
        return iv.add(point(1.0), iv.multiply(point(0.0), x))
    if p != int(p):
        x = unless((x.lo < 0) | ((x.lo <= 0) & (p < 0)), x)
        return _ends(x, p)
    if p < 0:
        return iv.reciprocal(monomial(x, -p))
    return _ends(iv.absolute(x) if p % 2 == 0 else x, p)


def _ends(x: Interval, p: float) -> Interval:
    a, b = np.power(x.lo, p), np.power(x.hi, p)
    y = widen(np.minimum(a, b), np.maximum(a, b), 8)
    return Interval(np.where(x.lo >= 0, np.maximum(y.lo, 0.0), y.lo), y.hi)


def power(x: Interval, y: Interval) -> Interval:
    """x^y: a number y as `monomial`, else at the corners, where x is positive."""
    if np.ndim(y.lo) == 0 and y.lo == y.hi:
        return monomial(x, y.lo)
    x = unless((x.lo < 0) | ((x.lo <= 0) & (y.lo <= 0)), x)
    corners = [np.power(a, b) for a in x for b in y]
    low = widen(np.minimum.reduce(corners), np.maximum.reduce(corners), 8)
    return Interval(np.maximum(low.lo, 0.0), low.hi)


def hypot(x: Interval, y: Interval) -> Interval:
    """It rises with |x| and with |y|."""
    a, b = iv.absolute(x), iv.absolute(y)
    return clip(widen(np.hypot(a.lo, b.lo), np.hypot(a.hi, b.hi), 8), 0.0, INF)


def leg(x: Interval, y: Interval) -> Interval:
    """x / hypot(x, y) in [-1, 1], and 0 at the origin."""
    q = iv.divide(x, hypot(x, y))
    bad = np.isnan(x.lo) | np.isnan(y.lo)
    free = np.isnan(q.lo)
    q = Interval(
        np.where(free, -1.0, np.maximum(q.lo, -1)), np.where(free, 1.0, np.minimum(q.hi, 1))
    )
    return unless(bad, q)


def arctan2(y: Interval, x: Interval) -> Interval:
    """The angle: its extremes are at corners, unless the box meets the cut along x <= 0."""
    corners = [np.arctan2(a, b) for a in y for b in x]
    z = widen(np.minimum.reduce(corners), np.maximum.reduce(corners), 8)
    cut = (x.lo <= 0) & (y.lo <= 0) & (y.hi >= 0)
    pi = np.nextafter(PI, 4)
    return Interval(np.where(cut, -pi, z.lo), np.where(cut, pi, z.hi))


def logaddexp(x: Interval, y: Interval) -> Interval:
    """log(e^x + e^y): it rises in both; near zero it cancels, so the margin is absolute."""

    def end(a: Array, b: Array) -> tuple[Array, Array]:
        return np.logaddexp(a, b), 8 * EPS * (np.abs(a) + np.abs(b) + 1)

    (a, e), (b, g) = end(x.lo, y.lo), end(x.hi, y.hi)
    return step(a - e, b + g)


def xlogy(x: Interval, y: Interval) -> Interval:
    """x log y."""
    return iv.multiply(x, WORDS["log"](y))


def _softsign(x: Array) -> Array:
    return x / (1 + np.abs(x))


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu(x: Interval, alpha: float = 1.0) -> Interval:
    """It rises for alpha >= 0."""
    if alpha < 0:
        return unless(np.full(np.shape(x.lo), True), x)
    return widen(_elu(x.lo, alpha), _elu(x.hi, alpha), 16)


def selu(x: Interval) -> Interval:
    """An elu, scaled."""
    a, s = 1.6732632423543772, 1.0507009873554805
    return widen(s * _elu(x.lo, a), s * _elu(x.hi, a), 16)


def leaky_relu(x: Interval, slope: float = 0.01) -> Interval:
    """max(x, slope x) for slope <= 1; by its two halves, whatever the slope."""
    right, left = (
        Interval(np.maximum(x.lo, 0.0), np.maximum(x.hi, 0.0)),
        Interval(np.minimum(x.lo, 0.0), np.minimum(x.hi, 0.0)),
    )
    return iv.add(right, iv.multiply(point(slope), left))


def shaped(gate: str) -> Word:
    """x g(x) for a gate g that rises from 0 to 1."""
    return lambda x: iv.multiply(x, WORDS[gate](x))


def heaviside(x: Interval, at: Interval) -> Interval:
    """0, at, 1; undecided it holds all three."""
    a, b = np.minimum(at.lo, 0.0), np.maximum(at.hi, 1.0)
    low = np.where(x.lo > 0, 1.0, np.where(x.hi < 0, 0.0, np.where(x.decided(), at.lo, a)))
    high = np.where(x.lo > 0, 1.0, np.where(x.hi < 0, 0.0, np.where(x.decided(), at.hi, b)))
    return unless(np.isnan(x.lo), Interval(low, high))


# --- truth values: `lo` = surely, `hi` = possibly; a comparison with nan is undecided
def _compare(surely: Callable[..., Array], possibly: Callable[..., Array]) -> Word:
    def word(x: Interval, y: Interval) -> Interval:
        unknown = _nan(x) | _nan(y)
        return Interval(surely(x, y) & ~unknown, possibly(x, y) | unknown)

    return word


def _nan(x: Interval) -> Array:
    return np.isnan(x.lo) | np.isnan(x.hi) if np.asarray(x.lo).dtype.kind == "f" else np.False_


def _same(x: Interval, y: Interval) -> Array:
    return (x.lo == y.hi) & (x.hi == y.lo)


def _touch(x: Interval, y: Interval) -> Array:
    return (x.lo <= y.hi) & (y.lo <= x.hi)


def logical_not(x: Interval) -> Interval:
    """Surely not, possibly not."""
    x = truth(x)
    return Interval(~x.hi, ~x.lo)


def truth(x: Interval) -> Interval:
    """Numbers as truth values: zero is false."""
    if np.asarray(x.lo).dtype == bool:
        return x
    zero = (x.lo <= 0) & (x.hi >= 0)
    return Interval(~zero & ~_nan(x), ~(zero & x.decided()) | _nan(x))


def _logic(f: Callable[..., Array]) -> Word:
    return lambda x, y: Interval(f(truth(x).lo, truth(y).lo), f(truth(x).hi, truth(y).hi))


def select(c: Interval, x: Interval, y: Interval) -> Interval:
    """The branch that is surely taken, else what holds both."""
    low = np.where(c.lo, x.lo, np.where(c.hi, np.minimum(x.lo, y.lo), y.lo))
    high = np.where(c.lo, x.hi, np.where(c.hi, np.maximum(x.hi, y.hi), y.hi))
    return Interval(low, high)


def finite(x: Interval) -> Interval:
    """An exact real number is finite; one that may be undefined may be anything."""
    unknown = _nan(x)
    return Interval(~unknown & np.True_, np.ones(np.shape(x.lo), bool))


def extremes(f: Callable[..., Array]) -> Word:
    """A word that rises in both operands and does not round."""
    return lambda x, y: Interval(f(x.lo, y.lo), f(x.hi, y.hi))


UNIT = (0.0, 1.0)
BOTH = (-1.0, 1.0)
# fmt: off
WORDS: dict[str, Word] = {
    # --- arithmetic
    "add": iv.add, "subtract": iv.subtract, "multiply": iv.multiply, "divide": iv.divide,
    "negative": iv.negative, "reciprocal": iv.reciprocal, "square": iv.square,
    "absolute": iv.absolute, "fabs": iv.absolute, "stop_gradient": lambda x: x,
    "power": power, "float_power": power, "monomial": monomial,
    "sqrt":    lambda x: clip(_sqrt(x), 0.0, INF),
    "cbrt":    monotone(np.cbrt),
    "hypot": hypot, "leg": leg, "arctan2": arctan2,
    "degrees": monotone(np.degrees), "radians": monotone(np.radians),
    # --- exponentials and logarithms
    "exp":     monotone(np.exp,   within=(0.0, INF)),
    "exp2":    monotone(np.exp2,  within=(0.0, INF)),
    "expm1":   monotone(np.expm1, within=(-1.0, INF)),
    "log":     monotone(np.log,   inside=(0.0, INF)),
    "log2":    monotone(np.log2,  inside=(0.0, INF)),
    "log10":   monotone(np.log10, inside=(0.0, INF)),
    "log1p":   monotone(np.log1p, inside=(-1.0, INF)),
    "logaddexp": logaddexp, "xlogy": xlogy,
    # --- circular and hyperbolic
    "sin": _circular(np.sin, PI / 2), "cos": _circular(np.cos, 0.0), "tan": tan,
    "arcsin":  monotone(np.arcsin, inside=BOTH, shut=True),
    "arccos":  monotone(np.arccos, inside=BOTH, shut=True, falls=True),
    "arctan":  monotone(np.arctan),
    "sinh":    monotone(np.sinh),
    "cosh":    even(np.cosh, 1.0, INF),
    "tanh":    monotone(np.tanh, within=BOTH),
    "sech":    even(lambda x: 2 * np.exp(-x) / (1 + np.exp(-2 * x)), 0.0, 1.0, falls=True),
    "arcsinh": monotone(np.arcsinh),
    "arccosh": monotone(np.arccosh, inside=(1.0, INF), shut=True, within=(0.0, INF)),
    "arctanh": monotone(np.arctanh, inside=BOTH),
    # --- activations and the normal distribution
    "sigmoid":     monotone(lambda x: special.expit(x), within=UNIT),
    "log_expit":   monotone(lambda x: -np.logaddexp(-x, 0.0), 16, within=(-INF, 0.0)),
    "log_sigmoid": monotone(lambda x: -np.logaddexp(-x, 0.0), 16, within=(-INF, 0.0)),
    "softplus":    monotone(lambda x: np.logaddexp(x, 0.0), 16, within=(0.0, INF)),
    "erf":     monotone(lambda x: special.erf(x), 32, within=BOTH),
    "erfc":    monotone(lambda x: special.erfc(x), 4096, within=(0.0, 2.0), falls=True),
    "ndtr":    monotone(lambda x: special.ndtr(x), 4096, within=UNIT),
    "relu":    exact(lambda x: np.maximum(x, 0.0)),
    "hard_tanh": exact(lambda x: np.minimum(np.maximum(x, -1.0), 1.0)),
    "leaky_relu": leaky_relu, "elu": elu, "selu": selu,
    "softsign": monotone(_softsign, within=BOTH),
    "silu": shaped("sigmoid"), "gelu": shaped("ndtr"),
    # --- the larger and the smaller
    "maximum": extremes(np.maximum), "minimum": extremes(np.minimum),
    # --- piecewise constant
    "sign": exact(np.sign), "floor": exact(np.floor), "ceil": exact(np.ceil),
    "trunc": exact(np.trunc), "rint": exact(np.rint), "heaviside": heaviside,
    # --- truth values
    "greater":       _compare(lambda x, y: x.lo > y.hi,  lambda x, y: x.hi > y.lo),
    "greater_equal": _compare(lambda x, y: x.lo >= y.hi, lambda x, y: x.hi >= y.lo),
    "less":          _compare(lambda x, y: x.hi < y.lo,  lambda x, y: x.lo < y.hi),
    "less_equal":    _compare(lambda x, y: x.hi <= y.lo, lambda x, y: x.lo <= y.hi),
    "equal":         _compare(_same, _touch),
    "not_equal":     _compare(lambda x, y: ~_touch(x, y), lambda x, y: ~_same(x, y)),
    "logical_and": _logic(np.logical_and), "logical_or": _logic(np.logical_or), "logical_not": logical_not,
    "bitwise_and": _logic(np.logical_and), "bitwise_or": _logic(np.logical_or), "invert": logical_not,
    "select": select, "isfinite": finite,
    "isnan": lambda x: logical_not(finite(x)), "isinf": lambda x: logical_not(finite(x)),
}
# fmt: on
JUMPS: dict[str, Callable[[Interval], Array]] = {
    **dict.fromkeys(
        ("sign", "floor", "ceil", "trunc", "rint", "heaviside"), lambda y: ~y.decided()
    ),
    "stop_gradient": lambda y: ~y.decided(),  # it doesn't jump, but its slope isn't the value's
    "arctan2": lambda y: y.hi - y.lo > 2 * PI,
    "leg": lambda y: (y.lo == -1) & (y.hi == 1),
}
"""Where a word may jump, from its result: no mean value holds across."""


def _sqrt(x: Interval) -> Interval:
    x = unless(x.lo < 0, x)
    return step(np.sqrt(x.lo), np.sqrt(x.hi))


def arguments(values: Sequence[Interval]) -> list[Interval]:
    """The operands of a word of numbers, as float64; integers up to 2^53 are exact there."""
    return [
        x
        if x.lo is x.hi and np.asarray(x.lo).dtype.kind in "fb"
        else Interval(_number(x.lo), _number(x.hi))
        for x in values
    ]


def _number(x: Array) -> Array:
    return x if np.asarray(x).dtype.kind in "fb" else np.asarray(x, np.float64)
