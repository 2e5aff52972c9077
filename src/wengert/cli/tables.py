"""Tables from files: CSV, TSV, Parquet, Arrow, NPZ or standard input; faults by row and column."""

import csv
import hashlib
import io
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.cli.failures import DataError, UsageError

__all__ = ["Table", "read"]

Array = NDArray[Any]
GAPS = {"", "NA", "N/A", "nan", "NaN", "NAN", "null", "NULL", "None", "?"}


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns: float64 with nan for gaps, or objects, text with None for gaps."""

    columns: list[str]
    arrays: list[Array]
    source: str = "the table"

    def __len__(self) -> int:
        return len(self.arrays[0]) if self.arrays else 0

    @property
    def dtypes(self) -> list[Any]:
        return [a.dtype for a in self.arrays]

    def get_columns(self) -> list[Array]:
        return self.arrays

    def to_numpy(self) -> Array:
        return np.column_stack([a.astype(object) for a in self.arrays])

    def rows(self, rows: Any) -> "Table":
        """These rows."""
        return Table(self.columns, [a[rows] for a in self.arrays], self.source)

    def without(self, *names: str) -> "Table":
        """All columns but these."""
        keep = [i for i, name in enumerate(self.columns) if name not in names]
        return Table([self.columns[i] for i in keep], [self.arrays[i] for i in keep], self.source)

    def only(self, names: list[str]) -> "Table":
        """These columns in this order; DataError names the missing."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise DataError(
                f"{self.source} has no column {missing[0]!r}, which the model was trained with; "
                f"its columns are {', '.join(self.columns)}."
            )
        places = [self.columns.index(name) for name in names]
        return Table(names, [self.arrays[i] for i in places], self.source)

    def column(self, name: str) -> Array:
        """One column by name; UsageError with the names there are."""
        if name not in self.columns:
            raise UsageError(
                f"{self.source} has no column {name!r}; its columns are {', '.join(self.columns)}."
            )
        return self.arrays[self.columns.index(name)]

    def fingerprint(self) -> str:
        """SHA-256 of the names and values: equal for equal tables, whatever file they came in."""
        found = hashlib.sha256(repr(self.columns).encode())
        for a in self.arrays:
            found.update(a.tobytes() if a.dtype != object else repr(a.tolist()).encode())
        return found.hexdigest()

    def seen(self) -> list[str]:
        """What is in it, a line per column."""
        lines = []
        for name, a in zip(self.columns, self.arrays, strict=True):
            if a.dtype.kind == "f":
                gaps = int(np.isnan(a).sum())
                low, high = (np.nanmin(a), np.nanmax(a)) if gaps < len(a) else (np.nan, np.nan)
                what = f"number  {low:.6g} to {high:.6g}"
            else:
                values = {v for v in a.tolist() if v is not None}
                gaps = sum(v is None for v in a.tolist())
                what = f"text    {len(values)} values"
            lines.append(f"{name:20} {what}" + (f", {gaps} missing" if gaps else ""))
        return lines


def read(path: str, encoding: str = "utf-8") -> Table:
    """The table of a file, or of standard input for "-"; DataError says where it is bad."""
    if path == "-":
        return _text(sys.stdin.buffer.read(), "standard input", encoding, None)
    file = Path(path)
    if not file.is_file():
        raise DataError(f"There is no file {path}.")
    kind = file.suffix.lower()
    if kind == ".npz":
        return _npz(file)
    if kind in (".parquet", ".arrow", ".feather", ".ipc"):
        return _polars(file, kind)
    return _text(file.read_bytes(), path, encoding, "\t" if kind in (".tsv", ".tab") else None)


def _polars(file: Path, kind: str) -> Table:
    try:
        polars = import_module("polars")
    except ImportError:
        raise UsageError(f'{kind} needs polars: pip install "wengert[data]".') from None
    try:
        frame = polars.read_parquet(file) if kind == ".parquet" else polars.read_ipc(file)
    except polars.exceptions.PolarsError as problem:
        raise DataError(f"{file} is no {kind[1:]} file: {problem}") from None
    return _checked(list(frame.columns), [_series(c) for c in frame.get_columns()], str(file))


def _series(column: Any) -> Array:
    if column.dtype.is_numeric() or str(column.dtype) == "Boolean":
        return np.array([np.nan if v is None else float(v) for v in column.to_list()])
    return np.array([None if v is None else str(v) for v in column.to_list()], dtype=object)


def _npz(file: Path) -> Table:
    """Arrays of one length; a matrix X becomes the columns x0, x1, ..."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError) as problem:
        raise DataError(f"{file} is no NPZ file of plain arrays: {problem}") from None
    names, columns = [], []
    for name, a in arrays.items():
        wide = a.reshape(len(a), -1) if a.ndim else a.reshape(1, 1)
        alone = a.ndim < 2
        names += [name] if alone else [f"{name.lower()}{j}" for j in range(wide.shape[1])]
        columns += [_values(wide[:, j]) for j in range(wide.shape[1])]
    if len({len(c) for c in columns}) > 1:
        sizes = {name: a.shape for name, a in arrays.items()}
        raise DataError(f"{file} holds arrays of different lengths: {sizes}.")
    return _checked(names, columns, str(file))


def _values(a: Array) -> Array:
    if a.dtype.kind in "iufb":
        return a.astype(np.float64)
    return np.array([str(v) for v in a.tolist()], dtype=object)


def _text(data: bytes, source: str, encoding: str, mark: str | None) -> Table:
    if not data.strip():
        raise DataError(f"{source} is empty.")
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except (UnicodeDecodeError, LookupError) as problem:
        line = data[: getattr(problem, "start", 0)].count(b"\n") + 1
        raise DataError(
            f"{source} isn't {encoding} in line {line} ({problem}). Name its encoding, for "
            "example --encoding latin-1."
        ) from None
    mark = mark or _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        header, *rows = [row for row in reader if row]
    except csv.Error as problem:
        raise DataError(f"{source} isn't CSV in line {reader.line_num}: {problem}.") from None
    if not rows:
        raise DataError(f"{source} has a header and no rows.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise DataError(
                f"{source} has {len(row)} fields in row {number}, and {len(header)} in the header; "
                f"the last one there is {row[-1]!r}."
            )
    columns = [_typed(list(values)) for values in zip(*rows, strict=True)]
    return _checked([name.strip() for name in header], columns, source)


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max((",", "\t", ";", "|"), key=first.count)


def _typed(values: list[str]) -> Array:
    """Numbers if all entries but gaps are, else text."""
    stripped = [v.strip() for v in values]
    try:
        return np.array([np.nan if v in GAPS else float(v) for v in stripped])
    except ValueError:
        return np.array([None if v in GAPS else v for v in stripped], dtype=object)


def _checked(names: list[str], columns: list[Array], source: str) -> Table:
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        if not name:
            raise DataError(f"{source} has no name for column {place}.")
        if name in seen:
            raise DataError(f"{source} has two columns named {name!r}; rename one.")
        seen.add(name)
    for name, a in zip(names, columns, strict=True):
        if a.dtype.kind == "f" and np.isinf(a).any():
            row = int(np.flatnonzero(np.isinf(a))[0]) + 1
            raise DataError(f"{source} holds infinity in row {row}, column {name!r}.")
    return Table(names, columns, source)
