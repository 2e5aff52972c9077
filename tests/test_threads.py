"""The threads that compiled code shares its work with."""

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from wengert import settings
from wengert.backends.llvm import crew, threads
from wengert.backends.llvm.engine import load
from wengert.backends.llvm.threads import Pool, interruptible

# args: [0] board, [1] count of tasks begun, [2] faults seen, [8 + t] rounds of thread t
TASKS = (
    crew.text().replace("define void @wengert", "define internal void @wengert")
    + """
define void @count(ptr %a, i64 %t, i64 %n) {
  %c = getelementptr i64, ptr %a, i64 1
  %o = atomicrmw add ptr %c, i64 1 seq_cst
  %k = add i64 %t, 8
  %r = getelementptr i64, ptr %a, i64 %k
  %v = load i64, ptr %r
  %w = add i64 %v, 1
  store i64 %w, ptr %r
  ret void
}
define void @rounds(ptr %a, i64 %t, i64 %n) {
entry:
  %board = load ptr, ptr %a
  %c = getelementptr i64, ptr %a, i64 1
  %f = getelementptr i64, ptr %a, i64 2
  br label %loop
loop:
  %i = phi i64 [ 1, %entry ], [ %next, %on ]
  %o = atomicrmw add ptr %c, i64 1 seq_cst
  call void @wengert_barrier(ptr %board, i64 %n, i64 %t)
  %seen = load atomic i64, ptr %c seq_cst, align 8
  %all = mul i64 %i, %n
  %bad = icmp ne i64 %seen, %all
  br i1 %bad, label %fault, label %on
fault:
  %g = atomicrmw add ptr %f, i64 1 seq_cst
  br label %on
on:
  call void @wengert_barrier(ptr %board, i64 %n, i64 %t)
  %next = add i64 %i, 1
  %more = icmp sle i64 %next, 200
  br i1 %more, label %loop, label %end
end:
  ret void
}
define void @nested(ptr %a, i64 %t, i64 %n) {
  %board = load ptr, ptr %a
  call void @wengert_parallel(ptr %board, ptr @count, ptr %a, i64 0)
  ret void
}
define i32 @core(ptr %p) {
  %board = load ptr, ptr %p
  %a.at = getelementptr ptr, ptr %p, i64 1
  %a = load ptr, ptr %a.at
  call void @wengert_parallel(ptr %board, ptr @count, ptr %a, i64 0)
  ret i32 0
}
define i64 @until(ptr %flag) {
entry:
  br label %loop
loop:
  %v = load atomic i64, ptr %flag monotonic, align 8
  %go = icmp eq i64 %v, 0
  br i1 %go, label %loop, label %end
end:
  ret i64 %v
}
"""
)


@pytest.fixture(scope="module")
def tasks():
    return load(TASKS, "count", "rounds", "nested", "core", "until")


@pytest.fixture(params=[1, 2, 3, 8])
def pool(request):
    pool = Pool(request.param)
    yield pool
    pool.close()


def paper(pool):
    a = np.zeros(32, np.int64)
    a[0] = pool.board
    return a, a.__array_interface__["data"][0]


def test_a_task_runs_once_on_each_thread(pool, tasks):
    a, at = paper(pool)
    for k in range(300):
        pool.run(tasks.address("count"), at)
        assert a[1] == (k + 1) * pool.threads
    np.testing.assert_array_equal(a[8:], 300 * (np.arange(24) < pool.threads))


def test_threads_that_sleep_are_woken(pool, tasks, rng):
    pool.set(spins=20)  # read when a thread begins
    a, at = paper(pool)
    for k in range(200):
        time.sleep(rng.choice([0, 1e-6, 1e-5, 1e-4, 1e-3]))
        pool.run(tasks.address("count"), at)
        assert a[1] == (k + 1) * pool.threads
    deadline = time.monotonic() + 60
    while pool["sleepers"] < pool.threads - 1 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert pool["sleepers"] == pool.threads - 1
    pool.run(tasks.address("count"), at)
    assert a[1] == 201 * pool.threads


def test_nobody_passes_a_barrier_before_all_have_come(pool, tasks):
    a, at = paper(pool)
    pool.run(tasks.address("rounds"), at)
    assert a[1] == 200 * pool.threads
    assert a[2] == 0


def test_a_task_within_a_task_runs_alone(pool, tasks):
    a, at = paper(pool)
    pool.run(tasks.address("nested"), at)
    assert a[1] == pool.threads
    assert a[9:].sum() == 0


