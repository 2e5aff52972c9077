"""Choices by value under jit: each answer is a guard, each way through a function is kept."""

import gc
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wengert
from wengert import grad, jit, vmap
from wengert.errors import ConcreteError
from wengert.ir.text import parse, show
from wengert.primitives.guards import Diverged

A = np.array([0.5, -1.0, 2.0, -0.25])
numbers = st.floats(-40, 40) | st.sampled_from([np.nan, -0.0, 0.5])


def equal(got: Any, want: Any) -> None:
    assert np.shape(got) == np.shape(want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_array_equal(got, want)


def counted(f: Callable[..., Any]) -> tuple[Any, list[int]]:
    """jit(f), and a list that grows by one at each run of f."""
    runs: list[int] = []

    def g(*args: Any) -> Any:
        runs.append(1)
        return f(*args)

    return jit(g), runs


# --- functions that choose, written for NumPy alone
def two(x: Any) -> Any:
    return x * x if x > 0 else -x


def nested(x: Any) -> Any:
    if x > 0:
        x = x * 2
        if x > 10:
            return np.sqrt(x)
        return x
    elif x < -5:
        return x * 0.5
    return np.exp(x)


def halved(x: Any) -> Any:
    count = 0
    while abs(x) > 1:
        x = x / 2
        count += 1
    return x * count + x


def powers(x: Any) -> Any:
    y = x
    for _ in range(int(np.clip(np.nan_to_num(abs(x)), 0, 6))):
        y = y * 1.5
    return y


def rounded(x: Any) -> Any:
    if not -30 < x < 30:  # nan takes this way, too
        return x + 1
    return x * round(x) + x * int(x)


def first_positive(x: Any) -> Any:
    for i in range(5):
        if x + i > 0:
            return x * i
    return x


def sized(x: Any) -> Any:
    n = int(np.where(x > 0, 3, 2))
    z = np.zeros(n)
    z[n - 1] = x
    return z * np.arange(n)


def raising(x: Any) -> Any:
    try:
        return x * int(x)
    except (ValueError, OverflowError):
        return x + 7.0


def any_all(x: Any) -> Any:
    v = np.stack([x, x + 1, x - 1])
    if np.all(v > 0):
        return np.sum(v)
    if (v > 0).any():
        return np.prod(v)
    return v[np.argmax(v)]


CHOOSING = [two, nested, halved, powers, rounded, first_positive, sized, raising, any_all]
COMPILED = {f: jit(f) for f in CHOOSING}


@pytest.mark.parametrize("f", CHOOSING, ids=lambda f: f.__name__)
@given(x=numbers)
def test_value_is_numpys(f: Any, x: float) -> None:
    with np.errstate(all="ignore"):
        equal(COMPILED[f](x), np.asarray(f(np.float64(x)))[()])


@pytest.mark.parametrize("f", CHOOSING, ids=lambda f: f.__name__)
def test_every_transformation_goes_the_same_way(f: Any) -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.sin(f(x)))

    fast, inner = jit(grad(loss)), jit(loss)
    for x in (3.3, -2.6, 7.7, -20.0, 3.3, 0.4, -0.6, 25.0, -2.6):
        want = grad(loss)(x)
        np.testing.assert_allclose(fast(x), want, rtol=1e-12)
        np.testing.assert_allclose(grad(inner)(x), want, rtol=1e-12)
        np.testing.assert_allclose(jit(grad(inner))(x), want, rtol=1e-12)
        again = grad(grad(loss))(x)
        np.testing.assert_allclose(jit(grad(grad(loss)))(x), again, rtol=1e-12)
        np.testing.assert_allclose(jit(wengert.hessian(inner))(x), again, rtol=1e-12)


