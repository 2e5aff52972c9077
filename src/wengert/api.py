"""The doors: transformations of functions of trees, with the signatures that JAX's users know."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import DtypeError, InputError, ShapeError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.program import Const
from wengert.ir.types import Array, Type, type_of
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array
from wengert.transforms.derivatives import Point, at_point

Argnums = int | str | Sequence[int | str]
F = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Call:
    """A function bound to its arguments, seen as a function of the differentiated leaves."""

    leaves: list[Array]
    weak: list[bool]
    names: list[str]
    structures: list[tree.Structure]
    single: bool
    run: Callable[..., Any]

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """A tree like the differentiated arguments: one alone, or a tuple of them."""
        trees, at = [], 0
        for structure in self.structures:
            trees.append(structure.unflatten(leaves[at : at + structure.size]))
            at += structure.size
        return trees[0] if self.single else tuple(trees)


def _bind(f: F, argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
    single = isinstance(argnums, int | str)
    numbers: Any = (argnums,) if single else tuple(argnums)  # type: ignore[arg-type]
    places = [_place(f, n, args, kwargs) for n in numbers]
    chosen = [kwargs[p] if isinstance(p, str) else args[p] for p in places]
    leaves, names, structures = [], [], []
    for place, value in zip(places, chosen, strict=True):
        root = place if isinstance(place, str) else _parameter(f, place)
        found, structure = tree.flatten(value)
        names += tree.paths(value, root)
        leaves += found
        structures.append(structure)
    arrays = [differentiable(x, n) for x, n in zip(leaves, names, strict=True)]
    weak = [type(x) in (float, complex) for x in leaves]
    base = list(args)

    def run(*tracers: Any) -> Any:
        at, positional, named = 0, list(base), dict(kwargs)
        for place, structure in zip(places, structures, strict=True):
            value = structure.unflatten(tracers[at : at + structure.size])
            at += structure.size
            if isinstance(place, str):
                named[place] = value
            else:
                positional[place] = value
        return f(*positional, **named)

    return _Call(arrays, weak, [_identifier(n) for n in names], structures, single, run)


def _place(f: F, n: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    """An argument's position, or its keyword if it was given by keyword."""
    if isinstance(n, str):
        if n in kwargs:
            return n
        names = list(_signature(f))
        if n not in names or names.index(n) >= len(args):
            raise InputError(sentences(f"argnums names {n!r}, which was not passed.", "Check its spelling."))
        return names.index(n)
    if not -len(args) <= n < len(args):
        raise InputError(
            sentences(
                f"argnums={n} asks for a positional argument, and the call has {len(args)}.",
                "Count from 0, or name the parameter: argnums='w'.",
            )
        )
    return n % len(args)


