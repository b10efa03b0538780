"""The largest tangential eigenvalue at an enclosed KKT point u, to the precision of u, by a residual in balls
(L6).

`B = H - μ - (L - 2) μ uuᵀ + τ uuᵀ` is symmetric with the eigenvalues of the tangential Hessian and τ. Let the
p columns of V satisfy `‖(B - θ)V‖ <= R` (Frobenius) and `‖VᵀV - I‖ <= ε < 1`. Every Vy is at least `(1 - ε)^½
|y|` long and has `|(B - θ)Vy| <= R |y|`, so by minimax for (B - θ)² at least p eigenvalues of B are within `ρ
= R (1 - ε)^-½` of θ. If all others are known to be further away, these are the p.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.kkt.single.polish import rounded
from certflow.kkt.single.spectrum import Spectrum
from certflow.networks.correlation import Correlation
from certflow.running import tick

_CLUSTER = 1e-7
_WORK = 60_000
"""Columns times samples times weights that are multiplied by a Hessian in balls."""

_MOST_STEPS = 3


def sharpened(
    N: Correlation,
    point: Sequence[Ball],
    coarse: Spectrum,
    spread: Fraction,
    place: int,
    tau: Fraction,
    tolerance: Fraction,
    ar: BallArithmetic,
) -> Ball | None:
    """The eigenvalue of B at the sorted place `place` (from the bottom), or None if it is not separated or
    too much work (L6.26).

    `point` encloses u (k balls); the i-th eigenvalue of B is proved within `spread` of `coarse.values[i]`,
    and its `vectors` are approximate eigenvectors.
    """
    values = coarse.values
    size = float(np.max(np.abs(values)))
    near = np.flatnonzero(np.abs(values - values[place]) <= _CLUSTER * size)
    k, p = len(values), len(near)
    if near[-1] != place or p * k * len(N.z) > _WORK:
        return None
    bits, order = ar.bits, Fraction(N.order)
    u = np.array(point, dtype=object)
    nearly = Ball.interval(Fraction(-1, 4**bits), Fraction(1, 4**bits), bits)

    def both_sides(layer: int, arguments: Any) -> Any:
        # On a kink the Hessian has the values of all sides, also where its argument is known to be exactly 0.
        return N.network.select_by_sign(ar, layer, arguments + nearly, Fraction(0))

    at = N.at(ar, u, select=both_sides)
    mu = at.gradient @ u

    def shifted(columns: np.ndarray, theta: Fraction) -> np.ndarray:
        """(B - θ) of the exact vectors in the rows of `columns`, as rows."""
        rows = ar.array(columns)
        radial = (rows @ u) * (-mu * (order - 2) + tau)
        result: np.ndarray = at.hessian(columns) - rows * (mu + theta) + radial[:, None] * u[None, :]
        return result

    far = np.setdiff1d(np.arange(k), near)
    others = coarse.vectors[:, far]
    columns = np.array(
        [[Fraction(float(v)) for v in column] for column in coarse.vectors[:, near].T], dtype=object
    )
    theta = Fraction(float(values[place]))
    for left in range(_MOST_STEPS, -1, -1):
        tick()
        rest = shifted(columns, theta)
        residual = sum((v.square() for v in rest.ravel()), Ball(0, bits)).maximum(0).sqrt()
        if left == 0 or residual.upper() <= tolerance:
            break
        theta += (rest[-1] @ ar.array(columns[-1])).mid() / sum(v * v for v in columns[-1])
        theta = rounded(theta, bits)
        slopes = np.array([[v.midpoint_float() for v in row] for row in rest])
        moves = ((slopes @ others) / (values[far] - values[place])) @ others.T
        columns = columns - np.array([[Fraction(float(m)) for m in move] for move in moves], dtype=object)
        columns = np.array([[rounded(v, bits) for v in column] for column in columns], dtype=object)
    rows = ar.array(columns)
    deviation = rows @ rows.T - ar.array(np.eye(p, dtype=int).astype(object))
    epsilon = max(sum((abs(v).upper() for v in row), Fraction(0)) for row in deviation)
    if epsilon >= Fraction(1, 2):
        return None
    rho = (residual / Ball(1 - epsilon, bits).sqrt()).upper()
    below = all(Fraction(float(values[i])) + spread < theta - rho for i in far if i < place)
    above = all(Fraction(float(values[i])) - spread > theta + rho for i in far if i > place)
    return Ball.interval(theta - rho, theta + rho, bits) if below and above else None
