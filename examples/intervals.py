"""Three quantiles at once, and a loss of one's own, by scikit-learn's conventions."""

import warnings

import numpy as np

from wengert.estimators import MLPRegressor

warnings.simplefilter("ignore")  # that so many epochs are few
rng = np.random.default_rng(0)
x = rng.uniform(-2, 2, size=(800, 1))
y = np.sin(2 * x[:, 0]) + rng.normal(size=800) * (0.1 + 0.3 * (x[:, 0] > 0))
common = dict(hidden_layer_sizes=(32, 32), learning_rate_init=0.01, max_iter=60, random_state=0)


def expectile(z, y):
    """The 90 % expectile: a squared error that counts what lies above nine times."""
    r = y - z
    return np.where(r > 0, 0.9, 0.1) * r * r


bands = MLPRegressor("quantile", quantiles=(0.05, 0.5, 0.95), **common).fit(x, y)
low, middle, high = bands.predict(x).T
print(f"{np.mean((low <= y) & (y <= high)):.0%} of the rows lie within the 90 % band")
for name, side in (("left", x[:, 0] < 0), ("right", x[:, 0] > 0)):
    print(f"its mean width on the {name}: {np.mean((high - low)[side]):.2f}")

above = MLPRegressor(expectile, **common).fit(x, y)
print(f"the expectile is above the median in {np.mean(above.predict(x) > middle):.0%} of the rows")
