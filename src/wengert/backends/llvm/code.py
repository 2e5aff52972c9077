"""Writing LLVM's text: one function at a time, an instruction a line.

A `Value` is a name and its LLVM type. `Code` gives instructions their names, keeps the constants
and the declarations that a module needs, and writes loops.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from wengert.backends.llvm.cpu import Cpu


class Value(NamedTuple):
    """Something computed: `%v7` of type `<8 x double>`."""

    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


class Module:
    """The functions, constants and declarations of one compilation."""

    __slots__ = ("cpu", "functions", "globals", "helpers", "numbers")

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.functions: list[str] = []
        self.globals: dict[str, str] = {}
        self.helpers: dict[object, Any] = {}
        self.numbers = 0

    def declare(self, name: str, result: str, *arguments: str) -> str:
        """The name of a function from elsewhere."""
        self.globals[name] = f"declare {result} @{name}({', '.join(arguments)})"
        return f"@{name}"

    def name(self, stem: str) -> str:
        """A name that no other function has."""
        self.numbers += 1
        return f"{stem}_{self.numbers}"

    def text(self) -> str:
        """The whole module."""
        width = f'attributes #0 = {{ nounwind "prefer-vector-width"="{self.cpu.bits}" }}'
        return "\n".join([*self.globals.values(), *self.functions, width, ""])


class Code:
    """The body of one function while it is written."""

    __slots__ = ("arguments", "block", "count", "head", "lines", "module", "name", "result")

    def __init__(self, module: Module, name: str, result: str, *arguments: Value) -> None:
        self.module = module
        self.name = name
        self.result = result
        self.arguments = arguments
        self.lines: list[str] = []
        self.head: list[str] = []
        self.block = "entry"
        self.count = 0

    @property
    def cpu(self) -> Cpu:
        return self.module.cpu

    def op(self, text: str, type: str) -> Value:
        """One instruction that gives a value."""
        self.count += 1
        value = Value(f"%v{self.count}", type)
        self.lines.append(f"  {value.name} = {text}")
        return value

    def do(self, text: str) -> None:
        """One instruction that gives none."""
        self.lines.append(f"  {text}")

    def call(self, function: str, result: str, *arguments: Value) -> Value:
        """Call a function by its name, `@f`."""
        return self.op(f"call {result} {function}({', '.join(map(str, arguments))})", result)

    def intrinsic(self, name: str, *arguments: Value, result: str | None = None) -> Value:
        """Call `llvm.name` for the type of the first argument: `intrinsic("fma", a, b, c)`."""
        first = arguments[0].type
        full = f"llvm.{name}.{suffix(first)}"
        function = self.module.declare(full, result or first, *[a.type for a in arguments])
        return self.call(function, result or first, *arguments)

    def stack(self, type: str, align: int = 64) -> Value:
        """Room in the function's own frame."""
        self.count += 1
        self.head.append(f"  %v{self.count} = alloca {type}, align {align}")
        return Value(f"%v{self.count}", "ptr")

    def label(self, stem: str) -> str:
        """A name for a block that is still to come."""
        self.count += 1
        return f"{stem}{self.count}"

    def start(self, label: str) -> None:
        """Begin a block; what was before falls into it if it hasn't ended."""
        if not self._ended():
            self.do(f"br label %{label}")
        self.lines.append(f"{label}:")
        self.block = label

    def _ended(self) -> bool:
        return bool(self.lines) and self.lines[-1].lstrip().startswith(
            ("br ", "ret ", "unreachable")
        )

    @contextmanager
    def loop(self, start: int | Value, stop: int | Value, step: int = 1) -> Iterator[Value]:
        """for i in range(start, stop, step), i of type i64; it must run at least once.

        Numbers that change from round to round are carried by `carried`.
        """
        with self.carried(start, stop, step, ()) as (i, _, _):
            yield i

    @contextmanager
    def carried(
        self, start: int | Value, stop: int | Value, step: int, first: tuple[Value, ...]
    ) -> Iterator[tuple[Value, list[Value], list[Value]]]:
        """A loop with values handed on: yields (i, values of this round, list for the next's).

        The body replaces the entries of the last list; after the loop it holds the final values.
        """
        before, label, end = self.block, self.label("loop"), self.label("end")
        self.do(f"br label %{label}")
        self.lines.append(f"{label}:")
        self.block = label
        self.count += 1
        i = Value(f"%i{self.count}", "i64")
        now = [Value(f"%p{self.count}_{k}", v.type) for k, v in enumerate(first)]
        mark = len(self.lines)
        later = list(now)
        yield i, now, later
        after = self.op(f"add nsw i64 {i.name}, {step}", "i64")
        phis = [
            f"  {i.name} = phi i64 [ {word(start)}, %{before} ], [ {after.name}, %{self.block} ]"
        ]
        for p, a, b in zip(now, first, later, strict=True):
            phis.append(
                f"  {p.name} = phi {p.type} [ {a.name}, %{before} ], [ {b.name}, %{self.block} ]"
            )
        self.lines[mark:mark] = phis
        more = self.op(f"icmp slt i64 {after.name}, {word(stop)}", "i1")
        self.do(f"br i1 {more.name}, label %{label}, label %{end}")
        self.lines.append(f"{end}:")
        self.block = end

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """if condition: what is written inside."""
        yes, end = self.label("yes"), self.label("end")
        self.do(f"br i1 {condition.name}, label %{yes}, label %{end}")
        self.lines.append(f"{yes}:")
        self.block = yes
        yield
        self.start(end)

    def at(self, base: Value, index: int | Value, element: str) -> Value:
        """The address of element number `index`."""
        return self.op(f"getelementptr {element}, ptr {base.name}, i64 {word(index)}", "ptr")

    def load(self, address: Value, type: str, align: int) -> Value:
        """What stands at an address."""
        return self.op(f"load {type}, ptr {address.name}, align {align}", type)

    def store(self, value: Value, address: Value, align: int) -> None:
        """Put a value at an address."""
        self.do(f"store {value}, ptr {address.name}, align {align}")

    def finish(self, result: Value | None = None, linkage: str = "internal ") -> str:
        """End the function and hand it to the module; its name."""
        self.do("ret void" if result is None else f"ret {result}")
        given = ", ".join(map(str, self.arguments))
        head = f"define {linkage}{self.result} @{self.name}({given}) #0 {{"
        self.module.functions.append("\n".join([head, "entry:", *self.head, *self.lines, "}"]))
        return f"@{self.name}"


def word(value: int | Value) -> str:
    """A number or the name of a value, as an operand is written."""
    return value.name if isinstance(value, Value) else str(value)


def suffix(type: str) -> str:
    """How intrinsics name a type: `v8f64` for `<8 x double>`."""
    if type.startswith("<"):
        count, element = type[1:-1].split(" x ")
        return f"v{count}{suffix(element)}"
    return {"double": "f64", "float": "f32", "ptr": "p0"}.get(type, type)
