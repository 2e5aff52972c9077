"""How long a step will take, guessed: whether threads should share it."""

from collections.abc import Callable, Iterable
from math import prod

from wengert.backends.llvm.cpu import host
from wengert.backends.llvm.threads import pool
from wengert.backends.llvm.words import SIMPLE
from wengert.ir.schedule import Apply, Call, Expr, Nest, Read, Stage, nodes

# Nanoseconds, as they were seen; one processor's cycle is about a third of one.
SIMPLY, DEARLY, FETCH = 0.2, 4.0, 0.25  # a vector's simple word, another word, a load or store
WIDE = 3000.0
"""A step that takes at least so long is shared: to meet costs a tenth of it."""
LONG = 1 << 14
"""The terms of a sum that threads share: it is made of blocks."""
WORTH = 40_000.0
"""A function whose shared steps take at least so long is run by several threads."""
BRIEF = 150_000.0
"""One that takes less isn't worth waking threads that sleep."""


def nanoseconds(item: Nest | Call) -> float:
    """The time of a loop nest, a product, a loop in time; what else there is counts as nothing."""
    if isinstance(item, Nest):
        product = nanoseconds(item.product) if item.product else 0.0
        return product + sum(map(_stage, item.stages))
    if item.bodies:
        turns = item.equation.params.get("length", 10)
        steps = [i for body in item.bodies.values() for i in body.items]
        return float(turns * sum(map(nanoseconds, steps)))
    name = item.equation.primitive.name
    out = item.equation.outputs[0].type
    if name == "contract":
        sizes = dict(
            zip(
                item.equation.params["spec"].split("->")[0].replace(",", ""),
                [n for o in item.operands for n in o.shape],
                strict=True,
            )
        )
        return prod(sizes.values()) / host().lanes(out.dtype.itemsize) * 0.17
    if name == "gather":
        return out.nbytes / 10
    return 0.0


def _stage(stage: Stage) -> float:
    seen = nodes([r.expr for r in stage.roots])
    widest = max([e.dtype.itemsize for e in seen], default=8)
    vectors = prod(stage.shape) / host().lanes(max(widest, 4))
    words = sum([_word(e) for e in seen])
    return vectors * (words + FETCH * len(stage.roots))


def _word(e: Expr) -> float:
    if isinstance(e, Read):
        return FETCH
    return 0.0 if not isinstance(e, Apply) else SIMPLY if e.name in SIMPLE else DEARLY


def splits(nest: Nest) -> bool:
    """Whether threads can share a nest: a loop over values that are kept, or a long sum."""
    first = nest.stages[0]
    if len(nest.stages) > 1:
        return max(first.shape[: nest.outer], default=1) > 1
    kept = prod([n for a, n in enumerate(first.shape) if a not in first.folded])
    return kept > 2 * host().lanes(8) or (kept == 1 and prod(first.shape) > LONG)


def time(items: Iterable[Nest | Call], wide: Callable[[Nest | Call], bool]) -> float:
    """The nanoseconds of all steps that are shared."""
    return sum([_shared(item, wide) for item in items if wide(item)])


def _shared(item: Nest | Call, wide: Callable[[Nest | Call], bool]) -> float:
    if isinstance(item, Nest) or not any(
        wide(i) for body in item.bodies.values() for i in body.items
    ):
        return nanoseconds(item)
    turns = item.equation.params.get("length", 10)
    return float(turns * sum([time(body.items, wide) for body in item.bodies.values()]))


def balance(pieces: int) -> float:
    """The share of their time that threads work when they deal out so many equal pieces."""
    threads = pool().threads
    return pieces / (-(-pieces // threads) * threads) if pieces else 0.0
