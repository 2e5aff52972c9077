"""A Wengert list as text, in Python's own grammar, and back.

    def f(x1: f64, x2: f64):
        v1: f64 = x1 * x2
        v2: f64 = sin(v1)
        return v2

Arrays that the list captured print as `c1: f64[100, 3] = ...` when they are large; `constants`
gives them, and `parse` takes them back.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.errors import ProgramError
from wengert.ir.dims import symbols
from wengert.ir.infer import infer
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.ir.types import Array, Type, long, short

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
INFIX_NAMES = {"Add": "add", "Sub": "subtract", "Mult": "multiply", "Div": "divide"}
SMALL = 8


class _Names:
    """Names for the variables: the user's where they are free, else v1, v2, ..."""

    def __init__(self, program: Program) -> None:
        self.names: dict[Atom, str] = {}
        self.taken: set[str] = set()
        self.count = 0
        self.dims: dict[tuple[Var, int], str] = {}
        for var in program.inputs:
            self.give(var, var.name or "x")

    def give(self, var: Var, wish: str) -> None:
        name, n = wish, 1
        while not name or name in self.taken:
            self.count += not wish
            n += 1
            name = f"{wish}{n}" if wish else f"v{self.count}"
        self.taken.add(name)
        self.names[var] = name

    def type(self, atom: Atom) -> str:
        """`f64[N, d]`: symbols where axes have them, else sizes."""
        dims: Any = self.dims
        shape = [dims.get((atom, i), str(n)) for i, n in enumerate(atom.type.shape)]
        return short(atom.type.dtype) + (f"[{', '.join(shape)}]" if shape else "")


def show(program: Program, dims: Mapping[str, str] | bool = False) -> str:
    """The list as text. With `dims`, axes print as symbols, and their sizes stand in front."""
    return "\n".join(_lines(program, dims, ""))


def _lines(program: Program, dims: Mapping[str, str] | bool, indent: str) -> Iterator[str]:
    names = _Names(program)
    inner = indent + "    "
    if dims is not False:
        sizes, names.dims = symbols(program, {} if dims is True else dims)
        for symbol, n in sizes.items():
            yield f"{indent}{symbol} = {n}"
    heads = ", ".join(f"{names.names[v]}: {names.type(v)}" for v in program.inputs)
    yield f"{indent}def {program.name}({heads}):"
    for const in _large(program):
        names.names[const] = f"c{sum(isinstance(a, Const) for a in names.names) + 1}"
        yield f"{inner}{names.names[const]}: {names.type(const)} = ..."
    for eqn in program.equations:
        params = {}
        for key, value in eqn.params.items():
            if isinstance(value, Program):
                body = f"{key}_{len(names.taken)}"
                names.taken.add(body)
                yield from _lines(
                    Program(value.inputs, value.equations, value.outputs, body), False, inner
                )
                params[key] = body
            else:
                params[key] = repr(value)
        for var in eqn.outputs:
            names.give(var, var.name)
        yield inner + _equation(eqn, params, names)
    yield f"{inner}return {', '.join(_atom(a, names) for a in program.outputs)}"


def _equation(eqn: Equation, params: dict[str, str], names: _Names) -> str:
    args = [_atom(a, names) for a in eqn.inputs]
    if eqn.primitive.name in INFIX:
        right = f" {INFIX[eqn.primitive.name]} ".join(args)
    else:
        keywords = [f"{key}={value}" for key, value in params.items()]
        right = f"{eqn.primitive.name}({', '.join(args + keywords)})"
    if len(eqn.outputs) == 1:
        left = f"{names.names[eqn.outputs[0]]}: {names.type(eqn.outputs[0])}"
    else:
        left = ", ".join(names.names[v] for v in eqn.outputs)
    return f"{left} = {right}"


def _atom(atom: Atom, names: _Names) -> str:
    if atom in names.names:
        return names.names[atom]
    assert isinstance(atom, Const), f"{atom} is used before it is defined"
    value = np.asarray(atom.value)
    plain = value.ndim == 0 and value.dtype in ("f8", "i8", "bool")
    # -0. survives only where the parts of a complex number stand by themselves
    parts = [value.real, value.imag] if value.dtype.kind == "c" else [value]
    text = ", ".join(_number(part) for part in parts)
    return text if plain else f"{short(value.dtype)}({text})"


def _number(value: Any) -> str:
    if value.ndim == 0:
        return repr(value.item())
    text = np.array2string(value, threshold=SMALL, separator=", ", floatmode="unique")
    return text.replace("\n", "")


def _large(program: Program) -> list[Const]:
    """The captured arrays too large to print, once each, in order of use."""
    atoms = [a for eqn in program.equations for a in eqn.inputs] + list(program.outputs)
    found = {
        a: None for a in atoms if isinstance(a, Const) and (a.type.size > SMALL or not a.type.size)
    }
    return list(found)


def constants(program: Program) -> list[Array]:
    """The captured arrays that print as `...`, in the order of their names c1, c2, ..."""
    found = [const.value for const in _large(program)]
    return found + [value for body in program.subprograms() for value in constants(body)]


