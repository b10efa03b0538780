"""What each group brings to the clock: its steps with their rates, where it starts, and its share of delta
(L3.8, L3.9).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_down, float_up, up
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.trap import BITS
from certflow.flow.enclose.tube import Rates, Step, Track
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.theorems.early_direction.advice import Cause, Unproved
from certflow.theorems.early_direction.groups import GroupProof, dead_room

_STILL = Rates(0.0, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_NOTHING = -700.0  # e^-700 is more than nothing, and no float overflows


def track_of(problem: Problem, group: GroupProof, j: int, start_angle: Fraction, coupled: bool) -> Track:
    """Group j on the clock: its steps and their rates, how far its start may be from the curve, and its
    share of delta (L4.2, L5.11)."""
    parts = group.parts
    own = [problem.direction[i] for part in parts.indices for i in part]
    log_share, moved = _share(problem, group, j, own, start_angle, coupled)
    curve = group.curve
    if curve is None:
        after = _STILL if group.zero else _unknown(problem, parts)
        return Track((), after, 0.0, 0.0, log_share)
    if group.exact and group.trap is not None:
        return Track((), group.trap.rates, 0.0, 0.0, log_share)
    start = [Fraction(v) for part in curve.start for v in part]
    distance = float(up(angle_upper(start, own) + moved))
    logs = _half_logs(group, sum(v * v for v in start) / Fraction(4) ** curve.grid)
    steps = tuple(
        Step(end, decay, rates, *log)
        for (end, decay), rates, log in zip(curve.clock(), group.rates, logs, strict=True)
    )
    if group.dead:
        after = replace(_STILL, limit=dead_room(parts, curve))
        return Track(steps, after, 0.0, distance, log_share)
    if group.fading is not None:
        after = replace(_STILL, limit=group.fading.room)
        end = [Fraction(v) for v in curve.end[0]]
        entry = float(up(angle_upper(end, map(Fraction, group.fading.direction))))
        return Track(steps, after, entry, distance, log_share)
    trap = group.trap
    if trap is None:
        # After the horizon only the size of what is followed is bounded.
        return Track(steps, _unknown(problem, parts), 0.0, distance, log_share, followed=True)
    end = [Fraction(v) for part in curve.end for v in part]
    centre = [Fraction(v) for part in trap.centre for v in part]
    entry = float(up(angle_upper(end, centre) + trap.kkt_radius))
    # Along a continuum directions drift, and do not come back (L12.15).
    drifts = replace(trap.rates, mu=0.0, K=float_up(trap.pushed))
    return Track(steps, trap.rates if trap.symmetry is None else drifts, entry, distance, log_share)


def _share(
    problem: Problem, group: GroupProof, j: int, own: list[Fraction], phi: Fraction, coupled: bool
) -> tuple[tuple[float, float], float]:
    """Enclosure of log(rho_j(0)/delta), and how far the start angle can turn the block."""
    if not coupled:
        return (0.0, 0.0), float_up(phi)
    square = sum(v * v for v in own) / sum(v * v for v in problem.direction)
    sigma = Ball(square, BITS).sqrt()
    high = float_up((sigma + phi).log().upper()) if square + phi else _NOTHING
    if not group.has_tube:
        # It may have turned anywhere; only the bound of its size is used.
        return (_NOTHING, high), 0.0
    if not 2 * phi <= sigma.lower():
        reason = "the block is too small for this start_angle; its direction would be arbitrary."
        raise Unproved(reason, Cause.START, j)
    turned = arcsin_upper((Ball(phi, BITS) / sigma).square().upper()) if phi else 0.0
    return (float_down((sigma - phi).log().lower()), high), turned


def _half_logs(group: GroupProof, start: Fraction) -> list[tuple[float, float]]:
    """Enclosures of log(|p|/|p(0)|) on the steps."""
    if group.at is None:
        return []
    ends = zip(group.at.norm2.lower(), group.at.norm2.upper(), strict=True)
    pairs = [[Ball(Fraction(float(v)) / start, BITS).log() / 2 for v in pair] for pair in ends]
    return [(float_down(low.lower()), float_up(high.upper())) for low, high in pairs]


def _unknown(problem: Problem, parts: Parts) -> Rates:
    """Rates of a group of which nothing is known but the size of its outputs and the Hessians of N on the
    sphere (L5.11).
    """
    beta = [Fraction(float(b)) for b in parts.output_bounds()]
    growth = float_up(2 * sum(abs(z) * b for z, b in zip(problem.z, beta, strict=True)))
    loss = problem.loss
    E = loss.omega(problem.n) * loss.curvature_bound() * sum(b * b for b in beta)
    return Rates(0.0, math.inf, 0.0, 0.0, float_up(E), 0.0, -growth, min(growth, parts.steepest()))


def angle_upper(u: Iterable[Fraction], v: Iterable[Fraction]) -> float:
    """An upper bound of the angle between two exact vectors that is at most about 1/2 (L3.9).

    sin² = 1 - <u, v>²/(|u|²|v|²) is exact, and arcsin x <= x + x³/4 for 0 <= x <= 1/2. Raises `Inconclusive`
    for larger angles and zero vectors.
    """
    pairs = list(zip(u, v, strict=True))
    inner = sum((a * b for a, b in pairs), Fraction(0))
    sizes = sum((a * a for a, _ in pairs), Fraction(0)) * sum((b * b for _, b in pairs), Fraction(0))
    if inner <= 0:
        raise Inconclusive("two directions that should be close are not.")
    return arcsin_upper(1 - inner * inner / sizes)


def arcsin_upper(square: Fraction) -> float:
    """An upper bound of arcsin(x) for x² = `square` with 0 <= x <= 1/2; raises `Inconclusive` beyond
    (L3.9)."""
    if square > Fraction(1, 4):
        raise Inconclusive("two directions that should be close are more than 30 degrees apart.")
    x = Ball(square, BITS).sqrt().upper()
    return float_up(x + x**3 / 4)
