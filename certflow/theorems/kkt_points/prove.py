"""Which list of KKT points can be certified, and how: with the strongest proof that the checker has a rule
for.

Whether a list is complete the checker finds out for itself, with a bounded number of boxes (R12). Where these
do not decide, for example about flat directions that are dead on both sides of a kink, less is certified, and
that is proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from certflow.kkt.enumerate import kkt_set
from certflow.kkt.points import KKTSet
from certflow.outcome import Inconclusive, Outcome, Status
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.theorems.certified import Certified
from certflow.theorems.kkt_points.claim import Claim
from certflow.theorems.kkt_points.evidence import Evidence, Listed

POINTS = "points"
PROOFS = ("planar", "cover", POINTS)

COMPLETENESS = "R12"
_UNDECIDED = ("nothing is decided", "a cover is checked for at most")
"""How the checker says that it cannot tell. All else that it refuses, a wrong bound for example, is a
fault.
"""


def certify(problem: Problem, progress: Progress | None = None) -> Certified[Claim]:
    """The KKT points of the NCF of a problem; raises as `kkt_set` and `listed`."""
    return listed(problem, kkt_set(problem, progress=progress))


def listed(problem: Problem, kkt: KKTSet, proof: str | None = None) -> Certified[Claim]:
    """The claim about the KKT points `kkt` of the NCF of the problem, and its evidence.

    `proof` is one of `PROOFS`; None takes the strongest one that there is. For sums of neurons the claim is
    about one neuron with output weight 1, whose points those of `kkt` come from. Raises `Inconclusive` with
    the reason if this set has no certificate of this kind.
    """
    work = Listed(problem, kkt)
    if proof is None:
        proof = next(each for each in PROOFS if work.why_not(each) is None or each == PROOFS[-1])
    if proof not in PROOFS:
        raise ValueError(f"proof: {proof!r} is not one of {PROOFS}")
    reason = work.why_not(proof)
    if reason is not None:
        raise Inconclusive(f"there is no certificate of KKT points here: {reason}.")
    points, vectors = (work.planar(), ()) if proof == "planar" else work.centres()
    dead = proof == "cover" and len(work.isolated) < len(work.kkt.points)
    highest = max([point.value[1] for point in points] + [Fraction(0)] * dead)
    claim = Claim(
        problem_sha256=problem.sha256,
        of_neuron=work.shallow,
        status=Status.PARTIAL if proof == POINTS else Status.COMPLETE,
        proof=proof,
        points=points,
        dead_cone=dead,
        n_max_upper=None if proof == POINTS else highest,
    )
    evidence = Evidence(kkt, vectors, None if proof == "planar" else work.units)
    outcome = Outcome.PARTIAL if proof == POINTS else Outcome.PROVED
    return Certified(problem, outcome, evidence=evidence, claim=claim)


def weaker(found: Certified[Claim], fault: Mapping[str, str]) -> Certified[Claim] | None:
    """The single points, if the checker cannot tell whether there are others; None for any other `fault` that
    it finds.
    """
    if found.claim is None or found.claim.status is Status.PARTIAL or not undecided(fault):
        return None
    return listed(found.problem, found.evidence.kkt, POINTS)


def undecided(fault: Mapping[str, str]) -> bool:
    """Whether the checker could not tell if a list is complete."""
    return fault["rule"] == COMPLETENESS and fault["reason"].startswith(_UNDECIDED)
