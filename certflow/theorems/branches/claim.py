"""The claim that the limit flow branches, in the fields of a certificate (L11.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from certflow.outcome import BadInput
from certflow.theorems.early_direction import claim as early_direction
from certflow.theorems.early_direction.claim import Block

ASSUMPTIONS: tuple[str, ...] = (
    "The limit flow is any solution in continuous time of u' in (Clarke) dN(u) from u(0) = w0, where w0 is "
    "the unit vector of the given direction.",
    early_direction.ASSUMPTIONS[1],
)
"""What the statement takes for granted; the checker has an equal list of its own."""

_OF_BLOCK = ("index", "weights", "outcome", "reason")


@dataclass(frozen=True)
class Claim:
    """The limit flow from the given direction has at least two solutions, which part in these blocks."""

    statement: ClassVar[str] = "branches"
    lemma: ClassVar[str] = "L11"

    problem_sha256: str
    blocks: tuple[Block, ...]
    order: int = 2
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @classmethod
    def from_json(cls, claim: dict[str, Any]) -> Claim:
        """The claim of a JSON form. Raises `BadInput` for what is not a claim of this statement."""
        sha256, blocks = claim.get("problem_sha256"), claim.get("blocks")
        if claim.get("statement") != cls.statement or claim.get("order") != 2:
            raise BadInput(f"claim: expected the statement {cls.statement} and order 2.")
        if not isinstance(sha256, str) or not isinstance(blocks, list):
            raise BadInput("claim: expected the hash of a problem, and a list of blocks.")
        read = (Block.from_json(each, f"claim.blocks[{i}]") for i, each in enumerate(blocks))
        return cls(sha256, tuple(read))

    def to_json(self) -> dict[str, Any]:
        """The entry `claim` of a certificate."""
        return {
            "statement": self.statement,
            "order": self.order,
            "problem_sha256": self.problem_sha256,
            "assumptions": list(self.assumptions),
            "blocks": [{key: block.to_json()[key] for key in _OF_BLOCK} for block in self.blocks],
        }
