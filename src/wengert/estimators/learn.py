"""Epochs of jitted steps for the estimators' networks.

A step is a pure function, made once for each `Task` and kept, so that a second fit of the same
shape compiles nothing. `vmap` of it trains several seeds at once. Whole minibatches run many at a
time, as one loop of machine code; what they are given doesn't depend on how many samples there are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert import api, tree
from wengert.errors import WengertError
from wengert.estimators.costs import Cost
from wengert.estimators.network import Network, moving, start
from wengert.nn import lbfgs, optimizers
from wengert.nn.optimizers import Optimizer
from wengert.nn.steps import BACKWARD, MOMENT, PRODUCT

__all__ = ["Learner", "Rows", "Task", "begin", "epochs", "full_batch", "outputs", "stack"]

Array = NDArray[Any]

MOST = 64
"""So many minibatches at most are laid out at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """N samples as the network takes them: numbers X, categories' codes, targets T, weights."""

    X: Array
    codes: Array
    T: Any = None
    w: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def at(self, rows: Any) -> "Rows":
        """The samples at these rows."""
        T = None if self.T is None else self.T[rows]
        return Rows(self.X[rows], self.codes[rows], T, None if self.w is None else self.w[rows])

    def arrays(self) -> tuple[Any, ...]:
        return (
            (self.X, self.codes, self.T) if self.w is None else (self.X, self.codes, self.T, self.w)
        )


@dataclass(frozen=True, slots=True)
class Task:
    """What a step lowers, and how: Σ w q / Σ w + α/2 |W|² / Σ w, or decay apart from the loss."""

    cost: Cost
    optimizer: Any
    alpha: float = 0.0
    decay: float = 0.0
    factors: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """A network, its running moments, and its optimiser's state."""

    network: Network
    running: Any
    state: Any


def begin(network: Network, optimizer: Optimizer) -> Learner:
    """A learner before its first step."""
    return Learner(network, start(network), optimizer.init(network))


def objective(task: Task, network: Network, running: Any, masks: Any, *batch: Any) -> Any:
    """(Q, batch moments) of a batch (X, codes, T[, w])."""
    X, codes, T, *w = batch
    Z, moments = network.forward(X, codes, running, masks, training=True)
    Q = task.cost.mean(Z, T, *w)
    if task.alpha:
        total = np.sum(w[0]) if w else X.shape[0]
        Q = Q + task.alpha * optimizers.penalty([layer.W for layer in network.layers]) / total
    return Q, moments


def _update(task: Task, learner: Learner, rate: Any, decay: Any, masks: Any, batch: Any) -> Any:
    def Q(network: Network) -> Any:
        return objective(task, network, learner.running, masks, *batch)

    (cost, moments), grads = api.value_and_grad(Q, has_aux=True)(learner.network)
    network, state = task.optimizer.update(learner.network, grads, learner.state, rate)
    if task.factors or task.decay:
        network = _scaled(task, learner.network, network, rate * decay)
    running = moving(learner.running, moments) if learner.running else learner.running
    return Learner(network, running, state), cost


def _scaled(task: Task, old: Network, new: Network, shrink: Any) -> Network:
    """Each leaf with its own share of the step, and weights shrunk: RealMLP's table of factors."""
    a, structure = tree.flatten(old)
    b = tree.flatten(new)[0]
    leaves = []
    for path, w, moved in zip(tree.paths(old), a, b, strict=True):
        f = factor(path) if task.factors else 1.0
        w_new = moved if f == 1.0 else w + f * (moved - w)
        weight = path.startswith(".layers") and path.endswith(".W")
        leaves.append(w_new - (task.decay * shrink) * w if weight and task.decay else w_new)
    network: Network = structure.unflatten(leaves)
    return network


def factor(path: str) -> float:
    """The share of the rate that a leaf is given. Source: arXiv 2407.04491, table A.1."""
    if path.startswith(".scale"):
        return 6.0
    return 0.1 if path.startswith(".periodic") or path.endswith(".b") else 1.0


