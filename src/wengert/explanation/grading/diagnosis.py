"""From numbers that disagree to the mistake that makes them: the first suspect that fits all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.explanation.grading import suspects, words
from wengert.explanation.grading.factors import NUMBERS, Factor, factor_of
from wengert.explanation.grading.samples import Sample, Subject
from wengert.explanation.grading.suspects import Suspect
from wengert.explanation.source import names
from wengert.ir.types import Array


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind of mistake, said in one to three sentences, and what it was seen by."""

    kind: str
    text: str
    evidence: tuple[str, ...] = ()
    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be explained: the samples, what the hand gave, and which leaves are wrong."""

    samples: Sequence[Sample]
    mine: Sequence[list[Array]]
    bad: Sequence[int]
    labels: Sequence[str]
    eps: float

    @property
    def names(self) -> str:
        return " and ".join(f"d{self.labels[j]}" for j in self.bad)

    @property
    def who(self) -> str:
        return f"Each of your {self.names}" if len(self.bad) > 1 else f"Your {self.names}"


def allowed(t: Array, s: Sample, eps: float) -> Array:
    """sqrt(eps) of each entry, eps^(3/4) of the largest, and the noise: rounding alone."""
    every = max(float(np.max(np.abs(g), initial=0)) for g in s.truth)
    largest = max(float(np.max(np.abs(t), initial=0)), 1e-3 * every, 16 * eps)
    return np.asarray(eps**0.5 * np.abs(t) + eps**0.75 * largest + s.noise)


def close(m: Array, guess: Array, s: Sample, eps: float) -> bool:
    """Whether the hand's array is this guess, to rounding."""
    return bool(np.all(np.abs(m - guess) <= allowed(guess, s, eps)))


def diagnose(
    subject: Subject, samples: Sequence[Sample], mine: Sequence[list[Array]], bad: Sequence[int],
    eps: float,
) -> Finding:  # fmt: skip
    """The finding for the leaves that are wrong; one for each where no one mistake explains all."""
    case = Case(samples, mine, bad, subject.labels, eps)
    right = [label for j, label in enumerate(subject.labels) if j not in bad]
    found = _one(case)
    if found is None and len(bad) > 1:
        parts = [_one(Case(samples, mine, [j], subject.labels, eps)) for j in bad]
        if all(p is not None for p in parts):
            kinds = {p.kind for p in parts if p}
            text = " ".join(p.text for p in parts[:3] if p)
            evidence = tuple(e for p in parts if p for e in p.evidence)
            found = Finding(kinds.pop() if len(kinds) == 1 else "several", text, evidence)
    found = found or _unknown(case)
    if right:
        only = f"wrong only in {case.names}"
        lead = f"Right in {' and '.join('d' + r for r in right)}, {only}. "
        return Finding(found.kind, lead + found.text, found.evidence)
    return found


def _one(case: Case) -> Finding | None:
    return (
        _swapped(case)
        or _fit(case, suspects.whole(), nice=True)
        or _turned(case)
        or _first(case, suspects.terms(case.samples[0]), nice=True)
        or _first(case, suspects.lines(case.samples[0]), nice=True)
        or _entries(case)
        or _extra(case)
        or _fit(case, suspects.whole(), nice=False)
        or _first(case, suspects.terms(case.samples[0]), nice=False)
        or _first(case, suspects.lines(case.samples[0]), nice=False)
        or _approximate(case)
    )


def _first(case: Case, candidates: Iterator[Suspect], nice: bool) -> Finding | None:
    return next((f for s in candidates if (f := _fit(case, s, nice)) is not None), None)


