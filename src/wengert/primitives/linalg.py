"""Linear algebra: each row is a factorisation or a function of matrices, and its differential.

The formulas are those of Giles, "Collected matrix derivative results for forward and reverse mode"
(2008); cholesky: Murray, arXiv 1602.07527; svd: Townsend, "Differentiating the SVD", complex:
Wan & Zhang, arXiv 1909.02659; qr: Walter & Lehmann, arXiv 1001.1654, wide: Roberts & Roberts, arXiv
2009.10071; pinv: Golub & Pereyra (1973); expm: Al-Mohy & Higham (2009). Reverse mode is their
transpose; by hand stands only what would go round in circles, being linear in an operand of its own
equation. Leading axes are a batch. Products pair bilinearly: transposes stay unconjugated.

Where eigenvalues or singular values coincide up to rounding, the rotation between their vectors has
no derivative and counts as none: gradients of traces, norms and sums come out right.
"""

from functools import reduce
from operator import add

import numpy as np

from wengert.ir.families import Opaque, Reduction
from wengert.ir.lazy import Lazy
from wengert.ir.primitive import REGISTRY, ByHand, Primitive, composed, differential, flat
from wengert.ir.types import Type
from wengert.primitives.maps import expand

scipy_linalg = Lazy("scipy.linalg")

HERMITIAN = frozenset({"cholesky", "eigh"})
"""Records that read one triangle: derivatives are for Hermitian dA, and gradients Hermitian."""


def T(a):
    """A', without conjugation."""
    return np.swapaxes(a, -1, -2)


def H(a):
    """The conjugate of A'."""
    return np.conjugate(T(a))


def hermitian(a):
    """The Hermitian part."""
    return (a + H(a)) / 2


def diagonal(a):
    """The diagonals of a stack of matrices."""
    return np.diagonal(a, 0, -2, -1)


def eye(a):
    """The identity that A may be added to."""
    return np.eye(a.shape[-1], dtype=a.dtype)


def real_dtype(dtype):
    """float64 for complex128."""
    return np.empty(0, dtype).real.dtype


def complex_dtype(dtype):
    """complex128 for float64."""
    return np.result_type(dtype, np.complex64)


def _total(*terms):
    """The sum of what there is."""
    return reduce(add, [t for t in terms if t is not None])


def _are_values(*xs):
    """Whether these are known: while a map is transposed, what it is linear in is a Type."""
    return not any(isinstance(x, Type) for x in xs)


# --- linear systems


def _solve(a, b):
    """A^-1 B; a matrix repeated along a batch is factored once, for all columns together."""
    if a.ndim > 2 and a.size and not any(a.strides[:-2]):
        columns = np.moveaxis(b, -2, 0)
        x = np.linalg.solve(a[(0,) * (a.ndim - 2)], columns.reshape(len(columns), -1))
        return np.moveaxis(x.reshape(columns.shape), 0, -2)
    return np.linalg.solve(a, b)


def _solve_forward(xs, ys, dxs):
    """dX = A^-1 (dB - dA X)."""
    (a, _), (x,), (da, db) = xs, ys, dxs
    return [solve(a, _total(db, None if da is None else -(da @ x)))]


def _solve_backward(xs, ys, us):
    """V = A^-T U goes to B, and -V X' to A."""
    v = solve(T(xs[0]), us[0])
    return [-(v @ T(ys[0])) if _are_values(ys[0]) else None, v]


def _solve_triangular(a, b, lower):
    """Substitution: LU of an upper triangle moves no row, and a lower one is upper backwards."""
    if lower:
        return _solve(np.triu(a[..., ::-1, ::-1]), b[..., ::-1, :])[..., ::-1, :]
    return _solve(np.triu(a), b)


def _each(function, *stacks):
    """A function of single matrices, for stacks; its result has the last one's shape."""
    *_, last = stacks
    if not last.size:
        return last
    ys = [function(*[x[i] for x in stacks]) for i in np.ndindex(last.shape[:-2])]
    return np.reshape(np.stack(ys), last.shape)


def _sylvester_forward(xs, ys, dxs):
    """A dX + dX B = dC - dA X - X dB."""
    (a, b, _), (x,), (da, db, dc) = xs, ys, dxs
    right = _total(dc, None if da is None else -(da @ x), None if db is None else -(x @ db))
    return [solve_sylvester(a, b, right)]


