"""Words: what the machine says of numbers in registers, by the names of the pointwise records.

    from wengert.backends.llvm.words import WORDS
    y = WORDS["tanh"](x)  # x, y: lanes

A word is a formula on lanes, right to about two units in the last place, for any
number of lanes and any processor. A record without a word is expanded into words (COMPOSED) or
computed by the interpreter (LEFT).
"""

from wengert.backends.llvm.lane import Word
from wengert.backends.llvm.words import (
    arithmetic,
    circular,
    exponentials,
    hyperbolic,
    normal,
    powers,
)
from wengert.backends.llvm.words.arithmetic import NoWord

WORDS: dict[str, Word] = {}


def _records(names: str) -> frozenset[str]:
    """Names, as they are written in a row."""
    return frozenset(names.split())


def _learn(module: object, names: str, **others: str) -> None:
    """Words that a file defines; `others` are called differently there."""
    WORDS.update({n: getattr(module, n) for n in names.split()})
    WORDS.update({n: getattr(module, o) for n, o in others.items()})


_learn(arithmetic, """
    add subtract multiply divide negative reciprocal square sqrt degrees radians
    equal not_equal less less_equal greater greater_equal
    bitwise_and bitwise_or bitwise_xor invert bitwise_count left_shift right_shift
    logical_not logical_and logical_or logical_xor select convert conjugate imag
    floor ceil trunc rint isnan isinf isfinite signbit sign heaviside nextafter spacing
    maximum minimum fmax fmin relu leaky_relu fmod remainder floor_divide
    """, real="same", stop_gradient="same", absolute="absolute", fabs="absolute",
    copysign="copysign")  # fmt: skip
_learn(exponentials, """
    exp exp2 expm1 log1p logaddexp logaddexp2 sigmoid softplus log_sigmoid xlogy xlog1py entr
    """,
    log="log_", log2="log2_", log10="log10_", log_expit="log_sigmoid")  # fmt: skip
_learn(circular, "sin cos tan arcsin arccos arctan arctan2")
_learn(hyperbolic, "sinh cosh tanh sech arcsinh arccosh arctanh")
_learn(powers, "power monomial float_power cbrt hypot leg")
_learn(normal, "erf erfc ndtr")

COMPOSED = _records("""
    elu selu gelu gelu_tanh silu mish softsign hard_tanh
    sigmoid_cross_entropy logistic_loss binary_cross_entropy
    """)  # fmt: skip
"""Records that are expanded into words by running what they compute on a stand-in."""

LEFT = _records("""
    gcd lcm erfcx erfi dawsn erfinv erfcinv ndtri mills log_ndtr owens_t logit rel_entr kl_div
    gammaln loggamma gamma rgamma digamma polygamma poch binom beta betaln gammasgn zeta
    gammainc gammaincc gammaincinv gammainccinv betainc betaincc betaincinv chdtr chdtrc
    stdtr stdtrit pdtr pdtrc j0 j1 y0 y1 i0 i1 i0e i1e k0 k1 k0e k1e jv yv iv kv ive kve
    expi exp1 expn spence exprel hyp0f1 hyp1f1 hyperu hyp2f1 ellipk ellipe exp10 cosm1 wrightomega
    boxcox boxcox1p inv_boxcox inv_boxcox1p huber pseudo_huber riemann_zeta
    """)  # fmt: skip
"""Records that the interpreter computes in native code's place: rare, or SciPy's alone."""

SIMPLE = {
    "add", "subtract", "multiply", "negative", "absolute", "square", "select", "convert", "relu",
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "maximum", "minimum",
    "logical_not", "logical_and", "logical_or", "divide", "sqrt", "reciprocal",
}  # fmt: skip
"""The words of an instruction or two."""

__all__ = ["COMPOSED", "LEFT", "SIMPLE", "WORDS", "NoWord"]
