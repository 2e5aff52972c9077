"""A recurrence of ten thousand steps as one equation, its gradient as one more, and a fit.

python examples/recurrence.py
"""

import time

import numpy as np

import wengert

STEPS = 10_000
dt = 1e-3


def pendulum(params, start):
    """theta'' = -k sin(theta) - c theta', by the symplectic Euler rule: every angle on the way."""

    def step(state, _):
        angle, speed = state
        speed = speed - dt * (params["k"] * np.sin(angle) + params["c"] * speed)
        angle = angle + dt * speed
        return (angle, speed), angle

    return wengert.scan(step, start, length=STEPS)[1]


def main():
    """Print the list, time a step and its derivative, and find the pendulum that made the data."""
    truth, start = {"k": 9.81, "c": 0.3}, (1.0, 0.0)
    measured = pendulum(truth, start) + 0.01 * np.random.default_rng(0).normal(size=STEPS)

    def loss(params):
        return np.mean((pendulum(params, start) - measured) ** 2)

    guess = {"k": 9.0, "c": 0.1}
    print(wengert.trace(loss)(guess), "\n")
    for name, f in (("value", loss), ("gradient", wengert.grad(loss))):
        compiled = wengert.jit(f)
        compiled(guess)
        begin = time.perf_counter()
        compiled(guess)
        print(f"{name:>9}: {(time.perf_counter() - begin) / STEPS * 1e6:5.2f} us a step")

    slopes = wengert.jit(wengert.jacobian(lambda p: pendulum(p, start), mode="forward"))
    for i in range(8):  # Gauss-Newton: the best step for the angles' linear part
        print(f"step {i}: loss {loss(guess):.2e} at k = {guess['k']:.4f}, c = {guess['c']:.4f}")
        at = slopes(guess)
        J = np.stack([at[name] for name in "kc"], axis=1)
        move, *_ = np.linalg.lstsq(J, measured - pendulum(guess, start))
        guess = {"k": guess["k"] + move[0], "c": guess["c"] + move[1]}
    print(f"found k = {guess['k']:.3f} and c = {guess['c']:.3f}; the data were made with {truth}")


if __name__ == "__main__":
    main()
