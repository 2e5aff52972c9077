"""`jit` and `trace`: a function's list, made once for each set of types."""

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.arguments import F, identifier, parameter
from wengert.api.native import compiled
from wengert.errors import InputError, sentences
from wengert.ir.primitive import Carrier
from wengert.ir.program import Program
from wengert.ir.types import Type
from wengert.passes.pipeline import simplified
from wengert.passes.stabilise import stabilise
from wengert.settings import is_strict, shown, strictly
from wengert.trace.stage import lift
from wengert.trace.tracer import Trace
from wengert.trace.unify import PYTHON, array

Entry = tuple[Callable[..., list[Any]], Callable[[list[Any]], Any], Program]


def _kind(x: Any) -> Any:
    """What of a leaf the compiled function depends on: its type; for what is no array, itself."""
    if isinstance(x, np.ndarray | np.generic | Carrier):
        return (x.shape, x.dtype, getattr(x, "weak", False))
    if type(x) in PYTHON:
        return type(x)
    return x


class jit:
    """f as one straight function of NumPy calls, traced once for each structure, shape and dtype.

    Numbers and arrays are traced; strings, None and functions are part of what is compiled, and so
    are the arguments named in `static_argnums` or `static_argnames`, which must be hashable.
    Naive spellings run as the stable words that they mean (docs/delicate.md) unless `strict`.
    Inside, only shapes and dtypes are known: a Python `if` on a value is an error that says where.

    >>> square = jit(lambda x: x * x)
    >>> square(np.arange(3.0))
    array([0., 1., 4.])
    """

    def __init__(
        self,
        f: F,
        static_argnums: int | Sequence[int] = (),
        static_argnames: str | Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        self.f = f
        self.strict = strict
        self.numbers = (
            (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
        )
        self.names = (
            (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        )
        self.cache: dict[Any, Entry] = {}
        update_wrapper(self, f)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *a, **k: self(instance, *a, **k)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        free, still = self._split(args, kwargs)
        leaves, structure = tree.flatten(free)
        kinds = tuple([_kind(x) for x in leaves])
        key = (structure, kinds, still)
        try:
            entry = self.cache.get(key)
        except TypeError as error:
            raise InputError(
                sentences(
                    f"An argument of jit can be neither traced nor compared ({error}).",
                    "Pass arrays and numbers.",
                )
            ) from None
        traced = [
            x for x, k in zip(leaves, kinds, strict=True) if isinstance(k, tuple) or k in PYTHON
        ]
        if entry is None:
            entry, captured = self._compile(structure, leaves, kinds, still)
            if captured:
                return entry[1](entry[2](*traced, *captured))
            self.cache[key] = entry
        function, build, program = entry
        if any(isinstance(x, Carrier) for x in traced):
            return build(program(*traced))
        return build(function(*[np.asarray(x)[()] if type(x) in PYTHON else x for x in traced]))

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """The list that these arguments are run by."""
        free, still = self._split(args, kwargs)
        leaves, structure = tree.flatten(free)
        return self._compile(structure, leaves, tuple([_kind(x) for x in leaves]), still)[0][2]

    def _split(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        if not self.numbers and not self.names:
            return (args, kwargs), ()
        numbers = [n % len(args) for n in self.numbers if -len(args) <= n < len(args)]
        still = (
            tuple([(n, args[n]) for n in numbers]),
            tuple([(n, kwargs[n]) for n in self.names if n in kwargs]),
        )
        free = tuple([None if i in numbers else x for i, x in enumerate(args)])
        return (free, {k: v for k, v in kwargs.items() if k not in self.names}), still

    def _compile(
        self, structure: tree.Structure, leaves: list[Any], kinds: tuple[Any, ...], still: Any
    ) -> tuple[Entry, list[Any]]:
        def run(*tracers: Any) -> Any:
            found = iter(tracers)
            values = [
                next(found) if isinstance(k, tuple) or k in PYTHON else x
                for x, k in zip(leaves, kinds, strict=True)
            ]
            args, kwargs = structure.unflatten(values)
            args = list(args)
            for n, x in still[0] if still else ():
                args[n] = x
            return self.f(*args, **kwargs, **dict(still[1] if still else ()))

        with strictly(self.strict):
            program, build, captured = staged(run, leaves, kinds, label(self.f, structure, kinds))
            program = simplified(program if is_strict() else stabilise(program))
        program.name = getattr(self.f, "__name__", "f").replace("<lambda>", "f")
        if shown("trace"):
            print(program)
        return (compiled(program) if not captured else program, build, program), captured


def label(f: F, structure: tree.Structure, kinds: tuple[Any, ...]) -> list[str]:
    """A name for each traced leaf, from the function's parameters."""
    positional = structure.unflatten(list(range(len(kinds))))[0]
    names = []
    for i, value in enumerate(positional):
        names += tree.paths(value, parameter(f, i))
    for key, value in structure.unflatten(list(range(len(kinds))))[1].items():
        names += tree.paths(value, key)
    return [
        identifier(n)
        for n, k in zip(names, kinds, strict=True)
        if isinstance(k, tuple) or k in PYTHON
    ]


def staged(
    run: Callable[..., Any],
    leaves: Sequence[Any],
    kinds: Sequence[Any],
    names: Sequence[str],
    constants: bool = False,
) -> tuple[Program, Callable[[list[Any]], Any], list[Any]]:
    """A function of leaves as a list; how to build the tree it returns; what it captured.

    Results that don't depend on the leaves are results of the list only if `constants`.
    """
    chosen = [x for x, k in zip(leaves, kinds, strict=True) if isinstance(k, tuple) or k in PYTHON]
    with Trace(concrete=False) as trace:
        tracers = [
            trace.input(_type(x), n, type(x) in PYTHON or getattr(x, "weak", False))
            for x, n in zip(chosen, names, strict=True)
        ]
        outputs, structure = tree.flatten(run(*tracers))
        varying = [isinstance(y, Carrier) or (constants and _is_array(y)) for y in outputs]
        program = trace.close([y for y, v in zip(outputs, varying, strict=True) if v])
    program, captured = lift(program)

    def build(results: list[Any]) -> Any:
        found = iter(results)
        return structure.unflatten(
            [next(found) if v else fixed(y) for y, v in zip(outputs, varying, strict=True)]
        )

    return program, build, captured


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | Carrier) or type(x) in PYTHON


def fixed(y: Any) -> Any:
    """A result that doesn't depend on the arguments; arrays are copied, as other results are."""
    return np.array(y) if isinstance(y, np.ndarray) else y


def _type(x: Any) -> Type:
    x = x if isinstance(x, Carrier) else array(x)
    return Type(x.shape, x.dtype)


def trace(f: F) -> Callable[..., Program]:
    """A function that returns f's Wengert list at these arguments; print it to read it.

    The branches that a Python `if` takes at these values are the ones in the list.

    >>> print(trace(lambda x, w: np.sin(x * w))(2.0, 3.0))
    def f(x: f64, w: f64):
        v1: f64 = x * w
        v2: f64 = sin(v1)
        return v2
    """

    def traced(*args: Any, **kwargs: Any) -> Program:
        leaves, structure = tree.flatten((args, kwargs))
        kinds = tuple([_kind(x) for x in leaves])
        with Trace(concrete=True) as tape:
            names = iter(label(f, structure, kinds))
            values = [
                tape.input(array(x), next(names), type(x) in PYTHON)
                if isinstance(k, tuple) or k in PYTHON
                else x
                for x, k in zip(leaves, kinds, strict=True)
            ]
            positional, named = structure.unflatten(values)
            outputs, _ = tree.flatten(f(*positional, **named))
            program = tape.close([y if isinstance(y, Carrier) else array(y) for y in outputs])
        program = simplified(program)
        program.name = getattr(f, "__name__", "f").replace("<lambda>", "f")
        return program

    return traced
