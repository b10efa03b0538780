"""The KKT points that the symmetries make of some, each once.

Two entries are one point if one is proved to lie where the other is the only KKT point, and two if their
enclosures have no point in common. A flip S that maps a point to itself makes the flipped coordinates 0, and
N if it turns N into -N.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.kkt.cover.box import Boxes
from certflow.kkt.cover.refine import PolishedPoint
from certflow.kkt.cover.sign_symmetry import Flip, SignGroup
from certflow.outcome import Kind

_OPPOSITE = {Kind.MAXIMUM: Kind.MINIMUM, Kind.MINIMUM: Kind.MAXIMUM}


class Orbits:
    """Collects points; `ambiguous` says whether two of them may be one (L6.21)."""

    def __init__(self, group: SignGroup) -> None:
        self.flips = group.elements()[1:]
        self.points: list[PolishedPoint] = []
        self.ambiguous = False

    def add(self, point: PolishedPoint) -> None:
        """Adds a point and its images, unless they are there."""
        if any(self._same(point, other) for other in self.points):
            return
        images = [(flip, image(point, flip)) for flip in self.flips]
        fixed = [flip for flip, moved in images if self._same(moved, point)]
        point = _sharpened(point, fixed)
        orbit = [point]
        for flip in self.flips:
            moved = image(point, flip)
            if flip not in fixed and not any(self._same(moved, other) for other in orbit):
                orbit.append(moved)
        self.points += orbit

    def _same(self, first: PolishedPoint, second: PolishedPoint) -> bool:
        if not all(a.overlaps(b) for a, b in zip(first.entry.point, second.entry.point, strict=True)):
            return False
        if _lies_in(second.entry.point, first.alone) or _lies_in(first.entry.point, second.alone):
            return True
        self.ambiguous = True
        return False


def image(point: PolishedPoint, flip: Flip) -> PolishedPoint:
    """The image of a point under a flip: the Hessian becomes ±S H S."""
    entry, alone = point.entry, point.alone
    moved = tuple(-c if flipped else c for c, flipped in zip(entry.point, flip.flipped, strict=True))
    low, high = alone.low * flip.signs, alone.high * flip.signs
    box = Boxes(np.minimum(low, high), np.maximum(low, high), alone.face)
    if flip.factor > 0:
        return replace(point, entry=replace(entry, point=moved), alone=box)
    kind = _OPPOSITE.get(entry.kind, entry.kind)
    inertia = None if entry.inertia is None else entry.inertia[::-1]
    turned = replace(
        entry, kind=kind, point=moved, value=-entry.value, gap=point.opposite_gap, inertia=inertia
    )
    return PolishedPoint(turned, point.gap, point.opposite_gap, box)


def _sharpened(point: PolishedPoint, fixed: list[Flip]) -> PolishedPoint:
    """The point with what the flips that leave it where it is say of it."""
    zero = Ball(0, point.entry.value.bits)
    flipped = [any(flip.flipped[i] for flip in fixed) for i in range(len(point.entry.point))]
    coordinates = tuple(zero if flip else c for c, flip in zip(point.entry.point, flipped, strict=True))
    value = zero if any(flip.factor < 0 for flip in fixed) else point.entry.value
    return replace(point, entry=replace(point.entry, point=coordinates, value=value))


def _lies_in(point: tuple[Ball, ...], box: Boxes) -> bool:
    """Whether the direction of a unit vector is proved to meet a box of weights."""
    j = int(box.face[0])
    side = int(box.low[0, j])
    if point[j].sign() != side:
        return False
    for i, c in enumerate(point):
        if i != j:
            y = c / point[j] * side
            if not (
                Fraction(float(box.low[0, i])) <= y.lower() and y.upper() <= Fraction(float(box.high[0, i]))
            ):
                return False
    return True
