"""L4 and L5 after the horizon: how long every trapped direction stays, in terms of the norm of all weights.

At the horizon each group with a trap is within D_j of its KKT point and the size A = sum of all rho^L is at
most A1. From then on D_j' <= -gamma_j D_j + K_j A. Source: `proofs_notes/L4-trap.md`,
`proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.flow.enclose.trap import BITS, Trap
from certflow.flow.enclose.tube import Rates, Sweep

_UNIT = Fraction(1, 2**114)
"""More than what a checker's numbers are rounded by."""

_ROUNDED = Fraction(51, 50)
"""By what factor the size up to the horizon is below that at the radius, so that it is so after the claim is
rounded.
"""


@dataclass(frozen=True)
class Settled:
    """The state of one group at the horizon: its rates from then on; trap None for an unknown group, and for
    one that is `still`: dead, zero (L5.9) or one that fades, which it does while A <= `largest` (L12.6).
    An `exact` one starts exactly at its KKT point (L12.8).
    """

    trap: Trap | None
    rates: Rates
    still: bool
    largest: Fraction | None = None
    exact: bool = False


class Horizon:
    """What follows at and after the horizon, for one delta_bar and every smaller delta (L4.7)."""

    def __init__(self, groups: list[Settled], order: int, epsilon: Fraction) -> None:
        self.groups, self.order, self.epsilon = groups, order, epsilon
        self.moving = [g for g in groups if not g.still]
        self.grows = any(g.rates.ell_hi > 0 for g in self.moving)
        fading = [g for g in groups if g.largest is not None]
        self.largest = min((g.largest for g in fading if g.largest is not None), default=None)
        # tan^2 of the widest angle, from sin x <= x and cos x >= 1 - x^2/2.
        widest = max((Fraction(g.rates.limit) for g in fading), default=Fraction(0))
        self.leak = (widest / (1 - widest * widest / 2)) ** 2

    def budget(self, group: Settled) -> Fraction:
        """How far the direction of a trapped group may be from its KKT point."""
        if group.trap is None:
            raise ValueError("only a group with a trap has a budget")
        return min(self.epsilon, Fraction(group.rates.limit) * (1 - Fraction(1, 2**40)))

    def rate(self, group: Settled, size: Fraction) -> Fraction:
        """nu: a lower bound of the growth rate of rho^L of a group while A <= `size` (L4.3)."""
        L = self.order
        return L * (Fraction(group.rates.ell_lo) - L * size * Fraction(group.rates.E))

    def fastest(self) -> Fraction:
        """An upper bound of the growth rate of log ‖w‖ after the horizon."""
        return max(Fraction(g.rates.ell_hi) for g in self.moving)

    def floor(self, group: Settled, size: Fraction) -> Fraction | None:
        """The part of the bound that grows with A, while A <= `size`: K/(gamma + nu), or what fading groups
        make of it; None if there is no such law (L4.3, L12.7)."""
        if any(g.trap is None for g in self.moving) or group.trap is None:
            return None
        total = group.trap.gamma + min(self.rate(g, size) for g in self.moving)
        if total <= 0 or (self.leak and group.trap.gamma <= 0):
            return None
        return Fraction(group.rates.K) * max(1 / total, self.leak and self.leak / group.trap.gamma)

    def _floor_from(self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction) -> Fraction | None:
        """The floor of group g after this sweep: of an exact start at least D/A at the horizon (L12.16)."""
        group, floor = self.groups[g], self.floor(self.groups[g], size)
        if floor is None or not group.exact or not sweep.reached:
            return floor
        sizes = (
            (Ball(Fraction(float(low)), BITS) * self.order).exp().lower()
            for low, own in zip(sweep.log_lo, self.groups, strict=True)
            if not own.still
        )
        least = sum(sizes, Fraction(0)) * delta_bar**self.order
        return max(floor, self.at_end(sweep, g) / least)

    def at_end(self, sweep: Sweep, g: int) -> Fraction:
        """The distance of group g at the horizon; a checker adds at least a unit of its numbers to that of an
        exact start on every stretch (L12.16).
        """
        group, distance = self.groups[g], self.distance(sweep, g)
        if not group.exact:
            return distance
        stretches = len(sweep.reached)
        return distance + stretches * (1 + Fraction(group.rates.K)) * _UNIT if stretches else Fraction(0)

    def forgotten(self, sweep: Sweep, g: int) -> Fraction:
        """The part of the distance at the horizon that the law forgets: of an exact start it is in the
        floor.
        """
        return Fraction(0) if self.groups[g].exact else self.distance(sweep, g)

    def law(
        self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction
    ) -> tuple[Fraction, Fraction] | None:
        """(exponent, floor) of group g up to A = `size`: after the horizon, whenever ‖w‖ = rho,
        angle <= D (rho1/rho)^exponent + floor rho^L, with D and rho1 the bounds at the horizon. None if
        there is no law (L4.4, L12.8)."""
        group = self.groups[g]
        floor = self._floor_from(sweep, delta_bar, g, size)
        if floor is None or group.trap is None or not self.grows:
            return None
        # Only an exact start, from which nothing has to be forgotten, may have a negative rate.
        return max(Fraction(0), group.trap.gamma / self.fastest()), floor

    def growing(self, size: Fraction) -> bool:
        """Whether A does not fall while A <= `size`."""
        return not self.leak and all(self.rate(group, size) >= 0 for group in self.moving)

    def holds(self, sweep: Sweep, delta_bar: Fraction, radius: Fraction | None) -> bool:
        """Whether every trapped group stays within its budget until ‖w‖ = `radius` (for ever, if None and
        nothing grows) (L4.4, L4.5)."""
        if radius is None and self.grows:
            return False
        most = Fraction(sweep.A_max) * delta_bar**self.order
        large_enough = radius is None or self.size(radius).lower() > _ROUNDED * most
        end = most if radius is None else self.size(radius).upper()
        if self.largest is not None and end > self.largest:
            return False
        return large_enough and self.failing(sweep, delta_bar, radius) is None

    def least_radius(self, sweep: Sweep, delta_bar: Fraction) -> Fraction:
        """A radius that is hardly above the size at the horizon."""
        most = _ROUNDED * Fraction(sweep.A_max) * delta_bar**self.order
        return (Ball(most, BITS).log() / self.order).exp().upper() * (1 + Fraction(1, 2**20))

    def failing(self, sweep: Sweep, delta_bar: Fraction, radius: Fraction | None) -> int | None:
        """The first trapped group that may exceed its budget before ‖w‖ = `radius`, None if there is none."""
        trapped = (g for g, group in enumerate(self.groups) if group.trap is not None)
        return next((g for g in trapped if self.leaves(sweep, delta_bar, g, radius)), None)

    def leaves(self, sweep: Sweep, delta_bar: Fraction, g: int, radius: Fraction | None) -> bool:
        """Whether trapped group g may exceed its budget before ‖w‖ = `radius`."""
        A1, group = self.start_size(sweep, delta_bar), self.groups[g]
        if group.trap is None:
            raise ValueError("only a group with a trap has a budget")
        size = A1 if radius is None else self.size(radius).upper()
        ways = self._ways(sweep, delta_bar, g, size)
        return not ways or min(most for most, _ in ways) > self.budget(group)

    def size(self, radius: Fraction) -> Ball:
        """A where ‖w‖ = `radius`, if it is all in one block."""
        return Ball(radius, BITS) ** self.order

    def start_size(self, sweep: Sweep, delta_bar: Fraction) -> Fraction:
        """An upper bound of A at the horizon."""
        return Fraction(sweep.A_end) * delta_bar**self.order

    def angle_at(self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction) -> Fraction:
        """A bound of the angle of trapped group g when A first reaches `size` after the horizon (L4.4)."""
        return min(last for _, last in self._ways(sweep, delta_bar, g, size))

    def _ways(
        self, sweep: Sweep, delta_bar: Fraction, g: int, size: Fraction
    ) -> list[tuple[Fraction, Fraction]]:
        """Bounds of the angle of trapped group g until A = `size`, and then; each would do (L4.4)."""
        group, found = self.groups[g], []
        floor, trap = self._floor_from(sweep, delta_bar, g, size), group.trap
        if trap is None:
            raise ValueError("only a group with a trap has an angle")
        if trap.gamma > 0:
            steady = self.distance(sweep, g) + Fraction(group.rates.K) * size / trap.gamma
            found.append((steady, steady))
        if floor is not None and self.grows:
            A1, D = self.start_size(sweep, delta_bar), self.forgotten(sweep, g)
            ratio = (Ball(A1, BITS) / Ball(size, BITS)).log() * (trap.gamma / self.fastest() / self.order)
            last = (Ball(D, BITS) * ratio.exp() + Ball(floor * size, BITS)).upper()
            found.append((max(last, D + floor * A1), last))
        return found

    @staticmethod
    def distance(sweep: Sweep, g: int) -> Fraction:
        """A bound of the distance of group g at the horizon."""
        return Fraction(float(sweep.distance[g]))

    def target_radius(self, share: Fraction, rest: Sweep) -> Fraction | None:
        """A radius at which every floor is about `share` of its budget, or, where distances do not fall with
        a law, of what they leave of it in the sweep `rest` of a very small delta; None if nothing grows.
        """
        if not self.grows:
            return None
        best: Fraction | None = None
        size = Fraction(0)
        for _ in range(6):
            sizes = []
            for g, group in enumerate(self.groups):
                if group.trap is None:
                    continue
                if group.rates.ell_lo > 0:
                    # Where half of the growth may be over the radius is surely reached; a single weight has
                    # no other bound.
                    sizes.append(Fraction(group.rates.ell_lo) / (2 * self.order * Fraction(group.rates.E)))
                if group.rates.K == 0:
                    continue
                floor, budget = self.floor(group, size), self.budget(group)
                if floor is None and group.trap.gamma <= 0:
                    continue
                if floor is None:
                    floor = Fraction(group.rates.K) / group.trap.gamma
                    budget = max(budget - self.distance(rest, g), budget / 1_000)
                sizes.append(share * budget / floor)
            if self.largest is not None:
                sizes.append(self.largest * Fraction(99, 100))
            if not sizes:
                return Fraction(1)
            best = min(sizes)
            size = best if size == 0 else (best + size) / 2
            size = Fraction(float(size))
        size = min(size, best if best is not None else size)
        root = (Ball(size, BITS).log() / self.order).exp()
        return Fraction(float(root.lower()))
