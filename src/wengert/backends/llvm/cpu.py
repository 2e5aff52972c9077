"""What the processor can do: how wide its vectors are, and the flags that LLVM is told."""

import platform
from dataclasses import dataclass
from functools import lru_cache

import llvmlite.binding as llvm


@dataclass(frozen=True, slots=True)
class Cpu:
    """A processor: LLVM's names for it, and the bits of its vectors.

    `registers` is how many vectors it holds at once; `fma` whether it multiplies and adds at once
    (where it can't, `llvm.fma` is a call for each lane, and `llvm.fmuladd` stands in its place).
    """

    name: str
    features: str
    bits: int
    registers: int
    fma: bool

    def lanes(self, itemsize: int) -> int:
        """How many numbers of so many bytes a vector holds."""
        return self.bits // (8 * itemsize)


@lru_cache(maxsize=1)
def host() -> Cpu:
    """The processor that this runs on."""
    features = llvm.get_host_cpu_features()
    flags = features.flatten()
    name = llvm.get_host_cpu_name()
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Cpu(name, flags, bits=128, registers=32, fma=True)
    if features.get("avx512f") and features.get("avx512dq") and features.get("avx512vl"):
        return Cpu(name, flags, bits=512, registers=32, fma=True)
    if features.get("avx2") and features.get("fma"):
        return Cpu(name, flags, bits=256, registers=16, fma=True)
    return Cpu(name, flags, bits=128, registers=16, fma=bool(features.get("fma")))
