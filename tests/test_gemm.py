"""Products of the native machine beside NumPy's."""

import ctypes
import mmap
import sys
from dataclasses import replace

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wengert.backends.llvm import tiling
from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.cpu import Cpu, host
from wengert.backends.llvm.engine import load
from wengert.backends.llvm.gemm import Product, gemm
from wengert.backends.llvm.lane import element, vector
from wengert.backends.llvm.tiles import Epilogue


def variants() -> list[Cpu]:
    """This processor, and the narrower ones that it can play."""
    cpu = host()
    narrower = [replace(cpu, bits=b, registers=16) for b in (128, 256) if b < cpu.bits]
    return [cpu, *narrower, replace(cpu, bits=128, registers=16, fma=False)]


def compiled(module: Module, product: Product, arguments: int):
    """The product as a function of addresses, and of ranges of tiles."""
    pointers = tuple(Value(f"%p{i}", "ptr") for i in range(arguments))
    sides = tuple(Value(f"%s{i}", "i64") for i in range(4))
    code = Code(module, "entry", "void", *pointers, *sides)
    product.call(code, *pointers, rows=sides[:2], panels=sides[2:])
    code.finish(linkage="")
    llvm.parse_assembly(module.text()).verify()
    library = load(module.text(), "entry", cpu=module.cpu)
    types = [ctypes.c_void_p] * arguments + [ctypes.c_int64] * 4
    function = ctypes.CFUNCTYPE(None, *types)(library.address("entry"))
    function.library = library
    return function


