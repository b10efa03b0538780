"""The tangent space of the unit sphere in doubles, for whoever proposes KKT points. Nothing is proved."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def tangent_basis(u: Array) -> Array:
    """Orthonormal rows (k - 1 × k) that span the vectors orthogonal to u (k), which is not 0."""
    return np.linalg.svd(u[None])[2][1:]


def tangential_top(A: Array, u: Array) -> float:
    """The largest eigenvalue of the symmetric A on the vectors orthogonal to u; -inf if there are none."""
    if len(u) == 1:
        return -np.inf
    basis = tangent_basis(u)
    return float(np.linalg.eigvalsh(basis @ A @ basis.T)[-1])
