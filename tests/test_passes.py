"""The passes, as a blackboard shows them: a list before, the list after, in a golden file.

`pytest tests/test_passes.py --golden` writes the files anew. What passes must never do stands at the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert
from wengert.backends.interpreter import interpret
from wengert.errors import ProgramError
from wengert.ir.check import check
from wengert.ir.program import Program
from wengert.ir.text import parse, show
from wengert.passes.pipeline import PASSES, simplified
from wengert.passes.prune import prune
from wengert.passes.share import share
from wengert.passes.simplify import simplify
from wengert.passes.stabilise import stabilise

STEPS: dict[str, Callable[[Program], Program]] = {
    "prune": prune,
    "share": share,
    "simplify": simplify,
    "all": simplified,
}

# fmt: off
BEFORE = {
    "prune/what_nobody_reads": """
def f(x: f64[3], w: f64[3]):
    a: f64[3] = exp(x)
    b: f64[3] = x * w
    c: f64[3] = sin(a)
    d: f64[3] = b + x
    return d
""",
    "prune/a_result_that_is_an_input": """
def f(x: f64, y: f64):
    a: f64 = sin(x)
    return y, 2.0
""",
    "share/equal_lines": """
def f(x: f64[3]):
    a: f64[3] = exp(x)
    b: f64[3] = exp(x)
    c: f64[3] = a * b
    d: f64[3] = b * a
    e: f64[3] = b * b
    g: f64[3] = c + e
    h: f64[3] = g + d
    return h
""",
    "share/constants_by_their_bits": """
def f(x: f64):
    a: f64 = x + 0.0
    b: f64 = x + -0.0
    c: f64 = x + 0.0
    d: f64 = x * nan
    e: f64 = x * nan
    return a, b, c, d, e
""",
    "share/parameters_differ": """
def f(x: f64[2, 3]):
    a: f64[2] = sum(x, axes=(1,))
    b: f64[3] = sum(x, axes=(0,))
    c: f64[2] = sum(x, axes=(1,))
    return a, b, c
""",
    "simplify/products": """
def f(x: f64[3], y: f64):
    a: f64[3] = x * 1.0
    b: f64[3] = 1.0 * a
    c: f64[3] = b / 1.0
    d: f64[3] = c - 0.0
    e: f64 = y * 2.0
    return d, e
""",
    "simplify/what_must_stay": """
def f(x: f64[3]):
    a: f64[3] = x * 0.0
    b: f64[3] = x + 0.0
    c: f64[3] = x - -0.0
    d: f64[3] = x - x
    e: f64[3] = x / x
    return a, b, c, d, e
""",
    "simplify/negatives": """
def f(x: f64[3]):
    a: f64[3] = negative(x)
    b: f64[3] = negative(a)
    c: f64[3] = negative(b)
    d: f64[3] = b + c
    return d
""",
    "simplify/views": """
def f(x: f64[2, 3]):
    a: f64[3, 2] = transpose(x, perm=(1, 0))
    b: f64[2, 3] = transpose(a, perm=(1, 0))
    c: f64[6] = reshape(b, shape=(6,))
    d: f64[3, 2] = reshape(c, shape=(3, 2))
    e: f64[3, 2] = reshape(d, shape=(3, 2))
    g: f64[4, 3, 2] = broadcast(e, shape=(4, 3, 2))
    h: f64[4, 3, 2] = convert(g, dtype=dtype('float64'))
    return h
""",
    "simplify/three_axes": """
def f(x: f64[2, 3, 4]):
    a: f64[4, 2, 3] = transpose(x, perm=(2, 0, 1))
    b: f64[3, 4, 2] = transpose(a, perm=(2, 0, 1))
    return b
""",
    "simplify/conversions_lose_bits": """
def f(x: f64):
    a: f32 = convert(x, dtype=dtype('float32'))
    b: f64 = convert(a, dtype=dtype('float64'))
    c: f64 = convert(b, dtype=dtype('float64'))
    return c
""",
    "simplify/transposed_products": """
def f(x: f64[5, 3], w: f64[4, 5]):
    a: f64[3, 5] = transpose(x, perm=(1, 0))
    b: f64[5, 4] = transpose(w, perm=(1, 0))
    c: f64[3, 4] = contract(a, b, spec='ik,kj->ij')
    return c
""",
    "simplify/a_repeated_number": """
def f(x: f64[2, 3], y: f64):
    a: f64[2, 3] = broadcast(0.5, shape=(2, 3))
    b: f64[2, 3] = x * a
    c: f64[2, 3] = broadcast(y, shape=(2, 3))
    d: f64[2, 3] = b + c
    e: f64[2, 3] = a * a
    return d, e
