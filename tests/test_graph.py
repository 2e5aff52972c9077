"""The graph of a list: what stands in it, its text forms, and a picture in which nothing overlaps."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import wengert

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(5, 3)), np.eye(4)[[0, 1, 2, 3, 0]]
NUMBER = r"(-?[\d.]+)"


def notes(x1, x2, x3):
    return (x1 * x2 * np.sin(x3) + np.exp(x1 * x2)) / x3


def softmax_regression(W, b):
    Z = X @ W + b
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.mean(np.sum(Y * np.log(P), axis=1))


def sigma(z):
    return 1 / (1 + np.exp(-z))


def perceptron(W1, b1, W2, b2):
    Z = X @ W1 + b1
    H = sigma(Z)
    O = H @ W2 + b2
    return np.mean(np.log(np.sum(np.exp(O), axis=1)) - np.sum(Y * O, axis=1))


def random_program(n):
    def f(x, y, z):
        pick = np.random.default_rng(n)
        found = [x, y, z]
        for _ in range(n):
            a, b = (found[-1 - pick.integers(min(len(found), 6))] for _ in range(2))
            found.append([a * b, a + b, np.sin(a), np.cos(a) - b][pick.integers(4)])
        total = found[-1]
        for other in found[-6:-1]:
            total = total + other
        return total

    return f, (0.5, 0.3, 0.2)


weights = rng.normal(size=(3, 6)), np.zeros(6), rng.normal(size=(6, 4)), np.zeros(4)
CASES = {
    "notes": (notes, (0.5, 4.0, 1.5)),
    "softmax": (softmax_regression, (rng.normal(size=(3, 4)), np.zeros(4))),
    "perceptron": (perceptron, weights),
    "sixty": random_program(60),
    "three hundred": random_program(300),
    "identity": (lambda x: x, (1.0,)),
}


def test_nodes_and_edges_are_the_list():
    g = wengert.graph(notes, 0.5, 4.0, 1.5)
    x1, x2, x3 = (float(v) for v in wengert.grad(notes, (0, 1, 2))(0.5, 4.0, 1.5))
    heads = [n.lines for n in g.nodes if n.kind == "input"]
    assert heads == [("x1", "= 0.5", f"adjoint {x1:.5g}"), ("x2", "= 4", f"adjoint {x2:.5g}"), ("x3", "= 1.5", f"adjoint {x3:.5g}")]  # fmt: skip
    assert [n.lines[0] for n in g.nodes[3:5]] == ["x1 * x2", "np.sin(x3)"]
    assert g.nodes[-1].kind == "result"
    assert len(g.nodes) == 9
    assert len(g.edges) == 10  # x1 x2 is one node, read twice
    # what flows into a node's adjoint is what its edges carry
    into = [float(e.label) for e in g.edges if e.source == "n2"]
    assert sum(into) == pytest.approx(x3, rel=1e-4)


def test_blocks_are_statements_and_called_functions():
    g = wengert.graph(perceptron, *weights, blocks=True)
    assert [n.lines[0] for n in g.nodes if n.kind == "block"] == [
        "Z = X @ W1 + b1",
        "sigma(…)",
        "O = H @ W2 + b2",
    ]
    fine = wengert.graph(perceptron, *weights, blocks=False)
    assert len(fine.nodes) > len(g.nodes) + 8
    assert not any(n.kind == "block" for n in fine.nodes)


def test_a_block_shows_the_value_of_what_it_names():
    g = wengert.graph(perceptron, *weights, blocks=True)
    Z = X @ weights[0] + weights[1]
    lines = next(n.lines for n in g.nodes if n.lines[0].startswith("Z ="))
    assert lines[1] == f"= 5×6, norm {np.linalg.norm(Z):.4g}"
    called = next(n.lines for n in g.nodes if n.lines[0] == "sigma(…)")
    assert called[1] == f"= 5×6, norm {np.linalg.norm(sigma(Z)):.4g}"


@pytest.mark.parametrize("name", CASES)
def test_dot_and_mermaid(name, golden):
    f, args = CASES[name]
    g = wengert.graph(f, *args)
    assert g.dot.count("->") == len(g.edges) == g.mermaid.count("-->")
    assert all(g.dot.count(f"  {n.key} [label=") == 1 for n in g.nodes)
    if name in ("notes", "softmax", "perceptron"):
        golden(g.mermaid, f"graphs/{name}")


def test_marks_in_labels_are_escaped():
    g = wengert.graph(lambda x: np.sum(x * (np.asarray(x) > 0) * len('a"b&')), np.ones(2))
    assert "&amp;" not in g.mermaid
    assert '\\"' in g.dot
    assert "#quot;" in g.mermaid
    assert "#gt;" in g.mermaid


def boxes(svg):
    """Each box with its texts: (x, y, width, height, [(text, x, y)])."""
    root = ElementTree.fromstring(svg)
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        rect = group.find("{http://www.w3.org/2000/svg}rect")
        at = [float(rect.get(k)) for k in ("x", "y", "width", "height")]
        texts = [t for t in group if t.tag.endswith("}text")]
        yield (*at, [(t.text, float(t.get("x")), float(t.get("y"))) for t in texts])


@pytest.mark.parametrize("name", CASES)
def test_no_box_overlaps_and_no_text_is_clipped(name):
    pytest.importorskip("igraph")
    f, args = CASES[name]
    g = wengert.graph(f, *args, blocks=None if len(args) != 3 else False)
    svg = g.svg
    assert svg == g._repr_svg_()
    found = list(boxes(svg))
    assert len(found) == len(g.nodes)
    width, height = (float(re.search(f'{k}="{NUMBER}"', svg)[1]) for k in ("width", "height"))
    for i, (x, y, w, h, texts) in enumerate(found):
        assert x >= -1
        assert x + w <= width
        assert y + h <= height
        for text, at, line in texts:
            assert len(text) * 7.25 <= w  # monospace of 12 px
            assert abs(at - (x + w / 2)) < 0.2
            assert y < line < y + h
        for u, v, a, b, _ in found[:i]:
            assert x + w <= u or u + a <= x or y + h <= v or v + b <= y, "two boxes overlap"


def test_edges_go_down():
    pytest.importorskip("igraph")
    g = wengert.graph(notes, 0.5, 4.0, 1.5)
    top = {n.key: y for n, (_, y, *_) in zip(g.nodes, boxes(g.svg), strict=True)}
    assert all(top[e.source] < top[e.target] for e in g.edges)


def test_without_igraph_there_is_text(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "igraph", None)
    g = wengert.graph(notes, 0.5, 4.0, 1.5)
    with pytest.raises(ImportError, match="wengert\\[explain\\]"):
        _ = g.svg
    assert g._repr_svg_() is None
    assert str(g).startswith("digraph")