def strided(array: np.ndarray, order: str, rng) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """The same numbers in a larger buffer full of nan: the buffer, the view on it, its strides."""
    m, n = array.shape
    gap = int(rng.integers(0, 4))
    if order == "C":
        buffer = np.full((m, n + gap), np.nan, array.dtype)
        view = buffer[:, :n]
    elif order == "F":
        buffer = np.full((n, m + gap), np.nan, array.dtype)
        view = buffer[:, :m].T
    else:
        buffer = np.full((m, 2 * n + gap), np.nan, array.dtype)
        view = buffer[:, : 2 * n : 2]
    view[...] = array
    return buffer, view, tuple(s // array.itemsize for s in view.strides)


def bias_and_square(dtype: np.dtype, rolled: bool) -> Epilogue:
    """C <- (C + b)^2, and the sum itself to a second place with rows of 1100."""

    def write(code, extras, i, j, lane):
        at = code.at(extras[0], j, element(dtype))
        b = lane.like(code.load(at, vector(element(dtype), lane.lanes), dtype.itemsize))
        z = lane + b
        place = code.at(extras[1], code.op(f"mul i64 {i.name}, 1100", "i64"), element(dtype))
        code.store(z.value, code.at(place, j, element(dtype)), dtype.itemsize)
        return z * z

    return Epilogue("bias and square", write, ("ptr", "ptr"), rolled)


def check(cpu, dtype, m, n, k, orders, accumulate, epilogue, seed, cuts=()) -> None:
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    A, B, C = (rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    (_, a, sa), (_, b, sb), (whole, c, sc) = (
        strided(x, order, rng) for x, order in zip((A, B, C), orders, strict=True)
    )
    module = Module(cpu)
    end = bias_and_square(dtype, epilogue == "rolled") if epilogue else None
    product = gemm(module, dtype, m, n, k, sa, sb, sc, end, accumulate)
    assert gemm(module, dtype, m, n, k, sa, sb, sc, end, accumulate) == product
    bias, second = rng.standard_normal(n).astype(dtype), np.zeros((m, 1100), dtype)
    pointers = [x.ctypes.data for x in ((a, b, c, bias, second) if epilogue else (a, b, c))]
    function = compiled(module, product, len(pointers))
    beyond = np.isnan(whole)
    cut = (product.rows // 2, product.panels // 2) if cuts else (0, 0)
    for rows in ((0, cut[0]), (cut[0], product.rows)):
        for panels in ((0, cut[1]), (cut[1], product.panels)):
            function(*pointers, *rows, *panels)
    wide = A.astype("f8") @ B.astype("f8") + (C if accumulate else 0)
    if epilogue:
        wide = wide + bias
    reach = np.abs(A).astype("f8") @ np.abs(B) + np.abs(C) + np.abs(bias)
    error = (k + 3) * np.finfo(dtype).eps * reach
    if epilogue:
        assert (np.abs(second[:, :n] - wide) <= error).all()
        assert (second[:, n:] == 0).all()
        error, wide = error * (2 * np.abs(wide) + 1) + error * error, wide * wide
    assert (np.abs(c - wide) <= error).all(), np.abs(c - wide).max()
    assert np.isnan(whole[beyond]).all()


sizes = st.one_of(st.integers(0, 5), st.integers(0, 70), st.sampled_from([64, 96, 100, 128]))


@given(
    st.sampled_from(variants()),
    st.sampled_from(["float32", "float64"]),
    st.tuples(sizes, sizes, sizes),
    st.tuples(*[st.sampled_from("CFCFS")] * 3),
    st.booleans(),
    st.sampled_from(["", "straight", "rolled"]),
    st.booleans(),
    st.integers(0, 9),
)
@settings(max_examples=120, deadline=None)
def test_products_of_any_shape_form_and_stride(
    cpu, dtype, shape, orders, accumulate, epilogue, cuts, seed
) -> None:
    check(cpu, dtype, *shape, orders, accumulate, epilogue, seed, cuts)


@pytest.fixture
def small_caches(monkeypatch):
    """A machine on which short products already are long: parts of k, and copies of panels."""
    for name, value in dict(REACH=1 << 12, DEPTH=64, WAITING=60, OFTEN=40).items():
        monkeypatch.setattr(tiling, name, value)
    tiling.plan.cache_clear()
    yield
    tiling.plan.cache_clear()


@pytest.mark.parametrize("shape", [(100, 40, 300), (130, 90, 65), (47, 33, 129), (2, 130, 1030)])
@pytest.mark.parametrize("orders", ["CCC", "CFC", "FCC", "FFC", "CCF", "SCC", "CSC", "CCS"])
@pytest.mark.parametrize("epilogue", ["", "straight", "rolled"])
@pytest.mark.usefixtures("small_caches")
def test_long_products_are_summed_in_parts(shape, orders, epilogue) -> None:
    seed = sum(shape)
    for cpu, dtype in ((host(), "float32"), (variants()[1], "float64")):
        check(cpu, dtype, *shape, orders, seed % 2 == 1, epilogue, seed, cuts=seed % 3 == 1)


@pytest.mark.parametrize("shape", [(130, 600, 70), (97, 33, 600), (1, 1, 1030), (3, 1030, 1030)])
@pytest.mark.parametrize("orders", ["CCC", "CFC", "FCC", "FFF"])
def test_large_products(shape, orders) -> None:
    check(host(), "float32", *shape, orders, True, "rolled", 3, cuts=True)


def test_a_product_knows_in_how_many_parts_threads_may_share_it() -> None:
    product = gemm(Module(host()), np.dtype("f4"), 128, 512, 784, (784, 1), (512, 1), (512, 1))
    assert product.rows > 1
    assert product.panels > 1


def test_equal_requests_are_one_function() -> None:
    module, request = Module(host()), (32, 64, 30, (30, 1), (64, 1), (64, 1))
    names = [gemm(module, np.dtype("f4"), *request).name for _ in range(2)]
    other = gemm(module, np.dtype("f8"), *request).name
    assert names[0] == names[1] != other
    assert len(module.functions) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="pages are locked by mprotect")
def test_nothing_is_read_or_written_beyond_the_matrices() -> None:
    page = 4096
    for m, n, k in [(5, 7, 3), (17, 33, 19), (16, 10, 64), (9, 1, 37)]:
        for orders in ("CC", "CF", "FC"):
            arrays = []
            for shape, order in zip([(m, k), (k, n), (m, n)], orders + "C", strict=True):
                whole = mmap.mmap(-1, 4 * page)
                start = ctypes.addressof(ctypes.c_char.from_buffer(whole))
                locked = ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + 3 * page), page, 0)
                assert locked == 0
                size = 4 * shape[0] * shape[1]  # the last number ends where the locked page begins
                array = np.frombuffer(whole, "f4", size // 4, 3 * page - size)
                arrays.append(array.reshape(shape, order=order))
            a, b, c = arrays
            a[...], b[...] = 1.0, 2.0
            strides = [tuple(s // 4 for s in x.strides) for x in arrays]
            module = Module(host())
            product = gemm(module, np.dtype("f4"), m, n, k, *strides)
            function = compiled(module, product, 3)
            pointers = [x.ctypes.data for x in arrays]
            function(*pointers, 0, product.rows, 0, product.panels)
            assert (c == 2.0 * k).all()
