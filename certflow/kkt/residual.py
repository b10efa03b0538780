"""How far an enclosed point is from being KKT: the tangential gradient P∇N, in balls."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.one_hidden_layer import OneLayer


def kkt_residual(N: Correlation, point: Sequence[Ball]) -> np.ndarray:
    """Enclosures (size) of `∇N(u) - (∇N(u)·u) u` for the unit vectors u in `point` (size balls).

    Where a kink is not decided the enclosure covers all Clarke selections. At a KKT point of differentiable N every
    entry contains 0 (L6); the converse is false.
    """
    ar = BallArithmetic(max(ball.bits for ball in point))
    u = np.array(point, dtype=object)
    gradient = N.gradient(ar, u)
    return gradient - u * (gradient @ u)


def planar_residual(X: Any, z: Any, alpha: Fraction, point: Sequence[Ball]) -> np.ndarray:
    """`kkt_residual` of one neuron of power 2 in the plane: the check of `planar_kkt`, on another route (n >= 1)."""
    neuron = OneLayer(2, 1, Activation(Fraction(alpha), 2))
    return kkt_residual(Correlation(neuron, X, z), point)
