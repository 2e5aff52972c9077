"""The stand-in for an array, and the trace that writes down what is done to it.

A concrete trace knows values: its stand-ins compute as they record, one level down, where the value
is an array or a stand-in of the trace around. An abstract trace knows types alone.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from wengert import settings
from wengert.errors import ConcreteError, WengertError, sentences, user_place
from wengert.ir.families import Pointwise, View
from wengert.ir.infer import infer
from wengert.ir.primitive import REGISTRY, Carrier, Primitive
from wengert.ir.program import Const, Equation, Program, Var
from wengert.ir.types import Array, Type, type_of
from wengert.trace import creation
from wengert.trace.asking import asker, raised
from wengert.trace.guards import Witness, answer, apply
from wengert.trace.known import of_constants
from wengert.trace.refusals import converted, endless, failed, leaked, unsupported, written
from wengert.trace.unify import unify

_LEVELS = count(1)
SPELLINGS: dict[Any, Callable[..., Any]] = {}
"""What stands for each NumPy function when it is called on stand-ins; filled by trace.spellings."""
VIEWED: list[Callable[..., None]] = []
"""What remembers that a result looks into the memory of an operand; filled by trace.writes."""
UNKNOWN, GIVEN = "dense, in an order that can't be told", "an argument, of any strides"
"""Layouts of stand-ins of which it isn't known how they lie in NumPy's memory."""
ORDERED: list[Callable[..., None]] = []
"""What carries the order in memory on where values aren't known; from trace.layout."""
SETTLED: list[Callable[..., Any]] = []
"""What makes the result of a NumPy function a copy, a view, and of a layout; from trace.layout."""
METHODS: dict[tuple[Any, str], Callable[..., Any]] = {}
"""The like for `np.add.reduce` and the other methods of ufuncs."""
OUT: list[Callable[..., Any]] = []
"""What writes the result of a NumPy function into `out`; from trace.spellings.writing."""
NATURAL = (Pointwise, View)
"""The families whose results lie in memory as NumPy's would, if their operands do."""


class Trace:
    """The list that is being written; `values` holds what each variable is, one level down.

    Where it is abstract, a `witness` may answer for values.
    """

    __slots__ = ("concrete", "equations", "inputs", "level", "open", "token", "values", "witness")

    def __init__(self, concrete: bool, witness: Witness | None = None) -> None:
        self.level = next(_LEVELS)
        self.concrete = concrete
        self.witness = witness
        self.equations: list[Equation] = []
        self.inputs: list[Var] = []
        self.values: dict[Var, Array] = {}
        self.open = True
        self.token: Any = None

    def __enter__(self) -> "Trace":
        self.token = creation.enter(self)
        return self

    def __exit__(self, kind: Any, problem: Any, traceback: Any) -> None:
        self.open = False
        creation.leave(self.token)
        if isinstance(problem, Exception) and not isinstance(problem, WengertError):
            name, place = raised(traceback)
            if name:
                raise failed(name, place, problem) from problem

    def constant(self, value: Array) -> "Tracer":
        """A stand-in for an array made inside the traced function, which may be written to."""
        made = Tracer(self, Const(value), value if self.concrete else None)
        made.layout = value
        return made

    def input(self, value: Any, name: str = "", weak: bool = False) -> "Tracer":
        """A stand-in for an input: for this array if the trace is concrete, else for its type."""
        var = Var(value if isinstance(value, Type) else type_of(value), name)
        self.inputs.append(var)
        if self.concrete:
            self.values[var] = value
        made = Tracer(self, var, value if self.concrete else None, weak)
        order = Tracer.order_of(value) if self.concrete and made.shape else None
        made.layout = GIVEN if order is None else order  # x: f64[] may be a scalar, or an array
        return made

    def close(self, outputs: Sequence[Any]) -> Program:
        """The list from the inputs to these outputs."""
        return Program(self.inputs, self.equations, [self.atom(y) for y in outputs])

    def atom(self, value: Any) -> Var | Const:
        if not isinstance(value, Tracer):
            return Const(value)
        value.refresh()
        return value.variable if value.tape is self else Const(value)


