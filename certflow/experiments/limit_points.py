"""Where each block's limit flow goes, and what the laws of section L1.10 expect there. Approximations.

At a strict KKT point û_j with N_j > 0 the linearised equations of L1.10 say, when ‖w‖ = R first: distance to
û_j ≈ c1 (δ/R)^κ_j + c2 R^L, κ_j = γ_j / (L N_dom), N_dom the largest N of all blocks. The second term is the
answer to the forcing -a_m f_jm, f_jm = P_j Σ_i ω l''(0) h_i(û_m) ∇h_ij(û_j), of blocks m with a_m growing at
the rate L² N_m: a_m (G_j + L² N_m)^(-1) f_jm, with G_j = -(∇²N - L N I) on the tangent space. Its largest
value over all ways of sharing a = R^L among the blocks is the `floor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.base import FLOAT, MPArithmetic
from certflow.kkt.neuron.circle import PlanarKKT
from certflow.networks.correlation import Correlation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.networks.sphere import tangent_basis, tangential_top
from certflow.outcome import Kind
from certflow.problem import Problem

CONVERGES, SHRINKS, DEAD, ZERO, EDGE, NOT_STRICT, UNKNOWN = (
    "converges", "shrinks", "dead", "zero", "edge of a dead cell", "not strict", "unknown",
)  # fmt: skip
NEAR = 1e-2
"""The end of a limit flow is taken to belong to a KKT point this near, in radians."""

APPROACH = 1e-7
SMALLEST_GAP = 1e-9
NEWTON_STEPS = 40


@dataclass(frozen=True)
class BlockLimit:
    """The limit of one block: `outcome`, and unless that is "converges", the `reason` why no law of L1.10
    applies.

    `direction` is û_j (mpmath numbers; enclosed, or from Newton's method), `kkt_index` its place in the
    planar KKT set, `value` N_j, `gap` γ_j, `exponent` κ_j and `floor` c2 R^L in double precision.
    """

    outcome: str
    reason: str = ""
    direction: Sequence[Any] = ()
    kkt_index: int | None = None
    value: float = 0.0
    gap: float = 0.0
    exponent: float = 0.0
    floor: float = 0.0


def distance(context: Any, a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The angle between two unit vectors in radians; the tangent form keeps the digits of small and of
    straight angles.
    """
    minus = context.norm([x - y for x, y in zip(a, b, strict=True)])
    plus = context.norm([x + y for x, y in zip(a, b, strict=True)])
    return 2 * context.atan2(minus, plus)


def limit_points(
    problem: Problem,
    paths: Sequence[Sequence[Sequence[Any]]],
    kkt: PlanarKKT | None,
    number_system: MPArithmetic,
    radius: Fraction,
) -> list[BlockLimit]:
    """The limit of every block, given unit directions along its limit flow (`paths[j]`, zeros for a zero
    block).

    A path ends near its limit; from where it comes decides which side of a kink counts. The limits are
    numbers of `number_system`, in whose precision KKT points are found.
    """
    count = len(paths)
    blocks = [problem.correlation.block(j) if count > 1 else problem.correlation for j in range(count)]
    found = [_limit(N, path, kkt, number_system) for N, path in zip(blocks, paths, strict=True)]
    growing = [j for j, limit in enumerate(found) if limit.outcome == CONVERGES]
    if not growing:
        return found
    fastest = max(found[j].value for j in growing)
    outputs = {j: blocks[j].at(FLOAT, _floats(found[j].direction)).run.outputs for j in growing}
    steepest = float(problem.loss.omega(problem.n) * problem.loss.curvature_bound())
    for j in growing:
        tangent = _Tangent(blocks[j], _floats(found[j].direction), _approach(paths[j], found[j].direction))
        floor = (
            max(tangent.answer(steepest * outputs[m], found[m].value) for m in growing)
            * float(radius) ** problem.order
        )
        found[j] = replace(found[j], exponent=found[j].gap / (problem.order * fastest), floor=floor)
    return found


def _limit(
    N: Correlation, path: Sequence[Sequence[Any]], kkt: PlanarKKT | None, ar: MPArithmetic
) -> BlockLimit:
    end = path[-1]
    if not any(end):
        return BlockLimit(ZERO, "its weights are zero and stay zero")
    if len(end) == 1:
        return BlockLimit(UNKNOWN, "one weight alone has no angle")
    at = N.at(FLOAT, _floats(end))
    if not np.any(at.run.outputs) and not np.any(at.gradient):
        return BlockLimit(DEAD, "it is inactive on all samples and does not move", direction=list(end))
    if kkt is not None and isinstance(N.network, OneLayer):
        found = _enclosed(kkt, end, N.network.signs[0], ar)
    else:
        found = _polished(N, end, ar)
    if found.outcome != CONVERGES:
        return found
    theta = _floats(found.direction)
    gap = _Tangent(N, theta, _approach(path, found.direction)).gap
    if found.value < 0:
        return replace(
            found, outcome=SHRINKS, gap=gap, reason=f"it shrinks: its limit has N = {found.value:.4g} < 0"
        )
    if found.value == 0:
        return replace(found, outcome=EDGE, gap=gap, reason="its limit has N = 0")
    if gap <= SMALLEST_GAP:
        return replace(
            found, outcome=NOT_STRICT, gap=gap, reason=f"its limit is not strict: the gap is {gap:.2g}"
        )
    return replace(found, gap=gap)


def _enclosed(kkt: PlanarKKT, end: Sequence[Any], sign: int, ar: MPArithmetic) -> BlockLimit:
    """The KKT point of the enumerated set that a neuron with this sign has come to."""
    ctx = ar.context
    points = {
        i: [v.midpoint_mpf(ctx) for v in point.point]
        for i, point in enumerate(kkt.points)
        if point.kind != Kind.ARC
    }
    i = min(points, key=lambda i: distance(ctx, end, points[i]), default=None)
    if i is None or distance(ctx, end, points[i]) > NEAR:
        return BlockLimit(
            EDGE, "its limit flow comes to the edge of a dead cell, or had not come to a KKT point yet"
        )
    return BlockLimit(CONVERGES, "", points[i], i, sign * kkt.points[i].value.midpoint_float())


def _polished(N: Correlation, end: Sequence[Any], ar: MPArithmetic) -> BlockLimit:
    """The KKT point near `end`, by Newton's method with gradients in high precision and Hessians in
    double.
    """
    ctx = ar.context
    start = [v / ctx.norm(list(end)) for v in end]
    theta = start
    for _ in range(NEWTON_STEPS):
        gradient = list(N.gradient(ar, np.array(theta, dtype=object)))
        along = ctx.fdot(gradient, theta)
        residual = [g - along * t for g, t in zip(gradient, theta, strict=True)]
        size = ctx.norm(residual)
        if size <= ctx.mpf(10) ** (5 - ar.digits):
            break
        # Scaled to size one, because the residual may be far below the range of doubles.
        step = _Tangent(N, _floats(theta), None).newton_step(_floats([r / size for r in residual]))
        theta = [t + size * ctx.mpf(float(s)) for t, s in zip(theta, step, strict=True)]
        theta = [t / ctx.norm(theta) for t in theta]
    else:
        return BlockLimit(UNKNOWN, "no KKT point was found near the end of its limit flow")
    if distance(ctx, theta, start) > NEAR:
        return BlockLimit(UNKNOWN, "its limit flow had not come near a KKT point yet")
    return BlockLimit(CONVERGES, "", theta, None, float(along) / float(N.order))


class _Tangent:
    """∇²N - L N I on the tangent space at the unit vector `theta`, in double precision; where `theta` is on a
    kink, of the branch on which `theta + toward` lies; `gap` is γ, minus its largest eigenvalue.
    """

    def __init__(self, N: Correlation, theta: np.ndarray, toward: np.ndarray | None) -> None:
        select = None
        if toward is not None:
            cells = N.at(FLOAT, theta + toward).run.cells
            select = lambda layer, _: cells[layer]  # noqa: E731
        self.order, self.at = float(N.order), N.at(FLOAT, theta, select=select)
        self.basis = tangent_basis(theta).T
        hessian = self.at.hessian() - self.order * float(self.at.value) * np.eye(len(theta))
        self.matrix = self.basis.T @ hessian @ self.basis
        self.gap = -tangential_top(hessian, theta)

    def newton_step(self, residual: np.ndarray) -> np.ndarray:
        """The tangent step that removes a tangent `residual` of the gradient."""
        return self.basis @ np.linalg.lstsq(self.matrix, -self.basis.T @ residual, rcond=None)[0]

    def answer(self, residuals: np.ndarray, rate: float) -> float:
        """|(G_j + L² N_m)^(-1) f_jm| for the block m that makes these residuals, and N_m = `rate`."""
        forcing = self.basis.T @ self.at.network.pullback(self.at.run, residuals)
        return float(
            np.linalg.norm(
                np.linalg.solve(self.order**2 * rate * np.eye(len(self.matrix)) - self.matrix, forcing)
            )
        )


def _approach(path: Sequence[Sequence[Any]], limit: Sequence[Any]) -> np.ndarray | None:
    """A small vector from `limit` to where the path comes from; None if it was at its limit all the time."""
    for point in reversed(path):
        difference = _floats([a - b for a, b in zip(point, limit, strict=True)])
        size = float(np.linalg.norm(difference))
        if size >= APPROACH:
            return difference * (APPROACH / size)
    return None


def _floats(values: Sequence[Any]) -> np.ndarray:
    return np.array([float(v) for v in values])
