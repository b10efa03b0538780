"""R7: what smaller balls about the centres of traps add to a law: the power of |w| that holds near the KKT
point, for a larger coefficient (L12.20).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ..kernel.numbers import exp_bounds, fraction, power_up, rounded
from ..kernel.verdicts import Refused
from .groups import InBall, ProvedTrap


@dataclass(frozen=True)
class Held:
    """A group that is within D of its KKT point at the horizon, and stays in its trap up to the radius."""

    trap: ProvedTrap
    D: Fraction

    def ball(self, level: int) -> InBall:
        """Its trap for level 0, then its smaller balls; the last one again if it has fewer
        (L12.20)."""
        return self.trap.balls[min(level, len(self.trap.balls) - 1)]


@dataclass(frozen=True)
class Descent:
    """R7: the groups in traps enter smaller and smaller balls as time passes, and may leave them again when A
    grows; meanwhile they forget their distances at the horizon with the rates of these balls.

    `fastest` is the largest rate of log |w|, `end` = R^L; `grows`: A does not fall; `leak` is what fading
    groups add to floors (L12.7).
    """

    held: Mapping[int, Held]
    order: int
    fastest: Fraction
    end: Fraction
    grows: bool
    leak: Fraction
    where: str

    def law(self, g: int, powers: Sequence[Fraction], growth: Fraction) -> tuple[Fraction, Fraction] | None:
        """(coefficient, floor) of the law of group g for all exponents between these powers, None if it is
        not proved; `growth` bounds |w|/delta at the horizon (L12.20).
        """
        balls, needed = self.held[g].trap.balls, max(powers) * self.fastest
        used = sum(ball.gamma < needed for ball in balls)
        if used == len(balls):
            return None
        floors = dict[int, Fraction]()
        for level in range(used + 1):
            floors |= {h: max(floor, floors.get(h, floor)) for h, floor in self._floors(level).items()}
        coefficients = [self.held[g].D * power_up(growth, power) for power in powers]
        left, size = {h: each.D for h, each in self.held.items()}, self.end
        for level, (ball, inner) in enumerate(pairwise(balls[: used + 1])):
            wait, before = inner.after - ball.after, size
            for h, each in self.held.items():
                left[h] = rounded(left[h] * exp_bounds(-each.ball(level).gamma * wait)[1], True)
            size = min(size, self._room(level + 1, left, floors))
            if size <= 0 or (size < self.end and not self.grows):
                return None
            for i, power in enumerate(powers):
                # This ball is too slow for the power while the next one is waited for, and from `size` on.
                missing = max(Fraction(0), power * self.fastest - ball.gamma)
                again = power_up(before / size, missing / (self.order * self.fastest))
                coefficients[i] *= exp_bounds(missing * wait)[1] * again
        return max(coefficients), floors[g]

    def _floors(self, level: int) -> dict[int, Fraction]:
        """K/(gamma + nu) of every group in its ball of this level."""
        balls, L = {h: each.ball(level) for h, each in self.held.items()}, self.order
        rates = [ball.rates for ball in balls.values()]
        nu = min(L * (fraction(each.ell[0]) - L * self.end * fraction(each.E)) for each in rates)
        if any(ball.gamma + nu <= 0 or (self.leak and ball.gamma <= 0) for ball in balls.values()):
            raise Refused("R7", self.where, "no such law is proved")
        return {
            h: fraction(ball.rates.K) * max(1 / (ball.gamma + nu), self.leak and self.leak / ball.gamma)
            for h, ball in balls.items()
        }

    def _room(self, level: int, left: Mapping[int, Fraction], floors: Mapping[int, Fraction]) -> Fraction:
        """Up to which A all directions are in their balls of this level; not positive if one is not proved
        to be in it at all.
        """
        size = self.end
        for h, each in self.held.items():
            room = each.ball(level).r0 - each.trap.kkt_radius - left[h]
            if room <= 0 or floors[h]:
                size = min(size, rounded(room / (floors[h] or 1), False))
        return size