def _sylvester_backward(xs, ys, us):
    """A' V + V B' = U: V goes to C, -V X' to A, -X' V to B."""
    v = solve_sylvester(T(xs[0]), T(xs[1]), us[0])
    if not _are_values(ys[0]):
        return [None, None, v]
    return [-(v @ T(ys[0])), -(T(ys[0]) @ v), v]


# --- determinants: polynomials, so that all derivatives are finite at singular matrices too


def _frame(a):
    """A = U S V^H, and det(U) det(V^H): cof U is det(U) conj U, and cof V^H alike."""
    u, s, vh = np.linalg.svd(a)
    return u, s, vh, (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]


def _products_without(s):
    """prod of all s but s_i, and prod of all but s_i and s_j (0 where i = j)."""
    zero = s == 0
    t = np.where(zero, 1, s)
    total, count = np.prod(t, -1, keepdims=True), np.sum(zero, -1, keepdims=True)
    one = np.where(count == zero, total / t, 0)
    pairs = zero[..., :, None].astype(int) + zero[..., None, :]
    two = total[..., None] / t[..., :, None] / t[..., None, :]
    off = ~np.eye(s.shape[-1], dtype=bool)
    return one, np.where((count[..., None] == pairs) & off, two, 0)


def _size(a):
    return np.abs(a).sum(-2).max(-1, initial=0)


def _cofactor(a):
    """cof A = det(A) A^-T; from the SVD where A is singular or nearly so."""
    try:
        inverse = np.linalg.inv(a)
        with np.errstate(all="ignore"):
            condition = _size(a) * _size(inverse)
        if np.all(condition < np.finfo(a.dtype).eps ** -0.5):
            return np.linalg.det(a)[..., None, None] * T(inverse)
    except np.linalg.LinAlgError:
        pass
    u, s, vh, turn = _frame(a)
    one, _ = _products_without(s)
    return (turn * (u.conj() * one[..., None, :]) @ vh.conj()).astype(a.dtype)


def _cofactor_slope(a, e):
    """d cof(A) along E. With A = U S V^H, D = U^H E V and P_ij the product of all s but s_i, s_j:

    sum_k P_ik D_kk on the diagonal and -P_ij D_ji off it, turned back.
    """
    u, s, vh, turn = _frame(a)
    d = H(u) @ e @ H(vh)
    _, pairs = _products_without(s)
    along = (pairs @ diagonal(d)[..., None]) * np.eye(s.shape[-1])
    return (turn * (u.conj() @ (along - pairs * T(d)) @ vh.conj())).astype(a.dtype)


def _cofactor_slope_forward(xs, ys, dxs):
    (a, e), (da, de) = xs, dxs
    along = None if da is None else _cofactor_second(a, e, da)
    return [_total(along, None if de is None else cofactor_slope(a, de))]


def _cofactor_slope_backward(xs, ys, us):
    """The derivatives of det are symmetric in their directions."""
    a, e = xs
    return [_cofactor_second(a, e, us[0]) if _are_values(e) else None, cofactor_slope(a, us[0])]


def _cofactor_second(a, e, f):
    """d^2 cof(A) along E and F, with no division: Faddeev & LeVerrier's recursion at A + sE + tF.

    M <- A M + c I with c = -tr(A M) / k; the coefficients of 1, s, t, st are carried side by side.
    """
    one = eye(a)
    m = [one, 0 * one, 0 * one, 0 * one]
    for k in range(1, a.shape[-1]):
        x, s, t, st = m
        p = [a @ x, a @ s + e @ x, a @ t + f @ x, a @ st + e @ t + f @ s]
        m = [q - np.sum(diagonal(q), -1)[..., None, None] * (one / k) for q in p]
    return T(m[3]) * (-1) ** (a.shape[-1] - 1) + 0 * a


def _slogdet(da, y, a):
    """d log det A = tr(A^-1 dA): Re is the logarithm's part, and Im turns the sign."""
    t = np.sum(T(inv(a)) * da, (-2, -1))
    return (1j * y[0] * np.imag(t), np.real(t)) if t.dtype.kind == "c" else (None, t)


# --- factorisations


def _reciprocal(x, small):
    return np.where(small, 0.0, 1.0 / np.where(small, 1.0, x))


def _rounding(w):
    """The size of the errors of eigenvalues or singular values, for comparisons."""
    n = w.shape[-1]
    return 4 * n * float(np.finfo(w.dtype).eps) * np.max(np.abs(w), axis=-1, keepdims=True)


