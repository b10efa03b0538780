"""The claim how long weights stay small (L2): all that has to be proved for a problem is one bound of N."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from certflow.exact import format_rational

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
