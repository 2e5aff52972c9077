"""Arguments for every record of the registry: a few shapes for each family, the domain for the values.

A record that this file can't sample is an error, so that a new one can't hide from the laws. Views say
nothing about their parameters, so theirs stand in a table; records with an `example` bring their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wengert.ir.families import Along, Contraction, Pointwise, Reduction, View
from wengert.ir.primitive import Primitive, Slopes

SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (0,), (2, 0))
SPECS = (
    "i,i->", "ij,j->i", "j,ij->i", "ij,jk->ik", "ij,kj->ik", "ji,jk->ik", "ij,kj->ki", "ji,kj->ki",
    "i,j->ij", "i,j->ji", "ij,ij->ij", "ij,ij->", "ij,ji->", "bij,bjk->bik", "bij,jk->bik", "ij,kl->ikjl",
    "bi,bi->b", "bij,bj->ib", ",ij->ij", "ij,->ij", ",->",
)  # fmt: skip
SIZES = {"i": 2, "j": 3, "k": 4, "l": 2, "b": 3}

# fmt: off
PARAMS: dict[str, list[dict[str, Any]]] = {  # of pointwise records; the default is none
    "convert": [{"dtype": np.dtype("f8")}, {"dtype": np.dtype("c16")}, {"dtype": np.dtype("f4")}],
    "monomial": [{"p": 2}, {"p": 3}, {"p": 5}, {"p": 2.0}, {"p": 1}, {"p": 0}],
    "leaky_relu": [{}, {"slope": 0.2}],
    "elu": [{}, {"alpha": 1.5}],
}
VIEWS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {  # (shapes of the operands, parameters)
    "broadcast": [(((),), {"shape": (2, 3)}), (((3,),), {"shape": (2, 3)}), (((2, 1, 3),), {"shape": (4, 2, 5, 3)}), (((1,),), {"shape": (0,)}), (((1, 1),), {"shape": (1, 1)})],
    "reshape": [(((2, 3),), {"shape": (6,)}), (((6,),), {"shape": (3, 1, 2)}), (((),), {"shape": (1, 1)}), (((1,),), {"shape": ()}), (((0, 3),), {"shape": (0,)})],
    "transpose": [(((2, 3),), {"perm": (1, 0)}), (((2, 3, 4),), {"perm": (2, 0, 1)}), (((3,),), {"perm": (0,)})],
    "flip": [(((2, 3),), {"axes": (1,)}), (((2, 3),), {"axes": (0, 1)}), (((3,),), {"axes": ()})],
    "take": [(((5,),), {"index": ((1, 4, 2),)}), (((4, 3),), {"index": ((3, -1, -2), (0, 3, 1))}), (((4, 3),), {"index": ((0, 0, 1), 2)}), (((4, 3),), {"index": (1, 2)}), (((4, 3),), {"index": (2, (0, 3, 1))})],
    "place": [(((2,),), {"shape": (5,), "index": ((1, 4, 2),)}), (((2, 3),), {"shape": (4, 3), "index": ((3, -1, -2), (0, 3, 1))}), (((),), {"shape": (4, 3), "index": (1, 2)}), (((3,),), {"shape": (4, 3), "index": (2, (0, 3, 1))})],
    "pad": [(((3,),), {"widths": ((1, 2),)}), (((2, 3),), {"widths": ((0, 0), (2, 1))}), (((0,),), {"widths": ((1, 0),)})],
    "concatenate": [(((2,), (3,), (1,)), {"axis": 0}), (((2, 3), (2, 1)), {"axis": 1}), (((2, 3),), {"axis": 0}), (((0, 2), (3, 2)), {"axis": 0})],
    "put": [(((5,), (2,)), {"index": ((1, 4, 2),)}), (((4, 3), (4, 3)), {"index": ((3, -1, -1), (0, 3, 1))}), (((4, 3), (2, 3)), {"index": ((3, -1, -2), (0, 3, 1))}), (((4, 3), ()), {"index": (1, 2)}), (((4, 3), (2,)), {"index": ((0, 4, 2), 1)}), (((4, 3), (3,)), {"index": (2, (0, 3, 1))}), (((3,), (0,)), {"index": ((0, 0, 1),)}), (((), ()), {"index": ()})],
}
INDICES: dict[str, list[tuple[Any, tuple[Any, ...], dict[str, Any]]]] = {  # (shape, indices, parameters)
    "gather": [((5,), ([0, 3, 3, 1],), {}), ((4, 3), ([[0, 3], [2, 2]], [[1, 1], [0, 2]]), {}), ((4, 3), ([2, 0],), {}), ((4, 3), (2,), {})],
    "take_moved": [((5,), (2,), {"index": ((0, 4, 2),), "axes": (0,)}), ((4, 3), (1, 2), {"index": (2, 0), "axes": (0, 1)}), ((4, 3), (2,), {"index": (1, (0, -2, -1)), "axes": (1,)}), ((4, 3), (-1,), {"index": ((2, 4, 1), (0, 3, 1)), "axes": (0,)})],
    "place_moved": [((2,), (2,), {"shape": (5,), "index": ((0, 4, 2),), "axes": (0,)}), ((), (1, 2), {"shape": (4, 3), "index": (2, 0), "axes": (0, 1)}), ((2,), (2,), {"shape": (4, 3), "index": (1, (0, -2, -1)), "axes": (1,)})],
    "scatter": [((4,), ([0, 3, 3, 1],), {"shape": (5,)}), ((2, 2), ([[0, 3], [2, 2]], [[1, 1], [0, 2]]), {"shape": (4, 3)}), ((2, 3), ([2, 0],), {"shape": (4, 3)})],
}
WRITES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[Any, ...]]] = [  # of put_at: array, values, indices; of places met twice the last counts
    ((5,), (3,), ([0, 3, 1],)), ((5,), (4,), ([3, 0, 3, 3],)), ((4, 3), (2, 2), ([[0, 3], [2, 0]], [[1, 1], [0, 1]])), ((4, 3), (3, 3), ([2, 0, 2],)), ((4, 3), (3,), (2,)), ((4, 3), (2, 2, 3), ([[1, 1], [3, 1]],)), ((3,), (0,), (np.zeros(0, int),)),
]
MOVED_WRITES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [  # of put_moved: array, values, by, parameters
    ((5,), (2,), (2,), {"index": ((0, 4, 2),), "axes": (0,)}), ((4, 3), (), (1, 2), {"index": (2, 0), "axes": (0, 1)}), ((4, 3), (2,), (2,), {"index": (1, (0, -2, -1)), "axes": (1,)}),
]
# fmt: on
COMPLEX_ONLY = {"real", "imag"}
BOOLEAN = {"any", "all"}
NONEMPTY = {"max", "min", "argmax", "argmin"}


@dataclass(frozen=True)
class Case:
    """A record, operands and parameters: one point at which the laws must hold."""

    record: Primitive
    args: tuple[Any, ...]
    params: dict[str, Any]

    def __str__(self) -> str:
        operands = ", ".join(f"{np.asarray(a).dtype}{list(np.shape(a))}" for a in self.args)
        return f"{self.record.name}({operands}, {self.params})"

    @property
    def moving(self) -> tuple[int, ...]:
        """The places of the operands that have tangents."""
        return tuple(i for i, a in enumerate(self.args) if np.asarray(a).dtype.kind in "fc")

    @property
    def xs(self) -> list[Any]:
        return [self.args[i] for i in self.moving]

    def __call__(self, *xs: Any) -> list[Any]:
        """The results that have tangents, as a function of the operands that have."""
        args = list(self.args)
        for i, x in zip(self.moving, xs, strict=True):
            args[i] = x
        y = self.record(*args, **self.params)
        return [r for r in (y if isinstance(y, tuple) else (y,)) if r.dtype.kind in "fc"]

    def astype(self, dtype: str) -> "Case":
        """The same with float operands of another precision."""
        return replace(
            self, args=tuple(a.astype(dtype) if a.dtype.kind in "fc" else a for a in self.args)
        )


def cases(record: Primitive, seed: int = 0) -> Iterator[Case]:
    """A few points for this record; LookupError if it can't be sampled."""
    rng = np.random.default_rng([seed, *record.name.encode()])
    made = _by_family(record, rng)
    found = [Case(record, tuple(np.asarray(a)[()] for a in args), params) for args, params in made]
    if not found:
        raise LookupError(
            f"{record.name} can't be sampled: give it an `example`, or a row in tests/laws/samples.py"
        )
    yield from found


