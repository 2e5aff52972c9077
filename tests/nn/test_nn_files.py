"""Models on disk, the page, the digits, and the two examples that show them."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wengert import nn, tree
from wengert.errors import InputError
from wengert.nn import report, store

ROOT = Path(__file__).parents[2]


def same(a, b):
    pairs = zip(tree.flatten(a)[0], tree.flatten(b)[0], strict=True)
    return all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in pairs)


@pytest.mark.parametrize(
    "model",
    [
        nn.perceptron([3, 4, 2], activation=nn.elu, dtype=np.float32),
        nn.perceptron([3, 4, 4, 1], activation=[nn.gelu, nn.tanh], out=nn.sigmoid),
        nn.linear(3),
        nn.linear(3, 2),
    ],
    ids=repr,
)
def test_a_model_comes_back_bit_for_bit(tmp_path, model):
    path = nn.save(model, tmp_path / "m", notes={"accuracy": 0.5})
    again = nn.load(tmp_path / "m")
    assert same(model, again)
    assert repr(again) == repr(model)
    assert np.array_equal(again(np.ones((2, 3))), model(np.ones((2, 3))))
    assert json.loads(path.read_text())["notes"] == {"accuracy": 0.5}
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".npz"]


def test_the_users_own_activation_and_tree_need_a_word(tmp_path):
    nn.save(nn.perceptron([3, 4, 2], activation=np.sin), tmp_path)
    with pytest.raises(InputError, match=r"activations of its own: sin"):
        nn.load(tmp_path)
    assert nn.load(tmp_path, activations={"sin": np.sin}).layers[0].activation is np.sin
    own = {"W": np.arange(3.0), "rest": (np.ones(2),)}
    nn.save(own, tmp_path / "own")
    assert same(own, nn.load(tmp_path / "own", like={"W": 0, "rest": (0,)}))
    with pytest.raises(store.ModelFileError, match="like"):
        nn.load(tmp_path / "own")
    with pytest.raises(store.ModelFileError, match="another structure"):
        nn.load(tmp_path / "own", like={"W": 0})


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "empty"])
def test_damaged_weights_are_refused(tmp_path, harm):
    nn.save(nn.perceptron([3, 4, 2]), tmp_path)
    (weights,) = tmp_path.glob("weights-*.npz")
    data = bytearray(weights.read_bytes())
    if harm == "gone":
        weights.unlink()
    else:
        data[len(data) // 2] ^= 1
        weights.write_bytes({"cut": data[:-20], "flip": data, "empty": b""}[harm])
    with pytest.raises(store.ModelFileError, match=r"cut off or changed|missing"):
        nn.load(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"format": "wengert model 1"}', '{"format": 7}']
)
def test_a_damaged_description_is_refused(tmp_path, text):
    nn.save(nn.perceptron([3, 4, 2]), tmp_path)
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(store.ModelFileError, match=r"model\.json that nn\.save didn't write"):
        nn.load(tmp_path)


def test_no_model_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path)


def test_a_pickle_is_never_opened(tmp_path):
    nn.save({"W": np.ones(2)}, tmp_path)
    (weights,) = tmp_path.glob("weights-*.npz")
    np.savez(weights, leaf0=np.array([print], dtype=object))
    said = json.loads((tmp_path / "model.json").read_text())
    said["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (tmp_path / "model.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match="allow_pickle"):
        nn.load(tmp_path, like={"W": 0})


def test_weights_outside_the_folder_are_never_opened(tmp_path):
    nn.save({"W": np.ones(2)}, tmp_path / "a")
    (weights,) = (tmp_path / "a").glob("weights-*.npz")
    weights.rename(tmp_path / weights.name)
    said = json.loads((tmp_path / "a" / "model.json").read_text())
    said["weights"] = f"../{weights.name}"
    (tmp_path / "a" / "model.json").write_text(json.dumps(said))
    with pytest.raises(store.ModelFileError, match="missing"):
        nn.load(tmp_path / "a", like={"W": 0})


def test_saving_that_dies_leaves_the_model_that_was_there(tmp_path, monkeypatch):
    first, second = nn.perceptron([3, 4, 2], seed=0), nn.perceptron([3, 4, 2], seed=1)
    nn.save(first, tmp_path)
    replace = os.replace

    def fail_at_the_description(source, target):
        if Path(target).name == "model.json":
            raise OSError("the disk is full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_description)
    with pytest.raises(OSError, match="full"):
        nn.save(second, tmp_path)
    monkeypatch.undo()
    assert same(nn.load(tmp_path), first)
    assert not list(tmp_path.glob(".*"))
    nn.save(second, tmp_path)
    assert same(nn.load(tmp_path), second)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_history_keeps_every_digit(tmp_path):
    history = {"epoch": [1, 2], "train_loss": [0.1 + 0.2, 1e-300]}
    text = nn.save_history(history, tmp_path / "history.csv").read_text()
    assert text == "epoch,train_loss\n1.0,0.30000000000000004\n2.0,1e-300\n"


@pytest.fixture(scope="module")
def html():
    data = nn.digits(np.float32)
    model = nn.linear(784, 10, dtype=np.float32)
    run = nn.train(
        model,
        nn.cross_entropy,
        data.X[:500],
        data.y[:500],
        epochs=3,
        validation=0.2,
        metrics=[nn.accuracy],
    )
    Z = nn.outputs(run.model, data.X_test)
    scores = nn.evaluate(
        run.model, nn.cross_entropy, data.X_test, data.y_test, metrics=[nn.accuracy]
    )
    images = data.X_test.reshape(-1, 28, 28)
    chapter = report.Chapter(
        "A <b>bold</b> name & more", run, scores, scores, Z, data.y_test, images
    )
    return report.page("Digits", [chapter], baseline=0.1, lines=["one line"]), Z, data.y_test


def test_the_page_asks_nothing_of_the_network_and_runs_no_script(html):
    text = html[0]
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text)
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "<script" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/svg",
    }


def test_the_page_shows_the_confusion_matrix_and_the_curves(html):
    text, Z, y = html
    cells = re.findall(r'<td class="(?:right|wrong|none)"[^>]*>(\d+)</td>', text)
    assert np.array(cells, int).reshape(10, 10).tolist() == nn.confusion(Z, y, 10).tolist()
    assert text.count("<svg") == 1
    assert "validation" in text[text.index("<svg") :]
    assert "var(--first)" in text
    assert "#070809" not in text
    assert text.count("data:image/png;base64,") == 10
    assert "prefers-color-scheme: dark" in text


def test_names_are_escaped(html):
    assert "A &lt;b&gt;bold&lt;/b&gt; name &amp; more" in html[0]
    assert "<b>bold</b>" not in html[0]


def test_the_digits_are_a_stratified_tenth_of_mnist():
    data = nn.digits()
    assert [a.shape for a in data] == [(8000, 784), (8000,), (2000, 784), (2000,)]
    assert data.X.dtype == np.float64
    assert (data.X.min(), data.X.max()) == (0, 1)
    assert np.bincount(data.y).tolist() == [790, 899, 794, 818, 779, 723, 789, 835, 780, 793]
    assert len(np.unique(data.X, axis=0)) == 8000
    file = ROOT / "src/wengert/nn/data/digits28.npz"
    assert file.stat().st_size < 2_000_000


def run_example(name, *args):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / name, *args],
        capture_output=True, text=True, check=True, timeout=300,
        env={**os.environ, "WENGERT_FAST": "1", "PYTHONPATH": str(ROOT / "src")},
    ).stdout  # fmt: skip


def test_the_digits_example_leaves_one_folder_that_can_be_read_back(tmp_path):
    out = run_example("digits.py", str(tmp_path / "run"))
    assert str(tmp_path / "run") in out
    files = {
        p.relative_to(tmp_path / "run").as_posix()
        for p in (tmp_path / "run").rglob("*")
        if p.is_file()
    }
    wanted = {
        "report.html",
        *(f"{m}/{f}" for m in ("softmax", "perceptron") for f in ("model.json", "history.csv")),
    }
    assert wanted <= files
    assert len(files) == len(wanted) + 2
    data, model = nn.digits(), nn.load(tmp_path / "run" / "perceptron")
    accuracy = nn.accuracy(nn.outputs(model, data.X_test), data.y_test)
    assert accuracy > 0.9
    assert f"accuracy {100 * accuracy:.1f} %" in out
    assert "most frequent class: accuracy 11.3 %" in out
    for words in (
        "as a Wengert list",
        "Forward mode",
        "Reverse mode",
        "v1 = 1/128 (softmax (X W + 1 b') - c1)",
    ):
        assert words in out
    gap = float(re.search(r"it agrees within (\S+)\.\n", out)[1])
    assert gap < 1e-15


def test_the_vanishing_example_shows_all_five():
    out = run_example("vanishing.py")
    for name in ("sigmoid", "tanh", "relu", "elu", "sine"):
        assert re.search(rf"^{name} ", out, re.MULTILINE)
    assert "No gain mends sigmoid" in out
