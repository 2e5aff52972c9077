"""Threads that stay: compiled code hands them a task in less than a microsecond.

    board = pool().board        the address that compiled code passes to wengert_parallel (`crew`)

They are Python's daemon threads, started when the first task comes; each goes into compiled code
and stays there, without the GIL. A task that comes while another runs (from a task, or from a
second Python thread) runs on its caller's thread alone. After a fork the child starts its own.

How many there are is never seen in a result: work is cut into pieces by its size alone.
"""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import lru_cache
from typing import Any, TypeVar
from weakref import WeakSet

import numpy as np

from wengert.backends.llvm.crew import BOARD, WORDS, text
from wengert.backends.llvm.engine import Library, load
from wengert.settings import thread_count

AWAKE = 60e-6
"""Seconds that a thread looks for a new task before it sleeps."""
T = TypeVar("T")
_START = ctypes.CFUNCTYPE(None)
_WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_POOLS: "WeakSet[Pool]" = WeakSet()


@lru_cache(maxsize=1)
def pool() -> "Pool":
    """The threads of this process: `WENGERT_THREADS`, or as many as there are cores to run on."""
    return Pool(thread_count() or cores())


def threads() -> int:
    """How many threads `pool()` has, or would have: it isn't made for the question."""
    return pool().threads if pool.cache_info().currsize else thread_count() or cores()


class Pool:
    """So many threads, the caller's own among them, and the board that they share."""

    def __init__(self, threads: int) -> None:
        assert threads >= 1, threads
        self.library = crew()
        self._memory = np.zeros(WORDS * 8 + 64 + 512, np.uint8)
        start = self._memory.__array_interface__["data"][0]
        self.board = -(-start // 64) * 64
        self.words = (ctypes.c_int64 * WORDS).from_address(self.board)
        self._callback = _START(self._start)
        self._lock = _Lock()
        self.set(threads=threads, spins=_spins() if threads <= logical() else 50)
        self.set(start=_address(self._callback), **self._lock.addresses)
        self.set(**{w: self.library.address(f"wengert_{w}") for w in ("parallel", "barrier")})
        self._renew()
        _POOLS.add(self)

    def __getitem__(self, name: str) -> int:
        return int(self.words[BOARD[name]])

    def set(self, **words: int) -> None:
        """Write words of the board."""
        for name, value in words.items():
            self.words[BOARD[name]] = value

    @property
    def threads(self) -> int:
        """How many a task is shared by."""
        return self["threads"]

    def run(self, task: int, args: int = 0) -> None:
        """Run the task at an address, as compiled code does by wengert_parallel."""
        _function(self.library, "wengert_parallel")(self.board, task, args, 0)

    def close(self) -> None:
        """Let the threads go; tasks run on their caller's thread from now on."""
        if not self["quit"]:
            _function(self.library, "wengert_close")(self.board)
            self.set(threads=1)

    def _renew(self) -> None:
        """A board on which nobody works: at first, and in a child after fork."""
        mutex = self.board + WORDS * 8
        self.set(mutex=mutex, condition=mutex + 256, started=0, sleepers=0, arrived=0, remaining=0)
        self.set(crowded=0, penalty=0)
        self._lock.init(mutex, mutex + 256)
        self.set(busy=self["quit"])

    def _start(self) -> None:
        """Called by compiled code that holds `busy`, so by one thread at a time."""
        begun = 0
        try:
            for me in range(1, self.threads):
                given = (me, self["epoch"])
                name = f"wengert-{me}"
                threading.Thread(target=self._life, args=given, name=name, daemon=True).start()
                begun = me
        except RuntimeError:  # no more threads: do with those that there are
            pass
        self.set(threads=begun + 1, started=1)

    def _life(self, me: int, epoch: int) -> None:
        """What a thread does; its frame keeps the board and the code in memory."""
        _WORK(self.library.address("wengert_worker"))(self.board, me, epoch)


@lru_cache(maxsize=1)
def crew() -> Library:
    """The threads' code."""
    names = ("parallel", "barrier", "worker", "close", "spin")
    return load(text(), *[f"wengert_{n}" for n in names])


def _function(library: Library, name: str) -> Callable[..., None]:
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (4 if name.endswith("parallel") else 1))
    result: Callable[..., None] = function(library.address(name))
    return result


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@lru_cache(maxsize=1)
def _spins() -> int:
    """How many pauses fill the time that a thread stays awake."""
    spin = ctypes.CFUNCTYPE(None, ctypes.c_int64)(crew().address("wengert_spin"))
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        spin(1000)
        best = min(best, time.perf_counter() - start)
    return max(50, int(AWAKE / best * 1000))


