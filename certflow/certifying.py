"""Theorems with the checker's word on them: proved, written as certificates, and checked, all in one run.

A theorem is announced only after the independent checker has accepted its certificate. What the checker
refuses is no theorem: `inconclusive`, with the rule and the place. It is a fault of certflow where the prover
had proved it, and only a proposal that was too bold where the checker alone is the proof.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from certflow.arithmetic.decimal_text import rounded_text
from certflow.atomic import file_name
from certflow.certificates import (
    NOT_CHECKED,
    canonical_text,
    problem_of,
    read_certificate,
    sha256,
    write_certificate,
)
from certflow.checker import Verdict, check_file, check_text
from certflow.checker.registry import sentences
from certflow.exact import number, shown
from certflow.outcome import BadInput, Fate, Inconclusive, Outcome
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress, require_progress
from certflow.running import OutOfTime, remaining
from certflow.theorems.certified import Certified
from certflow.theorems.registry import default_statement, having, query, theorem
from certflow.theorems.setting import WARNING

if TYPE_CHECKING:
    from certflow.tables import Table
    from certflow.theorems.early_direction.claim import Block
    from certflow.theorems.early_direction.query import Answer

LONGEST = Fraction(10**9)
"""Seconds; no check takes longer."""

_MISSING = {
    Outcome.PARTIAL: "nothing is claimed about some of the blocks.",
    Outcome.BRANCHES: "the limit flow from this direction has more than one solution.",
}
"""What is not proved in the theorem of a certificate."""

REPORT = "this is a fault of certflow, please report it together with the problem file"


@dataclass(repr=False, eq=False)
class Theorem(Certified[Any]):
    """What may be announced of a problem: how the search ended, and if something is proved, all of it.

    `certificate` is the text that proves it (empty if there is none), and `checked` says whether the checker
    has accepted that text. `fault` is None, or the `rule`, `where` and `reason` with which the checker
    refused what the prover had found; the outcome then is inconclusive. Its text is the theorem in words.
    """

    certificate: str = ""
    checked: bool = False
    fault: dict[str, str] | None = None

    @property
    def sha256(self) -> str | None:
        """The hash of the certificate, None if there is none."""
        return sha256(self.certificate) if self.certificate else None

    @property
    def delta_bar(self) -> Fraction | None:
        """The theorem holds for every delta in (0, delta_bar]; None if nothing is proved, and for statements
        without delta.
        """
        found: Fraction | None = getattr(self.claim, "delta_bar", None)
        return found

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is proved of each block of weights; () if nothing is, and for statements without blocks."""
        found: tuple[Block, ...] = getattr(self.claim, "blocks", ())
        return found

    @property
    def tables(self) -> list[Table]:
        """The numbers of the theorem, as tables with `to_text`, `to_markdown`, `to_latex` and `to_csv`."""
        words = None if self.claim is None else self._words()
        return [] if words is None else [words.table(self.claim)]

    def at(self, delta: Any, radii: Any = None) -> Answer:
        """The theorem at one `delta` (exact; text such as "1e-1000") and at the norms `radii` (default: R,
        R/10, ...).

        Raises `BadInput` for a delta that is not in (0, delta_bar], for radii of which nothing is claimed,
        and if nothing is proved.
        """
        answer: Answer = query(self._claim("asked about one delta"), delta, radii)
        return answer

    @classmethod
    def load(cls, path: str | os.PathLike[str], time_limit: Any = None) -> Theorem:
        """The theorem of a certificate, once the checker has accepted it within `time_limit` seconds (None:
        as long as it takes); what it refuses, or does not get through, is inconclusive, with the reason.

        Raises `BadInput` for what is no certificate, and for statements whose claims are only checked and
        shown.
        """
        where = file_name(path)
        content = read_certificate(where)
        of = theorem(content["claim"].get("statement"), where=where)
        read = getattr(of.part("claim").Claim, "from_json", None)
        if read is None:
            raise BadInput(f"{where}: certificates of {of.statement} are checked and shown, not loaded.")
        problem, text = problem_of(content, where), canonical_text(content) + "\n"
        found = cls(problem, Outcome.INCONCLUSIVE)
        if found._judged(check_text(text, _seconds(time_limit))):
            found.claim, found.certificate = read(content["claim"]), text
            found.outcome = _outcome(found.blocks)
            found.reason = _MISSING.get(found.outcome, "")
        return found

    def latex(self) -> str:
        """The theorem for a paper, as LaTeX; raises `BadInput` if nothing is proved, and for statements
        without a LaTeX theorem.
        """
        claim = self._claim("written as LaTeX")
        paper = theorem(claim.statement).part("paper")
        if paper is None:
            able = ", ".join(having("paper"))
            raise BadInput(f"theorem: there is no LaTeX theorem of {claim.statement}, only of {able}.")
        warning = "" if self.checked else WARNING
        return f"{warning}{paper.latex(claim, self.problem, self.sha256)}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate to `path`; raises `BadInput` if there is none, or if that is impossible."""
        self._claim("written to a file")
        write_certificate(file_name(path), self.certificate)

    def check(self, time_limit: Any = None) -> Verdict:
        """What the independent checker says of the certificate within `time_limit` seconds (None: as long as
        it takes). What it refuses is no theorem any more, but inconclusive. Raises `BadInput` if nothing is
        proved.
        """
        self._claim("checked")
        verdict = check_text(self.certificate, _seconds(time_limit))
        if not self._judged(verdict) and self.fault is not None:
            self.outcome, self.claim, self.certificate = Outcome.INCONCLUSIVE, None, ""
        return verdict

    def _judged(self, verdict: Verdict) -> bool:
        """Whether the checker accepts; if not, this knows why."""
        self.checked = verdict.accepted
        if verdict.verdict == "timeout":
            self.reason = "the time limit was reached before the checker had accepted the certificate."
        elif not verdict.accepted:
            self.fault = {"rule": verdict.rule, "where": verdict.where, "reason": verdict.reason}
            place = ", ".join(part for part in (verdict.rule, verdict.where) if part)
            self.reason = f"the checker refuses the certificate ({place}: {verdict.reason.rstrip('.')})."
        return self.checked

    def _words(self) -> Any:
        """The file `words` of the statement, None if it has none."""
        return theorem(self.claim.statement).part("words") if self.claim is not None else None

    def _claim(self, wanted: str) -> Any:
        if self.claim is None:
            raise BadInput(f"theorem: nothing is proved that could be {wanted}: {self.reason.rstrip('.')}.")
        return self.claim

    def record(self, file: str | None) -> dict[str, Any]:
        """The result for JSON; `file` is where its certificate was written."""
        return {
            "outcome": str(self.outcome),
            "reason": self.reason,
            "stopped_at": None if self.stopped_at is None else self.stopped_at.to_json(),
            "proved_until": self.proved_until,
            "try": self.try_,
            "certificate": file if self.certificate else None,
            "sha256": self.sha256,
            "checked": self.checked,
            "fault": self.fault,
            "claim": None if self.claim is None else self.claim.to_json(),
            "note": self.note,
        }

    def __str__(self) -> str:
        if self.claim is None:
            return f"{self.outcome}: {self.reason}"
        words = self._words()
        if words is None:
            said = "\n".join(sentences(self.claim.to_json(), self.problem.exact_content()))
        else:
            said = words.paragraph(self.claim)
        warning = "" if self.checked else f"{NOT_CHECKED}.\n\n"
        missing = f"\n\nNot proved: {self.reason}" if self.outcome is Outcome.PARTIAL else ""
        note = f"{self.note}\n\n" if self.note else ""
        return f"{warning}{note}{said}{missing}"

    def __repr__(self) -> str:
        if self.claim is None:
            return f"<Theorem: {self.outcome}, {textwrap.shorten(self.reason, 100, placeholder=' …')}>"
        bar = "" if self.delta_bar is None else f" for every δ in (0, {rounded_text(self.delta_bar, 4)}]"
        blocks = len(self.blocks)
        count = f", {blocks} block{'s' if blocks > 1 else ''}" if blocks else ""
        said = f"{self.outcome}{bar}{count}, accepted by the checker"
        if not self.checked:
            said = f"not checked, claimed{bar}{count}"
        return f"<Theorem {self.claim.statement}: {said}>"

    def _repr_markdown_(self) -> str:
        return "\n\n".join([str(self), *(table.to_markdown() for table in self.tables)])


