"""Verified eigenvalue bounds of symmetric matrices, also on the complement of one direction and by diagonal
blocks.

A floating-point Cholesky factor is only a hint: a matrix M is proved positive semidefinite because the row
sums of M - slack I - L L^T, enclosed by midpoint-radius arithmetic, are at most the slack. For a block
diagonal M and a direction W = (W_1, W_2, ...), `v^T M v + s <v, W>^2 >= 0 for all v` follows (L3.6) if all
blocks but one, b, have M_j - W_j W_j^T/tau_j >= 0 and M_b + s/(1 + s tau) W_b W_b^T >= 0, tau the sum of the
tau_j: with x = <v_b, W_b> and y the sum of the other <v_j, W_j>, the form is at least y^2/tau + s (x + y)^2 -
s x^2/(1 + s tau) >= 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from certflow.arithmetic.directed import sum_up, up
from certflow.arithmetic.doubles import TINY, doubles
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.running import tick

_SLACK = 2.0**-39
"""The slack of a proof, relative to the largest entry."""

_LEAST_SLACK = 2.0**-480
"""More than the square root of `TINY`, by which norms of zeros are rounded up."""

_PLACES = np.concatenate(
    [np.geomspace(1e-9, 0.02, 24), np.linspace(0.05, 0.9, 24), 1.0 - np.geomspace(0.08, 1e-9, 32)]
)
"""Where between two eigenvalues a shift is tried, as fractions of their distance: denser at both."""

_REFINEMENTS = 3
_BISECTIONS = 56
_DIRECTION_BITS = 12

_ROUGH = 2.0**-20
"""What a largest eigenvalue is raised by, relative to the norm: more than a checker misses that looks for it
by bisection.
"""

_MARGIN = 1e-9
"""What a proposed shift adds, relative to all sizes involved, so that its proof succeeds: many times
`_SLACK`.
"""


def symmetric_norm_upper(magnitude: np.ndarray) -> np.ndarray:
    """An upper bound of the spectral norm of every symmetric matrix with entries of size at most `magnitude`
    (..., k, k) (L3.5).

    The smaller of the Frobenius norm and the largest row sum, rounded upwards; infinity where both overflow.
    """
    terms = 1.0 + (magnitude.shape[-1] ** 2 + 64) * 2.0**-52
    with np.errstate(over="ignore"):
        squares = np.sum(magnitude * magnitude, axis=(-2, -1)) * terms + TINY
        frobenius = np.sqrt(squares) * (1.0 + 2.0**-51)
        rows = np.max(np.sum(magnitude, axis=-1), axis=-1, initial=0.0) * terms
        return np.asarray(up(np.minimum(frobenius, rows)))


def is_positive_semidefinite(matrices: np.ndarray, radii: np.ndarray | None = None) -> np.ndarray:
    """Whether every symmetric matrix within `radii` (default: exactly) of each float matrix (..., k, k) is
    proved semidefinite (L3.6).

    Booleans of the leading shape; False also where only the proof fails. `ValueError` for matrices that are
    not symmetric.
    """
    k = matrices.shape[-1]
    M = doubles(matrices).reshape(int(np.prod(matrices.shape[:-2])), k, k)
    R = np.zeros_like(M) if radii is None else doubles(radii).reshape(M.shape)
    if not (np.isfinite(M).all() and np.isfinite(R).all()):
        return np.zeros(matrices.shape[:-2], dtype=bool)
    if (M.transpose(0, 2, 1) != M).any():
        raise ValueError(
            "only symmetric matrices have a definite sign here; take the mean of the matrix and its transpose"
        )
    # M = L L^T + shift I + rest, so M is at least shift - |rest|, which has to exceed what the radii can take
    # away.
    taken = symmetric_norm_upper(R)
    shift = _slack(M) + taken
    factors, found = _cholesky(M - shift[:, None, None] * np.eye(k))
    L = MidRad.exact(factors)
    rest = MidRad.exact(M) - L @ L.transpose(0, 2, 1) - MidRad.exact(shift[:, None, None] * np.eye(k))
    bounds = MidRad.exact(rest.magnitude()).sum(axis=2).upper().max(axis=1, initial=0.0)
    proved: np.ndarray = (found & (sum_up(bounds, taken) <= shift)).reshape(matrices.shape[:-2])
    return proved


def largest_eigenvalue(matrix: MidRad) -> float:
    """An upper bound, at least 0, of the largest eigenvalue of every symmetric matrix in `matrix`, close to
    it if its proof succeeds (L5.11).
    """
    M, size = matrix.mid, float(symmetric_norm_upper(matrix.magnitude()))
    bound = max(0.0, float(np.linalg.eigvalsh(M)[-1])) + _ROUGH * size
    below = -M
    below[np.diag_indices_from(M)] = np.nextafter(bound - np.diag(M), -np.inf)
    return bound if is_positive_semidefinite(below, matrix.rad) else size


def block_definite_off_direction(
    blocks: Sequence[np.ndarray], directions: Sequence[np.ndarray], s: float
) -> bool:
    """Whether `sum_j v_j^T M_j v_j + s (sum_j <v_j, W_j>)^2 >= 0` is proved for all v (L3.6), for exact
    floats and s >= 0.
    """
    groups = _by_size(blocks)
    stacks = [
        (np.stack([blocks[j] for j in group]), np.stack([directions[j] for j in group])) for group in groups
    ]
    definite = [is_positive_semidefinite(M) for M, _ in stacks]
    failed = sum(int(np.sum(~each)) for each in definite)
    if failed == 0:
        return True
    if failed > 1 or not 0.0 < s < np.inf:
        return False
    factors, tau = [], 0.0
    for (M, W), good in zip(stacks, definite, strict=True):
        share = _shares(M, W, good)
        if not np.isfinite(share).all():
            return False
        needed = good & W.any(axis=1)
        if (share[needed] <= 0.0).any():
            return False
        # A larger factor is subtracted than 1/share, so the proof is also one for the share itself.
        inverse = np.nextafter(1.0 / np.where(needed, share, 1.0), np.inf)
        factors.append(np.where(needed, -inverse, 0.0))
        for value in share[needed].tolist():
            tau = float(np.nextafter(tau + value, np.inf))
    # At most the exact s/(1 + s tau): four roundings lose less than the factor gives away.
    weight = s / (1.0 + s * tau) * (1.0 - 2.0**-48)
    return all(
        bool(is_positive_semidefinite(*_plus_rank_one(M, np.where(good, factor, weight), W)).all())
        for (M, W), good, factor in zip(stacks, definite, factors, strict=True)
    )


def smallest_shift(
    blocks: Sequence[np.ndarray],
    directions: Sequence[np.ndarray],
    losses: Sequence[float],
    offset: float,
    ell: float,
) -> tuple[float, float]:
    """A proposal (mu, s), nothing proved: about the smallest mu for which the blocks `(mu + ell - loss_j - s
    offset²) I - A_j` are definite off the direction in the sense of `block_definite_off_direction`; s has few
    bits.

    With lam the eigenvalues and c the squared coefficients of W, a shift x between the two largest
    eigenvalues is enough iff 1 + s f(x) <= 0, f(x) = sum c/(x - lam). So each x has its smallest s, and x + s
    offset² is made small.
    """
    lam, weight = _spectrum(blocks, directions, losses)
    *rest, top = np.sort(lam).tolist()
    # A single eigenvalue leaves nothing off the direction, and every mu holds; one that is low enough will
    # do.
    floor = rest[-1] if rest else top - 2.0 * (abs(top) + abs(ell))
    longest = max(float(np.max(np.abs(W), initial=0.0)) for W in directions) ** 2
    price = offset**2 + _MARGIN * longest
    x, s = top, 0.0
    low, high = floor, top
    for _ in range(_REFINEMENTS):
        tick()
        shifts = low + (high - low) * _PLACES
        with np.errstate(all="ignore"):
            f = np.sum(weight / (shifts[:, None] - lam), axis=1)
            # Where f overflows, s would be 0, which is enough for the largest eigenvalue only.
            costs = np.where(
                (-np.inf < f) & (f < 0.0) & (floor < shifts) & (shifts < top), shifts - price / f, np.inf
            )
        best = int(np.argmin(costs))
        if costs[best] < x + s * price:
            x, s = float(shifts[best]), float(-1.0 / f[best])
        low, high = float(shifts[max(best - 1, 0)]), float(shifts[min(best + 1, len(shifts) - 1)])
    if s > 0.0:
        mantissa, exponent = np.frexp(s)
        s = float(np.ldexp(np.ceil(mantissa * 2.0**_DIRECTION_BITS), int(exponent) - _DIRECTION_BITS))
        x = _root(lam, weight, s, floor, top)
    size = float(np.max(np.abs(lam))) + abs(x) + abs(ell) + s * (offset**2 + longest)
    return x + s * offset**2 - ell + _MARGIN * size, s


def _spectrum(
    blocks: Sequence[np.ndarray], directions: Sequence[np.ndarray], losses: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """All eigenvalues of A_j + loss_j and the squared coefficients of W_j in their eigenvectors;
    approximate.
    """
    lam, weight = [], []
    for group in _by_size(blocks):
        values, vectors = np.linalg.eigh(np.stack([blocks[j] for j in group]))
        W = np.stack([directions[j] for j in group])
        lam.append((values + np.array([losses[j] for j in group])[:, None]).ravel())
        weight.append(np.square(W[:, None, :] @ vectors).ravel())
    return np.concatenate(lam), np.concatenate(weight)


def _root(lam: np.ndarray, weight: np.ndarray, s: float, low: float, high: float) -> float:
    """A shift x in (low, high) with 1 + s f(x) <= 0, close to the smallest; f decreases between two
    eigenvalues.
    """
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        with np.errstate(all="ignore"):
            enough = 1.0 + s * float(np.sum(weight / (middle - lam))) <= 0.0
        low, high = (low, middle) if enough else (middle, high)
    return high


def _slack(M: np.ndarray) -> np.ndarray:
    return _SLACK * np.max(np.abs(M), axis=(-2, -1), initial=0.0) + _LEAST_SLACK


def _cholesky(M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Approximate Cholesky factors (zero where there is none) of a stack of matrices, and which were
    found.
    """
    factors, found = np.zeros_like(M), np.zeros(len(M), dtype=bool)
    for j, matrix in enumerate(M):
        try:
            factor = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            continue
        if np.isfinite(factor).all():
            factors[j], found[j] = factor, True
    return factors, found


def _shares(M: np.ndarray, W: np.ndarray, definite: np.ndarray) -> np.ndarray:
    """About the smallest tau (parts) for which M - W W^T/tau can be proved semidefinite, where M is definite;
    NaN if unknown.
    """
    unit = np.eye(M.shape[-1])
    shifted = np.where(definite[:, None, None], M - 4.0 * _slack(M)[:, None, None] * unit, unit)
    try:
        solved = np.linalg.solve(shifted, W[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return np.full(len(M), np.nan)
    shares: np.ndarray = np.sum(W * solved, axis=1) * (1.0 + 2.0**-40)
    return shares


def _plus_rank_one(M: np.ndarray, factors: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M_j + factor_j W_j W_j^T of stacks (parts × k × k), as midpoints and radii."""
    column = MidRad.exact(W)
    total = MidRad.exact(M) + column[:, :, None] * column[:, None, :] * MidRad.exact(factors)[:, None, None]
    return total.mid, total.rad


def _by_size(matrices: Sequence[np.ndarray]) -> list[list[int]]:
    """The places of the matrices, grouped by their size."""
    groups: dict[int, list[int]] = {}
    for j, matrix in enumerate(matrices):
        groups.setdefault(len(matrix), []).append(j)
    return list(groups.values())
