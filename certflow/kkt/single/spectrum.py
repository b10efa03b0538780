"""All eigenvalues of a symmetric float matrix with one proved error, and sharp norms of nonnegative matrices.

For the matrix M, any float matrix V (the approximate eigenvectors) and `ε >= ‖VᵀV - I‖ < 1`: by Ostrowski the
i-th eigenvalues of VᵀMV and of M have a quotient in [1 - ε, 1 + ε], and those of VᵀMV are within e of its
sorted diagonal, e a bound of the norm of the rest (Weyl). So every eigenvalue of M is within `e + ε ‖M‖` of
the sorted diagonal. By Sylvester the inertia is that of the diagonal where no entry is that close to 0.

For A >= 0 symmetric and v > 0: `‖A‖ <= max_i (A v)_i/v_i` (Collatz, Wielandt).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certflow.arithmetic.directed import up
from certflow.arithmetic.doubles import TINY
from certflow.arithmetic.eigenvalues import symmetric_norm_upper
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.outcome import Inconclusive

_POWER_STEPS = 6
_FLOOR = 2.0**-7


@dataclass(frozen=True)
class Spectrum:
    """The i-th smallest eigenvalue is within `error` of `values[i]`; `vectors` (columns) are approximate."""

    values: np.ndarray
    vectors: np.ndarray
    error: float

    @property
    def smallest(self) -> float:
        """A lower bound of the least absolute value of an eigenvalue, not below 0."""
        return max(0.0, float(np.nextafter(np.min(np.abs(self.values)) - self.error, -np.inf)))

    @property
    def inertia(self) -> tuple[int, int]:
        """(positive, negative) eigenvalues; proved if `smallest` > 0."""
        return int(np.sum(self.values > 0)), int(np.sum(self.values < 0))


def spectrum(matrix: np.ndarray) -> Spectrum:
    """The eigenvalues of an exactly symmetric float matrix (k × k), k >= 1 (L6.25).

    Raises `Inconclusive` if there is no decomposition, or one that is too rough, and `ValueError` if it is
    not symmetric.
    """
    if (matrix != matrix.T).any():
        raise ValueError(
            "only symmetric matrices have real eigenvalues here; take the mean of the matrix and its "
            "transpose"
        )
    try:
        _, vectors = np.linalg.eigh(matrix)
    except np.linalg.LinAlgError:
        raise Inconclusive("the Hessian has no eigenvalue decomposition in double precision.") from None
    V = MidRad.exact(vectors)
    unit = MidRad.exact(np.eye(len(matrix)))
    epsilon = norm_bound((V.T @ V - unit).magnitude())
    if not epsilon < 0.5:
        raise Inconclusive("the eigenvectors of the Hessian are too rough in double precision.")
    D = V.T @ MidRad.exact(matrix) @ V
    diagonal = np.diag(D.mid).copy()
    rest = norm_bound((D - MidRad.exact(np.diag(diagonal))).magnitude())
    error = float(up(rest + epsilon * norm_bound(np.abs(matrix))))
    order = np.argsort(diagonal)
    return Spectrum(diagonal[order], vectors[:, order], error)


def norm_bound(magnitude: np.ndarray) -> float:
    """An upper bound of the spectral norm of every symmetric matrix whose entries have at most these sizes (k
    × k) (L6.25).

    `magnitude` need not be symmetric: the smaller of two mirrored entries bounds both.
    """
    A = np.minimum(magnitude, magnitude.T)
    plain = float(symmetric_norm_upper(A))
    if not 0.0 < plain < np.inf:
        return plain
    v = np.ones(len(A))
    for _ in range(_POWER_STEPS):
        v = A @ v
        largest = float(np.max(v))
        if not largest > 0.0:  # underflow
            return plain
        v = np.maximum(v / largest, _FLOOR)
    # k products and sums of nonnegative numbers and one quotient; underflow is less than TINY each, and v >=
    # 2^-7.
    terms = len(A) + 64
    ratio = float(np.max((A @ v + terms * TINY) * (1.0 + terms * 2.0**-52) / v))
    return min(plain, float(up(ratio)))
