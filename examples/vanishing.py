"""Vanishing and exploding gradients: twenty layers of five activations, predicted and measured.

A layer multiplies |dQ/dz| by √(s² E g'(z)²) on its way back. Twenty such factors decide whether the
first layer learns. LeCun's weights (s = 1) are shown first, then the gain that nn.gain solves for.
"""

import warnings

import numpy as np

from wengert import nn


def sine(z):
    """The user's own activation: nothing but a function of an array."""
    return np.sin(z)


def twenty(activation, init):
    """Twenty hidden layers of 256 units, seen by 256 random rows."""
    model = nn.perceptron([256] * 21 + [10], activation=activation, init=init, seed=0)
    return nn.signals(model, np.random.default_rng(1).normal(size=(256, 256)))


def main():
    """Print a row for each activation, and the sigmoid's and the sine's tables in full."""
    print("|dQ/dz_1| / |dQ/dz_21|            LeCun's weights         init='auto'")
    print("                    gain       predicted  measured    predicted  measured")
    warnings.simplefilter("ignore")  # that no gain mends the sigmoid is what the table shows
    for activation in (nn.sigmoid, nn.tanh, nn.relu, nn.elu, sine):
        s = nn.gain(activation)
        plain, solved = twenty(activation, "lecun"), twenty(activation, "auto")
        numbers = [x for r in (plain, solved) for x in (r.gradient, r.gradient_measured)]
        row = " ".join(f"{x:>11.2g}" for x in numbers)
        print(f"{activation.__name__:<18}  {'none' if s is None else f'{s:.3f}':<6} {row}")
    for activation, init in ((nn.sigmoid, "lecun"), (sine, "auto")):
        print(f"\n20 layers of {activation.__name__}, init={init!r}")
        print(twenty(activation, init))


if __name__ == "__main__":
    main()
