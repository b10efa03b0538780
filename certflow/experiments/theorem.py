"""The uniform theorem of a problem for the main job: put into words, and written as a certificate."""

from __future__ import annotations

from pathlib import Path

from certflow.atomic import write_atomically
from certflow.certificates import write_certificate
from certflow.certifying import Announced, Faulty
from certflow.certifying_kkt import accepted_times
from certflow.kkt.points import KKTSet
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.theorems.early_direction.words import claim_latex, claim_sentence

CERTIFICATE, THEOREM, TIMES = "certificate.json", "theorem.tex", "time-near-origin.json"


def theorem_text(found: Announced) -> str:
    """The theorem in one paragraph, or why there is none."""
    if not found.claim:
        return f"No uniform theorem was proved: {found.reason}"
    missing = f"\n\nNot proved: {found.reason}" if found.outcome == "partial" else ""
    return (
        f"Theorem (L5, proved, and accepted by the independent checker; `certflow check {CERTIFICATE}` proves it again). "
        f"{claim_sentence(found.claim)}{missing}"
    )


def save_times(problem: Problem, kkt: KKTSet | None, folder: Path) -> list[str]:
    """Write the certificate of the time near the origin, if there is one; returns the names of the files.

    Raises `Faulty` if the checker refuses it.
    """
    try:
        text = accepted_times(problem, kkt)
    except Faulty:
        raise
    except Inconclusive:
        return []
    write_certificate(folder / TIMES, text)
    return [TIMES]


def save_theorem(found: Announced, folder: Path) -> list[str]:
    """Write the certificate and the LaTeX theorem; returns the names of the files."""
    if not found.certificate:
        return []
    write_certificate(folder / CERTIFICATE, found.certificate)
    write_atomically(folder / THEOREM, claim_latex(found.claim))
    return [CERTIFICATE, THEOREM]
