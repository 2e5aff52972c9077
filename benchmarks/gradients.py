"""Gradients in float64: wengert beside jax, torch, autograd, and NumPy and C written by hand.

    python -m benchmarks.gradients --json rows.json

The answer is the norm of the derivative. C is compiled with cc -O3 -march=native -ffast-math.
"""

import argparse
import ctypes
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.contest import Entry, Work, contest, heading, row, show
from benchmarks.timing import save

CHAIN, A, B = 200, 1.1, 0.3


def rosenbrock(np, lib):
    return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def notes(np, lib):
    return lambda x: (x[0] * x[1] * np.sin(x[2]) + np.exp(x[0] * x[1])) / x[2]


def mixture(np, lib, X):
    """-log p(X): weights softmax(a), means M, inverse roots of covariances strictly lower L + exp S."""
    d = X.shape[1]
    below, one = np.tril(np.ones((d, d)), -1), np.eye(d)

    def loss(params):
        a, M, S, L = params
        Q = L * below + np.exp(S)[:, :, None] * one
        Z = np.matmul(X[None] - M[:, None], np.swapaxes(Q, 1, 2))
        E = (a + np.sum(S, axis=1))[:, None] - 0.5 * np.sum(Z**2, axis=2)
        shift = np.max(E, axis=0)
        lse = shift + np.log(np.sum(np.exp(E - shift), axis=0))
        return len(X) * np.log(np.sum(np.exp(a))) - np.sum(lse)

    return loss


def chain(np, lib):
    def total(x):
        if lib == "jax":  # unrolled, 80 links take XLA five seconds a call
            import jax

            return np.sum(jax.lax.fori_loop(0, CHAIN, lambda _, x: np.sin(x) * A + B, x))
        for _ in range(CHAIN):
            x = np.sin(x) * A + B
        return np.sum(x)

    return total


def logistic(np, lib, X, y):
    return lambda w: np.mean(np.logaddexp(0.0, X @ w) - y * (X @ w))


def stencil(np, lib):
    return lambda u: 100.0 * (u[2:] - 2.0 * u[1:-1] + u[:-2]) + np.sin(u[1:-1])


def scanned(lib, step, state, xs):
    if lib == "wengert":
        import wengert

        return wengert.scan(step, state, xs)[0]
    if lib == "jax":
        import jax

        return jax.lax.scan(step, state, xs)[0]
    for x in xs:
        state, _ = step(state, x)
    return state


def recurrence(np, lib, xs):
    def loss(params):
        W, b = params
        return np.sum(scanned(lib, lambda h, x: (np.tanh(h @ W + x + b), 0.0), b * 0.0, xs) ** 2)

    return loss


def orbit(np, lib, steps):
    """A thousand Runge-Kutta steps of hunters and hunted, from p[4:] with the rates p[:4]."""
    h = 0.01

    def loss(p):
        def f(u, v):
            return p[0] * u - p[1] * u * v, p[2] * u * v - p[3] * v

        def step(state, _):
            u, v = state
            a, b = f(u, v)
            c, d = f(u + h / 2 * a, v + h / 2 * b)
            e, g = f(u + h / 2 * c, v + h / 2 * d)
            i, j = f(u + h * e, v + h * g)
            return (u + h / 6 * (a + 2 * c + 2 * e + i), v + h / 6 * (b + 2 * d + 2 * g + j)), 0.0

        u, v = scanned(lib, step, (p[4], p[5]), steps)
        return u * u + v * v

    return loss


# ------------------------------------------------------------------------ by hand, in NumPy
def rosenbrock_by_hand(x):
    t = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[:-1] = -400.0 * t * x[:-1] - 2.0 * (1.0 - x[:-1])
    g[1:] += 200.0 * t
    return g


def notes_by_hand(x):
    a, b, c = x.tolist()
    e, s = np.exp(a * b), np.sin(c)
    return np.array(
        [(b * s + b * e) / c, (a * s + a * e) / c, (a * b * np.cos(c) - (a * b * s + e) / c) / c]
    )


def mixture_by_hand(params, X):
    a, M, S, L = params
    d = X.shape[1]
    diagonal = np.exp(S)
    Q = np.tril(L, -1)
    Q[:, range(d), range(d)] = diagonal
    D = X[None] - M[:, None]
    Z = D @ Q.swapaxes(1, 2)
    E = (a + S.sum(1))[:, None] - 0.5 * np.einsum("kni,kni->kn", Z, Z)
    E -= E.max(0)
    np.exp(E, out=E)
    E /= E.sum(0)
    share = E.sum(1)
    Z *= E[:, :, None]
    dQ = Z.swapaxes(1, 2) @ D
    dM = -(Z.sum(1)[:, None] @ Q)[:, 0]
    dS = dQ[:, range(d), range(d)] * diagonal - share[:, None]
    e = np.exp(a - a.max())
    return len(X) * e / e.sum() - share, dM, dS, np.tril(dQ, -1)


def hvp_by_hand(w, v, X, y):
    s = 1.0 / (1.0 + np.exp(-(X @ w)))
    return ((s * (1.0 - s) * (X @ v)) @ X) / len(X)


