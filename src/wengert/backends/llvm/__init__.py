"""The native machine: Wengert lists become machine code, with no compiler but llvmlite.

It is imported when the first function is compiled (llvmlite's import takes longer than wengert's).
"""
