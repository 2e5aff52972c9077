"""The command line: `wengert COMMAND ...`."""

import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {"explain": "wengert.cli.explain:main"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; 2 if there is none."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in COMMANDS:
        print(f"wengert: give one of the commands {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    module, function = COMMANDS[words[0]].split(":")
    return int(getattr(import_module(module), function)(words[1:]))
