"""Binary cross-entropy: -y log s - (1 - y) log(1 - s), s = sigma(z), is softplus(z) - y z.

Its slope is s - y. With labels t = 2 y - 1 in {-1, +1} it is the logistic loss log(1 + exp(-t z)).

python examples/binary_cross_entropy.py
"""

import numpy as np

import wengert


def sigma(z):
    return 1 / (1 + np.exp(-z))


def by_probability(z, y):
    s = sigma(z)
    return -(y * np.log(s) + (1 - y) * np.log(1 - s))


def by_logit(z, y):
    return np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))


def main():
    """Three spellings, one number and one slope; then where the first spelling breaks."""
    print("    z  y   by probability   by logit   logistic loss   slope    s - y")
    for z, y in ((-2.0, 0.0), (-2.0, 1.0), (0.5, 1.0), (3.0, 0.0)):
        logistic = float(wengert.logistic_loss(z, 2 * y - 1))
        slope = wengert.grad(by_logit)(z, y)
        row = f"{by_probability(z, y):14.6f} {by_logit(z, y):10.6f} {logistic:15.6f}"
        print(f"{z:5.1f} {y:2.0f} {row} {slope:8.4f} {sigma(z) - y:8.4f}")
    print("\nThe mean over a batch, and mistakes in its gradient:")
    f = lambda w, X, y: np.mean(by_logit(X @ w, y))
    X, y, w = np.arange(12.0).reshape(4, 3), np.array([0.0, 1.0, 1.0, 0.0]), np.zeros(3)
    right = lambda w, X, y: X.T @ (sigma(X @ w) - y) / len(X)
    no_mean = lambda w, X, y: X.T @ (sigma(X @ w) - y)
    turned = lambda w, X, y: X.T @ (y - sigma(X @ w)) / len(X)
    for name, g in (("X'(s - y)/N", right), ("X'(s - y)", no_mean), ("X'(y - s)/N", turned)):
        print(f"   {name:12} {wengert.check(f, g, w, X, y).text}")
    print("\nThe digits of a confident, right answer (z = 30, y = 1):")
    for g in (by_probability, by_logit):
        print(f"   {g.__name__:15}", wengert.digits(lambda z, g=g: g(z, 1.0), 30.0).text)


if __name__ == "__main__":
    main()