def hessian_by_hand(w, X, y):
    s = 1.0 / (1.0 + np.exp(-(X @ w)))
    return (X * (s * (1.0 - s) / len(X))[:, None]).T @ X


def stencil_by_hand(u):
    n = len(u) - 2
    J = np.zeros((n, n + 2))
    i = np.arange(n)
    J[i, i] = J[i, i + 2] = 100.0
    J[i, i + 1] = np.cos(u[1:-1]) - 200.0
    return J


def chain_by_hand(x):
    d = np.ones_like(x)
    for _ in range(CHAIN):
        d *= A * np.cos(x)
        x = np.sin(x) * A + B
    return d


# --------------------------------------------------------------------------- by hand, in C
SOURCE = """
#include <math.h>
#include <string.h>
void rosenbrock(const double *restrict x, double *restrict g, long n) {
  for (long i = 0; i < n - 1; i++) {
    double t = x[i + 1] - x[i] * x[i], p = i ? x[i] - x[i - 1] * x[i - 1] : 0;
    g[i] = -400 * t * x[i] - 2 * (1 - x[i]) + 200 * p;
  }
  g[n - 1] = 200 * (x[n - 1] - x[n - 2] * x[n - 2]);
}
void notes(const double *x, double *g, long n) {
  double e = exp(x[0] * x[1]), s = sin(x[2]), c = cos(x[2]);
  g[0] = x[1] * (s + e) / x[2];
  g[1] = x[0] * (s + e) / x[2];
  g[2] = (x[0] * x[1] * c - (x[0] * x[1] * s + e) / x[2]) / x[2];
}
void chain(const double *restrict x, double *restrict g, long n) {
  for (long i = 0; i < n; i += 64) {
    long m = n - i < 64 ? n - i : 64;
    double y[64], d[64];
    for (long j = 0; j < m; j++) { y[j] = x[i + j]; d[j] = 1; }
    for (int k = 0; k < 200; k++)
      for (long j = 0; j < m; j++) { d[j] *= 1.1 * cos(y[j]); y[j] = sin(y[j]) * 1.1 + 0.3; }
    memcpy(g + i, d, m * sizeof *d);
  }
}
void stencil(const double *restrict u, double *restrict J, long n) {
  memset(J, 0, (n - 2) * n * sizeof *J);
  for (long i = 0; i < n - 2; i++) {
    J[i * n + i] = J[i * n + i + 2] = 100;
    J[i * n + i + 1] = cos(u[i + 1]) - 200;
  }
}
"""


def by_c(name, x, shape):
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "by_hand.c"), Path(folder, "by_hand.so")
        source.write_text(SOURCE)
        flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, source, "-o", library, "-lm"], check=True)
        f = getattr(ctypes.CDLL(str(library)), name)
    f.argtypes, f.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long], None
    # the result is kept: a fresh array a call is what the others pay, so this is C at its best
    out = np.empty(shape)
    source, goal, n = x.ctypes.data, out.ctypes.data, len(x)
    return Work(lambda: f(source, goal, n), answer=lambda: (f(source, goal, n), norm(out))[1])


# ------------------------------------------------------------------------- the contestants
def norm(tree):
    if isinstance(tree, (list, tuple)):
        return float(f"{np.sqrt(sum(norm(t) ** 2 for t in tree)):.10g}")
    return float(f"{np.linalg.norm(np.asarray(tree)):.10g}")


def work(call, *args):
    return Work(lambda: call(*args), answer=lambda: norm(call(*args)))


def by_numpy(f, *args):
    return work(f, *args)


def by_wengert(make, kind, args, more):
    import wengert as wg

    f = make(np, "wengert", *more)
    kinds = {"grad": wg.grad, "hessian": wg.hessian, "jacobian": wg.jacobian}
    if kind == "hvp":
        return work(wg.jit(lambda w, v: wg.hvp(f, (w,), (v,))), *args)
    return work(wg.jit(kinds[kind](f)), *args)


def by_jax(make, kind, args, more):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    args, more = jax.tree.map(jnp.asarray, (args, more))
    f = make(jnp, "jax", *more)
    kinds = {"grad": jax.grad, "hessian": jax.hessian, "jacobian": jax.jacobian}
    if kind == "hvp":
        run = jax.jit(lambda w, v: jax.jvp(jax.grad(f), (w,), (v,))[1])
    else:
        run = jax.jit(kinds[kind](f))
    return work(lambda *a: jax.block_until_ready(run(*a)), *args)


def by_autograd(make, kind, args, more):
    import autograd
    import autograd.numpy as anp

    f = make(anp, "autograd", *more)
    kinds = {"grad": autograd.grad, "hessian": autograd.hessian, "jacobian": autograd.jacobian}
    if kind == "hvp":
        return work(autograd.hessian_vector_product(f), *args)
    return work(kinds[kind](f), *args)


