"""Columns of a data frame as numbers and categories' codes; gaps filled and marked.

A plain array passes as it is. A frame's text, category and object columns become codes, 0 for a
value that `fit` hasn't seen; its numeric gaps become the median, with a column of 0 and 1 that
marks them; a gap in a category is a category.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wengert.errors import DtypeError, InputError, ShapeError, sentences
from wengert.estimators.inputs import is_frame, matrix, names_of, opened

__all__ = ["Columns", "fit_columns"]

Array = NDArray[Any]
EMBEDDED = 8
"""More categories than this are embedded, fewer are one-hot. Source: arXiv 2407.04491."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What `fit` learned of the columns: names, categories by column, medians where gaps were.

    `center` and `factor`, where not None, scale x to f (x − c) and then to x / √(1 + (x/3)²).
    """

    width: int
    names: tuple[str, ...] | None = None
    categories: tuple[tuple[int, tuple[Any, ...]], ...] = ()
    medians: tuple[tuple[int, float], ...] = ()
    center: Any = None
    factor: Any = None

    @property
    def sizes(self) -> tuple[tuple[int, bool], ...]:
        """Each categorical column's number of categories, and whether it is embedded."""
        return tuple((len(c), len(c) > EMBEDDED) for _, c in self.categories)

    @property
    def numbers(self) -> int:
        """How many numeric columns the network sees."""
        return self.width - len(self.categories) + len(self.medians)

    def titles(self) -> list[str]:
        """A name for each number and each value of a category, in the network's order."""
        names = self.names or tuple(f"x{j}" for j in range(self.width))
        numeric = [names[j] for j in range(self.width) if j not in dict(self.categories)]
        gaps = [f"{names[j]} missing" for j, _ in self.medians]
        values = [f"{names[j]}={value}" for j, found in self.categories for value in found]
        return [*numeric, *gaps, *values]

    def __call__(self, X: Any, estimator: str, dtype: Any) -> tuple[Array, Array]:
        """(numbers (N, n), codes (N, c)) of new rows; ValueError for other columns."""
        self._same(X, estimator)
        table = is_frame(X) and (self.medians or not hasattr(X, "__array__"))
        if not self.categories and not table:
            numbers = matrix(X, estimator, missing=bool(self.medians))
            codes = np.zeros((len(numbers), 0), np.intp)
        else:
            numbers, codes = self._split(X, estimator)
        self._width(numbers.shape[1] + codes.shape[1], estimator)
        return self._scaled(self._filled(numbers, estimator).astype(dtype, copy=False)), codes

    def _split(self, X: Any, estimator: str) -> tuple[Array, Array]:
        if not is_frame(X) and np.ndim(X) != 2:
            matrix(X, estimator)
        columns = columns_of(X)
        self._width(len(columns), estimator)
        known = dict(self.categories)
        codes = [_codes(columns[j], values) for j, values in self.categories]
        left = [_numbers(c, str(j)) for j, c in enumerate(columns) if j not in known]
        rows = len(columns[0]) if columns else 0
        return (
            np.column_stack(left) if left else np.zeros((rows, 0)),
            np.column_stack(codes) if codes else np.zeros((rows, 0), np.intp),
        )

    def _filled(self, numbers: Array, estimator: str) -> Array:
        gaps = np.isnan(numbers)
        places = [j for j in range(self.width) if j not in dict(self.categories)]
        marks = [gaps[:, places.index(j)] for j, _ in self.medians]
        filled = numbers.copy() if gaps.any() else numbers
        for j, median in self.medians:
            filled[gaps[:, places.index(j)], places.index(j)] = median
        if filled.size:
            matrix(filled, estimator)
        return np.column_stack([filled, *marks]) if marks else filled

    def _scaled(self, numbers: Array) -> Array:
        if self.center is None:
            return numbers
        z = (numbers - np.asarray(self.center)) * np.asarray(self.factor)
        return (z / np.sqrt(1 + (z / 3) ** 2)).astype(numbers.dtype)

    def _width(self, width: int, estimator: str) -> None:
        if width != self.width:
            raise ShapeError(
                sentences(
                    f"X has {width} features, but {estimator} is expecting {self.width} features "
                    "as input.",
                    "Give the columns that fit was given.",
                )
            )

    def _same(self, X: Any, estimator: str) -> None:
        names = names_of(X)
        if self.names is None and names is not None:
            _warned(f"X has feature names, but {estimator} was fitted without feature names")
        elif self.names is not None and names is None:
            end = f"but {estimator} was fitted with feature names"
            _warned(f"X does not have valid feature names, {end}")
        elif names is not None and tuple(names) != self.names:
            raise InputError(_other_names(list(names), list(self.names or ())))


def _warned(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=5)


def _other_names(given: list[str], known: list[str]) -> str:
    """scikit-learn's own words, since its tools compare them."""
    text = "The feature names should match those that were passed during fit.\n"
    for title, names in (
        ("Feature names unseen at fit time:", sorted(set(given) - set(known))),
        ("Feature names seen at fit time, yet now missing:", sorted(set(known) - set(given))),
    ):
        if names:
            more = "- ...\n" if len(names) > 5 else ""
            text += f"{title}\n" + "".join(f"- {name}\n" for name in names[:5]) + more
    if set(given) == set(known):
        text += "Feature names must be in the same order as they were in fit.\n"
    return text