class _Lock:
    """The system's mutex and condition: pthread's, or Windows' of the same use."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            library: Any = ctypes.WinDLL("kernel32")
            names = [
                "AcquireSRWLockExclusive", "ReleaseSRWLockExclusive", "SleepConditionVariableSRW",
                "WakeAllConditionVariable", "SwitchToThread",
            ]  # fmt: skip
            self.begin = (library.InitializeSRWLock, library.InitializeConditionVariable)
            self.extra: tuple[None, ...] = ()
        else:
            library = ctypes.CDLL(None)
            names = [
                "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_wait",
                "pthread_cond_broadcast", "sched_yield",
            ]  # fmt: skip
            self.begin = (library.pthread_mutex_init, library.pthread_cond_init)
            self.extra = (None,)
        words = ("lock", "unlock", "wait", "broadcast", "yield")
        self.addresses = {
            w: _address(getattr(library, n)) for w, n in zip(words, names, strict=True)
        }

    def init(self, mutex: int, condition: int) -> None:
        """Both as new."""
        for address, begin in zip((mutex, condition), self.begin, strict=True):
            ctypes.memset(address, 0, 256)
            begin(ctypes.c_void_p(address), *self.extra)


def _after_fork() -> None:
    for each in list(_POOLS):
        each._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# --- how many
def logical() -> int:
    """How many threads may run at once here."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores() -> int:
    """The cores that this process may use: two threads of one core share its arithmetic.

    Counted where Linux says it, with the share of time that a container may have; elsewhere it is
    what the system gives as the number of processors.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    place = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    found = {_line(place.format(i)) or str(i) for i in os.sched_getaffinity(0)}
    quota, _, period = _line("/sys/fs/cgroup/cpu.max").partition(" ")
    share = -(-int(quota) // int(period)) if quota.isdecimal() and period.isdecimal() else 0
    return min(len(found), share or len(found))


def _line(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


# --- Ctrl-C
def interruptible(call: Callable[[int], T]) -> T:
    """call(address) on a thread of its own, while this one listens for Ctrl-C.

    After Ctrl-C the 64-bit word at the address is 1; compiled loops that look there and return soon
    can be stopped. KeyboardInterrupt is raised when the call has ended.
    """
    flag = ctypes.c_int64(0)
    if threading.current_thread() is not threading.main_thread():
        return call(ctypes.addressof(flag))
    answer: list[T] = []
    errors: list[BaseException] = []
    done, context = threading.Event(), copy_context()

    def work() -> None:
        try:
            answer.append(context.run(call, ctypes.addressof(flag)))
        except BaseException as error:  # noqa: BLE001 (raised below, on the caller's thread)
            errors.append(error)
        done.set()

    worker = threading.Thread(target=work, name="wengert-call", daemon=True)
    interrupt: BaseException | None = None
    while not done.is_set():
        try:
            if worker.ident is None:
                worker.start()
            done.wait(0.1)  # a signal that comes just before the wait doesn't end it
        except BaseException as error:
            flag.value, interrupt = 1, error
            if worker.ident is None:
                raise
    if interrupt is not None:
        raise interrupt
    if errors:
        raise errors[0]
    return answer[0]
