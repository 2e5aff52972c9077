"""autograd's operators: `operator(f, argnum)` is a function of f's own arguments."""

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

import wengert.api as api
from wengert import tree
from wengert.errors import DtypeError, sentences
from wengert.ir.primitive import Carrier

F = Callable[..., Any]
Argnum = int | Sequence[int]


def _unary(f: F, argnum: Argnum, args: Sequence[Any], kwargs: Any) -> tuple[F, Any]:
    """f as a function of the chosen argument (or tuple of arguments) alone, and where it stands."""
    single = isinstance(argnum, int)
    places = [argnum] if isinstance(argnum, int) else list(argnum)

    def unary(x: Any) -> Any:
        full = list(args)
        for place, value in zip(places, [x] if single else x, strict=True):
            full[place] = value
        y = f(*full, **kwargs)
        if not any(isinstance(leaf, Carrier) for leaf in tree.flatten(y)[0]):
            warnings.warn("Output seems independent of input.", stacklevel=2)
        return y

    chosen = tuple([_floats(args[p]) for p in places])
    return unary, chosen[0] if single else chosen


def _floats(x: Any) -> Any:
    """x with floats for arrays of integers; a Python int stays one, which wengert refuses."""
    return tree.map(
        lambda a: a.astype(float) if isinstance(a, np.ndarray) and a.dtype.kind in "iub" else a, x
    )


def _nary(operator: F) -> F:
    """An operator of (function of one argument, point) as one of (function, argnum)."""

    @wraps(operator)
    def of(fun: F, argnum: Argnum = 0) -> F:
        @wraps(fun)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return operator(*_unary(fun, argnum, args, kwargs))

        return wrapped

    return of


def _conjugate(x: Any) -> Any:
    return tree.map(lambda a: np.conj(a) if a.dtype.kind == "c" else a, tree.map(_array, x))


def _array(x: Any) -> Any:
    return x if isinstance(x, Carrier) else np.asarray(x)[()]


def _is_complex(x: Any) -> bool:
    return any(_array(leaf).dtype.kind == "c" for leaf in tree.flatten(x)[0])


def _filled(x: Any, number: Any) -> Any:
    """A tree like x of ones or zeros; autograd's complex one is 1 + 1j."""

    def fill(a: Any) -> Any:
        a = _array(a)
        unit = 1 + 1j if a.dtype.kind == "c" else 1
        return np.full(a.shape, number * unit, a.dtype)[()]

    return tree.map(fill, x)


def _vjp(f: F, x: Any) -> tuple[F, Any]:
    y, pull = api.vjp(f, x)
    return lambda g: _conjugate(pull(_conjugate(g))[0]), y


def _scalar(name: str, y: Any) -> None:
    a = _array(y) if not isinstance(y, tuple | list | dict) else None
    if a is None or a.size != 1 or a.dtype.kind == "c":
        raise DtypeError(
            sentences(
                f"{name} only applies to real scalar-output functions.",
                "Try jacobian, elementwise_grad or holomorphic_grad.",
            )
        )


@_nary
def make_vjp(f: F, x: Any) -> tuple[F, Any]:
    """(vjp, f(x)), where vjp(g) = J'g: bilinear, without a conjugate."""
    return _vjp(f, x)


@_nary
def make_jvp(f: F, x: Any) -> F:
    """The function v -> (f(x), J v)."""
    return lambda v: api.jvp(f, (x,), (v,))


@_nary
def make_jvp_reversemode(f: F, x: Any) -> F:
    """The function v -> J v."""
    differential = api.linearize(f, x)[1]
    return lambda v: differential(v)


@_nary
def value_and_grad(f: F, x: Any) -> tuple[Any, Any]:
    """(f(x), gradient) of a function with one real result."""
    vjp, y = _vjp(f, x)
    _scalar("value_and_grad", y)
    return y, vjp(_filled(y, 1))


@_nary
def grad(f: F, x: Any) -> Any:
    """The gradient of a function with one real result, of any shape of size 1."""
    vjp, y = _vjp(f, x)
    _scalar("grad", y)
    return vjp(_filled(y, 1))


