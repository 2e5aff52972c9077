"""Fitted models for machines without wengert: an ONNX graph, a C file, a NumPy-only Python file."""

from wengert.export.c import to_c
from wengert.export.numpy import to_numpy
from wengert.export.onnx import to_onnx
from wengert.export.portable import Layer, Net, Portable

__all__ = ["Layer", "Net", "Portable", "to_c", "to_numpy", "to_onnx"]
