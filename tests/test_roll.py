"""Loops that Python unrolled are rolled up again: the same bits, the same gradients, a short list.

Each program below is traced with n turns as it stands (`unrolled`) and rolled; the length of the rolled
list must not depend on n. Random loops with random carries, reads and writes stand at the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wengert
from wengert import settings
from wengert.backends.interpreter import interpret
from wengert.ir.check import check
from wengert.ir.program import Program
from wengert.ir.text import parse, show
from wengert.passes import roll as rolling
from wengert.passes.pipeline import simplified
from wengert.passes.prune import prune
from wengert.passes.roll import roll
from wengert.trace.tracer import Trace

NEVER = 1 << 60


@pytest.fixture(autouse=True)
def short_lists_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "LONG", 8)


def fresh(args: Any) -> list[Any]:
    return [np.array(a)[()] for a in args]


def unrolled(f: Callable[..., Any], args: Any) -> Program:
    with Trace(concrete=True) as trace:
        return prune(trace.close([f(*[trace.input(a) for a in fresh(args)])]))


def gradients(f: Callable[..., Any], args: Any) -> Any:
    loss = lambda *xs: np.sum(f(*xs) * np.float64(1.3))
    floats = tuple(i for i, a in enumerate(args) if np.asarray(a).dtype.kind == "f")
    return wengert.grad(loss, argnums=floats)(*fresh(args))


def same(f: Callable[..., Any], args: Any) -> Program:
    """The rolled list, which gives the bits and the gradients of the list as it was."""
    before = unrolled(f, args)
    after = check(roll(before))
    wanted = interpret(before)(*fresh(args))
    for program in (after, simplified(before)):
        for x, y in zip(wanted, interpret(program)(*fresh(args)), strict=True):
            assert (x.shape, x.dtype, x.tobytes()) == (y.shape, y.dtype, y.tobytes())
    for x, y in zip(wanted, after(*fresh(args)), strict=True):
        assert x.tobytes() == y.tobytes()
    ours = gradients(f, args)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling, "LONG", NEVER)
        theirs = gradients(f, args)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)
    return after


# --- programs that roll up: n is the number of turns
def recurrence(n: int) -> Any:
    def f(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n):
            x = np.sin(x) * a + b
        return x

    return f, (0.3, 1.1, 0.2)


def logistic_map(n: int) -> Any:
    def f(x: Any, r: Any) -> Any:
        for _ in range(n):
            x = r * x * (1 - x)
        return x

    return f, (0.3, 2.5)


def runge_kutta(n: int) -> Any:
    def f(y: Any, h: Any) -> Any:
        slope = lambda t, y: np.stack([y[1], -np.sin(y[0]) * t])
        times, states = np.linspace(0, 1, n), [y]
        for i in range(n - 1):
            t = times[i]
            k1 = slope(t, y)
            k2 = slope(t + h / 2, y + h / 2 * k1)
            k3 = slope(t + h / 2, y + h / 2 * k2)
            k4 = slope(t + h, y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            states.append(y)
        return np.stack(states)

    return f, (np.array([1.0, 0.2]), 0.02)


def lstm(n: int) -> Any:
    def f(x: Any, w: Any, b: Any) -> Any:
        h, c, out = np.zeros(3), np.zeros(3), np.zeros((n, 3))
        for t in range(n):
            i, g, o, z = np.split(w @ np.concatenate([x[t], h]) + b, 4)
            i, g, o = (1 / (1 + np.exp(-gate)) for gate in (i, g, o))
            c = g * c + i * np.tanh(z)
            h = o * np.tanh(c)
            out[t, :] = h
        return out

    rng = np.random.default_rng(0)
    return f, (rng.normal(size=(n, 2)), rng.normal(size=(12, 5)), rng.normal(size=12))


def rows_of_a_sequence(n: int) -> Any:
    def f(x: Any) -> Any:
        h, out = np.zeros(2), []
        for row in x:
            h = np.tanh(h * row + 1)
            out.append(h)
        return np.array(out)

    return f, (np.random.default_rng(0).normal(size=(n, 2)),)


def filtered(n: int) -> Any:
    def f(x: Any, a: Any) -> Any:
        y = np.zeros(n)
        y[0] = x[0]
        for t in range(1, n):
            y[t] = a * y[t - 1] + x[t]
        return y

    return f, (np.random.default_rng(0).normal(size=n), 0.5)


def second_order(n: int) -> Any:
    def f(x: Any, y: Any) -> Any:
        out = np.zeros(n)
        out[0], out[1] = x, y
        for i in range(2, n):
            out[i] = np.sin(out[i - 1]) + out[i - 2]
        return out

    return f, (0.3, 0.2)


def both_ways(n: int) -> Any:
    """Thomas' algorithm: in place, forward, then backward."""

    def f(lower: Any, diagonal: Any, upper: Any, b: Any) -> Any:
        c, d = upper.copy(), b.copy()
        c[0] /= diagonal[0]
        d[0] /= diagonal[0]
        for i in range(1, n):
            scale = diagonal[i] - lower[i] * c[i - 1]
            c[i] = c[i] / scale
            d[i] = (d[i] - lower[i] * d[i - 1]) / scale
        for i in reversed(range(n - 1)):
            d[i] -= c[i] * d[i + 1]
        return d

    rng = np.random.default_rng(0)
    return f, (rng.normal(size=n), 5 + rng.uniform(size=n), *rng.normal(size=(2, n)))


