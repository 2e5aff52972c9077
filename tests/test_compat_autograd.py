"""Each call, made with HIPS/autograd and with wengert under its names, gives the same numbers."""

import importlib
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import wengert
from wengert.compat import autograd as ours

theirs = pytest.importorskip("autograd")
for name in ("numpy", "scipy.special", "scipy.stats", "scipy.linalg", "misc.flatten",
             "misc.optimizers", "extend", "builtins", "test_util"):  # fmt: skip
    importlib.import_module(f"autograd.{name}")
    importlib.import_module(f"wengert.compat.autograd.{name}")

X, M = np.array([0.3, 0.8, 1.7]), np.array([[2.0, 0.5, -1.0], [0.2, 2.5, 0.7], [-0.6, 0.9, 4.0]])
S, Z = M @ M.T, np.array([0.3 + 0.7j, -1.2 + 0.1j])
V = np.array([1.0, -2.0, 0.5])
TREE = {"b": [X, 2.0], "a": (M, np.array(3.0))}


@pytest.fixture(autouse=True)
def autograds_tables():
    """What these tests register in autograd is taken back: test_coverage_autograd counts there."""
    tables = [theirs.core.primitive_vjps, theirs.core.primitive_jvps]
    before = [dict(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        table.clear()
        table.update(known)


def energy(a):
    return lambda x: a.numpy.sum(a.numpy.sin(x) * x**2) * a.numpy.prod(x)


def cost(a):
    return lambda p: a.numpy.sum(a.numpy.dot(p["a"][0], p["b"][0]) ** 2) * p["b"][1] + p["a"][1]


def curve(a):
    return lambda x: a.numpy.stack([x[0] * x[1], a.numpy.exp(x[2])])


def rules(a, *makers, forward=None):
    """A primitive that NumPy alone runs, its rules, and a function that uses it."""

    @a.extend.primitive
    def cube(x, y):
        assert type(x) in (np.ndarray, np.float64), "values, not stand-ins"
        return x**3 * y

    if makers:
        a.extend.defvjp(cube, *makers)
    if forward:
        a.extend.defjvp(cube, *forward)
    return lambda x, y=2.0: a.numpy.sum(cube(x, y) ** 2)


def cube_rules(a):
    return rules(
        a,
        lambda ans, x, y: lambda g: g * 3 * x**2 * y,
        lambda ans, x, y: lambda g: (g * x**3).sum(),
    )


def stat(name, function, *args, argnums=None):
    def call(a):
        f = getattr(getattr(a.scipy.stats, name), function)
        return [
            a.grad(lambda *xs: a.numpy.sum(f(*xs)), i)(*args) for i in argnums or range(len(args))
        ]

    return call


def special(name, *args, argnum=0):
    return lambda a: a.elementwise_grad(getattr(a.scipy.special, name), argnum)(*args)


def flat_module(a):
    return importlib.import_module(f"{a.__name__}.misc.flatten")


def optimizer(name):
    def call(a):
        seen = []
        f = lambda p, i: a.grad(cost(a))(p)
        x = getattr(a.misc.optimizers, name)(
            f, {"b": [X, 2.0], "a": (M, 3.0)}, lambda p, i, g: seen.append(g["a"][1]), 7, 0.01
        )
        return x, seen

    return call


# fmt: off
CALLS = {
    "grad": lambda a: a.grad(energy(a))(X),
    "grad of a number": lambda a: a.grad(lambda x: a.numpy.tanh(x) ** 2)(0.4),
    "grad of a tree": lambda a: a.grad(cost(a))(TREE),
    "grad of a result of size 1": lambda a: a.grad(lambda x: a.numpy.reshape(x @ x, (1, 1)))(X),
    "grad of argument 1": lambda a: a.grad(lambda x, y: a.numpy.sum(x * y**2), 1)(X, V),
    "grad of two": lambda a: a.grad(lambda x, y: a.numpy.sum(x * y**2), (0, 1))(X, V),
    "grad of grad": lambda a: a.grad(a.grad(lambda x: a.numpy.sin(x) * x))(0.7),
    "grad with keywords": lambda a: a.grad(lambda x, k=1.0: a.numpy.sum(x**k))(X, k=3.0),
    "grad of complex": lambda a: a.grad(lambda z: a.numpy.sum(a.numpy.abs(z) ** 2 + a.numpy.real(z**3)))(Z),
    "grad by name": lambda a: a.differential_operators.grad_named(lambda x, y: a.numpy.sum(x * y**2), "y")(X, V),
    "grad through float32": lambda a: a.grad(lambda x: a.numpy.sum(x**2))(X.astype("f4")),
    "holomorphic_grad": lambda a: a.holomorphic_grad(lambda z: a.numpy.exp(z) * z)(0.3 + 0.7j),
    "value_and_grad": lambda a: a.value_and_grad(energy(a))(X),
    "value_and_grad of a tree": lambda a: a.value_and_grad(cost(a))(TREE),
    "grad_and_aux": lambda a: a.grad_and_aux(lambda x: (a.numpy.sum(x**2), x * 2))(X),
    "elementwise_grad": lambda a: a.elementwise_grad(a.numpy.tanh)(X),
    "elementwise_grad twice": lambda a: a.elementwise_grad(a.elementwise_grad(a.numpy.sin))(M),
    "elementwise_grad of argument 1": lambda a: a.elementwise_grad(lambda p, t: p[0] * t ** p[1], argnum=1)(V, X),
    "deriv": lambda a: a.deriv(lambda x: a.numpy.sin(x) * x)(0.4),
    "deriv of complex": lambda a: a.deriv(lambda z: a.numpy.exp(z))(0.4 + 1j),
    "jacobian": lambda a: a.jacobian(curve(a))(X),
    "jacobian of a matrix": lambda a: a.jacobian(lambda m: m @ m)(M),
    "jacobian of a scalar": lambda a: a.jacobian(energy(a))(X),
    "jacobian of complex": lambda a: a.jacobian(lambda z: a.numpy.abs(z) * a.numpy.real(z))(Z),
    "hessian": lambda a: a.hessian(energy(a))(X),
    "hessian of a curve": lambda a: a.hessian(curve(a))(X),
    "hessian of a matrix": lambda a: a.hessian(lambda m: a.numpy.linalg.det(m))(M),
    "make_vjp": lambda a: a.make_vjp(curve(a))(X)[0](V[:2]),
    "make_vjp, value": lambda a: a.make_vjp(curve(a))(X)[1],
    "make_vjp of complex": lambda a: a.make_vjp(lambda z: z**2 * (1 + 2j))(Z)[0](Z + 1),
    "make_jvp": lambda a: a.make_jvp(curve(a))(X)(V),
    "make_jvp of complex": lambda a: a.make_jvp(lambda z: z**2 * (1 + 2j))(Z)(Z + 1),
    "make_jvp_reversemode": lambda a: a.differential_operators.make_jvp_reversemode(curve(a))(X)(V),
    "make_hvp": lambda a: a.make_hvp(energy(a))(X)[0](V),
    "make_hvp, value": lambda a: a.make_hvp(energy(a))(X)[1],
    "make_ggnvp": lambda a: a.make_ggnvp(curve(a))(X)(V),
    "make_ggnvp of a loss": lambda a: a.make_ggnvp(curve(a), lambda y: a.numpy.sum(a.numpy.cosh(y)))(X)(V),
    "hessian_vector_product": lambda a: a.hessian_vector_product(energy(a))(X, V),
    "hessian_tensor_product": lambda a: a.hessian_tensor_product(lambda m: a.numpy.sum(m @ m @ m))(M, S),
    "vector_jacobian_product": lambda a: a.vector_jacobian_product(curve(a))(X, V[:2]),
    "tensor_jacobian_product": lambda a: a.tensor_jacobian_product(lambda x: a.numpy.outer(x, x))(X, M),
    "checkpoint": lambda a: a.grad(a.checkpoint(energy(a)))(X),
    "primitive": lambda a: a.grad(cube_rules(a))(X),
    "primitive, argument 1": lambda a: a.grad(cube_rules(a), 1)(X, 3.0),
    "primitive, both": lambda a: a.grad(cube_rules(a), (0, 1))(X, 3.0),
    "primitive, hessian": lambda a: a.hessian(cube_rules(a))(X),
    "primitive, forward": lambda a: a.make_jvp(rules(a, forward=(lambda g, ans, x, y: g * 3 * x**2 * y, "same")), (0,))(X)((V,)),
    "primitive, same": lambda a: a.make_jvp(rules(a, forward=(None, "same")), 1)(X, 3.0)(1.5),
    "array of traced": lambda a: a.grad(lambda x: a.numpy.sum(a.numpy.array([[x[0], 1.0], [x[1] * x[2], x[0]]]) ** 2))(X),
    "stack of a dict": lambda a: a.grad(lambda p: a.numpy.sum(a.numpy.stack(p.values()) ** 3))({"u": X, "v": V}),
    "builtins": lambda a: a.grad(lambda x: a.builtins.dict(u=a.builtins.list([x, x * 2]))["u"][1] * (3.0 if a.builtins.isinstance(x, float) else 1.0))(1.5),
    "fft": lambda a: a.grad(lambda x: a.numpy.sum(a.numpy.abs(a.numpy.fft.fft(x)) ** 2))(X),
    "linalg": lambda a: a.grad(lambda m: a.numpy.sum(a.numpy.linalg.solve(m, X)) + a.numpy.linalg.norm(m))(M),
    "flatten": lambda a: a.misc.flatten(TREE)[0],
    "unflatten": lambda a: a.misc.flatten(TREE)[1](np.arange(14.0)),
    "grad of flatten": lambda a: a.grad(lambda p: a.numpy.sum(a.misc.flatten(p)[0] ** 3))(TREE),
    "flatten_func": lambda a: flat_module(a).flatten_func(lambda p: {"y": p["b"]}, TREE)[0](np.arange(14.0)),
    "sgd": optimizer("sgd"), "adam": optimizer("adam"), "rmsprop": optimizer("rmsprop"),
    "logsumexp": lambda a: a.grad(lambda m: a.numpy.sum(a.scipy.special.logsumexp(m, axis=1, keepdims=True) ** 2))(M),
    "gammaln": special("gammaln", X), "erf": special("erf", X), "expit": special("expit", X), "beta": special("beta", X, V + 3), "polygamma": special("polygamma", 1, X, argnum=1),
    "multigammaln": special("multigammaln", X + 2, 2), "logit": special("logit", X / 2), "erfinv": special("erfinv", X / 2), "gammainc": special("gammainc", 1.5, X, argnum=1), "i0": special("i0", X),
    "expm": lambda a: a.grad(lambda m: a.numpy.sum(a.scipy.linalg.solve_triangular(m, V, lower=True)))(M),
    "sqrtm": lambda a: a.grad(lambda m: a.numpy.sum(a.scipy.linalg.sqrtm(m)))(S),
    "solve_sylvester": lambda a: a.grad(lambda m: a.numpy.sum(a.scipy.linalg.solve_sylvester(m, S, M)))(S),
    "norm.logpdf": stat("norm", "logpdf", X, 0.2, 1.3), "norm.pdf": stat("norm", "pdf", X, 0.2, 1.3), "norm.cdf": stat("norm", "cdf", X, 0.2, 1.3), "norm.sf": stat("norm", "sf", X, 0.2, 1.3),
    "norm.logcdf": stat("norm", "logcdf", X, 0.2, 1.3), "norm.logsf": stat("norm", "logsf", X, 0.2, 1.3),
    "t.logpdf": stat("t", "logpdf", X, 4.0, 0.2, 1.3), "t.pdf": stat("t", "pdf", X, 4.0, 0.2, 1.3), "t.cdf": stat("t", "cdf", X, 4.0, 0.2, 1.3, argnums=(0, 2)), "t.logcdf": stat("t", "logcdf", X, 4.0, 0.2, 1.3, argnums=(0, 2)),
    "beta.logpdf": stat("beta", "logpdf", X / 2, 1.5, 2.5), "beta.pdf": stat("beta", "pdf", X / 2, 1.5, 2.5), "beta.cdf": stat("beta", "cdf", X / 2, 1.5, 2.5, argnums=(0,)),
    "gamma.logpdf": stat("gamma", "logpdf", X, 1.5), "gamma.pdf": stat("gamma", "pdf", X, 1.5), "gamma.cdf": stat("gamma", "cdf", X, 1.5, argnums=(0,)),
    "chi2.logpdf": stat("chi2", "logpdf", X, 3.0, argnums=(0,)), "chi2.cdf": stat("chi2", "cdf", X, 3.0, argnums=(0,)),
    "poisson.logpmf": stat("poisson", "logpmf", np.array([0, 2, 5]), 1.7, argnums=(1,)), "poisson.pmf": stat("poisson", "pmf", np.array([0, 2, 5]), 1.7, argnums=(1,)), "poisson.cdf": stat("poisson", "cdf", np.array([0, 2, 5]), 1.7, argnums=(1,)),
    "dirichlet.logpdf": stat("dirichlet", "logpdf", X / X.sum(), V + 3, argnums=(1,)),
    "mvn.logpdf": stat("multivariate_normal", "logpdf", M, V, S), "mvn.pdf": stat("multivariate_normal", "pdf", X, V, S), "mvn.entropy": lambda a: a.grad(a.scipy.stats.multivariate_normal.entropy, 1)(V, S),
}
# fmt: on


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_call(name):
    mine, autograds = CALLS[name](ours), CALLS[name](theirs)
    found, structure = wengert.tree.flatten(mine)
    wanted, same = wengert.tree.flatten(autograds)
    assert structure == same
    for x, y in zip(found, wanted, strict=True):
        assert np.shape(x) == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


# fmt: off
REFUSED = {
    "an int": lambda a: a.grad(lambda x: x**2)(3),
    "a vector's gradient": lambda a: a.grad(lambda x: x * 2)(X),
    "a complex result": lambda a: a.grad(lambda z: z**2)(1j),
    "elementwise of complex": lambda a: a.elementwise_grad(lambda z: z**2)(Z),
}
# fmt: on


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("a", [ours, theirs], ids=["ours", "theirs"])
def test_both_raise_type_error(name, a):
    with pytest.raises(TypeError):
        REFUSED[name](a)


@pytest.mark.parametrize("a", [ours, theirs], ids=["ours", "theirs"])
def test_a_constant_warns(a):
    with pytest.warns(UserWarning, match="independent"):
        assert a.grad(lambda x: 2.0)(1.5) == 0


def test_arrays_of_ints_are_taken_as_floats():
    """autograd takes them too, but for results that are numbers; there it gives TypeError."""
    np.testing.assert_array_equal(ours.grad(lambda x: np.sum(x**2))(np.arange(3)), [0.0, 2.0, 4.0])


def test_multigrad_dict():
    def f(x, y, k=2.0, *rest, **named):
        return np.sum(x * y**k) + rest[0] * named["z"]

    g = ours.multigrad_dict(f)(X, V + 3, 3.0, 5.0, z=7.0)
    assert list(g) == ["x", "y", "k", "rest", "named"]
    assert isinstance(g, OrderedDict)
    np.testing.assert_allclose(g["y"], X * 3 * (V + 3) ** 2)
    assert (g["rest"], g["named"]) == ((7.0,), {"z": 5.0})


@pytest.mark.filterwarnings("ignore")  # differences are of plain numbers
def test_check_grads():
    ours.test_util.check_grads(lambda x, y: np.sum(np.sin(x) * y), (0, 1))(X, V)
    wrong = rules(ours, lambda ans, x, y: lambda g: g * 3.1 * x**2 * y)
    with pytest.raises(AssertionError):
        ours.test_util.check_grads(wrong, modes=["rev"])(X)


def test_a_primitive_without_a_rule_says_so():
    with pytest.raises(TypeError, match="cube has no derivative in its argument 0"):
        ours.grad(rules(ours))(X)


def test_imports_that_people_write():
    import wengert.compat.autograd.numpy as anp  # noqa: PLC0415
    import wengert.compat.autograd.numpy.random as npr  # noqa: PLC0415
    from wengert.compat.autograd.numpy import exp, linalg  # noqa: PLC0415
    from wengert.compat.autograd.scipy.special import expit  # noqa: PLC0415

    assert exp is np.exp
    assert anp.linalg is linalg
    assert linalg.inv is np.linalg.inv
    assert npr.RandomState is np.random.RandomState
    assert expit(0.0) == 0.5


def test_outside_the_support_gradients_are_zero():
    stats = ours.scipy.stats
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f, x in [(stats.gamma.pdf, -1.0), (stats.beta.pdf, 1.5)]:
            args = (2.0,) if f is stats.gamma.pdf else (2.0, 3.0)
            assert f(x, *args) == 0
            assert ours.grad(f)(x, *args) == 0
