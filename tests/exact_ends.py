"""Ends of enclosures as exact fractions, which tests compare with exact values."""

from __future__ import annotations

from fractions import Fraction

from certflow.arithmetic.enclosure import Enclosure
from certflow.arithmetic.midpoint_radius import MidRad


def lowest(number: MidRad) -> Fraction:
    """The exact left end of the only entry."""
    return Fraction(number.mid.item()) - Fraction(number.rad.item())


def highest(number: MidRad) -> Fraction:
    """The exact right end of the only entry."""
    return Fraction(number.mid.item()) + Fraction(number.rad.item())


def alike(first: Enclosure, second: Enclosure) -> bool:
    """Whether both enclosures have the same ends (this says nothing about the numbers in them)."""
    return first.mid() == second.mid() and first.radius() == second.radius()
