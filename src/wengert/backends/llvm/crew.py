"""The threads' own code, as LLVM text: hand out a task, wait at a barrier, sleep and wake.

    void wengert_parallel(ptr board, ptr task, ptr args, i64 brief)
                                                        on each: task(args, thread, threads)
    void wengert_barrier(ptr board, i64 threads, i64 me)
                                                        inside a task: until all have come here
    void wengert_worker(ptr board, i64 me, i64 epoch)   the life of a thread
    void wengert_close(ptr board)                       the end of it

All share a board of 64-bit words; those that are written often have a cache line each. A new epoch
says that a task is there. Whoever waits looks at the board for a while and then sleeps, so the
caller wakes nobody unless somebody sleeps: `epoch` and `sleepers` are written and read in one order
by all (seq_cst), and the last look at the epoch is taken under the lock.

Where other programs need the cores, a thread may be away for milliseconds, and all wait for it. So
the caller counts how long it waits: after a task of which that was a third it works alone for four
times as long, then twice that, and so on up to sixteen times (or 2^27 ticks of the clock, about a
twentieth of a second), until the others come in time again.
"""

import platform

_ARM = platform.machine().lower() in ("arm64", "aarch64")
_CLOCK = "readsteadycounter" if _ARM else "readcyclecounter"
# fmt: off
BOARD = {
    "epoch": 0, "task": 8, "args": 9, "remaining": 16, "sleepers": 24, "busy": 32, "arrived": 40, "round": 48,
    "threads": 56, "started": 57, "spins": 58, "quit": 59, "mutex": 60, "condition": 61,
    "lock": 62, "unlock": 63, "wait": 64, "broadcast": 65, "yield": 66, "start": 67,
    "parallel": 68, "barrier": 69, "stirred": 70, "waited": 72, "crowded": 73, "penalty": 74,
}
# fmt: on
"""Where each word stands."""
WORDS = 80


def _at(*names: str) -> str:
    """%name.at = the address of a word, for each name."""
    return "\n".join(f"  %{n}.at = getelementptr i64, ptr %board, i64 {BOARD[n]}" for n in names)


def _get(*names: str) -> str:
    """%name = the function or address that a word holds."""
    loads = [f"  %{n} = load ptr, ptr %{n}.at, align 8" for n in names]
    return "\n".join([_at(*names), *loads])


def _wake(stem: str, then: str) -> str:
    """Wake whoever sleeps."""
    return f"""
  %{stem}.asleep = load atomic i64, ptr %sleepers.at seq_cst, align 8
  %{stem}.any = icmp sgt i64 %{stem}.asleep, 0
  br i1 %{stem}.any, label %{stem}, label %{then}
{stem}:
  call void @wengert_wake(ptr %board)
  br label %{then}
"""


def _wait(word: str, until: str, before: str, then: str) -> str:
    """Look at a word until it is (`eq 0`) or isn't (`ne %x`) so; let others run after a while."""
    sign, value = until.split()
    return f"""
  br label %look
look:
  %looks = phi i64 [ 0, %{before} ], [ %looks.next, %again ]
  %now = load atomic i64, ptr %{word}.at acquire, align 8
  %is = icmp {sign} i64 %now, {value}
  br i1 %is, label %{then}, label %wait_more
wait_more:
  call void @wengert_pause()
  %looks.next = add i64 %looks, 1
  %patient = icmp slt i64 %looks.next, %spins
  br i1 %patient, label %again, label %let_others
let_others:
  %ignored = call i32 %yield()
  br label %again
again:
  br label %look
"""


def text() -> str:
    """The four functions; a module that uses some of them may hold them all."""
    return "\n".join([_pause(), _parallel(), _barrier(), _worker(), _close()])


def _pause() -> str:
    name, given = ("aarch64.hint", "i32 1") if _ARM else ("x86.sse2.pause", "")
    return f"""
declare void @llvm.{name}({given.split(" ")[0]})
define internal void @wengert_pause() alwaysinline nounwind {{
  call void @llvm.{name}({given})
  ret void
}}
declare i64 @llvm.{_CLOCK}()
declare i64 @llvm.umax.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)
define internal void @wengert_wake(ptr %board) nounwind {{
{_get("mutex", "condition", "lock", "unlock", "broadcast")}
  call void %lock(ptr %mutex)
  call void %broadcast(ptr %condition)
  call void %unlock(ptr %mutex)
  ret void
}}
define void @wengert_spin(i64 %count) nounwind {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  call void @wengert_pause()
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %loop, label %end
end:
  ret void
}}
"""


