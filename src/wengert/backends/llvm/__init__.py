"""The native machine: Wengert lists become machine code through LLVM, with no compiler but llvmlite.

It is imported when the first function is compiled (llvmlite's import takes longer than wengert's).
"""
