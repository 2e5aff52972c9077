"""Multilayer perceptrons for people: scikit-learn's two classes, and what was asked of them.

>>> import numpy as np
>>> X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), ["no", "yes", "yes", "no"]
>>> model = MLPClassifier((8,), "tanh", solver="lbfgs", random_state=1).fit(X, y)
>>> model.predict(X).tolist()
['no', 'yes', 'yes', 'no']
"""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, ShapeError, sentences
from wengert.estimators import inputs, run
from wengert.estimators.columns import Columns, fit_columns
from wengert.estimators.conventions import Estimator
from wengert.estimators.costs import Cost, cost
from wengert.estimators.labels import accuracy, fit_labels, r2
from wengert.estimators.learn import Learner, Rows, begin, outputs, stack
from wengert.estimators.network import Plan, build, effective
from wengert.estimators.portable import Exports, mlp
from wengert.estimators.settings import activation_of, check, generators, hidden_of, per_layer
from wengert.estimators.store import Saves
from wengert.export import Portable
from wengert.nn.activations import identity
from wengert.nn.init import by_name

__all__ = ["MLPClassifier", "MLPRegressor", "Perceptron"]

Array = NDArray[Any]


class Perceptron(Exports, Saves, Estimator):
    """What both estimators do alike; nobody makes one.

    Beyond scikit-learn's parameters: `activation` may be any NumPy function, or one per hidden
    layer; `dropout` a share or one per layer; `norm` "batch" or "layer"; `residual` adds short
    cuts between hidden layers of one width; `init` a name of wengert.nn.init; `callbacks` are
    called with each `nn.Epoch` and end the run by True; `ensemble` trains so many seeds at once
    and averages them; `categorical` lists columns that are categories though they look like
    numbers; `scale` centres columns and brings them to one size; `preset="tabular"` takes the
    recipe of RealMLP-TD (arXiv 2407.04491): optimiser, rate, decay and, for "relu", the activation
    are then its own, and the best epoch on a fifth of the rows is kept.
    """

    _learner: Learner
    _columns: Columns
    _cost: Cost
    hidden_layer_sizes: Any
    random_state: Any
    loss_: float

    # -- learning ------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        validation_data: tuple[Any, Any] | None = None,
    ) -> Self:
        """Learn from X (N, n) and y; with validation data the weights best on it are kept."""
        held = validation_data or (None if X_val is None else (X_val, y_val))
        return self._fit(X, y, sample_weight, held, fresh=not (self._warm() and self._known()))

    def _partial(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """One epoch more from where the last call ended."""
        for name in ("early_stopping", "preset"):
            value = getattr(self, name)
            if value:
                raise InputError(
                    sentences(f"partial_fit does not support {name}={value!r}.", "Call fit.")
                )
        return self._fit(X, y, sample_weight, None, fresh=not self._known(), further=True)

    def _fit(
        self, X: Any, y: Any, weights: Any, held: Any, *, fresh: bool, further: bool = False
    ) -> Self:
        data, rngs = self._prepared(X, y, weights, fresh)
        validation = None if held is None else self._rows(*held)
        run.learn(self, data, validation, rngs, further=further)
        return self

    def _prepared(self, X: Any, y: Any, weights: Any, fresh: bool) -> tuple[Rows, list[Any]]:
        """The rows as the network takes them, and fresh weights if asked for."""
        check(self)
        hidden, name = hidden_of(self.hidden_layer_sizes), type(self).__name__
        if fresh:
            self._columns = fit_columns(
                X, name, self.categorical, scale=self.scale or self.preset == "tabular"
            )
        dtype = self._float(X) if fresh else self._learner.network.layers[0].W.dtype
        numbers, codes = self._columns(X, name, dtype)
        T = self._targets(y, len(numbers), fresh).astype(dtype)
        weight = self._weights(inputs.sample_weights(weights, numbers), y)
        data = Rows(numbers, codes, T, None if weight is None else weight.astype(dtype))
        rngs = generators(self.random_state, self.ensemble)
        if fresh:
            self.n_features_in_ = self._columns.width
            self._named(X)
            self._start(hidden, T, rngs, dtype)
        return data, rngs

    def _start(self, hidden: tuple[int, ...], T: Array, rngs: list[Any], dtype: Any) -> None:
        """Fresh weights, one network for each member."""
        preset = self.preset == "tabular"
        standard: Any = self._activation() if preset and self.activation == "relu" else None
        given = per_layer(standard or self.activation, len(hidden), "activation")
        plan = Plan(self.norm, self.residual, preset, self._columns.sizes)
        init = None if self.init is None else by_name(self.init)
        width = self._cost.outputs if self._cost.outputs > 1 else T[0].size
        self.n_outputs_, self.n_layers_ = width, len(hidden) + 2
        networks = [
            build(
                self._columns.numbers, hidden, width, [activation_of(g) for g in given], identity,
                plan, rng, dtype, init=init, preset=preset,
            )
            for rng in rngs
        ]  # fmt: skip
        optimizer = run.recipe(self, len(hidden), self.max_iter).optimizer
        self._learner = stack([begin(network, optimizer) for network in networks])
        self.loss_curve_: list[float] = []
        self.t_ = self.n_iter_ = 0
        self.ensemble_ = len(networks)

    def _named(self, X: Any) -> None:
        names = inputs.names_of(X)
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _rows(self, X: Any, y: Any) -> Rows:
        """Further rows of the same columns and targets."""
        dtype = self._learner.network.layers[0].W.dtype
        numbers, codes = self._columns(X, type(self).__name__, dtype)
        return Rows(numbers, codes, self._targets(y, len(numbers), False).astype(dtype))

    @staticmethod
    def _float(X: Any) -> Any:
        return np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64

    def portable(self) -> Portable:
        """The fitted networks as plain tables."""
        return mlp(self)

    def _known(self) -> bool:
        return hasattr(self, "_learner")

    def _warm(self) -> bool:
        return bool(self.warm_start)

    def __sklearn_is_fitted__(self) -> bool:
        return self._known()

    # -- answering -----------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:
        """The network's outputs for new rows: (N, k), or (members, N, k)."""
        self._fitted()
        dtype = self._learner.network.layers[0].W.dtype
        return outputs(self._learner, Rows(*self._columns(X, type(self).__name__, dtype)))

    @property
    def coefs_(self) -> list[Array]:
        """The weights W of each layer, (n, m)."""
        return effective(self._learner.network)

    @property
    def intercepts_(self) -> list[Array]:
        """The offsets b of each layer, (m,)."""
        return [layer.b for layer in self._learner.network.layers]

    def find_rate(self, X: Any, y: Any, *, low: float = 1e-6, high: float = 1.0) -> float:
        """A rate to start from: where the loss falls fastest while the rate grows step by step.

        Smith 2017, Cyclical Learning Rates (arXiv 1506.01186), section 3.3. Learns nothing; the
        rates and losses it saw are left in `rate_curve_`.
        """
        trial = type(self)(**self.get_params())
        data, _ = trial.set_params(ensemble=1)._prepared(X, y, None, fresh=True)
        self.rate_curve_ = run.sweep(trial, data, low, high)
        return run.steepest(*self.rate_curve_)


class MLPClassifier(Perceptron):
    """A perceptron for classes; binary and multi-label ones by logistic outputs, else softmax.

    Parameters and attributes are those of scikit-learn's class of the same name; `Perceptron`
    says what there is beyond. `loss` may be a NumPy function of logits and targets, and
    `class_weight` is None, "balanced" or a mapping.
    """

    kind = "classifier"

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
        max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
        momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
        loss="log_loss", class_weight=None, dropout=0.0, norm=None, residual=False, init=None,
        callbacks=None, ensemble=1, categorical=None, preset=None, progress=False, scale=False,
    ):  # fmt: skip
        _keep(self, locals())

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch more; the first call needs all `classes` unless y has them."""
        if not self._known():
            self._labels = fit_labels(classes if classes is not None else y, type(self).__name__)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise InputError(
                sentences(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, "
                    f"was: {self.classes_!r}.",
                    "Leave it out, or start anew.",
                )
            )
        self._given = True
        try:
            return self._partial(X, y, sample_weight)
        finally:
            del self._given

    def _targets(self, y: Any, rows: int, fresh: bool) -> Array:
        y = inputs.target(y, rows, type(self).__name__, numbers=False)
        if fresh:
            if not hasattr(self, "_given"):
                self._labels = fit_labels(y, type(self).__name__)
            self.classes_ = self._labels.classes
            name = "log_loss" if self._labels.softmax else "binary_log_loss"
            self._cost = cost(name if self.loss == "log_loss" else self.loss)
            self._cost = replace(self._cost, link=cost(name).link)
            self.out_activation_ = "softmax" if self._labels.softmax else "logistic"
        return self._labels.targets(y)

    def _weights(self, w: Array | None, y: Any) -> Array | None:
        if self.class_weight is None:
            return w
        each = self._labels.weights(np.asarray(y), self.class_weight)
        return each if w is None else w * each.astype(w.dtype)

    def predict_proba(self, X: Any) -> Array:
        """P(class | x), (N, classes) in the order of `classes_`; the mean of an ensemble's."""
        Z = self._outputs(X)
        P = self._cost.link(Z)
        return self._labels.probabilities(P.mean(axis=0) if P.ndim == 3 else P)

    def predict_log_proba(self, X: Any) -> Array:
        """log P(class | x)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """The likeliest class of each row, or 0 and 1 for each label."""
        P = self.predict_proba(X)
        return self._labels.answers(P)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows answered right."""
        return accuracy(self.predict(X), np.asarray(y), sample_weight)

    def _score(self, learner: Learner, data: Rows) -> float:
        Z = outputs(learner, data)
        P = self._cost.link(Z)
        P = P.mean(axis=0) if P.ndim == 3 else P
        found = self._labels.places(P)
        return accuracy(found, self._labels.places(data.T.reshape(P.shape)), data.w)

    def _activation(self) -> str:
        return "selu"

    def _many_outputs(self) -> bool:
        return True


