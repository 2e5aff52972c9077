"""Products: matmul, dot, tensordot, einsum, outer, kron are all one primitive, `contract`."""

from functools import lru_cache
from string import ascii_letters
from typing import Any

import numpy as np

from wengert.errors import ShapeError, sentences
from wengert.primitives import maps
from wengert.trace.spellings.indexing import take
from wengert.trace.spellings.registry import axis_of, no_extras, spells
from wengert.trace.unify import array


def contract(x: Any, w: Any, spec: str) -> Any:
    """One product of two operands by an einsum specification, in a common dtype."""
    x, w = array(x), array(w)
    dtype = np.result_type(x.dtype, w.dtype)
    x, w = (np.astype(a, dtype) if a.dtype != dtype else a for a in (x, w))
    a, b, out, folds = _parts(spec)
    if folds:
        x, a = _fold_alone(x, a, b + out)
        w, b = _fold_alone(w, b, a + out)
    size: dict[str, int] = {}
    for letters, operand in ((a, x), (b, w)):
        for letter, n in zip(letters, operand.shape, strict=True):
            if size.setdefault(letter, n) != n:
                raise ShapeError(
                    sentences(
                        f"A product of shapes {x.shape} and {w.shape} ('{spec}') has an axis "
                        f"of sizes {size[letter]} and {n}.",
                        "The summed axes must agree: check for a missing transpose (.T).",
                    )
                )
    return maps.contract(x, w, spec=f"{a},{b}->{out}" if folds else spec)


@lru_cache(maxsize=4096)
def _parts(spec: str) -> tuple[str, str, str, bool]:
    """The letters of the operands and of the result, and whether some must be folded first."""
    operands, out = spec.split("->")
    a, b = operands.split(",")
    alone = any(c not in b + out for c in a) or any(c not in a + out for c in b)
    return a, b, out, alone or len(set(a)) < len(a) or len(set(b)) < len(b)


def _fold_alone(x: Any, letters: str, others: str) -> tuple[Any, str]:
    """Repeated letters become diagonals; letters that stand nowhere else are summed away first."""
    while len(set(letters)) < len(letters):
        c = next(c for c in letters if letters.count(c) > 1)
        i = letters.index(c)
        j = letters.index(c, i + 1)
        x = np.diagonal(x, 0, i, j)
        letters = letters[:i] + letters[i + 1 : j] + letters[j + 1 :] + c
    alone = tuple(i for i, c in enumerate(letters) if c not in others)
    if alone:
        x = np.sum(x, axis=alone)
        letters = "".join(c for c in letters if c in others)
    return x, letters


def _batch(x: Any, w: Any, x_core: int, w_core: int) -> tuple[Any, Any, str, str, str]:
    """Broadcast the leading axes of a stacked product; letters for those of x, w and the result."""
    lead_x, lead_w = x.shape[: x.ndim - x_core], w.shape[: w.ndim - w_core]
    lead = np.broadcast_shapes(lead_x, lead_w)
    letters = ascii_letters[26 : 26 + len(lead)]
    x, here = _drop_ones(x, lead_x, lead, letters)
    w, there = _drop_ones(w, lead_w, lead, letters)
    return x, w, here, there, letters


def _drop_ones(
    x: Any, mine: tuple[int, ...], lead: tuple[int, ...], letters: str
) -> tuple[Any, str]:
    """Axes of length one that the other operand broadcasts over need no letter at all."""
    offset = len(lead) - len(mine)
    kept = [i for i, n in enumerate(mine) if n == lead[offset + i]]
    shape = tuple(mine[i] for i in kept) + x.shape[len(mine) :]
    x = x if shape == x.shape else np.reshape(x, shape)
    return x, "".join(letters[offset + i] for i in kept)


@spells(np.matmul)
def matmul(x: Any, w: Any) -> Any:
    x, w = array(x), array(w)
    if x.ndim == 0 or w.ndim == 0:
        raise ShapeError(sentences("matmul was given a scalar.", "Use * to multiply by a number."))
    if x.ndim == w.ndim == 2:
        return contract(x, w, "ik,kj->ij")
    a, b = ("ik" if x.ndim > 1 else "k"), ("kj" if w.ndim > 1 else "k")
    x, w, here, there, lead = _batch(x, w, len(a), len(b))
    out = lead + a.replace("k", "") + b.replace("k", "")
    return contract(x, w, f"{here}{a},{there}{b}->{out}")


