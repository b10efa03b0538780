"""What keeps delta_bar from being larger for power 1: the block whose angle uses up what is allowed, and how
much the weights may have grown when the slowest block arrives. Read from the claim and the evidence in a
certificate; an explanation, no proof rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import format_rational
from certflow.outcome import BadInput, Fate
from certflow.theorems.early_direction.claim import Block
from certflow.theorems.early_direction_power_1.claim import Claim

BITS = 64


@dataclass(frozen=True)
class LimitingBlock:
    """The limit flow of one block is followed along `pieces` straight pieces to a KKT point where N is at
    least `value`; `used` is its largest angle after the horizon over epsilon. `slowest` is the block with the
    least `value` if not all have the same, and `growth` a bound of ‖w‖/delta at the horizon.
    """

    block: int
    joint: bool
    pieces: int
    value: Fraction
    used: Fraction
    slowest: int | None
    growth: Fraction

    def to_json(self) -> dict[str, Any]:
        """The record in `certflow show --json`: exact numbers."""
        return {
            "block": self.block,
            "pieces": self.pieces,
            "value": format_rational(self.value),
            "used": format_rational(self.used),
            "slowest": self.slowest,
            "growth": format_rational(self.growth),
        }

    def sentence(self) -> str:
        """What a person reads."""
        who = "the direction of all weights" if self.joint else f"block {self.block + 1}"
        used, growth = rounded_text(100 * self.used, 3), rounded_text(self.growth, 4, up=True)
        count = f"{self.pieces} straight piece{'s' if self.pieces > 1 else ''}"
        slowest = "" if self.slowest is None else f" for block {self.slowest + 1}, the slowest,"
        return (
            f"δ̄ is limited by {who}: its angle uses {used} % of what is allowed, and its limit flow has "
            f"{count}; T is so late{slowest} that the weights may have grown to {growth}·δ by then."
        )


def limits(claim: Claim, certificate: dict[str, Any]) -> list[LimitingBlock]:
    """One `LimitingBlock` per block that converges, the one that limits delta_bar first.

    `certificate` is what `read_certificate` returns, `claim` its claim. Raises `BadInput` if its evidence
    cannot be read.
    """
    arriving = [block for block in claim.of(Fate.CONVERGES) if block.value is not None]
    try:
        neurons = certificate["evidence"][0]["neurons"]
        pieces = [len(neurons[block.index]["pieces"]) for block in arriving]
    except (KeyError, TypeError, IndexError) as error:
        raise BadInput(
            "certificate: the evidence cannot be read; `certflow check` says what is wrong."
        ) from error
    if not arriving:
        return []
    growth = Ball(claim.factor_squared, BITS).sqrt().upper()
    slow, fast = min(arriving, key=_value), max(arriving, key=_value)
    slowest = slow.index if _value(slow) < _value(fast) else None
    found = [
        LimitingBlock(block.index, claim.joint, count, _value(block), _used(block, claim), slowest, growth)
        for block, count in zip(arriving, pieces, strict=True)
    ]
    return sorted(found, key=lambda limit: (-limit.used, limit.value, limit.block))


def _value(block: Block) -> Fraction:
    return block.value[0] if block.value is not None else Fraction(0)


def _used(block: Block, claim: Claim) -> Fraction:
    angles = (angle for angle in (block.angle_at_horizon, block.angle_at_radius) if angle is not None)
    return max(angles, default=Fraction(0)) / claim.epsilon
