"""The claim how long weights stay small (L2): all that has to be proved for a problem is one bound of N."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from certflow.exact import MAX_DELTA_EXPONENT, format_rational, number, shown
from certflow.outcome import BadInput

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is any gradient flow in continuous time, w' in -(Clarke) grad Loss(w), from any w(0) with "
    "|w(0)| = delta > 0.",
    "The network, the data and the loss are exactly the rational numbers written in this certificate.",
)
"""What the bound takes for granted; the checker has an equal list of its own."""


@dataclass(frozen=True)
class Claim:
    """N <= `n_max_upper` on the unit sphere, `n_max_upper` >= 0; `method` is the kind of proof."""

    statement: ClassVar[str] = "time-near-origin"

    order: int
    problem_sha256: str
    n_max_upper: Fraction
    method: str
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @classmethod
    def from_json(cls, claim: dict[str, Any]) -> Claim:
        """The claim of a JSON form. Raises `BadInput` for what is not a claim of this statement."""
        order, method, sha256 = claim.get("order"), claim.get("method"), claim.get("problem_sha256")
        assumptions = claim.get("assumptions")
        if claim.get("statement") != cls.statement or type(order) is not int or order < 2:
            raise BadInput(f"claim: expected the statement {cls.statement} and an order of at least 2.")
        if not isinstance(method, str) or not isinstance(sha256, str) or assumptions != list(ASSUMPTIONS):
            raise BadInput("claim: expected a method, the hash of a problem, and the assumptions of L2.")
        bound = number(claim.get("n_max_upper"), "claim.n_max_upper", MAX_DELTA_EXPONENT)
        if bound < 0:
            raise BadInput(f"claim.n_max_upper: {shown(claim['n_max_upper'])} is negative.")
        return cls(order, sha256, bound, method)

    def to_json(self) -> dict[str, Any]:
        """The entry `claim` of a certificate."""
        return {
            "statement": self.statement,
            "order": self.order,
            "problem_sha256": self.problem_sha256,
            "assumptions": list(self.assumptions),
            "n_max_upper": format_rational(self.n_max_upper),
            "method": self.method,
        }
