"""Loops as one equation: against the same loops unrolled by Python, in every transformation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import wengert
from wengert import (
    cond,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    linearize,
    scan,
    trace,
    tree,
    vjp,
    vmap,
)
from wengert.ir.check import check
from wengert.ir.program import Program
from wengert.ir.text import constants, parse

F = Callable[..., Any]


def unrolled(f: F, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False):
    """What scan means."""
    leaves, structure = tree.flatten(xs)
    n = length if xs is None else len(leaves[0])
    ys: list[Any] = [None] * n
    for t in reversed(range(n)) if reverse else range(n):
        x = None if xs is None else structure.unflatten([leaf[t] for leaf in leaves])
        init, ys[t] = f(init, x)
    if not ys or ys[0] is None:
        return init, None
    return init, tree.map(lambda *row: np.stack(row), *ys)


def near(got: Any, want: Any, tol: float = 1e-10) -> None:
    ours, theirs = tree.flatten(got), tree.flatten(want)
    assert ours[1] == theirs[1]
    for g, w in zip(ours[0], theirs[0], strict=True):
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=tol, atol=tol)


# --- programs of (w, x), each written with the scan that it is given
def recurrent(scan: F) -> F:
    def loss(w, x):
        def step(h, row):
            h = np.tanh(w @ h + row)
            return h, np.sum(h * row)

        h, ys = scan(step, x[0] * 0.5, x)
        return np.sum(h) + np.sum(ys**2)

    return loss


def backwards(scan: F) -> F:
    def loss(w, x):
        c, ys = scan(lambda c, row: (np.sin(c) * row + w[0], c), x[-1], x, reverse=True)
        return np.sum(c * ys[0]) + np.sum(ys[-1] ** 2)

    return loss


def trees(scan: F) -> F:
    """Carry and slices are trees, a counter among them, and the slices hold integers."""

    def loss(w, x):
        def step(c, row):
            new = {"h": c["h"] * row[0] + w[0], "s": c["s"] + row[1] * c["n"], "n": c["n"] + 1}
            return new, (new["s"], {"h": np.sum(new["h"])})

        init = {"h": x[0], "s": 0.0, "n": 1}
        c, (s, y) = scan(step, init, (x, np.arange(len(x))))
        return np.sum(c["h"]) * np.sum(s) + np.sum(y["h"] ** 2) + np.sum(x) * c["n"]

    return loss


def nested(scan: F) -> F:
    def loss(w, x):
        def outer(c, row):
            def inner(d, a):
                return np.tanh(d * a + w[1]), d * c

            d, ys = scan(inner, c, row)
            return d + ys[-1], np.sum(ys)

        c, ys = scan(outer, w[2], x)
        return np.sum(c**2) + np.sum(np.sin(ys))

    return loss


def branching(scan: F) -> F:
    def loss(w, x):
        def step(c, row):
            return cond(np.sum(c) > 0.0, lambda c: c * w[0] - row, lambda c: c + row * w[1], c), c

        c, ys = scan(step, x[0], x)
        return np.sum(c * c) + np.sum(ys)

    return loss


def powers(scan: F) -> F:
    """No slices; one carry that stays, one that isn't used, a result that is the carry."""

    def loss(w, x):
        def step(c, _):
            p, still, idle = c
            return (p @ w, still, idle * 2.0), p

        c, ps = scan(step, (np.eye(3), x[0], x[1]), None, length=4)
        return np.sum(c[0] @ c[1]) + np.sum(ps[2] ** 2)

    return loss


def returned(scan: F) -> F:
    """The state is a result as well: the reverse sweep takes it from there."""

    def loss(w, x):
        def step(h, row):
            h = np.sin(h * w[0]) + row
            return h, h

        _, forth = scan(step, x[0], x)
        _, back = scan(step, x[1], forth, reverse=True)
        return np.sum(forth[1:] * back[:-1])

    return loss


PROGRAMS = [recurrent, backwards, trees, nested, branching, powers, returned]
W = np.random.default_rng(1).normal(size=(3, 3)) * 0.7
X = np.random.default_rng(2).normal(size=(4, 3))


