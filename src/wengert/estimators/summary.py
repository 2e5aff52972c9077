"""The table of a fitted logistic regression: estimate, standard error, z, p, and an interval."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, sentences

__all__ = ["Summary"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """Columns of equal length, and the log likelihood; print it to read it.

    `low` and `high` are the ends of the 95 % interval, estimate ∓ 1.96 standard errors.
    """

    names: list[str]
    estimate: Array
    error: Array
    z: Array
    p: Array
    low: Array
    high: Array
    log_likelihood: float
    samples: float

    @classmethod
    def of(
        cls, names: list[str], w: Array, H: Array, loss: float, n: float, offset: bool
    ) -> "Summary":
        """The table of estimates w with information H; InputError where H is singular."""
        keep = slice(None) if offset else slice(-1)
        w, H, names = w[keep], H[keep, keep], names[keep]
        scale = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
        if np.linalg.cond(H / np.outer(scale, scale)) > 1e12:
            raise InputError(
                sentences(
                    "The Hessian is singular: columns depend on each other, or classes separate.",
                    "Drop such columns; separable classes have no finite maximum likelihood.",
                )
            )
        error = np.sqrt(np.diag(np.linalg.inv(H)))
        z = w / error
        p = 2 * import_module("scipy.special").ndtr(-np.abs(z))
        return cls(names, w, error, z, p, w - 1.959964 * error, w + 1.959964 * error, -loss, n)

    def __str__(self) -> str:
        width = max(map(len, self.names))
        head = f"{'':{width}}  estimate  std.error        z        p     [0.025    0.975]"
        columns = self.estimate, self.error, self.z, self.p, self.low, self.high
        rows = zip(self.names, *columns, strict=True)
        lines = [
            f"{name:{width}} {e:9.4g}  {s:9.4g} {z:8.2f} {p:8.3g}  {a:9.4g} {b:9.4g}"
            for name, e, s, z, p, a, b in rows
        ]
        end = f"{self.samples:g} samples, log likelihood {self.log_likelihood:.6g}"
        return "\n".join([head, *lines, end])
