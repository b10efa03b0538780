"""How numbers become doubles: exactly, or to the nearest one with a bound of the distance, and never beyond
the range.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.enclosure import refusal
from certflow.outcome import Inconclusive

TINY = 2.0**-1000
"""More than all underflow of one product and of the terms of its radius."""

LARGEST = 2.0**1000
"""Larger numbers, infinities and NaN raise `Inconclusive`, so that both ends of an enclosure are finite."""


def doubles(values: Any) -> np.ndarray:
    """A new array of these doubles or whole numbers up to 2^53, none of them rounded; `TypeError` for all
    else.
    """
    source = np.asarray(values)
    whole = source.dtype.kind in "iu" and (np.abs(source.astype(np.float64)) < 2.0**53).all()
    if not whole and source.dtype not in (np.float64, np.float32):
        raise TypeError(
            "an array of doubles is needed, since others would be rounded; MidRad.from_exact encloses exact "
            "numbers"
        )
    return np.array(source, dtype=np.float64)


def logarithm(value: Fraction) -> float:
    """About the logarithm of a positive number of any size."""
    return math.log(value.numerator) - math.log(value.denominator)


def nearest(value: Any) -> tuple[float, float]:
    """(the nearest double, a bound of its distance) of an int or a `Fraction`."""
    if type(value) is not int and not isinstance(value, Fraction):
        raise refusal(value)
    try:
        mid = float(value)
    except OverflowError:
        raise Inconclusive("a number is too large for double precision; use balls.") from None
    if mid.as_integer_ratio() == (value.numerator, value.denominator):
        return mid, 0.0
    return mid, abs(mid) * 2.0**-52 + TINY


def check_finite(mid: Any, rad: Any) -> None:
    """Raises `Inconclusive` if an interval with this midpoint and radius may reach beyond `LARGEST`."""
    with np.errstate(all="ignore"):
        if not (np.abs(mid) + rad <= LARGEST).all():
            raise Inconclusive(
                "a number left the range of double precision; rescale the problem or use balls."
            )
