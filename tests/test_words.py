"""The native machine's words beside NumPy: exact where NumPy is, else in units in the last place."""

import platform
from functools import lru_cache

import llvmlite.binding as llvm
import numpy as np
import pytest

import wengert
from wengert.backends.llvm.cpu import Cpu, host
from wengert.backends.llvm.words import COMPOSED, LEFT, WORDS, NoWord
from wengert.backends.llvm.words.alone import word_loop, word_text
from wengert.ir.families import Pointwise, View
from wengert.ir.lazy import special
from wengert.ir.primitive import REGISTRY

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

FLOATS = (np.float64, np.float32)
PLAIN = Cpu("x86-64", "", bits=128, registers=16, fma=False)
WIDE = np.finfo(np.longdouble).nmant > 60  # on some machines longdouble is float64


def names(text):
    """Names, as they are written in a row."""
    return text.split()


# --- references
def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, np.ones_like(e)) / (1 + e)


def _sech(x):
    e = np.exp(-np.abs(x))
    return 2 * e / (1 + e * e)


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _tails(name):
    """erf and its like: by SciPy in float64 for float32, else in thirty digits."""

    def reference(x):
        if x.dtype == np.float64:
            return getattr(special, name)(x)
        mp = pytest.importorskip("mpmath")
        with mp.workdps(40):
            exact = {"erf": mp.erf, "erfc": mp.erfc, "ndtr": lambda v: mp.erfc(-v / mp.sqrt(2)) / 2}
            y = [exact[name](mp.mpf(float(np.clip(v, -100, 100)))) for v in x]
            y = [np.longdouble(mp.nstr(v, 25)) for v in y]
        return np.where(np.isnan(x), x, np.array(y))

    return reference


UNARY = {
    "sigmoid": _sigmoid, "sech": _sech, "softplus": _softplus,
    "log_sigmoid": lambda x: -_softplus(-x), "erf": _tails("erf"), "erfc": _tails("erfc"),
    "ndtr": _tails("ndtr"), "entr": lambda x: np.where(x < 0, -np.inf, np.where(x == 0, 0, -x * np.log(x))),
} | {n: getattr(np, n) for n in names(
    "exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh "
    "arcsinh arccosh arctanh cbrt sqrt reciprocal square degrees radians"
)}  # fmt: skip
BINARY = {
    "xlogy": lambda x, y: np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y)),
    "xlog1py": lambda x, y: np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(y)),
    "power": np.power, "hypot": np.hypot, "arctan2": np.arctan2, "divide": np.divide,
}  # fmt: skip
LIMITS = {"erfc": 3.0, "ndtr": 3.5}


def points(dtype, count=3000, seed=0):
    """Delicate points, and random ones of all sizes."""
    rng = np.random.default_rng(seed)
    f = np.finfo(dtype)
    special = [0, 1, 0.5, 2, np.inf, f.max, f.tiny, f.smallest_subnormal, 1 + f.eps, 1 - f.epsneg]
    top, low = float(np.log2(f.max)) - 1e-3, float(np.log2(f.smallest_subnormal))
    signs = rng.choice([-1, 1], count)
    spread = float(np.log(f.max)) * 1.1
    return np.concatenate([
        special, np.negative(special), [np.nan], signs * np.exp2(rng.uniform(low, top, count)),
        signs * np.exp2(rng.uniform(-30, 12, count)), rng.uniform(-3, 3, count),
        rng.uniform(-spread, spread, count), 1 + signs * np.exp2(rng.uniform(-40, 0, count)),
    ]).astype(dtype)  # fmt: skip


def pairs(dtype):
    """Two operands: every delicate point with every other, and random ones of all sizes."""
    x = points(dtype)
    d = x[:21]
    return (
        np.concatenate([np.repeat(d, 21), x, x[3000:]]),
        np.concatenate([np.tile(d, 21), np.roll(x, 500), np.roll(x[3000:], 7)]),
    )


def ulps(got, exact):
    """The distance in units in the last place of the exact value; inf where one isn't finite."""
    f = np.finfo(got.dtype)
    rounded = exact.astype(got.dtype)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    unit = np.ldexp(np.ones_like(exact), np.frexp(exact)[1] - 1 - f.nmant)
    e = np.abs(got.astype(exact.dtype) - exact) / np.maximum(unit, f.smallest_subnormal)
    fair = np.isfinite(got) & np.isfinite(rounded)
    return np.where(same & ~fair, 0.0, np.where(fair, e, np.inf)).astype(np.float64)


@lru_cache(maxsize=256)
def _reference(name, dtype):
    if name in UNARY:
        xs = (points(dtype, 100) if name in ("erf", "erfc", "ndtr") else points(dtype),)
        function = UNARY[name]
    else:
        xs, function = pairs(dtype), BINARY[name]
    wider = np.longdouble if dtype == np.float64 else np.float64
    return xs, function(*[x.astype(wider) for x in xs])


