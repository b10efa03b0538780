"""A cheap look ahead along the limit flow, in low precision: how long each flow will take, where the blocks go, and at
which other values of delta the two laws of the angle error can be seen. It only plans; nothing here is reported as measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from certflow.experiments.limit_points import CONVERGES, DEAD, ZERO, BlockLimit, distance
from certflow.experiments.measurement import Job
from certflow.flow.reference import ReferenceFlow, limit_flow, reference_flow
from certflow.problem import Problem
from certflow.theorems.near_origin import NearOrigin

DIGITS = 15
DECADES = 40
"""How far, in powers of ten of ‖w‖/δ, the look ahead follows the growth for L = 2, and where half of it is for L > 2."""

PATIENCE = 10_000
"""An event that takes this many times its lower bound counts as not reached."""

SMALL = 1e-4
"""Law (i) is looked at where a = ‖w‖^L is at most this at the fixed time."""

FLOOR_FACTOR = 20
"""Law (ii) is looked at where the error is at least this many times its floor, ..."""

LARGEST_ANGLE = 0.1
"""... and at most this, in radians, where the flow is close to linear."""

NEEDED, MOST_ADDED = 4, 6
"""Points wanted per fit, and most values of delta added to get them."""


@dataclass(frozen=True)
class Lookahead:
    """The limit flow up to ‖w‖ = δ e^`reach` (L = 2), or a flow from a δ so small that it is the same until then (L > 2).

    `base` is log δ of that flow (0 for the limit flow), and e^`wanted` is the growth after which it was to stop.
    """

    problem: Problem
    flow: ReferenceFlow
    base: float
    reach: float
    wanted: float

    def time_of(self, log_ratio: float) -> float | None:
        """The scaled time at which ‖w‖ = δ e^log_ratio, for L > 2 also by extrapolation; None if that is not in sight."""
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
        """Directions per decade of growth, and at the end: [decade][block]."""
        decades = range(1, int(self.reach / math.log(10)) + 1)
        found = [self.directions(k * math.log(10)) for k in decades]
        return [each for each in found if each is not None] + [self.directions_at(self.flow.end_time)]

    def paths(self) -> list[list[list[Any]]]:
        """The profile by block: [block][decade]."""
        return [list(path) for path in zip(*self.profile, strict=True)]

    def fixed_time(self, asked: Fraction) -> Fraction:
        """`asked`; or for L > 2, where the limit flow blows up, at most nine tenths of that time, rounded down to two digits."""
        latest = 0.9 * float(self.flow.end_time)
        if self.problem.order == 2 or float(asked) <= latest:
            return asked
        unit = Fraction(10) ** (math.floor(math.log10(latest)) - 1)
        return math.floor(Fraction(latest) / unit) * unit


def look_ahead(problem: Problem, bounds: NearOrigin, smallest: Fraction) -> Lookahead:
    """Follow the limit flow until ‖w‖/δ is R/`smallest` and at least 10^`DECADES`, or until patience ends.

    Raises `Inconclusive` like the flow.
    """
    experiment = problem.experiment
    log_radius = _log(experiment.radius)
    if problem.order > 2:
        start = experiment.radius / 10 ** (DECADES // 2)
        bound = bounds.radius_time(start, experiment.radius).bound_nmax
        until = experiment.time if bound is None else bound * PATIENCE
        flow = reference_flow(problem, start, time=_short(until), radius=experiment.radius, digits=DIGITS, check=False)
        base = _log(start)
        return Lookahead(problem, flow, base, float(flow.log_norm(flow.end_time)) - base, log_radius - base)
    target = max(log_radius - _log(smallest), DECADES * math.log(10))
    until = max(experiment.time, Fraction(1))
    patience = bounds.radius_time(smallest, experiment.radius).bound_nmax
    last = until if patience is None else max(until, _short(patience * PATIENCE))
    while True:
        flow = limit_flow(problem, time=until, digits=DIGITS, check=False)
        reach = float(flow.log_norm(flow.end_time))
        if reach >= target or until >= last:
            return Lookahead(problem, flow, 0.0, reach, target)
        until = min(2 * until, last)


def _log(value: Fraction) -> float:
    return math.log(value.numerator) - math.log(value.denominator)


def _short(value: Fraction | float) -> Fraction:
    """`value` rounded up to a short fraction."""
    return Fraction(math.ceil(Fraction(value) * 1024), 1024)


def jobs(ahead: Lookahead, time: Fraction, deltas: Sequence[str], digits: int, check: bool = True) -> list[Job]:
    """A job per delta (as written): to the fixed `time`, the factor and the radius of the experiment."""
    return [_job(ahead, time, delta, digits, check) for delta in deltas]


def _job(ahead: Lookahead, time: Fraction, delta: str, digits: int, check: bool) -> Job:
    experiment = ahead.problem.experiment
    job = Job(delta, time, time, experiment.radius, None, experiment.factor_squared, False, digits, check)
    log_delta = _log(job.delta_value)
    factor = ahead.time_of(_log(experiment.factor_squared) / 2)
    until = max(time, _short(1.1 * factor)) if factor is not None and ahead.problem.order == 2 else time
    radius = ahead.time_of(_log(experiment.radius) - log_delta) if job.delta_value < experiment.radius else None
    # Growth slows down when the loss falls; far beyond the limit flow's time the radius is not reached any more.
    radius_until = None if radius is None else _short(3 * radius + float(until))
    radius_last = radius is not None and radius > float(until)
    # What is coupled from the start costs most; a limit flow is shared by all.
    coupled = ahead.problem.order * (log_delta + log_growth(ahead, time)) > -(digits + 14) * math.log(10)
    cost = (1.0 + check) * (10.0 + (abs(log_delta) if radius_last else 0.0) / 1000) if coupled else 1.0 + check
    return Job(delta, until, time, experiment.radius, radius_until, experiment.factor_squared, radius_last, digits, check, cost)


def log_growth(ahead: Lookahead, time: Fraction) -> float:
    """log(‖w‖/δ) of the limit flow at the fixed time."""
    return float(ahead.flow.log_norm(time)) - ahead.base


def added_deltas(ahead: Lookahead, limits: Sequence[BlockLimit], time: Fraction, given: Sequence[Fraction]) -> list[str]:
    """Powers of ten that the two laws need beyond the `given` values so that every block's fits have `NEEDED` points.

    Chosen one by one, each time the one that serves most fits; the largest of equals; at most `MOST_ADDED`.
    """
    serves = _service(ahead, limits, time)
    have: dict[tuple[str, int], int] = {}
    for value in given:
        for fit in serves(_log(value)):
            have[fit] = have.get(fit, 0) + 1
    candidates = {k: serves(-k * math.log(10)) for k in range(1, DECADES + 1) if Fraction(1, 10**k) not in set(given)}
    chosen: list[int] = []
    while len(chosen) < MOST_ADDED:
        gains = {k: sum(have.get(fit, 0) < NEEDED for fit in fits) for k, fits in candidates.items() if k not in chosen}
        best = max(gains, key=lambda k: (gains[k], -k), default=0)
        if not gains or gains[best] == 0:
            break
        chosen.append(best)
        for fit in candidates[best]:
            have[fit] = have.get(fit, 0) + 1
    return [f"1e-{k}" for k in sorted(chosen)]


def _service(ahead: Lookahead, limits: Sequence[BlockLimit], time: Fraction) -> Callable[[float], list[tuple[str, int]]]:
    """A function of log δ that lists the fits (law, block) which a flow from δ would serve, as far as can be foreseen."""
    order, growth, ctx = ahead.problem.order, log_growth(ahead, time), ahead.flow.context
    log_radius = _log(ahead.problem.experiment.radius)
    moving = [j for j, limit in enumerate(limits) if limit.outcome not in (DEAD, ZERO) and len(ahead.flow.blocks[j]) > 1]
    strict = [j for j, limit in enumerate(limits) if limit.outcome == CONVERGES]

    def serves(log_delta: float) -> list[tuple[str, int]]:
        fits: list[tuple[str, int]] = []
        if 1e-22 <= math.exp(max(order * (log_delta + growth), -700)) <= SMALL:
            fits += [("time", j) for j in moving]
        directions = ahead.directions(log_radius - log_delta) if log_delta < log_radius else None
        if directions is not None:
            for j in strict:
                error = float(distance(ctx, directions[j], limits[j].direction))
                if FLOOR_FACTOR * limits[j].floor <= error <= LARGEST_ANGLE and error > 1e-12:
                    fits.append(("radius", j))
        return fits

    return serves
