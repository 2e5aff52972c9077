"""A table of networks built without training: `python benchmarks/certified.py`.

Tolerance asked, bound proven, the worst error that an attack finds, neurons, cells, seconds.
"""

import numpy as np

import wengert

# fmt: off
CASES = [
    ("sin x",             np.sin, 0, 3), ("sin(3x) exp(-x)", lambda x: np.sin(3 * x) * np.exp(-x), 0, 3),
    ("exp(-x^2)",         lambda x: np.exp(-x * x), -2, 2), ("1/(1 + 25x^2)", lambda x: 1 / (1 + 25 * x * x), -1, 1),
    ("abs(x - 0.3)",        lambda x: np.abs(x - 0.3), -1, 1), ("tanh 9x", lambda x: np.tanh(9 * x), -1, 1),
    ("tanh 100x",         lambda x: np.tanh(100 * x), -1, 1), ("log(1 + x)", np.log1p, 0, 5),
    ("x^3 - x",           lambda x: x**3 - x, -1, 1), ("exp x", np.exp, -1, 1), ("cos 9x", lambda x: np.cos(9 * x), 0, 2),
    ("sqrt(x^2 + 0.01)",  lambda x: np.sqrt(x * x + 0.01), -1, 1), ("arctan 5x", lambda x: np.arctan(5 * x), -2, 2),
    ("x sin(1/(x+.2))",   lambda x: x * np.sin(1 / (x + 0.2)), 0, 1), ("max(x, x^2)", lambda x: np.maximum(x, x * x), -1, 2),
    ("erf-like sigmoid",  lambda x: wengert.sigmoid(6 * x), -2, 2), ("gelu", wengert.gelu, -4, 3), ("softplus", wengert.softplus, -5, 5),
    ("log cosh x",        lambda x: np.log(np.cosh(x)), -3, 3), ("sin(x^2)", lambda x: np.sin(x * x), 0, 3),
    ("clip(x, -.5, .5)",  lambda x: np.clip(x, -0.5, 0.5), -1, 1), ("sinh x / (1 + x^2)", lambda x: np.sinh(x) / (1 + x * x), -2, 2),
]
# fmt: on


def attacked(made, f, low, high):
    """The greatest error on a dense cloud, and around the worst of it."""
    x, found = np.linspace(low, high, 20_001), 0.0
    for _ in range(3):
        x = np.clip(x, low, high).astype(made.net.w.dtype)
        parts = np.array_split(x, max(1, len(x) * made.neurons // 2_000_000))
        e = np.concatenate([np.abs(made(p).astype(float) - f(p.astype(float))) for p in parts])
        found, top, width = max(found, e.max()), x[np.argmax(e)], (x.max() - x.min()) / 5000
        x = np.linspace(top - width, top + width, 2001)
    return found


def main():
    print("| function | net | tolerance | proven | attacked | neurons | cells | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, f, low, high in CASES:
        for kind, tol, dtype in (
            ("relu", 1e-3, np.float64),
            ("relu", 1e-3, np.float32),
            ("sigmoid", 5e-2, np.float64),
        ):
            made = wengert.approximate(f, (low, high), tol, kind, dtype)
            worst = attacked(made, f, low, high)
            assert worst <= made.bound, (name, kind, worst, made.bound)
            bound = f"{made.bound:.3e}" + ("" if made.proven else " (above)")
            what = f"{kind} {np.dtype(dtype).name}"
            print(
                f"| {name} | {what} | {tol:g} | {bound} | {worst:.3e} | {made.neurons} | {made.cells} | {made.seconds:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
