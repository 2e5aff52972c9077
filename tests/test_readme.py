"""The pages are tests: every ```python block runs, and prints the ```text block that follows it.

A page runs from top to bottom in one namespace and a process of its own, so that what it registers
stays with it. `python tests/test_readme.py PAGE` runs one by hand; with `--write` behind it, what the
blocks print is written into the page.
"""

import contextlib
import difflib
import doctest
import io
import re
import subprocess
import sys
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
    """Code, the line of the page it starts on, and where the page shows what it prints, if so."""

    code: str
    line: int
    shown: slice | None = None


def blocks(text: str) -> list[Block]:
    """The ```python blocks of a page.

    >>> blocks("```python\\nprint(1)\\n```\\n\\n```text\\n1\\n```\\n")
    [Block(code='print(1)\\n', line=2, shown=slice(32, 34, None))]
    """
    found: list[Block] = []
    before = ""
    for fence in FENCE.finditer(text):
        kind = fence["kind"].strip()
        if kind == "python":
            found.append(Block(fence["body"], text.count("\n", 0, fence.start("body")) + 1))
        elif (before, kind) == ("python", "text"):
            found[-1] = Block(found[-1].code, found[-1].line, slice(*fence.span("body")))
        before = kind
    return found


def run(page: Path, write: bool = False) -> None:
    """Run a page; AssertionError with the difference where it prints something else."""
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = []
    for block in blocks(text):
        # Empty lines up to the block: tracebacks and wengert's errors name the page's own lines.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, namespace)
        if block.shown is not None:
            want, got = text[block.shown], out.getvalue()
            change = "\n".join(difflib.ndiff(want.splitlines(), got.splitlines()))
            alike = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
            assert alike or write, f"{page}:{block.line} prints something else:\n{change}"
            if not alike:
                printed.append((block.shown, got))
    for shown, got in reversed(printed):
        text = text[: shown.start] + got + text[shown.stop :]
    if printed:
        page.write_text(text, encoding="utf-8")


def python(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str) -> None:
    done = python(page)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```python\nx = 1\n```\n```python\nprint(x)\n```\n```text\n2\n```\n", "page.md:5"),
        ("words\n\n```python\n\n1 / 0\n```\n", 'page.md", line 5'),
    ],
    ids=["prints something else", "raises"],
)
def test_a_wrong_page_fails(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    done = python("page.md", cwd=tmp_path)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_a_page_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\nend\n", encoding="utf-8")
    assert python("page.md", "--write", cwd=tmp_path).returncode == 0
    assert page.read_text(encoding="utf-8") == "```python\nprint(1)\n```\n\n```text\n1\n```\nend\n"


if __name__ == "__main__":
    run(Path(sys.argv[1]), write="--write" in sys.argv)
