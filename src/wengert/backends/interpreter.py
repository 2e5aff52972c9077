"""The list as one straight Python function of NumPy calls: no dispatch is left when it runs.

The reference is `Program.__call__`; this says the same with three savings. A broadcast that only
pointwise operations read is left to NumPy; a large value that nobody reads again gives its memory
to the result; the rest of the dead are let go at once.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from wengert.ir.families import Contraction, Pointwise, Reduction
from wengert.ir.liveness import dying
from wengert.ir.program import Atom, Const, Equation, Program, Var
from wengert.ir.types import Array
from wengert.primitives.maps import plan

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
LARGE = 1 << 15
"""Bytes from which on reusing a buffer pays."""


def interpret(program: Program, resumed: bool = False) -> Callable[..., list[Array]]:
    """A function of the inputs that returns the list of outputs. Results own their memory.

    If `resumed`, it takes two more in front: the number of a guard, and what to call behind it.
    """
    return _Writer(program, own=True).function("after, loud, " if resumed else "")


@lru_cache(maxsize=1024)
def step(body: Program) -> Callable[..., list[Array]]:
    """The like for a loop's body, made once: its results may be its inputs, or views of them."""
    return _Writer(body, own=False).function()


class _Writer:
    def __init__(self, program: Program, own: bool) -> None:
        self.program = program
        self.own = own
        self.resumed = False
        self.scope: dict[str, Any] = {}
        self.names: dict[Atom, str] = {v: f"x{i}" for i, v in enumerate(program.inputs)}
        self.uses = _readers(program)
        self.elided = {v for v in self.uses if _elidable(v, self.uses)}
        self.returned: set[Atom] = set()
        self.fresh = {v for eqn in program.equations for v in eqn.outputs if self._owned(eqn, v)}

    def function(self, more: str = "") -> Callable[..., list[Array]]:
        self.resumed = bool(more)
        ends = dying(self.program)
        lines = [
            self.line(eqn, dead) for eqn, dead in zip(self.program.equations, ends, strict=True)
        ]
        results = ", ".join(self.result(a) for a in self.program.outputs)
        head = ", ".join(self.names[v] for v in self.program.inputs)
        body = "".join(f"    {line}\n" for line in lines if line)
        source = f"def program({more}{head}):\n{body}    return [{results}]\n"
        exec(compile(source, "<wengert list>", "exec"), self.scope)
        function: Callable[..., list[Array]] = self.scope["program"]
        function.__doc__ = source
        return function

    def line(self, eqn: Equation, dead: list[Var]) -> str:
        out = eqn.outputs[0]
        if out in self.elided:
            self.names[out] = self.atom(eqn.inputs[0])
            return ""
        args = [self.atom(a) for a in eqn.inputs]
        if eqn.primitive.effect:
            self.names[out] = args[0]
            return self.guard(eqn, args[0])
        for v in eqn.outputs:
            self.names[v] = f"v{len(self.names)}"
        left = ", ".join(self.names[v] for v in eqn.outputs) + (
            ", " if len(eqn.outputs) > 1 else ""
        )
        reuse = self._buffer(eqn, dead)
        gone = [self.names[v] for v in dead if v in self.fresh and v.type.nbytes >= LARGE]
        gone = [name for name in gone if reuse is None or name != self.names[reuse]]
        return f"{left} = {self.call(eqn, args, reuse)}" + (
            f"; del {', '.join(gone)}" if gone else ""
        )

    def guard(self, eqn: Equation, arg: str) -> str:
        """A truth value is looked at here; all else by the record, which raises."""
        check = self.keep(partial(eqn.primitive.evaluate, **eqn.params), "guard")
        outcome = eqn.params["outcome"]
        if self.resumed:
            return f"{check}({arg}); after == {eqn.params.get('index', 0)} and loud()"
        if eqn.params["asks"] != "bool" or eqn.params.get("lanes") or outcome is None:
            return f"{check}({arg})"
        return f"if {'not ' if outcome else ''}{arg}: {check}({arg})"

    def call(self, eqn: Equation, args: list[str], reuse: Var | None) -> str:
        primitive = eqn.primitive
        if reuse is not None:
            name = self.keep(primitive.evaluate, primitive.name)
            return f"{name}({', '.join(args)}, out={self.names[reuse]})"
        if primitive.name in INFIX:
            return f" {INFIX[primitive.name]} ".join(args)
        if isinstance(primitive.family, Contraction):
            return f"{self.keep(plan(eqn.params['spec']), 'contract')}({', '.join(args)})"
        if primitive.name == "reshape":
            return f"{args[0]}.reshape({eqn.params['shape']})"
        if primitive.name == "transpose":
            return f"{args[0]}.transpose({eqn.params['perm']})"
        if primitive.name == "sum":
            return f"{self.keep(np.add.reduce, 'sum')}({args[0]}, {eqn.params['axes']})"
        given = [f"{key}={self.keep(value, key)}" for key, value in eqn.params.items()]
        return f"{self.keep(primitive.evaluate, primitive.name)}({', '.join(args + given)})"

    def _buffer(self, eqn: Equation, dead: list[Var]) -> Var | None:
        """A dying operand whose memory the result may take."""
        if not isinstance(eqn.primitive.evaluate, np.ufunc) or not eqn.outputs[0].type.shape:
            return None
        fits = (
            v for v in dead
            if v in self.fresh and v.type == eqn.outputs[0].type and v.type.nbytes >= LARGE
            and v in eqn.inputs
        )  # fmt: skip
        return next(fits, None)

    def _owned(self, eqn: Equation, var: Var) -> bool:
        """Whether a variable's memory is its own and no view of it is ever made."""
        if not isinstance(eqn.primitive.family, Pointwise | Contraction) or not var.type.shape:
            return False
        makes_new = Pointwise | Contraction | Reduction
        return all(isinstance(r.primitive.family, makes_new) for r in self.uses.get(var, ()))

    def atom(self, atom: Atom) -> str:
        if atom not in self.names:
            assert isinstance(atom, Const)
            self.names[atom] = self.keep(atom.value, "c")
        return self.names[atom]

    def keep(self, value: Any, stem: str) -> str:
        """A name for a value that the function needs."""
        name = f"{stem}_{len(self.scope)}"
        self.scope[name] = value
        return name

    def result(self, atom: Atom) -> str:
        """An output: copied where it could share memory with an input or another output."""
        name = self.atom(atom)
        if not self.own:
            return name
        if not atom.type.shape:
            return f"{name}[()]" if isinstance(atom, Var) else name
        first = atom in self.fresh and atom not in self.returned
        self.returned.add(atom)
        return name if first else f"{self.keep(np.array, 'own')}({name})"


