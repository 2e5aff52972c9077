"""The universal approximator by hand: steps, ANDs, f ~ sum f(a_i) [a_i <= x <= b_i].

    [x > a] ~ sigma(w (x - a))        AND(p, q) = [p + q > 3/2]

python examples/universal.py
"""

import numpy as np

import wengert


def step(x, a, w):
    return wengert.sigmoid(w * (x - a))


def both(p, q, w):
    """1 where both are 1: a threshold at 3/2."""
    return step(p + q, 1.5, w)


def inside(x, a, b, w):
    """[a <= x <= b]: to the right of a, and not to the right of b."""
    return both(step(x, a, w), 1 - step(x, b, w), w)


def net(x, f, low, high, m, wh):
    """The network of m cells of width h: one layer of 2 m steps, f(centre) as last weights.

    A difference of two steps is a cell, so that neighbours meet in a convex mixture.
    """
    edges = np.linspace(low, high, m + 1)
    centres, w = (edges[1:] + edges[:-1]) / 2, wh * m / (high - low)
    rise = wengert.sigmoid(w * (x[:, None] - edges))
    rise[:, 0], rise[:, -1] = 1, 0
    return (rise[:, :-1] - rise[:, 1:]) @ f(centres)


def main():
    """A step sharpens, an AND decides, a sine is built, and the error stays under its bound."""
    print("sigma(w (x - 1)) at x = 0.9, 1, 1.1:")
    for w in (1.0, 10.0, 100.0):
        print(f"   w = {w:5.0f}:", step(np.array([0.9, 1.0, 1.1]), 1.0, w).round(4))
    p, q = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    print("AND of (0,0) (0,1) (1,0) (1,1):", both(p, q, 50.0).round(4))
    print("[1 <= x <= 2] at 0.5, 1.5, 2.5:", inside(np.array([0.5, 1.5, 2.5]), 1, 2, 50.0).round(4))
    x, wh = np.linspace(0, 2 * np.pi, 20001), 12.0
    print("\nsin on [0, 2 pi] by m cells, w h = 12; bound L h (1/2 + 2 e^(-wh/2)/(1 - e^(-wh)))")
    for m in (10, 32, 100, 315):
        worst = np.abs(net(x, np.sin, 0, 2 * np.pi, m, wh) - np.sin(x)).max()
        bound = 2 * np.pi / m * (0.5 + 2 * np.exp(-wh / 2) / (1 - np.exp(-wh)))
        print(f"   m = {m:3d}: largest error {worst:.3e}, bound {bound:.3e}")


if __name__ == "__main__":
    main()
