"""Random NumPy programs that write in place, for hypothesis: arrays, views of them, writes through both.

Like `strategies.programs`, but with memory: each line is run on numbers while the program is drawn, and
left out where NumPy refuses it or where it grows.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

LARGEST, HIGHEST = 36, 20.0

# fmt: off
CREATED = (
    "np.zeros({s})", "np.ones({s})", "np.full({s}, 0.5)", "np.full({s}, {t})", "np.empty({s}); {new}[...] = 0.25", "np.zeros_like({x})", "np.ones_like({x})", "np.full_like({x}, 1.5)", "np.array({x})", "np.asarray({x})", "{x}.copy()", "np.copy({x})", "np.eye(3)", "np.linspace(0, 1, 4)", "np.arange(3.0)",
    "np.array([{t}, 1.0, {t} * 2])", "np.array([[{t}, 0.5], [1.0, {t}]])", "np.array([{x}, {x}])", "np.r_[{x}, {t}, 0.5]", "np.c_[{x}, {x}]", "np.stack([{x}, {x}])", "np.concatenate([{x}, {x}])", "np.asarray([{t}, {t}])", "np.empty_like({x}); {new}[:] = {x}", "np.identity(2)", "np.tri(3)", "np.zeros((2, 3), order='F')", "np.asfortranarray({x})", "np.ascontiguousarray({x})", "np.array({x}, ndmin=2)", "np.array({x}, copy=True)",
    "np.array([1.0, 2.0, 3.0])", "np.array([[1.0, 2.0], [3.0, 4.0]])",
)
VIEWED = (
    "{x}", "{x}[1:]", "{x}[:-1]", "{x}[::2]", "{x}[::-1]", "{x}[::-2]", "{x}[0]", "{x}[-1]", "{x}[..., 0]", "{x}[:, 1]", "{x}[:, ::-1]", "{x}[1:, 1:]", "{x}[...]", "{x}[:]", "{x}[None]", "{x}[:, None]", "{x}[..., None]", "{x}[-2:]", "{x}[..., 1:]",
    "{x}.T", "np.transpose({x})", "{x}.transpose()", "np.swapaxes({x}, 0, -1)", "np.moveaxis({x}, 0, -1)", "np.flip({x})", "np.flip({x}, 0)", "np.flipud({x})", "np.fliplr({x})", "np.rot90({x})", "{x}.swapaxes(0, -1)",
    "{x}.ravel()", "np.ravel({x})", "{x}.flatten()", "{x}.reshape(-1)", "{x}.reshape(2, -1)", "{x}.reshape(-1, 2)", "np.reshape({x}, (3, -1))", "np.reshape({x}, -1, order='F')", "{x}.ravel('F')", "{x}.reshape({x}.shape)", "{x}.T.reshape(-1)", "{x}.T.ravel()", "{x}[::-1].reshape(-1)", "{x}[:, 1:].reshape(-1)", "{x}[:, 0].reshape(-1, 1)",
    "np.squeeze({x})", "{x}.squeeze()", "np.expand_dims({x}, 0)", "np.atleast_2d({x})", "np.atleast_1d({x})", "np.real({x})", "{x}.real", "np.asarray({x})", "np.array({x}, copy=False)", "np.split({x}, 2)[1]", "np.array_split({x}, 2)[0]", "np.hsplit({x}, 2)[0]", "np.roll({x}, 1)", "np.asanyarray({x})", "list({x})[0]", "np.astype({x}, float, copy=False)", "{x}.astype(float)", "{x}.astype(float, copy=False)",
    "{x}[[0, -1]]", "{x}[{x} > 0.1]", "{x}[np.array([1, 0])]", "np.matrix_transpose({x})", "{x}.mT", "np.take({x}, [0, 1])", "np.diagonal({x}).copy()", "np.diag({x})", "np.tile({x}, 1)", "np.repeat({x}, 1, 0)", "np.ravel({x}[1:])", "np.tril({x})", "+{x}", "np.positive({x})", "np.where(True, {x}, 0)", "np.clip({x}, -9, 9)", "np.broadcast_arrays({x}, {x})[0]", "np.nan_to_num({x})", "np.nan_to_num({x}, copy=False)", "np.pad({x}, 0)", "np.trim_zeros({x})", "np.append({x}, [])", "np.sort({x})", "np.concatenate([{x}])", "np.squeeze({x}[None], 0)", "np.conj({x})", "np.vstack([{x}])", "np.einsum('ij->ji', {x})", "np.einsum('i->i', {x})", "np.einsum('ii->i', {x}).copy()", "np.meshgrid({x}, {x})[0]", "np.meshgrid({x}, {x}, copy=False)[0].copy()", "np.rollaxis({x}, {x}.ndim - 1)", "np.permute_dims({x})", "np.unstack({x})[0]", "np.resize({x}, {x}.shape)",
)
WRITTEN = (
    "{x}[0] = {t}", "{x}[-1] = 1.5", "{x}[1:] = {v}", "{x}[:-1] = {x}[1:]", "{x}[::2] = {t}", "{x}[::-1] = {v}", "{x}[...] = {v}", "{x}[:] = {y}", "{x}[:] = {x}[::-1]", "{x}[:, 0] = {v}", "{x}[0, 1] = {t}", "{x}[..., -1] = {v}", "{x}[1:, :-1] = {v}", "{x}[0] = {x}[1]", "{x}[1] = {y}[0]", "{x}[:, ::-1] = {v}", "{x}[None, 0] = {t}",
    "{x}[{x} > 0.2] = {t}", "{x}[{x} > 0.2] *= 0.5", "{x}[{y} < 0.5] = 0.3", "{x}[[0, -1]] = {v}", "{x}[[0, 0]] += {t}", "{x}[[1, 0, 1]] = np.array([1.0, 2.0, 3.0]) * {t}", "{x}[[0, 1], [1, 0]] = {v}", "{x}[:, [0, 1]] = {v}", "{x}[np.array([True, False, True])] = {v}", "{x}[[1, 0]] = {x}[[0, 1]]", "{x}[np.argsort({x})] = {y}", "{x}[{x} > 9] = {t}", "{x}[[0], 1:] = {v}", "{x}[1:, [0, 0]] = {v}", "{x}[np.ix_([0, 1], [0])] = {v}", "{x}[np.arange(2), np.arange(2)] = {v}", "{x}[np.array([[0], [1]])] = {v}", "{x}[None, [0, 1]] = {v}", "{x}[[0, 1], None] = {t}",
    "{x} += {v}", "{x} -= 0.5", "{x} *= {v}", "{x} /= 2.5", "{x} **= 2", "{x} += {t}", "{x} += {x}", "{x} *= {x}[0]", "{x} -= {x}[::-1]", "{x}[0] += {t}", "{x}[1:] += {x}[:-1]", "{x}[1:] -= {v}", "{x}[:-1] *= {x}[1:]", "{x}[:, 0] /= 3", "{x}[::2] += 1", "{x}[..., 0] -= {t}", "{x}[::-1] += {x}", "{x} += {x}.T", "{x}.T[0] = {v}", "{x}.T[...] += {v}", "{x}[1:][0] = {t}", "{x}[0][1] = {t}", "{x}[::-1][0] += {t}", "{x}.ravel()[1] = {t}", "{x}.reshape(-1)[::2] *= 2", "{x}.flatten()[0] = {t}", "{x}[[0, 1]][0] = 5.0", "{x} @= {y}", "{x} //= 1.7", "{x} %= 1.3", "{x} += [1.0, 2.0, 3.0]",
    "{x}[0], {x}[1] = {x}[1], {x}[0]", "{x}[0], {x}[1] = {x}[1].copy(), {x}[0].copy()", "{x}[[0, 1]] = {x}[[1, 0]]", "{x}, {y} = {y}, {x}", "{x}.fill({t})", "{x}.fill(0.5)", "{x}.sort()", "{x}.put([0, 1], {t})", "{x}.partition(1)", "{x}.flat[1] = {t}", "{x}.flat = 0.5", "{x}.real[...] = {v}", "{x}.real *= 2",
    "np.copyto({x}, {v})", "np.copyto({x}, {v}, where={x} > 0)", "np.copyto({x}[1:], {t})", "np.put({x}, [0, -1], {v})", "np.put({x}, [1], {t})", "np.put({x}, [7, -9], {t}, mode='wrap')", "np.put({x}, [70, -9], {t}, mode='clip')", "np.putmask({x}, {x} > 0, {v})", "np.putmask({x}, {x} > 0.3, [1.0, 2.0, 3.0])", "np.place({x}, {x} > 0, [0.1, 0.2])", "np.put_along_axis({x}, np.array([0]), {t}, 0)", "np.put_along_axis({x}, np.argmax({x}, 0)[None], {t}, 0)", "np.put_along_axis({x}, np.array([[0], [1]]), 0.5, 1)",
    "np.fill_diagonal({x}, {t})", "np.fill_diagonal({x}, [0.5, 1.5])", "np.fill_diagonal({x}, 1.0, wrap=True)", "np.fill_diagonal({x}[1:], {t})", "np.add.at({x}, [0, 0, 1], {t})", "np.add.at({x}, ([0, 0], [1, 1]), {t})", "np.subtract.at({x}, [0, 0], {v})", "np.add.at({x}, (slice(None), [0, 0]), {t})", "np.multiply.at({x}, [0, 0], 1.5)", "np.add.at({x}[1:], [0, 0], {t})", "np.negative.at({x}, [0, 0])", "np.add.at({x}, {x} > 0, {t})", "np.maximum.at({x}, [0, 1], {t})",
    "np.add({x}, {v}, out={x})", "np.multiply({x}, {y}, out={y})", "np.sin({x}, out={x})", "np.exp(-{x} ** 2, out={x})", "np.add({x}, 1, out={x}, where={x} > 0)", "np.multiply({x}[1:], {x}[:-1], out={x}[1:])", "np.negative({x}, {x})", "np.tanh({x}[::-1], out={x})", "np.add({x}, {t}, out={x}[...])", "np.matmul({x}, {y}, out={y})", "np.cumsum({x}, out={x})", "np.sum({x}, axis=0, out={x}[0])", "np.clip({x}, -1, 1, out={x})", "{x}.clip(-1, 1, out={x})", "np.einsum('ij,jk->ik', {x}, {y}, out={x})", "np.dot({x}, {y}, out={x})", "np.mean({x}, axis=0, out={x}[0])", "np.add.accumulate({x}, out={x})", "np.concatenate([{x}[:1], {x}[1:]], out={x})", "np.take({x}, [0, 1], out={x}[:2])", "np.cumprod({x}, 0, out={x})", "np.maximum({x}, 0.1, out={x})", "np.stack([{x}[0], {x}[1]], out={x}[:2])", "np.modf({x}, out=({x}, {y}))", "np.divide({x}, 2, out={x}, where=False)", "np.add.reduce({x}, 0, out={x}[0])", "np.sin({x}, out={x}, where={y} > 0)", "np.sqrt({x} ** 2 + 1, out={x}, dtype=float)", "np.nan_to_num({x}, copy=False)",
    "for i in range(1, len({x})): {x}[i] += 0.5 * {x}[i - 1]", "for r in {x}: r *= 1.5", "for i in range(len({x})): {x}[i] = {x}[-1 - i] * {t}", "for r in {x}.T: r -= r[0]", "for i, r in enumerate({x}): r[...] = i", "for i in range(len({x})): {x}[i:] -= 0.1",
)
PLAIN = (
    "np.sin({x})", "{x} * {y}", "{x} + {y}", "{x} ** 2", "{x} @ {y}", "np.sum({x}, 0)", "{x}.mean()", "np.cumsum({x})", "{x} - {t}", "np.outer({x}, {x})", "np.where({x} > 0.1, {x}, {y})", "np.tanh({x})", "np.exp(-{x} * {x})", "np.cos({x}[1:])", "-{x}", "np.max({x})", "np.dot({x}, {y})", "{x} / (2 + np.cos({y}))", "np.arctan({x}) * 2", "np.prod({x})", "np.sort({x}.ravel())", "np.sum({x})", "{x}[0] * 2", "np.diff({x})", "np.abs({x})",
)
ORDERS = "CCCF"
# fmt: on
REFUSED = (
    NameError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
)


@dataclass
class Written:
    """A function's text and its arguments, which it doesn't write to but through `copy`."""

    args: list[Any]
    lines: list[str] = field(default_factory=list)
    result: str = ""

    @property
    def text(self) -> str:
        names = ", ".join(f"x{i}" for i in range(len(self.args)))
        body = "".join(f"    {line}\n" for line in self.lines)
        return f"def f({names}):\n{body}    return {self.result}\n"

    def __repr__(self) -> str:
        kinds = ", ".join(f"x{i}: {np.shape(x)}" for i, x in enumerate(self.args))
        return f"\n# {kinds}\n{self.text}"

    @property
    def function(self) -> Any:
        scope: dict[str, Any] = {"np": np}
        exec(compile(self.text, "<random program>", "exec"), scope)
        return scope["f"]

    def of(self, expression: str) -> Any:
        """The function with another result."""
        return Written(self.args, self.lines, expression).function


def run(lines: list[str], args: list[Any]) -> dict[str, Any] | None:
    """The values of all names after these lines; None where NumPy refuses or a value grows."""
    values: dict[str, Any] = {f"x{i}": np.array(x) for i, x in enumerate(args)}
    try:
        with np.errstate(all="ignore"):
            for line in lines:
                exec(line, {"np": np}, values)
    except REFUSED:
        return None
    for name in ("i", "r"):
        values.pop(name, None)
    for v in values.values():
        if not isinstance(v, np.ndarray | np.floating) or v.dtype != "f8" or not v.size:
            return None
        if v.size > LARGEST or not np.max(np.abs(v)) < HIGHEST:
            return None
    return values


@st.composite
def writings(draw: Any) -> Written:
    """A program of up to twelve lines over one to three arrays; its result is all of them."""

    def choice(options: Any) -> Any:
        return draw(st.sampled_from(list(options)))

    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    shapes = [(3,), (2, 3), (3, 3), (4,), (2, 2), (2, 2, 3), (4, 2), (1, 3)]
    args = [rng.uniform(-2, 2, choice(shapes)) for _ in range(draw(st.integers(1, 3)))]
    args = [np.asarray(x, order=choice(ORDERS)) for x in args]
    lines: list[str] = []
    values = run(lines, args)
    assert values is not None
    wanted = draw(st.integers(4, 12))
    for step in range(4 * wanted):
        if len(lines) >= wanted:
            break
        names = [n for n, v in values.items() if v.ndim]
        x, y = choice(names), choice(names)
        scalar = choice(
            (f"{y}.sum()", f"np.sin({y}.ravel()[0])", "0.7", f"{x}.mean()", f"np.max({y})")
        )
        values_of = (
            y,
            f"np.sin({x})",
            f"2 * {y}",
            "0.5",
            scalar,
            f"{y}[0]",
            f"{y}.T",
            f"{x}[::-1]",
        )
        table = choice([CREATED, VIEWED, VIEWED, WRITTEN, WRITTEN, WRITTEN, PLAIN])
        new = f"a{step}"
        shape = choice(["3", "(2, 3)", f"{x}.shape", "(4,)", "(3, 3)"])
        line = choice(table).format(x=x, y=y, t=scalar, v=choice(values_of), new=new, s=shape)
        if table is not WRITTEN:
            line = f"{new} = {line}"
        after = run([*lines, line], args)
        if after is not None:
            lines.append(line)
            values = after
    names = sorted(values)
    return Written(args, lines, f"[{', '.join(names)}]")
