"""What the repository promises about itself."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*.py"))
EXAMPLES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/*.py"))

# Spelled so that this file doesn't find itself.
HOSTS = re.compile(
    r"pypi[.]org|pythonhosted[.]|anaconda[.]|npmjs[.]|deb[.]debian|https?://\S+/simple\b"
)
PLACES = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/|\b[A-Z]:\\Users")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#]+)")  # to a file beside the page
SUPPRESSION = re.compile(r"  # (?:type: ignore|noqa).*")


def tracked() -> list[Path]:
    """The files that a commit of everything here would hold."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listing = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, text=True
    )
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [HOSTS, PLACES], ids=["registry host", "absolute path"])
def test_no_file_names_a(pattern: re.Pattern[str]) -> None:
    found = {
        path.name: match.group()
        for path in tracked()
        if (match := pattern.search(path.read_text(encoding="utf-8", errors="ignore")))
    }
    assert not found


def test_links_lead_somewhere() -> None:
    pages = [path for path in tracked() if path.suffix == ".md"]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text("utf-8"))]
    dead = [(page.name, link) for page, link in links if not (page.parent / link).exists()]
    assert not dead


def test_lock_is_names_and_versions() -> None:
    first, *lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert first.startswith("#")
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_lock_has_all_that_pyproject_asks_for() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()[1:]
    locked = {canonicalize_name(name): version for name, version in (x.split("==") for x in lines)}
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, build = pyproject["project"], pyproject["build-system"]
    groups = build["requires"], project["dependencies"], *project["optional-dependencies"].values()
    asked = [Requirement(line) for group in groups for line in group]
    missing = [
        str(need)
        for need in asked
        if locked.get(canonicalize_name(need.name), "0") not in need.specifier
    ]
    assert not missing, "make lock"


@pytest.mark.parametrize("name", SOURCES)
def test_file_fits(name: str) -> None:
    """Under 450 lines, and only tables run over 100 columns."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) < 450
    table, wide = False, []
    for number, line in enumerate(lines, 1):
        table = (table or "# fmt: off" in line) and "# fmt: on" not in line
        if len(SUPPRESSION.sub("", line)) > 100 and not table:
            wide.append(f"{name}:{number}")
    assert not wide


def python(code: str) -> str:
    """What a fresh interpreter prints; bytecode is kept, as where the package is installed."""
    env = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.check_output([sys.executable, "-c", code], env=env, text=True)


def test_import_needs_three_packages() -> None:
    """`import wengert` runs nobody's code but Python's, NumPy's, SciPy's and llvmlite's."""
    code = """if True:
        import sys
        before = set(sys.modules)
        import wengert
        for name in set(sys.modules) - before:
            print(name.partition(".")[0], getattr(sys.modules[name], "__file__", None))
    """
    loaded = [line.split(" ", 1) for line in python(code).splitlines()]
    ours = sys.stdlib_module_names | {"wengert", "numpy", "scipy", "llvmlite"}
    # Cython's own modules have no file.
    assert {name for name, file in loaded if name not in ours and file != "None"} == set()


def test_import_costs_less_than_twice_numpys() -> None:
    code = "from time import perf_counter as t; start = t(); import {}; print(t() - start)"
    # In turn and in fresh processes; the best of each, because whatever else runs only adds.
    times = [[float(python(code.format(name))) for name in ("numpy", "wengert")] for _ in range(9)]
    numpy, wengert = map(min, zip(*times, strict=True))
    assert wengert < 2 * numpy, f"numpy {numpy * 1e3:.0f} ms, wengert {wengert * 1e3:.0f} ms"


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, tmp_path: Path) -> None:
    """Each runs as it is, in seconds, and is short enough to read: digits.py is the demo."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60 or name == "examples/digits.py"
    fast = os.environ | {"WENGERT_FAST": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, ROOT / name],
        cwd=tmp_path,
        env=fast,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
