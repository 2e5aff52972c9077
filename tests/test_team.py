"""Steps that threads share give the same bits as one thread gives, whatever is shared."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import Drawn, programs

import wengert
from wengert.api.native import compiled, schedule
from wengert.backends.interpreter import interpret
from wengert.backends.llvm import apart, machine, threads
from wengert.ir.program import Program
from wengert.ir.schedule import Call, Nest

slow = settings(
    max_examples=60, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True
)


@pytest.fixture(scope="module", params=[2, 3, 5])
def team(request: pytest.FixtureRequest) -> Iterator[Callable[[Program], Any]]:
    """Compiles so that threads share each step that they can, however short it is."""
    before, own = threads.pool(), threads.Pool(request.param)
    with pytest.MonkeyPatch.context() as patch:

        def wide(program: Program) -> Any:
            with pytest.MonkeyPatch.context() as here:
                here.setattr(machine, "WIDE", 0.0)
                here.setattr(machine, "WORTH", 0.0)
                return compiled(program)

        for name in ("pool", "thread_count"):
            value = own if name == "pool" else request.param
            patch.setattr(machine, name, lambda value=value: value)
        yield wide
    own.close()
    assert threads.pool() is before


def same(team: Callable[[Program], Any], program: Program, *args: Any) -> None:
    """A team's results are one thread's, to the last bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "thread_count", lambda: 1)
        want = compiled(program)(*args)
    run = team(program)
    for _ in range(3):
        got = run(*args)
        for g, w in zip(got, want, strict=True):
            np.testing.assert_array_equal(np.asarray(g), np.asarray(w), strict=True)


@slow
@given(drawn=programs(mixed=True))
def test_random_programs(team: Callable[[Program], Any], drawn: Drawn) -> None:
    same(team, wengert.trace(drawn.function)(*drawn.args), *drawn.args)


@slow
@given(drawn=programs(scalar=True))
def test_and_their_gradients(team: Callable[[Program], Any], drawn: Drawn) -> None:
    f, xs = drawn.of_floats(), [drawn.args[i] for i in drawn.floats]
    program = wengert.jit(wengert.value_and_grad(f, tuple(range(len(xs))))).program(*xs)
    same(team, program, *xs)


def softmax_rows(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def fit(w: Any, X: Any) -> Any:
    def step(w: Any, t: Any) -> Any:
        z = np.tanh(X @ w)
        return w - 0.01 * X.T @ z, np.sum(z)

    return wengert.scan(step, w, np.arange(5.0))


def halve(x: Any) -> Any:
    return wengert.while_loop(lambda x: np.sum(x * x) > 1.0, lambda x: np.sin(x) * 0.7, x)


def choose(x: Any) -> Any:
    return wengert.cond(np.sum(x) > 0, lambda x: np.exp(x) @ x.T, lambda x: x @ np.cos(x).T, x)


def rows(x: Any) -> Any:
    i = np.arange(0, x.shape[0] * 2) % x.shape[0]
    return x[i] * 2.0, np.cumsum(x, axis=0)


def deep(x: Any) -> Any:
    """A gather and a product inside branches inside a loop."""

    def step(i: Any, x: Any) -> Any:
        return wengert.cond(i % 2 == 0, lambda x: softmax_rows(x) @ x.T @ x, lambda x: x - 1.0, x)

    return wengert.fori_loop(0, 4, step, x)


SHARED: dict[str, Callable[..., Any]] = {
    "softmax": softmax_rows, "halve": halve, "choose": choose, "rows": rows, "deep": deep,
}  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (33, 18), (65, 130)])
@pytest.mark.parametrize("name", SHARED)
def test_loops_branches_and_rows(
    team: Callable[[Program], Any], name: str, shape: tuple[int, int], rng: np.random.Generator
) -> None:
    x = rng.standard_normal(shape)
    same(team, wengert.trace(SHARED[name])(x), x)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_loop_of_products(team: Callable[[Program], Any], dtype: str) -> None:
    rng = np.random.default_rng(0)
    w, X = rng.standard_normal((30, 20)).astype(dtype), rng.standard_normal((70, 30)).astype(dtype)
    same(team, wengert.trace(fit)(w, X), w, X)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("rows", "m", "n"), [(32, 90, 70), (600, 61, 130)])
