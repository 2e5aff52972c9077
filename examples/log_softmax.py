"""log softmax: z - log 1'exp(z), its Jacobian I - 1p', and the digits that the naive way loses.

python examples/log_softmax.py
"""

import numpy as np

import wengert


def naive(z):
    p = np.exp(z) / np.sum(np.exp(z))
    return np.log(p)


def shifted(z):
    c = np.max(z)
    return z - c - np.log(np.sum(np.exp(z - c)))


def main():
    """Equal for small z; for large z only one survives; and so with the gradients."""
    z = np.array([1.0, 2.0, 3.0])
    p = np.exp(z) / np.exp(z).sum()
    print("naive  ", naive(z), "\nshifted", shifted(z))
    J = wengert.jacobian(shifted)(z)
    print("I - 1p' is the Jacobian:", np.allclose(J, np.eye(3) - np.outer(np.ones(3), p)))
    np.seterr(all="ignore")
    for z in (np.array([0.0, -40.0]), np.array([0.0, -800.0]), np.array([1000.0, 0.0])):
        print(f"\nz = {z}: naive {naive(z)}, shifted {shifted(z)}")
        print("   gradient of the last entry:", wengert.grad(lambda z: shifted(z)[1])(z))
        print("   the naive one's by wengert:", wengert.grad(lambda z: naive(z)[1])(z))
    print("\nWhere log 1'exp(z) loses its digits:")
    for z in (np.array([1000.0, 999.0]), np.array([-1000.0, -999.0]), np.array([0.1, 0.2])):
        print(f"   z = {z}:", wengert.digits(lambda z: np.log(np.sum(np.exp(z))), z).text)


if __name__ == "__main__":
    main()
