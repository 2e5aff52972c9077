"""L-BFGS through SciPy, for a loss of a whole tree of parameters and all samples at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert import tree

__all__ = ["LBFGS", "minimize"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LBFGS:
    """Quasi-Newton steps from the last `memory` gradients; an epoch of `nn.train` is one of them.

    Full batches, float64 inside. Stops where the largest entry of |g| is below `tolerance`.
    Liu, Nocedal 1989, On the limited memory BFGS method; SciPy's L-BFGS-B without bounds.
    """

    memory: int = 10
    tolerance: float = 1e-6


def minimize(
    f: Callable[[Any], tuple[Any, Any]],
    params: Any,
    *,
    method: LBFGS,
    iterations: int,
    after: Callable[[Any, float], bool],
) -> None:
    """Lower f, which gives (value, gradient tree), from `params` by at most `iterations` steps.

    `after(params, value)` is called after each step and ends the run by returning True.

    >>> import numpy as np
    >>> found = []
    >>> f = lambda w: (float(np.sum((w - 3) ** 2)), 2 * (w - 3))
    >>> keep = lambda w, value: found.append(w) or False
    >>> minimize(f, np.zeros(2), method=LBFGS(), iterations=20, after=keep)
    >>> found[-1].round(6)
    array([3., 3.])
    """
    import scipy.optimize  # slow to import, and only this function needs it

    leaves, structure = tree.flatten(params)
    shapes = [np.shape(leaf) for leaf in leaves]
    dtypes = [np.asarray(leaf).dtype for leaf in leaves]
    ends = np.cumsum([np.size(leaf) for leaf in leaves])

    def unravel(x: Vector) -> Any:
        pieces = zip(np.split(x, ends[:-1]), shapes, dtypes, strict=True)
        return structure.unflatten([p.reshape(s).astype(d) for p, s, d in pieces])

    def ravel(params: Any) -> Vector:
        parts = [np.ravel(np.asarray(leaf, np.float64)) for leaf in tree.flatten(params)[0]]
        return np.concatenate(parts)

    def fun(x: Vector) -> tuple[float, Vector]:
        value, gradient = f(unravel(x))
        return float(value), ravel(gradient)

    def callback(intermediate_result: Any) -> None:
        if after(unravel(intermediate_result.x), float(intermediate_result.fun)):
            raise StopIteration  # SciPy's own way to be stopped

    scipy.optimize.minimize(
        fun,
        ravel(params),
        jac=True,
        method="L-BFGS-B",
        callback=callback,
        options={
            "maxiter": iterations,
            "maxcor": method.memory,
            "gtol": method.tolerance,
            "ftol": 0.0,
        },
    )
