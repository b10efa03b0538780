"""The claim of the uniform theorem as data: every number rounded to the side on which it stays true.

The fields are those of the certificate (`docs/certificate-format.md`); numbers are exact rationals as text. Everything
holds for every delta in (0, delta_bar] because every bound of the sweep increases with delta.
Source: `proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from certflow.arithmetic.ball import Ball
from certflow.exact import format_dyadic, format_rational
from certflow.flow.enclose.region import output_bounds
from certflow.flow.enclose.trap import BITS, Trap
from certflow.flow.enclose.tube import Sweep, Timeline
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem
from certflow.running import tick
from certflow.theorems.early_direction.advice import Cause, Unproved
from certflow.theorems.early_direction.claim import ASSUMPTIONS
from certflow.theorems.early_direction.horizon import Horizon

if TYPE_CHECKING:
    from certflow.theorems.early_direction.groups import Group

_DIGITS = 6


def rounded(value: Fraction, up: bool, digits: int = _DIGITS) -> Fraction:
    """A decimal of so many significant digits on the stated side of `value` (L5.6)."""
    if value == 0:
        return value
    size = math.log(abs(value.numerator)) - math.log(value.denominator)
    unit = Fraction(10) ** (math.floor(size / math.log(10)) - digits + 1)
    return (-((-value) // unit) if up else value // unit) * unit


def _text(value: Fraction, up: bool, digits: int = _DIGITS) -> str:
    return format_rational(rounded(value, up, digits))


def _pair(ball: Ball) -> list[str]:
    return [_text(ball.lower(), False, 10), _text(ball.upper(), True, 10)]


class _Times:
    """When the horizon is, in scaled time: exact for order 2, an enclosure of its entry for higher orders (R8)."""

    def __init__(self, groups: Sequence[Group], timeline: Timeline, sweep: Sweep, order: int) -> None:
        end = timeline.points[-1] if timeline.points else Fraction(0)
        self.low = self.high = end
        if order == 2 or not timeline.points:
            return
        curve = groups[0].curve
        if curve is None:
            raise ValueError("a single group without a curve has no claim")
        start = sum(Fraction(v) ** 2 for part in curve.start for v in part) / Fraction(4) ** curve.grid
        factor, c = Ball(start, BITS).sqrt() ** (order - 2), order - 2
        track, before, integral = timeline.tracks[0], Fraction(0), Fraction(0)
        low, high = Ball(Fraction(0), BITS), Ball(Fraction(0), BITS)
        for point, step, reached in zip(timeline.points, track.steps, sweep.reached, strict=True):
            tick()
            dt, decay = point - before, step.decay
            first = (Ball(integral, BITS) * -c).exp()
            integral += decay * dt
            piece = (first - (Ball(integral, BITS) * -c).exp()) / (c * decay) if decay else first * dt
            low = low + piece * (Ball(Fraction(reached.log_above), BITS) * -c).exp()
            high = high + piece * (Ball(Fraction(reached.log_below), BITS) * c).exp()
            before = point
        self.low, self.high = (low * factor).lower(), (high * factor).upper()


def make_claim(
    problem: Problem,
    groups: Sequence[Group],
    horizon: Horizon,
    timeline: Timeline,
    sweep: Sweep,
    delta_bar: Fraction,
    epsilon: Fraction,
    start_angle: Fraction,
    radius: Fraction | None,
) -> dict[str, Any]:
    """The claim for these proved bounds. Raises `Unproved` if the horizon cannot be placed before the
    radius (L > 2) (L5.3, L5.4)."""
    order = problem.order
    times = _Times(groups, timeline, sweep, order)
    start = (Ball(Fraction(sweep.A_end), BITS).log() / order).exp()
    place = _place(groups, horizon, sweep, times, start, order, delta_bar)
    if radius is not None and place.squared * delta_bar**2 > radius**2:
        raise Unproved("the horizon cannot be placed before the radius for all delta.", Cause.TUBE)
    size = horizon.start_size(sweep, delta_bar)
    if order > 2:
        size = (Ball(place.squared, BITS).sqrt() * delta_bar).upper() ** order
    return {
        "statement": "early-direction",
        "order": order,
        "epsilon": format_rational(epsilon),
        "delta_bar": format_rational(delta_bar),
        "start_angle": format_rational(start_angle),
        "problem_sha256": problem.sha256,
        "loss": {"kind": problem.loss.kind, "reduction": problem.loss.reduction},
        "assumptions": list(ASSUMPTIONS),
        "horizon": {"scaled_time": _or_none(place.scaled_time), "norm_over_delta": _or_none(place.norm)},
        "growth": {"factor_squared": format_rational(place.factor_squared)},
        "n_max_upper": _text(largest_ncf(problem, groups), True),
        "radius": None if radius is None else format_rational(radius),
        "time_to_radius": None if radius is None else _time_to_radius(groups, horizon, sweep, start, times, radius, order),
        "blocks": [
            _block(problem, groups, horizon, sweep, g, delta_bar, radius, size, place.scaled_time) for g in range(len(groups))
        ],
    }


@dataclass(frozen=True)
class _Place:
    """Where the horizon is: at a scaled time, or when ‖w‖ first reaches `norm` delta after the tube (one is None).

    `factor_squared` bounds (‖w‖/delta)² up to there, `squared` at it.
    """

    scaled_time: Fraction | None
    norm: Fraction | None
    factor_squared: Fraction
    squared: Fraction


def _place(
    groups: Sequence[Group], horizon: Horizon, sweep: Sweep, times: _Times, start: Ball, order: int, delta_bar: Fraction
) -> _Place:
    """The horizon: the end of the last tube for order 2, for higher orders the first scaled time that is surely after it.

    Where the scaled time of the entry is not known well enough for the weights to be still small at a later one (for high
    orders they escape within a tiny fraction of it), the horizon is when they reach a multiple of delta.
    """
    before = (Ball(Fraction(sweep.A_max), BITS).log() * Fraction(2, order)).exp().upper()
    if order == 2 or times.high == 0:
        factor = rounded(Fraction(sweep.A_max) if order == 2 else before, True)
        return _Place(times.high, None, factor, factor)
    scaled, trap = rounded(times.high, True, 12), groups[0].trap
    rate = Fraction(0) if trap is None else max(Fraction(0), trap.unit_rate(horizon.groups[0].rates.ell_hi, order).upper())
    # d(rho^(2-L))/dt >= -(L-2) rate, from the entry, which may have been as early as times.low.
    rest = 1 / start ** (order - 2) - Ball((order - 2) * rate * (scaled - times.low), BITS)
    if rest.lower() > 0:
        squared = (rest.log() * Fraction(-2, order - 2)).exp().upper()
        if squared <= 4 * (start * start).upper():
            factor = rounded(max(before, squared), True)
            return _Place(scaled, None, factor, factor)
    norm = rounded(start.upper(), True)
    if trap is None or horizon.rate(horizon.groups[0], (norm * delta_bar) ** order) <= 0:
        reason = "the scaled time of the horizon is not known well enough, and the weights need not grow after it."
        raise Unproved(reason, Cause.TUBE)
    return _Place(None, norm, rounded(max(before, norm * norm), True), norm * norm)


def _or_none(value: Fraction | None) -> str | None:
    return None if value is None else format_rational(value)


def _time_to_radius(
    groups: Sequence[Group], horizon: Horizon, sweep: Sweep, start: Ball, times: _Times, radius: Fraction, order: int
) -> dict[str, Any] | None:
    size = (Ball(radius, BITS) ** order).upper()
    trapped = [g for g, group in enumerate(groups) if group.trap is not None and horizon.rate(horizon.groups[g], size) > 0]
    if not trapped:
        return None
    # Of the groups that grow (almost) as fast as any, the one that is largest at the horizon.
    rate = max(horizon.rate(horizon.groups[g], size) for g in trapped) * Fraction(999_999, 1_000_000)
    best = max((g for g in trapped if horizon.rate(horizon.groups[g], size) >= rate), key=lambda g: float(sweep.log_lo[g]))
    trap = groups[best].trap
    if trap is None:
        return None
    slow = Ball(horizon.rate(horizon.groups[best], size), BITS) / order**2 / trap.norm ** (order - 2)
    fast = Ball(horizon.fastest(), BITS) / order / trap.norm ** (order - 2)
    low = Ball(Fraction(float(sweep.log_lo[best])), BITS).exp()
    return {
        "start_radius_over_delta": [_text(low.lower(), False), _text(start.upper(), True)],
        "n_lower": _text(slow.lower(), False),
        "n_upper": _text(fast.upper(), True),
        "start_time": [_text(times.low, False, 12), _text(times.high, True, 12)]
        if order > 2
        else [format_rational(times.low)] * 2,
    }


def _block(
    problem: Problem,
    groups: Sequence[Group],
    horizon: Horizon,
    sweep: Sweep,
    g: int,
    delta_bar: Fraction,
    radius: Fraction | None,
    size: Fraction,
    scaled: Fraction | None,
) -> dict[str, Any]:
    """The claim about block g; `size` bounds A at the horizon."""
    group = groups[g]
    weights = [i for part in group.parts.indices for i in part]
    trap, order = group.trap, problem.order
    block: dict[str, Any] = {
        "index": g,
        "weights": _runs(sorted(weights)),
        "outcome": "zero" if group.zero else "inconclusive" if group.curve is None else "dead" if trap is None else "",
        "reason": group.reason,
        **dict.fromkeys(("kkt_point", "support", "value", "gap", "horizon", "angle_at_horizon", "angle_at_radius", "law")),
    }
    if group.curve is None:
        return block
    own = sum((window.h for window in group.curve.windows), Fraction(0))
    block["horizon"] = _or_none(own if order == 2 else scaled)
    if trap is None:
        return block
    block["outcome"] = "converges" if trap.rates.ell_lo > 0 else "shrinks"
    block["kkt_point"] = {
        "centre": _in_order(weights, [format_dyadic(v, -trap.grid) for part in trap.centre for v in part]),
        "radius": _text(Fraction(trap.kkt_radius), True),
    }
    block["support"] = _support(trap, g)
    block["value"] = _pair(trap.value)
    # A single weight has no tangent space, and no gap.
    block["gap"] = _pair(trap.gap) if len(weights) > 1 else None
    at_horizon = Fraction(float(sweep.distance[g]))
    if order > 2:
        floor = horizon.floor(horizon.groups[g], size) or Fraction(horizon.groups[g].rates.K) / trap.gamma
        at_horizon = at_horizon + floor * size
    block["angle_at_horizon"] = _text(at_horizon, True)
    if radius is not None:
        full = (Ball(radius, BITS) ** order).upper()
        block["angle_at_radius"] = _text(horizon.angle_at(sweep, delta_bar, g, full), True)
        law = horizon.law(g, full)
        if law is not None:
            exponent = rounded(law[0], False)
            start = (Ball(Fraction(sweep.A_end), BITS).log() / order * exponent).exp()
            coefficient = (Ball(Fraction(float(sweep.distance[g])), BITS) * start).upper()
            block["law"] = {
                "exponent": [format_rational(exponent)] * 2,
                "coefficient": _text(coefficient, True),
                "floor": _text(law[1], True),
            }
    return block


def _runs(weights: list[int]) -> list[Any]:
    """[first, count] for consecutive weights, otherwise a list of such pairs."""
    breaks = [k for k in range(1, len(weights)) if weights[k] != weights[k - 1] + 1]
    pairs = [[weights[a], b - a] for a, b in zip([0, *breaks], [*breaks, len(weights)], strict=True)]
    return pairs[0] if len(pairs) == 1 else pairs


def _in_order(weights: list[int], values: list[str]) -> list[str]:
    """Values listed part by part, in the order of the problem's weights."""
    return [value for _, value in sorted(zip(weights, values, strict=True), key=lambda pair: pair[0])]


