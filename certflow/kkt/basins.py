"""The basins of the KKT points of a planar neuron: which initial directions flow to which of them, exactly
(L6).

A neuron with output sign s = ±1 turns by `dθ/dτ = s L N'(θ)`, N of class C^(1,1), so its direction never
reaches the next zero of N' and stays at one for ever. The KKT set is finitely many points and closed arcs, in
this order around the circle. On the open gap between two neighbours N' has no zero, hence one sign, which is
the exact `sides` of both. There θ moves one way for all time, is bounded by the end of the gap, and
converges; its limit is a zero of N', hence that end:

- s N' > 0: every start in the gap flows to the next KKT entry counterclockwise, s N' < 0: to the one before.

So the basin of an entry is the entry itself together with the gap before it if `s sides[0] > 0` and the gap
after it if `s sides[1] < 0`, open at the far ends. The basins of all entries are disjoint and fill the
circle. A repeller is its own basin, of measure 0; an attractor has both gaps; a point on a kink where N rises
(falls) on both sides has one.

For other functions on the circle with complete sets of strict maxima and minima the same holds: between
neighbours zero is not in Clarke's derivative, so it has one sign, and the kinds give the sides.

*Lengths.* Angles are known modulo 2π only. N'(θ) + N'(θ + π) = E cos 2θ - D sin 2θ (both branches of every
sample, with the factor 1 + α²) has no sign on an arc longer than π/2. So a gap longer than π, on which N' has
one sign, is longer by π/2 at most. An arc of KKT points is not longer than π: N'' jumps where it ends, and by
the opposite amount across from there. So no piece of the circle, from a to b, is longer than 3π/2: its length
is b - a, or b - a + 2π if that is negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.exact import number, shown
from certflow.kkt.neuron.circle import PlanarKKT
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.outcome import BadInput, Kind
from certflow.running import tick

_SIDES = {Kind.MAXIMUM: (1, -1), Kind.MINIMUM: (-1, 1)}


@dataclass(frozen=True)
class Basin:
    """The initial directions that flow to one KKT entry: from `start` counterclockwise to `end`, angles in
    degrees.

    The ends are other KKT points, or those of the entry itself, and belong to the basin in that case only
    (`attracts`: whether the gap before and the gap after belong to it). `fraction` is the measure as a part
    of the circle.
    """

    start: Ball
    end: Ball
    fraction: Ball
    attracts: tuple[bool, bool]

    def to_json(self) -> dict[str, Any]:
        """The basin as exact text and pairs of exact ends."""
        return {
            "fraction": self.fraction.to_json(),
            "from": self.start.to_json(),
            "to": self.end.to_json(),
            "attracts": list(self.attracts),
        }


def basins(kkt: KKTSet, sign: Any = 1) -> list[Basin] | None:
    """The basin of every entry of `kkt.points` for a neuron with output sign 1 or -1; the fractions add up to
    1 exactly (L6.4).

    None unless the set is planar and complete and, if it is not a `PlanarKKT`, is the whole circle or
    consists of strict maxima and minima whose order around the circle is certain. Raises `BadInput` for
    another sign.
    """
    side = number(sign, "sign")
    if side not in (1, -1):
        raise BadInput(f"sign: {shown(sign)} is not 1 or -1.")
    sign = int(side)
    if not kkt.complete or not kkt.points or any(len(p.point) != 2 for p in kkt.points):
        return None
    if isinstance(kkt, PlanarKKT):
        return _planar(kkt, sign)
    first = kkt.points[0]
    if first.continuum is not None and len(first.continuum.lines) == 2:
        bits = first.value.bits
        return [Basin(Ball(-180, bits), Ball(180, bits), Ball(1, bits), (False, False))]
    return _alternating(kkt.points, sign)


@dataclass(frozen=True)
class _Entry:
    """A closed arc of the circle (a point: of length 0) in degrees, and the signs of N' before and after
    it.
    """

    start: Ball
    end: Ball
    length: Ball
    sides: tuple[int, int]


def _planar(kkt: PlanarKKT, sign: int) -> list[Basin]:
    entries = []
    for point in kkt.points:
        if point.start_deg is None or point.end_deg is None:
            zero = Ball(0, point.angle_deg.bits)
            entries.append(_Entry(point.angle_deg, point.angle_deg, zero, point.sides))
        else:
            entries.append(
                _Entry(point.start_deg, point.end_deg, _turn(point.start_deg, point.end_deg), point.sides)
            )
    gaps = [_turn(each.end, entries[(i + 1) % len(entries)].start) for i, each in enumerate(entries)]
    return _partition(entries, gaps, sign)


def _turn(start: Ball, end: Ball) -> Ball:
    """The length of the piece from `start` to `end`, which is not near a whole turn."""
    difference = end - start
    return difference + 360 if difference.less(0) else difference


def _partition(entries: Sequence[_Entry], gaps: Sequence[Ball], sign: int) -> list[Basin]:
    """The basins, given the gap after each entry."""
    if len(entries) == 1 and entries[0].sides == (0, 0):
        whole = entries[0]
        return [Basin(whole.start, whole.end, Ball(1, whole.start.bits), (False, False))]
    found = []
    for i, entry in enumerate(entries):
        tick()
        before, after = entry.sides[0] * sign > 0, entry.sides[1] * sign < 0
        length = entry.length
        if before:
            length = length + gaps[i - 1]
        if after:
            length = length + gaps[i]
        start = entries[i - 1].end if before else entry.start
        end = entries[(i + 1) % len(entries)].start if after else entry.end
        found.append(Basin(start, end, length / 360, (before, after)))
    return found


def _alternating(points: Sequence[KKTPoint], sign: int) -> list[Basin] | None:
    """The basins of isolated strict maxima and minima, in any order."""
    if any(p.kind not in _SIDES or p.continuum is not None for p in points):
        return None
    angles = [_degrees(p) for p in points]
    if any(angle is None for angle in angles):
        return None
    known = [angle for angle in angles if angle is not None]
    order = sorted(range(len(points)), key=lambda i: known[i].mid())
    entries = [_Entry(known[i], known[i], Ball(0, known[i].bits), _SIDES[points[i].kind]) for i in order]
    gaps = [b.start - a.start for a, b in zip(entries[:-1], entries[1:], strict=True)]
    gaps.append(entries[0].start - entries[-1].start + 360)
    if not all(gap.greater(0) for gap in gaps):
        return None
    if any(a.sides == b.sides for a, b in zip(entries, [*entries[1:], entries[0]], strict=True)):
        return None
    found = dict(zip(order, _partition(entries, gaps, sign), strict=True))
    return [found[i] for i in range(len(points))]


def _degrees(point: KKTPoint) -> Ball | None:
    """An angle of the point, continuous where it lies; None if its ball contains 0."""
    x, y = point.point
    bits = x.bits
    degree = Ball(180, bits) / Ball.pi(bits)
    if y.sign() in (1, -1):
        return y.atan2(x) * degree
    if x.greater(0):
        return y.atan2(x) * degree
    if x.less(0):
        return (-y).atan2(-x) * degree + 180
    return None