class Spelled:
    """NumPy's names for torch's functions."""

    def __init__(self, torch):
        self.torch = torch

    def __getattr__(self, name):
        return getattr(self.torch, name)

    def sum(self, x, axis=None):
        return self.torch.sum(x) if axis is None else self.torch.sum(x, axis)

    def max(self, x, axis):
        return self.torch.amax(x, axis)

    def eye(self, n):
        return self.torch.eye(n, dtype=self.torch.float64)

    def ones(self, shape):
        return self.torch.ones(shape, dtype=self.torch.float64)

    def logaddexp(self, a, b):
        return self.torch.nn.functional.softplus(b)


def by_torch(threads, make, kind, args, more):
    import torch

    torch.set_num_threads(threads)

    def tensors(tree):
        if isinstance(tree, (list, tuple)):
            return tuple(tensors(t) for t in tree)
        return torch.tensor(tree)

    args, more = tensors(args), tensors(more)
    f = make(Spelled(torch), "torch", *more)
    if kind == "grad":
        leaves = args[0] if isinstance(args[0], tuple) else args
        for leaf in leaves:
            leaf.requires_grad_(True)
        return Work(
            lambda: torch.autograd.grad(f(*args), leaves),
            answer=lambda: norm(torch.autograd.grad(f(*args), leaves)),
        )
    F = torch.func
    if kind == "hvp":
        return work(lambda w, v: F.jvp(F.grad(f), (w,), (v,))[1], *args)
    return work(F.hessian(f) if kind == "hessian" else F.jacrev(f), *args)


def works():
    """Name, function, kind of derivative, arguments, what it closes over, by hand, in C, shape."""
    rng = np.random.default_rng(0)
    for n, name in ((1000, "1e3"), (1_000_000, "1e6")):
        x = rng.normal(size=n)
        yield (
            f"Rosenbrock, n = {name}",
            rosenbrock,
            "grad",
            (x,),
            (),
            rosenbrock_by_hand,
            "rosenbrock",
            n,
        )
    for d, k in ((10, 25), (64, 100)):
        X = rng.normal(size=(1000, d))
        p = [rng.normal(size=s) for s in ((k,), (k, d), (k, d), (k, d, d))]
        p[2] *= 0.1
        p[3] *= 0.1
        hand = partial(mixture_by_hand, X=X)
        yield (
            f"Gaussian mixture, d={d} k={k} n=1000",
            mixture,
            "grad",
            (tuple(p),),
            (X,),
            hand,
            None,
            None,
        )
    x = np.array([1.0, 2.0, 3.0])
    yield "the notes' f(x)", notes, "grad", (x,), (), notes_by_hand, "notes", 3
    x = rng.normal(size=100_000)
    yield "chain of 200 sines, n = 1e5", chain, "grad", (x,), (), chain_by_hand, "chain", 100_000
    X, y = rng.normal(size=(2000, 100)), rng.integers(0, 2, 2000).astype(float)
    w, v = rng.normal(size=100) * 0.1, rng.normal(size=100)
    hand = partial(hvp_by_hand, X=X, y=y)
    yield "Hessian-vector, logistic 2000x100", logistic, "hvp", (w, v), (X, y), hand, None, None
    hand = partial(hessian_by_hand, X=X, y=y)
    yield "Hessian, logistic 2000x100", logistic, "hessian", (w,), (X, y), hand, None, None
    u = rng.normal(size=1000)
    yield (
        "Jacobian of a stencil, n = 1000",
        stencil,
        "jacobian",
        (u,),
        (),
        stencil_by_hand,
        "stencil",
        (998, 1000),
    )
    p = (rng.normal(size=(32, 32)) * 0.2, rng.normal(size=32) * 0.1)
    xs = rng.normal(size=(200, 32))
    yield "recurrence, 32 wide, 200 steps", recurrence, "grad", (p,), (xs,), None, None, None
    p = np.array([1.1, 0.4, 0.1, 0.4, 2.0, 1.0])
    yield (
        "1000 Runge-Kutta steps, 2 states",
        orbit,
        "grad",
        (p,),
        (np.zeros(1000),),
        None,
        None,
        None,
    )


def entries(make, kind, args, more, hand, in_c, shape):
    case = (make, kind, args, more)
    yield Entry("wengert", by_wengert, case, 1)
    if in_c and shutil.which("cc"):
        yield Entry("C by hand", by_c, (in_c, args[0], shape), 1)
    for n in (1, 2):
        if hand and (n == 1 or more):
            yield Entry("NumPy by hand", by_numpy, (hand, *args), n)
        yield Entry("jax", by_jax, case, n, ("jax",))
        yield Entry("torch", by_torch, (n, *case), n, ("torch",))
    yield Entry("autograd", by_autograd, case, 1, ("autograd",))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each contestant of a row")
    parser.add_argument("--only", type=int, nargs="*", help="the numbers of the rows, from 0")
    options = parser.parse_args()
    heading("torch", "jax", "autograd")
    if not shutil.which("cc"):
        print("# C: skipped, there is no cc")
    table = []
    for i, (name, *case) in enumerate(works()):
        if options.only is None or i in options.only:
            results = contest(list(entries(*case)), options.seconds)
            table.append(row(name, None, results))
            show(table[-1])
            save(table, options.json)


if __name__ == "__main__":
    main()