@pytest.fixture(params=PROGRAMS, ids=lambda p: p.__name__)
def pair(request: pytest.FixtureRequest) -> tuple[F, F]:
    return request.param(scan), request.param(unrolled)


def test_value(pair: tuple[F, F]) -> None:
    loop, plain = pair
    near(loop(W, X), plain(W, X))
    near(jit(loop)(W, X), plain(W, X))
    near(trace(loop)(W, X)(W, X)[0], plain(W, X))


def test_gradient(pair: tuple[F, F]) -> None:
    loop, plain = pair
    want = grad(plain, (0, 1))(W, X)
    near(grad(loop, (0, 1))(W, X), want)
    near(jit(grad(loop, (0, 1)))(W, X), want)
    near(grad(jit(loop), (0, 1))(W, X), want)
    near(tuple(jacobian(loop, n, mode="forward")(W, X) for n in (0, 1)), want)


def test_differential(pair: tuple[F, F]) -> None:
    loop, plain = pair
    for tangents in ((W, X), (0 * W, X), (W, 0 * X)):
        near(jvp(loop, (W, X), tangents), jvp(plain, (W, X), tangents))
    near(linearize(loop, W, X)[1](X[:3], X), linearize(plain, W, X)[1](X[:3], X))


def test_second_order(pair: tuple[F, F]) -> None:
    loop, plain = pair
    for n in (0, 1):
        want = hessian(plain, n)(W, X)
        near(hessian(loop, n)(W, X), want, 1e-9)
        near(jit(hessian(loop, n))(W, X), want, 1e-9)
        near(jacobian(grad(loop, n), n, mode="reverse")(W, X), want, 1e-9)

        def forward_over_forward(f: F, n: int = n) -> Any:
            at = lambda x: f(x, X) if n == 0 else f(W, x)
            return jvp(lambda x: jvp(at, (x,), (x,))[1], ((W, X)[n],), ((W, X)[n],))

        near(forward_over_forward(loop), forward_over_forward(plain), 1e-9)


def test_third_order() -> None:
    def third(f: F) -> Any:
        square = lambda g: lambda w: np.sum(g(w) ** 2)
        return grad(square(grad(square(grad(lambda w: f(w, X))))))(W)

    near(third(recurrent(scan)), third(recurrent(unrolled)), 1e-8)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_batches(pair: tuple[F, F], axes: tuple[int | None, int | None]) -> None:
    loop, plain = pair
    args = [
        np.stack([a, 0.5 * a, -a]) if axis == 0 else a for a, axis in zip((W, X), axes, strict=True)
    ]
    rows = [
        [a[k] if axis == 0 else a for a, axis in zip(args, axes, strict=True)] for k in range(3)
    ]
    near(vmap(loop, axes)(*args), np.stack([plain(*row) for row in rows]))
    near(vmap(grad(loop), axes)(*args), np.stack([grad(plain)(*row) for row in rows]))
    near(jit(vmap(grad(loop, 1), axes))(*args), np.stack([grad(plain, 1)(*row) for row in rows]))

    def total(*a: Any) -> Any:
        pick = lambda k: [v[k] if axis == 0 else v for v, axis in zip(a, axes, strict=True)]
        return plain(*pick(0)) + plain(*pick(1)) + plain(*pick(2))

    near(
        grad(lambda *a: np.sum(vmap(loop, axes)(*a)), (0, 1))(*args),
        grad(total, (0, 1))(*args),
    )


def test_text_is_read_back(pair: tuple[F, F]) -> None:
    for f, x in (
        (pair[0], X),
        (grad(pair[0]), X),
        (vmap(grad(pair[0]), (None, 0)), np.stack([X, -X])),
    ):
        program = trace(f)(W, x)
        text = str(program)
        again = check(parse(text, constants(program)))
        assert str(again) == text
        near(again(W, x), program(W, x), 0)


