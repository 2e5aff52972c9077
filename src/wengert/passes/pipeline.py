"""The order of the passes, with the checker between them."""

from wengert.ir.check import check
from wengert.ir.program import Program
from wengert.passes.prune import prune
from wengert.passes.share import share
from wengert.passes.simplify import simplify
from wengert.settings import shown

PASSES = (prune, simplify, share, simplify, prune)


def simplified(program: Program) -> Program:
    """The same meaning in fewer lines; `WENGERT_SHOW=prune,simplify,share` prints each step."""
    for step in PASSES:
        program = check(step(program))
        if shown(step.__name__):
            print(f"# {step.__name__}\n{program}")
    return program
