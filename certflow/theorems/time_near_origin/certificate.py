"""Certificates of the time near the origin: a bound of N, and the list of KKT points that it rests on, if any
(R14).
"""

from __future__ import annotations

from typing import Any

from certflow.certificates import sealed
from certflow.theorems.certified import Certified
from certflow.theorems.time_near_origin.claim import Claim
from certflow.units import normalised


def certificate(found: Certified[Claim]) -> str:
    """The certificate of a bound that was proved."""
    if found.claim is None:
        raise ValueError("nothing was proved")
    rests, units, evidence = found.evidence, normalised(found.problem)[1], list[Any]()
    if rests is not None:
        units, evidence = rests.evidence.units, [rests.claim.list_json(), rests.evidence.to_json()]
    return sealed(found.problem, found.claim, {"evidence": evidence}, units)
