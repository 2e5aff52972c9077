"""Which functions have a spelling, and what stands in for those that don't ask what they are given."""

import math
import subprocess
import sys
import warnings
from math import sin
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing.overrides import get_overridable_numpy_array_functions
from scipy import linalg, special  # noqa: TID253
from scipy.integrate import odeint
from scipy.linalg import solve  # noqa: TID253

import wengert
from wengert.errors import ConcreteError, UnsupportedError
from wengert.ir.primitive import REGISTRY
from wengert.trace.tracer import SPELLINGS

A = np.array([[3.0, 0.5, -1.0], [0.5, 2.5, 0.7], [-1.0, 0.7, 4.0]])
B = np.array([1.0, -2.0, 0.5])


def agree(f: Any, x: Any, rtol: float = 1e-6) -> None:
    """Value as NumPy's, gradient as differences, jit as without."""
    value, gradient = wengert.value_and_grad(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-12)
    numeric, h = np.zeros(np.shape(x)), 1e-5
    for place in np.ndindex(np.shape(x)):
        step = np.zeros(np.shape(x))
        step[place] = h
        up, down = x + step, x - step
        if not np.ndim(x):
            up, down = float(up), float(down)
        numeric[place] = (f(up) - f(down)) / (2 * h)
    np.testing.assert_allclose(gradient, numeric, rtol=rtol, atol=1e-8)
    np.testing.assert_allclose(wengert.jit(f)(x), value, rtol=1e-12)
    np.testing.assert_allclose(wengert.jit(wengert.grad(f))(x), gradient, rtol=1e-9, atol=1e-12)


# --- the sweep: a function has a spelling, or is one of these and says that it has none
NO_NUMBERS = ("numpy.strings", "numpy.char", "numpy.lib.recfunctions")  # text, records
REFUSED = {
    "numpy.busday_count", "numpy.busday_offset", "numpy.datetime_as_string", "numpy.is_busday",  # dates
    "numpy.packbits", "numpy.unpackbits", "numpy.shares_memory", "numpy.may_share_memory",  # bits, memory
    "numpy.polynomial.polynomial.polygrid2d", "numpy.polynomial.polynomial.polyval2d",  # undocumented dispatchers
}  # fmt: skip
WITHOUT = {  # they take `like=` alone, which makes an array without it
    "arange", "array", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "empty", "eye", "frombuffer", "fromfile",
    "fromfunction", "fromiter", "fromstring", "full", "genfromtxt", "identity", "loadtxt", "ones", "require", "tri", "zeros",
}  # fmt: skip


def test_every_function_that_dispatches_has_a_spelling_or_is_refused() -> None:
    names = {
        f"{f.__module__}.{f.__name__}"
        for f in get_overridable_numpy_array_functions()
        if f not in SPELLINGS
    }
    names -= {f"numpy.{name}" for name in WITHOUT}
    left = {name for name in names if not name.startswith(NO_NUMBERS)}
    assert left == REFUSED
    ufuncs = {u.__name__ for u in vars(np).values() if isinstance(u, np.ufunc)}
    known = {u.__name__ for u in REGISTRY.ufuncs} | set(REGISTRY.names)
    assert ufuncs - known == {"isnat"}
    for call in (np.packbits, np.unpackbits, np.isnat, lambda x: np.shares_memory(x, x)):
        with pytest.raises(
            UnsupportedError, match=r"no rule for it. This happened at .*\. Compose"
        ):
            wengert.grad(lambda x, call=call: np.sum(call(x)))(B)


def test_scipys_ufuncs_have_a_rule_or_say_that_they_have_none() -> None:
    ufuncs = {n: u for n, u in vars(special).items() if isinstance(u, np.ufunc)}
    refused = [
        u
        for n, u in ufuncs.items()
        if u.__name__ not in REGISTRY.names and u not in REGISTRY.ufuncs
    ]
    assert len(refused) <= 143
    for ufunc in refused:
        with pytest.raises(UnsupportedError, match="has no rule for it"):
            wengert.grad(lambda x, ufunc=ufunc: np.sum(ufunc(*[x] * ufunc.nin)))(B)


