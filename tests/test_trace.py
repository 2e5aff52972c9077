"""Stand-ins: what NumPy and Python may do with them, and what the list says afterwards."""

import copy
import operator
from typing import Any

import numpy as np
import pytest

import wengert
from wengert.errors import ConcreteError, UnsupportedError
from wengert.ir.text import show
from wengert.trace.tracer import Tracer

pytestmark = pytest.mark.usefixtures("numpy_calls")  # bits are compared

X = np.array([1.0, 2.0, 3.0])


def seen(function: Any, *args: Any) -> Any:
    """What a function finds out about stand-ins for these arguments."""
    found: list[Any] = []
    wengert.grad(lambda *xs: found.append(function(*xs)) or 0.0 * np.sum(xs[0]))(*args)
    return found[0]


def lines(function: Any, *args: Any) -> list[str]:
    return [line.strip() for line in show(wengert.trace(function)(*args)).splitlines()[1:]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.shape, lambda x: x.dtype, lambda x: x.ndim, lambda x: x.size, lambda x: x.nbytes, lambda x: x.itemsize, len, lambda x: x.T.shape, np.shape, np.ndim, np.size,
        lambda x: x.device, lambda x: x.__array_namespace__().sin is np.sin, np.iscomplexobj, np.isrealobj, np.result_type, lambda x: x.tolist(), lambda x: x[1].item(), lambda x: float(x[0]), lambda x: int(x[1]),
        lambda x: bool(x[0]), lambda x: complex(x[0]), lambda x: [float(a) for a in x], lambda x: [float(a) for a in x.flat], lambda x: float(max(x)), lambda x: bool(2.0 in x), lambda x: sorted([float(a) for a in x]), lambda x: np.isscalar(x),
        lambda x: range(4)[x.astype(int)[1]], lambda x: f"{float(x[0]):.1f}", lambda x: round(float(x[0])),
    ],
)  # fmt: skip
def test_a_stand_in_tells_what_its_array_tells(ask: Any) -> None:
    assert seen(ask, X) == ask(X)


def test_a_stand_in_is_itself() -> None:
    assert seen(lambda x: isinstance(x, Tracer), X)
    assert seen(
        lambda x: np.asarray(x) is x and x[:] is x and np.asanyarray(x) is x and np.real(x) is x, X
    )
    for own in (
        lambda x: x.copy(),
        copy.copy,
        copy.deepcopy,
        lambda x: +x,
        lambda x: np.array(x),
        np.copy,
    ):
        assert seen(lambda x, own=own: own(x) is not x, X)
    assert seen(lambda x: {x: 1}[x], X) == 1
    assert seen(repr, X) == "Tracer(f64[3] = array([1., 2., 3.]))"
    assert wengert.jit(lambda x: repr(x))(X) == "Tracer(f64[3])"


@pytest.mark.parametrize(
    "name",
    ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "eq", "ne"],
)
@pytest.mark.parametrize(
    "other",
    [2.5, 2, np.float32(2.5), np.array([2.0, 1.5, 4.0]), np.int64(3)],
    ids=lambda x: type(x).__name__,
)
def test_operators_both_ways(name: str, other: Any) -> None:
    op = getattr(operator, name)
    for f in (lambda x: op(x, other), lambda x: op(other, x)):
        want = f(X)
        for got in (wengert.jit(f)(X), wengert.trace(f)(X)(X)[0]):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


def test_operators_refuse_what_is_no_number() -> None:
    for other in (None, "text"):
        with pytest.raises(TypeError):
            wengert.grad(lambda x, other=other: np.sum(x + other))(X)
    assert wengert.grad(lambda x: np.sum(x * [1, 2, 3]))(X).tolist() == [1.0, 2.0, 3.0]
    assert wengert.grad(lambda x: np.sum(np.array([1, 2, 3]) * x))(X).tolist() == [1.0, 2.0, 3.0]


def test_another_type_may_take_over() -> None:
    class Unit:
        __array_ufunc__ = None

        def __rmul__(self, other: Any) -> str:
            return "mine"

    assert seen(lambda x: x * Unit(), X) == "mine"


