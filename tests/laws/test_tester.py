"""The tester is tested: for each law a record that breaks it by little, and is caught."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from laws import LAWS
from samples import Case, cases
from test_laws import OPEN

from wengert.ir.families import Pointwise, Reduction, View
from wengert.ir.primitive import (
    REGISTRY,
    Adjoints,
    Composition,
    Differential,
    Flat,
    Primitive,
    Slopes,
)
from wengert.primitives import curves, folds, maps, picks, views

R = REGISTRY.primitives
OFF = 1.0005
"""A rule wrong by 0.05 % must fail."""


def sloped(record: Primitive, *slopes: Any) -> Primitive:
    return replace(record, rule=Slopes(slopes))


def adjoint(record: Primitive, *adjoints: Any) -> Primitive:
    return replace(record, rule=Adjoints(adjoints, record.rule.each))


def wrong_batch(args: Any, batched: Any, size: int, axes: Any) -> Any:
    return views.flip(args[0], axes=axes)  # should be axes + 1


def writes(x: Any) -> Any:
    y = np.sin(x)
    if isinstance(x, np.ndarray):
        x[...] = y
    return y


# fmt: off
BROKEN: list[tuple[str, Primitive]] = [
    ("differential_is_the_derivative", sloped(curves.sin, lambda x, y: OFF * np.cos(x))),
    ("differential_is_the_derivative", sloped(curves.multiply, lambda x, y, z: y, lambda x, y, z: OFF * x)),
    ("differential_is_the_derivative", replace(picks.sort, rule=Differential((lambda dx, y, x, axis: OFF * picks._order_tangent(dx, y, x, axis),)))),
    ("differential_is_the_derivative", replace(folds.prod, definition=lambda x, axes: OFF * folds._prod_by_halves(x, axes))),
    ("forward_and_reverse_agree", adjoint(maps.sum, lambda u, x, axes: OFF * maps.expand(u, x.shape, axes))),
    ("forward_and_reverse_agree", adjoint(maps.contract, lambda u, x, w, spec: maps.contract(u, w, spec=maps.solve_spec(spec, 0)), lambda u, x, w, spec: OFF * maps.contract(x, u, spec=maps.solve_spec(spec, 1)))),
    ("forward_and_reverse_agree", adjoint(views.transpose, lambda u, x, perm: OFF * views.transpose(u, perm=tuple(np.argsort(perm).tolist())))),
    ("forward_and_reverse_agree", replace(views.concatenate, rule=Adjoints(lambda u, *xs, axis: tuple(OFF * v for v in views._split(u, *xs, axis=axis))))),
    ("second_order", sloped(curves.sin, lambda x, y: curves.stop_gradient(np.cos(x)))),
    ("second_order", sloped(curves.exp, lambda x, y: OFF * y)),
    ("flat_is_locally_constant", replace(curves.floor, evaluate=lambda x: np.floor(x) + 1e-4 * x)),
    ("linear_is_linear", replace(maps.cumsum, evaluate=lambda x, axis: np.add.accumulate(x, axis=axis) * (1 + 5e-4 * np.abs(x)))),
    ("linear_is_linear", replace(maps.contract, evaluate=lambda x, w, spec: maps.plan(spec)(x, w) + 5e-4)),
    ("types_are_inferred", replace(picks.argsort, family=replace(picks.argsort.family, dtype=None))),
    ("types_are_inferred", replace(curves.greater, family=Pointwise(dtype="f8"))),
    ("types_are_inferred", replace(views.flip, family=View(lambda x, axes: (*x.shape, 1), views.flip.family.batch))),
    ("precision_is_kept", replace(curves.sin, evaluate=lambda x: np.sin(x).astype("f8"))),
    ("precision_is_kept", sloped(curves.sin, lambda x, y: np.cos(x) if x.dtype == "f8" else 1.01 * np.cos(x))),
    ("vmap_is_a_loop", replace(views.flip, family=replace(views.flip.family, batch=wrong_batch))),
    ("vmap_is_a_loop", replace(maps.sum, family=Pointwise())),
    ("machines_agree", replace(curves.add, evaluate=lambda x, y: x + OFF * y)),
    ("text_is_read_back", replace(curves.sin, name="sine")),
    ("definition_is_the_meaning", replace(R["sigmoid"], definition=lambda x: 1 / (1 + np.exp(-OFF * x)))),
    ("definition_is_the_meaning", sloped(R["softplus"], lambda x, y: OFF * R["sigmoid"](x))),
    ("definition_is_the_meaning", replace(folds.prod, definition=lambda x, axes: OFF * folds._prod_by_halves(x, axes))),
    ("operands_are_left_alone", replace(curves.sin, evaluate=writes)),
    ("operands_are_left_alone", replace(curves.sin, evaluate=lambda x: x[...])),
    ("the_board_can_write_it", replace(curves.sin, notation="")),
]
# fmt: on


def judge(law: str, record: Primitive) -> None:
    with np.errstate(all="ignore"):
        for case in cases(record):
            LAWS[law](case)


@pytest.mark.parametrize(("law", "record"), BROKEN, ids=[f"{law}-{r.name}" for law, r in BROKEN])
def test_what_is_wrong_is_caught(law: str, record: Primitive) -> None:
    with pytest.raises((AssertionError, ValueError, TypeError, IndexError)):
        judge(law, record)


def test_every_law_is_tested() -> None:
    assert {law for law, _ in BROKEN} == set(LAWS)


@pytest.mark.parametrize("record", {r.name: r for _, r in BROKEN if r.name in R}.values(), ids=str)
def test_and_what_is_right_is_not(record: Primitive) -> None:
    right = R[record.name]
    for law in LAWS:
        if (law, record.name) not in OPEN:
            judge(law, right)


def test_a_record_that_cannot_be_sampled_fails() -> None:
    blind = Primitive("blind", np.flip, View(lambda x: x.shape, lambda a, b, n: a[0]), Flat())
    with pytest.raises(LookupError, match="blind can't be sampled"):
        next(cases(blind))


def test_a_composition_without_definition_is_no_record() -> None:
    with pytest.raises(AssertionError):
        Primitive("empty", np.sum, Reduction(), Composition())


def test_a_case_says_what_it_is() -> None:
    assert str(Case(curves.sin, (np.zeros(3),), {})) == "sin(float64[3], {})"