# --- lists of stand-ins, and arguments that NumPy doesn't ask
# fmt: off
LISTED = {
    "sum": lambda x: np.sum([x[0] * x[1], x[2]]), "max": lambda x: np.max([x[0], x[2] * 3]), "mean of arrays": lambda x: np.mean([x, x * x]),
    "axis": lambda x: np.sum(np.prod([x, x * x], axis=0)), "nested": lambda x: np.std([[x[0], x[1]], [x[2], 1.0]]),
    "norm": lambda x: np.linalg.norm([x[0], x[1]]), "det": lambda x: np.linalg.det([[x[0], x[1]], [x[2], 2.0]]), "median": lambda x: np.median([x[0], x[1], x[2]]),
    "cumsum": lambda x: np.cumsum([x[0], x[1]])[1], "table": lambda x: np.take(np.arange(3.0), np.argmax(x)) * x[0],
    "searchsorted": lambda x: np.searchsorted(np.arange(3.0), x[2]) * x[0], "weights": lambda x: np.histogram(np.arange(3.0), 2, weights=x)[0][1],
    "insert": lambda x: np.insert(np.ones(2), 1, x[0])[1], "plain factor": lambda x: np.sum(linalg.cho_solve(linalg.cho_factor(A), x) ** 2),
    "pad": lambda x: np.sum(np.pad(np.ones(2), 1, constant_values=x[0])), "select": lambda x: np.select([False], [1.0], default=x[1]) * 1.0,
}
# fmt: on


@pytest.mark.parametrize("name", LISTED)
def test_lists_and_arguments_that_are_not_asked(name: str) -> None:
    agree(LISTED[name], B)


def test_a_plain_table_is_indexed_by_known_integers() -> None:
    table = np.arange(10.0, 13.0)
    f = lambda x: table[np.argmax(x)] * x[0] + np.sum(table[np.argsort(x)] * x)
    np.testing.assert_allclose(wengert.grad(f)(B), [10 + 11, 12, 10])
    g = lambda x: table[np.argmax(x)] * x[0]
    fast, slope = wengert.jit(g), wengert.jit(wengert.grad(g))
    for b in (B, -B, B):  # an integer is guarded, there and back
        assert fast(b) == g(b)
        np.testing.assert_array_equal(slope(b), [table[np.argmax(b)], 0.0, 0.0])
    pick = wengert.jit(lambda x, i: x * [1.0, 2.0][i])
    assert [pick(2.0, i) for i in (1, 0, 1)] == [4.0, 2.0, 4.0]
    with pytest.raises(ConcreteError, match=r"np\.take\(table, i\)"):
        wengert.jit(f)(B)  # an array of them isn't


def test_windows_look_into_memory() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        windows = sliding_window_view(y, 2)
        y[0] = 5.0 * x[2]
        return np.sum(windows[0] * x[:2])

    agree(f, B)
    with pytest.raises((ValueError, UnsupportedError)):
        wengert.grad(lambda x: sliding_window_view(x * 1.0, 2).__setitem__(0, 1.0))(B)


# --- math
ONE = [
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh", "exp", "expm1", "log", "log2", "log10",
    "log1p", "sqrt", "fabs", "degrees", "radians", "erf", "erfc", "gamma", "lgamma",
]  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_math_of_one(name: str) -> None:
    agree(lambda x: getattr(math, name)(x) * x, 0.3)


def test_math_of_more() -> None:
    agree(lambda x: math.atan2(x, 2.0) + math.pow(x, 3) + math.pow(2, x) + math.log(x, 3.0), 0.7)
    agree(
        lambda x: math.hypot(x, 1.0, 2.0) + math.dist([x, 0.0], [1.0, x]) + math.copysign(x, -1),
        0.7,
    )
    agree(lambda x: math.fsum([x, x * x, 1.0]) * math.prod([x, 2.0]) * math.fmod(x, 0.4), 0.7)
    agree(lambda x: x * math.floor(x) + math.ceil(x) * x + math.trunc(3 * x) * x, 1.7)
    agree(lambda x: math.sqrt(np.sum(x * x)), B)


def test_math_returns_numbers_that_take_the_dtype_they_meet() -> None:
    f = lambda x: np.ones(2, "f4") * math.sin(x)
    assert wengert.jit(f)(0.3).dtype == f(0.3).dtype == np.float32


def test_math_refuses_what_python_refuses() -> None:
    for call in (lambda x: math.sqrt(x), lambda x: math.log(x), lambda x: math.exp(-1e4 * x)):
        with pytest.raises((ValueError, OverflowError)):
            wengert.grad(lambda x, call=call: call(x))(-1.0)
    with pytest.raises(TypeError, match="0-dimensional"):
        wengert.grad(lambda x: math.sin(x))(B)


