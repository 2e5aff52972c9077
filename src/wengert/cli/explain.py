"""`wengert explain file.py:function`: the derivation of a function in a file."""

import argparse
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wengert import explain
from wengert.errors import WengertError


def main(argv: Sequence[str]) -> int:
    """Print a derivation, as text, LaTeX, HTML or NumPy.

    The file holds the function, and a tuple of examples under the name `examples` (or the one
    given with --examples). Returns 0, and 1 with a message where there is no derivation.
    """
    parser = argparse.ArgumentParser(prog="wengert explain", description=main.__doc__)
    parser.add_argument("target", help="file.py:function")
    parser.add_argument("--examples", default="examples", help="the name of the tuple of arguments")
    parser.add_argument("--wrt", nargs="+", help="the parameters to differentiate")
    parser.add_argument(
        "--as", dest="form", default="text", choices=["text", "latex", "html", "code"]
    )
    for form in ("latex", "html", "code"):
        parser.add_argument(f"--{form}", dest="form", action="store_const", const=form)
    given = parser.parse_args(argv)
    file, _, name = given.target.rpartition(":")
    if not Path(file).is_file():
        print(f"There is no file {file!r}. Write file.py:function.", file=sys.stderr)
        return 1
    found: dict[str, Any] = runpy.run_path(file)
    for wanted in (name, given.examples):
        if wanted not in found:
            print(f"{file} has no {wanted!r}. Give the function and examples.", file=sys.stderr)
            return 1
    try:
        made = explain(found[name], *found[given.examples], wrt=given.wrt)
        print(made.code() if given.form == "code" else getattr(made, given.form))
    except WengertError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
