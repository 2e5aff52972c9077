"""The stand-in for an array, and the trace that writes down what is done to it.

A concrete trace knows values: its stand-ins compute as they record, one level down, where the value
is an array or a stand-in of the trace around. An abstract trace knows types alone.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from wengert.errors import ConcreteError, LeakError, UnsupportedError, sentences, user_place
from wengert.ir.families import Pointwise, View
from wengert.ir.infer import infer
from wengert.ir.primitive import REGISTRY, Carrier, Primitive
from wengert.ir.program import Const, Equation, Program, Var
from wengert.ir.types import Array, Type, type_of
from wengert.trace import creation
from wengert.trace.asking import asker
from wengert.trace.unify import unify

_LEVELS = count(1)
SPELLINGS: dict[Any, Callable[..., Any]] = {}
"""What stands for each NumPy function when it is called on stand-ins; filled by trace.spellings."""
VIEWED: list[Callable[..., None]] = []
"""What remembers that a result looks into the memory of an operand; filled by trace.writes."""
UNKNOWN, GIVEN = "dense, in an order that can't be told", "an argument, of any strides"
"""Layouts of stand-ins of which it isn't known how they lie in NumPy's memory."""
SETTLED: list[Callable[..., Any]] = []
"""What makes the result of a NumPy function a copy, a view, and of a layout; from trace.layout."""
METHODS: dict[tuple[Any, str], Callable[..., Any]] = {}
"""The like for `np.add.reduce` and the other methods of ufuncs."""


OUT: list[Callable[..., Any]] = []
"""What writes the result of a NumPy function into `out`; from trace.spellings.writing."""
NATURAL = (Pointwise, View)
"""The families whose results lie in memory as NumPy's would, if their operands do."""


