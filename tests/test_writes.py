"""Writes in place inside traced functions: values, views and gradients are NumPy's own.

`HYPOTHESIS_PROFILE=search pytest tests/test_writes.py` looks through 5,000 random programs.
"""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from writing import Written, writings

import wengert
from wengert.errors import ConcreteError, UnsupportedError, WengertError

EXAMPLES = 5000 if os.environ.get("HYPOTHESIS_PROFILE") == "search" else 300
RNG = np.random.default_rng(4)
X, M, S = RNG.uniform(-2, 2, 4), RNG.uniform(-2, 2, (3, 4)), np.float64(0.7)

# fmt: off
PROGRAMS = {  # lines over x: f64[4], m: f64[3, 4] and s: f64, then what is returned; "?": vmap can't know what NumPy would have copied
    "an element": "z = np.zeros(3); z[1] = s; z[-1] = x[0] * s -> z, x",
    "an argument": "x[0] = s; x[1:] = x[:-1] -> x",
    "overlapping slices": "x[1:] += x[:-1]; x[:-1] -= x[1:] -> x",
    "backwards into itself": "x[:] = x[::-1] -> x",
    "one name for two": "z = x; z += 1; z *= s -> x, z",
    "one name of its own": "z = x; z = z + 1; z *= s -> x, z",
    "copies": "a = x.copy(); b = np.copy(x); c = np.array(x); d = +x; x *= 2; a[0] = s -> a, b, c, d, x",
    "asarray is the same": "a = np.asarray(x); a[0] = s; x[1] = 2 * s -> a, x",
    "a slice of a slice": "v = m[1:][:, ::2][0]; v *= s; m[1, 0] += 1 -> m, v",
    "a view sees its base": "v = m[:, 1]; m += s; m[0] = x -> v, m",
    "a view of a view of a view": "a = m[::-1]; b = a.T; c = b[1:3]; c[0] = s; a[0] = x; m[0, 2] = 5 -> a, b, c, m",
    "siblings": "a = x[1:]; b = x[:-1]; a *= s; b += a -> a, b, x",
    "negative steps": "v = x[::-2]; v[0] = s; v += 1 -> x, v",
    "flips": "v = np.flip(m); v[0] = x; np.flipud(m)[0] *= s; np.fliplr(m)[1] += 2 -> m, v",
    "transposes": "v = m.T; v[0] = 1; np.swapaxes(m, 0, 1)[1] = s; np.moveaxis(m, 0, 1)[2] *= s -> m, v",
    "reshapes that are views": "?v = m.reshape(4, 3); v[0] = s; x.reshape(2, 2)[1] = [s, 2]; m.ravel()[-1] = s -> m, v, x",
    "reshapes that are copies": "v = m.copy().T.reshape(-1); w = v.reshape(3, 4); w[0] = s; v[5] = 9 -> m, v, w",
    "ravel and flatten": "?a = m.ravel(); b = m.flatten(); a[0] = s; b[1] = s -> a, b, m",
    "reshapes of what is made inside": "a = np.zeros((3, 4)); v = a.ravel(); v[1] = s; a.reshape(2, 6)[1] = x[0]; w = x * 2; w.reshape(2, 2)[1] = s -> a, v, w",
    "copies that look like none": "d = np.where(True, x, 0); e = x.astype(float); f = np.sort(x); d[0] = 1; e[2] = s; f[0] = 2; x[1] = 3 -> d, e, f, x",
    "new axes": "v = x[:, None]; v[1] = s; x[None][0, 2] = 3; np.expand_dims(x, 0)[0, 3] *= s -> x, v",
    "squeeze": "v = x[None].squeeze(); v[0] = s; np.atleast_2d(x)[0, 1] = s -> x, v",
    "split": "a, b = np.split(x, 2); a[0] = s; b += a -> x, a, b",
    "rows of a loop": "for r in m: r *= s\nfor i, r in enumerate(m): r[i] = i -> m",
    "prefix sums": "for i in range(1, 4): x[i] += s * x[i - 1] -> x",
    "swap of elements": "x[0], x[1] = x[1], x[0] -> x",
    "swap of rows, as NumPy does": "m[0], m[1] = m[1], m[0] -> m",
    "swap of rows, rightly": "m[[0, 1]] = m[[1, 0]] -> m",
    "a mask": "x[x > 0.2] = s; m[m < 0] = 0 -> x, m",
    "a mask and its old values": "x[x < 0.5] *= 3; m[m > 1] -= s -> x, m",
    "a mask and its values": "m[m > 0] = np.sin(m[m > 0]) * s -> m",
    "a mask of rows": "m[np.array([True, False, True])] = x * s; m[:, np.array([True, False, False, True])] += s -> m",
    "repeated places: the last counts": "x[[0, 0, 1]] = np.array([s, 2 * s, 3 * s]); x[[2, 2]] += s -> x",
    "a pair of indices": "m[[0, 1, 0], [1, 2, 1]] = np.array([s, 2 * s, 3 * s]); m[2, [0, 3]] *= s -> m",
    "np.ix_": "m[np.ix_([0, 2], [1, 3])] = np.outer(x[:2], x[2:]) -> m",
    "indices of a sort": "z = np.empty(4); z[np.argsort(x)] = np.arange(4.0) * s; x[np.argmax(x)] = 0 -> z, x",
    "a copy by indices": "v = x[[0, 1]]; v[0] = s; x[[2, 3]][0] = 5 -> v, x",
    "operators": "x += s; x -= 1; x *= x; x /= 3; x **= 2; m @= np.ones((4, 4)); m[0] //= 1.7; m[1] %= 1.3 -> x, m",
    "lists and Python numbers": "x += [1, 2, 3, 4]; x[:2] = [s, 2.0]; m[0] = 1; m[:, 1] = range(3) -> x, m",
    "broadcast when written": "m[...] = x; m[:2, 1:] = s; m[:, :1] = np.ones((3, 1)) * s; m[0] = x[None] -> m",
    "out=": "np.add(x, s, out=x); np.sin(m, out=m); np.multiply(m[0], m[1], out=m[2]); y = np.exp(-x, out=x); y += 1 -> x, m, y",
    "out= and where=": "np.multiply(x, s, out=x, where=x > 0); np.sqrt(x * x + 1, where=np.array([True, False, True, True]), out=x) -> x",
    "copyto": "np.copyto(m, x); np.copyto(m[1:], s, where=m[1:] > 0); np.copyto(x[::2], x[1::2]) -> m, x",
    "put": "np.put(m, [0, 5, -1], [s, 2 * s]); np.put(x, 1, s); x.put([2], s * s) -> m, x",
    "putmask and place": "np.putmask(x, np.array([True, False, True, True]), x[:2] * s); np.place(m, np.arange(12).reshape(3, 4) % 2 == 0, [1.0, 2.0]) -> x, m",
    "put_along_axis": "np.put_along_axis(m, np.array([[0], [2], [1]]), s, 1); np.put_along_axis(m, np.array([[1, 1, 2, 0]]), x[None], 0) -> m",
    "fill_diagonal": "np.fill_diagonal(m, s); z = np.zeros((3, 3)); np.fill_diagonal(z, x[:3]); np.fill_diagonal(m[1:], 2 * s) -> m, z",
    "add.at": "np.add.at(x, [0, 0, 1], s); np.subtract.at(m, ([0, 0], [1, 1]), x[:2]); np.add.at(m, (slice(None), [0, 0]), s) -> x, m",
    "fill and sort": "x.sort(); m[0].fill(s); m.T[1].sort(); z = np.empty((2, 2)); z.fill(s) -> x, m, z",
    "made inside": "a = np.ones(2); b = np.full((2, 2), 0.5); c = np.eye(3); d = np.linspace(0, 1, 3); e = np.zeros_like(m); f = np.arange(3.0)\nfor z in (a, b, c, d, e, f): z[0] = s -> a, b, c, d, e, f",
    "made of traced values": "a = np.full(3, s); b = np.array([s, 1.0, x[0]]); c = np.array([[s, x[1]], [0.5, 2]]); d = np.array([x, m[0]]); a[0] = 2; b[1] *= s; d[0] = 3 -> a, b, c, d, x",
    "r_ and c_": "a = np.r_[x, s, 1.0]; b = np.c_[x, np.ones(4)]; a[0] = 3; b[0] *= s -> a, b, x",
    "vectorize": "f = np.vectorize(lambda t, u: t * u + np.sin(t)); z = f(x, s); z[1] += s -> z, x",
    "integers stay integers": "k = np.zeros(4, int); k[1] = 3; z = x[k]; z += k -> z, k * 1.0",
    "Gram-Schmidt": "q = np.zeros((3, 4))\nfor i in range(3):\n    v = m[i].copy()\n    for j in range(i): v -= (q[j] @ m[i]) * q[j]\n    q[i] = v / np.sqrt(v @ v) -> q",
    "LU in place": "a = m[:, :3]; a += 5 * np.eye(3)\nfor k in range(3):\n    a[k+1:, k] /= a[k, k]\n    a[k+1:, k+1:] -= np.outer(a[k+1:, k], a[k, k+1:]) -> a, m",
    "a stencil": "for _ in range(3): m[1:-1, 1:-1] = 0.25 * (m[:-2, 1:-1] + m[2:, 1:-1] + m[1:-1, :-2] + m[1:-1, 2:]) -> m",
    "a histogram": "h = np.zeros(3); np.add.at(h, np.array([0, 2, 2, 1]), x * s); h /= h.sum() -> h",
    "a closure's variable": "def g(v): v[0] = s; return v * 2\nz = g(x) -> z, x",
    "an augmented item of a list": "z = [x, x * 2]; z[0] += s; z[1][0] = s -> z[0], z[1], x",
    "diagonal, copied": "d = np.diagonal(m).copy(); d[0] = s; m[1, 1] = 4 -> d, m",
}
# fmt: on


