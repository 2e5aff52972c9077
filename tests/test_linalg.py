"""np.linalg on stand-ins: values, both modes, second order, batches, complex, torch, delicate points."""

from itertools import permutations

import numpy as np
import pytest
from numpy import linalg as la

import wengert
from wengert import check_grads, grad, hessian, jacobian, jvp, tree, vjp
from wengert.primitives.linalg import hermitian
from wengert.trace.spellings import linalg as scipy_like

RNG = np.random.default_rng(7)


def steep(m, n, at=2.0):
    """Singular values apart from each other and from zero, no entry near zero."""
    x = RNG.uniform(0.2, 0.6, (m, n)) * RNG.choice([-1, 1], (m, n))
    return x + np.eye(m, n) * np.arange(at, at + n)


def turned(x):
    return x + 1j * RNG.uniform(0.2, 0.6, x.shape) * RNG.choice([-1, 1], x.shape)


def positive(a):
    return a @ np.conjugate(np.swapaxes(a, -1, -2)) + np.eye(a.shape[-1])


def projector(q):
    return q @ np.conjugate(np.swapaxes(q, -1, -2))


def signed(f, *args, **kwargs):
    """What of a complex factorisation doesn't depend on phases: absolute values."""
    return lambda a: tuple(np.abs(y) for y in f(a, *args, **kwargs))


A, B2, SMALL = steep(3, 3), steep(3, 2), steep(2, 2, 4.0)
TALL, WIDE = steep(5, 3), steep(3, 5)
Z, ZTALL, ZWIDE = turned(A), turned(TALL), turned(WIDE)
APART = np.array([[1.1, -2.3, 0.7], [-0.8, 1.9, 1.4]])
ROTATING = np.array([[0.0, 1, 0.1], [-1.2, 0, 0.3], [0.2, 0.1, 0.5]])

