"""The largest number for which something holds that holds for all smaller ones, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from certflow.arithmetic.doubles import logarithm
from certflow.running import tick

SMALLEST = Fraction(1, 10**90)
"""Nothing is tried much below it."""


def largest_that_holds(
    holds: Callable[[Fraction], bool],
    start: Fraction,
    most: Fraction,
    factor: float,
    why_not: Callable[[Fraction], Exception],
) -> Fraction:
    """A number up to `most` for which `holds`, within `factor` of the largest, found from `start` in growing
    steps; if nothing down to `SMALLEST` does, raises `why_not` of a smaller one.
    """
    low, found, step = start, holds(start), 1.1
    high = low
    while not found:  # ends: low falls, ever faster, to SMALLEST
        tick()
        if low < SMALLEST:
            raise why_not(low)
        high, low, step = low, low / Fraction(step), step * step
        found = holds(low)
    while high == low and high < most:  # ends: high rises to the most
        tick()
        high = min(high * Fraction(step), most)
        if holds(high):
            low, step = high, step * step
    while logarithm(high) - logarithm(low) > math.log(factor):  # ends: the interval is halved
        tick()
        middle = Fraction(math.exp((logarithm(low) + logarithm(high)) / 2))
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
