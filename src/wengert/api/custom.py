"""Functions with a rule of their own: custom_jvp, custom_vjp, checkpoint, stop_gradient."""

from collections.abc import Callable, Sequence
from functools import update_wrapper, wraps
from itertools import count
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.arguments import F
from wengert.errors import InputError, ShapeError, sentences
from wengert.ir.families import Control
from wengert.ir.primitive import ByHand, Carrier, Primitive
from wengert.ir.types import Type, types_of
from wengert.primitives import curves
from wengert.trace import creation
from wengert.trace.stage import lift, stage
from wengert.trace.tracer import Tracer
from wengert.trace.unify import PYTHON, array
from wengert.transforms.derivatives import at_point
from wengert.transforms.vjp import forward_from
from wengert.transforms.vmap import batch

_NUMBER = count(1)
Results = Sequence[Any]


class _Block:
    """A user's function as one primitive: its leaves in, its leaves out, and rules by hand.

    `form` holds the structures of arguments and result, and the arguments that aren't arrays.
    """

    def __init__(self, f: F, rule: Callable[["_Form"], ByHand]) -> None:
        self.f = f
        self.rule = rule
        self.name = f"{getattr(f, '__name__', 'f').strip('<>')}_{next(_NUMBER)}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        moving = [
            isinstance(x, np.ndarray | np.generic | Carrier) or type(x) in PYTHON for x in leaves
        ]
        if not any(isinstance(x, Carrier) for x in leaves):
            return self.f(*args, **kwargs)
        fixed_leaves = tuple([None if m else x for x, m in zip(leaves, moving, strict=True)])
        form = _Form(self.f, structure, tuple(moving), fixed_leaves)
        xs = [
            x if isinstance(x, Carrier) else array(x)[()]
            for x, m in zip(leaves, moving, strict=True)
            if m
        ]
        if form.captures(types_of(xs)):
            raise InputError(
                sentences(
                    f"{self.f} has a custom rule and uses a traced value from outside.",
                    "Pass everything that is differentiated as an argument.",
                )
            )
        record = Primitive(self.name, form, Control(form.infer, form.batch), self.rule(form))
        result = record(*xs)
        assert form.result is not None
        return form.result.unflatten(result if isinstance(result, tuple) else (result,))


