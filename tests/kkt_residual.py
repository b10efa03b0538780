"""How far an enclosed point is from being KKT, on another route than the enumerations: the tangential
gradient in balls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.networks.correlation import Correlation


def kkt_residual(N: Correlation, point: Sequence[Ball]) -> np.ndarray:
    """Enclosures (size) of `∇N(u) - (∇N(u)·u) u` for the unit vectors u in `point` (size balls).

    Where a kink is not decided the enclosure covers all Clarke selections. At a KKT point of differentiable N
    every entry contains 0 (L6); the converse is false.
    """
    ar = BallArithmetic(max(ball.bits for ball in point))
    u = np.array(point, dtype=object)
    gradient = N.gradient(ar, u)
    return gradient - u * (gradient @ u)
