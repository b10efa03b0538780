"""Certificates of the early direction: the curves, rates and traps of its groups, and the claim, as canonical
text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from certflow.certificates import Claim as AnyClaim
from certflow.certificates import sealed
from certflow.exact import dyadic_text
from certflow.flow.curve import Curve, Grid, Piece, Window
from certflow.problem import Problem, ProblemSource
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.evidence import GroupEvidence, StepEvidence, TrapEvidence
from certflow.units import normalised


def certificate(found: Certified[Claim]) -> str:
    """The certificate of a theorem that was proved."""
    if found.claim is None:
        raise ValueError("nothing was proved")
    return certificate_text(found.problem, found.evidence, found.claim)


def certificate_text(problem: ProblemSource, groups: Sequence[GroupEvidence], claim: AnyClaim) -> str:
    """The certificate of `claim` about `problem` with this evidence: the same input gives the same bytes
    (L5.7).

    `groups` is evidence in the units of `normalised`, `claim` in those of the problem. Raises `BadInput` for
    a problem without exact text, and `ValueError` for evidence that the format cannot hold: curves on several
    grids, or numbers that are not dyadic.
    """
    problem = Problem.load(problem)
    grids = {group.curve.grid for group in groups if group.curve is not None}
    if len(grids) != 1:
        raise ValueError("a certificate needs at least one curve, and all curves on one grid")
    evidence = {"grid": grids.pop(), "groups": [_group(group) for group in groups]}
    return sealed(problem, claim, evidence, normalised(problem)[1])


def _group(group: GroupEvidence) -> dict[str, Any]:
    record: dict[str, Any] = {
        "outcome": group.outcome,
        "reason": group.reason,
        "start": None,
        "windows": [],
        "trap": None,
    }
    if group.ending is not None:
        record["ending"] = group.ending.to_json()
    if group.silent:
        record["silent"] = list(group.silent)
    curve = group.curve
    if curve is not None:
        record["start"] = _rows(curve.start)
        record["windows"] = [
            _window(window, steps) for window, steps in zip(curve.windows, group.steps, strict=True)
        ]
        record["trap"] = None if group.trap is None else _trap(curve, group.trap)
    return record


def _window(window: Window, steps: tuple[StepEvidence, ...]) -> dict[str, Any]:
    if len(steps) != window.steps:
        raise ValueError(f"a window of {window.steps} steps with evidence for {len(steps)}")
    return {
        "h": dyadic_text(window.h),
        "lambda": dyadic_text(window.decay),
        "steps": [[dyadic_text(value) for value in step] for step in steps],
        "parts": [[_piece(piece) for piece in pieces] for pieces in window.parts],
    }


def _piece(piece: Piece) -> list[Any]:
    return [int(piece.end), _rows(piece.coefficients)]


def _trap(curve: Curve, trap: TrapEvidence) -> dict[str, Any]:
    if curve.centre is None:
        raise ValueError("a trap needs the centre of its curve")
    return {
        "centre": _rows(curve.centre),
        "gamma": dyadic_text(trap.gamma),
        "r0": dyadic_text(trap.r0),
        "s": dyadic_text(trap.radial),
        "gap_direction": None if trap.gap_direction is None else _rows(trap.gap_direction),
    }


def _rows(grid: Grid) -> list[list[int]]:
    return [[int(value) for value in row] for row in grid]
