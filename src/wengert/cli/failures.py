"""What went wrong, in a line on stderr, and the exit code that says so."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps

from wengert.errors import WengertError
from wengert.nn.store import ModelFileError

__all__ = ["DataError", "UsageError", "told"]


class DataError(WengertError, ValueError):
    """A table that can't be learned from; the message names row and column."""


class UsageError(WengertError, ValueError):
    """An option that doesn't fit the data or the model."""


def told(command: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], int]:
    """A command whose errors become a line and an exit code; `--json` makes the line JSON."""

    @wraps(command)
    def run(argv: Sequence[str]) -> int:
        try:
            return command(argv)
        except KeyboardInterrupt:
            return _say(argv, "interrupted", 130)
        except UsageError as problem:
            return _say(argv, str(problem), 2)
        except ModelFileError as problem:
            return _say(argv, str(problem), 4)
        except BrokenPipeError:
            return 0
        except (DataError, WengertError) as problem:
            return _say(argv, str(problem), 3)
        except FileNotFoundError as problem:
            return _say(argv, str(problem), 3)
        except OSError as problem:
            return _say(argv, f"{problem.filename or 'a file'}: {problem.strerror}", 3)

    return run


def _say(argv: Sequence[str], text: str, code: int) -> int:
    if "--json" in argv:
        print(json.dumps({"error": text, "code": code}))
    print(f"wengert: {text}", file=sys.stderr)
    return code