def sweep(n: int) -> Any:
    """Gauss and Seidel, slice by slice."""

    def f(a: Any) -> Any:
        for _ in range(n):
            for i in range(1, 11):
                a[i, 1:-1] = (a[i - 1, 1:-1] + a[i + 1, 1:-1] + a[i, :-2] + a[i, 2:]) / 4
        return a

    return f, (np.random.default_rng(0).normal(size=(12, 7)),)


def seidel_2d(n: int) -> Any:
    def f(a: Any) -> Any:
        for _ in range(3):
            for i in range(1, n - 1):
                for j in range(1, n - 1):
                    a[i, j] = (a[i - 1, j] + a[i, j - 1] + a[i, j] * a[i, j + 1] + a[i + 1, j]) / 5
        return a

    return f, (np.random.default_rng(0).normal(size=(n, n)),)


def floyd_warshall(n: int) -> Any:
    def f(d: Any) -> Any:
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    d[i, j] = np.minimum(d[i, j], d[i, k] + d[k, j])
        return d

    return f, (np.random.default_rng(0).uniform(0.1, 1, size=(n, n)),)


def nested(n: int) -> Any:
    def f(x: Any) -> Any:
        s = 0.0
        for i in range(n):
            for j in range(15):
                s = np.sin(s + x[j] * i)
            s = s * 2 - x[i]
        return s

    return f, (np.random.default_rng(0).normal(size=max(n, 15)),)


def particles(n: int) -> Any:
    def f(x: Any, v: Any) -> Any:
        for _ in range(n):
            d = x[:, None] - x[None, :]
            force = -np.sum(d / (d * d + 0.1) ** 1.5, axis=1)
            x, v = x + 0.01 * v, v + 0.01 * force
        return x + v

    return f, tuple(np.random.default_rng(0).normal(size=(2, 5)))


def read_backwards(n: int) -> Any:
    def f(x: Any) -> Any:
        states = [x]
        for _ in range(n):
            states.append(np.sin(states[-1]) * 1.5)
        s = 0.0
        for v in reversed(states):
            s = np.cos(s) + v * s
        return s

    return f, (0.2,)


def copied_along(n: int) -> Any:
    def f(x: Any) -> Any:
        y = np.zeros(n)
        y[0] = x
        for i in range(1, n):
            y[i] = y[i - 1]
        return y * x

    return f, (0.3,)


def single_precision(n: int) -> Any:
    def f(x: Any) -> Any:
        s = np.zeros(3, np.float32)
        for i in range(n):
            s = np.sin(s + x[i] * 0.1) * (i * 0.02)
        return s

    return f, (np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32),)


def with_integers(n: int) -> Any:
    def f(x: Any, k: Any) -> Any:
        for i in range(n):
            x = np.where(k > i, np.sin(x) + x[i % 3], x * 0.9)
            k = k * 3 % 101
        return x

    return f, (np.array([0.3, 0.2, -0.4]), np.array([3, 50, 7]))


# program: (two numbers of turns, the lines at most)
# fmt: off
ROLLS: dict[Callable[..., Any], tuple[tuple[int, int], int]] = {
    recurrence: ((40, 160), 1), logistic_map: ((40, 160), 1), runge_kutta: ((20, 50), 4), lstm: ((20, 40), 5), rows_of_a_sequence: ((30, 60), 4),
    filtered: ((30, 90), 6), second_order: ((30, 90), 6), both_ways: ((20, 60), 22), sweep: ((8, 12), 1), seidel_2d: ((11, 14), 1),
    floyd_warshall: ((9, 11), 1), nested: ((12, 20), 4), particles: ((20, 40), 2), read_backwards: ((40, 90), 6), copied_along: ((40, 90), 4),
    single_precision: ((40, 90), 8), with_integers: ((40, 90), 12),
}
# fmt: on


@pytest.mark.parametrize("program", ROLLS, ids=lambda p: p.__name__)
def test_it_rolls_up(program: Callable[..., Any]) -> None:
    sizes, most = ROLLS[program]
    lengths = []
    for n in sizes:
        f, args = program(n)
        lengths.append(len(same(f, args).equations))
    assert lengths[0] == lengths[1] <= most


