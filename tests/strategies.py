"""Random NumPy programs for hypothesis: a few arrays, then lines of plain NumPy, as a user might write them.

A program is text: a failure prints the function that failed. Each line is tried on numbers while the
program is drawn and left out where NumPy refuses it, where it grows or isn't finite, or where it stands
near a kink, so that differences are right derivatives.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

Draw = Callable[[Any], Any]
LARGEST, HIGHEST, GAP = 48, 30.0, 0.02

# fmt: off
SMOOTH = (
    "np.sin({x})", "np.cos({x})", "np.tanh({x})", "np.arctan({x})", "np.exp(-np.square({x}))", "np.log1p({x} * {x})", "np.sqrt(1 + {x} * {x})",
    "-{x}", "{x} ** 2", "{x} ** 3", "{x} ** 2.0", "0.5 * {x}", "{x} - 1", "3 - {x}", "{x} / 4", "2 / (3 + np.cos({x}))", "np.expm1(np.tanh({x}))", "np.sinc({x})", "np.arcsinh({x})",
    "np.exp2(np.sin({x}))", "np.cbrt(2 + np.cos({x}))", "np.logaddexp({x}, 0.3)", "np.hypot({x}, 1.5)", "1.5 ** np.sin({x})", "np.real({x})", "np.positive({x})", "np.float32(2) * {x}", "{x} * np.pi",
)
BINARY = (
    "{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} / (2 + np.cos({y}))", "np.arctan2({x}, 3 + np.sin({y}))", "np.logaddexp({x}, {y})", "np.hypot({x}, 2 + {y} * {y})",
    "np.add({x}, {y})", "np.multiply({y}, {x})", "(2 + np.sin({x})) ** np.cos({y})",
)
FOLDS = ("np.sum({x}, {axis})", "np.mean({x}, {axis})", "{x}.sum({axis})", "np.prod({x}, {axis})", "np.var({x}, {axis})", "np.add.reduce({x}, {axis})", "np.sum({x}, {axis}, where={x} > 0.1)", "np.logaddexp.reduce({x}, {axis})")
SCANS = ("np.cumsum({x}, {axis})", "np.cumprod(np.sin({x}), {axis})", "np.diff({x}, {axis})", "np.roll({x}, 1, {axis})", "np.flip({x}, {axis})", "np.cumsum({x})", "np.roll({x}, -2)", "np.repeat({x}, 2, {axis})", "np.gradient({x}, {axis})")
VIEWS = (
    "{x}.T", "{x}[..., None]", "{x}[None]", "{x}.ravel()", "np.ravel({x}, 'F')", "{x}.reshape(-1)", "np.squeeze({x})", "np.atleast_2d({x})", "np.tile({x}, 2)", "np.pad({x}, 1)", "np.pad({x}, 1, constant_values=0.5)",
    "{x}.copy()", "np.tril({x})", "np.triu({x}, 1)", "np.diag({x})", "np.trace({x})", "np.diagonal({x})", "np.stack([{x}, {x}])", "np.concatenate([{x}, {x}])", "np.hstack([{x}, {x}])", "np.expand_dims({x}, 0)", "np.outer({x}, {x})", "np.rot90({x})",
    "np.swapaxes({x}, 0, -1)", "np.moveaxis({x}, 0, -1)", "np.meshgrid({x}, {x})[0]", "np.split({x}, 2)[1]", "np.array_split({x}, 2)[0]", "np.zeros_like({x}) + {x}", "np.nan_to_num({x})", "list({x})[0]", "np.vander({x}, 3)", "sum({x})", "np.broadcast_to({x}, (2, *{x}.shape))",
)
INDICES = ("0", "-1", "1:", ":-1", "::2", "::-1", "None", "...", "[0, -1, 0]", "np.array([0, 0])", "slice(None)", "[[0], [-1]]")
PRODUCTS = ("{x} @ {y}", "np.dot({x}, {y})", "np.tensordot({x}, {y}, 1)", "np.matmul({x}, {y})", "np.einsum('ij,jk->ik', {x}, {y})", "np.einsum('...i,...i->...', {x}, {y})", "np.inner({x}, {y})", "np.kron({x}, {y})", "np.convolve({x}, {y})", "np.outer({x}, {y})", "np.einsum('ij,ij->j', {x}, {y})", "np.vdot({x}, {y})")
PAIRS = ("np.concatenate([{x}, {y}])", "np.concatenate([{x}, {y}], -1)", "np.stack([{x}, {y}], -1)", "np.append({x}, {y})", "np.where({b}, {x}, {y})", "np.where({b}, {x}, 0.5)", "np.select([{b}], [{x}], 0.25)", "np.hstack([{x}, {y}])", "np.column_stack([{x}, {y}])", "{x} * {b}")
KINKED = {  # what must stay away from zero for the function to be smooth near
    "np.abs({x})": "{x}", "np.maximum({x}, 0.1)": "{x} - 0.1", "np.clip({x}, -0.5, 0.7)": "np.minimum(np.abs({x} + 0.5), np.abs({x} - 0.7))", "np.maximum({x}, {y})": "{x} - {y}", "np.minimum({x}, {y})": "{x} - {y}",
    "np.where({x} > 0.2, {x}, -1)": "{x} - 0.2", "np.max({x}, {axis})": "gaps({x})", "np.min({x})": "gaps({x})", "np.sort({x}, {axis})": "gaps({x})", "{x}[np.argsort({x})]": "gaps({x})", "np.sort({x}, None)": "gaps({x})", "np.ptp({x})": "gaps({x})",
    "{x}[np.argmax({x}, 0)]": "gaps({x})", "np.std({x})": "np.var({x})", "np.linalg.norm({x})": "np.sum({x} ** 2)", "np.take_along_axis({x}, np.argsort({x}, 0), 0)": "gaps({x})", "np.floor({x})": "{x} - np.round({x})", "np.sign({x})": "{x}", "np.sqrt(np.abs({x}))": "{x}",
}
# fmt: on


def gaps(x: Any) -> Any:
    """The distances between the numbers in x."""
    return np.diff(np.sort(np.ravel(x)))


@dataclass
class Drawn:
    """A function's text, its arguments, and the values of its lines at these."""

    names: list[str]
    args: list[Any]
    lines: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        body = "".join(f"    {line}\n" for line in self.lines)
        return f"def f({', '.join(self.names)}):\n{body}    return {', '.join(self.results)}\n"

    def __repr__(self) -> str:
        kinds = ", ".join(
            f"{n}: {x.dtype}{list(np.shape(x))}" for n, x in zip(self.names, self.args, strict=True)
        )
        return f"\n# {kinds}\n{self.text}"

    @property
    def function(self) -> Callable[..., Any]:
        scope: dict[str, Any] = {"np": np}
        exec(compile(self.text, "<random program>", "exec"), scope)
        found: Callable[..., Any] = scope["f"]
        return found

    @property
    def floats(self) -> list[int]:
        return [i for i, x in enumerate(self.args) if x.dtype.kind in "fc"]

    def of_floats(self) -> Callable[..., Any]:
        """The function of the float arguments alone."""
        f, where = self.function, self.floats

        def function(*xs: Any) -> Any:
            args = list(self.args)
            for i, x in zip(where, xs, strict=True):
                args[i] = x
            return f(*args)

        return function


