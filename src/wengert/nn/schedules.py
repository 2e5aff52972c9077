"""The rate as a function of time: η(t), t counted in whatever `nn.train` counts, epochs.

Fractions count, so a schedule doesn't depend on the size of a batch. A schedule is any function
of one number; these are the usual ones.

>>> rate = Warmup(2, then=Cosine(0.1, epochs=10))
>>> [round(rate(t), 4) for t in (0, 1, 2, 6, 10, 11)]
[0.0, 0.0488, 0.0905, 0.0345, 0.0, 0.0]
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

__all__ = ["Constant", "Cosine", "Exponential", "Schedule", "Step", "Warmup", "at"]

Schedule = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Constant:
    """η(t) = η."""

    rate: float

    def __call__(self, t: float) -> float:
        return self.rate


@dataclass(frozen=True, slots=True)
class Cosine:
    """η(t) = η₁ + (η − η₁)(1 + cos(π t/T))/2 down to η₁ = `floor` at T = `epochs`, then η₁.

    Loshchilov, Hutter 2017, SGDR (arXiv 1608.03983), equation 5.
    """

    rate: float
    epochs: float
    floor: float = 0.0

    def __call__(self, t: float) -> float:
        part = min(t / self.epochs, 1.0)
        return self.floor + (self.rate - self.floor) * (1 + cos(pi * part)) / 2


@dataclass(frozen=True, slots=True)
class Step:
    """η(t) = η γ^⌊t/T⌋: times γ = `factor` every T = `every` epochs.

    >>> [round(Step(1.0, every=2)(t), 6) for t in (0, 1.9, 2, 4)]
    [1.0, 1.0, 0.1, 0.01]
    """

    rate: float
    every: float
    factor: float = 0.1

    def __call__(self, t: float) -> float:
        return float(self.rate * self.factor ** (t // self.every))


@dataclass(frozen=True, slots=True)
class Exponential:
    """η(t) = η γ^t: times γ = `factor` an epoch, without steps.

    >>> Exponential(1.0, factor=0.25)(0.5)
    0.5
    """

    rate: float
    factor: float

    def __call__(self, t: float) -> float:
        return float(self.rate * self.factor**t)


@dataclass(frozen=True, slots=True)
class Warmup:
    """η(t) = min(1, t/T) η₂(t): the schedule η₂ = `then`, reached in a line over T = `epochs`.

    Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677), section 2.2.
    """

    epochs: float
    then: Schedule | float

    def __call__(self, t: float) -> float:
        return min(1.0, t / self.epochs) * at(self.then, t)


def at(rate: Schedule | float, t: float) -> float:
    """The rate at time t, of a schedule or of a plain number.

    >>> at(0.1, 3.0), at(lambda t: 1 / (1 + t), 3.0)
    (0.1, 0.25)
    """
    return float(rate(t)) if callable(rate) else float(rate)