class Tracer(Carrier):
    """Stands for an array inside a traced function and speaks NumPy's protocols."""

    __slots__ = ("layout", "tape", "value", "variable", "version", "weak", "window")
    __array_priority__ = 1000
    __getitem__: Any
    __setitem__: Any
    refresh: Any
    overwrite: Any
    in_order: Any
    fresh: Any
    lies: Any
    order_of: Any

    def __init__(self, trace: Trace, var: Var | Const, value: Array, weak: bool = False) -> None:
        self.tape = trace
        self.variable = var
        self.value = value
        self.weak = weak
        self.window: Any = None
        self.version = 0
        self.layout: Any = None

    @property
    def level(self) -> int:  # type: ignore[override]
        return self.tape.level

    def record(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Write one equation; in a concrete trace also compute it, one level down."""
        trace = self.tape
        if type(primitive.family) is Pointwise:
            args = unify(primitive, args, params)
        atoms: list[Var | Const] = []
        below: list[Any] = []
        deep, constant, vague = False, True, False
        for a in args:
            if type(a) is Tracer:
                if a.window is not None:
                    a.refresh()
                vague = vague or type(a.layout) is str
                tape = a.tape
                if tape is trace:
                    value, variable = a.value, a.variable
                    deep = deep or type(value) is Tracer
                    constant = constant and type(variable) is Const
                    atoms.append(variable)
                    below.append(value)
                    continue
                deep = True
                if not tape.open:
                    raise leaked(a)
                a = a.fresh()  # what is written into it from now on isn't meant
            atoms.append(Const(a))
            below.append(a)
        if not trace.open or len(trace.equations) >= settings.LIMIT:
            raise endless() if trace.open else leaked(self)
        if constant and not deep:
            return self._known(primitive, [a.value for a in atoms], args, params)  # type: ignore[union-attr]
        if not trace.concrete:
            return self._abstract(primitive, atoms, args, params)
        result = primitive(*below, **params) if deep else primitive.evaluate(*below, **params)
        if type(result) is not tuple:
            var = Var(Type(result.shape, result.dtype))
            trace.values[var] = result
            trace.equations.append(Equation(primitive, tuple(atoms), (var,), params, user_place(2)))
            out = Tracer(trace, var, result)
            out.layout = UNKNOWN if vague or type(primitive.family) not in NATURAL else None
            if type(primitive.family) is View and type(args[0]) is Tracer:
                VIEWED[0](primitive, args[0], params, out)
            return out
        types = tuple([Type(r.shape, r.dtype) for r in result])
        return self._write(primitive, atoms, args, params, types, result)

    def _abstract(
        self, primitive: Primitive, atoms: Sequence[Any], args: Sequence[Any], params: Any
    ) -> Any:
        """An equation on types; a function with a rule of its own that asks for values goes in."""
        try:
            types = infer(primitive, [a.type for a in atoms], params)
        except ConcreteError:
            witness = self.tape.witness
            if witness is None or witness.step is not apply:  # a batch's list may be differentiated
                raise
            witness.opened = True
            return primitive.evaluate(*args, **params)
        return self._write(primitive, atoms, args, params, types, [None] * len(types))

    def _write(
        self,
        primitive: Primitive,
        atoms: Sequence[Var | Const],
        args: Sequence[Any],
        params: dict[str, Any],
        types: Sequence[Type],
        values: Sequence[Any],
    ) -> Any:
        """Add the equation whose results have these types (and values, if they are known)."""
        trace = self.tape
        if primitive.effect and trace.witness is not None:
            params = trace.witness.numbered(params)
        outs = tuple([Var(t) for t in types])
        if trace.concrete:
            trace.values.update(zip(outs, values, strict=True))
        trace.equations.append(Equation(primitive, tuple(atoms), outs, params, user_place(3)))
        tracers = tuple([Tracer(trace, v, r) for v, r in zip(outs, values, strict=True)])
        if len(outs) > 1:
            return tracers
        if not trace.concrete:
            ORDERED[0](primitive, args, tracers[0])
        if type(primitive.family) is View and type(args[0]) is Tracer:
            VIEWED[0](primitive, args[0], params, tracers[0])
        return tracers[0]

    def _known(
        self,
        primitive: Primitive,
        values: Sequence[Any],
        args: Sequence[Any],
        params: dict[str, Any],
    ) -> Any:
        """What is made of constants alone is a constant: no equation is written."""
        result = primitive.evaluate(*values, **params)
        if isinstance(result, tuple):
            return tuple([self.tape.constant(r) if r.ndim else r for r in result])
        view = type(primitive.family) is View and primitive.name != "take"
        if not result.ndim and not view:  # x[0] is a scalar, x.squeeze() an array of no axes
            return result
        out = self.tape.constant(result)
        if type(primitive.family) not in NATURAL or any(
            type(a) is Tracer and type(a.layout) is str for a in args
        ):
            out.layout = UNKNOWN
        elif not self.tape.concrete:
            ORDERED[0](primitive, args, out)
        if type(primitive.family) is View and type(args[0]) is Tracer:
            VIEWED[0](primitive, args[0], params, out)
        return out

    # --- what an array tells of itself
    @property
    def shape(self) -> tuple[int, ...]:
        return self.variable.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.variable.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.variable.type.shape)

    @property
    def size(self) -> int:
        return self.variable.type.size

    @property
    def nbytes(self) -> int:
        return self.variable.type.nbytes

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        known = "" if self.value is None else f" = {self.known()!r}"
        return f"Tracer({self.variable.type}{known})"

    __hash__ = object.__hash__

    # --- NumPy's protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            spelling = REGISTRY.ufuncs.get(ufunc) or REGISTRY.names.get(ufunc.__name__)
            if spelling is not None:
                return _call(spelling, ufunc, inputs, kwargs) if kwargs else spelling(*inputs)
        else:
            special = METHODS.get((ufunc, method)) or METHODS.get((None, method))
            if special is not None:
                return spelled(f"ufunc.{method}", special, (ufunc, *inputs), kwargs)
        home = "np" if hasattr(np, ufunc.__name__) else "scipy.special"
        name = f"{home}.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
        found = of_constants(getattr(ufunc, method), inputs, kwargs)
        if found is NotImplemented:
            raise unsupported(name)
        return found

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        spelling = SPELLINGS.get(func)
        if spelling is None:
            name = f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)
            found = of_constants(func, args, kwargs)
            if found is NotImplemented:
                raise unsupported(name)
            return found
        return spelled(func.__name__, spelling, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        known = self.known()
        if known is not None and (isinstance(self.variable, Const) or self.dtype.kind in "biu"):
            return np.array(known)  # a constant, or what has no derivative: nothing is lost
        if known is None and self.dtype.kind in "iu" and not self.shape:
            return np.array(self.ask("A size, an axis or an index"))  # has no derivative to lose
        raise converted(self, sys._getframe(1))

    # --- values, which a concrete trace knows
    def known(self) -> Any:
        """The array at the bottom; None where an abstract trace is on the way."""
        self.refresh()
        if isinstance(self.variable, Const) and not isinstance(self.variable.value, Tracer):
            return self.variable.value
        value = self.value
        while type(value) is Tracer:
            value = value.value
        return value

    def ask(self, what: str) -> Any:
        """The whole array, asked for by `what`."""
        value = self.known()
        return answer(self, "array", what) if value is None else value

    def _kept_from(self, frame: Any) -> None:
        """Only the user may say that a number is meant as a constant; SciPy's code doesn't know."""
        scipy = frame.f_globals.get("__name__", "").startswith("scipy.")
        if scipy and self.dtype.kind in "fc" and not isinstance(self.variable, Const):
            raise converted(self, frame)

    def __bool__(self) -> bool:
        value = self.known()
        return bool(
            answer(self, "bool", "bool(), an `if` or a `while`") if value is None else value
        )

    def __float__(self) -> float:
        self._kept_from(sys._getframe(1))
        taker = asker(sys._getframe(1))
        if taker == "":
            raise written("A traced value was written into an ordinary array")
        if taker is not None:
            raise ConcreteError(
                sentences(
                    f"A call of {taker} took the number of a traced value, and its derivative "
                    "would be lost.",
                    "Use the NumPy function (np.sin for math.sin), or float(x) for a constant.",
                )
            )
        value = self.known()
        return float(answer(self, "float", "float()") if value is None else value)

    def __format__(self, spec: str) -> str:
        known = self.known()
        return repr(self) if known is None else format(known, spec)

    def __int__(self) -> int:
        if asker(sys._getframe(1)) == "":
            raise written("A traced value was written into an array of integers")
        value = self.known()
        return int(answer(self, "int", "int()") if value is None else value)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is not None:
            return np.round(self, digits)
        value = self.known()
        return round(answer(self, "round", "round()") if value is None else value[()])

    def __complex__(self) -> complex:
        self._kept_from(sys._getframe(1))
        value = self.known()
        return complex(answer(self, "complex", "complex()") if value is None else value)

    def __index__(self) -> int:
        value = self.known()
        if value is None:
            np.zeros(self.shape, self.dtype)[()].__index__()  # TypeError for what is no index
            value = np.int64(answer(self, "int", "An index or range()"))
        return int(value.__index__())

    def item(self, *args: Any) -> Any:
        """The value as a Python number: a constant, like float(x)."""
        self._kept_from(sys._getframe(1))
        value = self.known()
        if value is not None:
            return value.item(*args)
        if args:
            place = args[0] if len(args) == 1 else args
            return (self[place] if isinstance(place, tuple) else np.ravel(self)[place]).item()
        return answer(np.reshape(self, ()), NUMBERS[self.dtype.kind], ".item()")

    def tolist(self) -> Any:
        """The values as lists of Python numbers: constants."""
        self._kept_from(sys._getframe(1))
        return self.ask(".tolist()").tolist()


NUMBERS = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}


def spelled(name: str, spelling: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function of NumPy's by its spelling: a copy or a view as NumPy's, in `out` if there is."""
    out = kwargs.pop("out", None)
    if out is not None:
        return OUT[0](name, spelling, args, kwargs, out)
    return SETTLED[0](name, spelling(*args, **kwargs), (*args, *kwargs.values()))


def _call(spelling: Any, ufunc: Any, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A ufunc with keywords: `dtype` converts, `where=True` and the like say nothing."""
    where, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
    outs = kwargs.pop("out", (None,))
    out = next((o for o in outs if o is not None), None)
    for key in ("casting", "order", "subok"):
        kwargs.pop(key, None)
    if ufunc is np.vecdot and kwargs:
        spelling = partial(spelling, axis=kwargs.pop("axis", -1))
    if kwargs or (out is None and where is not True):
        raise unsupported(f"np.{ufunc.__name__} with {', '.join([*kwargs, 'where'])}=")
    if any(o is not None and not isinstance(o, Tracer) for o in outs):
        raise written("A traced value was written into an array from outside the function")
    if dtype is not None:
        inputs = [
            np.astype(x, dtype) if hasattr(x, "dtype") else np.dtype(dtype).type(x) for x in inputs
        ]
    result = spelling(*inputs)
    if out is None:
        return result
    if len(outs) > 1:
        if len({id(o.window.root if o.window else o) for o in outs if o is not None}) < len(outs):
            raise unsupported(f"np.{ufunc.__name__} with two results in one array")
        pairs = zip(outs, result, strict=True)
        return tuple([r if o is None else _into(o, r, where) for o, r in pairs])
    return _into(out, result, where)


def _into(out: Any, result: Any, where: Any) -> Any:
    return out.overwrite(result if where is True else np.where(where, result, out))