# fmt: off
CASES = {
    "solve": (la.solve, A, B2), "solve vector": (la.solve, A, B2[:, 0]), "solve complex": (la.solve, Z, turned(B2)),
    "solve mixed": (la.solve, A, turned(B2)), "inv": (la.inv, A), "inv complex": (la.inv, Z),
    "tensorsolve": (la.tensorsolve, steep(6, 6).reshape(2, 3, 6), B2.T),
    "tensorsolve axes": (lambda a, b: la.tensorsolve(a, b, axes=(0, 2)), np.moveaxis(steep(6, 6).reshape(6, 2, 3), 0, 1), steep(6, 1)[:, 0]),
    "tensorinv": (lambda a: la.tensorinv(a, 1), steep(6, 6).reshape(6, 2, 3)),
    "pinv": (la.pinv, TALL), "pinv wide": (la.pinv, WIDE), "pinv complex": (la.pinv, ZTALL),
    "pinv hermitian": (lambda a: la.pinv(hermitian(a), hermitian=True), A), "pinv rtol": (lambda a: la.pinv(a, rtol=None), WIDE),
    "lstsq": (lambda a, b: la.lstsq(a, b)[0], TALL, steep(5, 2)), "lstsq wide": (lambda a, b: la.lstsq(a, b)[0], WIDE, B2[:, 0]),
    "lstsq rest": (lambda a, b: la.lstsq(a, b)[1::2], TALL, steep(5, 2)), "lstsq complex": (lambda a, b: la.lstsq(a, b)[0], ZTALL, steep(5, 2)),
    "matrix_power 3": (lambda a: la.matrix_power(a, 3), A), "matrix_power -2": (lambda a: la.matrix_power(a, -2), A), "matrix_power 6": (lambda a: la.matrix_power(a, 6), A / 3),
    "multi_dot": (lambda *x: la.multi_dot(x), TALL, A, WIDE), "multi_dot vectors": (lambda *x: la.multi_dot(x), TALL[:, 0], TALL, A[0]),
    "matrix_transpose": (la.matrix_transpose, TALL),
    "det": (la.det, A), "det complex": (la.det, Z), "slogdet": (la.slogdet, A), "slogdet complex": (la.slogdet, Z),
    "cholesky": (lambda a: la.cholesky(positive(a)), A), "cholesky upper": (lambda a: la.cholesky(positive(a), upper=True), A), "cholesky complex": (lambda a: la.cholesky(positive(a)), Z),
    "qr": (la.qr, TALL), "qr square": (la.qr, A), "qr wide": (la.qr, WIDE), "qr r": (lambda a: la.qr(a, "r"), TALL), "qr complex": (la.qr, ZTALL), "qr complex wide": (la.qr, ZWIDE),
    "qr complete": (lambda a: (projector(la.qr(a, "complete").Q[:, 3:]), la.qr(a, "complete").R), TALL), "qr complete wide": (lambda a: la.qr(a, "complete"), WIDE),
    "eigh": (lambda a: la.eigh(hermitian(a)), A), "eigh U": (lambda a: la.eigh(hermitian(a), "U"), A), "eigh complex": (lambda a: signed(la.eigh)(hermitian(a)), Z), "eigvalsh": (lambda a: la.eigvalsh(hermitian(a)), A),
    "eig": (la.eig, A), "eig complex": (la.eig, Z @ np.diag([1, 2, 3])), "eig rotating": (la.eig, ROTATING), "eigvals": (la.eigvals, A), "eigvals of a rotation": (signed(lambda a: (la.eigvals(a),)), ROTATING),
    "svd": (la.svd, A), "svd tall": (lambda a: la.svd(a, full_matrices=False), TALL), "svd wide": (lambda a: la.svd(a, full_matrices=False), WIDE), "svd complex": (signed(la.svd, False), ZTALL), "svd complex wide": (signed(la.svd, False), ZWIDE),
    "svd full": (lambda a: (la.svd(a).S, projector(la.svd(a).U[:, 3:])), TALL), "svd full wide": (lambda a: projector(la.svd(a).Vh[3:].T), WIDE),
    "svd hermitian": (lambda a: la.svd(hermitian(a), hermitian=True), A), "svdvals": (la.svdvals, WIDE), "svd alone": (lambda a: la.svd(a, compute_uv=False), ZWIDE),
    "low rank": (lambda a: (la.svd(a, False)[0][:, :2] * [1.0, 2.0]) @ la.svd(a, False)[2][:2], ZTALL),
    "cond": (la.cond, A), "cond -2": (lambda a: la.cond(a, -2), TALL), "cond fro": (lambda a: la.cond(a, "fro"), A), "cond 1": (lambda a: la.cond(a, 1), A),
    "matrix_norm": (lambda a: la.matrix_norm(a, ord="nuc"), np.stack([TALL, -TALL])), "norm axes": (lambda a: la.norm(a, "nuc", axis=(2, 0)), np.moveaxis(np.stack([TALL, TALL[::-1]]), 1, 0)),
    "norm flat": (la.norm, np.stack([A, A])), "norm complex": (la.norm, Z), "norm complex 3": (lambda a: la.norm(a, 3, axis=1), Z), "norm complex nuc": (lambda a: la.norm(a, "nuc"), ZTALL),
    "vector_norm": (lambda a: la.vector_norm(a, axis=(0, 2), ord=3, keepdims=True), np.stack([A, 2 * A])), "vector_norm 0": (lambda a: la.vector_norm(a, ord=0) * np.sum(a), A),
    "solve_triangular": (lambda a, b: scipy_like.solve_triangular(a, b, lower=True), A, B2), "solve_triangular T": (lambda a, b: scipy_like.solve_triangular(a, b, "T", unit_diagonal=True), A, B2[:, 0]),
    "solve_triangular C": (lambda a, b: scipy_like.solve_triangular(a, b, "C"), Z, B2), "cho_solve": (lambda a, b: scipy_like.cho_solve((la.cholesky(positive(a)), True), b), A, B2),
    "solve_sylvester": (scipy_like.solve_sylvester, A, SMALL, B2), "expm": (scipy_like.expm, A / 3), "expm complex": (scipy_like.expm, Z / 3), "sqrtm": (lambda a: scipy_like.sqrtm(positive(a)), A),
    **{f"norm {p}": (lambda a, p=p: la.norm(a, p, axis=1), APART) for p in (None, 1, 2, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf)},
    **{f"matrix norm {p}": (lambda a, p=p: la.norm(a, p, keepdims=True), TALL) for p in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)},
}
# fmt: on


