"""`jit` and `trace`: a function's list, made once for each set of types."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import tree
from wengert.api.arguments import F, distinct, identifier, parameter
from wengert.api.doors import Enter, door
from wengert.api.paths import Path, Paths, attempt, script, too_many
from wengert.errors import InputError, sentences
from wengert.ir.lazy import Lazy
from wengert.ir.primitive import Carrier
from wengert.ir.program import Program
from wengert.ir.types import Type
from wengert.passes.pipeline import simplified
from wengert.passes.stabilise import stabilise
from wengert.settings import is_strict, most_paths, shown, strictly
from wengert.trace import creation
from wengert.trace.guards import Witness
from wengert.trace.layout import Order, given, order_of
from wengert.trace.stage import lift
from wengert.trace.tracer import GIVEN, Trace, Tracer
from wengert.trace.unify import PYTHON, array

if TYPE_CHECKING:
    from wengert.api import budget, native
else:
    budget, native = Lazy("wengert.api.budget"), Lazy("wengert.api.native")

Entry = tuple[Callable[..., list[Any]], Callable[[list[Any]], Any], Program, Enter | None]
"""Of leaves; how to build the tree it returns; the list; and all of it at once, where it can be."""


def _kind(x: Any) -> Any:
    """What of a leaf the compiled function depends on: its type; for what is no array, itself."""
    if isinstance(x, np.ndarray | np.generic | Carrier):
        return (x.shape, x.dtype, getattr(x, "weak", False))
    if type(x) in PYTHON:
        return type(x)
    return x


def _lie(x: Any) -> Any:
    """How an argument lies in memory: in C's order, in Fortran's, or with these strides."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return None
    if x.flags.c_contiguous:
        return "C"
    return "F" if x.flags.f_contiguous else x.strides


def _straight(x: np.ndarray[Any, Any]) -> bool:
    return x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative


