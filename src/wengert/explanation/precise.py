"""A list run with sixty digits: Python's decimal numbers under the same records.

Sums, products, choices and views are the records' own, on arrays of decimals; each word (exp, sin)
is computed by its series with as many guard digits as its argument cancels.
"""

import decimal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.ir.program import Const, Equation, Program, Var, bind
from wengert.ir.types import Array
from wengert.transforms import rules

DIGITS = 60
MOST = 200_000
"""Entries, over all lines, from which on sixty digits take too long."""
Word = Callable[..., Decimal]
ONE, TWO, ZERO = Decimal(1), Decimal(2), Decimal(0)


@contextmanager
def digits(count: int = DIGITS) -> Iterator[None]:
    """Decimal arithmetic of so many digits, in which overflow is infinity and 0/0 is NaN."""
    context = decimal.Context(prec=count, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])
    with decimal.localcontext(context):
        yield


def _guarded(word: Word) -> Word:
    """The word with so many more digits as a small or large argument takes away."""

    def better(x: Decimal, *rest: Any) -> Decimal:
        if not x.is_finite():
            return _limit(word.__name__, x)
        more = min(abs(x.adjusted()) if x else 0, 400) + 15
        with digits(decimal.getcontext().prec + more):
            y = word(x, *rest)
        return +y

    return better


def _limit(name: str, x: Decimal) -> Decimal:
    """The word at infinity, where it has a value there."""
    table = {"_tanh": (ONE, -ONE), "_expm1": (x, -ONE), "_log1p": (x, Decimal("NaN"))}
    table |= {"_sigmoid": (ONE, ZERO), "_arctan": (_pi() / 2, -_pi() / 2), "_erf": (ONE, -ONE)}
    table |= {"_sinh": (x, x), "_cosh": (abs(x), abs(x)), "_erfc": (ZERO, TWO)}
    high, low = table.get(name, (Decimal("NaN"), Decimal("NaN")))
    return Decimal("NaN") if x.is_nan() else high if x > 0 else low


def _pi() -> Decimal:
    return +_pi_to(decimal.getcontext().prec + 5)


@lru_cache(maxsize=64)
def _pi_to(count: int) -> Decimal:
    """Machin: pi/4 = 4 arctan(1/5) - arctan(1/239)."""
    with digits(count + 10):
        return 4 * (4 * _series(ONE / 5, -1) - _series(ONE / 239, -1))


def _series(x: Decimal, sign: int) -> Decimal:
    """x + sign x^3/3 + x^5/5 + ...: arctan for sign -1, arctanh for 1."""
    total, term, n, step = x, x, 1, sign * x * x
    while term and term.adjusted() > total.adjusted() - decimal.getcontext().prec - 2:
        term, n = term * step, n + 2
        total += term / n
    return total


def _taylor(first: Decimal, step: Decimal, n: int) -> Decimal:
    """first (1 + step/(n(n+1)) + step^2/(n(n+1)(n+2)(n+3)) + ...): sin, cos."""
    total = term = first
    while term and term.adjusted() > total.adjusted() - decimal.getcontext().prec - 2:
        term = term * step / (n * (n + 1))
        total, n = total + term, n + 2
    return total


def _turn(x: Decimal) -> tuple[Decimal, int]:
    """x less a multiple of pi/2, and which."""
    quarter = _pi() / 2
    k = (x / quarter).to_integral_value()
    return x - k * quarter, int(k % 4)


@_guarded
def _sin(x: Decimal) -> Decimal:
    r, k = _turn(x)
    y = _taylor(ONE, -r * r, 1) if k % 2 else _taylor(r, -r * r, 2)
    return -y if k in (2, 3, -1, -2) else y


def _cos(x: Decimal) -> Decimal:
    with digits(decimal.getcontext().prec + 15 + (max(x.adjusted(), 0) if x.is_finite() else 0)):
        y = _sin(x + _pi() / 2)
    return +y


@_guarded
def _arctan(x: Decimal) -> Decimal:
    for _ in range(3):
        x = x / (1 + (1 + x * x).sqrt())
    return 8 * _series(x, -1)


