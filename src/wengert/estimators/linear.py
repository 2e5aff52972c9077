"""Logistic and softmax regression: a convex loss, lowered to a gradient of `tol` and told exactly.

    Q(w, b) = Σ s_i q(x_i'w + b, y_i) + |w|²/(2C),    divided by Σ s_i

>>> import numpy as np
>>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 1, 0, 1]
>>> model = LogisticRegression(C=np.inf, tol=1e-10).fit(X, y)
>>> model.coef_.round(4), model.intercept_.round(4) + 0.0
(array([[0.4196]]), array([0.]))
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wengert import api
from wengert.errors import InputError, sentences
from wengert.estimators import inputs
from wengert.estimators.columns import Columns, fit_columns
from wengert.estimators.conventions import ConvergenceWarning, Estimator, warn
from wengert.estimators.labels import Labels, accuracy, fit_labels
from wengert.estimators.portable import Exports, linear
from wengert.estimators.store import Saves
from wengert.estimators.summary import Summary
from wengert.export import Portable
from wengert.nn import lbfgs
from wengert.nn.activations import sigmoid, softmax
from wengert.nn.losses import cross_entropy, logistic
from wengert.nn.train import Epoch

__all__ = ["LogisticRegression", "SoftmaxRegression"]

Array = NDArray[Any]
SOLVERS = ("auto", "lbfgs", "newton", "newton-cholesky", "newton-cg", "liblinear", "sag", "saga")
MOST = 300
"""Up to so many weights `solver="auto"` takes Newton's steps, whose Hessian it can hold."""


def _binary(w: Any, X: Any, y: Any, s: Any, ridge: Any) -> Any:
    """Q for labels y in {−1, +1}; w is (1, n + 1), the offset last."""
    q = logistic(X @ w[0, :-1] + w[0, -1], y, reduction="none")
    return np.sum(s * q) + 0.5 * ridge * np.sum(w[:, :-1] ** 2)


def _many(w: Any, X: Any, Y: Any, s: Any, ridge: Any) -> Any:
    """Q for one-hot rows Y; w is (k, n + 1), the offsets last."""
    q = cross_entropy(X @ w[:, :-1].T + w[:, -1], Y, reduction="none")
    return np.sum(s * q) + 0.5 * ridge * np.sum(w[:, :-1] ** 2)


@lru_cache(maxsize=4)
def _derived(Q: Callable[..., Any]) -> tuple[Any, Any]:
    """(value and gradient, Hessian) of Q, made once and kept."""
    return api.jit(api.value_and_grad(Q)), api.jit(api.hessian(Q))