def fit_columns(X: Any, estimator: str, categorical: Any, *, scale: bool) -> Columns:
    """What to do with these columns. `categorical` names or numbers further categorical ones."""
    names = names_of(X)
    named = None if names is None else tuple(names)
    if not is_frame(X) and not categorical:
        found = Columns(matrix(X, estimator).shape[1])
    else:
        found = _frame(X, named, categorical or ())
    if not scale or not found.numbers:
        return found
    return _robust(found, found(X, estimator, np.float64)[0])


def _frame(X: Any, names: tuple[str, ...] | None, categorical: Any) -> Columns:
    columns = columns_of(X)
    twice = {name for name in names or () if list(names or ()).count(name) > 1}
    if twice:
        raise InputError(sentences(f"Two columns are named {min(twice)!r}.", "Rename one."))
    chosen = {_place(c, names, len(columns)) for c in categorical}
    kinds, medians = [], []
    for j, column in enumerate(columns):
        if j in chosen or column.dtype.kind in "OUS":
            kinds.append((j, _categories(column)))
            continue
        values = _numbers(column, names[j] if names else str(j))
        if np.isnan(values).any():
            middle = 0.0 if np.isnan(values).all() else float(np.nanmedian(values))
            medians.append((j, middle))
    return Columns(len(columns), names, tuple(kinds), tuple(medians))


def _place(column: Any, names: tuple[str, ...] | None, width: int) -> int:
    if names is not None and column in names:
        return names.index(column)
    if isinstance(column, int | np.integer) and -width <= column < width:
        return int(column) % width
    raise InputError(
        sentences(f"There is no categorical column {column!r}.", f"The columns are {names}.")
    )


def _robust(columns: Columns, x: Array) -> Columns:
    """Median and 1/(q₇₅ − q₂₅), or 2/(max − min), or 0. Source: arXiv 2407.04491, section 3."""
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    span, whole = high - low, x.max(axis=0) - x.min(axis=0)
    wide = np.where(span > 0, span, np.where(whole > 0, whole / 2, 1.0))
    factor = np.where(whole > 0, 1 / wide, 0.0)
    return Columns(
        columns.width, columns.names, columns.categories, columns.medians,
        tuple(middle.tolist()), tuple(factor.tolist()),
    )  # fmt: skip


def columns_of(X: Any) -> list[Array]:
    """Each column of a frame or array as a NumPy array; text and categories as objects."""
    if not is_frame(X):
        given = np.asarray(X, dtype=object)
        return [_plainest(given[:, j]) for j in range(given.shape[1])]
    if hasattr(X, "iloc"):
        return [_pandas(X.iloc[:, j]) for j in range(X.shape[1])]
    X = opened(X)
    if hasattr(X, "column_names"):  # pyarrow
        return [_plainest(np.array(c.to_pylist(), dtype=object)) for c in X.columns]
    return [_column(c) for c in X.get_columns()]


def _column(c: Any) -> Array:
    """A column of polars, or an array."""
    if isinstance(c, np.ndarray):
        return c
    if c.dtype.is_numeric() and not c.null_count():
        return np.asarray(c.to_numpy())
    return _plainest(np.array(c.to_list(), dtype=object))


def _pandas(column: Any) -> Array:
    if column.dtype.kind in "iufb" and isinstance(column.dtype, np.dtype):
        return np.asarray(column)
    return _plainest(np.array([None if _gap(v) else v for v in column.tolist()], dtype=object))


def _plainest(column: Array) -> Array:
    """Floats where every entry is a number or a gap; else the objects."""
    if all(v is None or isinstance(v, int | float | np.number | np.bool_) for v in column):
        return np.array([np.nan if v is None else v for v in column], dtype=np.float64)
    return column


def _numbers(column: Array, name: str) -> Array:
    if column.dtype.kind in "OUS":
        row = next(i for i, v in enumerate(column) if isinstance(v, str) or not _number(v))
        raise DtypeError(
            sentences(
                f"Column {name} holds {column[row]!r} in row {row}, which is no number.",
                "It was numeric in fit; text columns must be text there too.",
            )
        )
    if column.dtype.kind not in "iufb":
        raise DtypeError(
            sentences(f"Column {name} has the type {column.dtype}.", "Make numbers or text of it.")
        )
    return column.astype(np.float64)


def _number(value: Any) -> bool:
    return value is None or isinstance(value, int | float | np.number | np.bool_)


def _gap(value: Any) -> bool:
    """None, nan, NaT or pandas' NA: what isn't equal to itself, or has no truth."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def _categories(column: Array) -> tuple[Any, ...]:
    values = {None if _gap(v) else _key(v) for v in column.tolist()}
    return tuple(sorted(values, key=lambda v: (v is None, str(v))))


def _key(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _codes(column: Array, values: tuple[Any, ...]) -> Array:
    """1, 2, ... for the known values, 0 for any other."""
    places = {value: i for i, value in enumerate(values, 1)}
    return np.array([places.get(None if _gap(v) else _key(v), 0) for v in column.tolist()], np.intp)
