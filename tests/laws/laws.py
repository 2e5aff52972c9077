"""The laws. Each takes a case and raises AssertionError where the record breaks it.

They know nothing of single operations: what they compare is computed in two ways, of which one is the
definition (NumPy's values, differences of them, a Python loop).
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from samples import Case

import wengert
from wengert.backends.interpreter import interpret
from wengert.ir.check import check
from wengert.ir.families import Along, Pointwise, Reduction
from wengert.ir.infer import infer
from wengert.ir.primitive import Adjoints, Flat, Refusal
from wengert.ir.program import Equation, Program, Var
from wengert.ir.text import constants, parse, show
from wengert.ir.types import types_of
from wengert.primitives.linalg import HERMITIAN

STEP = 1e-4
LAWS: dict[str, Callable[[Case], None]] = {}
STOPPED = {  # flat by decree, not by nature
    "stop_gradient": "its purpose",
}
WIDENING = {"float_power"}  # NumPy computes it in float64


def law(function: Callable[[Case], None]) -> Callable[[Case], None]:
    LAWS[function.__name__] = function
    return function


# --- what the laws are made of
def close(got: Any, want: Any, case: Case, tol: float = 1e-6) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{case}: shape {got.shape}, not {want.shape}"
    scale = np.max(np.abs(want), initial=1.0)
    np.testing.assert_allclose(got, want, rtol=tol, atol=tol * scale, err_msg=str(case))


def inner(us: Iterable[Any], vs: Iterable[Any]) -> float:
    """Re sum conj(u) v over all arrays: the pairing of the doors."""
    return float(
        sum((np.sum(np.real(np.conjugate(u) * v)) for u, v in zip(us, vs, strict=True)), start=0.0)
    )


def direction(case: Case, like: Sequence[Any], seed: int = 0) -> list[Any]:
    """A tangent for each array."""
    rng = np.random.default_rng([seed, len(like)])
    out = []
    for x in like:
        x = np.asarray(x)
        v = rng.uniform(-1, 1, x.shape) + (
            1j * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "c" else 0
        )
        if case.record.name in HERMITIAN and x.ndim >= 2:
            v = v + np.conjugate(np.swapaxes(v, -1, -2))
        out.append(np.asarray(v, x.dtype)[()])
    return out


def difference(f: Callable[..., Sequence[Any]], xs: Sequence[Any], vs: Sequence[Any]) -> list[Any]:
    """df(x)[v] by central differences of the fourth order."""
    near = [f(*[x + k * STEP * v for x, v in zip(xs, vs, strict=True)]) for k in (-2, -1, 1, 2)]
    return [(a - 8 * b + 8 * c - d) / (12 * STEP) for a, b, c, d in zip(*near, strict=True)]


def gradient(case: Case) -> Callable[..., list[Any]]:
    """x -> J(x)' u for a fixed u."""
    us = direction(case, case(*case.xs), seed=7)

    def function(*xs: Any) -> list[Any]:
        return list(wengert.vjp(case, *xs)[1](us))

    return function


def program_of(case: Case) -> Program:
    """The list of one equation."""
    ins = [Var(t, f"x{i}") for i, t in enumerate(types_of(case.args))]
    outs = [Var(t) for t in infer(case.record, [v.type for v in ins], case.params)]
    return Program(ins, [Equation(case.record, tuple(ins), tuple(outs), case.params)], outs)


def gradient_program(case: Case) -> Program:
    us = direction(case, case(*case.xs), seed=7)
    return wengert.trace(lambda *xs: wengert.vjp(case, *xs)[1](us))(*case.xs)


def smooth(case: Case) -> bool:
    """Whether there is something to differentiate, and a rule for it."""
    return (
        not isinstance(case.record.rule, Flat | Refusal) and bool(case.xs) and bool(case(*case.xs))
    )


