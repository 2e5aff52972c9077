"""np.linalg in primitives: operands become floats, stacks broadcast, results are named tuples.

The functions at the end are scipy.linalg's, which don't dispatch on stand-ins: here they stand by
their SciPy names, for arrays and stand-ins alike.
"""

from collections.abc import Callable
from functools import cache
from string import ascii_letters
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from wengert.errors import ConcreteError
from wengert.primitives import linalg
from wengert.primitives.linalg import H, T
from wengert.trace.refusals import unsupported
from wengert.trace.spellings.registry import axes_of, axis_of, no_extras, spells
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array


@cache
def named(factorisation: Any) -> Any:
    """The named tuple that a NumPy factorisation returns: EighResult and the like."""
    return type(factorisation(np.eye(1)))


def floats(x: Any) -> Any:
    x = array(x)
    return np.astype(x, np.float64) if x.dtype.kind in "biu" else x


def matrices(a: Any, square: bool = True) -> Any:
    """A stack of matrices of floats; LinAlgError for what is none."""
    a = floats(a)
    if a.ndim < 2:
        raise LinAlgError(f"{a.ndim}-dimensional array given. It must be at least two-dimensional")
    if square and a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return a


def stacks(*xs: Any) -> list[Any]:
    """Matrices of one dtype and with the same leading axes."""
    dtype = np.result_type(*[x.dtype for x in xs])
    lead = np.broadcast_shapes(*[x.shape[:-2] for x in xs])
    xs = tuple([x if x.dtype == dtype else np.astype(x, dtype) for x in xs])
    return [np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in xs]


def number(name: str, value: Any) -> float:
    """A tolerance, which must be one known number."""
    if isinstance(value, Tracer) or np.ndim(value):
        raise unsupported(name)
    return float(value)


def decided(question: Callable[[], Any], otherwise: Any) -> Any:
    """The answer of values; `otherwise` in the body of a loop, which knows types alone."""
    try:
        return question()
    except ConcreteError:
        return otherwise


# --- linear systems