def _fit(case: Case, suspect: Suspect, nice: bool) -> Finding | None:
    """The finding if a + α b is the hand's gradient in all samples, by one law for α."""
    alphas, used = [], []
    lines = [e.primitive.name for e in case.samples[0].point.program.equations]
    for sample, mine in zip(case.samples, case.mine, strict=True):
        if suspect.kind != "factor" and not _alike(sample, lines):
            return None
        try:
            with np.errstate(all="ignore"):
                a, b = suspect.pair(sample)
        except (ValueError, TypeError, AssertionError):  # a slope that doesn't fit in this place
            return None
        found = _alpha(case, sample, mine, (a, b), suspect.alpha)
        if found is None:
            return None
        if found[1]:
            alphas.append(found[0])
            used.append(sample)
    if suspect.alpha is not None:
        return _said(case, suspect, Factor(suspect.alpha))
    if len(alphas) < 2:
        return None
    factor = factor_of(alphas, used, 30 * case.eps**0.5)
    if factor is None or (factor == Factor(1.0) and suspect.kind != "forgotten"):
        return None
    if suspect.kind == "forgotten" and abs(factor.number) != 1:
        return None
    known = factor.symbol or factor.number in NUMBERS
    return _said(case, suspect, factor) if known or not nice else None


def _alike(sample: Sample, lines: list[str]) -> bool:
    return [e.primitive.name for e in sample.point.program.equations] == lines


def _alpha(
    case: Case, s: Sample, mine: list[Array], ab: Any, fixed: float | None
) -> tuple[float, bool] | None:
    """α of this sample by least squares, and whether it says anything; None if nothing fits."""
    a, b = ab
    size = sum(float(np.vdot(b[j], b[j])) for j in case.bad)
    dot = sum(float(np.vdot(b[j], mine[j] - a[j])) for j in case.bad)
    says = fixed is None and size > 0 and np.isfinite(size)
    alpha = dot / size if says else (fixed or 0.0)
    if not np.isfinite(alpha):
        return None
    fits = all(
        np.all(np.abs(mine[j] - a[j] - alpha * b[j]) <= 4 * _room(a[j], alpha * b[j], s, case.eps))
        for j in case.bad
    )
    return (alpha, bool(says)) if fits else None


def _room(a: Array, b: Array, s: Sample, eps: float) -> Array:
    return np.maximum(allowed(a + b, s, eps), eps**0.75 * (np.abs(a) + np.abs(b)))


# --- words
def _said(case: Case, suspect: Suspect, factor: Factor) -> Finding:
    who = case.who
    seen = (f"the same in {len(case.samples)} draws: {factor} times what belongs there",)
    if suspect.alpha is not None:
        return Finding(suspect.kind, f"{who} is wrong: {suspect.what}.", seen[:0] + _example(case))
    if suspect.kind == "factor":
        kind, text = factor_text(factor, set(case.samples[0].sizes))
        return Finding(kind, f"{who} {text}.", seen)
    if suspect.kind == "forgotten":
        how = "" if factor == Factor(1.0) else f", and {factor} stands there"
        return Finding("slope", f"{who} is wrong: {suspect.what}{how}.", _example(case))
    if suspect.kind == "term":
        return Finding("term", f"{who} {_term(suspect.what, factor)}.", seen)
    if suspect.kind == "region":
        how = suspect.how.format(factor=factor)
        return Finding("region", f"{who} is {suspect.what}{how}.", seen)
    if suspect.kind == "symmetric":
        return Finding("symmetric", f"{who} is {factor} times {suspect.what}.", seen)
    return Finding("path", f"{who} {_pathway(suspect.what, factor)}.", seen)


def factor_text(factor: Factor, sizes: set[str]) -> tuple[str, str]:
    """The kind of a factor, and how one says that a gradient has it."""
    number, symbol, power = factor
    sign = "has the wrong sign and " if number == -1 else ""
    if not symbol:
        plain = {
            -1.0: ("sign", "has the wrong sign"),
            0.0: ("zero", "is zero, and it shouldn't be"),
            2.0: ("factor", "is twice the right one: it lacks a factor 1/2, or has a 2 too many"),
            0.5: ("factor", "is half the right one: it lacks a factor 2"),
            -2.0: ("factor", "has the wrong sign and is twice the right one"),
            -0.5: ("factor", "has the wrong sign and is half the right one"),
        }
        return plain.get(number, ("factor", f"is {factor} times the right one"))
    if abs(number) != 1:
        return "factor", f"is {factor} times the right one"
    dimension = all(c.strip("() ") in sizes for c in symbol.split())
    body = Factor(1.0, symbol, power)
    if not dimension:
        return (
            "factor",
            sign
            + (
                f"lacks the factor {body.inverse}" if power < 0 else f"has a factor {body} too much"
            ),
        )
    if power < 0:
        why = ": you take a mean where the function sums" if power == -1 else ""
        return "factor", f"{sign}has a factor {body} too much{why}"
    why = ": you sum where the function takes a mean" if power == 1 else ""
    return "factor", f"{sign}lacks the factor {body.inverse}{why}"


