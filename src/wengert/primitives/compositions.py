"""Compositions that must explain themselves: logsumexp, softmax, the cross-entropies, by hand.

Each keeps its name for the reader. Its value is computed shifted by the greatest entry, so that
nothing over- or underflows; its differential is the closed form (dq = (p - y)' dz), so that the
derivation prints it; and its `definition` is the textbook formula, with which a law compares both.
Over which axes: `axes` (ascending, not negative) is folded away, `axis` stays.

Labels Y are distributions or any weights: the gradient is (1'Y) p - Y, and p - Y where rows of Y
sum to 1. Source: the notes on softmax regression. Where all entries are -inf: docs/delicate.md.
"""

import numpy as np

from wengert.ir.families import Along, Reduction
from wengert.ir.primitive import curve, differential
from wengert.primitives.activations import softplus
from wengert.primitives.curves import sigmoid
from wengert.primitives.maps import expand

REDUCED, KEPT = Reduction(), Along()
PROBABILITY = (0.05, 0.95)


def _top(x, axes):
    """The greatest entry, the axes kept; 0 where that isn't finite."""
    top = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0)


def _rows(x, axes):
    """(d, l) with d = x - max x and l = log sum exp d, the axes kept; log1p past one greatest."""
    d = x - _top(x, axes)
    e, first = np.exp(d), d == 0
    count = np.sum(first, axis=axes, keepdims=True, dtype=x.dtype)
    rest = np.sum(np.where(first, 0, e), axis=axes, keepdims=True)
    with np.errstate(divide="ignore"):
        return d, np.where(count == 1, np.log1p(rest), np.log(rest + count))


def _logsumexp(x, axes):
    return np.squeeze(_top(x, axes) + _rows(x, axes)[1], axes)[()]


def _weighted_logsumexp(x, b, axes):
    """log sum b e^x; entries with b = 0 count nothing, whatever x is there."""
    counted = np.where(b == 0, -np.inf, x)
    top = _top(counted, axes)
    with np.errstate(divide="ignore"):
        l = np.log(np.sum(b * np.exp(counted - top), axis=axes))
    return (np.squeeze(top, axes) + l)[()]


