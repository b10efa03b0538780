"""The reference gradient flow in high precision: Taylor series in fixed point, any delta, dense output.

It is an *approximation*, with an honest error estimate from a second run at higher order and precision; it
proves nothing. While delta^L times the outputs is below the working precision the flow is the limit direction
flow, which does not know delta: that part is computed once per problem and reused for every delta.
Coordinates and scalings: L1 (`proofs_notes/L1-coordinates.md`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import MAX_DELTA_EXPONENT, initial_norm, number, shown, whole
from certflow.flow.reference.integration import Integration, Pace, Precision
from certflow.flow.reference.limit_flow import LimitFlow, limit_of
from certflow.flow.reference.path import InContext, Path
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress, require_progress
from certflow.running import OutOfTime, tick
from certflow.units import normalised

MAX_DIGITS = 5_000
COORDINATES = ("raw", "polar")
SAMPLES = 24
TURNING_STEPS = 60
LARGE = 3.0
"""log ‖w‖, in units near 1, from which on weights shrink fast."""


class Effort(NamedTuple):
    """What an integration took: steps, Taylor orders over all steps, and kinks met."""

    steps: int = 0
    orders: int = 0
    kinks: int = 0


@dataclass(repr=False)
class ReferenceFlow(InContext):
    """An approximate trajectory of the gradient flow from `delta * w0` (the limit flow if `delta` is None).

    Times are scaled, `t * delta^(L-2)`, which is t for L = 2, and naturally of the size of `time_unit`;
    numbers are mpmath's, of `context`. Blocks are those of a separable network of order 2, otherwise one
    block holds all weights. `stopped` says why a flow ends early, or is empty.
    """

    delta: Fraction | None
    order: int
    digits: int
    blocks: list[list[int]]
    paths: list[Path]
    context: Any
    time_unit: Any = 1
    effort: Effort = Effort()
    error_estimate: Any = None
    stopped: str = ""

    def __repr__(self) -> str:
        start = "the limit δ → 0" if self.delta is None else f"δ = {rounded_text(self.delta, 4)}"
        end = self.context.nstr(self.context.mpf(self.end_time), 6)
        stopped = "; it stopped there" if self.stopped else ""
        about = f"an approximation with about {self.digits} digits"
        return f"<ReferenceFlow from {start} until scaled time {end}: {about}{stopped}>"

    @property
    def end_time(self) -> Any:
        """The scaled time that was reached."""
        return min(path.end for path in self.paths)

    @property
    def log_delta(self) -> Any:
        """log(delta); 0 for the limit flow, whose norms are relative to delta."""
        if self.delta is None:
            return self.context.zero
        return self.context.log(self.context.mpf(self.delta.numerator) / self.delta.denominator)

    def _own(self, value: Any, read: Callable[[Any], Fraction]) -> Any:
        """A number that was given in the numbers of the flow, among which its own need no reading."""
        if isinstance(value, self.context.mpf):
            return value
        exact = read(value)
        return self.context.mpf(exact.numerator) / exact.denominator

    def _time(self, time: Any) -> Any:
        value = self._own(time, _time)
        if not 0 <= value <= self.end_time:
            at, end = (self.context.nstr(each, 8) for each in (value, self.end_time))
            raise BadInput(
                f"time: {at} is outside the computed range [0, {end}]; follow the flow for longer."
            )
        return value

    def block_direction(self, j: int, time: Any) -> np.ndarray:
        """The unit direction of block j at the scaled time (zeros if the block is zero)."""
        return np.array(self.paths[j].state(self._time(time)).direction, dtype=object)

    def block_log_norm(self, j: int, time: Any) -> Any:
        """log ‖w_j‖ at the scaled time (log(‖w_j‖/delta) for the limit flow)."""
        return self.paths[j].state(self._time(time)).log_norm + self.log_delta

    def log_norm(self, time: Any) -> Any:
        """log ‖w‖ at the scaled time."""
        return self._joint([path.state(self._time(time)).log_norm for path in self.paths]) + self.log_delta

    def _joint(self, logs: list[Any]) -> Any:
        top = max(logs)
        if not self.context.isfinite(top):
            return top
        return top + self.context.log(self.context.fsum(self.context.exp(2 * (v - top)) for v in logs)) / 2

    def direction(self, time: Any) -> np.ndarray:
        """The unit direction of all weights at the scaled time."""
        states = [path.state(self._time(time)) for path in self.paths]
        total = self._joint([log for _, log in states])
        result = np.empty(sum(len(b) for b in self.blocks), dtype=object)
        for indices, (theta, log) in zip(self.blocks, states, strict=True):
            for i, v in zip(indices, theta, strict=True):
                result[i] = v * self.context.exp(log - total)
        return result

    def weights(self, time: Any) -> np.ndarray:
        """All weights at the scaled time (relative to delta for the limit flow)."""
        result = np.empty(sum(len(b) for b in self.blocks), dtype=object)
        for path, indices in zip(self.paths, self.blocks, strict=True):
            theta, log = path.state(self._time(time))
            norm = self.context.exp(log + self.log_delta)
            for i, v in zip(indices, theta, strict=True):
                result[i] = v * norm
        return result

    def time_at_norm(self, radius: Any) -> Any | None:
        """The first scaled time at which ‖w‖ = radius; None if it was not reached (L1.10)."""
        return next((time for time, _ in self.crossings(radius)), None)

    def crossings(self, radius: Any) -> Iterator[tuple[Any, bool]]:
        """The scaled times at which ‖w‖ = radius, in order, each with whether the norm rises there."""
        target = self.context.log(self._own(radius, _radius))
        points = self._turning(target)
        starts_there = points[0][1] == target
        if starts_there:
            yield points[0][0], len(points) > 1 and points[1][1] >= target
        for (low, log_low), (high, log_high) in itertools.pairwise(points[starts_there:]):
            if (log_low < target) != (log_high < target):
                yield self._crossing(target, low, log_low - target, high, log_high - target), log_low < target

    @cached_property
    def profile(self) -> list[tuple[Any, Any]]:
        """(time, log ‖w‖) at a few times, dense where the flow is fast."""
        return [(time, self.log_norm(time)) for time in self.sample_times(4 * SAMPLES)]

    def extreme(self, sign: int) -> tuple[Any, Any]:
        """(time, log ‖w‖) where the norm is largest (1) or smallest (-1), as far as the profile shows."""
        points = self.profile
        i = max(range(len(points)), key=lambda i: sign * points[i][1])
        inside = 0 < i < len(points) - 1
        return self._turning_point(sign, points[i - 1][0], points[i + 1][0], None) if inside else points[i]

    def _turning(self, target: Any) -> list[tuple[Any, Any]]:
        """The profile, and between its points those at which the log norm turns beyond `target`."""
        points = list(self.profile)
        for (start, before), (_, log), (end, after) in zip(
            self.profile, self.profile[1:], self.profile[2:], strict=False
        ):
            for sign in (1, -1):
                if sign * log >= max(sign * before, sign * after) and sign * (log - target) < 0:
                    found = self._turning_point(sign, start, end, target)
                    points += [found] if sign * (found[1] - target) >= 0 else []
        return sorted(points)

    def _turning_point(self, sign: int, start: Any, end: Any, target: Any | None) -> tuple[Any, Any]:
        """(time, log ‖w‖) where sign * log ‖w‖ is largest between two times, or is first seen beyond
        `target`.
        """
        best: tuple[Any, Any] = (start, self.log_norm(start))
        for _ in range(TURNING_STEPS):
            pair = [(time, self.log_norm(time)) for time in ((2 * start + end) / 3, (start + 2 * end) / 3)]
            best = max(best, *pair, key=lambda point: sign * point[1])
            if target is not None and sign * (best[1] - target) >= 0:
                break
            start, end = (start, pair[1][0]) if sign * pair[0][1] >= sign * pair[1][1] else (pair[0][0], end)
        return best

    def _crossing(self, target: Any, low: Any, below: Any, high: Any, above: Any) -> Any:
        """The root of log_norm - target between low and high, where it has the values `below` and `above` of
        two signs: Illinois, in log-norm accuracy.
        """
        small, side, rising = self.context.mpf(10) ** -(self.digits + 8), 0, below < 0
        for _ in range(40 * self.digits):
            tick()
            if above == below or high - low == 0:
                break
            middle = (low * above - high * below) / (above - below)
            if not low < middle < high:
                middle = (low + high) / 2
            value = self.log_norm(middle) - target
            if abs(value) <= small:
                return middle
            if (value < 0) == rising:
                low, below = middle, value
                above = above / 2 if side < 0 else above
                side = -1
            else:
                high, above = middle, value
                below = below / 2 if side > 0 else below
                side = 1
        return high

    def sample_times(self, count: SupportsIndex = SAMPLES) -> list[Any]:
        """About `count` times from 0 to the end, spread evenly over the steps taken (dense where the flow is
        fast).
        """
        end, count = self.end_time, whole(count, "count", 1)
        starts = sorted({start for path in self.paths for start in path.starts if start < end})
        picked = starts[:: max(len(starts) // count, 1)]
        even = [end * i / 8 for i in range(8)] if self.order == 2 else []
        return sorted({*picked, *even, self.context.zero}) + [end]


def _time(time: Any) -> Fraction:
    value = number(time, "time", MAX_DELTA_EXPONENT)
    if value < 0:
        raise BadInput(f"time: {shown(time)} is negative; flows start at time 0.")
    return value


def _radius(radius: Any) -> Fraction:
    value = number(radius, "radius", MAX_DELTA_EXPONENT)
    if value <= 0:
        raise BadInput(f"radius: {shown(radius)} is not positive; ‖w‖ cannot reach it.")
    return value


def _is_polar(problem: Problem, coordinates: str | None, log_delta: float = 0.0) -> bool:
    """Whether to integrate in (theta, log rho, t): the default for L > 2, where raw steps are short near
    blow-up.

    Weights that start far above units near 1 (`log_delta`) shrink, for so short a time that only raw steps
    resolve it.
    """
    if coordinates is not None and coordinates not in COORDINATES:
        raise BadInput(f"coordinates: {coordinates!r} is not one of raw, polar.")
    return problem.order > 2 and log_delta <= LARGE if coordinates is None else coordinates == "polar"


def _precision(problem: Problem, digits: SupportsIndex, log_delta: float) -> Precision:
    digits = whole(digits, "digits", 5, MAX_DIGITS)
    return Precision(
        digits, extra=math.ceil((problem.order - 2) * -log_delta / math.log(10)) if log_delta < 0 else 0
    )


def limit_flow(
    problem: ProblemSource,
    *,
    time: Any,
    digits: SupportsIndex = 30,
    coordinates: str = "raw",
    check: bool = True,
) -> ReferenceFlow:
    """The limit direction flow (a = 0) up to the scaled `time`; norms are relative to delta. An approximation
    (L1.5, L1.7, L1.9).

    For L > 2 it blows up in finite time: beyond that log norms are infinite. Raises `BadInput` for digits
    outside 5..5000, `Inconclusive` where it branches at a kink or slides along one above the lowest trained
    layer.
    """

    given, end = Problem.load(problem), _time(time)

    def run(precision: Precision) -> ReferenceFlow:
        limit = limit_of(given, precision, _is_polar(given, coordinates))
        until = limit.own_time(end)
        for j in range(len(limit.blocks)):
            limit.extend(j, until)
        return _flow(limit, None, precision.digits, until, None)

    return _checked(run, _precision(given, digits, 0.0), check)


def blow_up_time(problem: Problem, digits: int = 15) -> Any | None:
    """The scaled time at which the limit flow blows up (L > 2), to about `digits` digits; None if it does
    not, or cannot be followed so far. An approximation.
    """
    limit = limit_of(problem, _precision(problem, digits, 0.0), _is_polar(problem, None))
    try:
        time = limit.given_time(limit.blow_up())
    except Inconclusive:
        return None
    return time if limit.context.isfinite(time) else None


def reference_flow(
    problem: ProblemSource,
    delta: Any,
    *,
    time: Any = None,
    radius: Any = None,
    digits: SupportsIndex = 30,
    coordinates: str | None = None,
    check: bool = True,
    partial: bool = False,
    progress: Progress | None = None,
) -> ReferenceFlow:
    """The gradient flow from `delta * w0` until the scaled `time` or, from below, ‖w‖ = `radius`, whichever
    is first (L1.9).

    `coordinates` are "raw" or "polar" (L1); by default polar for L > 2, unless ‖w‖ starts large. An
    approximation with about `digits` digits; `error_estimate` is the largest difference of directions and log
    norms to a second run at higher order and precision (for L > 2 near blow-up at equal norms, together with
    relative differences of the times). Raises `BadInput` for unusable arguments, `Inconclusive` where the
    flow branches at a kink, slides along one above the lowest trained layer, ends in a singularity, or takes
    too long; with `partial`, what was computed until then is returned (`stopped`).
    """
    given, start = Problem.load(problem), initial_norm(delta)
    require_progress(progress)
    end = None if time is None else _time(time)
    target = None if radius is None else _radius(radius)
    if end is None and (target is None or target <= start):
        raise BadInput("flow: give a time or a radius above delta at which to stop.")
    log_delta = math.log(start.numerator) - math.log(start.denominator)
    log_target = (
        math.log(target.numerator) - math.log(target.denominator) - log_delta
        if target is not None
        else math.inf
    )
    goal = _Goal(end, math.inf if target is not None and target <= start else log_target)
    own_log_delta = log_delta - normalised(given)[1].log_length

    def run(precision: Precision) -> ReferenceFlow:
        limit = limit_of(given, precision, _is_polar(given, coordinates, own_log_delta))
        return _integrate(limit, start, log_delta, goal, precision.digits, partial, progress)

    flow = _checked(run, _precision(given, digits, own_log_delta), check, partial)
    if flow.stopped and not (partial and flow.end_time > 0):
        tick()
        raise Inconclusive(flow.stopped)
    return flow


@dataclass(frozen=True)
class _Goal:
    """Where a flow ends: at the scaled `time`, or once log(‖w‖/delta) is `log_target`."""

    time: Fraction | None
    log_target: float


def _integrate(
    limit: LimitFlow,
    delta: Fraction,
    log_delta: float,
    goal: _Goal,
    digits: int,
    partial: bool,
    progress: Progress | None,
) -> ReferenceFlow:
    until = None if goal.time is None else limit.own_time(goal.time)
    try:
        switch = limit.switch_time(log_delta - limit.units.log_length, until)
    except Inconclusive as error:
        return _flow(limit, None, digits, limit.common_end(), delta, str(error))
    states = [limit.path(j).state(switch) for j in range(len(limit.blocks))]
    problem, delta_power = limit.problem, delta**limit.problem.order / limit.units.mass
    run = Integration(
        problem, limit.N, limit.blocks, limit.precision, delta_power, limit.polar, switch, states
    )
    try:
        _advance(run, until, goal.log_target, log_delta, progress)
    except (Inconclusive, OutOfTime) as error:
        if isinstance(error, OutOfTime) and not partial:
            raise
        at = limit.context.nstr(limit.given_time(run.time), 8)
        return _flow(limit, run, digits, switch, delta, f"at scaled time {at}, {error}")
    if until is not None and run.time > until:
        # Steps in tau (L > 2, polar) end a little later than asked.
        for path in run.paths:
            path.end = until
    return _flow(limit, run, digits, switch, delta)


def _advance(
    run: Integration, until: Any | None, log_target: float, log_delta: float, progress: Progress | None
) -> None:
    """Integrate up to the scaled time `until` or the log norm `log_target`, or until the weights stand
    still.
    """
    pace, start_log = Pace(), _log_sum(run.log_norms())
    # ends: at most MAX_STEPS steps
    while (until is None or run.time < until) and _log_sum(run.log_norms()) < log_target:
        still = run.standstill(until)
        if still is not None:
            for path, rest in zip(run.paths, still, strict=True):
                path.append(rest, run.time if until is None else until)
            return
        run.advance(until)
        pace.check(run, until, log_target)
        if progress is not None:
            done = 0.0 if until is None else float(run.time / until)
            if math.isfinite(log_target):
                done = max(done, (_log_sum(run.log_norms()) - start_log) / max(log_target - start_log, 1e-9))
            progress(
                f"flow from {float(log_delta) / math.log(10):.0f} in log10 delta",
                min(int(1000 * done), 999),
                1000,
            )


def _log_sum(logs: list[float]) -> float:
    top = max(logs)
    return top + 0.5 * math.log(sum(math.exp(2 * (v - top)) for v in logs)) if math.isfinite(top) else top


def _flow(
    limit: LimitFlow,
    run: Integration | None,
    digits: int,
    switch: Any,
    delta: Fraction | None,
    stopped: str = "",
) -> ReferenceFlow:
    """The limit paths up to `switch`, then the coupled run's, in the times of the problem that was given."""
    paths = []
    for j in range(len(limit.blocks)):
        path = limit.path(j).truncated(switch)
        if run is not None:
            for piece in run.paths[j].pieces:
                path.append(piece, run.paths[j].end)
        paths.append(path.slower(-limit.units.rate_exponent))
    steppers = [r.stepper for r in limit.runs.values()] + ([run.stepper] if run is not None else [])
    effort = Effort(
        *(sum(each) for each in zip(*((s.steps, s.orders, s.kinks_met) for s in steppers), strict=True))
    )
    order = limit.problem.order
    unit = limit.given_time(limit.context.one)
    return ReferenceFlow(
        delta, order, digits, limit.blocks, paths, limit.context, unit, effort, stopped=stopped
    )