class MLPRegressor(Perceptron):
    """A perceptron for numbers, one or several.

    Parameters and attributes are those of scikit-learn's class of the same name; `Perceptron`
    says what there is beyond. `loss` is "squared_error", "absolute_error", "huber" (with
    `delta`), "quantile" (all `quantiles` at once), "poisson", "gaussian_nll" (which also predicts
    a spread) or a NumPy function `(z, y)`.
    """

    kind = "regressor"

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *,
        solver="adam", alpha=0.0001, batch_size="auto", learning_rate="constant",
        learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None,
        tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8,
        n_iter_no_change=10, max_fun=15000, quantiles=(0.1, 0.5, 0.9), delta=1.0, dropout=0.0,
        norm=None, residual=False, init=None, callbacks=None, ensemble=1, categorical=None,
        preset=None, progress=False, scale=False,
    ):  # fmt: skip
        _keep(self, locals())

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch more from where the last call ended."""
        return self._partial(X, y, sample_weight)

    def _targets(self, y: Any, rows: int, fresh: bool) -> Array:
        y = inputs.target(y, rows, type(self).__name__, numbers=True)
        if fresh:
            self._cost = cost(self.loss, self.quantiles, self.delta)
            self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
            self._shape, self._range = y.shape[1:], (y.min(axis=0), y.max(axis=0))
            self._shift, self._unit = self._standard(y)
            self._clips = self.preset is not None
            if self._cost.outputs > 1 and y.ndim == 2:
                raise ShapeError(
                    sentences(f"loss={self.loss!r} needs y of one column.", "Fit each column.")
                )
        if y.shape[1:] != self._shape:
            raise ShapeError(
                sentences(f"y has the shape {y.shape}, after {self._shape}.", "Give the same y.")
            )
        self._cost.check(y)
        T = (y - self._shift) / self._unit
        return T if y.ndim == 2 or self._cost.outputs > 1 else T[:, None]

    def _standard(self, y: Array) -> tuple[Any, Any]:
        """What the preset subtracts from y and divides it by."""
        if self.preset is None or callable(self.loss) or self.loss == "poisson":
            return 0.0, 1.0
        unit = y.std(axis=0)
        return y.mean(axis=0), np.where(unit > 0, unit, 1.0)

    def _weights(self, w: Array | None, y: Any) -> Array | None:
        return w

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The prediction (N,), (N, k), or (N, quantiles); the mean of an ensemble's.

        With `return_std` also the spread: the loss "gaussian_nll" predicts one, an ensemble's
        members have one, and both together add up in squares.
        """
        Z = self._outputs(X)
        values = self._natural(Z)
        mean = values.mean(axis=0) if Z.ndim == 3 else values
        return (mean, self._spread(Z, values)) if return_std else mean

    def _natural(self, Z: Array) -> Array:
        """Outputs in the unit of y."""
        z = self._cost.link(Z) if Z.ndim == 2 else np.stack([self._cost.link(one) for one in Z])
        if z.shape[-1:] == (1,) and not self._shape:
            z = z[..., 0]
        z = (z * self._unit + self._shift).astype(Z.dtype)
        return np.clip(z, *self._range).astype(Z.dtype) if self._clips else z

    def _spread(self, Z: Array, values: Array) -> Array:
        gaussian = self._cost.name == "gaussian_nll"
        if not gaussian and Z.ndim == 2:
            raise InputError(
                sentences(
                    f"loss={self.loss!r} of one network has no spread.",
                    'Take loss="gaussian_nll", or ensemble=5.',
                )
            )
        variance = np.exp(Z[..., 1]) * self._unit**2 if gaussian else np.zeros_like(values)
        if Z.ndim == 3:
            variance = variance.mean(axis=0) + values.var(axis=0)
        return np.asarray(np.sqrt(variance))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the share of y's variance that the prediction explains."""
        if self._known() and self._cost.name == "quantile":
            raise InputError(
                sentences("R² isn't defined for several quantiles.", "Compare predict's columns.")
            )
        return r2(self.predict(X), np.asarray(y, np.float64), sample_weight)

    def _score(self, learner: Learner, data: Rows) -> float:
        Z = outputs(learner, data)
        if self._cost.name == "squared_error":
            z = Z.mean(axis=0) if Z.ndim == 3 else Z
            return r2(z, data.T, data.w)
        each = [self._cost.mean(z, data.T, data.w) for z in (Z if Z.ndim == 3 else [Z])]
        return -float(np.mean(each))

    def _activation(self) -> str:
        return "mish"

    def _many_outputs(self) -> bool:
        return True


def _keep(estimator: Any, given: dict[str, Any]) -> None:
    """Every parameter as it came."""
    for name, value in given.items():
        if name != "self":
            setattr(estimator, name, value)