def gap(found, wanted):
    """The largest deviation of two trees of arrays, relative to the largest entry; types must agree."""
    assert type(found) is type(wanted)
    pairs = list(zip(tree.flatten(found)[0], tree.flatten(wanted)[0], strict=True))
    for x, y in pairs:
        assert (np.shape(x), x.dtype) == (np.shape(y), y.dtype)
    return max(
        np.max(np.abs(x - y), initial=0) / max(1, np.max(np.abs(y), initial=0)) for x, y in pairs
    )


def inner(u, v):
    pairs = zip(tree.flatten(u)[0], tree.flatten(v)[0], strict=True)
    return sum(np.real(np.vdot(a, b)) for a, b in pairs)


def like(x):
    turn = 1j * RNG.standard_normal(x.shape) if x.dtype.kind == "c" else 0
    return np.asarray(RNG.standard_normal(x.shape) + turn, x.dtype)


@pytest.mark.parametrize("name", CASES)
def test_both_modes_and_both_orders(name):
    """Values and types are NumPy's; derivatives are those of differences; <u, J v> = <J' u, v>."""
    f, *args = CASES[name]
    vs = [like(x) for x in args]
    y, dy = jvp(f, args, vs)
    assert gap(y, f(*args)) < 1e-12
    u = tree.map(like, y)
    assert inner(u, dy) == pytest.approx(
        inner(tuple(vjp(f, *args)[1](u)), tuple(vs)), rel=1e-9, abs=1e-9
    )
    check_grads(f, *args, rtol=2e-6)


def scalar(f):
    return lambda a: sum(np.sum(np.sin(np.abs(y))) for y in tree.flatten(f(a))[0])


BATCHED = {
    name: CASES[name][0]
    for name in (
        [
            "inv",
            "pinv",
            "det",
            "slogdet",
            "cholesky",
            "qr",
            "eigh",
            "eigvalsh",
            "svd",
            "svdvals",
            "cond",
            "matrix_norm",
            "sqrtm",
            "expm",
        ]
    )
} | {
    "matrix_power": CASES["matrix_power 3"][0],
    "solve": lambda a: la.solve(a, B2),
    "solve_triangular": lambda a: scipy_like.solve_triangular(a, B2),
    "norm": lambda a: la.norm(a, axis=(-2, -1)),
    "solve for many": lambda a: la.solve(A, a),
    "eigvals": lambda a: np.abs(la.eigvals(a)),  # NumPy's are real where all are
}


@pytest.mark.parametrize("name", BATCHED)
def test_leading_axes_are_a_batch(name):
    """A stack, a loop, vmap and jit agree in value and gradient; so do none at all, and float32."""
    f, stack = BATCHED[name], np.stack([2 * A + 1, SMALL[0, 0] * A.T, A @ A])
    if name == "matrix_power":
        stack = stack / 10
    values = [tree.flatten(f(a))[0] for a in stack]
    wanted = [np.stack(row) for row in zip(*values, strict=True)]
    loop = np.stack([grad(scalar(f))(a) for a in stack])
    gradient = grad(scalar(f))
    if name != "matrix_norm":
        assert gap(tree.flatten(wengert.vmap(f)(stack))[0], wanted) < 1e-12
        assert gap(wengert.vmap(gradient)(stack), loop) < 1e-12
    assert gap(gradient(stack), loop) < 1e-12
    assert gap(wengert.jit(gradient)(stack), loop) < 1e-12
    if name != "expm":
        assert gap(hessian(scalar(f))(stack)[1, ..., 1, :, :], hessian(scalar(f))(stack[1])) < 1e-9
    assert gradient(stack[:0]).shape == (0, 3, 3)
    assert wengert.vmap(gradient)(stack[:0]).shape == (0, 3, 3)
    small = gradient((stack / 8).astype(np.float32))
    assert small.dtype == np.float32
    assert gap(small.astype(float), gradient(stack / 8)) < 1e-3


