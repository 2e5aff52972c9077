"""Derivatives of functions of trees, with the signatures that JAX's users know."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.arguments import Argnums, F, bind, distinct, flat, match, owned, real_scalar
from wengert.errors import InputError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.types import type_of
from wengert.settings import strictly
from wengert.trace.tracer import Tracer
from wengert.trace.unify import array
from wengert.transforms.derivatives import Point, at_point


def value_and_grad(f: F, argnums: Argnums = 0, has_aux: bool = False, strict: bool = False) -> F:
    """A function that returns (f(x), gradient), by one reverse sweep.

    The gradient is a tree like the chosen arguments, of arrays of their shapes and dtypes; for
    complex arguments it points uphill (2 z for |z|^2). With `has_aux`, f returns (value, anything)
    and so does this: ((value, anything), gradient).

    Naive spellings such as log(sum(exp(x))) are differentiated as the stable words that they mean,
    here `logsumexp` (docs/delicate.md); with `strict`, as they are written.

    Raises TypeError if an argument isn't of floats or the result isn't a real scalar.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = bind(f, argnums, args, kwargs)
        extra: list[Any] = []

        def scalar(*tracers: Any) -> Sequence[Any]:
            y = call.run(*tracers)
            if has_aux:
                y, aux = y
                extra.append(aux)
            return [real_scalar(y, "grad")]

        if strict:
            with strictly(True):
                point = at_point(scalar, call.leaves, call.weak)
        else:
            point = at_point(scalar, call.leaves, call.weak)
        value = point.values[0]
        one = np.ones((), value.dtype)[()]
        gradients = [np.conjugate(g) if g.dtype.kind == "c" else g for g in point.pull([one])]
        gradient = call.unflatten(distinct(gradients, point.given))
        if has_aux:
            return (owned(value), _below(extra[0], point)), gradient
        return owned(value), gradient

    return wrapped


def _below(extra: Any, point: Point) -> Any:
    """What a function returned beside its result, with values for stand-ins."""
    leaves, structure = tree.flatten(extra)
    found = [x.fresh() if isinstance(x, Tracer) else x for x in leaves]
    values = [point.env.get(x.variable, x.value) if isinstance(x, Tracer) else x for x in found]
    constants = [x for x in leaves if isinstance(x, np.ndarray)]
    return structure.unflatten(distinct(values, [*point.given, *constants]))


def grad(f: F, argnums: Argnums = 0, has_aux: bool = False, strict: bool = False) -> F:
    """The gradient of a scalar function, by one reverse sweep. See `value_and_grad`.

    >>> grad(lambda x: np.sin(x) ** 2)(np.pi / 4).round(12)
    np.float64(1.0)
    """
    both = value_and_grad(f, argnums, has_aux, strict)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def jvp(f: F, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(x), J dx): forward mode, one pass for one direction.

    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    call, run, result = flat(f, primals)
    structure = tree.flatten(tuple(primals))[1]
    dxs = match(tuple(tangents), call.leaves, structure, "tangents")
    point = at_point(run, call.leaves, call.weak)
    build = result[0].unflatten
    given = [*point.given, *dxs]
    values = distinct(point.values, given)
    return build(values), build(distinct(point.push(dxs), [*given, *values]))


def vjp(f: F, *primals: Any) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """(f(x), pullback), where pullback(u) is the tuple of J' u: reverse mode.

    >>> y, pullback = vjp(lambda x, w: x * w, 2.0, 3.0)
    >>> pullback(1.0)
    (np.float64(3.0), np.float64(2.0))
    """
    call, run, result = flat(f, primals)
    point = at_point(run, call.leaves, call.weak)
    values = point.values

    def back(u: Any) -> tuple[Any, ...]:
        us = [
            np.conjugate(c) if c.dtype.kind == "c" else c
            for c in match(u, values, result[0], "cotangents")
        ]
        dxs = [np.conjugate(g) if g.dtype.kind == "c" else g for g in point.pull(us)]
        gradient: tuple[Any, ...] = call.unflatten(distinct(dxs, [*us, *point.given]))
        return gradient

    return result[0].unflatten(distinct(values, point.given)), back


def linearize(f: F, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(f(x), differential), where differential(*dx) = J dx without running f again."""
    call, run, result = flat(f, primals)
    structure = tree.flatten(tuple(primals))[1]
    point = at_point(run, call.leaves, call.weak)
    program = point.linear(forward=True)

    def differential(*tangents: Any) -> Any:
        dxs = match(tangents, call.leaves, structure, "tangents")
        return result[0].unflatten(distinct(program(*dxs), [*dxs, *point.given]))

    return result[0].unflatten(distinct(point.values, point.given)), differential


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
        raise InputError(
            sentences(f"mode={mode!r} is no mode.", "Take 'auto', 'forward' or 'reverse'.")
        )

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = bind(f, argnums, args, kwargs)
        result: list[tree.Structure] = []

        def run(*tracers: Any) -> Sequence[Any]:
            leaves, structure = tree.flatten(call.run(*tracers))
            result[:] = [structure]
            return [y if isinstance(y, Carrier) else array(y) for y in leaves]

        point = at_point(run, call.leaves, call.weak)
        n = sum(type_of(x).size for x in call.leaves)
        m = sum(type_of(y).size for y in point.values)
        forward = mode == "forward" or (mode == "auto" and n <= m)
        rows = point.columns(forward)
        return result[0].unflatten([call.unflatten([owned(b) for b in row]) for row in rows])

    return wrapped


def hessian(f: F, argnums: Argnums = 0) -> F:
    """The Hessian of a scalar function, forward over reverse: shape t + t for a shape t.

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
