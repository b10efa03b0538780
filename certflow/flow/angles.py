"""Upper bounds of angles between exact vectors."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_up
from certflow.outcome import Inconclusive

_BITS = 128


def angle_upper(u: Iterable[Fraction], v: Iterable[Fraction]) -> float:
    """An upper bound of the angle between two exact vectors that is at most about 1/2.

    sin² = 1 - <u, v>²/(|u|²|v|²) is exact, and arcsin x <= x + x³/4 for 0 <= x <= 1/2. Raises `Inconclusive` for larger
    angles and zero vectors.
    """
    pairs = list(zip(u, v, strict=True))
    inner = sum((a * b for a, b in pairs), Fraction(0))
    sizes = sum((a * a for a, _ in pairs), Fraction(0)) * sum((b * b for _, b in pairs), Fraction(0))
    if inner <= 0:
        raise Inconclusive("two directions that should be close are not.")
    return arcsin_upper(1 - inner * inner / sizes)


def arcsin_upper(square: Fraction) -> float:
    """An upper bound of arcsin(x) for x² = `square` with 0 <= x <= 1/2; raises `Inconclusive` beyond."""
    if square > Fraction(1, 4):
        raise Inconclusive("two directions that should be close are more than 30 degrees apart.")
    x = Ball(square, _BITS).sqrt().upper()
    return float_up(x + x**3 / 4)
