"""Theorems with the checker's word on them: proved, written as certificates, and checked, all in one run.

A theorem is announced only after the independent checker has accepted its certificate. What the checker
refuses is no theorem but a fault of certflow: `inconclusive`, with the rule and the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from certflow.certificates import sha256
from certflow.checker import check_text
from certflow.outcome import Inconclusive, Outcome
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress
from certflow.running import OutOfTime, remaining
from certflow.theorems.certified import Certified
from certflow.theorems.registry import FOLDERS, theorem

REPORT = "this is a fault of certflow, please report it together with the problem file"


@dataclass
class Announced(Certified[Any]):
    """What may be announced: a result with the text of its `certificate` (empty if there is none).

    `checked` says whether the checker has accepted that text. `fault` is None, or the `rule`, `where` and
    `reason` with which the checker refused a theorem that the prover had found; the outcome then is
    inconclusive.
    """

    certificate: str = ""
    checked: bool = False
    fault: dict[str, str] | None = None

    @property
    def sha256(self) -> str | None:
        """The hash of the certificate, None if there is none."""
        return sha256(self.certificate) if self.certificate else None

    def record(self, file: str | None) -> dict[str, Any]:
        """The result for JSON; `file` is where its certificate was written."""
        return {
            "outcome": str(self.outcome),
            "reason": self.reason,
            "stopped_at": self.stopped_at,
            "proved_until": self.proved_until,
            "try": self.try_,
            "certificate": file if self.certificate else None,
            "sha256": self.sha256,
            "checked": self.checked,
            "fault": self.fault,
            "claim": None if self.claim is None else self.claim.to_json(),
        }


class Faulty(Inconclusive):
    """The checker refuses a certificate that was just made: a fault of certflow, `fault` says which."""

    def __init__(self, fault: dict[str, str]) -> None:
        place = ", ".join(part for part in (fault["rule"], fault["where"]) if part)
        super().__init__(
            f"the checker refuses the certificate that was just made ({place or 'no place given'}: "
            f"{fault['reason'].rstrip('.')}); {REPORT}."
        )
        self.fault = fault


def certify(
    problem: ProblemSource,
    epsilon: Any = None,
    start_angle: Any = None,
    progress: Progress | None = None,
    check: bool = True,
    statement: str | None = None,
) -> Announced:
    """The uniform theorem of a problem: for every delta in (0, delta_bar] and every initial direction within
    `start_angle`; or another `statement` of the registry.

    `epsilon` (default: the problem's) is the angle to be reached and kept; `start_angle` is 0 by default.
    With `check` nothing is a theorem before the independent checker has accepted its certificate; without,
    the result says that it was not checked. Raises `BadInput` for numbers that make no sense; everything that
    cannot be proved, also within the deadline, is a result, not an error.
    """
    problem = Problem.load(problem)
    if problem.loss.kind == "custom":
        return Announced(
            problem, Outcome.INCONCLUSIVE, "certificates hold the square and the logistic loss only."
        )
    options = {"epsilon": epsilon, "start_angle": start_angle}
    given = {name: value for name, value in options.items() if value is not None}
    of = theorem(next(iter(FOLDERS)) if statement is None else statement, "prove", "statement")
    try:
        found = of.certify(problem, progress, **given)
        if found.claim is None:
            return Announced(**vars(found))
        found, text = accepted(found, progress) if check else (found, of.certificate(found))
    except (Inconclusive, OutOfTime) as error:
        return Announced(problem, Outcome.INCONCLUSIVE, str(error), fault=getattr(error, "fault", None))
    return Announced(**vars(found), certificate=text, checked=check)


def accepted(found: Certified[Any], progress: Progress | None = None) -> tuple[Certified[Any], str]:
    """What was proved with its certificate, which the checker accepts; something weaker if it cannot tell and
    there is that.

    Raises as `require_accepted`, and as the writing of the certificate.
    """
    if found.claim is None:
        raise ValueError("nothing was proved")
    of = theorem(found.claim.statement, "certificate")
    text = of.certificate(found)
    try:
        require_accepted(text, progress)
    except Faulty as error:
        less = of.weaker(found, error.fault)
        if less is None:
            raise
        return accepted(less, progress)
    return found, text


def require_accepted(text: str, progress: Progress | None = None) -> None:
    """Return only if the independent checker accepts the certificate with this `text`.

    Raises `Faulty` if it refuses it, and `OutOfTime` if the time limit ends the check.
    """
    if progress is not None:
        progress("independent check", 0, 1)
    verdict = check_text(text, remaining())
    if verdict.verdict == "timeout":
        raise OutOfTime(
            "the time limit was reached before the checker had accepted the certificate; raise --time-limit."
        )
    if verdict.verdict != "accepted":
        raise Faulty({"rule": verdict.rule, "where": verdict.where, "reason": verdict.reason})
    if progress is not None:
        progress("independent check", 1, 1)
