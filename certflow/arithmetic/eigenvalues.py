"""Verified eigenvalue bounds of symmetric matrices, also on the complement of one direction and by diagonal blocks.

A floating-point Cholesky factor is only a hint: a matrix M is proved positive semidefinite because the row sums of
M - slack I - L L^T, enclosed by midpoint-radius arithmetic, are at most the slack. For a block diagonal M and a direction
W = (W_1, W_2, ...), `v^T M v + s <v, W>^2 >= 0 for all v` follows (L3.5) if all blocks but one, b, have
M_j - W_j W_j^T/tau_j >= 0 and M_b + s/(1 + s tau) W_b W_b^T >= 0, tau the sum of the tau_j.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from certflow.arithmetic.directed import up
from certflow.arithmetic.midpoint_radius import MidRad

_SLACK = 2.0**-40
_BISECTIONS = 45


def symmetric_norm_upper(magnitude: np.ndarray) -> np.ndarray:
    """An upper bound of the spectral norm of every symmetric matrix with entries of size at most `magnitude` (..., k, k).

    The smaller of the Frobenius norm and the largest row sum, rounded upwards.
    """
    terms = 1.0 + (magnitude.shape[-1] ** 2 + 64) * 2.0**-52
    frobenius = np.sqrt(np.sum(magnitude * magnitude, axis=(-2, -1)) * terms) * (1.0 + 2.0**-51)
    rows = np.max(np.sum(magnitude, axis=-1), axis=-1) * terms
    return np.asarray(up(np.minimum(frobenius, rows)))


def is_positive_semidefinite(matrix: np.ndarray, radius: np.ndarray | None = None) -> bool:
    """Whether every symmetric matrix within `radius` (default: exactly) of the float matrix is proved semidefinite."""
    size = float(np.max(np.abs(matrix), initial=0.0))
    slack = _SLACK * (1.0 + size)
    k = matrix.shape[0]
    if not np.isfinite(size):
        return False
    try:
        factor = np.linalg.cholesky(matrix - 2.0 * slack * np.eye(k))
    except np.linalg.LinAlgError:
        return False
    if not np.isfinite(factor).all():
        return False
    L = MidRad.exact(factor)
    M = MidRad(matrix, np.zeros_like(matrix) if radius is None else radius)
    rest = M - L @ L.T - MidRad.exact(2.0 * slack * np.eye(k))
    return bool(np.max(MidRad.exact(rest.magnitude()).sum(axis=1).upper(), initial=0.0) <= 2.0 * slack)


def _plus_rank_one(matrix: np.ndarray, factor: float, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """matrix + factor vector vector^T as midpoints and radii."""
    column = MidRad.exact(vector)
    total = MidRad.exact(matrix) + column[:, None] * column[None, :] * MidRad.exact(np.array(factor))
    return total.mid, total.rad


def block_definite_off_direction(blocks: Sequence[np.ndarray], directions: Sequence[np.ndarray], s: float) -> bool:
    """Whether `sum_j v_j^T M_j v_j + s (sum_j <v_j, W_j>)^2 >= 0` is proved for all v (L3.5), for exact floats and s >= 0."""
    definite = [is_positive_semidefinite(block) for block in blocks]
    if all(definite):
        return True
    if definite.count(False) > 1 or s <= 0:
        return False
    b = definite.index(False)
    tau = 0.0
    for j, (block, direction) in enumerate(zip(blocks, directions, strict=True)):
        if j == b or not direction.any():
            continue
        share = float(direction @ np.linalg.solve(block, direction)) * (1.0 + 2.0**-26) + 2.0**-60
        if not 0 < share < np.inf or not is_positive_semidefinite(
            *_plus_rank_one(block, -float(np.nextafter(1.0 / share, 2.0)), direction)
        ):
            return False
        tau = float(np.nextafter(tau + share, np.inf))
    weight = s / (1.0 + s * tau) * (1.0 - 2.0**-48)
    return is_positive_semidefinite(*_plus_rank_one(blocks[b], weight, directions[b]))


def smallest_shift(
    blocks: Sequence[np.ndarray], directions: Sequence[np.ndarray], losses: Sequence[float], offset: float, ell: float
) -> tuple[float, float]:
    """A proposal (mu, s), nothing proved: about the smallest mu for which the blocks `(mu + ell - loss_j - s offset²) I - A_j`
    are definite off the direction in the sense of `block_definite_off_direction`."""
    values, shares = [], []
    for block, direction, loss in zip(blocks, directions, losses, strict=True):
        eigenvalues, vectors = np.linalg.eigh(block)
        values.append(eigenvalues + loss)
        shares.append((vectors.T @ direction) ** 2)
    lam, weight = np.concatenate(values), np.concatenate(shares)
    order = np.argsort(lam)
    lam, weight = lam[order], weight[order]
    scale = 1.0 + float(np.abs(lam).max())
    # With exactly one negative gap, M + s W W^T is definite iff 1 + s sum(weight/gap) < 0: the root lies above lam[-2].
    s = scale * 2.0 ** np.arange(-4.0, 15.0)
    low, high = np.full(len(s), lam[-2] if len(lam) > 1 else lam[-1] - scale), np.full(len(s), lam[-1])
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        gaps = middle[:, None] - lam
        with np.errstate(divide="ignore", invalid="ignore"):
            definite = 1.0 + s * np.sum(weight / gaps, axis=1) < 0
        high, low = np.where(definite, middle, high), np.where(definite, low, middle)
    cost = high + s * offset**2
    best = int(np.argmin(cost))
    # s = 0 needs every block definite.
    shift, chosen = (high[best], float(s[best])) if cost[best] < lam[-1] else (lam[-1], 0.0)
    return float(shift) + chosen * offset**2 - ell + 1e-8 * (scale + 1e-2 * chosen), chosen
