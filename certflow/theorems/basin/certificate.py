"""Certificates of the limit flow: the evidence of the theorem that it is taken from, with its own claim."""

from __future__ import annotations

from certflow.theorems.basin.claim import Claim
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.certificate import certificate_text


def certificate(found: Certified[Claim]) -> str:
    """The certificate of what was proved."""
    if found.claim is None:
        raise ValueError("nothing was proved")
    return certificate_text(found.problem, found.evidence, found.claim)
