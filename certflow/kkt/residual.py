"""How far an enclosed point is from being KKT: the tangential gradient P∇N, in balls."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.one_hidden_layer import OneLayer


def kkt_residual(network: Network, X: Any, z: Any, point: Sequence[Ball]) -> np.ndarray:
    """Enclosures (size) of `∇N(u) - (∇N(u)·u) u`, N = Σ z_i H_i, for the unit vectors u in `point` (size balls).

    X (n × inputs) and z (n) are exact. Where a kink is not decided the enclosure covers all Clarke selections. At a
    KKT point of differentiable N every entry contains 0 (L6); the converse is false.
    """
    ar = BallArithmetic(max(ball.bits for ball in point))
    u = np.array(point, dtype=object)
    run = network.forward(ar, u, ar.array(X))
    gradient = network.pullback(run, ar.array(z))
    return gradient - u * (gradient @ u)


def planar_residual(X: Any, z: Any, alpha: Fraction, point: Sequence[Ball]) -> np.ndarray:
    """`kkt_residual` of one neuron of power 2 in the plane: the check of `planar_kkt`, on another route (n >= 1)."""
    neuron = OneLayer(2, 1, Activation(Fraction(alpha), 2))
    return kkt_residual(neuron, X, z, point)
