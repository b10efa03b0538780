"""Certificates of KKT points: the list, and the test vectors that the checker proves it with (rules R10 to
R12).
"""

from __future__ import annotations

from certflow.certificates import sealed
from certflow.theorems.certified import Certified
from certflow.theorems.kkt_points.claim import Claim


def certificate(found: Certified[Claim]) -> str:
    """The certificate of a list that was proved."""
    if found.claim is None:
        raise ValueError("nothing was proved")
    return sealed(found.problem, found.claim, {"evidence": found.evidence.to_json()}, found.evidence.units)