# --- what else a loop must stand
def test_a_loop_is_one_equation() -> None:
    program = trace(lambda x: scan(lambda c, _: (c * x, None), x, length=1000)[0])(1.0)
    assert [e.primitive.name for e in program.equations] == ["loop"]
    assert len(str(program).splitlines()) < 8


def test_plain_arrays_in_plain_arrays_out() -> None:
    init = np.zeros(3)
    c, ys = scan(lambda c, x: (c, x), init, X)
    assert type(c) is type(ys) is np.ndarray
    assert not np.shares_memory(c, init)
    assert not np.shares_memory(ys, X)
    c[0] = ys[0, 0] = 1.0
    assert init[0] == 0.0


@pytest.mark.parametrize("reverse", [False, True])
def test_no_steps(reverse: bool) -> None:
    f = lambda w, x: scan(lambda c, r: (c * w, r * c), w, x, reverse=reverse)
    x = np.zeros((0, 2))
    c, ys = scan(lambda c, r: (c * 2.0, r * c), 3.0, x, reverse=reverse)
    assert c == 3.0
    assert ys.shape == (0, 2)
    near(grad(lambda w: f(w, x)[0])(3.0), 1.0)
    near(grad(lambda w: np.sum(f(w, x)[1]))(3.0), 0.0)
    near(jvp(lambda w: f(w, x)[0], (3.0,), (2.0,)), (3.0, 2.0))
    near(vmap(lambda w: f(w, x)[0])(np.arange(3.0)), np.arange(3.0))


def test_nothing_to_carry_or_to_collect() -> None:
    assert scan(lambda c, x: (c, None), None, X) == (None, None)
    c, ys = scan(lambda c, x: (c, x * 2), (), X)
    assert c == ()
    near(ys, X * 2)


def test_captured_constants_are_differentiated() -> None:
    def f(a, b, scan=scan):
        k = np.sin(a) * b
        return scan(lambda c, x: (c * k + a[0] * x, None), b, X[:, 0])[0]

    a, b = np.array([0.3, 0.7]), np.array([0.1, 0.2])
    near(jacobian(f, (0, 1))(a, b), jacobian(lambda a, b: f(a, b, unrolled), (0, 1))(a, b))


def test_captured_arrays_are_operands_and_read_anew() -> None:
    data = np.ones(3)
    step = lambda c, _: (c + data, None)
    near(scan(step, np.zeros(3), length=2)[0], 2 * np.ones(3))
    data[:] = 5.0
    near(scan(step, np.zeros(3), length=2)[0], 10 * np.ones(3))


def test_perturbations_are_not_confused() -> None:
    """The inner derivative is taken within the body, of a loop that captures the outer variable."""

    def f(x, scan):
        def step(c, _):
            inner = grad(lambda y: scan(lambda d, _: (d * (x + y), None), y, length=2)[0])
            return c * inner(x * c), None

        return scan(step, 1.0 * x, length=3)[0]

    near(grad(lambda x: f(x, scan))(0.7), grad(lambda x: f(x, unrolled))(0.7))
    near(grad(grad(lambda x: f(x, scan)))(0.7), grad(grad(lambda x: f(x, unrolled)))(0.7))
    near(jvp(lambda x: f(x, scan), (0.7,), (1.0,)), jvp(lambda x: f(x, unrolled), (0.7,), (1.0,)))


def test_gradient_of_a_scan_of_gradients() -> None:
    """Gradient descent as a loop, differentiated with respect to its step length, for a batch."""

    def after(rate, x0, scan):
        loss = lambda x: np.sum((x**2 - 1) ** 2)
        return loss(scan(lambda x, _: (x - rate * grad(loss)(x), None), x0, length=5)[0])

    starts = X[:, :2]
    got = vmap(grad(lambda r, x: after(r, x, scan)), (None, 0))(0.05, starts)
    near(got, np.array([grad(lambda r, x: after(r, x, unrolled))(0.05, x) for x in starts]))


