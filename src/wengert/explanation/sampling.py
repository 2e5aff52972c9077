"""Points at which formulas are checked: other sizes, all prime and different, and other numbers."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dis import get_instructions
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from wengert.explanation.terms import Number
from wengert.ir.dims import symbols
from wengert.ir.program import Const, Program, Var
from wengert.ir.types import Array
from wengert.passes.prune import prune
from wengert.passes.stabilise import stabilise
from wengert.trace.asking import LIBRARIES
from wengert.trace.tracer import Trace, Tracer

PRIMES = ((7, 5, 11, 13, 17, 19, 23), (11, 7, 13, 5, 19, 23, 17))


def traced(
    f: Callable[..., Any], args: Sequence[Array], labels: Sequence[str]
) -> tuple[Program, dict[Var, str]]:
    """The list of f at these arguments in stable words, and the user's names of its values."""
    seen: list[tuple[Any, dict[str, Any]]] = []
    before = sys.getprofile()

    def watch(frame: Any, event: str, arg: Any) -> None:
        if event == "return":
            local = frame.f_locals
            if any(type(v) is Tracer for v in local.values()):
                seen.append((frame, dict(local)))

    with Trace(concrete=True) as trace:
        tracers = [trace.input(np.asarray(x), n) for x, n in zip(args, labels, strict=True)]
        sys.setprofile(watch)
        try:
            result = f(*tracers)
        finally:
            sys.setprofile(before)
        named = _names(seen) | _bound(trace.equations, f)
        program = trace.close([result])
    found = [v for v in named if v is not program.outputs[0]]
    whole = Program(program.inputs, program.equations, [*program.outputs, *found])
    better = stabilise(prune(whole))
    alive = {v for eqn in better.equations for v in eqn.outputs}
    return better, {v: n for v, n in named.items() if v in alive}


def _bound(equations: Sequence[Any], f: Any) -> dict[Var, str]:
    """Values that the user's own lines bind to a name; bound again in a loop, it is counted."""
    found: list[tuple[Var, str]] = []
    mine = getattr(f, "__code__", None)
    for eqn, after in zip(equations, [*equations[1:], None], strict=True):
        if eqn.place is None or eqn.place[0] is not mine or len(eqn.outputs) != 1:
            continue
        name = _stored(*eqn.place)
        if name and (after is None or after.place != eqn.place):
            found.append((eqn.outputs[0], name))
    names = [n for _, n in found]
    turns: dict[str, int] = {}
    out = {}
    for v, n in found:
        turns[n] = turns.get(n, 0) + 1
        out[v] = f"{n}{turns[n]}" if names.count(n) > 1 else n
    return out


def _stored(code: Any, at: int) -> str | None:
    """The variable that the instruction after this one stores to."""
    after = next((s for s in get_instructions(code) if s.offset > at), None)
    return str(after.argval) if after is not None and after.opname == "STORE_FAST" else None


def _names(seen: Sequence[Any]) -> dict[Var, str]:
    """Names of the function's own locals first, then of those of functions that it called."""
    names: dict[Var, str] = {}
    for frame, local in reversed(seen):
        if (
            frame.f_globals.get("__name__", "").split(".")[0] in LIBRARIES
            or frame.f_code.co_filename.startswith("<frozen")
            or "namedtuple" in frame.f_globals.get("__name__", "")
        ):
            continue
        for name, value in local.items():
            mine = type(value) is Tracer and isinstance(value.variable, Var)
            if mine and value.variable in value.tape.values and not name.startswith("_"):
                names.setdefault(value.variable, name)
    return names


def resized(x: Array, shape: tuple[int, ...], known: frozenset[str], rng: Any, dims: Any) -> Array:
    """Random data of another shape with the same facts."""
    x = np.asarray(x)
    if "onehot" in known:
        return np.eye(shape[1], dtype=x.dtype)[rng.integers(0, shape[1], shape[0])]
    if "binary" in known:
        return rng.integers(0, 2, shape).astype(x.dtype)
    if "signs" in known:
        return rng.choice([-1, 1], shape).astype(x.dtype)
    if x.dtype.kind in "iub":
        return rng.integers(0, max(1, min(int(x.max()), 4) + 1), shape).astype(x.dtype)
    if "symmetric" in known:
        a = rng.normal(size=shape)
        return a @ a.T + np.eye(len(a)) if "positive definite" in known else a + a.T
    if "positive" in known:
        return np.asarray(rng.uniform(0.3, 1.7, shape))
    if len(shape) == 2 and shape[0] == shape[1]:
        return np.asarray(rng.normal(size=shape) + 3 * np.eye(shape[0]))
    return np.asarray(rng.normal(size=shape))