TORCH = {
    "solve": lambda la, a: la.solve(a, a @ a + 1),
    "inv": lambda la, a: la.inv(a),
    "det": lambda la, a: la.det(a),
    "slogdet": lambda la, a: la.slogdet(a)[1],
    "cholesky": lambda la, a: la.cholesky(a @ a.T),
    "qr": lambda la, a: la.qr(a)[0] + la.qr(a)[1],
    "eigh": lambda la, a: la.eigh(a + a.T)[1] ** 2 * la.eigh(a + a.T)[0],
    "eigh alone": lambda la, a: la.eigh(a)[0],  # torch too gives the Hermitian part
    "svd": lambda la, a: la.svd(a)[0] ** 2 * la.svd(a)[1] + la.svd(a)[2] ** 2,
    "pinv": lambda la, a: la.pinv(a[:, :2]),
    "lstsq": lambda la, a: la.lstsq(a[:, :2], a @ a)[0],
    "norm": lambda la, a: la.norm(a, 3, 1),
    "nuclear": lambda la, a: la.norm(a, "nuc"),
    "cond": lambda la, a: la.cond(a),
}


@pytest.mark.parametrize("name", TORCH)
def test_agrees_with_torch(name):
    torch = pytest.importorskip("torch")
    x = torch.tensor(A, requires_grad=True)
    (TORCH[name](torch.linalg, x) ** 2).sum().backward()
    ours = grad(lambda a: np.sum(TORCH[name](la, a) ** 2))(A)
    assert gap(ours, x.grad.numpy()) < 1e-11


def by_permutations(a):
    """det as Leibniz wrote it: an oracle for every derivative at every matrix."""
    n = len(a)
    return sum(
        round(la.det(np.eye(n)[list(p)])) * np.prod(np.stack([a[i, p[i]] for i in range(n)]))
        for p in permutations(range(n))
    )


