"""`check`: whether a gradient written by hand is right, and if not, what mistake it makes."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import InputError, sentences
from wengert.explanation.grading import words
from wengert.explanation.grading.diagnosis import Finding, allowed, diagnose
from wengert.explanation.grading.places import misplaced
from wengert.explanation.grading.samples import Sample, Subject
from wengert.explanation.source import written
from wengert.ir.types import Array

F = Callable[..., Any]
DRAWS = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `check` found: `ok`, the kind of mistake, one to three sentences, the evidence.

    `uncovered` names the sides of kinks on which no sample stood: there nothing is said.
    """

    ok: bool
    kind: str
    text: str
    evidence: tuple[str, ...]
    worst: float
    draws: int
    uncovered: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join([self.text, *[f"  - {line}" for line in self.evidence]])


def check(f: F, gradient: F, *args: Any, wrt: int | Sequence[int] | None = None) -> Verdict:
    """What kind of mistake a gradient written by hand makes, or that it makes none.

    `f(*args)` is the scalar function and `gradient(*args)` returns its gradient for the arguments
    `wrt`: by default for the first, or for as many of the first as it returns a tuple of. Both are
    called at random arguments like the example's, with dimensions of pairwise different sizes and
    on both sides of the kinks; one-hot rows, labels of ±1, integers and flags are drawn as such.

    >>> def loss(w, X, y):
    ...     return np.mean((X @ w - y) ** 2)
    >>> def by_hand(w, X, y):
    ...     return 2 * X.T @ (X @ w - y)
    >>> X, y = np.ones((4, 2)), np.ones(4)
    >>> print(check(loss, by_hand, np.zeros(2), X, y).text)
    Your dw lacks the factor 1/N: you sum where the function takes a mean.
    """
    chosen = _chosen(gradient, args) if wrt is None else wrt
    subject = Subject(f, gradient, chosen, args)
    samples = subject.samples(DRAWS, seed=0)
    quiet = [s for s in samples if not s.loud]
    if not quiet:
        raise InputError(
            sentences(
                "The function was finite at none of the random arguments that check tried.",
                "Pass example arguments at which it and its gradient are finite.",
            )
        )
    return _Grader(subject, samples, quiet, subject.coarse).verdict()


def _chosen(gradient: F, args: tuple[Any, ...]) -> int | tuple[int, ...]:
    """The first argument, or the first k if the hand returns a tuple of k for arrays."""
    if not args:
        raise InputError(
            sentences("check was given no arguments.", "Pass an example: check(f, df, x, ...).")
        )
    try:
        with np.errstate(all="ignore"):
            made = gradient(*copy.deepcopy(args))
    except Exception:  # noqa: BLE001  # what it raises is reported with the samples
        return 0
    if type(made) not in (tuple, list) or not 1 <= len(made) <= len(args):
        return 0
    if type(args[0]) in (tuple, list) and len(args[0]) == len(made):
        return 0
    return tuple(range(len(made)))