def written(rng: np.random.Generator, depth: int = 3, pad: str = "    ") -> list[str]:
    """Lines of a random program over x: f64[4] and y: f64 that writes, loops and chooses."""
    lines: list[str] = []
    for _ in range(rng.integers(1, 4)):
        kind, (i, j), c = rng.integers(9), rng.integers(4, size=2), rng.uniform(-1, 1)
        more = written(rng, depth - 1, pad + "    ") if depth else [pad + "    pass"]
        match kind:
            case 0:
                lines += [f"{pad}x[{i}] = x[{j}] * {c}"]
            case 1:
                lines += [f"{pad}y = y + np.sin(x[{i}]) * x[{j}]"]
            case 2:
                lines += [f"{pad}if x[{i}] > {c} * y:", *more]
            case 3:
                lines += [f"{pad}for k in range(int(np.abs(x[{i}]) * 2) % 4):", *more]
            case 4:
                lines += [f"{pad}x[x < {c}] = {c}"]
            case 5:
                lines += [f"{pad}y = y + np.sum(x[x > {c}])"]
            case 6:
                lines += [f"{pad}y = y + max(x[{i}], x[{j}])"]
            case 7:
                lines += [f"{pad}while abs(y) > 1.5:", f"{pad}    y = y * 0.6"]
            case _:
                lines += [f"{pad}x = x * {c} + y * 0.1"]
    return lines


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    rng, scope = np.random.default_rng(seed), {"np": np}
    body = "\n".join(["    x = x.copy()", "    y = x[0] * 1.0", *written(rng)])
    exec(f"def f(x):\n{body}\n    return y + np.sum(x * x)", scope)
    f: Any = scope["f"]
    fast, slope = jit(f), jit(grad(f))
    points = rng.normal(size=(6, 4))
    for x in (*points, *points[::-1]):
        np.testing.assert_allclose(fast(x), f(x), rtol=1e-10, atol=1e-12)
        want = grad(f)(x)
        np.testing.assert_allclose(slope(x), want, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(grad(fast)(x), want, rtol=1e-9, atol=1e-10)


def test_a_path_is_traced_once_and_kept() -> None:
    f, runs = counted(two)
    for x in (2.0, -3.0, 2.0, -1.0, 5.0, -7.0):
        equal(f(x), two(np.float64(x)))
    assert len(runs) == 2
    equal(f(np.float32(-2)), np.float32(2))  # another dtype has paths of its own
    assert len(runs) == 3
    equal(f(np.float32(2)), np.float32(4))
    equal(f(3), 9)
    assert len(runs) == 5


def test_programs_without_questions_have_no_guards() -> None:
    f = jit(lambda x: np.where(x > 0, x, -x))
    f(2.0)
    assert "guard" not in str(f.program(2.0))
    assert all(type(entry) is tuple for entry in f.cache.values())


def test_a_guard_is_text_and_back() -> None:
    for f, x in [(two, -1.5), (raising, np.nan), (rounded, 2.5), (powers, 2.5)]:
        program = jit(f).program(x)
        assert "guard(" in str(program)
        assert show(parse(str(program))) == str(program)
        equal(np.asarray(program(np.float64(x))[0]), np.asarray(f(np.float64(x))))
    floats = jit(lambda x: x * float(x)).program(np.nan)
    assert "asks='float', outcome='nan'" in str(floats)
    assert np.isnan(parse(str(floats))(np.float64(np.nan))[0])
    with pytest.raises(Diverged) as caught:
        jit(nested).program(3.0)(np.float64(6.0))
    assert (caught.value.index, caught.value.seen) == (1, ("bool", True))


@pytest.mark.parametrize("through", [lambda f: f, jit, grad, lambda f: jit(grad(f))])
def test_a_batch_of_batches_answers_as_one(through: Any) -> None:
    """vmap in vmap: all members of both agree, or it is an error."""
    rows = np.random.default_rng(3).uniform(0.5, 3.0, (3, 4))
    f = lambda x: x * np.sin(x) if x > 0 else -x
    both = wengert.vmap(wengert.vmap(through(f)))
    want = [[through(f)(x) for x in row] for row in rows]
    for way in (both, jit(both)):
        np.testing.assert_allclose(way(rows), want, rtol=1e-12)
        with pytest.raises(ConcreteError, match="members of the batch"):
            way(rows * [1, 1, -1, 1])
        np.testing.assert_allclose(way(-rows), [[through(f)(-x) for x in r] for r in rows])
    three = wengert.vmap(both)
    np.testing.assert_allclose(three(np.stack([rows, rows])), [want, want], rtol=1e-12)
    inner = wengert.vmap(lambda x, t: wengert.vmap(lambda y: y * t if y * t > x else x)(rows[0]))
    np.testing.assert_allclose(inner(-rows[0], rows[1]), np.outer(rows[1], rows[0]), rtol=1e-12)
    counts = wengert.vmap(wengert.vmap(lambda n, x: sum(x for _ in range(int(n)))))
    np.testing.assert_allclose(counts(np.full((3, 4), 3.0), rows), 3 * rows, rtol=1e-12)


def test_masks() -> None:
    def f(x: Any) -> Any:
        big = x[x > 0]
        x[x < 0] = np.sum(big)
        x[x > 1] *= 3
        return np.sum(x * x) + np.mean(big)

    fast, slope = jit(f), jit(grad(f))
    for x in (A, A[::-1], A + 1, A, A * 9):
        np.testing.assert_allclose(fast(x), f(x.copy()), rtol=1e-13)
        np.testing.assert_allclose(slope(x), grad(f)(x), rtol=1e-13)


def test_a_written_mask_needs_no_guard() -> None:
    def f(x: Any) -> Any:
        x[x < 0] = 0.0
        return x

    assert "guard" not in str(jit(f).program(A))


def test_integers_choose_shapes() -> None:
    f = jit(lambda x, n: np.concatenate([x[:n], np.ones(n), np.arange(n) * 1.0]))
    for n in (2, 3, 0, 2):
        equal(f(A, n), np.concatenate([A[:n], np.ones(n), np.arange(n) * 1.0]))
    g = jit(lambda x, n: x.reshape(n, -1).sum(0))
    for n in (2, np.int32(4), 1, 2):
        equal(g(A, n), A.reshape(n, -1).sum(0))


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "u1", "?", "c16"])
def test_items_are_pythons(kind: str) -> None:
    x = np.array([1, 0, 3], kind)

    def f(x: Any) -> Any:
        a, rest = x[0].item(), x[1:].tolist()
        assert type(a) is type(x.dtype.type(1).item())
        return x * a if rest[0] == 0 else x

    fast = jit(f)
    for y in (x, x[::-1], x):
        equal(fast(y), f(y))
    equal(jit(lambda x: x * x.item(2))(x), x * x.item(2))


