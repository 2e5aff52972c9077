"""Derivations: golden files, textbook forms, code that runs alone, laws, and lines that can't be."""

import itertools
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explained import CASES

import wengert
from wengert.cli import main
from wengert.errors import InputError, UnsupportedError
from wengert.explanation.laws import Facts, laws
from wengert.explanation.terms import ONE, Head, Raw, collect, fresh, instances
from wengert.explanation.words import WORDS

CODELESS = {"flattened"}
TEXTBOOK = {
    "softmax_regression": ["dW = X'(softmax(XW + 1b') - Y)/N", "db = (softmax(XW + 1b') - Y)'1/N"],
    "softmax_by_logsumexp": ["dW = X'(softmax(XW + 1b') - Y)/N"],
    "logistic": ["dw = -X'(y * sigma(-y * Xw))"],
    "logistic01": ["dw = X'(sigma(Xw) - t)", "dw^2 = X'diag(s * (1 - s)) X"],
    "ridge": ["dw = 2(X'(Xw - y) + lam w)", "dw^2 = 2(X'X + lam I)"],
    "log_det": ["dA = A^-T"],
    "trace_quadratic": ["dA = (B' + B) A"],
    "quadratic": ["dx = (A' + A) x"],
    "frobenius": ["dX = X/||X||"],
    "pca": ["dV = 2 X'XV"],
    "perceptron": [
        "delta_Z = (P - Y)/N", "delta1 = delta_Z W2' * (1 - H^2)", "dW1 = X'delta1",
        "db1 = delta1'1", "dW2 = H'delta_Z", "db2 = delta_Z'1",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def explained() -> dict:
    return {n: wengert.explain(f, *xs, wrt=wrt) for n, (f, xs, wrt) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_derivations_are_as_they_were_read(name, explained, golden) -> None:
    made = explained[name]
    assert made.check.identities >= 3
    assert made.check.worst < 1e-9
    golden(made.text.rsplit("\n\n", 1)[0], f"explain/{name}")


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_textbook_form(name, explained) -> None:
    lines = [str(s) for s in explained[name].steps]
    for form in TEXTBOOK[name]:
        assert any(line.endswith(form) for line in lines), form


@pytest.mark.parametrize("name", sorted(set(CASES) - CODELESS))
def test_code_is_the_gradient_without_wengert(name, explained) -> None:
    f, xs, _ = CASES[name]
    made, space = explained[name], {}
    code = made.code()
    assert "wengert" not in code
    exec(code, space)
    found = space["gradient"](*xs)
    for g, argument in zip(found if len(made.chosen) > 1 else [found], made.chosen, strict=True):
        want = wengert.grad(f, argnums=argument)(*xs)
        np.testing.assert_allclose(g, want, rtol=1e-9, atol=1e-9)


def test_what_code_has_no_words_for_is_an_error(explained) -> None:
    with pytest.raises(UnsupportedError, match="vec"):
        explained["flattened"].code()


@pytest.mark.parametrize("name", CASES)
def test_latex_is_balanced_and_the_page_stands_alone(name, explained) -> None:
    latex, page = explained[name].latex, explained[name].html
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert not re.search(r"(src|href)=", page)
    assert str(explained[name].check).split(",")[0] in page


def test_a_line_that_does_not_hold_cannot_be_printed(monkeypatch) -> None:
    wrong = WORDS["tanh"]._replace(slopes=(WORDS["sin"].slopes[0],))
    monkeypatch.setitem(WORDS, "tanh", wrong)
    f, xs, wrt = CASES["tanh_sum"]
    with pytest.raises(UnsupportedError, match="off by"):
        wengert.explain(f, *xs, wrt=wrt)


def test_what_no_formula_says_is_named_with_its_line() -> None:
    with pytest.raises(UnsupportedError, match=r"sort.*test_explain\.py"):
        wengert.explain(lambda x: np.sum(np.sort(x)[:2]), np.arange(4.0))


def test_facts_are_checked_and_told(explained) -> None:
    assert explained["softmax_regression"].facts == ("rows of Y sum to 1: Y 1 = 1",)
    with pytest.raises(InputError, match="symmetric"):
        wengert.explain(
            lambda A: np.trace(A), np.arange(4.0).reshape(2, 2), facts={"A": "symmetric"}
        )
    with pytest.raises(InputError, match="wrt"):
        wengert.explain(np.sum, np.ones(3), wrt="q")


HEADS = [
    Head("symbol", "A", ("N", "N")), Head("symbol", "B", ("N", "N")), Head("symbol", "y", ("N",)),
    Head("symbol", "Y", ("N", "N")), Head("delta", "I", ("N", "N")),
]  # fmt: skip
FACTS = {"y": frozenset({"signs"}), "Y": frozenset({"onehot", "binary"})}


def random_term(rng) -> Raw:
    labels = [0, *[fresh() for _ in range(3)]]
    atoms = []
    for _ in range(rng.integers(1, 5)):
        head = HEADS[rng.integers(len(HEADS))]
        picked = tuple(labels[i] for i in rng.integers(0, 4, len(head.dims)))
        atoms.append((head, picked, Fraction(int(rng.integers(1, 3)))))
    return Raw(Fraction(int(rng.integers(1, 5))), atoms, dict.fromkeys(labels[1:], "N"))


def copied(raw: Raw, order) -> Raw:
    return Raw(raw.coefficient, [raw.atoms[i] for i in order], dict(raw.sums))


def value(raws, n, data) -> np.ndarray:
    out = np.zeros(n)
    for raw in raws:
        free = list(raw.sums)
        for place in itertools.product(range(n), repeat=len(free) + 1):
            at = dict(zip([0, *free], place, strict=True))
            x = float(raw.coefficient)
            for head, labels, p in raw.atoms:
                x *= data[head.name][tuple(at[l] for l in labels)] ** float(p)
            out[place[0]] += x
    return out


@pytest.mark.parametrize("seed", range(40))
def test_laws_end_meet_and_hold(seed) -> None:
    """Whatever the order of the factors, the normal form is one, and has the same value."""
    rng, n = np.random.default_rng(seed), 3
    data = {
        "A": rng.normal(size=(n, n)), "B": rng.normal(size=(n, n)), "y": rng.choice([-1.0, 1.0], n),
        "Y": np.eye(n)[rng.integers(0, n, n)], "I": np.eye(n), "N": np.asarray(float(n)),
    }  # fmt: skip
    raws = [random_term(rng) for _ in range(2)]
    rules = laws(Facts(FACTS))
    forms = []
    for _ in range(4):
        shuffled = [copied(r, rng.permutation(len(r.atoms))) for r in raws]
        rng.shuffle(shuffled)
        forms.append(collect(("N",), shuffled, rules))
    assert len({form.key for form in forms}) == 1
    again = collect(("N",), instances(forms[0], [0]), rules)
    assert again == forms[0]
    np.testing.assert_allclose(value(instances(forms[0], [0]), n, data), value(raws, n, data))
    assert ONE == 1


def test_the_command_line(tmp_path: Path, capsys) -> None:
    file = tmp_path / "q.py"
    file.write_text(
        "import numpy as np\ndef q(x, A):\n    return x @ A @ x\n"
        "examples = np.ones(3), np.arange(9.0).reshape(3, 3)\n"
    )
    assert main(["explain", f"{file}:q"]) == 0
    assert "dq/dx = (A' + A) x" in capsys.readouterr().out
    assert main(["explain", f"{file}:q", "--latex"]) == 0
    assert r"\begin{aligned}" in capsys.readouterr().out
    assert main(["explain", f"{file}:nothing"]) == 1
    assert main([]) == 2


def test_what_is_differentiated_is_no_label() -> None:
    """Ones are signs, and zeros and ones binary, but only of what doesn't move."""
    X, y = np.arange(12.0).reshape(4, 3), np.arange(4.0)

    def ridge(w: Any, X: Any, y: Any) -> Any:
        return np.sum((X @ w - y) ** 2) + np.sum(w**2)

    for w in (np.ones(3), -np.ones(3), np.array([1.0, -1.0, 1.0]), np.eye(3)[0], np.zeros(3)):
        assert "2(X'(Xw - y) + w)" in wengert.explain(ridge, w, X, y).text


@pytest.mark.parametrize("name", CASES)
def test_each_derived_line_names_its_rule(name, explained) -> None:
    made = explained[name]
    assert all(s.rule for s in made.steps if s.part != "The function")
    assert len({str(s) for s in made.steps}) == len(made.steps) == made.check.identities


def test_the_move_out_of_the_trace_is_a_step_of_its_own(explained) -> None:
    def told(name: str) -> list[tuple[str, str]]:
        return [(str(s), s.rule) for s in explained[name].steps if s.part == "Out of the trace"]

    regression, name = told("softmax_regression"), "softmax_regression"
    assert regression[0] == (f"d_W {name} = tr(delta_Z'X dW)", "dZ put into tr(delta_Z'dZ)")
    assert regression[1] == (f"d_W {name} = tr((X'delta_Z)'dW)", "(AB)' = B'A'")
    rules = " ".join(rule for _, rule in told("attention"))
    assert "tr AB = tr BA" in rules
    assert "tr A = tr A'" in rules


def test_rules_of_differentials_are_those_of_what_is_differentiated(explained) -> None:
    def rules(name: str) -> str:
        return " ".join(s.rule for s in explained[name].steps if s.part == "Its differential")

    assert "tanh' = 1 - tanh^2" in rules("perceptron")
    assert "d(AB) = dA B + A dB" in rules("three_indices")
    assert "d(x'x)" not in rules("three_indices")
    assert rules("least_squares") == "d is linear d(x'x) = 2 x'dx"
    assert "d log det A = tr(A^-1 dA)" in rules("gaussian")


def test_a_loop_shows_its_step_and_its_adjoint_step(explained) -> None:
    rules = {s.left: s.rule for s in explained["loop"].steps}
    assert rules["x2"] == rules["x3"] == "the same step, x_k = tanh(A x_(k-1))"
    assert rules["delta_x1"].endswith("delta_x_k = A'(delta_x_(k+1) * (1 - x_(k+1)^2))")
    assert "step back" not in rules["delta_x2"]
    assert not any("same step" in s.rule for s in explained["perceptron"].steps)


@pytest.mark.parametrize("name", CASES)
def test_pieces_are_told_where_there_are_some(name, explained) -> None:
    kinked = name in {"absolute", "relu_net"}
    assert ("Checked on the sampled pieces only" in str(explained[name].check)) == kinked
