"""The native machine computes what the interpreter computes: on random programs, types and shapes."""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import Drawn, programs

import wengert
from wengert.api.native import compiled, schedule
from wengert.backends.interpreter import interpret
from wengert.backends.llvm.machine import Writer
from wengert.backends.llvm.words import WORDS
from wengert.ir.program import Program
from wengert.ir.schedule import Call

COUNT = {} if os.environ.get("HYPOTHESIS_PROFILE") == "search" else {"max_examples": 150}
quick = settings(**COUNT, suppress_health_check=list(HealthCheck), deadline=None)


def agree(program: Program, *args: Any) -> None:
    """Both machines give the same types, and the same numbers up to rounding."""
    with np.errstate(all="ignore"):
        want = interpret(program)(*args)
        got = compiled(program)(*args)
    assert len(want) == len(got)
    for g, w in zip(got, want, strict=True):
        assert (np.shape(g), np.asarray(g).dtype) == (np.shape(w), np.asarray(w).dtype)
        dtype = np.asarray(w).dtype
        if dtype.kind not in "fc":
            np.testing.assert_array_equal(g, w)
            continue
        single = any(
            v.type.dtype in ("f4", "c8", "f2") for e in program.equations for v in e.outputs
        )
        tol = 2e-4 if single else 1e-11
        finite = np.asarray(w)[np.isfinite(w)]
        scale = float(np.max(np.abs(finite), initial=1))
        np.testing.assert_allclose(g, w, rtol=tol, atol=tol * scale)


def inner(x: Any, dtype: Any) -> Any:
    return np.asarray(x, dtype)[()]


@quick
@given(programs(mixed=True))
def test_native_is_the_interpreter(drawn: Drawn) -> None:
    agree(wengert.trace(drawn.function)(*drawn.args), *drawn.args)


@quick
@given(programs(scalar=True))
def test_and_so_is_the_gradient(drawn: Drawn) -> None:
    f, xs = drawn.of_floats(), [drawn.args[i] for i in drawn.floats]
    program = wengert.jit(wengert.value_and_grad(f, tuple(range(len(xs))))).program(*xs)
    agree(program, *xs)


# fmt: off
FUNCTIONS = {
    "chain":       lambda x: np.sum(np.tanh(x) * 2 + x),
    "softmax":     lambda x: np.exp(x) / np.sum(np.exp(x), -1, keepdims=True),
    "centred":     lambda x: (x - x.mean(0)) / (1 + x.std(0)),
    "columns":     lambda x: (x.sum(0), x.max(0), x.min(), np.prod(x / 2, -1)),
    "stencil":     lambda x: x[..., 1:] - 2 * x[..., :-1],
    "neighbours":  lambda x: np.pad(x, 1)[..., 2:] + np.concatenate([x, x * x], 0).sum(0),
    "transposed":  lambda x: np.sin(x.T) + np.ones(x.shape[0]),
    "reversed":    lambda x: x[::-1, ..., ::-1] * x,
    "flattened":   lambda x: (2 * x.T).ravel()[::3],
    "products":    lambda x: (x @ x.T, x.T @ x, x @ x[0], x[0] @ x[0], np.einsum("ij,ik->ijk", x, x)),
    "picked":      lambda x: x[np.array([0, -1, 0])] * np.cumsum(x, 0)[:1],
    "masked":      lambda x: np.where(x > 0, np.sqrt(np.abs(x)), x).sum(1),
    "whole":       lambda x: ((x > 0).sum(0), (x > 0).any(1), np.floor(x).astype(int) // 2),
    "written":     lambda x: written(x),
}
# fmt: on


def written(x: Any) -> Any:
    y = np.zeros(x.shape, x.dtype)
    y[1:] = x[:-1]
    y[0] += 1
    return y * x


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 16), (7, 33), (33, 7), (64, 64), (3, 130)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_sizes_around_the_vectors(name: str, shape: tuple[int, ...], dtype: str) -> None:
    x = inner(np.random.default_rng(0).normal(size=shape), dtype)
    agree(wengert.jit(FUNCTIONS[name]).program(x), x)

    def total(x: Any) -> Any:
        y = FUNCTIONS[name](x)
        return sum(np.sum(np.sin(v * 1.0)) for v in (y if isinstance(y, tuple) else (y,)))

    agree(wengert.jit(wengert.value_and_grad(total)).program(x), x)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_inputs_of_every_layout(data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    whole = rng.normal(size=(12, 10))
    views = [whole[::2], whole[:, ::-1], whole.T, np.asfortranarray(whole), whole[3:4], whole[:0]]
    x = data.draw(
        st.sampled_from([*views, whole.astype(">f8"), np.broadcast_to(whole[0], (4, 10))])
    )
    f = FUNCTIONS[data.draw(st.sampled_from(["chain", "softmax", "reversed"]))]
    if not x.size:
        f = FUNCTIONS["chain"]
    want = f(x)
    np.testing.assert_allclose(wengert.jit(f)(x), want, rtol=1e-12, atol=1e-12)


def test_loops_stay_loops_and_carries_are_written_in_place() -> None:
    def fit(w: Any, X: Any) -> Any:
        def step(i: Any, state: Any) -> Any:
            w, m = state
            m = 0.9 * m + X.T @ (X @ w - 1)
            return w - 0.01 * m, m

        return wengert.fori_loop(0, 20, step, (w, np.zeros(w.shape)))

    rng = np.random.default_rng(0)
    w, X = rng.normal(size=9), rng.normal(size=(17, 9)) / 8
    program = wengert.jit(fit).program(w, X)
    agree(program, w, X)
    (loop,) = [i for i in schedule(program).items if isinstance(i, Call)]
    assert loop.equation.primitive.name == "loop"
    assert all(Writer(WORDS).knows(i) for i in schedule(program).items)
    total = wengert.jit(wengert.grad(lambda w: np.sum(fit(w, X)[0]))).program(w)
    agree(total, w)


def test_an_index_out_of_bounds_is_numpys_error() -> None:
    pick = wengert.jit(lambda x, i: x[i])
    x = np.arange(5.0)
    np.testing.assert_array_equal(pick(x, np.array([0, -5, 4])), [0, 0, 4])
    for bad in (5, -6):
        with pytest.raises(IndexError):
            pick(x, np.array([0, 1, bad]))


def test_what_has_no_word_is_evaluated_between_native_runs() -> None:
    def f(A: Any) -> Any:
        return np.sum(np.linalg.solve(np.tanh(A) + 4 * np.eye(3), A[0]) ** 2) * 2

    A = np.random.default_rng(0).normal(size=(3, 3))
    agree(wengert.jit(f).program(A), A)
    agree(wengert.jit(wengert.grad(f)).program(A), A)


def test_branches_and_tests_are_native() -> None:
    def f(x: Any) -> Any:
        y = wengert.cond(np.sum(x) > 0, lambda x: x * 2, lambda x: (x - 1) @ np.ones((3, 3)), x)
        n, z = wengert.while_loop(lambda s: s[0] < 7, lambda s: (s[0] + 1, np.sin(s[1])), (0, y))
        return z, n

    program = wengert.jit(f).program(np.zeros(3))
    assert all(Writer(WORDS).knows(i) for i in schedule(program).items)
    for x in (np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0, 3.0])):
        agree(program, x)
        agree(wengert.jit(lambda x: wengert.jvp(lambda x: f(x)[0], (x,), (x,))).program(x), x)