def shapes(
    program: Program, named: Mapping[str, str]
) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
    """Dimensions by symbol, and those of each input (an axis of length one is 1)."""
    sizes, axes = symbols(program, dict(named) or _first(program))
    for eqn in program.equations:  # a diagonal is of a square matrix
        x: Any = eqn.inputs[0] if eqn.inputs else None
        if eqn.primitive.name == "gather" and len(eqn.inputs) == 3 and (x, 1) in axes:
            known = [isinstance(i, Const) for i in eqn.inputs[1:]]
            if all(known) and x.type.shape[0] == x.type.shape[1]:
                old, new = axes[x, 1], axes[x, 0]
                axes = {k: new if s == old else s for k, s in axes.items()}
    sizes = {s: n for s, n in sizes.items() if s in set(axes.values())}
    return sizes, [tuple([axes.get((v, i), 1) for i in range(v.type.ndim)]) for v in program.inputs]


def _first(program: Program) -> dict[str, str]:
    """N and d for the axes of the data, where the inputs have some that are called X."""
    return {v.name: "N d" for v in program.inputs if v.name == "X" and v.type.ndim == 2}


def aligned(a: Program, b: Program) -> bool:
    """Whether two lists are the same but for sizes."""
    return len(a.equations) == len(b.equations) and all(
        x.primitive is y.primitive for x, y in zip(a.equations, b.equations, strict=True)
    )


Fits = dict[tuple[int, int], Any]
POWERS = [Fraction(p) for p in ("-1", "1", "-1/2", "1/2", "-2", "2")]


def fitted(a: Program, b: Program, sa: Mapping[str, int], sb: Mapping[str, int]) -> Fits | None:
    """The numbers that change with the sizes, as monomials in them; None if one is none."""
    fits: Fits = {}
    for i, (x, y) in enumerate(zip(a.equations, b.equations, strict=True)):
        if x.primitive.name == "take":
            for k, pair in enumerate(zip(x.params["index"], y.params["index"], strict=True)):
                cut = _cut(*pair, x.inputs[0].type.shape[k], y.inputs[0].type.shape[k])
                if cut is None:
                    return None
                fits[i, -1 - k] = cut
        for j, (p, q) in enumerate(zip(x.inputs, y.inputs, strict=True)):
            if not (isinstance(p, Const) and isinstance(q, Const)) or p.type.shape:
                continue
            u, v = float(np.asarray(p.value)), float(np.asarray(q.value))
            if u == v:
                continue
            found = _monomial(u, v, sa, sb)
            if found is None:
                return None
            fits[i, j] = found
    return fits


def _cut(p: Any, q: Any, n: int, m: int) -> Any:
    """An index as Python writes it for all sizes; None if the two are not one index."""
    if isinstance(p, int) or isinstance(q, int):
        return (_end(p, q, n, m),) if isinstance(p, int) and isinstance(q, int) else None
    if p == (0, n, 1) and q == (0, m, 1):
        return None, None, 1
    start = _end(p[0], q[0], n, m)
    backwards = p[1] < 0 and q[1] < 0
    stop = None if backwards or (p[1], q[1]) == (n, m) else _end(p[1], q[1], n, m)
    if start is None or (stop is None and not (backwards or (p[1], q[1]) == (n, m))):
        return None
    return None if p[2] != q[2] else (start, stop, p[2])


def _end(i: int, j: int, n: int, m: int) -> int | None:
    return i if i == j else i - n if i - n == j - m else None


def _monomial(
    u: float, v: float, sa: Mapping[str, int], sb: Mapping[str, int]
) -> tuple[Number, dict[str, Fraction]] | None:
    pairs = [((d, p),) for d in sa for p in POWERS]
    both = [
        ((d, p), (e, q)) for d, e in product(sa, sa) if d < e for p, q in product(POWERS, POWERS)
    ]
    for powers in (*pairs, *both):
        ma = float(np.prod([float(sa[d]) ** float(p) for d, p in powers]))
        mb = float(np.prod([float(sb[d]) ** float(p) for d, p in powers]))
        if abs(u / ma - v / mb) <= 1e-14 * abs(u / ma):
            c = u / ma
            near = Fraction(c).limit_denominator(100)
            value: Number = near if abs(float(near) - c) < 1e-13 else c
            return value, dict(powers)
    return None