class Trace:
    """The list that is being written; `values` holds what each variable is, one level down."""

    __slots__ = ("concrete", "equations", "inputs", "level", "open", "token", "values")

    def __init__(self, concrete: bool) -> None:
        self.level = next(_LEVELS)
        self.concrete = concrete
        self.equations: list[Equation] = []
        self.inputs: list[Var] = []
        self.values: dict[Var, Array] = {}
        self.open = True
        self.token: Any = None

    def __enter__(self) -> "Trace":
        self.token = creation.enter(self)
        return self

    def __exit__(self, *problem: object) -> None:
        self.open = False
        creation.leave(self.token)

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
        made.layout = GIVEN if not self.concrete or (lies := made.lies()) is None else lies
        return made

    def close(self, outputs: Sequence[Any]) -> Program:
        """The list from the inputs to these outputs."""
        return Program(self.inputs, self.equations, [self.atom(y) for y in outputs])

    def atom(self, value: Any) -> Var | Const:
        if type(value) is not Tracer:
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
                    raise _leak(a)
                a = a.fresh()  # what is written into it from now on isn't meant
            atoms.append(Const(a))
            below.append(a)
        if not trace.open:
            raise _leak(self)
        if constant and not deep:
            return self._known(primitive, [a.value for a in atoms], args, params)  # type: ignore[union-attr]
        if not trace.concrete:
            types = infer(primitive, [a.type for a in atoms], params)
            return self._write(primitive, atoms, args, params, types, [None] * len(types))
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
        outs = tuple([Var(t) for t in types])
        if trace.concrete:
            trace.values.update(zip(outs, values, strict=True))
        trace.equations.append(Equation(primitive, tuple(atoms), outs, params, user_place(3)))
        tracers = tuple([Tracer(trace, v, r) for v, r in zip(outs, values, strict=True)])
        if len(outs) > 1:
            return tracers
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
            if special is not None and kwargs.get("out") is not None:
                return OUT[0](method, special, (ufunc, *inputs), kwargs, kwargs.pop("out"))
            if special is not None:
                return SETTLED[0](method, special(ufunc, *inputs, **kwargs), inputs)
        name = ufunc.__name__ + ("" if method == "__call__" else f".{method}")
        raise unsupported(f"np.{name}")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        spelling = SPELLINGS.get(func)
        if spelling is None:
            raise unsupported(f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1))
        out = kwargs.pop("out", None) if "out" in kwargs else None
        if out is not None:
            return OUT[0](func.__name__, spelling, args, kwargs, out)
        return SETTLED[0](func.__name__, spelling(*args, **kwargs), (*args, *kwargs.values()))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self.variable, Const) and (known := self.known()) is not None:
            return np.array(known)  # made here and still constant: nothing is lost
        raise ConcreteError(
            sentences(
                f"A traced value of type {self.variable.type} was to be turned into an ndarray, "
                "which would lose its derivative.",
                "Use NumPy functions of the value itself: np.stack for np.array of a list, an "
                "operator for a method of the other array.",
            )
        )

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

    def _ask(self, what: str) -> Any:
        value = self.known()
        if value is None:
            raise ConcreteError(
                sentences(
                    f"{what} asks for the value of a {self.variable.type}, and jit, vmap or the "
                    "body of a loop knows only its shape and dtype.",
                    "Write the choice as np.where(condition, a, b) or wengert.cond, mark the "
                    "argument with static_argnums, or call the function without jit.",
                )
            )
        return value

    def __bool__(self) -> bool:
        return bool(self._ask("bool(), an `if` or a `while`"))

    def __float__(self) -> float:
        value = float(self._ask("float()"))
        taker = asker(sys._getframe(1))
        if taker == "":
            raise _write("A traced value was written into an ordinary array")
        if taker is not None:
            raise ConcreteError(
                sentences(
                    f"A call of {taker} took the number of a traced value, and its derivative "
                    "would be lost.",
                    "Use the NumPy function (np.sin for math.sin), or float(x) for a constant.",
                )
            )
        return value

    def __format__(self, spec: str) -> str:
        known = self.known()
        return repr(self) if known is None else format(known, spec)

    def __int__(self) -> int:
        if asker(sys._getframe(1)) == "":
            raise _write("A traced value was written into an array of integers")
        return int(self._ask("int()"))

    def __round__(self, digits: int | None = None) -> Any:
        return np.round(self, digits) if digits is not None else round(self._ask("round()"))

    def __complex__(self) -> complex:
        return complex(self._ask("complex()"))

    def __index__(self) -> int:
        return int(self._ask("An index or range()").__index__())

    def item(self, *args: Any) -> Any:
        """The value as a Python number: a constant, like float(x)."""
        return self._ask(".item()").item(*args)

    def tolist(self) -> Any:
        """The values as lists of Python numbers: constants."""
        return self._ask(".tolist()").tolist()


def _call(spelling: Any, ufunc: Any, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A ufunc with keywords: `dtype` converts, `where=True` and the like say nothing."""
    where, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
    outs = kwargs.pop("out", (None,))
    out = next((o for o in outs if o is not None), None)
    for key in ("casting", "order", "subok"):
        kwargs.pop(key, None)
    if kwargs or (out is None and where is not True):
        raise unsupported(f"np.{ufunc.__name__} with {', '.join([*kwargs, 'where'])}=")
    if any(o is not None and not isinstance(o, Tracer) for o in outs):
        raise _write("A traced value was written into an array from outside the function")
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


def unsupported(name: str) -> UnsupportedError:
    """The error for a NumPy function, or a way to call it, that has no spelling."""
    return UnsupportedError(
        sentences(
            f"{name} was called on a traced value, and wengert has no rule for it.",
            "Compose it of functions that docs/primitives.md lists, or give it a rule with "
            "wengert.custom_vjp.",
        )
    )


def _write(what: str) -> UnsupportedError:
    return UnsupportedError(
        sentences(
            f"{what}, which would lose its derivative.",
            "Build the new array instead: np.where(mask, new, old), np.stack or np.concatenate.",
        )
    )


def _leak(tracer: Tracer) -> LeakError:
    return LeakError(
        sentences(
            f"A stand-in of type {tracer.variable.type} is used after its function returned.",
            "Return the value from the function instead of keeping it in a global, a closure or an "
            "attribute.",
        )
    )
