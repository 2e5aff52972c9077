"""Networks built by hand: the proven bound is attacked, and certificates are tampered with."""

import json

import numpy as np
import pytest

import wengert
from wengert.certify import verify
from wengert.certify.interval import Interval
from wengert.cli import main
from wengert.errors import InputError

# fmt: off
CURVES = {
    "sin": (np.sin, 0, 3), "wave": (lambda x: np.sin(3 * x) * np.exp(-x), 0, 3), "bell": (lambda x: np.exp(-x * x), -2, 2),
    "runge": (lambda x: 1 / (1 + 25 * x * x), -1, 1), "kink": (lambda x: np.abs(x - 0.3), -1, 1), "steep": (lambda x: np.tanh(9 * x), -1, 1),
    "log": (lambda x: np.log1p(x), 0, 5), "cubic": (lambda x: x**3 - x, -1, 1), "line": (lambda x: 2 * x + 1, -1, 1),
}
# fmt: on


def worst(made, f, low, high):
    """The greatest error that a dense cloud finds, and a climb from the worst of it."""
    dtype = made.net.w.dtype
    x = np.linspace(low, high, 4001).astype(dtype)
    for _ in range(3):
        x = np.clip(x, low, high).astype(dtype)
        e = np.abs(made(x).astype(float) - np.array([f(v) for v in x.astype(float)]))
        top, width = x[np.argmax(e)], (x.max() - x.min()) / 1000
        x, found = np.linspace(top - width, top + width, 1001), e.max()
    return max(found, e.max())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("name", CURVES)
def test_no_attack_gets_above_the_proven_bound(name, activation, dtype):
    f, low, high = CURVES[name]
    tol = 2e-3 if activation == "relu" else 5e-2
    made = wengert.approximate(f, (low, high), tol, activation, dtype)
    assert made.proven
    found = worst(made, f, low, high)
    assert found <= made.bound + 1e-13
    assert made.bound <= tol


def test_a_bound_is_not_far_from_the_truth():
    made = wengert.approximate(np.sin, (0.0, 3.0), 1e-3, "relu")
    assert worst(made, np.sin, 0, 3) > 0.8 * made.bound
    assert made.neurons < 40


def test_the_rounding_of_float32_is_inside_its_bound():
    made = wengert.approximate(np.sin, (0.0, 3.0), 1e-2, "sigmoid", np.float32)
    x = np.linspace(0, 3, 3001).astype(np.float32)
    exact = np.array([made.net.exactly(float(v)) for v in x])
    off = np.abs(made(x).astype(float) - exact)
    at = x.astype(float)[:, None]
    assert np.all(off <= made.net.rounding(Interval(at, at)))
    assert off.max() > 0


def test_what_the_budget_does_not_prove_is_not_called_proven():
    made = wengert.approximate(np.sin, (0.0, 3.0), 1e-2, "sigmoid", budget=10)
    assert not made.proven
    assert made.bound > 1e-2
    assert "NOT proven" in str(made)


def test_a_certificate_is_checked_from_scratch_and_a_false_one_fails(tmp_path):
    made = wengert.approximate(
        lambda x: np.sin(3 * x) * np.exp(-x), (0.0, 3.0), 1e-3, "relu", np.float32
    )
    file = tmp_path / "cert.json"
    file.write_text(made.certificate)
    again = verify(file)
    assert again.proven
    assert again.net(1.0) == made.net(1.0)
    false = json.loads(made.certificate)
    false["v"][3] += 0.01
    file.write_text(json.dumps(false))
    assert not verify(file, budget=5000).proven
    file.write_text("{}")
    with pytest.raises(InputError, match="no certificate"):
        verify(file)


def test_the_command_line_builds_and_verifies(tmp_path, capsys):
    file = str(tmp_path / "c.json")
    expression = [
        "approximate",
        "sin(3*x)*exp(-x)",
        "--on",
        "0",
        "3",
        "--tol",
        "1e-3",
        "--out",
        file,
    ]
    assert main(expression) == 0
    assert "proven" in capsys.readouterr().out
    assert main(["verify", file]) == 0
    assert main(["approximate", "nothing(x)", "--on", "0", "1", "--tol", "1e-2"]) == 1
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [{"tol": 0.0}, {"activation": "cos"}, {"box": ([0.0, 0.0], [1.0, 1.0])}]
)
def test_what_makes_no_net_is_refused(wrong):
    with pytest.raises(InputError):
        wengert.approximate(np.sin, **({"box": (0.0, 1.0), "tol": 0.1} | wrong))


def test_a_jump_has_no_steps():
    with pytest.raises(InputError, match="Lipschitz"):
        wengert.approximate(np.floor, (0.0, 2.0), 0.1, "sigmoid")


def test_a_tolerance_below_the_rounding_ends_unproven():
    made = wengert.approximate(
        lambda x: np.cos(9 * x), (0.0, 2.0), 1e-5, "relu", np.float32, budget=20_000
    )
    assert not made.proven
    assert worst(made, lambda x: np.cos(9 * x), 0, 2) <= made.bound
