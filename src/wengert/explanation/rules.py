"""The names of the rules: of differentials by what they are taken of, and of steps."""

from collections.abc import Iterator, Set

from wengert.explanation.terms import Head, Poly
from wengert.explanation.trees import Tree

LINEAR, POWER = "d is linear", "d x^p = p x^(p-1) dx"
# fmt: off
SLOPES = {
    "exp": "exp' = exp", "log": "log' = 1/x", "log1p": "log' = 1/x", "expm1": "exp' = exp", "sin": "sin' = cos", "cos": "cos' = -sin", "tan": "tan' = 1 + tan^2",
    "sinh": "sinh' = cosh", "cosh": "cosh' = sinh", "tanh": "tanh' = 1 - tanh^2", "arctan": "arctan' = 1/(1 + x^2)", "sigmoid": "sigma' = sigma(1 - sigma)",
    "softplus": "(log(1 + exp))' = sigma", "log_sigmoid": "(log sigma(x))' = sigma(-x)", "relu": "relu' = [x > 0]", "absolute": "|x|' = sign x",
    "maximum": "max(x, y)' = [x > y]", "minimum": "min(x, y)' = [x < y]", "power": "d x^y = y x^(y-1) dx + x^y log x dy",
    "softmax": "dP = P * (dZ - (P * dZ) 11') for P = softmax(Z)", "lse": "d log sum exp(z) = softmax(z)'dz", "max": "d max(z) = dz where it is attained",
    "inv": "d(A^-1) = -A^-1 dA A^-1", "logdet": "d log det A = tr(A^-1 dA)", "det": "d det A = det A tr(A^-1 dA)",
}
PIECES = frozenset({"greater", "less", "greater_equal", "less_equal", "equal", "sign", "absolute", "maximum", "minimum", "relu", "max", "hit"})
# fmt: on
FLAT = frozenset({"greater", "less", "greater_equal", "less_equal", "equal", "sign", "hit"})


def differentiated(p: Poly, active: Set[str]) -> str:
    """The rules that dP takes, in the order in which they are met; linear if none other."""
    return ", ".join(dict.fromkeys(_rules(p, active))) or LINEAR


def _rules(p: Poly, active: Set[str]) -> Iterator[str]:
    for atoms in p.terms:
        moving = [(h, q) for h, _, q in atoms if _moves(h, active)]
        if len(moving) > 1:
            yield "d(AB) = dA B + A dB"
        for head, q in moving:
            if q != 1:
                alone = all(h is head or not h.dims for h, _, _ in atoms)
                yield _square(head) if q == 2 and alone and not p.dims else POWER
            if head.kind in ("fn", "row", "matrix"):
                yield SLOPES.get(head.name, LINEAR)
            for a in head.args:
                yield from _rules(a, active)


def _square(head: Head) -> str:
    return ("d x^2 = 2 x dx", "d(x'x) = 2 x'dx", "d tr(A'A) = 2 tr(A'dA)", POWER)[len(head.dims)]


def _moves(head: Head, active: Set[str]) -> bool:
    if head.kind == "symbol":
        return head.name in active
    return (
        head.kind != "onehot"
        and head.name not in FLAT
        and any(_moves(h, active) for a in head.args for m in a.terms for h, _, _ in m)
    )


def put_in(short: Tree, full: Tree) -> str:
    """Which names stand in the first formula and no longer in the second."""
    gone = [n for n in dict.fromkeys(_names(short)) if n not in set(_names(full))]
    return f"{', '.join(gone)} put in" if gone else "written out"


def in_pieces(tree: Tree) -> bool:
    """Whether a formula is another one in another place."""
    name = tree.data[0] if tree.op == "row" else tree.data
    mine = tree.op in ("fn", "row") and name in PIECES
    return mine or any(in_pieces(a) for a in tree.args)


def _names(tree: Tree) -> Iterator[str]:
    if tree.op in ("sym", "symmetric"):
        yield tree.data
    for a in tree.args:
        yield from _names(a)
