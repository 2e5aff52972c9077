"""`scan`, `fori_loop`, `while_loop`, `cond`, `switch`: control flow that stays in the list."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from wengert import tree
from wengert.api.arguments import F, identifier, owned, parameter
from wengert.errors import DtypeError, InputError, ShapeError, sentences
from wengert.ir.intern import intern
from wengert.ir.primitive import Carrier, Primitive
from wengert.ir.program import Atom, Const, Equation, Program, Var, identity
from wengert.ir.types import Array, Type, type_of
from wengert.passes.pipeline import inside
from wengert.primitives.maps import convert
from wengert.trace.tracer import Trace, Tracer
from wengert.trace.unify import PYTHON, SAMPLE, WEAK, array
from wengert.transforms import branches, control

Tree = Any


@dataclass(frozen=True, slots=True)
class _Form:
    """How a tree is built of its arrays; None is an empty place."""

    structure: tree.Structure
    full: tuple[bool, ...]

    def build(self, leaves: Sequence[Any]) -> Tree:
        return self.structure.unflatten(control.expand(self.full, leaves))


def _open(value: Tree) -> tuple[list[Any], _Form]:
    leaves, structure = tree.flatten(value)
    full = tuple([x is not None for x in leaves])
    return [x for x in leaves if x is not None], _Form(structure, full)


def _names(value: Tree, root: str) -> list[str]:
    leaves, _ = tree.flatten(value)
    paths = tree.paths(value, root)
    return [p for p, x in zip(paths, leaves, strict=True) if x is not None]


@dataclass(frozen=True, slots=True)
class _Value:
    """What is known of an operand of a body; a weak one lets the others choose its dtype."""

    type: Type
    weak: bool
    name: str


def _value(x: Any, name: str) -> _Value:
    return _Value(type_of(x if isinstance(x, Carrier) else array(x)), _weak(x), name)


def _weak(x: Any) -> bool:
    return type(x) in PYTHON or bool(getattr(x, "weak", False))


def _staged(function: F, values: Sequence[_Value]) -> Program:
    """The list of a function of leaves that returns arrays."""
    with Trace(concrete=False) as trace:
        xs = [trace.input(v.type, identifier(v.name), v.weak) for v in values]
        program = trace.close(function(*xs))
    program.name = "body"
    return program


def _closed(*programs: Program) -> tuple[list[Program], list[Array]]:
    """Programs of the same operands, of which what they captured from outside comes first."""
    found: dict[int, tuple[Type, Array]] = {}
    for program in programs:
        for a in _atoms(program):
            if isinstance(a, Const) and _outside(a.value):
                found.setdefault(identity(a), (a.type, a.value))
    return [_lifted(p, found) for p in programs], [x for _, x in found.values()]


def _atoms(program: Program) -> list[Atom]:
    return [a for eqn in program.equations for a in eqn.inputs] + list(program.outputs)


def _outside(value: Any) -> bool:
    """Whether a captured value is an operand: a stand-in of a trace around, or an array."""
    return isinstance(value, Carrier) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _lifted(program: Program, found: dict[int, tuple[Type, Array]]) -> Program:
    new = {key: Var(kind, _name(x)) for key, (kind, x) in found.items()}

    def atom(a: Atom) -> Atom:
        return new.get(identity(a), a) if isinstance(a, Const) else a

    equations = [
        Equation(e.primitive, tuple([atom(a) for a in e.inputs]), e.outputs, e.params, e.place)
        for e in program.equations
    ]
    outputs = [atom(a) for a in program.outputs]
    lifted = Program([*new.values(), *program.inputs], equations, outputs, program.name)
    return inside(intern(lifted))


def _name(x: Array) -> str:
    return getattr(x.variable, "name", "") if isinstance(x, Tracer) else ""


def _results(record: Primitive, args: Sequence[Any], used: int, **params: Any) -> list[Any]:
    return [owned(y) for y in control.call(record, args, [True] * used, **params)]


def _operands(leaves: Sequence[Any]) -> list[Array]:
    return [x if isinstance(x, Carrier) else array(x)[()] for x in leaves]


# --- the state of a loop keeps its types
class _WiderError(Exception):
    """A Python number in the initial state takes the dtype that the body gives it."""


def _returned(new: Tree, old: Sequence[_Value], form: _Form, what: str) -> list[Any]:
    """The leaves of a new state, of the types of the old one."""
    leaves, found = _open(new)
    if found != form:
        raise ShapeError(
            sentences(
                f"The body of {what} was given a state built as {_shape(form)} and returned "
                f"{_shape(found)}.",
                "Return a tree of the same nesting: a loop's state keeps its form.",
            )
        )
    out, wider = [], {}
    for i, (y, v) in enumerate(zip(leaves, old, strict=True)):
        weak, y = _weak(y), array(y)
        if y.shape == v.type.shape and y.dtype != v.type.dtype:
            dtype = _joined(y.dtype, v.type)
            if v.weak and dtype != v.type.dtype:
                wider[i] = dtype
            elif weak and _joined(v.type.dtype, type_of(y)) == v.type.dtype:
                y = convert(y, dtype=v.type.dtype)
        if i not in wider and type_of(y) != v.type:
            _changed(v, type_of(y), what)
        out.append(y)
    if wider:
        raise _WiderError(wider)
    return out


def _joined(dtype: np.dtype[Any], number: Type) -> np.dtype[Any]:
    """The dtype of an array and a Python number of this type."""
    sample = SAMPLE.get(WEAK[number.dtype.kind], False)
    return np.dtype(np.result_type(dtype, sample))


def _changed(v: _Value, new: Type, what: str) -> NoReturn:
    kind = ShapeError if v.type.shape != new.shape else DtypeError
    raise kind(
        sentences(
            f"The body of {what} was given the state {v.name} as {v.type} and returned it as "
            f"{new}.",
            f"A loop's state keeps its shape and dtype: start with {new}, or return {v.type} "
            "(np.broadcast_to, .astype).",
        )
    )


def _shape(form: _Form) -> str:
    return str(form.build([...] * sum(form.full))).replace("Ellipsis", "*")


def _state(init: Tree, root: str) -> tuple[list[Any], list[_Value], _Form]:
    leaves, form = _open(init)
    names = _names(init, root)
    return leaves, [_value(x, n) for x, n in zip(leaves, names, strict=True)], form


def _settled(
    trace: Callable[[list[_Value]], Program], values: list[_Value], leaves: list[Any]
) -> tuple[Program, list[Array]]:
    """The body, and the initial state with the dtypes that the body keeps."""
    while True:
        try:
            program = trace(values)
            break
        except _WiderError as error:
            for i, dtype in error.args[0].items():
                v = values[i]
                values[i] = _Value(Type(v.type.shape, dtype), False, v.name)
    kept = zip(_operands(leaves), values, strict=True)
    return program, [
        x if x.dtype == v.type.dtype else convert(x, dtype=v.type.dtype) for x, v in kept
    ]


# --- the doors
def scan(
    f: F, init: Tree, xs: Tree = None, length: int | None = None, reverse: bool = False
) -> tuple[Tree, Tree]:
    """The recurrence (c, y_t) = f(c, x_t) as one equation: returns the last c and all y_t, stacked.

    `init` and `xs` are trees of arrays; xs is cut along the first axes, which have one length. With
    xs=None, `length` says how many steps there are. With `reverse` the last slice comes first, and
    y_t still stands at place t. c keeps its structure, shapes and dtypes from step to step.

    >>> scan(lambda c, x: (c + x, c * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    slices, x_form = _open(xs)
    rows = [_sliced(x, n) for x, n in zip(slices, _names(xs, parameter(f, 1)), strict=True)]
    n = _length([x.shape[0] for x in _operands(slices)], length)
    leaves, state, form = _state(init, parameter(f, 0))
    y_form: list[_Form] = []

    def trace(values: list[_Value]) -> Program:
        def body(*args: Any) -> Sequence[Any]:
            c, x = control.cut(args, len(values))
            result = f(form.build(c), x_form.build(x))
            if not isinstance(result, tuple) or len(result) != 2:
                raise InputError(
                    sentences(
                        f"The body of scan returned {type(result).__name__} instead of a pair.",
                        "Return (carry, y), with None for y if nothing is collected.",
                    )
                )
            ys, found = _open(result[1])
            y_form[:] = [found]
            return [*_returned(result[0], values, form, "scan"), *[array(y) for y in ys]]

        return _staged(body, [*values, *rows])

    program, start = _settled(trace, state, leaves)
    (program,), captured = _closed(program)
    results = _results(
        control.loop, [*captured, *start, *_operands(slices)], len(program.outputs), body=program,
        consts=len(captured), carries=len(start), length=n, reverse=bool(reverse),
    )  # fmt: skip
    c, ys = control.cut(results, len(start))
    return form.build(c), y_form[0].build(ys)


def _sliced(x: Any, name: str) -> _Value:
    t = type_of(x if isinstance(x, Carrier) else array(x))
    if not t.shape:
        raise ShapeError(
            sentences(
                f"scan was to cut {name}, a number, into steps.",
                "Pass arrays whose first axis is the steps: np.array of a list, or xs=None and "
                "length.",
            )
        )
    return _Value(Type(t.shape[1:], t.dtype), False, name)


def _length(found: Sequence[int], told: int | None) -> int:
    lengths = {*found, *([] if told is None else [operator.index(told)])}
    if len(lengths) != 1 or min(lengths) < 0:
        raise ShapeError(
            sentences(
                f"scan was given steps of the lengths {sorted(lengths)}."
                if lengths
                else "scan was given neither xs nor a length.",
                "All arrays in xs have one length along the first axis, and that is `length`.",
            )
        )
    return lengths.pop()


def fori_loop(lower: Any, upper: Any, body: F, init: Tree) -> Tree:
    """The value after `for i in range(lower, upper): value = body(i, value)`, as one equation.

    Bounds that only the trace knows make it a `while_loop`, which has forward mode alone.

    >>> fori_loop(0, 5, lambda i, x: x * 2, 1.0)
    np.float64(32.0)
    """
    if any(isinstance(b, Tracer) and b.known() is None for b in (lower, upper)):
        start = np.astype(lower, int) if isinstance(lower, Carrier) else np.int64(lower)
        state = while_loop(
            lambda s: s[0] < upper, lambda s: (s[0] + 1, body(s[0], s[1])), (start, init)
        )
        return state[1]
    steps = np.arange(operator.index(lower), operator.index(upper))
    value, _ = scan(lambda value, i: (body(i, value), None), init, steps)
    return value


def while_loop(cond_fn: F, body_fn: F, init: Tree, max_steps: int | None = None) -> Tree:
    """The value after `while cond_fn(value): value = body_fn(value)`, as one equation.

    Forward mode differentiates it. Reverse mode must save the states, and needs to know how many
    there can be: `max_steps`. A loop that goes on after that many steps is an error (InputError).

    >>> while_loop(lambda x: x < 100, lambda x: x * x, 2.0)
    np.float64(256.0)
    """
    leaves, state, form = _state(init, parameter(body_fn, 0))

    def trace(values: list[_Value]) -> Program:
        return _staged(
            lambda *c: _returned(body_fn(form.build(c)), values, form, "while_loop"), values
        )

    body, start = _settled(trace, state, leaves)
    test = _staged(lambda *c: [_truth(cond_fn(form.build(c)), "cond_fn")], state)
    (test, body), captured = _closed(test, body)
    results = _results(
        branches.while_loop, [*captured, *start], len(start), test=test, body=body,
        consts=len(captured), max_steps=None if max_steps is None else operator.index(max_steps),
    )  # fmt: skip
    return form.build(results)


def _truth(p: Any, what: str) -> Any:
    """p as one bool."""
    p = p if isinstance(p, Carrier) else array(p)
    if p.shape:
        raise ShapeError(
            sentences(
                f"{what} is an array of shape {p.shape}, and a branch is chosen by one truth "
                "value.",
                "Reduce it with np.all or np.any, or choose entry by entry with np.where.",
            )
        )
    return p if p.dtype == bool else np.not_equal(p, 0)


def cond(pred: Any, true_fn: F, false_fn: F, *operands: Tree) -> Tree:
    """true_fn(*operands) if pred else false_fn(*operands), as one equation where pred is traced.

    Both return trees of one structure, of the same shapes and dtypes. Under vmap with a mapped pred
    both are computed and np.where chooses; else only the one that is taken, in derivatives too.

    >>> cond(True, np.sin, np.cos, 0.0)
    np.float64(0.0)
    """
    p = _truth(pred, "The condition of cond")
    if not isinstance(p, Carrier):
        result: Tree = true_fn(*operands) if p else false_fn(*operands)
        return result
    leaves, form = _open(operands)
    values = [_value(x, f"x{i + 1}") for i, x in enumerate(leaves)]
    (true, false), shape = _agreeing((true_fn, false_fn), form, values)
    (true, false), captured = _closed(true, false)
    args = [p, *captured, *_operands(leaves)]
    return shape.build(_results(branches.cond, args, len(true.outputs), true=true, false=false))


def _agreeing(
    functions: Sequence[F], form: _Form, values: list[_Value]
) -> tuple[list[Program], _Form]:
    """Branches that return the same types: a Python number takes the dtype of the other branch."""
    known: list[list[tuple[Type, bool]]] = []
    forms: list[_Form] = []

    def run(function: F, wanted: Sequence[Type] | None) -> Callable[..., Sequence[Any]]:
        def body(*args: Any) -> Sequence[Any]:
            leaves, found = _open(function(*form.build(args)))
            forms.append(found)
            arrays = [array(y) for y in leaves]
            if wanted is None:
                known.append([(type_of(a), _weak(y)) for a, y in zip(arrays, leaves, strict=True)])
                return arrays
            pairs = zip(arrays, wanted, strict=True)
            return [a if a.dtype == t.dtype else convert(a, dtype=t.dtype) for a, t in pairs]

        return body

    programs = [_staged(run(f, None), values) for f in functions]
    if forms[0] != forms[1]:
        raise ShapeError(
            sentences(
                f"The branches of cond return {_shape(forms[0])} and {_shape(forms[1])}.",
                "Return trees of the same nesting: give each what the other has, say zeros.",
            )
        )
    common = [_common(a, b, i) for i, (a, b) in enumerate(zip(*known, strict=True))]
    for n, found in enumerate(known[:2]):
        if [t for t, _ in found] != common:
            programs[n] = _staged(run(functions[n], common), values)
    return programs, forms[0]


def _common(a: tuple[Type, bool], b: tuple[Type, bool], i: int) -> Type:
    (s, s_weak), (t, t_weak) = a, b
    if s == t or (s.shape == t.shape and t_weak and _joined(s.dtype, t) == s.dtype):
        return s
    if s.shape == t.shape and s_weak and (t_weak or _joined(t.dtype, s) == t.dtype):
        return t
    kind = ShapeError if s.shape != t.shape else DtypeError
    raise kind(
        sentences(
            f"The branches of cond return {s} and {t} as result {i + 1}.",
            "Both return the same shapes and dtypes: convert one with np.broadcast_to or .astype.",
        )
    )


def switch(index: Any, functions: Sequence[F], *operands: Tree) -> Tree:
    """functions[index](*operands), with the index brought into range, as a chain of `cond`.

    >>> switch(1, [np.sin, np.cos, np.exp], 0.0)
    np.float64(1.0)
    """
    first, *others = functions
    if not others:
        result: Tree = first(*operands)
        return result
    return cond(index <= 0, first, lambda *xs: switch(index - 1, others, *xs), *operands)