def _outcome(blocks: Sequence[Block]) -> Outcome:
    """How the search ended that proved this of the blocks."""
    fates = {block.outcome for block in blocks}
    if fates and not any(fate.decided for fate in fates) and Fate.BRANCHES in fates:
        return Outcome.BRANCHES
    return Outcome.PROVED if all(fate.decided for fate in fates) else Outcome.PARTIAL


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
    delta_bar: Any = None,
) -> Theorem:
    """The uniform theorem of a problem: for every delta in (0, delta_bar] and every initial direction within
    `start_angle`; or another `statement` of the registry (None: the one for such networks).

    `epsilon` (default: the problem's) is the angle to be reached and kept; `start_angle` is 0 by default.
    With `delta_bar` as much as can be is proved for every delta up to it, where the statement allows that
    choice; without, the largest delta_bar is searched.
    With `check` nothing is a theorem before the independent checker has accepted its certificate; without,
    the result says that it was not checked. Raises `BadInput` for numbers that make no sense; everything that
    cannot be proved, also within the deadline, is a result, not an error.
    """
    problem = Problem.load(problem)
    require_progress(progress)
    if not isinstance(check, bool):
        raise BadInput(f"check: expected True or False, got {shown(check)}.")
    if problem.loss.kind == "custom":
        return Theorem(
            problem, Outcome.INCONCLUSIVE, "certificates hold the square and the logistic loss only."
        )
    options = {"epsilon": epsilon, "start_angle": start_angle, "delta_bar": delta_bar}
    given = {name: value for name, value in options.items() if value is not None}
    of = theorem(default_statement(problem) if statement is None else statement, "prove", "statement")
    try:
        return announced(of.certify(problem, progress, **given), progress, check)
    except (Inconclusive, OutOfTime) as error:
        return unannounced(problem, error)


