"""Maximum likelihood is least cross-entropy: one number in three forms.

    -(1/N) log prod_i p_i[y_i]  =  -(1/N) sum_i log p_i[y_i]  =  -(1/N) sum_ik Y_ik log P_ik

python examples/likelihood.py
"""

import numpy as np

import wengert

rng = np.random.default_rng(0)
Z = rng.normal(size=(6, 3))
labels = np.array([0, 2, 1, 1, 0, 2])
Y = np.eye(3)[labels]


def softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=1, keepdims=True)


def likelihood(Z):
    P = softmax(Z)
    return -np.log(np.prod(P[np.arange(len(P)), labels])) / len(P)


def log_likelihood(Z):
    P = softmax(Z)
    return -np.mean(np.log(P[np.arange(len(P)), labels]))


def cross_entropy(Z):
    return -np.mean(np.sum(Y * np.log(softmax(Z)), axis=1))


def main():
    """The three forms, their one gradient (P - Y)/N, and what the product loses first."""
    closed = (softmax(Z) - Y) / len(Z)
    for f in (likelihood, log_likelihood, cross_entropy):
        gap = np.abs(wengert.grad(f)(Z) - closed).max()
        print(f"{f.__name__:15} {f(Z):.12f}   |gradient - (P - Y)/N| = {gap:.0e}")
    p = np.full(2000, 0.5)
    print(
        "\nThe product of 2000 halves is", np.prod(p), "and the sum of their logs", np.log(p).sum()
    )
    print("Two coins, p = 0.7 fitted to 7 heads of 10: dQ/dp = 0 there and nowhere else")
    Q = lambda p: -(7 * np.log(p) + 3 * np.log(1 - p)) / 10
    for p in (0.5, 0.6, 0.7, 0.8):
        print(f"   p = {p}: Q = {Q(p):.6f}, dQ/dp = {wengert.grad(Q)(p):+.6f}")


if __name__ == "__main__":
    main()