def _parallel() -> str:
    return f"""
define void @wengert_parallel(ptr %board, ptr %task, ptr %args, i64 %brief) nounwind {{
entry:
{_at("threads", "busy", "started", "task", "args", "remaining", "epoch", "sleepers", "spins")}
{_at("stirred", "waited", "crowded", "penalty")}
  %wanted = load atomic i64, ptr %threads.at monotonic, align 8
  %many = icmp sgt i64 %wanted, 1
  br i1 %many, label %try, label %alone
try:
  %pair = cmpxchg ptr %busy.at, i64 0, i64 1 acquire monotonic
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %ours, label %alone
alone:                                           ; one thread, or the others have a task already
  call void %task(ptr %args, i64 0, i64 1)
  ret void
ours:
  %now_is = call i64 @llvm.{_CLOCK}()
  %crowded = load i64, ptr %crowded.at, align 8  ; until when
  %is_crowded = icmp ult i64 %now_is, %crowded
  br i1 %is_crowded, label %lonely, label %free
lonely:
  call void %task(ptr %args, i64 0, i64 1)
  br label %done
free:
  %started = load i64, ptr %started.at, align 8
  %is_started = icmp ne i64 %started, 0
  br i1 %is_started, label %share, label %begin
begin:
{_get("start")}
  call void %start()
  br label %share
share:
  %sleeping = load atomic i64, ptr %sleepers.at monotonic, align 8
  %is_asleep = icmp sgt i64 %sleeping, 0
  %is_brief = icmp ne i64 %brief, 0
  %not_worth = and i1 %is_brief, %is_asleep
  br i1 %not_worth, label %rouse, label %hand_out
rouse:                                           ; they will be awake for the next one
  %ignored_stirred = atomicrmw add ptr %stirred.at, i64 1 seq_cst
  call void @wengert_wake(ptr %board)
  call void %task(ptr %args, i64 0, i64 1)
  br label %done
hand_out:
  %threads = load i64, ptr %threads.at, align 8  ; perhaps fewer than were wanted
  %others = sub i64 %threads, 1
  store ptr %task, ptr %task.at, align 8
  store ptr %args, ptr %args.at, align 8
  store atomic i64 %others, ptr %remaining.at monotonic, align 8
  store i64 0, ptr %waited.at, align 8
  %before = atomicrmw add ptr %epoch.at, i64 1 seq_cst
{_wake("wake", "work")}
work:
  %begun = call i64 @llvm.{_CLOCK}()
  call void %task(ptr %args, i64 0, i64 %threads)
  %ended = call i64 @llvm.{_CLOCK}()
{_get("yield")}
  %spins = load i64, ptr %spins.at, align 8
{_wait("remaining", "eq 0", "work", "judge")}
judge:
  %took = sub i64 %ended, %begun
  %waited = load i64, ptr %waited.at, align 8
  %thrice = mul i64 %waited, 3
  %is_late = icmp ugt i64 %thrice, %took
  %penalty = load i64, ptr %penalty.at, align 8
  %double = shl i64 %penalty, 1
  %fourfold = shl i64 %took, 2
  %more = call i64 @llvm.umax.i64(i64 %double, i64 %fourfold)
  %sixteenfold = shl i64 %took, 4
  %most = call i64 @llvm.umax.i64(i64 %sixteenfold, i64 134217728)
  %longer = call i64 @llvm.umin.i64(i64 %more, i64 %most)
  %penalty.next = select i1 %is_late, i64 %longer, i64 0
  store i64 %penalty.next, ptr %penalty.at, align 8
  %until = add i64 %ended, %penalty.next
  store i64 %until, ptr %crowded.at, align 8
  br label %done
done:
  store atomic i64 0, ptr %busy.at release, align 8
  ret void
}}
"""


