"""Certificates of the statement "kkt-points": the list of KKT points and their proof (R10 to R12)."""

from __future__ import annotations

from typing import Any

from ..kernel.container import opened
from ..kernel.numbers import fraction
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from .cover import DeadCone, check_cover
from .planar import check_planar
from .points import check_points

STATEMENT = "kkt-points"

KKT_ASSUMPTIONS: tuple[str, ...] = (
    "The network and the data are exactly the rational numbers written in this certificate.",
)
"""What the list takes for granted; a certificate has to state exactly these sentences."""

_FIELDS = "statement problem_sha256 of kkt_status proof points dead_cone n_max_upper assumptions"


def check_kkt(content: Any, clock: Clock) -> Any:
    """The claim, after everything it states is proved; or `Refused` (or `Malformed`) with the rule and the
    place (L6.27)."""
    top, problem = opened(content, "evidence", KKT_ASSUMPTIONS, clock)
    claim = top["claim"].fields(_FIELDS)
    claim["problem_sha256"].same(content["problem_sha256"])
    claim["assumptions"].same(list(KKT_ASSUMPTIONS))
    prove_list(problem, claim, top["evidence"], clock)
    return content["claim"]


def prove_list(problem: Problem, claim: dict[str, Node], evidence: Node, clock: Clock) -> None:
    """Prove what the entries `of`, `kkt_status`, `proof`, `points`, `dead_cone` and `n_max_upper` of a claim
    state.
    """
    claim["of"].same("neuron" if problem.shallow else "network")
    clock.enter("R9", "claim")
    proof = claim["proof"].text("planar", "points", "cover")
    claim["kkt_status"].same("partial" if proof == "points" else "complete")
    dead = claim["dead_cone"].flag()
    claim["dead_cone"].need(proof == "cover" or not dead, "it is proved by a cover only", "R12")
    if proof == "planar":
        evidence.items(0)
        check_planar(problem, claim["points"], claim["n_max_upper"], clock)
        return
    field, points, values = check_points(problem, claim["points"], evidence, clock)
    if proof == "points":
        claim["n_max_upper"].same(None)
        return
    cone = DeadCone(problem, claim["dead_cone"], clock) if dead else None
    check_cover(field, points, cone, claim["points"], clock)
    # N attains its maximum on the sphere at a KKT point; it is 0 on the dead cone.
    claim["n_max_upper"].at_least(field.rate * max(map(fraction, [*values, 0] if dead else values)), "R12")