class _Parser:
    def __init__(self, captured: Sequence[Array]) -> None:
        self.captured = iter(captured)
        self.sizes: dict[str, int] = {}

    def module(self, source: str) -> Program:
        program = None
        for node in ast.parse(source).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.sizes[name] = ast.literal_eval(value)
                case ast.FunctionDef() as head:
                    program = self.function(head)
        if program is None:
            raise ProgramError("No `def` stands in the text. Print a program to see the form.")
        return program

    def function(self, head: ast.FunctionDef) -> Program:
        env: dict[str, Any] = {}
        inputs = []
        for arg in head.args.args:
            env[arg.arg] = Var(self.type(arg.annotation), arg.arg)
            inputs.append(env[arg.arg])
        equations: list[Equation] = []
        outputs: list[Atom] = []
        for node in head.body:
            match node:
                case ast.FunctionDef() as body:
                    env[body.name] = self.function(body)
                case ast.AnnAssign(
                    target=ast.Name(id=name), annotation=kind, value=ast.Constant(value=v)
                ) if v is ...:
                    env[name] = Const(next(self.captured), self.type(kind))
                case ast.AnnAssign(
                    target=ast.Name(id=name), annotation=kind, value=ast.expr() as right
                ):
                    env[name] = out = Var(self.type(kind), name)
                    equations.append(self.equation((out,), right, env))
                case ast.Assign(targets=[ast.Tuple(elts=elts)], value=right):
                    equations.append(self.equation((), right, env, [ast.unparse(e) for e in elts]))
                case ast.Return(value=ast.Tuple(elts=elts)):
                    outputs = [self.atom(e, env) for e in elts]
                case ast.Return(value=ast.expr() as one):
                    outputs = [self.atom(one, env)]
                case ast.Return(value=None):
                    outputs = []
                case _:
                    raise ProgramError(f"Line {node.lineno} is no equation: {ast.unparse(node)}")
        return Program(inputs, equations, outputs, head.name)

    def equation(
        self, outs: tuple[Var, ...], right: ast.expr, env: dict[str, Any], names: Sequence[str] = ()
    ) -> Equation:
        match right:
            case ast.BinOp(left=a, op=op, right=b):
                name, operands = INFIX_NAMES[type(op).__name__], [a, b]
                keywords: list[ast.keyword] = []
            case ast.Call(func=ast.Name(id=name), args=operands, keywords=keywords):
                pass
            case _:
                raise ProgramError(f"Line {right.lineno} is no equation: {ast.unparse(right)}")
        if name not in REGISTRY.primitives:
            raise ProgramError(f"Line {right.lineno} names {name!r}, which is no primitive.")
        params = {k.arg or "": self.param(k.value, env) for k in keywords}
        inputs = tuple(self.atom(o, env) for o in operands)
        primitive = REGISTRY.primitives[name]
        if names:
            types = infer(primitive, [a.type for a in inputs], params)
            outs = tuple(Var(t, n) for t, n in zip(types, names, strict=True))
            env.update(zip(names, outs, strict=True))
        return Equation(primitive, inputs, outs, params)

    def param(self, node: ast.expr, env: dict[str, Any]) -> Any:
        if isinstance(node, ast.Name) and isinstance(env.get(node.id), Program):
            return env[node.id]
        match node:
            case ast.Call(func=ast.Name(id="dtype"), args=[ast.Constant(value=str(name))]):
                return np.dtype(name)
            case ast.Name(id="nan" | "inf" as name):
                return float(name)
        return ast.literal_eval(node)

    def atom(self, node: ast.expr, env: dict[str, Any]) -> Atom:
        match node:
            case ast.Name(id=name) if name in env:
                found = env[name]
                assert isinstance(found, Var | Const)
                return found
            case ast.Call(func=ast.Name(id=dtype), args=[value]):
                return Const(np.array(_literal(value), long(dtype))[()])
            case ast.Call(func=ast.Name(id=dtype), args=[real, imag]):
                z = np.zeros(np.shape(_literal(real)), long(dtype))
                z.real, z.imag = _literal(real), _literal(imag)
                return Const(z[()])
        return Const(np.asarray(_literal(node))[()])

    def type(self, node: ast.expr | None) -> Type:
        if isinstance(node, ast.Name):
            return Type((), long(node.id))
        assert isinstance(node, ast.Subscript)
        dims = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        shape = [self.sizes[d.id] if isinstance(d, ast.Name) else ast.literal_eval(d) for d in dims]
        return Type(tuple(shape), long(ast.unparse(node.value)))


def _literal(node: ast.expr) -> Any:
    """A number or nested list of numbers, with nan and inf."""
    text = ast.unparse(node)
    known = {"__builtins__": {}, "nan": np.nan, "inf": np.inf, "True": True, "False": False}
    try:
        return eval(text, known)
    except NameError as error:
        raise ProgramError(f"Line {node.lineno} reads {error.name}, which is unknown.") from error


def parse(source: str, constants: Sequence[Array] = ()) -> Program:
    """The list that this text prints; ProgramError, with the line, if it is none."""
    try:
        return _Parser(constants).module(source)
    except SyntaxError as error:
        raise ProgramError(f"Line {error.lineno} isn't in the grammar of a list.") from error


Program.__str__ = Program.show = show  # type: ignore[method-assign, assignment]