@lru_cache(maxsize=64)
def _steps(
    task: Task, structure: tree.Structure, there: tuple[bool, ...], members: bool
) -> tuple[Any, Any]:
    """A step of (leaves, (rate, decay, masks, batch)) -> (leaves, loss), and a loop of such steps.

    A learner goes in and out as its leaves, since jit takes tuples of arrays at once. Of a batch's
    arrays only those that are `there` are given: the others have no columns.
    """

    def step(learner: Any, rate: Any, decay: Any, masks: Any, batch: Any) -> Any:
        return _update(task, learner, rate, decay, masks, _whole_batch(batch, there))

    update = api.vmap(step, in_axes=(0, None, None, 0, 0)) if members else step

    def one(leaves: Any, given: Any) -> Any:
        learner, cost = update(structure.unflatten(leaves), *given)
        return tuple(tree.flatten(learner)[0]), cost

    def many(leaves: Any, given: Any) -> Any:
        return api.scan(one, leaves, given)

    return api.jit(one), api.jit(many)


def _there(arrays: tuple[Any, ...]) -> tuple[bool, ...]:
    """Which of the arrays have columns."""
    return tuple([a.ndim < 2 or a.shape[-1] > 0 for a in arrays])


def _whole_batch(given: Any, there: tuple[bool, ...]) -> tuple[Any, ...]:
    """A batch's arrays, those of no columns among them."""
    arrays = iter(given)
    nothing = np.empty((len(given[0]), 0), np.int64)
    return tuple([next(arrays) if t else nothing for t in there])


@dataclass(slots=True, eq=False)
class _Way:
    """A learner's leaves on their way through minibatches, of which `length` are run at once."""

    one: Any
    many: Any
    leaves: tuple[Any, ...]
    length: int

    def go(self, beside: list[Any], batches: tuple[Array, ...]) -> Any:
        """The losses of steps, each with (rate, decay, masks) and an entry of every batch array."""
        if len(beside) == self.length > 1:
            try:
                rates, decays, masks = zip(*beside, strict=True)
                drops = tuple([np.stack(layer) for layer in zip(*masks, strict=True)])
                given = np.stack(rates), np.stack(decays), drops, batches
                self.leaves, costs = self.many(self.leaves, given)
                return costs
            except (WengertError, TypeError, ValueError):
                self.length = 1  # step by step it runs, or says what is wrong
        costs = []
        for k, one in enumerate(beside):
            self.leaves, cost = self.one(self.leaves, (*one, tuple([a[k] for a in batches])))
            costs.append(cost)
        return costs


