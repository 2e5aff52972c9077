"""The steps of an epoch, many in one call: a `scan` over the minibatches' row numbers.

Gather, forward, loss, gradient, clipping and update run inside, as one loop of machine code, and
Python gets the costs as an array. A call is cut so that it lasts at most a `MOMENT`, since Python
hears Ctrl-C only between calls. What is no whole minibatch, or no whole call, runs step by step;
so does all of it where the step can't be traced as a loop's body.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert import api
from wengert.errors import WengertError
from wengert.ir.families import Contraction
from wengert.ir.program import Equation, Program

__all__ = ["MOMENT", "Step", "Steps", "seconds"]

MOMENT = 0.2
"""The longest that a call should last, in seconds."""
PRODUCT, ELEMENT = 1e-10, 5e-10  # seconds for a multiplication in a product, for an element's word
BACKWARD = 3.0  # value, gradient and update, in times of the value

Carry = tuple[Any, Any]
Step = Callable[[Carry, tuple[Any, ...], Any], tuple[Carry, Any]]


@dataclass(slots=True, eq=False)
class Steps:
    """A step ((model, state), batch, rate) -> ((model, state), cost), run over chosen rows.

    `guess` is how many seconds a step may take; once calls are timed, they correct it.

    >>> def step(carry, batch, rate):
    ...     return (carry[0] - rate * batch[0].sum(), ()), carry[0]
    >>> steps = Steps(step, (np.array([1.0, 2.0, 4.0]),), 1e-6)
    >>> for (w, _), costs in steps((9.0, ()), [np.array([0, 1]), np.array([2])], np.ones(2)):
    ...     print(w, costs)
    6.0 [9.]
    2.0 [6.]
    """

    step: Step
    data: tuple[NDArray[Any], ...]
    guess: float
    scannable: bool = True
    length: int = 0
    one: Any = field(init=False)
    many: Any = field(init=False)
    warm: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.one = api.jit(self.step)
        self.many = api.jit(self._scan)

    def _scan(self, carry: Carry, data: Any, rows: Any, rates: Any) -> Any:
        def body(carry: Carry, x: Any) -> Any:
            chosen, rate = x
            return self.step(carry, tuple([a[chosen] for a in data]), rate)

        return api.scan(body, carry, (rows, rates))

    def __call__(
        self, carry: Carry, batches: Sequence[NDArray[Any]], rates: NDArray[Any]
    ) -> Iterator[tuple[Carry, NDArray[Any]]]:
        """The carry after each call, and the costs of its steps."""
        whole = sum([len(rows) == len(batches[0]) for rows in batches])
        done = 0
        while done < len(batches):
            n = self._length(whole - done)
            if n > 1:
                rows = np.stack(batches[done : done + n])
                result = self._call(carry, rows, rates[done : done + n])
            if n > 1 and result is not None:
                carry, costs = result
                done += n
            else:
                batch = tuple([a[batches[done]] for a in self.data])
                carry, cost = self.one(carry, batch, np.asarray(rates[done]))
                costs, done = np.reshape(cost, 1), done + 1
            yield carry, np.asarray(costs)

    def _call(self, carry: Carry, rows: NDArray[Any], rates: NDArray[Any]) -> Any:
        """Some steps at once; None, once and for all, where a loop can't hold them."""
        start, n = perf_counter(), len(rows)
        try:
            result = self.many(carry, self.data, rows, rates)
        except (WengertError, TypeError, ValueError):
            if n in self.warm:
                raise
            self.scannable = False  # step by step it runs, or says what is wrong
            return None
        if n in self.warm:  # the first call has compiled
            self._timed((perf_counter() - start) / n, n)
        self.warm.add(n)
        return result

    def _timed(self, seconds: float, n: int) -> None:
        """Shorter calls from now on, where one has lasted too long."""
        if n * seconds > MOMENT:
            self.guess, self.length = 2 * seconds, 0

    def _length(self, left: int) -> int:
        """How many of the whole minibatches that are left go into the next call.

        All calls have one length, since each length is compiled; what it leaves over is short.
        """
        if self.scannable and not self.length:
            most = max(min(left, int(MOMENT / 2 / self.guess)), 1)
            self.length = min(range(most, most // 2, -1), key=lambda n: left % n)
        return self.length if self.scannable and left >= self.length else 1


def seconds(model: Any, X: NDArray[Any], rows: int) -> float:
    """How long a step on so many rows may take, from the list of the model's value on one.

    >>> from wengert.nn.layers import linear
    >>> 1e-6 < seconds(linear(100, 10), np.ones((1, 100)), 32) < 1e-4
    True
    """
    try:
        program = api.trace(lambda model, X: model(X))(model, X[:1])
    except (WengertError, TypeError, ValueError):
        return inf  # it asks for values, which a loop's body doesn't know
    return BACKWARD * rows * _program(program)


def _program(program: Program) -> float:
    return sum([_equation(eqn) for eqn in program.equations])


def _equation(eqn: Equation) -> float:
    """A product of (m, k) and (k, n) takes √(mk · kn · mn) multiplications."""
    out = sum([v.type.size for v in eqn.outputs])
    bodies = [p for p in eqn.params.values() if isinstance(p, Program)]
    if bodies:
        return float(eqn.params.get("length", 10) * sum(map(_program, bodies)))
    if isinstance(eqn.primitive.family, Contraction):
        return PRODUCT * sqrt(np.prod([float(a.type.size) for a in eqn.inputs]) * out)
    return ELEMENT * out