def worst(name, dtype, lanes, cpu=None):
    """The largest error of a word, and where."""
    xs, exact = _reference(name, dtype)
    got = word_loop(WORDS[name], (dtype,) * len(xs), lanes, cpu)(*xs)
    e = ulps(got, exact)
    i = int(np.argmax(e))
    return e[i], [x[i] for x in xs], got[i], exact[i]


def limit(name, dtype, fma=True):
    loose = 0.0 if WIDE or dtype == np.float32 else 1.0
    return LIMITS.get(name, 2.0) + (0.0 if fma else 0.6) + loose


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_words_are_right_to_two_units_in_the_last_place(name, wide, dtype):
    lanes = host().lanes(np.dtype(dtype).itemsize) if wide else 1
    e, x, got, exact = worst(name, dtype, lanes)
    assert e <= limit(name, dtype), (x, got, exact)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="runs SSE2 code")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_words_are_right_without_fused_multiply_add(name, dtype):
    e, x, got, exact = worst(name, dtype, PLAIN.lanes(np.dtype(dtype).itemsize), PLAIN)
    assert e <= limit(name, dtype, fma=False), (x, got, exact)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["logaddexp", "logaddexp2"])
def test_sums_of_exponentials_are_right_beside_their_operands(name, dtype):
    x, y = pairs(dtype)
    lanes = host().lanes(np.dtype(dtype).itemsize)
    got = word_loop(WORDS[name], (dtype, dtype), lanes)(x, y)
    exact = getattr(np, name)(x.astype(np.longdouble), y.astype(np.longdouble)).astype(dtype)
    fair = np.isfinite(exact) & np.isfinite(x) & np.isfinite(y)
    np.testing.assert_array_equal(got[~fair], exact[~fair])
    size = np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(exact))[fair]
    assert np.max(np.abs(got - exact)[fair] / (2 * np.spacing(size / 2))) <= 2


# --- what must be NumPy's to the bit
EXACT_1 = names(
    "negative absolute fabs square sqrt floor ceil trunc rint sign isnan isinf isfinite signbit spacing logical_not"
)
EXACT_2 = names(
    "add subtract multiply divide maximum minimum fmax fmin fmod remainder floor_divide copysign "
    "nextafter heaviside equal not_equal less less_equal greater greater_equal logical_and "
    "logical_or logical_xor"
)  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cpu", [host(), PLAIN] if platform.machine() == "x86_64" else [host()])
@pytest.mark.parametrize("name", [*EXACT_1, *EXACT_2])
def test_exact_words_are_numpys_to_the_bit(name, cpu, dtype):
    xs = pairs(dtype) if name in EXACT_2 else (points(dtype),)
    for lanes in (1, cpu.lanes(np.dtype(dtype).itemsize)):
        got = word_loop(WORDS[name], (dtype,) * len(xs), lanes, cpu)(*xs)
        expected = getattr(np, name)(*xs)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
        if got.dtype == dtype and name not in ("maximum", "minimum", "fmax", "fmin"):
            told = ~np.isnan(got)
            np.testing.assert_array_equal(np.signbit(got)[told], np.signbit(expected)[told])


INTEGERS = [f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)]
WHOLE_1 = names("negative absolute square floor ceil trunc sign invert bitwise_count logical_not")
WHOLE_2 = names(
    "add subtract multiply maximum minimum fmax fmin fmod remainder floor_divide bitwise_and "
    "bitwise_or bitwise_xor equal not_equal less less_equal greater greater_equal logical_and "
    "logical_or logical_xor left_shift right_shift"
)  # fmt: skip


def integers(dtype):
    i = np.iinfo(dtype)
    rng = np.random.default_rng(1)
    some = [0, 1, 2, 3, i.max, i.min, i.max - 1, i.min + 1, *([-1, -2, -3] if i.min < 0 else [])]
    x = np.array(some, dtype)
    y = np.concatenate([rng.integers(i.min, i.max, 500, dtype), rng.integers(0, 70, 500, dtype)])
    return (
        np.concatenate([np.repeat(x, x.size), y]),
        np.concatenate([np.tile(x, x.size), rng.permutation(y)]),
    )


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", [*WHOLE_1, *WHOLE_2])
def test_words_of_integers_are_numpys(name, dtype):
    xs = integers(dtype) if name in WHOLE_2 else integers(dtype)[:1]
    for lanes in (1, 8):
        got = word_loop(WORDS[name], (dtype,) * len(xs), lanes)(*xs)
        np.testing.assert_array_equal(got, getattr(np, name)(*xs), strict=True)


@pytest.mark.parametrize("name", names("add multiply maximum minimum logical_and logical_or logical_xor "
    "logical_not absolute invert bitwise_and bitwise_or bitwise_xor equal not_equal less "
    "greater_equal"))  # fmt: skip
def test_words_of_bools_are_numpys(name):
    xs = (np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool))
    xs = xs[: getattr(np, name).nin]
    got = word_loop(WORDS[name], (bool,) * len(xs), 4)(*xs)
    np.testing.assert_array_equal(got, getattr(np, name)(*xs), strict=True)


