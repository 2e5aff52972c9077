"""The doors: what grad, jvp, vjp, jacobian, hessian, linearize, vmap and jit take, give and refuse."""

import inspect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert
from wengert import (
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    linearize,
    tree,
    value_and_grad,
    vjp,
    vmap,
)
from wengert.errors import (
    ConcreteError,
    DtypeError,
    InputError,
    LeakError,
    NoDerivativeError,
    ShapeError,
    UnsupportedError,
    WengertError,
)  # fmt: skip

X = np.array([1.0, 2.0, 3.0])
W = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])


def near(got: Any, want: Any, tol: float = 1e-12) -> None:
    ours, theirs = tree.flatten(got), tree.flatten(want)
    assert ours[1] == theirs[1]
    for g, w in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(g, w, rtol=tol, atol=tol)


# --- which arguments
def loss(w: Any, b: Any, x: Any = 2.0) -> Any:
    return np.sum(w * w) * b + x * b


@pytest.mark.parametrize(
    ("argnums", "want"),
    [
        (0, 6 * X), (1, 16.0), ((0, 1), (6 * X, 16.0)), ((1, 0), (16.0, 6 * X)), (-1, 3.0), ("w", 6 * X), ("b", 16.0), ((0, "b"), (6 * X, 16.0)),
        (("b", "w"), (16.0, 6 * X)), ((), ()),
    ],
)  # fmt: skip
def test_argnums(argnums: Any, want: Any) -> None:
    near(grad(loss, argnums)(X, 3.0, 2.0), want)


def test_argnums_by_keyword() -> None:
    near(grad(loss, "x")(X, 3.0, x=2.0), 3.0)
    near(grad(loss, ("w", "b"))(b=3.0, w=X), (6 * X, 16.0))
    near(grad(loss)(X, b=3.0), 6 * X)


@pytest.mark.parametrize("argnums", [3, -4, "nothing", "x"])
def test_argnums_that_are_not_there(argnums: Any) -> None:
    with pytest.raises(InputError, match="argnums"):
        grad(loss, argnums)(X, 3.0)


def test_auxiliary_results() -> None:
    def f(w: Any) -> Any:
        y = w * w
        return np.sum(y), {"y": y, "text": "kept", "n": 3}

    (value, aux), g = value_and_grad(f, has_aux=True)(X)
    assert (value, aux["text"], aux["n"]) == (14.0, "kept", 3)
    near((aux["y"], g), (X * X, 2 * X))
    g, aux = grad(f, has_aux=True)(X)
    assert type(aux["y"]) is np.ndarray
    near(g, 2 * X)


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass
class Layer:
    W: Any
    b: Any
    name: str = tree.static(default="layer")


@pytest.mark.parametrize(
    "argument",
    [
        {"b": 1.0, "a": [X, (W, 2.0)]}, [X, W], (X, (W,)), Point(X, {"z": W}), Layer(W, X), [Layer(W, X), Point(X, 1.0)], {}, [], 3.0, {"x": {"y": {"z": X}}},
    ],
)  # fmt: skip
def test_trees(argument: Any) -> None:
    def f(p: Any) -> Any:
        return sum((np.sum(x * x) for x in tree.flatten(p)[0]), start=0.0)

    gradient = grad(f)(argument)
    assert tree.flatten(gradient)[1] == tree.flatten(argument)[1]
    near(gradient, tree.map(lambda x: 2 * x, argument))
    near(jit(grad(f))(argument), gradient)


# --- derivatives of derivatives
@pytest.mark.parametrize("order", range(6))
def test_nested_grad(order: int) -> None:
    f, derivatives = np.sin, [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)]
    for _ in range(order):
        f = grad(f)
    assert f(0.3) == pytest.approx(derivatives[order % 4](0.3), abs=1e-15)


def forward(f: Any) -> Any:
    return lambda x: jvp(f, (x,), (1.0,))[1]


def reverse(f: Any) -> Any:
    return lambda x: vjp(f, x)[1](1.0)[0]


