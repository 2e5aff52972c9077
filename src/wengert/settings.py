"""What the environment may set: `WENGERT_SHOW`, a list of floors to print (trace,pruned,...)."""

import os

__all__ = ["shown"]


def shown(floor: str) -> bool:
    """Whether `WENGERT_SHOW` names this floor; read each time, so that a notebook may change it."""
    return floor in os.environ.get("WENGERT_SHOW", "").replace(" ", "").split(",")
