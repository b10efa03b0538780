"""In whose basin a problem starts: the listed KKT point to which the limit flow from its own w0 converges,
with proof (L6.28).

`certify` proves that each block's limit direction is the one KKT point in a trap, a ball of angle r0 (L4.1).
A listed KKT point whose enclosure lies in that ball is therefore the same point, however wide the two
enclosures are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Fate, Inconclusive
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import tick
from certflow.theorems.basin.claim import Claim
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction import claim as early_direction
from certflow.theorems.early_direction import prove
from certflow.theorems.early_direction.claim import Block
from certflow.theorems.early_direction.evidence import TrapEvidence


def certify(
    problem: Problem, epsilon: Any = None, start_angle: Any = 0, progress: Progress | None = None
) -> Certified[Claim]:
    """Where the limit flow goes from every direction within `start_angle`; raises as that of the early
    direction.
    """
    return limit_flow(prove.certify(problem, epsilon, start_angle, progress))


def limit_flow(theorem: Certified[early_direction.Claim]) -> Certified[Claim]:
    """What a theorem about small delta says about the limit flow, delta -> 0. Raises `Inconclusive` for a
    theorem about kinks, whose limit flow the checker follows by itself, for one about a continuum or an
    exactly symmetric start, and for an expression.
    """
    _require_curves(theorem)
    if isinstance(theorem.problem.network, Expression):
        raise Inconclusive(
            "there is no certificate of basins here: the checker reads feed-forward networks only; certify "
            "the problem for its early direction."
        )
    if theorem.claim is not None and theorem.claim.of(Fate.CONTINUUM):
        raise Inconclusive(
            "the limit is one of a continuum of KKT points, and the theorem itself states to which of them "
            "the limit flow converges; certify the problem to see it."
        )
    if theorem.claim is not None and any(block.within for block in theorem.claim.blocks):
        raise Inconclusive(
            "the start is exactly symmetric, and the theorem is about directions with its symmetry only; "
            "certify the problem to see it."
        )
    if theorem.claim is not None and any(block.silent for block in theorem.claim.blocks):
        raise Inconclusive(
            "some samples stay inactive for a block, and the theorem is about directions at which they are; "
            "certify the problem to see it."
        )
    claim = None if theorem.claim is None else Claim.of(theorem.claim)
    return Certified(
        theorem.problem,
        theorem.outcome,
        theorem.reason,
        theorem.stopped_at,
        theorem.proved_until,
        theorem.try_,
        theorem.evidence,
        claim,
    )


@dataclass(frozen=True)
class Destination:
    """Where the direction of block `block` of the weights goes under the limit flow from the problem's own
    w0.

    `entry` is the index in the `points` of the KKT set, None if it is not among them or not proved (then
    `reason` says which). `outcome` is that of the theorem.
    `weights` are the indices, in the problem, of those weights that are the listed point up to a positive
    factor; all other weights of the block are zero.
    """

    block: int
    outcome: Fate
    entry: int | None
    weights: tuple[int, ...] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entry of `limits` in results."""
        return {
            "block": self.block,
            "outcome": str(self.outcome),
            "entry": self.entry,
            "weights": list(self.weights),
            "reason": self.reason,
        }


def certified_limits(certified: Certified[early_direction.Claim], kkt: KKTSet) -> list[Destination]:
    """For every block of a certified problem: to which entry of `kkt`, the KKT set of the same problem, it
    flows (L6.28).

    `kkt` may be partial. A point of one neuron is compared with blocks of one neuron, and for order > 2 with
    limits that keep one neuron. No entry is ever guessed: `Limit.entry` is None unless the equality is
    proved. Raises `Inconclusive` for a theorem about kinks.
    """
    _require_curves(certified)
    if certified.claim is None:
        count = len(certified.problem.blocks) if certified.problem.order == 2 else 1
        return [Destination(j, Fate.INCONCLUSIVE, None, reason=certified.reason) for j in range(count)]
    return [
        _limit(certified.problem, kkt, j, block, group.trap)
        for j, (block, group) in enumerate(zip(certified.claim.blocks, certified.evidence, strict=True))
    ]


def _require_curves(theorem: Certified[early_direction.Claim]) -> None:
    claim = theorem.claim
    if claim is not None and claim.statement != early_direction.Claim.statement:
        raise Inconclusive(
            f"the theorem is {claim.statement}, which states the KKT point of every neuron itself; certify "
            f"the problem to see it."
        )


