"""`wengert approximate "sin(x)" --on 0 3 --tol 1e-3` and `wengert verify cert.json`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert.certify import approximate, verify
from wengert.errors import WengertError


def main(argv: Sequence[str]) -> int:
    """Build a perceptron for an expression in x, without training, and prove its error.

    Returns 0 if the tolerance is proven, 1 if it isn't or the expression has no bounds.
    """
    parser = argparse.ArgumentParser(prog="wengert approximate", description=main.__doc__)
    parser.add_argument("expression", help="NumPy's names without np.: 'sin(3*x)*exp(-x)'")
    parser.add_argument("--on", nargs=2, type=float, required=True, metavar=("LOW", "HIGH"))
    parser.add_argument("--tol", type=float, required=True, help="the greatest error allowed")
    parser.add_argument("--activation", choices=["sigmoid", "relu"], default="relu")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--out", type=Path, help="where to write the certificate")
    given = parser.parse_args(argv)
    try:
        code = compile(given.expression, "<expression>", "eval")
        made = approximate(
            lambda x: eval(code, _names(x)), given.on, given.tol, given.activation, given.dtype
        )
    except (WengertError, SyntaxError, NameError, TypeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(made)
    if given.out:
        given.out.write_text(made.certificate, encoding="utf-8")
    return 0 if made.proven else 1


def _names(x: Any) -> dict[str, Any]:
    """The names of an expression: NumPy's, wengert's activations, and x."""
    return {**vars(np), **{n: getattr(wengert, n) for n in ("sigmoid", "relu", "softplus")}, "x": x}


def check(argv: Sequence[str]) -> int:
    """Check a certificate again from scratch. Returns 0 if its claim is proven, else 1."""
    parser = argparse.ArgumentParser(prog="wengert verify", description=check.__doc__)
    parser.add_argument("certificate", type=Path)
    given = parser.parse_args(argv)
    try:
        made = verify(given.certificate)
    except (WengertError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(made)
    return 0 if made.proven else 1
