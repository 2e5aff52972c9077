"""SciPy's solvers take our functions as they are; objectives for boosting; SciPy's names for matrices."""

import numpy as np
import pytest
from scipy import integrate, linalg, optimize  # noqa: TID253

import wengert


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def system(x):
    return np.stack([x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1, 0.5 * (x[1] - x[0]) ** 3 + x[1]])


T = np.linspace(0, 2, 20)
START = np.array([-1.2, 1.0, 0.7])
MAYBE_JIT = pytest.mark.parametrize("jit", [lambda f: f, wengert.jit], ids=["plain", "jit"])


@MAYBE_JIT
@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "SLSQP"])
def test_minimize_with_a_gradient(jit, method):
    found = optimize.minimize(
        jit(rosenbrock), START, jac=jit(wengert.grad(rosenbrock)), method=method
    )
    np.testing.assert_allclose(found.x, 1, atol=1e-3)


@MAYBE_JIT
def test_minimize_with_value_and_gradient(jit):
    found = optimize.minimize(jit(wengert.value_and_grad(rosenbrock)), START, jac=True)
    np.testing.assert_allclose(found.x, 1, atol=1e-4)


@MAYBE_JIT
@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-exact", "trust-constr"])
def test_minimize_with_a_hessian(jit, method):
    g, h = jit(wengert.grad(rosenbrock)), jit(wengert.hessian(rosenbrock))
    found = optimize.minimize(jit(rosenbrock), START, jac=g, hess=h, method=method)
    np.testing.assert_allclose(found.x, 1, atol=1e-4)


@MAYBE_JIT
@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimize_with_a_hessian_product(jit, method):
    product = jit(lambda x, v: wengert.hvp(rosenbrock, (x,), (v,)))
    g = jit(wengert.grad(rosenbrock))
    found = optimize.minimize(jit(rosenbrock), START, jac=g, hessp=product, method=method)
    np.testing.assert_allclose(found.x, 1, atol=1e-4)


@pytest.mark.filterwarnings("ignore:delta_grad")
@MAYBE_JIT
def test_constraints(jit):
    """min x + y on the circle of radius 1."""
    circle = lambda x: x[0] ** 2 + x[1] ** 2
    for method, c in [
        ("SLSQP", {"type": "eq", "fun": jit(lambda x: circle(x) - 1), "jac": jit(wengert.grad(circle))}),
        ("trust-constr", optimize.NonlinearConstraint(circle, 1, 1, jac=jit(wengert.grad(circle)))),
    ]:  # fmt: skip
        total = lambda x: x[0] + x[1]
        found = optimize.minimize(
            total, [-1.0, -0.2], jac=jit(wengert.grad(total)), constraints=c, method=method
        )
        np.testing.assert_allclose(found.x, -np.sqrt(0.5), atol=1e-5)


@MAYBE_JIT
@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(jit, method):
    found = optimize.root(jit(system), [0.0, 0.0], jac=jit(wengert.jacobian(system)), method=method)
    np.testing.assert_allclose(system(found.x), 0, atol=1e-10)


@MAYBE_JIT
def test_scalar_root(jit):
    f = lambda x: np.cos(x) - x
    found = optimize.root_scalar(
        jit(f),
        x0=0.5,
        fprime=jit(wengert.grad(f)),
        fprime2=jit(wengert.grad(wengert.grad(f))),
        method="halley",
    )
    assert abs(f(found.root)) < 1e-12


@MAYBE_JIT
@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares(jit, method):
    residual = lambda p: p[0] * np.exp(-p[1] * T) - 2 * np.exp(-0.7 * T)
    jac = jit(wengert.jacobian(residual))
    found = optimize.least_squares(jit(residual), [1.0, 1.0], jac=jac, method=method)
    np.testing.assert_allclose(found.x, [2, 0.7], rtol=1e-6)


