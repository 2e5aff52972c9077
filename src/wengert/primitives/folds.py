"""Folds that are no sums: products. Differentiated as they are made, by halves, with no division.

prod([0, 2, 3]) has the gradient [6, 0, 0]; dividing the product by each factor would give nan.
"""

import math

import numpy as np

from wengert.ir.families import Along, Reduction
from wengert.ir.primitive import composed


def _prod_by_halves(x, axes):
    kept = [i for i in range(len(x.shape)) if i not in axes]
    folded, rest = ([x.shape[i] for i in part] for part in (axes, kept))
    y = np.reshape(np.transpose(x, (*axes, *kept)), (math.prod(folded), *rest))
    if y.shape[0] == 0:
        return np.ones(y.shape[1:], y.dtype) + 0 * np.add.reduce(y, axis=0)
    while (n := y.shape[0]) > 1:
        half = y[: n // 2] * y[n // 2 : 2 * (n // 2)]
        y = np.concatenate([half, y[-1:]]) if n % 2 else half
    return y[0]


def _cumprod_by_doubling(x, axis):
    """y[i] = x[0] ... x[i] in log n rounds: each multiplies by what stands 1, 2, 4, ... before."""
    y, shift = np.moveaxis(x, axis, 0), 1
    while shift < y.shape[0]:
        y = np.concatenate([y[:shift], y[shift:] * y[:-shift]])
        shift *= 2
    return np.moveaxis(y, 0, axis)


# fmt: off
prod = composed("prod", lambda x, axes: np.multiply.reduce(x, axis=axes), Reduction(), _prod_by_halves, notation="prod {}")
cumprod = composed("cumprod", lambda x, axis: np.multiply.accumulate(x, axis=axis), Along(), _cumprod_by_doubling, notation="cumprod {}")
# fmt: on
