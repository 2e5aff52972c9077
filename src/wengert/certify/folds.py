"""The enclosures of sums, products of matrices, and of the words that fold or keep an axis.

A sum of n numbers in any order, fused or not, is off by at most n u / (1 - n u) times the sum of
the absolute values (Higham, Accuracy and Stability, 2002, 4.2); the margin here is twice that.
Axes are counted from the end, so that one more axis in front, the boxes, changes nothing.
"""

from collections.abc import Callable

import numpy as np

from wengert.certify.interval import EPS, TINY, Interval, absolute, square, step
from wengert.certify.words import WORDS, clip
from wengert.ir.types import Array

Fold = Callable[..., Interval]


def margin(n: int) -> float:
    """At least twice n u / (1 - n u)."""
    assert n < 1 << 40
    return (n + 2) * EPS * 1.001


def total(x: Interval, axes: tuple[int, ...], f: Callable[..., Array] = np.sum) -> Interval:
    """The sum over axes, or the running sum along one."""
    n = int(np.prod([np.shape(x.lo)[a] for a in axes]))
    low, high = f(x.lo, axis=axes), f(x.hi, axis=axes)
    slack = margin(n) * f(absolute(x).hi, axis=axes) + n * TINY
    return step(low - slack, high + slack)


def running(x: Interval, axis: int) -> Interval:
    """The running sum along an axis."""
    return total(x, (axis,), lambda v, axis: np.cumsum(v, axis[0]))


def norm(x: Interval, axes: tuple[int, ...], p: float) -> Interval:
    """sqrt(sum x^2)."""
    assert p == 2
    s = total(square(x), axes)
    return WORDS["sqrt"](Interval(np.maximum(s.lo, 0.0), s.hi))


def product(x: Interval, axes: tuple[int, ...]) -> Interval:
    """By one factor after the other."""
    lo, hi = (np.moveaxis(v, axes, range(len(axes))) for v in x)
    rest = lo.shape[len(axes) :]
    lo, hi = lo.reshape(-1, *rest), hi.reshape(-1, *rest)
    y = Interval(np.ones(rest), np.ones(rest))
    for a, b in zip(lo, hi, strict=True):
        y = WORDS["multiply"](y, Interval(a, b))
    return y


def contract(x: Interval, w: Interval, spec: str) -> Interval:
    """The product of two operands: exact ends where one is known, else by middle and radius."""
    if x.lo is x.hi:
        a, b = spec.split("->")[0].split(",")
        return contract(w, x, spec=f"{b},{a}->{spec.split('->')[1]}")
    n = _length(x, w, spec)

    def dot(a: Array, b: Array) -> Array:
        return np.einsum(spec, a, b, optimize=True)

    size = dot(x.size(), w.size())
    slack = 2 * margin(n) * size + n * TINY
    if w.lo is w.hi:
        up, down = np.maximum(w.lo, 0.0), np.minimum(w.lo, 0.0)
        low = dot(x.lo, up) + dot(x.hi, down)
        high = dot(x.hi, up) + dot(x.lo, down)
    else:
        a, b = x.middle(), w.middle()
        r, s = (np.nextafter(np.maximum(v.hi - m, m - v.lo), np.inf) for v, m in ((x, a), (w, b)))
        radius = dot(np.abs(a) + r, s) + dot(r, np.abs(b))
        low, high = dot(a, b) - radius, dot(a, b) + radius
        slack = 4 * slack + 4 * margin(n) * radius
    bad = np.isnan(low) | np.isnan(high) | ~np.isfinite(size)
    known = ~np.isnan(size)
    low, high = (
        np.where(bad & known, -np.inf, low - slack),
        np.where(bad & known, np.inf, high + slack),
    )
    return step(low, high)


def _length(x: Interval, w: Interval, spec: str) -> int:
    operands, out = spec.replace("...", "").split("->")
    a, b = operands.split(",")
    sizes = dict(zip(a[::-1], np.shape(x.lo)[::-1], strict=False))
    sizes |= dict(zip(b[::-1], np.shape(w.lo)[::-1], strict=False))
    return int(np.prod([n for c, n in sizes.items() if c not in out], initial=1))


def logsumexp(x: Interval, axes: tuple[int, ...]) -> Interval:
    """It rises in each entry."""

    def end(v: Array) -> Array:
        top = np.max(v, axis=axes, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        return np.log(np.sum(np.exp(v - top), axis=axes)) + np.squeeze(top, axes)

    n = int(np.prod([np.shape(x.lo)[a] for a in axes]))
    a, b = end(x.lo), end(x.hi)
    # each e^(v - top) is off by |v - top| u relative, weighed by itself: t e^-t < 1/2
    slack = (32 + 4 * n) * EPS
    size = np.max(np.abs(x.lo), axis=axes), np.max(np.abs(x.hi), axis=axes)
    return step(a - slack * (1 + size[0]), b + slack * (1 + size[1]))


def softmax(x: Interval, axis: int) -> Interval:
    """p_i = 1 / (1 + sum_j e^(x_j - x_i)): it rises in x_i and falls in the others."""
    y = log_softmax(x, axis)
    return clip(WORDS["exp"](y), 0.0, 1.0)


def log_softmax(x: Interval, axis: int) -> Interval:
    """-log(1 + sum over j of e^(x_j - x_i)): the least has x_i low and the others high."""
    lo, hi = np.moveaxis(x.lo, axis, -1), np.moveaxis(x.hi, axis, -1)
    eye = np.eye(lo.shape[-1], dtype=bool)

    def end(own: Array, others: Array) -> Interval:
        mixed = np.where(eye, own[..., :, None], others[..., None, :])
        rest = logsumexp(Interval(mixed, mixed), (-1,))
        return WORDS["subtract"](Interval(own, own), rest)

    y = Interval(np.minimum(end(lo, hi).lo, 0.0), np.minimum(end(hi, lo).hi, 0.0))
    return Interval(np.moveaxis(y.lo, -1, axis), np.moveaxis(y.hi, -1, axis))


def _ends(f: Callable[..., Array]) -> Fold:
    return lambda x, **params: Interval(f(x.lo, **params), f(x.hi, **params))


# fmt: off
FOLDS: dict[str, Fold] = {
    "sum": lambda x, axes: total(x, axes), "cumsum": running, "prod": product, "norm": norm,
    "max": _ends(lambda v, axes: np.max(v, axis=axes)), "min": _ends(lambda v, axes: np.min(v, axis=axes)),
    "any": _ends(lambda v, axes: np.any(v, axis=axes)), "all": _ends(lambda v, axes: np.all(v, axis=axes)),
    "sort": _ends(lambda v, axis: np.sort(v, axis=axis)),
    "logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax,
}
# fmt: on
