"""Models on disk: model.json says what it is, weights-*.npz holds the arrays; no pickle.

Every file appears whole or not at all, and model.json, written last, names its weights file by the
hash of its bytes: a run that dies in between leaves the model that was there before.

>>> import tempfile, numpy as np
>>> from wengert.nn import perceptron, tanh
>>> model = perceptron([3, 4, 2], activation=tanh)
>>> with tempfile.TemporaryDirectory() as folder:
...     _ = save(model, folder)
...     again = load(folder)
>>> again, bool(np.array_equal(again.layers[0].W, model.layers[0].W))
(Perceptron: 3 -> 4 tanh -> 2, 26 parameters, True)
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert import tree
from wengert.errors import InputError, WengertError, sentences
from wengert.nn.activations import NAMED, Activation, name_of
from wengert.nn.layers import Dense, Perceptron

__all__ = ["ModelFileError", "load", "save", "save_history", "write"]

FORMAT = "wengert model 1"


class ModelFileError(WengertError, ValueError):
    """A folder that doesn't hold a whole, unchanged model."""


def write(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write a file so that it appears whole or not at all, and replaces one that is there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def save(
    model: Any, folder: str | os.PathLike[str], notes: Mapping[str, Any] | None = None
) -> Path:
    """Write a model, any tree of arrays, into a folder, and return the path of its model.json.

    `notes` are kept in model.json under "notes" and must be what JSON can say. A Perceptron or
    Dense whose activations have names in `nn` is read back by `load(folder)` alone.
    """
    folder, arrays = Path(folder), io.BytesIO()
    leaves = [np.asarray(leaf) for leaf in tree.flatten(model)[0]]
    paths = tree.paths(model)
    np.savez(arrays, **{f"leaf{i}": leaf for i, leaf in enumerate(leaves)})  # type: ignore[arg-type]
    digest = hashlib.sha256(arrays.getvalue()).hexdigest()
    weights = f"weights-{digest[:12]}.npz"
    table = [
        {"path": path, "shape": list(leaf.shape), "dtype": str(leaf.dtype)}
        for path, leaf in zip(paths, leaves, strict=True)
    ]
    said = {"format": FORMAT, "model": _describe(model), "leaves": table, "weights": weights}
    text = json.dumps({**said, "sha256": digest, "notes": dict(notes or {})}, indent=1)
    write(folder / weights, arrays.getvalue())
    written = write(folder / "model.json", text + "\n")
    for old in folder.glob("weights-*.npz"):
        if old.name != weights:
            old.unlink()
    return written


def load(
    folder: str | os.PathLike[str],
    *,
    like: Any = None,
    activations: Mapping[str, Activation] | None = None,
) -> Any:
    """The model that `save` wrote into a folder.

    `activations` gives the user's own by name; `like` is a model of the same structure, needed
    for trees other than Perceptron and Dense. Raises FileNotFoundError where there is no model,
    ModelFileError for one that is damaged, cut off, or of another structure.
    """
    folder = Path(folder)
    said = _description(folder)
    leaves = _leaves(folder, said)
    if like is None:
        like = _skeleton(said["model"], {**NAMED, **(activations or {})}, folder)
    structure = tree.flatten(like)[1]
    if tree.paths(like) != [row["path"] for row in said["leaves"]]:
        _damaged(folder, "holds a model of another structure", "Give `like` the model it was.")
    return structure.unflatten(leaves)


def save_history(history: Mapping[str, Sequence[float]], path: str | os.PathLike[str]) -> Path:
    """Write a history as CSV, a column per quantity, a line per epoch, all digits."""
    columns = [[repr(float(value)) for value in column] for column in history.values()]
    lines = [",".join(history), *map(",".join, zip(*columns, strict=True))]
    return write(path, "\n".join(lines) + "\n")


def _description(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        fits = said["format"] == FORMAT and {"model", "leaves", "weights", "sha256"} <= set(said)
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        _damaged(folder, "has a model.json that nn.save didn't write", "Save the model again.")
    return said  # type: ignore[no-any-return]


def _leaves(folder: Path, said: dict[str, Any]) -> list[NDArray[Any]]:
    """The arrays, once their bytes have the hash that model.json gives."""
    file = folder / Path(str(said["weights"])).name
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != said["sha256"]:
        state = "are cut off or changed" if data else "are missing"
        _damaged(folder, f"has weights that {state}", "Take a copy, or train again.")
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    return [arrays[f"leaf{i}"] for i in range(len(said["leaves"]))]


def _describe(model: Any) -> dict[str, Any]:
    if isinstance(model, Perceptron):
        return {"kind": "Perceptron", "activations": [name_of(l.activation) for l in model.layers]}
    if isinstance(model, Dense):
        return {"kind": "Dense", "activations": [name_of(model.activation)]}
    return {"kind": type(model).__name__}


def _skeleton(said: dict[str, Any], known: Mapping[str, Activation], folder: Path) -> Any:
    """A model of the described structure, its arrays still to come."""
    if said["kind"] not in ("Perceptron", "Dense"):
        _damaged(folder, f"holds a {said['kind']}", "Pass `like=`, a model of that structure.")
    names = said["activations"]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise InputError(
            sentences(
                f"The model in {folder} has activations of its own: {', '.join(unknown)}.",
                f'Pass them by name: load(folder, activations={{"{unknown[0]}": ...}}).',
            )
        )
    layers = tuple(Dense(None, None, known[name]) for name in names)
    return layers[0] if said["kind"] == "Dense" else Perceptron(layers)


def _damaged(folder: Path, what: str, advice: str) -> None:
    raise ModelFileError(sentences(f"{folder} {what}.", advice))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