def results(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


# --- the laws
@law
def differential_is_the_derivative(case: Case) -> None:
    """jvp against differences."""
    if smooth(case):
        vs = direction(case, case.xs)
        got = wengert.jvp(case, case.xs, vs)[1]
        for g, w in zip(got, difference(case, case.xs, vs), strict=True):
            close(g, w, case, _tolerance(case))


def _tolerance(case: Case) -> float:
    narrow = case.params.get("dtype") == np.dtype("f4")
    return 1e-2 if narrow else 1e-6


@law
def forward_and_reverse_agree(case: Case) -> None:
    """<u, J v> = <J' u, v>."""
    if smooth(case):
        vs = direction(case, case.xs)
        ys, dys = wengert.jvp(case, case.xs, vs)
        us = direction(case, ys, seed=3)
        dxs = wengert.vjp(case, *case.xs)[1](us)
        for x, dx in zip(case.xs, dxs, strict=True):
            assert dx.shape == x.shape, str(case)
        left, right = inner(us, dys), inner(dxs, vs)
        assert abs(left - right) <= _reverse_tolerance(case) * (1 + abs(left)), (
            f"{case}: {left} and {right}"
        )


def _reverse_tolerance(case: Case) -> float:
    return 1e-6 if case.params.get("dtype") == np.dtype("f4") else 1e-9


@law
def second_order(case: Case) -> None:
    """The differential of the gradient against differences of the gradient; and it is symmetric."""
    if smooth(case) and case.params.get("dtype") != np.dtype("f4"):
        g, vs, ws = gradient(case), direction(case, case.xs), direction(case, case.xs, seed=5)
        hv = wengert.jvp(g, case.xs, vs)[1]
        for got, want in zip(hv, difference(g, case.xs, vs), strict=True):
            close(got, want, case, 1e-5)
        hw = wengert.jvp(g, case.xs, ws)[1]
        left, right = inner(ws, hv), inner(vs, hw)
        assert abs(left - right) <= 1e-7 * (1 + abs(left) + abs(right)), (
            f"{case}: {left} and {right}"
        )
        over = wengert.vjp(g, *case.xs)[1](ws)  # reverse over reverse
        left = inner(over, vs)
        assert abs(left - right) <= 1e-7 * (1 + abs(left) + abs(right)), (
            f"{case}: {left} and {right}"
        )


@law
def flat_is_locally_constant(case: Case) -> None:
    if isinstance(case.record.rule, Flat) and case.xs and case.record.name not in STOPPED:
        here = results(case.record(*case.args, **case.params))
        vs = direction(case, case.xs)
        for k in (-1e-6, 1e-6):
            args = list(case.args)
            for i, v in zip(case.moving, vs, strict=True):
                args[i] = args[i] + k * v
            for a, b in zip(here, results(case.record(*args, **case.params)), strict=True):
                np.testing.assert_array_equal(a, b, err_msg=str(case))
        _, dys = wengert.jvp(case, case.xs, vs)
        assert all(not np.any(d) for d in dys), str(case)


@law
def linear_is_linear(case: Case) -> None:
    """L(a x + b z) = a L x + b L z, in all operands together or, where the record says `each`, in each."""
    rule = case.record.rule
    if not isinstance(rule, Adjoints) or not case.xs:
        return
    a, b = 0.75, -1.5
    zs = direction(case, case.xs)
    turns = [{i} for i in range(len(zs))] if rule.each else [set(range(len(zs)))]
    for turn in turns:
        mixed = [
            a * x + b * z if i in turn else x
            for i, (x, z) in enumerate(zip(case.xs, zs, strict=True))
        ]
        other = [z if i in turn else x for i, (x, z) in enumerate(zip(case.xs, zs, strict=True))]
        for m, x, z in zip(case(*mixed), case(*case.xs), case(*other), strict=True):
            close(m, a * x + b * z, case, 1e-5 if m.dtype == np.float32 else 1e-12)


DTYPES = {
    "all": "f4 f8 c8 c16 i4 i8 u1 ?",
    "sums": "f4 f8 c8 c16 i8",
    "whole": "f4 f8",
    "complex": "c8 c16",
}


@law
def types_are_inferred(case: Case) -> None:
    """What NumPy returns has the shape and dtype that `infer` says, wherever NumPy returns."""
    family = case.record.family
    if case.record.example is not None:  # it says what the record takes
        kind = "complex" if np.asarray(case.args[0]).dtype.kind == "c" else "whole"
    else:
        kind = "sums" if isinstance(family, Reduction | Along) else "all"
    start = family.conditions if isinstance(family, Pointwise) else 0
    for dtype in DTYPES[kind].split():
        moving = [i for i in case.moving if i >= start] or (
            [] if case.args[0].dtype.kind == "b" else [0]
        )
        args = [
            np.real(a).astype(dtype)
            if i in moving and dtype[0] != "c"
            else a.astype(dtype)
            if i in moving
            else a
            for i, a in enumerate(case.args)
        ]
        try:
            with np.errstate(all="ignore"):
                ys = results(case.record(*args, **case.params))
        except (TypeError, ValueError):
            continue  # NumPy has no such loop
        want = infer(case.record, types_of(args), case.params)
        got = types_of(ys)
        assert got == want, f"{case} of {dtype}: {got}, not {want}"


@law
def precision_is_kept(case: Case) -> None:
    """float32 in, float32 derivatives out, in both modes, and they are the float64 ones."""
    if not smooth(case) or "dtype" in case.params:
        return
    low = case.astype("c8" if case.xs[0].dtype.kind == "c" else "f4")
    vs = direction(case, case.xs)
    us = direction(case, case(*case.xs), seed=3)
    narrow = [np.asarray(v, x.dtype)[()] for v, x in zip(vs, low.xs, strict=True)]
    ys, dys = wengert.jvp(low, low.xs, narrow)
    dxs = wengert.vjp(low, *low.xs)[1](
        [np.asarray(u, y.dtype)[()] for u, y in zip(us, ys, strict=True)]
    )
    for y, dy in zip(ys, dys, strict=True):
        assert y.dtype in ("f4", "c8") or case.record.name in WIDENING, (
            f"{case}: a result of {y.dtype}"
        )
        assert y.dtype == dy.dtype, f"{case}: a tangent of {dy.dtype} for {y.dtype}"
    for x, dx in zip(low.xs, dxs, strict=True):
        assert dx.dtype == x.dtype, f"{case}: a gradient of {dx.dtype} for {x.dtype}"
    for got, want in zip(dys, wengert.jvp(case, case.xs, vs)[1], strict=True):
        close(got, want, case, 2e-3)


@law
def vmap_is_a_loop(case: Case) -> None:
    """For each choice of batched operands, and for the gradient too."""
    size = 3
    for chosen in product((True, False), repeat=len(case.args)):
        if any(chosen):
            _mapped(
                lambda *a: list(results(case.record(*a, **case.params))),
                case,
                case.args,
                chosen,
                size,
            )
    if smooth(case):
        us = direction(case, case(*case.xs), seed=3)
        n = len(us)

        def pulled(*args: Any) -> list[Any]:
            return list(wengert.vjp(case, *args[n:])[1](list(args[:n])))

        for chosen in product((True, False), repeat=len(case.xs)):
            _mapped(pulled, case, [*us, *case.xs], [True] * n + list(chosen), size, 1e-9)


def _mapped(
    f: Any, case: Case, args: Sequence[Any], chosen: Sequence[bool], size: int, tol: float = 1e-12
) -> None:
    stacks = [
        np.stack([_varied(a, k) for k in range(size)]) if c else a
        for a, c in zip(args, chosen, strict=True)
    ]
    got = wengert.vmap(f, in_axes=tuple(0 if c else None for c in chosen))(*stacks)
    rows = [
        f(*[s[k] if c else s for s, c in zip(stacks, chosen, strict=True)]) for k in range(size)
    ]
    for g, *want in zip(got, *rows, strict=True):
        assert g.dtype == np.asarray(want[0]).dtype, f"{case}: {g.dtype} under vmap"
        close(g, np.stack(want), case, tol)


def _varied(x: Any, k: int) -> Any:
    """The k-th member of a batch: near x, still in the domain; indices change their order instead."""
    if x.dtype.kind not in "fc":
        return np.roll(x, k)
    return x * (1 - 0.002 * k)


@law
def machines_agree(case: Case) -> None:
    """NumPy, the list and the straight function: the same bits; machine code: the same numbers."""
    want = results(case.record.evaluate(*case.args, **case.params))
    program = check(program_of(case))
    got = wengert.jit(lambda *a: case.record(*a, **case.params))(*case.args)
    for g, w in zip(results(tuple(got) if isinstance(got, list) else got), want, strict=True):
        assert types_of([g]) == types_of([w]), str(case)
        close(g, w, case, 1e-13)
    for got in (program(*case.args), interpret(program)(*case.args)):
        for g, w in zip(results(tuple(got) if isinstance(got, list) else got), want, strict=True):
            assert types_of([g]) == types_of([w]), str(case)
            if g.dtype.kind == "c" and not g.shape:  # x * y and np.multiply round these differently
                close(g, w, case, 1e-15)
            else:
                np.testing.assert_array_equal(g, w, err_msg=str(case))
    if smooth(case):
        g = gradient(case)
        for a, b in zip(wengert.jit(g)(*case.xs), g(*case.xs), strict=True):
            assert types_of([a]) == types_of([b]), str(case)
            close(a, b, case, 1e-12)


@law
def text_is_read_back(case: Case) -> None:
    """print, parse, print: the same text and the same values, for the equation and its gradient."""
    pairs = [(program_of(case), case.args)]
    if smooth(case):
        pairs.append((gradient_program(case), case.xs))
    for program, args in pairs:
        text = show(program)
        again = check(parse(text, constants(program)))
        assert show(again) == text, f"{case}:\n{text}\n{show(again)}"
        for a, b in zip(again(*args), program(*args), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=text)


@law
def definition_is_the_meaning(case: Case) -> None:
    """evaluate = definition, and where the record has its own derivative, the definition's is that."""
    define = case.record.definition
    if define is None:
        return
    for g, w in zip(
        results(define(*case.args, **case.params)),
        results(case.record(*case.args, **case.params)),
        strict=True,
    ):
        close(g, w, case, 1e-9)

    def made(*xs: Any) -> list[Any]:
        args = list(case.args)
        for i, x in zip(case.moving, xs, strict=True):
            args[i] = x
        return list(results(define(*args, **case.params)))

    if smooth(case):
        us = direction(case, case(*case.xs), seed=3)
        for g, w in zip(
            wengert.vjp(made, *case.xs)[1](us), wengert.vjp(case, *case.xs)[1](us), strict=True
        ):
            close(g, w, case, 1e-8)


@law
def operands_are_left_alone(case: Case) -> None:
    """Nothing is written into an operand, and results are nobody's memory but their own."""
    before = [np.array(a) for a in case.args]
    for a in case.args:
        if isinstance(a, np.ndarray):
            a.flags.writeable = False
    y = tuple(interpret(program_of(case))(*case.args))
    y += wengert.jit(lambda *a: results(case.record(*a, **case.params)))(*case.args)
    if smooth(case):
        y += tuple(gradient(case)(*case.xs))
    for r in y:
        if isinstance(r, np.ndarray) and r.size:
            assert r.flags.writeable, str(case)
            assert not any(np.shares_memory(r, a) for a in case.args), str(case)
    for a, b in zip(case.args, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=str(case))


@law
def the_board_can_write_it(case: Case) -> None:
    if not isinstance(case.record.rule, Flat):
        assert "{}" in case.record.notation, f"{case.record.name} has no notation"
