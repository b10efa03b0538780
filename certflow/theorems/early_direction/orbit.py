"""A limit that is one of a continuum of KKT points, its orbit under rotations between linear layers (L12.3).

In the trap the lengths of gradients contract, not distances. Within D of the centre the gradient is at most
gamma times `way`, so the limit flow goes no further than that, to a KKT point; masses add a drift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_up
from certflow.exact import dyadic_text
from certflow.flow.curve import Curve
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.region import point
from certflow.flow.enclose.trap import BITS, Trap
from certflow.flow.enclose.tube import Sweep, Track
from certflow.theorems.early_direction.horizon import Horizon, Settled


def gradient_at_end(parts: Parts, curve: Curve, trap: Trap) -> float:
    """An upper bound of |P grad N(q)|/|q| where the curve ends, at the length of the centre of the trap."""
    at, gradient = point(parts, curve.end, curve.grid)
    ratio = trap.norm / Ball(Fraction(float(at.norm2.lower()[0])), BITS).sqrt()
    return float_up((ratio ** (parts.problem.order - 2)).upper() * Fraction(float(gradient[0])))


@dataclass(frozen=True)
class Rotations:
    """The evidence of a continuum: the weight of the rotation form of each of these hidden layers."""

    layers: tuple[int, ...]
    sigma: Fraction

    def to_json(self) -> Any:
        """The entry `ending` of the group."""
        sigma = dyadic_text(self.sigma)
        return {"lifts": [{"rotations": layer, "sigma": sigma} for layer in self.layers]}


class OrbitHorizon(Horizon):
    """What follows at and after the horizon for the one group of a problem, whose limit is one of a
    continuum (L12.4).
    """

    def __init__(self, group: Settled, track: Track, end: float, order: int, epsilon: Fraction) -> None:
        """`end` bounds the gradient at the end of the curve."""
        super().__init__([group], order, epsilon)
        self.entry, self.end = Fraction(track.entry), Fraction(end)

    @property
    def trap(self) -> Trap:
        """The trap of the one group."""
        trap = self.groups[0].trap
        if trap is None:
            raise ValueError("a continuum has a trap")
        return trap

    def way(self, sweep: Sweep, g: int) -> Fraction:
        """How far the limit flow may still go; so far may the direction be from the set of KKT points."""
        trap, D = self.trap, self.distance(sweep, g)
        from_centre = Fraction(trap.kkt_radius) + trap.turning * D / trap.gamma
        return min(from_centre, (self.end + trap.turning * (D - self.entry)) / trap.gamma)

    def reach(self, sweep: Sweep) -> Fraction:
        """How far the KKT point of the limit flow may be from the centre."""
        return self.distance(sweep, 0) + self.way(sweep, 0)

    def settled(self, sweep: Sweep) -> Trap:
        """The trap with what is known of the KKT point of the limit flow (L12.5)."""
        trap, reach = self.trap, self.reach(sweep)
        more = Ball.interval(-reach, reach, BITS) * Fraction(self.groups[0].rates.T)
        value = trap.value + more / trap.norm ** (self.order - 2)
        return replace(trap, kkt_radius=float_up(reach), value=value)

    def _slope(self) -> Fraction:
        """What the masses add per unit of the integral of A."""
        return Fraction(self.groups[0].rates.K) * (1 + self.trap.turning / self.trap.gamma)

    def _drift(self, size: Fraction) -> Fraction:
        """What the masses may add to the way until A = `size`."""
        return self._slope() * size / self.rate(self.groups[0], size)

    def angle_at(self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction) -> Fraction:
        """A bound of the angle to the KKT point of the limit flow until A = `size`."""
        near = self.distance(sweep, g) - self.entry
        return 2 * (near + self.way(sweep, g)) + self._drift(size)

    def law(self, g: int, size: Fraction) -> tuple[Fraction, Fraction] | None:
        """(exponent, floor) of the law of the distance to the set of KKT points."""
        trap, K = self.trap, Fraction(self.groups[g].rates.K)
        floor = trap.turning * K / (trap.gamma * (trap.gamma + self.rate(self.groups[g], size)))
        return trap.gamma / self.fastest(), floor

    def failing(self, sweep: Sweep, delta_bar: Fraction, radius: Fraction | None) -> int | None:
        """The group, if its direction is not proved to stay in its trap and within epsilon of the KKT
        point.
        """
        if radius is None:
            return 0
        size = self.size(radius).upper()
        if self.rate(self.groups[0], size) <= 0:
            return 0
        inside = self.reach(sweep) + self._drift(size) < Fraction(self.trap.rates.limit)
        return None if inside and self.angle_at(sweep, delta_bar, 0, size) <= self.epsilon else 0

    def target_radius(self, share: Fraction, rest: Sweep) -> Fraction | None:
        """A radius up to which the drift is about `share` of epsilon."""
        rates, slope = self.groups[0].rates, self._slope()
        slowest = Fraction(rates.ell_lo)
        size = slowest / (2 * self.order * Fraction(rates.E))
        for _ in range(6):
            if slope:
                size = min(size, share * self.epsilon * self.rate(self.groups[0], size) / slope)
        return Fraction(float((Ball(size, BITS).log() / self.order).exp().lower()))
