"""An estimator as a dictionary that JSON can say, and arrays; and back, checked on the way."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert import tree
from wengert.errors import InputError, sentences
from wengert.estimators import network as nets
from wengert.estimators.columns import Columns
from wengert.estimators.costs import NAMED, cost
from wengert.estimators.labels import Labels
from wengert.estimators.learn import Learner
from wengert.estimators.settings import ACTIVATIONS, named
from wengert.nn.layers import Dense

__all__ = ["describe", "rebuild"]

Arrays = dict[str, NDArray[Any]]
CURVES = ("loss_curve_", "validation_scores_")
NUMBERS = ("loss_", "n_iter_", "t_", "best_loss_", "best_validation_score_", "best_iter_",
           "gradient_")  # fmt: skip


def describe(e: Any) -> tuple[dict[str, Any], Arrays]:
    """(description, arrays) of a fitted estimator."""
    e._fitted()
    said: dict[str, Any] = {
        "estimator": type(e).__name__,
        "parameters": {k: _plain(k, v) for k, v in e.get_params().items() if k != "callbacks"},
        "columns": _columns(e._columns),
        "learned": {k: _number(getattr(e, k)) for k in NUMBERS if hasattr(e, k)},
        "curves": {k: list(map(float, getattr(e, k, None) or [])) for k in CURVES},
    }
    if e.kind == "classifier":
        said["classes"] = e._labels.classes.tolist()
        said["labels"] = {"dtype": str(e._labels.classes.dtype), "many": e._labels.many}
    if hasattr(e, "coef_"):
        return said, {"coef": e.coef_, "intercept": e.intercept_}
    if e.kind == "regressor":
        pair = [np.asarray(v).tolist() for v in (e._shift, e._unit, *e._range)]
        said["target"] = {"shape": list(e._shape), "scale": pair, "clips": bool(e._clips)}
    learner = e._learner
    said["network"] = {
        "activations": [named(layer.activation) for layer in learner.network.layers],
        "plan": asdict(learner.network.plan),
        "preset": bool(learner.network.scale),
        "ensemble": e.ensemble_,
        "out": e.out_activation_,
    }
    roots = {"network": learner.network, "running": learner.running}
    arrays = {
        root + path: np.asarray(leaf)
        for root, part in roots.items()
        for path, leaf in zip(tree.paths(part), tree.flatten(part)[0], strict=True)
    }
    return said, arrays


def rebuild(said: dict[str, Any], arrays: Arrays, kinds: dict[str, Any]) -> Any:
    """The estimator; ValueError and its kin for a description that doesn't fit the arrays."""
    name = said["estimator"]
    if name not in kinds:
        raise ValueError(f"there is no estimator {name!r}")
    e: Any = kinds[name]()
    e.set_params(**{k: _found(k, v) for k, v in said["parameters"].items()})
    e._columns = _columns_again(said["columns"])
    e.n_features_in_ = e._columns.width
    if e._columns.names is not None:
        e.feature_names_in_ = np.array(e._columns.names, dtype=object)
    for k, v in said["learned"].items():
        if k in NUMBERS:
            setattr(e, k, v)
    for k in CURVES:
        setattr(e, k, [float(v) for v in said["curves"][k]])
    if e.kind == "classifier":
        e._labels = _labels(said)
        e.classes_ = e._labels.classes
    for array in arrays.values():
        if array.dtype not in (np.float32, np.float64):
            raise ValueError(f"a tensor is of {array.dtype}")
    if "coef" in arrays:
        _linear(e, arrays)
    else:
        _mlp(e, said, arrays)
    return e


def _linear(e: Any, arrays: Arrays) -> None:
    rows, width = e._rows(), e._columns.numbers + sum(k for k, _ in e._columns.sizes)
    e.coef_, e.intercept_ = arrays["coef"], arrays["intercept"]
    if e.coef_.shape != (rows, width) or e.intercept_.shape != (rows,):
        raise ValueError(f"coef has the shape {e.coef_.shape}, not {(rows, width)}")


def _mlp(e: Any, said: dict[str, Any], arrays: Arrays) -> None:
    told = said["network"]
    members = e.ensemble_ = int(told["ensemble"])
    e.out_activation_ = str(told["out"])
    network, running = _skeleton(told, arrays)
    parts = []
    for root, part in (("network", network), ("running", running)):
        leaves, structure = tree.flatten(part)
        found = [arrays[root + path] for path in tree.paths(part)]
        for path, leaf, array in zip(tree.paths(part), leaves, found, strict=True):
            shape = ((members,) if members > 1 else ()) + tuple(leaf)
            if array.shape != shape:
                raise ValueError(f"{root}{path} has the shape {array.shape}, not {shape}")
        parts.append(structure.unflatten(found))
    if len(arrays) != sum(len(tree.flatten(p)[0]) for p in parts):
        raise ValueError("there are tensors that no layer needs")
    e._learner = Learner(parts[0], parts[1], ())
    e.n_layers_ = len(parts[0].layers) + 1
    e.n_outputs_ = parts[0].layers[-1].b.shape[-1]
    _cost(e, said)
    _width(e, parts[0])