def test_nan_and_signed_zeros() -> None:
    def f(x: Any) -> Any:
        return x + np.copysign(1.0, float(x)) if x == x else -x * 0 + 2

    fast, runs = counted(lambda x: x * 0 + np.copysign(1.0, float(x)))
    for x in (0.0, -0.0, np.nan, 0.0, -0.0, np.nan):
        with np.errstate(all="ignore"):
            equal(fast(x), np.float64(x) * 0 + np.copysign(1.0, x))
            equal(jit(f)(x), np.float64(f(x)))
    assert len(runs) == 3


def test_errors_are_numpys() -> None:
    to_int = jit(lambda x: x * int(x))
    equal(to_int(2.5), 5.0)
    for x, kind in ((np.nan, ValueError), (np.inf, OverflowError)):
        with pytest.raises(kind, match="cannot convert float"):
            to_int(x)

    @jit
    def checked(x: Any) -> Any:
        if x < 0:
            raise KeyError("negative")
        return x

    for _ in range(2):
        assert checked(1.0) == 1
        with pytest.raises(KeyError, match="negative"):
            checked(-1.0)


def test_an_error_on_the_way_to_a_choice_is_never_kept_as_a_path() -> None:
    @jit
    def f(a: Any) -> Any:
        try:
            if np.linalg.det(np.linalg.inv(a)) > 0:
                return a
        except np.linalg.LinAlgError:
            return -a
        return 2 * a

    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((2, 2)))
    equal(f(np.eye(2)), np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((2, 2)))


def test_warnings_are_numpys_and_come_once() -> None:
    def f(x: Any) -> Any:
        y = np.log(x)
        if x > 0:
            return y
        if x > -5:
            return np.sqrt(x) + y
        return np.exp(-x * 1000) + y

    def said(g: Any, x: float) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            g(np.float64(x))
        return [str(w.message) for w in caught]

    fast = jit(f)
    for x in (2.0, -1.0, -9.0, 3.0, -1.0, -9.0, 0.0, -1.0, 2.0, -7.0):
        assert said(fast, x) == said(f, x)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="in log"):
        fast(-1.0)


def test_nothing_behind_a_guard_runs_on_the_wrong_way() -> None:
    seen = []

    @wengert.custom_vjp
    def noted(x: Any) -> Any:
        if isinstance(x, np.ndarray | np.generic):
            seen.append(float(x))
        return x * 1.0

    noted.defvjp(lambda x: (x, None), lambda saved, u: (u,))
    f = jit(lambda x: noted(x) if x > 0 else x)
    f(2.0), seen.clear()
    assert f(-3.0) == -3
    assert seen == []
    assert f(4.0) == 4
    assert seen == [4.0]