@spells(np.matvec)
def matvec(x: Any, w: Any) -> Any:
    x, w, here, there, lead = _batch(array(x), array(w), 2, 1)
    return contract(x, w, f"{here}ik,{there}k->{lead}i")


@spells(np.vecmat)
def vecmat(x: Any, w: Any) -> Any:
    x, w, here, there, lead = _batch(np.conjugate(array(x)), array(w), 1, 2)
    return contract(x, w, f"{here}k,{there}kj->{lead}j")


@spells(np.vecdot)
def vecdot(x: Any, w: Any, axis: int = -1) -> Any:
    x, w = np.moveaxis(array(x), axis, -1), np.moveaxis(array(w), axis, -1)
    x, w, here, there, lead = _batch(np.conjugate(x), w, 1, 1)
    return contract(x, w, f"{here}k,{there}k->{lead}")


spells(np.linalg.vecdot)(lambda x, y, /, *, axis=-1: vecdot(x, y, axis))
spells(np.linalg.matmul)(lambda x, y, /: matmul(x, y))


@spells(np.dot)
def dot(x: Any, w: Any, out: Any = None) -> Any:
    no_extras("np.dot", out=out)
    x, w = array(x), array(w)
    if x.ndim == 0 or w.ndim == 0:
        return np.multiply(x, w)
    return np.tensordot(x, w, ((x.ndim - 1,), (max(w.ndim - 2, 0),)))


@spells(np.vdot)
def vdot(x: Any, w: Any, /) -> Any:
    return dot(np.ravel(np.conjugate(array(x))), np.ravel(array(w)))


@spells(np.inner)
def inner(x: Any, w: Any, /) -> Any:
    x, w = array(x), array(w)
    return np.multiply(x, w) if x.ndim == 0 or w.ndim == 0 else np.tensordot(x, w, ((-1,), (-1,)))


@spells(np.outer)
def outer(x: Any, w: Any, out: Any = None) -> Any:
    no_extras("np.outer", out=out)
    return contract(np.ravel(array(x)), np.ravel(array(w)), "i,j->ij")


spells(np.linalg.outer)(lambda x, y, /: outer(x, y))


@spells(np.tensordot, np.linalg.tensordot)
def tensordot(x: Any, w: Any, axes: Any = 2) -> Any:
    x, w = array(x), array(w)
    if np.ndim(axes) == 0:
        pairs = list(zip(range(x.ndim - axes, x.ndim), range(axes), strict=True))
    else:
        pairs = list(
            zip(np.atleast_1d(axes[0]).tolist(), np.atleast_1d(axes[1]).tolist(), strict=True)
        )
    a, b = list(ascii_letters[: x.ndim]), list(ascii_letters[26 : 26 + w.ndim])
    for i, j in pairs:
        b[axis_of(j, w.ndim)] = a[axis_of(i, x.ndim)]
    out = [c for c in a if c not in b] + [c for c in b if c not in a]
    return contract(x, w, f"{''.join(a)},{''.join(b)}->{''.join(out)}")


@spells(np.kron)
def kron(x: Any, w: Any) -> Any:
    x, w = array(x), array(w)
    rank = max(x.ndim, w.ndim)
    x, w = (np.reshape(a, (1,) * (rank - a.ndim) + a.shape) for a in (x, w))
    a, b = ascii_letters[:rank], ascii_letters[26 : 26 + rank]
    pairs = "".join(p + q for p, q in zip(a, b, strict=True))
    y = contract(x, w, f"{a},{b}->{pairs}")
    return np.reshape(y, tuple(p * q for p, q in zip(x.shape, w.shape, strict=True)))


