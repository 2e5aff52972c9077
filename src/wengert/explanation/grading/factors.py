"""Which factor it is: a number that is the same in all samples, 1/N, sqrt(d), lambda, ..."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from wengert.explanation.grading.samples import Sample

# fmt: off
NUMBERS = {1.0: "1", -1.0: "-1", 0.0: "0", 2.0: "2", -2.0: "-2", 0.5: "1/2", -0.5: "-1/2",
           3.0: "3", 1/3: "1/3", 4.0: "4", 0.25: "1/4"}
# fmt: on


class Factor(NamedTuple):
    """number · symbol^power; `symbol` is empty where the number is all."""

    number: float
    symbol: str = ""
    power: float = 0.0

    def __str__(self) -> str:
        number = NUMBERS.get(self.number, f"{self.number:.6g}")
        if not self.symbol:
            return number
        root = {0.5: f"sqrt({self.symbol})", 2: f"{self.symbol}^2"}
        body = root.get(abs(self.power), self.symbol)
        if self.power < 0:
            return f"{number}/{body}"
        return body if number == "1" else f"-{body}" if number == "-1" else f"{number} {body}"

    @property
    def inverse(self) -> "Factor":
        return Factor(1 / self.number, self.symbol, -self.power)


def _sizes(samples: Sequence[Sample]) -> Iterator[tuple[str, list[float]]]:
    """What a factor may be made of: sizes, their products, sizes less one, scalar arguments."""
    symbols = list(samples[0].sizes)
    for s in symbols:
        yield s, [float(x.sizes[s]) for x in samples]
    for i, s in enumerate(symbols):
        for t in symbols[i + 1 :]:
            yield f"({s} {t})", [float(x.sizes[s] * x.sizes[t]) for x in samples]
    for name in samples[0].scalars:
        yield name, [x.scalars[name] for x in samples]
    for s in symbols:
        yield f"({s} - 1)", [x.sizes[s] - 1.0 for x in samples]
        yield f"({s}/({s} - 1))", [x.sizes[s] / max(x.sizes[s] - 1.0, 0.5) for x in samples]


def factor_of(
    alphas: Sequence[float], samples: Sequence[Sample], tolerance: float
) -> Factor | None:
    """The simplest factor that is α in every sample; None where none of ours fits."""
    a = np.asarray(alphas)

    def fits(values: np.ndarray) -> bool:
        return bool(np.all(np.abs(a - values) <= tolerance * np.maximum(1e-3, np.abs(values))))

    for number in NUMBERS:
        if fits(np.full(len(a), number)):
            return Factor(number)
    numbers = [n for n in NUMBERS if n]
    for name, values in _sizes(samples):
        v = np.asarray(values)
        for power in (1.0, -1.0, 0.5, -0.5, 2.0, -2.0):
            with np.errstate(all="ignore"):
                base = np.sign(v) ** power * np.abs(v) ** power if power % 1 == 0 else v**power
            for number in numbers[:6]:
                if np.all(np.isfinite(base)) and fits(number * base):
                    return Factor(number, name, power)
    constant = float(np.median(a))
    return Factor(constant) if fits(np.full(len(a), constant)) else None
