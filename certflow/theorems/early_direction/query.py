"""What the uniform theorem (L5) says about one delta: angles, sizes and times, each rounded to the side on
which it holds.

Everything is evaluated in balls from the numbers of the claim alone; it is as true as the claim is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import rounded_text
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.exact import (
    MAX_DELTA_EXPONENT,
    dyadic_text,
    format_rational,
    initial_norm,
    listed,
    number,
    shown,
)
from certflow.outcome import BadInput, Fate
from certflow.theorems.early_direction.claim import Block, Claim, Pair, Times

BITS = 192
MANTISSA_BITS = 64
"""Bounds are m*2^e with m of at most this many bits."""

DECADES = 4
"""Without radii, the query answers for R and this many tenths of it."""


@dataclass(frozen=True)
class Start:
    """When, in real time, the times of the radii begin to count, and how large ‖w‖ can be then."""

    time: Pair
    norm_upper: Fraction


@dataclass(frozen=True)
class Radius:
    """A radius ‖w‖ = rho: when it is first reached after the start, and the largest angle of every block
    there.
    """

    rho: Fraction
    first_reached: Pair | None
    angles: tuple[Fraction | None, ...]


@dataclass(frozen=True, repr=False)
class Answer:
    """What `claim` says about one `delta`, which is as it was given: pairs are (lower, upper), other bounds
    are upper ones, None is where nothing is claimed. Times are real times t; what is said of `radii` holds
    from the horizon until ‖w‖ first exceeds R.
    """

    claim: Claim
    delta: str
    horizon_time: Pair | None
    norm_at_horizon: Fraction
    angles_at_horizon: tuple[Fraction | None, ...]
    start: Start | None
    radii: tuple[Radius, ...]

    def __repr__(self) -> str:
        return f"<Answer of {self.claim!r} to δ = {shown(self.delta)}>"

    def time_to(self, radius: Any) -> Pair | None:
        """Bounds of the real time t at which ‖w‖ = `radius` first, after the `start`; None where nothing is
        claimed. Raises `BadInput` for a radius below the norm at `start` or above R.
        """
        return query(self.claim, self.delta, [radius]).radii[0].first_reached

    def to_json(self) -> dict[str, Any]:
        """The record of `certflow query --json`: exact text, bounds as m*2^e."""
        claim, start = self.claim, self.start
        return {
            "delta": self.delta,
            "delta_bar": format_rational(claim.delta_bar),
            "order": claim.order,
            "horizon": {
                "scaled_time": None if claim.scaled_time is None else format_rational(claim.scaled_time),
                "time": _texts(self.horizon_time),
                "norm_upper": dyadic_text(self.norm_at_horizon),
            },
            "radius": None if claim.radius is None else format_rational(claim.radius),
            "start": start and {"time": _texts(start.time), "norm_upper": dyadic_text(start.norm_upper)},
            "times": [
                {"radius": format_rational(each.rho), "first_reached": _texts(each.first_reached)}
                for each in self.radii
            ],
            "blocks": [self._block(j, block) for j, block in enumerate(claim.blocks)],
        }

    def _block(self, j: int, block: Block) -> dict[str, Any]:
        followed = (
            {} if block.angle_to_curve is None else {"angle_to_curve": bound_text(block.angle_to_curve)}
        )
        return followed | {
            "index": block.index,
            "outcome": str(block.outcome),
            "angle_at_horizon": bound_text(self.angles_at_horizon[j]),
            "angles": [
                {"radius": format_rational(each.rho), "angle": bound_text(each.angles[j])}
                for each in self.radii
            ],
        }


def query(claim: Claim, delta: Any, radii: Any = None) -> Answer:
    """The claim at one `delta` (exact; text such as "1e-1000") and at the `radii` ‖w‖ = rho (default: R,
    R/10, ...) (L5.2, L5.4).

    Gives the horizon in real time t and the norm and angles there, and per radius when it is first reached
    after the time `start` (for order 2 the horizon) and what the angle of every block is whenever ‖w‖ has
    this value, from the horizon until it first exceeds R.

    Raises `BadInput` for a delta that is not in (0, delta_bar], and for radii below the norm at `start` or
    above R.
    """
    size = initial_norm(delta)
    if size > claim.delta_bar:
        bar = rounded_text(claim.delta_bar, 6)
        raise BadInput(
            f"delta: {shown(delta)} is above the proved delta_bar = {bar}; the theorem says nothing about it."
        )
    try:
        return _answer(claim, size, delta if isinstance(delta, str) else format_rational(size), radii)
    except OutsideDomain as error:
        raise BadInput(
            f"delta: {shown(delta)} to the power {claim.order - 2} is too extreme to be written down."
        ) from error


def _answer(claim: Claim, delta: Fraction, text: str, radii: Any) -> Answer:
    stretch = Ball(delta, BITS) ** (claim.order - 2)  # t = scaled time / stretch
    times, start = claim.times, None
    chosen = _radii(claim, delta, radii)
    if times is not None:
        low, high = (Ball(time, BITS) / stretch for time in times.start_time)
        start = Start(_outward(low.lower(), high.upper()), _short(times.start_radius[1] * delta, True))
    return Answer(
        claim,
        text,
        _horizon_time(claim, delta, stretch),
        _short(norm_at_horizon(claim, delta), True),
        tuple(_angle(claim, block.angle_at_horizon) for block in claim.blocks),
        start,
        tuple(
            Radius(
                rho,
                None if times is None else _outward(*first_time(claim, times, delta, stretch, rho)),
                tuple(_angle(claim, angle_at(claim, block, delta, rho)) for block in claim.blocks),
            )
            for rho in chosen
        ),
    )


def _horizon_time(claim: Claim, delta: Fraction, stretch: Ball) -> Pair | None:
    if claim.scaled_time is not None:
        time = Ball(claim.scaled_time, BITS) / stretch
        return _outward(time.lower(), time.upper())
    if claim.times is None or claim.horizon_norm is None or claim.horizon_norm < claim.times.start_radius[1]:
        return None
    # The horizon is the first time after `start` at which ‖w‖ has a given multiple of delta.
    return _outward(*first_time(claim, claim.times, delta, stretch, claim.horizon_norm * delta))


def norm_at_horizon(claim: Claim, delta: Fraction) -> Fraction:
    """An upper bound of ‖w‖ up to the horizon: sqrt(C) delta (L5.3)."""
    return (Ball(claim.factor_squared, BITS).sqrt() * Ball(delta, BITS)).upper()


def start_radius(claim: Claim, delta: Fraction) -> Fraction:
    """A size that ‖w‖ has not passed at `start`, or, without times, at the horizon."""
    if claim.times is None:
        return norm_at_horizon(claim, delta)
    return claim.times.start_radius[1] * delta


def _radii(claim: Claim, delta: Fraction, radii: Any) -> list[Fraction]:
    asked = [] if radii is None else listed(radii, "radius", "a list of numbers")
    if claim.radius is None:
        if asked:
            raise BadInput(
                "radius: in this theorem no block is proved to grow, so there is no radius to ask about."
            )
        return []
    least = start_radius(claim, delta)
    if radii is None:
        decades = (claim.radius / 10**k for k in range(DECADES))
        return [rho for rho in decades if rho >= least]
    values = [number(each, "radius", MAX_DELTA_EXPONENT) for each in asked]
    for given, rho in zip(asked, values, strict=True):
        if not least <= rho <= claim.radius:
            low, high = rounded_text(least, 4, up=True), rounded_text(claim.radius, 4)
            raise BadInput(
                f"radius: {shown(given)} is not between {low} and {high}, where the theorem speaks for this "
                f"delta."
            )
    return values


def angle_at(claim: Claim, block: Block, delta: Fraction, rho: Fraction) -> Fraction | None:
    """An upper bound of the block's angle to its KKT point whenever ‖w‖ = rho, from the horizon until ‖w‖
    first exceeds R.

    The law and epsilon both hold there, so that the smaller counts; at R itself so does `angle_at_radius`,
    which is the bound of blocks at rest. None without a claim.
    """
    if block.outcome in claim.resting:
        return block.angle_at_radius
    if block.outcome is Fate.FADES:
        return block.angle_at_horizon
    if block.outcome not in (Fate.CONVERGES, Fate.SHRINKS, Fate.EXACT_START, Fate.CONTINUUM):
        return None
    bounds = [claim.epsilon]
    if rho == claim.radius and block.angle_at_radius is not None:
        bounds.append(block.angle_at_radius)
    if block.law is not None and not block.law.of_set:
        # delta <= rho, so the smaller exponent gives the larger bound.
        power = ((Ball(delta, BITS) / Ball(rho, BITS)).log() * Ball(block.law.exponent[0], BITS)).exp()
        bounds.append(
            (
                power * Ball(block.law.coefficient, BITS) + Ball(rho, BITS) ** claim.order * block.law.floor
            ).upper()
        )
    return min(bounds)


def first_time(
    claim: Claim, times: Times, delta: Fraction, stretch: Ball, rho: Fraction
) -> tuple[Fraction, Fraction]:
    """Bounds of the first time t after `start` at which ‖w‖ = rho, from `(log ‖w‖)' = L N ‖w‖^(L-2)`, N in
    [n_lower, n_upper].
    """
    low = Ball(times.start_time[0], BITS) / stretch + _climb(
        claim.order, times.start_radius[1] * delta, rho, times.n_upper
    )
    high = Ball(times.start_time[1], BITS) / stretch + _climb(
        claim.order, times.start_radius[0] * delta, rho, times.n_lower
    )
    return low.lower(), high.upper()


def _climb(order: int, start: Fraction, rho: Fraction, rate: Fraction) -> Ball:
    """How long `rho' = L rate rho^(L-1)` needs from `start` to `rho`; 0 if it is there already."""
    if start >= rho:
        return Ball(0, BITS)
    if order == 2:
        return (Ball(rho, BITS) / Ball(start, BITS)).log() / (2 * rate)
    k = order - 2
    return (1 / Ball(start, BITS) ** k - 1 / Ball(rho, BITS) ** k) / (order * k * rate)


def _outward(low: Fraction, high: Fraction) -> Pair:
    return _short(low, False), _short(high, True)


def _short(value: Fraction, up: bool) -> Fraction:
    """A dyadic of at most `MANTISSA_BITS` bits, not above `value` (not below it if `up`)."""
    place = value.numerator.bit_length() - value.denominator.bit_length() - MANTISSA_BITS
    unit = Fraction(2) ** place
    return (-(-value // unit) if up else value // unit) * unit


def _angle(claim: Claim, bound: Fraction | None) -> Fraction | None:
    """The bound with few bits; epsilon stays what it is, so that 0.01 is not said to be 0.010001."""
    return bound if bound is None or bound == claim.epsilon else _short(bound, True)


def bound_text(value: Fraction | None) -> str | None:
    """The least m*2^e of few bits that is not below an upper bound; None for None."""
    return None if value is None else dyadic_text(_short(value, True))


def _texts(pair: Pair | None) -> list[str] | None:
    return None if pair is None else [dyadic_text(end) for end in pair]
