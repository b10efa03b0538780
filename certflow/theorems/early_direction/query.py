"""What the uniform theorem (L5) says about one delta: angles, sizes and times, each rounded to the side on which it holds.

Everything is evaluated in balls from the numbers of the claim alone; it is as true as the claim is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import rounded_text
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.exact import MAX_DELTA_EXPONENT, format_dyadic, format_rational, parse_rational, shown
from certflow.outcome import BadInput
from certflow.theorems.early_direction.claim import Block, Statement, Times, read_claim

BITS = 192
MANTISSA_BITS = 64
"""Bounds are given as m*2^e with m of at most this many bits."""

DECADES = 4
"""Without radii, the query answers for R and this many tenths of it."""


def query(claim: dict[str, Any], delta: Any, radii: Sequence[Any] | None = None) -> dict[str, Any]:
    """The claim at one `delta` (exact; text such as "1e-1000") and at the `radii` ‖w‖ = rho (default: R,
    R/10, ...) (L5.2, L5.4).

    Gives the horizon in real time t and the norm and angles there, and per radius when it is first reached after the time
    `start` (for order 2 the horizon) and what the angle of every block is whenever ‖w‖ has this value, from the horizon
    until it first exceeds R. Bounds are exact text "m*2^e", pairs are [lower, upper]; None where nothing is claimed.

    Raises `BadInput` for a delta that is not in (0, delta_bar], and for radii below the norm at `start` or above R.
    """
    statement = read_claim(claim)
    size = parse_rational(delta, "delta", MAX_DELTA_EXPONENT)
    if size <= 0:
        raise BadInput(f"delta: {shown(delta)} is not positive; delta is the norm of the initial weights.")
    if size > statement.delta_bar:
        bar = rounded_text(statement.delta_bar, 6)
        raise BadInput(f"delta: {shown(delta)} is above the proved delta_bar = {bar}; the theorem says nothing about it.")
    try:
        return {"delta": delta if isinstance(delta, str) else format_rational(size), **_answer(statement, size, radii)}
    except OutsideDomain as error:
        raise BadInput(f"delta: {shown(delta)} to the power {statement.order - 2} is too extreme to be written down.") from error


def _answer(statement: Statement, delta: Fraction, radii: Sequence[Any] | None) -> dict[str, Any]:
    stretch = Ball(delta, BITS) ** (statement.order - 2)  # t = scaled time / stretch
    chosen = _radii(statement, delta, radii)
    return {
        "delta_bar": format_rational(statement.delta_bar),
        "order": statement.order,
        "horizon": {
            "scaled_time": None if statement.scaled_time is None else format_rational(statement.scaled_time),
            "time": _horizon_time(statement, delta, stretch),
            "norm_upper": _text(norm_at_horizon(statement, delta), up=True),
        },
        "radius": None if statement.radius is None else format_rational(statement.radius),
        "start": None if statement.times is None else _start(statement.times, delta, stretch),
        "times": [_reached(statement, delta, stretch, rho) for rho in chosen],
        "blocks": [
            {
                "index": block.index,
                "outcome": block.outcome,
                "angle_at_horizon": _text(block.angle_at_horizon, up=True),
                "angles": [
                    {"radius": format_rational(rho), "angle": _text(angle_at(statement, block, delta, rho), up=True)}
                    for rho in chosen
                ],
            }
            for block in statement.blocks
        ],
    }


def _horizon_time(statement: Statement, delta: Fraction, stretch: Ball) -> list[str | None] | None:
    if statement.scaled_time is not None:
        time = Ball(statement.scaled_time, BITS) / stretch
        return [_text(time.lower()), _text(time.upper(), up=True)]
    if statement.times is None or statement.horizon_norm is None or statement.horizon_norm < statement.times.start_radius[1]:
        return None
    # The horizon is the first time after `start` at which ‖w‖ has a given multiple of delta.
    low, high = first_time(statement, statement.times, delta, stretch, statement.horizon_norm * delta)
    return [_text(low), _text(high, up=True)]


def _start(times: Times, delta: Fraction, stretch: Ball) -> dict[str, Any]:
    """When the times of the radii begin to count, and how large ‖w‖ can be then."""
    low, high = (Ball(time, BITS) / stretch for time in times.start_time)
    return {
        "time": [_text(low.lower()), _text(high.upper(), up=True)],
        "norm_upper": _text(times.start_radius[1] * delta, up=True),
    }


def norm_at_horizon(statement: Statement, delta: Fraction) -> Fraction:
    """An upper bound of ‖w‖ up to the horizon: sqrt(C) delta (L5.3)."""
    return (Ball(statement.factor_squared, BITS).sqrt() * Ball(delta, BITS)).upper()


def start_radius(statement: Statement, delta: Fraction) -> Fraction:
    """A size that ‖w‖ has not passed at `start`, or, without times, at the horizon."""
    if statement.times is None:
        return norm_at_horizon(statement, delta)
    return statement.times.start_radius[1] * delta


def _radii(statement: Statement, delta: Fraction, radii: Sequence[Any] | None) -> list[Fraction]:
    if statement.radius is None:
        if radii:
            raise BadInput("radius: in this theorem no block is proved to grow, so there is no radius to ask about.")
        return []
    least = start_radius(statement, delta)
    if radii is None:
        decades = (statement.radius / 10**k for k in range(DECADES))
        return [rho for rho in decades if rho >= least]
    values = [parse_rational(each, "radius", MAX_DELTA_EXPONENT) for each in radii]
    for given, rho in zip(radii, values, strict=True):
        if not least <= rho <= statement.radius:
            low, high = rounded_text(least, 4, up=True), rounded_text(statement.radius, 4)
            raise BadInput(f"radius: {shown(given)} is not between {low} and {high}, where the theorem speaks for this delta.")
    return values


def angle_at(statement: Statement, block: Block, delta: Fraction, rho: Fraction) -> Fraction | None:
    """An upper bound of the block's angle to its KKT point whenever ‖w‖ = rho, from the horizon until ‖w‖ first exceeds R.

    The law and epsilon both hold there, so that the smaller counts; at R itself so does `angle_at_radius`. None without a claim.
    """
    if block.outcome not in ("converges", "shrinks"):
        return None
    bounds = [statement.epsilon]
    if rho == statement.radius and block.angle_at_radius is not None:
        bounds.append(block.angle_at_radius)
    if block.law is not None:
        # delta <= rho, so the smaller exponent gives the larger bound.
        power = ((Ball(delta, BITS) / Ball(rho, BITS)).log() * Ball(block.law.exponent[0], BITS)).exp()
        bounds.append((power * Ball(block.law.coefficient, BITS) + Ball(rho, BITS) ** statement.order * block.law.floor).upper())
    return min(bounds)


def _reached(statement: Statement, delta: Fraction, stretch: Ball, rho: Fraction) -> dict[str, Any]:
    times = statement.times
    first = (
        None
        if times is None
        else [_text(end, up=bool(i)) for i, end in enumerate(first_time(statement, times, delta, stretch, rho))]
    )
    return {"radius": format_rational(rho), "first_reached": first}


def first_time(statement: Statement, times: Times, delta: Fraction, stretch: Ball, rho: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of the first time t after `start` at which ‖w‖ = rho, from `(log ‖w‖)' = L N ‖w‖^(L-2)`, N in [n_lower, n_upper]."""
    low = Ball(times.start_time[0], BITS) / stretch + _climb(statement.order, times.start_radius[1] * delta, rho, times.n_upper)
    high = Ball(times.start_time[1], BITS) / stretch + _climb(statement.order, times.start_radius[0] * delta, rho, times.n_lower)
    return low.lower(), high.upper()


def _climb(order: int, start: Fraction, rho: Fraction, rate: Fraction) -> Ball:
    """How long `rho' = L rate rho^(L-1)` needs from `start` to `rho`; 0 if it is there already."""
    if start >= rho:
        return Ball(0, BITS)
    if order == 2:
        return (Ball(rho, BITS) / Ball(start, BITS)).log() / (2 * rate)
    k = order - 2
    return (1 / Ball(start, BITS) ** k - 1 / Ball(rho, BITS) ** k) / (order * k * rate)


def _text(value: Fraction | None, up: bool = False) -> str | None:
    """Exact text of a dyadic of at most `MANTISSA_BITS` bits, not above `value` (not below it if `up`)."""
    if value is None:
        return None
    place = value.numerator.bit_length() - value.denominator.bit_length() - MANTISSA_BITS
    scaled = value / Fraction(2) ** place
    return format_dyadic(-((-scaled.numerator) // scaled.denominator) if up else scaled.numerator // scaled.denominator, place)