def _term(what: str, factor: Factor) -> str:
    if factor == Factor(0.0):
        return f"lacks the derivative of {what}: it was forgotten"
    if factor == Factor(-1.0):
        return f"has the wrong sign in {what}"
    return f"has {what} {factor} times: a factor is missing or too many there"


def _pathway(what: str, factor: Factor) -> str:
    if factor == Factor(0.0):
        return f"forgets {what}, as if it were constant"
    if factor == Factor(-1.0):
        return f"has the wrong sign on {what}"
    return f"takes {what} {factor} times"


def _example(case: Case) -> tuple[str, ...]:
    """The worst entry of the first sample: yours beside the right one."""
    s, j = case.samples[0], case.bad[0]
    gap = np.abs(case.mine[0][j] - s.truth[j])
    at = np.unravel_index(int(np.argmax(gap)), gap.shape)
    place = f"[{', '.join(map(str, at))}]" if at else ""
    yours, right = case.mine[0][j][at], s.truth[j][at]
    return (f"d{case.labels[j]}{place}: yours {yours:.6g}, right {right:.6g}",)


# --- mistakes that aren't a + α b
def _swapped(case: Case) -> Finding | None:
    for j in case.bad:
        for k, label in enumerate(case.labels):
            pairs = [(m[j], s) for s, m in zip(case.samples, case.mine, strict=True)]
            if k != j and all(
                m.shape == s.truth[k].shape and close(m, s.truth[k], s, case.eps) for m, s in pairs
            ):
                return Finding(
                    "swapped",
                    words.SWAPPED.format(label=case.labels[j], other=label),
                    _example(case),
                )
    return None


# fmt: off
TURNS: list[tuple[str, str, Callable[[Array], Array]]] = [
    ("transposed", "is transposed", lambda g: np.swapaxes(g, -1, -2) if g.ndim > 1 and g.shape[-1] == g.shape[-2] else g),
    ("shifted", "is shifted by one place along its first axis", lambda g: np.roll(g, 1, 0) if g.ndim else g),
    ("shifted", "is shifted by one place along its first axis", lambda g: np.roll(g, -1, 0) if g.ndim else g),
    ("reversed", "is in reverse order", lambda g: np.flip(g, 0) if g.ndim else g),
    ("mean", "is averaged over its first axis and handed to all", lambda g: np.broadcast_to(g.mean(0), g.shape) if g.ndim else g),
]
# fmt: on


def _turned(case: Case) -> Finding | None:
    for kind, text, turn in TURNS:
        if all(
            np.array_equal(turn(s.truth[j]), s.truth[j]) for s in case.samples for j in case.bad
        ):
            continue
        pair = lambda s, turn=turn: (suspects.zeros(s.truth), [turn(g) for g in s.truth])
        found = _fit_alpha(case, pair)
        if found is not None:
            more = "" if found == Factor(1.0) else f", and {found} times the right one"
            return Finding(kind, f"{case.who} {text}{more}.", _example(case))
    return None


def _fit_alpha(case: Case, pair: Callable[[Sample], Any]) -> Factor | None:
    found = [
        _alpha(case, s, m, pair(s), None) for s, m in zip(case.samples, case.mine, strict=True)
    ]
    alphas = [f[0] for f in found if f is not None and f[1]]
    if any(f is None for f in found) or len(alphas) < 2:
        return None
    used = [s for s, f in zip(case.samples, found, strict=True) if f and f[1]]
    factor = factor_of(alphas, used, 30 * case.eps**0.5)
    return factor if factor is not None and factor.number else None


