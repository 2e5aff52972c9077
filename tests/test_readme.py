"""The pages are tests: every ```python block runs, and prints the ```text block that follows it.

A page runs from top to bottom in one namespace and a process of its own, so that what it registers
stays with it. `python tests/test_readme.py docs/from-scratch.md` runs one by hand.
"""

import contextlib
import difflib
import doctest
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if "```python" in page.read_text(encoding="utf-8")
)
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Code, the line of the page it starts on, and what it should print: None if that isn't shown."""

    code: str
    line: int
    prints: str | None = None


def blocks(text: str) -> Iterator[Block]:
    """The ```python blocks of a page, each with the ```text block behind it.

    >>> list(blocks("```python\\nprint(1)\\n```\\n\\n```text\\n1\\n```\\n"))
    [Block(code='print(1)\\n', line=2, prints='1\\n')]
    """
    block = None
    for fence in FENCE.finditer(text):
        kind, body = fence["kind"].strip(), fence["body"]
        if kind == "text" and block is not None:
            block = Block(block.code, block.line, body)
        if block is not None:
            yield block
        line = text.count("\n", 0, fence.start("body")) + 1
        block = Block(body, line) if kind == "python" else None
    if block is not None:
        yield block


def run(page: Path) -> None:
    """Run a page; AssertionError with the difference where it prints something else."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        # Empty lines up to the block: tracebacks and wengert's errors name the page's own lines.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, namespace)
        got = out.getvalue()
        want = got if block.prints is None else block.prints
        alike = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
        change = difflib.unified_diff(want.splitlines(), got.splitlines(), "page", "run", n=99)
        assert alike, f"{page}:{block.line} prints something else:\n" + "\n".join(change)


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str) -> None:
    done = subprocess.run(
        [sys.executable, __file__, page], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```python\nx = 1\n```\n```python\nprint(x)\n```\n```text\n2\n```\n", "page.md:5"),
        ("words\n\n```python\n\n1 / 0\n```\n", 'page.md", line 5'),
    ],
)
def test_a_wrong_page_fails(tmp_path: Path, page: str, complaint: str) -> None:
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, __file__, "page.md"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert complaint in done.stderr


if __name__ == "__main__":
    run(Path(sys.argv[1]))