def value_of(text: str, values: dict[str, Any]) -> Any:
    """The value of an expression; None where it has none that we want."""
    try:
        with np.errstate(all="ignore"):
            y = eval(text, {"np": np, "gaps": gaps, "sum": sum, "list": list}, values)
    except (ValueError, TypeError, IndexError, ZeroDivisionError, OverflowError):
        return None
    if (
        not isinstance(y, np.ndarray | np.generic)
        or y.dtype.kind not in "fcib"
        or y.size > LARGEST
        or y.ndim > 4
    ):
        return None
    if y.dtype.kind in "fci" and y.size and not np.max(np.abs(y)) < HIGHEST:
        return None
    return y


def shape(draw: Draw) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.sampled_from([3, 2, 1, 4]), max_size=3)))


def choice(draw: Draw, options: Any) -> Any:
    return draw(st.sampled_from(list(options)))


def expression(draw: Draw, values: dict[str, Any]) -> tuple[str, str]:
    """A line over what there is, and what of it must stay away from zero."""
    floats = [n for n, v in values.items() if v.dtype.kind in "fc"]
    x, y = choice(draw, floats), choice(draw, values)
    kind = draw(st.integers(0, 9))
    axis = f"axis={choice(draw, [None, *range(-values[x].ndim, values[x].ndim)])}"
    if kind in (3, 9) and draw(st.booleans()):
        axis += ", keepdims=True"
    masks = [n for n, v in values.items() if v.dtype.kind == "b"]
    mask = choice(draw, [*masks, f"({x} > 0.3)"])
    if kind == 8:
        line = choice(draw, KINKED)
        return line.format(x=x, y=y, axis=axis), KINKED[line].format(x=x, y=y)
    if kind == 7:
        items = draw(st.lists(st.sampled_from(INDICES), min_size=1, max_size=3))
        return f"{x}[{', '.join(items)}]", "1.0"
    table = {0: SMOOTH, 1: BINARY, 2: BINARY, 3: FOLDS, 4: VIEWS, 5: PRODUCTS, 6: PAIRS, 9: SCANS}[
        kind
    ]
    return choice(draw, table).format(x=x, y=y, axis=axis, b=mask), "1.0"


@st.composite
def programs(draw: Draw, mixed: bool = False, scalar: bool = False) -> Drawn:
    """A program of up to twelve lines. `mixed`: of any dtypes; `scalar`: it returns one number."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    kinds = ["f8", "f8", "f8", "i8", "?"] + (["f4", "c16", "i4"] if mixed else [])
    dtypes = ["f8", *draw(st.lists(st.sampled_from(kinds), max_size=3))]
    args = [value(rng, shape(draw), d) for d in dtypes]
    drawn = Drawn([f"x{i}" for i in range(len(args))], args)
    drawn.values.update(zip(drawn.names, args, strict=True))
    for _ in range(draw(st.integers(2, 12))):
        text, safe = expression(draw, drawn.values)
        y = value_of(text, drawn.values)
        far = value_of(f"np.asarray({safe})", drawn.values)
        if y is None or far is None or (far.size and not np.min(np.abs(far)) > GAP):
            continue
        name = f"v{len(drawn.lines)}"
        drawn.lines.append(f"{name} = {text}")
        drawn.values[name] = y
    drawn.results = draw_results(draw, drawn, scalar)
    return drawn


def draw_results(draw: Draw, drawn: Drawn, scalar: bool) -> list[str]:
    floats = [n for n, v in drawn.values.items() if v.dtype.kind in "fc"]
    if scalar:
        return [" + ".join(f"np.sum(np.sin(np.real({n})))" for n in floats[-3:])]
    return [floats[-1], *([choice(draw, drawn.values)] if draw(st.booleans()) else [])]


def value(rng: Any, shape: tuple[int, ...], dtype: str) -> Any:
    x = rng.uniform(-2, 2, shape)
    if dtype == "?":
        return np.asarray(x > 0)[()]
    if dtype == "c16":
        x = x + 1j * rng.uniform(-2, 2, shape)
    return np.asarray(x * 2 if dtype[0] == "i" else x).astype(dtype)[()]
