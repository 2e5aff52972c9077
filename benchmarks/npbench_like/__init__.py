"""Programs as people write them in NumPy, one pattern each: can they be differentiated?

The files of this folder know nothing of wengert. Each ends in its list: (function, the arguments
for a random generator, whether it is smooth). Floats and arrays of floats are differentiated.
"""

import ast
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

THEMES = (
    "stencils", "factorizations", "recurrences", "clustering", "dynamics", "signals", "statistics",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    name: str
    theme: str
    function: Callable[..., Any]
    inputs: Callable[[np.random.Generator], tuple[Any, ...]]
    smooth: bool

    def arguments(self, seed: int = 0) -> tuple[Any, ...]:
        """The same each time, and fresh: a program may write into them."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()) + seed)
        return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in self.inputs(rng))

    def differentiable(self) -> tuple[int, ...]:
        return tuple(i for i, a in enumerate(self.arguments()) if np.asarray(a).dtype.kind == "f")


def entries() -> list[Entry]:
    """All programs, theme by theme."""
    return [
        Entry(function.__name__, theme, function, inputs, smooth)
        for theme in THEMES
        for function, inputs, smooth in import_module(f"{__name__}.{theme}").PROGRAMS
    ]


def spelled(module: str) -> dict[str, Callable[..., Any]]:
    """The same sources with another module for `np`."""
    found = {}
    for theme in THEMES:
        file = Path(__file__).with_name(f"{theme}.py")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and node.names[0].name == "numpy":
                node.names[0].name = module
        space = {"__name__": f"{theme} with {module}"}
        exec(compile(tree, str(file), "exec"), space)
        found |= {row[0].__name__: row[0] for row in space["PROGRAMS"]}
    return found


def weighted(function: Callable[..., Any], entry: Entry, xp: Any = np) -> Callable[..., Any]:
    """The program as a loss of its floats: no sum of weights that hides a lost derivative."""
    held, places = entry.arguments(), entry.differentiable()

    def loss(*floats: Any) -> Any:
        whole = list(held)
        for place, value in zip(places, floats, strict=True):
            whole[place] = value
        result = function(*whole)
        weights = np.cos(1.0 + np.arange(result.size if np.ndim(result) else 1))
        return xp.sum(result * weights.reshape(np.shape(result)))

    return loss


def floats(entry: Entry, seed: int = 0) -> tuple[Any, ...]:
    """What is differentiated; another seed takes other branches."""
    given = entry.arguments(seed)
    return tuple(given[i] for i in entry.differentiable())


def fresh(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(v.copy() if isinstance(v, np.ndarray) else v for v in values)


def differences(entry: Entry, most: int = 40) -> tuple[list[tuple[int, int]], np.ndarray, float]:
    """Central differences for up to `most` elements: which, the slopes, and what they are worth."""
    loss, at = weighted(entry.function, entry), floats(entry)
    spots = [(i, k) for i, x in enumerate(at) for k in range(np.size(x))]
    if len(spots) > most:
        rng = np.random.default_rng(1)
        spots = [spots[k] for k in sorted(rng.choice(len(spots), most, replace=False))]

    def moved(i: int, k: int, by: float) -> float:
        arrays = [np.array(x, dtype=float) for x in at]
        arrays[i].reshape(-1)[k] += by
        return float(loss(*[a if a.ndim else float(a) for a in arrays]))

    kept, slopes = [], []
    for i, k in spots:
        h = 1e-5 if entry.smooth else 1e-6
        up, down = moved(i, k, h), moved(i, k, -h)
        if not entry.smooth:  # a kink between the two says nothing
            middle = moved(i, k, 0.0)
            if abs(up - 2 * middle + down) > 1e-3 * h * max(1.0, abs(up - down) / h):
                continue
        kept.append((i, k))
        slopes.append((up - down) / (2 * h))
    return kept, np.array(slopes), 1e-6 if entry.smooth else 1e-5


def agrees(entry: Entry, gradient: tuple[Any, ...]) -> bool:
    """Whether this gradient is what the differences say."""
    spots, slopes, worth = differences(entry)
    ours = np.array([np.asarray(gradient[i]).reshape(-1)[k] for i, k in spots], dtype=float)
    scale = max(1.0, float(np.max(np.abs(slopes), initial=0)))
    shapes = all(np.shape(g) == np.shape(x) for g, x in zip(gradient, floats(entry), strict=True))
    enough = len(spots) > 0
    return enough and shapes and bool(np.all(np.abs(ours - slopes) <= worth * scale))