def _readers(program: Program) -> dict[Var, list[Equation]]:
    uses: dict[Var, list[Equation]] = {v: [] for eqn in program.equations for v in eqn.outputs}
    for eqn in program.equations:
        if eqn.primitive.name == "broadcast" and isinstance(eqn.inputs[0], Var | Const):
            uses[eqn.outputs[0]].append(eqn)  # itself first: how it is made
    for eqn in program.equations:
        for atom in eqn.inputs:
            if atom in uses:
                uses[atom].append(eqn)
    for atom in program.outputs:
        if isinstance(atom, Var):
            uses.pop(atom, None)
    return uses


def _elidable(var: Var, uses: dict[Var, list[Equation]]) -> bool:
    """A broadcast of which each reader is pointwise and takes its shape from another operand."""
    readers = uses[var]
    if not readers or readers[0].outputs[0] is not var:
        return False
    return all(isinstance(r.primitive.family, Pointwise) and _shaped(r, uses) for r in readers[1:])


def _shaped(eqn: Equation, uses: dict[Var, list[Equation]]) -> bool:
    """Whether an operand that is no broadcast has the result's shape."""
    shape = eqn.outputs[0].type.shape
    return any(
        a.type.shape == shape and not (a in uses and uses[a] and uses[a][0].outputs[0] is a)
        for a in eqn.inputs
    )
