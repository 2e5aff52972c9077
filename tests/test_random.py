"""Random numbers are pure functions of a key."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import wengert
from wengert import random
from wengert.errors import ConcreteError, InputError

KEY = random.key(7)
DRAWS = {
    "uniform": lambda k: random.uniform(k, (500,)),
    "normal": lambda k: random.normal(k, (500,)),
    "exponential": lambda k: random.exponential(k, (500,)),
    "gumbel": lambda k: random.gumbel(k, (500,)),
    "bernoulli": lambda k: random.bernoulli(k, 0.3, (500,)),
    "integers": lambda k: random.integers(k, 0, 10, (500,)),
    "permutation": lambda k: random.permutation(k, 500),
    "choice": lambda k: random.choice(k, 5, (500,), p=[0.1, 0.2, 0.3, 0.2, 0.2]),
    "split": lambda k: random.split(k, 20),
    "fold_in": lambda k: random.fold_in(k, 3),
}


@pytest.mark.parametrize("name", DRAWS)
def test_bits_are_the_keys(name):
    draw = DRAWS[name]
    wanted = draw(KEY).tobytes()
    np.random.seed(1)  # noqa: NPY002  # nobody's state matters
    with ThreadPoolExecutor(4) as pool:
        assert {x.tobytes() for x in pool.map(draw, [KEY] * 40)} == {wanted}
    assert draw(tuple(KEY.tolist())).tobytes() == wanted
    assert draw(random.key(8)).tobytes() != wanted


def test_keys_are_all_different():
    keys = [KEY, *random.split(KEY, 1000), *[random.fold_in(KEY, i) for i in range(1000)]]
    assert len({k.tobytes() for k in keys}) == 2001
    both = np.corrcoef(*[random.normal(k, (10_000,)) for k in random.split(KEY)])
    assert abs(both[0, 1]) < 0.04


def test_a_longer_split_begins_alike():
    np.testing.assert_array_equal(random.split(KEY, 5)[:3], random.split(KEY, 3))


def test_moments():
    z = random.normal(KEY, (100_000,), 3.0, 2.0)
    u = random.uniform(KEY, (100_000,), -1.0, 3.0)
    assert abs(z.mean() - 3) < 0.03
    assert abs(z.std() - 2) < 0.03
    assert u.min() >= -1 > u.min() - 0.01
    assert u.max() < 3
    assert abs(random.bernoulli(KEY, 0.3, (100_000,)).mean() - 0.3) < 0.01
    assert random.bernoulli(KEY, np.array([0.0, 1.0])).tolist() == [False, True]


def test_reparametrisation():
    def loss(loc, scale, low):
        noise = random.split(KEY)
        return np.sum(random.normal(noise[0], (4,), loc, scale) ** 2) + np.sum(
            random.uniform(noise[1], (4,), low, 2.0)
        )

    for f in (loss, wengert.jit(loss)):
        gradient = wengert.grad(f, (0, 1, 2))(0.5, 2.0, 1.0)
        z = random.normal(random.split(KEY)[0], (4,))
        u = random.uniform(random.split(KEY)[1], (4,))
        x = 0.5 + 2 * z
        np.testing.assert_allclose(gradient, [2 * x.sum(), 2 * (x * z).sum(), (1 - u).sum()])
    wengert.check_grads(loss, 0.5, 2.0, 1.0)


def test_shapes_broadcast():
    g = wengert.grad(lambda s: np.sum(random.normal(KEY, (5, 3), 0.0, s)))(np.ones(3))
    np.testing.assert_allclose(g, random.normal(KEY, (5, 3)).sum(0))
    rows = wengert.grad(lambda x: random.permutation(KEY, x)[0] * 2)(np.arange(5.0))
    assert sorted(rows.tolist()) == [0, 0, 0, 0, 2]


def test_under_jit_with_a_static_key():
    f = wengert.jit(lambda x, key: x * random.normal(key, (3,)), static_argnums=1)
    for k in random.split(KEY, 3):
        np.testing.assert_array_equal(f(2.0, tuple(k.tolist())), 2 * random.normal(k, (3,)))
    with pytest.raises(ConcreteError, match="static tuple"):
        wengert.jit(lambda x, key: x * random.normal(key, (3,)))(2.0, KEY)


@pytest.mark.parametrize("key", [np.zeros(2), np.zeros(3, np.uint64)], ids=["floats", "three"])
def test_what_is_no_key(key):
    with pytest.raises(InputError, match="key of shape"):
        random.normal(key)


def test_what_is_no_seed():
    with pytest.raises(InputError, match="seed -1"):
        random.key(-1)
