"""Bounds that are proven: intervals carried through the list, with every rounding outward."""

from wengert.certify.decisions import Decision, decision
from wengert.certify.networks import Approximation, approximate, verify
from wengert.certify.ranges import Bounds, bounds, lipschitz

# fmt: off
__all__ = [
    "bounds", "lipschitz", "Bounds", "approximate", "Approximation", "verify", "decision", "Decision",
]
# fmt: on
