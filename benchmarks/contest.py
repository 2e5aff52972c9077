"""A contest: each contestant in a process of its own, timed in short windows that take turns.

    contest([Entry("wengert", build, (..), threads=1), Entry("jax", build_jax, (..), threads=2)])

A process each, because thread pools are set up once in a process and disturb one another. In turn,
because another program on the machine must hit all alike. `build` returns a `Work`.
"""

import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.timing import machine

DISTRIBUTIONS = {"sklearn": "scikit-learn"}
COUNTS = ("WENGERT_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NPROC")
"""What the libraries read when they are loaded."""


@dataclass
class Work:
    call: Callable[[], object]
    units: int = 1
    """How many units of work a call does: the times are for one."""
    answer: Callable[[], object] = lambda: None
    """What the call has computed, as plain numbers, so that the reader sees that all agree."""
    prepare: Callable[[], object] = lambda: None
    """Run before each window, outside the time."""


@dataclass(frozen=True)
class Entry:
    name: str
    build: Callable[..., Work]
    args: tuple = ()
    threads: int = 1
    needs: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name}/{self.threads}"


def contest(entries: list[Entry], seconds: float = 1.0, windows: int = 9) -> dict[str, dict]:
    """For each label: best and median microseconds a unit, cores kept busy, peak bytes, answer."""
    running = {}
    for entry in entries:
        if missing := [p for p in entry.needs if find_spec(p) is None]:
            print(f"# {entry.label}: skipped, {missing[0]} isn't installed")
            continue
        running[entry.label] = _start(entry)
    reports = {label: pipe.recv() for label, (_, pipe) in running.items()}
    for label in [label for label, r in reports.items() if "failed" in r]:
        print(f"# {label}: {reports.pop(label)['failed']}")
        running.pop(label)
    for report in reports.values():
        report["windows"] = []
        report["loops"] = max(1, int(seconds / windows / report["once"]))
    for _ in range(windows):
        for label, (_, pipe) in running.items():
            pipe.send(reports[label]["loops"])
            reports[label]["windows"].append(pipe.recv())
    for process, pipe in running.values():
        pipe.send(0)
        process.join()
    return {label: _summary(report) for label, report in reports.items()}


def _start(entry: Entry):
    """Threads are counted by variables that the libraries read when they are loaded."""
    n = str(entry.threads)
    eigen = "true" if entry.threads > 1 else "false"
    os.environ |= dict.fromkeys(COUNTS, n)
    os.environ |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen}"}
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(there, entry), daemon=True)
    process.start()
    return process, here


def _serve(pipe, entry: Entry) -> None:
    try:
        work = entry.build(*entry.args)
        before = _peak()
        begun = time.perf_counter()
        work.call()
        first = time.perf_counter() - begun
        answer, peak = work.answer(), _peak() - before
        begun = time.perf_counter()
        work.call()
        once = max(time.perf_counter() - begun, 1e-7)
    except Exception as error:  # noqa: BLE001 a peer's failure is a line of the table
        pipe.send({"failed": f"{type(error).__name__}: {str(error)[:200]}"})
        return
    pipe.send({"once": once, "units": work.units, "answer": answer, "peak": peak, "first": first})
    while loops := pipe.recv():
        work.prepare()
        if once < 0.1:
            work.call()
        begun, busy = time.perf_counter(), time.process_time()
        for _ in range(loops):
            work.call()
        took = time.perf_counter() - begun
        pipe.send((took / loops / work.units * 1e6, (time.process_time() - busy) / took))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _summary(report: dict) -> dict:
    times, cores = zip(*report["windows"], strict=True)
    return {
        "best": min(times),
        "median": statistics.median(times),
        "cores": round(statistics.median(cores), 2),
        "peak": report["peak"],
        "first_call_s": report["first"],
        "answer": report["answer"],
    }


def row(work: str, batch: int | None, results: dict[str, dict]) -> dict[str, object]:
    """A row for the file: ours, the peers', and how many times as long the fastest peer takes.

    Each at its best number of threads.
    """
    ours = {label: r for label, r in results.items() if label.startswith("wengert/")}
    peers = {label: r for label, r in results.items() if label not in ours}
    ratios = {}
    for kind in ("best", "median"):
        name = min(peers, key=lambda p: peers[p][kind], default=None)
        mine = min(ours, key=lambda p: ours[p][kind])
        if name:
            ratio = peers[name][kind] / ours[mine][kind]
            ratios[kind] = {"ours": mine, "peer": name, "ratio": ratio}
    return {
        "work": work,
        "batch": batch,
        "ours": ours,
        "peers": peers,
        "load": os.getloadavg()[0],
        "fastest": ratios,
    }


def show(row: dict) -> None:
    """One line for each contestant: us (best, median), times our best, cores, MB, answer."""
    batch = f", batch {row['batch']}" if row["batch"] else ""
    print(f"\n{row['work']}{batch}   (load {row['load']:.1f})")
    ours = {k: min([r[k] for r in row["ours"].values()]) for k in ("best", "median")}
    for label, r in (row["ours"] | row["peers"]).items():
        print(
            f"  {label:24}{r['best']:13.2f}{r['median']:13.2f}"
            f"{r['best'] / ours['best']:9.2f}{r['median'] / ours['median']:9.2f}{r['cores']:7.2f}"
            f"{r['peak'] / 1e6:9.1f}   {r['answer']}"
        )
    if "best" in row["fastest"]:
        best, median = row["fastest"]["best"], row["fastest"]["median"]
        print(
            f"  => fastest peer / ours: {best['ratio']:.2f} by best ({best['peer']}, {best['ours']}), "
            f"{median['ratio']:.2f} by median ({median['peer']}, {median['ours']})",
            flush=True,
        )


def heading(*packages: str) -> None:
    """The machine and the versions of what is installed."""
    present = [DISTRIBUTIONS.get(p, p) for p in packages if find_spec(p)]
    print(machine("numpy", "llvmlite", *present))
    print("load average", *(f"{v:.2f}" for v in os.getloadavg()), end="; ")
    print("name/n: with n threads")
    columns = f"{'best':>13}{'median':>13}{'x best':>9}{'x med':>9}{'cores':>7}{'MB':>9}"
    print(f"  {'microseconds':24}{columns}   answer")
