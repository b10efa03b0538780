"""What keeps delta_bar from being larger: the block whose angle uses up what is allowed, and the stretch of
its flow that pulls nearby directions apart. Read from the claim and the rates in a certificate; an
explanation, no proof rests on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import format_rational, number
from certflow.outcome import BadInput, Fate
from certflow.theorems.early_direction.claim import Block, Claim

_LARGEST_EXPONENT = 700
"""Beyond it the exponential is no double."""


@dataclass(frozen=True)
class Bottleneck:
    """The directions of one block separate most on `start` <= s <= `end`, by at most exp(`integral`); its
    curve ends at `arrival`. `used` is its largest angle after the horizon over what is allowed: near 1 for
    the block that limits. `joint`: the block is all weights.
    """

    block: int
    joint: bool
    start: Fraction
    end: Fraction
    integral: Fraction
    arrival: Fraction
    used: Fraction

    def to_json(self) -> dict[str, Any]:
        """The record in `certflow show --json`: exact numbers."""
        return {
            "block": self.block,
            "stretch": [format_rational(self.start), format_rational(self.end)],
            "integral_mu": format_rational(self.integral),
            "arrival": format_rational(self.arrival),
            "used": format_rational(self.used),
        }

    def sentence(self) -> str:
        """What a person reads."""
        who = "the direction of all weights" if self.joint else f"block {self.block + 1}"
        used, arrival = rounded_text(100 * self.used, 3), rounded_text(self.arrival, 4)
        share = f"its angle uses {used} % of what is allowed, and its curve ends at s ≈ {arrival}"
        if self.integral <= 0:
            return f"δ̄ is limited by {who}: {share}; no stretch pulls nearby directions apart."
        stretch = f"from s ≈ {rounded_text(self.start, 4)} to s ≈ {rounded_text(self.end, 4)}"
        integral, factor = rounded_text(self.integral, 4, up=True), ""
        if self.integral < _LARGEST_EXPONENT:
            most = Fraction(math.exp(float(self.integral)) * (1 + 2.0**-40))
            factor = f", a factor of at most {rounded_text(most, 3, up=True)}"
        return (
            f"δ̄ is limited by {who}: {share}; nearby directions move apart {stretch}, where ∫μ ≤ "
            f"{integral}{factor}."
        )


def limits(claim: Claim, certificate: dict[str, Any]) -> list[Bottleneck]:
    """One `Bottleneck` per group with a curve, the one that limits delta_bar first.

    `certificate` is what `read_certificate` returns, `claim` its claim. Raises `BadInput` if its rates cannot
    be read.
    """
    try:
        groups = list(zip(certificate["groups"], claim.blocks, strict=True))
        found = [_limit(group, block, claim) for group, block in groups if group["start"] is not None]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            "certificate: the groups cannot be read; `certflow check` says what is wrong."
        ) from error
    return sorted(found, key=lambda limit: (-limit.used, -limit.integral, limit.block))


def _limit(group: dict[str, Any], block: Block, claim: Claim) -> Bottleneck:
    clock, rates = [Fraction(0)], []
    for window in group["windows"]:
        step = number(window["h"], "h") / len(window["steps"])
        for mu, _, _ in window["steps"]:
            rates.append(step * number(mu, "mu"))
            clock.append(clock[-1] + step)
    # The contiguous stretch with the largest integral of mu.
    best, begin, end = Fraction(0), 0, 0
    total, first = Fraction(0), 0
    for k, rate in enumerate(rates):
        if total <= 0:
            total, first = Fraction(0), k
        total += rate
        if total > best:
            best, begin, end = total, first, k + 1
    return Bottleneck(
        block.index, claim.joint, clock[begin], clock[end], best, clock[-1], _used(group, block, claim)
    )


def _used(group: dict[str, Any], block: Block, claim: Claim) -> Fraction:
    if block.outcome is Fate.FADES:
        return (block.angle_at_horizon or Fraction(0)) / claim.epsilon
    if group["trap"] is None:
        return Fraction(0)
    radius = block.kkt_point.radius if block.kkt_point else Fraction(0)
    # In a continuum the angle to the KKT point is `radius` more than that to the centre, for which r0 is.
    room = number(group["trap"]["r0"], "r0") + (radius if block.outcome is Fate.CONTINUUM else -radius)
    angles = (angle for angle in (block.angle_at_horizon, block.angle_at_radius) if angle is not None)
    return max(angles, default=Fraction(0)) / min(claim.epsilon, room)
