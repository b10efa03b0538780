"""A cheap look ahead along the limit flow, in low precision: how long each flow will take, where the blocks
go, and at which other values of delta the two laws of the angle error can be seen. It only plans; nothing
here is reported as measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from certflow.arithmetic.decimal_text import floor_text, magnitude
from certflow.arithmetic.doubles import logarithm
from certflow.exact import MAX_DELTA_EXPONENT, number
from certflow.experiments.limit_points import CONVERGES, DEAD, ZERO, BlockLimit, distance
from certflow.experiments.measurement import EXTRA_DIGITS, Job
from certflow.flow.reference.flow import ReferenceFlow, limit_flow, reference_flow
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import tick
from certflow.tables import number_text
from certflow.theorems.time_near_origin.times import NearOrigin
from certflow.units import exponent

DIGITS = 15
DECADES = 40
"""How far, in powers of ten of ‖w‖/δ, the look ahead follows the growth for L = 2, and where half of it is
for L > 2.
"""

PATIENCE = 10_000
"""An event that takes this many times its lower bound counts as not reached."""

SMALL = 1e-4
"""Law (i) is looked at where a = ‖w‖^L is at most this at the fixed time."""

FLOOR_FACTOR = 20
"""Law (ii) is looked at where the error is at least this many times its floor, ..."""

LARGEST_ANGLE = 0.1
"""... and at most this, in radians, where the flow is close to linear, ..."""

LEAST_GROWTH = 100
"""... and δ is at least this many times smaller than R, so that faster terms have decayed."""

ABOVE_NOISE = 8
"""Law (i) is looked at where a is at least 10^(this - digits)."""

MANTISSAS = ((1,), (5, 2))

NEEDED, MOST_ADDED = 4, 6
"""Points wanted per fit, and most values of delta added to get them."""


@dataclass(frozen=True)
class Lookahead:
    """The limit flow up to ‖w‖ = δ e^`reach` (L = 2), or a flow from a δ so small that it is the same until
    then (L > 2).

    `base` is log δ of that flow (0 for the limit flow), and e^`wanted` is the growth after which it was to
    stop. If it could not be followed so far, `try_until` is the scaled time up to which flows should be tried
    all the same.
    """

    problem: Problem
    flow: ReferenceFlow
    base: float
    reach: float
    wanted: float
    try_until: Fraction | None = None

    def time_of(self, log_ratio: float) -> float | None:
        """The scaled time at which ‖w‖ = δ e^log_ratio, for L > 2 also by extrapolation; None if that is not
        in sight.
        """
        time = self._time_of(log_ratio)
        if time is None and self.problem.order > 2 and self.reach > self.wanted - 1 and log_ratio > 0:
            # Near blow-up the norm runs to infinity in no time.
            time = self.flow.end_time
        return None if time is None else float(time)

    def _time_of(self, log_ratio: float) -> Any | None:
        if log_ratio > self.reach:
            return None
        return self.flow.time_at_norm(self.flow.context.exp(self.flow.context.mpf(self.base) + log_ratio))

    def directions(self, log_ratio: float) -> list[list[Any]] | None:
        """The unit directions of all blocks when ‖w‖ = δ e^log_ratio."""
        time = self._time_of(log_ratio)
        return None if time is None else self.directions_at(time)

    def directions_at(self, time: Any) -> list[list[Any]]:
        """The unit directions of all blocks at a scaled time."""
        return [list(self.flow.block_direction(j, time)) for j in range(len(self.flow.blocks))]

    @cached_property
    def profile(self) -> list[list[list[Any]]]:
        """Directions per decade of growth, for the first `DECADES`, and at the end: [decade][block]."""
        decades = range(1, int(min(self.reach / math.log(10), DECADES)) + 1)
        found = [self.directions(k * math.log(10)) for k in decades]
        return [each for each in found if each is not None] + [self.directions_at(self.flow.end_time)]

    def paths(self) -> list[list[list[Any]]]:
        """The profile by block: [block][decade]."""
        return [list(path) for path in zip(*self.profile, strict=True)]

    def fixed_time(self, asked: Fraction) -> Fraction:
        """`asked`; or for L > 2, where the limit flow blows up, at most nine tenths of that time, rounded
        down to two digits.
        """
        return asked if self.problem.order == 2 else before_blow_up(asked, self.flow.end_time)


def before_blow_up(asked: Fraction, blow_up: Any) -> Fraction:
    """`asked`, or at most nine tenths of the time of blow-up (an mpmath number), rounded down to two
    digits.
    """
    latest = Fraction(number_text(blow_up, DIGITS)) * 9 / 10
    return asked if asked <= latest else Fraction(floor_text(latest, magnitude(latest) - 1))


def look_ahead(problem: Problem, bounds: NearOrigin, smallest: Fraction) -> Lookahead:
    """Follow the limit flow until ‖w‖/δ is R/`smallest` and at least 10^`DECADES`, or until patience or the
    flow ends.

    Raises `Inconclusive` if the flow does not come as far as the fixed time.
    """
    experiment = problem.experiment
    log_radius = logarithm(experiment.radius)
    if problem.order > 2:
        start = experiment.radius / 10 ** (DECADES // 2)
        bound = bounds.radius_time(start, experiment.radius).bound_nmax
        until = experiment.time if bound is None else bound * PATIENCE
        flow = reference_flow(
            problem, start, time=_short(until), radius=experiment.radius, digits=DIGITS, check=False
        )
        base = logarithm(start)
        return Lookahead(problem, flow, base, float(flow.log_norm(flow.end_time)) - base, log_radius - base)
    target = max(log_radius - logarithm(smallest), DECADES * math.log(10))
    until = max(experiment.time, Fraction(1))
    patience = bounds.radius_time(smallest, experiment.radius).bound_nmax
    last = until if patience is None else max(until, _short(patience * PATIENCE))
    followed: ReferenceFlow | None = None
    try_until: Fraction | None = None
    while True:  # ends: the time doubles up to the last one, or that is lowered to it
        tick()
        try:
            followed = limit_flow(problem, time=until, digits=DIGITS, check=False)
        except Inconclusive:
            if followed is None:
                raise
            last, try_until = until, last
        reach = float(followed.log_norm(followed.end_time))
        if reach >= target or until >= last:
            return Lookahead(problem, followed, 0.0, reach, target, try_until)
        until = min(2 * until, last)


def _short(value: Fraction | float) -> Fraction:
    """A positive value of any size rounded up to a short fraction."""
    exact = Fraction(value)
    unit = Fraction(2) ** (exponent([exact]) - 10)
    return math.ceil(exact / unit) * unit


def jobs(
    ahead: Lookahead, time: Fraction, deltas: Sequence[str], digits: int, check: bool = True
) -> list[Job]:
    """A job per delta (as written): to the fixed `time`, and to both events of the experiment."""
    return [_job(ahead, time, delta, digits, check) for delta in deltas]


def _job(ahead: Lookahead, time: Fraction, delta: str, digits: int, check: bool) -> Job:
    experiment, order = ahead.problem.experiment, ahead.problem.order
    value = number(delta, "delta", MAX_DELTA_EXPONENT)
    log_delta = logarithm(value)
    # A little beyond both events.
    stop = max(experiment.radius, value * _short(1.01 * math.sqrt(experiment.factor_squared)))
    expected = ahead.time_of(logarithm(stop) - log_delta)
    last = expected is None or expected > float(time)
    # Growth slows down when the loss falls; far beyond the limit flow's time the norm is not reached any
    # more.
    until = ahead.try_until if expected is None else _short(3 * expected + float(time))
    # What is coupled from the start costs most; a limit flow is shared by all.
    coupled = order * (log_delta + log_growth(ahead, time)) > -(digits + EXTRA_DIGITS) * math.log(10)
    cost = (1.0 + check) * (10.0 + (abs(log_delta) if last else 0.0) / 1000 if coupled else 1.0)
    return Job(
        delta, time, experiment.radius, experiment.factor_squared, stop, until, last, digits, check, cost
    )


def log_growth(ahead: Lookahead, time: Fraction) -> float:
    """log(‖w‖/δ) of the limit flow at the fixed time."""
    return float(ahead.flow.log_norm(time)) - ahead.base


def added_deltas(
    ahead: Lookahead, limits: Sequence[BlockLimit], time: Fraction, given: Sequence[Fraction], digits: int
) -> list[str]:
    """Values that the two laws need beyond the `given` ones so that every block's fits have `NEEDED` points.

    Powers of ten, and where these are too coarse (steep laws) twice and five times them. Chosen one by one,
    each time the one that serves most fits; at most `MOST_ADDED`.
    """
    fits = _Fits(ahead, limits, time, digits)
    missing = dict.fromkeys(fits.wanted, NEEDED)

    def count(served: list[tuple[str, int]]) -> None:
        for fit in served:
            missing[fit] -= 1

    for value in given:
        count(fits.served_by(logarithm(value)))
    chosen: list[str] = []
    for mantissas in MANTISSAS:
        values = {f"{m}e-{k}": Fraction(m, 10**k) for m in mantissas for k in range(1, DECADES + 1)}
        if all(number <= 0 for number in missing.values()):
            break
        candidates = {
            text: fits.served_by(logarithm(value)) for text, value in values.items() if value not in given
        }
        while len(chosen) < MOST_ADDED:  # ends: one more is chosen
            tick()
            gains = {text: sum(missing[fit] > 0 for fit in served) for text, served in candidates.items()}
            # The first of equals: the largest.
            best = max(gains, key=lambda text: gains[text])
            if gains[best] == 0:
                break
            chosen.append(best)
            count(candidates.pop(best))
    return sorted(chosen, key=lambda text: -number(text))


class _Fits:
    """The fits (law, block) that are `wanted`, and which of them a flow from some delta will serve, as far as
    can be foreseen.
    """

    def __init__(self, ahead: Lookahead, limits: Sequence[BlockLimit], time: Fraction, digits: int) -> None:
        self.ahead, self.limits = ahead, limits
        self.order, self.growth = ahead.problem.order, log_growth(ahead, time)
        self.log_radius = logarithm(ahead.problem.experiment.radius)
        # Errors are of the size of a, or less.
        self.smallest = (ABOVE_NOISE - digits) * math.log(10)
        moving = [
            j
            for j, limit in enumerate(limits)
            if limit.outcome not in (DEAD, ZERO) and len(ahead.flow.blocks[j]) > 1
        ]
        self.strict = [j for j, limit in enumerate(limits) if limit.outcome == CONVERGES]
        self.by_time = [("time", j) for j in moving]
        self.wanted = self.by_time + [("radius", j) for j in self.strict]

    def served_by(self, log_delta: float) -> list[tuple[str, int]]:
        """The fits that a flow from δ = e^log_delta serves."""
        fits: list[tuple[str, int]] = []
        if self.smallest <= self.order * (log_delta + self.growth) <= math.log(SMALL):
            fits += self.by_time
        growth = self.log_radius - log_delta
        directions = self.ahead.directions(growth) if growth > math.log(LEAST_GROWTH) - 1e-9 else None
        for j in self.strict if directions is not None else ():
            error = float(distance(self.ahead.flow.context, (directions or [])[j], self.limits[j].direction))
            if max(FLOOR_FACTOR * self.limits[j].floor, 10.0 ** (3 - DIGITS)) <= error <= LARGEST_ANGLE:
                fits.append(("radius", j))
        return fits