def test_ten_thousand_steps() -> None:
    f, args = recurrence(10_000)
    assert len(wengert.trace(f)(*args).equations) == 1
    assert len(wengert.trace(wengert.grad(f))(*args).equations) <= 4
    assert len(wengert.jit(wengert.grad(f)).program(*args).equations) <= 4
    value, slopes = wengert.value_and_grad(f, argnums=(0, 1, 2))(*args)
    assert value == f(*args)
    _, wanted = wengert.jvp(lambda b: f(0.3, 1.1, b), (0.2,), (1.0,))
    np.testing.assert_allclose(slopes[2], wanted, rtol=1e-10)


@pytest.mark.parametrize("program", [filtered, lstm, sweep, floyd_warshall, nested])
def test_vmap_and_second_derivatives(program: Callable[..., Any]) -> None:
    f, args = program(ROLLS[program][0][0])
    first, rest = np.asarray(args[0]), args[1:]
    loss = lambda x: np.sum(np.sin(f(x, *fresh(rest))))
    batch = np.stack([first, first * 0.9])
    rows = [wengert.grad(loss)(x) for x in batch]
    np.testing.assert_allclose(wengert.vmap(wengert.grad(loss))(batch), rows, rtol=1e-9, atol=1e-12)
    u = np.random.default_rng(1).normal(size=first.shape)
    _, ours = wengert.jvp(wengert.grad(loss), (first,), (u,))
    back = wengert.grad(lambda x: np.sum(wengert.grad(loss)(x) * u))(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling, "LONG", NEVER)
        _, wanted = wengert.jvp(wengert.grad(loss), (first,), (u,))
    np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(back, wanted, rtol=1e-8, atol=1e-10)


# --- loops whose inner length changes: what can be rolled is
def lu(a: Any) -> Any:
    n = len(a)
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return a


def cholesky(a: Any) -> Any:
    for i in range(len(a)):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
        for k in range(i):
            a[i, i] -= a[i, k] * a[i, k]
        a[i, i] = np.sqrt(a[i, i])
    return a


def matrix_chain(p: Any) -> Any:
    n = len(p) - 1
    m = np.zeros((n, n))
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best = m[i, i] + m[i + 1, j] + p[i] * p[i + 1] * p[j + 1]
            for k in range(i + 1, j):
                best = np.minimum(best, m[i, k] + m[k + 1, j] + p[i] * p[k + 1] * p[j + 1])
            m[i, j] = best
    return m


@pytest.mark.parametrize("f", [lu, cholesky, matrix_chain], ids=lambda f: f.__name__)
def test_triangles_roll_in_part(f: Callable[..., Any]) -> None:
    a = np.random.default_rng(0).uniform(0.1, 1, size=(16, 16))
    at = a[0] if f is matrix_chain else a @ a.T + 20 * np.eye(16)
    before = len(unrolled(f, (at,)).equations)
    after = same(f, (at,))
    assert len(after.equations) < 0.6 * before
    assert any(eqn.primitive.name == "loop" for eqn in after.equations)


# --- what must stay
def test_short_lists_stay_the_same_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    f, args = recurrence(20)
    program = unrolled(f, args)
    assert roll(program) is program


def test_lines_that_only_look_alike_stay() -> None:
    def f(x: Any) -> Any:  # each turn reads a value of another distance before
        values, rng = [x, x * x], np.random.default_rng(0)
        for _ in range(40):
            values.append(np.sin(values[rng.integers(len(values))]) + values[-1])
        return values[-1]

    after = same(f, (0.3,))
    assert sum(eqn.primitive.name != "loop" for eqn in after.equations) > 20


def halved(x: Any) -> Any:
    """Asks in each turn; a stretch that asks nothing stands in front, one behind."""
    for _ in range(20):
        x = np.sin(x) * 1.5 + 2.0
    x, steps = x * 10.0, 0
    while x > 0.01:
        x, steps = x * 0.7, steps + 1
        if x < 1.0:
            x = x - 0.001
    for _ in range(20):
        x = np.cos(x) + steps
    return x


def test_guards_stay_one_for_each_answer_in_their_order() -> None:
    turns = lambda f: [e.params for e in f.equations if e.primitive.name == "guard"]
    fast, value = wengert.jit(wengert.value_and_grad(halved)), wengert.jit(halved)
    for x in (0.3, 2.9, 0.4, 0.3, 2.9):
        want, slope = wengert.value_and_grad(halved)(x)
        assert value(x) == halved(x) == want
        np.testing.assert_allclose(fast(x), [want, slope], rtol=1e-12)
        listed = simplified(value.program(x))
        names = [e.primitive.name for e in listed.equations]
        guards = turns(listed)
        assert [g["index"] for g in guards] == list(range(len(guards)))
        assert len(guards) > 20
        assert names.count("loop") == 2
        assert names.index("loop") < names.index("guard")


