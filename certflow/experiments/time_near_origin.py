"""Time near the origin: when ‖w‖ reaches √C δ and R, measured, against the two proved lower bounds of L2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.decimal_text import floor_text, magnitude
from certflow.exact import MAX_DELTA_EXPONENT, format_rational, number
from certflow.experiments.measurement import Event, Job, Measurement
from certflow.problem import Problem
from certflow.report.panels import TimePanel
from certflow.tables import Column, Table, TableCell, number_cell, number_text
from certflow.theorems.time_near_origin.times import NearOrigin, TimeBound

FACTOR, RADIUS = "factor", "radius"
SHOWN_DIGITS = 6


@dataclass(frozen=True)
class TimeRow:
    """One event from one delta: the measured scaled time (None: not reached, or failed, as `reason` says),
    its estimated error, and the bounds of L2. `holds` is None where nothing was measured.
    """

    delta: str
    event: str
    time: Fraction | None
    error: Fraction
    bound: TimeBound
    holds: bool | None
    reason: str = ""

    @property
    def ratio(self) -> Fraction | None:
        """The time over the sharper bound; None if one of them does not exist or the bound is 0."""
        return self.time / self.bound.bound_nmax if self.time is not None and self.bound.bound_nmax else None

    def to_json(self, digits: int) -> dict[str, Any]:
        """The entry of results.json. Bounds are decimals rounded down, so they are proved bounds as printed;
        null where the time is infinite. Time, its error and the ratio are approximations.
        """
        entry = {
            "delta": self.delta,
            "event": self.event,
            "time": None if self.time is None else number_text(self.time, digits),
            "bound_beta": _down(self.bound.bound_beta, digits),
            "bound_nmax": _down(self.bound.bound_nmax, digits),
            "ratio": None if self.ratio is None else number_text(self.ratio, 10),
            "holds": self.holds,
            "time_error": None if self.time is None else number_text(self.error, 2),
        }
        return entry | ({"reason": self.reason} if self.reason else {})


def time_rows(
    problem: Problem, bounds: NearOrigin, jobs: Sequence[Job], measurements: Sequence[Measurement]
) -> list[TimeRow]:
    """Two rows per delta: the factor event, then the radius event (L2.2)."""
    experiment, rows = problem.experiment, []
    for job, found in zip(jobs, measurements, strict=True):
        events = {FACTOR: found.factor, RADIUS: found.radius}
        proved = {
            FACTOR: bounds.factor_time(experiment.factor_squared),
            RADIUS: bounds.radius_time(job.delta_value, experiment.radius),
        }
        for kind in (FACTOR, RADIUS):
            rows.append(time_row(job.delta, kind, events[kind], proved[kind], job.horizon, found.failure))
    return rows


def time_row(
    delta: str,
    event: str,
    measured: Event | None,
    bound: TimeBound,
    horizon: Fraction,
    failure: str | None = None,
) -> TimeRow:
    """Compare one event with its bounds: `holds` unless the time plus its estimated error is below the
    sharper one.

    An event that did not happen by the scaled time `horizon` contradicts no lower bound.
    """
    if measured is None:
        reason = failure or f"not reached by scaled time {number_text(horizon, 4)}"
        return TimeRow(delta, event, None, Fraction(0), bound, None if failure else True, reason)
    time, error = Fraction(measured.time), Fraction(measured.error)
    holds = bound.bound_nmax is not None and time + error >= max(
        bound.bound_nmax, bound.bound_beta or Fraction(0)
    )
    reason = "starts there" if time == 0 else ""
    return TimeRow(delta, event, time, error, bound, holds, reason)


def _down(value: Fraction | None, digits: int) -> str | None:
    """A lower bound with `digits` digits, rounded down; None for infinity."""
    if value is None:
        return None
    return floor_text(value, magnitude(value) - digits + 1) if value else "0"


def time_table(problem: Problem, rows: Sequence[TimeRow], digits: int) -> Table:
    """The rows for people, with the exact bounds and all digits in the CSV."""
    power = problem.order - 2
    unit = (
        ""
        if power == 0
        else "t·δ" + (str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")) if power > 1 else "")
    )
    columns = [
        Column("δ", key="delta"),
        Column("until", align="left", key="event"),
        Column("time", unit, key="time"),
        Column("bound β‖z‖", unit, latex=r"bound $\beta\|z\|$", key="bound_beta"),
        Column("bound N⁺", unit, latex=r"bound $N^+_{\max}$", key="bound_nmax"),
        Column("ratio", key="ratio"),
        Column("holds", align="left", key="holds"),
    ]
    table = Table("Time near the origin", columns, label="tab:time")
    experiment = problem.experiment
    names = {
        FACTOR: f"‖w‖ = {_root(experiment.factor_squared)}δ",
        RADIUS: f"‖w‖ = {format_rational(experiment.radius)}",
    }
    for row in rows:
        time = TableCell("none") if row.time is None else number_cell(row.time, SHOWN_DIGITS, digits)
        ratio = (
            TableCell("none")
            if row.ratio is None
            else TableCell(f"{float(row.ratio):.4f}", number_text(row.ratio, 10))
        )
        holds = {True: "yes", False: "NO", None: "not measured"}[row.holds]
        bounds = (_bound_cell(value, digits) for value in (row.bound.bound_beta, row.bound.bound_nmax))
        table.add(row.delta, TableCell(names[row.event], row.event), time, *bounds, ratio, holds)
    table.notes.append(
        "Times are approximations by the reference flow; the bounds are proved (L2) and rounded down. Ratio: "
        "time over the sharper bound."
    )
    for reason in dict.fromkeys(row.reason for row in rows if row.reason and row.time is None):
        table.notes.append(f"None: {reason}.".replace("..", "."))
    return table


def _bound_cell(value: Fraction | None, digits: int) -> TableCell:
    return (
        TableCell("∞", "inf")
        if value is None
        else TableCell(_down(value, SHOWN_DIGITS) or "", _down(value, digits) or "")
    )


def _root(square: Fraction) -> str:
    """√C as text: 2 for 4, √3 for 3."""
    numerator, denominator = math.isqrt(square.numerator), math.isqrt(square.denominator)
    root = Fraction(numerator, denominator)
    if root * root == square:
        return format_rational(root)
    return f"√{format_rational(square)}" if square.denominator == 1 else f"√({format_rational(square)})"


def time_panels(rows: Sequence[TimeRow], problem: Problem) -> list[TimePanel]:
    """The rows as plain arrays for the figure, a panel per event."""
    titles = {
        FACTOR: f"until ‖w‖ = {_root(problem.experiment.factor_squared)}δ",
        RADIUS: f"until ‖w‖ = {format_rational(problem.experiment.radius)}",
    }
    panels = []
    for event, title in titles.items():
        own = [row for row in rows if row.event == event]
        columns = zip(*((row.time, row.bound.bound_nmax, row.bound.bound_beta) for row in own), strict=True)
        arrays = [np.array([np.nan if v is None else float(v) for v in column]) for column in columns]
        panels.append(TimePanel(title, np.array([log10(row.delta) for row in own]), *arrays))
    return panels


def log10(delta: str) -> float:
    """log10 of a positive number written as text, of any size."""
    value = number(delta, "delta", MAX_DELTA_EXPONENT)
    return (math.log(value.numerator) - math.log(value.denominator)) / math.log(10)


def time_conclusion(rows: Sequence[TimeRow]) -> str:
    """What the rows show, in sentences."""
    measured = [row for row in rows if row.time is not None]
    if not measured:
        return "Time near the origin: no event was reached."
    ratios = [(float(row.ratio), row) for row in measured if row.ratio is not None]
    failed = [row for row in measured if row.holds is False]
    text = (
        f"Time near the origin: {len(measured) - len(failed)} of {len(measured)} measured times are not "
        f"below their lower bounds"
    )
    if ratios:
        least, row = min(ratios, key=lambda pair: pair[0])
        text += f"; the smallest ratio of time to bound is {least:.4f} (δ = {row.delta}, {row.event})"
    if failed:
        text += f". VIOLATED for {', '.join(f'δ = {row.delta} ({row.event})' for row in failed)}"
    return text + "."
