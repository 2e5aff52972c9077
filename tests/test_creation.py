"""What a write inside a traced function leaves alone: the caller's arrays, what it refuses, and NumPy itself."""

import threading
from typing import Any

import numpy as np
import pytest
import scipy
from test_writes import M, X

import wengert
from wengert.errors import ConcreteError, UnsupportedError


# --- the caller's arrays
def test_a_transformation_leaves_the_arrays_of_the_caller_alone() -> None:
    def f(x: Any) -> Any:
        x += 1
        x[0] = 2 * x[1]
        return np.sum(x * x)

    plain = X.copy()
    f(plain)
    assert (plain != X).any()  # called plainly it's NumPy: it writes
    doors = (
        wengert.grad(f), wengert.value_and_grad(f), wengert.jit(f), wengert.jit(wengert.grad(f)), wengert.hessian(f), wengert.trace(f),
        lambda x: wengert.jvp(f, (x,), (x,)), lambda x: wengert.vjp(f, x)[1](1.0), lambda x: wengert.vmap(f)(x[None] * np.ones((2, 1))),
    )  # fmt: skip
    for door in doors:
        x = X.copy()
        for _ in range(2):
            door(x)
            np.testing.assert_array_equal(x, X)
    frozen = X.copy()
    frozen.flags.writeable = False
    np.testing.assert_allclose(wengert.grad(f)(frozen), wengert.grad(f)(X))


def test_one_array_passed_twice_is_two_arguments() -> None:
    def f(x: Any, y: Any) -> Any:
        x[0] = 5.0
        return np.sum(x * y)

    x = X.copy()
    gx, gy = wengert.grad(f, (0, 1))(x, x)
    np.testing.assert_allclose(gx, [0, *X[1:]])
    np.testing.assert_allclose(gy, [5, *X[1:]])
    np.testing.assert_array_equal(x, X)


def test_results_and_constants_stay_as_they_were() -> None:
    constant = np.arange(4.0)

    def f(x: Any) -> Any:
        z = np.array(constant)
        z += x
        w = constant.copy() * x
        w[0] = 7.0
        return z * w

    for door in (wengert.jit(f), lambda x: wengert.vjp(f, x)[0]):
        first = door(X)
        first += 100.0
        np.testing.assert_allclose(door(X), f(X))
        np.testing.assert_array_equal(constant, np.arange(4.0))


# --- errors
CAPTURED = np.zeros(4)


def captured(x: Any) -> Any:
    CAPTURED[0] = x[0]
    return CAPTURED


# fmt: off
ERRORS = {
    "a float into integers": (lambda x: np.zeros(4, int).__iadd__(x), (TypeError, UnsupportedError), ""),
    "a float into an integer": (lambda x: np.zeros(4, int).__setitem__(0, x[0]), (TypeError, UnsupportedError), "derivative"),
    "an array from outside": (captured, (ValueError, ConcreteError), ""),
    "out= from outside": (lambda x: np.add(x, 1, out=CAPTURED), UnsupportedError, "from outside"),
    "an in-place sum from outside": (lambda x: CAPTURED.__iadd__(x), UnsupportedError, "from outside"),
    "a slice from outside": (lambda x: CAPTURED.__setitem__(slice(None), x), (UnsupportedError, ConcreteError), ""),
    "add.at from outside": (lambda x: np.add.at(CAPTURED, [0], x[:1]), (UnsupportedError, ConcreteError), ""),
    "copyto from outside": (lambda x: np.copyto(CAPTURED, x), (UnsupportedError, ConcreteError), ""),
    "another shape": (lambda x: x.__setitem__(slice(1, 3), x), ValueError, "broadcast"),
    "another shape in place": (lambda x: x.__iadd__(np.ones((3, 4))), ValueError, "non-broadcastable output operand"),
    "out of range": (lambda x: x.__setitem__(4, 1.0), IndexError, "index 4 is out of bounds for axis 0 with size 4"),
    "out of range, in an array": (lambda x: x.__setitem__([0, -5], 1.0), IndexError, "index -5 is out of bounds for axis 0 with size 4"),
    "too many indices": (lambda x: x.__setitem__((0, 0), 1.0), IndexError, "too many indices"),
    "a mask of another shape": (lambda x: x.__setitem__(np.array([True, False]), 1.0), IndexError, "boolean index"),
    "a float as an index": (lambda x: x.__setitem__(1.0, 1.0), IndexError, "integer"),
    "an element of an element": (lambda x: x[0].__setitem__(0, 1.0), (IndexError, TypeError), ""),
    "a complex number into floats": (lambda x: x.__setitem__(0, 1j), (TypeError, UnsupportedError), ""),
    "an array that was made outside, in a loop": (lambda x: [CAPTURED.__setitem__(i, x[i]) for i in range(4)], (ValueError, ConcreteError), ""),
    "text": (lambda x: x.__setitem__(0, "a"), (ValueError, TypeError, UnsupportedError), ""),
}
# fmt: on


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("door", [wengert.grad, wengert.jit])
def test_what_is_refused(name: str, door: Any) -> None:
    call, kind, match = ERRORS[name]
    with pytest.raises(kind, match=match):
        door(lambda x: (call(x), np.sum(x))[1])(X)
    np.testing.assert_array_equal(CAPTURED, np.zeros(4))
    assert np.zeros is ZEROS


