"""What a search for a theorem returns, whatever the theorem states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from certflow.certificates import Claim
from certflow.outcome import Outcome
from certflow.problem import Problem

AClaim = TypeVar("AClaim", bound=Claim)


@dataclass
class Certified(Generic[AClaim]):
    """What was proved: `claim` is the theorem, `evidence` what its certificate stores besides (L5.5).

    If `outcome` is not proved, `reason`, `stopped_at`, `proved_until` and `try_` say why, where (in the units
    of the proof), what was proved until there, and what to try. The claim is None if nothing was proved.
    """

    problem: Problem
    outcome: Outcome
    reason: str = ""
    stopped_at: dict[str, Any] | None = None
    proved_until: str = ""
    try_: str = ""
    evidence: Any = ()
    claim: AClaim | None = None