MODES = {
    "grad": grad,
    "jvp": forward,
    "vjp": reverse,
    "jacobian": jacobian,
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
}


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("middle", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_any_mode_in_any_mode_in_any_mode(inner: str, middle: str, outer: str) -> None:
    f = MODES[outer](MODES[middle](MODES[inner](lambda x: np.exp(2 * x) * np.sin(x))))
    assert f(0.4) == pytest.approx(np.exp(0.8) * (2 * np.sin(0.4) + 11 * np.cos(0.4)), rel=1e-12)


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
class TestPerturbationsAreNotConfused:
    """The known traps: an inner derivative must not see the outer variable's perturbation."""

    def d(self, inner: str, outer: str) -> tuple[Any, Any]:
        return MODES[inner], MODES[outer]

    def test_siskind_pearlmutter(self, inner: str, outer: str) -> None:
        i, o = self.d(inner, outer)
        assert o(lambda x: x * i(lambda y: x + y)(1.0))(1.0) == 1.0

    def test_product(self, inner: str, outer: str) -> None:
        i, o = self.d(inner, outer)
        assert o(lambda x: x * i(lambda y: x * y)(2.0))(3.0) == 6.0

    def test_same_point(self, inner: str, outer: str) -> None:
        i, o = self.d(inner, outer)
        assert o(lambda x: i(lambda y: x * x * y)(x))(3.0) == 6.0

    def test_point_is_perturbed(self, inner: str, outer: str) -> None:
        i, o = self.d(inner, outer)
        assert o(lambda x: i(lambda y: x * y * y)(x * x))(2.0) == pytest.approx(6 * 4.0)

    def test_closure_returned(self, inner: str, outer: str) -> None:
        """Amazing bug of Manzyuk et al.: a derivative of a function that returns a function."""
        i, o = self.d(inner, outer)

        def shift(h: Any) -> Any:
            return lambda f: lambda x: f(x + h)

        g = o(lambda h: shift(h)(lambda x: i(np.sin)(x))(1.0))
        assert g(0.5) == pytest.approx(-np.sin(1.5))

    def test_three_levels(self, inner: str, outer: str) -> None:
        i, o = self.d(inner, outer)
        f = o(lambda x: i(lambda y: x * grad(lambda z: x * y * z)(y))(x))
        assert f(2.0) == pytest.approx(3 * 4.0 - 0.0 - 0.0, rel=1)  # d/dx (x * d/dy (x y)) ...
        assert f(2.0) == pytest.approx(4.0)


def test_vjp_of_vjp_of_vjp() -> None:
    f = np.exp
    for _ in range(3):
        f = reverse(f)
    assert f(0.1) == pytest.approx(np.exp(0.1))


def test_jvp_in_grad_in_jvp() -> None:
    def f(x: Any) -> Any:
        return jvp(lambda y: np.sum(y**3 * x), (x,), (np.ones(3),))[1]

    g = grad(f)
    y, dy = jvp(g, (X,), (np.array([1.0, 0.0, 0.0]),))
    near((y, dy), (9 * X**2, np.array([18.0, 0.0, 0.0])))


# --- Jacobians and Hessians
def system(x: Any) -> Any:
    return np.stack([x[0] * x[1], np.sin(x[2]), np.sum(x * x), x[0] - x[2]])


def test_jacobian_modes_agree() -> None:
    want = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, np.cos(3.0)], [2.0, 4.0, 6.0], [1.0, 0.0, -1.0]])
    for mode in ("auto", "forward", "reverse"):
        near(jacobian(system, mode=mode)(X), want)
        near(jit(jacobian(system, mode=mode))(X), want)
    with pytest.raises(InputError, match="mode"):
        jacobian(system, mode="sideways")


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobian_of_trees(mode: str) -> None:
    def f(p: Any, q: Any) -> Any:
        return {"u": p["W"] @ q, "v": np.sum(q)}

    rows = jacobian(f, (0, 1), mode)({"W": W}, X[:2])
    assert (
        rows["u"][0]["W"].shape,
        rows["u"][1].shape,
        rows["v"][0]["W"].shape,
        rows["v"][1].shape,
    ) == ((3, 3, 2), (3, 2), (3, 2), (2,))
    near(rows["u"][1], W)
    near(rows["u"][0]["W"], np.einsum("ik,j->ikj", np.eye(3), X[:2]))
    near((rows["v"][0]["W"], rows["v"][1]), (np.zeros((3, 2)), np.ones(2)))


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3)])
def test_jacobian_of_any_shape(shape: Any) -> None:
    x = np.ones(shape)
    for mode in ("forward", "reverse", "auto"):
        assert jacobian(np.sin, mode=mode)(x).shape == shape + shape
    assert hessian(lambda x: np.sum(x**3))(x).shape == shape + shape


