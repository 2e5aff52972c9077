"""Forward mode on the notes' f(x) = (x1 x2 sin x3 + exp(x1 x2))/x3: dual numbers, line by line.

python examples/forward_mode.py
"""

import numpy as np

import wengert

at = (0.5, 4.0, 1.5)


def f(x1, x2, x3):
    return (x1 * x2 * np.sin(x3) + np.exp(x1 * x2)) / x3


def main():
    """By hand, one direction; the table of all; a pass for each input, and one for any direction."""
    (x1, x2, x3), (d1, d2, d3) = at, (1.0, 0.0, 0.0)  # the direction x1
    v1, dv1 = x1 * x2, d1 * x2 + x1 * d2
    v2, dv2 = np.sin(x3), np.cos(x3) * d3
    v3, dv3 = v1 * v2, dv1 * v2 + v1 * dv2
    v4, dv4 = np.exp(v1), np.exp(v1) * dv1
    v5, dv5 = v3 + v4, dv3 + dv4
    v6, dv6 = v5 / x3, dv5 / x3 - v5 * d3 / x3**2
    print(f"By hand: f = {v6:.6f}, df/dx1 = {dv6:.6f}\n")
    for row in wengert.tables(f, *at).forward:
        print("   ".join(f"{cell:<14}" for cell in row))
    print()
    for i, direction in enumerate(np.eye(3)):
        value, derivative = wengert.jvp(f, at, tuple(direction))
        print(f"pass {i + 1}: f = {value:.6f}, df/dx{i + 1} = {derivative:.6f}")
    u = (1.0, -1.0, 2.0)
    print("one pass along (1, -1, 2):", wengert.jvp(f, at, u)[1])
    g = np.array(wengert.grad(f, (0, 1, 2))(*at))
    print("gradient' (1, -1, 2):     ", g @ np.array(u))


if __name__ == "__main__":
    main()