def test_a_guard_in_each_turn_keeps_the_turns_apart() -> None:
    def first_negative(x: Any) -> Any:
        total = 0.0
        for i in range(40):
            total = np.sin(total) + x[i] * 2.0
            if total < -1.5:
                break
        return total

    x = np.linspace(1.0, -1.0, 40)
    fast = wengert.jit(first_negative)
    for y in (x, x + 5.0, x[::-1].copy(), x):
        assert fast(y) == first_negative(y)
        np.testing.assert_array_equal(
            wengert.jit(wengert.grad(first_negative))(y), wengert.grad(first_negative)(y)
        )
    asked = [e for e in fast.program(x + 5.0).equations if e.primitive.effect]
    assert len(asked) == 40


def test_a_list_past_the_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "LIMIT", 1000)
    f, args = recurrence(400)
    for call in (wengert.grad(f), wengert.jit(f)):
        with pytest.raises(
            wengert.errors.UnsupportedError, match=r"1,000 equations.*test_roll.py.*fori_loop"
        ):
            call(*args)


# --- before and after
# fmt: off
GOLDEN: dict[str, tuple[Callable[..., Any], Any]] = {
    "recurrence": recurrence(12), "filter": filtered(16), "sequence": rows_of_a_sequence(14), "sweep": sweep(4), "nested": nested(12),
}
# fmt: on


@pytest.mark.parametrize("name", GOLDEN)
def test_before_and_after(name: str, golden: Callable[[object, str], None]) -> None:
    f, args = GOLDEN[name]
    before = unrolled(f, args)
    head = "\n".join([*show(before).splitlines()[:24], "    ..."])
    after = roll(before)
    golden(f"{head}\n\n# roll\n{show(after)}", f"passes/roll/{name}")
    assert show(roll(after)) == show(after), "a second time changes nothing"


def test_a_rolled_list_can_be_parsed() -> None:
    after = roll(unrolled(*recurrence(40)))
    assert show(parse(show(after))) == show(after)


# --- random loops
TERMS = (
    "np.sin({v})", "{v} * {w}", "{v} + 0.5", "x[i + {k}]", "x[{m} - i]", "0.1 * i", "y[i + {k}]", "y[i - {k}]", "z[i, {k}]", "table[i + {k}]", "y[{k}]",
    "np.sum(x[i:i + 3])", "np.where({v} > {w}, {v}, {w})", "z[{k}, i]", "np.sum(z[i])", "states[len(states) // 2]", "states[-2]", "states[-1]", "states[0]", "np.max(z[:, i % 4])", "{v}",
)  # fmt: skip
PLACES = (
    "{v} = ",
    "{v} += ",
    "y[i + {k}] = ",
    "y[i] = ",
    "y[i] += ",
    "z[i, {k}] = ",
    "z[i] = ",
    "states.append({v}); {w} = ",
    "y[{m} - i] = ",
    "if i == 7: {v} = ",
    "z[:, {k}] = ",
)


@st.composite
def loops(draw: Any) -> str:
    def spelled(text: str) -> str:
        pick = lambda: draw(st.sampled_from("abc"))
        return text.format(
            v=pick(), w=pick(), k=draw(st.integers(0, 3)), m=draw(st.integers(26, 29))
        )

    body = [
        spelled(draw(st.sampled_from(PLACES)))
        + f"np.tanh({spelled(draw(st.sampled_from(TERMS)))} + {spelled(draw(st.sampled_from(TERMS)))})"
        for _ in range(draw(st.integers(1, 5)))
    ]
    start, inner = draw(st.integers(3, 5)), draw(st.booleans())
    lines = [f"for i in range({start}, {start + 20}):"]
    lines += [f"    {line}" for line in body]
    if inner:
        lines += ["    for j in range(9):", f"        c = np.sin(c * {spelled('{v}')} + x[j])"]
    return "\n".join(lines)


@given(loops())
def test_random_loops(source: str) -> None:
    def f(x: Any, z: Any, a: Any) -> Any:
        space = {
            "np": np, "x": x, "z": z.copy(), "y": np.ones(32), "a": a, "b": a * 0.5, "c": a * a,
            "states": [a, a + 1], "table": np.cos(np.arange(40.0)),
        }  # fmt: skip
        exec(code, space)
        last = space["states"]
        return (
            space["a"]
            + space["b"]
            + space["c"]
            + np.sum(space["y"])
            + np.sum(space["z"])
            + last[-1]
        )

    code = compile(source, "<user loop>", "exec")
    rng = np.random.default_rng(0)
    same(f, (rng.uniform(-1, 1, 32), rng.uniform(-1, 1, (32, 32)), 0.3))
