"""np.linalg on stand-ins: values, both modes, second order, batches, complex, torch, delicate points."""

import numpy as np
import pytest
from numpy.linalg import *  # noqa: F403
from numpy.linalg import norm

import wengert
from wengert.trace.spellings.linalg import cho_solve, expm, solve_sylvester, solve_triangular, sqrtm
