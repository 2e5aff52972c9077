"""Views made of pieces: an index set is cut into boxes, in each of which a piece is seen or not."""

from itertools import pairwise, product

from wengert.ir.schedule import Apply, Expr, Pick, Stage, nodes

Span = list[tuple[int, int]]


def boxes(stage: Stage, outer: int) -> list[Span]:
    """The index set, cut where a piece begins or ends."""
    cuts = [{0, n} for n in stage.shape]
    for e in nodes([r.expr for r in stage.roots]):
        if isinstance(e, Pick):
            axis = [a for a, s in enumerate(e.place.steps) if s and stage.shape[a] > 1]
            if axis:
                cuts[axis[0]].update(_edges(e, axis[0]))
    spans = []
    for a, (n, edges) in enumerate(zip(stage.shape, cuts, strict=True)):
        assert a >= outer or len(edges) == 2, "an outer loop runs over all of its axis"
        ends = sorted(c for c in edges if 0 <= c <= n)
        spans.append(list(pairwise(ends)))
    return [list(box) for box in product(*spans)]


def _edges(pick: Pick, axis: int) -> tuple[int, int]:
    """Where, on a counter, a piece begins and ends."""
    step, at = pick.place.steps[axis], pick.place.constant
    assert step in (1, -1), pick.place
    if step == 1:
        return pick.low - at, pick.high - at
    return at - pick.high + 1, at - pick.low + 1


def resolve(expr: Expr, box: Span, memo: dict[Expr, Expr]) -> Expr:
    """The expression inside a box: each piece is seen, or not."""
    for e in nodes([expr]):
        if e in memo:
            continue
        if isinstance(e, Pick):
            place = e.place.constant + sum(
                [s * box[a][0] for a, s in enumerate(e.place.steps) if s]
            )
            memo[e] = memo[e.inside if e.low <= place < e.high else e.outside]
        elif isinstance(e, Apply):
            args = tuple([memo[a] for a in e.args])
            same = all(a is b for a, b in zip(args, e.args, strict=True))
            memo[e] = e if same else Apply(e.name, args, e.params, e.dtype)
        else:
            memo[e] = e
    return memo[expr]