@spells(np.cross, np.linalg.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(array(a), axisa, -1), np.moveaxis(array(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(
            sentences("np.cross was given vectors that aren't of length 3.", "Add a zero.")
        )
    i, j = [1, 2, 0], [2, 0, 1]
    y = a[..., i] * b[..., j] - a[..., j] * b[..., i]
    return np.moveaxis(y, -1, axisc)


@spells(np.einsum)
def einsum(*operands: Any, optimize: Any = "greedy", **kwargs: Any) -> Any:
    no_extras("np.einsum", **{k: v for k, v in kwargs.items() if k in ("out", "dtype")})
    spec, arrays = _explicit(operands)
    parts, out = spec.split("->")
    terms = parts.split(",")
    if len(arrays) == 1:
        return _single(arrays[0], terms[0], out)
    shapes = [np.broadcast_to(0.0, a.shape) for a in arrays]
    path = (
        [(0, 1)]
        if len(arrays) == 2
        else np.einsum_path(spec, *shapes, optimize=optimize or "greedy")[0][1:]
    )
    for pair in path:
        if len(pair) == 1:
            continue
        chosen = [(arrays[i], terms[i]) for i in pair]
        for i in sorted(pair, reverse=True):
            del arrays[i], terms[i]
        x, a = chosen[0]
        for n, (w, b) in enumerate(chosen[1:]):
            later = "".join(terms) + out + "".join(t for _, t in chosen[n + 2 :])
            c = "".join(dict.fromkeys(k for k in a + b if k in later))
            c = out if not terms and n == len(chosen) - 2 else c
            x, a = contract(x, w, f"{a},{b}->{c}"), c
        arrays.append(x)
        terms.append(a)
    return arrays[0]


def _single(x: Any, letters: str, out: str) -> Any:
    x, letters = _fold_alone(x, letters, out)
    return np.transpose(x, [letters.index(c) for c in out])


def _explicit(operands: Any) -> tuple[str, list[Any]]:
    """The specification with arrow, without blanks or dots; and the operands."""
    if not isinstance(operands[0], str):  # einsum(x, [0, 1], y, [1, 2], [0, 2])
        pairs = list(zip(operands[0::2], operands[1::2], strict=False))
        terms = ["".join(_letter(i) for i in sub) for _, sub in pairs]
        spec = ",".join(terms)
        if len(operands) % 2:
            spec += "->" + "".join(_letter(i) for i in operands[-1])
        return _explicit((spec, *[x for x, _ in pairs]))
    spec, arrays = operands[0].replace(" ", ""), [array(x) for x in operands[1:]]
    parts, arrow, out = spec.partition("->")
    terms = parts.split(",")
    if len(terms) != len(arrays):
        raise ValueError(
            f"einsum '{spec}' names {len(terms)} operands, and {len(arrays)} were given"
        )
    free = [c for c in ascii_letters if c not in spec]
    ranks = [x.ndim - len(t.replace("...", "")) for t, x in zip(terms, arrays, strict=True)]
    dots = "".join(
        free[: max([r for r, t in zip(ranks, terms, strict=True) if "..." in t], default=0)]
    )
    terms = [t.replace("...", dots[len(dots) - r :]) for t, r in zip(terms, ranks, strict=True)]
    if arrow:
        out = out.replace("...", dots)
    else:
        joined = "".join(terms)
        out = dots + "".join(
            sorted(c for c in set(joined) if joined.count(c) == 1 and c not in dots)
        )
    size: dict[str, int] = {}
    for t, x in zip(terms, arrays, strict=True):
        if len(t) != x.ndim:
            raise ValueError(
                f"einsum '{spec}' gives {len(t)} letters to an operand of shape {x.shape}"
            )
        for c, n in zip(t, x.shape, strict=True):
            size[c] = n if size.get(c, 1) == 1 else size[c]
    for n, (t, x) in enumerate(zip(terms, arrays, strict=True)):  # axes of one that broadcast
        ones = tuple(i for i, c in enumerate(t) if x.shape[i] == 1 != size[c])
        if ones:
            arrays[n] = np.squeeze(x, ones)
            terms[n] = "".join(c for i, c in enumerate(t) if i not in ones)
    return f"{','.join(terms)}->{out}", arrays


def _letter(i: Any) -> str:
    return "..." if i is Ellipsis else ascii_letters[i]


@spells(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = np.atleast_1d(array(a), array(v))
    if len(v) > len(a):
        a, v = v, a
    n, m = len(a), len(v)
    padded = np.pad(a, m - 1)
    windows = np.arange(n + m - 1)[:, None] + np.arange(m)[None, :]
    full = np.take(padded, windows) @ np.flip(v)
    lo, hi = {
        "full": (0, n + m - 1),
        "same": ((m - 1) // 2, (m - 1) // 2 + n),
        "valid": (m - 1, n),
    }[mode]
    return full[lo:hi]


@spells(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    return convolve_ordered(a, np.conjugate(np.flip(array(v))), mode)


def convolve_ordered(a: Any, v: Any, mode: str) -> Any:
    """Convolution whose 'same' part is centred as correlate's is, also when v is the longer."""
    n, m = len(a), len(v)
    if mode != "same" or m <= n:
        return convolve(a, v, mode)
    start = (n - 1) - (n - 1) // 2
    return convolve(a, v, "full")[start : start + m]


@spells(np.diff)
def diff(
    x: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue
) -> Any:
    axis = axis_of(axis, x.ndim)
    ends: list[Any] = [e if e is np._NoValue else array(e) for e in (prepend, append)]
    one = tuple(1 if i == axis else s for i, s in enumerate(x.shape))
    ends = [np.broadcast_to(e, one) if e is not np._NoValue and e.ndim == 0 else e for e in ends]
    parts = [e for e in (ends[0], x, ends[1]) if e is not np._NoValue]
    x = np.concatenate(parts, axis) if len(parts) > 1 else x
    lead = (slice(None),) * axis
    for _ in range(n):
        x = x[(*lead, slice(1, None))] - x[(*lead, slice(None, -1))]
    return x


@spells(np.ediff1d)
def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    parts = [None if to_begin is None else np.ravel(array(to_begin)), diff(np.ravel(x)),
             None if to_end is None else np.ravel(array(to_end))]  # fmt: skip
    return np.concatenate([p for p in parts if p is not None])


@spells(np.gradient)
def gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = array(f)
    axes = (
        list(range(f.ndim)) if axis is None else [axis_of(a, f.ndim) for a in np.atleast_1d(axis)]
    )
    steps = list(spacing) * (len(axes) if len(spacing) == 1 else 1) or [1.0] * len(axes)
    out = [_slope(np.moveaxis(f, a, 0), h, a, edge_order) for a, h in zip(axes, steps, strict=True)]
    return out[0] if len(out) == 1 else tuple(out)


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = f.shape[0]
    x = h * np.arange(n) if np.ndim(h) == 0 else array(h)
    d = np.reshape(np.diff(x), (-1,) + (1,) * (f.ndim - 1))
    left, right = d[:-1], d[1:]
    inner = (left**2 * f[2:] + (right**2 - left**2) * f[1:-1] - right**2 * f[:-2]) / (
        left * right * (left + right)
    )
    if edge_order == 1:
        first, last = (f[1:2] - f[:1]) / d[:1], (f[-1:] - f[-2:-1]) / d[-1:]
    else:
        first, last = _edge(f[:3], d[0], d[1]), -_edge(f[-3:][::-1], d[-1], d[-2])
    return np.moveaxis(np.concatenate([first, inner, last]), 0, axis)


def _edge(f: Any, a: Any, b: Any) -> Any:
    """The one-sided slope of second order through three points at distances a and b."""
    y = -(2 * a + b) / (a * (a + b)) * f[0] + (a + b) / (a * b) * f[1] - a / (b * (a + b)) * f[2]
    return y[None]


@spells(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = np.moveaxis(array(y), axis, -1)
    if x is not None:
        x = array(x)
        dx = np.diff(x) if x.ndim == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@spells(np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    x, xp, fp = array(x), array(xp), array(fp)
    if period is not None:
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, len(xp) - 2)
    x0, x1, f0, f1 = (take(a, i) for a in (xp, fp) for i in (k, k + 1))
    y = f0 + (f1 - f0) / (x1 - x0) * (x - x0)
    y = np.where(x < xp[0], fp[0] if left is None else left, y)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)


@spells(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    y = np.zeros_like(array(x), dtype=np.result_type(array(p).dtype, array(x).dtype))
    for c in array(p):
        y = y * x + c
    return y


@spells(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    n = len(x) if N is None else N
    if n == 0:
        return np.zeros((len(x), 0), x.dtype)
    powers = [np.ones_like(x), *[x**i for i in range(1, n)]][:n]
    return np.stack(powers if increasing else powers[::-1], axis=1)


@spells(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None) -> Any:
    x = np.atleast_2d(array(m))
    x = x if rowvar or x.shape[0] == 1 else x.T
    if y is not None:
        z = np.atleast_2d(array(y))
        x = np.concatenate([x, z if rowvar or z.shape[0] == 1 else z.T])
    ddof = int(not bias) if ddof is None else ddof
    d = x - np.mean(x, axis=1, keepdims=True)
    return np.squeeze(d @ np.conjugate(d).T / (x.shape[1] - ddof))


@spells(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = cov(x, y, rowvar)
    s = np.sqrt(np.diag(c))
    return c / np.outer(s, s)
