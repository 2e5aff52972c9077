"""The way into compiled code: what it takes, what it converts, what it refuses, what it keeps."""

import contextlib
import gc
import pickle
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from wengert.backends.llvm import entry as entries
from wengert.backends.llvm.engine import load
from wengert.backends.llvm.entry import Caller, entry
from wengert.errors import DtypeError, ShapeError
from wengert.ir.types import Type

F8, F4, I8 = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)

# y[:] = x + c[0] + s and t = x[0] - s, through the workspace; status 1 if x[0] < 0
TEXT = """
define i32 @core(ptr %p) {
entry:
  %x = load ptr, ptr %p
  %s.at = getelementptr ptr, ptr %p, i64 1
  %s.p = load ptr, ptr %s.at
  %y.at = getelementptr ptr, ptr %p, i64 2
  %y = load ptr, ptr %y.at
  %t.at = getelementptr ptr, ptr %p, i64 3
  %t = load ptr, ptr %t.at
  %w.at = getelementptr ptr, ptr %p, i64 4
  %w = load ptr, ptr %w.at
  %c.at = getelementptr ptr, ptr %p, i64 5
  %c.p = load ptr, ptr %c.at
  %s = load double, ptr %s.p
  %c = load double, ptr %c.p
  %sc = fadd double %s, %c
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %j, %loop ]
  %a.at = getelementptr double, ptr %x, i64 %i
  %a = load double, ptr %a.at
  %b = fadd double %a, %sc
  %w.i = getelementptr double, ptr %w, i64 %i
  store volatile double %b, ptr %w.i, align 8
  %back = load volatile double, ptr %w.i, align 8
  %y.i = getelementptr double, ptr %y, i64 %i
  store double %back, ptr %y.i
  %j = add i64 %i, 1
  %more = icmp slt i64 %j, 6
  br i1 %more, label %loop, label %end
end:
  %first = load double, ptr %x
  %d = fsub double %first, %s
  store double %d, ptr %t
  %bad = fcmp olt double %first, 0.0
  %status = zext i1 %bad to i32
  ret i32 %status
}
define i32 @copy(ptr %p) {
  %x = load ptr, ptr %p
  %y.at = getelementptr ptr, ptr %p, i64 1
  %y = load ptr, ptr %y.at
  %v = load i64, ptr %x, align 1
  store i64 %v, ptr %y, align 1
  ret i32 0
}
define i32 @nothing(ptr %p) {
  ret i32 0
}
define i32 @aligned(ptr %p) {
  %w = load i64, ptr %p
  %low = and i64 %w, 63
  %is = icmp ne i64 %low, 0
  %status = zext i1 %is to i32
  ret i32 %status
}
"""
X, S = Type((2, 3), F8), Type((), F8)


@pytest.fixture(scope="module")
def library():
    return load(TEXT, "core", "copy", "nothing", "aligned")


def failing(x, s):
    raise FloatingPointError(f"the reference saw {x[0, 0]}")


@pytest.fixture(params=["gate", "gate, GIL let go", "caller"])
def f(request, library):
    form = (library.address("core"), [X, S], [X, S], 48, [np.array(10.0)], failing)
    if request.param == "caller":
        return Caller(*form, library)
    made = entry(*form, long="let go" in request.param, keep=library)
    assert not isinstance(made, Caller), "no gate on this Python"
    return made


def agrees(results, x, s):
    y, t = results
    assert type(results) is list
    assert type(y) is np.ndarray
    assert type(t) is np.float64
    assert y.flags.owndata
    assert y.flags.writeable
    np.testing.assert_array_equal(y, x + s + 10)
    assert t == x[0, 0] - s


GRID = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "x",
    [
        GRID,
        np.asfortranarray(GRID),
        GRID[::-1],
        np.arange(48.0).reshape(4, 12)[::2, ::4],
        GRID.astype(">f8"),
        GRID.astype("f4"),
        GRID.astype("i4"),
        GRID.view(np.matrix),
        pickle.loads(pickle.dumps(GRID)),
        np.frombuffer(b"\0" + GRID.tobytes(), np.uint8)[1:].view("f8").reshape(2, 3),
        GRID.tolist(),
    ],
    ids=[
        "straight",
        "fortran",
        "backwards",
        "strided",
        "big-endian",
        "f4",
        "i4",
        "matrix",
        "pickled",
        "odd",
        "list",
    ],
)
def test_an_array_however_it_lies(f, x):
    agrees(f(x, 0.5), np.array(x), 0.5)


