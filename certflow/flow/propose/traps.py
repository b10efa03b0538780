"""Traps: which balls, rates and directions are tried, which trap a group is to end in, and where its tube
ends.

Floats choose and prove nothing; what is true of a choice is proved by `flow/enclose/trap.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from certflow.arithmetic.eigenvalues import smallest_shift
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.curve import Curve, Grid
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.region import Regions
from certflow.flow.enclose.rotations import lifted
from certflow.flow.enclose.symmetries import Symmetry, Turns
from certflow.flow.enclose.trap import (
    Balls,
    Trap,
    dyadic_up,
    enclose_balls,
    exact_trap,
    prove_trap,
    tangential_bound,
)
from certflow.flow.enclose.tube import Reached, Timeline
from certflow.flow.endings import Ending, NotSettled
from certflow.running import tick

DEFAULT_SHARE = Fraction(1, 2)
"""The part of the budget that the forcing up to the radius may take."""

_SHRINK = Fraction(4, 5)
_RADII = 16
_LARGEST = Fraction(1, 4)
_SHRINK_MORE = Fraction(1, 3)
_MORE_RADII = 12
_GAP_BITS = 20


def find_traps(
    parts: Parts,
    centre: Grid,
    grid: int,
    epsilon: Fraction,
    coupled: bool,
    symmetry: Symmetry | None = None,
) -> list[Trap]:
    """Traps about `centre`, from the widest ball that keeps a part of the gap to one that keeps nearly all of
    it (L5.5); with a `symmetry` the gap is that of the directions that it does not turn (L12.3).

    Raises `NotSettled` if there is no gap, or N is not known to be positive or negative.
    """
    largest = min(epsilon * Fraction(17, 16), _LARGEST)
    wanted = [largest * _SHRINK**i for i in range(_RADII)]
    if symmetry is not None:
        wanted = [min(epsilon * k * Fraction(51, 1000), _LARGEST) for k in range(19, 7, -1)] + wanted[4:]
    try:
        return _traps(parts, centre, grid, wanted, coupled, symmetry)
    except NotSettled as error:
        if error.ending not in (Ending.NO_GAP, Ending.SIZE_UNKNOWN):
            raise
    # Kinks and high powers may leave a gap only very near the point.
    smallest = largest * _SHRINK ** (_RADII - 1)
    wanted = [smallest * _SHRINK_MORE**i for i in range(1, _MORE_RADII + 1)]
    return _traps(parts, centre, grid, wanted, coupled, symmetry)


def rates_at_start(parts: Parts, start: Grid, grid: int, epsilon: Fraction, coupled: bool) -> Trap:
    """The rates about a start that is exactly a KKT point, on the ball that allows the largest masses; what
    grows near the point may have a negative `gamma` (L12.8). Raises `NotSettled` if there is no such ball.
    """
    largest = min(epsilon * Fraction(17, 16), _LARGEST)
    radii = [dyadic_up(float(largest * _SHRINK**i), 16) for i in range(_RADII)]
    balls = enclose_balls(parts, start, grid, radii, coupled)
    regions, L = balls.regions, parts.problem.order
    best: tuple[float, Trap] | None = None
    for i, r0 in enumerate(radii):
        bound = tangential_bound(regions, balls.direction, i, proposed_bound(regions, balls.direction, i))
        K, E, ell = (float(each[i]) for each in (regions.K, regions.E, regions.ell_lo))
        room = min(float(epsilon), float(r0))
        # K A / (gamma + L (ell - L A E)) <= room, solved for A.
        size = room * (L * ell - float(bound.mu)) / max(K + room * L * L * E, 1e-300)
        if balls.signed[i] and size > 0 and (best is None or size > best[0]):
            best = size, exact_trap(balls, i, bound)
    if best is None:
        raise NotSettled(Ending.KKT_START)
    return best[1]


def _traps(
    parts: Parts,
    centre: Grid,
    grid: int,
    wanted: list[Fraction],
    coupled: bool,
    symmetry: Symmetry | None,
) -> list[Trap]:
    """The traps with about these decreasing radii; raises `NotSettled` if there are none."""
    balls = enclose_balls(parts, centre, grid, [dyadic_up(float(r), 16) for r in wanted], coupled)
    direction, turned = balls.direction, symmetry is not None
    sigma = np.zeros(len(wanted))
    if symmetry is not None:
        form = symmetry.form(balls.at.W[0, 0])
        sigma = np.array([_lift(balls, form, symmetry.cost, i) for i in range(len(wanted))])
        balls = replace(balls, regions=lifted(balls.regions, form, symmetry.cost, sigma))
    regions = balls.regions
    bounds = [
        tangential_bound(regions, direction, i, proposed_bound(regions, direction, i))
        for i in range(len(wanted))
    ]
    best = max(-bound.mu for bound in bounds)
    if best <= 0:
        raise NotSettled(Ending.NO_GAP)
    traps = []
    for i, bound in enumerate(bounds):
        lawful = symmetry is None or balls.radii[i] <= symmetry.room
        if isinstance(symmetry, Turns):
            lawful = bool(regions.ell_lo[i] > 0)
        if -bound.mu >= best / 16 and lawful and balls.holds_kkt_point(i, bound.mu):
            gap_direction = None if turned else steepest(balls, i)
            weight = Fraction(float(sigma[i]))
            traps.append(prove_trap(balls, i, bound, gap_direction, weight, symmetry))
            if -bound.mu >= best * (Fraction(63, 64) if turned else Fraction(15, 16)):
                break
    if not traps:
        raise NotSettled(Ending.TOO_FINE if balls.signed.any() else Ending.SIZE_UNKNOWN)
    return traps


def _lift(balls: Balls, form: MidRad, each: float, place: int) -> float:
    """The weight of the form of a symmetry, a power of two, with which the rate on the ball of `place` is
    about the best.
    """
    size = float(np.abs(balls.regions.A.mid[place]).max())
    if not 0 < size < math.inf:
        return 0.0
    first = math.frexp(size)[1]
    tried = [2.0**k for k in range(first - 3, first + 6)]

    def rate(sigma: float) -> float:
        tick()
        return proposed_bound(
            lifted(balls.regions, form, each, np.full(len(balls.radii), sigma)), balls.direction, place
        )[0]

    return min(tried, key=rate)


def proposed_bound(regions: Regions, directions: np.ndarray, place: int) -> tuple[float, float]:
    """What `tangential_bound` is to prove of the region of `place`: about the smallest mu, and its
    `radial`.
    """
    losses, offset, ell = (
        list(regions.A_rad[place]),
        float(regions.offset[place]),
        float(regions.ell_lo[place]),
    )
    if not math.isfinite(offset) or not math.isfinite(ell):
        return math.inf, 0.0
    return smallest_shift(list(regions.A.mid[place]), list(directions), losses, offset, ell)


def steepest(balls: Balls, place: int) -> Grid:
    """A direction of least contraction, as small integers."""
    blocks = balls.regions.A.mid[place]
    count, size = blocks.shape[:2]
    dense = np.zeros((count * size, count * size))
    for j, block in enumerate(blocks):
        dense[j * size : (j + 1) * size, j * size : (j + 1) * size] = block
    c = balls.direction.reshape(-1) / np.linalg.norm(balls.direction)
    projector = np.eye(len(c)) - np.outer(c, c)
    away = 4 * np.linalg.norm(dense) or 1.0
    values, vectors = np.linalg.eigh(projector @ dense @ projector - away * np.outer(c, c))
    v = vectors[:, int(np.argmax(values))] * 2.0**_GAP_BITS
    return tuple(tuple(int(round(x)) for x in row) for row in v.reshape(count, size))


def default_choice(
    traps: Sequence[Trap], angles: Sequence[float], epsilon: Fraction, order: int
) -> tuple[Trap, int]:
    """For one of several groups: the widest trap with half of the gap, and after how many windows its tube
    ends.

    It ends where growth and contraction balance: far from the KKT point the weights are still small, near it
    there is room for the error of the tube.
    """
    best = max(float(trap.gamma) for trap in traps)
    trap = next(trap for trap in traps if float(trap.gamma) >= best / 2)
    if trap.symmetry is not None:
        # Twice the way that is left counts, and the rest is for the drift.
        left = 1 + float(trap.turning / trap.gamma)
        return trap, first_within(angles, min(float(epsilon), trap.rates.limit) / (8 * left))
    ratio = order * max(trap.rates.ell_hi, 0.0) / float(trap.gamma)
    distance = min(float(epsilon), trap.rates.limit) * min(0.9, max(0.5, ratio / (1 + ratio)))
    return trap, first_within(angles, distance)


def first_within(angles: Sequence[float], distance: float) -> int:
    """The number of windows after which the centre stays within an angle of its end, as far as it was
    followed.

    `angles` are those at the ends of the windows.
    """
    count = len(angles)
    while count and angles[count - 1] <= distance:  # ends: count falls
        count -= 1
    return min(count + 1, len(angles)) if angles else 0


def best_choice(
    traps: Sequence[Trap], angles: Sequence[float], curve: Curve, timeline: Timeline, epsilon: Fraction
) -> tuple[Trap, int, Fraction]:
    """For a single group: the trap, the number of windows and the share of the budget that make delta_bar R
    largest.

    Floats: D is affine in delta^L, so two sweeps of the thin tube `timeline` tell it for every delta and
    every end.
    """
    order = timeline.order
    rest = timeline.sweep(Fraction(1, 10**60)).reached
    scale = 1e-3 / max(traps[0].rates.K * max((at.A for at in rest), default=1.0), 1e-300)
    small = Fraction(min(max(scale, 1e-250), 1.0) ** (1 / order))
    forced = timeline.sweep(small).reached
    a0 = float(small) ** order
    steps = list(itertools.accumulate(window.steps for window in curve.windows))
    best = (-math.inf, traps[0], len(angles), DEFAULT_SHARE)
    gap = max(float(trap.gamma) for trap in traps)
    tenths = range(1, 10) if traps[0].symmetry is not None else (2, 4, 6, 8)
    for trap, share in itertools.product(traps, (tenth / 10 for tenth in tenths)):
        tick()
        budget = min(float(epsilon), trap.rates.limit)
        for count in range(len(angles), 0, -1):
            k = steps[count - 1] - 1
            if k >= len(forced):
                continue
            at, angle = rest[k], angles[count - 1]
            growing = (forced[k].D - at.D) / a0
            if trap.symmetry is not None:
                score = _orbit_score(trap, gap, float(epsilon), share, order, at, angle, growing)
            else:
                score = _score(trap, budget, share, order, at.D + angle, growing, at.A)
            # A gap that is proved is worth something by itself: it is the law's exponent.
            score += math.log(float(trap.gamma) / gap) / (0.125 if trap.symmetry is not None else 3)
            if score > best[0]:
                best = (score, trap, count, Fraction(share).limit_denominator(10))
    return best[1:]


def _score(
    trap: Trap, budget: float, share: float, order: int, fixed: float, forced: float, A: float
) -> float:
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
        return (
            A * a < size
            and D + floor * A * a <= budget
            and D * (A * a / size) ** power <= (1 - share) * budget
        )

    low, high = -600.0, 0.0
    if not works(low):
        return -math.inf
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if works(middle) else (low, middle)
    return (low + math.log(size)) / order


def _orbit_score(
    trap: Trap, gap: float, epsilon: float, share: float, order: int, at: Reached, angle: float, forced: float
) -> float:
    """The same for a trap about a continuum, if the tube ends at the angle `angle` from the centre.

    The way that is left within D of the end of the curve is (g + Lambda' D)/gamma, where g is about `gap`
    times the angle.
    """
    gamma, rates = float(trap.gamma), trap.rates
    more, left = float(trap.turning) / gamma, 1.1 * gap / gamma * angle
    reach = min((1 - share) * epsilon / 2, trap.rates.limit - share * epsilon - angle)
    room = (reach - min(trap.kkt_radius + more * angle, left)) / (1 + more) - at.D
    if not (rates.ell_lo > 0 and room > 0 and forced > 0):
        return -math.inf
    size = share * epsilon * order * rates.ell_lo / (max(rates.K, 1e-300) * (1 + more))
    size = min(size, rates.ell_lo / (2 * order * max(rates.E, 1e-300)))
    return (math.log(min(room / forced, size / at.A)) + math.log(size)) / order
