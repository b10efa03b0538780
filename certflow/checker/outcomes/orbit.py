"""O2: a trap about one of a continuum of KKT points, its orbit under an exact symmetry of N (L12.3).

In it the lengths of gradients contract, not distances. With g = |P grad N(q)|/|q|, and Lambda' a bound of how
much it changes per angle, g' <= -gamma g + Lambda' K A and |theta'| <= g + K A as long as theta is within r0
of the centre; and from any theta there the limit flow moves by at most g/gamma to a KKT point, if that stays
within r0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from ..kernel.numbers import fraction, root_up
from ..kernel.problem import Problem
from ..kernel.verdicts import Refused
from ..tube.curve import square
from ..tube.region import Bounds, at_point
from .groups import Proved, ProvedTrap


def orbit_of(proved: Proved, parts: list[int], D: Fraction, problem: Problem, grid: int) -> Orbit:
    """O2: a group of these parts, with D of the sweep at the horizon."""
    track, trap, proposed, where = proved.runner.track, proved.trap, proved.group.trap, proved.runner.where
    if track is None or trap is None or proposed is None:
        raise Refused("O2", where, "a continuum needs a curve and a trap")
    at_end = at_point(Bounds(problem, parts, where), track.end, grid, where)
    # g has the degree L - 2, and is meant at the length of the centre.
    ratio = (square(proposed.centre, grid) / square(track.end, grid)) ** (problem.order - 2)
    gradient = fraction(at_end.tangential) * root_up(ratio, 2)
    near = fraction(proved.runner.entry_D)
    entered = near + fraction(proved.runner.entry)
    return Orbit(trap, entered, near, gradient, D - entered)


@dataclass(frozen=True)
class Orbit:
    """O2: what a trap, whose gamma is one for directions orthogonal to the orbits, proves of a direction
    that at its entry is within D of the centre, and within `near` of the end of the curve, where g is at most
    `gradient`; from then to the horizon masses add at most `drifted` to its way (L12.4, L12.15).
    """

    trap: ProvedTrap
    D: Fraction
    near: Fraction
    gradient: Fraction
    drifted: Fraction = Fraction(0)

    @property
    def path(self) -> Fraction:
        """How far the direction, and that of the limit flow, may still move at the entry without masses:
        g/gamma (L12.3)."""
        trap = self.trap
        from_centre = trap.kkt_radius + trap.turning * self.D / trap.gamma
        return min(from_centre, (self.gradient + trap.turning * self.near) / trap.gamma)

    @property
    def reach(self) -> Fraction:
        """How far from the centre the KKT point may be to which the limit flow converges."""
        return self.D + self.path

    @property
    def left(self) -> Fraction:
        """A bound of g/gamma at the horizon, and so of the distance to the set of KKT points."""
        return self.path + self.drifted

    def drift(self, masses: Fraction) -> Fraction:
        """What the masses may add to the way from its entry on, if after the horizon the integral of A is
        at most `masses` (L12.15).
        """
        return self.drifted + self.trap.pushed * masses

    def angle(self, masses: Fraction) -> Fraction:
        """A bound of the angle to this KKT point until then: at the entry the flow and the limit flow are
        both within `near` of one direction.
        """
        return 2 * (self.near + self.path) + self.drift(masses)

    def floor(self, forced: Fraction) -> Fraction:
        """The part of the distance to the set of KKT points that grows with A, per unit of A, if K/(gamma +
        nu) is `forced`."""
        return self.trap.turning * forced / self.trap.gamma

    def stays(self, masses: Fraction, epsilon: Fraction) -> bool:
        """Whether until then neither the direction nor the limit flow from it leaves the trap, and the
        direction stays within epsilon of the KKT point.
        """
        return self.reach + self.drift(masses) < self.trap.r0 and self.angle(masses) <= epsilon

    @property
    def settled(self) -> ProvedTrap:
        """The trap with what is known of this KKT point; T bounds how much N changes per angle
        (L12.5)."""
        low, high = self.trap.value
        more = (self.reach - self.trap.kkt_radius) * fraction(self.trap.rates.T) / self.trap.scale[0]
        return replace(self.trap, kkt_radius=self.reach, value=(low - more, high + more))
