"""What a call of compiled code costs before any work is done, beside ctypes and an empty function.

    python -m benchmarks.calls --json rows.json

The core returns at once. `gate` makes one result of shape (8,), as ctypes does; `np.empty` is what
NumPy itself takes to make it.
"""

import ctypes
from functools import partial

import numpy as np

from benchmarks.timing import arguments, compare, machine, save
from wengert.backends.llvm.engine import load
from wengert.backends.llvm.entry import Caller, entry
from wengert.ir.types import Type

VECTOR = Type((8,), np.dtype(np.float64))


def empty(*args):
    return args


def by_hand(address, count):
    """The shortest call through ctypes: no check, the addresses asked of each array."""
    core = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(address)
    table = ctypes.c_void_p * (count + 2)

    def call(*args):
        y = np.empty(8)
        core(table(*[a.ctypes.data for a in args], y.ctypes.data, 0))
        return [y]

    return call


def main():
    options = arguments(__doc__.splitlines()[0])
    print(machine("numpy", "llvmlite"))
    library = load("define i32 @core(ptr %p) {\n ret i32 0\n}", "core")
    names = ("np.empty", "empty Python function", "gate", "gate, GIL let go", "Caller", "ctypes")
    print(f"{'ns a call, medians':20}" + "".join(f"{n:>24}" for n in names))
    table = []
    for count in (1, 3, 10):
        address = library.address("core")
        form = (address, [VECTOR] * count, [VECTOR], 0, [], empty)
        arrays = [np.ones(8) for _ in range(count)]
        calls = (empty, entry(*form, keep=library), entry(*form, long=True, keep=library))
        calls += (Caller(*form, library), by_hand(address, count))
        runs = {n: partial(f, *arrays) for n, f in zip(names[1:], calls, strict=True)}
        times = compare({"np.empty": partial(np.empty, 8)} | runs, options.seconds)
        print(
            f"{count:2} arrays".ljust(20)
            + "".join(f"{times[n]['median'] * 1e3:24.0f}" for n in names)
        )
        table.append({"arrays": count, **{f"{k}_us": v for k, v in times.items()}})
    save(table, options.json)


if __name__ == "__main__":
    main()
