"""LLVM's text becomes object code, and object code becomes addresses."""

from collections.abc import Callable
from functools import lru_cache
from itertools import count

import llvmlite
import llvmlite.binding as llvm

from wengert.backends.llvm.cache import cached, house
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


def assembly(text: str, cpu: Cpu | None = None, level: int = 2) -> str:
    """What the processor is given, in its own language."""
    machine = _target(cpu or host(), level)
    return str(machine.emit_assembly(llvm.parse_assembly(text)))


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
        self.names = names
        self._tracker = builder.link(_jit(), f"wengert{next(_NUMBERS)}")

    def address(self, name: str) -> int:
        """Where a function starts."""
        return int(self._tracker[name])


def load(text: str, *names: str, cpu: Cpu | None = None, level: int = 2) -> Library:
    """The functions of these names in an LLVM module, ready to be called; kept on disk."""
    return Library(assembled(text, cpu, level), names)


def assembled(text: str, cpu: Cpu | None = None, level: int = 2) -> bytes:
    """Object code for LLVM text, kept on disk."""
    cpu = cpu or host()
    key = b"\0".join([b"text", _stamp(cpu, level), text.encode()])
    return cached(key, lambda: assemble(text, cpu, level))


def recall(
    key: bytes, make: Callable[[], tuple[str, ...]], cpu: Cpu | None = None, level: int = 2
) -> Library:
    """As load(*make()), but if the disk knows the key, make() needn't even write the text.

    The key says all that the text depends on, but for the processor and wengert itself.
    """
    cpu = cpu or host()

    def compiled() -> bytes:
        text, *names = make()
        return "\n".join(names).encode() + b"\0" + assemble(text, cpu, level)

    names, _, code = cached(program_key(key, cpu, level), compiled).partition(b"\0")
    return Library(code, tuple(names.decode().split("\n")))


def program_key(key: bytes, cpu: Cpu | None = None, level: int = 2) -> bytes:
    """A key of the cache for a program; it changes with the processor, LLVM and wengert."""
    return b"\0".join([b"program", _stamp(cpu or host(), level), house(), key])


def _stamp(cpu: Cpu, level: int) -> bytes:
    """What object code depends on besides the text."""
    version = llvm.llvm_version_info
    return f"{llvmlite.__version__} {version} {level} {cpu}".encode()
