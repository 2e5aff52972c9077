"""Estimators on disk: one safetensors file, weights as tensors and a description in JSON.

The description stands in the file's own metadata, where any safetensors reader shows it, and once
more, laid out for people, in a file beside it that nobody reads back. Loading runs no code: names
are looked up in tables, and sizes are compared with the file's before anything is made.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import InputError, MissingExtraError, sentences
from wengert.estimators import codec
from wengert.nn.store import ModelFileError, write

__all__ = ["FORMAT", "Saves", "read", "ready"]

FORMAT = 1
MOST = 100_000_000
"""No header is longer, which is safetensors' own limit."""


class Saves:
    """`save` of an estimator."""

    def save(self, path: str | Path) -> Path:
        """Write the fitted estimator; `wengert.load(path)` reads it. Files appear whole or not.

        Optimiser state isn't kept: `partial_fit` after `load` starts it afresh. Raises InputError
        where a parameter is a function that has no name in wengert.
        """
        save = _library("safetensors.numpy").save
        said, arrays = codec.describe(self)
        said = {"wengert": FORMAT, **said}
        tensors = {name: np.array(a, order="C") for name, a in arrays.items()}
        text = json.dumps(said)
        written = write(path, save(tensors, {"wengert": text}))
        shapes = {name: list(a.shape) for name, a in tensors.items()}
        write(f"{path}.json", json.dumps({**said, "tensors": shapes}, indent=1) + "\n")
        return written


def read(path: str | Path, kinds: dict[str, Any]) -> Any:
    """The estimator that `save` wrote, one of `kinds`; ModelFileError for any other file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            sentences(f"There is no model file {path}.", "Check the path; save() makes one.")
        )
    tensors, said = _read(path)
    if said.get("wengert", 0) != FORMAT:
        _refuse(
            path,
            f"is of format {said.get('wengert')!r}, and this wengert reads {FORMAT}",
            "Install a newer wengert: pip install --upgrade wengert.",
        )
    try:
        return codec.rebuild(said, tensors, kinds)
    except InputError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as problem:
        _refuse(path, f"doesn't describe a model ({problem})", "Save the model again.")


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Tensors and description, once the header agrees with the file's size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MOST):
        _refuse(path, "is cut off, or no safetensors file", "Take a copy, or train again.")
    library = _library("safetensors")
    try:
        with library.safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("wengert", "")
            said: Any = json.loads(text) if text else None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (library.SafetensorError, ValueError, OSError, RecursionError) as problem:
        _refuse(path, f"is damaged or cut off ({problem})", "Take a copy, or train again.")
    if not isinstance(said, dict):
        _refuse(path, "holds tensors, but no wengert estimator", "Use save() of an estimator.")
    return tensors, said


def _refuse(path: Path, what: str, advice: str) -> Any:
    raise ModelFileError(sentences(f"{path} {what}.", advice)) from None


def ready() -> None:
    """MissingExtraError now rather than after the work, where saving wouldn't do."""
    _library("safetensors")


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(
            sentences(
                "Saving needs the package safetensors, which isn't installed.",
                'Install the extra: pip install "wengert[save]".',
            )
        ) from None
