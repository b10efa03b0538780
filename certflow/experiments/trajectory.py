"""One reference flow as a table: time, size, and where each block points (`certflow flow`)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.exact import MAX_DELTA_EXPONENT, parse_rational
from certflow.flow.reference import ReferenceFlow, reference_flow
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.records import problem_record
from certflow.report.tables import Column, Table, fixed_cell, number, number_cell

MAX_ROWS = 10_000


@dataclass(frozen=True)
class Trajectory:
    """A reference flow read off at `times` (scaled, t·δ^(L-2)); an approximation, as the flow is.

    `angles[i][j]` in degrees: the angle of block j in the plane if `planar`, else how far it has turned from its start.
    """

    problem: Problem
    delta: str
    flow: ReferenceFlow
    times: list[Any]
    log_norms: list[Any]
    angles: list[list[Any]]
    planar: bool

    def table(self, most_blocks: int | None = None) -> Table:
        """Time, log10 of the norm, and an angle per block, of the first `most_blocks` blocks (default: all)."""
        blocks = len(self.problem.blocks)
        shown = blocks if most_blocks is None else min(blocks, most_blocks)
        names = [f"u{j + 1}" if self.planar else f"turn {j + 1}" for j in range(shown)]
        table = Table(
            f"Reference flow from δ = {self.delta}",
            [Column(_time_name(self.problem.order)), Column("log10 ‖w‖"), *(Column(name, "°") for name in names)],
        )
        digits = self.flow.digits
        ten = self.flow.context.log(10)
        for time, log_norm, angles in zip(self.times, self.log_norms, self.angles, strict=True):
            cells = [fixed_cell(angle, 4, digits) for angle in angles[:shown]]
            table.add(number_cell(time, 6, digits), fixed_cell(log_norm / ten, 4, digits), *cells)
        kind = "angle of each neuron" if self.planar else "how far each block of weights has turned from its start"
        table.notes.append(
            f"Columns from the third on: {kind}, {shown} of {blocks}."
            if shown < blocks
            else f"Columns from the third on: {kind}."
        )
        if self.flow.error_estimate is not None:
            table.notes.append(f"An approximation; estimated error {number(self.flow.error_estimate, 2)} (radians, logarithms).")
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
            "approx": {
                "error_estimate": None if estimate is None else number(estimate, 3),
                "rows": [
                    {
                        "scaled_time": number(time, digits),
                        "log_norm": number(log_norm, digits),
                        key: [number(a, digits) for a in angles],
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
    """Integrate from `delta` (as written) to the scaled `time` or to ‖w‖ = `radius`, read off at `rows` equal steps.

    Without both, to the time of the problem's experiment. Raises `BadInput` for a delta that is not positive, or less
    than 2 or more than `MAX_ROWS` rows.
    """
    if not 2 <= rows <= MAX_ROWS:
        raise BadInput(f"rows: {rows} is out of range; give 2 to {MAX_ROWS}.")
    value = parse_rational(delta, "delta", MAX_DELTA_EXPONENT)
    if value <= 0:
        raise BadInput(f"delta: {delta} is not positive; delta is the norm of the initial weights.")
    if time is None and radius is None:
        time = problem.experiment.time
    flow = reference_flow(problem, value, time=time, radius=radius, digits=digits, progress=progress)
    end = flow.time_at_norm(radius) if radius is not None else None
    if end is None:
        end = flow.end_time
    # The last one is not divided, so that rounding cannot carry it past the end.
    times = [end * i / (rows - 1) for i in range(rows - 1)] + [end]
    directions = [flow.direction(at) for at in times]
    planar = all(len(block) == 2 for block in problem.blocks)
    angles = [
        [
            _plane_angle(flow, now[list(b)]) if planar else _turned(flow, directions[0][list(b)], now[list(b)])
            for b in problem.blocks
        ]
        for now in directions
    ]
    return Trajectory(problem, delta, flow, times, [flow.log_norm(at) for at in times], angles, planar)


def _time_name(order: int) -> str:
    power = "" if order == 3 else str(order - 2).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "t" if order == 2 else f"t·δ{power}"


def _plane_angle(flow: ReferenceFlow, block: Any) -> Any:
    return flow.context.atan2(block[1], block[0]) * 180 / flow.context.pi


def _turned(flow: ReferenceFlow, start: Any, now: Any) -> Any:
    """The angle between two vectors in degrees; the tangent form is accurate for small and for straight angles."""
    norm = flow.context.norm
    a, b = norm(list(start)), norm(list(now))
    if a == 0 or b == 0:
        return flow.context.zero
    minus, plus = norm(list(start * b - now * a)), norm(list(start * b + now * a))
    return 2 * flow.context.atan2(minus, plus) * 180 / flow.context.pi
