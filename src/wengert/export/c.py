"""A model as one C file without dependencies but <math.h>: a function of one row."""

from pathlib import Path
from typing import Any

import numpy as np

from wengert.export.portable import Layer, Net, Portable, known
from wengert.nn.store import write

__all__ = ["to_c"]

# fmt: off
WORDS = {
    "identity":   "z",
    "sigmoid":    "z >= 0 ? 1 / (1 + EXP(-z)) : EXP(z) / (1 + EXP(z))",
    "tanh":       "TANH(z)",
    "sin":        "SIN(z)",
    "relu":       "z > 0 ? z : 0",
    "leaky_relu": "z > 0 ? z : (REAL)0.01 * z",
    "elu":        "z > 0 ? z : EXPM1(z)",
    "selu":       "(REAL)1.0507009873554805 * (z > 0 ? z : (REAL)1.6732632423543772 * EXPM1(z))",
    "softplus":   "(z > 0 ? z : 0) + LOG1P(EXP(-FABS(z)))",
    "gelu":       "z * ERFC(-z / (REAL)1.4142135623730951) / 2",
    "silu":       "z >= 0 ? z / (1 + EXP(-z)) : z * EXP(z) / (1 + EXP(z))",
    "mish":       "z * TANH((z > 0 ? z : 0) + LOG1P(EXP(-FABS(z))))",
}
# fmt: on

HEAD = """/* {title}. Made by wengert; C99, nothing but the mathematical library.

   wengert_predict(x, out): {width} numbers in, {outputs} out. {columns}
*/
#include <math.h>

#define REAL {real}
#define EXP exp{f}
#define EXPM1 expm1{f}
#define LOG1P log1p{f}
#define TANH tanh{f}
#define SIN sin{f}
#define COS cos{f}
#define SQRT sqrt{f}
#define FABS fabs{f}
#define ERFC erfc{f}

enum {{ WENGERT_INPUTS = {width}, WENGERT_OUTPUTS = {outputs} }};
"""


class _File:
    """Lines of the tables and of the function, and the names of tables so far."""

    def __init__(self, model: Portable) -> None:
        self.real = "float" if model.dtype == np.float32 else "double"
        self.tables: list[str] = []
        self.body: list[str] = []

    def table(self, a: Any) -> str:
        """The name of an array that is now in the file, exact to the bit by hexadecimal digits."""
        name = f"t{len(self.tables)}"
        flat = np.ravel(np.asarray(a))
        suffix = "f" if self.real == "float" else ""
        text = ", ".join(float(v).hex() + suffix for v in flat)
        self.tables.append(f"static const {self.real} {name}[{flat.size}] = {{{text}}};")
        return name

    def say(self, *lines: str) -> None:
        self.body += ["  " + line for line in lines]


def to_c(model: Portable, path: str | Path) -> Path:
    """Write the model as a C file with wengert_predict(const REAL *x, REAL *out)."""
    file = _File(model)
    width = _widest(model)
    file.say(
        f"REAL F[{max(_front(model), 1)}], H[{width}], Z[{width}], p[{width}];", "int i, j, k;"
    )
    file.say(f"for (i = 0; i < {model.outputs}; i++) out[i] = 0;", "(void)j; (void)k; (void)p;")
    _numbers(file, model)
    for net in model.nets:
        size = _start(file, net, len(model.numbers) + len(model.medians))
        for layer in net.layers:
            size = _layer(file, layer, size)
        _link(file, model, size)
    _end(file, model)
    columns = [f"Column {c.column}: {dict(enumerate(c.values, 1))}." for c in _categories(model)]
    head = HEAD.format(
        title=_safe(model.name), width=model.width, outputs=model.outputs, real=file.real,
        f="f" if file.real == "float" else "",
        columns=_safe(" ".join([*columns, f"Classes: {list(model.classes)}"])),
    )  # fmt: skip
    body = ["void wengert_predict(const REAL *x, REAL *out)", "{", *file.body, "}", ""]
    return write(path, "\n".join([head, *file.tables, "", *body]))


def _safe(text: str) -> str:
    return text.replace("*/", "* /").replace("??", "? ?")


def _categories(model: Portable) -> Any:
    return model.nets[0].categories


def _front(model: Portable) -> int:
    return len(model.numbers) + len(model.medians)


def _widest(model: Portable) -> int:
    sizes = [w for net in model.nets for layer in net.layers for w in layer.W.shape]
    return int(max(*sizes, 2))


def _numbers(file: _File, model: Portable) -> None:
    medians = dict(model.medians)
    for place, j in enumerate(model.numbers):
        median = f"isnan(x[{j}]) ? (REAL){medians[j].hex()} : " if j in medians else ""
        file.say(f"F[{place}] = {median}x[{j}];")
    for place, (j, _) in enumerate(model.medians, len(model.numbers)):
        file.say(f"F[{place}] = isnan(x[{j}]) ? 1 : 0;")
    if model.center is not None and model.factor is not None:
        for place, (c, f) in enumerate(zip(model.center, model.factor, strict=True)):
            file.say(
                f"{{ double z = (F[{place}] - {float(c).hex()}) * {float(f).hex()};"
                f" F[{place}] = (REAL)(z / sqrt(1 + (z / 3) * (z / 3))); }}"
            )


