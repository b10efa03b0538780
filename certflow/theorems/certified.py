"""What a search for a theorem returns, whatever the theorem states."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeVar

from certflow.certificates import Claim
from certflow.exact import format_rational
from certflow.outcome import Outcome
from certflow.problem import Problem

AClaim = TypeVar("AClaim", bound=Claim)


@dataclass(frozen=True)
class Stopped:
    """Where the flow of a block was given up: `piece` windows of its curve were followed, up to the clock
    `time`.
    """

    block: int
    piece: int
    time: Fraction

    def to_json(self) -> dict[str, Any]:
        """The record for results."""
        return {"block": self.block, "piece": self.piece, "time": format_rational(self.time)}


@dataclass
class Certified(Generic[AClaim]):
    """What was proved: `claim` is the theorem, `evidence` what its certificate stores besides (L5.5).

    If `outcome` is not proved, `reason`, `stopped_at`, `proved_until` and `try_` say why, where (in the units
    of the proof), what was proved until there, and what to try. The claim is None if nothing was proved.
    `note` says how `problem`, which the claim is about, is written otherwise than the one that was given.
    """

    problem: Problem
    outcome: Outcome
    reason: str = ""
    stopped_at: Stopped | None = None
    proved_until: str = ""
    try_: str = ""
    evidence: Any = ()
    claim: AClaim | None = None
    note: str = ""
