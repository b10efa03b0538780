"""The law of a direction with the rate near its KKT point: through smaller and smaller balls of its trap
(L12.20).

While time passes all directions enter the balls of one level after the other, and while the weights grow they
may leave them again in the opposite order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.flow.enclose.trap import BITS, Trap, dyadic_up
from certflow.flow.enclose.tube import Sweep
from certflow.theorems.early_direction.horizon import Horizon, Settled

_SHARE = Fraction(3, 4)
"""The part of a ball that what is left of the distance at the horizon may fill when the ball is entered; the
rest is for what the masses add.
"""


@dataclass(frozen=True)
class NearLaw:
    """After the horizon, whenever ‖w‖ = rho <= R, the angle is at most exp(`log_factor`) D (rho1/rho)^power +
    floor rho^L, with D and rho1 the bounds at the horizon; balls of level i are used from `after[i - 1]`
    after the horizon on.
    """

    after: tuple[Fraction, ...]
    power: Fraction
    log_factor: Fraction
    floor: Fraction


def descend(horizon: Horizon, sweep: Sweep, g: int, end: Fraction) -> NearLaw | None:
    """The law of group g up to A = `end` with the rate of the last of its smaller balls; None if it has none,
    or no such law is proved (L12.20).
    """
    own = horizon.groups[g].trap
    if own is None or not own.smaller or not horizon.grows:
        return None
    if any(group.exact or (group.trap and group.trap.symmetry) for group in horizon.groups):
        # These do not come nearer.
        return None
    traps = {h: group.trap for h, group in enumerate(horizon.groups) if group.trap is not None}
    levels = [_level(horizon, level) for level in range(len(own.smaller) + 1)]
    floors = {h: _worst([level.floor(level.groups[h], end) for level in levels]) for h in traps}
    if None in floors.values():
        return None
    known = {h: floor for h, floor in floors.items() if floor is not None}
    rate, power = horizon.fastest(), own.smaller[-1].gamma / horizon.fastest()
    left, size, grows = {h: horizon.distance(sweep, h) for h in traps}, end, horizon.growing(end)
    after, log_factor = [Fraction(0)], Fraction(0)
    for level in range(1, len(levels)):
        before = {h: _ball(trap, level - 1).gamma for h, trap in traps.items()}
        rooms = {h: _ball(trap, level).r0 - Fraction(trap.kkt_radius) for h, trap in traps.items()}
        wanted = {h: room - known[h] * size for h, room in rooms.items()}
        if grows:
            wanted = {h: max(wanted[h], _SHARE * rooms[h]) for h in traps}
        if min(wanted.values()) <= 0:
            return None
        wait = max((Ball(left[h] / wanted[h], BITS).log() / before[h]).upper() for h in traps if left[h])
        after.append(after[-1] + (dyadic_up(float(wait)) if wait > 0 else 0))
        wait = after[-1] - after[-2]
        left = {h: (Ball(-wait * before[h], BITS).exp() * left[h]).upper() for h in traps}
        smaller = min([size, *((rooms[h] - left[h]) / known[h] for h in traps if known[h])])
        # The ball of before is too slow while the next one is waited for, and again from this size on.
        again = Ball(size / smaller, BITS).log() / (horizon.order * rate)
        log_factor += ((Ball(wait, BITS) + again) * (power * rate - _ball(own, level - 1).gamma)).upper()
        size = smaller
    return NearLaw(tuple(after[1:]), power, log_factor, known[g])


def _ball(trap: Trap, level: int) -> Trap:
    """The trap for level 0, then its smaller balls; the last one again if it has fewer."""
    return [trap, *trap.smaller][min(level, len(trap.smaller))]


def _level(horizon: Horizon, level: int) -> Horizon:
    """What follows as long as all directions are in their balls of this level."""
    groups = [
        group if group.trap is None else _within(group, _ball(group.trap, level)) for group in horizon.groups
    ]
    return Horizon(groups, horizon.order, horizon.epsilon)


def _within(group: Settled, ball: Trap) -> Settled:
    return replace(group, trap=ball, rates=ball.rates)


def _worst(floors: Sequence[Fraction | None]) -> Fraction | None:
    known = [floor for floor in floors if floor is not None]
    return max(known) if len(known) == len(floors) else None
