"""The claim where the limit flow goes from the initial direction, in exact numbers (L6.28)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

from certflow.exact import format_rational
from certflow.outcome import Fate
from certflow.theorems.early_direction import claim as early_direction
from certflow.theorems.early_direction.claim import Block

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is the limit flow in continuous time, u' = grad N(u), from u(0) = w0, where w0 is the unit "
    "vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What a certificate of a basin takes for granted."""

_OF_BLOCK = (
    "index",
    "weights",
    "outcome",
    "reason",
    "kkt_point",
    "value",
    "gap",
    "horizon",
    "angle_at_horizon",
    "direction",
)


@dataclass(frozen=True)
class Claim:
    """The fate of every block of weights under the limit flow, from its `horizon` on."""

    statement: ClassVar[str] = "basin"

    order: int
    start_angle: Fraction
    problem_sha256: str
    blocks: tuple[Block, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @classmethod
    def of(cls, theorem: early_direction.Claim) -> Claim:
        """The statement about the limit flow alone, delta -> 0, that a proved theorem carries (L6.28).

        What forces the directions is 0 there, so every bound of the theorem holds, from the same horizon on.
        """
        still = Fate.ZERO, Fate.INCONCLUSIVE
        blocks = (
            replace(block, horizon=None if block.outcome in still else theorem.scaled_time)
            for block in theorem.blocks
        )
        return cls(theorem.order, theorem.start_angle, theorem.problem_sha256, tuple(blocks))

    def to_json(self) -> dict[str, Any]:
        """The entry `claim` of a certificate."""
        return {
            "statement": self.statement,
            "order": self.order,
            "start_angle": format_rational(self.start_angle),
            "problem_sha256": self.problem_sha256,
            "assumptions": list(self.assumptions),
            "blocks": [
                {key: value for key, value in block.to_json().items() if key in _OF_BLOCK}
                for block in self.blocks
            ],
        }