def _limit(problem: Problem, kkt: KKTSet, j: int, block: Block, trap: TrapEvidence | None) -> Destination:
    outcome = block.outcome
    written = isinstance(problem.network, Expression)
    parts = {j: problem.blocks[j]} if problem.order == 2 else dict(enumerate(problem.blocks))
    if written and problem.order > 2:
        parts = {0: tuple(range(problem.network.size))}
    if outcome in (Fate.INCONCLUSIVE, Fate.FOLLOWED):
        return Destination(j, outcome, None, reason=block.reason)
    if outcome is Fate.EXACT_START:
        # Others may lie in the region about it.
        return Destination(j, outcome, None, reason="it starts exactly at a KKT point, and stays there")
    if outcome is Fate.ZERO:
        return Destination(j, outcome, None, reason="its weights are zero and stay zero")
    if outcome is Fate.CONTINUUM:
        return Destination(j, outcome, None, reason="its limit is one of a continuum of KKT points")
    if outcome is Fate.FADES:
        return Destination(
            j,
            outcome,
            None,
            reason="it comes near a direction at which no sample acts, which is not isolated",
        )
    if outcome is Fate.DEAD and written:
        return Destination(j, outcome, None, reason="no sample acts on it, and its weights stay")
    if outcome is Fate.DEAD:
        return _dead(_features(problem), kkt, j, list(parts.values()))
    if block.within or block.silent:
        # Others may lie in the region about it.
        only = (
            "with the symmetry of the start" if block.within else "at which its silent samples are inactive"
        )
        reason = f"its limit is known among directions {only} only"
        return Destination(j, outcome, None, reason=reason)
    if trap is None or block.kkt_point is None:
        raise ValueError("a block that converges has a trap")
    owned = sorted(i for part in parts.values() for i in part)
    size = max((len(entry.point) for entry in kkt.points), default=0)
    weights = tuple(owned)
    if size != len(owned):
        support = block.support
        if support is None or len(support) != 1 or len(parts[support[0]]) != size:
            return Destination(
                j, outcome, None, reason="the listed points have other weights than the support of the limit"
            )
        weights = tuple(sorted(parts[support[0]]))
    values = dict(zip(owned, block.kkt_point.centre, strict=True))
    norm2 = sum((v * v for v in values.values()), Fraction(0))
    centre = [values[i] for i in weights]
    outside = True
    for k, entry in enumerate(kkt.points):
        tick()
        if entry.continuum is not None and entry.continuum.dimension != 0:
            continue  # None of its points is isolated, so none is in a trap.
        cosine = _cosine(entry, centre, norm2)
        if cosine.greater(Ball(trap.r0, cosine.bits).cos()):
            return Destination(j, outcome, k, weights)
        outside = outside and bool(cosine.less(Ball(block.kkt_point.radius, cosine.bits).cos()))
    if outside and not kkt.complete:
        return Destination(
            j, outcome, None, weights, "the limit is none of the listed points; the list is partial"
        )
    return Destination(
        j, outcome, None, weights, "no listed point is proved to be the limit, or all proved not to be"
    )


def _cosine(entry: KKTPoint, centre: Sequence[Fraction], norm2: Fraction) -> Ball:
    """cos of the angle between a listed point, with zeros in the other weights, and a centre of squared
    length `norm2`.
    """
    bits = max(ball.bits for ball in entry.point) + 32
    inner = sum((Ball(c, bits) * v for c, v in zip(centre, entry.point, strict=True)), Ball(0, bits))
    return inner / Ball(norm2, bits).sqrt()


def _features(problem: Problem) -> np.ndarray:
    """What the first trained layer sees (n × d), exact."""
    network = problem.network
    return network.features(problem.X) if isinstance(network, FeedForward) else problem.X


def _dead(X: np.ndarray, kkt: KKTSet, j: int, parts: Sequence[tuple[int, ...]]) -> Destination:
    """The entry that contains the open dead cell: all cells on which every sample is inactive are one and the
    same.
    """
    if len(parts) > 1:
        # The block is all of them and stays where it is; the listed set is of one neuron with all others
        # zero.
        return Destination(
            j,
            Fate.DEAD,
            None,
            reason="all samples are inactive for each of its neurons, and the listed points have only one",
        )
    (part,) = parts
    for k, entry in enumerate(kkt.points):
        tick()
        if entry.continuum is None or not X.shape[1] <= len(entry.point) <= len(part):
            continue
        slopes = [
            sum((v * c for v, c in zip(entry.point, row, strict=False)), Ball(0, entry.point[0].bits))
            for row in X
            if any(row)
        ]
        if all(slope.sign() == -1 for slope in slopes):
            return Destination(j, Fate.DEAD, k, part)
    return Destination(
        j,
        Fate.DEAD,
        None,
        reason="no listed set is proved to contain the cell in which all samples are inactive",
    )