def test_python_threads_may_call_at_once(pool, tasks):
    sheets = [paper(pool) for _ in range(4)]

    def work(at):
        for _ in range(300):
            pool.run(tasks.address("count"), at)

    callers = [threading.Thread(target=work, args=(at,)) for _, at in sheets]
    for t in callers:
        t.start()
    for t in callers:
        t.join()
    for a, _ in sheets:
        assert a[8] == 300
        assert a[8:].sum() == a[1]
        assert a[9:].max() <= 300


def test_compiled_code_that_holds_the_gil_may_start_them(tasks):
    pool = Pool(3)
    a, at = paper(pool)
    table = (ctypes.c_void_p * 2)(pool.board, at)
    core = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(tasks.address("core"))
    for _ in range(50):
        assert core(table) == 0
    assert a[1] == 150
    pool.close()


def test_after_close_the_caller_works_alone(tasks):
    pool = Pool(4)
    a, at = paper(pool)
    before = set(threading.enumerate())
    pool.run(tasks.address("count"), at)
    crew = set(threading.enumerate()) - before
    assert len(crew) == 3
    pool.close()
    pool.close()
    pool.run(tasks.address("count"), at)
    assert a[1] == 5
    assert pool.threads == 1
    for t in crew:
        t.join(60)
        assert not t.is_alive()


def test_when_no_thread_can_be_started_there_is_one(tasks, monkeypatch):
    pool = Pool(4)
    a, at = paper(pool)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pool.run(tasks.address("count"), at)
    pool.run(tasks.address("count"), at)
    assert a[1] == 2
    assert pool.threads == 1


FORK = textwrap.dedent("""
    import os, sys, time, warnings
    warnings.simplefilter("ignore")
    sys.path.insert(0, {tests!r})
    import test_threads as t
    lib = t.load(t.TASKS, "count", "rounds", "nested", "core", "until")
    pool = t.Pool(3)
    a, at = t.paper(pool)
    pool.run(lib.address("count"), at)
    {before}
    child = os.fork()
    for _ in range(100):
        pool.run(lib.address("count"), at)
    assert a[1] == 303, a
    pool.run(lib.address("rounds"), at)
    assert pool.threads == 3
    if child:
        assert os.waitpid(child, 0)[1] == 0
    print("well" if child else "child well", flush=True)
    os._exit(0) if not child else None
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("before", ["", "time.sleep(0.05)"], ids=["awake", "asleep"])
def test_a_child_has_threads_of_its_own(before):
    code = FORK.format(tests=os.path.dirname(__file__), before=before)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "child well", "well"]


def test_how_many(monkeypatch):
    monkeypatch.setenv("WENGERT_THREADS", "3")
    assert threads.pool.__wrapped__().threads == 3
    monkeypatch.setenv("WENGERT_THREADS", " ")
    assert settings.thread_count() is None
    assert 1 <= threads.cores() <= threads.logical()
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("WENGERT_THREADS", wrong)
        with pytest.raises(ValueError, match="WENGERT_THREADS"):
            settings.thread_count()


@pytest.mark.parametrize(
    ("quota", "siblings", "expected"),
    [
        ("max 100000", "{}", 4), ("", "{}", 4), ("150000 100000", "{}", 2),
        ("max 100000", "pair", 2), ("50000 100000", "pair", 1),
    ],
)  # fmt: skip
def test_cores_are_counted_not_their_threads(monkeypatch, quota, siblings, expected):
    def line(path):
        if path.endswith("cpu.max"):
            return quota
        number = int(path.split("/cpu")[2].split("/")[0])
        return f"{number % 2},{number % 2 + 2}" if siblings == "pair" else str(number)

    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(threads, "_line", line)
    assert threads.cores() == expected


def test_ctrl_c_reaches_compiled_code(tasks):
    until = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(tasks.address("until"))
    seen = []
    timer = threading.Timer(0.1, lambda: signal.raise_signal(signal.SIGINT))
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        timer = threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            interruptible(lambda flag: seen.append(until(flag)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]


def test_what_a_call_returns_or_raises_comes_through():
    assert interruptible(lambda flag: ctypes.c_int64.from_address(flag).value) == 0
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        interruptible(lambda flag: np.ones(1) / np.zeros(1))
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda flag: 1 // 0)
