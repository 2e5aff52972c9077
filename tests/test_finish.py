"""A product that loops finish on their own, number by number, means what product and loops mean."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import Drawn, programs

import wengert as wg
from wengert.api.native import compiled, schedule
from wengert.ir.plan import plan_text
from wengert.ir.program import Program
from wengert.ir.schedule import Nest, Schedule
from wengert.nn import Adam, Descent, Momentum
from wengert.nn.optimizers import clip
from wengert.passes import finish

rng = np.random.default_rng(0)
OPTIMIZERS = {"adam": Adam(), "descent": Descent(0.1), "momentum": Momentum(0.1)}


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """All products are worth while, however small."""
    monkeypatch.setattr(finish, "COLUMNS", 1)
    monkeypatch.setattr(finish, "BYTES", 0)


def finished(found: Schedule) -> list[Nest]:
    """The nests that finish a product, those inside of loops too."""
    mine = [i for i in found.items if isinstance(i, Nest) and i.product is not None]
    bodies = [b for i in found.items if not isinstance(i, Nest) for b in i.bodies.values()]
    return mine + [n for b in bodies for n in finished(b)]


def same(program: Program, *args: Any) -> None:
    with np.errstate(all="ignore"):
        wants = program(*args)
        for got, want in zip(compiled(program)(*args), wants, strict=True):
            want = np.asarray(want)
            assert np.asarray(got).dtype == want.dtype
            tol = 2e-4 if want.dtype == "f4" else 1e-10
            scale = float(np.max(np.abs(want[np.isfinite(want)]), initial=1))
            np.testing.assert_allclose(got, want, rtol=tol, atol=tol * scale)


def training(optimizer: Any, shorten: Any = None) -> Callable[..., Any]:
    """Some steps of a linear model's training."""

    def fit(w: Any, X: Any, Y: Any, rates: Any) -> Any:
        def step(carry: Any, rate: Any) -> Any:
            w, state = carry
            q, g = wg.value_and_grad(lambda w: np.mean((X @ w - Y) ** 2))(w)
            g = g if shorten is None else clip(g, shorten)
            return optimizer.update(w, g, state, rate), q

        return wg.scan(step, (w, optimizer.init(w)), rates)

    return fit


def problem(rows: int, m: int, n: int, dtype: str) -> tuple[Any, ...]:
    w, X, Y = (rng.normal(size=s).astype(dtype) for s in ((m, n), (rows, m), (rows, n)))
    return w, X, Y, np.full(5, 0.01, dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("rows", "m", "n", "dtype"),
    [(32, 100, 64, "f4"), (7, 81, 53, "f4"), (40, 33, 65, "f8"), (600, 90, 80, "f4")],
)
def test_an_optimisers_step(optimizer: str, rows: int, m: int, n: int, dtype: str) -> None:
    args = problem(rows, m, n, dtype)
    program = wg.jit(training(OPTIMIZERS[optimizer])).program(*args)
    (nest,) = finished(schedule(program))
    assert nest.product is not None
    assert nest.product.equation.outputs[0].type.shape == (m, n)
    same(program, *args)


def test_a_gradient_that_is_read_elsewhere_is_kept() -> None:
    args = problem(32, 100, 64, "f4")
    program = wg.jit(training(Descent(0.1), shorten=1.0)).program(*args)
    assert not finished(schedule(program))
    same(program, *args)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, a: 0.5 * x + a @ x,
        lambda x, a: 0.5 * x + x @ a,
        lambda x, a: (a @ x) * x + x.T,
        lambda x, a: np.maximum(a.T @ x + x[0], 0) + x[:, :1],
        lambda x, a: (a @ x > 0) * 2.0,
    ],
)
def test_what_a_product_reads_is_not_written_over(f: Callable[..., Any]) -> None:
    x, a = rng.normal(size=(2, 64, 64)) / 8

    def walk(x: Any, a: Any) -> Any:
        y = np.tanh(x)
        return wg.fori_loop(0, 4, lambda t, x: f(x, a), x), f(y, a)

    program = wg.jit(walk).program(x, a)
    assert finished(schedule(program))
    same(program, x, a)


@settings(max_examples=80, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
@given(drawn=programs(mixed=True))
def test_random_programs(eager: None, drawn: Drawn) -> None:
    same(wg.trace(drawn.function)(*drawn.args), *drawn.args)


def layer(x: Any, w: Any, b: Any) -> Any:
    return np.tanh(x @ w + b)


def test_the_loops_are_these(golden: Callable[[object, str], None]) -> None:
    x, w, b = rng.normal(size=(64, 32)), rng.normal(size=(32, 48)), rng.normal(size=48)
    golden(plan_text(schedule(wg.jit(layer).program(x, w, b))), "fused/layer")
