"""The uniform theorem of a problem for the main job: put into words, and written as a certificate."""

from __future__ import annotations

from pathlib import Path

from certflow.atomic import write_atomically
from certflow.certificates import Claim, write_certificate
from certflow.certifying import Faulty, Theorem, accepted
from certflow.kkt.points import KKTSet
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.theorems.registry import theorem
from certflow.theorems.setting import BIBLIOGRAPHY
from certflow.theorems.time_near_origin.prove import bounded

CERTIFICATE, THEOREM, TIMES = "certificate.json", "theorem.tex", "time-near-origin.json"
REFERENCES = "references.bib"


def theorem_text(found: Theorem, folder: Path | None = None) -> str:
    """The theorem in one paragraph and the `folder` with its certificate, or why there is none."""
    if found.claim is None:
        return f"No uniform theorem was proved: {found.reason}"
    files = f"{CERTIFICATE}, {THEOREM}" if _on_paper(found.claim) else CERTIFICATE
    where = "" if folder is None else f"\n\nWritten to {folder}: {files}"
    said = f"Theorem ({found.claim.lemma}), proved, and accepted by the independent checker."
    return f"{said}\n{found}{where}"


def _on_paper(claim: Claim) -> bool:
    """Whether there is a LaTeX theorem of the statement."""
    return theorem(claim.statement).part("paper") is not None


def save_times(problem: Problem, kkt: KKTSet | None, folder: Path) -> list[str]:
    """Write the certificate of the time near the origin, if there is one; returns the names of the files.

    Raises `Faulty` if the checker refuses it.
    """
    try:
        _, text = accepted(bounded(problem, kkt))
    except Faulty:
        raise
    except Inconclusive:
        return []
    write_certificate(folder / TIMES, text)
    return [TIMES]


def save_theorem(found: Theorem, folder: Path) -> list[str]:
    """Write the certificate and, if there is one, the LaTeX theorem; returns the names of the files."""
    if found.claim is None or not found.certificate:
        return []
    write_certificate(folder / CERTIFICATE, found.certificate)
    if not _on_paper(found.claim):
        return [CERTIFICATE]
    write_atomically(folder / THEOREM, found.latex())
    write_atomically(folder / REFERENCES, BIBLIOGRAPHY)
    return [CERTIFICATE, THEOREM, REFERENCES]
