"""The bound of N that a certificate of the time near the origin states, with the strongest proof that there
is.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.flow.enclose.parts import parts_of
from certflow.flow.propose.centres import groups_of
from certflow.kkt.enumerate import kkt_set
from certflow.kkt.points import KKTSet
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive, Outcome, Status
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.conclude import rounded
from certflow.theorems.early_direction.groups import GroupProof
from certflow.theorems.early_direction.largest import largest_ncf
from certflow.theorems.kkt_points import claim as kkt_points
from certflow.theorems.kkt_points.prove import listed, undecided
from certflow.theorems.time_near_origin.claim import Claim
from certflow.units import normalised

_BITS, _DIGITS = 64, 12


def certify(problem: Problem, progress: Progress | None = None) -> Certified[Claim]:
    """How long weights stay small, from all KKT points if they can be enumerated; raises as `bounded`."""
    try:
        kkt = kkt_set(problem, progress=progress)
    except Inconclusive:
        kkt = None
    return bounded(problem, kkt)


def bounded(problem: Problem, kkt: KKTSet | None) -> Certified[Claim]:
    """The bound of N from the KKT set of the problem, if that is complete and has a certificate, else from
    norms (L2.2).

    The evidence is the list of KKT points, None for norms. Raises `Inconclusive` for networks and losses that
    certificates do not hold.
    """
    network = problem.network
    if not isinstance(network, FeedForward) or problem.loss.kind == "custom":
        raise Inconclusive(
            "there is no certificate here: the checker reads feed-forward networks and the built-in losses "
            "only."
        )
    try:
        known = None if kkt is None else listed(problem, kkt)
    except Inconclusive:
        known = None
    if known is not None and known.claim is not None and known.claim.status is Status.COMPLETE:
        method, bound = "kkt-points", _largest(problem, network, known.claim)
    else:
        scaled, units = normalised(problem)
        groups = [GroupProof(parts_of(scaled, each)) for each in groups_of(scaled)]
        method, bound, known = "norms", units.rate * largest_ncf(scaled, groups), None
    claim = Claim(problem.order, problem.sha256, rounded(bound, True, _DIGITS), method)
    return Certified(problem, Outcome.PROVED, evidence=known, claim=claim)


def weaker(found: Certified[Claim], fault: Mapping[str, str]) -> Certified[Claim] | None:
    """The bound by norms, if the checker cannot prove that the list of KKT points is complete; else None."""
    return bounded(found.problem, None) if found.evidence is not None and undecided(fault) else None


def _largest(problem: Problem, network: FeedForward, listed: kkt_points.Claim) -> Fraction:
    """An upper bound of max(0, N) from the values of a complete list (L2.6, L2.7)."""
    high = max([Fraction(0), *(point.value[1] for point in listed.points)])
    low = min([Fraction(0), *(point.value[0] for point in listed.points)])
    if not listed.of_neuron:
        return high
    if network.depth in network.given:
        return max(max(c * high, c * low) for c in network.given[network.depth][0])
    p = network.activation.power
    return max(high, -low) * Ball(Fraction(p**p, (p + 1) ** (p + 1)), _BITS).sqrt().upper()
