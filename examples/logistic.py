"""The logistic loss, for labels in {-1, +1}: Q(w) = sum log(1 + exp(-y_i x_i'w)).

python examples/logistic.py
"""

import numpy as np

import wengert


def sigma(z):
    return 1 / (1 + np.exp(-z))


def main():
    """The loss by margin, its gradient -X'(y * sigma(-y * Xw)), a check by hand, and a fit."""
    print("margin y x'w   error [margin < 0]   log(1 + exp(-margin))   its slope")
    slope = wengert.grad(lambda margin: wengert.logistic_loss(margin, 1.0))
    for margin in (-5.0, -1.0, 0.0, 1.0, 5.0):
        loss = float(wengert.logistic_loss(margin, 1.0))
        print(f"{margin:12.1f}   {margin < 0:18d}   {loss:21.6f}   {slope(margin):9.6f}")

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.sign(X @ np.array([2.0, -1.0, 0.5]) + 0.3 * rng.normal(size=200))

    def Q(w, X, y):
        return np.sum(np.log(1 + np.exp(-y * (X @ w))))

    def by_hand(w, X, y):
        return -X.T @ (y * sigma(-y * (X @ w)))

    def forgotten(w, X, y):
        return -X.T @ sigma(-y * (X @ w))

    w = np.zeros(3)
    print("\nQ and its gradient at w = 0:", Q(w, X, y), wengert.grad(Q)(w, X, y))
    print("-X'(y * sigma(-y * Xw)):     ", wengert.check(Q, by_hand, w, X, y).text)
    print("-X' sigma(-y * Xw):          ", wengert.check(Q, forgotten, w, X, y).text)
    gradient = wengert.jit(wengert.grad(Q))
    for step in range(201):
        if step % 50 == 0:
            wrong = np.mean(y * (X @ w) < 0)
            print(f"step {step:3d}: Q = {Q(w, X, y):8.4f}, errors {wrong:.1%}, w = {w.round(3)}")
        w = w - 0.02 * gradient(w, X, y)


if __name__ == "__main__":
    main()