def _by_family(record: Primitive, rng: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    if record.example is not None:
        for _ in range(2):
            args, params = record.example(rng)
            yield args, params
        return
    match record.family:
        case Pointwise():
            yield from _pointwise(record, rng)
        case Reduction():
            yield from _reductions(record, rng)
        case Along():
            for shape, axis in (((4,), 0), ((2, 3), 1), ((3, 2), 0), ((1,), 0), ((2, 5, 3), 1)):
                yield (_draw(record, rng, shape),), {"axis": axis}
        case Contraction():
            for spec in SPECS:
                yield (
                    [rng.uniform(-2, 2, _sized(part)) for part in spec.split("->")[0].split(",")],
                    {"spec": spec},
                )
        case View():
            yield from _views(record, rng)


def _sized(letters: str) -> tuple[int, ...]:
    return tuple(SIZES[c] for c in letters)


def _pointwise(record: Primitive, rng: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    for params in PARAMS.get(record.name, [{}]):
        for shape in SHAPES:
            args = [_values(record, rng, i, shape) for i in range(len(record.domain))]
            yield args, params
            if _has_complex(record) or params.get("dtype") == np.dtype("c16"):
                yield (
                    [
                        a if a.dtype.kind == "b" else a + 1j * rng.uniform(0.1, 0.5, shape)
                        for a in args
                    ],
                    params,
                )


def _values(record: Primitive, rng: Any, i: int, shape: tuple[int, ...]) -> Any:
    assert isinstance(record.family, Pointwise)
    low, high = record.domain[i]
    if i < record.family.conditions:
        return np.asarray(rng.integers(0, 2, shape), bool)
    if isinstance(record.evaluate, np.ufunc) and not any(
        t.startswith("d") for t in record.evaluate.types
    ):
        return np.asarray(rng.integers(0, 5, shape))  # gcd, shifts ... know no floats
    return inside(rng, low, high, shape) + (0.3j if record.name in COMPLEX_ONLY else 0)


def inside(rng: Any, low: float, high: float, shape: tuple[int, ...]) -> Any:
    """Numbers of an open interval, a little away from its ends: differences must fit in."""
    edge = 0.01 * (high - low)
    return np.asarray(rng.uniform(low + edge, high - edge, shape))


def _has_complex(record: Primitive) -> bool:
    """Whether a curve is a function of complex numbers too, as NumPy computes it."""
    n = len(record.domain)
    curve = isinstance(record.rule, Slopes) and isinstance(record.evaluate, np.ufunc)
    return curve and f"{'D' * n}->D" in record.evaluate.types and record.name not in REAL_LINE


REAL_LINE = {"maximum", "minimum", "fmax", "fmin"}  # NumPy orders complex numbers by their parts


def _draw(record: Primitive, rng: Any, shape: tuple[int, ...]) -> Any:
    if record.name in BOOLEAN:
        return rng.integers(0, 2, shape).astype(bool)
    low, high = record.domain[0]
    return inside(rng, low, high, shape)


def _reductions(record: Primitive, rng: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    rows: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3), (0, 1)), ((2, 3, 4), (0, 2)), ((1,), (0,)), ((5, 7), (0, 1)),
    ]  # fmt: skip
    if record.name not in NONEMPTY:
        rows += [((0,), (0,)), ((2, 0), (1,)), ((0, 2), (1,))]
    for shape, axes in rows:
        yield (_draw(record, rng, shape),), {"axes": axes}


def _views(record: Primitive, rng: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    for shapes, params in VIEWS.get(record.name, []):
        yield [rng.uniform(-2, 2, s) for s in shapes], params
    for shape, indices, params in INDICES.get(record.name, []):
        yield [rng.uniform(-2, 2, shape), *[np.asarray(i) for i in indices]], params
    for shape, values, places in WRITES if record.name == "put_at" else ():
        operands = [rng.uniform(-2, 2, shape), rng.uniform(-2, 2, values)]
        yield [*operands, *[np.asarray(i) for i in places]], {}
    for shape, values, by, params in MOVED_WRITES if record.name == "put_moved" else ():
        operands = [rng.uniform(-2, 2, shape), rng.uniform(-2, 2, values)]
        yield [*operands, *[np.asarray(i) for i in by]], params