def _signature(f: F) -> dict[str, Any]:
    try:
        return dict(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return {}


def _parameter(f: F, place: int) -> str:
    names = list(_signature(f))
    return names[place] if place < len(names) and names[place] not in ("args",) else f"x{place + 1}"


def _identifier(path: str) -> str:
    """`params[0]['W']` as a name that a list may use: params_0_W."""
    return "".join(c if c.isalnum() else "_" for c in path.replace("'", "")).replace("__", "_").strip("_")


def differentiable(x: Any, name: str) -> Array:
    """x as an array of floats or complex numbers; TypeError for what has no derivative."""
    if isinstance(x, Carrier):
        value: Any = x
    elif x is None or isinstance(x, str | bytes):
        raise DtypeError(
            sentences(f"The argument {name} is {x!r}, which is no array.", "Pass numbers, or leave it out of argnums.")
        )
    else:
        value = array(x) if not callable(x) else None
        if value is None:
            raise DtypeError(sentences(f"The argument {name} holds {x!r}, which is no array.", "Mark such a field wengert.tree.static()."))
        if not value.dtype.isnative:
            value = value.astype(value.dtype.newbyteorder("="))
    if value.dtype.kind not in "fc":
        raise DtypeError(
            sentences(
                f"The argument {name} has dtype {value.dtype}, and derivatives are taken with respect to floats.",
                f"Pass it as floats, as in np.asarray({name}, float), or leave it out of argnums.",
            )
        )
    return value


def _scalar(value: Any, what: str) -> Any:
    if not (hasattr(value, "dtype") or isinstance(value, int | float | complex)):
        raise DtypeError(
            sentences(f"{what} needs a function that returns a number, and this one returned {type(value).__name__}.",
                      "Return the loss alone, or (loss, anything) with has_aux=True.")
        )
    y = value if isinstance(value, Carrier) else array(value)
    if y.shape != ():
        raise DtypeError(
            sentences(f"{what} needs a function that returns a scalar, and this one returned shape {y.shape}.",
                      "Reduce it with np.sum or np.mean, or use wengert.jacobian or wengert.vjp.")
        )
    if y.dtype.kind == "c":
        raise DtypeError(
            sentences(f"{what} needs a real result, and this one is {y.dtype}.",
                      "Take np.real or np.abs of it, or use wengert.vjp.")
        )
    return y


def value_and_grad(f: F, argnums: Argnums = 0, has_aux: bool = False) -> F:
    """A function that returns (f(x), gradient), by one reverse sweep.

    The gradient is a tree like the chosen arguments, of arrays of their shapes and dtypes; for
    complex arguments it points uphill (2 z for |z|^2). With `has_aux`, f returns (value, anything)
    and so does this: ((value, anything), gradient).

    Raises TypeError if an argument isn't of floats or the result isn't a real scalar.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = _bind(f, argnums, args, kwargs)
        extra: list[Any] = []

        def scalar(*tracers: Any) -> Sequence[Any]:
            y = call.run(*tracers)
            if has_aux:
                y, aux = y
                extra.append(aux)
            return [_scalar(y, "grad")]

        point = at_point(scalar, call.leaves, call.names, call.weak)
        value = point.values[0]
        one = np.ones((), value.dtype)[()]
        gradients = [np.conjugate(g) if g.dtype.kind == "c" else g for g in point.pull([one])]
        gradient = call.unflatten([_owned(g) for g in gradients])
        if has_aux:
            return (_owned(value), tree.map(lambda x: _below(x, point), extra[0])), gradient
        return _owned(value), gradient

    return wrapped


def _below(x: Any, point: Point) -> Any:
    """The value of what a function returned beside its result."""
    if isinstance(x, Tracer) and x.variable in point.env:
        return point.env[x.variable]
    return x


def _owned(x: Array) -> Array:
    """A result that shares no memory with an argument and may be written to."""
    if isinstance(x, np.ndarray) and (x.base is not None or not x.flags.writeable):
        return np.array(x)[()]
    return x[()] if isinstance(x, np.ndarray) and not x.shape else x


def grad(f: F, argnums: Argnums = 0, has_aux: bool = False) -> F:
    """The gradient of a scalar function, by one reverse sweep. See `value_and_grad`.

    >>> grad(lambda x: np.sin(x) ** 2)(np.pi / 4).round(12)
    np.float64(1.0)
    """
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def _flat(f: F, primals: Sequence[Any]) -> tuple[_Call, Any, list[tree.Structure]]:
    """f of flat leaves, for functions that return any tree."""
    call = _bind(f, tuple(range(len(primals))), tuple(primals), {})
    result: list[tree.Structure] = []

    def run(*tracers: Any) -> Sequence[Any]:
        leaves, structure = tree.flatten(call.run(*tracers))
        result[:] = [structure]
        return [y if isinstance(y, Carrier) else array(y) for y in leaves]

    return call, run, result


def _match(given: Any, like: Sequence[Array], structure: Any, what: str) -> list[Array]:
    """Tangents or cotangents as leaves; ValueError unless they have the shapes of what they go with."""
    leaves, found = tree.flatten(given)
    if found != structure:
        raise ShapeError(sentences(f"The {what} don't have the structure of what they go with.", "Use the same nesting."))
    out = []
    for u, x in zip(leaves, like, strict=True):
        u = u if isinstance(u, Carrier) else array(u)
        if u.shape != x.shape:
            raise ShapeError(
                sentences(f"The {what} hold shape {u.shape} where the value has {x.shape}.", "Give one number for each entry.")
            )
        out.append(u if u.dtype == x.dtype else np.astype(np.asarray(u) if not isinstance(u, Carrier) else u, x.dtype)[()])
    return out


def jvp(f: F, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(x), J dx): forward mode, one pass for one direction.

    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    call, run, result = _flat(f, primals)
    structure = tree.flatten(tuple(primals))[1]
    dxs = _match(tuple(tangents), call.leaves, structure, "tangents")
    point = at_point(run, call.leaves, call.names, call.weak)
    build = result[0].unflatten
    return build([_owned(y) for y in point.values]), build([_owned(d) for d in point.push(dxs)])


def vjp(f: F, *primals: Any) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """(f(x), pullback), where pullback(u) is the tuple of J' u: reverse mode.

    >>> y, pullback = vjp(lambda x, w: x * w, 2.0, 3.0)
    >>> pullback(1.0)
    (np.float64(3.0), np.float64(2.0))
    """
    call, run, result = _flat(f, primals)
    point = at_point(run, call.leaves, call.names, call.weak)
    values = point.values

    def back(u: Any) -> tuple[Any, ...]:
        us = [np.conjugate(c) if c.dtype.kind == "c" else c for c in _match(u, values, result[0], "cotangents")]
        dxs = [np.conjugate(g) if g.dtype.kind == "c" else g for g in point.pull(us)]
        gradient: tuple[Any, ...] = call.unflatten([_owned(g) for g in dxs])
        return gradient

    return result[0].unflatten([_owned(y) for y in values]), back


def linearize(f: F, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(f(x), differential), where differential(*dx) = J dx without running f again."""
    call, run, result = _flat(f, primals)
    structure = tree.flatten(tuple(primals))[1]
    point = at_point(run, call.leaves, call.names, call.weak)
    program = point.linear(forward=True)

    def differential(*tangents: Any) -> Any:
        dxs = _match(tangents, call.leaves, structure, "tangents")
        return result[0].unflatten([_owned(d) for d in program(*dxs)])

    return result[0].unflatten([_owned(y) for y in point.values]), differential


def jacobian(f: F, argnums: Argnums = 0, mode: str = "auto") -> F:
    """The Jacobian: for an output of shape s and an argument of shape t, an array of shape s + t.

    mode "forward" takes one pass for each input number, "reverse" one for each output number;
    "auto" counts, and takes the fewer. Outputs and arguments may be trees: then so is the result,
    a tree of the output's structure whose leaves are trees of the arguments'.

    >>> jacobian(lambda x: x[1:] * x[:-1])(np.array([1.0, 2.0, 3.0]))
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise InputError(sentences(f"mode={mode!r} is no mode.", "Take 'auto', 'forward' or 'reverse'."))

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = _bind(f, argnums, args, kwargs)
        result: list[tree.Structure] = []

        def run(*tracers: Any) -> Sequence[Any]:
            leaves, structure = tree.flatten(call.run(*tracers))
            result[:] = [structure]
            return [y if isinstance(y, Carrier) else array(y) for y in leaves]

        point = at_point(run, call.leaves, call.names, call.weak)
        n = sum(type_of(x).size for x in call.leaves)
        m = sum(type_of(y).size for y in point.values)
        forward = mode == "forward" or (mode == "auto" and n <= m)
        rows = point.columns(forward)
        return result[0].unflatten([call.unflatten([_owned(b) for b in row]) for row in rows])

    return wrapped


def hessian(f: F, argnums: Argnums = 0) -> F:
    """The Hessian of a scalar function, forward over reverse: shape t + t for an argument of shape t.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="forward")


def hvp(f: F, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar function times a direction, at the cost of a few gradients.

    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    numbers: Argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(f, numbers), primals, tangents)[1]


def stop_gradient(x: Any) -> Any:
    """x as a constant, leaf by leaf: the same value, no derivative."""
    return tree.map(lambda leaf: leaf.value if isinstance(leaf, Tracer) and leaf.value is not None else _stopped(leaf), x)


def _stopped(leaf: Any) -> Any:
    return leaf


__all__ = ["Const", "Type"]
