"""What the fuse pass makes of a list, to be read; and each floor shows itself when asked to."""

import numpy as np
import pytest

import wengert
from wengert.api.native import schedule
from wengert.ir.plan import plan_text

X = np.ones((5, 3))


def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def differences(x):
    return np.sum((x[1:] - x[:-1]) ** 2)


def walk(x):
    return wengert.scan(lambda c, y: (np.tanh(c + y), c * c), x[0], x)[1]


LISTS = {
    "chain": lambda x: np.sin(x) * np.exp(-x) + 1,
    "softmax": softmax,
    "differences": wengert.grad(differences),
    "walk": walk,
    "transposed": lambda x: (x.T + 1) @ np.tanh(x),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_loops_are_these(golden, name):
    x = X[:, 0] if name == "walk" else X
    golden(plan_text(schedule(wengert.jit(LISTS[name]).program(x))), f"fused/{name}")


@pytest.mark.parametrize(
    ("floor", "sign"),
    [
        ("expand", "# expand\ndef"),
        ("fused", "# fused\nloop"),
        ("llvm", "define"),
        ("asm", "core:"),
    ],
)
def test_a_floor_shows_itself_each_time(floor, sign, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WENGERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WENGERT_MACHINE", "native")
    for shown in ("", floor, floor):
        monkeypatch.setenv("WENGERT_SHOW", shown)
        wengert.jit(lambda x: np.sin(x) * 2)(X)
        assert (sign in capsys.readouterr().out) == bool(shown)
