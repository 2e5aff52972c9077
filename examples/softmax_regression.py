"""Softmax regression: dQ/dW = X'(softmax(XW + 1b') - Y)/N and dQ/db = (softmax(XW + 1b') - Y)'1/N.

python examples/softmax_regression.py
"""

import numpy as np

import wengert

rng = np.random.default_rng(0)
centres = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
labels = rng.integers(3, size=300)
X, Y = centres[labels] + rng.normal(size=(300, 2)), np.eye(3)[labels]


def softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def Q(W, b, X, Y):
    Z = X @ W + b
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - np.sum(Y * Z, axis=1))


def by_hand(W, b, X, Y):
    D = (softmax(X @ W + b) - Y) / len(X)
    return X.T @ D, D.sum(axis=0)


def without_n(W, b, X, Y):
    D = softmax(X @ W + b) - Y
    return X.T @ D, D.sum(axis=0)


def main():
    """The gradient as a formula, checked; a classic mistake, named; a fit."""
    W, b = np.zeros((2, 3)), np.zeros(3)
    gradient = wengert.grad(Q, (0, 1))
    print("The gradient's list, in matrix notation:")
    print("   " + "\n   ".join(wengert.formulas(wengert.trace(gradient)(W, b, X, Y))))
    print("\nBy hand:    ", wengert.check(Q, by_hand, W, b, X, Y).text)
    print("Without 1/N:", wengert.check(Q, without_n, W, b, X, Y).text, "\n")
    fast = wengert.jit(gradient)
    for step in range(101):
        if step % 25 == 0:
            right = np.mean(np.argmax(X @ W + b, axis=1) == labels)
            print(f"step {step:3d}: Q = {Q(W, b, X, Y):.4f}, accuracy {right:.1%}")
        dW, db = fast(W, b, X, Y)
        W, b = W - dW, b - db


if __name__ == "__main__":
    main()