@dataclass
class _Grader:
    subject: Subject
    samples: list[Sample]
    quiet: list[Sample]
    eps: float

    def verdict(self) -> Verdict:
        found = self._raised() or self._structure() or self._shapes()
        if found is not None:
            return self._wrong(found, np.inf)
        pairs = [(s, self._arrays(s)) for s in self.quiet]
        infinite = self._infinite()
        if infinite is not None and infinite.everywhere:
            return self._wrong(infinite, np.inf)
        errors = [
            [_error(m, t, s, self.eps) for m, t in zip(ms, s.truth, strict=True)] for s, ms in pairs
        ]
        worst = max(float(np.max(e, initial=0)) for row in errors for e in row)
        bad = [
            j for j in range(len(self.subject.labels)) if any(np.any(row[j] > 1) for row in errors)
        ]
        if bad:
            found = diagnose(
                self.subject, [s for s, _ in pairs], [m for _, m in pairs], bad, self.eps
            )
            return self._wrong(found, worst)
        changed = next((s.changed for s in self.samples if s.changed), "")
        if changed:
            text = words.IN_PLACE.format(name=changed)
            return self._wrong(Finding("in place", text), worst)
        if infinite is not None:
            return self._wrong(infinite, np.inf)
        return self._right(worst)

    def _arrays(self, s: Sample) -> list[Array]:
        return [np.asarray(m, np.float64) for m in tree.flatten(_ordered(s.mine, self.subject))[0]]

    def _raised(self) -> Finding | None:
        for s in self.samples:
            if isinstance(s.mine, Exception):
                sizes = _sizes(s)
                text = words.RAISES.format(error=type(s.mine).__name__, message=s.mine)
                return Finding("raises", text.rstrip(".") + ".", (f"raised with {sizes}",))
        return None

    def _structure(self) -> Finding | None:
        mine, count = self.quiet[0].mine, len(self.subject.labels)
        if mine is None:
            return Finding("shape", words.NOTHING)
        leaves = tree.flatten(mine)[0]
        if len(leaves) != count:
            names = ", ".join(self.subject.labels)
            return Finding(
                "shape",
                words.COUNT.format(count=len(leaves), asked=count, names=names),
            )
        for leaf in leaves:
            if np.asarray(leaf).dtype.kind not in "fiu":
                return Finding(
                    "shape",
                    words.NO_FLOATS.format(type=type(leaf).__name__),
                )
        return None

    def _shapes(self) -> Finding | None:
        return misplaced(
            self.quiet, [self._arrays(s) for s in self.quiet], self.subject.labels, self.eps
        )

    def _infinite(self) -> Finding | None:
        """NaN or infinity where the truth is finite."""
        hits = []
        for s in self.samples:
            for label, m, t in zip(self.subject.labels, self._arrays(s), s.truth, strict=True):
                if m.shape == t.shape and not np.all(np.isfinite(m)):
                    hits.append((s, label, m))
        if not hits:
            return None
        s, label, m = hits[0]
        what = "NaN" if np.any(np.isnan(m)) else "infinite"
        n, draws = int(np.sum(~np.isfinite(m))), len({id(h[0]) for h in hits})
        loud = all(h[0].loud for h in hits)
        floats = [np.asarray(x) for x in tree.flatten(s.args)[0]]
        largest = max(float(np.max(np.abs(x))) for x in floats if x.size and x.dtype.kind == "f")
        seen = (
            f"{n} of {m.size} entries, with arguments up to {largest:.3g}",
            f"in {draws} of {len(self.samples)} draws",
        )
        when = words.OVERFLOW if loud else words.NOT_FINITE
        return Finding("nan", f"Your d{label} is {what} {when}.", seen, everywhere=not loud)

    def _wrong(self, found: Finding, worst: float) -> Verdict:
        evidence = [*found.evidence]
        if not self.subject.resized and self.subject.stuck:
            evidence.append(
                f"sizes are the example's: the function raised at others ({self.subject.stuck})"
            )
        return Verdict(
            False,
            found.kind,
            found.text,
            tuple(evidence),
            worst,
            len(self.samples),
            self._uncovered(),
        )

    def _right(self, worst: float) -> Verdict:
        names = ", ".join(f"d{label}" for label in self.subject.labels)
        open_ = self._uncovered()
        sizes = "pairwise different sizes" if self.subject.resized else "the example's sizes"
        agree = "agrees" if len(self.subject.labels) == 1 else "agree"
        text = words.RIGHT.format(names=names, agree=agree, count=len(self.quiet), sizes=sizes)
        if open_:
            text += f" Not covered: {'; '.join(open_)}."
        largest = f"largest deviation {worst:.2g} of the tolerance"
        evidence = [largest, *self._kinks()]
        if not self.subject.resized and self.subject.stuck:
            evidence.append(f"the function raised at other sizes ({self.subject.stuck})")
        return Verdict(True, "right", text, tuple(evidence), worst, len(self.quiet), open_)

    def _kinks(self) -> list[str]:
        count = len(self.subject.kinks(self.quiet))
        return [f"{count} kinks seen from both sides"] if count and not self._uncovered() else []

    def _uncovered(self) -> tuple[str, ...]:
        out = []
        equations = self.quiet[0].point.program.equations
        for i, side in self.subject.unseen(self.quiet):
            text = written(equations[i].place) if i < len(equations) else None
            where = f"`{text.text}` ({text.where})" if text else f"line {i + 1} of the list"
            out.append(f"the side of {where} where its kink is {'<' if side < 0 else '>'} 0")
        return tuple(dict.fromkeys(out))


def _ordered(mine: Any, subject: Subject) -> Any:
    """A dict's entries in the order of the argument's."""
    like = subject.args[subject.wrt] if isinstance(subject.wrt, int) else None
    if isinstance(like, dict) and isinstance(mine, dict) and set(like) == set(mine):
        return {key: mine[key] for key in like}
    return mine


def _sizes(s: Sample) -> str:
    return ", ".join(f"{k} = {n}" for k, n in s.sizes.items()) or "scalars"


def _error(m: Array, t: Array, s: Sample, eps: float) -> Array:
    """|m - t| in units of what rounding may do; over 1 is a mistake."""
    return np.abs(m - t) / allowed(t, s, eps)
