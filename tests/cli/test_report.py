"""The page of a run: whole, offline, and its numbers are the run's."""

import csv
import re
import shutil
import subprocess
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wengert import cli
from wengert.cli import report as commands
from wengert.report import scores

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
QUICK = ["--epochs", "3", "--hidden", "8", "--quiet"]
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Tags(HTMLParser):
    """Checks that elements nest, and keeps attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")


def people(gaps: bool = True) -> str:
    rng = np.random.default_rng(0)
    rows = [("age", "<b>job", "rich")]
    for i in range(120):
        age, job = rng.normal(40, 10), str(rng.choice(["cook", "clerk", "$pilot"]))
        answer = "yes" if age > 40 else "no"
        rows.append((f"{age:.2f}", job, "" if gaps and i % 20 == 3 else answer))
    return table("people.csv", rows)


def line() -> str:
    rng = np.random.default_rng(0)
    rows = [(f"{a:.3f}", f"{b:.3f}", f"{a - b:.3f}") for a, b in rng.normal(size=(80, 2))]
    return table("line.csv", [("u", "v", "price"), *rows])


def table(name: str, rows: list[Any]) -> str:
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return name


def made(path: str, target: str, *more: str) -> tuple[Path, str, Tags]:
    assert cli.main(["train", path, "--target", target, *QUICK, *more]) == 0
    folder = Path("runs") / Path(path).stem
    page, tags = (folder / "report.html").read_text("utf-8"), Tags()
    tags.feed(page)
    assert not tags.open
    return folder, page, tags


@pytest.mark.parametrize(("make", "target"), [(people, "rich"), (line, "price")])
def test_a_page_is_whole_and_asks_nothing_of_the_network(make: Any, target: str) -> None:
    _, page, tags = made(make(), target)
    assert "<script" not in page
    assert "<b>job" not in page
    for name, value in tags.attributes:
        if not name.startswith("xmlns"):
            assert "//" not in (value or ""), name
    assert not re.search(r"url\((?!#)|@import", page)
    named = {value for name, value in tags.attributes if name == "id"}
    for link in re.findall(r'href="#([^"]+)"', page):
        assert link in named
    assert len(named) == sum(name == "id" for name, _ in tags.attributes)


def test_the_numbers_are_the_runs() -> None:
    folder, page, tags = made(people(), "rich", "--folds", "2")
    said = tomllib.loads((folder / "run.toml").read_text())
    for name in ("score", "low", "high", "linear", "baseline"):
        assert f"{said[name]:.4f}" in tags.text
    assert f"{np.mean(said['folds']):.4f} ±" in tags.text
    with (folder / "predictions.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    for truth in ("no", "yes"):
        for answer in ("no", "yes"):
            count = sum(r["truth"] == truth and r["prediction"] == answer for r in rows)
            assert re.search(rf'row">{truth}</th>.*?>{count}</td>', page)
    P = np.array([float(r["p(yes)"]) for r in rows])
    area = scores.area(P, np.array([r["truth"] == "yes" for r in rows]))
    assert f"{area:.4f}" in tags.text
    hardest = min(rows, key=lambda r: float(r[f"p({r['truth']})"]))
    assert f'<th scope="row">{hardest["row"]}</th>' in page


def test_a_row_is_counted_as_the_file_has_it() -> None:
    folder, _, _ = made(people(), "rich")
    lines = Path("people.csv").read_text().splitlines()
    with (folder / "predictions.csv").open() as rows:
        for row in csv.DictReader(rows):
            assert lines[int(row["row"])].endswith(row["truth"])


def test_the_curves_agree_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    p, yes = np.round(rng.random(200), 1), rng.random(200) < 0.4
    assert scores.area(p, yes) == pytest.approx(metrics.roc_auc_score(yes, p))
    assert scores.average_precision(p, yes) == pytest.approx(
        metrics.average_precision_score(yes, p)
    )


def test_two_numbers_have_a_surface_and_the_formulas_are_checked() -> None:
    _, _, tags = made(line(), "price")
    assert "What it answers where" in tags.text
    assert "delta_Z1" in tags.text
    assert "checked: " in tags.text


@pytest.mark.parametrize(("make", "target"), [(people, "rich"), (line, "price")])
def test_report_makes_the_same_page_again(make: Any, target: str) -> None:
    folder, page, _ = made(make(), target, "--folds", "2")
    (folder / "report.html").unlink()
    assert cli.main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_text("utf-8") == page


def test_report_refuses_what_is_not_the_runs(capsys: Any) -> None:
    folder, _, _ = made(people(), "rich")
    assert cli.main(["report", "nothing"]) == 2
    Path("people.csv").write_text(Path("people.csv").read_text().replace("clerk", "cook"))
    assert cli.main(["report", str(folder)]) == 3
    assert "isn't the table that the run saw" in capsys.readouterr().err
    Path("people.csv").unlink()
    assert cli.main(["report", str(folder)]) == 3
    assert "--data" in capsys.readouterr().err
    (folder / "run.toml").write_text("score = ")
    assert cli.main(["report", str(folder)]) == 3
    assert "damaged" in capsys.readouterr().err
    assert commands.SAID[0] == "metric"


def test_a_browser_shows_it_narrow_and_says_nothing_of_errors() -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium")
    folder, _, _ = made(people(), "rich")
    place = (folder / "report.html").resolve().as_uri()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    flags += [f"--user-data-dir={Path('profile').resolve()}", "--window-size=500,900"]
    done = subprocess.run(
        [browser, *flags, "--dump-dom", place], capture_output=True, text=True, timeout=100
    )
    assert "</html>" in done.stdout
    assert done.stdout.count("<svg") == 6
    assert "CONSOLE" not in done.stderr
