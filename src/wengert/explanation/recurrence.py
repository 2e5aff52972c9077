"""Lines that are one step, turn by turn: x_k = tanh(A x_(k-1)), and the adjoint's step back."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

NUMBERED = re.compile(r"(?<!\w)([A-Za-z_]*[A-Za-z])(\d+)(?!\w)")
BEHIND = re.compile(r"delta_\w+_\(k\+1\)")


def recurring(steps: Sequence[Any], counted: frozenset[str]) -> list[Any]:
    """The steps, turns of a recurrence with that as their rule.

    Only lines that are equal, but for the number of the turn, are called one.
    """
    turns: dict[tuple[str, str], list[int]] = {}
    forms = [_form(s, counted) for s in steps]
    for i, form in enumerate(forms):
        if form is not None:
            turns.setdefault((steps[i].part, form), []).append(i)
    out = list(steps)
    for (part, form), places in turns.items():
        back = part == "Backwards"
        if len(places) < 2 and not (back and BEHIND.search(form)):
            continue
        note = f"the adjoint's step back, {form}" if back else f"the same step, {form}"
        for i in places:
            rule = f"{steps[i].rule}; {note}" if steps[i].rule else note
            out[i] = replace(steps[i], rule=rule)
    return out


def _form(step: Any, counted: frozenset[str]) -> str | None:
    """The line with k for the turn that it makes; None for one that no loop made."""
    match = NUMBERED.fullmatch(step.left)
    if match is None or match[1].removeprefix("delta_") not in counted:
        return None
    if step.part not in ("The function", "Backwards"):
        return None
    return NUMBERED.sub(lambda m: _turn(m, int(match[2]), counted), str(step))


def _turn(match: re.Match[str], k: int, counted: frozenset[str]) -> str:
    if match[1].removeprefix("delta_") not in counted:
        return match[0]
    away = int(match[2]) - k
    return f"{match[1]}_{'k' if away == 0 else f'(k{away:+d})'}"
