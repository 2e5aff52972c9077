"""The pages say what is so: made from the registry, linked from the index, held to by these tests."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wengert
from wengert.errors import InputError
from wengert.ir.dims import symbols
from wengert.ir.program import Program

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))


def lines(f, *args) -> list[str]:
    """The right-hand sides of f's list."""
    body = str(wengert.trace(f)(*args)).splitlines()[1:-1]
    return [line.split(" = ", 1)[1] for line in body]


def test_the_operations_are_what_the_registry_says(tmp_path: Path) -> None:
    made = tmp_path / "primitives.md"
    subprocess.run([sys.executable, DOCS / "generate_primitives.py", made], check=True)
    new = made.read_text(encoding="utf-8")
    old = (DOCS / "primitives.md").read_text(encoding="utf-8")
    if new.splitlines()[-1] != old.splitlines()[-1]:
        pytest.skip(f"{old.splitlines()[-1]} {new.splitlines()[-1]}")
    assert new == old, "make docs"


def test_make_docs_makes_them() -> None:
    recipe = re.search(r"^docs:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert "docs/generate_primitives.py" in recipe[1]


def test_the_index_knows_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"index.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_a_screen_of_known_form(page: Path) -> None:
    number, text = DECISIONS.index(page) + 1, page.read_text(encoding="utf-8")
    assert page.name.startswith(f"{number:04}-")
    assert text.startswith(f"# {number}. ")
    marks = [text.find(f"**{part}.**") for part in ("Context", "Decision", "Consequences")]
    assert -1 < marks[0] < marks[1] < marks[2]
    assert len(text.splitlines()) <= 36


def test_from_scratch_is_from_scratch() -> None:
    text = (DOCS / "from-scratch.md").read_text(encoding="utf-8")
    before, _, after = text.partition("```python\nimport wengert\n")
    assert after
    assert "import wengert" not in before
    code = "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    assert len([line for line in code.splitlines() if line.strip()]) <= 300


# --- what the decisions say


def test_0004_all_products_are_one_record() -> None:
    x, w = np.ones((2, 3)), np.ones((3, 4))
    products = [
        np.matmul,
        np.dot,
        lambda x, w: np.tensordot(x, w, 1),
        lambda x, w: np.einsum("ij,jk", x, w),
        lambda x, w: np.linalg.multi_dot([x, w]),
    ]
    for product in products:
        (line,) = lines(product, x, w)
        assert line.startswith("contract(")
    gradient = lines(wengert.grad(lambda w, x: np.sum((x @ w) ** 2)), w, x)
    assert not any(line.startswith("transpose") for line in gradient)


def test_0005_derivatives_of_different_levels_stay_apart() -> None:
    grad = wengert.grad
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(2.0) == 1
    assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(2.0) == 4
    assert grad(lambda x: grad(lambda y: x * y)(x))(3.0) == 1
    inner = wengert.jvp(
        lambda x: x * wengert.jvp(lambda y: x * y * y, (2.0,), (1.0,))[1], (3.0,), (1.0,)
    )
    assert inner[1] == 24  # d/dx 4 x^2


def test_0006_gradients_point_uphill() -> None:
    z = 1 + 2j
    assert np.allclose(wengert.grad(lambda z: np.abs(z) ** 2)(z), 2 * z)
    _, pullback = wengert.vjp(lambda z: z * z, z)
    assert np.allclose(pullback(1j)[0], np.conj(2 * z) * 1j)
    assert np.allclose(wengert.jacobian(lambda z: z * z)(z), 2 * z)


def test_0007_symbols_come_from_what_is_united() -> None:
    def hidden(X, W, b):
        return np.tanh(X @ W + b)

    program = wengert.trace(hidden)(np.ones((4, 3)), np.ones((3, 4)), np.ones(4))
    sizes, axes = symbols(program)
    assert sizes == {"N": 4, "d": 3, "k": 4}  # two fours, and two letters
    X, W, b = program.inputs
    assert [axes[X, 1], axes[W, 0], axes[W, 1], axes[b, 0]] == ["d", "d", "k", "k"]


def test_0008_a_scalar_constant_is_an_operand_as_it_stands() -> None:
    assert lines(lambda x: 2 * x + 1, np.ones(3)) == ["2.0 * x", "v1 + 1.0"]
    assert lines(lambda x, s: s * x, np.ones(3), np.float64(2)) == [
        "broadcast(s, shape=(3,))",
        "v1 * x",
    ]


def test_0009_promotion_is_numpys_and_stands_in_the_list() -> None:
    x, y = np.ones((2, 3)), np.ones(3, np.float32)
    assert lines(np.add, x, y)[:2] == [
        "convert(x2, dtype=dtype('float64'))",
        "broadcast(v1, shape=(2, 3))",
    ]
    assert lines(lambda y: 2.0 * y, y) == ["f32(2.0) * y"]
    assert wengert.grad(lambda x, y: np.sum(x * y))(2.0, y).dtype == np.float64
    assert wengert.grad(lambda y, s: np.sum(s * y))(y, 2.0).dtype == np.float32


def test_0010_what_jit_traces_and_what_it_compiles_in() -> None:
    traced: list[object] = []

    @wengert.jit
    def scaled(x, by, how=None):
        traced.append(how)
        return by * x if how is None else how(by * x)

    x = np.ones(3, np.float32)
    assert scaled(x, 2.0).dtype == scaled(x, 3.0).dtype == np.float32
    assert len(traced) == 1
    for _ in range(2):
        scaled(x, 2), scaled(x, np.float64(2)), scaled(x, 2.0, np.sin), scaled(x[:2], 2.0)
    assert len(traced) == 5
    first = wengert.jit(lambda x, n: x[:n])
    assert [first(x, n).shape for n in (2, 1, 2)] == [(2,), (1,), (2,)]
    assert wengert.jit(lambda x, n: x[:n], static_argnums=1)(x, 2).shape == (2,)
    with pytest.raises(InputError):
        scaled(x, 2.0, {1, 2})
    assert isinstance(scaled.program(x, 2.0), Program)
