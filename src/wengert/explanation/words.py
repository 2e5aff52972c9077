"""Elementwise words: what stands on the page, what is computed, and the derivative as a formula."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from wengert.explanation.terms import ONE, Poly, add, apply, constant, power, scale, times
from wengert.ir.lazy import special


class Word(NamedTuple):
    """`text` and `code` have {} for the operands; `slopes` are functions of them."""

    text: str
    latex: str
    code: str
    evaluate: Callable[..., Any]
    slopes: tuple[Callable[..., Poly] | None, ...]


def _one(*xs: Poly) -> Poly:
    return constant(ONE, max((x.dims for x in xs), key=len))


def _minus(x: Poly) -> Poly:
    return scale(x, Fraction(-1))


def _tanh(x: Poly) -> Poly:
    return add(_one(x), _minus(power(apply("tanh", x), Fraction(2))))


def _over(x: Poly) -> Poly:
    return power(x, Fraction(-1))


def _sigma(x: Any) -> Any:
    return special.expit(x)


def _above(x: Poly, y: Poly) -> Poly:
    return apply("greater", x, y)


HALF, TWO = Fraction(1, 2), Fraction(2)
# fmt: off
WORDS = {
    "exp":      Word("exp({})",      r"\exp({})",     "np.exp({})",     np.exp,     (lambda x: apply("exp", x),)),
    "log":      Word("log({})",      r"\log({})",     "np.log({})",     np.log,     (_over,)),
    "log1p":    Word("log(1 + {})",  r"\log(1 + {})", "np.log1p({})",   np.log1p,   (lambda x: _over(add(_one(x), x)),)),
    "expm1":    Word("exp({}) - 1",  r"(\exp({}) - 1)", "np.expm1({})", np.expm1,   (lambda x: apply("exp", x),)),
    "sin":      Word("sin({})",      r"\sin({})",     "np.sin({})",     np.sin,     (lambda x: apply("cos", x),)),
    "cos":      Word("cos({})",      r"\cos({})",     "np.cos({})",     np.cos,     (lambda x: _minus(apply("sin", x)),)),
    "tan":      Word("tan({})",      r"\tan({})",     "np.tan({})",     np.tan,     (lambda x: add(_one(x), power(apply("tan", x), TWO)),)),
    "sinh":     Word("sinh({})",     r"\sinh({})",    "np.sinh({})",    np.sinh,    (lambda x: apply("cosh", x),)),
    "cosh":     Word("cosh({})",     r"\cosh({})",    "np.cosh({})",    np.cosh,    (lambda x: apply("sinh", x),)),
    "tanh":     Word("tanh({})",     r"\tanh({})",    "np.tanh({})",    np.tanh,    (_tanh,)),
    "arctan":   Word("arctan({})",   r"\arctan({})",  "np.arctan({})",  np.arctan,  (lambda x: _over(add(_one(x), power(x, TWO))),)),
    "sigmoid":  Word("sigma({})",    r"\sigma({})",   "1 / (1 + np.exp(-({})))", _sigma, (lambda x: times(apply("sigmoid", x), apply("sigmoid", _minus(x))),)),
    "softplus": Word("log(1 + exp({}))", r"\log(1 + \exp({}))", "np.logaddexp(0, {})", lambda x: np.logaddexp(x, 0), (lambda x: apply("sigmoid", x),)),
    "log_sigmoid": Word("log sigma({})", r"\log\sigma({})", "-np.logaddexp(0, -({}))", lambda x: -np.logaddexp(-x, 0), (lambda x: apply("sigmoid", _minus(x)),)),
    "relu":     Word("relu({})",     r"\mathrm{{relu}}({})", "np.maximum({}, 0)", lambda x: np.maximum(x, 0), (lambda x: apply("greater", x, constant(Fraction(0), x.dims)),)),
    "absolute": Word("|{}|",         r"|{}|",         "np.abs({})",     np.abs,     (lambda x: apply("sign", x),)),
    "sign":     Word("sign({})",     r"\mathrm{{sign}}({})", "np.sign({})", np.sign, (None,)),
    "greater":  Word("[{} > {}]",    r"[{} > {}]",    "({} > {})",      lambda x, y: np.greater(x, y) * 1.0, (None, None)),
    "less":     Word("[{} < {}]",    r"[{} < {}]",    "({} < {})",      lambda x, y: np.less(x, y) * 1.0, (None, None)),
    "greater_equal": Word("[{} >= {}]", r"[{} \ge {}]", "({} >= {})",   lambda x, y: np.greater_equal(x, y) * 1.0, (None, None)),
    "less_equal": Word("[{} <= {}]", r"[{} \le {}]",  "({} <= {})",     lambda x, y: np.less_equal(x, y) * 1.0, (None, None)),
    "equal":    Word("[{} = {}]",    r"[{} = {}]",    "({} == {})",     lambda x, y: np.equal(x, y) * 1.0, (None, None)),
    "maximum":  Word("max({}, {})",  r"\max({}, {})", "np.maximum({}, {})", np.maximum, (_above, lambda x, y: _above(y, x))),
    "minimum":  Word("min({}, {})",  r"\min({}, {})", "np.minimum({}, {})", np.minimum, (lambda x, y: _above(y, x), _above)),
    "power":    Word("{}^{}",        r"{}^{{{}}}",    "({} ** {})",     np.power,   (lambda x, y: times(y, apply("power", x, add(y, _minus(_one(y))))), lambda x, y: times(apply("power", x, y), apply("log", x)))),
}
# fmt: on
INDICATORS = ("greater", "less", "greater_equal", "less_equal", "equal")