def _start(file: _File, net: Net, count: int) -> int:
    size = count
    if net.periodic:
        f, phase, C, c = map(file.table, net.periodic)
        m, p = net.periodic[2].shape[1:]
        file.say(
            f"for (i = 0; i < {count}; i++) {{",
            f"  H[i * {p + 1}] = F[i];",
            f"  for (k = 0; k < {p}; k++) {{",
            f"    REAL s = {c}[i * {p} + k];",
            f"    for (j = 0; j < {m}; j++) s += COS((REAL)6.283185307179586 * (F[i] * "
            f"{f}[i * {m} + j] + {phase}[i * {m} + j])) * {C}[(i * {m} + j) * {p} + k];",
            f"    H[i * {p + 1} + 1 + k] = s;",
            "  }",
            "}",
        )
        size = count * (p + 1)
    else:
        file.say(f"for (i = 0; i < {count}; i++) H[i] = F[i];")
    for category in net.categories:
        name, m = file.table(category.table), category.table.shape[1]
        last = len(category.table) - 1
        file.say(
            f"k = x[{category.column}] >= 0 && x[{category.column}] <= {last} ? "
            f"(int)x[{category.column}] : 0;",
            f"for (i = 0; i < {m}; i++) H[{size} + i] = {name}[k * {m} + i];",
        )
        size += m
    if net.scale is not None:
        file.say(f"for (i = 0; i < {size}; i++) H[i] *= {file.table(net.scale)}[i];")
    return size


def _layer(file: _File, layer: Layer, n: int) -> int:
    W, b, m = file.table(layer.W), file.table(layer.b), int(layer.b.size)
    file.say(
        f"for (j = 0; j < {m}; j++) {{",
        "  REAL s = 0;",
        f"  for (i = 0; i < {n}; i++) s += H[i] * {W}[i * {m} + j];",
        f"  Z[j] = s / (REAL){layer.root.hex()} + {b}[j];",
        "}",
    )
    if layer.norm:
        _norm(file, layer.norm, m)
    word = WORDS[known(layer.activation)]
    add = "H[j] + " if layer.residual else ""
    file.say(f"for (j = 0; j < {m}; j++) {{ REAL z = Z[j]; H[j] = {add}({word}); }}")
    return m


def _norm(file: _File, norm: tuple[Any, ...], m: int) -> None:
    kind, gain, b, *moments = norm
    g, shift, small = file.table(gain), file.table(b), "(REAL)1e-5"
    if kind == "batch":
        mean, var = map(file.table, moments)
        file.say(
            f"for (j = 0; j < {m}; j++) Z[j] = {g}[j] * (Z[j] - {mean}[j]) / "
            f"SQRT({var}[j] + {small}) + {shift}[j];"
        )
        return
    file.say(
        "{",
        "  REAL mean = 0, var = 0;",
        f"  for (j = 0; j < {m}; j++) mean += Z[j];",
        f"  mean /= {m};",
        f"  for (j = 0; j < {m}; j++) var += (Z[j] - mean) * (Z[j] - mean);",
        f"  var /= {m};",
        f"  for (j = 0; j < {m}; j++) Z[j] = {g}[j] * (Z[j] - mean) / SQRT(var + {small}) "
        f"+ {shift}[j];",
        "}",
    )


def _link(file: _File, model: Portable, m: int) -> None:
    """Add this network's share of the mean to out."""
    share = f"/ {len(model.nets)}" if len(model.nets) > 1 else ""
    if model.link == "softmax":
        file.say(
            "{",
            "  REAL top = H[0], s = 0;",
            f"  for (j = 1; j < {m}; j++) if (H[j] > top) top = H[j];",
            f"  for (j = 0; j < {m}; j++) {{ p[j] = EXP(H[j] - top); s += p[j]; }}",
            f"  for (j = 0; j < {m}; j++) out[j] += p[j] / s {share};",
            "}",
        )
        return
    word = {"identity": "z", "first": "z", "exp": "EXP(z)", "sigmoid": WORDS["sigmoid"]}[model.link]
    count = 1 if model.link == "first" else m
    place = "1 + j" if model.two else "j"
    file.say(
        f"for (j = 0; j < {count}; j++) {{ REAL z = H[j]; out[{place}] += ({word}) {share}; }}"
    )


def _end(file: _File, model: Portable) -> None:
    if model.two:
        file.say("out[0] = 1 - out[1];")
    count = model.outputs
    if model.unit is not None and model.shift is not None:
        unit, shift = (np.broadcast_to(v, count) for v in (model.unit, model.shift))
        for j in range(count):
            a, b = float(unit[j]).hex(), float(shift[j]).hex()
            file.say(f"out[{j}] = (REAL)(out[{j}] * {a} + {b});")
    if model.clip is not None:
        low, high = (np.broadcast_to(v, count) for v in model.clip)
        for j in range(count):
            a, b = float(low[j]).hex(), float(high[j]).hex()
            file.say(f"if (out[{j}] < (REAL){a}) out[{j}] = (REAL){a};")
            file.say(f"if (out[{j}] > (REAL){b}) out[{j}] = (REAL){b};")