def test_hessian_and_hvp() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(np.exp(x)) * np.prod(y) + x @ x

    H = hessian(f)(X, X)
    near(H, np.diag(np.exp(X)) * 6 + 2 * np.eye(3))
    near(hvp(lambda x: f(x, X), (X,), (X,)), H @ X)
    blocks = hessian(f, (0, 1))(X, X)
    near(blocks[0][1], np.outer(np.exp(X), 6 / X))
    near(blocks[1][0], blocks[0][1].T)
    both = hvp(f, (X, X), (X, 2 * X))
    near(both[0], blocks[0][0] @ X + blocks[0][1] @ (2 * X), 1e-11)
    near(both[1], blocks[1][0] @ X + blocks[1][1] @ (2 * X), 1e-11)


def test_linearize_runs_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sin(x) * 2

    y, push = linearize(f, X)
    near((y, push(X), push(np.ones(3))), (2 * np.sin(X), 2 * np.cos(X) * X, 2 * np.cos(X)))
    assert len(calls) == 1


def test_stop_gradient() -> None:
    assert grad(lambda x: x * wengert.stop_gradient(x * x))(3.0) == 9.0
    assert grad(grad(lambda x: x**2 * wengert.stop_gradient(x)))(3.0) == 6.0
    assert jvp(lambda x: wengert.stop_gradient({"a": x})["a"] + x, (2.0,), (1.0,)) == (4.0, 1.0)


# --- complex numbers
def test_complex_conventions() -> None:
    z = 1 + 2j
    assert grad(lambda z: np.abs(z) ** 2)(z) == pytest.approx(
        2 + 4j
    )  # uphill, as torch; jax gives 2-4j
    assert grad(lambda z: np.real(z * np.conj(z)))(z) == 2 + 4j
    assert grad(lambda z: np.real(z))(z) == 1
    assert grad(lambda z: np.imag(z))(z) == 1j
    assert jvp(lambda z: z * z, (z,), (1j,)) == (z * z, 2 * z * 1j)
    pull = vjp(lambda z: z * z, z)[1]
    assert pull(1 + 0j)[0] == np.conj(2 * z)
    near(jacobian(lambda z: z**3)(np.array([z])), np.array([[3 * z**2]]))
    assert grad(lambda x: np.real((x + 1j) ** 2 * 1j))(3.0) == pytest.approx(
        -2.0
    )  # real in, real out
    with pytest.raises(TypeError, match="complex128"):
        grad(lambda z: z * z)(z)


CUTS = [1.5, -1.5, 1.5j, -1.5j, 0.5, 0.5j, complex(1.5, -0.0), complex(-1.5, -0.0),
        complex(-0.0, 1.5), complex(-0.0, -1.5), complex(-0.5, -0.0), 0.3 - 0.7j]  # fmt: skip


@pytest.mark.parametrize(
    "f",
    [np.arccos, np.arcsin, np.arctanh, np.arccosh, np.arctan, np.arcsinh, np.log, np.sqrt, np.log1p,
     lambda z: z**0.7],
)  # fmt: skip
@pytest.mark.parametrize("z", CUTS)
def test_branch_cuts(f: Any, z: complex) -> None:
    """On a cut the derivative is that of the side on which NumPy's value lies: along the cut."""
    z, h = np.complex128(z), 1e-6

    def at(t: float) -> Any:  # the part that is zero keeps its sign
        moved = complex(z.real + t, z.imag) if z.imag == 0 else complex(z.real, z.imag + t)
        return f(np.complex128(moved))

    want = (at(h) - at(-h)) / (2 * h) / (1 if z.imag == 0 else 1j)
    slope = lambda z: wengert.jvp(f, (z,), (np.complex128(1),))[1]
    for found in (slope(z), wengert.jit(slope)(z)):
        np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-9)


def test_descent_on_complex_numbers() -> None:
    z, goal = 3 - 2j, 1 + 1j
    for _ in range(100):
        z = z - 0.1 * grad(lambda z: np.abs(z - goal) ** 2)(z)
    assert z == pytest.approx(goal)