def _support(trap: Trap, first: int) -> list[int] | None:
    """The parts, counted in the whole network, that do not vanish in the KKT point; None if one is too small to tell.

    `first` is the first part of the block: its own number if every part is a block, else 0.
    """
    norm2 = sum(v * v for part in trap.centre for v in part)
    alive = []
    for j, part in enumerate(trap.centre):
        square = sum(v * v for v in part)
        if square == 0:
            continue
        if not square > norm2 * Fraction(trap.kkt_radius) ** 2:
            return None
        alive.append(first + j)
    return alive


def largest_ncf(problem: Problem, groups: Sequence[Group]) -> Fraction:
    """An upper bound of |N| on the unit sphere: sum_i |z_i| beta_i with beta_i >= |h_i| (L2.5, L5.6)."""
    network = problem.network
    if not isinstance(network, FeedForward):
        raise ValueError("only feed-forward networks are certified")
    if len(groups) > 1:
        beta = [Fraction(float(b)) for b in output_bounds(groups[0].parts)]
        return sum((abs(z) * b for z, b in zip(problem.z, beta, strict=True)), Fraction(0))
    power, depth, L = network.activation.power, network.depth, problem.order
    constant = Ball(Fraction(1), BITS)
    for layer in range(1, depth + 1):
        e = power ** (depth - layer)
        if layer in network.trained:
            constant = constant * (Ball(Fraction(e, L), BITS) ** e).sqrt()
        else:
            constant = constant * Ball(sum(v * v for row in network.given[layer] for v in row), BITS).sqrt() ** e
    q = power ** (depth - 1)
    lengths = [Ball(sum(v * v for v in row), BITS).sqrt() ** q for row in problem.X]
    total = sum((length * abs(z) for z, length in zip(problem.z, lengths, strict=True)), Ball(Fraction(0), BITS))
    return (constant * total).upper()
