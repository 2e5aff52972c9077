"""The derivation of a NumPy function's gradient in matrix notation, every line checked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert import tree as trees_of
from wengert.api.arguments import identifier, parameter
from wengert.errors import DtypeError, InputError, sentences
from wengert.explanation.derivation import Derivation
from wengert.explanation.laws import LABELS, Facts, detect
from wengert.explanation.point import Point
from wengert.explanation.result import Explanation


def explain(
    f: Callable[..., Any],
    *examples: Any,
    wrt: str | Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Explanation:
    """The derivation of the gradient of a scalar function, from its own NumPy code.

    `wrt` names the parameters to differentiate (the first by default), `names` the dimensions of
    inputs (`{"X": "N d"}`), `facts` what is known of inputs (`{"A": "symmetric"}`) beside what
    the examples show. Every line is computed at random points of other sizes and compared with
    wengert's own derivatives; what doesn't agree is an error. Raises UnsupportedError for an
    equation that no formula says.

    >>> def q(x, A):
    ...     return x @ A @ x
    >>> print(explain(q, np.ones(3), np.arange(9.0).reshape(3, 3)).steps[-2])
    dq/dx = (A' + A) x
    """
    labels = [identifier(parameter(f, i)) for i in range(len(examples))]
    args = [_array(x, n) for x, n in zip(examples, labels, strict=True)]
    chosen = _chosen(wrt, labels)
    known = {n: _declared(x, (facts or {}).get(n)) for n, x in zip(labels, args, strict=True)}
    known |= {n: known[n] - LABELS for n in chosen}  # what moves is no label, wherever it begins
    point = Point.at(f, args, labels, names or {}, known)
    return Derivation(f, point, labels, chosen, Facts(known)).explanation()


def _array(x: Any, name: str) -> Any:
    leaves, _ = trees_of.flatten(x)
    if len(leaves) != 1 or leaves[0] is not x:
        raise DtypeError(
            sentences(f"explain was given {name} as a container.", "Pass its arrays one by one.")
        )
    return np.asarray(x)


def _chosen(wrt: Any, labels: Sequence[str]) -> list[str]:
    chosen = [labels[0]] if wrt is None else [wrt] if isinstance(wrt, str) else list(wrt)
    for name in chosen:
        if name not in labels:
            raise InputError(sentences(f"wrt names {name!r}, no parameter.", "Check its spelling."))
    return chosen


def _declared(x: Any, said: str | None) -> frozenset[str]:
    found = detect(x)
    if said is not None and said not in found:
        raise InputError(
            sentences(f"The fact {said!r} doesn't hold of the example.", "Pass data that has it.")
        )
    return found
