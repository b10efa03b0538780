"""Certificates that a limit flow branches: the polygons up to where two solutions part, and their
velocities.
"""

from __future__ import annotations

from certflow.certificates import sealed
from certflow.theorems.branches.claim import Claim
from certflow.theorems.certified import Certified
from certflow.units import normalised


def certificate(found: Certified[Claim]) -> str:
    """The certificate of what was proved."""
    if found.claim is None:
        raise ValueError("nothing was proved")
    return sealed(found.problem, found.claim, {"evidence": [found.evidence]}, normalised(found.problem)[1])