@MAYBE_JIT
def test_curve_fit(jit):
    model = lambda t, a, b: a * np.exp(-b * t)
    both = wengert.jacobian(model, argnums=(1, 2))
    jac = jit(lambda t, a, b: np.stack(both(t, a, b), axis=-1))
    found, _ = optimize.curve_fit(jit(model), T, 2 * np.exp(-0.7 * T), p0=(1.0, 1.0), jac=jac)
    np.testing.assert_allclose(found, [2, 0.7], rtol=1e-6)


@MAYBE_JIT
@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_solve_ivp(jit, method):
    """A stiff linear system, whose solution the matrix exponential knows."""
    a = np.array([[-0.5, 1.0], [0.0, -200.0]])
    f = lambda t, y: a @ y
    found = integrate.solve_ivp(
        jit(f), (0, 1), [1.0, 1.0], method=method, jac=jit(wengert.jacobian(f, argnums=1)),
        rtol=1e-8, atol=1e-10,
    )  # fmt: skip
    np.testing.assert_allclose(found.y[:, -1], linalg.expm(a) @ [1, 1], rtol=1e-5, atol=1e-7)


def test_matrix_functions_by_scipys_names():
    a = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.0, 0.7, 3.0]])
    s, b = a @ a.T, np.array([1.0, 2.0, -1.0])
    own = wengert.linalg
    for ours, theirs in [
        (own.expm(a), linalg.expm(a)),
        (own.sqrtm(s), linalg.sqrtm(s)),
        (own.solve_triangular(a, b, lower=True), linalg.solve_triangular(a, b, lower=True)),
        (own.cho_solve((linalg.cholesky(s), False), b), linalg.solve(s, b)),
        (own.solve_sylvester(a, s, a), linalg.solve_sylvester(a, s, a)),
        (own.solve_banded((1, 1), a, b), linalg.solve_banded((1, 1), a, b)),
    ]:
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    wengert.check_grads(own.expm, a)


# --- objectives


class Matrix:
    """What of xgboost.DMatrix and lightgbm.Dataset an objective asks for."""

    def __init__(self, label, weight=None):
        self.label, self.weight = label, weight

    def get_label(self):
        return self.label

    def get_weight(self):
        return self.weight


LABEL, SCORE = np.array([0.0, 1.0, 1.0]), np.array([0.3, -2.0, 40.0])
P = 1 / (1 + np.exp(-SCORE))


def test_objective_of_xgboost_and_lightgbm():
    obj = wengert.objective(wengert.sigmoid_cross_entropy)
    g, h = obj(SCORE, Matrix(LABEL))
    np.testing.assert_allclose(g, P - LABEL, atol=1e-15)
    np.testing.assert_allclose(h, wengert.sigmoid(SCORE) * wengert.sigmoid(-SCORE), rtol=1e-12)
    weighted = obj(SCORE, Matrix(LABEL, np.array([1.0, 2.0, 0.0])))
    np.testing.assert_allclose(weighted, [g * [1, 2, 0], h * [1, 2, 0]])
    empty = obj(SCORE, Matrix(LABEL, np.array([], "f4")))
    np.testing.assert_array_equal(empty, [g, h])


def test_objective_of_scikit_learn():
    obj = wengert.objective(wengert.sigmoid_cross_entropy)
    np.testing.assert_array_equal(obj(LABEL, SCORE), obj(SCORE, Matrix(LABEL)))
    weight = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(obj(LABEL, SCORE, weight), np.array(obj(LABEL, SCORE)) * weight)


def test_objective_keeps_float32_and_may_be_summed():
    mean = wengert.objective(lambda f, y: np.sum(np.logaddexp(0, -y * f)))
    g, h = mean(np.array([1, -1, 1]), SCORE.astype("f4"))
    assert g.dtype == h.dtype == np.float32
    assert g.shape == h.shape == (3,)


def test_objective_boosts():
    """Newton steps for the mean of each half find it: a stump, by hand."""
    obj = wengert.objective(lambda f, y: np.log(np.cosh(f - y)))
    y, f = np.array([1.0, 1.0, 3.0, 3.0]), np.array([0.5, 0.5, 2.5, 2.5])
    for _ in range(6):
        g, h = obj(f, Matrix(y))
        f = f - g / h
    np.testing.assert_allclose(f, y, rtol=1e-10)
