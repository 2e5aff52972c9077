"""From indices back to matrices: series-parallel reduction of each product's graph of indices.

An index is a node, a matrix an edge, a vector a weight. A node of degree two is a matrix product,
parallel edges a Hadamard product, a node of degree one a product with a vector (or with ones), and
a weight on a free index a diag. What doesn't reduce is a sum over indices, an einsum.
"""

from collections.abc import Callable, Sequence
from string import ascii_lowercase

from wengert.explanation.terms import Atom, Dim, Head, Number, Poly
from wengert.explanation.tidy import Term, factored, total
from wengert.explanation.trees import Tree, had, mul, number_of, prime, sym, trace

Resolve = Callable[[Head], Tree | None]


def written(p: Poly, resolve: Resolve, tidy: bool = True) -> Tree:
    """A formula in matrix notation, its common factors in front."""
    if not p.terms:
        return Tree("num", (), 0)
    terms = [_term(atoms, c, p.dims, resolve) for atoms, c in p.terms.items()]
    return factored(terms) if tidy else total(terms)


def tree_of(head: Head, resolve: Resolve) -> Tree:  # noqa: C901 (a row for each kind)
    """An atom, its own axes in order."""
    found = resolve(head)
    if found is not None:
        return found
    inner = tuple([written(a, resolve) for a in head.args])
    match head.kind:
        case "symbol":
            return sym(head.name)
        case "d":
            return Tree("small", (), f"d{head.name}")
        case "dim":
            return Tree("dim", (), head.name)
        case "delta":
            return Tree("eye", (), head.dims[0])
        case "group":
            return inner[0]
        case "fn":
            return Tree("fn", inner, head.name)
        case "row":
            return Tree("row", inner, (head.name, head.data))
        case "matrix":
            return Tree("matrix", inner, head.name)
        case "cut":
            return Tree("cut", (), (head.name, head.data, head.dims[1]))
        case "vec":
            return Tree("vec", (), head.dims[1:])
        case "unit":
            return Tree("unit", (), (head.name, head.data, head.dims[0]))
        case "onehot":
            return Tree("onehot", inner, head.dims[1])
        case _:
            return Tree(head.kind, (), head.dims[0])


class _Graph:
    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.scalars: list[Tree] = []
        self.weights: dict[int, list[Tree]] = {}
        self.edges: list[tuple[int, int, Tree]] = []

    def nodes(self) -> list[int]:
        found = {a for e in self.edges for a in e[:2]} | set(self.weights)
        return sorted(a for a in found if a < 0)

    def at(self, a: int) -> list[tuple[int, int, Tree]]:
        return [e for e in self.edges if a in e[:2]]

    def weight(self, a: int, dim: Dim) -> Tree:
        ws = self.weights.pop(a, [])
        return had(ws) if ws else Tree("ones", (), dim)

    def step(self, dims: dict[int, Dim]) -> bool:
        return (
            self.close() or self.leaf(dims) or self.parallel() or self.series() or self.alone(dims)
        )

    def alone(self, dims: dict[int, Dim]) -> bool:
        for a in self.nodes():
            if not self.at(a):
                ws = self.weights.pop(a)
                self.scalars.append(_inner(ws, dims[a]))
                return True
        return False

    def leaf(self, dims: dict[int, Dim]) -> bool:
        leaves = [a for a in self.nodes() if len(self.at(a)) == 1]
        leaves.sort(key=lambda a: a not in self.weights)
        for a in leaves:
            ((x, y, m),) = self.at(a)
            other = y if x == a else x
            self.edges.remove((x, y, m))
            m = m if x == other else prime(m)
            if other < 0 and not self.at(other) and other in self.weights:
                left = had(self.weights.pop(other))
                self.scalars.append(number_of(mul(prime(left), m, self.weight(a, dims[a]))))
            elif other < 0 and not self.at(other):
                ones = Tree("ones", (), dims[other])
                self.scalars.append(mul(prime(ones), m, self.weight(a, dims[a])))
            else:
                self.weights.setdefault(other, []).append(mul(m, self.weight(a, dims[a])))
            return True
        return False

    def close(self) -> bool:
        """tr(A'B): two edges between the same two nodes, with nothing else there."""
        for a in self.nodes():
            mine = self.at(a)
            if len(mine) == 1 and self.squared(mine[0]):
                return True
            if len(mine) == 2 and a not in self.weights:
                (x, y, m), (v, w, n) = mine
                other = y if x == a else x
                if {x, y} == {v, w} and other < 0 and len(self.at(other)) == 2:
                    if other in self.weights:
                        continue
                    first = m if x == a else prime(m)
                    second = n if v == other else prime(n)
                    if first.op == "T" and second.op != "T":
                        pass
                    elif second.op == "T":
                        first, second = second, first
                    self.edges = [e for e in self.edges if e not in mine]
                    self.scalars.append(trace(mul(first, second)))
                    return True
        return False

    def squared(self, edge: tuple[int, int, Tree]) -> bool:
        """tr(X'X) for the sum of all squares."""
        x, y, m = edge
        plain = max(x, y) < 0 and len(self.at(x)) == len(self.at(y)) == 1
        if not plain or m.op != "pow" or m.data != 2 or {x, y} & set(self.weights):
            return False
        self.edges.remove(edge)
        self.scalars.append(Tree("tr", (mul(prime(m.args[0]), m.args[0]),)))
        return True

    def parallel(self) -> bool:
        for i, (x, y, m) in enumerate(self.edges):
            for j in range(i + 1, len(self.edges)):
                v, w, n = self.edges[j]
                if {x, y} == {v, w}:
                    del self.edges[j]
                    self.edges[i] = (x, y, had([m, n if v == x else prime(n)]))
                    return True
        return False

    def series(self) -> bool:
        for a in self.nodes():
            mine = self.at(a)
            if len(mine) == 2:
                (x, y, m), (v, w, n) = mine
                left, right = (x if y == a else y), (v if w == a else w)
                if left == right:
                    continue
                ws = self.weights.pop(a, [])
                middle = [Tree("diag", (had(ws),))] if ws else []
                first = m if y == a else prime(m)
                second = n if v == a else prime(n)
                self.edges = [e for e in self.edges if e not in mine]
                self.edges.append((left, right, mul(first, *middle, second)))
                return True
        return False


