"""A derivation as its reader gets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wengert.errors import UnsupportedError, sentences
from wengert.explanation.latex import latex_of
from wengert.explanation.page import page
from wengert.explanation.python import source
from wengert.explanation.text import text
from wengert.explanation.trees import Tree


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the derivation: `left = right`, and the rule that gave it."""

    part: str
    left: str
    right: Tree
    rule: str

    def __str__(self) -> str:
        return f"{self.left} = {text(self.right)}"


@dataclass(frozen=True, slots=True)
class Check:
    """How many identities were computed at random points, and the worst relative deviation."""

    identities: int
    worst: float
    pieces: bool

    def __str__(self) -> str:
        note = " Checked on the sampled pieces only." if self.pieces else ""
        return f"checked: {self.identities} identities, worst deviation {self.worst:.1e}.{note}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A derivation: print it, or read `.text`, `.latex`, `.html`, `.steps`, `.check`, `.code()`."""

    name: str
    steps: tuple[Step, ...]
    facts: tuple[str, ...]
    sizes: Mapping[str, int]
    check: Check
    inputs: tuple[str, ...] = ()
    gradient: Mapping[str, Tree] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    captured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def latex(self) -> str:
        """The derivation as LaTeX: one aligned environment for each part."""
        return latex_of(self.steps)

    @property
    def html(self) -> str:
        """One page that needs nothing else: parts that fold, light and dark."""
        return page(self)

    def _repr_html_(self) -> str:
        return self.html

    def _repr_latex_(self) -> str:
        return self.latex

    def code(self) -> str:
        """The gradient as a NumPy function that needs no wengert.

        Raises UnsupportedError where the function captured arrays, which code can't hold.
        """
        if self.captured:
            raise UnsupportedError(
                sentences("The function captured arrays.", "Pass them as arguments.")
            )
        return source(self.name, self.inputs, self.gradient, self.shapes)

    @property
    def text(self) -> str:
        """The derivation for a terminal."""
        lines, part = [], ""
        width = max(len(str(s)) for s in self.steps)
        width = min(width, 60)
        for s in self.steps:
            if s.part != part:
                part = s.part
                lines += ["", part]
            lines.append(f"  {s!s:<{width}}  ({s.rule})" if s.rule else f"  {s}")
        if self.facts:
            lines += ["", "Used", *[f"  {f}" for f in self.facts]]
        return "\n".join([*lines[1:], "", str(self.check)])

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__