def test_a_product_that_ends_with_a_step(
    team: Callable[[Program], Any], rows: int, m: int, n: int, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    w, X = rng.standard_normal((m, n)).astype(dtype), rng.standard_normal((rows, m)).astype(dtype)

    def heavy_ball(w: Any, X: Any) -> Any:
        def step(carry: Any, t: Any) -> Any:
            w, v = carry
            v = 0.9 * v + X.T @ (X @ w) / rows
            return (w - 0.01 * v, v), t

        return wengert.scan(step, (w, np.zeros_like(w)), np.arange(5.0))[0]

    program = wengert.jit(heavy_ball).program(w, X)
    (loop,) = [i for i in schedule(program).items if isinstance(i, Call)]
    assert any(isinstance(i, Nest) and i.product for i in loop.bodies["body"].items)
    same(team, program, w, X)


def test_a_failure_is_everyones(team: Callable[[Program], Any]) -> None:
    """The others don't wait for the one who failed, and NumPy's error is raised."""
    x, i = np.ones((40, 30)), np.arange(40)

    def f(x: Any, i: Any) -> Any:
        return np.tanh(x[i] @ x.T)

    run = team(wengert.trace(f)(x, i))
    run(x, i)
    with pytest.raises(IndexError, match="40"):
        run(x, i + 1)
    run(x, i)


@pytest.mark.parametrize("n", [40_000, 65_536, 100_003])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_long_sums(team: Callable[[Program], Any], n: int, dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal(n).astype(dtype)

    def f(x: Any) -> Any:
        y = np.sin(x)
        return np.sum(y * x), np.max(x), np.sum((x[1:] - x[:-1] ** 2) ** 2), y

    same(team, wengert.trace(f)(x), x)


def summed(X: Any, w: Any) -> Any:
    """Sums over chunks of rows, and what is made of each row."""
    chunks = X.reshape(-1, 10, X.shape[1])

    def step(total: Any, rows: Any) -> Any:
        z = np.tanh(rows @ w)
        g, best = total
        return (g + rows.T @ z, np.maximum(best, np.max(z, axis=0))), z

    start = (np.zeros_like(w), np.full(w.shape[1], -np.inf, w.dtype))
    return wengert.scan(step, start, chunks)


def filled(x: Any) -> Any:
    y = np.zeros_like(x)
    for t in range(len(x)):  # so many lines roll up to a loop
        y[t] = np.exp(np.sin(x[t])) * x[t] + 1
    return y


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_loops_whose_turns_are_apart(team: Callable[[Program], Any], dtype: str) -> None:
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((700, 4)).astype(dtype), rng.standard_normal((4, 5)).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "WIDE", 0.0)
        for f, args in ((summed, (X, w)), (filled, (X,))):
            program = wengert.jit(f).program(*args)
            (loop,) = [i for i in schedule(program).items if isinstance(i, Call) and i.bodies]
            assert apart.parts(loop) > 1
            same(team, program, *args)
            for g, want in zip(compiled(program)(*args), interpret(program)(*args), strict=True):
                np.testing.assert_allclose(g, want, rtol=1e-4 if dtype == "f4" else 1e-12)


def test_a_recurrence_is_not_apart() -> None:
    def f(x: Any) -> Any:
        return wengert.scan(lambda s, t: (s + np.sin(s) * t, s), 0.5, x)[0]

    (loop,) = [i for i in schedule(wengert.trace(f)(np.ones(99_999))).items if isinstance(i, Call)]
    assert not apart.parts(loop)
