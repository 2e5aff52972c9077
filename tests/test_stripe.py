"""Long arrays taken chunk by chunk, and products made lighter, mean what they meant."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import Drawn, programs

import wengert as wg
from wengert.api.native import compiled
from wengert.ir.check import check
from wengert.ir.program import Program
from wengert.passes import lighten as lightening
from wengert.passes import stripe as striping
from wengert.passes.lighten import lighten
from wengert.passes.stripe import stripe


@pytest.fixture
def eager(monkeypatch):
    """A machine on which all arrays are far away, and every loop pays."""
    for name, value in dict(FAR=8, NEAR=256, ROWS=1, GAIN=1, TURN=0).items():
        monkeypatch.setattr(striping, name, value)
    monkeypatch.setattr(lightening, "LARGE", 2)


def same(program: Program, new: Program, *args) -> None:
    with np.errstate(all="ignore"):
        wants = program(*args)
        for results in (new(*args), compiled(new)(*args)):
            for got, want in zip(results, wants, strict=True):
                want = np.asarray(want)
                assert np.shape(got) == want.shape
                assert np.asarray(got).dtype == want.dtype
                finite = np.abs(want[np.isfinite(want)]) if want.dtype.kind in "fc" else [1]
                tol = 2e-4 if want.dtype in ("f4", "c8", "f2") else 1e-10
                scale = float(np.max(finite, initial=1))
                np.testing.assert_allclose(got, want, rtol=tol, atol=tol * scale)


rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 5)), rng.integers(0, 2, 12).astype(float)
W, M = rng.standard_normal((4, 5, 5)), rng.standard_normal((4, 5))


def loss(w):
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


def mixture(M, W):
    Z = np.matmul(X[None] - M[:, None], np.swapaxes(W, 1, 2))
    E = -0.5 * np.sum(Z**2, axis=2)
    shift = np.max(E, axis=0)
    return np.sum(shift + np.log(np.sum(np.exp(E - shift), axis=0)))


# fmt: off
FUNCTIONS = {
    "gradient": (wg.grad(loss), (M[0],)),
    "hvp":      (lambda w, v: wg.hvp(loss, (w,), (v,)), (M[0], M[1])),
    "mixture":  (wg.grad(mixture, (0, 1)), (M, W)),
    "network":  (lambda x, A, B: np.tanh(np.tanh(x @ A) @ B), (X, W[0], W[1])),
    "gram":     (lambda x, w: ((x * np.exp(x @ w)[:, None]).T @ x, x.sum(), x @ x[0]), (X, M[0])),
    "kept":     (lambda x, w: (2 * x, (2 * x) @ w, np.sum(3 * x @ w)), (X, M[0])),
    "sums":     (lambda x, w: (np.sum(x @ w[0], 0), -np.sum(-(x @ w[0])), np.einsum("ik,Akj->Aij", x, w).sum((0, 1))), (X, W)),
    "centred":  (lambda x, w: (x - x.mean(0)) @ w @ (x - x.mean(0)).T, (X, W[0])),
}
# fmt: on


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.usefixtures("eager")
def test_chunks_mean_the_same(name) -> None:
    f, args = FUNCTIONS[name]
    program = wg.jit(f).program(*args)
    light = check(lighten(program))
    new = check(stripe(light))
    same(program, light, *args)
    same(program, new, *args)


@pytest.mark.parametrize("name", ["gradient", "hvp", "mixture"])
@pytest.mark.usefixtures("eager")
def test_these_are_loops(name) -> None:
    f, args = FUNCTIONS[name]
    new = stripe(lighten(wg.jit(f).program(*args)))
    assert any(eqn.primitive.name == "loop" for eqn in new.equations)


@pytest.mark.usefixtures("eager")
@settings(
    max_examples=80, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck],
)  # fmt: skip
@given(programs(scalar=True))
def test_gradients_in_chunks(drawn: Drawn) -> None:
    f, xs = drawn.of_floats(), [drawn.args[i] for i in drawn.floats]
    program = wg.jit(wg.value_and_grad(f, tuple(range(len(xs))))).program(*xs)
    same(program, check(stripe(lighten(program))), *xs)


def test_a_sum_of_a_product_needs_no_product_of_matrices() -> None:
    x, w = np.ones((20, 30)), np.ones((30, 40))
    program = lighten(wg.jit(lambda x, w: -np.sum(-(x @ w), axis=0)).program(x, w))
    (spec,) = [e.params["spec"] for e in program.equations if e.primitive.name == "contract"]
    assert sorted(map(len, spec.split("->")[0].split(","))) == [1, 2]


def test_a_constant_that_repeats_itself_is_kept_once() -> None:
    x = np.broadcast_to(np.arange(100.0), (300, 100))
    program = lighten(wg.jit(lambda w: x @ w).program(np.ones(100)))
    assert [e.primitive.name for e in program.equations] == ["broadcast", "contract"]
    np.testing.assert_allclose(wg.jit(lambda w: x @ w)(np.ones(100)), x @ np.ones(100))
