"""Less work for equal numbers up to rounding: what the machine's list is rid of before its loops.

array that repeats another          a broadcast of that one, which is read once
sum_i -x[i]                         -(sum_i x[i])
sum_i (x[i, k] w[k, j])             (sum_i x[i, k]) w[k, j]: no product of matrices
sum_A (x[A, i, k] w[A, k, j])       one product, folded over A and k
"""

from typing import Any

import numpy as np

from wengert.ir.infer import infer
from wengert.ir.primitive import REGISTRY, Primitive
from wengert.ir.program import Atom, Const, Equation, Program, Var

LARGE = 4096
"""Arrays of fewer elements repeat what they like."""


def lighten(program: Program) -> Program:
    """The program with these laws applied, line by line."""
    return _Lighter(program).run()


class _Lighter:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines: list[Equation] = []
        self.made: dict[Atom, Equation] = {}
        self.readers: dict[Atom, int] = {}
        self.thin: dict[tuple[Any, ...], Atom] = {}
        for a in (*[a for e in program.equations for a in e.inputs], *program.outputs):
            self.readers[a] = self.readers.get(a, 0) + 1

    def run(self) -> Program:
        for eqn in self.program.equations:
            inputs = tuple([self._thinned(a) for a in eqn.inputs])
            self._add(Equation(eqn.primitive, inputs, eqn.outputs, eqn.params, eqn.place))
        p = self.program
        needed = set(p.outputs)
        kept = []
        for eqn in reversed(self.lines):
            if needed.intersection(eqn.outputs) or not _pure(eqn):
                needed.update(eqn.inputs)
                kept.append(eqn)
        return Program(p.inputs, kept[::-1], p.outputs, p.name)

    def _add(self, eqn: Equation) -> None:
        float_sum = eqn.primitive.name == "sum" and eqn.outputs[0].type.dtype.kind == "f"
        if float_sum and self._inward(eqn):
            return
        self.lines.append(eqn)
        self.made.update((v, eqn) for v in eqn.outputs)

    def _write(self, primitive: Primitive, *inputs: Atom, like: Equation, **params: Any) -> Var:
        (kind,) = infer(primitive, [a.type for a in inputs], params)
        out = Var(kind)
        self.readers[out] = 1
        self._add(Equation(primitive, inputs, (out,), params, like.place))
        return out

    def _thinned(self, atom: Atom) -> Atom:
        """A constant that repeats a smaller one, as a broadcast of it."""
        if not isinstance(atom, Const) or atom.type.size < LARGE:
            return atom
        x = atom.value
        if not isinstance(x, np.ndarray) or not any(
            s == 0 and n > 1 for s, n in zip(x.strides, x.shape, strict=True)
        ):
            return atom
        small = x[tuple([slice(0, 1) if s == 0 else slice(None) for s in x.strides])]
        key = (small.ctypes.data, small.shape, small.strides, small.dtype, x.shape)
        if key not in self.thin:
            out = Var(atom.type)
            broadcast = REGISTRY.primitives["broadcast"]
            self._add(Equation(broadcast, (Const(small),), (out,), {"shape": x.shape}))
            self.thin[key] = out
        return self.thin[key]

    # --- sums
    def _inward(self, eqn: Equation) -> bool:
        """Whether a sum could be moved into what it sums, which nobody else reads."""
        x = eqn.inputs[0]
        made = self.made.get(x)
        if made is None or self.readers.get(x, 0) != 1:
            return False
        if made.primitive.name == "negative":
            folded = self._write(eqn.primitive, made.inputs[0], like=eqn, **eqn.params)
            self._add(Equation(made.primitive, (folded,), eqn.outputs, {}, eqn.place))
            return True
        return made.primitive.name == "contract" and self._product(eqn, made)

    def _product(self, eqn: Equation, made: Equation) -> bool:
        operands, out = made.params["spec"].split("->")
        gone = [out[a] for a in eqn.params["axes"]]
        parts, inputs = operands.split(","), list(made.inputs)
        alone = [[c for c in gone if (c in part) and (c not in other)]
                 for part, other in (parts, parts[::-1])]  # fmt: skip
        if any(len(mine) == len(part) for mine, part in zip(alone, parts, strict=True)):
            return False
        for side, mine in enumerate(alone):
            if mine:
                axes = tuple(sorted(parts[side].index(c) for c in mine))
                inputs[side] = self._write(eqn.primitive, inputs[side], like=eqn, axes=axes)
                parts[side] = "".join(c for c in parts[side] if c not in mine)
        spec = f"{parts[0]},{parts[1]}->{''.join(c for c in out if c not in gone)}"
        self._add(Equation(made.primitive, tuple(inputs), eqn.outputs, {"spec": spec}, eqn.place))
        return True


def _pure(eqn: Equation) -> bool:
    """Whether nothing is lost with an equation whose results nobody reads."""
    return eqn.primitive.name in ("negative", "contract", "broadcast")
