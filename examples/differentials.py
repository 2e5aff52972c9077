"""Matrix differentials: write dQ = tr(G' dX), read off the gradient G. Each line is checked.

python examples/differentials.py
"""

import numpy as np

import wengert

rng = np.random.default_rng(0)
X, B, w, y = (
    rng.normal(size=(5, 3)),
    rng.normal(size=(4, 3)),
    rng.normal(size=3),
    rng.normal(size=5),
)
S, R = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
A = S @ S.T + np.eye(3)  # so that log det A is real
inv, det = np.linalg.inv, np.linalg.det

# Q, dQ, the gradient, the arguments
ROWS = [
    ("a'Xb", "tr(b a' dX)", lambda X, a, b: a @ X @ b, lambda X, a, b: np.outer(a, b), (X, y, w)),
    (
        "tr(A'BA)",
        "tr(A'(B + B') dA)",
        lambda A, B: np.trace(A.T @ B @ A),
        lambda A, B: (B + B.T) @ A,
        (S, R),
    ),
    ("x'Ax", "x'(A + A') dx", lambda x, A: x @ A @ x, lambda x, A: (A + A.T) @ x, (w, S)),
    (
        "|Xw - y|^2",
        "2 (Xw - y)'X dw",
        lambda w, X, y: np.sum((X @ w - y) ** 2),
        lambda w, X, y: 2 * X.T @ (X @ w - y),
        (w, X, y),
    ),
    ("log det A", "tr(A^-1 dA)", lambda A: np.log(det(A)), lambda A: inv(A).T, (A,)),
    ("tr(A^-1)", "-tr(A^-2 dA)", lambda A: np.trace(inv(A)), lambda A: -(inv(A) @ inv(A)).T, (A,)),
    ("1'exp(X)1", "tr(exp(X)' dX)", lambda X: np.sum(np.exp(X)), np.exp, (X,)),
]


def main():
    """A row for each function: its differential, its gradient's check, and two wrong ones."""
    for Q, dQ, f, gradient, args in ROWS:
        verdict = wengert.check(f, gradient, *args)
        print(f"Q = {Q:11} dQ = {dQ:18} {verdict.text}")
    print("\nTwo that are often written:")
    Q, _, f, _, args = ROWS[2]
    print(f"2Ax for {Q}: {wengert.check(f, lambda x, A: 2 * A @ x, *args).text}")
    Q, _, f, _, args = ROWS[4]
    print(f"A^-1 for {Q}: {wengert.check(f, inv, S @ S.T + S + 2 * np.eye(3)).text}")


if __name__ == "__main__":
    main()
