"""np.fft in primitives: the axis moves to the end, is cut or filled to n, and scaled by norm."""

from math import sqrt
from typing import Any

import numpy as np

from wengert.primitives import fourier
from wengert.primitives.linalg import complex_dtype
from wengert.trace.spellings.registry import axis_of, no_extras, spells
from wengert.trace.unify import array

SWAP = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _norm(norm: Any) -> str:
    name = "backward" if norm is None else norm
    if name not in SWAP:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return str(name)


def _scaled(y: Any, n: int, norm: Any, inverse: bool) -> Any:
    """Divided by n in the inverse, in the forward direction, or by its root in both."""
    name = _norm(norm)
    if name == "ortho":
        return y * (1 / sqrt(n))
    return y * (1 / n) if (name == "backward") == inverse else y


def _fitted(x: Any, n: int) -> Any:
    """The last axis cut or filled with zeros to length n."""
    size = x.shape[-1]
    if n < size:
        return x[..., :n]
    return x if n == size else np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n - size)])


def _length(n: Any, default: int) -> int:
    count = default if n is None else int(n)
    if count < 1:
        raise ValueError(f"Invalid number of FFT data points ({count}) specified.")
    return count


def _floats(x: Any, kind: str) -> Any:
    """x as complex floats (kind "c"), or as real ones (kind "f"; TypeError if it isn't real)."""
    x = array(x)
    if x.dtype.kind in "biu":
        x = np.astype(x, np.float64)
    if kind == "f" and x.dtype.kind == "c":
        raise TypeError("ufunc 'rfft' did not contain a loop with signature matching types complex")
    return np.astype(x, complex_dtype(x.dtype)) if kind == "c" and x.dtype.kind != "c" else x


def _transform(inverse: bool) -> Any:
    def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
        no_extras("np.fft.fft", out=out)
        x = np.moveaxis(_floats(a, "c"), axis, -1)
        n = _length(n, x.shape[-1])
        y = _scaled(fourier.fft(_fitted(x, n), inverse=inverse), n, norm, inverse)
        return np.moveaxis(y, -1, axis)

    return fft


fft = spells(np.fft.fft)(_transform(inverse=False))
ifft = spells(np.fft.ifft)(_transform(inverse=True))


@spells(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    no_extras("np.fft.rfft", out=out)
    x = np.moveaxis(_floats(a, "f"), axis, -1)
    n = _length(n, x.shape[-1])
    return np.moveaxis(_scaled(fourier.rfft(_fitted(x, n)), n, norm, False), -1, axis)


@spells(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    no_extras("np.fft.irfft", out=out)
    z = np.moveaxis(_floats(a, "c"), axis, -1)
    n = _length(n, 2 * (z.shape[-1] - 1))
    y = fourier.irfft(_fitted(z, n // 2 + 1), n=n)
    return np.moveaxis(_scaled(y, n, norm, True), -1, axis)


@spells(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return irfft(np.conjugate(array(a)), n, axis, SWAP[_norm(norm)], out)


@spells(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return np.conjugate(rfft(a, n, axis, SWAP[_norm(norm)], out))


def _lengths(x: Any, s: Any, axes: Any) -> tuple[list[int | None], list[int]]:
    """The length of each axis (None: the transform's own default) and the axes, in order."""
    if axes is None:
        axes = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
    axes = [axis_of(a, x.ndim) for a in axes]
    if s is not None and len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    asked = [None] * len(axes) if s is None else s
    return [x.shape[a] if n == -1 else n for n, a in zip(asked, axes, strict=True)], axes


def _over_axes(one: Any) -> Any:
    """A transform along several axes, the last first."""

    def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
        x = array(a)
        lengths, axes = _lengths(x, s, axes)
        for n, axis in reversed(list(zip(lengths, axes, strict=True))):
            x = one(x, n, axis, norm, out)
        return x

    return fftn


fftn = spells(np.fft.fftn)(_over_axes(fft))
ifftn = spells(np.fft.ifftn)(_over_axes(ifft))


@spells(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    x = array(a)
    lengths, axes = _lengths(x, s, axes)
    y = rfft(x, lengths[-1], axes[-1], norm, out)
    for n, axis in zip(lengths[:-1], axes[:-1], strict=True):
        y = fft(y, n, axis, norm, out)
    return y


@spells(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    z = array(a)
    lengths, axes = _lengths(z, s, axes)
    for n, axis in zip(lengths[:-1], axes[:-1], strict=True):
        z = ifft(z, n, axis, norm, out)
    return irfft(z, lengths[-1], axes[-1], norm, out)


def _over_two(many: Any) -> Any:
    def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
        return many(a, s, axes, norm, out)

    return fft2


spells(np.fft.fft2)(_over_two(fftn))
spells(np.fft.ifft2)(_over_two(ifftn))
spells(np.fft.rfft2)(_over_two(rfftn))
spells(np.fft.irfft2)(_over_two(irfftn))


def _shift(x: Any, axes: Any, half: Any) -> Any:
    axes = range(x.ndim) if axes is None else np.atleast_1d(axes).tolist()
    return np.roll(x, [half(x.shape[a]) for a in axes], list(axes))


@spells(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """The zero frequency to the middle: a view of rolled halves."""
    return _shift(x, axes, lambda n: n // 2)


@spells(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    return _shift(x, axes, lambda n: -(n // 2))