def _skeleton(told: dict[str, Any], arrays: Arrays) -> tuple[Any, Any]:
    """A network with shapes (as `_Shape` leaves) in place of arrays."""
    p = dict(told["plan"])
    categories = tuple((int(k), bool(b)) for k, b in p.pop("categories"))
    plan = nets.Plan(**p, categories=categories)
    names = told["activations"]
    widths = [arrays[f"network.layers[{l}].b"].shape[-1] for l in range(len(names))]
    inputs = [arrays["network.layers[0].W"].shape[-2], *widths[:-1]]
    layers = tuple(
        Dense(_Shape((n, m)), _Shape((m,)), _activation(g))
        for n, m, g in zip(inputs, widths, names, strict=True)
    )
    norms = tuple(nets.Norm(_Shape((m,)), _Shape((m,))) for m in widths[:-1] if plan.norm)
    tables = tuple(_Shape((k + 1, 8)) for k, embedded in categories if embedded)
    periodic: tuple[Any, ...] = ()
    if told["preset"] and "network.periodic[0].f" in arrays:
        numbers = arrays["network.periodic[0].f"].shape[-2]
        wave, row = _Shape((numbers, 16)), _Shape((numbers, 4))
        periodic = (nets.Periodic(wave, wave, _Shape((numbers, 16, 4)), row),)
    scale = (_Shape((inputs[0],)),) if told["preset"] else ()
    moments = (_Shape((1, m)) for m in widths[:-1] if plan.norm)
    running = tuple((shape, shape) if plan.norm == "batch" else () for shape in moments)
    return nets.Network(layers, norms, tables, periodic, scale, plan), running


class _Shape:
    """A shape that is a leaf of a tree, where a tuple would be a branch."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __iter__(self) -> Any:
        return iter(self.shape)


def _width(e: Any, network: Any) -> None:
    """The first layer takes what the columns give, the last gives what the task needs."""
    preset, given = bool(network.scale), e._columns.numbers
    width = given * (5 if preset else 1)
    width += sum(8 if embedded else k for k, embedded in e._columns.sizes)
    if network.layers[0].W.shape[-2] != width or network.plan.categories != e._columns.sizes:
        raise ValueError(f"the columns give {width} numbers, which the first layer doesn't take")
    if e.kind == "classifier":
        two = not e._labels.many and not e._labels.softmax
        need = 1 if two else len(e._labels.classes)
    else:
        need = e._cost.outputs if e._cost.outputs > 1 else int(np.prod(e._shape))
    if e.n_outputs_ != need:
        raise ValueError(f"the last layer has {e.n_outputs_} outputs, not {need}")


def _cost(e: Any, said: dict[str, Any]) -> None:
    if e.kind == "classifier":
        e._cost = cost("log_loss" if e._labels.softmax else "binary_log_loss")
        return
    e._cost = cost(e.loss, tuple(e.quantiles), e.delta)
    target = said["target"]
    e._shape = tuple(int(k) for k in target["shape"])
    arrays = [np.asarray(v, dtype=np.float64) for v in target["scale"]]
    if len(arrays) != 4 or any(a.shape not in ((), e._shape) for a in arrays):
        raise ValueError("the target's scale doesn't fit its shape")
    e._shift, e._unit, e._range = arrays[0], arrays[1], tuple(arrays[2:])
    e._clips = bool(target["clips"])


def _labels(said: dict[str, Any]) -> Labels:
    dtype = np.dtype(said["labels"]["dtype"])
    values = said["classes"]
    if dtype.kind not in "iufbUO" or not all(isinstance(v, str | int | float) for v in values):
        raise ValueError(f"classes can't be of {dtype}")
    longest = max((len(str(v)) for v in values), default=0)
    if dtype.kind == "U" and dtype.itemsize > 4 * max(longest, 1):
        raise ValueError(f"classes can't be of {dtype}")
    return Labels(np.array(values, dtype=dtype), bool(said["labels"]["many"]))


def _columns(c: Columns) -> dict[str, Any]:
    return {
        "width": c.width, "names": c.names, "medians": c.medians,
        "categories": [[j, list(values)] for j, values in c.categories],
        "center": c.center, "factor": c.factor,
    }  # fmt: skip


def _columns_again(told: dict[str, Any]) -> Columns:
    names = told["names"] and tuple(str(name) for name in told["names"])
    pair = [told[k] and tuple(float(v) for v in told[k]) for k in ("center", "factor")]
    width = int(told["width"])
    found = Columns(
        width, names,
        tuple((int(j), tuple(values)) for j, values in told["categories"]),
        tuple((int(j), float(v)) for j, v in told["medians"]),
        pair[0], pair[1],
    )  # fmt: skip
    places = [j for j, _ in (*found.categories, *found.medians)]
    if any(not 0 <= j < width for j in places) or (names and len(names) != width):
        raise ValueError("the columns don't agree")
    return found


def _plain(name: str, value: Any) -> Any:
    """A parameter as JSON says it; a function of wengert by its name."""
    if isinstance(value, np.generic):
        value = value.item()
    if name == "activation" and callable(value):
        return named(value)
    if name == "activation" and isinstance(value, list | tuple):
        return [_plain(name, v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, tuple):
        return [_plain(name, v) for v in value]
    if name == "class_weight" and isinstance(value, dict):
        return {"pairs": [[_plain(name, k), float(v)] for k, v in value.items()]}
    if value is None or isinstance(value, str | int | float | bool | list):
        return value
    if name == "random_state":
        return None
    raise InputError(
        sentences(
            f"The parameter {name}={value!r} can't be saved: it is code, not data.",
            f"Take one with a name, such as {sorted(ACTIVATIONS)[:3]} or {sorted(NAMED)[:3]}.",
        )
    )


def _found(name: str, value: Any) -> Any:
    if isinstance(value, dict) and "float" in value:
        return float(value["float"])
    if isinstance(value, dict) and "pairs" in value:
        return {k: float(v) for k, v in value["pairs"]}
    if isinstance(value, list) and name in ("hidden_layer_sizes", "quantiles"):
        return tuple(value)
    return value


def _number(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [int(v) for v in value]
    return None if value is None else value.item() if isinstance(value, np.generic) else value


def _activation(name: str) -> Any:
    if name not in ACTIVATIONS:
        raise ValueError(f"there is no activation {name!r}")
    return ACTIVATIONS[name]
