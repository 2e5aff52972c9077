"""autograd.test_util: derivatives against differences."""

from collections.abc import Sequence
from functools import wraps
from itertools import product
from typing import Any

from wengert.api import checks
from wengert.compat.autograd.differential_operators import Argnum, F, _unary

_MODES = {"fwd": "forward", "rev": "reverse"}


def check_grads(
    fun: F, argnum: Argnum = 0, modes: Sequence[str] = ("fwd", "rev"), order: int = 2
) -> F:
    """A function of fun's arguments that raises AssertionError where a derivative is wrong."""

    @wraps(fun)
    def check(*args: Any, **kwargs: Any) -> None:
        f, x = _unary(fun, argnum, args, kwargs)
        checks.check_grads(f, x, order=min(order, 2), modes=[_MODES[m] for m in modes])

    return check


def combo_check(fun: F, *args: Any, **kwargs: Any) -> F:
    """check_grads at each combination of the lists of arguments and keywords given."""

    def run(*lists: Any, **named: Any) -> None:
        for xs in product(*lists):
            for values in product(*named.values()):
                check_grads(fun, *args, **kwargs)(*xs, **dict(zip(named, values, strict=True)))

    return run