def _extra(case: Case) -> Finding | None:
    """A multiple of the argument itself, or of its signs, that doesn't belong there."""
    for what, of in (
        ("", lambda x: x),
        ("the signs of ", np.sign),
        ("ones in the shape of ", np.ones_like),
    ):

        def pair(s: Sample, of: Any = of) -> Any:
            xs = [np.asarray(s.point.env[v], float) for v in s.point.program.inputs]
            return s.truth, [of(x) for x in xs]

        factor = _fit_alpha(case, pair)
        if factor is not None:
            labels = " and ".join(case.labels[j] for j in case.bad)
            text = words.EXTRA.format(who=case.who, factor=factor, what=what + labels)
            return Finding("extra", text, _example(case))
    return None


def _entries(case: Case) -> Finding | None:
    """Wrong in some entries alone: by the sign of a value, or by their place."""
    if len(case.bad) != 1:
        return None
    j = case.bad[0]
    rows = list(zip(case.samples, case.mine, strict=True))
    wrong = [np.abs(m[j] - s.truth[j]) > allowed(s.truth[j], s, case.eps) for s, m in rows]
    if all(np.all(w) for w in wrong) or not wrong[0].ndim:
        return None
    for text, masks in _masks([s for s, _ in rows], j, case.labels[j]):
        if all(
            m.shape == w.shape and np.array_equal(m, w) for m, w in zip(masks, wrong, strict=True)
        ):
            return Finding(
                "region", f"Your d{case.labels[j]} is wrong only {text}.", _example(case)
            )
    return None


def _masks(samples: Sequence[Sample], j: int, label: str) -> Iterator[tuple[str, list[Any]]]:
    shape = [s.truth[j].shape for s in samples]
    known = names(samples[0].point.program)
    programs = [s.point.program for s in samples]
    every = [[*p.inputs, *[v for e in p.equations for v in e.outputs]] for p in programs]
    order = [samples[0].point.program.inputs[j], *every[0]]
    for v in order:
        i = every[0].index(v)
        if v not in known or any(len(e) <= i for e in every):
            continue
        xs = [np.asarray(s.point.env[e[i]]) for s, e in zip(samples, every, strict=True)]
        if all(x.shape == t and x.dtype.kind == "f" for x, t in zip(xs, shape, strict=True)):
            yield f"where {known[v]} < 0", [x < 0 for x in xs]
            yield f"where {known[v]} > 0", [x > 0 for x in xs]
    rank = len(shape[0])
    for axis in range(rank):
        at = ["row", "column", "place"][min(axis, 2)] if rank > 1 else "entry"
        for end, word in ((0, "first"), (-1, "last")):
            yield f"in the {word} {at}", [_slab(t, axis, end) for t in shape]
            yield f"outside the {word} {at}", [np.logical_not(_slab(t, axis, end)) for t in shape]
    if rank == 2:
        yield "on the diagonal", [np.eye(*t) > 0 for t in shape]
        yield "off the diagonal", [np.eye(*t) == 0 for t in shape]


def _slab(shape: tuple[int, ...], axis: int, end: int) -> Any:
    mask = np.zeros(shape, bool)
    np.moveaxis(mask, axis, 0)[end] = True
    return mask


def _approximate(case: Case) -> Finding | None:
    worst = 0.0
    for s, m in zip(case.samples, case.mine, strict=True):
        for j in case.bad:
            scale = float(np.max(np.abs(s.truth[j]), initial=0)) or 1.0
            worst = max(worst, float(np.max(np.abs(m[j] - s.truth[j]), initial=0)) / scale)
    if worst > 1e-4 * max(1.0, case.eps / 1e-12):
        return None
    text = words.APPROXIMATE.format(who=case.who, worst=worst)
    return Finding("approximate", text, _example(case))


def _unknown(case: Case) -> Finding:
    shares = []
    for j in case.bad:
        pairs = list(zip(case.samples, case.mine, strict=True))
        wrong = [np.abs(m[j] - s.truth[j]) > allowed(s.truth[j], s, case.eps) for s, m in pairs]
        count, total = sum(int(np.sum(w)) for w in wrong), sum(w.size for w in wrong)
        shares.append(f"d{case.labels[j]}: {count} of {total} entries are wrong")
    text = words.UNKNOWN.format(who=case.who)
    return Finding("unknown", text, (*_example(case), *shares))
