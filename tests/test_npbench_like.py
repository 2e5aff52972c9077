"""Every program of benchmarks/npbench_like has its plain value and the right gradient."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert

sys.path.append(str(Path(__file__).parents[1]))
programs = import_module("benchmarks.npbench_like")
sys.path.pop()

ENTRIES = programs.entries()


def test_there_are_enough() -> None:
    names = [entry.name for entry in ENTRIES]
    assert len(names) == len(set(names)) >= 50


def test_programs_know_only_numpy() -> None:
    for theme in programs.THEMES:
        text = Path(programs.__file__).with_name(f"{theme}.py").read_text(encoding="utf-8")
        imports = {line for line in text.splitlines() if line.startswith(("import ", "from "))}
        assert imports <= {"import numpy as np", "import math"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_value_and_gradient(entry: Any) -> None:
    loss, at = programs.weighted(entry.function, entry), programs.floats(entry)
    everywhere = tuple(range(len(at)))
    plain = loss(*programs.fresh(at))
    value, gradient = wengert.value_and_grad(loss, argnums=everywhere)(*programs.fresh(at))
    np.testing.assert_allclose(value, plain, rtol=1e-12, atol=1e-13)
    assert programs.agrees(entry, gradient)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_under_jit_there_and_back(entry: Any) -> None:
    """One compiled function, where other branches are taken and masks pick others, and again."""
    loss = programs.weighted(entry.function, entry)
    everywhere = tuple(range(len(programs.floats(entry))))
    slow = wengert.value_and_grad(loss, argnums=everywhere)
    fast, value = wengert.jit(slow), wengert.jit(loss)
    for seed in (0, 1, 2, 0, 1):
        at = programs.floats(entry, seed)
        want, gradient = slow(*programs.fresh(at))
        np.testing.assert_allclose(value(*programs.fresh(at)), want, rtol=1e-12, atol=1e-13)
        got, again = fast(*programs.fresh(at))
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
        for g, w in zip(again, gradient, strict=True):
            scale = float(np.max(np.abs(w), initial=1.0))
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-10 * scale)
