"""An independent checker of certflow's certificates: standard library only, nothing of certflow is imported.

`check_file` and `check_text` derive every bound again from the exact problem and the proposed curves, in
directed integer arithmetic, and accept only a claim that states nothing stronger. Rules R1 to R15:
`docs/certificate-format.md`. The folder works as a bare copy too: `python -S -E -m checker FILE`.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from .kernel.reading import MAX_BYTES, parse
from .kernel.verdicts import Clock, Malformed, OutOfTime, Refused
from .meant import Comparison, comparison
from .registry import named

__all__ = ["EXIT_CODES", "Verdict", "check_file", "check_text"]

EXIT_CODES = {"accepted": 0, "refused": 1, "malformed": 2, "timeout": 3}


@dataclass(frozen=True, repr=False)
class Verdict:
    """accepted, refused, malformed or timeout; if not accepted the rule, the place and the reason (of a
    timeout: how far it came); else claim and assumptions, and the exact problem that the claim is about.
    `compared` is how this problem compares with the one that is meant, if one was given.
    """

    verdict: str
    rule: str = ""
    where: str = ""
    reason: str = ""
    claim: dict[str, Any] | None = None
    assumptions: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None
    compared: Comparison | None = None

    def __repr__(self) -> str:
        said = ", ".join(text for text in (self.rule, self.where, self.reason) if text)
        return f"<Verdict: {self.verdict}{f' ({said[:300]})' if said else ''}>"

    @property
    def accepted(self) -> bool:
        """Whether all that the certificate claims is proved."""
        return self.verdict == "accepted"


def check_file(
    path: str | os.PathLike[str], time_limit: float | None = None, meant: dict[str, Any] | None = None
) -> Verdict:
    """The verdict on the certificate in the file `path`; no more than the allowed size is ever read. Never
    raises (L5.1)."""
    try:
        # A pipe or a device might never end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return Verdict("malformed", "R1", "file", "it is not a regular file")
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return Verdict("malformed", "R1", "file", f"it cannot be read: {error}")
    return check_text(data, time_limit, meant)


def check_text(
    data: bytes | str, time_limit: float | None = None, meant: dict[str, Any] | None = None
) -> Verdict:
    """The verdict on the certificate with these bytes; at most about `time_limit` seconds are spent. Never
    raises (L5.7).

    If a problem is `meant` (its exact content, as in a certificate), a claim about another one is refused.
    """
    clock = Clock(time_limit)
    try:
        content = parse(data.encode("utf-8", "replace") if isinstance(data, str) else data)
        claim = content.get("claim") if isinstance(content, dict) else None
        statement = named(claim.get("statement") if isinstance(claim, dict) else None)
        proved = statement.check(content, clock)
        problem = content.get("problem")
        found = None if meant is None else comparison(problem, meant, proved.get("start_angle"))
        if found is not None and not found.same:
            return Verdict("refused", "R1", found.where, found.reason, compared=found)
        return Verdict("accepted", "", "", "", proved, statement.assumptions, problem, found)
    except Refused as error:
        verdict = "malformed" if isinstance(error, Malformed) else "refused"
        return Verdict(verdict, error.rule or clock.rule, error.where or clock.where, error.reason)
    except OutOfTime:
        return Verdict(
            "timeout", clock.rule, clock.where, "the time limit has passed before everything was checked"
        )
    except (ArithmeticError, RecursionError, MemoryError, ValueError, LookupError, TypeError) as error:
        # What was not foreseen is not proved.
        reason = f"the check could not be completed: {type(error).__name__}: {str(error)[:200]!a}"
        return Verdict("refused", clock.rule, clock.where, reason)
