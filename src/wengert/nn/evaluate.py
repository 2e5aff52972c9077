"""A model's outputs and scores on many rows, in chunks so that memory stays small."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wengert import api, tree
from wengert.errors import DtypeError, sentences
from wengert.nn.losses import Loss
from wengert.nn.metrics import Metric
from wengert.nn.samples import samples

__all__ = ["evaluate", "model_dtype", "outputs"]


def _apply(model: Any, X: Any) -> Any:
    return model(X)


_forward = api.jit(_apply)


def outputs(model: Any, X: ArrayLike, *, rows: int = 4096) -> NDArray[Any]:
    """model(X) for X (N, ...), `rows` at a time, in the model's dtype.

    >>> from wengert.nn.layers import linear
    >>> outputs(linear(3, 2), [[1, 2, 3]])
    array([[0., 0.]])
    """
    X, dtype = np.asarray(X), model_dtype(model)
    chunks = [X[i : i + rows].astype(dtype, copy=False) for i in range(0, max(len(X), 1), rows)]
    return np.concatenate([np.asarray(_forward(model, chunk)) for chunk in chunks])


def evaluate(
    model: Any,
    loss: Loss,
    X: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    metrics: Sequence[Metric] = (),
) -> dict[str, float]:
    """The loss and each metric on given samples, by name: `{"loss": 2.3, "accuracy": 0.1}`.

    Errors as in `nn.train`.

    >>> from wengert.nn import accuracy, cross_entropy, linear
    >>> scores = evaluate(linear(2, 4), cross_entropy, [[1.0, 2.0]], [0], metrics=[accuracy])
    >>> {name: round(value, 4) for name, value in scores.items()}
    {'loss': 1.3863, 'accuracy': 1.0}
    """
    given = samples(X, y, weights)
    Z = outputs(model, given.X)
    _, labels, *weight = given.arrays(Z.dtype)
    cost = loss(Z, labels, weights=weight[0]) if weight else loss(Z, labels)
    return {"loss": float(cost), **{metric.__name__: metric(Z, labels) for metric in metrics}}


def model_dtype(model: Any) -> np.dtype[Any]:
    """The dtype a model computes in, that of its arrays; DtypeError if they aren't real."""
    leaves = [leaf for leaf in tree.flatten(model)[0] if isinstance(leaf, np.ndarray | np.generic)]
    if not leaves or any(leaf.dtype.kind != "f" for leaf in leaves):
        kinds = sorted({str(leaf.dtype) for leaf in leaves}) or "no arrays"
        raise DtypeError(
            sentences(
                f"A model of {type(model).__name__} has {kinds}.",
                "Give a tree of float arrays; mark what isn't learned with tree.static().",
            )
        )
    return np.result_type(*leaves)
