"""Whether a proved KKT point has rank one: yes, no, or not decided, each with its reason (L6.39).

*No*: a 2×2 minor of a hidden matrix excludes 0 on the whole enclosure. *Yes*: a rank-one KKT point that is constructed exactly
lies in the ball in which the proved point is the only KKT point, so it is that point. Floats choose which one to construct.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.kkt.points import KKTPoint
from certflow.kkt.rank_one.construct import Shape
from certflow.kkt.rank_one.points import Construction, Plan, RankOnePoint, Signs
from certflow.kkt.single.enclose import Enclosed, enclose_point
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.running import tick

YES, NO, INCONCLUSIVE = "yes", "no", "inconclusive"

_NEAR = 1e-6
_ZERO = 1e-4


@dataclass(frozen=True, eq=False)
class RankOneAnswer:
    """`answer` is "yes" (then `point` is the rank-one KKT point that it is), "no" or "inconclusive"; `reason` is a sentence."""

    answer: str
    reason: str
    point: RankOnePoint | None = None


def decide_rank_one(
    N: Correlation,
    proved: Enclosed,
    neuron_points: Sequence[KKTPoint] | Mapping[Signs, Sequence[KKTPoint]] = (),
    digits: int = 30,
) -> RankOneAnswer:
    """Whether all hidden matrices of the KKT point `proved` of N, all of whose numbers are exact, have rank one at most.

    "yes" needs the KKT points of the effective neuron, as in `rank_one_points`. Raises `BadInput` as `rank_one_points` does.
    """
    work = Construction(N, digits)
    network = work.network
    matrices = _matrices(network, proved.point.point)
    for layer, matrix in enumerate(matrices[:-1], start=1):
        place = _nonzero_minor(matrix)
        if place is not None:
            rows, columns = place
            return RankOneAnswer(NO, f"the minor of rows {rows} and columns {columns} of layer {layer} is not 0")
    centre = [np.array([[c.midpoint_float() for c in row] for row in matrix]) for matrix in matrices]
    given = neuron_points if isinstance(neuron_points, Mapping) else {(1,) * (network.depth - 2): neuron_points}
    for plan in work.plans({signs: _near(points, centre[0]) for signs, points in given.items()}):
        tick()
        if not _same_numbers(plan, centre):
            continue
        arranged = _arranged(plan, centre, abs(work.tau) == 1, int(np.sign(float(work.tau))) or 1)
        for output in (1, -1):
            point = work.point(arranged, output)
            if contains(proved, point.point):
                return RankOneAnswer(YES, "a rank-one KKT point lies where the proved point is the only one", point)
    return RankOneAnswer(
        INCONCLUSIVE, "no 2×2 minor of a hidden matrix excludes 0, and no rank-one KKT point was found where this point is unique"
    )


def contains(proved: Enclosed, point: Sequence[Ball]) -> bool:
    """Whether all unit vectors in `point` lie in the ball in which `proved` is the only KKT point."""
    bits = max(c.bits for c in point)
    centre = [Ball(Fraction(float(c)), bits) for c in proved.centre]
    length = sum((c.square() for c in centre), Ball(0, bits)).sqrt()
    apart = sum(((a - c / length).square() for a, c in zip(point, centre, strict=True)), Ball(0, bits))
    return apart.upper() <= proved.uniqueness**2


def with_second_order(N: Correlation, point: RankOnePoint) -> RankOnePoint:
    """The point with its kind, inertia and gap, if they can be proved (`enclose_point`); otherwise as it is, with the reason."""
    try:
        proved = enclose_point(N, np.array([c.midpoint_float() for c in point.point]))
    except Inconclusive as error:
        return replace(point, reason=f"rank one; {error}")
    if not contains(proved, point.point):
        return point
    known = proved.point
    return replace(point, kind=known.kind, inertia=known.inertia, gap=known.gap, reason="rank one")


def _matrices(network: FeedForward, point: Sequence[Ball]) -> list[list[list[Ball]]]:
    found, values = [], iter(point)
    for rows, columns in zip(network.widths[1:], network.widths[:-1], strict=True):
        found.append([[next(values) for _ in range(columns)] for _ in range(rows)])
    return found


def _nonzero_minor(matrix: list[list[Ball]]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Rows and columns (from 1) of a minor that excludes 0, among those with the largest entry."""
    rows, columns = range(len(matrix)), range(len(matrix[0]))
    r, c = max(((i, j) for i in rows for j in columns), key=lambda at: abs(matrix[at[0]][at[1]].mid()))
    for i in rows:
        for j in columns:
            if i != r and j != c and not (matrix[r][c] * matrix[i][j] - matrix[r][j] * matrix[i][c]).contains(0):
                return (r + 1, i + 1), (c + 1, j + 1)
    return None


# -- floats that choose what is constructed ----------------------------------------------------------------------------


def _near(given: Sequence[KKTPoint], first: np.ndarray) -> list[KKTPoint]:
    """The points of the neuron along the rows of the first layer, in either direction."""
    row = max(first, key=np.linalg.norm)
    cosines = (abs(np.dot([c.midpoint_float() for c in p.point], row)) / np.linalg.norm(row) for p in given)
    return [p for p, cosine in zip(given, cosines, strict=True) if p.continuum is not None or cosine > 1.0 - _NEAR]


def _row_lengths(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.norm(matrix, axis=1)


def _same_numbers(plan: Plan, centre: list[np.ndarray]) -> bool:
    """Whether as many neurons are at 0 in each hidden layer."""
    for shape, matrix in zip(plan.shapes, centre, strict=False):
        lengths = _row_lengths(matrix)
        if np.sum(lengths > _ZERO * lengths.max()) != sum(map(abs, shape.codes)):
            return False
    return True


def _arranged(plan: Plan, centre: list[np.ndarray], reversible: bool, sign: int) -> Plan:
    """The plan with its neurons in the order of those of the centre; |τ| = 1: also reversed like them."""
    b = np.array([c.midpoint_float() for c in plan.start.point])
    shapes = []
    for shape, matrix in zip(plan.shapes, centre, strict=False):
        entries = matrix @ b
        if reversible:
            lengths = _row_lengths(matrix)
            codes = tuple(int(np.sign(e)) if n > _ZERO * lengths.max() else 0 for e, n in zip(entries, lengths, strict=True))
            shapes.append(Shape(codes, shape.ratio, sign, 1))
        else:
            places = np.argsort(np.argsort(-entries, kind="stable"))
            sorted_codes = sorted(shape.codes, reverse=True)
            shapes.append(Shape(tuple(sorted_codes[place] for place in places), shape.ratio, shape.flip, shape.lead))
        size = {1: 1.0, -1: shapes[-1].ratio.ball.midpoint_float(), 0: 0.0}
        flips = {1: shapes[-1].lead, -1: shapes[-1].lead * shapes[-1].flip, 0: 0}
        b = np.array([size[c] * flips[c] for c in shapes[-1].codes])
        b /= np.linalg.norm(b)
    return Plan(plan.start, tuple(shapes), plan.entry)
