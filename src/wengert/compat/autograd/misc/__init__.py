"""autograd.misc: flat vectors for trees, and simple optimisers."""

from wengert.compat.autograd.misc import optimizers
from wengert.compat.autograd.misc.flatten import flatten
