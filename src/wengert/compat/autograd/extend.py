"""autograd.extend: `primitive` makes a function opaque, `defvjp` gives it a derivative."""

from collections.abc import Callable, Sequence
from functools import update_wrapper, wraps
from itertools import count
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.custom import _Block, _Form  # the one machine for functions with their own rules
from wengert.errors import NoDerivativeError, sentences
from wengert.ir.primitive import ByHand, Carrier
from wengert.trace.tracer import Tracer
from wengert.transforms.vjp import forward_from

F = Callable[..., Any]
Box = Tracer
Rules = dict[int, F]


class primitive:
    """f on values: what happens in it isn't traced. Its derivatives come from `defvjp`, `defjvp`.

    The arguments that are differentiated are positional; f gets arrays, as it does untraced. With
    rules for one mode alone, the other is its transpose.
    """

    def __init__(self, f: F) -> None:
        self.f = f
        self.vjps: Callable[[int], F] | None = None
        self.jvps: Callable[[int], F] | None = None
        update_wrapper(self, f, updated=())
        self.__name__ = getattr(f, "__name__", "f")

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *a, **k: self(instance, *a, **k)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        places = [i for i, a in enumerate(args) if _traced(a)]
        if not places:
            return self.f(*args, **kwargs)

        def full(xs: Sequence[Any]) -> list[Any]:
            given = dict(zip(places, xs, strict=True))
            return [given.get(i, a) for i, a in enumerate(args)]

        def varying(*xs: Any) -> Any:
            return self.f(*full(xs), **kwargs)

        varying.__name__ = self.__name__
        block = _Block(varying, lambda form: self._by_hand(form, places, full, kwargs))
        return block(*[args[i] for i in places])

    def _by_hand(self, form: _Form, places: list[int], full: F, kwargs: dict[str, Any]) -> ByHand:
        def backward(xs: Any, ys: Any, us: Any) -> list[Any]:
            values, _ = form.arguments(xs)
            assert form.result is not None
            answer, g = form.result.unflatten(ys), form.result.unflatten(_zeroed(us, ys))
            leaves: list[Any] = []
            for place in places:
                rule = self._rule(self.vjps, place)
                leaves += tree.flatten(rule(answer, *full(values), **kwargs)(g))[0]
            moving = [x for a in values for x in tree.flatten(a)[0]]
            assert len(leaves) == len(moving) == len(xs)
            return leaves

        def forward(xs: Any, ys: Any, dxs: Any) -> list[Any]:
            values, _ = form.arguments(xs)
            tangents, _ = form.arguments(_zeroed(dxs, xs))
            assert form.result is not None
            answer = form.result.unflatten(ys)
            total: list[Any] = []
            for place, d in zip(places, tangents, strict=True):
                rule = self._rule(self.jvps, place)
                dy = tree.flatten(rule(d, answer, *full(values), **kwargs))[0]
                total = [a + b for a, b in zip(total, dy, strict=True)] if total else dy
            return total

        if self.jvps is None:
            return ByHand(forward_from(backward), backward)
        return ByHand(forward) if self.vjps is None else ByHand(forward, backward)

    def _rule(self, rules: Callable[[int], F] | None, place: int) -> F:
        rule = rules(place) if rules is not None else None
        if rule is None:
            raise NoDerivativeError(
                sentences(
                    f"{self.__name__} has no derivative in its argument {place}.",
                    "Give it one with defvjp or defjvp.",
                )
            )
        return rule


def _traced(x: Any) -> bool:
    return any(isinstance(leaf, Carrier) for leaf in tree.flatten(x)[0])


def _zeroed(us: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    return [
        np.zeros(y.shape, y.dtype)[()] if u is None else u for u, y in zip(us, like, strict=True)
    ]


def _zeros(x: Any) -> Any:
    return tree.map(lambda a: np.zeros(np.shape(a), getattr(a, "dtype", float))[()], x)


def defvjp(fun: primitive, *makers: F | None, argnums: Any = None) -> None:
    """Rules maker(answer, *args) -> (g -> J'g), one for each argument; None for a zero."""
    rules: Rules = {}
    for n, maker in zip(count() if argnums is None else argnums, makers, strict=False):

        def zero(answer: Any, *args: Any, n: int = n, **kwargs: Any) -> F:
            return lambda g: _zeros(args[n])

        rules[n] = zero if maker is None else maker
    fun.vjps = rules.get  # type: ignore[assignment]


def defvjp_argnum(fun: primitive, maker: F) -> None:
    """One rule maker(argnum, answer, args, kwargs) -> (g -> J'g) for all arguments."""
    fun.vjps = lambda n: lambda answer, *args, **kwargs: maker(n, answer, args, kwargs)


def defjvp(fun: primitive, *makers: F | str | None, argnums: Any = None) -> None:
    """Rules maker(g, answer, *args) -> J g; None for a zero, "same" where f is linear in it."""
    rules: Rules = {}
    for n, maker in zip(count() if argnums is None else argnums, makers, strict=False):

        def same(g: Any, answer: Any, *args: Any, n: int = n, **kwargs: Any) -> Any:
            return fun(*args[:n], g, *args[n + 1 :], **kwargs)

        def zero(g: Any, answer: Any, *args: Any, **kwargs: Any) -> Any:
            return _zeros(answer)

        rules[n] = zero if maker is None else same if isinstance(maker, str) else maker
    fun.jvps = rules.get  # type: ignore[assignment]


def defjvp_argnum(fun: primitive, maker: F) -> None:
    """One rule maker(argnum, g, answer, args, kwargs) -> J g for all arguments."""
    fun.jvps = lambda n: lambda g, answer, *args, **kwargs: maker(n, g, answer, args, kwargs)


def def_linear(fun: primitive) -> None:
    """Say that f is linear in each of its arguments."""
    defjvp_argnum(fun, lambda n, g, y, args, kwargs: fun(*args[:n], g, *args[n + 1 :], **kwargs))


def notrace_primitive(f: F) -> F:
    """f of the values that traced arguments stand for: a constant."""

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return f(*[getval(a) for a in args], **kwargs)

    return wrapped


def getval(x: Any) -> Any:
    """The array that a traced value stands for; anything else as it is."""
    return x.known() if isinstance(x, Tracer) else x
