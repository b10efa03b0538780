"""The lines on which a planar neuron has its kinks, in exact angular order with exact ties, and what changes on them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gmpy2 import mpq

Direction = tuple[int, int]
"""A direction of the plane: two coprime integers, so equal directions are equal tuples."""

FIXED_LINES: tuple[Direction, ...] = ((-1, 0), (-1, -1), (0, -1), (1, -1))
"""Lines that cut the circle into eighths whether or not a sample has its kink there: no arc is longer than 45°."""


@dataclass(frozen=True)
class CriticalLine:
    """All samples orthogonal to `direction` (in the half-turn [-180°, 0°)).

    `before` and `after` are the exact weights w of their part `w p pᵀ` of M_A, p = `normal`, when a counterclockwise turn
    has not yet passed `direction`, and when it has; passing the opposite direction undoes the change.
    """

    direction: Direction
    before: mpq
    after: mpq

    @property
    def normal(self) -> Direction:
        """`direction` turned by +90°."""
        return (-self.direction[1], self.direction[0])


def critical_lines(X: Sequence[Sequence[Fraction]], z: Sequence[Fraction], off: Fraction | mpq) -> list[CriticalLine]:
    """The critical lines of `Σ z_i c_i (u·x_i)²`, c_i = 1 where u·x_i > 0 and `off` where it is < 0, counterclockwise
    from -180°; X is n × 2. Samples with x_i = 0 or z_i = 0 have none. The four `FIXED_LINES` are always among them.
    """
    switched_on: dict[Direction, list[mpq]] = {line: [] for line in FIXED_LINES}
    switched_off: dict[Direction, list[mpq]] = {line: [] for line in FIXED_LINES}
    for (x, y), weight in zip(X, z, strict=True):
        if weight == 0 or (x == 0 and y == 0):
            continue
        (p, q), scale = primitive(x, y)
        # u·x turns from negative to positive where u passes the direction that +90° carries to x.
        turning = (q, -p)
        side = switched_on if in_lower_half(turning) else switched_off
        key = turning if side is switched_on else (-q, p)
        side.setdefault(key, []).append(mpq(weight) * mpq(scale) ** 2)
    lines, off = [], mpq(off)
    for direction in counterclockwise(switched_on.keys() | switched_off.keys()):
        on, gone = exact_sum(switched_on.get(direction, ())), exact_sum(switched_off.get(direction, ()))
        lines.append(CriticalLine(direction, off * on + gone, on + off * gone))
    return lines


def primitive(x: Fraction, y: Fraction) -> tuple[Direction, Fraction]:
    """The coprime integers (p, q) and the s > 0 with (x, y) = s (p, q); (x, y) is not zero."""
    common = math.lcm(x.denominator, y.denominator)
    p, q = x.numerator * (common // x.denominator), y.numerator * (common // y.denominator)
    factor = math.gcd(p, q)
    return (p // factor, q // factor), Fraction(factor, common)


def in_lower_half(direction: Direction) -> bool:
    """Whether the angle of the direction is in [-180°, 0°)."""
    return direction[1] < 0 or (direction[1] == 0 and direction[0] < 0)


def counterclockwise(directions: Iterable[Direction]) -> list[Direction]:
    """Distinct directions of the lower half in exact angular order, in O(n log n)."""
    # Doubles propose an order; the exact sort then makes n - 1 comparisons where they were right, and repairs the rest.
    return sorted(sorted(directions, key=_approximate_angle), key=functools.cmp_to_key(_exact_order))


def _exact_order(left: Direction, right: Direction) -> int:
    cross = left[0] * right[1] - left[1] * right[0]
    return (cross < 0) - (cross > 0)


def _approximate_angle(direction: Direction) -> float:
    x, y = direction
    excess = max(x.bit_length(), y.bit_length()) - 1000
    if excess > 0:  # beyond the range of doubles
        x, y = x >> excess, y >> excess
    return math.atan2(-y, -x)


def exact_sum(terms: Iterable[mpq]) -> mpq:
    """The exact sum, by halves: with n unrelated denominators of d digits it costs about one product of n d digits."""
    values = list(terms)
    while len(values) > 1:  # ends: half as many remain
        if len(values) % 2:
            values.append(mpq(0))
        values = [values[i] + values[i + 1] for i in range(0, len(values), 2)]
    return values[0] if values else mpq(0)