# --- mapping
def test_vmap_axes() -> None:
    m = np.arange(6.0).reshape(2, 3)
    near(vmap(np.sin)(m), np.sin(m))
    near(vmap(lambda x, y: x @ y, in_axes=(1, None))(m, m[:, 0]), m.T @ m[:, 0])
    near(vmap(lambda x: x * 2, in_axes=1, out_axes=1)(m), m * 2)
    near(vmap(lambda x: x * 2, in_axes=-1, out_axes=-1)(m), m * 2)
    near(vmap(lambda x: (x, np.sum(x)), out_axes=(1, 0))(m), (m.T, m.sum(1)))
    near(
        vmap(lambda p, b: p["W"] @ b, in_axes=({"W": 0}, None))({"W": np.stack([m, 2 * m])}, X),
        np.stack([m @ X, 2 * m @ X]),
    )
    near(vmap(lambda p: p[0] * p[1]["a"], in_axes=((0, None),))((m, {"a": 2.0})), m * 2)
    near(vmap(lambda x, *, k: x * k)(m, k=np.array([1.0, 2.0])), m * [[1.0], [2.0]])
    near(vmap(vmap(lambda x, y: x * y, in_axes=(None, 0)), in_axes=(0, None))(X, X), np.outer(X, X))


def test_vmap_and_derivatives() -> None:
    m = np.arange(6.0).reshape(2, 3) / 3
    f = lambda x: np.sum(np.sin(x) * x[::-1])
    near(vmap(grad(f))(m), np.stack([grad(f)(x) for x in m]))
    near(vmap(hessian(f))(m), np.stack([hessian(f)(x) for x in m]))
    near(grad(lambda m: np.sum(vmap(f)(m)))(m), np.stack([grad(f)(x) for x in m]))
    near(jit(vmap(grad(f)))(m), vmap(jit(grad(f)))(m))
    near(
        vmap(lambda v: jvp(f, (m[0],), (v,))[1])(m), np.stack([jvp(f, (m[0],), (v,))[1] for v in m])
    )


@pytest.mark.parametrize(
    ("arguments", "axes"), [((np.ones(2), np.ones(3)), 0), ((np.ones(2), 1.0), 0), ((np.ones(2), np.ones(2)), None), ((np.ones(2), np.ones((2, 3))), 1)]
)  # fmt: skip
def test_vmap_refuses(arguments: Any, axes: Any) -> None:
    with pytest.raises(ShapeError, match="vmap"):
        vmap(lambda x, y: x + y, in_axes=axes)(*arguments)


def test_vmap_of_a_constant() -> None:
    near(vmap(lambda x: 1.5)(X), np.full(3, 1.5))


# --- what is refused, and how
def sentences(error: BaseException) -> bool:
    return isinstance(error, WengertError) and str(error).count(". ") >= 2


