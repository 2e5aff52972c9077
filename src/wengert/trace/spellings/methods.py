"""The methods of ndarray on stand-ins: each is the NumPy function of its name."""

from typing import Any

import numpy as np

from wengert.trace.tracer import Tracer

SAME = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "any",
    "all",
    "argmax",
    "argmin",
    "cumsum",
    "cumprod",
    "ptp",
    "clip",
    "round",
    "trace",
    "diagonal",
    "repeat",
    "take",
    "choose",
    "squeeze",
    "swapaxes",
    "ravel",
    "argsort",
    "searchsorted",
    "nonzero",
    "dot",
    "argpartition",
]


def _install() -> None:
    for name in SAME:
        function = getattr(np, name)
        setattr(Tracer, name, lambda self, *a, _f=function, **k: _f(self, *a, **k))
    names: dict[str, Any] = {
        "T": property(lambda x: np.transpose(x)),
        "mT": property(lambda x: np.matrix_transpose(x)),
        "real": property(lambda x: np.real(x)),
        "imag": property(lambda x: np.imag(x)),
        "flat": property(lambda x: iter(np.ravel(x))),
        "device": property(lambda x: "cpu"),
        "astype": lambda x, dtype, *a, **k: _copied(np.astype(x, dtype), x, k),
        "reshape": _reshape,
        "transpose": _transpose,
        "compress": lambda x, condition, axis=None: np.compress(condition, x, axis),
        "flatten": lambda x, order="C": np.copy(np.ravel(x, order)),
        "copy": lambda x, order="C": x.fresh(),
        "conj": lambda x: np.conjugate(x),
        "conjugate": lambda x: np.conjugate(x),
        "__array_namespace__": lambda x, *, api_version=None: np,
        "__copy__": lambda x: x.fresh(),
        "__deepcopy__": lambda x, memo: x.fresh(),
    }
    for name, method in names.items():
        setattr(Tracer, name, method)


def _copied(y: Any, x: Any, options: dict[str, Any]) -> Any:
    return y.fresh() if y is x and options.get("copy", True) else y


def _reshape(x: Any, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order)


def _transpose(x: Any, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])):
        (axes,) = axes
    return np.transpose(x, axes or None)


_install()
