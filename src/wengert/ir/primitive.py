"""One operation = one record: what it computes, its family, and its derivative.

A rule is a plain NumPy lambda. Run on arrays it gives numbers; run on a carrier (a tracer, a lane,
an interval) it gives whatever that carrier makes of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wengert.ir.families import Family, Pointwise
from wengert.ir.types import Array

Rule1 = Callable[..., Any]


class Carrier:
    """What stands for an array while a formula runs. `record` is called on the highest level."""

    __slots__ = ()
    level: int
    shape: Any
    dtype: Any

    def record(self, primitive: "Primitive", args: Sequence[Any], params: dict[str, Any]) -> Any:
        raise AssertionError("a carrier says what a primitive means to it")


@dataclass(frozen=True, slots=True)
class Slopes:
    """A curve: dy = sum_i slope_i dx_i; each slope is a function of the inputs, then the output."""

    functions: tuple[Rule1 | None, ...]


@dataclass(frozen=True, slots=True)
class Adjoints:
    """A linear map: <u, L dx> = <adjoint(u), dx>; each is called with u and the inputs.

    Of the inputs an adjoint may look at the linear ones' shape and dtype alone. `each` = linear in
    each operand by itself (a product), else in all of them together (a sum, a selection).
    """

    functions: tuple[Rule1 | None, ...] | Rule1
    each: bool = False


@dataclass(frozen=True, slots=True)
class Composition:
    """Differentiate the definition."""


@dataclass(frozen=True, slots=True)
class Differential:
    """By hand: dy = sum_i differential_i(dx_i, y, *x); y and dy are tuples if results are many."""

    functions: tuple[Rule1 | None, ...]


@dataclass(frozen=True, slots=True)
class ByHand:
    """Whole sweeps: forward(xs, ys, dxs) -> dys and backward(xs, ys, us) -> dxs; None is a zero.

    Without `backward` reverse mode is the transpose of `forward`. A `choosy` one is called as
    backward(xs, ys, us, wants), where `wants` says which cotangents are asked for.
    """

    forward: Rule1
    backward: Rule1 | None = None
    choosy: bool = False


@dataclass(frozen=True, slots=True)
class Flat:
    """Piecewise constant: the derivative is zero wherever it exists."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No derivative; `reason` says why."""

    reason: str


Rule = Slopes | Adjoints | Composition | Differential | ByHand | Flat | Refusal

Interval = tuple[float, float]
REALS: Interval = (-3.0, 3.0)


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """What the mathematics knows about an operation.

    `domain` is an open interval for each operand on which it is defined and smooth: tests sample
    there. `notation` is how the board writes it, with {} for the operands. `example` makes
    arguments and parameters for the laws where a family can't: `example(rng) -> (args, params)`.
    An `effect` is kept though nobody reads its result, and stays in its place among the effects.
    """

    name: str
    evaluate: Callable[..., Any]
    family: Family
    rule: Rule
    notation: str = ""
    domain: tuple[Interval, ...] = (REALS,)
    definition: Callable[..., Any] | None = None
    example: Callable[..., Any] | None = None
    effect: bool = False

    def __post_init__(self) -> None:
        assert self.name.isidentifier(), self.name
        assert not isinstance(self.rule, Composition) or self.definition is not None, self.name

    def __call__(self, *args: Array, **params: Any) -> Any:
        """Evaluate on arrays; on carriers, let the one of the highest level say what that means."""
        top: Carrier | None = None
        for a in args:
            if isinstance(a, Carrier) and (top is None or a.level > top.level):
                top = a
        if top is None:
            return self.evaluate(*args, **params)
        return top.record(self, args, params)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Registry:
    """The records by name, and which NumPy ufunc spells which. Filled at import, then only read."""

    primitives: dict[str, Primitive] = field(default_factory=dict)
    ufuncs: dict[Any, Callable[..., Any]] = field(default_factory=dict)
    names: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def add(self, primitive: Primitive) -> Primitive:
        assert primitive.name not in self.primitives, f"{primitive.name} stands here twice"
        self.primitives[primitive.name] = primitive
        return primitive


REGISTRY = Registry()


def curve(
    name: str,
    evaluate: Callable[..., Any],
    *slopes: Rule1 | None,
    notation: str = "",
    domain: Interval | tuple[Interval, ...] = REALS,
    definition: Callable[..., Any] | None = None,
) -> Primitive:
    """Register a pointwise function by its slopes, one for each operand.

    >>> import numpy as np
    >>> double = curve("double_", lambda x: 2 * x, lambda x, y: 2.0)
    >>> double(np.arange(3.0)).tolist()
    [0.0, 2.0, 4.0]
    """
    domains: Any = domain if isinstance(domain[0], tuple) else (domain,) * len(slopes)
    record = Primitive(name, evaluate, Pointwise(), Slopes(slopes), notation, domains, definition)
    return REGISTRY.add(record)


def flat(name: str, evaluate: Callable[..., Any], arity: int = 1, **fields: Any) -> Primitive:
    """Register a pointwise function that is constant by pieces (signs, comparisons, rounding)."""
    domain = fields.pop("domain", (REALS,) * arity)
    family = fields.pop("family", Pointwise())
    return REGISTRY.add(Primitive(name, evaluate, family, Flat(), domain=domain, **fields))


def linear(
    name: str,
    evaluate: Callable[..., Any],
    family: Family,
    *adjoints: Rule1 | None,
    each: bool = False,
    variadic: Rule1 | None = None,
    **fields: Any,
) -> Primitive:
    """Register a linear map by its adjoints; `variadic` gives all of them at once as a tuple."""
    rule = Adjoints(adjoints if variadic is None else variadic, each)
    domain = fields.pop("domain", (REALS,) * max(1, len(adjoints)))
    return REGISTRY.add(Primitive(name, evaluate, family, rule, domain=domain, **fields))


def differential(
    name: str, evaluate: Callable[..., Any], family: Family, *functions: Rule1 | None, **fields: Any
) -> Primitive:
    """Register an operation whose differential is written by hand, one for each operand."""
    domain = fields.pop("domain", (REALS,) * len(functions))
    return REGISTRY.add(
        Primitive(name, evaluate, family, Differential(functions), domain=domain, **fields)
    )


def composed(
    name: str,
    evaluate: Callable[..., Any],
    family: Family,
    definition: Callable[..., Any],
    **f: Any,
) -> Primitive:
    """Register a composition: it keeps its name for the reader, and is differentiated as made."""
    return REGISTRY.add(
        Primitive(name, evaluate, family, Composition(), definition=definition, **f)
    )


def freeze(params: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Parameters as a key: they are hashable by promise."""
    return tuple(sorted(params.items())) if params else ()