def _checked(run: Any, precision: Precision, check: bool, partial: bool = False) -> ReferenceFlow:
    flow = run(precision)
    if check:
        try:
            other = run(Precision(precision.digits, precision.level + 1, precision.extra))
            flow.error_estimate = _difference(flow, other)
        except OutOfTime as error:
            if not partial:
                raise
            flow.stopped = flow.stopped or f"its error was not estimated, {error}"
    return flow


def _difference(flow: ReferenceFlow, other: ReferenceFlow) -> Any:
    """The largest difference of two runs over sample times: at equal time, or, for L > 2 near blow-up, where
    the norm at a given time has no correct digits, at equal norm together with the relative difference of the
    times.
    """
    ctx, worst = other.context, other.context.zero
    for time in flow.sample_times():
        tick()
        found = _distance(flow, time, other, ctx.mpf(time)) if time <= other.end_time else None
        if (
            flow.order > 2
            and flow.delta is not None
            and (found is None or found > ctx.mpf(10) ** (5 - flow.digits))
        ):
            at = other.time_at_norm(ctx.exp(flow.log_norm(time)))
            found = (
                None
                if at is None
                else max(_distance(flow, time, other, at), abs(at - time) / max(at, flow.time_unit))
            )
        if found is not None:
            worst = max(worst, found)
    return worst


def _distance(flow: ReferenceFlow, time: Any, other: ReferenceFlow, at: Any) -> Any:
    """The largest difference of block directions and log norms at two times."""
    worst = other.context.zero
    for mine, theirs in zip(flow.paths, other.paths, strict=True):
        (a, log_a), (b, log_b) = mine.state(time), theirs.state(at)
        worst = max([worst, *(abs(x - y) for x, y in zip(a, b, strict=True))])
        if other.context.isfinite(log_a):
            worst = max(worst, abs(log_a - log_b))
    return worst
