"""Let loops finish products: what is done with each number of a product is done while it is known.

    g = x' u;  m = b m + (1 - b) g;  w = w - r m      one product, whose g is never stored

A nest that alone reads a product's result, each number where its loops stand, takes the product
over: an optimiser's step is the last act of the product that makes a weight's gradient.
"""

from collections.abc import Collection

from wengert.ir.program import Atom, Var
from wengert.ir.schedule import Call, Nest, Pick, Read, nodes
from wengert.passes.access import identity

Item = Nest | Call

COLUMNS = 16
"""A product of fewer columns hands over less than a vector at a time."""
BYTES = 1 << 14
"""A smaller result is at hand when it is read again."""


def finish(items: list[Item], outputs: Collection[Atom]) -> list[Item]:
    """The items in order, with products inside of the nests that alone read their results."""
    readers = _readers(items)
    done: dict[int, Call] = {}
    for item in items:
        if not isinstance(item, Call) or not _plain(item):
            continue
        result = item.equation.outputs[0]
        found = readers.get(result, [])
        if len(found) == 1 and result not in outputs and _ends(items[found[0]], result):
            done.setdefault(found[0], item)
    for k, product in done.items():
        nest = items[k]
        assert isinstance(nest, Nest)
        items[k] = Nest(nest.outer, nest.stages, product)
    gone = set(map(id, done.values()))
    return [item for item in items if id(item) not in gone]


def _readers(items: list[Item]) -> dict[Atom, list[int]]:
    """The numbers of the items that read each array."""
    readers: dict[Atom, list[int]] = {}
    for k, item in enumerate(items):
        if isinstance(item, Call):
            seen = {o.atom for o in item.operands if isinstance(o.atom, Var)}
        else:
            below = nodes([r.expr for r in item.roots()])
            seen = {e.atom for e in below if isinstance(e, Read) and isinstance(e.atom, Var)}
        for a in seen:
            readers.setdefault(a, []).append(k)
    return readers


def _plain(call: Call) -> bool:
    """Whether a call is one product of two matrices, of a size that is worth while."""
    if call.equation.primitive.name != "contract":
        return False
    parts = call.equation.params["spec"].replace("->", ",").split(",")
    type = call.equation.outputs[0].type
    matrices = all(len(part) == len(set(part)) == 2 for part in parts)
    three = len(set("".join(parts))) == 3 and len(set(parts[0] + parts[1])) == 3
    return matrices and three and type.shape[1] >= COLUMNS and type.nbytes >= BYTES


def _ends(item: Item, result: Var) -> bool:
    """Whether a nest is loops over a product's numbers, each read where the loops stand."""
    if not isinstance(item, Nest) or item.product or len(item.stages) > 1:
        return False
    (stage,) = item.stages
    if stage.folded or stage.shape != result.type.shape:
        return False
    below = nodes([r.expr for r in stage.roots])
    own = identity(stage.shape)
    reads = [e for e in below if isinstance(e, Read) and e.atom is result]
    whole = all(e.index == own and e.shape == stage.shape for e in reads)
    return whole and not any(isinstance(e, Pick) for e in below)
