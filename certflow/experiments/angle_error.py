"""Angle error versus delta: the two laws of L1.9 and L1.10, measured block by block. Nothing here is proved.

(i) At a fixed scaled time: the distance to the limit flow at that time goes like δ^L, where a = ‖w‖^L is
    small.
(ii) At a fixed radius: the distance to the KKT point of the block's limit flow is about `c1 (δ/R)^κ + c2
R^L`, with κ = γ_j / (L N_dom); it goes like δ^κ until it meets the floor c2 R^L.

A slope is fitted (least squares of logarithms) only where the law's own term dominates: the *window*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import MPArithmetic
from certflow.exact import format_rational
from certflow.experiments.limit_points import CONVERGES, DEAD, ZERO, BlockLimit, distance
from certflow.experiments.lookahead import FLOOR_FACTOR, LARGEST_ANGLE, LEAST_GROWTH, SMALL
from certflow.experiments.measurement import Measurement
from certflow.experiments.time_near_origin import log10
from certflow.report.panels import LawSeries
from certflow.tables import number_text

MPNumber = Any
"""A number of the mpmath context that a law is measured in."""

FEWEST_POINTS = 3
ABOVE_RESOLUTION = 100
"""Fitted errors are at least this many times the numerical resolution."""

SATURATED_SLOPE = 0.1
"""If the error changes less than δ to this power between the two smallest values of δ, it has met its
floor.
"""


@dataclass(frozen=True)
class ErrorRow:
    """The error of one block from one delta in radians; None if it is not above the numerical resolution."""

    delta: str
    block: int
    error: Any | None
    in_window: bool


@dataclass(frozen=True)
class Fit:
    """The slope of one block's errors over `window` (smallest and largest delta, as written), or the `reason`
    why none is given.

    `floor` is the size of the term that stays as delta -> 0; `points` were fitted. Law (ii) also has the KKT
    point: `kkt_index` in the enumerated set, and its angle `limit_deg` if the block lies in the plane.
    """

    block: int
    slope: float | None
    predicted: float | None
    window: tuple[str, str] | None
    points: int
    floor: Any | None
    reason: str = ""
    kkt_index: int | None = None
    limit_deg: float | None = None


@dataclass(frozen=True)
class Law:
    """One of the two laws: `kind` "fixed_time" or "fixed_radius", `at` the scaled time or the radius.

    `resolution` is the size below which an error is numerical noise; `sizes` is log10 of a = ‖w‖^L per delta
    (law i).
    """

    kind: str
    at: Fraction
    rows: list[ErrorRow]
    fits: list[Fit]
    resolution: Any
    digits: int
    sizes: dict[str, float] = field(default_factory=dict)
    note: str = ""

    def to_json(self, added: Sequence[str]) -> dict[str, Any]:
        """The entry of results.json; neurons (blocks) are numbered from 1, errors are in radians, `added`
        deltas are marked.
        """
        below = number_text(self.resolution, 2)
        rows = []
        for row in self.rows:
            entry: dict[str, Any] = {"delta": row.delta, "neuron": row.block + 1}
            entry["error"] = None if row.error is None else number_text(row.error, min(self.digits, 20))
            entry |= {"below": below} if row.error is None else {}
            rows.append(entry | {"in_window": row.in_window, "added": row.delta in added})
        record: dict[str, Any] = {
            "time" if self.kind == "fixed_time" else "radius": format_rational(self.at),
            "resolution": below,
            "rows": rows,
            "fits": [_fit_json(fit) for fit in self.fits],
        }
        if self.sizes:
            record["sizes"] = [
                {"delta": delta, "log10_a": f"{size:.4f}"} for delta, size in self.sizes.items()
            ]
        return record | ({"note": self.note} if self.note else {})

    def series(self) -> list[LawSeries]:
        """The rows as plain arrays for the figure, a series per block that has errors."""
        found = []
        for fit in self.fits:
            own = [row for row in self.rows if row.block == fit.block and row.error is not None]
            if not own:
                continue
            log_error = np.array([_log10(row.error) for row in own])
            window = None if fit.window is None else (log10(fit.window[0]), log10(fit.window[1]))
            floor = None if fit.floor is None or fit.floor == 0 else _log10(fit.floor)
            log_delta = np.array([log10(row.delta) for row in own])
            label = f"neuron {fit.block + 1}" if len(self.fits) > 1 else "all weights"
            found.append(LawSeries(label, log_delta, log_error, fit.slope, fit.predicted, window, floor))
        return found


def _fit_json(fit: Fit) -> dict[str, Any]:
    entry = {
        "neuron": fit.block + 1,
        "slope": None if fit.slope is None else f"{fit.slope:.6f}",
        "predicted": None if fit.predicted is None else f"{fit.predicted:.6f}",
        "window": None if fit.window is None else list(fit.window),
        "points": fit.points,
        "floor": None if fit.floor is None else number_text(fit.floor, 4),
    }
    if fit.kkt_index is not None:
        entry["kkt_index"] = fit.kkt_index
    if fit.limit_deg is not None:
        entry["limit_deg"] = number_text(fit.limit_deg, 12)
    return entry | ({"reason": fit.reason} if fit.reason else {})


def _log10(value: Any) -> float:
    """log10 of a positive mpmath number that may be far below the range of doubles."""
    return float(value.context.log10(value)) if hasattr(value, "context") else float(np.log10(value))


def fixed_time(
    order: int,
    time: Fraction,
    measurements: Sequence[Measurement],
    limit_directions: Sequence[Sequence[Any]],
    limits: Sequence[BlockLimit],
    number_system: MPArithmetic,
    resolution: Any,
    digits: int,
) -> Law:
    """Law (i) from measurements at `time` and the directions of the limit flow there (one per block)."""
    ctx = number_system.context
    usable = _sorted([found for found in measurements if found.at_time is not None])
    log_tens = {found.delta: order * float(ctx.mpf(found.log_norm_at_time) / ctx.log(10)) for found in usable}
    small = {delta for delta, size in log_tens.items() if size <= np.log10(SMALL)}
    rows, fits = [], []
    for j, limit in enumerate(limits):
        if limit.outcome in (DEAD, ZERO) or len(limit_directions[j]) == 1:
            fits.append(Fit(j, None, None, None, 0, None, limit.reason or "it does not move"))
            continue
        errors = {
            found.delta: distance(ctx, _vector(ctx, (found.at_time or [])[j]), limit_directions[j])
            for found in usable
        }
        own, fit = _fitted(j, errors, small, float(order), None, resolution)
        rows += own
        fits.append(fit)
    return Law("fixed_time", time, rows, fits, resolution, digits, log_tens)


def fixed_radius(
    radius: Fraction,
    measurements: Sequence[Measurement],
    limits: Sequence[BlockLimit],
    number_system: MPArithmetic,
    resolution: Any,
    digits: int,
) -> Law:
    """Law (ii) from measurements at ‖w‖ = `radius` and the KKT point to which each block's limit flow
    converges.
    """
    ctx = number_system.context
    usable = _sorted([found for found in measurements if found.at_radius is not None])
    grown = {
        found.delta
        for found in usable
        if log10(found.delta) <= log10(format_rational(radius / LEAST_GROWTH)) + 1e-9
    }
    rows, fits = [], []
    for j, limit in enumerate(limits):
        if limit.outcome != CONVERGES:
            fits.append(Fit(j, None, None, None, 0, None, limit.reason))
            continue
        errors = {
            found.delta: distance(ctx, _vector(ctx, (found.at_radius or [])[j]), limit.direction)
            for found in usable
        }
        floor = max(ctx.mpf(limit.floor), _saturation(errors))
        inside = {
            delta
            for delta, error in errors.items()
            if delta in grown and FLOOR_FACTOR * floor <= error <= LARGEST_ANGLE
        }
        own, fit = _fitted(j, errors, inside, limit.exponent, floor, resolution)
        rows += own
        fits.append(replace(fit, kkt_index=limit.kkt_index, limit_deg=_degrees(limit.direction)))
    return Law("fixed_radius", radius, rows, fits, resolution, digits)


def _degrees(direction: Sequence[Any]) -> float | None:
    return math.degrees(math.atan2(float(direction[1]), float(direction[0]))) if len(direction) == 2 else None


def _sorted(measurements: Sequence[Measurement]) -> list[Measurement]:
    """From the largest delta to the smallest."""
    return sorted(measurements, key=lambda found: -log10(found.delta))


def _vector(context: Any, texts: Sequence[str]) -> list[Any]:
    return [context.mpf(text) for text in texts]


def _saturation(errors: dict[str, MPNumber]) -> Any:
    """The error from the smallest delta, if it hardly changes any more there; else 0."""
    if len(errors) < 2:
        return 0
    (before, larger), (last, smallest) = list(errors.items())[-2:]
    if not (smallest and larger):
        return smallest
    decades = log10(before) - log10(last)
    return smallest if abs(_log10(larger) - _log10(smallest)) <= SATURATED_SLOPE * decades else 0


def _fitted(
    block: int,
    errors: dict[str, MPNumber],
    inside: set[str],
    predicted: float,
    floor: Any | None,
    resolution: Any,
) -> tuple[list[ErrorRow], Fit]:
    """The rows of one block, errors by delta in descending order, and the slope over the longest run of
    deltas `inside`.
    """
    flags = [error >= ABOVE_RESOLUTION * resolution and delta in inside for delta, error in errors.items()]
    first, last = _longest_run(flags)
    rows = [
        ErrorRow(delta, block, error if error > resolution else None, first <= i < last)
        for i, (delta, error) in enumerate(errors.items())
    ]
    fitted = rows[first:last]
    if len(fitted) < FEWEST_POINTS:
        reason = (
            f"{len(fitted) or 'no'} of {len(rows)} values of δ inside the window, and a slope needs "
            f"{FEWEST_POINTS}"
        )
        return rows, Fit(block, None, predicted, None, len(fitted), floor, reason)
    x = np.array([log10(row.delta) for row in fitted])
    y = np.array([_log10(row.error) for row in fitted])
    slope = float(np.dot(x - x.mean(), y - y.mean()) / np.dot(x - x.mean(), x - x.mean()))
    return rows, Fit(block, slope, predicted, (fitted[-1].delta, fitted[0].delta), len(fitted), floor)


def _longest_run(flags: Sequence[bool]) -> tuple[int, int]:
    """The first longest run of true flags, as a half-open range."""
    best, start = (0, 0), 0
    for i, flag in enumerate([*flags, False]):
        if not flag:
            if i - start > best[1] - best[0]:
                best = (start, i)
            start = i + 1
    return best