def test_assignment_operators_write_into_memory() -> None:
    def f(x: Any) -> Any:
        y = x  # another name, not another array
        y += 1.0
        y *= x
        return np.sum(y) + np.sum(x)

    np.testing.assert_allclose(wengert.grad(f)(X), 4 * (X + 1))
    assert X.tolist() == [1.0, 2.0, 3.0]

    def g(s: Any) -> Any:
        t = s  # a number has no memory
        t += 1.0
        return t * s

    assert wengert.grad(g)(2.0) == 5.0
    assert wengert.grad(g)(np.float64(2.0)) == 5.0


def test_loops_unroll_and_branches_follow_values() -> None:
    def f(x: Any) -> Any:
        for _ in range(3):
            x = np.sin(x) if x > 0 else x
        return x

    assert lines(f, 1.0) == [
        "v1: f64 = sin(x)",
        "v2: f64 = sin(v1)",
        "v3: f64 = sin(v2)",
        "return v3",
    ]
    assert lines(f, -1.0) == ["return x"]


def test_broadcasts_and_promotions_are_written_down() -> None:
    assert lines(lambda x, y: x[:, None] * y, X, X) == [
        "v1: f64[3, 1] = reshape(x, shape=(3, 1))", "v2: f64[3, 3] = broadcast(v1, shape=(3, 3))", "v3: f64[3, 3] = broadcast(y, shape=(3, 3))", "v4: f64[3, 3] = v2 * v3", "return v4",
    ]  # fmt: skip
    assert lines(lambda x, n: x * n, X, np.arange(3)) == [
        "v1: f64[3] = convert(n, dtype=dtype('float64'))",
        "v2: f64[3] = x * v1",
        "return v2",
    ]
    assert lines(lambda x: 2 * x, X.astype("f4")) == ["v1: f32[3] = f32(2.0) * x", "return v1"]


def test_names_come_from_the_arguments() -> None:
    program = wengert.trace(lambda params, x: params["W"] @ x + params["b"])(
        {"W": np.eye(3), "b": X}, X
    )
    assert [v.name for v in program.inputs] == ["params_W", "params_b", "x"]


def test_numpy_that_has_no_rule_says_so() -> None:
    for call, name in ((lambda x: np.packbits(x), r"np\.packbits"), (lambda x: np.add(x, 1, out=X), "outside"), (lambda x: np.nextafter.reduce(x), r"np\.nextafter\.reduce"), (lambda x: np.sum(x, out=X), "out")):  # fmt: skip
        with pytest.raises(UnsupportedError, match=name) as caught:
            wengert.grad(lambda x, call=call: np.sum(call(x)))(X)
        assert __file__ in str(caught.value)


def test_conversions_raise_and_name_the_way_out() -> None:
    with pytest.raises(ConcreteError, match=r"np\.stack"):
        wengert.grad(lambda x: np.linalg.cond([x, x]))(X)
    for stack in (np.stack, lambda x: np.array(x), lambda x: np.asarray(x), np.vstack):
        gradient = wengert.grad(lambda x, stack=stack: np.sum(stack([x, x])))(X)
        np.testing.assert_array_equal(gradient, np.full(3, 2.0))


def test_indices_may_be_traced_and_may_depend_on_values() -> None:
    table = np.arange(12.0).reshape(4, 3)

    def f(t: Any, i: Any) -> Any:
        return np.sum(t[i] * X)

    i = np.array([3, 0, 3])
    np.testing.assert_allclose(wengert.jit(f)(table, i), f(table, i))
    want = np.zeros((4, 3))
    np.add.at(want, i, X)
    np.testing.assert_allclose(wengert.jit(wengert.grad(f))(table, i), want)
    np.testing.assert_allclose(wengert.grad(lambda x: np.sum(x[np.argsort(-x)][:2]))(X), [0, 1, 1])
    np.testing.assert_allclose(wengert.grad(lambda x: np.sum(x[x > 1.5]))(X), [0, 1, 1])
    picked = wengert.jit(lambda x: x[x > 1.5])
    for x in (X, -X, X):
        np.testing.assert_array_equal(picked(x), x[x > 1.5])


def test_closures_over_stand_ins_of_an_outer_trace() -> None:
    def f(a: Any) -> Any:
        g = wengert.grad(lambda x: np.sum(a * x * x))(X)
        h = wengert.vmap(lambda x: a * x)(X)
        return np.sum(g) + np.sum(h) + wengert.jit(lambda x: np.sum(a * x))(X)

    assert wengert.grad(f)(2.0) == 12.0 + 6.0 + 6.0
    assert wengert.jit(f)(2.0) == 2 * 24.0
