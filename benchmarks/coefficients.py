"""The coefficients of the native machine's words: `python benchmarks/coefficients.py` prints them.

Each row interpolates in the nodes of Chebyshev's polynomials (within a factor of two of the best
polynomial), solved in 60 digits and rounded. Written out in backends/llvm/words/coefficients.py.
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def nodes(low, high, count):
    """Chebyshev's points of an interval."""
    return [
        (low + high + (high - low) * mp.cos(mp.pi * (2 * i + 1) / (2 * count))) / 2
        for i in range(count)
    ]


def fit(f, low, high, count):
    """c with f(z) = c0 + c1 z + ... at Chebyshev's points."""
    zs = nodes(mp.mpf(low), mp.mpf(high), count)
    matrix = mp.matrix([[z**j for j in range(count)] for z in zs])
    return mp.lu_solve(matrix, mp.matrix([f(z) for z in zs]))


def erfc_front(t):
    """(1 + 2x) exp(x^2) erfc(x) where t = (x - 4) / (x + 4). Shepherd, Laframboise 1981."""
    x = 4 * (1 + t) / (1 - t) if t < 1 else mp.inf
    if x > 1e4:
        return 2 / mp.sqrt(mp.pi) * (1 + 1 / (2 * x))
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def root(f):
    """f of the square root, so that f(x) = g(x^2) where f is even."""
    return lambda z: f(mp.sqrt(z))


PI, LN2 = mp.pi, mp.ln(2)
# fmt: off
# name, function, from, to, number of coefficients in float64 and in float32
ROWS = (
    ("EXP",    lambda r: (mp.expm1(r) - r) / r**2,                    -0.3475, 0.3477, 10, 5),
    ("ATANH",  root(lambda s: 2 * (mp.atanh(s) / s - 1) / s**2),      0, 0.02955, 7, 3),
    ("LOG",    lambda f: (mp.log1p(f) - f + f * f / 2) / f**3,        -0.2930, 0.4143, 20, 9),
    ("SIN4",   root(lambda r: (mp.sin(r) - r) / r**3),                0, 0.6200, 6, 3),
    ("COS4",   root(lambda r: (mp.cos(r) - 1 + r * r / 2) / r**4),    0, 0.6200, 6, 3),
    ("TAN",    root(lambda r: (mp.tan(r) - r) / r**3),                0, 0.6200, 14, 6),
    ("ARCTAN", root(lambda t: (mp.atan(t) - t) / t**3),               0, 1, 20, 9),
    ("ARCSIN", root(lambda s: (mp.asin(s) - s) / s**3),               0, 0.3165, 14, 6),
    ("SINH",   root(lambda x: (mp.sinh(x) - x) / x**3),               0, 1, 7, 4),
    ("ERF",    root(lambda x: mp.erf(x) / x - 1),       0, 1, 14, 7),
    ("ERFC",   erfc_front,                                            -1, 1, 26, 13),
    ("CBRT",   lambda m: m ** (-mp.mpf(1) / 3),                       0.7, 1.415, 5, 5),
    ("POWER",  root(lambda s: (mp.atanh(s) / s - 1 - s**2 / 3) / s**4), 0, 0.02955, 8, 1),
    ("POWER_LOG", root(lambda s: 2 * mp.atanh(s) / s / LN2),         0, 0.02955, 5, 4),
    ("POWER_EXP", lambda r: mp.mpf(2)**r,                            -0.501, 0.502, 7, 6),
)
# fmt: on


def main():
    for name, f, low, high, *counts in ROWS:
        print(f"{name} = {{")
        for size, count, dtype in zip((8, 4), counts, (np.float64, np.float32), strict=True):
            values = [repr(float(dtype(float(c)))) for c in fit(f, low, high, count)]
            print(f"    {size}: ({', '.join(values)},),")
        print("}")


if __name__ == "__main__":
    main()
