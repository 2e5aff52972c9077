"""What every test may count on: fixed randomness, and golden files that rewrite themselves."""

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest

os.environ.setdefault("WENGERT_CACHE", "")  # tests compile, and leave nothing in the user's home
os.environ.setdefault("WENGERT_THREADS", "1")  # pytest's workers have the cores; see test_team
GOLDEN = Path(__file__).parent / "golden"

# A law that fails must fail again on the next machine: the same programs in every run.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[object, str], None]:
    """`golden(program, "fuse/softmax")`: its text is what tests/golden/fuse/softmax.txt says."""

    def check(shown: object, name: str) -> None:
        file, text = GOLDEN / f"{name}.txt", f"{shown}".rstrip() + "\n"
        if request.config.getoption("--golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"{file} is missing; write it with pytest --golden, and read it."
        assert text == file.read_text(encoding="utf-8"), "pytest --golden accepts the change"

    return check


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def numpy_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled functions run NumPy calls, whose bits are NumPy's own."""
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")
