"""Arguments as leaves: what a transformation differentiates, and the tree it gives back."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import DtypeError, InputError, ShapeError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.types import Array
from wengert.trace.unify import array

Argnums = int | str | Sequence[int | str]
F = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A function bound to its arguments, seen as a function of the differentiated leaves."""

    leaves: list[Array]
    weak: list[bool]
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


def bind(f: F, argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """f at these arguments as a function of the leaves of those that argnums chooses."""
    single = isinstance(argnums, int | str)
    numbers: Any = (argnums,) if single else tuple(argnums)
    places = [_place(f, n, args, kwargs) for n in numbers]
    chosen = [kwargs[p] if isinstance(p, str) else args[p] for p in places]
    leaves, structures = [], []
    for value in chosen:
        found, structure = tree.flatten(value)
        leaves += found
        structures.append(structure)

    def name(i: int) -> str:
        roots = [p if isinstance(p, str) else parameter(f, p) for p in places]
        paths = (tree.paths(v, r) for v, r in zip(chosen, roots, strict=True))
        return [path for group in paths for path in group][i]

    arrays = [differentiable(x, partial(name, i)) for i, x in enumerate(leaves)]
    weak = [type(x) in (float, complex) or getattr(x, "weak", False) for x in leaves]
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

    return Call(arrays, weak, structures, single, run)


def _place(f: F, n: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    """An argument's position, or its keyword if it was given by keyword."""
    if isinstance(n, str):
        if n in kwargs:
            return n
        names = list(parameters(f))
        if n not in names or names.index(n) >= len(args):
            raise InputError(
                sentences(f"argnums names {n!r}, which was not passed.", "Check its spelling.")
            )
        return names.index(n)
    if not -len(args) <= n < len(args):
        raise InputError(
            sentences(
                f"argnums={n} asks for a positional argument, and the call has {len(args)}.",
                "Count from 0, or name the parameter: argnums='w'.",
            )
        )
    return n % len(args)


def parameters(f: F) -> tuple[str, ...]:
    """The names of f's parameters, in order; none where Python can't tell."""
    if type(f) is FunctionType and not hasattr(f, "__wrapped__"):
        return f.__code__.co_varnames[: f.__code__.co_argcount]
    try:
        kinds = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple([p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)])


def parameter(f: F, place: int) -> str:
    """The name of a positional argument, or x1, x2, ... where it has none."""
    names = parameters(f)
    return names[place] if place < len(names) else f"x{place + 1}"


def identifier(path: str) -> str:
    """`params[0]['W']` as a name that a list may use: params_0_W."""
    return (
        "".join(c if c.isalnum() else "_" for c in path.replace("'", ""))
        .replace("__", "_")
        .strip("_")
    )


def differentiable(x: Any, name: Callable[[], str]) -> Array:
    """x as an array of floats or complex numbers; TypeError for what has no derivative."""
    if isinstance(x, Carrier):
        value: Any = x
    elif x is None or isinstance(x, str | bytes):
        raise DtypeError(
            sentences(
                f"The argument {name()} is {x!r}, which is no array.",
                "Pass numbers, or leave it out of argnums.",
            )
        )
    else:
        value = array(x) if not callable(x) else None
        if value is None:
            raise DtypeError(
                sentences(
                    f"The argument {name()} holds {x!r}, which is no array.",
                    "Mark such a field wengert.tree.static().",
                )
            )
        if not value.dtype.isnative:
            value = value.astype(value.dtype.newbyteorder("="))
    if value.dtype.kind not in "fc":
        raise DtypeError(
            sentences(
                f"The argument {name()} has dtype {value.dtype}, and only floats have derivatives.",
                f"Pass floats, as in np.asarray({name()}, float), or leave it out of argnums.",
            )
        )
    return value


def real_scalar(value: Any, what: str) -> Any:
    """A function's result, if it is a real number; else TypeError that says what it is."""
    if not (hasattr(value, "dtype") or isinstance(value, int | float | complex)):
        raise DtypeError(
            sentences(
                f"{what} needs a function that returns a number, not {type(value).__name__}.",
                "Return the loss alone, or (loss, anything) with has_aux=True.",
            )
        )
    y = value if isinstance(value, Carrier) else array(value)
    if y.shape != ():
        raise DtypeError(
            sentences(
                f"{what} needs a function that returns a scalar, not shape {y.shape}.",
                "Reduce it with np.sum or np.mean, or use wengert.jacobian or wengert.vjp.",
            )
        )
    if y.dtype.kind == "c":
        raise DtypeError(
            sentences(
                f"{what} needs a real result, and this one is {y.dtype}.",
                "Take np.real or np.abs of it, or use wengert.vjp.",
            )
        )
    return y


def owned(x: Array) -> Array:
    """A result that shares no memory with an argument and may be written to."""
    if isinstance(x, np.ndarray) and (x.base is not None or not x.flags.writeable):
        return np.array(x)[()]
    return x[()] if isinstance(x, np.ndarray) and not x.shape else x


def distinct(values: Sequence[Array], given: Sequence[Any] = ()) -> list[Array]:
    """Results of which each owns its memory: none is a given array, or another result."""
    seen = {id(g) for g in given}
    out = []
    for x in values:
        x = owned(x)
        x = x.copy() if isinstance(x, np.ndarray) and id(x) in seen else x
        seen.add(id(x))
        out.append(x)
    return out


def flat(f: F, primals: Sequence[Any]) -> tuple[Call, Any, list[tree.Structure]]:
    """f of flat leaves, for functions that return any tree."""
    call = bind(f, tuple(range(len(primals))), tuple(primals), {})
    result: list[tree.Structure] = []

    def run(*tracers: Any) -> Sequence[Any]:
        leaves, structure = tree.flatten(call.run(*tracers))
        result[:] = [structure]
        return [y if isinstance(y, Carrier) else array(y) for y in leaves]

    return call, run, result


def match(given: Any, like: Sequence[Array], structure: Any, what: str) -> list[Array]:
    """Tangents or cotangents as leaves; ValueError unless shapes fit what they go with."""
    leaves, found = tree.flatten(given)
    if found != structure:
        raise ShapeError(
            sentences(
                f"The {what} don't have the structure of what they go with.",
                "Use the same nesting.",
            )
        )
    out = []
    for u, x in zip(leaves, like, strict=True):
        u = u if isinstance(u, Carrier) else array(u)
        if u.shape != x.shape:
            raise ShapeError(
                sentences(
                    f"The {what} hold shape {u.shape} where the value has {x.shape}.",
                    "Give one number for each entry.",
                )
            )
        out.append(
            u
            if u.dtype == x.dtype
            else np.astype(np.asarray(u) if not isinstance(u, Carrier) else u, x.dtype)[()]
        )
    return out
