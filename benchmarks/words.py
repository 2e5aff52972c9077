"""The native machine's words beside NumPy's loops: `python benchmarks/words.py [name ...]`.

For each word and dtype: the largest error seen in units in the last place (the references are those
of tests/test_words.py: longdouble for float64, float64 for float32), and nanoseconds an element over
2,048 numbers in [-5, 5] (the inverses: [-1, 1]) that stay in the first cache. libmvec stands beside
them where the C library has it. A call costs about 0.2 ns an element here, in every column.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from wengert.backends.llvm.cpu import host
from wengert.backends.llvm.words import WORDS
from wengert.backends.llvm.words.alone import word_loop
from wengert.ir.lazy import special

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import test_words as tests  # the references are said once

COUNT = 2048
NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "power": "pow",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"}  # fmt: skip


def best(call: Callable[[], object], rounds: int = 200) -> float:
    """The shortest time of a call over COUNT numbers, in nanoseconds an element."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(5):
            call()
        times.append(time.perf_counter_ns() - start)
    return min(times) / 5 / COUNT


def arguments(name: str, dtype: type, count: int) -> list[np.ndarray]:
    """Numbers where the function is defined."""
    rng = np.random.default_rng(0)
    top = 1.0 if name.startswith("arc") else 5.0
    low = {"log": 0.01, "log2": 0.01, "log10": 0.01, "sqrt": 0.0, "power": 0.01, "entr": 0.01,
        "log1p": -0.9}.get(name, -top)  # fmt: skip
    low, top = (1.0, 5.0) if name == "arccosh" else (low, top)
    return [rng.uniform(low, top, COUNT).astype(dtype) for _ in range(count)]


def numpys(name: str, xs: list[np.ndarray]) -> float | None:
    """The time of NumPy's or SciPy's loop."""
    other = getattr(np, name, None) or getattr(special, {"sigmoid": "expit"}.get(name, name), None)
    out = np.empty_like(xs[0])
    return None if other is None else best(lambda: other(*xs, out=out))


def libmvecs(name: str, xs: list[np.ndarray], lanes: int) -> float | None:
    """The time of libmvec's function, called from a loop of ours."""
    letter = {16: "b", 32: "d", 64: "e"}[lanes * xs[0].itemsize]
    c = NAMES.get(name, name) + ("f" if xs[0].itemsize == 4 else "")
    symbol = f"_ZGV{letter}N{lanes}{'v' * len(xs)}_{c}"
    try:
        getattr(ctypes.CDLL("libmvec.so.1", ctypes.RTLD_GLOBAL), symbol)
    except (OSError, AttributeError):
        return None

    def word(*lane):
        type = lane[0].value.type
        function = lane[0].code.module.declare(symbol, type, *[type] * len(lane))
        return lane[0].like(lane[0].code.call(function, type, *[x.value for x in lane]))

    return timed(word, xs, lanes)


def timed(word, xs: list[np.ndarray], lanes: int) -> float:
    """The time of a word of ours."""
    loop = word_loop(word, tuple([x.dtype for x in xs]), lanes)
    out = np.empty_like(xs[0])
    places = [out.ctypes.data, *[x.ctypes.data for x in xs]]
    return best(lambda: loop.function(COUNT, *places))


def shown(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.2f}"


def numpy_error(name: str, dtype: type) -> float | None:
    other = getattr(np, name, None) or getattr(special, {"sigmoid": "expit"}.get(name, name), None)
    if other is None:
        return None
    xs, exact = tests._reference(name, dtype)
    return float(np.max(tests.ulps(other(*xs), exact)))


def main() -> None:
    cpu = host()
    np.seterr(all="ignore")
    print(f"{cpu.name}, {cpu.bits} bits, numpy {np.__version__}")
    print(f"{'word':12s}{'dtype':9s}{'ulp':>7s}{'numpy':>7s}{'ns':>8s}{'numpy':>7s}{'libmvec':>8s}")
    for name in sys.argv[1:] or [*tests.UNARY, *tests.BINARY]:
        for dtype in tests.FLOATS:
            lanes = cpu.lanes(np.dtype(dtype).itemsize)
            xs = arguments(name, dtype, 2 if name in tests.BINARY else 1)
            error = tests.worst(name, dtype, lanes)[0]
            times = timed(WORDS[name], xs, lanes), numpys(name, xs), libmvecs(name, xs, lanes)
            errors = f"{error:7.2f} {shown(numpy_error(name, dtype))}"
            print(f"{name:12s}{np.dtype(dtype).name:9s}{errors}  " + " ".join(map(shown, times)))


if __name__ == "__main__":
    main()
