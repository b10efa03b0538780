"""What one reference flow measures for the tables: times of two events, and directions at a fixed time and
radius.

One integration per delta serves all of them. Every number is an approximation of the reference integrator;
numbers travel as decimal text, so that a measurement can be made in another process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.arithmetic.enclosure import OutsideDomain
from certflow.exact import MAX_DELTA_EXPONENT, format_rational, number
from certflow.flow.reference.flow import ReferenceFlow, reference_flow
from certflow.outcome import Inconclusive
from certflow.problem import Problem

EXTRA_DIGITS = 15
"""Digits passed on beyond those asked for, so that differences of directions keep theirs."""

ShareReport = Callable[[float], None]
"""Told which share of a job, from 0 to 1, is done."""


@dataclass(frozen=True)
class Job:
    """One flow to integrate, from ‖w(0)‖ = `delta` (as written): to at least the scaled time `time`, at which
    directions are read, and until ‖w‖ = `stop`, unless that takes longer than `stop_until` (None: no norm is
    asked for).

    Events are ‖w‖ = sqrt(`factor_squared`) delta and ‖w‖ = `radius`. `stop_last` says that `stop` is expected
    after `time`; it only saves work. `check` asks for the error estimate. `cost` orders jobs, longest first.
    """

    delta: str
    time: Fraction
    radius: Fraction
    factor_squared: Fraction
    stop: Fraction
    stop_until: Fraction | None
    stop_last: bool
    digits: int
    check: bool = True
    cost: float = 0.0

    @property
    def delta_value(self) -> Fraction:
        """The exact delta."""
        return number(self.delta, "delta", MAX_DELTA_EXPONENT)

    @property
    def horizon(self) -> Fraction:
        """The scaled time up to which events are looked for."""
        return max(self.time, self.stop_until or self.time)

    def to_json(self) -> dict[str, Any]:
        """A record that `from_json` reads back."""
        record = dataclasses.asdict(self)
        return {key: format_rational(v) if isinstance(v, Fraction) else v for key, v in record.items()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Job:
        """The job of a record."""
        exact = {"time", "radius", "factor_squared", "stop", "stop_until"}
        values: dict[str, Any] = {
            k: number(v, k, MAX_DELTA_EXPONENT) if k in exact and v else v for k, v in record.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Event:
    """The scaled time of an event and its estimated error, as decimal text."""

    time: str
    error: str


@dataclass(frozen=True)
class Measurement:
    """What was measured from one delta; None for what was not reached, or failed (then `failure` says why).

    `at_time` and `at_radius` are unit directions per block, `log_norm_at_time` is log ‖w‖ at the fixed time.
    """

    delta: str
    factor: Event | None = None
    radius: Event | None = None
    at_time: list[list[str]] | None = None
    at_radius: list[list[str]] | None = None
    log_norm_at_time: str | None = None
    error_estimate: str | None = None
    failure: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A record that `from_json` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Measurement:
        """The measurement of a record."""
        events = {key: None if record[key] is None else Event(**record[key]) for key in ("factor", "radius")}
        return cls(**{**record, **events})


def measure(problem: Problem, job: Job, share: ShareReport | None = None) -> Measurement:
    """Integrate as the job says and read off the result; a flow that fails leaves its reason."""
    stages = _Stages(job.check, share)
    flows: list[ReferenceFlow] = []
    failure: str | None = None
    order = ["time"] if job.stop_until is None else ["stop", "time"] if job.stop_last else ["time", "stop"]
    for goal in order:
        # A long enough flow serves both goals.
        if any(_serves(flow, goal, job) for flow in flows):
            continue
        limits = {"time": job.time} if goal == "time" else {"time": job.stop_until, "radius": job.stop}
        try:
            flow = reference_flow(
                problem,
                job.delta_value,
                digits=job.digits,
                check=job.check,
                partial=True,
                progress=stages.progress,
                **limits,
            )
            flows.append(flow)
            failure = failure or flow.stopped or None
        except (Inconclusive, OutsideDomain) as error:
            failure = failure or str(error)
    return _read(job, flows, failure)


def _serves(flow: ReferenceFlow, goal: str, job: Job) -> bool:
    if goal == "time":
        return bool(flow.end_time >= flow.context.mpf(job.time.numerator) / job.time.denominator)
    return flow.time_at_norm(job.stop) is not None


def _read(job: Job, flows: list[ReferenceFlow], failure: str | None) -> Measurement:
    factor: Event | None = None
    radius = Event("0", "0") if job.delta_value == job.radius else None
    at_time = at_radius = log_norm = None
    for flow in flows:
        ctx, blocks = flow.context, range(len(flow.blocks))
        delta = ctx.mpf(job.delta_value.numerator) / job.delta_value.denominator
        factor = factor or _event(
            flow, ctx.sqrt(ctx.mpf(job.factor_squared.numerator) / job.factor_squared.denominator) * delta
        )
        reached = None if radius else flow.time_at_norm(job.radius)
        if reached is not None:
            radius = _event(flow, ctx.mpf(job.radius.numerator) / job.radius.denominator)
            # The law of the angle is one of growth: a norm that falls to the radius has nothing to say about
            # it.
            grown = job.delta_value < job.radius
            at_radius = [_texts(flow, flow.block_direction(j, reached)) for j in blocks] if grown else None
        if at_time is None and flow.end_time >= ctx.mpf(job.time.numerator) / job.time.denominator:
            at_time = [_texts(flow, flow.block_direction(j, job.time)) for j in blocks]
            log_norm = _text(flow, flow.log_norm(job.time))
    if flows and job.delta_value == job.radius:
        at_radius = [_texts(flows[0], flows[0].block_direction(j, 0)) for j in range(len(flows[0].blocks))]
    errors = [flow.error_estimate for flow in flows if flow.error_estimate is not None]
    estimate = str(flows[0].context.nstr(max(errors), 3)) if errors else None
    return Measurement(job.delta, factor, radius, at_time, at_radius, log_norm, estimate, failure)


def _event(flow: ReferenceFlow, norm: Any) -> Event | None:
    """When ‖w‖ = `norm` first, with the error that the flow's error estimate means for that time."""
    ctx = flow.context
    time = flow.time_at_norm(norm)
    if time is None:
        return None
    size = max(flow.error_estimate or ctx.zero, ctx.mpf(10) ** -flow.digits)
    if flow.order > 2:
        error = size * max(time, flow.time_unit)
    else:
        # An error of log ‖w‖ shifts the time by that error over the rate at which log ‖w‖ grows there.
        step = ctx.mpf(10) ** -6
        before = flow.time_at_norm(norm * ctx.exp(-step))
        rate = step / (time - before) if before is not None and before < time else ctx.one
        error = 2 * size / rate
    return Event(_text(flow, time), str(ctx.nstr(error, 3)))


def _texts(flow: ReferenceFlow, vector: Any) -> list[str]:
    return [_text(flow, value) for value in vector]


def _text(flow: ReferenceFlow, value: Any) -> str:
    return str(flow.context.nstr(value, flow.digits + EXTRA_DIGITS))


class _Stages:
    """The share of a job from the progress of its one or two runs (with `check` each is run twice)."""

    def __init__(self, check: bool, share: ShareReport | None) -> None:
        self.runs, self.share = 1 + check, share
        self.finished, self.last = 0, 0

    def progress(self, description: str, done: int, total: int) -> None:
        """Called by the flow."""
        if done < self.last:
            self.finished += 1
        self.last = done
        if self.share is not None:
            self.share(min((self.finished + done / total) / self.runs, 1.0))
