"""Reverse mode on the notes' f(x) = (x1 x2 sin x3 + exp(x1 x2))/x3: adjoints from the last line up.

python examples/reverse_mode.py
"""

import numpy as np

import wengert

at = (0.5, 4.0, 1.5)


def f(x1, x2, x3):
    return (x1 * x2 * np.sin(x3) + np.exp(x1 * x2)) / x3


def main():
    """By hand, all derivatives in one sweep; the two tables and their cost; n inputs, one sweep."""
    x1, x2, x3 = at
    v1 = x1 * x2
    v2 = np.sin(x3)
    v4 = np.exp(v1)
    v5 = v1 * v2 + v4
    a5 = 1 / x3  # the adjoint of v6 = v5 / x3 is 1
    a3 = a4 = a5  # v5 = v3 + v4
    a2 = a3 * v1  # v3 = v1 v2
    a1 = a3 * v2 + a4 * v4  # v1 is read by v3 and by v4 = exp(v1)
    gradient = a1 * x2, a1 * x1, a2 * np.cos(x3) - v5 / x3**2
    print("By hand:", np.array(gradient))
    print("wengert:", np.array(wengert.grad(f, (0, 1, 2))(*at)), "\n")
    print(wengert.tables(f, *at))
    print("\nThe cost of a gradient of n inputs, in operations:")
    for n in (3, 30, 300):
        t = wengert.tables(lambda w: np.sum(np.sin(w) * w), np.ones(n))
        cost = {row[0]: int(row[3]) for row in t.cost[1:]}
        print(f"   n = {n:3d}: value {cost['value']}, {n} forward passes {cost['forward']}, "
              f"one reverse pass {cost['reverse']}")  # fmt: skip


if __name__ == "__main__":
    main()