class jit:
    """f as one straight function of NumPy calls, traced once for each structure, shape and dtype.

    Numbers and arrays are traced; strings, None and functions are part of what is compiled, and so
    are the arguments named in `static_argnums` or `static_argnames`, which must be hashable.
    Naive spellings run as the stable words that they mean (docs/delicate.md) unless `strict`.
    An `if`, `while` or index that asks for a value is written down with its answer and checked at
    each call; where another answer comes, that path is traced too, and kept beside.
    With `memory="64MB"` a call takes no more than that beside its arguments: it runs in chunks of
    samples or keeps fewer states of its loops. BudgetError, before any work, says what is needed.

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
        memory: int | str | None = None,
    ) -> None:
        self.f = f
        self.strict = strict
        self.budget = None if memory is None else budget.size(memory)
        self.numbers = (
            (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
        )
        self.names = (
            (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        )
        self.cache: dict[Any, Entry | Paths] = {}
        self.orders: dict[Any, frozenset[int]] = {}
        """The traced leaves on whose order in memory a list hangs: it is a part of their key."""
        self.quick: Enter | None = None
        update_wrapper(self, f, updated=())  # f's __dict__ may be a jit's

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *a, **k: self(instance, *a, **k)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.quick is not None and not kwargs:
            return self.quick(*args)
        return self._called(args, kwargs)

    def _slow(self, *args: Any) -> Any:
        """What the quick way leaves."""
        return self._called(args, {})

    def _called(self, args: Any, kwargs: Any) -> Any:
        free, still = self._split(args, kwargs)
        leaves, structure = tree.flatten(free)
        kinds = tuple([_kind(x) for x in leaves])
        key: Any = (structure, kinds, still)
        try:
            key = self._key(_Call(self.f, structure, leaves, kinds, still)) if self.orders else key
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
        if type(entry) is tuple:
            function, build, program, enter = entry
            self.quick = enter or self.quick
            if any(isinstance(x, Carrier) for x in traced):
                return build(program(*traced))
            return build(function(*[np.asarray(x)[()] if type(x) in PYTHON else x for x in traced]))
        values = [array(x)[()] if type(x) in PYTHON else x for x in traced]
        return self._guarded(entry, _Call(self.f, structure, leaves, kinds, still), values, key)

    def _key(self, call: "_Call", places: Iterable[int] = ()) -> Any:
        """What a list is kept under, that hangs on the order in memory of these leaves."""
        base = (call.structure, call.kinds, call.still)
        found = self.orders.get(base, frozenset())
        if not found.issuperset(places):
            found = self.orders[base] = found.union(places)
        lie = tuple([(i, _lie(call.traced[i])) for i in sorted(found)])
        return (*base, lie) if lie else base

    def _enter(self, path: Path, call: "_Call") -> Enter | None:
        """The quick way for calls like this one, straight to the machine."""
        given, named = call.structure.children
        if named.children or call.still or len(call.traced) != len(call.leaves):
            return None

        def slow(*leaves: Any) -> Any:
            """In a tuple, so that it isn't taken for a list of results."""
            return (self._called(given.unflatten(leaves), {}),)

        weak = [k in PYTHON for k in call.kinds]
        inside = native.quick(path.function, path.program, slow, weak)
        return None if inside is None else door(given, path.build, inside, self._slow)

    def _guarded(self, paths: Paths | None, call: "_Call", values: list[Any], key: Any) -> Any:
        """A call that is new, or of which the answers to its questions choose the list."""
        inner = any(isinstance(x, Carrier) for x in values)
        if paths is not None and inner:
            return call.within()
        if paths is not None and paths.last is not None:
            return self._follow(paths, paths.last, call, values, key)
        witness = Witness(None if inner else values)
        try:
            path, captured = self._compile(call, witness)
            key = self._key(call, witness.places)
        except Exception:
            if not (inner and witness.asked):
                raise
        if inner and (witness.asked or witness.opened):
            self.cache.setdefault(key, Paths())
            return call.within()
        asks = bool(path.outcomes) or witness.opened
        if witness.outside and not captured:
            return call.within()
        if captured:
            return call.within() if asks else path.build(path.program(*values, *captured))
        if not asks:
            in_c = all(_lie(values[i]) == "C" for i in witness.places)  # what the quick way takes
            enter = None if inner or not in_c else self._enter(path, call)
            self.cache[key] = path.function, path.build, path.program, enter
            self.quick = enter or self.quick
            return path.build((path.program if inner else path.function)(*values))
        found = self.cache.setdefault(key, Paths())
        found = found if isinstance(found, Paths) else Paths()  # another thread was asked nothing
        found.take(path)
        return self._follow(found, path, call, values, key)

    def _follow(self, paths: Paths, path: Path, call: "_Call", values: list[Any], key: Any) -> Any:
        """Run a path, and where it diverges, the one that fits; what both begin with warns once."""
        results, met = attempt(path, values)
        tries = 0
        while met is not None:
            known, tries = paths.sibling(path, met), tries + 1
            if known is None and paths.count >= most_paths():
                raise too_many(getattr(self.f, "__name__", "f"), path, met)
            if tries > most_paths() + 1:  # a choice that hangs on rounding, or on more than values
                return call.plain()
            if known is None:
                witness = Witness(values, script(path, met))
                known, captured = self._compile(call, witness)
                if captured or witness.outside:
                    return call.within()
                if self._key(call, witness.places) != key:  # it hangs on more than the others
                    return self._guarded(None, call, values, key)
                paths.take(known)
            path = known
            results, met = attempt(path, values, met)
        if path is not paths.last:
            paths.take(path)
        return path.build(results)

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """The list that these arguments are run by."""
        free, still = self._split(args, kwargs)
        leaves, structure = tree.flatten(free)
        call = _Call(self.f, structure, leaves, tuple([_kind(x) for x in leaves]), still)
        return self._compile(call, Witness([array(x) for x in call.traced]))[0].program

    def memory(self, *args: Any, **kwargs: Any) -> int:
        """The bytes that a call with these arguments takes, known before it runs.

        The workspace, the results, and copies of arguments that don't lie row by row. Exact where
        all is native; a bound where NumPy calls stand between.

        >>> jit(lambda x: np.sin(x) * 2.0).memory(np.zeros(1000))
        8000
        """
        free, still = self._split(args, kwargs)
        leaves, structure = tree.flatten(free)
        call = _Call(self.f, structure, leaves, tuple([_kind(x) for x in leaves]), still)
        path = self.cache.get(self._key(call))
        if type(path) is tuple:
            function, _, program, _ = path
        else:
            known = self._compile(call, Witness([array(x) for x in call.traced]))[0]
            function, program = known.function, known.program
        copied = [x.nbytes for x in call.traced if isinstance(x, np.ndarray) and not _straight(x)]
        return native.memory(function, program) + sum(copied)

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

    def _compile(self, call: "_Call", witness: Witness) -> tuple[Path, list[Any]]:
        """The path that this call takes, and the stand-ins from outside that its list takes too."""
        with strictly(self.strict):
            names = label(self.f, call.structure, call.kinds)
            around = [(t, len(t.equations)) for t in creation.ACTIVE.get()]
            program, build, captured = staged(
                call.run, call.leaves, call.kinds, names, witness=witness
            )
            witness.outside = any(len(t.equations) != n for t, n in around)
            if witness.failed is not None:  # f went on, by a way that no guard tells
                raise witness.failed
            program = simplified(program if is_strict() else stabilise(program))
        program.name = getattr(self.f, "__name__", "f").replace("<lambda>", "f")
        if shown("trace"):
            print(program)
        if self.budget is not None and not captured:
            program = budget.within(program, self.budget, native.measured)
        function = program if captured else native.compiled(program, tile=self.budget is None)
        return Path(function, build, program, tuple(witness.outcomes)), captured


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a function, as leaves of which some are traced and the others stand still."""

    f: F
    structure: tree.Structure
    leaves: list[Any]
    kinds: tuple[Any, ...]
    still: Any

    def run(self, *values: Any) -> Any:
        """f with these values for the traced leaves."""
        found = iter(values)
        leaves = [
            next(found) if isinstance(k, tuple) or k in PYTHON else x
            for x, k in zip(self.leaves, self.kinds, strict=True)
        ]
        args, kwargs = self.structure.unflatten(leaves)
        args = list(args)
        for n, x in self.still[0] if self.still else ():
            args[n] = x
        return self.f(*args, **kwargs, **dict(self.still[1] if self.still else ()))

    @property
    def traced(self) -> list[Any]:
        pairs = zip(self.leaves, self.kinds, strict=True)
        return [x for x, k in pairs if isinstance(k, tuple) or k in PYTHON]

    def within(self) -> Any:
        """f as a part of the function around it, to which it leaves the guards."""
        tapes = [x.tape for x in self.traced if isinstance(x, Tracer)]
        tape = max(tapes or creation.ACTIVE.get(), key=lambda t: t.level)
        return self.run(*[_apart(x, tape) for x in self.traced])

    def plain(self) -> Any:
        """f, line by line."""
        with Trace(concrete=True) as tape:
            found = [tape.input(array(x)[()], weak=type(x) in PYTHON) for x in self.traced]
            outputs, structure = tree.flatten(self.run(*found))
            values = [y.known() if isinstance(y, Tracer) else fixed(y) for y in outputs]
        return structure.unflatten(distinct(values, self.leaves))


def _apart(x: Any, tape: Trace) -> Any:
    """An argument that may be written to without its owner seeing it, and lies as it did."""
    if not isinstance(x, Tracer):
        if not isinstance(x, np.ndarray) or not x.ndim:
            return x
        y = tape.constant(np.array(x))
        y.layout = GIVEN if 0 in x.strides else Order(x)
        return y
    y = x.fresh()
    y.weak = x.weak
    if x.shape:
        order = order_of(x)  # a broadcast, whose copy is written out, lies otherwise than both
        y.layout = GIVEN if order is None or 0 in order.like.strides else order
    return y


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
    witness: Witness | None = None,
) -> tuple[Program, Callable[[list[Any]], Any], list[Any]]:
    """A function of leaves as a list; how to build the tree it returns; what it captured.

    Results that don't depend on the leaves are results of the list only if `constants`.
    """
    chosen = [x for x, k in zip(leaves, kinds, strict=True) if isinstance(k, tuple) or k in PYTHON]
    with Trace(concrete=False, witness=witness) as trace:
        tracers = [
            trace.input(_type(x), n, type(x) in PYTHON or getattr(x, "weak", False))
            for x, n in zip(chosen, names, strict=True)
        ]
        if witness is not None and not witness.lead:  # a batch's member lies in another way
            for i, (x, value) in enumerate(zip(tracers, witness.given or (), strict=False)):
                given(x, value, i)
        outputs, structure = tree.flatten(run(*tracers))
        varying = [isinstance(y, Carrier) or (constants and _is_array(y)) for y in outputs]
        program = trace.close([y for y, v in zip(outputs, varying, strict=True) if v])
        trace.witness = None  # with it the values go
    program, captured = lift(program)

    def build(results: list[Any]) -> Any:
        found = iter(results)
        return structure.unflatten(
            [next(found) if v else fixed(y) for y, v in zip(outputs, varying, strict=True)]
        )

    return program, _builder(structure) if all(varying) else build, captured


def _builder(structure: tree.Structure) -> Callable[[list[Any]], Any]:
    """How results become the tree that was returned; quick for one array and for a tuple."""
    if structure.kind is None:
        return itemgetter(0)
    if structure.kind is tuple and all(child.kind is None for child in structure.children):
        return tuple
    return structure.unflatten


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
