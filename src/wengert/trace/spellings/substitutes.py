"""Functions that don't ask their arguments what they are: lists in NumPy, math, SciPy's Python.

While a trace is under way they stand in their modules for the functions of their names
(trace.creation). `from math import sin` isn't seen: there an error names the NumPy function.
"""

import math
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import UnsupportedError, sentences
from wengert.primitives import special as records
from wengert.trace import creation
from wengert.trace.asking import LIBRARIES
from wengert.trace.creation import ACTIVE, MODULES, meant_by
from wengert.trace.refusals import unsupported
from wengert.trace.spellings import linalg, special
from wengert.trace.tracer import SPELLINGS, Tracer, spelled
from wengert.trace.unify import array, holds_carrier

LISTS = (
    "sum", "mean", "prod", "max", "min", "amax", "amin", "std", "var", "median", "any", "all",
    "argmax", "argmin", "cumsum", "cumprod", "average", "sort", "argsort", "diff", "ptp", "reshape",
    "ravel", "transpose", "squeeze", "trace", "diag", "shape", "ndim", "size", "copy", "flip",
)  # fmt: skip
DEAF = ("take", "searchsorted", "select", "pad", "full_like", "insert", "histogram", "polyint")


def _of_list(function: Any) -> Any:
    spelling = SPELLINGS[function]

    def meaning(*args: Any, **kwargs: Any) -> Any:
        if not args or not isinstance(args[0], list | tuple) or not holds_carrier(args[0]):
            return function(*args, **kwargs)
        return spelled(function.__name__, spelling, (creation._stacked(args[0]), *args[1:]), kwargs)

    return meant_by(meaning)


def _of_deaf(function: Any) -> Any:
    spelling = SPELLINGS[function]
    return meant_by(lambda *xs, **kwargs: spelled(function.__name__, spelling, xs, kwargs))


MODULES["numpy"] |= {name: _of_list(getattr(np, name)) for name in LISTS}
MODULES["numpy"] |= {name: _of_deaf(getattr(np, name)) for name in DEAF}
MODULES["numpy.linalg"] = {
    name: _of_list(getattr(np.linalg, name)) for name in ("norm", "det", "inv", "solve", "eigvalsh")
}


# --- math, on scalars: what Python refuses is refused where the value is known


def _scalar(x: Any) -> Any:
    if not isinstance(x, Tracer):
        return float(x)
    if x.ndim:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    return np.astype(x, np.float64)


def _checked(real: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    def meaning(*xs: Any) -> Any:
        xs = tuple([_scalar(x) for x in xs])
        known = [x.known() if isinstance(x, Tracer) else x for x in xs]
        if not any(k is None for k in known):
            real(*[float(k) for k in known])  # ValueError, OverflowError: Python's own
        return _weak(function(*xs))

    return meaning


def _weak(y: Any) -> Any:
    """A Python number, which takes the dtype of the array that it meets."""
    if isinstance(y, Tracer):
        y.weak = True
    return y


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)


def _hypot(*xs: Any) -> Any:
    return np.linalg.norm(np.stack([array(x) for x in xs]))


def _dist(p: Any, q: Any) -> Any:
    return _hypot(*[_scalar(a) - _scalar(b) for a, b in zip(p, q, strict=True)])


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: np.astype(function(x), np.int64)


def _fsum(xs: Any) -> Any:
    return _weak(np.sum(np.stack([array(_scalar(x)) for x in xs])))


def _prod(xs: Any, *, start: Any = 1) -> Any:
    for x in xs:
        start = start * x
    return start


SCALARS: dict[str, Callable[..., Any]] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "exp": np.exp, "exp2": np.exp2,
    "expm1": np.expm1, "log": _log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "sqrt": np.sqrt, "cbrt": np.cbrt, "pow": np.power, "fabs": np.abs, "degrees": np.degrees,
    "radians": np.radians, "copysign": np.copysign, "fmod": np.fmod, "hypot": _hypot,
    "erf": records.erf, "erfc": records.erfc, "gamma": records.gamma, "lgamma": records.gammaln,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "floor": _whole(np.floor),
    "ceil": _whole(np.ceil), "trunc": _whole(np.trunc),
}  # fmt: skip
MODULES["math"] = {
    name: lambda real, f=function: meant_by(_checked(real, f))(real)
    for name, function in SCALARS.items()
} | {"dist": meant_by(_dist), "fsum": meant_by(_fsum), "prod": meant_by(_prod)}
assert all(hasattr(math, name) for name in MODULES["math"])


# --- np.random: what is drawn while a list is written is a constant of the list


