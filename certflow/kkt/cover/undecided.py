"""How much of the sphere some boxes on the surface of the cube may be, and where they are.

The gnomonic projection from the half-space w_j = ±1 to the sphere has the density |w|^-k, so boxes of volume
V whose points have at least the length r are seen as at most V/r^k; the whole sphere has the area 2
π^(k/2)/Γ(k/2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.kkt.cover.box import Boxes
from certflow.running import tick

_BITS = 64
_MOST_DIRECTIONS = 4
_NEAR = 0.1


def share_of_sphere(boxes: Boxes, copies: int) -> Fraction:
    """An upper bound of the share of the sphere in R^k that `copies` images of the boxes cover (L6.23)."""
    k = boxes.low.shape[1]
    width = np.nextafter(boxes.high - boxes.low, np.inf)
    width[np.arange(len(boxes)), boxes.face] = 1.0
    square = (boxes.weights**2).sum(axis=1).lower()
    # Fewer than 8 k roundings of positive numbers; an underflow of a product is less than 2^-1000.
    seen = (width.prod(axis=1) + 2.0**-1000) / np.sqrt(square) ** k * (1.0 + 32.0 * k * 2.0**-53)
    total = Fraction(float(seen.sum() * (1.0 + (len(seen) + 4.0) * 2.0**-52)))
    pi = Ball.pi(_BITS)
    gamma, power = Ball(math.factorial(max(k // 2 - 1, 0)), _BITS), pi ** (k // 2)
    if k % 2:
        gamma, power = pi.sqrt(), power * pi.sqrt()
        for i in range(1, k, 2):
            gamma = gamma * Fraction(i, 2)
    return min(Fraction(1), (gamma * total * copies / (power * 2)).upper())


def where(boxes: Boxes) -> str:
    """The places of the boxes in words, as a few directions."""
    units = boxes.centres()
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    heads: list[np.ndarray] = []
    for head in _heads(units):
        heads.append(head)
        if len(heads) > _MOST_DIRECTIONS:
            break
    places = ", ".join(
        "(" + ", ".join(f"{c:.3g}" for c in head + 0.0) + ")" for head in heads[:_MOST_DIRECTIONS]
    )
    if len(heads) > _MOST_DIRECTIONS:
        return f"more than {_MOST_DIRECTIONS} directions such as {places}"
    return f"{len(heads)} direction{'s' if len(heads) > 1 else ''}: {places}"


def _heads(units: np.ndarray) -> Iterator[np.ndarray]:
    """One of each group of unit vectors that are near it."""
    while len(units):  # ends: the first is dropped
        tick()
        yield units[0]
        units = units[np.linalg.norm(units - units[0], axis=1) >= _NEAR]
