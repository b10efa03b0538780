"""What the bounds of a sweep claim: every number rounded to the side on which it stays true.

Everything holds for every delta in (0, delta_bar] because every bound of the sweep increases with delta.
Source: `proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.flow.enclose.trap import BITS, Trap
from certflow.flow.enclose.tube import Sweep, Timeline
from certflow.outcome import Fate
from certflow.problem import Problem
from certflow.running import tick
from certflow.theorems.early_direction.advice import Cause, Unproved
from certflow.theorems.early_direction.claim import Block, Claim, KKTBall, Pair, PowerLaw, Times
from certflow.theorems.early_direction.descent import descend
from certflow.theorems.early_direction.groups import GroupProof, outcome_of
from certflow.theorems.early_direction.horizon import Horizon
from certflow.theorems.early_direction.largest import sharp_bound
from certflow.theorems.early_direction.orbit import OrbitHorizon

_DIGITS = 6
_LONGEST = 2_000  # e^2000 has 869 digits; certificates hold at most 4,000


def rounded(value: Fraction, up: bool, digits: int = _DIGITS) -> Fraction:
    """A decimal of so many significant digits on the stated side of `value` (L5.6)."""
    if value == 0:
        return value
    size = math.log(abs(value.numerator)) - math.log(value.denominator)
    unit = Fraction(10) ** (math.floor(size / math.log(10)) - digits + 1)
    return (-((-value) // unit) if up else value // unit) * unit


def _pair(ball: Ball) -> Pair:
    return rounded(ball.lower(), False, 10), rounded(ball.upper(), True, 10)


class _Entry:
    """When the horizon is, in scaled time: exact for order 2, an enclosure of its entry for higher orders
    (R8).
    """

    def __init__(self, groups: Sequence[GroupProof], timeline: Timeline, sweep: Sweep, order: int) -> None:
        end = timeline.points[-1] if timeline.points else Fraction(0)
        self.low = self.high = end
        if order == 2 or not timeline.points:
            return
        curve = groups[0].curve
        if curve is None:
            raise ValueError("a single group without a curve has no claim")
        start = sum(Fraction(v) ** 2 for part in curve.start for v in part) / Fraction(4) ** curve.grid
        factor, c = Ball(start, BITS).sqrt() ** (order - 2), order - 2
        track, before, integral = timeline.tracks[0], Fraction(0), Fraction(0)
        low, high = Ball(Fraction(0), BITS), Ball(Fraction(0), BITS)
        for point, step, reached in zip(timeline.points, track.steps, sweep.reached, strict=True):
            tick()
            dt, decay = point - before, step.decay
            first = (Ball(integral, BITS) * -c).exp()
            integral += decay * dt
            piece = (first - (Ball(integral, BITS) * -c).exp()) / (c * decay) if decay else first * dt
            low = low + piece * (Ball(Fraction(reached.log_above), BITS) * -c).exp()
            high = high + piece * (Ball(Fraction(reached.log_below), BITS) * c).exp()
            before = point
        self.low, self.high = (low * factor).lower(), (high * factor).upper()


def make_claim(
    problem: Problem,
    groups: Sequence[GroupProof],
    horizon: Horizon,
    timeline: Timeline,
    sweep: Sweep,
    delta_bar: Fraction,
    epsilon: Fraction,
    start_angle: Fraction,
    radius: Fraction | None,
) -> Claim:
    """The claim for these proved bounds. Raises `Unproved` if the horizon cannot be placed before the
    radius (L > 2) (L5.3, L5.4)."""
    order = problem.order
    times = _Entry(groups, timeline, sweep, order)
    start = (Ball(Fraction(sweep.A_end), BITS).log() / order).exp()
    place = _place(groups, horizon, sweep, times, start, order, delta_bar)
    if radius is not None and place.squared * delta_bar**2 > radius**2:
        raise Unproved("the horizon cannot be placed before the radius for all delta.", Cause.TUBE)
    size = horizon.start_size(sweep, delta_bar)
    if order > 2:
        size = (Ball(place.squared, BITS).sqrt() * delta_bar).upper() ** order
    return Claim(
        order=order,
        epsilon=epsilon,
        delta_bar=delta_bar,
        start_angle=start_angle,
        problem_sha256=problem.sha256,
        loss=problem.loss.kind,
        reduction=problem.loss.reduction,
        scaled_time=place.scaled_time,
        horizon_norm=place.norm,
        factor_squared=place.factor_squared,
        n_max_upper=rounded(sharp_bound(problem, groups), True),
        radius=radius,
        times=None
        if radius is None
        else _time_to_radius(groups, horizon, sweep, start, times, radius, order),
        blocks=tuple(
            _block(problem, groups, horizon, sweep, g, delta_bar, radius, size, place.scaled_time)
            for g in range(len(groups))
        ),
    )


@dataclass(frozen=True)
class _Place:
    """Where the horizon is: at a scaled time, or when ‖w‖ first reaches `norm` delta after the tube (one is
    None).

    `factor_squared` bounds (‖w‖/delta)² up to there, `squared` at it.
    """

    scaled_time: Fraction | None
    norm: Fraction | None
    factor_squared: Fraction
    squared: Fraction


def _place(
    groups: Sequence[GroupProof],
    horizon: Horizon,
    sweep: Sweep,
    times: _Entry,
    start: Ball,
    order: int,
    delta_bar: Fraction,
) -> _Place:
    """The horizon: the end of the last tube for order 2, for higher orders the first scaled time that is
    surely after it.

    Where the scaled time of the entry is not known well enough for the weights to be still small at a later
    one (for high orders they escape within a tiny fraction of it), the horizon is when they reach a multiple
    of delta.
    """
    before = (Ball(Fraction(sweep.A_max), BITS).log() * Fraction(2, order)).exp().upper()
    if order == 2 or times.high == 0:
        factor = rounded(Fraction(sweep.A_max) if order == 2 else before, True)
        return _Place(times.high, None, factor, factor)
    scaled, trap = rounded(times.high, True, 12), groups[0].trap
    rate = (
        Fraction(0)
        if trap is None
        else max(Fraction(0), trap.unit_rate(horizon.groups[0].rates.ell_hi, order).upper())
    )
    # d(rho^(2-L))/dt >= -(L-2) rate, from the entry, which may have been as early as times.low.
    rest = 1 / start ** (order - 2) - Ball((order - 2) * rate * (scaled - times.low), BITS)
    if rest.lower() > 0:
        squared = (rest.log() * Fraction(-2, order - 2)).exp().upper()
        if squared <= 4 * (start * start).upper():
            factor = rounded(max(before, squared), True)
            return _Place(scaled, None, factor, factor)
    norm = rounded(start.upper(), True)
    if trap is None or horizon.rate(horizon.groups[0], (norm * delta_bar) ** order) <= 0:
        reason = (
            "the scaled time of the horizon is not known well enough, and the weights need not grow after it."
        )
        raise Unproved(reason, Cause.TUBE)
    return _Place(None, norm, rounded(max(before, norm * norm), True), norm * norm)


def _time_to_radius(
    groups: Sequence[GroupProof],
    horizon: Horizon,
    sweep: Sweep,
    start: Ball,
    times: _Entry,
    radius: Fraction,
    order: int,
) -> Times | None:
    size = (Ball(radius, BITS) ** order).upper()
    trapped = [
        g
        for g, group in enumerate(groups)
        if group.trap is not None and horizon.rate(horizon.groups[g], size) > 0
    ]
    if not trapped:
        return None
    # Of the groups that grow (almost) as fast as any, the one that is largest at the horizon.
    rate = max(horizon.rate(horizon.groups[g], size) for g in trapped) * Fraction(999_999, 1_000_000)
    best = max(
        (g for g in trapped if horizon.rate(horizon.groups[g], size) >= rate),
        key=lambda g: float(sweep.log_lo[g]),
    )
    trap = groups[best].trap
    if trap is None:
        return None
    slow = Ball(horizon.rate(horizon.groups[best], size), BITS) / order**2 / trap.norm ** (order - 2)
    fast = Ball(horizon.fastest(), BITS) / order / trap.norm ** (order - 2)
    low = Ball(Fraction(float(sweep.log_lo[best])), BITS).exp()
    start_time = times.low, times.low
    if order > 2:
        start_time = rounded(times.low, False, 12), rounded(times.high, True, 12)
    return Times(
        start_radius=(rounded(low.lower(), False), rounded(start.upper(), True)),
        n_lower=rounded(slow.lower(), False),
        n_upper=rounded(fast.upper(), True),
        start_time=start_time,
    )


def _block(
    problem: Problem,
    groups: Sequence[GroupProof],
    horizon: Horizon,
    sweep: Sweep,
    g: int,
    delta_bar: Fraction,
    radius: Fraction | None,
    size: Fraction,
    scaled: Fraction | None,
) -> Block:
    """The claim about block g; `size` bounds A at the horizon."""
    group = groups[g]
    weights = [i for part in group.parts.indices for i in part]
    trap, order = group.trap, problem.order
    outcome = outcome_of(group)
    within = group.parts.within is not None
    block = Block(g, _runs(sorted(weights)), outcome, group.reason, within=within, silent=group.silent)
    if group.curve is None:
        return block
    if outcome is Fate.FOLLOWED:
        # Both the flow and the limit flow are within D of the curve.
        bound = rounded(Fraction(min(2 * float(sweep.distance[g]), float(sweep.apart[g]))), True)
        return replace(block, horizon=scaled, angle_to_curve=bound)
    block = replace(block, horizon=group.arrival if order == 2 else scaled)
    if group.fading is not None:
        return replace(
            block,
            direction=tuple(Fraction(v) for v in group.fading.direction),
            angle_at_horizon=rounded(Fraction(float(sweep.distance[g])), True),
        )
    if trap is None:
        return block
    at_horizon = horizon.at_end(sweep, g)
    orbit = _orbit(horizon, g)
    if orbit is not None:
        trap = orbit.settled(sweep, g)
        at_horizon = orbit.angle_at(sweep, delta_bar, g, size)
    elif order > 2:
        floor = horizon.floor(horizon.groups[g], size) or Fraction(horizon.groups[g].rates.K) / trap.gamma
        at_horizon = at_horizon + floor * size
    centre = _in_order(weights, [Fraction(v, 1 << trap.grid) for part in trap.centre for v in part])
    block = replace(
        block,
        kkt_point=KKTBall(centre, rounded(Fraction(trap.kkt_radius), True)),
        support=_exact_support(problem, group, g) if group.exact else _support(trap, g),
        value=_pair(trap.value),
        # A single weight has no tangent space, and no gap, nor has one that symmetries turn everywhere.
        gap=_gap(trap) if trap.turned + 1 < _directions(group) else None,
        angle_at_horizon=rounded(at_horizon, True),
    )
    if radius is None:
        return block
    full = (Ball(radius, BITS) ** order).upper()
    at_radius = rounded(horizon.angle_at(sweep, delta_bar, g, full), True)
    return replace(
        block, angle_at_radius=at_radius, law=_law(horizon, group, sweep, g, delta_bar, full, order)
    )


def _orbit(horizon: Horizon, g: int) -> OrbitHorizon | None:
    """What is proved of a group whose limit is one of a continuum; None for others."""
    return horizon if isinstance(horizon, OrbitHorizon) and g in horizon.orbits else None


def _directions(group: GroupProof) -> int:
    """The dimension of the weights that are meant."""
    within = group.parts.within
    return group.parts.count * group.parts.size if within is None else within.dimension


def _gap(trap: Trap) -> tuple[Fraction, Fraction | None]:
    low, high = _pair(trap.gap)
    return low, high if trap.gap_direction is not None else None


def _law(
    horizon: Horizon,
    group: GroupProof,
    sweep: Sweep,
    g: int,
    delta_bar: Fraction,
    full: Fraction,
    order: int,
) -> PowerLaw | None:
    """The law of block g until A = `full`."""
    law = horizon.law(sweep, delta_bar, g, full)
    if law is None:
        return None
    orbit = _orbit(horizon, g)
    distance = horizon.forgotten(sweep, g) if orbit is None else orbit.left(sweep, g)
    (power, floor), found = law, descend(horizon, sweep, g, full)
    factor = Ball(Fraction(0), BITS)
    growth = Ball(Fraction(sweep.A_end), BITS).log() / order
    # Any smaller power is one of the law too, and larger ones make coefficients of too many digits.
    most = _LONGEST / max(Fraction(1), abs(growth.lower()), abs(growth.upper()))
    if found is not None and found.power <= most and found.log_factor <= _LONGEST:
        power, floor, factor = found.power, found.floor, Ball(found.log_factor, BITS)
    exponent = rounded(min(power, most), False)
    start = growth * exponent
    coefficient = (Ball(distance, BITS) * (start + factor).exp()).upper()
    return PowerLaw((exponent, exponent), rounded(coefficient, True), rounded(floor, True), orbit is not None)


def _runs(weights: list[int]) -> tuple[tuple[int, int], ...]:
    """(first, count) for every run of consecutive weights."""
    breaks = [k for k in range(1, len(weights)) if weights[k] != weights[k - 1] + 1]
    return tuple((weights[a], b - a) for a, b in zip([0, *breaks], [*breaks, len(weights)], strict=True))


def _in_order(weights: list[int], values: list[Fraction]) -> tuple[Fraction, ...]:
    """Values listed part by part, in the order of the problem's weights."""
    return tuple(value for _, value in sorted(zip(weights, values, strict=True)))


def _exact_support(problem: Problem, group: GroupProof, first: int) -> tuple[int, ...]:
    """The parts of an exact start that are not zero, counted as in `_support`."""
    places = enumerate(group.parts.indices, first)
    return tuple(j for j, part in places if any(problem.direction[i] for i in part))


def _support(trap: Trap, first: int) -> tuple[int, ...] | None:
    """The parts, counted in the whole network, that do not vanish in the KKT point; None if one is too small
    to tell.

    `first` is the first part of the block: its own number if every part is a block, else 0.
    """
    norm2 = sum(v * v for part in trap.centre for v in part)
    alive = []
    for j, part in enumerate(trap.centre):
        square = sum(v * v for v in part)
        if square == 0:
            continue
        if not square > norm2 * Fraction(trap.kkt_radius) ** 2:
            return None
        alive.append(first + j)
    return tuple(alive)
