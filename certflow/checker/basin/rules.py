"""Certificates of the statement "basin": to which KKT points the limit flow from the initial direction leads
(R13).

The limit flow u' = grad N(u), |u(0)| = 1, is what is left for delta -> 0: the groups of R2 to R6 on the clock
of R5 with no forcing, as for delta_bar = 0. In a trap the distance D from the KKT point then falls for ever,
D' <= -gamma D.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..early_direction.claim import check_fading, check_heading, check_point, scaled_time
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from ..outcomes.fades import check_fades
from ..outcomes.groups import Proved, check_dead, prepare
from ..tube.evidence import Certificate, read
from ..tube.sweep import Sweep, sweep

STATEMENT = "basin"

BASIN_ASSUMPTIONS: tuple[str, ...] = (
    "The flow is the limit flow in continuous time, u' = grad N(u), from u(0) = w0, where w0 is the unit "
    "vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What the theorem takes for granted; a certificate has to state exactly these sentences."""

_FIELDS = "statement order start_angle problem_sha256 assumptions blocks"
_OF_TRAP = "kkt_point value gap angle_at_horizon"
_BLOCK = f"index weights outcome reason horizon {_OF_TRAP}"


def check_basin(content: Any, clock: Clock) -> Any:
    """The claim, after everything it states is proved; or `Refused` (or `Malformed`) with the rule and the
    place (L6.28)."""
    certificate = read(content, clock, BASIN_ASSUMPTIONS)
    claim, problem = certificate.claim.fields(_FIELDS), certificate.problem
    claim["order"].same(problem.order)
    claim["problem_sha256"].same(certificate.problem_sha256)
    claim["assumptions"].same(list(BASIN_ASSUMPTIONS))
    start_angle = claim["start_angle"].rational()
    claim["start_angle"].need(start_angle >= 0, "it is negative")
    proved = prepare(certificate, start_angle, clock)
    swept = sweep([each.runner for each in proved], problem.order, Fraction(0), clock)
    for g, block in enumerate(claim["blocks"].items(len(proved))):
        clock.tick()
        fades = proved[g].group.outcome == "fades"
        fields = block.fields(_BLOCK + (" direction" if fades else ""))
        _check_block(certificate, g, proved[g], swept, fields, clock)
    return content["claim"]


def _check_block(
    certificate: Certificate, g: int, each: Proved, swept: Sweep, block: dict[str, Node], clock: Clock
) -> None:
    """R13 for one block: it is in its trap or dead cell at the horizon, so it stays and converges; the
    numbers are those.
    """
    problem, trap, proposed = certificate.problem, each.trap, each.group.trap
    weights = [w for j in problem.groups[g] for w in problem.indices[j]]
    check_heading(block, g, each, weights)
    if block["horizon"].value is not None:
        block["horizon"].need(each.runner.track is not None, "nothing is proved about this block")
        time = swept.horizon if problem.order == 2 else scaled_time(each, problem.order, clock)[1]
        block["horizon"].at_least(time / problem.rate, "R13")
    if each.group.outcome == "fades":
        angle, still = swept.D[g], Fraction(0)
        phi = check_fades(problem, problem.groups[g][0], each, angle, still, Fraction(1), clock)
        check_fading(block, each, phi)
        return
    if trap is None or proposed is None:
        if each.group.outcome == "dead":
            check_dead(problem, problem.groups[g], each, certificate.grid, clock)
        for name in _OF_TRAP.split():
            block[name].same(None)
        return
    inside = swept.D[g] < trap.r0 - trap.kkt_radius
    block["outcome"].need(inside, "the direction is not proved to be inside its trap", "R13")
    check_point(block["kkt_point"], trap, proposed, weights, certificate.grid)
    block["value"].encloses(*trap.value)
    if block["gap"].value is not None:
        block["gap"].need(len(weights) > 1, "a single weight has no directions between which there is a gap")
        block["gap"].encloses(*trap.gap, open_end=True)
    block["angle_at_horizon"].at_least(swept.D[g], "R13")
