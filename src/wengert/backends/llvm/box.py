"""The loops of one stage over one box of its index set: kept axes, then folded ones, in vectors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import numpy as np

from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.lane import BOOL, Lane, fma, literal
from wengert.backends.llvm.pieces import Span, resolve
from wengert.backends.llvm.team import alone, barrier, loop, share
from wengert.backends.llvm.touch import (
    count,
    horizontal,
    load,
    mask,
    memory,
    neutral,
    store,
    wide,
)  # fmt: skip
from wengert.backends.llvm.words import SIMPLE
from wengert.ir.program import Atom, Var
from wengert.ir.schedule import Affine, Apply, Expr, Literal, Read, Root, Stage, nodes

Words = dict[str, Callable[..., Lane]]
Memo = dict[Expr, Lane]

BLOCK = 256
"""After so many additions a sum begins anew, if it is long."""
HEAVY = 24
"""From so many operations on a loop's body isn't written out several times."""


class Within(Protocol):
    """What a box must know of the nest that it is in."""

    code: Code
    words: Words
    outer: int
    shares: bool
    partial: Value
    counters: list[Value | int]
    memo: Memo
    registers: dict[Var, Lane]
    pointers: dict[Atom, Value]

    def place(
        self, atom: Atom, shape: tuple[int, ...], index: Sequence[Affine], rank: int
    ) -> Affine:
        """The distance of an element from the array's first."""


