"""Losses as the (gradient, curvature) callables that XGBoost and LightGBM train with."""

from typing import Any

import numpy as np

from wengert.api.arguments import F
from wengert.api.derivatives import grad, jvp


class objective:
    """A boosting objective from loss(prediction, label): its slope and curvature at each entry.

    The loss may be pointwise or already summed; where it couples entries of one row (softmax), the
    curvature is the Hessian times ones, and the diagonal only if it doesn't.
    Called as `obj(preds, dtrain)`, where `dtrain` has `get_label` (and `get_weight`), it suits
    xgboost.train and lightgbm's own API; as `obj(y_true, y_pred)` the scikit-learn classes of both.

    >>> squared = objective(lambda f, y: (f - y) ** 2 / 2)
    >>> squared(np.array([1.0, 2.0]), np.array([1.5, 2.5]))
    (array([0.5, 0.5]), array([1., 1.]))
    """

    def __init__(self, loss: F) -> None:
        self.loss = loss
        self.__name__ = getattr(loss, "__name__", "objective").strip("<>")

    def __call__(self, first: Any, second: Any, weight: Any = None) -> tuple[Any, Any]:
        if hasattr(second, "get_label"):
            prediction, label = first, second.get_label()
            weight = second.get_weight() if hasattr(second, "get_weight") else None
        else:
            label, prediction = first, second
        f = np.asarray(prediction)
        f = f if f.dtype.kind == "f" else f.astype(float)
        y = np.asarray(label)
        slope = grad(lambda f: np.sum(self.loss(f, y)))
        g, h = jvp(slope, (f,), (np.ones_like(f),))
        if weight is not None and np.size(weight):
            w = np.asarray(weight, f.dtype).reshape((-1,) + (1,) * (f.ndim - 1))
            g, h = g * w, h * w
        return g, h
