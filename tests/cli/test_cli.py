"""The command line as a new user meets it, with wrong input on purpose."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert
from wengert import cli
from wengert.cli import folder as folders
from wengert.estimators import run as runs

QUICK = ["--epochs", "3", "--hidden", "8", "--quiet"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")


@pytest.fixture
def data(tmp_path: Path) -> str:
    """120 rows: a number with gaps, a text column, the answer."""
    rng = np.random.default_rng(0)
    with open(tmp_path / "people.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "job", "rich"])
        for i in range(120):
            age, job = rng.normal(40, 10), str(rng.choice(["cook", "clerk", "pilot"]))
            answer = "yes" if age > 40 or job == "pilot" else "no"
            writer.writerow(["" if i % 30 == 3 else f"{age:.2f}", job, answer])
    return "people.csv"


def write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


class TestTrain:
    def test_a_run_is_a_folder(self, data: str, capsys: Any) -> None:
        assert cli.main(["train", data, "--target", "rich", *QUICK]) == 0
        out = capsys.readouterr().out
        assert "120 rows, 3 columns" in out
        assert "4 missing" in out
        assert "baseline" in out
        assert "again    wengert train people.csv --target rich" in out
        folder = Path("runs/people")
        said = tomllib.loads((folder / "run.toml").read_text())
        assert said["task"] == "classification"
        assert said["low"] <= said["score"] <= said["high"]
        assert len((folder / "history.csv").read_text().splitlines()) == 1 + 3
        assert len((folder / "predictions.csv").read_text().splitlines()) == 1 + 24
        assert wengert.load(folder / "model.safetensors").classes_.tolist() == ["no", "yes"]

    def test_the_same_seed_gives_the_same_score_in_another_folder(self, data: str) -> None:
        for _ in range(2):
            assert cli.main(["train", data, "--target", "rich", *QUICK]) == 0
        one, two = (
            {**tomllib.loads(Path(f"runs/{name}/run.toml").read_text()), "seconds": 0}
            for name in ("people", "people-2")
        )
        assert one == two

    def test_json_is_one_line(self, data: str, capsys: Any) -> None:
        assert cli.main(["train", data, "--target", "rich", "--json", "--folds", "99"]) == 2
        assert json.loads(capsys.readouterr().out)["code"] == 2
        assert cli.main(["train", data, "--target", "rich", "--json", "--folds", "2", *QUICK]) == 0
        said = json.loads(capsys.readouterr().out)
        assert said["metric"] == "accuracy"
        assert len(said["folds"]["scores"]) == 2

    def test_regression(self, capsys: Any) -> None:
        lines = [f"{x},{2 * x + 1}" for x in np.linspace(0, 1, 60)]
        path = write("line.csv", "\n".join(["x,y", *lines]))
        assert cli.main(["train", path, "--target", "y", *QUICK]) == 0
        assert "R² " in capsys.readouterr().out

    def test_ctrl_c_leaves_a_whole_folder(self, data: str, monkeypatch: Any) -> None:
        real = runs._Best.epoch

        def epoch(self: Any, *given: Any) -> Any:
            if self.number == 2:
                monkeypatch.setattr(runs._Best, "epoch", real)
                raise KeyboardInterrupt
            return real(self, *given)

        monkeypatch.setattr(runs._Best, "epoch", epoch)
        assert cli.main(["train", data, "--target", "rich", *QUICK]) == 130
        assert len(Path("runs/people/history.csv").read_text().splitlines()) == 1 + 2
        assert Path("runs/people/run.toml").is_file()

    def test_standard_input(self, data: str, monkeypatch: Any) -> None:
        text = io.TextIOWrapper(io.BytesIO(Path(data).read_bytes()))
        monkeypatch.setattr(sys, "stdin", text)
        assert cli.main(["train", "-", "--target", "rich", *QUICK]) == 0
        assert Path("runs/stdin/run.toml").is_file()

    def test_a_folder_that_cannot_be(self, data: str, capsys: Any) -> None:
        Path("file").write_text("")
        assert cli.main(["train", data, "--target", "rich", "--out", "file/run", *QUICK]) == 3
        assert "file" in capsys.readouterr().err

    def test_without_safetensors(self, data: str, monkeypatch: Any, capsys: Any) -> None:
        monkeypatch.setitem(sys.modules, "safetensors", None)
        assert cli.main(["train", data, "--target", "rich", *QUICK]) == 3
        assert "wengert[save]" in capsys.readouterr().err

    def test_a_full_disk(self, data: str, monkeypatch: Any, capsys: Any) -> None:
        def full(path: Any, content: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        monkeypatch.setattr(folders, "write", full)
        assert cli.main(["train", data, "--target", "rich", *QUICK]) == 3
        assert "No space left" in capsys.readouterr().err
        assert not Path("runs/people/run.toml").exists()


# fmt: off
BAD = {
    "empty":     ("", "is empty"),
    "header":    ("a,y\n", "no rows"),
    "ragged":    ("a,y\n1,2\n1,2,3\n", "3 fields in row 2"),
    "twice":     ("a,a,y\n1,2,3\n", "two columns named 'a'"),
    "no name":   ("a,,y\n1,2,3\n", "no name for column 2"),
    "constant":  ("a,y\n1,5\n2,5\n", "constant"),
    "missing":   ("a,y\n1,\n2,NA\n", "missing in every row"),
    "alone":     ("y\n1\n2\n", "no column beside"),
    "infinite":  ("a,y\n1,0\ninf,1\n", "infinity in row 2, column 'a'"),
    "names":     ("a,y\n1,u\n2,v\n3,w\n", "names rows rather than classes"),
    "other":     ("a,b\n1,2\n", "no column 'y'"),
}
# fmt: on


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_named(name: str, capsys: Any) -> None:
    text, message = BAD[name]
    code = cli.main(["train", write("bad.csv", text), "--target", "y", *QUICK])
    assert code in (2, 3)
    assert message in capsys.readouterr().err
    assert not Path("runs").exists()


def test_an_encoding_is_named(capsys: Any) -> None:
    Path("latin.csv").write_bytes("a,y\n1,k\u00e4se\n2,k\u00e4se\n3,b\n4,b\n".encode("latin-1"))
    assert cli.main(["train", "latin.csv", "--target", "y"]) == 3
    assert "isn't utf-8 in line 2" in capsys.readouterr().err
    table = cli.import_module("wengert.cli.tables").read("latin.csv", "latin-1")
    assert table.column("y")[0] == "k\u00e4se"


def test_other_formats(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    read = cli.import_module("wengert.cli.tables").read
    frame = polars.DataFrame({"a": [1.5, None], "b": ["u", None]})
    frame.write_parquet("t.parquet")
    frame.write_ipc("t.arrow")
    frame.write_csv("t.tsv", separator="\t")
    np.savez("t.npz", X=np.eye(2), y=[0, 1])
    for name in ("t.parquet", "t.arrow", "t.tsv"):
        table = read(name)
        assert table.columns == ["a", "b"]
        assert np.isnan(table.arrays[0][1])
        assert table.arrays[1].tolist() == ["u", None]
    assert read("t.npz").columns == ["x0", "x1", "y"]


class TestApply:
    @pytest.fixture
    def folder(self, data: str, capsys: Any) -> str:
        cli.main(["train", data, "--target", "rich", *QUICK])
        capsys.readouterr()
        return "runs/people"

    def test_test(self, folder: str, data: str, capsys: Any) -> None:
        assert cli.main(["test", folder, data, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == 120

    def test_predict_and_what_it_has_not_seen(self, folder: str, capsys: Any) -> None:
        path = write("new.csv", "job,age\nbaker,33\ncook,\n")
        assert cli.main(["predict", folder, path]) == 0
        captured = capsys.readouterr()
        assert captured.out.splitlines()[0] == "row,prediction,p(no),p(yes)"
        assert len(captured.out.splitlines()) == 3
        assert "first 'baker' in row 1" in captured.err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("job\ncook\n", "no column 'age'"),
            ("age,job\n40,cook\nold,cook\n", "'old' in row 2, column 'age'"),
        ],
    )
    def test_predict_on_other_columns(
        self, folder: str, capsys: Any, text: str, message: str
    ) -> None:
        assert cli.main(["predict", folder, write("new.csv", text)]) == 3
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["m.c", "m.py", "m.onnx"])
    def test_export(self, folder: str, name: str) -> None:
        if name.endswith("onnx"):
            pytest.importorskip("onnx")
        assert cli.main(["export", folder, name]) == 0
        assert Path(name).stat().st_size > 1000

    def test_export_to_what_is_not_known(self, folder: str, capsys: Any) -> None:
        assert cli.main(["export", folder, "m.pkl"]) == 2
        assert ".onnx, .c, .py" in capsys.readouterr().err

    def test_a_damaged_model(self, folder: str, data: str, capsys: Any) -> None:
        file = Path(folder) / "model.safetensors"
        file.write_bytes(file.read_bytes()[:100])
        assert cli.main(["predict", folder, data]) == 4
        assert "cut off" in capsys.readouterr().err


def test_doctor(capsys: Any) -> None:
    assert cli.main(["doctor", "--fast", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["native"] == "works"
    assert said["packages"]["numpy"] == np.__version__


def test_usage(capsys: Any) -> None:
    assert cli.main(["--help"]) == 0
    assert "wengert train data.csv --target y" in capsys.readouterr().out
    assert cli.main(["trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err
    out = subprocess.run(
        [sys.executable, "-m", "wengert", "--version"], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == wengert.__version__


def test_help_loads_no_command() -> None:
    """So that it costs no more than `import wengert`."""
    code = "import sys; from wengert.cli import main; main(['--help']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = out.stdout.splitlines()[-1].split()
    assert not {"wengert.cli.train", "wengert.estimators", "scipy", "polars"} & set(loaded)
