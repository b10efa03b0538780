"""Certificates of the early direction with power 1: what the prover proposes, from which the checker
recomputes the limit flow, and the claim.
"""

from __future__ import annotations

from certflow.certificates import sealed
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction_power_1.claim import Claim
from certflow.units import normalised


def certificate(found: Certified[Claim]) -> str:
    """The certificate of a theorem that was proved; its evidence is one JSON object in the units of
    `normalised` (L11).
    """
    if found.claim is None:
        raise ValueError("nothing was proved")
    return sealed(
        found.problem, found.claim, {"evidence": [found.evidence.record]}, normalised(found.problem)[1]
    )
