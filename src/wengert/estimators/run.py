"""One run of an MLP estimator: epochs until it stops getting better, the best weights kept."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, WengertError, sentences
from wengert.estimators import learn as steps
from wengert.estimators.conventions import ConvergenceWarning, warn
from wengert.estimators.learn import Learner, Rows, Task, begin
from wengert.estimators.settings import Recipe, recipe
from wengert.nn.batches import split
from wengert.nn.lbfgs import LBFGS
from wengert.nn.progress import watch
from wengert.nn.schedules import Constant
from wengert.nn.train import Epoch

__all__ = ["learn", "recipe", "steepest", "sweep"]


class NonfiniteError(WengertError, ValueError):
    """Weights became nan or inf."""


def learn(e: Any, data: Rows, held: Rows | None, rngs: list[Any], *, further: bool) -> None:
    """Train the estimator's learner on these rows, and leave scikit-learn's attributes."""
    layers = len(e._learner.network.layers) - 1
    plan = recipe(e, layers, e.max_iter)
    task = Task(
        e._cost, plan.optimizer, 0.0 if plan.decay else float(e.alpha), plan.decay, plan.factors
    )
    if e.solver == "lbfgs" and e.preset is None:
        if further:
            raise InputError(sentences("partial_fit needs steps.", 'Take solver="adam" or "sgd".'))
        _whole(e, task, data)
    else:
        if held is None and not further and (e.early_stopping or e.preset == "tabular"):
            data, held = _split(e, data, rngs[0])
        if not further:
            e._learner = _afresh(e._learner, plan.optimizer, len(rngs))
        _epochs(e, task, plan, data, held, rngs, 1 if further else e.max_iter)
    if not all(np.isfinite(w).all() for w in [*e.coefs_, *e.intercepts_]):
        raise NonfiniteError(
            sentences(
                "Solver produced non-finite parameter weights.",
                "Scale X, or lower the rate: its entries "
                f"reach {np.abs(data.X).max(initial=0):.3g}.",
            )
        )


def _afresh(learner: Learner, optimizer: Any, members: int) -> Learner:
    """The same weights, and an optimiser that hasn't seen them."""
    if members == 1:
        return Learner(learner.network, learner.running, optimizer.init(learner.network))
    return steps.stack(
        [
            Learner(one.network, one.running, optimizer.init(one.network))
            for one in steps.unstack(learner)
        ]
    )


def _whole(e: Any, task: Task, data: Rows) -> None:
    plain = e._learner.network.plan
    if e.ensemble > 1 or plain.norm == "batch" or np.any(e.dropout):
        raise InputError(
            sentences(
                "L-BFGS sees all samples at once: no batch norm, dropout or ensemble.",
                'Take solver="adam".',
            )
        )
    e.n_iter_, e.loss_curve_ = 0, []

    def after(network: Any, value: float) -> bool:
        e.n_iter_ += 1
        e.loss_curve_.append(value)
        e._learner = Learner(network, e._learner.running, ())
        return _told(e, e.n_iter_, {"train_loss": value})

    method = LBFGS(tolerance=float(e.tol))
    steps.full_batch(e._learner.network, task, data, method, e.max_iter, after)
    e.loss_ = e.loss_curve_[-1] if e.loss_curve_ else float("nan")
    if e.n_iter_ >= e.max_iter:
        _unfinished(e)


def _split(e: Any, data: Rows, rng: Any) -> tuple[Rows, Rows]:
    share = 0.2 if e.preset == "tabular" and not e.early_stopping else e.validation_fraction
    one = e.kind == "classifier" and not e._labels.many
    y = e._labels.places(data.T) if one else np.zeros((len(data), 2))
    learn, held = split(y, share, seed=int(rng.randint(2**31)))
    if len(held) < 2:
        raise InputError(
            sentences("The validation set is too small.", "Increase 'validation_fraction'.")
        )
    return data.at(learn), data.at(held)


def _size(e: Any, n: int) -> int:
    if e.batch_size == "auto":
        return min(256 if e.preset == "tabular" else 200, n)
    if e.batch_size > n:
        warnings.warn(f"batch_size={e.batch_size} is more than {n} samples: clipped.", stacklevel=5)
    return int(min(e.batch_size, n))


