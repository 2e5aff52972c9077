"""What holds for every function: on random NumPy programs, traced and plain agree, and so do all ways round.

`HYPOTHESIS_PROFILE=search pytest tests/test_programs.py` looks further.
"""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from strategies import Drawn, programs

import wengert
from wengert import tree
from wengert.ir.check import check
from wengert.ir.text import constants, parse, show
from wengert.passes.pipeline import PASSES

MORE = {} if os.environ.get("HYPOTHESIS_PROFILE") == "search" else {"max_examples": 80}
quick = settings(**MORE, suppress_health_check=list(HealthCheck))


def leaves(value: Any) -> list[Any]:
    return list(tree.flatten(value)[0])


def same(got: Any, want: Any, tol: float = 1e-11) -> None:
    ours, theirs = leaves(got), leaves(want)
    assert len(ours) == len(theirs)
    for g, w in zip(ours, theirs, strict=True):
        assert (np.shape(g), np.asarray(g).dtype) == (np.shape(w), np.asarray(w).dtype)
        eps = 1e-4 if np.asarray(w).dtype in ("f4", "c8") else tol
        np.testing.assert_allclose(g, w, rtol=eps, atol=eps * float(np.max(np.abs(w), initial=1)))


def mixes_single(drawn: Drawn) -> bool:
    return any(v.dtype in (np.float32, np.complex64) for v in drawn.values.values())


@quick
@given(programs(mixed=True))
def test_traced_is_untraced(drawn: Drawn) -> None:
    f, want = drawn.function, drawn.function(*drawn.args)
    same(wengert.trace(f)(*drawn.args)(*drawn.args), leaves(want))
    if not mixes_single(drawn):
        same(
            wengert.jvp(
                drawn.of_floats(),
                [drawn.args[i] for i in drawn.floats],
                [drawn.args[i] for i in drawn.floats],
            )[0],
            want,
        )


@quick
@given(programs(mixed=True))
def test_jit_is_the_function(drawn: Drawn) -> None:
    f = wengert.jit(drawn.function)
    for _ in range(2):  # traced, then from the cache
        same(f(*drawn.args), drawn.function(*drawn.args))


@quick
@given(programs(scalar=True))
def test_gradient_is_the_derivative(drawn: Drawn) -> None:
    f, xs = drawn.of_floats(), [drawn.args[i] for i in drawn.floats]
    rng = np.random.default_rng(0)
    vs = [np.asarray(rng.uniform(-1, 1, x.shape))[()] for x in xs]
    a, b = (difference(f, xs, vs, h) for h in (1e-4, 3e-5))
    assume(abs(a - b) < 1e-6 * (1 + abs(a)))  # else a kink or a cliff is near
    gradients = wengert.grad(f, tuple(range(len(xs))))(*xs)
    for g, x in zip(gradients, xs, strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
    along = sum(np.sum(g * v) for g, v in zip(gradients, vs, strict=True))
    assert along == pytest.approx(a, rel=1e-5, abs=1e-5)
    assert along == pytest.approx(
        float(wengert.jvp(f, xs, vs)[1]), rel=1e-9, abs=1e-9
    )  # forward = reverse
    same(wengert.jit(wengert.grad(f, tuple(range(len(xs)))))(*xs), gradients)


def difference(f: Any, xs: list[Any], vs: list[Any], h: float) -> float:
    near = [f(*[x + k * h * v for x, v in zip(xs, vs, strict=True)]) for k in (-2, -1, 1, 2)]
    return float((near[0] - 8 * near[1] + 8 * near[2] - near[3]) / (12 * h))


@quick
@given(programs(scalar=True))
def test_second_derivatives_agree(drawn: Drawn) -> None:
    """Forward over reverse, reverse over reverse, and differences of the gradient."""
    f, xs = drawn.of_floats(), [drawn.args[i] for i in drawn.floats]
    rng = np.random.default_rng(1)
    vs = [np.asarray(rng.uniform(-1, 1, x.shape))[()] for x in xs]
    numbers = tuple(range(len(xs)))
    g = wengert.grad(f, numbers)
    forward = wengert.hvp(f, xs, vs)
    forward = forward if isinstance(forward, tuple) else (forward,)

    def slope(*ys: Any) -> Any:
        return sum(np.sum(a * v) for a, v in zip(g(*ys), vs, strict=True))

    same(wengert.grad(slope, numbers)(*xs), forward, 1e-8)

    def along(h: float) -> list[Any]:
        ahead, back = (g(*[x + s * h * v for x, v in zip(xs, vs, strict=True)]) for s in (1, -1))
        return [(p - q) / (2 * h) for p, q in zip(ahead, back, strict=True)]

    coarse, fine = along(1e-4), along(3e-5)
    scale = max(float(np.max(np.abs(c), initial=1)) for c in coarse)
    assume(
        all(
            np.allclose(c, d, rtol=1e-5, atol=1e-5 * scale)
            for c, d in zip(coarse, fine, strict=True)
        )
    )
    for h, d in zip(forward, fine, strict=True):
        np.testing.assert_allclose(h, d, rtol=1e-4, atol=1e-4 * scale)


@quick
@given(programs(mixed=True))
def test_vmap_is_a_loop(drawn: Drawn) -> None:
    f, size = drawn.function, 3
    stacks = [
        np.stack([x if x.dtype.kind != "f" else x * (1 - 0.001 * k) for k in range(size)]).astype(
            x.dtype
        )
        for x in drawn.args
    ]
    rows = [leaves(f(*[s[k] for s in stacks])) for k in range(size)]
    got = leaves(wengert.vmap(f)(*stacks))
    same(got, [np.stack(column) for column in zip(*rows, strict=True)])
    alone = leaves(
        wengert.vmap(f, in_axes=(0, *[None] * (len(stacks) - 1)))(stacks[0], *drawn.args[1:])
    )
    rows = [leaves(f(stacks[0][k], *drawn.args[1:])) for k in range(size)]
    same(alone, [np.stack(column) for column in zip(*rows, strict=True)])


@quick
@given(programs(mixed=True))
def test_passes_keep_the_law_and_the_value(drawn: Drawn) -> None:
    f = drawn.function

    def gradient(*args: Any) -> Any:
        y, pull = wengert.vjp(drawn.of_floats(), *args)
        return y, pull(y)

    for function, args in ((f, drawn.args), (gradient, [drawn.args[i] for i in drawn.floats])):
        program = wengert.trace(function)(*args)
        want = program(*args)
        for step in PASSES:
            program = check(step(program))
            same(program(*args), want)


@quick
@given(programs(mixed=True))
def test_text_is_read_back(drawn: Drawn) -> None:
    program = wengert.trace(drawn.function)(*drawn.args)
    text = show(program)
    again = parse(text, constants(program))
    assert show(again) == text
    same(again(*drawn.args), program(*drawn.args), 0.0)
