"""A function and a gradient written by hand, called at the same random arguments."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.arguments import bind, parameter, real_scalar
from wengert.explanation.grading.draws import (
    SCALES,
    WANTED,
    Random,
    conditions,
    draw,
    kind_of,
    sizes_for,
)
from wengert.ir.dims import symbols
from wengert.ir.program import Const, Program, read
from wengert.ir.types import Array
from wengert.transforms.derivatives import Point, at_point
from wengert.transforms.vjp import pullback

F = Callable[..., Any]
MOST_KINKS = 24
"""Lines with a kink that are approached from both sides."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: the list in float64 with all values, its gradient, and what the hand gave."""

    args: tuple[Any, ...]
    sizes: dict[str, int]
    scalars: dict[str, float]
    point: Point
    truth: list[Array]
    mine: Any
    changed: str
    loud: bool = False
    noise: float = 0.0

    def suppose(self, program: Program) -> list[Array]:
        """The gradient by a list whose records have been tampered with."""
        env = self.point.env
        values = [read(env, a) for a in self.point.program.outputs]
        found = pullback(program, env, [np.ones((), values[0].dtype)[()]])
        pairs = zip(found, self.truth, strict=True)
        return [np.zeros_like(t) if g is None else np.asarray(g) for g, t in pairs]


