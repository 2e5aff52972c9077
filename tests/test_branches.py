"""Branches, loops that end by a test, what both refuse, and how control flow prints."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_control import X, near

from wengert import (
    cond,
    fori_loop,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    scan,
    switch,
    trace,
    vmap,
    while_loop,
)
from wengert.errors import (
    ConcreteError,
    DtypeError,
    InputError,
    NoDerivativeError,
    ShapeError,
    WengertError,
)  # fmt: skip
from wengert.ir.text import constants, parse

F = Callable[..., Any]


# --- fori_loop, while_loop
def test_fori_loop() -> None:
    f = lambda x: fori_loop(2, 6, lambda i, c: c * np.sin(x * i), 1.0)
    plain = lambda x: np.sin(x * 2) * np.sin(x * 3) * np.sin(x * 4) * np.sin(x * 5)
    near(
        (f(0.4), grad(f)(0.4), grad(grad(f))(0.4)),
        (plain(0.4), grad(plain)(0.4), grad(grad(plain))(0.4)),
    )
    near(fori_loop(5, 2, lambda i, c: c + 1, 7.0), 7.0)
    assert jit(lambda n: fori_loop(0, n, lambda i, c: c + i, 0))(5) == 10


def newton(a: Any, **options: Any) -> Any:
    return while_loop(
        lambda x: np.abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), 1.0 + 0 * a, **options
    )


def test_while_loop_forward() -> None:
    near(newton(2.0), np.sqrt(2.0))
    near(jvp(newton, (2.0,), (1.0,)), (np.sqrt(2), 0.5 / np.sqrt(2)))
    near(jit(newton)(2.0), np.sqrt(2.0))
    near(vmap(newton)(np.array([1.0, 2.0, 9.0])), np.array([1.0, np.sqrt(2), 3.0]))
    near(jacobian(jacobian(newton, mode="forward"), mode="forward")(2.0), -0.25 * 2**-1.5, 1e-8)


def test_while_loop_backward_needs_max_steps() -> None:
    bounded = lambda a: newton(a, max_steps=20)
    near(grad(bounded)(2.0), 0.5 / np.sqrt(2))
    near(jit(grad(bounded))(2.0), 0.5 / np.sqrt(2))
    near(grad(grad(bounded))(2.0), -0.25 * 2**-1.5, 1e-8)
    near(vmap(grad(bounded))(np.array([2.0, 9.0])), 0.5 / np.sqrt([2.0, 9.0]))
    with pytest.raises(
        NoDerivativeError, match=r"while_loop.* happened at .*test_branches.* Give it max_steps"
    ):
        grad(newton)(2.0)
    with pytest.raises(InputError, match="goes on after max_steps=2 steps"):
        newton(2.0, max_steps=2)


def test_a_program_with_a_while_loop_is_read_back() -> None:
    program = trace(newton)(2.0)
    again = parse(str(program), constants(program))
    assert str(again) == str(program)
    near(again(3.0), program(3.0))


# --- cond, switch
def choice(x: Any, y: Any) -> Any:
    return cond(x > y, lambda a, b: a * np.sin(b), lambda a, b: b / a + 1.0, x, y)


def plain_choice(x: Any, y: Any) -> Any:
    return x * np.sin(y) if x > y else y / x + 1.0


@pytest.mark.parametrize(("x", "y"), [(2.0, 1.0), (1.0, 2.0)])
def test_cond(x: float, y: float) -> None:
    near(choice(x, y), plain_choice(x, y))
    near(jit(choice)(x, y), plain_choice(x, y))
    for n in (0, 1):
        near(grad(choice, n)(x, y), grad(plain_choice, n)(x, y))
        near(jit(grad(choice, n))(x, y), grad(plain_choice, n)(x, y))
        near(hessian(choice, n)(x, y), hessian(plain_choice, n)(x, y))
        near(grad(grad(choice, n), n)(x, y), grad(grad(plain_choice, n), n)(x, y))
    near(jvp(choice, (x, y), (1.0, 3.0)), jvp(plain_choice, (x, y), (1.0, 3.0)))
    assert [e.primitive.name for e in trace(choice)(x, y).equations] == ["greater", "cond"]


def test_cond_under_vmap() -> None:
    x, y = np.array([2.0, 1.0, 3.0]), np.array([1.0, 2.0, 2.5])
    want = lambda f: np.array([f(a, b) for a, b in zip(x, y, strict=True)])
    near(vmap(choice)(x, y), want(plain_choice))
    near(vmap(grad(choice))(x, y), want(grad(plain_choice)))
    near(vmap(choice, (None, 0))(1.5, y), np.array([plain_choice(1.5, b) for b in y]))
    flag = lambda p, x: cond(p > 0, np.sin, np.cos, x)
    near(vmap(flag, (None, 0))(1.0, x), np.sin(x))


def test_only_the_branch_taken_is_run() -> None:
    f = lambda x: cond(x > 0, np.sqrt, lambda x: 0.0 * x, x)
    with np.errstate(all="raise"):
        assert (f(-1.0), grad(f)(-1.0)) == (0.0, 0.0)
        near(grad(f)(4.0), 0.25)
    with np.errstate(invalid="ignore", divide="ignore"):  # of a batch both are
        near(vmap(grad(f))(np.array([-1.0, 0.0, 4.0])), np.array([0.0, 0.0, 0.25]))


def test_branches_capture_and_convert() -> None:
    f = lambda x, k: cond(x > 1, lambda: {"y": x * k, "n": 1}, lambda: {"y": 0.0, "n": 0})
    near(f(2.0, 3.0), {"y": 6.0, "n": 1})
    near(grad(lambda x, k: f(x, k)["y"], (0, 1))(2.0, 3.0), (3.0, 2.0))
    near(grad(lambda x, k: f(x, k)["y"], (0, 1))(0.5, 3.0), (0.0, 0.0))
    assert jit(lambda x: cond(x > 1, lambda: x, lambda: 0))(np.float32(0.5)).dtype == "f4"


def test_switch() -> None:
    f = lambda i, x: switch(i, [np.sin, np.cos, np.exp], x)
    for i, want in ((-3, np.sin), (0, np.sin), (1, np.cos), (2, np.exp), (9, np.exp)):
        near((f(i, 0.5), jit(f)(i, 0.5)), (want(0.5), want(0.5)))
        near(grad(lambda x, i=i: f(i, x))(0.5), grad(want)(0.5))
    near(vmap(f, (0, None))(np.arange(3), 0.5), np.array([np.sin(0.5), np.cos(0.5), np.exp(0.5)]))


# --- what goes wrong is said
# fmt: off
MISTAKES = [
    (lambda: scan(lambda c, x: (c[:2], None), np.zeros(3), X), ShapeError, r"the state c as f64\[3\] and returned it as f64\[2\]"),
    (lambda: scan(lambda c, x: ({"a": c["a"] > 0}, None), {"a": np.zeros(3)}, X), DtypeError, r"the state c_?.*a.* as f64\[3\] and returned it as bool\[3\]"),
    (lambda: scan(lambda c, x: (c + x, None), np.int64(0), X[:, 0]), DtypeError, "as i64 and returned it as f64"),
    (lambda: scan(lambda c, x: (c + x, None), 0.0, X), ShapeError, r"as f64 and returned it as f64\[3\]"),
    (lambda: scan(lambda c, x: ((c, c), None), 0.0, X), ShapeError, r"a state built as \* and returned \(\*, \*\)"),
    (lambda: scan(lambda c, x: c, 0.0, X), InputError, "returned Tracer instead of a pair"),
    (lambda: scan(lambda c, x: (c, None), 0.0, (X, X[:2])), ShapeError, r"lengths \[2, 4\]"),
    (lambda: scan(lambda c, x: (c, None), 0.0, X, length=3), ShapeError, r"lengths \[3, 4\]"),
    (lambda: scan(lambda c, x: (c, None), 0.0), ShapeError, "neither xs nor a length"),
    (lambda: scan(lambda c, x: (c, None), 0.0, [1.0, 2.0]), ShapeError, "a number, into steps"),
    (lambda: scan(lambda c, x: (c if c > 0 else -c, None), 0.0, X), ConcreteError, "cond"),
    (lambda: while_loop(lambda c: c > 0, lambda c: c[0], np.ones(2)), ShapeError, r"while_loop .*f64\[2\] and returned it as f64"),
    (lambda: while_loop(lambda c: c > 0, lambda c: c, np.ones(2)), ShapeError, "one truth value"),
    (lambda: jit(lambda x: cond(x > 0, lambda: x, lambda: x > 0))(np.float64(1)), DtypeError, "return f64 and bool as result 1"),
    (lambda: jit(lambda x: cond(x > 0, lambda: X, lambda: x))(1.0), ShapeError, r"return f64\[4, 3\] and f64"),
    (lambda: jit(lambda x: cond(x > 0, lambda: (x, x), lambda: x))(1.0), ShapeError, r"return \(\*, \*\) and \*"),
    (lambda: cond(X > 0, np.sin, np.cos, X), ShapeError, r"shape \(4, 3\)"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "says"), MISTAKES)
def test_three_sentences(call: F, error: type[WengertError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        call()
    assert "This happened at " in str(caught.value)
    assert "test_branches.py" in str(caught.value)


# --- goldens
def recurrence(r: Any, x: Any) -> Any:
    """The logistic map, twenty steps."""

    def logistic(x, _):
        x = r * x * (1 - x)
        return x, x

    return np.mean(scan(logistic, x, length=20)[1])


def test_golden(golden: F) -> None:
    golden(trace(recurrence)(3.7, 0.2), "loops/recurrence")
    golden(trace(grad(recurrence))(3.7, 0.2), "loops/recurrence_grad")
    golden(trace(newton)(2.0), "loops/newton")
    golden(trace(choice)(2.0, 1.0), "loops/choice")
