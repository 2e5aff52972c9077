"""np.fft on stand-ins: values, both modes against each other, every n, axis and norm."""

import numpy as np
import pytest

import wengert
from wengert import check_grads, grad, jvp, vjp

RNG = np.random.default_rng(3)
X = RNG.standard_normal((3, 4, 5))
Z = X + 1j * RNG.standard_normal(X.shape)
NORMS = (None, "backward", "ortho", "forward")
REAL = ("rfft", "ihfft", "rfft2", "rfftn")

ALONG_ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
ALONG_MORE = ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"]
SHAPES = [
    {}, {"axes": (0, 1)}, {"axes": (2, 0)}, {"s": (3, 6), "axes": (0, 2)}, {"s": (6, 2), "axes": (2, 1)},
    {"s": (2, 4), "axes": (-2, -1)}, {"s": (-1, 4), "axes": (0, 1)}, {"s": (5, -1), "axes": (0, 1)},
]  # fmt: skip


def operands(name):
    return (X,) if name in REAL else (X, Z)


def like(x):
    turn = 1j * RNG.standard_normal(x.shape) if x.dtype.kind == "c" else 0
    return np.asarray(RNG.standard_normal(x.shape) + turn, x.dtype)


def linear(f, x, tolerance=1e-14):
    """f is a linear map: its value is NumPy's, J v is f(v), and <u, J v> = <J' u, v>."""
    v = like(x)
    (y, dy), wanted = jvp(f, (x,), (v,)), f(x)
    assert (y.dtype, y.shape) == (wanted.dtype, wanted.shape)
    size = np.max(np.abs(wanted))
    assert np.max(np.abs(y - wanted)) < tolerance * size
    assert np.max(np.abs(dy - f(v))) < tolerance * np.max(np.abs(dy))
    u = like(y)
    (back,) = vjp(f, x)[1](u)
    assert (back.dtype, back.shape) == (x.dtype, x.shape)
    error = abs(np.real(np.vdot(u, dy)) - np.real(np.vdot(back, v)))
    assert error < tolerance * np.linalg.norm(u) * np.linalg.norm(dy)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ALONG_ONE)
def test_along_one_axis(name, norm):
    f = getattr(np.fft, name)
    for x in operands(name):
        for n in (None, 1, 2, 3, 4, 5, 6, 8):
            for axis in (-1, 0, 1):
                linear(lambda a, n=n, axis=axis: f(a, n, axis, norm), x)
        linear(lambda a: f(a, norm=norm), x.astype("f4" if x.dtype.kind == "f" else "c8"), 3e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ALONG_MORE)
def test_along_several_axes(name, norm):
    f = getattr(np.fft, name)
    for x in operands(name):
        for given in SHAPES:
            linear(lambda a, given=given: f(a, **given, norm=norm), x)


@pytest.mark.parametrize("axes", [None, 0, (0, 2), -1])
def test_shifts(axes):
    linear(lambda a: np.fft.fftshift(a, axes), X)
    linear(lambda a: np.fft.ifftshift(a, axes), Z)


def test_second_order():
    check_grads(lambda x: np.abs(np.fft.rfft(x)) ** 2, X[0])
    check_grads(lambda z: np.sin(np.fft.irfft(z, 6)), Z[0])
    check_grads(lambda z: np.abs(np.fft.ifft2(np.exp(np.fft.fft2(z, norm="ortho")))), Z[0] / 4)


def test_a_batch_is_a_loop():
    def power(x):
        return np.sum(np.abs(np.fft.rfft(x, 8)) ** 3) + np.sum(
            np.sin(np.fft.irfft(np.fft.fft(x), 6))
        )

    rows, loop = X[0], np.stack([grad(power)(x) for x in X[0]])
    assert wengert.vmap(grad(power))(rows) == pytest.approx(loop, rel=1e-13)
    assert wengert.vmap(wengert.jit(grad(power)))(rows) == pytest.approx(loop, rel=1e-13)
    assert wengert.vmap(grad(power))(rows[:0]).shape == (0, 5)


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    for name in (*ALONG_ONE, *ALONG_MORE):
        for x in operands(name):
            t = torch.tensor(x, requires_grad=True)
            (getattr(torch.fft, name)(t).abs() ** 2).sum().backward()
            ours = grad(lambda a, n=name: np.sum(np.abs(getattr(np.fft, n)(a)) ** 2))(x)
            assert ours == pytest.approx(t.grad.resolve_conj().numpy(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "f",
    [lambda x: np.fft.fft(x, 0), lambda x: np.fft.fft(x, norm="x"), lambda x: np.fft.rfft(1j * x)],
)
def test_mistakes_are_numpys_too(f):
    with pytest.raises((ValueError, TypeError)) as ours:
        jvp(f, (X,), (X,))
    with pytest.raises(ours.type):
        f(X)
