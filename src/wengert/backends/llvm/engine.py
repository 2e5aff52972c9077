"""LLVM's text becomes object code, and object code becomes addresses."""

from functools import lru_cache
from itertools import count

import llvmlite.binding as llvm

from wengert.backends.llvm.cpu import Cpu, host

_NUMBERS = count()


@lru_cache(maxsize=8)
def _target(cpu: Cpu, level: int) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=cpu.name, features=cpu.features, opt=level, reloc="pic", codemodel="default"
    )


@lru_cache(maxsize=1)
def _jit() -> llvm.LLJIT:
    return llvm.create_lljit_compiler(_target(host(), 2))


def assemble(text: str, cpu: Cpu, level: int = 2) -> bytes:
    """Object code for LLVM text; no pass of LLVM's runs but code generation."""
    machine = _target(cpu, level)
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    return bytes(machine.emit_object(module))


class Library:
    """Object code in memory: `address(name)` of each function, for as long as this lives."""

    def __init__(self, code: bytes, names: tuple[str, ...]) -> None:
        builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in names:
            builder.export_symbol(name)
        self._tracker = builder.link(_jit(), f"wengert{next(_NUMBERS)}")

    def address(self, name: str) -> int:
        """Where a function starts."""
        return int(self._tracker[name])


def load(text: str, *names: str, cpu: Cpu | None = None, level: int = 2) -> Library:
    """The functions of these names in an LLVM module, ready to be called."""
    return Library(assemble(text, cpu or host(), level), names)