def _drawn(name: str) -> Callable[[Any], Any]:
    own = name if name in ("normal", "uniform", "permutation", "choice") else "normal"

    def substitute(real: Any) -> Any:
        def draw(*args: Any, **kwargs: Any) -> Any:
            if holds_carrier(args) or holds_carrier([*kwargs.values()]):
                what = f"np.random.{name} was called with a traced value, and has no derivative."
                raise UnsupportedError(sentences(what, f"Draw with wengert.random.{own}."))
            frozen = any(not trace.concrete for trace in ACTIVE.get())
            if frozen and not _by_library() and not (name == "default_rng" and (args or kwargs)):
                what = f"np.random.{name} is called while a function is traced: its numbers are "
                what += "constants from now on, the same in every call."
                advice = (
                    f"Pass them in as an argument, or draw with wengert.random.{own}(key, ...)."
                )
                warnings.warn(sentences(what, advice), UserWarning, stacklevel=2)
            return real(*args, **kwargs)

        return creation._like(draw, real)

    return substitute


def _by_library() -> bool:
    module = sys._getframe(2).f_globals.get("__name__", "")
    return module.partition(".")[0] in LIBRARIES


MODULES["numpy.random"] = {
    name: _drawn(name)
    for name in (
        "rand", "randn", "random", "random_sample", "uniform", "normal", "standard_normal",
        "randint", "choice", "permutation", "shuffle", "exponential", "gamma", "beta", "binomial",
        "poisson", "lognormal", "laplace", "multivariate_normal", "default_rng",
    )
}  # fmt: skip


# --- SciPy's Python functions, whose options that concern memory and checks say nothing here


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    def meaning(*args: Any, **kwargs: Any) -> Any:
        kept = {k: v for k, v in kwargs.items() if k not in QUIET}
        return function(*args, **kept)

    return meaning


QUIET = (
    "overwrite_a", "overwrite_b", "overwrite_ab", "check_finite", "lapack_driver", "driver",
    "overwrite_x", "workers", "plan",
)  # fmt: skip
TRANSFORMS = (
    "fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn",
    "ifftn", "rfftn", "irfftn",
)  # fmt: skip
MODULES["scipy.fft"] = {name: meant_by(_quiet(getattr(np.fft, name))) for name in TRANSFORMS}


def _solve(
    a: Any, b: Any, lower: bool = False, *, assume_a: Any = None, transposed: bool = False
) -> Any:
    if assume_a not in (None, "gen", "general"):
        raise unsupported(f"scipy.linalg.solve with assume_a={assume_a!r}")
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def _cholesky(a: Any, lower: bool = False) -> Any:
    return linalg.cholesky(array(a), upper=not lower)


def _cho_factor(a: Any, lower: bool = False) -> Any:
    return _cholesky(a, lower), lower


def _eigh(a: Any, *, lower: bool = True, eigvals_only: bool = False) -> Any:
    w, v = linalg.eigh(a, "L" if lower else "U")
    return w if eigvals_only else (w, v)


def _eigvalsh(a: Any, *, lower: bool = True) -> Any:
    return linalg.eigvalsh(a, "L" if lower else "U")


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    found = linalg.svd(a, full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


def _qr(a: Any, *, mode: str = "full") -> Any:
    kinds = {"full": "complete", "economic": "reduced", "r": "complete"}
    if mode not in kinds:
        raise unsupported(f"scipy.linalg.qr with mode={mode!r}")
    q, r = linalg.qr(a, kinds[mode])
    return (r,) if mode == "r" else (q, r)


MODULES["scipy.linalg"] = {
    name: meant_by(_quiet(function))
    for name, function in {
        "solve": _solve, "inv": linalg.inv, "det": linalg.det, "cholesky": _cholesky,
        "cho_factor": _cho_factor, "cho_solve": linalg.cho_solve, "eigh": _eigh,
        "eigvalsh": _eigvalsh, "svd": _svd, "svdvals": linalg.singular_values, "qr": _qr,
        "solve_triangular": linalg.solve_triangular, "solve_banded": linalg.solve_banded,
        "solve_sylvester": linalg.solve_sylvester, "expm": linalg.expm, "sqrtm": linalg.sqrtm,
        "norm": linalg.norm,
    }.items()
}  # fmt: skip


def _logsumexp(real: Any) -> Any:
    def meaning(
        a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
    ) -> Any:
        if return_sign or array(a).dtype.kind == "c":  # SciPy's own formula, traced
            return real(a, axis=axis, b=b, keepdims=keepdims, return_sign=return_sign)
        return special.logsumexp(a, axis, b, keepdims)

    return meant_by(meaning)(real)


MODULES["scipy.special"] = {
    "logsumexp": _logsumexp,
    "softmax": meant_by(lambda x, axis=None: special.softmax(x, axis)),
    "log_softmax": meant_by(lambda x, axis=None: special.log_softmax(x, axis)),
    "polygamma": meant_by(special.polygamma),
    "multigammaln": meant_by(special.multigammaln),
}
