"""Certificates of the time near the origin: a bound of N on the sphere and what the checker needs to prove it again (R14)."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.certificates import sealed
from certflow.exact import format_rational
from certflow.flow.enclose.parts import parts_of
from certflow.flow.propose.centres import groups_of
from certflow.kkt.points import KKTSet
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.theorems.early_direction.conclude import largest_ncf, rounded
from certflow.theorems.early_direction.groups import Group
from certflow.theorems.kkt_points.certificate import kkt_certificate
from certflow.units import normalised

__all__ = ["ASSUMPTIONS", "STATEMENT", "time_certificate"]

STATEMENT = "time-near-origin"
ASSUMPTIONS = (
    "The flow is any gradient flow in continuous time, w' in -(Clarke) grad Loss(w), from any w(0) with |w(0)| = delta > 0.",
    "The network, the data and the loss are exactly the rational numbers written in this certificate.",
)
_LIST = ("of", "kkt_status", "proof", "points", "dead_cone", "n_max_upper")
_BITS, _DIGITS = 64, 12


def time_certificate(problem: Problem, kkt: KKTSet | None) -> str:
    """The certificate of L2 for the problem, from its KKT set if that is complete and has a certificate, else
    from norms (L2.2).

    Raises `Inconclusive` for networks and losses that certificates do not hold.
    """
    if not isinstance(problem.network, FeedForward) or problem.loss.kind == "custom":
        raise Inconclusive("there is no certificate here: the checker reads feed-forward networks and the built-in losses only.")
    try:
        known = None if kkt is None else json.loads(kkt_certificate(problem, kkt))
    except Inconclusive:
        known = None
    if known is None or known["claim"]["kkt_status"] != "complete":
        scaled, scale = normalised(problem)
        groups = [Group(parts_of(scaled, each)) for each in groups_of(scaled)]
        method, evidence, bound, units = "norms", [], scale.rate * largest_ncf(scaled, groups), scale.to_json()
    else:
        listed = {key: known["claim"][key] for key in _LIST}
        method, evidence, bound = "kkt-points", [listed, known["evidence"]], _largest(problem, problem.network, listed)
        units = known.get("units")
    claim = {
        "statement": STATEMENT,
        "order": problem.order,
        "problem_sha256": problem.sha256,
        "assumptions": list(ASSUMPTIONS),
        "n_max_upper": format_rational(rounded(bound, True, _DIGITS)),
        "method": method,
    }
    own = {"evidence": evidence} if units is None else {"evidence": evidence, "units": units}
    return sealed(problem, ASSUMPTIONS, claim, own)


def _largest(problem: Problem, network: FeedForward, listed: dict[str, Any]) -> Fraction:
    """An upper bound of max(0, N) from the values of a complete list (L2.6, L2.7)."""
    values = [point["value"] for point in listed["points"]]
    high = max([Fraction(0), *(Fraction(value[1]) for value in values)])
    low = min([Fraction(0), *(Fraction(value[0]) for value in values)])
    if listed["of"] == "network":
        return high
    if network.depth in network.given:
        return max(max(c * high, c * low) for c in network.given[network.depth][0])
    p = network.activation.power
    return max(high, -low) * Ball(Fraction(p**p, (p + 1) ** (p + 1)), _BITS).sqrt().upper()
