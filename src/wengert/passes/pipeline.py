"""The order of the passes, with the checker between them."""

from functools import lru_cache

from wengert.ir.check import check
from wengert.ir.program import Equation, Program, rewrite
from wengert.passes.prune import prune
from wengert.passes.roll import roll
from wengert.passes.share import share
from wengert.passes.simplify import simplify
from wengert.settings import shown

PASSES = (prune, roll, simplify, share, simplify, prune)
"""roll before simplify and share: they make turns of a loop differ that look the same."""


def simplified(program: Program) -> Program:
    """The same meaning in fewer lines; `WENGERT_SHOW=prune,roll,share` prints these steps."""
    program = rewrite(program, _within)
    for step in PASSES:
        program = check(step(program))
        if shown(step.__name__):
            print(f"# {step.__name__}\n{program}")
    return program


@lru_cache(maxsize=4096)
def inside(body: Program) -> Program:
    """A body, simplified once: one that is simple already stays the same object."""
    new = simplified(body)
    return body if _same(body, new) else new


def _within(eqn: Equation) -> Equation:
    params = {k: inside(v) if isinstance(v, Program) else v for k, v in eqn.params.items()}
    if all(params[k] is v for k, v in eqn.params.items()):
        return eqn
    return Equation(eqn.primitive, eqn.inputs, eqn.outputs, params, eqn.place)


def _same(a: Program, b: Program) -> bool:
    if a.outputs != b.outputs or len(a.equations) != len(b.equations):
        return False
    pairs = zip(a.equations, b.equations, strict=True)
    return all(
        x.primitive is y.primitive and x.inputs == y.inputs and x.params == y.params
        for x, y in pairs
    )
