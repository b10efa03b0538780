"""Certificates of the statement "time-near-origin": how long the weights stay small, for every delta > 0
(R14).

For a convex loss d|w|^2/dt <= 2 L N(w) <= 2 L M |w|^L, M >= max(0, N) on the unit sphere (L2.1). So |w|^2 <=
C delta^2 up to ln C/(4 M) for L = 2, and up to (1 - C^(1-L/2))/(L (L-2) M delta^(L-2)) for L > 2: all that is
to be proved is M.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..early_direction.largest import largest_ncf
from ..kernel.container import opened
from ..kernel.numbers import root_up
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from ..kkt_points.rules import prove_list

STATEMENT = "time-near-origin"

TIME_ASSUMPTIONS: tuple[str, ...] = (
    "The flow is any gradient flow in continuous time, w' in -(Clarke) grad Loss(w), from any w(0) with "
    "|w(0)| = delta > 0.",
    "The network, the data and the loss are exactly the rational numbers written in this certificate.",
)
"""What the theorem takes for granted; a certificate has to state exactly these sentences."""

_FIELDS = "statement order problem_sha256 assumptions n_max_upper method"
_LIST = "of kkt_status proof points dead_cone n_max_upper"


def check_time(content: Any, clock: Clock) -> Any:
    """The claim, after its one number is proved; or `Refused` (or `Malformed`) with the rule and the place
    (L2.2)."""
    top, problem = opened(content, "evidence", TIME_ASSUMPTIONS, clock)
    claim = top["claim"].fields(_FIELDS)
    claim["order"].same(problem.order)
    claim["problem_sha256"].same(content["problem_sha256"])
    claim["assumptions"].same(list(TIME_ASSUMPTIONS))
    if claim["method"].text("norms", "kkt-points") == "norms":
        top["evidence"].items(0)
        bound = largest_ncf(problem, clock)
    else:
        listed, evidence = top["evidence"].items(2)
        bound = _from_list(problem, listed, evidence, clock)
    claim["n_max_upper"].at_least(bound, "R14")
    return content["claim"]


def _from_list(problem: Problem, listed: Node, evidence: Node, clock: Clock) -> Fraction:
    """R14: the maximum of max(0, N), from a complete list of KKT points of N, or of one neuron n for a sum of
    neurons.
    """
    table = listed.fields(_LIST)
    prove_list(problem, table, evidence, clock)
    table["kkt_status"].same("complete")
    values = [point["value"] for point in table["points"].value]
    # N is 0 on a dead cone; and only max(0, N) is asked for.
    low, high = (
        sign * max([Fraction(0), *(sign * Fraction(value[k]) for value in values)])
        for k, sign in ((0, -1), (1, 1))
    )
    if not problem.shallow:
        return high
    outputs = [
        problem.last * c for layers in problem.layers for c in layers.matrices[1][0] if type(c) is not int
    ]
    if outputs:
        return max(max(c * high, c * low) for c in outputs)
    # v n(w) = v |w|^p n(w/|w|), and v |w|^p is at most this over |v|^2 + |w|^2 = 1.
    p = problem.p
    return max(high, -low) * root_up(Fraction(p**p, (p + 1) ** (p + 1)), 2)