def _length(network: Network, whole: int, size: int) -> int:
    """How many of the whole minibatches run at once: a call is heard of within a moment."""
    work = size * sum([layer.W.size for layer in network.layers])
    most = max(1, min(whole, MOST, int(MOMENT / (2 * BACKWARD * PRODUCT * work))))
    return min(range(most, most // 2, -1), key=lambda n: whole % n)


def epochs(
    learner: Learner,
    task: Task,
    data: Rows,
    rngs: list[Any],
    *,
    size: int,
    shuffle: bool,
    rate: Callable[[float], float],
    decay: Callable[[float], float] = lambda t: 1.0,
    dropout: Callable[[float], tuple[float, ...]] = lambda t: (),
    order: list[Array] | None = None,
) -> Iterator[tuple[Learner, Any]]:
    """(learner, mean loss) after each epoch, without end. t counts epochs.

    Each of `rngs` shuffles for one member; more than one are trained at once.
    """
    dtype, n, epoch = data.X.dtype, len(data), 0
    members = len(rngs) > 1
    order = [np.arange(n) for _ in rngs] if order is None else order
    leaves, structure = tree.flatten(learner)
    there = _there(data.arrays())
    length = _length(learner.network, n // size, size)
    way = _Way(*_steps(task, structure, there, members), tuple(leaves), length)

    def given(first: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """The rate, the decay and the masks of the minibatch that begins here."""
        t = epoch + first / n
        masks = _masks(learner.network, dropout(t), shape, rngs[0], dtype)
        return np.asarray(rate(t), dtype), np.asarray(decay(t), dtype), masks

    while True:
        if shuffle:
            order = [_shuffled(rows, rng) for rows, rng in zip(order, rngs, strict=True)]
        places = np.stack(order) if members else order[0]
        total: Any = 0.0
        for first, count in _pieces(n, size, way):
            rows = data.at(places[..., first : first + count * size])
            stacks = [_cut(a, count, members) for a in rows.arrays()]
            shape = stacks[0].shape[1:-1]
            alive = [rows.w is None or bool(stacks[-1][k].sum(-1).all()) for k in range(count)]
            beside = [given(first + k * size, shape) for k in range(count) if alive[k]]
            batches = tuple([a[alive] if not all(alive) else a for a in _kept(stacks, there)])
            for cost in way.go(beside, batches):
                total = total + np.asarray(cost, np.float64) * shape[-1]
        epoch += 1
        yield structure.unflatten(way.leaves), total / n


def _pieces(n: int, size: int, way: _Way) -> Iterator[tuple[int, int]]:
    """The first row and the number of the minibatches that are run at once."""
    first = 0
    while first < n:
        count = way.length if n - first >= way.length * size else 1
        yield first, count
        first += count * size


def _cut(a: Array, count: int, members: bool) -> Array:
    """Rows as so many minibatches, one after another: (count, [members,] size, ...)."""
    if not members:
        return a.reshape(count, len(a) // count, *a.shape[1:])
    rows = a.shape[1] // count
    return np.moveaxis(a.reshape(len(a), count, rows, *a.shape[2:]), 1, 0)


def _kept(arrays: Iterable[Array], there: tuple[bool, ...]) -> list[Array]:
    """The arrays that have columns."""
    return [a for a, is_there in zip(arrays, there, strict=True) if is_there]


def _shuffled(rows: Array, rng: Any) -> Array:
    """A new order of these rows, drawn as scikit-learn draws it."""
    places = np.arange(len(rows))
    rng.shuffle(places)
    return rows[places]


def _masks(
    network: Network, shares: tuple[float, ...], shape: Any, rng: Any, dtype: Any
) -> tuple[Array, ...]:
    """For each hidden layer 0 or 1/(1 − p). Srivastava et al. 2014, in the inverted form."""
    if not any(shares):
        return ()
    widths = [layer.b.shape[-1] for layer in network.layers[:-1]]
    return tuple(
        ((rng.random_sample((*shape, m)) >= p) / (1 - p)).astype(dtype)
        for m, p in zip(widths, shares, strict=True)
    )


@lru_cache(maxsize=64)
def _whole(task: Task) -> Any:
    def f(network: Network, batch: Any) -> Any:
        return objective(task, network, (), (), *batch)[0]

    return api.jit(api.value_and_grad(f))


def full_batch(
    network: Network,
    task: Task,
    data: Rows,
    method: lbfgs.LBFGS,
    iterations: int,
    after: Callable[[Network, float], bool],
) -> None:
    """L-BFGS on all samples; `after` is called with each network and ends the run by True."""
    f, arrays = _whole(task), data.arrays()
    lbfgs.minimize(
        lambda w: f(w, arrays), network, method=method, iterations=iterations, after=after
    )


def outputs(learner: Learner, data: Rows, rows: int = 8192) -> Array:
    """The network's outputs, (N, k), or (members, N, k) of several; plain NumPy, line by line."""
    if learner.network.layers[0].b.ndim == 2:
        return np.stack([outputs(one, data, rows) for one in unstack(learner)])
    parts = [
        learner.network.forward(data.X[i : i + rows], data.codes[i : i + rows], learner.running)[0]
        for i in range(0, max(len(data), 1), rows)
    ]
    return np.concatenate([np.asarray(part) for part in parts])


def stack(learners: list[Learner]) -> Learner:
    """Several learners as one, a leading axis more in every leaf."""
    if len(learners) == 1:
        return learners[0]
    first, *others = learners
    found: Learner = tree.map(lambda *leaves: np.stack(leaves), first, *others)
    return found


def unstack(learner: Learner) -> list[Learner]:
    """The single learners again."""
    count = len(learner.network.layers[0].b)
    return [tree.map(lambda leaf, i=i: leaf[i], learner) for i in range(count)]


def with_outputs(learner: Learner, change: Callable[[Any], Any]) -> Learner:
    """The same learner with its last layer changed."""
    *layers, last = learner.network.layers
    return replace(learner, network=replace(learner.network, layers=(*layers, change(last))))
