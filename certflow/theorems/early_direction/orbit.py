"""Limits that are one of a continuum of KKT points, their orbit under exact symmetries of N (L12.3, L12.15).

In the trap the lengths of gradients contract, not distances. Within D of the centre the gradient is at most
gamma times `way`, so the limit flow goes no further than that, to a KKT point; masses add a drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_up
from certflow.exact import dyadic_text, format_rational
from certflow.flow.curve import Curve
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.region import point
from certflow.flow.enclose.symmetries import Symmetry, Turning, Turns
from certflow.flow.enclose.trap import BITS, Trap
from certflow.flow.enclose.tube import Sweep
from certflow.theorems.early_direction.horizon import Horizon, Settled


def gradient_at_end(parts: Parts, curve: Curve, trap: Trap) -> float:
    """An upper bound of |P grad N(q)|/|q| where the curve ends, at the length of the centre of the trap."""
    at, gradient = point(parts, curve.end, curve.grid)
    ratio = trap.norm / Ball(Fraction(float(at.norm2.lower()[0])), BITS).sqrt()
    return float_up((ratio ** (parts.problem.order - 2)).upper() * Fraction(float(gradient[0])))


@dataclass(frozen=True)
class Lifts:
    """The evidence of a continuum: the weight of the form of each rotated hidden layer, or of each matrix
    that commutes with the form of N.
    """

    symmetry: Symmetry
    sigma: Fraction

    def to_json(self) -> Any:
        """The entry `ending` of the group."""
        sigma = dyadic_text(self.sigma)
        if isinstance(self.symmetry, Turns):
            return {"lifts": [{"rotations": layer, "sigma": sigma} for layer in self.symmetry.layers]}
        entries = [
            [
                [a, b, format_rational(xi[a, b])]
                for a in range(len(xi))
                for b in range(a + 1, len(xi))
                if xi[a, b]
            ]
            for xi in self.symmetry.matrices
        ]
        key = "turning" if isinstance(self.symmetry, Turning) else "commuting"
        return {"lifts": [{key: each, "sigma": sigma} for each in entries]}


class OrbitHorizon(Horizon):
    """What follows at and after the horizon where the limits of some groups are one of a continuum (L12.4,
    L12.15).
    """

    def __init__(
        self,
        groups: list[Settled],
        order: int,
        epsilon: Fraction,
        orbits: Mapping[int, tuple[float, float]],
    ) -> None:
        """`orbits` are these groups, each with what is added to D at its entry and a bound of the gradient at
        the end of its curve.
        """
        super().__init__(groups, order, epsilon)
        self.orbits = {g: (Fraction(entry), Fraction(end)) for g, (entry, end) in orbits.items()}

    def trap(self, g: int) -> Trap:
        """The trap of such a group."""
        trap = self.groups[g].trap
        if trap is None:
            raise ValueError("a continuum has a trap")
        return trap

    def _near(self, sweep: Sweep, g: int) -> Fraction:
        """How far from the end of its curve the direction may be there."""
        return self.distance(sweep, g) - self.orbits[g][0] - self._drifted(sweep, g)

    @staticmethod
    def _drifted(sweep: Sweep, g: int) -> Fraction:
        return Fraction(float(sweep.drifted[g]))

    def way(self, sweep: Sweep, g: int) -> Fraction:
        """How far the limit flow may still go from the end of the curve."""
        trap, (_, end) = self.trap(g), self.orbits[g]
        D = self.distance(sweep, g) - self._drifted(sweep, g)
        from_centre = Fraction(trap.kkt_radius) + trap.turning * D / trap.gamma
        return min(from_centre, (end + trap.turning * self._near(sweep, g)) / trap.gamma)

    def left(self, sweep: Sweep, g: int) -> Fraction:
        """How far the direction may be from the set of KKT points at the horizon."""
        return self.way(sweep, g) + self._drifted(sweep, g)

    def reach(self, sweep: Sweep, g: int) -> Fraction:
        """How far the KKT point of the limit flow may be from the centre."""
        return self.distance(sweep, g) - self._drifted(sweep, g) + self.way(sweep, g)

    def settled(self, sweep: Sweep, g: int) -> Trap:
        """The trap with what is known of the KKT point of the limit flow (L12.5)."""
        trap, reach = self.trap(g), self.reach(sweep, g)
        more = Ball.interval(-reach, reach, BITS) * Fraction(self.groups[g].rates.T)
        value = trap.value + more / trap.norm ** (self.order - 2)
        return replace(trap, kkt_radius=float_up(reach), value=value)

    def masses(self, sweep: Sweep, delta_bar: Fraction, size: Fraction) -> Fraction | None:
        """A bound of the integral of A from the horizon until A = `size`; None where a group neither surely
        grows nor surely shrinks (L12.15).
        """
        grows = shrinks = Fraction(0)
        if any(group.largest is not None for group in self.groups):
            return None
        for group in self.moving:
            nu, falls = self.rate(group, size), self._falls(group, size)
            if group.trap is None or max(nu, falls) <= 0:
                return None
            if nu > 0:
                grows = max(grows, 1 / nu)
            else:
                shrinks = max(shrinks, 1 / falls)
        return size * grows + self.start_size(sweep, delta_bar) * shrinks

    def _falls(self, group: Settled, size: Fraction) -> Fraction:
        """A lower bound of the rate at which rho^L of a group falls while A <= `size`."""
        L = self.order
        return -L * (Fraction(group.rates.ell_hi) + L * size * Fraction(group.rates.E))

    def angle_at(self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction) -> Fraction:
        """A bound of the angle to the KKT point, of a continuum to that of the limit flow, until A =
        `size`.
        """
        if g not in self.orbits:
            return super().angle_at(sweep, delta_bar, g, size)
        masses = self.masses(sweep, delta_bar, size)
        if masses is None:
            raise ValueError("nothing is proved of a continuum beside this group")
        fixed = 2 * (self._near(sweep, g) + self.way(sweep, g)) + self._drifted(sweep, g)
        return fixed + self.trap(g).pushed * masses

    def law(
        self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction
    ) -> tuple[Fraction, Fraction] | None:
        """(exponent, floor) of the law, in a continuum that of the distance to the set of KKT points."""
        found = super().law(sweep, delta_bar, g, size)
        if g not in self.orbits or found is None:
            return found
        return found[0], self.trap(g).turning * found[1] / self.trap(g).gamma

    def leaves(self, sweep: Sweep, delta_bar: Fraction, g: int, radius: Fraction | None) -> bool:
        """Whether the direction of a group is not proved to stay in its trap and within epsilon of the KKT
        point.
        """
        if g not in self.orbits:
            return super().leaves(sweep, delta_bar, g, radius)
        size = self.start_size(sweep, delta_bar) if radius is None else self.size(radius).upper()
        masses = self.masses(sweep, delta_bar, size)
        if masses is None:
            return True
        drift = self._drifted(sweep, g) + self.trap(g).pushed * masses
        inside = self.reach(sweep, g) + drift < Fraction(self.trap(g).rates.limit)
        return not (inside and self.angle_at(sweep, delta_bar, g, size) <= self.epsilon)

    def target_radius(self, share: Fraction, rest: Sweep) -> Fraction | None:
        """A radius up to which the drift is about `share` of epsilon."""
        found = super().target_radius(share, rest) if len(self.orbits) < len(self.groups) else None
        if not self.grows:
            return found
        growing = [group for group in self.moving if group.rates.ell_lo > 0]
        if not growing:
            return found
        slowest = min(growing, key=lambda group: group.rates.ell_lo)
        slope = max(self.trap(g).pushed for g in self.orbits)
        size = Fraction(slowest.rates.ell_lo) / (2 * self.order * Fraction(slowest.rates.E))
        for _ in range(6):
            if slope:
                size = min(size, share * self.epsilon * self.rate(slowest, size) / slope)
        radius = Fraction(float((Ball(size, BITS).log() / self.order).exp().lower()))
        return radius if found is None else min(found, radius)
