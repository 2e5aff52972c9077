"""Training: epochs of steps, each a loop of machine code, watched and kept at its best.

>>> import numpy as np
>>> from wengert.nn import Descent, linear, squared_error
>>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
>>> run = train(linear(1), squared_error, X, 2 * X[:, 0] + 1, optimizer=Descent(0.1), epochs=300)
>>> run.model.W.round(3), float(run.model.b.round(3))
(array([2.]), 1.0)
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from wengert import api, tree
from wengert.errors import InputError, WengertError, sentences
from wengert.nn import lbfgs, optimizers, schedules
from wengert.nn.batches import batches, split
from wengert.nn.evaluate import evaluate, model_dtype, outputs
from wengert.nn.lbfgs import LBFGS
from wengert.nn.losses import Loss, check_labels, class_weights
from wengert.nn.metrics import Metric
from wengert.nn.optimizers import Adam, Optimizer
from wengert.nn.progress import Bar, watch
from wengert.nn.samples import Samples, samples
from wengert.nn.steps import Step, Steps, seconds

__all__ = ["Callback", "DivergedError", "Epoch", "Training", "train"]

Row = dict[str, float]


class DivergedError(WengertError, FloatingPointError):
    """The loss or a weight became nan or inf before a single epoch was done."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a callback is told after each epoch: its number, its line of the history, the model."""

    number: int
    row: Mapping[str, float]
    model: Any


