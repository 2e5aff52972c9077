"""The class of traced values, by autograd's name."""

from wengert.trace.tracer import Tracer

ArrayBox = Tracer