def _gaps(w):
    """w_j - w_i at place ij, and where the two are equal."""
    gap = w[..., None, :] - w[..., :, None]
    return gap, np.abs(gap) <= _rounding(w)[..., None]


def _eigh(da, y, a, UPLO):
    """dw = diag(V^H dA V), dV = V (V^H dA V / (w_j - w_i))."""
    w, v = y
    p = H(v) @ hermitian(da) @ v
    return np.real(diagonal(p)), v @ (p * _reciprocal(*_gaps(w)))


def _eig_evaluate(a):
    return tuple([x.astype(complex_dtype(a.dtype)) for x in np.linalg.eig(a)])


def _eig(da, y, a):
    """dw = diag(V^-1 dA V), dV = V (V^-1 dA V / (w_j - w_i)); columns stay as LAPACK scales them:

    of length one, with a real largest entry.
    """
    w, v = y
    p = solve(v, da @ v)
    x = v @ (p * _reciprocal(*_gaps(w)))
    x = x - v * np.real(np.sum(np.conjugate(v) * x, axis=-2, keepdims=True))
    top = np.argmax(np.where(np.imag(v) == 0, np.abs(v), 0.0), axis=-2, keepdims=True)
    turn = np.take_along_axis(x, top, -2) / np.take_along_axis(v, top, -2)
    return diagonal(p), x - 1j * v * np.imag(turn)


def _complement(q, dq, rest):
    """dQ with the columns that complete Q to a basis: dQ2 = -Q dQ^H Q2."""
    return np.concatenate([dq, -(q @ (H(dq) @ rest))], -1)


def _svd(da, y, a, full):
    """With P = U^H dA V: ds = diag P, dU = U (PS + SP^H) / (s_j^2 - s_i^2) + (1 - UU^H) dA V / s.

    dV is dU for A^H.
    """
    u, s, vh = y
    k = s.shape[-1]
    u1, v1 = u[..., :k], H(vh[..., :k, :])
    p = H(u1) @ da @ v1
    row = s[..., None, :]
    gap, close = _gaps(s)
    f = _reciprocal(gap * (row + T(row)), close)
    over_s = _reciprocal(s, s <= _rounding(s))[..., None, :]
    ps, sp = p * row, T(row) * p
    du, dv = u1 @ (f * (ps + H(ps))), v1 @ (f * (sp + H(sp)))
    if p.dtype.kind == "c":  # a common turn of u and v: it is given to u
        du = du + u1 * (1j * np.imag(diagonal(p))[..., None, :] * over_s)
    if a.shape[-2] > k:
        du = du + (da @ v1 - u1 @ p) * over_s
    if a.shape[-1] > k:
        dv = dv + (H(da) @ u1 - v1 @ H(p)) * over_s
    if full:
        du, dv = _complement(u1, du, u[..., k:]), _complement(v1, dv, H(vh[..., k:, :]))
    return du, np.real(diagonal(p)), H(dv)


def _qr(da, y, a, full):
    """With X = dA R^-1 and P = Q^H X = W + upper, W skew: dQ = X + Q (W - P), dR = (P - W) R."""
    q, r = y
    (m, n), k = a.shape[-2:], min(a.shape[-2:])
    q1, r1 = q[..., :k], r[..., :k, :k]
    x = T(solve_triangular(T(r1), T(da[..., :k]), lower=True))
    p = H(q1) @ x
    low = np.tril(p, -1)
    w = low - H(low)
    if p.dtype.kind == "c":  # the diagonal of R stays real
        w = w + 1j * np.imag(p) * np.eye(k, dtype=real_dtype(p.dtype))
    dq, dr = x + q1 @ (w - p), (p - w) @ r1
    if n > k:  # A = Q [R1 R2]
        dr = np.concatenate([dr, H(q1) @ (da[..., k:] - dq @ r[..., k:])], -1)
    if full and m > k:
        dq = _complement(q1, dq, q[..., k:])
        dr = np.concatenate([dr, np.zeros((*dr.shape[:-2], m - k, n), dr.dtype)], -2)
    return dq, dr


def _svd_sizes(a, full):
    m, n = a.shape[-2:]
    return {"k": min(m, n), "p": m if full else min(m, n), "q": n if full else min(m, n)}


def _qr_sizes(a, full):
    return {"k": a.shape[-2] if full else min(a.shape[-2:])}


def _cholesky(da, y, a):
    """dL = L phi(L^-1 dA L^-H), where phi takes the lower triangle and half of the diagonal."""
    p = solve_triangular(y, hermitian(da), lower=True)
    p = H(solve_triangular(y, H(p), lower=True))
    return y @ (np.tril(p) * (1 - eye(a) / 2))


