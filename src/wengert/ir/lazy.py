"""SciPy's modules, imported when a formula first needs them."""

from importlib import import_module
from typing import Any


class Lazy:
    """A module that is imported at its first use: `import wengert` stays quick."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._name), name)
        setattr(self, name, value)
        return value


special = Lazy("scipy.special")
