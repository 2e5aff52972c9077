"""Polynomials by their coefficients, highest power first, and other things spelled by formulas."""

from functools import partial
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.trace import writes
from wengert.trace.spellings.counting import value
from wengert.trace.spellings.registry import axis_of, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array


def _coefficients(*ps: Any) -> list[Any]:
    if any(isinstance(p, np.poly1d) for p in ps):
        what = "A poly1d met a traced value, which it can't hold."
        raise UnsupportedError(sentences(what, "Pass the array of its coefficients, p.coeffs."))
    return [np.atleast_1d(array(p)) for p in ps]


def _aligned(p: Any, q: Any) -> list[Any]:
    """Both with zeros in front, to one length."""
    both = _coefficients(p, q)
    n = max(len(c) for c in both)
    return [c if len(c) == n else np.pad(c, (n - len(c), 0)) for c in both]


@spells(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    return np.add(*_aligned(a1, a2))


@spells(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    return np.subtract(*_aligned(a1, a2))


@spells(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """A convolution, after leading zeros, as NumPy takes them away."""
    p, q = [_trimmed(c) for c in _coefficients(a1, a2)]
    return np.convolve(p, q)


def _trimmed(p: Any) -> Any:
    kept = np.trim_zeros(p, "f")
    return kept if len(kept) else np.zeros(1, p.dtype)


@spells(np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    """Long division; leading zeros of the rest fall away, as far as they are known."""
    u, v = [c + 0.0 for c in _coefficients(u, v)]
    m, n = len(u) - 1, len(v) - 1
    r, q = u + 0 * v[0], []
    for k in range(m - n + 1):
        q.append(r[k] / v[0])
        step = np.concatenate([r[k : k + n + 1] - q[-1] * v, r[k + n + 1 :]])
        r = np.concatenate([r[:k], step]) if k else step
    while len(r) > 1 and np.allclose(r[0], 0, rtol=1e-14):
        r = r[1:]
    return (np.stack(q) if q else np.zeros(1, r.dtype)), r


@spells(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    (p,) = _coefficients(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@spells(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    (p,) = _coefficients(p)
    constants = np.atleast_1d(array(np.zeros(m) if k is None else k))
    constants = np.broadcast_to(constants, (m,)) if len(constants) == 1 else constants
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), constants[i : i + 1]])
    return p


@spells(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """The coefficients of least squares: lstsq of the powers of x, their columns scaled to 1."""
    x, y = array(x) + 0.0, array(y) + 0.0
    order = int(deg) + 1
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    A, b = np.vander(x, order), y
    if w is not None:
        w = array(w) + 0.0
        A, b = A * w[:, None], (b * w[:, None] if b.ndim == 2 else b * w)
    scale = np.sqrt(np.sum(A * A, axis=0))
    A = A / scale
    c, residuals, rank, s = np.linalg.lstsq(A, b, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    V = np.linalg.inv(A.T @ A) / np.outer(scale, scale)
    factor = 1 if cov == "unscaled" else residuals / (len(x) - order)
    return c, (V * factor if y.ndim == 1 else V[:, :, None] * factor)


@spells(np.roots)
def roots(p: Any) -> Any:
    """The eigenvalues of the companion matrix."""
    (p,) = _coefficients(p)
    p = np.astype(p, float) if p.dtype.kind not in "fc" else p
    kept = np.trim_zeros(p)
    zeros = len(np.trim_zeros(p, "f")) - len(kept)
    n = len(kept)
    if n < 2:
        return np.zeros(zeros)
    below = np.eye(n - 1, k=-1, dtype=p.dtype)[1:]
    found = np.linalg.eigvals(np.concatenate([(-kept[1:] / kept[0])[None], below]))
    return np.concatenate([found, np.zeros(zeros, found.dtype)])


@spells(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The coefficients of the product of x - z; real where the zeros are known to be conjugates."""
    z = np.atleast_1d(array(seq_of_zeros))
    z = np.linalg.eigvals(z) if z.ndim == 2 else np.astype(z, np.result_type(z.dtype, float))
    a: Any = np.ones(1, z.dtype)
    for zero in z:
        a = np.concatenate([a, [0]]) - np.concatenate([[0], a * zero])
    if a.dtype.kind != "c":
        return a
    values = value(z, "np.poly of complex zeros")
    return np.real(a) if np.all(np.sort(values) == np.sort(values.conj())) else a


# --- sequences


@spells(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """Whole periods added where a step is longer than half of one."""
    p = array(p)
    axis = axis_of(axis, p.ndim)
    d = np.diff(p, axis=axis)
    whole = np.result_type(d.dtype, period).kind in "iu"
    half, odd = divmod(period, 2) if whole else (period / 2, 0)
    m = np.remainder(d + half, period) - half
    m = m if odd else np.where(np.logical_and(m == -half, d > 0), half, m)
    step = np.where(np.abs(d) < (period / 2 if discont is None else discont), 0, m - d)
    lead = (slice(None),) * axis
    rest = p[(*lead, slice(1, None))] + np.cumsum(step, axis=axis)
    return np.concatenate([np.astype(p[(*lead, slice(0, 1))], rest.dtype), rest], axis)


@spells(np.logspace)
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    y = np.linspace(start, stop, num, endpoint=endpoint, axis=axis)
    y = np.power(np.expand_dims(array(base), axis) if np.ndim(base) else base, y)
    return y if dtype is None else np.astype(y, dtype)


@spells(np.geomspace)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """start (stop/start)^t, the ends as they were given."""
    start, stop = np.broadcast_arrays(array(start), array(stop))
    t = np.linspace(0.0, 1.0, num, endpoint=endpoint)
    t = np.reshape(t, (-1,) + (1,) * start.ndim)
    y = start * np.power(stop / start, t)
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.expand_dims(np.astype(stop, y.dtype), 0)])
    y = np.moveaxis(y, 0, axis)
    return y if dtype is None else np.astype(y, dtype)


@spells(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """x[i, ..., k] of x[i + k, ...]: the windows of an axis along a new last one."""
    x = array(x)
    sizes = [int(n) for n in np.atleast_1d(window_shape)]
    axes = range(x.ndim) if axis is None else [axis_of(a, x.ndim) for a in np.atleast_1d(axis)]
    np.lib.stride_tricks.sliding_window_view(np.broadcast_to(0, x.shape), window_shape, axis)
    view = partial(_windows, sizes=sizes, axes=list(axes))
    y = view(x)
    if isinstance(x, Tracer):
        writes.through(x, writes.Step(view), y)
    return y


def _windows(x: Any, sizes: list[int], axes: list[int]) -> Any:
    if isinstance(x, np.ndarray):
        return np.lib.stride_tricks.sliding_window_view(x, sizes, axes)
    for a, size in zip(axes, sizes, strict=True):
        places = np.arange(x.shape[a] - size + 1)[:, None] + np.arange(size)
        x = np.moveaxis(np.take(x, places, axis=a), a + 1, -1)
    return x
