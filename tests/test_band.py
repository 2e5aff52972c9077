"""Jacobians of few diagonals are put together from these, with the numbers of the full matrix."""

import numpy as np
import pytest

import wengert as wg
from wengert.api.native import compiled
from wengert.ir.check import check
from wengert.passes import band as banding
from wengert.passes.band import band


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(banding, "LARGE", 4)


# fmt: off
FUNCTIONS = {
    "stencil":   lambda u: 100.0 * (u[2:] - 2.0 * u[1:-1] + u[:-2]) + np.sin(u[1:-1]),
    "pointwise": lambda u: np.exp(u) * 3 - u / 4,
    "advection": lambda u: u[1:] * (u[1:] - u[:-1]),
    "padded":    lambda u: np.pad(u * u, 2)[1:-1] - np.concatenate([u, u[:2]]),
    "nonlocal":  lambda u: u * np.sum(u) + np.tanh(u),
    "divided":   lambda u: np.sin(u) / u,
    "reversed":  lambda u: (u * u)[::-1],
}
# fmt: on


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.usefixtures("eager")
def test_a_jacobian_of_diagonals_is_the_full_one(name, kind) -> None:
    f, u = FUNCTIONS[name], np.linspace(0.1, 2, 12).astype(kind)
    program = wg.jit(wg.jacobian(f)).program(u)
    new = check(band(program))
    for x in (u, u * 0, np.where(np.arange(12) == 5, np.inf, u).astype(kind)):
        with np.errstate(all="ignore"):
            (want,) = program(x)
            for run in (new, compiled(program)):
                (got,) = run(x)
                assert got.dtype == want.dtype
                np.testing.assert_allclose(got, want, rtol=1e-5 if kind == "f4" else 1e-12)


@pytest.mark.parametrize("name", ["stencil", "pointwise", "advection", "padded"])
@pytest.mark.usefixtures("eager")
def test_these_are_few_diagonals(name) -> None:
    program = band(wg.jit(wg.jacobian(FUNCTIONS[name])).program(np.linspace(0.1, 2, 12)))
    (way,) = [e.params["true"] for e in program.equations if e.primitive.name == "cond"]
    assert way.equations[-1].primitive.name == "scatter"
    assert not any(v.type.ndim == 2 for e in way.equations[:-1] for v in e.outputs)


def test_a_large_jacobian_is_native_and_right() -> None:
    u = np.linspace(0, 1, 400)
    J = wg.jit(wg.jacobian(FUNCTIONS["stencil"]))(u)
    i = np.arange(398)
    want = np.zeros((398, 400))
    want[i, i] = want[i, i + 2] = 100.0
    want[i, i + 1] = np.cos(u[1:-1]) - 200.0
    np.testing.assert_allclose(J, want, rtol=1e-14)