def _inner(ws: Sequence[Tree], dim: Dim) -> Tree:
    """1'v, u'v; the sum of a diagonal is a trace."""
    if len(ws) == 1:
        (w,) = ws
        if w.op == "diagof":
            return trace(w.args[0])
        if w.op == "pow" and w.data == 2:
            return mul(prime(w.args[0]), w.args[0])
        return mul(prime(Tree("ones", (), dim)), w)
    return mul(prime(ws[0]), had(ws[1:]))


def _term(atoms: Sequence[Atom], c: Number, dims: tuple[Dim, ...], resolve: Resolve) -> Term:
    graph = _Graph(len(dims))
    size: dict[int, Dim] = dict(enumerate(dims))
    for head, labels, _ in atoms:
        size.update(zip(labels, head.dims, strict=True))
    ready = []
    for head, labels, p in atoms:
        tree = tree_of(head, resolve)
        ready.append((labels, tree if p == 1 else Tree("pow", (tree,), p)))
    if len(dims) > 2 or any(len(labels) > 2 for labels, _ in ready):
        return _with_indices(ready, c, dims, size)
    for labels, tree in ready:
        if not labels:
            graph.scalars.append(tree)
        elif len(labels) == 1:
            graph.weights.setdefault(labels[0], []).append(tree)
        elif labels[0] == labels[1]:
            graph.weights.setdefault(labels[0], []).append(Tree("diagof", (tree,)))
        else:
            graph.edges.append((labels[0], labels[1], tree))
    while graph.step(size):
        pass
    if graph.nodes():
        return _with_indices(ready, c, dims, size)
    return Term(c, graph.scalars, _whole(graph, dims))


def _whole(graph: _Graph, dims: tuple[Dim, ...]) -> Tree | None:
    ones = [Tree("ones", (), d) for d in dims]
    if not dims:
        return None
    if len(dims) == 1:
        return had(graph.weights[0]) if 0 in graph.weights else ones[0]
    left, right = (graph.weights.get(i) for i in (0, 1))
    if not graph.edges:
        return mul(had(left) if left else ones[0], prime(had(right) if right else ones[1]))
    for i, (x, _, m) in enumerate(graph.edges):
        graph.edges[i] = (0, 1, m if x == 0 else prime(m))
    body = had([m for _, _, m in graph.edges])
    return mul(
        *([Tree("diag", (had(left),))] if left else []),
        body,
        *([Tree("diag", (had(right),))] if right else []),
    )


def _with_indices(
    ready: Sequence[tuple[tuple[int, ...], Tree]],
    c: Number,
    dims: tuple[Dim, ...],
    size: dict[int, Dim],
) -> Term:
    """The product as an einsum over all its indices."""
    scalars = [t for labels, t in ready if not labels]
    factors = [(labels, t) for labels, t in ready if labels]
    order = [*range(len(dims)), *sorted({a for l, _ in factors for a in l if a < 0}, reverse=True)]
    letter = dict(zip(order, "ij" + "klmnopqrstuvwabcdefgh" + ascii_lowercase[25:], strict=False))
    spec = ",".join("".join(letter[a] for a in labels) for labels, _ in factors)
    missing = [i for i in range(len(dims)) if not any(i in l for l, _ in factors)]
    spec += "".join("," + letter[i] for i in missing)
    spec += "->" + "".join(letter[i] for i in range(len(dims)))
    data = (spec, tuple(len(l) for l, _ in factors), tuple(size[i] for i in missing))
    return Term(c, scalars, Tree("einsum", tuple(t for _, t in factors), data))