def test_functions_with_rules_of_their_own_may_choose() -> None:
    @wengert.custom_vjp
    def ruled(x: Any) -> Any:
        return two(x)

    def back(x: Any, u: Any) -> Any:
        return (u * (10.0 if x > 0 else -20.0),)

    ruled.defvjp(lambda x: (two(x), x), back)

    @wengert.custom_jvp
    def forward(x: Any) -> Any:
        return two(x)

    forward.defjvp(lambda xs, ts: (None, ts[0] * np.where(xs[0] > 0, 10.0, -20.0)))
    for f, slope in ((ruled, (10, -20)), (forward, (10, -20)), (wengert.checkpoint(two), (6, -1))):
        value, fast, inner = jit(f), jit(grad(f)), grad(jit(f))
        for x, want in ((3.0, slope[0]), (-3.0, slope[1]), (3.0, slope[0])):
            assert value(x) == two(x)
            assert fast(x) == inner(x) == grad(f)(x) == want
            assert jit(grad(lambda x, f=f: np.sin(f(x)) * 2))(x) == grad(
                lambda x, f=f: np.sin(f(x)) * 2
            )(x)


def test_a_rule_is_never_lost_where_its_function_asks_of_constants() -> None:
    @wengert.custom_vjp
    def ruled(x: Any, c: Any) -> Any:
        return x if c > 0 else -x

    ruled.defvjp(lambda x, c: (None, None), lambda saved, u: (u * 10.0, None))

    for f in (jit(lambda x: ruled(x, np.float64(1.0))), jit(lambda x: ruled(x, A[0]))):
        assert f(3.0) == 3
        assert grad(f)(3.0) == jit(grad(f))(3.0) == grad(jit(f))(3.0) == 10
        assert grad(jit(lambda x, f=f: f(x) * 1.0))(2.0) == 10
    with pytest.raises(ConcreteError):  # or 10, but not 1
        grad(lambda x: np.sum(vmap(lambda t: ruled(t, np.float64(1.0)))(x)))(A)


def test_vmap_follows_lanes_that_agree() -> None:
    f = jit(vmap(two))
    for x in (np.abs(A), -np.abs(A), np.abs(A)):
        equal(f(x), np.stack([two(v) for v in x]))
        equal(vmap(two)(x), f(x))
        equal(vmap(jit(two))(x), f(x))
        equal(jit(vmap(grad(two)))(x), np.stack([grad(two)(v) for v in x]))
        equal(grad(lambda x: np.sum(vmap(two)(x)))(x), np.stack([grad(two)(v) for v in x]))
    equal(vmap(halved)(np.array([8.0, 5.0])), [halved(8.0), halved(5.0)])
    equal(jit(vmap(lambda x, n: x[:n], (0, None)))(np.stack([A, A]), 2), np.stack([A, A])[:, :2])
    for g in (f, vmap(two), vmap(jit(two)), jit(vmap(grad(two)))):
        with pytest.raises(ConcreteError, match=r"answer differently.*np\.where"):
            g(A)


def test_jit_within_other_traces() -> None:
    fast = jit(two)

    def around(a: Any) -> Any:
        return fast(a) * jit(lambda x: a * x if x > 0 else x)(3.0) + fast(-a)

    for a in (2.0, -2.0, 3.0):
        want = grad(lambda a: two(a) * a * 3 + two(-a))(a)
        for g in (grad(around), jit(grad(around)), grad(jit(around))):
            np.testing.assert_allclose(g(a), want)
    x = A.copy()

    @jit
    def writes(x: Any) -> Any:
        if x[0] > 0:
            x[0] = 5.0
        x += 1
        return x

    equal(grad(lambda s: np.sum(writes(x) * s))(2.0), np.sum(writes(x)))
    equal(grad(lambda y: np.sum(writes(y) + y))(x), [1.0, 2, 2, 2])
    equal(x, A)


def test_jit_of_a_gradient_of_a_jit_is_the_gradient() -> None:
    assert jit(grad(jit(lambda x: x**2)))(3.0) == 6


def test_conditions_are_as_numpy_computes_them() -> None:
    """A stable word for log(sum(exp x)) is finite where NumPy's value isn't: the guard isn't."""

    def f(x: Any) -> Any:
        return x if np.isinf(np.log(np.sum(np.exp(x)))) else -x

    fast = jit(f)
    with np.errstate(all="ignore"):
        for x in (A + 800, A, A + 900):
            equal(fast(x), f(x))


