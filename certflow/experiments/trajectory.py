"""One reference flow as a table: time, size, and where each block points (`certflow flow`)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.exact import MAX_DELTA_EXPONENT, format_rational, number
from certflow.experiments.lookahead import before_blow_up
from certflow.flow.reference.flow import ReferenceFlow, blow_up_time, reference_flow
from certflow.outcome import BadInput, ExitCode
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.records import problem_record
from certflow.running import OutOfTime, deadline, no_deadline, remaining, tick
from certflow.tables import Column, Table, fixed_cell, number_cell, number_text

MAX_ROWS = 10_000

_READING = 0.5
"""Seconds for the rows of a flow that the deadline has stopped."""


@dataclass(frozen=True)
class Trajectory:
    """A reference flow read off at `times` (scaled, t·δ^(L-2)); an approximation, as the flow is.

    `remarks` say what else was found, in sentences: why the flow ends where it does, and when ‖w‖ = `radius`
    (`crossings`: the times, each with whether the norm rises there). `angles[i][j]` in degrees: the angle of
    block j in the plane if `planar`, else how far it has turned from its start.
    """

    problem: Problem
    delta: str
    flow: ReferenceFlow
    times: list[Any]
    log_norms: list[Any]
    angles: list[list[Any]]
    planar: bool
    crossings: list[tuple[Any, bool]]
    remarks: list[str]

    @property
    def exit_code(self) -> ExitCode:
        """INCONCLUSIVE if the flow could not be followed as far as asked."""
        return ExitCode.INCONCLUSIVE if self.flow.stopped else ExitCode.DONE

    def table(self, most_blocks: int | None = None) -> Table:
        """Time, log10 of the norm, and an angle per block, of the first `most_blocks` blocks (default:
        all).
        """
        blocks = len(self.problem.blocks)
        shown = blocks if most_blocks is None else min(blocks, most_blocks)
        names = [f"u{j + 1}" if self.planar else f"turn {j + 1}" for j in range(shown)]
        table = Table(
            f"Reference flow from δ = {self.delta}",
            [
                Column(_time_name(self.problem.order)),
                Column("log10 ‖w‖"),
                *(Column(name, "°") for name in names),
            ],
        )
        digits = self.flow.digits
        ten = self.flow.context.log(10)
        for time, log_norm, angles in zip(self.times, self.log_norms, self.angles, strict=True):
            cells = [fixed_cell(angle, 4, digits) for angle in angles[:shown]]
            table.add(number_cell(time, 6, digits), fixed_cell(log_norm / ten, 4, digits), *cells)
        kind = (
            "angle of each neuron"
            if self.planar
            else "how far each block of weights has turned from its start"
        )
        table.notes.append(
            f"Columns from the third on: {kind}, {shown} of {blocks}."
            if shown < blocks
            else f"Columns from the third on: {kind}."
        )
        table.notes += self.remarks
        if self.flow.error_estimate is not None:
            table.notes.append(
                f"An approximation; estimated error {number_text(self.flow.error_estimate, 2)} (radians, "
                f"logarithms)."
            )
        return table

    def to_json(self) -> dict[str, Any]:
        """The record of `certflow flow --json`; everything computed is under `approx`."""
        digits = self.flow.digits
        key = "angles_deg" if self.planar else "turned_deg"
        estimate = self.flow.error_estimate
        return {
            "problem": problem_record(self.problem),
            "delta": self.delta,
            "precision": digits,
            "stopped": self.flow.stopped or None,
            "remarks": self.remarks,
            "approx": {
                "crossings": [
                    {"scaled_time": number_text(time, digits), "norm": "rises" if rises else "falls"}
                    for time, rises in self.crossings
                ],
                "error_estimate": None if estimate is None else number_text(estimate, 3),
                "rows": [
                    {
                        "scaled_time": number_text(time, digits),
                        "log_norm": number_text(log_norm, digits),
                        key: [number_text(a, digits) for a in angles],
                    }
                    for time, log_norm, angles in zip(self.times, self.log_norms, self.angles, strict=True)
                ],
            },
        }


def trajectory(
    problem: Problem,
    delta: str,
    *,
    time: Fraction | None = None,
    radius: Fraction | None = None,
    rows: int = 13,
    digits: int = 30,
    progress: Progress | None = None,
) -> Trajectory:
    """Integrate from `delta` (as written) to the scaled `time` or to ‖w‖ = `radius`, read off at `rows` equal
    steps.

    Without both, and for a radius that is not above delta, to the time of the problem's experiment, or nine
    tenths of the time at which the limit flow blows up. A flow that ends early keeps its rows. Raises
    `BadInput` for a delta that is not positive, or less than 2 or more than `MAX_ROWS` rows, `Inconclusive`
    if the flow cannot even start.
    """
    if not 2 <= rows <= MAX_ROWS:
        raise BadInput(f"rows: {rows} is out of range; give 2 to {MAX_ROWS}.")
    value = number(delta, "delta", MAX_DELTA_EXPONENT)
    if value <= 0:
        raise BadInput(f"delta: {delta} is not positive; delta is the norm of the initial weights.")
    remarks = []
    if time is None and (radius is None or radius <= value):
        time = default_time(problem)
        if time != problem.experiment.time:
            remarks.append(
                f"The flow is shown up to {number_text(time, 2)} instead of "
                f"{format_rational(problem.experiment.time)}, because {_blow_up(problem)}; choose another "
                f"end with --time."
            )
    flow = reference_flow(
        problem, value, time=time, radius=radius, digits=digits, partial=True, progress=progress
    )
    left = remaining()
    # Reading the rows is short work; those that are read in time are kept.
    with no_deadline(), deadline(None if left is None else max(left, _READING)):
        return _read(problem, delta, flow, radius, rows, remarks)


def _read(
    problem: Problem, delta: str, flow: ReferenceFlow, radius: Fraction | None, rows: int, remarks: list[str]
) -> Trajectory:
    crossings: list[tuple[Any, bool]] = []
    why = ""
    with suppress(OutOfTime):
        if radius is not None:
            crossings = list(flow.crossings(radius))
            remarks.append(_reached(flow, radius, crossings))
        if flow.stopped and _blow_up(problem):
            why = f" ({_blow_up(problem)})"
    if flow.stopped:
        remarks.append(f"The flow was followed no further: {flow.stopped.rstrip('.')}{why}.")
    end = crossings[-1][0] if crossings and crossings[-1][0] > 0 else flow.end_time
    # The last one is not divided, so that rounding cannot carry it past the end.
    times = [end * i / (rows - 1) for i in range(rows - 1)] + [end]
    directions, log_norms = [], []
    with suppress(OutOfTime):
        for at in times:
            direction, log_norm = flow.direction(at), flow.log_norm(at)
            directions.append(direction)
            log_norms.append(log_norm)
            tick()
    planar = all(len(block) == 2 for block in problem.blocks)
    angles = [
        [
            _plane_angle(flow, now[list(b)])
            if planar
            else _turned(flow, directions[0][list(b)], now[list(b)])
            for b in problem.blocks
        ]
        for now in directions
    ]
    return Trajectory(
        problem, delta, flow, times[: len(directions)], log_norms, angles, planar, crossings, remarks
    )


def default_time(problem: Problem) -> Fraction:
    """The time of the problem's experiment, or nine tenths of the time at which the limit flow blows up, to
    two digits.
    """
    blow_up = blow_up_time(problem)
    asked = problem.experiment.time
    return asked if blow_up is None else before_blow_up(asked, blow_up)


def _blow_up(problem: Problem) -> str:
    """When the limit flow blows up, in words; "" if it does not."""
    time = blow_up_time(problem)
    return (
        ""
        if time is None
        else f"the limit flow blows up at {_time_name(problem.order)} = {number_text(time, 6)}"
    )


def _reached(flow: ReferenceFlow, radius: Fraction, crossings: list[tuple[Any, bool]]) -> str:
    """When the norm is `radius`, in words, or that it never is as far as the flow was followed."""
    name, size = _time_name(flow.order), f"‖w‖ = {format_rational(radius)}"
    if crossings:
        places = [f"{number_text(time, 6)} ({'rising' if rises else 'falling'})" for time, rises in crossings]
        return f"{size} at {name} = {', '.join(places)}."
    above = flow.log_norm(0) > flow.context.log(radius.numerator) - flow.context.log(radius.denominator)
    time, log = flow.extreme(-1 if above else 1)
    turned = 0 < time < flow.end_time
    norm = number_text(flow.context.exp(log), 3)
    where = f"it {'falls' if above else 'rises'} to {norm} at {name} = {number_text(time, 5)}"
    after = f" and {'grows' if above else 'falls'} from there" if turned else ""
    return f"{size} is never reached up to {name} = {number_text(flow.end_time, 6)}: {where}{after}."


def _time_name(order: int) -> str:
    power = "" if order == 3 else str(order - 2).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "t" if order == 2 else f"t·δ{power}"


def _plane_angle(flow: ReferenceFlow, block: Any) -> Any:
    return flow.context.atan2(block[1], block[0]) * 180 / flow.context.pi


def _turned(flow: ReferenceFlow, start: Any, now: Any) -> Any:
    """The angle between two vectors in degrees; the tangent form is accurate for small and for straight
    angles.
    """
    norm = flow.context.norm
    a, b = norm(list(start)), norm(list(now))
    if a == 0 or b == 0:
        return flow.context.zero
    minus, plus = norm(list(start * b - now * a)), norm(list(start * b + now * a))
    return 2 * flow.context.atan2(minus, plus) * 180 / flow.context.pi
