"""Equal eigenvalues of the quadratic form of one neuron: which skew matrices leave it as it is, and move a
KKT point. Floats and rationals propose; what holds is proved by `flow/enclose/symmetries.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.flow.curve import Grid
from certflow.flow.enclose.parts import ExpressionParts, LayeredParts, Parts
from certflow.flow.enclose.symmetries import Symmetry, Turns, commuting, quadratic_form, turning
from certflow.flow.propose.polynomial_symmetries import skew_symmetries
from certflow.running import tick

Array = Any

_EQUAL = 1e-8
_COORDINATES = 12
_DOUBLE, _MARGIN = 40, 16
_LARGEST = 40


def symmetry_of(parts: Parts, centre: Grid) -> Symmetry | None:
    """The symmetries of N that move its KKT point near the centre, None if none are found."""
    if parts.rotations:
        return Turns(parts.rotations)
    if isinstance(parts, ExpressionParts):
        return turning(parts, skew_symmetries(parts.problem))
    if not isinstance(parts, LayeredParts) or not parts.shallow:
        return None
    if parts.own.activation.power != 2 or parts.count != 1:
        return None
    M, _ = quadratic_form(parts, centre)
    rough, c = M.astype(float), np.array(centre[0], dtype=float)[: len(M)]
    if not np.isfinite(rough).all() or not c.any():
        return None
    _, space = nearest_eigenvalue(rough, c)
    if space.shape[1] < 2 or len(M) > _LARGEST:
        return None
    basis = _kernel(M - _exact_eigenvalue(M, space[:, 0]) * np.eye(len(M), dtype=int))
    return commuting(parts, centre, _turning(basis, c)) if len(basis) > 1 else None


def nearest_eigenvalue(M: Array, u: Array) -> tuple[float, Array]:
    """The eigenvalue of a symmetric matrix that is nearest to the Rayleigh quotient of u, as a mean, and an
    orthonormal basis (columns) of all eigenvectors with it, as far as doubles tell.
    """
    values, vectors = np.linalg.eigh(M)
    quotient = float(u @ M @ u / (u @ u))
    nearest = values[int(np.argmin(np.abs(values - quotient)))]
    own = np.abs(values - nearest) <= _EQUAL * np.abs(values).max(initial=0.0)
    return float(values[own].mean()), vectors[:, own]


def _exact_eigenvalue(M: Array, u: Array) -> Fraction:
    """The eigenvalue of a rational matrix near a vector in doubles, if it is rational: an integer over the
    common denominator, of which each inverse iteration tells about three times as many digits as before.
    """
    common = math.lcm(*(Fraction(v).denominator for v in M.flat))
    wanted = max(common, round(abs(M).max() * common)).bit_length() + 2 * _MARGIN
    vector, bits = np.array([Fraction(float(v)) for v in u], dtype=object), _DOUBLE
    while True:  # ends: bits grows
        tick()
        value = _rounded((vector @ M @ vector) / (vector @ vector), 2 * bits + _MARGIN)
        if 2 * bits > wanted:
            return Fraction(round(value * common), common)
        rows, pivots = _reduced(
            [*row, v] for row, v in zip(M - value * np.eye(len(M), dtype=int), vector, strict=True)
        )
        if len(pivots) < len(M) or pivots[-1] == len(M):
            return value
        solution = [row[-1] for row in rows]
        largest, bits = max(map(abs, solution)), 3 * bits
        vector = np.array([_rounded(v / largest, bits + _MARGIN) for v in solution], dtype=object)


def _rounded(value: Fraction, bits: int) -> Fraction:
    """A value in units of its size, in so many binary places."""
    return Fraction(round(value * (1 << bits)), 1 << bits)


def _reduced(matrix: Iterable[Iterable[Fraction]]) -> tuple[list[list[Fraction]], list[int]]:
    """The reduced row echelon form, and its pivot columns."""
    rows, pivots = [list(map(Fraction, row)) for row in matrix], list[int]()
    for column in range(len(rows[0])):
        place = len(pivots)
        found = next((k for k in range(place, len(rows)) if rows[k][column]), None)
        if found is None:
            continue
        tick()
        rows[place], rows[found] = rows[found], rows[place]
        pivot = rows[place][column]
        rows[place] = [v / pivot for v in rows[place]]
        for k in range(len(rows)):
            if k != place and rows[k][column]:
                factor = rows[k][column]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[place], strict=True)]
        pivots.append(column)
    return rows, pivots


def _kernel(A: Array) -> list[Array]:
    """A basis of the rational null space."""
    rows, pivots = _reduced(A)
    basis = []
    for free in (k for k in range(len(A)) if k not in pivots):
        vector = np.full(len(A), Fraction(0), dtype=object)
        vector[free] = Fraction(1)
        for place, column in enumerate(pivots):
            vector[column] = -rows[place][free]
        basis.append(vector)
    return basis


def _turning(basis: list[Array], c: Array) -> list[Array]:
    """Skew matrices that turn c into all other directions of a rational eigenspace: of two dimensions the
    only one, of more c t^T - t c^T for rounded orthonormal t.
    """
    if len(basis) == 2:
        a, b = basis
        return [np.outer(a, b) - np.outer(b, a)]
    B = np.array(basis).T
    rough = B.astype(float)
    own, *_ = np.linalg.lstsq(rough, c / np.linalg.norm(c), rcond=None)
    # The first column of Q is along c; coordinates are those in the rational basis.
    Q, R = np.linalg.qr(rough)
    frame, _ = np.linalg.qr(np.column_stack([R @ own, np.eye(len(basis))]))
    coordinates = np.linalg.solve(R, frame)
    unit = 1 << _COORDINATES
    rounded = [B @ np.array([Fraction(round(v * unit), unit) for v in column]) for column in coordinates.T]
    return [np.outer(rounded[0], t) - np.outer(t, rounded[0]) for t in rounded[1:]]