class Linear(Exports, Saves, Estimator):
    """What both do alike; nobody makes one.

    `solver` "auto" takes Newton's steps for few weights and L-BFGS for many; scikit-learn's names
    are understood, and all reach the same minimum. `C` is the inverse of the penalty's strength,
    np.inf for none; `scale` centres columns and brings them to one
    size first. Solved when the largest entry of |dQ/dw| is at most `tol`.
    """

    kind = "classifier"
    _columns: Columns
    _labels: Labels

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from X (N, n) and labels y (N,); `sample_weight` counts rows several times."""
        name = type(self).__name__
        self._check(name)
        self._columns = fit_columns(X, name, self.categorical, scale=self.scale)
        dtype = np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
        found = self._encoded(X, dtype)
        y = inputs.target(y, len(found), name, numbers=False)
        self._labels = fit_labels(y, name)
        T = self._targets(y)
        s = inputs.sample_weights(sample_weight, found)
        s = np.ones(len(found), dtype) if s is None else s
        if self.class_weight is not None:
            s = s * self._labels.weights(y, self.class_weight).astype(dtype)
        w = self._start(found.shape[1], dtype)
        self.classes_, self.n_features_in_ = self._labels.classes, self._columns.width
        names = inputs.names_of(X)
        if names is not None:
            self.feature_names_in_ = names
        self._data = (found, T.astype(dtype), s)
        self._store(self._minimum(w, dtype))
        del self._data
        return self

    def _check(self, name: str) -> None:
        if self.penalty not in ("l2", "deprecated", None) or self.l1_ratio not in (0, 0.0, None):
            self._refuse("penalty", self.penalty, "Take the L2 penalty, or C=np.inf for none.")
        if not self.C > 0:
            self._refuse("C", self.C, "Give a positive number, np.inf for no penalty.")
        if not (np.isreal(self.tol) and self.tol > 0):
            self._refuse("tol", self.tol, "Give a positive number.")
        if not (isinstance(self.max_iter, int | np.integer) and self.max_iter >= 0):
            self._refuse("max_iter", self.max_iter, "Give a whole number.")
        if self.solver not in SOLVERS:
            self._refuse("solver", self.solver, f"Take one of {SOLVERS}.")

    def _refuse(self, name: str, value: Any, advice: str) -> None:
        raise InputError(sentences(f"{type(self).__name__} can't have {name}={value!r}.", advice))

    def _encoded(self, X: Any, dtype: Any) -> Array:
        """Numbers, and categories as one column per value."""
        numbers, codes = self._columns(X, type(self).__name__, dtype)
        tables = [np.eye(k + 1, dtype=dtype)[:, 1:] for k, _ in self._columns.sizes]
        return np.column_stack([numbers, *(t[c] for t, c in zip(tables, codes.T, strict=True))])

    def _start(self, n: int, dtype: Any) -> Array:
        old = getattr(self, "coef_", None) if self.warm_start else None
        if old is None or old.shape != (self._rows(), n):
            return np.zeros((self._rows(), n + 1), dtype)
        return np.column_stack([old, self.intercept_]).astype(dtype)

    # -- the minimum ---------------------------------------------------------------------------

    def _ridge(self) -> float:
        """1/C, 0 without a penalty."""
        return 0.0 if self.penalty is None or np.isinf(self.C) else 1.0 / self.C

    def _minimum(self, w: Array, dtype: Any) -> Array:
        """w where every entry of the gradient of the mean is at most tol."""
        X, T, s = self._data
        total = float(s.sum())
        args = (X, T, s / total, np.asarray(self._ridge() / total, dtype))
        first, second = _derived(self._objective())
        mask = np.ones_like(w)
        if not self.fit_intercept:
            mask[:, -1] = 0

        def f(w: Array) -> tuple[float, Array]:
            value, g = first(w, *args)
            return float(value), np.asarray(g) * mask

        self.n_iter_ = np.zeros(1, dtype=np.int32)
        tol = max(float(self.tol), 4 * float(np.finfo(dtype).eps))
        newton = self.solver.startswith("newton") or (self.solver == "auto" and w.size <= MOST)
        if newton:
            w = self._newton(f, lambda w: np.asarray(second(w, *args)), w, mask, tol)
        else:
            w = self._lbfgs(f, w, tol)
        value, g = f(w)
        self.loss_, self.gradient_ = value, float(np.abs(g).max())
        if self.gradient_ > tol:
            warn(
                "ConvergenceWarning",
                ConvergenceWarning,
                f"{type(self).__name__}: after {self.n_iter_[0]} iterations the gradient is "
                f"{self.gradient_:.2g}, not {tol:.2g}. Raise max_iter, or scale X.",
            )
        return w

    def _lbfgs(self, f: Any, w: Array, tol: float) -> Array:
        best = [w]

        def after(w: Array, value: float) -> bool:
            best[0] = w
            return self._told(value)

        method = lbfgs.LBFGS(tolerance=tol)
        lbfgs.minimize(f, w, method=method, iterations=max(self.max_iter, 1), after=after)
        return best[0]

    def _newton(self, f: Any, H: Any, w: Array, mask: Array, tol: float) -> Array:
        """w ← w − t (H + λ)⁻¹ g, t halved until Q falls enough; λ only where H is singular."""
        value, g = f(w)
        chosen = np.flatnonzero(mask.ravel())
        for _ in range(self.max_iter):
            if np.abs(g).max() <= tol:
                break
            size = w.size
            curve = H(w).reshape(size, size)[np.ix_(chosen, chosen)].astype(np.float64)
            step = np.zeros(size)
            step[chosen] = np.linalg.lstsq(curve, g.ravel()[chosen].astype(np.float64), rcond=None)[
                0
            ]
            w, value, g, moved = _line(f, w, value, g, step.reshape(w.shape))
            if self._told(value) or not moved:
                break
        return w

    def portable(self) -> Portable:
        """The fitted weights as plain tables."""
        return linear(self)

    def _told(self, value: float) -> bool:
        self.n_iter_[0] += 1
        epoch = Epoch(int(self.n_iter_[0]), {"train_loss": value}, self)
        answers = [callback(epoch) is True for callback in self.callbacks or ()]
        return any(answers)

    def _store(self, w: Array) -> None:
        self.coef_, self.intercept_ = w[:, :-1].copy(), w[:, -1].copy()

    # -- answers -------------------------------------------------------------------------------

    def _logits(self, X: Any) -> Array:
        self._fitted()
        return self._encoded(X, self.coef_.dtype) @ self.coef_.T + self.intercept_

    def predict(self, X: Any) -> Array:
        """The likeliest class of each row."""
        P = self.predict_proba(X)
        return self.classes_[np.argmax(P, axis=1)]

    def predict_log_proba(self, X: Any) -> Array:
        """log P(class | x)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows answered right."""
        return accuracy(self.predict(X), np.asarray(y), sample_weight)


def _line(
    f: Any, w: Array, value: float, g: Array, step: Array
) -> tuple[Array, float, Array, bool]:
    """The first of t = 1, 1/2, 1/4 ... with Q(w − t step) ≤ Q(w) − 1e-4 t g'step. Armijo 1966."""
    slope, noise = float(np.sum(g * step)), 4 * np.finfo(w.dtype).eps * abs(value)
    for t in 0.5 ** np.arange(30):
        new = (w - t * step).astype(w.dtype)
        found, gradient = f(new)
        if found <= value - 1e-4 * t * slope + noise:
            moved = bool(np.any(new != w))
            return new, found, gradient, moved
    return w, value, g, False


