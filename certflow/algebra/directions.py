"""Directions and lines as whole numbers in lowest terms, and directions of the plane in the order of their
angles; exact.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

Direction = tuple[int, int]
"""A direction of the plane: two coprime integers, so equal directions are equal tuples."""

Normal = tuple[int, ...]
"""Coprime integers whose first entry that is not zero is positive: one tuple per line through the origin."""


def coprime(values: Iterable[int]) -> tuple[int, ...]:
    """The positive multiple in lowest terms of whole numbers that are not all zero."""
    whole = list(values)
    divisor = math.gcd(*whole)
    return tuple([v // divisor for v in whole])


def reduced(row: Sequence[Fraction | int]) -> tuple[tuple[int, ...], Fraction]:
    """The coprime integers h and the s > 0 with `row = s h`; row is not zero."""
    common = math.lcm(*(v.denominator for v in row))
    whole = [v.numerator * (common // v.denominator) for v in row]
    divisor = math.gcd(*whole)
    return tuple([v // divisor for v in whole]), Fraction(divisor, common)


def primitive(row: Sequence[Fraction | int]) -> tuple[Normal, Fraction]:
    """The normal h and the s != 0 with `row = s h`; row is not zero (L6.2)."""
    direction, scale = reduced(row)
    if next(v for v in direction if v) > 0:
        return direction, scale
    return tuple([-v for v in direction]), -scale


def dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """The sum of x_i y_i."""
    return sum(a * b for a, b in zip(x, y, strict=True))


def parallel(x: Sequence[Any], y: Sequence[Any]) -> bool:
    """Whether one is a multiple of the other."""
    return all(x[i] * y[j] == x[j] * y[i] for i in range(len(x)) for j in range(i))


def cross(u: Sequence[Any], v: Sequence[Any]) -> Any:
    """u1 v2 - u2 v1: positive when `v` is counterclockwise of `u` by less than half a turn."""
    return u[0] * v[1] - u[1] * v[0]


def angular_order(u: Sequence[Any], v: Sequence[Any]) -> int:
    """-1, 0 or 1 as the angle of `u` in (-180, 180] degrees is smaller than, equal to or larger than that of
    `v`.
    """
    later = _half(u) - _half(v) or -cross(u, v)
    return (later > 0) - (later < 0)


def counterclockwise(directions: Sequence[Sequence[int]]) -> list[int]:
    """The places of the directions in the exact order of their angles in (-180, 180] degrees, in O(n log
    n).
    """

    def order(i: int, j: int) -> int:
        return angular_order(directions[i], directions[j])

    # Doubles propose an order; the exact sort then makes n - 1 comparisons where they were right, and repairs
    # the rest.
    proposed = sorted(range(len(directions)), key=lambda i: degrees(directions[i]))
    return sorted(proposed, key=functools.cmp_to_key(order))


def degrees(u: Sequence[int]) -> float:
    """The angle of `u` in degrees, in (-180, 180]; rounded, it decides nothing."""
    shift = max(0, max(abs(u[0]), abs(u[1])).bit_length() - 500)
    angle = math.degrees(math.atan2(u[1] / (1 << shift), u[0] / (1 << shift)))
    return 180.0 if angle == -180.0 else angle


def _half(u: Sequence[Any]) -> int:
    """The rank of the open half-plane or half-axis of `u`: below, angle 0, above, angle 180."""
    return 0 if u[1] < 0 else 2 if u[1] > 0 else 1 if u[0] > 0 else 3