@_guarded
def _arcsin(x: Decimal) -> Decimal:
    if abs(x) == 1:
        return x * _pi() / 2
    return _arctan(x / ((1 - x) * (1 + x)).sqrt())


def _arctan2(y: Decimal, x: Decimal) -> Decimal:
    if x > 0:
        return _arctan(y / x)
    if x < 0:
        return _arctan(y / x) + (_pi() if y >= 0 else -_pi())
    return _pi() / 2 * (1 if y > 0 else -1 if y < 0 else 0)


@_guarded
def _expm1(x: Decimal) -> Decimal:
    return x.exp() - 1


@_guarded
def _log1p(x: Decimal) -> Decimal:
    return (1 + x).ln()


@_guarded
def _sinh(x: Decimal) -> Decimal:
    return (x.exp() - (-x).exp()) / 2


@_guarded
def _cosh(x: Decimal) -> Decimal:
    return (x.exp() + (-x).exp()) / 2


@_guarded
def _tanh(x: Decimal) -> Decimal:
    u = (-2 * abs(x)).exp()
    return (1 - u) / (1 + u) * (1 if x >= 0 else -1)


@_guarded
def _arcsinh(x: Decimal) -> Decimal:
    y = (abs(x) + (x * x + 1).sqrt()).ln()
    return y if x >= 0 else -y


@_guarded
def _arctanh(x: Decimal) -> Decimal:
    return ((1 + x) / (1 - x)).ln() / 2


@_guarded
def _sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def _erf_sum(x: Decimal) -> Decimal:
    total = term = x
    n = 0
    while term and term.adjusted() > -decimal.getcontext().prec - 2 + min(x.adjusted(), 0):
        n += 1
        term = -term * x * x / n
        total += term / (2 * n + 1)
    return 2 * total / _pi().sqrt()


def _erf(x: Decimal) -> Decimal:
    if not x.is_finite():
        return _limit("_erf", x)
    with digits(decimal.getcontext().prec + 20 + min(int(x * x), 2000)):
        y = ONE.copy_sign(x) if abs(x) > 40 else _erf_sum(x)
    return +y


def _erfc(x: Decimal) -> Decimal:
    if not x.is_finite():
        return _limit("_erfc", x)
    with digits(decimal.getcontext().prec + 20 + 2 * min(int(x * x), 2000)):
        y = 1 - _erf(x)
    return +y


def _root3(x: Decimal) -> Decimal:
    return ((abs(x).ln() / 3).exp()).copy_sign(x) if x else x


def _log(x: Decimal) -> Decimal:
    return x.ln()


# fmt: off
WORDS: dict[str, tuple[Word, int]] = {
    "exp": (Decimal.exp, 1), "log": (_log, 1), "log10": (lambda x: x.log10(), 1), "sqrt": (lambda x: x.sqrt(), 1),
    "log2": (lambda x: x.ln() / TWO.ln(), 1), "exp2": (lambda x: TWO**x, 1), "cbrt": (_root3, 1),
    "expm1": (_expm1, 1), "log1p": (_log1p, 1), "sin": (_sin, 1), "cos": (_cos, 1),
    "tan": (lambda x: _sin(x) / _cos(x), 1), "arctan": (_arctan, 1), "arcsin": (_arcsin, 1),
    "arccos": (lambda x: _pi() / 2 - _arcsin(x), 1), "arctan2": (_arctan2, 2),
    "sinh": (_sinh, 1), "cosh": (_cosh, 1), "tanh": (_tanh, 1), "sech": (lambda x: 1 / _cosh(x), 1),
    "arcsinh": (_arcsinh, 1), "arccosh": (lambda x: (x + ((x - 1) * (x + 1)).sqrt()).ln(), 1), "arctanh": (_arctanh, 1),
    "sigmoid": (_sigmoid, 1), "softplus": (lambda x: _log1p(x.exp()), 1), "log_sigmoid": (lambda x: -_log1p((-x).exp()), 1),
    "erf": (_erf, 1), "erfc": (_erfc, 1),
    "logaddexp": (lambda x, y: max(x, y) + _log1p((-abs(x - y)).exp()), 2),
    "hypot": (lambda x, y: (x * x + y * y).sqrt(), 2), "leg": (lambda x, h: x / h if h else ZERO, 2),
    "reciprocal": (lambda x: 1 / x, 1), "power": (lambda x, y: x**y, 2), "float_power": (lambda x, y: x**y, 2),
    "floor": (lambda x: x.to_integral_value(decimal.ROUND_FLOOR), 1), "ceil": (lambda x: x.to_integral_value(decimal.ROUND_CEILING), 1),
    "rint": (lambda x: x.to_integral_value(decimal.ROUND_HALF_EVEN), 1), "trunc": (lambda x: x.to_integral_value(decimal.ROUND_DOWN), 1),
    "sign": (lambda x: x.compare(ZERO), 1),
}
# fmt: on
COPIES = ("convert", "stop_gradient")
_SAME = """
add subtract multiply divide negative square absolute fabs maximum minimum fmax fmin greater
greater_equal less less_equal equal not_equal logical_not logical_and logical_or logical_xor
select sum cumsum contract broadcast reshape transpose flip take place pad concatenate gather
scatter max min put put_at argsort argmax argmin any all bitwise_and bitwise_or bitwise_xor
invert sort
"""
ARITHMETIC = frozenset(_SAME.split())
"""The records that mean on decimals what they mean on floats."""