@pytest.mark.parametrize(
    "s",
    [
        2.5,
        np.float64(2.5),
        np.array(2.5),
        2,
        True,
        np.float32(2.5),
        np.int8(2),
        np.array(2.5, ">f8"),
    ],
    ids=lambda s: type(s).__name__,
)
def test_a_number_however_it_comes(f, s):
    agrees(f(GRID, s), GRID, float(s))


def test_a_read_only_array_is_read(f):
    x = GRID.copy()
    x.flags.writeable = False
    agrees(f(x, 1.0), x, 1.0)


def test_results_are_new_at_each_call(f):
    first, second = f(GRID, 0.0), f(GRID, 1.0)
    assert not np.shares_memory(first[0], second[0])
    agrees(first, GRID, 0.0)


class Float(float):
    pass


class Sub(np.ndarray):
    pass


def test_subclasses_go_the_slow_way(f):
    agrees(f(GRID.view(Sub), Float(3.0)), GRID, 3.0)


@pytest.mark.parametrize(
    ("args", "error", "words"),
    [
        ((GRID,), TypeError, "of 2 arrays was given 1"),
        ((GRID, 1.0, 2.0), TypeError, "of 2 arrays was given 3"),
        ((), TypeError, "of 2 arrays was given 0"),
        ((GRID.T, 1.0), ShapeError, r"f64\[2, 3\] has the shape \(3, 2\)"),
        ((GRID[0], 1.0), ShapeError, "shape"),
        ((GRID, GRID), ShapeError, "Argument 2"),
        ((1.0, 1.0), ShapeError, "Argument 1"),
        ((GRID * 1j, 1.0), DtypeError, "complex128"),
        ((GRID.astype(object), 1.0), DtypeError, "object"),
        ((GRID.astype(str), 1.0), DtypeError, "<U"),
        ((GRID, 1j), DtypeError, "complex"),
        ((GRID, None), DtypeError, "object"),
        ((np.ma.masked_less(GRID, 2), 1.0), DtypeError, "masked"),
        ((GRID - 1, 1.0), FloatingPointError, "the reference saw -1.0"),
        ((GRID - 1, 1), FloatingPointError, "the reference saw -1.0"),
    ],
)
def test_what_is_refused(f, args, error, words):
    for _ in range(3):  # and again: an error leaves nothing behind
        with pytest.raises(error, match=words):
            f(*args)
    agrees(f(GRID, 1.0), GRID, 1.0)


def test_keywords_are_refused(f):
    with pytest.raises(TypeError):
        f(GRID, s=1.0)


def test_a_status_gives_the_references_answer(library):
    form = (library.address("core"), [X, S], [X, S], 48, [np.array(10.0)])
    for make in (entry, Caller):
        f = make(*form, lambda x, s: ["reference", x, s], keep=library)
        assert f(-GRID - 1, 0.5)[0] == "reference"