def _softmax(x, axis):
    e = np.exp(x - _top(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def _log_softmax(x, axis):
    d, l = _rows(x, axis)
    return d - l


def _softmax_cross_entropy(z, y, axes):
    """sum y (l - d): terms with y = 0 count nothing, whatever z is there."""
    d, l = _rows(z, axes)
    return np.sum(np.where(y == 0, 0, y * np.where(y == 0, 0, l - d)), axis=axes)[()]


def _softmax_entropy(z, axes):
    """sum p (l - d), where 0 * inf = 0."""
    d, l = _rows(z, axes)
    p = np.exp(d - l)
    return np.sum(np.where(p == 0, 0, p * np.where(p == 0, 0, l - d)), axis=axes)[()]


def _weighed(w, v):
    """w v, and 0 where the weight is 0."""
    return np.where(w == 0, 0, w * np.where(w == 0, 0, v))


def _sigmoid_cross_entropy(z, y):
    """y log(1 + e^-z) + (1 - y) log(1 + e^z): no term cancels the other."""
    return (_weighed(y, softplus(-z)) + _weighed(1 - y, softplus(z)))[()]


def _times_log(y, p):
    """y log p, and 0 where y = 0."""
    return _weighed(y, np.log(np.where(y == 0, 1, p)))


# --- differentials by hand: dq of dz, the result q, then the operands
def _sum(x, axes):
    return np.add.reduce(x, axis=axes)


def _along(u, x, axes):
    """u, the same for all entries of a row of x."""
    return expand(u, x.shape, axes)


def _shifted(x, y, axes):
    """exp(x - y), and 0 where y and so x is -inf."""
    return np.exp(x - _along(np.where(y == -np.inf, 0.0, y), x, axes))


def _weighted_shares(x, y, b, axes):
    """b exp(x - y); entries with b = 0 have none, whatever x is there."""
    return b * _shifted(np.where(b == 0, 0.0, x), y, axes)


def shares(x, y, axes):
    """The share of each entry in a logsumexp y, exp(x - y); 0 where all entries are -inf.

    y is rounded by |y| eps: dividing by the sum of all shares takes that out again.
    """
    e = _shifted(x, y, axes)
    s = _sum(e, axes)
    return e / _along(np.where(s == 0, 1.0, s), x, axes)


def _p(z, axes):
    """softmax z, for a single axis."""
    (axis,) = axes
    return softmax(z, axis=axis)


def _ratio(y, p):
    """y / p, and 0 where y = 0 = p."""
    return y / np.where((y == 0) & (p == 0), 1.0, p)


def _within(dx, p, axis):
    """dx less its mean under p."""
    return dx - _along(_sum(p * dx, (axis,)), dx, (axis,))


def _cross_entropy_slope(z, y, axes):
    """p 1'y - y, which is p - y where y sums to 1."""
    return _p(z, axes) * _along(_sum(y, axes), z, axes) - y


def _entropy_slope(h, z, axes):
    """-p (log p + H), where 0 log 0 = 0."""
    p = _p(z, axes)
    surprise = _along(logsumexp(z, axes=axes), z, axes) - np.where(p == 0, 0.0, z)
    return p * (surprise - _along(h, z, axes))


def _example(arity, low=-3.0, high=3.0, kept=False, more=()):
    """Arguments for the laws: values between low and high, one axis (and more) folded, or kept."""

    def example(rng):
        short = not more and rng.integers(2)
        shape, axis = ((3,), 0) if short else ((2, 4, 3), int(rng.integers(2)))
        xs = [rng.uniform(low, high, shape) for _ in range(arity)]
        return tuple(xs), ({"axis": axis} if kept else {"axes": (axis, *more)})

    return example


# --- the textbook formulas
def _naive_softmax(x, axis):
    e = np.exp(x)
    return e / _along(_sum(e, (axis,)), x, (axis,))


def _naive_log_softmax(x, axis):
    return np.log(_naive_softmax(x, axis))


def _naive_entropy(z, axes):
    p = _naive_softmax(z, *axes)
    return -_sum(p * np.log(p), axes)


# fmt: off
# --- exponentials summed, shares of the sum
logsumexp = differential("logsumexp", _logsumexp, REDUCED,
    lambda dx, y, x, axes: _sum(shares(x, y, axes) * dx, axes),                    # dl = p' dx
    notation="log sum exp {}", example=_example(1, more=(2,)), definition=lambda x, axes: np.log(_sum(np.exp(x), axes)))
weighted_logsumexp = differential("weighted_logsumexp", _weighted_logsumexp, REDUCED,
    lambda dx, y, x, b, axes: _sum(_weighted_shares(x, y, b, axes) * dx, axes),
    lambda db, y, x, b, axes: _sum(_shifted(x, y, axes) * db, axes),
    notation="log sum exp({}) {}", example=_example(2, 0.3, 2.0), definition=lambda x, b, axes: np.log(_sum(b * np.exp(x), axes)))
softmax = differential("softmax", _softmax, KEPT,
    lambda dx, p, x, axis: p * _within(dx, p, axis),                               # dp = (diag p - p p') dx
    notation="softmax {}", example=_example(1, kept=True), definition=_naive_softmax)
log_softmax = differential("log_softmax", _log_softmax, KEPT,
    lambda dx, y, x, axis: _within(dx, np.exp(y), axis),                           # dy = (I - 1 p') dx
    notation="log softmax {}", example=_example(1, kept=True), definition=_naive_log_softmax)
# --- costs of logits z
softmax_cross_entropy = differential("softmax_cross_entropy", _softmax_cross_entropy, REDUCED,
    lambda dz, q, z, y, axes: _sum(_cross_entropy_slope(z, y, axes) * dz, axes),   # dq = (p - y)' dz
    lambda dy, q, z, y, axes: -_sum(log_softmax(z, axis=axes[0]) * dy, axes),
    notation="cross-entropy({}, {})", example=_example(2, 0.1, 2.0), definition=lambda z, y, axes: -_sum(y * _naive_log_softmax(z, *axes), axes))
softmax_entropy = differential("softmax_entropy", _softmax_entropy, REDUCED,
    lambda dz, h, z, axes: _sum(_entropy_slope(h, z, axes) * dz, axes),            # dH = -(p (log p + H))' dz
    notation="H(softmax {})", example=_example(1), definition=_naive_entropy)
sigmoid_cross_entropy = curve("sigmoid_cross_entropy", _sigmoid_cross_entropy,
    lambda z, y, q: sigmoid(z) - y, lambda z, y, q: -z,                            # labels in [0, 1]
    notation="cross-entropy({}, {})", domain=((-3, 3), PROBABILITY), definition=lambda z, y: -y * np.log(sigmoid(z)) - (1 - y) * np.log(1 - sigmoid(z)))
logistic_loss = curve("logistic_loss", lambda z, y: softplus(-y * z),
    lambda z, y, q: -y * sigmoid(-y * z), lambda z, y, q: -z * sigmoid(-y * z),    # labels -1 and +1
    notation="logistic({}, {})", definition=lambda z, y: np.log(1 + np.exp(-y * z)))
# --- costs of probabilities p, q
cross_entropy = differential("cross_entropy", lambda p, y, axes: -_sum(_times_log(y, p), axes), REDUCED,
    lambda dp, q, p, y, axes: -_sum(_ratio(y, p) * dp, axes), lambda dy, q, p, y, axes: -_sum(np.log(p) * dy, axes),
    notation="cross-entropy({}, {})", example=_example(2, 0.1, 0.9), definition=lambda p, y, axes: -_sum(y * np.log(p), axes))
kl_divergence = differential("kl_divergence", lambda p, q, axes: _sum(_weighed(p, np.log(np.where(p == 0, 1, p)) - np.log(np.where(p == 0, 1, q))), axes), REDUCED,
    lambda dp, d, p, q, axes: _sum((np.log(p / q) + 1) * dp, axes), lambda dq, d, p, q, axes: -_sum(_ratio(p, q) * dq, axes),
    notation="KL({}, {})", example=_example(2, 0.1, 0.9), definition=lambda p, q, axes: _sum(p * np.log(p / q), axes))
entropy = differential("entropy", lambda p, axes: -_sum(_times_log(p, p), axes), REDUCED,
    lambda dp, h, p, axes: -_sum((np.log(p) + 1) * dp, axes),
    notation="H({})", example=_example(1, 0.1, 0.9), definition=lambda p, axes: -_sum(p * np.log(p), axes))
binary_cross_entropy = curve("binary_cross_entropy", lambda p, y: (-_times_log(y, p) - _weighed(1 - y, np.log1p(-np.where(y == 1, 0, p))))[()],
    lambda p, y, q: _ratio(1 - y, 1 - p) - _ratio(y, p), lambda p, y, q: np.log1p(-p) - np.log(p),
    notation="cross-entropy({}, {})", domain=PROBABILITY, definition=lambda p, y: -y * np.log(p) - (1 - y) * np.log(1 - p))
# fmt: on