def test_math_is_itself_afterwards_and_a_name_taken_from_it_says_so() -> None:
    plain = math.sin
    with pytest.raises(ConcreteError, match=r"np\.sin for math\.sin"):
        wengert.grad(lambda x: sin(x))(0.3)
    assert math.sin is plain


# --- np.random
def test_drawing_while_a_list_is_written_warns() -> None:
    f = lambda x: np.sum(x * np.random.normal(size=3))  # noqa: NPY002 - what is meant
    with pytest.warns(
        UserWarning, match=r"constants from now on.*test_spellings.*wengert\.random\.normal"
    ) as seen:
        wengert.jit(f)(B)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wengert.grad(f)(B)  # fresh numbers in each call, as without wengert
        seeded = lambda x: np.sum(x * np.random.default_rng(0).normal(size=3))
        assert wengert.jit(seeded)(B) == seeded(B)
    with pytest.raises(UnsupportedError, match=r"wengert\.random\.normal"):
        wengert.grad(lambda x: np.random.normal(x[0]))(B)  # noqa: NPY002


# --- SciPy
# fmt: off
SCIPY = {
    "solve": lambda a: np.sum(linalg.solve(a, B) ** 2), "transposed": lambda a: np.sum(linalg.solve(a, B, transposed=True)), "inv": lambda a: np.sum(linalg.inv(a, check_finite=False) * A),
    "det": lambda a: linalg.det(a), "solve_triangular": lambda a: np.sum(linalg.solve_triangular(a, B, lower=True)), "expm": lambda a: np.sum(linalg.expm(a / 4)), "norm": lambda a: linalg.norm(a),
    "cholesky": lambda a: np.sum(linalg.cholesky(a @ a.T, lower=True)), "upper": lambda a: np.sum(linalg.cholesky(a @ a.T)), "cho_solve": lambda a: np.sum(linalg.cho_solve(linalg.cho_factor(a @ a.T), B)),
    "eigh": lambda a: np.sum(linalg.eigh(a + a.T)[0] ** 3), "eigvalsh": lambda a: np.max(linalg.eigvalsh(a @ a.T)), "svd": lambda a: np.sum(linalg.svd(a)[1] ** 3), "svdvals": lambda a: np.sum(linalg.svdvals(a)),
    "qr": lambda a: np.sum(linalg.qr(a, mode="economic")[1] ** 2 * A), "sqrtm": lambda a: np.sum(linalg.sqrtm(a @ a.T)),
    "logsumexp": lambda a: np.sum(special.logsumexp(a, axis=1)), "softmax": lambda a: np.sum(special.softmax(a, axis=0) ** 2), "whole": lambda a: np.sum(special.softmax(a) ** 2), "log_softmax": lambda a: special.log_softmax(a)[0, 1],
    "polygamma": lambda a: np.sum(special.polygamma(1, 3 + a)), "multigammaln": lambda a: special.multigammaln(a[2, 2], 2),
}
# fmt: on


@pytest.mark.parametrize("name", SCIPY)
def test_scipys_functions_by_their_modules(name: str) -> None:
    agree(SCIPY[name], A, rtol=1e-5)


def test_scipys_functions_by_name_say_what_to_do() -> None:
    refused = {
        r"scipy\.linalg\.solve was called.*test_spellings.*Call it as scipy\.linalg\.solve": lambda a: (
            np.sum(solve(a, B))
        ),
        r"scipy\.integrate\.odeint was called.*test_spellings.*in NumPy": lambda a: np.sum(
            odeint(lambda y, t: -y, a[0], [0.0, 1.0])
        ),
        r"scipy\.linalg\.lu was called.*test_spellings": lambda a: linalg.lu(a)[2],
    }
    for match, f in refused.items():
        for door in (wengert.grad, wengert.jit):
            with pytest.raises(ConcreteError, match=match):
                door(f)(A)
    for f in (lambda a: linalg.solve(a, B, assume_a="pos"), lambda a: linalg.qr(a, mode="raw")):
        with pytest.raises(UnsupportedError):
            wengert.grad(f)(A)


def test_scipy_is_not_imported_for_a_trace() -> None:
    code = "import sys, numpy as np, wengert; wengert.grad(lambda x: np.sum(x * x))(np.ones(2)); print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
