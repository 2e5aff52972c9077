"""A fitted estimator as the writers of `wengert.export` take it."""

from pathlib import Path
from typing import Any

import numpy as np

from wengert import export
from wengert.estimators import learn
from wengert.estimators.settings import named
from wengert.export import Layer, Net, Portable
from wengert.export.portable import Category
from wengert.nn.activations import name_of

__all__ = ["Exports", "mlp"]

LINKS = {"identity": "identity", "exp": "exp", "sigmoid": "sigmoid", "softmax": "softmax"}


class Exports:
    """What an estimator can be written as; it needs a method `portable`."""

    def portable(self) -> Portable:
        """The fitted model as plain tables."""
        raise NotImplementedError

    def to_onnx(self, path: str | Path) -> Path:
        """Write an ONNX graph, X (N, n) -> Y: probabilities of a classifier, else predictions.

        Numeric columns go in as they are; a categorical one as the number of its value, which
        the graph's properties list.
        """
        return export.to_onnx(self.portable(), path)

    def to_c(self, path: str | Path) -> Path:
        """Write one C file without dependencies: wengert_predict(x, out) answers one row."""
        return export.to_c(self.portable(), path)

    def to_numpy(self, path: str | Path) -> Path:
        """Write one Python file that needs NumPy alone: predict(X)."""
        return export.to_numpy(self.portable(), path)


def front(columns: Any) -> dict[str, Any]:
    """What is done to columns before a network sees them."""
    known = dict(columns.categories)
    return dict(
        width=columns.width,
        numbers=tuple(j for j in range(columns.width) if j not in known),
        medians=columns.medians,
        center=columns.center,
        factor=columns.factor,
    )


def mlp(e: Any) -> Portable:
    """The networks of an MLP estimator."""
    e._fitted()
    members = learn.unstack(e._learner) if e.ensemble_ > 1 else [e._learner]
    classifier = e.kind == "classifier"
    link = "first" if e._cost.name == "gaussian_nll" else LINKS[name_of(e._cost.link)]
    scaled = not classifier and np.any(np.asarray(e._unit) != 1.0)
    return Portable(
        type(e).__name__,
        nets=tuple(_net(one, e._columns) for one in members),
        link=link,
        two=classifier and not e._labels.many and not e._labels.softmax,
        unit=e._unit if scaled else None,
        shift=e._shift if scaled else None,
        clip=e._range if not classifier and e._clips else None,
        classes=tuple(e.classes_.tolist()) if classifier else (),
        **front(e._columns),
    )


def linear(e: Any) -> Portable:
    """The one layer of a linear model."""
    e._fitted()
    binary = e._rows() == 1
    layer = Layer(np.ascontiguousarray(e.coef_.T), e.intercept_)
    net = Net((layer,), tables(e._columns, (), e.coef_.dtype))
    return Portable(
        type(e).__name__,
        nets=(net,),
        link="sigmoid" if binary else "softmax",
        two=binary,
        classes=tuple(e.classes_.tolist()),
        **front(e._columns),
    )


def tables(columns: Any, embeddings: Any, dtype: Any) -> tuple[Category, ...]:
    """The row of each category's value: learned, or one-hot."""
    learned = iter(embeddings)
    found = []
    for (j, values), (count, embedded) in zip(columns.categories, columns.sizes, strict=True):
        onehot = np.eye(count + 1, dtype=dtype)[:, 1:]
        embedded = embedded and bool(embeddings)
        found.append(Category(j, values, np.asarray(next(learned)) if embedded else onehot))
    return tuple(found)


def _net(learner: Any, columns: Any) -> Net:
    network, plan = learner.network, learner.network.plan
    layers = []
    for l, layer in enumerate(network.layers):
        n, m = layer.W.shape
        norm: tuple[Any, ...] = ()
        last = l == len(network.layers) - 1
        if plan.norm and not last:
            moments = [v[0] for v in learner.running[l]] if plan.norm == "batch" else []
            norm = (plan.norm, network.norms[l].gain, network.norms[l].b, *moments)
        residual = plan.residual and n == m and not last
        root = float(np.sqrt(n).astype(layer.W.dtype)) if plan.ntk else 1.0
        layers.append(Layer(layer.W, layer.b, named(layer.activation), root, norm, residual))
    periodic: tuple[Any, ...] = ()
    if network.periodic:
        p = network.periodic[0]
        periodic = (p.f, p.phase, p.C, p.c)
    scale = network.scale[0] if network.scale else None
    dtype = network.layers[0].W.dtype
    return Net(tuple(layers), tables(columns, network.embeddings, dtype), periodic, scale)
