"""What it costs to hand an empty task to all threads: while they are awake, and once they sleep.

    python benchmarks/threads.py --json rows.json

`alone` is the same call for a pool of one thread: what ctypes takes. `Python` is a pool of
concurrent.futures that runs an empty Python function on as many threads.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from timing import arguments, compare, machine, save

from wengert.backends.llvm.engine import load
from wengert.backends.llvm.threads import Pool, cores

ASLEEP = 0.005  # seconds between two tasks, far more than a thread stays awake


def asleep(call, times=200):
    """Microseconds a call when each comes after a pause: the median, and the best."""
    taken = []
    for _ in range(times):
        time.sleep(ASLEEP)
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e6)
    return {"median": median(taken), "best": min(taken)}


def main():
    options = arguments(__doc__.splitlines()[0])
    library = load("define void @task(ptr %a, i64 %t, i64 %n) {\n ret void\n}", "task")
    task = library.address("task")
    count = cores()
    alone, crew, python = Pool(1), Pool(count), ThreadPoolExecutor(count)

    def futures():
        for _ in python.map(lambda k: k, range(count)):
            pass

    calls = {"alone": lambda: alone.run(task), "crew": lambda: crew.run(task), "Python": futures}
    awake = compare(calls, options.seconds)
    table = []
    print(machine("llvmlite"), f"{count} threads", sep=", ")
    print(f"{'us a task, medians':24}{'awake':>12}{'asleep':>12}")
    for name, call in calls.items():
        row = {"work": name, "threads": count, "awake_us": awake[name], "asleep_us": asleep(call)}
        print(f"{name:24}{row['awake_us']['median']:12.2f}{row['asleep_us']['median']:12.2f}")
        table.append(row)
    save(table, options.json)


if __name__ == "__main__":
    main()
