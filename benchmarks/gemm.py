"""The products of a perceptron's training step beside NumPy's BLAS and the processor's peak.

    python benchmarks/gemm.py [--nets 30-64-64-2 ...] [--batches 32 ...] [--dtype float32]

One thread. Every figure is the least of many short windows, taken in turn with the others' and with
the loop that measures the peak, since a machine may switch between speeds.
"""

import argparse
import ctypes
import os
import time
from itertools import pairwise

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.cpu import Cpu, host
from wengert.backends.llvm.engine import load
from wengert.backends.llvm.gemm import Product, gemm
from wengert.backends.llvm.lane import element, literal, vector
from wengert.backends.llvm.tiling import pitch

NETS = ["30-64-64-2", "784-128-10", "100-256-256-1", "784-512-512-10", "1024-2048-2048-1000"]
WINDOW = 2e-3  # seconds, more where one product takes longer
I64 = ctypes.c_int64


def entry(module: Module, product: Product):
    """A function that computes the product so many times; how long it took to compile."""
    pointers = tuple(Value(f"%p{i}", "ptr") for i in range(3))
    code = Code(module, "entry", "void", *pointers, Value("%times", "i64"))
    with code.loop(0, Value("%times", "i64")):
        product.call(code, *pointers)
    code.finish(linkage="")
    return finished(module, [ctypes.c_void_p] * 3 + [I64])


def finished(module: Module, types: list):
    start = time.perf_counter()
    library = load(module.text(), "entry", cpu=module.cpu)
    function = ctypes.CFUNCTYPE(None, *types)(library.address("entry"))
    function.library = library
    return function, time.perf_counter() - start


def peak(cpu: Cpu, dtype: np.dtype, sums: int = 12):
    """A loop of nothing but independent fused multiplications and additions; FLOP a round."""
    module, lanes = Module(cpu), cpu.lanes(dtype.itemsize)
    code = Code(module, "entry", "void", Value("%out", "ptr"), Value("%times", "i64"))
    kind = vector(element(dtype), lanes)
    x, y = (code.load(code.at(Value("%out", "ptr"), i, kind), kind, 4) for i in (0, 1))
    zeros = (literal(0, dtype, lanes),) * sums
    with code.carried(0, Value("%times", "i64"), 1, zeros) as (_, now, later):
        for _ in range(4):
            now = [code.intrinsic("fma", x, y, z) for z in now]
        later[:] = now
    for z in later:
        code.store(z, Value("%out", "ptr"), 4)
    code.finish(linkage="")
    return finished(module, [ctypes.c_void_p, I64])[0], 4 * sums * 2 * lanes


def forms(net: str, batch: int):
    """(name, m, n, k, is A turned, is B turned) of every product of a training step."""
    widths = [int(w) for w in net.split("-")]
    for layer, (k, n) in enumerate(pairwise(widths)):
        yield "X W", batch, n, k, False, False
        yield "X'dZ", k, n, batch, True, False
        if layer:
            yield "dZ W'", batch, k, n, False, True


def operand(rng, rows: int, columns: int, turned: bool, dtype, own: bool):
    """A matrix, or the transpose of one that lies in memory; `own`: as our own buffers lie."""
    shape = (columns, rows) if turned else (rows, columns)
    row = pitch(shape[1], dtype.itemsize) if own else shape[1]
    if own:
        spare = np.empty(shape[0] * row * dtype.itemsize + 64, np.uint8)
        start = -spare.ctypes.data % 64
        whole = spare[start : start + shape[0] * row * dtype.itemsize].view(dtype)
    else:
        whole = np.empty(shape[0] * row, dtype)
    whole = whole.reshape(shape[0], row)
    whole[...] = rng.standard_normal(whole.shape)
    array = whole[:, : shape[1]].T if turned else whole[:, : shape[1]]
    return array, tuple(s // dtype.itemsize for s in array.strides)


def timed(f, count: int) -> float:
    start = time.perf_counter()
    f(count)
    return time.perf_counter() - start


def measure(cpu: Cpu, dtype: np.dtype, case: tuple, windows: int, own: bool):
    """GFLOP/s: ours, NumPy's, the peak; milliseconds to compile."""
    _, m, n, k, turn_a, turn_b = case
    rng = np.random.default_rng(0)
    a, sa = operand(rng, m, k, turn_a, dtype, own)
    b, sb = operand(rng, k, n, turn_b, dtype, own)
    c, sc = operand(rng, m, n, False, dtype, own)
    module = Module(cpu)
    start = time.perf_counter()
    product = gemm(module, dtype, m, n, k, sa, sb, sc)
    function, took = entry(module, product)
    took = time.perf_counter() - start
    spin, flop = peak(cpu, dtype)
    spare = np.zeros(256, dtype)
    ours = lambda times: function(a.ctypes.data, b.ctypes.data, c.ctypes.data, times)
    out = np.empty((m, n), dtype)

    def numpys(times):
        for _ in range(times):
            np.matmul(a, b, out=out)

    def top(times):
        spin(spare.ctypes.data, times)

    ours(1)
    numpys(1)
    assert np.abs(out - c).max() <= 1e-3 * np.abs(out).max() + 1e-4, np.abs(out - c).max()
    work = 2.0 * m * n * k
    least = {}
    plans = [(ours, work), (numpys, work), (top, flop)]
    times = []
    for f, _ in plans:
        count = 1
        while (spent := min(timed(f, count) for _ in range(3))) < WINDOW / 4:
            count *= 4
        times.append(max(1, int(count * WINDOW / spent)))
    for _ in range(windows):
        for q, (f, _) in enumerate(plans):
            least[q] = min(least.get(q, 1e9), timed(f, times[q]) / times[q])
    return [w / least[q] / 1e9 for q, (_, w) in enumerate(plans)] + [took * 1e3]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="*", default=NETS)
    parser.add_argument("--batches", nargs="*", type=int, default=[32, 128, 256, 512])
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--windows", type=int, default=12)
    parser.add_argument("--dense", action="store_true", help="arrays as NumPy makes them")
    options = parser.parse_args()
    cpu, dtype = host(), np.dtype(options.dtype)
    print(f"{cpu.name}, {cpu.bits} bits, NumPy {np.__version__}, {dtype}, one thread, GFLOP/s")
    print("net                   form     m     n     k   ours  of peak  NumPy   peak  compile ms")
    for net in options.nets:
        seen = set()
        for batch in options.batches:
            for case in forms(net, batch):
                if case in seen:
                    continue
                seen.add(case)
                form, m, n, k, *_ = case
                ours, numpys, top, took = measure(
                    cpu, dtype, case, options.windows, not options.dense
                )
                print(
                    f"{net:<20} {form:>6} {m:5} {n:5} {k:5} {ours:6.1f} {ours / top:7.0%} "
                    f"{numpys:7.1f} {top:6.1f} {took:8.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