""",
    "simplify/sums_over_nothing": """
def f(x: f64[2, 3]):
    a: f64[2, 3] = sum(x, axes=())
    b: f64[2] = sum(a, axes=(1,))
    return b
""",
    "all/opposite_transposes_after_sharing": """
def f(x: f64[2, 3]):
    a: f64[3, 2] = transpose(x, perm=(1, 0))
    b: f64[3, 2] = transpose(x, perm=(1, 0))
    c: f64[2, 3] = transpose(b, perm=(1, 0))
    d: f64[2, 3] = sin(c)
    e: f64[2, 3] = sin(x)
    g: f64[2, 3] = d * e
    h: f64[3, 2] = exp(a)
    return g
""",
}
# fmt: on

# name: (function, where, the stable word in the list after it; none if the list stays)
x3, z23 = np.array([0.5, -1.0, 2.0]), np.array([[0.1, -0.7, 1.2], [2.0, 0.3, -1.1]])
# fmt: off
STABLE: dict[str, tuple[Any, Any, str]] = {
    "logsumexp":        (lambda z: np.log(np.sum(np.exp(z), axis=1, keepdims=True)), z23, "logsumexp"),
    "softplus":         (lambda x: np.log(1 + np.exp(x)) + np.log1p(np.exp(x)), x3, "softplus"),
    "sigmoid":          (lambda x: 1 / (1 + np.exp(-x)) + np.exp(x) / (np.exp(x) + 1), x3, "sigmoid"),
    "log_sigmoid":      (lambda x: np.log(1 / (1 + np.exp(-x))) + np.log(1 - 1 / (1 + np.exp(-x))), x3, "log_sigmoid"),
    "log_softmax":      (lambda z: np.log(np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True))[:, 1], z23, "log_softmax"),
    "one_log_softmax":  (lambda z: np.log((np.exp(z) / np.sum(np.exp(z)))[1]), x3, "log_softmax"),
    "entropy":          (lambda z: -np.sum(wengert.softmax(z, axis=1) * np.log(wengert.softmax(z, axis=1))), z23, "softmax_entropy"),
    "norm":             (lambda x: np.sqrt(np.sum(x**2)) + np.sqrt(np.sum(x * x)) + np.sqrt(x @ x), x3, "norm"),
    "norm_squared":     (lambda z: np.linalg.norm(z, axis=1)**2, z23, "square"),
    "hypot":            (lambda x: np.sqrt(x * x + 1) + np.sqrt(1 + x**2), x3, "hypot"),
    # what looks like one and is none
    "not_softmax":      (lambda z: np.log(np.exp(z) / np.sum(np.exp(z), axis=1)), z23[:, :2], ""),
    "not_the_same":     (lambda z: np.log(np.exp(z) / np.sum(np.exp(2 * z))), x3, ""),
    "not_one":          (lambda x: np.log(2 + np.exp(x)) + np.sqrt(x * x + 2) + 2 / (1 + np.exp(x)), x3, ""),
    "not_all_axes":     (lambda z: -np.sum(wengert.softmax(z, axis=1) * wengert.log_softmax(z, axis=1), axis=0), z23, ""),
    "shifted":          (lambda z: np.log(np.sum(np.exp(z - np.max(z)))), x3, ""),
}
# fmt: on


@pytest.mark.parametrize("name", STABLE)
def test_stable_words(name: str, golden: Callable[[object, str], None]) -> None:
    f, x, word = STABLE[name]
    before = wengert.trace(f)(x)
    after = check(stabilise(before))
    assert (after is before) == (word == "")
    if word:
        assert word in {eqn.primitive.name for eqn in after.equations}
        golden(f"{show(before)}\n\n# stabilise\n{show(after)}", f"passes/stabilise/{name}")
    assert stabilise(after) is after
    rng = np.random.default_rng(0)
    for _ in range(20):
        y = rng.uniform(-2, 2, x.shape)
        (a,), (b,) = before(y), after(y)
        np.testing.assert_allclose(b, a, rtol=1e-12)
        scalar = lambda x: np.sum(f(x))
        ours, plain = wengert.grad(scalar)(y), wengert.grad(scalar, strict=True)(y)
        np.testing.assert_allclose(ours, plain, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(
            wengert.jit(wengert.grad(scalar))(y), ours, rtol=1e-11, atol=1e-13
        )


@pytest.mark.parametrize("name", BEFORE)
def test_before_and_after(name: str, golden: Callable[[object, str], None]) -> None:
    before = check(parse(BEFORE[name]))
    step = STEPS[name.split("/", maxsplit=1)[0]]
    after = check(step(before))
    assert show(before).strip() == BEFORE[name].strip(), "a pass changes nothing in place"
    golden(f"{show(before)}\n\n# {name.split('/', maxsplit=1)[0]}\n{show(after)}", f"passes/{name}")
    agree(before, after)
    assert show(step(after)) == show(after), "a second time changes nothing"


def agree(before: Program, after: Program) -> None:
    """Bit for bit, signs of zeros included, on ordinary and on odd numbers."""
    rng = np.random.default_rng(0)
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1.5])
    for pick in (lambda n: rng.uniform(-2, 2, n), lambda n: rng.choice(odd, n)):
        args = [np.asarray(pick(v.type.shape), v.type.dtype)[()] for v in before.inputs]
        with np.errstate(all="ignore"):
            for a, b, c in zip(before(*args), after(*args), interpret(after)(*args), strict=True):
                same_bits(a, b)
                same_bits(a, c)


def same_bits(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.signbit(a) & ~np.isnan(a), np.signbit(b) & ~np.isnan(b))


# --- what the passes make of the notes' functions
def softmax_loss(W: Any, b: Any, X: Any, Y: Any) -> Any:
    z = X @ W + b
    z = z - np.max(z, axis=1, keepdims=True)
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.mean(np.sum(Y * np.log(p), axis=1))


NOTES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "scalar": (lambda x1, x2: x1 * x2 + np.sin(x1 * x2), (2.0, 3.0)),
    "logistic": (lambda w, x, y: np.mean(np.log1p(np.exp(-y * (x @ w)))), (np.ones(2), np.ones((3, 2)), np.ones(3))),
    "softmax": (softmax_loss, (np.ones((2, 3)), np.zeros(3), np.ones((4, 2)), np.eye(4, 3))),
    "perceptron": (lambda W, V, x: np.sum(np.tanh(x @ W) @ V), (np.ones((2, 3)), np.ones((3, 1)), np.ones((4, 2)))),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_gradients_of_the_notes(name: str, golden: Callable[[object, str], None]) -> None:
    f, args = NOTES[name]
    golden(wengert.trace(f)(*args), f"notes/{name}")
    golden(wengert.trace(wengert.grad(f))(*args), f"notes/{name}_gradient")


# --- what a pass must not do
def test_passes_shorten_or_leave() -> None:
    for f, args in NOTES.values():
        program = wengert.trace(wengert.grad(f))(*args)
        for step in PASSES:
            after = step(program)
            assert len(after.equations) <= len(program.equations)
            program = after


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_zero_times_infinity_stays() -> None:
    assert np.isnan(wengert.jit(lambda x: x * 0.0)(np.inf))
    assert np.isnan(wengert.jit(lambda x: x - x)(np.inf))
    assert np.isnan(wengert.jit(lambda x: x / x)(0.0))
    assert np.signbit(wengert.jit(lambda x: x * -1.0 * 1.0)(0.0))
    assert np.signbit(wengert.jit(lambda x: x - 0.0)(-0.0))
    assert not np.signbit(wengert.jit(lambda x: x + 0.0)(-0.0))
    assert wengert.jit(lambda x: (x + 1e16) - 1e16)(1.0) == 0.0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def f(x: f64):\n    a: f64 = sin(b)\n    return a", "reads b"),
        ("def f(x: f64[3]):\n    a: f64 = sin(x)\n    return a", "states"),
        ("def f(x: f64):\n    a: f32 = sin(x)\n    return a", "states"),
        (
            "def f(x: f64[3], y: f64):\n    a: f64[3] = x * y\n    return a",
            "without a broadcast|states|fit",
        ),
    ],
)
def test_the_checker_sees_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises((ProgramError, ValueError), match=complaint):
        check(parse(text))


def test_the_checker_sees_a_second_assignment() -> None:
    program = parse("def f(x: f64):\n    a: f64 = sin(x)\n    b: f64 = cos(x)\n    return a")
    twice = Program(program.inputs, [*program.equations, program.equations[0]], program.outputs)
    with pytest.raises(ProgramError, match="second time"):
        check(twice)
    unread = Program((), program.equations, program.outputs)
    with pytest.raises(ProgramError, match="before it is assigned"):
        check(unread)
    doubled = Program(program.inputs * 2, program.equations, program.outputs)
    with pytest.raises(ProgramError, match="twice"):
        check(doubled)
    nothing = Program(program.inputs, (), program.outputs)
    with pytest.raises(ProgramError, match="never assigned"):
        check(nothing)