Callback = Callable[[Epoch], object]


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What a run leaves behind.

    `model` is the best one where there was validation, or where the run ended early; else the last.
    `history` has a column per quantity, a row per epoch, by name: epoch, rate, train_loss,
    validation_loss and metrics if there was validation, seconds since the start. `best_epoch`
    counts from 1 and is 0 if none was finished. `reason` says in words why it ended.
    """

    model: Any
    history: dict[str, list[float]]
    best_epoch: int
    reason: str
    interrupted: bool = False
    diverged: bool = False


def train(
    model: Any,
    loss: Loss,
    X: ArrayLike,
    y: ArrayLike,
    *,
    optimizer: Optimizer | LBFGS | None = None,
    epochs: int = 20,
    batch_size: int = 128,
    seed: int = 0,
    validation: float | tuple[ArrayLike, ArrayLike] | None = None,
    patience: int | None = None,
    weights: ArrayLike | None = None,
    class_weight: Literal["balanced"] | Mapping[int, float] | Sequence[float] | None = None,
    l2: float = 0.0,
    clip: float | None = None,
    metrics: Sequence[Metric] = (),
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    title: str = "",
) -> Training:
    """Lower (1/N) Σ w_i q(model(x_i), y_i) + l2/2 Σ W² by minibatches shuffled from a seed.

    `model` is a tree of float arrays that can be called, X (N, n) or whatever it takes, y (N, ...).
    `validation` is a share of the rows to hold back or a pair (X, y); the best weights on it are
    kept, and after `patience` epochs without a better one the run ends (without validation the
    training loss is watched). `weights` (N,) and `class_weight` make samples count more; they need
    a loss that takes `weights` and `reduction`, as those of `nn.losses` do. `clip` bounds the
    gradient's length. A callback is called with each `Epoch` and ends the run by returning True.
    `progress` shows a live bar: None means on a terminal. An epoch of `LBFGS` is one step on all
    samples. Equal seeds give equal bits.

    The steps of an epoch run as one loop of machine code, cut into calls of about 0.2 s at most.
    Ctrl-C is heard between them: it ends the run and keeps the best model so far, `interrupted`.
    Where the loss becomes nan or inf the run ends with a RuntimeWarning and the best model so far,
    `diverged`; in the first epoch, where there is none, with DivergedError.
    Raises InputError, ShapeError and DtypeError for data and settings that make no sense.
    """
    optimizer = Adam() if optimizer is None else optimizer
    _check_settings(epochs, batch_size, patience, l2, clip)
    data, held = _data(X, y, weights, class_weight, validation, seed)
    _check_model(model, loss, data, held)

    def judge(model: Any) -> Row:
        if held is None:
            return {}
        scores = evaluate(model, loss, held.X, held.y, weights=held.weights, metrics=metrics)
        return {f"validation_{name}": value for name, value in scores.items()}

    full = isinstance(optimizer, LBFGS)
    steps = 1 if full else -(-len(data) // batch_size)
    objective = _objective(loss, l2)
    log = _Log(model, judge, patience, tuple(callbacks), held is not None)
    with watch(epochs, steps, progress, title) as log.bar:
        try:
            if isinstance(optimizer, LBFGS):
                _full_batch(log, objective, data, optimizer, epochs)
            else:
                order = [(seed, epoch, batch_size) for epoch in range(1, epochs + 1)]
                _minibatches(log, _step(objective, optimizer, clip), data, optimizer, order)
        except KeyboardInterrupt:
            log.reason, log.interrupted = f"interrupted in epoch {len(log.rows) + 1}", True
        except _Nonfinite as problem:
            log.reason, log.diverged = str(problem), True
    return _result(log, data)


class _Nonfinite(ArithmeticError):
    """Leaves the loop where a value became nan or inf."""


@dataclass(slots=True, eq=False)
class _Log:
    """What a run has seen so far; the only thing in it that changes."""

    latest: Any
    judge: Callable[[Any], Row]
    patience: int | None
    callbacks: tuple[Callback, ...]
    validated: bool
    bar: Bar = field(default_factory=Bar)
    rows: list[Row] = field(default_factory=list)
    best: tuple[int, float, Any] | None = None
    reason: str = "all epochs done"
    interrupted: bool = False
    diverged: bool = False
    start: float = field(default_factory=perf_counter)

    def step(self, model: Any, cost: float) -> None:
        """One step is done; refuses a cost that is no number."""
        if not np.isfinite(cost):
            raise _Nonfinite(f"the loss became {cost} in epoch {len(self.rows) + 1}")
        self.latest = model
        self.bar.step(cost)

    def steps(self, model: Any, costs: Iterable[float]) -> None:
        """Some steps are done, of which the last left this model."""
        for cost in costs:
            self.step(model, float(cost))

    def epoch(self, model: Any, cost: float, rate: float) -> bool:
        """One epoch is done; True if it is the last."""
        number = len(self.rows) + 1
        if not all(np.isfinite(leaf).all() for leaf in tree.flatten(model)[0]):
            raise _Nonfinite(f"a weight became nan or inf in epoch {number}")
        row = {"epoch": number, "rate": rate, "train_loss": cost, **self.judge(model)}
        watched = row["validation_loss" if self.validated else "train_loss"]
        if not np.isfinite(watched):
            raise _Nonfinite(f"the validation loss became {watched} in epoch {number}")
        self.latest = model
        self.rows.append({**row, "seconds": perf_counter() - self.start})
        if self.best is None or watched < self.best[1]:
            self.best = number, watched, model
        self.bar.epoch(row)
        return self._ends(Epoch(number, self.rows[-1], model), number - self.best[0])

    def _ends(self, epoch: Epoch, waited: int) -> bool:
        answers = [callback(epoch) for callback in self.callbacks]
        if any(answer is True for answer in answers):
            self.reason = f"a callback ended it after epoch {epoch.number}"
            return True
        if self.patience is not None and waited >= self.patience:
            self.reason = f"no better for {waited} epochs"
            return True
        return False


def _objective(loss: Loss, l2: float) -> Callable[..., Any]:
    """Q(model, X, y) or Q(model, X, y, w): the mean cost of a batch and its penalty."""

    def Q(model: Any, X: Any, y: Any, *w: Any) -> Any:
        z = model(X)
        q = loss(z, y, weights=w[0], reduction="sum") / len(w[0]) if w else loss(z, y)
        return q + l2 * optimizers.penalty(model) if l2 else q

    return Q


def _step(objective: Callable[..., Any], optimizer: Optimizer, clip: float | None) -> Step:
    """One function: value, gradient and update."""

    def step(carry: Any, batch: Any, rate: Any) -> tuple[Any, Any]:
        Q, dQ = api.value_and_grad(objective)(carry[0], *batch)
        dQ = dQ if clip is None else optimizers.clip(dQ, clip)
        return optimizer.update(carry[0], dQ, carry[1], rate), Q

    return step


def _minibatches(
    log: _Log, step: Step, data: Samples, optimizer: Optimizer, order: list[tuple[int, int, int]]
) -> None:
    carry, dtype = (log.latest, optimizer.init(log.latest)), model_dtype(log.latest)
    arrays, size = data.arrays(dtype), min(order[0][2], len(data))
    steps = Steps(step, arrays, seconds(log.latest, arrays[0], size))
    for seed, epoch, size in order:
        chosen = list(batches(len(data), size, seed=seed, epoch=epoch))
        times = epoch - 1 + np.arange(0, len(data), size) / len(data)
        rates = np.array([schedules.at(optimizer.rate, float(t)) for t in times], dtype)
        costs: list[float] = []
        for after, found in steps(carry, chosen, rates):
            carry = after
            log.steps(carry[0], found)
            costs += found.tolist()
        total = sum(cost * len(rows) for cost, rows in zip(costs, chosen, strict=True))
        if log.epoch(carry[0], total / len(data), float(rates[-1])):
            return


def _full_batch(
    log: _Log, objective: Callable[..., Any], data: Samples, method: LBFGS, epochs: int
) -> None:
    arrays = data.arrays(model_dtype(log.latest))
    compiled = api.jit(api.value_and_grad(objective))

    def f(model: Any) -> tuple[Any, Any]:
        return compiled(model, *arrays)  # type: ignore[no-any-return]

    def after(model: Any, cost: float) -> bool:
        log.step(model, cost)
        return log.epoch(model, cost, 1.0)

    log.step(log.latest, float(f(log.latest)[0]))
    lbfgs.minimize(f, log.latest, method=method, iterations=epochs, after=after)
    if log.reason == "all epochs done" and len(log.rows) < epochs:
        log.reason = f"converged after {len(log.rows)} epochs"


def _result(log: _Log, data: Samples) -> Training:
    if log.diverged and log.best is None:
        raise DivergedError(_advice(log, data))
    if log.diverged:
        warnings.warn(_advice(log, data), RuntimeWarning, stacklevel=3)
    early = log.validated or log.patience is not None or log.interrupted or log.diverged
    number, _, best = log.best or (0, 0.0, log.latest)
    names = log.rows[0] if log.rows else ()
    history = {name: [row[name] for row in log.rows] for name in names}
    model = best if early else log.latest
    return Training(model, history, number, log.reason, log.interrupted, log.diverged)


def _advice(log: _Log, data: Samples) -> str:
    kept = f"; the model of epoch {log.best[0]} was kept" if log.best else ""
    return sentences(
        f"Training ended because {log.reason}{kept}.",
        "Lower the rate, clip the gradient (clip=1.0), or scale X, "
        f"whose entries reach {np.abs(data.X).max():.3g}.",
    )


def _data(
    X: ArrayLike, y: ArrayLike, weights: Any, class_weight: Any, validation: Any, seed: int
) -> tuple[Samples, Samples | None]:
    """The samples to learn from, and those held back."""
    data = samples(X, y, weights)
    if class_weight is not None:
        each = class_weights(data.y, class_weight)
        each = each if data.weights is None else each * data.weights
        data = samples(data.X, data.y, each)
    if validation is None:
        return data, None
    if isinstance(validation, tuple | list):
        return data, samples(*validation)
    learn, held = split(data.y, float(validation), seed=seed)
    return data.rows(learn), data.rows(held)


def _check_model(model: Any, loss: Loss, data: Samples, held: Samples | None) -> None:
    """Run the model on one row, and compare what it gives with what the loss will be given."""
    shape = outputs(model, data.X[:1]).shape[1:]
    for given in (data, held):
        if given is not None:
            check_labels(loss, (len(given), *shape), given.y)


def _check_settings(
    epochs: int, batch_size: int, patience: int | None, l2: float, clip: float | None
) -> None:
    for name, count in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
        if count is not None and not (whole and count >= 1):
            _refuse(name, count, "Give a whole number of at least 1.")
    if not (np.isfinite(l2) and l2 >= 0):
        _refuse("l2", l2, "Give a number of at least 0.")
    if clip is not None and not clip > 0:
        _refuse("clip", clip, "Give a positive length, or None.")


def _refuse(name: str, value: object, advice: str) -> None:
    raise InputError(sentences(f"A run can't have {name}={value!r}.", advice))