class LogisticRegression(Linear):
    """P(y = +1 | x) = σ(w'x + b) for two classes, the notes' labels −1 and +1 inside.

    Parameters and attributes are those of scikit-learn's class of the same name (`penalty` L2 or
    none); for more than two classes there is SoftmaxRegression. `summary()` gives standard errors.
    """

    def __init__(
        self, penalty="deprecated", *, C=1.0, l1_ratio=0.0, dual=False, tol=1e-4,
        fit_intercept=True, intercept_scaling=1, class_weight=None, random_state=None,
        solver="auto", max_iter=100, verbose=0, warm_start=False, n_jobs=None, callbacks=None,
        categorical=None, scale=False,
    ):  # fmt: skip
        for name, value in locals().copy().items():
            if name != "self":
                setattr(self, name, value)

    def _objective(self) -> Callable[..., Any]:
        return _binary

    def _rows(self) -> int:
        return 1

    def _targets(self, y: Array) -> Array:
        if self._labels.many or self._labels.softmax:
            raise InputError(
                sentences(
                    "Only binary classification is supported. The type of the target is "
                    f"{'multilabel-indicator' if self._labels.many else 'multiclass'}.",
                    "Take wengert.estimators.SoftmaxRegression.",
                )
            )
        return 2 * self._labels.place(y) - 1.0

    def decision_function(self, X: Any) -> Array:
        """The logits w'x + b, (N,); positive for the second class."""
        return self._logits(X)[:, 0]

    def predict_proba(self, X: Any) -> Array:
        """σ(−z) and σ(z), (N, 2)."""
        z = self.decision_function(X)
        return np.column_stack([sigmoid(-z), sigmoid(z)])

    def predict(self, X: Any) -> Array:
        """The likelier class of each row."""
        z = self.decision_function(X)
        return self.classes_[(z > 0).astype(int)]

    def summary(self, X: Any, y: Any, sample_weight: Any = None) -> Summary:
        """Estimates with standard errors √(H⁻¹)_jj, z and two-sided p-values (Wald 1943).

        H is the Hessian of −log likelihood at the estimate, on the rows `fit` was given. It holds
        for maximum likelihood: InputError unless C is np.inf.
        """
        if self._ridge():
            self._refuse("C", self.C, "Standard errors are of maximum likelihood: fit C=np.inf.")
        found = self._encoded(X, np.float64)
        y = self._targets(inputs.target(y, len(found), "summary", numbers=False))
        s = inputs.sample_weights(sample_weight, found)
        s = np.ones(len(found)) if s is None else s
        w = np.column_stack([self.coef_, self.intercept_]).astype(np.float64)
        if np.min(y * (found @ w[0, :-1] + w[0, -1])) > 0:
            raise InputError(
                sentences(
                    "The classes separate: the likelihood has no maximum, and w no error.",
                    "Fit with a penalty (C=1.0), which has a minimum, and no p-values.",
                )
            )
        args = (w, found, y, s, np.asarray(0.0))
        value = float(_binary(*args))
        H = np.asarray(_derived(_binary)[1](*args)).reshape(w.size, w.size)
        names = [*self._columns.titles(), "(intercept)"]
        return Summary.of(names, w.ravel(), H, value, float(s.sum()), self.fit_intercept)

    def _many_classes(self) -> bool:
        return False


class SoftmaxRegression(Linear):
    """P(y = k | x) = softmax(Wx + b)_k for two or more classes; W has a row per class."""

    def __init__(
        self, penalty="deprecated", *, C=1.0, l1_ratio=0.0, dual=False, tol=1e-4,
        fit_intercept=True, intercept_scaling=1, class_weight=None, random_state=None,
        solver="auto", max_iter=100, verbose=0, warm_start=False, n_jobs=None, callbacks=None,
        categorical=None, scale=False,
    ):  # fmt: skip
        for name, value in locals().copy().items():
            if name != "self":
                setattr(self, name, value)

    def _objective(self) -> Callable[..., Any]:
        return _many

    def _rows(self) -> int:
        return len(self._labels.classes)

    def _targets(self, y: Array) -> Array:
        if self._labels.many:
            raise InputError(
                sentences("y has several columns.", "Take MLPClassifier for several labels a row.")
            )
        return np.eye(len(self._labels.classes))[self._labels.place(y)]

    def decision_function(self, X: Any) -> Array:
        """The logits, (N, classes), or their difference (N,) for two classes."""
        Z = self._logits(X)
        return Z[:, 1] - Z[:, 0] if Z.shape[1] == 2 else Z

    def predict_proba(self, X: Any) -> Array:
        """P(class | x), (N, classes)."""
        return np.asarray(softmax(self._logits(X)))