@pytest.mark.parametrize("name", ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64", "float32", "float64", "complex64"])  # fmt: skip
@pytest.mark.parametrize("make", [entry, Caller])
def test_scalars_of_every_dtype(library, name, make):
    dtype = np.dtype(name)
    f = make(library.address("copy"), [Type((), dtype)], [Type((), dtype)], 0, [], None)
    for value in (dtype.type(1), np.array(1, dtype), np.array(0, dtype), dtype.type(0)):
        (y,) = f(value)
        assert type(y) is dtype.type
        assert y == value


@pytest.mark.parametrize(
    ("value", "dtype"), [(1.5, I8), (1j, F8), (2**40, np.dtype(np.int32)), (-1, np.dtype("u1"))]
)
def test_python_numbers_that_do_not_fit(library, value, dtype):
    f = entry(library.address("copy"), [Type((), dtype)], [Type((), dtype)], 0, [], None)
    with pytest.raises((DtypeError, OverflowError)):
        f(value)


def test_no_arguments_no_results_no_elements(library):
    f = entry(library.address("nothing"), [], [], 0, [], None, keep=library)
    assert f() == []
    none = Type((0, 3), F4)
    g = entry(library.address("nothing"), [none], [none], 0, [], None, keep=library)
    (y,) = g(np.zeros((0, 3), F4))
    assert y.shape == (0, 3)
    assert y.dtype == F4


def test_more_arguments_than_the_stack_should_hold(library):
    f = entry(library.address("nothing"), [S] * 300, [], 0, [], None, keep=library)
    assert f(*[1.0] * 300) == []


@pytest.mark.parametrize("size", [1, 1000, entries.KEPT + 1])
@pytest.mark.parametrize("make", [entry, Caller])
def test_the_workspace_begins_on_a_cache_line(library, size, make):
    f = make(library.address("aligned"), [], [], size, [], lambda: "crooked", keep=library)
    assert f() == f() == []


@pytest.mark.parametrize("make", [entry, Caller])
def test_a_workspace_that_cannot_be_had(library, make):
    f = make(library.address("nothing"), [X], [X, S], 1 << 60, [], None, keep=library)
    for _ in range(3):
        with pytest.raises(MemoryError):
            f(GRID)


@pytest.mark.parametrize("make", [entry, Caller])
def test_results_that_cannot_be_had(library, make):
    huge = Type((1 << 57,), F8)
    f = make(library.address("nothing"), [], [X, huge], 0, [], None, keep=library)
    for _ in range(3):
        with pytest.raises(MemoryError):
            f()


def test_nothing_leaks(f):
    x, s, wrong = GRID.copy(), np.float64(1.5), GRID * 1j
    fast = not isinstance(f, Caller)

    def work(times):
        for _ in range(times):
            f(x, s)
        for _ in range(times // 100):
            f(x, 1)
            for bad in ((x,), (wrong, s), (-x - 1, s)):
                with contextlib.suppress(TypeError, DtypeError, FloatingPointError):
                    f(*bad)

    work(200)
    counts = [sys.getrefcount(t) for t in (x, s, wrong, F8, X)]
    grown = []
    for _ in range(3):  # Python's own tables grow in leaps: a round may meet one, not each
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        work(50_000 if fast else 1000)
        gc.collect()
        grown.append(tracemalloc.get_traced_memory()[0] - before)
        tracemalloc.stop()
    assert min(grown) < 16384
    after = [sys.getrefcount(t) for t in (x, s, wrong, F8, X)]
    assert np.subtract(after, counts).max() < 100


def test_what_a_function_keeps_goes_with_it(library):
    class Thing:
        def __call__(self, *args):
            return args

    thing, constant = Thing(), np.array(10.0)
    f = entry(library.address("core"), [X, S], [X, S], 48, [constant], thing, keep=library)
    seen = weakref.ref(thing)
    del thing
    gc.collect()
    assert seen() is not None
    agrees(f(GRID, 1.0), GRID, 1.0)
    seen().f = f  # a cycle through the reference
    del f
    gc.collect()
    assert seen() is None


def test_threads_may_call_at_once(f):
    errors = []

    def work(k):
        x = GRID + k
        try:
            for _ in range(2000):
                agrees(f(x, 0.5), x, 0.5)
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert not errors


def test_where_objects_are_laid_out_otherwise_the_caller_is_used(library, monkeypatch):
    monkeypatch.setattr(entries, "_gate", lambda: None)
    form = (library.address("core"), [X, S], [X, S], 48, [np.array(10.0)], failing)
    f = entry(*form, keep=library)
    assert isinstance(f, Caller)
    agrees(f(GRID, 1.0), GRID, 1.0)


def test_a_layout_that_is_not_so_is_noticed():
    at = entries.layout()
    assert at is not None
    for name in at._fields:
        other = at._replace(**{name: getattr(at, name) + 8})
        seen = {"data", "ndim", "shape", "dtype", "flags"}  # read by their names in a structure
        assert name in seen or not entries._confirmed(other)