def _barrier() -> str:
    return f"""
define void @wengert_barrier(ptr %board, i64 %threads, i64 %me) nounwind {{
entry:
{_at("arrived", "round", "spins", "waited")}
  %single = icmp sle i64 %threads, 1
  br i1 %single, label %done, label %arrive
arrive:
  %round = load atomic i64, ptr %round.at acquire, align 8
  %before = atomicrmw add ptr %arrived.at, i64 1 acq_rel
  %count = add i64 %before, 1
  %last = icmp eq i64 %count, %threads
  br i1 %last, label %open, label %wait
open:
  store atomic i64 0, ptr %arrived.at monotonic, align 8
  %next = add i64 %round, 1
  store atomic i64 %next, ptr %round.at release, align 8
  br label %done
wait:
{_get("yield")}
  %spins = load i64, ptr %spins.at, align 8
  %came = call i64 @llvm.{_CLOCK}()
{_wait("round", "ne %round", "wait", "go_on")}
go_on:
  %is_caller = icmp eq i64 %me, 0
  br i1 %is_caller, label %add_up, label %done
add_up:
  %went = call i64 @llvm.{_CLOCK}()
  %long = sub i64 %went, %came
  %waited = load i64, ptr %waited.at, align 8
  %waited.new = add i64 %waited, %long
  store i64 %waited.new, ptr %waited.at, align 8
  br label %done
done:
  ret void
}}
"""


def _worker() -> str:
    return f"""
define void @wengert_worker(ptr %board, i64 %me, i64 %epoch) nounwind {{
entry:
{_at("epoch", "task", "args", "remaining", "sleepers", "threads", "spins", "quit")}
{_at("stirred")}
{_get("mutex", "condition", "lock", "unlock", "wait")}
  %spins = load i64, ptr %spins.at, align 8
  br label %rest
rest:
  %seen = phi i64 [ %epoch, %entry ], [ %now, %work ], [ %seen, %stir ]
  br label %look
look:
  %looks = phi i64 [ 0, %rest ], [ %looks.next, %still ]
  %e = load atomic i64, ptr %epoch.at acquire, align 8
  %is_new = icmp ne i64 %e, %seen
  br i1 %is_new, label %go, label %still
still:
  call void @wengert_pause()
  %looks.next = add i64 %looks, 1
  %awake = icmp slt i64 %looks.next, %spins
  br i1 %awake, label %look, label %lie_down
lie_down:
  call void %lock(ptr %mutex)
  %s = atomicrmw add ptr %sleepers.at, i64 1 seq_cst
  %calm = load atomic i64, ptr %stirred.at seq_cst, align 8
  br label %sleep
sleep:
  %f = load atomic i64, ptr %epoch.at seq_cst, align 8
  %is_called = icmp ne i64 %f, %seen
  br i1 %is_called, label %get_up, label %listen
listen:
  %g = load atomic i64, ptr %stirred.at seq_cst, align 8
  %is_stirred = icmp ne i64 %g, %calm
  br i1 %is_stirred, label %stir, label %doze
stir:                                            ; a task is to be expected: look for it again
  %w = atomicrmw sub ptr %sleepers.at, i64 1 seq_cst
  call void %unlock(ptr %mutex)
  br label %rest
doze:                                            ; pthread's takes two arguments, Windows' four
  %ignored = call i32 %wait(ptr %condition, ptr %mutex, i32 -1, i32 0)
  br label %sleep
get_up:
  %t = atomicrmw sub ptr %sleepers.at, i64 1 seq_cst
  call void %unlock(ptr %mutex)
  br label %go
go:
  %now = phi i64 [ %e, %look ], [ %f, %get_up ]
  %quit = load i64, ptr %quit.at, align 8
  %is_over = icmp ne i64 %quit, 0
  br i1 %is_over, label %leave, label %work
work:
  %task = load ptr, ptr %task.at, align 8
  %args = load ptr, ptr %args.at, align 8
  %threads = load i64, ptr %threads.at, align 8
  call void %task(ptr %args, i64 %me, i64 %threads)
  %r = atomicrmw sub ptr %remaining.at, i64 1 acq_rel
  br label %rest
leave:
  ret void
}}
"""


def _close() -> str:
    return f"""
define void @wengert_close(ptr %board) nounwind {{
entry:
{_at("busy", "quit", "threads", "epoch", "sleepers", "spins")}
  br label %ask
ask:
  call void @wengert_pause()
  %pair = cmpxchg ptr %busy.at, i64 0, i64 1 acquire monotonic
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %end, label %ask
end:                                             ; it stays busy: whoever comes now works alone
  store i64 1, ptr %quit.at, align 8
  %before = atomicrmw add ptr %epoch.at, i64 1 seq_cst
{_wake("wake", "over")}
over:
  ret void
}}
"""
