"""Contractions of any spec run native as the interpreter computes them, however they are cut."""

import ctypes
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert.api.native import compiled
from wengert.backends.interpreter import interpret
from wengert.backends.llvm.code import Code, Module, Value
from wengert.backends.llvm.contract import classes, contraction, whole
from wengert.backends.llvm.cpu import host
from wengert.backends.llvm.engine import load
from wengert.ir.schedule import Call, Operand

SIZES = st.sampled_from([0, 1, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33])


@st.composite
def specs(draw):
    """A spec whose letters stand in two of x, w and the result, or in all three; their sizes."""
    parts = ["", "", ""]
    for letter, where in zip(
        "ijklmn", draw(st.lists(st.sampled_from(["xw", "xo", "wo", "xwo"]), max_size=5)),
        strict=False,
    ):  # fmt: skip
        for p, side in enumerate("xwo"):
            parts[p] += letter if side in where else ""
    parts = ["".join(draw(st.permutations(part))) for part in parts]
    size = {c: draw(SIZES) for c in "ijklmn"}
    if draw(st.booleans()) and parts[0]:
        size[draw(st.sampled_from(sorted(parts[0])))] = draw(st.sampled_from([100, 257]))
    shapes = [tuple([size[c] for c in part]) for part in parts[:2]]
    if max(np.prod(s, dtype=int) for s in shapes) > 200_000:
        shapes = [tuple([min(n, 5) for n in s]) for s in shapes]
    return f"{parts[0]},{parts[1]}->{parts[2]}", *shapes


def operands(shapes, dtype, layouts):
    rng = np.random.default_rng(0)
    for shape, layout in zip(shapes, layouts, strict=True):
        yield rng.standard_normal(shape[::-1] if layout == "F" else shape).astype(dtype)


@given(specs(), st.sampled_from(["f4", "f8"]), st.tuples(*[st.sampled_from("CCFRB")] * 2))
@settings(max_examples=150, deadline=None)
def test_any_contraction_is_the_interpreters(drawn, dtype, layouts) -> None:
    spec, *shapes = drawn

    def seen(x, layout):
        if layout == "F":
            return x.T
        if layout == "R":
            return x[::-1] if x.ndim else x
        return np.broadcast_to(x[:1], x.shape) if layout == "B" and x.ndim else x

    def f(x, w):
        return np.einsum(spec, seen(x, layouts[0]), seen(w, layouts[1]))

    args = list(operands(shapes, dtype, layouts))
    program = wg.trace(f)(*args)
    (got,), (want,) = compiled(program)(*args), interpret(program)(*args)
    wide = np.einsum(spec, *[seen(np.abs(a), o) for a, o in zip(args, layouts, strict=True)])
    assert np.shape(got) == np.shape(want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    size = max([a.size for a in args], default=1)
    error = (size + 3) * np.finfo(dtype).eps * np.asarray(wide, "f8")
    assert (np.abs(np.asarray(got, "f8") - want) <= error + 1e-30).all()


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("Aik,kj->Aij", ("", "Ai", "j", "k")),
        ("Aik,Aij->kj", ("", "k", "j", "Ai")),
        ("Aik,Ajk->Aij", ("A", "i", "j", "k")),
        ("ij,jk->k", None),
        ("ii,ij->j", None),
    ],
)
def test_letters_fall_into_four_classes(spec, kind) -> None:
    assert classes(spec) == kind


def calls(spec, *shapes):
    """The equation of a contraction as a call on arrays stored row by row."""
    args = [np.ones(s) for s in shapes]
    (eqn,) = wg.trace(lambda x, w: np.einsum(spec, x, w))(*args).equations
    strides = [tuple(s // 8 for s in a.strides) for a in args]
    seen = [Operand(v, 0, a.shape, s) for v, a, s in zip(eqn.inputs, args, strides, strict=True)]
    return Call(eqn, tuple(seen))


@pytest.mark.parametrize(
    ("spec", "shapes", "pieces"),
    [
        ("Aik,kj->Aij", ((7, 30, 9), (9, 40)), None),
        ("Aik,Aij->kj", ((7, 30, 9), (7, 30, 40)), None),
        ("Aik,Ajk->Aij", ((7, 30, 9), (7, 20, 9)), 7),
        ("AiBk,BkAj->iABj", ((3, 30, 4, 9), (4, 9, 3, 8)), 12),
        ("iAk,jAk->ij", ((30, 4, 9), (20, 4, 9)), None),
        ("kAi,AjBk->iABj", ((9, 3, 10), (3, 8, 5, 9)), 15),
        ("kiq,qjk->ij", ((9, 30, 11), (11, 8, 9)), 1),
    ],
)
def test_the_pieces_of_a_contraction_may_be_computed_apart(spec, shapes, pieces) -> None:
    call = calls(spec, *shapes)
    assert whole(call.equation)
    module = Module(host())
    made, order = contraction(call, module)
    count, by = made.shared(float)
    assert pieces is None or (count, by) == (pieces, "rounds")
    pointers = tuple(Value(f"%p{i}", "ptr") for i in range(3))
    ends = Value("%low", "i64"), Value("%high", "i64")
    code = Code(module, "entry", "void", *pointers, *ends)
    made.call(code, *pointers, pieces=ends, by=by)
    code.finish(linkage="")
    library = load(module.text(), "entry")
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 2)
    function = kind(library.address("entry"))
    rng = np.random.default_rng(1)
    x, w = (rng.standard_normal(s) for s in shapes)
    given = (x, w) if order[0].atom is call.operands[0].atom else (w, x)
    want = np.einsum(spec, x, w)
    cuts = ([0, count], [0, count // 3, count // 2, count])
    results = []
    for cut in cuts:
        out = np.full(want.shape, np.nan)
        for low, high in pairwise(cut):
            function(*[a.ctypes.data for a in (*given, out)], low, high)
        results.append(out)
    np.testing.assert_allclose(results[0], want, atol=1e-12)
    np.testing.assert_array_equal(results[0], results[1])