@dataclass
class Subject:
    """f, the gradient to be judged, the example, and which arguments it is the gradient for."""

    f: F
    mine: F
    wrt: Any
    args: tuple[Any, ...]
    resized: bool = True
    stuck: str = ""
    axes: dict[int, tuple[str | None, ...]] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leaves, self.structure = tree.flatten(self.args)
        self.arrays = [i for i, x in enumerate(self.leaves) if np.ndim(x) and _numeric(x)]
        chosen = (self.wrt,) if isinstance(self.wrt, int) else tuple(self.wrt)
        self.wanted: list[int] = []
        self.labels: list[str] = []
        at = 0
        for n, value in enumerate(self.args):
            size = len(tree.flatten(value)[0])
            if n in chosen:
                self.wanted += range(at, at + size)
                self.labels += tree.paths(value, parameter(self.f, n))
            at += size
        self.floor = max([int(np.max(x)) for x in self._integers() if x.size], default=0)
        self._name_axes()

    def _integers(self) -> list[Array]:
        return [
            np.asarray(self.leaves[i])
            for i in self.arrays
            if np.asarray(self.leaves[i]).dtype.kind in "iu"
        ]

    def _name_axes(self) -> None:
        """N, d, k, ... for the axes of the arguments; those that meet a captured array stay."""

        def run(*arrays: Any) -> Sequence[Any]:
            leaves = list(self.leaves)
            for i, x in zip(self.arrays, arrays, strict=True):
                leaves[i] = x
            return [real_scalar(self.f(*self.structure.unflatten(leaves)), "check")]

        program = at_point(run, [np.asarray(self.leaves[i]) for i in self.arrays]).program
        sizes, named = symbols(program)
        inputs = dict(zip(self.arrays, program.inputs, strict=True))
        axes = {i: [named.get((v, j)) for j in range(v.type.ndim)] for i, v in inputs.items()}
        letter = self._letters(axes)
        self.axes = {i: tuple([letter.get(s or "") for s in row]) for i, row in axes.items()}
        held = {s for (atom, _), s in named.items() if isinstance(atom, Const)}
        self.fixed = {letter[s]: sizes[s] for s in held if s in letter}
        self.sizes = {name: sizes[s] for s, name in letter.items()}

    def _letters(self, axes: dict[int, list[str | None]]) -> dict[str, str]:
        """N, M, ... for axes that data alone have, d, k, ... for those of the differentiated."""
        taken = {p for n, a in enumerate(self.args) for p in tree.paths(a, parameter(self.f, n))}
        inner = [s for i in self.wanted for s in axes.get(i, ()) if s]
        outer = [s for row in axes.values() for s in row if s and s not in inner]
        found: dict[str, str] = {}
        for group, letters in ((outer, "NMTSRQ"), (inner, "dkmpqrst")):
            free = iter([c for c in letters if c not in taken] + [f"n{i}" for i in range(1, 40)])
            for s in group:
                if s not in found:
                    found[s] = next(c for c in free if c not in found.values())
        return found

    def samples(self, count: int, seed: int) -> list[Sample]:
        """Calls at random sizes and scales, then more until every kink is seen from both sides."""
        rng = np.random.default_rng(seed)
        found: list[Sample] = []
        for _ in range(4 * count):
            if len(found) >= count:
                break
            sample = self._any(rng, SCALES[len(found) % len(SCALES)])
            if sample is not None:
                found.append(sample)
        found += self._kinks(rng, found)
        loud = self._any(rng, 3000.0, loud=True)
        sizes = [float(np.max(np.abs(g), initial=0)) for s in found for g in s.truth]
        noise = 64 * self.coarse * float(np.median(sizes or [0.0]))
        return [replace(s, noise=noise) for s in [*found, *([loud] if loud is not None else [])]]

    @property
    def coarse(self) -> float:
        """The precision of the coarsest float among the arguments: what the hand can keep."""
        kinds = [x.dtype for x in self.leaves if isinstance(x, np.ndarray | np.generic)]
        floats = [float(np.finfo(d).eps) for d in kinds if d.kind == "f"]
        return max([*floats, float(np.finfo(float).eps)])

    def _any(self, rng: Random, scale: float, loud: bool = False) -> Sample | None:
        for kind in WANTED[:1] if loud else WANTED:
            if self.resized:
                sizes = sizes_for(rng, list(self.sizes), self.fixed, self.floor)
                try:
                    sample = self._at(self._leaves(rng, kind, sizes, scale), sizes, loud)
                except (np.linalg.LinAlgError, ArithmeticError):
                    sample = None
                except (ValueError, IndexError, TypeError) as error:
                    self.resized, self.stuck = False, f"{type(error).__name__}: {error}"
                    sample = None
                if sample is not None:
                    return sample
            if not self.resized or kind == "near":
                try:
                    sample = self._at(self._leaves(rng, kind, None, scale), self.sizes, loud)
                except (np.linalg.LinAlgError, ArithmeticError):
                    sample = None
                if sample is not None:
                    return sample
        return None

    def _leaves(
        self, rng: Random, kind: str, sizes: dict[str, int] | None, scale: float
    ) -> list[Any]:
        out = list(self.leaves)
        for i, x in enumerate(self.leaves):
            if not _numeric(x) or (not np.ndim(x) and np.asarray(x).dtype.kind != "f"):
                continue
            shape = np.shape(x)
            if sizes is not None:
                pairs = zip(self.axes.get(i, ()), shape, strict=True)
                shape = tuple([n if s is None else sizes[s] for s, n in pairs])
            like = np.broadcast_to(np.ravel(x)[0] if np.size(x) else 0, shape)
            what = kind if i in self.wanted else kind_of(x)
            near = np.asarray(x) if shape == np.shape(x) else np.asarray(like, np.asarray(x).dtype)
            like = np.asarray(x) if what == "integers" else near
            out[i] = draw(what, rng, shape, like, scale if i in self.wanted else 1.0)
            if type(x) is float:
                out[i] = float(out[i])
        return out

    def _at(self, leaves: list[Any], sizes: dict[str, int], loud: bool) -> Sample | None:
        """The sample at these arguments; None where f or its gradient isn't finite."""
        args = self.structure.unflatten(leaves)
        with np.errstate(all="ignore"):
            value = self.f(*copy.deepcopy(args))
            if not np.all(np.isfinite(value)):
                return None
            call = bind(self.f, self.wrt, tuple(_wide(a) for a in args), {})
            point = at_point(
                lambda *x: [real_scalar(call.run(*x), "check")],
                call.leaves,
                call.weak,
                self.labels,
            )
            truth = [np.asarray(g) for g in point.pull([np.ones(())[()]])]
            if not all(np.all(np.isfinite(g)) for g in truth):
                return None
            given = copy.deepcopy(args)
            try:
                mine = self.mine(*given)
            except Exception as error:  # noqa: BLE001  # whatever it raises is what we report
                mine = error
        return Sample(
            args, sizes, self._scalars(leaves), point, truth, mine, self._changed(leaves, given),
            loud,
        )  # fmt: skip

    def _scalars(self, leaves: list[Any]) -> dict[str, float]:
        paths = [p for n, a in enumerate(self.args) for p in tree.paths(a, parameter(self.f, n))]
        return {
            p: float(x)
            for p, x in zip(paths, leaves, strict=True)
            if _numeric(x) and not np.ndim(x) and np.asarray(x).dtype.kind == "f"
        }

    def _changed(self, leaves: list[Any], given: Any) -> str:
        """The argument that the gradient wrote into."""
        after = tree.flatten(given)[0]
        paths = [p for n, a in enumerate(self.args) for p in tree.paths(a, parameter(self.f, n))]
        for path, a, b in zip(paths, leaves, after, strict=True):
            if _numeric(a) and not np.array_equal(a, b, equal_nan=True):
                return path
        return ""

    # --- kinks
    def _kinks(self, rng: Random, found: list[Sample]) -> list[Sample]:
        """Samples on the sides of kinks that the others didn't see, and close to each kink.

        The close ones stand in the narrow regions between two kinks, as inside a clip.
        """
        more: list[Sample | None] = []
        for i, side in self.unseen(found):
            tries = (self._pushed(start, i, side, rng) for start in found[:4])
            more += [next((s for s in tries if s is not None), None)]
        near = 1e-5 if self.coarse < 1e-12 else 1e-3
        for n, i in enumerate(sorted(self.kinks(found))[:MOST_KINKS]):
            starts = [*found[n % len(found) :], *found[: n % len(found)]]
            for side in (-1, 1):
                tries = (self._pushed(start, i, side, rng, near) for start in starts)
                once = next((s for s in tries if s is not None), None)
                more.append(self._pushed(once, i, side, rng, near) if once is not None else None)
        return [s for s in more if s is not None]

    def kinks(self, found: Sequence[Sample]) -> set[int]:
        """The lines with a kink."""
        return {i for s in found for i in conditions(s.point.program, s.point.env, read)}

    def unseen(self, found: Sequence[Sample]) -> list[tuple[int, int]]:
        """The kinks, as line and sign, on whose side no sample stood."""
        seen: dict[int, set[int]] = {}
        for sample in found:
            for i, c in conditions(sample.point.program, sample.point.env, read).items():
                seen.setdefault(i, set()).update(np.unique(np.sign(c)).astype(int).tolist())
        return [(i, side) for i, sides in seen.items() for side in (-1, 1) if side not in sides]

    def _pushed(
        self, start: Sample, i: int, side: int, rng: Random, near: float = 0.0
    ) -> Sample | None:
        """Newton's step over the kink of line i (or `near` it), for one entry of what decides."""
        program, env = start.point.program, start.point.env
        if i >= len(program.equations):
            return None
        eqn = program.equations[i]
        c = conditions(program, env, read).get(i)
        if c is None or not c.size:
            return None
        place = np.unravel_index(int(np.argmin(np.abs(c))), c.shape)
        us = []
        for sign, atom in zip((1.0, -1.0), eqn.inputs, strict=False):
            u = np.zeros(atom.type.shape)
            u[place if atom.type.shape else ()] = sign
            us.append(u)
        inner = Program(program.inputs, program.equations[:i], eqn.inputs[: len(us)])
        slopes = [None if g is None else np.asarray(g) for g in pullback(inner, env, us)]
        norm = sum(float(np.sum(g * g)) for g in slopes if g is not None)
        if not norm:
            return None
        leaves = tree.flatten(start.args)[0]
        goal = near or max(0.3, abs(float(c[place])) * 0.5)
        step = (side * goal - float(c[place])) / norm
        for n, g in zip(self.wanted, slopes, strict=True):
            if g is not None:
                moved = np.asarray(leaves[n]) + step * g
                leaves[n] = np.asarray(moved, np.asarray(leaves[n]).dtype)[()]
        try:
            return self._at(leaves, start.sizes, False)
        except (np.linalg.LinAlgError, ArithmeticError):
            return None


def _numeric(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | float | int) and not isinstance(x, bool)


def _wide(argument: Any) -> Any:
    """In float64: the truth isn't to suffer from the precision of what is judged."""

    def leaf(x: Any) -> Any:
        if isinstance(x, np.ndarray | np.generic) and x.dtype.kind == "f":
            return np.asarray(x, np.float64)[()]
        return x

    return tree.map(leaf, argument)
