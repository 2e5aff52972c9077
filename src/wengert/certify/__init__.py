"""Bounds that are proven: intervals carried through the list, with every rounding outward."""

from wengert.certify.ranges import Bounds, bounds, lipschitz

__all__ = ["Bounds", "bounds", "lipschitz"]
