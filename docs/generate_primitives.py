"""Write docs/primitives.md: what the registry knows, as tables.

python docs/generate_primitives.py [file]
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import numpy as np
import scipy

from wengert import primitives
from wengert.errors import WengertError
from wengert.explanation.board import formulas
from wengert.ir import primitive as record
from wengert.ir.primitive import REALS, REGISTRY, Primitive
from wengert.ir.types import Type
from wengert.trace.stage import stage  # and with it all records and spellings
from wengert.trace.tracer import METHODS, SPELLINGS
from wengert.transforms import branches, control

PAGE = Path(__file__).with_name("primitives.md")
LONGEST = 48  # a slope longer than this says less than its absence

# fmt: off
SPELLED = {  # what is written in another way than by a function of its name
    "cond": "`wengert.cond`, `wengert.switch`", "loop": "`wengert.scan`, `wengert.fori_loop`", "while_loop": "`wengert.while_loop`",
    "broadcast": "`x + 1`, `np.broadcast_to`", "concatenate": "`np.concatenate`, `np.stack`", "contract": "`x @ w`, `np.dot`, `np.einsum`",
    "convert": "`x.astype`", "gather": "`x[[0, 2]]`, `np.take`", "max": "`np.max`, `x.max`", "min": "`np.min`, `x.min`", "monomial": "`x**p`",
    "place": "adjoint of `take`", "scatter": "adjoint of `gather`", "select": "`np.where`", "stop_gradient": "`wengert.stop_gradient`",
    "take": "`x[1:3]`, `x[0]`", "take_moved": "`x[t]` in a loop that was rolled up", "put_moved": "`x[t] = v` in a loop that was rolled up", "place_moved": "adjoint of `take_moved`",
}
# fmt: on

HEAD = """# The operations

*Made from the registry by `make docs`; edit the records, not this page.*

wengert has {count} primitive operations, and each is one record. The column *derivative* says what
the record carries:

- **slopes**, dy = Σ slopeᵢ · dxᵢ: printed as the rule itself writes them, run on stand-ins named as
  in the code, where the last letter is the result; - is an operand without a tangent, and where
  they are long the table says only *slopes*;
- **linear**: adjoints, ⟨u, L dx⟩ = ⟨adjoint(u), dx⟩; a product is linear in *each* operand;
- **composition**: differentiated as what it is made of;
- **differential**: written by hand, and reverse mode is its transpose, unless that is written too;
- **flat**: constant by pieces, so that the derivative is zero wherever it exists;
- **none**, and why.

All but the last kind have both modes, all orders and `vmap`. The *domain* is where an operation is
smooth and where the tests sample it, if that isn't (-3, 3). The last column is how one calls it from
NumPy or SciPy.
"""

TAIL = """## What NumPy functions are spelled in these

On stand-ins, these functions are made of the operations above, with NumPy's own signatures. A function
that isn't here raises `UnsupportedError`, and says its name.
"""


def page() -> str:
    """The text of the page."""
    count = len(REGISTRY.primitives)
    homes = {name: home(p) for name, p in REGISTRY.primitives.items()}
    sections = [section(m, [n for n in homes if homes[n] is m]) for m in modules()]
    parts = [HEAD.format(count=count), *sections, TAIL, *spellings()]
    return "\n".join(parts).rstrip() + "\n"


def modules() -> list[ModuleType]:
    """The files of records."""
    names = [f"{primitives.__name__}.{m.name}" for m in iter_modules(primitives.__path__)]
    return [*map(import_module, names), control, branches]


def home(p: Primitive) -> ModuleType:
    """The file that makes a record; others may import it."""
    return next(
        m for m in modules() if any(v is p for n, v in vars(m).items() if n not in imported(m))
    )


@cache
def imported(module: ModuleType) -> frozenset[str]:
    """The names that a file takes from others."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    found = (alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names)
    return frozenset(alias.asname or alias.name for alias in found)


