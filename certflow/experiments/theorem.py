"""The uniform theorem of a problem for the main job: certified, put into words, and written as a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certflow.atomic import write_atomically
from certflow.certificates import certificate_text, sha256, write_certificate
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.claim_text import claim_latex, claim_sentence
from certflow.theorems.convergence import Certified, certify

CERTIFICATE, THEOREM = "certificate.json", "theorem.tex"


@dataclass(frozen=True)
class Theorem:
    """What was certified, and the text of its certificate (empty if there is none)."""

    certified: Certified
    certificate: str

    def text(self) -> str:
        """The theorem in one paragraph, or why there is none."""
        found = self.certified
        if not found.claim:
            return f"No uniform theorem was proved: {found.reason}"
        missing = f"\n\nNot proved: {found.reason}" if found.outcome == "partial" else ""
        return f"Theorem (L5, proved; `certflow check {CERTIFICATE}` proves it again). {claim_sentence(found.claim)}{missing}"

    def record(self) -> dict[str, Any]:
        """The entry of results.json."""
        found = self.certified
        return {
            "outcome": found.outcome,
            "reason": found.reason,
            "certificate": CERTIFICATE if self.certificate else None,
            "sha256": sha256(self.certificate) if self.certificate else None,
            "claim": found.claim or None,
        }

    def save(self, folder: Path) -> list[str]:
        """Write the certificate and the LaTeX theorem; returns the names of the files."""
        if not self.certificate:
            return []
        write_certificate(folder / CERTIFICATE, self.certificate)
        write_atomically(folder / THEOREM, claim_latex(self.certified.claim))
        return [CERTIFICATE, THEOREM]


def theorem_of(problem: Problem, progress: Progress | None = None) -> Theorem:
    """The uniform theorem of a problem with its own epsilon; a theorem that cannot be proved is a result, not an error."""
    if problem.loss.kind == "custom":
        return Theorem(Certified(problem, "inconclusive", reason="certificates hold the square and the logistic loss only."), "")
    certified = certify(problem, progress=progress)
    text = certificate_text(problem, certified.groups, certified.claim) if certified.claim else ""
    return Theorem(certified, text)
