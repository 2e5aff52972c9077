"""The command line: one table of commands, each loaded when it is asked for.

    wengert train data.csv --target y

Exit codes: 0 done, 1 a fault of ours, 2 a wrong option, 3 bad data, 4 a bad model file, 130 Ctrl-C.
"""

import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

__all__ = ["COMMANDS", "main"]

# fmt: off
COMMANDS = {
    "train":   ("wengert.cli.train:main",   "learn from a table; one folder holds all that came of it"),
    "test":    ("wengert.cli.apply:test",   "score a model on another table"),
    "predict": ("wengert.cli.apply:predict", "answer the rows of a table"),
    "explain": ("wengert.cli.explain:main", "derive the gradient of a NumPy function, on paper"),
    "export":  ("wengert.cli.apply:export", "write a model as ONNX, C or Python"),
    "report":  ("wengert.cli.report:main", "the page of a run, for people"),
    "approximate": ("wengert.cli.approximate:main", "build a small network for a formula, its error proven"),
    "verify":  ("wengert.cli.approximate:check", "check such a proof again from scratch"),
    "doctor":  ("wengert.cli.doctor:main",  "what this machine can do, beside other libraries"),
}
# fmt: on


def usage() -> str:
    """The page of `wengert --help`."""
    known = {name: told for name, (place, told) in COMMANDS.items() if _there(place)}
    lines = [f"  {name:8} {told}" for name, told in known.items()]
    head = "usage: wengert COMMAND ...    (wengert COMMAND --help says more)"
    example = "for a start:\n  wengert train data.csv --target y"
    return "\n".join([head, "", *lines, "", example])


def _there(place: str) -> bool:
    return find_spec(place.partition(":")[0]) is not None


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] in ("-V", "--version"):
        print(import_module("wengert").__version__)
        return 0
    place, _ = COMMANDS.get(argv[0], ("", ""))
    if not place or not _there(place):
        near = difflib.get_close_matches(argv[0], COMMANDS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        print(
            f"wengert: there is no command {argv[0]!r}.{hint} See wengert --help.", file=sys.stderr
        )
        return 2
    module, _, function = place.partition(":")
    code: int = getattr(import_module(module), function)(argv[1:])
    return code
