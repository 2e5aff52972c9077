"""The notes' two tables: every number in them is what calculus says."""

import numpy as np
import pytest

import wengert
from wengert.errors import DtypeError

at = (0.5, 4.0, 1.5)


def notes(x1, x2, x3):
    return (x1 * x2 * np.sin(x3) + np.exp(x1 * x2)) / x3


def rows(table):
    return {row[0].split(" = ")[0]: row[1:] for row in table[1:]}


def test_the_notes_tables(golden):
    golden(wengert.tables(notes, *at), "tables/notes")


def test_forward_columns_are_the_partial_derivatives():
    t = wengert.tables(notes, *at)
    last = [float(x) for x in t.forward[-1][1:]]
    expected = [notes(*at), *wengert.grad(notes, (0, 1, 2))(*at)]
    assert last == pytest.approx(expected, rel=1e-5)
    assert t.forward[0] == ("line", "value", "d/dx1", "d/dx2", "d/dx3")


def test_adjoints_are_the_sums_of_what_comes_from_whom():
    t = wengert.tables(notes, *at)
    for name, (adjoint, whence) in rows(t.reverse).items():
        if whence != "result":
            parts = [float(part.split(": ")[1]) for part in whence.split(" + ")]
            assert sum(parts) == pytest.approx(float(adjoint), rel=1e-5), name
    assert rows(t.reverse)["v1"][1].count(":") == 2  # x1 x2 is computed once, read twice


def test_n_passes_against_one():
    t = wengert.tables(notes, *at)
    cost = {row[0]: [int(x) for x in row[1:]] for row in t.cost[1:]}
    assert cost["value"][0] == cost["reverse"][0] == 1
    assert cost["forward"][0] == 3
    for passes, each, total, _ in cost.values():
        assert passes * each == total
    assert cost["value"][1] == 6  # x1 x2, sin, product, exp, sum, quotient
    assert cost["reverse"][2] < cost["forward"][2]
    assert cost["reverse"][3] == 9  # three inputs, six lines
    wide = wengert.tables(lambda w: np.sum(np.tanh(w) ** 2), np.ones(50))
    cost = {row[0]: [int(x) for x in row[1:]] for row in wide.cost[1:]}
    assert cost["forward"][2] > 20 * cost["reverse"][2]


def test_a_product_costs_two_operations_a_term():
    X = np.ones((4, 3))
    t = wengert.tables(lambda w: np.sum(X @ w), np.ones(3))
    assert int(t.cost[1][2]) == 2 * 4 * 3 + 4


def test_html_holds_every_cell():
    t = wengert.tables(notes, *at)
    assert t.html == t._repr_html_()
    assert t.html.count("<tr>") == len(t.forward) + len(t.reverse) + len(t.cost)
    assert "<td>-4.07637</td>" in t.html
    less = wengert.tables(lambda x: np.sum(np.where(x < 0, x, 0)), np.ones(2))
    assert "<td>v1 = x < 0" not in less.html


def test_only_scalars_have_tables():
    with pytest.raises(DtypeError, match="scalar"):
        wengert.tables(lambda x: x * x, np.ones(3))