def function_of(row: str) -> Any:
    body, _, result = row.lstrip("?").rpartition(" -> ")
    lines = "\n".join("    " + part for part in body.replace("; ", "\n").splitlines())
    if "def g" in body:
        lines = "    def g(v):\n        v[0] = s\n        return v * 2\n    z = g(x)"
    scope: dict[str, Any] = {"np": np}
    exec(f"def f(x, m, s):\n{lines}\n    return [{result}]", scope)
    return scope["f"]


def weighed(ys: Any) -> Any:
    return sum(np.sum(np.sin(y) * (1 + 0.1 * i)) for i, y in enumerate(ys))


def known(y: Any) -> Any:
    return y.known() if hasattr(y, "known") else np.copy(y)


def run_all(f: Any, args: list[Any], jit: bool = True) -> bool:
    """Value under grad and under jit are the untraced ones, the gradient the differences'.

    False if f isn't smooth here, so that the gradient wasn't compared.
    """
    kept = [np.copy(a) for a in args]
    with np.errstate(all="ignore"):
        want = [np.copy(y) for y in f(*[np.copy(a) for a in args])]
    seen: list[Any] = []

    def total(*xs: Any) -> Any:
        ys = f(*xs)
        seen[:] = [known(y) for y in ys]
        return weighed(ys)

    numbers = tuple(range(len(args)))
    gradient = wengert.grad(total, numbers)(*args)
    same(seen, want)
    if jit:
        compiled = wengert.jit(f)
        for _ in range(2):
            same(compiled(*args), want)
    same(args, kept)
    smooth = along(lambda *xs: weighed(f(*xs)), args, gradient)
    if jit:
        again = wengert.jit(wengert.grad(lambda *xs: weighed(f(*xs)), numbers))(*args)
        for g, w in zip(again, gradient, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-9)
    same(args, kept)
    return smooth