@_nary
def elementwise_grad(f: F, x: Any) -> Any:
    """J'1: the diagonal of the Jacobian, where it is diagonal."""
    vjp, y = _vjp(f, x)
    if _is_complex(y):
        raise DtypeError(
            sentences(
                "elementwise_grad only applies to real-output functions.",
                "Take the real part, or use make_vjp.",
            )
        )
    return vjp(_filled(y, 1))


@_nary
def holomorphic_grad(f: F, x: Any) -> Any:
    """f'(z) of a holomorphic function."""
    if not _is_complex(x):
        warnings.warn("Input to holomorphic_grad is not complex", stacklevel=2)
    return grad(lambda z: np.real(f(z)))(x)


@_nary
def deriv(f: F, x: Any) -> Any:
    """J 1: the derivative of a function of one number, by forward mode."""
    return api.jvp(f, (x,), (_filled(x, 1),))[1]


@_nary
def grad_and_aux(f: F, x: Any) -> tuple[Any, Any]:
    """(gradient of the first result, the second result as it is) of a function with two."""
    gradient, aux = api.grad(lambda x: tuple(f(x)), has_aux=True)(x)
    return _conjugate(gradient), aux


def jacobian(fun: F, argnum: Argnum = 0) -> F:
    """The Jacobian of a real result: shape of the output + shape of the argument."""

    @wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        f, x = _unary(fun, argnum, args, kwargs)

        def real(x: Any) -> Any:
            y = f(x)
            if isinstance(y, tuple | list | dict):
                y = np.stack([_array(leaf) for leaf in tree.flatten(y)[0]])
            if _is_complex(y):
                raise DtypeError(
                    sentences(
                        "jacobian only applies to real-output functions.",
                        "Stack the real and imaginary parts, or use wengert.jacobian.",
                    )
                )
            return y

        return api.jacobian(real, mode="reverse" if _is_complex(x) else "auto")(x)

    return wrapped


def hessian(fun: F, argnum: Argnum = 0) -> F:
    """The Jacobian of the Jacobian."""
    return jacobian(jacobian(fun, argnum), argnum)


@_nary
def make_hvp(f: F, x: Any) -> tuple[F, Any]:
    """(v -> Hessian times v, the gradient at x)."""
    return _vjp(grad(f), x)


def _half_square(x: Any) -> Any:
    return np.sum(x**2, axis=-1) / 2


def make_ggnvp(f: F, g: F = _half_square, f_argnum: int = 0) -> F:
    """The generalised Gauss-Newton product v -> J' H_g J v, H_g the Hessian of g at f(x)."""

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> F:
        run, x = _unary(f, f_argnum, args, kwargs)
        vjp, y = _vjp(run, x)
        push = api.linearize(run, x)[1]
        hvp = _vjp(grad(g), y)[0]
        return lambda v: vjp(hvp(push(v)))

    return wrapped


def hessian_tensor_product(fun: F, argnum: int = 0) -> F:
    """(*args, v) -> the Hessian contracted with v over all of v's axes."""
    gradient = grad(fun, argnum)

    def along(*args: Any, **kwargs: Any) -> Any:
        *rest, v = args
        return np.sum(gradient(*rest, **kwargs) * v)

    product: F = grad(along, argnum)
    return product


def tensor_jacobian_product(fun: F, argnum: int = 0) -> F:
    """(*args, v) -> v contracted with the Jacobian over all of v's axes."""

    def along(*args: Any, **kwargs: Any) -> Any:
        *rest, v = args
        return np.tensordot(v, fun(*rest, **kwargs), axes=np.ndim(v))

    return jacobian(along, argnum)


hessian_vector_product = hessian_tensor_product
vector_jacobian_product = tensor_jacobian_product


def grad_named(fun: F, argname: str) -> F:
    """The gradient in the argument of this name."""
    gradient: F = grad(fun, list(inspect.signature(fun).parameters).index(argname))
    return gradient


def multigrad_dict(fun: F) -> F:
    """The gradients in all arguments at once, as a dict from name to gradient."""
    signature = inspect.signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        def run(arguments: Any) -> Any:
            call = inspect.BoundArguments(signature, OrderedDict(arguments))
            return fun(*call.args, **call.kwargs)

        return OrderedDict(grad(run)(dict(bound.arguments)))

    return gradients


checkpoint = api.checkpoint
