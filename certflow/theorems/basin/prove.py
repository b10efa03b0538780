"""In whose basin a problem starts: the listed KKT point to which the limit flow from its own w0 converges, with proof (L6.28).

`certify` proves that each block's limit direction is the one KKT point in a trap, a ball of angle r0 (L4.1). A listed KKT
point whose enclosure lies in that ball is therefore the same point, however wide the two enclosures are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.exact import parse_rational
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem
from certflow.running import tick
from certflow.theorems.early_direction.evidence import TrapEvidence
from certflow.theorems.early_direction.prove import Certified

STATEMENT = "basin"
ASSUMPTIONS: tuple[str, ...] = (
    "The flow is the limit flow in continuous time, u' = grad N(u), from u(0) = w0, where w0 is the unit vector of the given "
    "direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this certificate.",
)
"""What a certificate of a basin takes for granted."""

DEAD, ZERO, INCONCLUSIVE = "dead", "zero", "inconclusive"


def basin_claim(certified: Certified) -> dict[str, Any]:
    """The statement about the limit flow alone, delta -> 0, that the groups of a proved theorem carry (L6.28).

    What forces the directions is 0 there, so every bound of the theorem holds, from the same horizon on.
    """
    theorem = certified.claim
    time = theorem["horizon"]["scaled_time"]
    kept = ("index", "weights", "outcome", "reason", "kkt_point", "value", "gap", "angle_at_horizon")
    return {
        "statement": STATEMENT,
        "order": theorem["order"],
        "start_angle": theorem["start_angle"],
        "problem_sha256": theorem["problem_sha256"],
        "assumptions": list(ASSUMPTIONS),
        "blocks": [
            {**{key: block[key] for key in kept}, "horizon": None if block["outcome"] in (ZERO, INCONCLUSIVE) else time}
            for block in theorem["blocks"]
        ],
    }


@dataclass(frozen=True)
class Limit:
    """Where the direction of block `block` of the weights goes under the limit flow from the problem's own w0.

    `entry` is the index in the `points` of the KKT set, None if it is not among them or not proved (then `reason` says
    which). `outcome` is that of the theorem: converges, shrinks, dead, zero or inconclusive. `weights` are the indices, in the
    problem, of those weights that are the listed point up to a positive factor; all other weights of the block are zero.
    """

    block: int
    outcome: str
    entry: int | None
    weights: tuple[int, ...] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entry of `limits` in results."""
        return {
            "block": self.block,
            "outcome": self.outcome,
            "entry": self.entry,
            "weights": list(self.weights),
            "reason": self.reason,
        }


def certified_limits(certified: Certified, kkt: KKTSet) -> list[Limit]:
    """For every block of a certified problem: to which entry of `kkt`, the KKT set of the same problem, it
    flows (L6.28).

    `kkt` may be partial. A point of one neuron is compared with blocks of one neuron, and for order > 2 with limits that
    keep one neuron. No entry is ever guessed: `Limit.entry` is None unless the equality is proved.
    """
    if not certified.claim:
        count = len(certified.problem.blocks) if certified.problem.order == 2 else 1
        return [Limit(j, INCONCLUSIVE, None, reason=certified.reason) for j in range(count)]
    return [
        _limit(certified, kkt, j, block, group.trap)
        for j, (block, group) in enumerate(zip(certified.claim["blocks"], certified.groups, strict=True))
    ]


def _limit(certified: Certified, kkt: KKTSet, j: int, block: dict[str, Any], trap: TrapEvidence | None) -> Limit:
    problem, outcome = certified.problem, block["outcome"]
    parts = {j: problem.blocks[j]} if problem.order == 2 else dict(enumerate(problem.blocks))
    if outcome == INCONCLUSIVE:
        return Limit(j, outcome, None, reason=block["reason"])
    if outcome == ZERO:
        return Limit(j, outcome, None, reason="its weights are zero and stay zero")
    if outcome == DEAD:
        return _dead(_features(problem), kkt, j, list(parts.values()))
    if trap is None:
        raise ValueError("a block that converges has a trap")
    owned = sorted(i for part in parts.values() for i in part)
    size = max((len(entry.point) for entry in kkt.points), default=0)
    weights = tuple(owned)
    if size != len(owned):
        support = block["support"]
        if support is None or len(support) != 1 or len(parts[support[0]]) != size:
            return Limit(j, outcome, None, reason="the listed points have other weights than the support of the limit")
        weights = tuple(sorted(parts[support[0]]))
    values = dict(zip(owned, (parse_rational(v, "centre") for v in block["kkt_point"]["centre"]), strict=True))
    norm2 = sum((v * v for v in values.values()), Fraction(0))
    centre = [values[i] for i in weights]
    radius = parse_rational(block["kkt_point"]["radius"], "radius")
    outside = True
    for k, entry in enumerate(kkt.points):
        tick()
        if entry.continuum is not None and entry.continuum.dimension != 0:
            continue  # None of its points is isolated, so none is in a trap.
        cosine = _cosine(entry, centre, norm2)
        if cosine.greater(Ball(trap.r0, cosine.bits).cos()):
            return Limit(j, outcome, k, weights)
        outside = outside and bool(cosine.less(Ball(radius, cosine.bits).cos()))
    if outside and not kkt.complete:
        return Limit(j, outcome, None, weights, "the limit is none of the listed points; the list is partial")
    return Limit(j, outcome, None, weights, "no listed point is proved to be the limit, or all proved not to be")


def _cosine(entry: KKTPoint, centre: Sequence[Fraction], norm2: Fraction) -> Ball:
    """cos of the angle between a listed point, with zeros in the other weights, and a centre of squared length `norm2`."""
    bits = max(ball.bits for ball in entry.point) + 32
    inner = sum((Ball(c, bits) * v for c, v in zip(centre, entry.point, strict=True)), Ball(0, bits))
    return inner / Ball(norm2, bits).sqrt()


def _features(problem: Problem) -> np.ndarray:
    """What the first trained layer sees (n × d), exact."""
    network = problem.network
    return network.features(problem.X) if isinstance(network, FeedForward) else problem.X


def _dead(X: np.ndarray, kkt: KKTSet, j: int, parts: Sequence[tuple[int, ...]]) -> Limit:
    """The entry that contains the open dead cell: all cells on which every sample is inactive are one and the same."""
    if len(parts) > 1:
        # The block is all of them and stays where it is; the listed set is of one neuron with all others zero.
        return Limit(
            j, DEAD, None, reason="all samples are inactive for each of its neurons, and the listed points have only one"
        )
    (part,) = parts
    for k, entry in enumerate(kkt.points):
        tick()
        if entry.continuum is None or not X.shape[1] <= len(entry.point) <= len(part):
            continue
        slopes = [
            sum((v * c for v, c in zip(entry.point, row, strict=False)), Ball(0, entry.point[0].bits)) for row in X if any(row)
        ]
        if all(slope.sign() == -1 for slope in slopes):
            return Limit(j, DEAD, k, part)
    return Limit(j, DEAD, None, reason="no listed set is proved to contain the cell in which all samples are inactive")
