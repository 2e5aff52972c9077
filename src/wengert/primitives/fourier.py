"""Discrete Fourier transforms along the last axis, without a scale: three linear maps.

With w = exp(-2 pi i / n): fft y_j = sum_k w^jk x_k. Its matrix is symmetric, so that it is its own
adjoint (products pair bilinearly); rfft keeps the first half of what a real signal has, irfft is n
times the way back. All else that np.fft knows is made of them.
"""

import numpy as np

from wengert.ir.families import Opaque
from wengert.ir.primitive import linear
from wengert.primitives.linalg import complex_dtype, real_dtype


def _fft(x, inverse):
    return np.fft.ifft(x, norm="forward") if inverse else np.fft.fft(x)


def _weights(n, dtype, inside):
    """1 where a frequency stands alone (0, n/2 if n is even), `inside` where two are conjugate."""
    w = np.full(n // 2 + 1, inside, dtype)
    w[0] = 1
    if n % 2 == 0:
        w[-1] = 1
    return w


def _rfft_adjoint(u, x):
    """sum_j Re(u_j w^jk)."""
    n = x.shape[-1]
    return irfft(np.conjugate(u) * _weights(n, x.dtype, 0.5), n=n)


def _irfft_adjoint(u, z, n):
    """c_j sum_k w^-jk u_k, with c_j = 2 for each frequency that stands for two."""
    return np.conjugate(rfft(u)) * _weights(n, u.dtype, 2.0)


def _signal(*shape, **params):
    return lambda rng: ((rng.standard_normal(shape),), params)


def _spectrum(*shape, **params):
    return lambda rng: ((rng.standard_normal(shape) + 1j * rng.standard_normal(shape),), params)


# fmt: off
fft   = linear("fft", _fft, Opaque("(n)->(n)"), lambda u, x, inverse: fft(u, inverse=inverse),                           notation="fft {}", example=_spectrum(5, inverse=False))
rfft  = linear("rfft", lambda x: np.fft.rfft(x), Opaque("(n)->(m)", lambda x: {"m": x.shape[-1] // 2 + 1}, lambda d: (complex_dtype(d),)),
    _rfft_adjoint,                                                                                                       notation="rfft {}", example=_signal(6))
irfft = linear("irfft", lambda z, n: np.fft.irfft(z, n, norm="forward"), Opaque("(m)->(n)", lambda z, n: {"n": n}, lambda d: (real_dtype(d),)),
    _irfft_adjoint,                                                                                                      notation="irfft {}", example=_spectrum(4, n=6))
# fmt: on