SINGULAR = {
    "regular": steep(4, 4),
    "identity": np.eye(4),
    "rank 3": steep(4, 3) @ steep(3, 4),
    "rank 2": steep(4, 2) @ steep(2, 4),
    "zero": np.zeros((4, 4)),
    "nearly singular": np.diag([1.0, 2.0, 1e-9, 3.0]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_det_has_all_its_derivatives(name):
    """det is a polynomial: the first three derivatives are right at singular matrices too."""
    a = SINGULAR[name]
    f, g = grad(la.det), grad(by_permutations)
    assert gap(f(a), g(a)) < 1e-13
    assert gap(jacobian(f)(a), jacobian(g)(a)) < 1e-12
    v = like(a)
    assert gap(*[jacobian(lambda x, h=h: jvp(h, (x,), (v,))[1])(a) for h in (f, g)]) < 1e-12
    assert (
        gap(jacobian(lambda x: vjp(f, x)[1](v)[0])(a), jacobian(lambda x: jvp(f, (x,), (v,))[1])(a))
        < 1e-12
    )


def test_the_norm_at_zero_and_far_away():
    assert la.norm([3e-200, 4e-200]) == 0  # NumPy's underflows
    for scale in (1e200, 1e-200, 1.0):
        y, g = wengert.value_and_grad(la.norm)(np.array([3.0, 4.0]) * scale)
        assert y == pytest.approx(5 * scale, rel=1e-15)
        assert g == pytest.approx([0.6, 0.8], rel=1e-15)
    for p in (None, 1, 2, 3, 1.5, np.inf):
        assert np.array_equal(grad(lambda x, p=p: la.norm(x, p))(np.zeros(3)), np.zeros(3))
    assert np.array_equal(grad(la.norm)(np.zeros((3, 3)) + 0j), np.zeros((3, 3)))


def rebuilt(a):
    w, v = la.eigh(a)
    return np.trace(v @ np.diag(w) @ v.T)


def frobenius(a):
    u, s, vh = la.svd(a)
    return np.trace(u @ np.diag(s) @ vh @ vh.T @ np.diag(s) @ u.T)


def test_equal_eigenvalues_and_singular_values():
    """What doesn't depend on how vectors turn within their space has its gradient there."""
    q = la.qr(A).Q
    twice = q @ np.diag([1.0, 1.0, 2.0]) @ q.T  # equal up to rounding
    assert np.array_equal(grad(lambda x: np.sum(la.eigvalsh(np.diag(x))))(np.ones(2)), np.ones(2))
    assert np.array_equal(grad(lambda x: rebuilt(np.diag(x)))(np.ones(2)), np.ones(2))
    assert gap(grad(rebuilt)(twice), np.eye(3)) < 1e-14
    assert np.max(np.abs(hessian(rebuilt)(twice))) < 1e-13
    assert gap(grad(frobenius)(q), 2 * q) < 1e-14
    assert gap(grad(lambda a: la.norm(a, "nuc"))(q), q) < 1e-14
    assert gap(grad(lambda a: np.sum(la.svdvals(a) ** 2))(twice[:2]), 2 * twice[:2]) < 1e-14


def test_one_triangle_is_read_and_gradients_are_symmetric():
    half = np.tril(positive(A))
    for f in (la.cholesky, la.eigvalsh, lambda a: la.eigh(a, "L").eigenvalues):
        assert gap(jvp(f, (half,), (half,))[0], f(half)) == 0
        g = grad(lambda a, f=f: np.sum(f(a) ** 3))(half)
        assert gap(g, g.T) < 1e-14
    upper = jvp(lambda a: la.cholesky(a, upper=True), (half.T,), (half.T,))[0]
    assert gap(upper, la.cholesky(half.T, upper=True)) < 1e-15


def test_results_are_numpys_named_tuples_and_counts():
    kinds = []

    def f(a):
        both = la.eigh(a), la.svd(a), la.qr(a), la.slogdet(a), la.eig(a)
        kinds.extend(type(y) for y in both)
        assert la.matrix_rank(a) == 3
        assert la.matrix_rank(a, tol=1e9) == 0
        assert la.matrix_rank(a[0]) == 1
        assert la.lstsq(a[:, :2], a[0])[2] == 2
        return both[0].eigenvalues[0] + both[3].logabsdet + la.matrix_rank(a) * 0.0

    grad(f)(A)
    assert kinds == [type(y) for y in (la.eigh(A), la.svd(A), la.qr(A), la.slogdet(A), la.eig(A))]
    assert np.array_equal(
        jvp(lambda a: la.matrix_power(a, 0), (A,), (A,)), (np.eye(3), np.zeros((3, 3)))
    )


# fmt: off
@pytest.mark.parametrize("f", [
    lambda a: la.inv(a[:2]), lambda a: la.det(a[0]), lambda a: la.solve(0 * a, a), lambda a: la.cholesky(-a @ a.T),
    lambda a: la.norm(a, 7), lambda a: la.norm(a, "x", axis=0), lambda a: la.norm(a, axis=(0, 0)), lambda a: la.eigh(a, "x"),
    lambda a: la.svdvals(a[0]), lambda a: la.pinv(a, rcond=1, rtol=1), lambda a: la.tensorinv(a, 0), lambda a: la.multi_dot([a]),
])  # fmt: skip
def test_mistakes_are_numpys_too(f):
    with pytest.raises((la.LinAlgError, ValueError)) as ours:
        jvp(f, (A,), (A,))
    with pytest.raises(ours.type):
        f(A)
# fmt: on
