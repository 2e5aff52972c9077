"""What people hand to `fit` and `predict`, looked at once: arrays as they are, mistakes named.

The wording of the first sentences is scikit-learn's, which its own tools look for.
"""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wengert.errors import DtypeError, InputError, ShapeError, sentences
from wengert.estimators.conventions import warn

__all__ = ["is_frame", "matrix", "names_of", "opened", "sample_weights", "target"]

Array = NDArray[Any]


def is_frame(X: Any) -> bool:
    """Whether X is a table with named columns: pandas, polars, pyarrow or an Arrow stream."""
    return hasattr(X, "__arrow_c_stream__") or (hasattr(X, "columns") and hasattr(X, "dtypes"))


def opened(X: Any) -> Any:
    """A table that only speaks Arrow as one of polars; any other as it is."""
    if hasattr(X, "columns") or not hasattr(X, "__arrow_c_stream__"):
        return X
    try:
        return import_module("polars").DataFrame(X)
    except ImportError:
        raise InputError(
            sentences("This table only speaks Arrow.", 'Install "wengert[data]", or pass arrays.')
        ) from None


def names_of(X: Any) -> Array | None:
    """The column names of a frame, if all of them are text; None for what has none."""
    if not is_frame(X):
        return None
    X = opened(X)
    found: Any = getattr(X, "column_names", None)
    names = list(getattr(X, "columns", ()) if found is None else found)
    kinds = sorted({type(name).__qualname__ for name in names})
    if "str" in kinds and len(kinds) > 1:
        raise DtypeError(
            sentences(
                "Feature names are only supported if all input features have string names, but "
                f"your input has {kinds} as feature name / column name types.",
                "Rename the columns: X.columns = X.columns.astype(str).",
            )
        )
    return np.array(names, dtype=object) if kinds == ["str"] else None


def matrix(X: Any, estimator: str, *, missing: bool = False) -> Array:
    """X as an (N, n) array of finite float32 or float64; `missing` lets nan through."""
    array = _dense(X, estimator)
    if array.ndim != 2:
        shape = "scalar" if array.ndim == 0 else f"{array.ndim}D"
        raise ShapeError(
            sentences(
                f"Expected 2D array, got {shape} array instead, of shape {array.shape}.",
                "Reshape your data: X.reshape(-1, 1) for one feature, (1, -1) for one sample.",
            )
        )
    for axis, what in enumerate(("sample", "feature")):
        if array.shape[axis] == 0:
            raise InputError(
                sentences(
                    f"Found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is "
                    f"required by {estimator}.",
                    f"Give at least one {what}.",
                )
            )
    return finite(array, estimator, missing)


def finite(array: Array, estimator: str, missing: bool = False, name: str = "X") -> Array:
    """The array itself; InputError that names the first nan or infinity."""
    bad = np.isinf(array) if missing else ~np.isfinite(array)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        kind = "NaN" if np.isnan(array[place]) else "infinity"
        where = f"row {place[0]}" + (f", column {place[1]}" if len(place) > 1 else "")
        raise InputError(
            sentences(
                f"Input {name} contains {kind} ({where}), and {estimator} takes finite values.",
                "Fill or drop them; a data frame may have missing values.",
            )
        )
    return array


def _dense(X: Any, estimator: str) -> Array:
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise DtypeError(
            sentences(
                f"Sparse data was passed, but {estimator} needs dense data.", "Pass X.toarray()."
            )
        )
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise InputError(
            sentences("Complex data not supported.", "Pass real and imaginary parts as columns.")
        )
    if array.dtype.kind in "mM":
        raise DtypeError(
            sentences(f"X has the dtype {array.dtype}.", "Make numbers of it: days since a date.")
        )
    if array.dtype == np.float32 or array.dtype == np.float64:
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as problem:
        kind = DtypeError if isinstance(problem, TypeError) else InputError
        raise kind(
            sentences(
                f"X has entries that are no numbers: {problem}.",
                "Encode text, or pass a data frame, whose text columns are categories.",
            )
        ) from None


def target(y: Any, rows: int, estimator: str, *, numbers: bool) -> Array:
    """y as (N,) or (N, k); a column of width 1 becomes (N,) with a warning, as in scikit-learn."""
    if y is None:
        raise InputError(
            sentences(
                f"{estimator} requires y to be passed, but the target y is None.",
                "Call fit(X, y).",
            )
        )
    if hasattr(y, "toarray") and hasattr(y, "nnz"):
        raise DtypeError(sentences("Sparse y was passed.", "Pass y.toarray()."))
    array = np.asarray(y)
    if array.dtype.kind == "c":
        raise InputError(sentences("Complex data not supported.", "Pass a real y."))
    if array.ndim == 2 and array.shape[1] == 1:
        _flattened()
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise ShapeError(
            sentences(f"y should be a 1d array, got an array of shape {array.shape}.", "Flatten y.")
        )
    if len(array) != rows:
        sizes = [rows, len(array)]
        raise ShapeError(
            sentences(
                f"Found input variables with inconsistent numbers of samples: {sizes}.",
                "Give one y for each row of X.",
            )
        )
    if array.dtype.kind == "f":
        finite(array, estimator, name="y")
    return _numeric(array, estimator) if numbers else array


def _numeric(y: Array, estimator: str) -> Array:
    if y.dtype.kind == "f":
        return y
    try:
        return finite(y.astype(np.float64), estimator, name="y")
    except (TypeError, ValueError) as problem:
        raise InputError(
            sentences(f"y has entries that are no numbers: {problem}.", "Pass a numeric y.")
        ) from None


def _flattened() -> None:
    text = "A column-vector y was passed when a 1d array was expected. Pass y.ravel()."
    warn("DataConversionWarning", UserWarning, text)


def sample_weights(weights: ArrayLike | None, X: Array) -> Array | None:
    """One weight of 0 or more for each row, in the dtype of X."""
    if weights is None:
        return None
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim == 0:
        w = np.full(len(X), w)
    if w.ndim > 1:
        raise ShapeError(
            sentences("Sample weights must be 1D array or scalar.", "Give one for each row.")
        )
    if w.shape != (len(X),):
        raise ShapeError(
            sentences(
                f"sample_weight.shape == {w.shape}, expected {(len(X),)}.",
                "Give one weight for each row.",
            )
        )
    finite(w, "fit", name="sample_weight")
    if w.min() < 0 or not w.any():
        raise InputError(
            sentences("Sample weights are negative or all of them are zero.", "Give some above 0.")
        )
    return w.astype(X.dtype)