def _pinv(da, y, a, rcond, hermitian):
    """dP = -P dA P + P P^H dA^H (1 - A P) + (1 - P A) dA^H P^H P, where the rank stays the same."""
    d, p = H(da), y
    return p @ (H(p) @ (d - (d @ a) @ p)) + ((d - p @ (a @ d)) @ H(p)) @ p - p @ da @ p


# --- functions of matrices


def _blocks(a, e):
    """[[A, E], [0, A]]: a function of it has its derivative at A along E in the corner."""
    rows = np.concatenate([a, e], -1), np.concatenate([0 * e, a], -1)
    return np.concatenate(rows, -2)


def _expm_frechet(a, e):
    n = a.shape[-1]
    return scipy_linalg.expm(_blocks(a, e))[..., :n, n:]


def _expm_frechet_forward(xs, ys, dxs):
    """The corner of the derivative at [[A, E], [0, A]]."""
    (a, e), (da, de), n = xs, dxs, xs[0].shape[-1]
    if da is None:
        return [expm_frechet(a, de)]
    return [expm_frechet(_blocks(a, e), _blocks(da, 0 * da if de is None else de))[..., :n, n:]]


def _expm_frechet_backward(xs, ys, us):
    """<U, L(A, E)> = <L(A', U), E>; for A the same one floor up."""
    (a, e), u, n = xs, us[0], xs[0].shape[-1]
    if not _are_values(e):
        return [None, expm_frechet(T(a), u)]
    g = expm_frechet(T(_blocks(a, e)), _blocks(0 * u, u))
    return [g[..., :n, :n] + g[..., n:, n:], g[..., :n, n:]]


def _sqrtm(a):
    y = _each(scipy_linalg.sqrtm, a)
    if y.dtype.kind == "c" != a.dtype.kind:
        if np.any(y.imag):
            raise ValueError("The matrix has no real square root; pass it as complex numbers.")
        y = y.real
    return y.astype(a.dtype)


# --- norms


def _norm(x, axes, p):
    """(sum |x|^p)^(1/p); where powers over- or underflow, that of x by its largest entry."""
    size = np.abs(x)
    with np.errstate(all="ignore"):
        s = np.add.reduce(size * size if p == 2 else size**p, axis=axes)
        y = np.sqrt(s) if p == 2 else s ** (1 / p)
        info = np.finfo(x.dtype)
        if p < 0 or np.all((s > info.tiny / info.eps) & (s < np.inf)):
            return y
        top = np.maximum.reduce(size, axis=axes, keepdims=True, initial=0)
        scale = np.where((top > 0) & (top < np.inf), top, 1).astype(x.dtype)
        part = np.add.reduce((size / scale) ** p, axis=axes) ** (1 / p)
        return (np.reshape(scale, np.shape(s)) * part).astype(x.dtype)[()]


def _norm_differential(dx, y, x, axes, p):
    """dy = sum sign(x) (|x| / y)^(p-1) dx, and 0 at the origin, where the norm has its minimum."""
    y = expand(y, x.shape, axes)
    ratio = x / np.where(y == 0, 1.0, y)
    slope = ratio if p == 2 else np.sign(x) * np.abs(ratio) ** (p - 1)
    return np.sum(np.where(y == 0, 0.0, slope) * dx, axis=axes)


# --- operands for the laws


def _dense(*shapes):
    """Random matrices with a heavy diagonal: far from singular, and from equal eigenvalues."""
    heavy = [np.eye(*shape) * np.arange(2.0, 2 + shape[1]) for shape in shapes]
    return lambda rng: (tuple([rng.uniform(-1, 1, h.shape) + h for h in heavy]), {})


def _positive(rng):
    x = rng.uniform(-1, 1, (3, 3))
    return (x @ x.T + np.diag([1.0, 2.0, 3.0]),), {}


def _with(example, **params):
    return lambda rng: (example(rng)[0], params)


def _by_hand(name, evaluate, signature, *sweeps, **fields):
    return REGISTRY.add(Primitive(name, evaluate, Opaque(signature), ByHand(*sweeps), **fields))