def section(module: ModuleType, names: list[str]) -> str:
    """The records of one file, under the first paragraph of its docstring."""
    about = (module.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    lines = [
        f"## {module.__name__.rpartition('.')[2].capitalize()}\n",
        f"{about}\n",
        "| operation | family | written | derivative | domain | NumPy |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in names:
        p = REGISTRY.primitives[name]
        cells = [f"`{name}`", family(p), notation(p), derivative(p), domain(p), numpy_name(p)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def family(p: Primitive) -> str:
    """The family's name, as the table says it."""
    return type(p.family).__name__.lower()


def code(text: str) -> str:
    """A cell of code."""
    return f"`{text}`".replace("|", "\\|") if text else ""


def notation(p: Primitive) -> str:
    """The record's notation with letters for its operands."""
    count = p.notation.count("{}")
    letters = ("x", "y", "z", "w")[:count] if count <= 4 else [f"x{i}" for i in range(count)]
    return code(p.notation.format(*letters))


def derivative(p: Primitive) -> str:
    """What the record's rule is; for slopes that are short, what they are."""
    match p.rule:
        case record.Slopes(functions):
            found = [slope(f, len(functions)) for f in functions]
            text = "; ".join(map(str, found))
            return code(text) if None not in found and len(text) < LONGEST else "slopes"
        case record.Adjoints(each=each):
            return "linear in each" if each else "linear"
        case record.Composition():
            return "composition"
        case record.Differential():
            return "differential"
        case record.ByHand(backward=backward):
            return "differential" if backward is None else "differential and its transpose"
        case record.Flat():
            return "flat"
        case record.Refusal(reason):
            return f"none: {reason}"


def slope(rule: record.Rule1 | None, arity: int) -> str | None:
    """A slope as its own rule writes it; None where it is no single formula."""
    if rule is None:
        return "-"
    letters = list(inspect.signature(rule).parameters)[: arity + 1]
    f64 = Type((), np.dtype("f8"))
    try:
        program = stage(lambda *xs: [rule(*xs)], [f64] * len(letters), letters)
    except (TypeError, WengertError):  # it needs a parameter, which a table doesn't have
        return None
    lines = formulas(program, inline=True)
    return lines[0].partition(" = ")[2] if len(lines) == 1 else None


def domain(p: Primitive) -> str:
    """One interval if all operands have the same; nothing for the usual one."""
    intervals = list(dict.fromkeys(p.domain))
    if intervals == [REALS] or family(p) != "pointwise":
        return ""
    return ", ".join(f"({a:g}, {b:g})" for a, b in (intervals if len(intervals) == 1 else p.domain))


def numpy_name(p: Primitive) -> str:
    """The ufuncs and functions that are this record; for what is written otherwise, how."""
    if p.name in SPELLED:
        return SPELLED[p.name]
    found = [where(u) for u, s in REGISTRY.ufuncs.items() if s is p or u.__name__ == p.name]
    found += [where(f) for f in SPELLINGS if f.__name__ == p.name]
    found += [f"scipy.special.{n}" for n, s in REGISTRY.names.items() if s is p and special(n)]
    return ", ".join(code(name) for name in dict.fromkeys(found))


def special(name: str) -> bool:
    """Whether a ufunc is known as SciPy's."""
    ours = isinstance(getattr(np, name, None), np.ufunc)
    return not ours and hasattr(scipy.special, name) and not name.startswith("_")


def where(function: Callable[..., object]) -> str:
    """`np.linalg.solve`; a ufunc doesn't say where it lives."""
    name, module = function.__name__, getattr(function, "__module__", None) or "numpy"
    here = module if module != "numpy" or hasattr(np, name) else "scipy.special"
    return f"{here}.{name}".replace("numpy", "np", 1)


def spellings() -> Iterator[str]:
    """The functions of the tables, by module."""
    records = set(map(id, REGISTRY.primitives.values()))
    functions = [*SPELLINGS, *(u for u, s in REGISTRY.ufuncs.items() if id(s) not in records)]
    groups: dict[str, set[str]] = {}
    for function in functions:
        module, _, name = where(function).rpartition(".")
        groups.setdefault(module, set()).add(name)
    for module in sorted(groups):
        names = ", ".join(f"`{name}`" for name in sorted(groups[module]))
        yield f"- **{module}**: {names}"
    methods = sorted({method for _, method in METHODS})
    yield f"- **methods of ufuncs**: {', '.join(f'`{m}`' for m in methods)}"
    yield f"\n{made_with()}"


def made_with() -> str:
    """Other versions know other functions."""
    numpy, scipy_ = (".".join(m.__version__.split(".")[:2]) for m in (np, scipy))
    return f"Made with NumPy {numpy} and SciPy {scipy_}."


if __name__ == "__main__":
    assert SPELLED.keys() <= REGISTRY.primitives.keys(), SPELLED.keys() - REGISTRY.primitives.keys()
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), encoding="utf-8")
