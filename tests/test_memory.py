"""Memory: known before the run, kept to a budget, and the same numbers whatever the form."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

import wengert
from wengert.api.budget import size
from wengert.api.native import compiled, measured, memory
from wengert.errors import BudgetError, InputError
from wengert.ir.check import check
from wengert.ir.memory import Block, bound, lay, table
from wengert.ir.program import Program, Var
from wengert.ir.types import Type
from wengert.passes.chunk import chunked
from wengert.passes.recompute import live, recomputed
from wengert.passes.rewind import rewound
from wengert.passes.separate import barrier, splits
from wengert.passes.tile import tiled

HEADERS = 4096
"""Bytes of Python objects around arrays."""


def sines(x):
    for _ in range(200):
        x = np.sin(x) * 1.1 + 0.3
    return np.sum(x)


def perceptron(params, X, y):
    W, b, V, c = params
    return np.mean((np.tanh(X @ W + b) @ V + c - y) ** 2)


def likelihood(W, X, Y):
    z = X @ W
    shift = np.max(z, axis=1, keepdims=True)
    return -np.sum(Y * (z - shift - np.log(np.sum(np.exp(z - shift), axis=1, keepdims=True))))


def normalised(W, X):
    Z = X @ W
    Z = (Z - np.mean(Z, axis=0)) / np.sqrt(np.var(Z, axis=0) + 1e-5)
    return np.sum(np.tanh(Z) ** 2)


def recurrence(W, xs):
    def step(h, x):
        h = np.tanh(W @ h + x)
        return h, np.sum(h**2)

    h, ys = wengert.scan(step, np.zeros(len(W)), xs)
    return np.sum(ys) + np.sum(h)


def sequences(W, xs):
    """A recurrence over many sequences at once: xs is time, sample, entry."""

    def step(h, x):
        h = np.tanh(h @ W + x)
        return h, None

    return np.sum(wengert.scan(step, np.zeros(xs.shape[1:]), xs)[0] ** 2)


def by_columns(X, w):
    return np.sum(np.sin(w @ X) ** 2)


def spread(X):
    return np.sum(X**2) * np.max(X[:, 0]) + np.min(X)


def example(name: str, n: int = 203) -> tuple[Any, tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    made = {
        "sines": lambda: (sines, (rng.normal(size=n),)),
        "perceptron": lambda: (
            perceptron,
            (
                (rng.normal(size=(5, 8)), np.zeros(8), rng.normal(size=(8, 2)), np.zeros(2)),
                rng.normal(size=(n, 5)),
                rng.normal(size=(n, 2)),
            ),
        ),
        "likelihood": lambda: (
            likelihood,
            (rng.normal(size=(5, 4)), rng.normal(size=(n, 5)), np.eye(4)[rng.integers(0, 4, n)]),
        ),
        "normalised": lambda: (normalised, (rng.normal(size=(5, 8)), rng.normal(size=(n, 5)))),
        "recurrence": lambda: (
            recurrence, (rng.normal(size=(4, 4)) / 2, rng.normal(size=(n, 4))),
        ),
        "sequences": lambda: (
            sequences, (rng.normal(size=(4, 4)) / 2, rng.normal(size=(6, n, 4))),
        ),
        "by_columns": lambda: (by_columns, (rng.normal(size=(5, n)), rng.normal(size=5))),
        "spread": lambda: (spread, (rng.normal(size=(n, 3)),)),
    }  # fmt: skip
    return made[name]()


NAMES = (
    "sines", "perceptron", "likelihood", "normalised", "recurrence", "sequences", "by_columns",
    "spread",
)  # fmt: skip


def gradient(name: str, n: int = 203) -> tuple[Program, list[Any]]:
    """The list of a gradient with respect to all arguments, and its inputs."""
    f, args = example(name, n)
    full = wengert.jit(wengert.grad(f, tuple(range(len(args)))))
    return full.program(*args), wengert.tree.flatten(args)[0]


def same(a: Any, b: Any) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)


# --- one list, other forms
@pytest.mark.parametrize("rows", [1, 16, 50, 203])
@pytest.mark.parametrize("name", NAMES)
def test_chunks_give_the_same(name, rows):
    program, leaves = gradient(name)
    split = next(s for s in splits(program) if s.size == 203)
    cut = check(chunked(split, rows))
    expected = program(*leaves)
    same(cut(*leaves), expected)
    same(compiled(cut, tile=False)(*leaves), expected)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("name", ["sines", "recurrence"])
def test_rewound_loops_give_the_same(name, levels):
    program, leaves = gradient(name)
    less = check(rewound(program, levels))
    same(less(*leaves), program(*leaves))
    same(compiled(less, tile=False)(*leaves), program(*leaves))


def deep(weights, X):
    for W in weights:
        X = X @ W
        X = np.tanh((X - np.mean(X, axis=0)) / np.sqrt(np.var(X, axis=0) + 0.1))
    return np.mean(X**2)


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_deep_lists_computed_again_give_the_same(rng, parts):
    args = [rng.normal(size=(4, 4)) for _ in range(6)], rng.normal(size=(300, 4))
    program = wengert.jit(wengert.grad(deep)).program(*args)
    leaves = wengert.tree.flatten(args)[0]
    less = recomputed(program, max(live(program)) // parts)
    assert less is not None
    same(check(less)(*leaves), program(*leaves))
    same(compiled(less, tile=False)(*leaves), program(*leaves))
    assert measured(less) < measured(program)


def test_a_deep_chain_keeps_a_root_of_its_values():
    def f(x):
        for _ in range(20):
            x = np.sin(x) + 0.1 * np.cos(np.sum(x))
        return np.sum(x)

    x = np.linspace(-1, 1, 1000)
    free = wengert.jit(wengert.grad(f))
    tight = wengert.jit(wengert.grad(f), memory=free.memory(x) * 3 // 4)
    np.testing.assert_allclose(tight(x), free(x), rtol=1e-9)
    assert tight.memory(x) <= free.memory(x) * 3 // 4


def test_both_forms_at_once():
    program, leaves = gradient("sines")
    cut = check(rewound(chunked(splits(program)[0], 32), 1))
    same(compiled(cut, tile=False)(*leaves), program(*leaves))
    assert measured(cut) < measured(rewound(program, 1)) < measured(program)


def test_rewinding_keeps_a_root_of_the_states():
    program, leaves = gradient("sines", n=100)
    state = leaves[0].nbytes
    assert measured(program) > 200 * state
    assert measured(rewound(program, 1)) < 45 * state
    assert measured(rewound(program, 2)) < measured(rewound(program, 1))


@pytest.mark.parametrize(("name", "is_sum"), [
    ("sines", True), ("perceptron", True), ("likelihood", True), ("sequences", True),
    ("normalised", False), ("recurrence", False), ("spread", True),
])  # fmt: skip
def test_what_needs_all_samples_at_once(name, is_sum):
    f, args = example(name)
    program = wengert.jit(f).program(*args)
    split = next(s for s in splits(program) if s.size == 203)
    assert (barrier(split) is None) == is_sum


def test_a_long_tape_is_cut_without_being_asked():
    program, leaves = gradient("sines", n=20_000)
    assert measured(program) > 32_000_000
    assert tiled(program, measured(program)) is not None
    f = wengert.jit(wengert.grad(sines))
    same([f(leaves[0])], compiled(program, tile=False)(*leaves))
    assert f.memory(leaves[0]) < 1_000_000


def test_chunks_read_an_array_without_a_copy():
    program, leaves = gradient("sines", n=20_000)
    cut = chunked(splits(program)[0], 100)
    workspace = measured(cut) - leaves[0].nbytes
    assert workspace < 100 * 200 * 8 + 10_000


def test_golden(golden):
    program, _ = gradient("perceptron")
    golden(chunked(splits(program)[0], 64), "passes/chunk/perceptron")
    program, _ = gradient("recurrence")
    golden(rewound(program, 1), "passes/rewind/recurrence")


# --- the plan
def test_memory_is_what_a_call_takes():
    for name in ("perceptron", "sines", "recurrence", "likelihood"):
        program, leaves = gradient(name, n=2003)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        function = compiled(program, tile=False)
        kept = measured(program)
        assert kept == memory(function, program)
        tracemalloc.reset_peak()
        base = tracemalloc.get_traced_memory()[0]
        results = function(*leaves)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        made = sum([y.nbytes for y in results if y.ndim])
        own = kept - made  # the workspace, which the function keeps from call to call
        assert made <= peak - base <= made + HEADERS
        assert base - before >= own


def test_memory_of_numpy_calls_is_a_bound():
    f = wengert.jit(wengert.grad(lambda X: np.sum(np.linalg.eigvalsh(X @ X.T))))
    X = np.random.default_rng(0).normal(size=(150, 150))
    said = f.memory(X)
    f(X)
    tracemalloc.start()
    f(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= said


def test_copied_arguments_count():
    f = wengert.jit(np.sin)
    X = np.zeros((100, 50))
    assert f.memory(X) == X.nbytes
    assert f.memory(X.T) == 2 * X.nbytes


def test_on_numpy_calls(numpy_calls):
    f = wengert.jit(lambda x: np.sum(np.sin(x) * 2.0))
    x = np.zeros(10_000)
    tracemalloc.start()
    said = f.memory(x)
    tracemalloc.reset_peak()
    f(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= said + HEADERS * 16


def _block(n: int, first: int, last: int, over: tuple[Var, ...] = ()) -> Block:
    return Block(Var(Type((n,), np.dtype("u1"))), n, first, last, frozenset(over))


def test_places_of_values_that_live_together_differ(rng):
    for _ in range(50):
        blocks: list[Block] = []
        for k in range(20):
            first = int(rng.integers(0, 20))
            ends = [b for b in blocks if b.last == first and b.first < first]
            over = (ends[0].var,) if ends and k % 2 else ()
            n = ends[0].size if over else int(rng.integers(1, 5)) * 64
            blocks.append(_block(n, first, first + int(rng.integers(1, 6)), over))
        places, total = lay(blocks)
        assert total <= sum([b.size for b in blocks])
        for a in blocks:
            for b in blocks:
                alive = a.first <= b.last and b.first <= a.last
                clash = places[a.var] < places[b.var] + b.size and (
                    places[b.var] < places[a.var] + a.size
                )
                handed = (a.var in b.over and a.last == b.first) or (
                    b.var in a.over and b.last == a.first
                )
                assert a is b or not (alive and clash) or handed


def test_the_plan_of_a_chain(golden):
    types = {"h": 4000, "t": 800, "u": 4000, "g": 4000, "s": 64, "d": 800}
    a = {name: Var(Type((n,), np.dtype("u1")), name) for name, n in types.items()}

    def block(name: str, first: int, last: int, *over: str) -> Block:
        return Block(a[name], types[name], first, last, frozenset([a[v] for v in over]))

    blocks = [
        block("h", 0, 3), block("t", 1, 2), block("u", 2, 4), block("g", 3, 5, "h"),
        block("s", 4, 6), block("d", 5, 6, "t"),
    ]  # fmt: skip
    places, total = lay(blocks)
    golden(f"{table(blocks, places)}\n{total} bytes", "passes/memory/chain")


def test_an_operand_that_ends_gives_its_place():
    a = _block(640, 0, 1)
    b = _block(640, 1, 2, (a.var,))
    assert lay([a, b])[1] == 640
    assert lay([a, _block(640, 1, 2)])[1] == bound([a, _block(640, 1, 2)]) == 1280


def test_too_little_memory_is_said_before_the_run():
    f = wengert.jit(lambda x: np.cumsum(np.broadcast_to(x, (1 << 45, 2)), axis=1))
    with pytest.raises(MemoryError):
        f(np.zeros(2))


# --- budgets
@pytest.mark.parametrize(("name", "budget"), [
    ("perceptron", 20_000), ("likelihood", 12_000), ("sequences", 25_000), ("sines", 9_000),
    ("recurrence", 3_000),
])  # fmt: skip
def test_a_budget_is_kept(name, budget):
    f, args = example(name)
    free = wengert.jit(wengert.grad(f))
    tight = wengert.jit(wengert.grad(f), memory=budget)
    assert free.memory(*args) > budget >= tight.memory(*args)
    flat = wengert.tree.flatten
    same(flat(tight(*args))[0], flat(free(*args))[0])


def test_a_budget_that_is_too_small_names_the_least():
    f, args = example("perceptron")
    with pytest.raises(BudgetError, match=r"smallest that is feasible is [\d,]+:") as caught:
        wengert.jit(wengert.grad(f), memory=10)(*args)
    text = str(caught.value)
    assert "test_memory.py" in text
    least = int(text.split("Give memory=")[1].split(",")[0])
    tight = wengert.jit(wengert.grad(f), memory=least)
    assert tight.memory(*args) <= least
    with pytest.raises(BudgetError):
        wengert.jit(wengert.grad(f), memory=least - 1)(*args)


@pytest.mark.parametrize("wrong", [0, -5, "64 apples", "MB", True, "nan MB", 1.5])
def test_what_is_no_budget(wrong):
    with pytest.raises(InputError, match="is no budget"):
        wengert.jit(np.sin, memory=wrong)


def test_units():
    assert size("1.5 GiB") == 3 << 29
    assert size("64mb") == 64_000_000
    assert size("12") == 12


# --- proofs
def test_a_proof():
    proof = wengert.separable(lambda X, w, y: np.mean((X @ w - y) ** 2), "X: N d, w: d, y: N")
    assert proof
    assert str(proof).startswith("f is a sum over N")


@pytest.mark.parametrize(("f", "name"), [
    (lambda X: np.log(np.linalg.det(X.T @ X)), "det"),
    (lambda X: np.sum(np.tanh(X - X.mean(axis=0))), "broadcast"),
    (lambda X: np.sum(np.exp(X @ X.T)), "contract"),
    (lambda X: np.sum(np.sort(X, axis=0)[0]), "sort"),
    (lambda X: np.sum(np.cumsum(X, axis=0)), "cumsum"),
    (lambda X: X**2, "square"),
    (lambda X: np.max(X), "max"),
    (lambda X: np.sum(X[1:] * X[:-1]), "take"),
])  # fmt: skip
def test_what_prevents_a_sum(f, name):
    proof = wengert.separable(f, "X: N d")
    assert not proof
    assert proof.barrier.equation.primitive.name == name
    assert f"isn't a sum over N: {name} at {__file__}:{f.__code__.co_firstlineno}" in str(proof)


def test_a_regulariser_is_no_barrier():
    f, args = example("perceptron")

    def loss(params, X, y):
        return f(params, X, y) + 0.1 * np.sum(params[0] ** 2)

    assert wengert.separable(loss, "X: N d", *args)


def test_axes_that_are_not_there():
    with pytest.raises(InputError, match="There is no array Z"):
        wengert.separable(lambda X: np.sum(X), "Z: N d", np.zeros((3, 2)))
    with pytest.raises(InputError, match="aren't named"):
        wengert.separable(lambda X, w: np.sum(X @ w), "X: N d")
    with pytest.raises(InputError, match="names no axes"):
        wengert.separable(lambda X: np.sum(X), "N d")