def same(got: Any, want: Any) -> None:
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-12)


def along(f: Any, args: list[Any], gradient: Any) -> bool:
    """The gradient times a direction against central differences, where two steps agree."""
    rng = np.random.default_rng(0)
    vs = [np.copy(a) for a in args]  # in memory as the arguments are
    for v in vs:
        v[...] = rng.uniform(-1, 1, v.shape)

    def difference(h: float) -> float:
        with np.errstate(all="ignore"):
            near = [
                float(f(*[a + k * h * v for a, v in zip(args, vs, strict=True)]))
                for k in (-2, -1, 1, 2)
            ]
        return (near[0] - 8 * near[1] + 8 * near[2] - near[3]) / (12 * h)

    a, b = difference(1e-4), difference(3e-5)
    if not abs(a - b) < 1e-6 * (1 + abs(a)):
        return False  # a kink or a cliff is near
    got = sum(np.sum(g * v) for g, v in zip(gradient, vs, strict=True))
    assert got == pytest.approx(a, rel=1e-5, abs=1e-5)
    return True


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    assert run_all(function_of(PROGRAMS[name]), [X, M, S])


@pytest.mark.parametrize("name", [n for n, row in PROGRAMS.items() if row[0] == "?"])
def test_vmap_says_what_it_cannot_know(name: str) -> None:
    with pytest.raises((ConcreteError, UnsupportedError), match="view or a copy"):
        wengert.vmap(function_of(PROGRAMS[name]))(*[np.stack([a, a]) for a in (X, M, S)])


