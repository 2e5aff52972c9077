"""A program that an earlier process compiled is found again; another one never is."""

import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import wengert
from wengert.api import native
from wengert.backends.llvm import cache
from wengert.ir.fingerprint import fingerprint

W = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "cache"
    monkeypatch.setenv("WENGERT_CACHE", str(place))
    monkeypatch.setattr(cache, "_SAID", set())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield place


@pytest.fixture
def no_passes(monkeypatch):
    def stop():
        def never(*args):
            raise AssertionError("compiled again")

        monkeypatch.setattr(native, "schedule", never)

    return stop


def loss(x):
    h = np.tanh(x @ W + np.arange(4.0))
    return np.sum(h * h) / np.float64(3)


def recurrence(x):
    return wengert.scan(lambda c, y: (np.sin(c) + y, c), 0.5, x)[1]


def cases():
    x = np.linspace(0.0, 2.0, 15).reshape(5, 3)
    return {
        "value": (loss, (x,)),
        "gradient": (wengert.grad(loss), (x,)),
        "loop": (recurrence, (x[:, 0],)),
        "constants": (lambda x: (x + 1, W, 3.0 * W.T), (x,)),
        "nothing": (lambda x: x, (x,)),
        "float32": (lambda x: np.exp(x).sum(axis=0), (x.astype("f4"),)),
        "made by passes": (lambda x: x @ (W * W), (x,)),
    }


@pytest.mark.parametrize("name", cases())
def test_the_second_time_no_pass_runs(folder, no_passes, name):
    f, args = cases()[name]
    first = wengert.jit(f)(*args)
    no_passes()
    again = wengert.jit(f)(*args)
    for a, b in zip(wengert.tree.flatten(first)[0], wengert.tree.flatten(again)[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_constants_are_another_program(folder):
    x = np.ones(4)
    for k in (1.0, 2.0, -0.0, 0.0, np.nan):
        c = np.arange(4.0) * k
        np.testing.assert_array_equal(wengert.jit(lambda x, c=c: x * c)(x), x * c)
        signed = wengert.jit(lambda x, k=k: np.copysign(x, k))(x)
        np.testing.assert_array_equal(signed, np.copysign(x, k))


def test_the_fingerprint_is_the_meaning():
    x = np.ones((2, 3))

    def print_of(f, *args):
        return fingerprint(wengert.jit(f).program(*args), native.HOUSE)

    base = print_of(lambda x: np.sum(x * 2.0, axis=0), x)
    assert base == print_of(lambda other: np.sum(other * 2.0, axis=0), x)
    others = [
        print_of(lambda x: np.sum(x * 2.0, axis=1), x),
        print_of(lambda x: np.sum(x * 3.0, axis=0), x),
        print_of(lambda x: np.sum(x + 2.0, axis=0), x),
        print_of(lambda x: np.sum(x * 2.0, axis=0), x.astype("f4")),
        print_of(lambda x: np.sum(x * 2.0, axis=0), x[:1]),
        print_of(lambda x: np.sum(x * x, axis=0), x),
        print_of(lambda x: (np.sum(x * 2.0, axis=0), x), x),
    ]
    assert None not in others
    assert len({base, *others}) == 8


def test_a_record_of_the_users_has_no_fingerprint():
    @wengert.custom_jvp
    def twice(x):
        return 2 * x

    twice.defjvp(lambda xs, dxs: (2 * xs[0], 2 * dxs[0]))
    assert fingerprint(wengert.jit(twice).program(np.ones(2)), native.HOUSE) is None


def test_every_record_of_the_house_is_known():
    program = wengert.jit(recurrence).program(np.ones(3))
    assert fingerprint(program, native.HOUSE) is not None


@pytest.mark.parametrize("cut", [20, 40, -1])
def test_a_damaged_program_is_compiled_again(folder, cut):
    f, args = cases()["gradient"]
    first = wengert.jit(f)(*args)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:cut])
    with pytest.warns(RuntimeWarning, match="is damaged") as seen:
        np.testing.assert_array_equal(wengert.jit(f)(*args), first)
    assert len(seen) == 1
    np.testing.assert_array_equal(wengert.jit(f)(*args), first)


def test_another_number_of_threads_is_another_program(folder, monkeypatch):
    f, args = cases()["value"]
    wengert.jit(f)(*args)
    files = set(folder.iterdir())
    monkeypatch.setattr("wengert.backends.llvm.stored.threads", lambda: 77)
    wengert.jit(f)(*args)
    assert set(folder.iterdir()) - files


def test_without_llvmlite_numpy_calls_run_and_it_is_said_once():
    work = textwrap.dedent("""
        import importlib.util, sys, warnings
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *more: None if name == "llvmlite" else find(name, *more)
        sys.modules["llvmlite"] = None  # an import of it fails
        import numpy as np, wengert
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for _ in range(2):
                f = wengert.jit(lambda x: np.sum(np.tanh(x) ** 2))
                print(f(np.arange(3.0)), wengert.jit(wengert.grad(f))(np.arange(3.0)))
        assert [w.category for w in seen] == [RuntimeWarning], seen
        assert "llvmlite isn't installed" in str(seen[0].message)
        g = lambda x: wengert.scan(lambda c, y: (c * y, c), 1.0, x)[0]
        np.testing.assert_allclose(wengert.jit(wengert.grad(g))(np.full(3, 2.0)), 4.0)
    """)
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    want = np.tanh(np.arange(3.0))
    assert done.stdout.startswith(str(np.sum(want**2))[:12])


owners = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the system knows no such owners")


@owners
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_to_is_not_used(folder, mode):
    folder.mkdir()
    folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others than you") as seen:
        assert cache.cached(b"k", lambda: b"code") == b"code"
    assert len(seen) == 1
    assert not list(folder.iterdir())


@owners
def test_a_file_that_others_may_write_to_is_not_used(folder):
    cache.cached(b"k", lambda: b"code")
    (file,) = folder.iterdir()
    file.chmod(0o666)
    with pytest.warns(RuntimeWarning, match="others than you"):
        assert cache.cached(b"k", lambda: b"new") == b"new"
    assert cache.cached(b"k", lambda: b"never") == b"new"  # written anew, for its user alone


@owners
def test_what_another_user_owns_is_not_used(folder, monkeypatch):
    cache.cached(b"k", lambda: b"code")
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(folder).st_uid + 1)
    with pytest.warns(RuntimeWarning, match="others than you"):
        assert cache.cached(b"k", lambda: b"new") == b"new"
