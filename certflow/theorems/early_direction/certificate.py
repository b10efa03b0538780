"""Certificates of the early direction: the curves, rates and traps of its groups, and the claim, as canonical text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from certflow.certificates import sealed
from certflow.exact import format_dyadic
from certflow.flow.curve import Curve, Grid, Piece, Window
from certflow.problem import Problem
from certflow.theorems.early_direction.claim import ASSUMPTIONS
from certflow.theorems.early_direction.evidence import GroupEvidence, StepEvidence, TrapEvidence
from certflow.units import normalised


def certificate_text(
    problem: Problem, groups: Sequence[GroupEvidence], claim: dict[str, Any], assumptions: Sequence[str] = ASSUMPTIONS
) -> str:
    """The certificate of `claim` about `problem` with this evidence: the same input gives the same bytes
    (L5.7).

    `groups` is evidence in the units of `normalised`, `claim` in those of the problem and ready for JSON (exact text, no
    floats). Raises `BadInput` for a problem without exact text, and `ValueError` for evidence that the format cannot hold:
    curves on several grids, or numbers that are not dyadic.
    """
    units = normalised(problem)[1].to_json()
    grids = {group.curve.grid for group in groups if group.curve is not None}
    if len(grids) != 1:
        raise ValueError("a certificate needs at least one curve, and all curves on one grid")
    evidence = {"grid": grids.pop(), "groups": [_group(group) for group in groups], **({} if units is None else {"units": units})}
    return sealed(problem, assumptions, claim, evidence)


def _group(group: GroupEvidence) -> dict[str, Any]:
    record: dict[str, Any] = {"outcome": group.outcome, "reason": group.reason, "start": None, "windows": [], "trap": None}
    curve = group.curve
    if curve is not None:
        record["start"] = _rows(curve.start)
        record["windows"] = [_window(window, steps) for window, steps in zip(curve.windows, group.steps, strict=True)]
        record["trap"] = None if group.trap is None else _trap(curve, group.trap)
    return record


def _window(window: Window, steps: tuple[StepEvidence, ...]) -> dict[str, Any]:
    if len(steps) != window.steps:
        raise ValueError(f"a window of {window.steps} steps with evidence for {len(steps)}")
    return {
        "h": _dyadic(window.h),
        "lambda": _dyadic(window.decay),
        "steps": [[_dyadic(value) for value in step] for step in steps],
        "parts": [[_piece(piece) for piece in pieces] for pieces in window.parts],
    }


def _piece(piece: Piece) -> list[Any]:
    return [int(piece.end), _rows(piece.coefficients)]


def _trap(curve: Curve, trap: TrapEvidence) -> dict[str, Any]:
    if curve.centre is None:
        raise ValueError("a trap needs the centre of its curve")
    return {
        "centre": _rows(curve.centre),
        "gamma": _dyadic(trap.gamma),
        "r0": _dyadic(trap.r0),
        "s": _dyadic(trap.lift),
        "gap_direction": None if trap.gap_direction is None else _rows(trap.gap_direction),
    }


def _rows(grid: Grid) -> list[list[int]]:
    return [[int(value) for value in row] for row in grid]


def _dyadic(value: Fraction) -> str:
    denominator = value.denominator
    if denominator & (denominator - 1):
        raise ValueError(f"{value} is not an integer times a power of two")
    return format_dyadic(value.numerator, 1 - denominator.bit_length())