def announced(found: Certified[Any], progress: Progress | None, check: bool) -> Theorem:
    """What was found, once the checker has accepted its certificate, or without `check` as not checked.

    Raises as `require_accepted`, and as the writing of the certificate.
    """
    if found.claim is None:
        return Theorem(**vars(found))
    # What was proved may be another statement than the one that was tried.
    of = theorem(found.claim.statement, "certificate")
    found, text = accepted(found, progress) if check else (found, of.certificate(found))
    return Theorem(**vars(found), certificate=text, checked=check)


def unannounced(problem: Problem, error: Exception) -> Theorem:
    """That nothing is proved, because of this error."""
    return Theorem(problem, Outcome.INCONCLUSIVE, str(error), fault=getattr(error, "fault", None))


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


def check(
    certificate: str | os.PathLike[str],
    time_limit: Any = None,
    problem: ProblemSource | None = None,
) -> Verdict:
    """What the independent checker says of the certificate in the file `certificate`: `accepted`, or with the
    rule, the place and the reason not.

    A certificate that is not about the `problem` that is meant, if one is given, is refused. Spends about
    `time_limit` seconds at most (None: as long as it takes). What is no certificate is malformed; raises
    `BadInput` for what is no file name or number of seconds, and for a problem that is none or that no
    certificate can hold.
    """
    content = None if problem is None else meant(Problem.load(problem)).exact_content()
    return check_file(file_name(certificate), _seconds(time_limit), content)


def meant(problem: Problem) -> Problem:
    """The problem as certificates hold it: an expression that is a two-layer network in other words is
    certified as that network.
    """
    from certflow.theorems.branches.prove import as_network

    try:
        return as_network(problem)[0]
    except Inconclusive:
        return problem


def _seconds(limit: Any) -> float | None:
    if limit is None:
        return None
    seconds = number(limit, "time_limit")
    if seconds <= 0:
        raise BadInput(f"time_limit: {shown(limit)} is not a positive number of seconds.")
    return float(min(seconds, LONGEST))