@pytest.mark.parametrize(
    ("argument", "error", "words"),
    [
        (3, TypeError, "int64"), (np.arange(3), TypeError, "int64"), (True, TypeError, "bool"), (np.array([True]), TypeError, "bool"),
        (None, TypeError, "None"), ("text", TypeError, "text"), (b"bytes", TypeError, "bytes"), (np.array(["a"]), TypeError, "<U1"),
        (np.array([1.0, None]), TypeError, "object"), (np.ma.masked_array([1.0, 2.0], [True, False]), TypeError, "mask"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "datetime64"), ([1.0, 2], TypeError, "int64"), ({"a": {"b": 3}}, TypeError, "a"), (np.sin, TypeError, "static"),
        (np.zeros(2, [("a", "f8")]), TypeError, "f8"), ({1, 2}, TypeError, "object"), (object(), TypeError, "object"),
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_arguments_that_have_no_derivative(argument: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        grad(lambda x: 1.0)(argument)
    assert sentences(caught.value)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: x, r"\(3,\).*jacobian"), (lambda x: x[None], r"\(1, 3\).*jacobian"), (lambda x: (x[0], x[1]), "tuple"), (lambda x: None, "NoneType"), (lambda x: "text", "str"),
        (lambda x: {"a": x[0]}, "dict"), (lambda x: x[0] * 1j, "complex128"),
    ],
)  # fmt: skip
def test_results_that_are_no_number(result: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        grad(result)(X)
    assert sentences(caught.value)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        grad(lambda x: np.sum(x + np.ones(2)))(X)
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(3,\)"):
        grad(lambda x: np.sum(x @ X))(W)
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        jvp(np.sin, (X,), (X[:2],))
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        vjp(np.sin, X)[1](X[:2])
    with pytest.raises(ValueError, match="structure"):
        jvp(np.sin, (X,), (X, X))
    with pytest.raises(ValueError, match="structure"):
        vjp(lambda x: (x, x), X)[1](X)
    for call in (
        lambda x: x.reshape(2, 2),
        lambda x: np.concatenate([x, W]),
        lambda x: x[None] @ X[:2],
        lambda x: np.stack([x, X[:2]]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - NumPy's own words
            jit(call)(X)
    for index in (3, -4, [0, 3], (0, 0)):
        with pytest.raises(IndexError):
            grad(lambda x, index=index: np.sum(x[index]))(X)


def test_a_number_too_large() -> None:
    with pytest.raises(OverflowError):
        grad(lambda x: x * 10**400)(1.0)


def test_what_has_no_derivative_says_so() -> None:
    with pytest.raises(UnsupportedError, match=r"np\.packbits"):
        grad(lambda x: np.sum(np.packbits(x)))(X)

    outside = np.zeros(3)
    with pytest.raises(UnsupportedError, match="from outside"):
        grad(lambda x: np.sum(np.sin(x, out=outside)))(X)
    assert not outside.any()
    assert issubclass(NoDerivativeError, TypeError)
    assert issubclass(DtypeError, TypeError)


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_if_in_a_loop_body_names_this_line() -> None:
    where = []

    def f(x: Any) -> Any:
        where.append(line() + 1)
        if x > 0:
            return x
        return -x

    with pytest.raises(ConcreteError) as caught:
        jit(lambda x: wengert.fori_loop(0, 3, lambda i, c: f(c), x))(1.0)
    assert f"{__file__}:{where[0]}, in f" in str(caught.value)
    assert "np.where" in str(caught.value)
    assert sentences(caught.value)


@pytest.mark.parametrize(
    "asks", [float, np.asarray, np.array, lambda x: np.float64(x), lambda x: X.dot(x), lambda x: X.__iadd__(x)]
)  # fmt: skip
def test_no_derivative_is_lost_under_jit(asks: Any) -> None:
    with pytest.raises((WengertError, TypeError)) as caught:
        jit(lambda x: asks(x) and x)(2.0)
    if isinstance(caught.value, WengertError):
        assert __file__ in str(caught.value)


def test_values_are_known_under_grad() -> None:
    def f(x: Any) -> Any:
        if x > 1 and float(x) == 2.0 and bool(x) and int(x) == 2:
            while x < 10:
                x = x * x
        return x * X[2]

    assert grad(f)(2.0) == 3 * 4 * 2.0**3
    assert grad(grad(lambda x: x**3 if x > 0 else x))(2.0) == 12.0
    assert vmap(lambda n: n * 2)(X)[0] == 2.0


def test_nothing_is_converted_silently() -> None:
    for call in (
        X.dot,
        np.float64,
        lambda x: X.__setitem__(slice(None), x),
        np.asarray,
    ):  # NumPy's own, from before the trace
        with pytest.raises(TypeError):
            grad(lambda x, call=call: np.sum(call(x) * x))(X)
    for call in (lambda x: np.asarray(x), lambda x: np.array(x), lambda x: np.array([x, x])[0]):
        gradient = grad(lambda x, call=call: np.sum(call(x) * x))(X)
        np.testing.assert_array_equal(gradient, 2 * X)


def test_a_stand_in_that_leaked() -> None:
    kept = []
    grad(lambda x: kept.append(x) or np.sum(x))(X)
    with pytest.raises(LeakError, match="after its function returned"):
        kept[0] + 1
    jit(lambda x: kept.append(x) or np.sum(x))(X)
    with pytest.raises(LeakError):
        np.sin(kept[1])
    with pytest.raises(LeakError):
        grad(lambda x: x * kept[0][0])(1.0)


def test_a_function_that_raises_leaves_no_trace() -> None:
    with pytest.raises(KeyError):
        grad(lambda x: {}[x])(1.0)
    assert grad(np.sin)(0.0) == 1.0


# --- constant functions, unused arguments
def test_what_does_not_depend_is_zero() -> None:
    near(grad(lambda x: 1.0)(X), np.zeros(3))
    near(grad(lambda x: np.float64(2.0))(X), np.zeros(3))
    near(grad(lambda x, y: np.sum(y), (0, 1))(X, X), (np.zeros(3), np.ones(3)))
    near(grad(lambda p: p["a"])({"a": 1.0, "b": X}), {"a": 1.0, "b": np.zeros(3)})
    near(jvp(lambda x: np.ones(2), (X,), (X,)), (np.ones(2), np.zeros(2)))
    near(vjp(lambda x: np.ones(2), X)[1](np.ones(2)), (np.zeros(3),))
    near(jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))
    near(hessian(lambda x: np.sum(x))(X), np.zeros((3, 3)))
    near(hessian(lambda x: 1.0)(X), np.zeros((3, 3)))
    near(grad(lambda x: np.sum(np.floor(x) + np.sign(x) + (x > 1)))(X), np.zeros(3))
    assert grad(lambda x: 3)(2.0) == 0.0
    assert jit(lambda x: 3)(2.0) == 3
    assert jit(lambda x: {"a": None, "b": "text", "c": x})(2.0) == {
        "a": None,
        "b": "text",
        "c": 2.0,
    }


# --- arrays of every kind
@pytest.mark.parametrize(
    "x",
    [X[::-1], np.asfortranarray(W), W.T, X.astype(">f8"), np.broadcast_to(2.0, (3,)), np.lib.stride_tricks.sliding_window_view(X, 2), X.astype("f4"), W[::2, ::-1], np.zeros((0, 3)), np.array(2.0), np.longdouble(2.0), X.astype("f2")],
    ids=lambda x: f"{x.dtype.str}{x.shape}{x.strides}",
)  # fmt: skip
def test_arrays_of_every_kind(x: Any) -> None:
    if isinstance(x, np.ndarray):
        x.flags.writeable = False
    before = np.array(x)
    for f in (grad(lambda x: np.sum(x * x)), jit(grad(lambda x: np.sum(x * x)))):
        g = f(x)
        assert g.dtype == x.dtype.newbyteorder("=")
        np.testing.assert_array_equal(np.asarray(g), 2 * before)
        np.testing.assert_array_equal(x, before)


# fmt: off
RETURNS = {
    "x": lambda x: x, "part": lambda x: x[1:], "transpose": lambda x: x.T, "reshape": lambda x: x.reshape(1, 3), "twice": lambda x: (x, x), "back": lambda x: x[None][0],
    "broadcast": lambda x: np.broadcast_to(x, (2, 3)), "sum": lambda x: x + 0, "equals": lambda x: [x * 2, x * 2], "real": lambda x: np.real(x), "constant": lambda x: CONSTANT,
    "element": lambda x: x[0], "product": lambda x: x * CONSTANT, "stopped": wengert.stop_gradient,
}
DOORS = {
    "jit": jit, "jvp": lambda f: lambda x: jvp(f, (x,), (x,)), "vjp": lambda f: lambda x: vjp(f, x)[0], "linearize": lambda f: lambda x: linearize(f, x)[0],
    "pullback": lambda f: lambda x: vjp(lambda x: [f(x)], x)[1](tree.map(np.ones_like, [f(x)])), "vmap": lambda f: lambda x: vmap(f)(x[None]), "jacobian": lambda f: jacobian(f), "value_and_grad": lambda f: value_and_grad(lambda x: (np.sum(x), f(x)), has_aux=True),
}
# fmt: on
CONSTANT = np.array([5.0, 6.0, 7.0])


@pytest.mark.parametrize("name", RETURNS)
@pytest.mark.parametrize("door", DOORS)
def test_results_own_their_memory(name: str, door: str) -> None:
    """Whoever writes into a result changes no argument, no constant and no other result."""
    x, kept = X.copy(), CONSTANT.copy()
    function = DOORS[door](RETURNS[name])
    try:
        arrays = [y for y in tree.flatten(function(x))[0] if isinstance(y, np.ndarray)]
        for i, y in enumerate(arrays):
            others = arrays[:i] + arrays[i + 1 :]
            before = [np.array(z) for z in others]
            y += 100.0
            for z, old in zip(others, before, strict=True):
                np.testing.assert_array_equal(z, old)
        np.testing.assert_array_equal(x, X)
        np.testing.assert_array_equal(CONSTANT, kept)
        again = tree.flatten(function(x))[0]
        for a, b in zip(again, tree.flatten(DOORS[door](RETURNS[name])(X))[0], strict=True):
            np.testing.assert_array_equal(a, b)
    finally:
        CONSTANT[:] = kept


def test_large_inputs_are_not_written_into() -> None:
    x = np.full(100_000, 2.0)
    for f in (
        lambda x: x * 2 + 1,
        lambda x: np.exp(x) * x - x,
        lambda x: (x + x.reshape(-1)) * 3,
        lambda x: x[::-1] * x,
        lambda x: np.sin(np.broadcast_to(x, (2, 100_000))) + 1,
    ):
        y = jit(f)(x)
        assert (x == 2.0).all()
        np.testing.assert_allclose(y, f(x))
        g = jit(grad(lambda x, f=f: np.sum(f(x))))(x)
        assert (x == 2.0).all()
        np.testing.assert_allclose(g, grad(lambda x, f=f: np.sum(f(x)))(x))


def test_a_gradient_may_be_written_to() -> None:
    x = X.copy()
    g = grad(lambda x: np.sum(x))(x)
    g += 1
    g = grad(lambda x: np.sum(x[1:]) + np.sum(x @ np.ones(3)))(x)
    g *= 2
    np.testing.assert_array_equal(x, X)


# --- dtypes
@pytest.mark.parametrize(
    ("argument", "f", "kind"),
    [
        (2.0, lambda x: x * x, "f8"), (np.float32(2), lambda x: x * x, "f4"), (np.float32(2), lambda x: 2.5 * x + 1, "f4"), (np.float32(2), lambda x: x * np.float64(2), "f4"),
        (np.ones(3, "f4"), lambda x: np.sum(np.sin(x) * 2.0), "f4"), (np.ones(3, "f4"), lambda x: np.mean(x) ** 2, "f4"), (np.ones(3, "f4"), lambda x: np.sum(x * np.ones(3)), "f4"),
        (np.ones(3, "f4"), lambda x: np.sum(np.maximum(x, 0)), "f4"), (np.ones(3, "f4"), lambda x: np.sum(np.where(x > 0, x, 0)), "f4"), (np.ones((2, 2), "f4"), lambda x: np.sum(x @ x), "f4"),
        (np.ones(3, "f4"), lambda x: np.std(x + np.arange(3, dtype="f4")), "f4"), (np.float16(2), lambda x: x * x, "f2"), (1j, lambda z: np.abs(z), "c16"), (np.complex64(1j), lambda z: np.abs(z), "c8"),
        (np.ones(3, "f4"), lambda x: np.sum(x.astype(float) ** 2), "f4"), (np.ones(3, "f4"), lambda x: np.sum(x * np.arange(3)), "f4"), (np.ones(3, "f4"), lambda x: np.linalg.norm(x), "f4"),
    ],
)  # fmt: skip
def test_gradients_have_the_arguments_dtype(argument: Any, f: Any, kind: str) -> None:
    for g in (grad(f)(argument), jit(grad(f))(argument)):
        assert g.dtype == kind
        assert type(g) is (np.dtype(kind).type if np.ndim(argument) == 0 else np.ndarray)
    value = value_and_grad(f)(argument)[0]
    assert value.dtype == np.asarray(f(argument)).dtype
    if np.dtype(kind).kind == "f":
        one = np.ones_like(argument)
        assert jvp(f, (argument,), (one,))[1].dtype == value.dtype


def test_python_numbers_are_weak() -> None:
    """NEP 50: a Python float takes the array's precision, a NumPy scalar doesn't."""
    x = np.ones(2, "f4")
    for f in (
        lambda a: x * a,
        lambda a: x * (2 * a),
        lambda a: x + np.float32(2) * a,
        lambda a: np.sin(x) * -a,
        lambda a: x**2 / a,
    ):
        assert jit(f)(2.0).dtype == f(2.0).dtype == np.float32
        assert jvp(f, (2.0,), (1.0,))[0].dtype == np.float32
        assert jit(f)(np.float64(2)).dtype == f(np.float64(2)).dtype == np.float64
    i = np.ones(2, "i4")
    for g in (lambda n: i * n, lambda n: n + i, lambda n: i // n, lambda n: i**n):
        assert jit(g)(2).dtype == g(2).dtype == np.int32
    assert type(grad(lambda x: x * x)(3.0)) is np.float64
    assert type(jit(lambda x: x * x)(3)) is np.int64
    assert type(jit(lambda x: x > 2)(3)) is np.bool


# --- jit's cache
def test_jit_traces_once_for_each_kind_of_argument() -> None:
    traced = []

    @jit
    def f(x: Any, n: Any = 2) -> Any:
        traced.append((x.shape, x.dtype))
        return x * n

    for x in (X, X + 1, X.astype("f4"), W, 2.0, np.float64(2), X):
        np.testing.assert_array_equal(f(x), x * 2)
    assert len(traced) == 4  # where all is float64, 2.0 and np.float64(2) mean the same
    assert f(X, n=3)[0] == 3.0


def test_jit_static_arguments() -> None:
    @jit
    def kept(x: Any, how: str) -> Any:
        return np.sum(x) if how == "sum" else np.prod(x)

    assert (kept(X, "sum"), kept(X, "prod")) == (6.0, 6.0)
    power = jit(lambda x, n: sum((x**i for i in range(n)), start=0.0), static_argnums=1)
    assert (power(2.0, 3), power(2.0, 4)) == (7.0, 15.0)
    named = jit(lambda x, n=2: x * range(n)[-1], static_argnames="n")
    assert (named(2.0), named(2.0, n=5)) == (2.0, 8.0)


def test_jit_closures_and_nesting() -> None:
    def f(a: Any) -> Any:
        inner = jit(lambda x: np.sum(x * a))
        return inner(X) + inner(2 * X)

    assert grad(f)(2.0) == 18.0
    assert jit(f)(2.0) == 36.0
    assert grad(jit(f))(2.0) == 18.0
    assert grad(grad(jit(lambda x: x**3)))(2.0) == 12.0
    near(jit(jit(np.sin))(X), np.sin(X))
    near(vmap(jit(lambda x: x * X))(X), np.outer(X, X))


def test_methods_may_be_jitted() -> None:
    class Model:
        def __init__(self) -> None:
            self.w = 3.0

        @jit
        def call(self, x: Any) -> Any:
            return self.w * x

    assert Model().call(2.0) == 6.0


# --- threads
def test_threads() -> None:
    def f(x: Any, k: Any) -> Any:
        return np.sum(np.sin(k * x) * grad(lambda y: y * np.sum(x))(k))

    fast = jit(grad(f))
    arguments = [(X * n, float(n)) for n in range(1, 33)]
    want = [grad(f)(*a) for a in arguments]
    with ThreadPoolExecutor(8) as pool:
        for door in (grad(f), fast):
            for got, w in zip(
                pool.map(lambda a, door=door: door(*a), arguments * 4), want * 4, strict=True
            ):
                near(got, w)


# --- rules of one's own
def test_custom_rules() -> None:
    @wengert.custom_vjp
    def clipped(x: Any) -> Any:
        return x * x

    clipped.defvjp(lambda x: (x * x, x), lambda x, u: (np.clip(2 * x * u, -1, 1),))
    near(grad(lambda x: np.sum(clipped(x)))(np.array([0.1, 5.0])), np.array([0.2, 1.0]))

    @wengert.custom_vjp
    def doubled(x: Any) -> Any:
        return x * x

    doubled.defvjp(lambda x: (x * x, x), lambda x, u: (4 * x * u,))
    near(
        jvp(doubled, (3.0,), (1.0,)), (9.0, 12.0)
    )  # forward mode is the transpose of a linear rule

    @wengert.custom_jvp
    def stable(x: Any) -> Any:
        return np.log1p(np.exp(x))

    @stable.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return stable(*primals), tangents[0] / (1 + np.exp(-primals[0]))

    assert grad(stable)(1000.0) == 1.0
    assert grad(grad(stable))(0.0) == 0.25
    near(vmap(grad(stable))(np.array([0.0, 1000.0])), np.array([0.5, 1.0]))


def test_checkpoint_is_the_function() -> None:
    f = lambda x: np.sum(np.sin(x) * np.exp(x))
    g = wengert.checkpoint(f)
    near(
        (g(X), grad(g)(X), hessian(g)(X), jvp(g, (X,), (X,))),
        (f(X), grad(f)(X), hessian(f)(X), jvp(f, (X,), (X,))),
    )


def test_check_grads() -> None:
    report = wengert.check_grads(lambda x, w: np.sum(np.tanh(x @ w)), X, W)
    assert report.compared > 0

    @wengert.custom_vjp
    def wrong(x: Any) -> Any:
        return np.sin(x)

    wrong.defvjp(lambda x: (np.sin(x), x), lambda x, u: (u * np.cos(x) * 1.0005,))
    with pytest.raises(wengert.GradientError, match=r"reverse mode, .*\[2\]|reverse mode"):
        wengert.check_grads(lambda x: np.sum(wrong(x)), X)
