"""Bounds that are proven: intervals carried through the list, with every rounding outward."""

from wengert.certify.networks import Approximation, approximate, verify
from wengert.certify.ranges import Bounds, bounds, lipschitz

__all__ = ["Approximation", "Bounds", "approximate", "bounds", "lipschitz", "verify"]
