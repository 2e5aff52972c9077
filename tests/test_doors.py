"""Calls of a structure that is known go straight to the machine, and all others where they did."""

import threading
from typing import Any

import numpy as np
import pytest

import wengert

F4 = np.float32


def net(layers: Any, x: Any) -> Any:
    for layer in layers:
        x = np.tanh(x @ layer["W"] + layer["b"])
    return {"out": x, "sizes": [np.sum(x), (x[0],)]}


def given(n: int, dtype: Any = F4) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    layer = {"W": rng.standard_normal((3, 3)).astype(dtype), "b": np.ones(3, dtype)}
    return [layer, dict(layer)], rng.standard_normal((n, 3)).astype(dtype)


def close(a: Any, b: Any) -> None:
    (xs, one), (ys, two) = wengert.tree.flatten(a), wengert.tree.flatten(b)
    assert one == two
    for x, y in zip(xs, ys, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-5)


def test_trees_go_in_and_out() -> None:
    f = wengert.jit(net)
    for n in (2, 2, 5, 2, 5, 5):
        close(f(*given(n)), net(*given(n)))
    close(f(*given(2, np.float64)), net(*given(2, np.float64)))
    close(f(*given(2)), net(*given(2)))
    assert f.quick is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda layers, x: (tuple(layers), x),
        lambda layers, x: ([{"b": v["b"], "W": v["W"]} for v in layers], x),
        lambda layers, x: (layers[:1], x),
        lambda layers, x: (layers, x[:, ::-1]),
    ],
    ids=["a tuple", "another order", "fewer", "strides"],
)
def test_what_does_not_fit_takes_the_slow_way(change: Any) -> None:
    f = wengert.jit(net)
    f(*given(2))
    layers, x = change(*given(2))
    close(f(layers, x), net(layers, x))


def test_too_few_arguments_are_pythons_error() -> None:
    f = wengert.jit(net)
    f(*given(2))
    with pytest.raises(TypeError, match="missing 1 required"):
        f(given(2)[0])


def test_pythons_numbers_stay_weak() -> None:
    f = wengert.jit(lambda x, s: x * s)
    x = np.ones(3, F4)
    for s, dtype in [
        (2.0, F4),
        (np.float64(2), np.float64),
        (2.0, F4),
        (3, F4),
        (np.array(2.0), np.float64),
    ] * 2:
        assert f(x, s).dtype == dtype, type(s)


def test_threads_that_call_with_other_shapes_get_their_own() -> None:
    f = wengert.jit(net)
    wrong: list[Any] = []

    def work(n: int) -> None:
        args = given(n)
        want = net(*args)
        for _ in range(200):
            try:
                close(f(*args), want)
            except BaseException as error:  # noqa: BLE001 (reported below)
                wrong.append(error)

    workers = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not wrong