# fmt: off
SQUARE, PAIR = _dense((3, 3)), _dense((3, 3), (3, 3))
# --- linear systems
solve = _by_hand("solve", _solve, "(n,n),(n,k)->(n,k)", _solve_forward, _solve_backward, notation="{}^-1 {}", example=_dense((3, 3), (3, 2)))
solve_triangular = composed("solve_triangular", _solve_triangular, Opaque("(n,n),(n,k)->(n,k)"), lambda a, b, lower: solve(np.tril(a) if lower else np.triu(a), b), notation="tri({})^-1 {}", example=_with(_dense((3, 3), (3, 2)), lower=True))
solve_sylvester = _by_hand("solve_sylvester", lambda *abc: _each(scipy_linalg.solve_sylvester, *abc), "(m,m),(n,n),(m,n)->(m,n)", _sylvester_forward, _sylvester_backward, notation="sylvester({}, {}, {})", example=_dense((3, 3), (2, 2), (3, 2)))
inv     = differential("inv", np.linalg.inv, Opaque("(n,n)->(n,n)"), lambda da, y, a: -(y @ da @ y), notation="{}^-1", example=SQUARE)
pinv    = differential("pinv", np.linalg.pinv, Opaque("(m,n)->(n,m)"), _pinv, notation="{}^+", example=_with(_dense((4, 3)), rcond=1e-15, hermitian=False))
# --- determinants
det     = differential("det", np.linalg.det, Opaque("(n,n)->()"), lambda da, y, a: np.sum(cofactor(a) * da, (-2, -1)), notation="det {}", example=SQUARE)
cofactor = differential("cofactor", _cofactor, Opaque("(n,n)->(n,n)"), lambda da, y, a: cofactor_slope(a, da), notation="cof {}", example=SQUARE)
cofactor_slope = _by_hand("cofactor_slope", _cofactor_slope, "(n,n),(n,n)->(n,n)", _cofactor_slope_forward, _cofactor_slope_backward, notation="cof'({})[{}]", example=PAIR)
slogdet = differential("slogdet", lambda a: tuple(np.linalg.slogdet(a)), Opaque("(n,n)->(),()", dtypes=lambda d: (d, real_dtype(d))), _slogdet, notation="slogdet {}", example=SQUARE)
# --- factorisations
cholesky = differential("cholesky", np.linalg.cholesky, Opaque("(n,n)->(n,n)"), _cholesky, notation="chol {}", example=_positive)
qr      = differential("qr", lambda a, full: tuple(np.linalg.qr(a, "complete" if full else "reduced")), Opaque("(m,n)->(m,k),(k,n)", _qr_sizes), _qr, notation="qr {}", example=_with(_dense((4, 3)), full=False))
eigh    = differential("eigh", lambda a, UPLO: tuple(np.linalg.eigh(a, UPLO)), Opaque("(n,n)->(n),(n,n)", dtypes=lambda d: (real_dtype(d), d)), _eigh, notation="eigh {}", example=_with(_positive, UPLO="L"))
eig     = differential("eig", _eig_evaluate, Opaque("(n,n)->(n),(n,n)", dtypes=lambda d: (complex_dtype(d),) * 2), _eig, notation="eig {}", example=SQUARE)
svd     = differential("svd", lambda a, full: tuple(np.linalg.svd(a, full)), Opaque("(m,n)->(m,p),(k),(q,n)", _svd_sizes, lambda d: (d, real_dtype(d), d)), _svd, notation="svd {}", example=_with(_dense((4, 3)), full=False))
matrix_rank = flat("matrix_rank", lambda a, **p: np.linalg.matrix_rank(a, **p), family=Opaque("(m,n)->()", dtypes=lambda d: ("int64",)), notation="rank {}", example=_dense((4, 3)))
# --- functions of matrices
expm    = differential("expm", lambda a: scipy_linalg.expm(a), Opaque("(n,n)->(n,n)"), lambda da, y, a: expm_frechet(a, da), notation="exp {}", example=SQUARE)
expm_frechet = _by_hand("expm_frechet", _expm_frechet, "(n,n),(n,n)->(n,n)", _expm_frechet_forward, _expm_frechet_backward, notation="exp'({})[{}]", example=PAIR)
sqrtm   = differential("sqrtm", _sqrtm, Opaque("(n,n)->(n,n)"), lambda da, y, a: solve_sylvester(y, y, da), notation="{}^1/2", example=_positive)
# --- norms
norm    = differential("norm", _norm, Reduction(), _norm_differential, notation="||{}||", example=lambda rng: ((rng.uniform(0.5, 2, (3, 4)),), {"axes": (1,), "p": 2}))
# fmt: on
