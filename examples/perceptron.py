"""A two-layer perceptron: its activations, its backpropagation by hand, and the graph of its list.

python examples/perceptron.py
"""

import numpy as np

import wengert

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(200, 2))
t = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)[:, None]  # no line separates these


def Q(W1, b1, W2, b2, X, t):
    Z = X @ W1 + b1
    H = np.tanh(Z)
    o = H @ W2 + b2
    return np.mean(np.log(1 + np.exp(-t * o)))


def backpropagation(W1, b1, W2, b2, X, t):
    H = np.tanh(X @ W1 + b1)
    delta2 = -t / (1 + np.exp(t * (H @ W2 + b2))) / len(X)
    delta1 = (delta2 @ W2.T) * (1 - H**2)
    return X.T @ delta1, delta1.sum(axis=0), H.T @ delta2, delta2.sum(axis=0)


def main():
    """The table of activations, the check of four lines of calculus, XOR learned, the graph."""
    print("activation   g(-2)     g(2)    g'(-2)    g'(0)    g'(2)")
    curves = [wengert.sigmoid, np.tanh, wengert.relu, wengert.elu, wengert.softplus, wengert.gelu]
    for g in curves:
        slope = wengert.grad(lambda x, g=g: g(x))
        row = [float(g(-2.0)), float(g(2.0)), slope(-2.0), slope(0.0), slope(2.0)]
        print(f"{g.__name__:9}", " ".join(f"{v:8.4f}" for v in row))
    p = (rng.normal(size=(2, 8)), np.zeros(8), rng.normal(size=(8, 1)), np.zeros(1))
    print("\nBackpropagation by hand:", wengert.check(Q, backpropagation, *p, X, t).text)
    step = wengert.jit(wengert.value_and_grad(Q, (0, 1, 2, 3)))
    for i in range(601):
        value, g = step(*p, X, t)
        if i % 150 == 0:
            print(f"step {i:3d}: Q = {value:.4f}")
        p = tuple(v - d for v, d in zip(p, g, strict=True))
    right = np.mean(np.sign(np.tanh(X @ p[0] + p[1]) @ p[2] + p[3]) == t)
    print(f"accuracy {right:.1%}\n")
    print(wengert.graph(lambda W1, b1, W2, b2: Q(W1, b1, W2, b2, X, t), *p, blocks=False).mermaid)


if __name__ == "__main__":
    main()