def test_a_broadcast_is_read_only() -> None:
    for view in (lambda x: np.broadcast_to(x, (2, 4)), lambda x: np.diagonal(np.outer(x, x))):

        def f(x: Any, view: Any = view) -> Any:
            view(x)[0] = 1.0
            return np.sum(x)

        with pytest.raises(ValueError, match="read-only"):
            f(X.copy())
        with pytest.raises((ValueError, UnsupportedError), match="read-only"):
            wengert.grad(f)(X)


# --- NumPy is itself again
ZEROS, ARRAY, R_, VECTORIZE = np.zeros, np.array, np.r_, np.vectorize


def original() -> bool:
    found: bool = (np.zeros, np.array, np.r_, np.vectorize) == (ZEROS, ARRAY, R_, VECTORIZE)
    return found


@pytest.mark.parametrize("door", [wengert.grad, wengert.jit, wengert.vmap, wengert.trace])
@pytest.mark.parametrize("problem", [KeyError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_numpy_is_itself_after_any_exception(door: Any, problem: Any) -> None:
    def f(x: Any) -> Any:
        np.zeros(3)[0] = np.sum(x)
        raise problem

    with pytest.raises(problem):
        door(f)(X)
    assert original()
    assert type(np.zeros(3)) is np.ndarray


def test_nested_traces() -> None:
    def inner(y: Any, a: Any) -> Any:
        z = np.zeros(4)
        z[1:] = y[:-1] * a
        z[0] = a
        return np.sum(z * z)

    def f(a: Any) -> Any:
        z = np.zeros(2)
        z[0] = np.sum(wengert.grad(inner)(X, a))
        z[1] = wengert.jit(inner)(X, a) + np.sum(wengert.vmap(inner, in_axes=(0, None))(M, a))
        assert not original()
        return z[0] * z[1]

    def plain(a: float) -> Any:
        first = 2 * a * a * np.sum(X[:-1])
        second = inner(X, a) + sum(inner(row, a) for row in M)
        return first * second

    assert wengert.value_and_grad(f)(0.7)[0] == pytest.approx(plain(0.7))
    want = (plain(0.7 + 1e-5) - plain(0.7 - 1e-5)) / 2e-5
    assert wengert.grad(f)(0.7) == pytest.approx(want, rel=1e-7)
    assert wengert.jit(wengert.grad(f))(0.7) == pytest.approx(want, rel=1e-7)
    with pytest.raises(ZeroDivisionError):
        wengert.grad(lambda a: f(a) + wengert.grad(lambda b: b * (1 // 0))(1.0))(0.7)
    assert original()


def test_another_thread_gets_plain_arrays() -> None:
    inside, done = threading.Event(), threading.Event()
    found: list[Any] = []

    def other() -> None:
        inside.wait(10)
        found.extend([np.zeros(3), np.array([1.0]), np.r_[1.0, 2.0], np.linspace(0, 1, 3)])
        found[0][0] = 5.0
        found.append(wengert.grad(lambda x: np.sum(np.array([x, x * x])))(2.0))
        done.set()

    def f(x: Any) -> Any:
        z = np.zeros(4)
        inside.set()
        assert done.wait(10)
        z[0] = x[0]  # the other thread's trace has ended, ours goes on
        y = np.zeros(4)
        y[1] = x[1]
        return np.sum(z * x + y)

    thread = threading.Thread(target=other)
    thread.start()
    g = wengert.grad(f)(X)
    thread.join()
    np.testing.assert_allclose(g, [2 * X[0], 1, 0, 0])
    assert all(type(a) is np.ndarray for a in found[:4])
    assert found[4] == 5.0
    assert original()


def test_many_threads_trace_at_once() -> None:
    wrong: list[Any] = []

    def f(x: Any) -> Any:
        z = np.zeros(4)
        for i in range(4):
            z[i] = x[i] * np.ones(2)[0]
        return np.sum(z * z)

    def work(k: int) -> None:
        for _ in range(20):
            if not np.allclose(wengert.grad(f)(X + k), 2 * (X + k)):
                wrong.append(k)
            if type(np.zeros(2)) is not np.ndarray:
                wrong.append("plain")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert original()


def test_libraries_make_plain_arrays() -> None:
    def f(x: Any) -> Any:
        n = np.linalg.norm(np.ones(3)) + np.median([3.0, 1.0, 2.0]) + np.cov(np.arange(6.0))
        q = scipy.linalg.solve(np.array([[2.0, 0.0], [0.0, 4.0]]), [1.0, 1.0])
        best = scipy.optimize.minimize(lambda t: np.sum((t - 1.5) ** 2), np.zeros(2)).x
        path = scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0], rtol=1e-8).y[0, -1]
        return np.sum(x) * (n + q[0] + best[0] + path + np.random.default_rng(0).random())

    np.testing.assert_allclose(wengert.grad(f)(X), np.full(4, f(X) / np.sum(X)), rtol=1e-9)
    np.testing.assert_allclose(wengert.jit(f)(X), f(X), rtol=1e-9)


def test_functions_without_a_rule_take_arrays_made_inside() -> None:
    def f(x: Any) -> Any:
        bits = np.unpackbits(np.packbits(np.arange(4.0) > 1))  # 0 0 1 1 0 0 0 0
        line = np.polyfit(np.arange(4.0), np.arange(4.0) * 2, 1)
        line[1] = x[0]  # a constant that was computed may be written to
        return np.sum(x) * line[0] * np.sum(bits) + line[1]

    np.testing.assert_allclose(wengert.grad(f)(X), [5.0, 4.0, 4.0, 4.0])
    np.testing.assert_allclose(wengert.jit(f)(X), 4 * np.sum(X) + X[0])


def test_arrays_made_like_a_stand_in_are_constants() -> None:
    def f(x: Any) -> Any:
        z = np.zeros(4, like=x)
        z[0] = x[1]
        return np.sum(z * x + np.full(4, 2.0, like=x) * np.eye(4, like=x)[0])

    np.testing.assert_allclose(wengert.grad(f)(X), [X[1], X[0], 0, 0])
    np.testing.assert_allclose(wengert.jit(f)(X), X[0] * X[1] + 2)


def test_random_numbers_are_plain_arrays() -> None:
    """Their generators are C code without a frame: a stand-in for memory would be the end."""
    rng = np.random.default_rng(0)
    draw = rng.uniform

    def f(x: Any) -> Any:
        noise = rng.normal(size=4) + draw(size=4) + rng.permutation(np.ones(4))
        made = next(map(np.zeros, [4]))
        made[0] = x[1]
        return np.sum((x + 0 * noise) * made)

    np.testing.assert_allclose(wengert.grad(f)(X), [X[1], X[0], 0, 0])
    np.testing.assert_allclose(wengert.jit(f)(X), X[0] * X[1])


def test_scipy_minimises_a_function_that_writes() -> None:
    def loss(x: Any) -> Any:
        r = np.zeros(4)
        r[:] = x
        r[1:] -= x[:-1]
        r -= np.arange(4.0)
        return np.sum(r * r)

    found = scipy.optimize.minimize(loss, np.zeros(4), jac=wengert.grad(loss))
    np.testing.assert_allclose(found.x, np.cumsum(np.arange(4.0)), atol=1e-4)


def test_a_generator_that_outlives_its_trace() -> None:
    def lines(x: Any) -> Any:
        z = np.zeros(2)
        z[0] = np.sum(x)
        yield z

    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(lines(x))
        return np.sum(next(kept[-1]))

    np.testing.assert_array_equal(wengert.grad(f)(X), np.ones(4))
    kept.clear()
    assert original()
