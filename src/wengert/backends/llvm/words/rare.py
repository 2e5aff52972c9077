"""A slow way for few arguments: a branch hardly ever taken, and a lane at a time behind it."""

from wengert.backends.llvm.code import Code, Value
from wengert.backends.llvm.lane import Lane


def rarely(far: Lane, name: str, y: Lane, *xs: Lane) -> Lane:
    """y, but if any lane is far, what `frem` or the C library's `name` says of the x's."""
    code, before, type = y.code, y.code.block, y.value.type
    with code.when(anywhere(far)):
        slow = code.call(_each(code, name, xs), type, *[x.value for x in xs])
        block = code.block
    text = f"phi {type} [ {y.value.name}, %{before} ], [ {slow.name}, %{block} ]"
    return y.like(code.op(text, type))


def anywhere(c: Lane) -> Value:
    """Whether a condition holds in any lane."""
    if c.lanes == 1:
        return c.value
    return c.code.intrinsic("vector.reduce.or", c.value, result="i1")


def _each(code: Code, name: str, xs: tuple[Lane, ...]) -> str:
    """The function that computes `name` a lane at a time; written once in a module."""
    module, type = code.module, xs[0].value.type
    key = (name, len(xs), type)
    if key not in module.helpers:
        given = [Value(f"%x{i}", type) for i in range(len(xs))]
        inner = Code(module, module.name(f"each_{name}"), type, *given)
        out = Value("poison", type)
        for lane in range(xs[0].lanes):
            out = _one(inner, name, given, lane, out)
        module.helpers[key] = inner.finish(out)
    return module.helpers[key]


def _one(code: Code, name: str, xs: list[Value], lane: int, out: Value) -> Value:
    """`out`, with what `name` gives in one lane."""
    if not out.type.startswith("<"):
        return _scalar(code, name, xs)
    type = out.type.split(" x ")[1][:-1]
    ones = [code.op(f"extractelement {x}, i64 {lane}", type) for x in xs]
    y = _scalar(code, name, ones)
    return code.op(f"insertelement {out}, {y}, i64 {lane}", out.type)


def _scalar(code: Code, name: str, xs: list[Value]) -> Value:
    type = xs[0].type
    if name == "frem":
        return code.op(f"frem {xs[0]}, {xs[1].name}", type)
    function = code.module.declare(name, "double", *["double"] * len(xs))
    wide = [x if type == "double" else code.op(f"fpext {x} to double", "double") for x in xs]
    y = code.call(function, "double", *wide)
    return y if type == "double" else code.op(f"fptrunc {y} to {type}", type)