def test_conversions_are_numpys():
    small = np.array([0, 1, 2, 100], np.int8)
    for old in (*INTEGERS, "float32", "float64"):
        for new in (*INTEGERS, "float32", "float64", "bool"):
            got = word_loop(WORDS["convert"], (old,), 4, dtype=np.dtype(new))(small.astype(old))
            np.testing.assert_array_equal(got, small.astype(old).astype(new), strict=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_that_everyone_knows_are_exact(dtype):
    def say(name, *xs, **params):
        xs = [np.array(x, dtype) for x in xs]
        return word_loop(WORDS[name], (dtype,) * len(xs), 1, **params)(*xs).tolist()

    k = np.arange(-120, 120)
    assert say("cos", [0.0]) == [1.0]
    assert say("sin", [np.pi / 2]) == [1.0]
    assert say("exp", [0.0, -0.0]) == [1.0, 1.0]
    assert say("exp2", k) == np.exp2(k.astype(dtype)).tolist()
    assert say("log2", 2.0**k) == k.tolist()
    assert say("log10", 10.0 ** np.arange(-5, 11)) == list(range(-5, 11))
    assert say("cbrt", k**3) == k.tolist()
    assert say("power", k, k * 0 + 2) == (k * k).tolist()
    assert say("sigmoid", [0.0, np.inf, -np.inf]) == [0.5, 1.0, 0.0]
    assert say("relu", [-1.0, 2.0]) == [0.0, 2.0]
    assert say("leaky_relu", [-1.0, 2.0], slope=0.5) == [-0.5, 2.0]
    assert say("leg", [3.0, 0.0], [4.0, 0.0]) == [dtype(0.6), 0.0]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "name", names("tanh sinh expm1 log1p sin tan arcsin arctan arcsinh arctanh cbrt erf")
)
def test_odd_functions_keep_the_sign_of_zero(name, dtype):
    x = np.array([-0.0, 0.0, -np.finfo(dtype).smallest_subnormal], dtype)
    got = word_loop(WORDS[name], (dtype,), 1)(x)
    np.testing.assert_array_equal(np.signbit(got), [True, False, True])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("p", [-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5, 2.5])
def test_monomials_are_powers(p, dtype):
    x = points(dtype)
    got = word_loop(WORDS["monomial"], (dtype,), 4, p=p)(x)
    wider = np.longdouble if dtype == np.float64 else np.float64
    exact = np.sqrt(x.astype(wider)) if p == 0.5 else np.power(x.astype(wider), wider(p))
    assert np.max(ulps(got, exact)) <= 2 + (not WIDE)


def test_what_has_no_word_says_so():
    for name, dtypes in (("power", ("int64", "int64")), ("divide", ("int64", "int64"))):
        with pytest.raises(NoWord):
            word_text(WORDS[name], dtypes, 1, host())


# --- laws
ARITY_2 = set(BINARY) | set(EXACT_2) | {"logaddexp", "logaddexp2", "leg", "float_power"}
BITS = {
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "left_shift",
    "right_shift",
    "invert",
    "bitwise_count",
}
PARAMS = {"convert": {"dtype": np.dtype("float32")}, "monomial": {"p": 2.5}}


def _operands(name, dtype):
    if name == "select":
        return (np.bool_, dtype, dtype)
    kind = np.int64 if name in BITS else dtype
    return (kind,) * (2 if name in ARITY_2 or name in BITS - {"invert", "bitwise_count"} else 1)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("triple", "cpu"), [
    ("x86_64-unknown-linux-gnu", PLAIN),
    ("x86_64-unknown-linux-gnu", Cpu("haswell", "", 256, 16, True)),
    ("aarch64-unknown-linux-gnu", Cpu("generic", "+neon", 128, 32, True)),
])  # fmt: skip
def test_every_word_assembles_for_other_processors(triple, cpu, dtype):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip(f"this LLVM was built without {triple}")
    machine = target.create_target_machine(cpu=cpu.name, features=cpu.features, opt=1)
    for name, word in WORDS.items():
        lanes = cpu.lanes(np.dtype(dtype).itemsize)
        text, _ = word_text(word, _operands(name, dtype), lanes, cpu, **PARAMS.get(name, {}))
        assert machine.emit_object(llvm.parse_assembly(text)), name


def test_no_pointwise_record_is_forgotten():
    records = {n for n, p in REGISTRY.primitives.items() if isinstance(p.family, Pointwise)}
    assert set(WORDS) | COMPOSED | LEFT == records
    assert not set(WORDS) & COMPOSED
    assert not LEFT & (set(WORDS) | COMPOSED)


@pytest.mark.parametrize("name", sorted(COMPOSED))
def test_compositions_are_made_of_words(name):
    evaluate = REGISTRY.primitives[name].evaluate
    x = np.array([0.25, 0.75])
    try:
        program = wengert.trace(evaluate)(x)
    except TypeError:
        program = wengert.trace(evaluate)(x, x)
    said = {e.primitive.name for e in program.equations if not isinstance(e.primitive.family, View)}
    assert said
    assert said <= set(WORDS) | COMPOSED