def lift(x: Any) -> Array:
    """Floats as decimals, exactly; integers and booleans as they are."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return x
    out = np.empty(x.shape, object)
    for at in np.ndindex(x.shape):
        out[at] = Decimal(float(x[at]))
    return out


def floats(x: Any) -> Array:
    """Decimals rounded to float64."""
    return np.asarray(x).astype(float)


def run(program: Program, args: Sequence[Any]) -> dict[Var, Array]:
    """The value of every variable to sixty digits, from decimals."""
    env: dict[Var, Array] = dict(zip(program.inputs, args, strict=True))
    for eqn in program.equations:
        xs = [lift(a.value) if isinstance(a, Const) else env[a] for a in eqn.inputs]
        bind(env, eqn, apply(eqn, xs))
    return env


def apply(eqn: Equation, xs: Sequence[Array]) -> Any:
    """One line on decimals; UnsupportedError for a word that has no series here."""
    name, params = eqn.primitive.name, eqn.params
    if name in COPIES:
        return xs[0] if eqn.outputs[0].type.dtype.kind == "f" else np.asarray(xs[0])
    if name in WORDS:
        word, arity = WORDS[name]
        return _objects(np.frompyfunc(word, arity, 1)(*[_decimals(x) for x in xs]))
    if name == "monomial":
        return _objects(np.frompyfunc(lambda x: x ** Decimal(params["p"]), 1, 1)(xs[0]))
    if name == "norm" and params["p"] == 2:
        square = np.sum(xs[0] * xs[0], axis=params["axes"])
        return _objects(np.frompyfunc(Decimal.sqrt, 1, 1)(square))
    if name in ARITHMETIC:
        if name == "select":
            whole = eqn.outputs[0].type.dtype.kind != "f"
            xs = [xs[0].astype(bool), *[x if whole else _decimals(x) for x in xs[1:]]]
        return _objects(eqn.primitive.evaluate(*xs, **params))
    if eqn.primitive.definition is not None:
        inner = rules.definition(eqn.primitive, [a.type for a in eqn.inputs], params)
        env = run(inner, xs)
        return _objects(env[inner.outputs[0]])  # type: ignore[index]
    raise UnsupportedError(
        sentences(
            f"digits knows no series of {name}, so it can't tell its rounding error.",
            "Spell it with exp, log, sin, sqrt, erf and the like, or leave it out.",
            eqn.place,
        )
    )


def _objects(x: Any) -> Array:
    """An array, also of one decimal; flags stay flags."""
    x = np.asarray(x) if isinstance(x, np.ndarray | np.generic | bool) else np.asarray(x, object)
    return x


def _decimals(x: Array) -> Array:
    if x.dtype != object:
        return (
            np.frompyfunc(lambda v: Decimal(int(v)), 1, 1)(x) if x.dtype.kind in "iub" else lift(x)
        )
    return x
