"""Gradient descent on F(w): w <- w - eta F'(w), and what the step size does.

python examples/descent.py
"""

import numpy as np

import wengert


def F(w):
    """A narrow valley: curvatures 1 and 10."""
    return (w[0] - 1) ** 2 / 2 + 5 * (w[1] + 2) ** 2


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def descend(f, w, eta, steps):
    gradient = wengert.jit(wengert.grad(f))
    for _ in range(steps):
        w = w - eta * gradient(w)
    return w


def main():
    """Steps of five sizes; the bound 2/L from the Hessian; Newton's step beside."""
    L = np.linalg.eigvalsh(wengert.hessian(F)(np.zeros(2))).max()
    print(f"The largest curvature of F is L = {L:g}: descent converges for eta < 2/L = {2 / L:g}")
    print("   eta    F after 10    F after 100   w after 100")
    for eta in (0.01, 0.1, 0.18, 0.2, 0.21):
        w10, w100 = (descend(F, np.zeros(2), eta, n) for n in (10, 100))
        print(f"{eta:6.2f}   {F(w10):11.4e}   {F(w100):11.4e}   {w100.round(4)}")
    print("\nRosenbrock's valley, from (-1.2, 1)")
    w = np.array([-1.2, 1.0])
    slow = descend(rosenbrock, w, 1e-3, 5000)
    print(f"   descent, 5000 steps: f = {rosenbrock(slow):.2e} at {slow.round(4)}")
    gradient, hessian = wengert.grad(rosenbrock), wengert.hessian(rosenbrock)
    for i in range(7):
        print(f"   Newton, step {i}: f = {rosenbrock(w):.2e} at {w.round(6)}")
        w = w - np.linalg.solve(hessian(w), gradient(w))


if __name__ == "__main__":
    main()