class Box:
    """The loops of a stage over one box, within the loops that are open already."""

    def __init__(self, nest: "Within", stage: Stage, box: Span, several: bool) -> None:
        self.nest, self.stage, self.code = nest, stage, nest.code
        self.box, self.several = box, several
        self.inner = list(range(nest.outer, len(stage.shape)))
        self.folds = [r for r in stage.roots if r.fold]
        memo: dict[Expr, Expr] = {}
        self.exprs = {
            r: resolve(r.expr, box, memo)  # type: ignore[arg-type]
            for r in stage.roots
        }
        self.all = nodes(list(self.exprs.values()))
        self.reads = {
            e: self.nest.place(e.atom, e.shape, e.index, len(stage.shape))
            for e in self.all if isinstance(e, Read) and e.atom not in self.registered
        }  # fmt: skip
        self.stores = {
            r: self.nest.place(r.var, r.var.type.shape, self._own(r), len(stage.shape))
            for r in stage.roots if r.var in self.nest.pointers
        }  # fmt: skip
        self.sizes = [hi - lo for lo, hi in box]
        self.starts = [lo for lo, _ in box]
        self._collapse()
        self.v = self._vector_axis()
        self.lanes = self._lanes()

    @property
    def registered(self) -> dict[Var, Lane]:
        return self.nest.registers

    def _own(self, root: Root) -> list[Affine]:
        rank = len(self.stage.shape)
        kept = [a for a in range(rank) if not root.fold or a not in self.stage.folded]
        return [Affine(0, tuple([int(a == b) for b in range(rank)])) for a in kept]

    def _collapse(self) -> None:
        """Make neighbouring axes one where every access runs through both alike."""
        folded = set(self.stage.folded)
        self.folded = folded
        if self.several:
            return
        for a in reversed(self.inner[:-1]):
            b = a + 1
            if (a in folded) != (b in folded) or 1 in (self.sizes[a], self.sizes[b]):
                continue
            n = self.sizes[b]
            places = [*self.reads.values(), *self.stores.values()]
            if all(p.steps[a] == p.steps[b] * n for p in places):
                self.sizes[b] *= self.sizes[a]
                self.sizes[a] = 1

    def _vector_axis(self) -> int | None:
        """The axis along which most accesses have step 1; None if nothing is longer than 1."""
        long = [a for a in self.inner if self.sizes[a] > 1]
        if not long:
            return None

        def score(a: int) -> tuple[int, int]:
            steps = [abs(p.steps[a]) for p in (*self.reads.values(), *self.stores.values())]
            return (sum([(2 if s == 1 else 0 if s == 0 else -1) for s in steps]), a)

        return max(long, key=score)

    def _lanes(self) -> int:
        if self.v is None:
            return 1
        widest = max([e.dtype.itemsize for e in self.all], default=8)
        lanes = self.code.cpu.lanes(max(widest, 4))
        while lanes > 2 and lanes // 2 >= self.sizes[self.v]:
            lanes //= 2
        return max(lanes, 1)

    # --- loops
    def write(self) -> None:
        counters: list[Value | int] = [
            *self.nest.counters, *self.starts[self.nest.outer :]
        ]  # fmt: skip
        kept = [a for a in self.inner if a not in self.folded and a != self.v]
        folded = [a for a in self.inner if a in self.folded and a != self.v]
        if self.v is not None and self.v not in self.folded:
            kept.append(self.v)
        elif self.v is not None:
            folded.append(self.v)
        self.kept = [a for a in kept if self.sizes[a] > 1]
        self.fold = [a for a in folded if self.sizes[a] > 1]
        bound = (1 << self.nest.outer) - 1
        for a in self.inner:
            if self.sizes[a] == 1:
                bound |= 1 << a
        self._keep(0, counters, bound, dict(self.nest.memo), None)

    def piece(self, at: list[Any], lanes: int) -> None:
        """One vector of the last axis, where the counters stand: the loops are the caller's."""
        self.v, self.lanes = len(at) - 1, lanes
        self._write(self._values(at, {}, None), at, None)

    def _keep(self, k: int, at: list[Any], bound: int, memo: Memo, mask: Value | None) -> None:
        """The loops over axes that are kept."""
        shared = self.nest.shares and not k
        if k == len(self.kept):
            with ExitStack() as self.ending:
                self.dealt = shared and len(self.fold) == 1
                if shared and not self.dealt:
                    self.ending.enter_context(alone(self.code))
                self._folds(at, bound, memo, mask)
            return
        a = self.kept[k]
        self._hoist(at, bound, memo, mask)
        if a != self.v:
            span = (self.starts[a], self.starts[a] + self.sizes[a])
            with share(self.code, *span) if shared else self.code.loop(*span) as i:
                self._keep(k + 1, [*at[:a], i, *at[a + 1 :]], bound | 1 << a, dict(memo), mask)
            return
        for i, copies, m in self._blocks(shared, unroll=not self.fold):
            with i as counter:
                for u in range(copies):
                    here = self._on(counter, u * self.lanes)
                    self._keep(k + 1, [*at[:a], here, *at[a + 1 :]], bound | 1 << a, dict(memo), m)

    def _on(self, i: Any, by: int) -> Any:
        """A counter some steps on."""
        if not by:
            return i
        if isinstance(i, int):
            return i + by
        return self.code.op(f"add nsw i64 {i.name}, {by}", "i64")

    def _blocks(self, shared: bool, unroll: bool) -> Iterator[tuple[Any, int, Value | None]]:
        """The vector loop in parts: unrolled, single, and the rest behind a mask."""
        for span, size, m in self._spans(self._copies() if unroll else 1):
            yield loop(self.code, *span, shared), size, m

    def _copies(self) -> int:
        assert self.v is not None
        work = len([e for e in self.all if isinstance(e, Apply)])
        heavy = any(isinstance(e, Apply) and e.name not in SIMPLE for e in self.all)
        copies = 1 if heavy or work > HEAVY else 2 if work > HEAVY // 4 else 4
        while copies > 1 and self.sizes[self.v] < 2 * copies * self.lanes:
            copies //= 2
        return copies

    def _folds(self, at: list[Any], bound: int, memo: Memo, mask: Value | None) -> None:
        """The loops over folded axes, from the neutral element to the stored result."""
        if not self.folds:
            self._hoist(at, bound, memo, mask)
            self._write(self._values(at, memo, mask), at, mask)
            return
        copies = self._copies() if self.v in self.fold else 1
        wide = self.lanes if self.v is not None and self.v in self.fold else self._width(bound)
        starts = [
            literal(neutral(r.fold, r.var.type.dtype), r.var.type.dtype, wide)
            for r in self.folds for _ in range(copies)
        ]  # fmt: skip
        ends = self._fold(0, at, bound, memo, mask, starts, copies)
        for k, root in enumerate(self.folds):
            lanes = [
                Lane(self.code, x, root.var.type.dtype, wide)
                for x in ends[k * copies : (k + 1) * copies]
            ]
            total = lanes[0]
            for other in lanes[1:]:
                total = self.nest.words[root.fold](total, other)
            if self.v is not None and self.v in self.fold:
                total = horizontal(total, self.nest.words[root.fold])
            self._finish(root, total, at, mask)

    def _width(self, bound: int) -> int:
        return self.lanes if self.v is not None and bound >> self.v & 1 else 1

    def _finish(self, root: Root, total: Lane, at: list[Any], mask: Value | None) -> None:
        """A fold is done: into memory, or into a register for the stages that follow."""
        if root in self.stores:
            self._store(root, total, at, mask)
        if total.lanes == 1 and not self.kept:
            self.nest.registers[root.var] = total

    def _fold(
        self, k: int, at: list[Any], bound: int, memo: Memo, mask: Value | None,
        accs: list[Value], copies: int,
    ) -> list[Value]:  # fmt: skip
        if k == len(self.fold):
            return self._accumulate(at, memo, mask, accs)
        a = self.fold[k]
        self._hoist(at, bound, memo, mask)
        if a != self.v:
            start, stop = self.starts[a], self.starts[a] + self.sizes[a]

            def row(i: Value, now: list[Value]) -> list[Value]:
                here = [*at[:a], i, *at[a + 1 :]]
                return self._fold(k + 1, here, bound | 1 << a, dict(memo), mask, now, copies)

            return self._blocked(start, stop, 1, accs, copies, row)
        for span, size, m in self._spans(copies):

            def vectors(
                i: Value, now: list[Value], size: int = size, m: Value | None = m
            ) -> list[Value]:
                later = list(now)
                for u in range(size):
                    here = [*at[:a], self._on(i, u * self.lanes), *at[a + 1 :]]
                    mine = [now[f * copies + u] for f in range(len(self.folds))]
                    done = self._fold(k + 1, here, bound | 1 << a, dict(memo), m, mine, 1)
                    for f, value in enumerate(done):
                        later[f * copies + u] = value
                return later

            accs = self._blocked(*span, accs, copies, vectors)
        return accs

    def _blocked(
        self, start: int, stop: int, step: int, accs: list[Value], copies: int,
        body: Callable[[Value, list[Value]], list[Value]],
    ) -> list[Value]:  # fmt: skip
        """A loop that folds; a long one by blocks, so that rounding grows with their number."""
        turns = (stop - start) // step

        def block(i: Value) -> list[Value]:
            fresh = [self._neutral(f, copies, v) for f, v in enumerate(accs)]
            with self.code.carried(i, self._on(i, step * BLOCK), step, tuple(fresh)) as (
                j,
                now,
                sums,
            ):
                sums[:] = body(j, now)
            return sums

        if turns >= 4 * BLOCK and len(self.fold) == 1:
            end = start + (turns - turns % BLOCK) * step
            sums_of = self._dealt(start, end, step * BLOCK, accs, block)
            with self.code.carried(start, end, step * BLOCK, tuple(accs)) as (i, totals, later):
                for f, (t, x) in enumerate(zip(totals, sums_of(i), strict=True)):
                    root = self.folds[f // copies]
                    lanes = [Lane(self.code, v, root.var.type.dtype, count(v.type)) for v in (t, x)]
                    later[f] = self.nest.words[root.fold](*lanes).value
            accs, start = later, end
        if self.dealt:
            self.ending.enter_context(alone(self.code))
            self.dealt = False
        if start < stop:
            with self.code.carried(start, stop, step, tuple(accs)) as (i, now, later):
                later[:] = body(i, now)
            accs = later
        return accs

    def _dealt(
        self, start: int, stop: int, step: int, accs: list[Value],
        block: Callable[[Value], list[Value]],
    ) -> Callable[[Value], list[Value]]:  # fmt: skip
        """A team's threads compute the sums of blocks; the first then finds them in memory."""
        if not self.dealt:
            return block
        code, room = self.code, self.nest.partial

        def place(i: Value, f: int) -> Value:
            number = code.op(f"udiv i64 {self._on(i, -start).name}, {step}", "i64")
            row = code.at(room, code.op(f"mul i64 {number.name}, {len(accs)}", "i64"), accs[0].type)
            return code.at(row, f, accs[f].type)

        with share(code, start, stop, step) as i:
            for f, x in enumerate(block(i)):
                code.store(x, place(i, f), 8)
        barrier(code)
        self.ending.enter_context(alone(code))
        self.dealt = False
        return lambda i: [code.load(place(i, f), x.type, 8) for f, x in enumerate(accs)]

    def _neutral(self, f: int, copies: int, like: Value) -> Value:
        root = self.folds[f // copies]
        dtype = root.var.type.dtype
        return literal(neutral(root.fold, dtype), dtype, count(like.type))

    def _spans(self, copies: int) -> Iterator[tuple[tuple[int, int, int], int, Value | None]]:
        assert self.v is not None
        n, w, start, at = self.sizes[self.v], self.lanes, self.starts[self.v], 0
        for size in dict.fromkeys((copies, 1)):
            count = (n - at) // (w * size)
            if count:
                yield (start + at, start + at + count * w * size, w * size), size, None
                at += count * w * size
        if n - at:
            yield (start + at, start + at + 1, w), 1, mask(n - at, w)

    def _accumulate(
        self, at: list[Any], memo: Memo, mask: Value | None, accs: list[Value]
    ) -> list[Value]:
        values = self._values(at, memo, mask)
        done = []
        for root, acc in zip(self.folds, accs, strict=True):
            dtype = root.var.type.dtype
            total = Lane(self.code, acc, dtype, count(acc.type))
            new = self._added(self.exprs[root], root.fold, total, at, memo, mask)
            if mask is not None and self.v in self.fold:
                text = f"select <{total.lanes} x i1> {mask.name}, {new.value}, {total.value}"
                new = new.like(self.code.op(text, new.value.type))
            done.append(new.value)
        self._write(values, at, mask)
        return done

    def _added(
        self, e: Expr, fold: str, total: Lane, at: list[Any], memo: Memo, mask: Value | None
    ) -> Lane:
        """A fold with one more element; a sum of products multiplies and adds at once."""
        dtype = total.dtype
        if (
            isinstance(e, Apply) and e.name == "multiply" and e not in memo
            and fold == "add" and dtype.kind == "f" and e.args[0].dtype == dtype
        ):  # fmt: skip
            a, b = [wide(self._value(x, at, memo, mask), total.lanes) for x in e.args]
            return fma(a, b, total)
        value = self._value(e, at, memo, mask)
        value = value.ne(0) if dtype == BOOL != value.dtype else value.to(dtype)
        return self.nest.words[fold](total, wide(value, total.lanes))

    def _values(self, at: list[Any], memo: Memo, mask: Value | None) -> dict[Root, Lane]:
        """What is made here: all of it before any is stored, for it may go where it came from."""
        made = [r for r in self.stage.roots if not r.fold]
        return {r: self._value(self.exprs[r], at, memo, mask) for r in made}

    def _write(self, values: dict[Root, Lane], at: list[Any], mask: Value | None) -> None:
        for root, value in values.items():
            if root in self.stores:
                width = self.lanes if self.v is not None and self.stores[root].steps[self.v] else 1
                self._store(root, wide(value, width), at, mask)

    def _hoist(self, at: list[Any], bound: int, memo: Memo, mask: Value | None) -> None:
        """Compute before a loop begins what doesn't change in it."""
        for e in self.all:
            if not e.axes & ~bound and e not in memo and not isinstance(e, Literal):
                self._value(e, at, memo, mask)

    # --- values
    def _value(self, expr: Expr, at: list[Any], memo: Memo, mask: Value | None) -> Lane:
        for e in (expr,) if expr in memo else nodes([expr]):
            if e not in memo:
                memo[e] = self._compute(e, at, memo, mask)
        return memo[expr]

    def _compute(self, e: Expr, at: list[Any], memo: Memo, mask: Value | None) -> Lane:
        if isinstance(e, Literal):
            return Lane(self.code, literal(e.value, e.dtype, 1), e.dtype, 1)
        if isinstance(e, Read):
            if e.atom in self.nest.registers:
                return self.nest.registers[e.atom]
            return self._load(e, at, mask)
        assert isinstance(e, Apply)
        args = [memo[a] for a in e.args]
        width = max([a.lanes for a in args], default=1)
        wanted = operands([a.dtype for a in args], e.dtype, e.name)
        args = [a.to(d) for a, d in zip(args, wanted, strict=True)]
        value = self.nest.words[e.name](*[wide(a, width) for a in args], **e.params)
        return value if e.dtype == BOOL else value.to(e.dtype)

    def _address(self, pointer: Value, place: Affine, at: list[Any], type: str) -> Value:
        constant, total = place.constant, None
        for step, i in zip(place.steps, at, strict=True):
            if not step:
                continue
            if isinstance(i, int):
                constant += step * i
                continue
            term = i if step == 1 else self.code.op(f"mul nsw i64 {i.name}, {step}", "i64")
            total = (
                term if total is None
                else self.code.op(f"add nsw i64 {total.name}, {term.name}", "i64")
            )  # fmt: skip
        if total is None:
            return self.code.at(pointer, constant, type)
        if constant:
            total = self.code.op(f"add nsw i64 {total.name}, {constant}", "i64")
        return self.code.at(pointer, total, type)

    def _load(self, e: Read, at: list[Any], mask: Value | None) -> Lane:
        place = self.reads[e]
        pointer = self._address(self.nest.pointers[e.atom], place, at, memory(e.dtype))
        step = place.steps[self.v] if self.v is not None else 0
        return load(self.code, pointer, e.dtype, self.lanes, step, mask)

    def _store(self, root: Root, x: Lane, at: list[Any], mask: Value | None) -> None:
        place = self.stores[root]
        assert x.dtype == root.var.type.dtype, (root.equation, x.dtype)
        pointer = self._address(self.nest.pointers[root.var], place, at, memory(x.dtype))
        store(self.code, x, pointer, place.steps[self.v] if self.v is not None else 0, mask)


def operands(
    dtypes: Sequence[np.dtype[Any]], result: np.dtype[Any], name: str
) -> list[np.dtype[Any]]:
    """The dtypes that a word is given: floats for the square root of an integer."""
    whole = result.kind == "f" and name != "convert"
    return [result if whole and d.kind in "iu" else d for d in dtypes]
