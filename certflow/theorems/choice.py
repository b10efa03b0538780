"""Which trap a group is to end in, and where its tube ends: chosen by floats, which prove nothing about it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from certflow.flow.enclose.trap import Trap
from certflow.flow.enclose.tube import Timeline
from certflow.running import tick
from certflow.theorems.groups import Group

DEFAULT_SHARE = Fraction(1, 2)
"""The part of the budget that the forcing up to the radius may take."""


def default_choice(group: Group, traps: Sequence[Trap], epsilon: Fraction, order: int) -> tuple[Trap, int]:
    """For one of several groups: the widest trap with half of the gap, left where growth and contraction balance.

    Far from the KKT point the weights are still small, near it there is room for the error of the tube.
    """
    best = max(float(trap.gamma) for trap in traps)
    trap = next(trap for trap in traps if float(trap.gamma) >= best / 2)
    ratio = order * max(trap.rates.ell_hi, 0.0) / float(trap.gamma)
    distance = min(float(epsilon), trap.rates.limit) * min(0.9, max(0.5, ratio / (1 + ratio)))
    return trap, first_within(group, distance)


def first_within(group: Group, distance: float) -> int:
    """The number of windows after which the centre stays within an angle of its end, as far as it was followed."""
    count = len(group.angles)
    while count and group.angles[count - 1] <= distance:  # ends: count falls
        count -= 1
    return min(count + 1, len(group.angles)) if group.angles else 0


def best_choice(group: Group, traps: Sequence[Trap], timeline: Timeline, epsilon: Fraction) -> tuple[Trap, int, Fraction]:
    """For a single group: the trap, the number of windows and the share of the budget that make delta_bar R largest.

    Floats: D is affine in delta^L, so two sweeps of the thin tube `timeline` tell it for every delta and every end.
    """
    order = timeline.order
    rest = timeline.sweep(Fraction(1, 10**60)).track
    scale = 1e-3 / max(traps[0].rates.K * max((A for _, A in rest), default=1.0), 1e-300)
    small = Fraction(min(max(scale, 1e-250), 1.0) ** (1 / order))
    forced = timeline.sweep(small).track
    a0 = float(small) ** order
    steps = list(itertools.accumulate(window.steps for window in group.curve.windows)) if group.curve is not None else []
    best = (-math.inf, traps[0], len(group.angles), DEFAULT_SHARE)
    gap = max(float(trap.gamma) for trap in traps)
    for trap, share in itertools.product(traps, (0.2, 0.4, 0.6, 0.8)):
        tick()
        budget = min(float(epsilon), trap.rates.limit)
        for count in range(len(group.angles), 0, -1):
            k = steps[count - 1] - 1
            if k >= len(forced):
                continue
            (D0, A), (D1, _) = rest[k], forced[k]
            score = _score(trap, budget, share, order, D0 + group.angles[count - 1], (D1 - D0) / a0, A)
            # A gap that is proved is worth something by itself: it is the law's exponent.
            score += math.log(float(trap.gamma) / gap) / 3
            if score > best[0]:
                best = (score, trap, count, Fraction(share).limit_denominator(10))
    return best[1:]


def _score(trap: Trap, budget: float, share: float, order: int, fixed: float, forced: float, A: float) -> float:
    """log(delta_bar R) if the tube ends at D = fixed + forced delta^L with growth A; approximate."""
    gamma, rates = float(trap.gamma), trap.rates
    if not rates.ell_lo > 0:
        return math.log(max(budget - fixed, 1e-300))
    floor = rates.K / (gamma + order * rates.ell_lo)
    size = share * budget / max(floor, 1e-300)
    power = gamma / rates.ell_hi / order

    def works(log_a: float) -> bool:
        a = math.exp(log_a)
        D = fixed + forced * a
        return A * a < size and D + floor * A * a <= budget and D * (A * a / size) ** power <= (1 - share) * budget

    low, high = -600.0, 0.0
    if not works(low):
        return -math.inf
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if works(middle) else (low, middle)
    return (low + math.log(size)) / order