def test_too_many_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENGERT_PATHS", "3")
    f = jit(lambda x: x * float(x))
    for _ in range(2):
        for x in (1.0, 2.0, 3.0):
            assert f(x) == x * x
        with pytest.raises(ConcreteError) as caught:
            f(4.0)
        assert caught.value.args[0].count(". ") == 2
        for part in ("3 paths", "float: 4.0", __file__, "while_loop", "cond", "np.where"):
            assert part in str(caught.value)


def test_choices_by_more_than_the_arguments_are_still_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WENGERT_PATHS", "4")
    turns = iter(range(1000))

    def f(x: Any) -> Any:  # which question is asked changes from call to call
        if next(turns) % 2:
            return x * 2 if x > 0 else x
        return x * 2 if not x < 0 else x

    fast = jit(f)
    for x in (1.0, -1.0, 2.0, -3.0, np.nan, 0.0, 1.0):
        if x == x and x != 0:
            assert fast(x) == (2 * x if x > 0 else x)


def test_threads_share_one_jit() -> None:
    fast = jit(lambda x: halved(x) + (two(x) if np.sin(x) > 0 else nested(x)))
    xs = np.random.default_rng(0).uniform(-30, 30, 300).tolist()
    want = [halved(x) + (two(x) if np.sin(x) > 0 else nested(x)) for x in xs]
    with ThreadPoolExecutor(8) as pool:
        equal(np.array(list(pool.map(fast, xs))), np.array(want))


def test_bodies_of_loops_stay_abstract() -> None:
    for f in (
        lambda x: wengert.scan(lambda c, t: (c if c > 0 else -c, None), x, A)[0],
        lambda x: wengert.cond(x > 0, lambda t: t if t > 1 else -t, lambda t: t, x),
    ):
        with pytest.raises(ConcreteError, match="the body of a loop"):
            jit(f)(2.0)
    outside = jit(lambda x: wengert.fori_loop(0, 2, lambda i, c: c * (x if x > 0 else 1), x))
    assert [outside(3.0), outside(-3.0)] == [27.0, -3.0]
    steps = jit(lambda n: wengert.fori_loop(0, n, lambda i, c: c * 2.0, 1.0))
    assert "guard" not in str(steps.program(3))
    assert [steps(3), steps(5)] == [8, 32]


def test_values_go_when_the_trace_is_done() -> None:
    x = np.ones(1000)
    gone = weakref.ref(x)
    f = jit(lambda x: np.sum(x) if x[0] > 0 else x)
    f(x)
    del x
    gc.collect()
    assert gone() is None


def test_what_numpys_linalg_decides_by_values() -> None:
    low = np.outer(np.arange(1.0, 5), [1.0, 2.0])
    rank = jit(lambda a: np.linalg.lstsq(a, np.ones(4))[1:3])
    for a in (low, low + np.eye(4, 2), low):
        for got, want in zip(rank(a), np.linalg.lstsq(a, np.ones(4))[1:3], strict=True):
            np.testing.assert_allclose(got, want, atol=1e-12)
    eigenvalues = jit(np.linalg.eigvals)
    for a in (np.eye(2), np.array([[0.0, 1], [-1, 0]]), np.diag([1.0, 2])):
        equal(eigenvalues(a), np.linalg.eigvals(a))


def test_an_index_too_low_is_an_error_under_jit() -> None:
    pick = jit(lambda x, i: x[i])
    equal(pick(A, np.array([-4, 3])), A[[-4, 3]])
    for i in (-5, 4, -9):
        with pytest.raises(IndexError, match="out of bounds"):
            pick(A, np.array([i]))
    equal(pick(A, np.array([3, 0], np.uint8)), A[[3, 0]])


def test_choices_by_stand_ins_from_outside_are_not_kept() -> None:
    held: dict[str, Any] = {}
    inner = jit(lambda x: x * 2 if held["a"] > 0 else x)

    def around(a: Any) -> Any:
        held["a"] = a
        return inner(3.0) * a + inner(a)

    for g in (grad(around), jit(grad(around)), grad(jit(around))):
        assert [g(a) for a in (1.0, -1.0, 2.0)] == [8, 4, 8]
    fast = jit(around)
    assert [fast(a) for a in (1.0, -1.0, 2.0)] == [8, -4, 16]


def test_paths_that_contradict_each_other_end_in_plain_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    f = jit(lambda x, how: (np.stack([two(x), x]), how))
    f(1.0, "a")
    monkeypatch.setattr("wengert.api.paths.Paths.sibling", lambda self, path, met: path)
    got, how = f(-2.0, "a")
    equal(got, np.array([2.0, -2.0]))
    assert how == "a"