@pytest.mark.parametrize("name", [n for n, row in PROGRAMS.items() if row[0] != "?"])
def test_vmap_is_a_loop(name: str) -> None:
    f = function_of(PROGRAMS[name])
    stacks = [np.stack([a, a * 0.9, a + 0.01]) for a in (X, M, S)]
    kept = [np.copy(a) for a in stacks]
    try:
        got = wengert.vmap(f)(*stacks)
    except (ConcreteError, UnsupportedError):
        assert name in NEEDS_VALUES
        return
    assert name not in NEEDS_VALUES
    same(stacks, kept)
    rows = [f(*[np.copy(a[k]) for a in stacks]) for k in range(3)]
    same(got, [np.stack(column) for column in zip(*rows, strict=True)])


NEEDS_VALUES: set[str] = set()


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives(name: str) -> None:
    """Forward over reverse is reverse over reverse, with writes on the way."""
    f = function_of(PROGRAMS[name])
    args, vs = [X, M, S], [np.cos(X), np.cos(M), np.cos(S)]
    gradient = wengert.grad(lambda *xs: weighed(f(*xs)), (0, 1, 2))

    def slope(*xs: Any) -> Any:
        return sum(np.sum(g * v) for g, v in zip(gradient(*xs), vs, strict=True))

    forward = wengert.jvp(lambda *xs: list(gradient(*xs)), args, vs)[1]
    for a, b in zip(forward, wengert.grad(slope, (0, 1, 2))(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


# --- each function that writes, in the manner of tests/test_numpy_functions.py
# fmt: off
CALLS = """
np.copyto(m,x) np.copyto(m,s) np.copyto(m,m[::-1].copy()) np.copyto(m,x,where=m>0) np.copyto(m,2) np.copyto(m[1:],x) np.copyto(x[::-1],s) np.copyto(m,x,where=[True,False,True,False])
np.put(x,0,s) np.put(m,[0,-1],[s,2*s]) np.put(m,[0,1,2],x[:2]) np.put(m,np.array([[1,2],[3,4]]),s) np.put(x,[1,1],[s,3*s]) np.put(x,[5,-7],s,mode="wrap") np.put(x,[9,-9],[s,1.0],mode="clip") np.put(m.T,[0,1],s) x.put([0,2],s) np.put(x,[],s) m.put(-1,5)
np.putmask(m,m>0,s) np.putmask(m,m>0,x) np.putmask(m,m<9,[1.0,s]) np.putmask(m,np.eye(3,4)>0,m*s) np.putmask(x,[True,False,True,True],[s,2*s,3*s]) np.putmask(m[1:],m[1:]>0,0)
np.place(m,m>0,[s]) np.place(m,np.eye(3,4)>0,[s,2*s]) np.place(x,[True,False,True,True],x[:2]*s) np.place(x,x>99,[s]) np.place(m.T,np.eye(4,3)>0,[1,2])
np.put_along_axis(m,np.array([[0],[2],[1]]),s,1) np.put_along_axis(m,np.array([[0,1,2,1]]),x[None],0) np.put_along_axis(m,np.array([[1,2,2,0]]),x*s,axis=0) np.put_along_axis(x,np.array([2,0]),x[:2]*s,0) np.put_along_axis(m,np.array([[-1],[0],[-2]]),s,-1)
np.fill_diagonal(m,s) np.fill_diagonal(m,[s,2*s,3]) np.fill_diagonal(m.T,s) np.fill_diagonal(m.T,s,wrap=True) np.fill_diagonal(m,x[:2]) np.fill_diagonal(m[:,::-1],x) np.fill_diagonal(m[1:],0)
np.add.at(x,0,s) np.add.at(x,[0,0,3],s) np.add.at(x,[0,0,3],x[1:]*s) np.add.at(m,[0,0],x) np.add.at(m,([0,0],[1,1]),s) np.add.at(m,(slice(None),[1,1]),s) np.add.at(m,np.eye(3,4)>0,s) np.add.at(x,slice(1,3),s) np.add.at(m[1:],[0,0],x*s) np.add.at(m.T,[0,0],m[:,0]*s) np.subtract.at(x,[1,1],s) np.subtract.at(m,(0,[1,1]),x[:2]) np.add.at(x,[-1,-1],1) np.add.at(x,[],s)
x.fill(s) m.fill(2) m[0].fill(x[0]) m.T.fill(s) x.sort() m.sort() m.sort(0) m.sort(axis=-1) m[1].sort() m.T.sort()
np.add(x,s,out=x) np.sin(m,out=m) np.sin(m,m) np.add(m,x,m) np.multiply(m,m[0],out=m,where=m>0) np.exp(x,out=x,where=[True,False,True,False]) np.negative(x[::-1],out=x) np.add(x,1,out=x,dtype="f8") np.sin(m[0],out=m[1]) np.add(x[1:],x[:-1],out=x[1:]) np.sqrt(m*m,out=(m,)) np.matmul(m,np.ones((4,4)),out=m) np.sin(x[0],out=m[1])
m.__setitem__(0,s) m.__setitem__((0,1),s) m.__setitem__(slice(1,None),x) m.__setitem__(...,s) m.__setitem__((...,0),s) m.__setitem__((slice(None),[0,0]),m[:,1:3]*s) m.__setitem__(m>0,s) m.__setitem__(([0,1],slice(None,None,-1)),x*s) m.__setitem__((None,0),x*s) m.__setitem__((),s) m.__setitem__([[0],[1]],x[None,None]*s) m.__setitem__(np.int64(1),[s,1,2,3]) m.__setitem__((slice(None),-1),[s,1,2]) m.__setitem__(True,s) m.__setitem__(([0,2],None,[1,3]),s) m.__setitem__((0,[1,2]),x[:2]*s) m.__setitem__(([0,1],1),x[:2]) m.__setitem__(slice(0,0),s) m.__setitem__([],s)
"""
# fmt: on


@pytest.mark.parametrize("text", CALLS.split())
def test_call(text: str) -> None:
    code = compile(text, text, "eval")

    def f(x: Any, m: Any, s: Any) -> Any:
        eval(code, {"np": np}, {"x": x, "m": m, "s": s})
        return [x, m]

    assert run_all(f, [X, M, S])
    assert run_all(f, [X, np.asfortranarray(M), S], jit=False)


# fmt: off
FINE = {  # the finer points of memory
    "a single operand": "y = np.concatenate([x]); y[0] = s -> x, y",
    "tile by one": "y = np.tile(x, 1); y[0] = s -> x, y",
    "vstack of one": "y = np.vstack([m]); y[0] = s -> m, y",
    "append of nothing": "y = np.append(x, []); y[0] = s -> x, y",
    "astype without copy": "y = x.astype(float, copy=False); y[0] = s -> x, y",
    "array without copy": "y = np.array(x, copy=False); y[0] = s -> x, y",
    "array with ndmin": "y = np.array(x, ndmin=2); y[0, 0] = s -> x, y",
    "nan_to_num in place": "np.nan_to_num(x / x[0], copy=False); y = np.nan_to_num(x, copy=False); y[0] = s -> x, y",
    "einsum of one is a view": "v = np.einsum('ij->ji', m); v[0, 1] = s; m[0] = x -> v, m",
    "ascontiguousarray of a transpose": "v = np.ascontiguousarray(m.T); v[0] = s; w = np.asfortranarray(m); w[1] = s -> v, w, m",
    "meshgrid copies": "g = np.meshgrid(x, x)[0]; x[0] = s; h = np.trim_zeros(x); h[1] = s -> g, h, x",
    "a diagonal sees its base": "d = np.diag(m[:, :3]); e = np.diagonal(m); m[0, 0] = s -> d, e, m",
    "a broadcast sees its base": "b = np.broadcast_to(x, (2, 4)); x[0] = s -> b, x",
    "an element with an ellipsis is a view": "e = x[..., 0]; x[0] = s -> e, x",
    "ravel of a stride": "v = x[::2].ravel(); v[0] = s -> x, v",
    "full, ravelled": "a = np.full((2, 3), s); a.ravel()[1] = x[0] -> a",
    "True as an index": "m[True] = s -> m",
    "True as an index, read": "y = x[True]; z = m[True, 0] -> y, z",
    "put, mode wrap": "np.put(x, [5, -7], s, mode='wrap') -> x",
    "put, mode clip": "np.put(x, [9, -9], s, mode='clip') -> x",
    "put_along_axis, flat": "np.put_along_axis(m, np.array([5, 3]), s, None) -> m",
    "fill_diagonal with a list": "np.fill_diagonal(m, [s, 2 * s, 3]) -> m",
    "flat": "x.flat[1] = s; m.flat = 2.0 -> x, m",
    "real is a view": "x.real[1] = s; m.real *= 2 -> x, m",
    "partition": "x.partition(1); m.partition((1, 2), 0); y = np.partition(m, 1) -> x, m, y",
    "flat, read and walked": "y = x.flat[1:3]; y[0] = s; z = np.array([t * s for t in m.flat]); x.flat = [s, 2.0]; m.flat[[0, 5]] = x[:2]; w = np.sin(x.flat) -> x, m, y, z, w",
    "a copy forgets the order": "c = np.asfortranarray(m).copy(); c.ravel()[1] = s; k = np.copy(m.T); k.ravel()[1] = s; f = m.copy('F'); f.T.reshape(-1)[0] = 5 -> c, k, f, m",
    "likes keep the order": "a = np.zeros_like(m.T); v = a.ravel(); a[0, 1] = s; w = np.ones_like(m); w.ravel()[0] = s -> a, v, w",
    "ravel in each order": "a = m.T.ravel('K'); a[0] = s; b = np.ravel(m, 'F'); b[1] = s; c = m.T.ravel('A'); c[2] = s; d = m[:, :1].ravel('F'); d[0] = 7 -> a, b, c, d, m",
    "an operator keeps Fortran's order": "a = m.T * 2; v = a.ravel(); v[1] = s; b = np.sin(m); b.ravel()[2] = s -> a, v, b",
    "an element with a new axis is a view": "v = x[0, None]; v[0] = s; w = x[:1].squeeze(); x[0] = 2 * s -> v, w, x",
    "one element, in place": "x[..., 0] += s; e = m[0, ..., 1]; e *= s -> x, m, e",
    "np.astype copies": "y = np.astype(x, float); y[0] = s; z = np.array(x, copy=None); z[1] = s -> x, y, z",
    "parts of complex numbers": "z = x + 1j * s; r = z.real; i = z.imag; z *= 2; z[0] = s -> r, i",
    "asarray of a list": "a = np.asarray([0.5, 2.0, 1.0, 3.0]); y = x * a; a[0] = 9.0; a *= 2 -> y, a",
    "at, of other ufuncs": "np.multiply.at(x, [0, 0, 1], s); np.maximum.at(m, ([0, 0], [1, 1]), [s, 9.0]); np.negative.at(x, [2, 2, 3]); np.divide.at(m[1:], [0, 0], x) -> x, m",
    "out= of functions": "np.clip(x, -1, 1, out=x); np.cumsum(m, axis=0, out=m); np.mean(m, axis=0, out=m[0]); np.take(x, [1, 0], out=x[:2]); np.einsum('ij->j', m, out=x); y = np.zeros((3, 3)); np.dot(m, m.T, out=y); np.add.reduce(y, 0, out=y[0]); np.stack([x, x], out=m[:2]) -> x, m, y",
    "concatenate over its own operands": "np.concatenate([x[1:], x[:1]], out=x) -> x",
    "a mask of one condition, through a reshape": "a = np.ravel(m[1:]); b = np.where(True, a, 0) * s; np.maximum(m, 0.1, out=m) -> a, b, m",
    "two outs": "y = np.zeros(4); z = np.zeros(4); np.modf(x, out=(y, z)) -> y, z",
}
FINE_UNDER_JIT = {  # where jit may say that it can't know, but may not be wrong
    "a mask of the first axis": "m[m[:, 0] < 0] = s -> m",
    "a mask of the last axis": "m[:, x > 0] = s -> m",
    "ravel of a transpose": "v = m.T.ravel(); m[0] = s -> v, m",
    "reshape in another order": "v = np.reshape(m, -1, order='F'); m[0] = s -> v, m",
    "a part, reshaped": "v = m[:, 1:].reshape(-1); m[0] = s -> v, m",
}
# fmt: on


@pytest.mark.parametrize("name", FINE)
def test_fine(name: str) -> None:
    run_all(function_of(FINE[name]), [X, M, S], jit=False)


@pytest.mark.parametrize("name", FINE_UNDER_JIT)
def test_fine_under_jit(name: str) -> None:
    f = function_of(FINE_UNDER_JIT[name])
    try:
        got = wengert.jit(f)(X, M, S)
    except WengertError:
        return
    same(got, f(np.copy(X), np.copy(M), S))


def test_a_loop_may_not_write_outside() -> None:
    def f(x: Any) -> Any:
        z = np.zeros(2)

        def body(i: Any, t: Any) -> Any:
            z[0] = z[0] + 1.0
            return t + z[0]

        return wengert.fori_loop(0, 3, body, x) + z

    with pytest.raises(UnsupportedError, match="outside it"):
        wengert.jit(f)(S)


# fmt: off
ORDERED = (  # rows as in PROGRAMS, whose values hang on how x and m lie in memory
    "v = m.reshape(-1); v[1] = s; w = m.reshape(4, 3) -> v, w, m",
    "v = np.ravel(m, 'K'); v[1] = s -> v, m",
    "v = np.ravel(m, 'A') * 2; w = m.reshape((4, 3), order='A') * s -> v, w",
    "y = np.sin(m) * m; v = y.reshape(-1); v[0] = s -> v, y, m",
    "y = m.T + np.ones(3); v = y.ravel(); v[2] = s; w = x.ravel(); w[0] = s -> v, y, w, x",
    "y = np.asfortranarray(m); y[0, 0] = s; z = np.zeros_like(m); z[0] = m[0]; v = z.reshape(-1); v[2] = s -> y, m, z, v",
    "v = m.reshape((4, 3), order='F'); v[0, 1] = s; w = m[1].ravel(); w[1] = s -> v, w, m",
    "v = m.ravel(); v[1] = s\nif m[0, 0] > m[0, 1]: m.T.reshape(-1)[2] = s -> m, v",
)
# fmt: on


def lying(base: Any) -> list[Any]:
    """The same numbers in C's order, in Fortran's, with gaps, and backwards."""
    gaps = np.zeros([2 * n for n in base.shape])
    gapped = gaps[tuple([slice(None, None, 2)] * base.ndim)]
    gapped[...] = base
    return [base.copy(), np.asfortranarray(base), gapped, base[::-1].copy()[::-1]]


def alike(x: Any) -> Any:
    """A copy with the strides of x."""
    room = np.empty(200)
    y = np.lib.stride_tricks.as_strided(room[100:], x.shape, x.strides)
    y[...] = x
    return y


@pytest.mark.parametrize("row", ORDERED)
def test_order_in_memory(row: str) -> None:
    """One compiled function, called with arrays that lie in memory in one way and another."""
    f = function_of(row)
    inner = wengert.jit(f)
    around = wengert.jit(lambda *xs: inner(*xs))
    within = wengert.jit(lambda *xs: wengert.jvp(f, xs, xs)[0])
    doors = (inner, around, within, lambda *xs: wengert.jvp(inner, xs, xs)[0])
    for x, m in list(zip(lying(X), lying(M), strict=True)) * 2:
        want = f(alike(x), alike(m), S)
        for door in doors:
            same(door(x, m, S), want)


def test_a_list_holds_for_one_order_only_where_it_matters() -> None:
    for row, lists in (("v = m.reshape(-1); v[0] = s -> v, m", 2), ("v = m.reshape(-1) -> v", 1)):
        compiled = wengert.jit(function_of(row))
        for m in (M, np.asfortranarray(M), M):
            compiled(X, m, S)
        assert len(compiled.cache) == lists, row


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(writings())
def test_random_programs(drawn: Written) -> None:
    """What NumPy computes, or an error of ours; never another number."""
    try:
        run_all(drawn.function, drawn.args, jit=False)
    except WengertError:
        return
    try:
        run_all(drawn.function, drawn.args)
    except WengertError:
        return