class _Form:
    """A function of leaves, for one structure of arguments."""

    def __init__(
        self, f: F, structure: tree.Structure, moving: tuple[bool, ...], still: tuple[Any, ...]
    ) -> None:
        self.f = f
        self.structure = structure
        self.moving = moving
        self.still = still
        self.result: tree.Structure | None = None

    def arguments(self, xs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        found = iter(xs)
        leaves = [next(found) if m else s for m, s in zip(self.moving, self.still, strict=True)]
        args, kwargs = self.structure.unflatten(leaves)
        return args, kwargs

    def flat(self, *xs: Any) -> list[Any]:
        args, kwargs = self.arguments(xs)
        with creation.inside([x for x in xs if isinstance(x, Tracer)]):
            leaves, self.result = tree.flatten(self.f(*args, **kwargs))
        return [y if isinstance(y, Carrier) else array(y)[()] for y in leaves]

    def __call__(self, *xs: Any) -> Any:
        results = self.flat(*xs)
        return results[0] if len(results) == 1 else tuple(results)

    def infer(self, *types: Type) -> Sequence[Type]:
        return [a.type for a in stage(self.flat, types).outputs]

    def captures(self, types: Sequence[Type]) -> bool:
        """Whether f uses stand-ins that it wasn't given; unknown where it branches on values."""
        try:
            return bool(lift(stage(self.flat, types))[1])
        except Exception:  # noqa: BLE001  # whatever f does with values, the check only looks
            return False

    def batch(self, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        types = [Type(x.shape[b:], x.dtype) for x, b in zip(xs, batched, strict=True)]
        results = batch(stage(self.flat, types), size, xs, batched)
        return results[0] if len(results) == 1 else tuple(results)


class custom_jvp:
    """A function with a differential of your own, as in `@custom_jvp` and `@f.defjvp`.

    The rule takes (primals, tangents) and returns (value, tangent); reverse mode is its transpose.

    >>> @custom_jvp
    ... def square(x):
    ...     return x * x
    >>> @square.defjvp
    ... def rule(primals, tangents):
    ...     return square(*primals), 2 * primals[0] * tangents[0]
    """

    def __init__(self, f: F) -> None:
        self.rule: F | None = None
        self.block = _Block(f, self._by_hand)
        update_wrapper(self, f, updated=())

    def defjvp(self, rule: F) -> F:
        """Register the rule; returns it, so that this is a decorator."""
        self.rule = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.rule is None:
            raise InputError(
                sentences(
                    "A custom_jvp function was called without a rule.", "Give it one with f.defjvp."
                )
            )
        return self.block(*args, **kwargs)

    def _by_hand(self, form: _Form) -> ByHand:
        def forward(xs: Results, ys: Results, dxs: Results) -> Results:
            assert self.rule is not None
            primals, _ = form.arguments(xs)
            tangents, _ = form.arguments(
                [_zero(x) if d is None else d for x, d in zip(xs, dxs, strict=True)]
            )
            leaves, structure = tree.flatten(self.rule(primals, tangents)[1])
            if structure != form.result:
                raise ShapeError(
                    sentences(
                        "The tangent that a custom_jvp rule returned isn't built like the value.",
                        "Return the same tree.",
                    )
                )
            return leaves

        return ByHand(forward)


class custom_vjp:
    """A function with a pullback of your own: `@custom_vjp`, then `f.defvjp(forward, backward)`.

    forward(*args) returns (value, saved); backward(saved, u) the tuple of the arguments' cotangents
    (None for a zero). Forward mode is the transpose of `backward`.

    >>> @custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda saved, u: (np.clip(u, -1, 1),))
    """

    def __init__(self, f: F) -> None:
        self.rules: tuple[F, F] | None = None
        self.block = _Block(f, self._by_hand)
        update_wrapper(self, f, updated=())

    def defvjp(self, forward: F, backward: F) -> None:
        """Register the two rules."""
        self.rules = (forward, backward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.rules is None:
            raise InputError(
                sentences(
                    "A custom_vjp function was called without rules.", "Give it them with f.defvjp."
                )
            )
        return self.block(*args, **kwargs)

    def _by_hand(self, form: _Form) -> ByHand:
        def backward(xs: Results, ys: Results, us: Results) -> Results:
            assert self.rules is not None
            assert form.result is not None
            args, kwargs = form.arguments(xs)
            saved = self.rules[0](*args, **kwargs)[1]
            u = form.result.unflatten(
                [_zero(y) if u is None else u for y, u in zip(ys, us, strict=True)]
            )
            cotangents = self.rules[1](saved, u)
            return _spread(cotangents, args, form)

        return ByHand(forward_from(backward), backward)


def _spread(cotangents: Any, args: tuple[Any, ...], form: _Form) -> list[Any]:
    """The cotangents of the moving leaves; None for a whole argument is zero for all its leaves."""
    if not isinstance(cotangents, tuple) or len(cotangents) != len(args):
        raise ShapeError(
            sentences(
                f"A backward rule returned {type(cotangents).__name__} for {len(args)} arguments.",
                "Return a tuple with one cotangent for each, None for a zero.",
            )
        )
    leaves: list[Any] = []
    for c, a in zip(cotangents, args, strict=True):
        size = tree.flatten(a)[1].size
        leaves += [None] * size if c is None else tree.flatten(c)[0]
    named = len(form.moving) - len(leaves)
    leaves += [None] * named
    return [leaf for leaf, m in zip(leaves, form.moving, strict=True) if m]


def _zero(x: Any) -> Any:
    return np.zeros(x.shape, x.dtype)[()]


def checkpoint(f: F) -> F:
    """f, whose intermediates are computed again in the reverse sweep instead of kept.

    Memory falls from all of f's values to its arguments; time grows by one more run of f.
    """

    def by_hand(form: _Form) -> ByHand:
        def forward(xs: Results, ys: Results, dxs: Results) -> Results:
            return at_point(form.flat, xs).push(dxs)

        def backward(xs: Results, ys: Results, us: Results) -> Results:
            return at_point(form.flat, xs).pull(us)

        return ByHand(forward, backward)

    block = _Block(f, by_hand)
    return wraps(f)(lambda *args, **kwargs: block(*args, **kwargs))


def stop_gradient(x: Any) -> Any:
    """x as a constant, leaf by leaf: the same value, no derivative of any order.

    >>> from wengert import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    return tree.map(
        lambda leaf: curves.stop_gradient(leaf) if isinstance(leaf, Carrier) else leaf, x
    )
