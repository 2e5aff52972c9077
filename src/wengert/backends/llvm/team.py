"""Threads that run one function together, step by step, and meet between the steps.

All threads run the same code. A step is shared (each does its part), or the first thread does it
alone; whoever reads what another wrote has waited at a barrier first. Such a function takes, after
its own arguments,

    ptr board, ptr failed, i64 me, i64 threads

How many threads there are is never seen in a result: each element is computed in the same way,
whoever does it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.crew import BOARD as WORDS

BOARD, FAILED = Value("%board", "ptr"), Value("%failed", "ptr")
ME, THREADS = Value("%me", "i64"), Value("%threads", "i64")
MEMBER = (BOARD, FAILED, ME, THREADS)
"""What a function of a team takes after its own arguments."""


class Meeting:
    """Where threads wait: between steps of which one may read what another writes."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.behind = ""  # what has been done since they met: nothing, by the first, by all

    def all(self) -> None:
        """All are to begin a step, and have seen what came before."""
        if self.behind:
            barrier(self.code)
        self.behind = "all"

    @contextmanager
    def first(self) -> Iterator[None]:
        """The first is to do a step alone."""
        if self.behind == "all":
            barrier(self.code)
        self.behind = "first"
        with alone(self.code):
            yield

    def end(self) -> None:
        """All that was begun has ended."""
        if self.behind:
            barrier(self.code)
        self.behind = ""


@contextmanager
def alone(code: Code) -> Iterator[None]:
    """What the first thread does for all."""
    with code.when(code.op(f"icmp eq {ME}, 0", "i1")):
        yield


def barrier(code: Code) -> None:
    """Wait until all threads have come here."""
    code.do(f"call void {_word(code, 'barrier', BOARD).name}({BOARD}, {THREADS}, {ME})")


def fail(code: Code, status: Value) -> None:
    """Remember that something has failed; the others can't be left waiting, so all go on."""
    with code.when(code.op(f"icmp ne i32 {status.name}, 0", "i1")):
        code.store(Value("1", "i32"), FAILED, 4)


def part(code: Code, count: int) -> tuple[Value, Value]:
    """The first of this thread's part of so many things, and the first that isn't."""
    low = code.op(f"mul nsw i64 {ME.name}, {count}", "i64")
    high = code.op(f"add nsw i64 {low.name}, {count}", "i64")
    low, high = (code.op(f"udiv i64 {end.name}, {THREADS.name}", "i64") for end in (low, high))
    return low, high


@contextmanager
def share(code: Code, start: int, stop: int, step: int = 1) -> Iterator[Value]:
    """A loop of which this thread runs its part."""
    low, high = part(code, -(-(stop - start) // step))
    with code.when(code.op(f"icmp slt {low}, {high.name}", "i1")):
        ends = []
        for end in (low, high):
            far = code.op(f"mul nsw {end}, {step}", "i64") if step != 1 else end
            ends.append(code.op(f"add nsw {far}, {start}", "i64") if start else far)
        with code.loop(ends[0], ends[1], step) as i:
            yield i


def loop(
    code: Code, start: int, stop: int, step: int, shared: bool
) -> AbstractContextManager[Value | int]:
    """A loop, shared or not; where it would run once, its only counter."""
    if stop - start <= step:
        return _once(code, start) if shared else nullcontext(start)
    return share(code, start, stop, step) if shared else code.loop(start, stop, step)


@contextmanager
def _once(code: Code, start: int) -> Iterator[int]:
    with alone(code):
        yield start


def shared(module: Module, name: str, pointers: int, brief: bool) -> str:
    """A function `i32 (ptr ..., ptr board)` that lets the pool's threads run a team's function.

    One that is `brief` isn't worth waiting for threads that sleep.
    """
    task = _task(module, name, pointers)
    given = [Value(f"%p{k}", "ptr") for k in range(pointers)]
    code = Code(module, module.name("shared"), "i32", *given, BOARD)
    failed = code.stack("i32")
    code.store(Value("0", "i32"), failed, 4)
    block = code.stack(f"[{pointers + 2} x ptr]")
    for k, p in enumerate([*given, BOARD, failed]):
        code.store(p, code.at(block, k, "ptr"), 8)
    parallel = _word(code, "parallel", BOARD)
    code.do(f"call void {parallel.name}({BOARD}, ptr {task}, {block}, i64 {int(brief)})")
    return code.finish(code.load(failed, "i32", 4), linkage="")


def _task(module: Module, name: str, pointers: int) -> str:
    """What each thread is given: `void (ptr block, i64 me, i64 threads)`."""
    block = Value("%block", "ptr")
    code = Code(module, module.name("task"), "void", block, ME, THREADS)
    given = [code.load(code.at(block, k, "ptr"), "ptr", 8) for k in range(pointers + 2)]
    code.call(f"@{name}", "i32", *given, ME, THREADS)
    return code.finish()


def _word(code: Code, name: str, board: Value) -> Value:
    """The function whose address stands on the board."""
    return code.load(code.at(board, WORDS[name], "ptr"), "ptr", 8)