def _epochs(
    e: Any, task: Task, plan: Recipe, data: Rows, held: Rows | None, rngs: list[Any], count: int
) -> None:
    watched, size = held is not None, _size(e, len(data))
    best = _Best(e, watched, count)
    iterator = steps.epochs(
        e._learner, task, data, rngs, size=size, shuffle=e.shuffle,
        rate=lambda t: best.rate(plan, t), decay=plan.decay_at, dropout=plan.dropout,
    )  # fmt: skip
    with watch(count, -(-len(data) // size), e.progress, type(e).__name__) as bar:
        try:
            for learner, loss in iterator:
                e._learner = learner
                row = best.epoch(learner, float(np.mean(loss)), held, len(data))
                bar.epoch({"epoch": float(e.n_iter_), **row})
                if e.verbose:
                    print(f"Iteration {e.n_iter_}, " + _said(row))
                if _told(e, e.n_iter_, row) or best.ends():
                    break
                if best.number == count:
                    if (count == e.max_iter and e.preset is None and count > 1) or e.max_iter == 1:
                        _unfinished(e)
                    break
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
    if watched and best.learner is not None:
        e._learner = best.learner


def _said(row: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('train_', '')} = {value:.8f}" for name, value in row.items())


def _told(e: Any, number: int, row: dict[str, float]) -> bool:
    epoch = Epoch(number, row, e)
    answers = [callback(epoch) is True for callback in e.callbacks or ()]
    return any(answers)


class _Best:
    """scikit-learn's rule of stopping, and the best weights so far."""

    def __init__(self, e: Any, watched: bool, count: int) -> None:
        self.e, self.watched, self.number, self.waited = e, watched, 0, 0
        self.factor, self.learner = 1.0, None
        self.top = -np.inf
        self.patient = e.preset == "tabular" and not e.early_stopping
        e.n_iter_ = 0 if count > 1 or e.max_iter == 1 else e.n_iter_
        if count > 1 or not hasattr(e, "best_loss_"):
            e.best_loss_ = None if watched else np.inf
            e.validation_scores_ = [] if watched else None
            e.best_validation_score_ = None
            e.loss_curve_ = e.loss_curve_ if e.warm_start else []

    def rate(self, plan: Recipe, t: float) -> float:
        rate, e = plan.rate(t), self.e
        if e.learning_rate == "invscaling" and e.solver == "sgd":
            return float(rate / (e.t_ + 1) ** e.power_t)
        return rate * self.factor

    def epoch(self, learner: Any, loss: float, held: Rows | None, n: int) -> dict[str, float]:
        e = self.e
        self.number += 1
        e.n_iter_ += 1
        e.t_ += n
        e.loss_ = loss
        e.loss_curve_.append(loss)
        row = {"train_loss": loss}
        if held is None:
            self.waited = self.waited + 1 if loss > e.best_loss_ - e.tol else 0
            e.best_loss_ = min(loss, e.best_loss_)
            return row
        score = e._score(learner, held)
        e.validation_scores_.append(score)
        self.waited = self.waited + 1 if score < self.top + e.tol else 0
        if score > self.top or (self.patient and score == self.top):
            self.top, self.learner = score, learner
            e.best_validation_score_, e.best_iter_ = score, self.number
        return {**row, "validation_score": score}

    def ends(self) -> bool:
        """Whether it is time to stop: n_iter_no_change epochs were no better by `tol`."""
        e = self.e
        if self.patient or self.waited <= e.n_iter_no_change:
            return False
        if e.learning_rate != "adaptive" or e.solver != "sgd":
            return True
        self.factor, self.waited = self.factor / 5, 0
        return bool(e.learning_rate_init * self.factor * 5 <= 1e-6)


def _unfinished(e: Any) -> None:
    warn(
        "ConvergenceWarning",
        ConvergenceWarning,
        f"{type(e).__name__}: Maximum iterations ({e.max_iter}) reached and the optimization "
        "hasn't converged yet. Raise max_iter or scale X.",
    )


def sweep(e: Any, data: Rows, low: float, high: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rates from low to high, a step of each, and the smoothed losses until they explode."""
    task = Task(e._cost, recipe(e, len(e._learner.network.layers) - 1, 1).optimizer, e.alpha)
    learner = begin(e._learner.network, task.optimizer)
    rng, size, smooth = np.random.RandomState(0), _size(e, len(data)), 0.0
    rates: list[float] = []
    losses: list[float] = []
    for k, rate in enumerate(np.geomspace(low, high, 100).tolist(), 1):
        rows = data.at(rng.randint(len(data), size=size))
        constant = Constant(rate)
        one = steps.epochs(learner, task, rows, [rng], size=size, shuffle=False, rate=constant)
        learner, loss = next(one)
        smooth = 0.9 * smooth + 0.1 * float(loss)
        now = smooth / (1 - 0.9**k)
        if not np.isfinite(now) or (losses and now > 4 * min(losses)):
            break
        rates.append(rate)
        losses.append(now)
    return np.array(rates), np.array(losses)


def steepest(rates: NDArray[Any], losses: NDArray[Any]) -> float:
    """The rate at which the loss falls fastest per decade."""
    return float(rates[np.argmin(np.gradient(losses, np.log(rates)))])
