"""The methods of ndarray on stand-ins: each is the NumPy function of its name."""

from typing import Any

import numpy as np

from wengert.trace.namespace import namespace
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
        "real": property(lambda x: np.real(x), lambda x, v: _set_part(np.real(x), v)),
        "imag": property(lambda x: np.imag(x), lambda x, v: _set_part(np.imag(x), v)),
        "flat": property(Flat, lambda x, v: Flat(x).__setitem__(slice(None), v)),
        "device": property(lambda x: "cpu"),
        "astype": _astype,
        "reshape": _reshape,
        "transpose": _transpose,
        "compress": lambda x, condition, axis=None: np.compress(condition, x, axis),
        "flatten": lambda x, order="C": np.copy(np.ravel(x, order)),
        "copy": lambda x, order="C": x.fresh(order),
        "conj": lambda x: np.conjugate(x),
        "conjugate": lambda x: np.conjugate(x),
        "__array_namespace__": namespace,
        "__copy__": lambda x: x.fresh(),
        "__deepcopy__": lambda x, memo: x.fresh(),
    }
    for name, method in names.items():
        setattr(Tracer, name, method)


def _set_part(part: Any, value: Any) -> None:
    """x.real = v, and what is left of `x.real *= 2` when the view has been written to."""
    if part is not value:
        part[...] = value


class Flat:
    """x.flat: the elements in C's order, read as copies, written into x."""

    __slots__ = ("at", "base")

    def __init__(self, x: Tracer) -> None:
        self.base, self.at = x, 0

    def __iter__(self) -> "Flat":
        return self

    def __next__(self) -> Any:
        if self.at >= self.base.size:
            raise StopIteration
        self.at += 1
        return self[self.at - 1]

    def __len__(self) -> int:
        return self.base.size

    def __getitem__(self, key: Any) -> Any:
        y = np.reshape(self.base, (-1,))[key]
        return y.fresh() if isinstance(y, Tracer) else y

    def __setitem__(self, key: Any, value: Any) -> None:
        places = np.arange(self.base.size)[key] if not isinstance(key, Tracer) else key
        np.put(self.base, places, value)

    def copy(self) -> Any:
        return np.copy(np.reshape(self.base, (-1,)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return function(*[a.copy() if isinstance(a, Flat) else a for a in args], **kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        args = tuple([a.copy() if isinstance(a, Flat) else a for a in args])
        return getattr(ufunc, method)(*args, **kwargs)


def _astype(
    x: Any,
    dtype: Any,
    order: str = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    y = np.astype(x, dtype, copy=False)
    return y.fresh(order) if y is x and copy else y


def _reshape(x: Any, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order)


def _transpose(x: Any, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])):
        (axes,) = axes
    return np.transpose(x, axes or None)


_install()
