"""autograd.tracer: what of it other libraries use."""

from wengert.compat.autograd.extend import Box, getval, notrace_primitive, primitive

__all__ = ["Box", "getval", "isbox", "notrace_primitive", "primitive"]


def isbox(x: object) -> bool:
    """Whether x is a traced value."""
    return isinstance(x, Box)
