"""The laws that simplify a product, in one small table, and the facts that some of them rest on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from wengert.explanation.terms import ONE, Atom, Dim, Head, Law, Number
from wengert.ir.types import Array

INDICATORS = ("greater", "less", "greater_equal", "less_equal", "equal")
Found = tuple[Number, list[Atom]] | None


@dataclass(slots=True)
class Facts:
    """What is known of inputs by name, and the sentences that the derivation used."""

    known: dict[str, frozenset[str]] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)

    def of(self, head: Head) -> frozenset[str]:
        return self.known.get(head.name, frozenset()) if head.kind == "symbol" else frozenset()


LABELS = frozenset({"binary", "onehot", "signs"})
"""What is true of labels at the values that they have, and of nothing that moves."""


def detect(x: Array) -> frozenset[str]:
    """The facts that hold of these data: one-hot rows, signs, zeros and ones, symmetry."""
    x = np.asarray(x)
    found = set()
    if x.size > 1 and x.ndim and np.isin(x, (0, 1)).all() and 0 < np.mean(x) < 1:
        found.add("binary")
        if x.ndim == 2 and x.shape[1] > 1 and (x.sum(1) == 1).all():
            found.add("onehot")
    if x.size > 1 and x.min() == -1 and np.isin(x, (-1, 1)).all() and x.dtype.kind in "fi":
        found.add("signs")
    if x.ndim == 2 and x.shape[0] == x.shape[1] > 1 and np.array_equal(x, x.T):
        found.add("symmetric")
        if not found & {"binary", "signs"} and np.linalg.eigvalsh(x.astype(float)).min() > 0:
            found.add("positive definite")
    if x.dtype.kind == "f" and x.size and x.min() > 0:
        found.add("positive")
    return frozenset(found)


def laws(facts: Facts) -> Sequence[Law]:  # noqa: C901 (a table of small laws)
    """The table: each law looks at the factors of a product and says what they are instead."""

    def only(i: int, label: int, atoms: list[Atom]) -> bool:
        return not any(label in l for j, (_, l, _) in enumerate(atoms) if j != i)

    def rows_sum_to_one(atoms: list[Atom], sums: dict[int, Dim]) -> Found:
        """sum_j P[i, j] = 1 for softmax and one-hot rows."""
        for i, (head, labels, p) in enumerate(atoms):
            axis = head.data if head.name == "softmax" else 1
            hot = "onehot" in facts.of(head)
            if (hot or head.name == "onehot" or head.name == "softmax") and p == 1:
                label = labels[axis]
                if label in sums and labels.count(label) == 1 and only(i, label, atoms):
                    if hot:
                        facts.used[f"rows of {head.name} sum to 1: {head.name} 1 = 1"] = None
                    del sums[label]
                    return ONE, atoms[:i] + atoms[i + 1 :]
        return None

    def powers(atoms: list[Atom], sums: dict[int, Dim]) -> Found:
        """y^2 = 1 for signs; y^p = y for zeros and ones, and for [conditions]."""
        for i, (head, labels, p) in enumerate(atoms):
            known = facts.of(head)
            q = p
            if "signs" in known and p.denominator == 1 and p not in (0, 1):
                q = Fraction(p.numerator % 2)
                facts.used[f"entries of {head.name} are -1 or 1: {head.name}^2 = 1"] = None
            elif p > 1 and ("binary" in known or head.name in INDICATORS):
                q = ONE
                if "binary" in known:
                    facts.used[
                        f"entries of {head.name} are 0 or 1: {head.name}^2 = {head.name}"
                    ] = None
            if q != p:
                rest = [(head, labels, q)] if q else []
                return ONE, atoms[:i] + rest + atoms[i + 1 :]
        return None

    def symmetric(atoms: list[Atom], sums: dict[int, Dim]) -> Found:
        """A[j, i] = A[i, j]; the inverse of such a matrix is one too."""
        for i, (head, labels, p) in enumerate(atoms):
            inner = head.args[0].terms if head.name == "inv" else {}
            base = (
                next(iter(inner))[0][0] if len(inner) == 1 and len(next(iter(inner))) == 1 else head
            )
            if "symmetric" in facts.of(base) and len(labels) == 2 and labels[0] > labels[1]:
                facts.used[f"{base.name} is symmetric: {base.name}' = {base.name}"] = None
                return ONE, [*atoms[:i], (head, labels[::-1], p), *atoms[i + 1 :]]
        return None

    table: list[Callable[[list[Atom], dict[int, Dim]], Found]] = [
        rows_sum_to_one, powers, symmetric,
    ]  # fmt: skip
    return table