@spells(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    a, b = matrices(a), floats(b)
    column = b.ndim == 1
    a, b = stacks(a, np.expand_dims(b, -1) if column else b)
    x = linalg.solve(a, b)
    return np.squeeze(x, -1) if column else x


@spells(np.linalg.inv)
def inv(a: Any) -> Any:
    return linalg.inv(matrices(a))


@spells(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    a = matrices(a, square=False)
    if rcond is None:
        given = {np._NoValue: 1e-15, None: max(a.shape[-2:]) * np.finfo(a.dtype).eps}
        rcond = given[rtol] if rtol is None or rtol is np._NoValue else rtol
    elif rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    cut = number("np.linalg.pinv with an array of rcond", rcond)
    return linalg.pinv(a, rcond=cut, hermitian=bool(hermitian))


@spells(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """x = A^+ b, the residuals' squares, the rank, the singular values."""
    a, b = matrices(a, square=False), floats(b)
    m, n = a.shape
    column = b.ndim == 1
    a, b = stacks(a, b[:, None] if column else b)
    eps = float(np.finfo(a.dtype).eps)
    cut = eps * max(m, n) if rcond is None else number("np.linalg.lstsq with a traced rcond", rcond)
    cut = eps if cut < 0 else cut
    s = singular_values(a)
    x = linalg.pinv(a, rcond=cut, hermitian=False) @ b
    rank = decided(lambda: int(np.sum(s > cut * s[:1])), min(m, n))
    residuals: Any = np.empty(0, s.dtype)
    if rank == n < m:
        residuals = np.sum(np.square(np.abs(b - a @ x)), axis=0)
    return np.squeeze(x, -1) if column else x, residuals, rank, s


@spells(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = floats(a), floats(b)
    if axes is not None:
        order = [i for i in range(a.ndim) if i not in axes]
        a = np.transpose(a, (*order, *[axis_of(i, a.ndim) for i in axes]))
    shape = a.shape[b.ndim :]
    return np.reshape(solve(np.reshape(a, (b.size, -1)), np.ravel(b)), shape)


@spells(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    a = floats(a)
    shape, size = (*a.shape[ind:], *a.shape[:ind]), int(np.prod(a.shape[ind:]))
    return np.reshape(inv(np.reshape(a, (size, -1))), shape)


@spells(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """A^n by squaring: the binary digits of n."""
    a = matrices(a)
    if n < 0:
        return matrix_power(inv(a), -n)
    if n == 0:
        return np.broadcast_to(linalg.eye(a), a.shape)
    half = matrix_power(a @ a, n // 2) if n > 1 else None
    return a if half is None else half @ a if n % 2 else half


@spells(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """The product in the order that needs the fewest multiplications."""
    no_extras("np.linalg.multi_dot", out=out)
    xs = [array(x) for x in arrays]
    if len(xs) < 2:
        raise ValueError("Expecting at least two arrays.")
    terms = [ascii_letters[i : i + 2] for i in range(len(xs))]
    if xs[0].ndim == 1:
        terms[0] = terms[0][1:]
    if xs[-1].ndim == 1:
        terms[-1] = terms[-1][:1]
    ends = (terms[0][:-1] if xs[0].ndim == 2 else "") + (terms[-1][1:] if xs[-1].ndim == 2 else "")
    order = "optimal" if len(xs) < 8 else "greedy"
    return np.einsum(f"{','.join(terms)}->{ends}", *xs, optimize=order)


spells(np.linalg.matrix_transpose)(lambda x, /: T(array(x)))


# --- determinants and factorisations


@spells(np.linalg.det)
def det(a: Any) -> Any:
    return linalg.det(matrices(a))


@spells(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    return named(np.linalg.slogdet)(*linalg.slogdet(matrices(a)))


@spells(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    a = matrices(a)
    return H(linalg.cholesky(H(a))) if upper else linalg.cholesky(a)


@spells(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        raise unsupported(f"np.linalg.qr with mode={mode!r}")
    q, r = linalg.qr(matrices(a, square=False), full=mode == "complete")
    return r if mode == "r" else named(np.linalg.qr)(q, r)


@spells(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return named(np.linalg.eigh)(*linalg.eigh(matrices(a), UPLO=UPLO.upper()))


@spells(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return eigh(a, UPLO)[0]


@spells(np.linalg.eig)
def eig(a: Any) -> Any:
    """Complex; real where the matrix and its eigenvalues are, as in NumPy."""
    a = matrices(a)
    w, v = linalg.eig(a)
    if a.dtype.kind == "f" and decided(lambda: not np.any(np.imag(w) != 0), False):
        w, v = np.real(w), np.real(v)
    return named(np.linalg.eig)(w, v)


@spells(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    return eig(a)[0]


@spells(np.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        return _svd_of_hermitian(a, compute_uv)
    a = matrices(a, square=False)
    full = bool(full_matrices and compute_uv and a.shape[-1] != a.shape[-2])
    u, s, vh = linalg.svd(a, full=full)
    return named(np.linalg.svd)(u, s, vh) if compute_uv else s


def _svd_of_hermitian(a: Any, compute_uv: bool) -> Any:
    w, v = eigh(a)
    order = np.flip(np.argsort(np.abs(w), axis=-1), -1)
    w = np.take_along_axis(w, order, -1)
    if not compute_uv:
        return np.abs(w)
    u = np.take_along_axis(v, np.broadcast_to(order[..., None, :], v.shape), -1)
    return named(np.linalg.svd)(u, np.abs(w), H(u * np.sign(w)[..., None, :]))


@spells(np.linalg.svdvals)
def singular_values(x: Any, /) -> Any:
    return svd(x, compute_uv=False)


@spells(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    a = floats(A)
    if a.ndim < 2:
        return np.astype(np.any(a != 0), int)
    given = {"tol": tol, "rtol": rtol}
    cuts = {k: number("np.linalg.matrix_rank", v) for k, v in given.items() if v is not None}
    return linalg.matrix_rank(a, hermitian=bool(hermitian), **cuts)


# --- norms


@spells(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = floats(x)
    if axis is None:
        flat = ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1)
        if flat:
            return vector_norm(x, keepdims=keepdims)
        axis = tuple(range(x.ndim))
    axes = tuple([axis_of(a, x.ndim) for a in (axis if isinstance(axis, tuple) else (axis,))])
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    return _matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)


@spells(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """(sum |x|^p)^(1/p), and its limits: the largest, the smallest, the number of nonzeros."""
    x = floats(x)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    axes = axes_of(axis, x.ndim)
    if not axes:
        return np.abs(x)
    if np.isinf(ord):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == 0:
        return np.sum(np.astype(x != 0, linalg.real_dtype(x.dtype)), axis=axes, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    size = np.abs(x) if x.dtype.kind == "c" else x
    y = linalg.norm(size, axes=axes, p=number("np.linalg.norm with a traced ord", ord))
    return _kept(y, x, axes, keepdims)


def _kept(y: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    return np.reshape(y, shape) if keepdims else y


def _matrix_norm(x: Any, ord: Any, axes: Any, keepdims: bool) -> Any:
    row, column = axes
    if ord in ("fro", "f"):
        return vector_norm(x, axis=axes, keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.abs(x), axis=row if abs(ord) == 1 else column, keepdims=True)
        return (np.max if ord > 0 else np.min)(sums, axis=axes, keepdims=keepdims)
    folds: dict[Any, Any] = {2: np.max, -2: np.min, "nuc": np.sum}
    if ord not in folds:
        raise ValueError("Invalid norm order for matrices.")
    s = singular_values(np.moveaxis(x, (row, column), (-2, -1)))
    return _kept(folds[ord](s, axis=-1), x, axes, keepdims)


@spells(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (-2, -1), keepdims)


@spells(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = singular_values(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


# --- scipy.linalg's, by its names


def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    """A^-1 b (A' for trans 1 or "T", A^H for 2 or "C"), where only one triangle of A is read."""
    a, b = matrices(a), floats(b)
    if unit_diagonal:
        one = linalg.eye(a)
        a = a * (1 - one) + one
    if trans in (1, 2, "T", "C"):
        a, lower = (T(a) if trans in (1, "T") else H(a)), not lower
    column = b.ndim == 1
    a, b = stacks(a, b[:, None] if column else b)
    x = linalg.solve_triangular(a, b, lower=bool(lower))
    return x[..., 0] if column else x


def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Any:
    """A^-1 b, where ab[u + i - j, j] is A[i, j]: u diagonals above the main one, l below it."""
    below, above = l_and_u
    ab = floats(ab)
    i, j = np.indices((ab.shape[-1],) * 2)
    inside = (j - i <= above) & (i - j <= below)
    a = ab[np.where(inside, above + i - j, 0), j]
    return np.linalg.solve(np.where(inside, a, 0), b)


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """A^-1 b from (the Cholesky factor of A, whether it is the lower one)."""
    c, lower = c_and_lower
    y = solve_triangular(c, b, trans=0 if lower else "C", lower=lower)
    return solve_triangular(c, y, trans="C" if lower else 0, lower=lower)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The X with A X + X B = Q."""
    return linalg.solve_sylvester(*stacks(matrices(a), matrices(b), matrices(q, square=False)))


def expm(a: Any) -> Any:
    """The matrix exponential."""
    return linalg.expm(matrices(a))


def sqrtm(a: Any) -> Any:
    """The principal square root of a matrix; real for real matrices, or ValueError."""
    return linalg.sqrtm(matrices(a))