def test_python_numbers_take_the_dtype_of_the_body() -> None:
    x = np.arange(3, dtype=np.float32)
    c, ys = scan(lambda c, r: (c + r, c), 0.0, x)
    assert (c.dtype, ys.dtype) == ("f4", "f4")
    assert scan(lambda c, r: (c + r, None), 0, x)[0].dtype == "f4"
    assert scan(lambda c, r: (c + 0.5, None), 0, x)[0] == 1.5
    assert scan(lambda c, r: (0.0, None), x[0], x)[0].dtype == "f4"
    g = grad(lambda w: scan(lambda c, r: (c * w + r, None), 1.0, x)[0])(np.float32(2))
    assert g.dtype == "f4"


def test_complex_states() -> None:
    def f(z, scan=scan):
        return np.real(scan(lambda c, x: (c * c + z * x, None), z, X[:3, 0])[0])

    z = 0.3 + 0.4j
    near(grad(f)(z), grad(lambda z: f(z, unrolled))(z))


@dataclass
class Point:
    x: Any
    y: Any


def test_states_are_dataclasses() -> None:
    step = lambda p, t: (Point(p.x + 0.1 * p.y, p.y - 0.1 * p.x), None)
    f = lambda p: (lambda q: q.x * q.y)(scan(step, p, length=10)[0])
    g = lambda p: (lambda q: q.x * q.y)(unrolled(step, p, length=10)[0])
    near(grad(f)(Point(1.0, 2.0)), grad(g)(Point(1.0, 2.0)))


def test_loops_in_rules_by_hand() -> None:
    """Where a rule is transposed, a loop sees of its linear operands the types alone."""
    k = np.array([0.5, -1.0, 2.0])

    @wengert.custom_vjp
    def f(x):
        return np.sin(x) * np.prod(k)

    f.defvjp(
        lambda x: (f(x), x),
        lambda x, u: (scan(lambda c, a: (c * a, None), u * np.cos(x), k)[0],),
    )
    near(jvp(f, (0.3,), (2.0,)), (np.sin(0.3) * -1.0, -2 * np.cos(0.3)))
    near(grad(f)(0.3), -np.cos(0.3))

    @wengert.custom_jvp
    def g(x):
        return np.sin(x) * np.prod(k)

    @g.defjvp
    def rule(primals, tangents):
        x, dx = primals[0], tangents[0]
        step = lambda c, a: ((c[0] * a * np.cos(c[1]) / np.cos(c[1]), c[1] + a), None)
        return g(x), scan(step, (dx * np.cos(x), x), k)[0][0]

    near(grad(g)(0.3), -np.cos(0.3))
    near(grad(grad(g))(0.3), np.sin(0.3))


# --- what a derivative costs
def test_dead_parts_of_a_loop_are_struck_out() -> None:
    def f(x):
        step = lambda c, _: ((c[0] * x, np.cos(c[1])), np.sin(c[1]))
        return scan(step, (x, x), length=5)[0][0]

    (eqn,) = trace(f)(2.0).equations
    body: Program = eqn.params["body"]
    assert [e.primitive.name for e in body.equations] == ["multiply"]
    assert len(eqn.outputs) == 1


def test_data_gets_no_cotangents() -> None:
    """The reversed loop doesn't compute what nobody asked for."""
    program = trace(lambda w: grad(recurrent(scan))(w, X))(W)
    last = [e for e in program.equations if e.primitive.name == "loop"][-1]
    assert len(last.outputs) == last.params["carries"] == 2


def test_equal_bodies_are_one_object() -> None:
    f = lambda w: scan(lambda c, _: (c * w, None), 1.0, length=3)[0]
    bodies = [trace(grad(f))(2.0).equations[-1].params["body"] for _ in range(2)]
    assert bodies[0] is bodies[1]


def test_a_pullback_can_be_called_twice() -> None:
    _, pull = vjp(recurrent(scan), W, X)
    near(pull(2.0), tuple(2 * g for g in grad(recurrent(unrolled), (0, 1))(W, X)))
    near(pull(1.0), grad(recurrent(unrolled), (0, 1))(W, X))
    assert wengert.scan is scan
