"""The KKT point near which a direction settles, in double precision by Newton's method on the sphere. Nothing
is proved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.rotations import rotation_form
from certflow.flow.propose.equal_eigenvalues import nearest_eigenvalue
from certflow.flow.propose.lattice import Lattice
from certflow.flow.propose.series import PartSeries
from certflow.networks.sphere import tangential_top
from certflow.running import tick

Array = Any

_ITERATIONS = 40
_LONGEST_STEP = 0.5
_ZERO = 1e-9
_FLAT = 1e-7
_NOISE = 1e-10
_VANISHES = 1e-12
_OUTSIDE = 4
_RESIDUAL = 1e-13
_RADIUS = 1e-9
_AT_ONCE = 128
_TURNED = 1e-9


@dataclass(frozen=True)
class LimitPoint:
    """A KKT point `point` (parts × weights) of norm 1 with its `value` N and its `gap`, each 0 if negligible;
    where symmetries move it, which makes it one of a `continuum`, the gap is that of all other directions.
    """

    point: Array
    value: float
    gap: float
    continuum: bool = False

    @property
    def strict(self) -> bool:
        """Whether N is not zero and falls in every direction on the sphere, to second order."""
        return self.gap > 0 and self.value != 0


def settle(series: PartSeries, u: Array, within: Lattice | None = None) -> LimitPoint | None:
    """The KKT point that Newton's method finds from the weights `u` of norm near 1, or None.

    For orders above 2 a growing group keeps only one of several neurons: the largest is tried alone, the
    others are 0; `within` a subspace the largest of several sets of neurons that are the same.
    """
    sets = [[j] for j in range(len(u))] if within is None else within.components
    space = None if within is None else within.orthonormal
    if len(sets) > 1 and (u * series.gradient(u, series.cell(series.kinks(u)))).sum() > 0:
        sizes = (u * u).sum(1)
        largest = sets[int(np.argmax([sizes[own].sum() for own in sets]))]
        if space is not None:
            space = space.reshape(*u.shape, -1)[largest].reshape(len(largest) * u.shape[1], -1)
            space = space[:, np.abs(space).max(axis=0) > _ZERO]
        alone = _newton(series.select(np.array(largest)), u[largest], space)
        if alone is None:
            return None
        point = np.zeros_like(u)
        point[largest] = alone.point
        return LimitPoint(point, alone.value, min(alone.gap, series.order * alone.value))
    return _newton(series, u, space)


def _newton(series: PartSeries, u: Array, space: Array | None = None) -> LimitPoint | None:
    u = u / np.linalg.norm(u)
    size = u.size
    for _ in range(_ITERATIONS):
        tick()
        cell = series.cell(series.kinks(u))
        G, H = series.gradient(u, cell).ravel(), hessian(series, u, cell)
        flat = u.ravel()
        value, unit = flat @ G, float(np.abs(H).max())
        if not 0 < unit < np.inf:
            return None
        system = np.zeros((size + 1, size + 1))
        H = H - unit * _turning(series, flat, H, space)
        system[:size, :size] = (H - value * np.eye(size)) / unit
        system[:size, size], system[size, :size] = -flat, flat
        try:
            move = np.linalg.solve(system, np.append((value * flat - G) / unit, 0.0))[:size]
        except np.linalg.LinAlgError:
            return None
        length = float(np.linalg.norm(move))
        if not length < _LONGEST_STEP:
            return None
        flat = flat + move
        flat[np.abs(flat) < _ZERO] = 0.0
        u = (flat / np.linalg.norm(flat)).reshape(u.shape)
        if length < 1e-14:
            break
    cell = series.cell(series.kinks(u))
    G, flat = series.gradient(u, cell).ravel(), u.ravel()
    value, residual = float(flat @ G), float(np.linalg.norm(G - flat @ G * flat))
    H = hessian(series, u, cell)
    turning = _turning(series, flat, H, space)
    H = H - np.abs(H).max() * turning
    if residual > _RESIDUAL * max(series.order * series.scale, abs(value)) or not np.isfinite(H).all():
        return None
    gap = -tangential_top(H - value * np.eye(size), flat)
    kinked = np.abs(series.kinks(u)) <= _ZERO * series.reach
    if kinked.any():
        # Beside a kink N has another second derivative, which may grow.
        beside = hessian(series, u, np.where(kinked, 1.0, cell))
        beside = beside - np.abs(beside).max() * turning
        gap = min(gap, -tangential_top(beside - value * np.eye(size), flat))
    largest = float(np.abs(H).max())
    if abs(gap) <= max(_FLAT * largest, _NOISE * series.scale):
        gap = 0.0
    if abs(value) <= _VANISHES * largest:
        value = 0.0
    # A value that is small next to the scale may have a small gap, from which the point must not be far.
    return (
        None
        if 0 < gap * _RADIUS < residual
        else LimitPoint(u, value / series.order, gap, space is None and bool(np.any(turning)))
    )


def _turning(series: PartSeries, flat: Array, H: Array, space: Array | None) -> Array:
    """A form that is of the order of 1 on the directions in which symmetries move a KKT point and on those
    orthogonal to the columns of `space`, and 0 on all others: rotations one of rank one, equal eigenvalues of
    the Hessian H one of a quadratic form.
    """
    if series.turns:
        # The directions in which they turn it, orthonormal.
        U, sizes, _ = np.linalg.svd(np.column_stack([xi @ flat for xi in series.turns]), full_matrices=False)
        U = U[:, sizes > _TURNED * sizes.max(initial=0.0)]
        return U @ U.T
    result, d = np.zeros_like(H), series.inputs
    if series.rotations:
        result = series.order * rotation_form(MidRad.exact(flat), series.rotations).mid
    if space is not None:
        return result + series.order * _OUTSIDE * (np.eye(len(flat)) - space @ space.T)
    if series.rotations or d < 2 or not flat[:d].any() or not np.isfinite(H).all():
        return result
    _, equal = nearest_eigenvalue(H[:d, :d], flat[:d])
    along = equal.T @ flat[:d]
    if equal.shape[1] > 1 and along.any():
        rest = equal - np.outer(equal @ along, along) / (along @ along)
        result[:d, :d] = rest @ rest.T
    return result


def hessian(series: PartSeries, u: Array, cell: Array) -> Array:
    """The second derivative of N on the cell, block by block, from central differences of the gradient (error
    ~1e-10).
    """
    (count, size), step = u.shape, 1e-5
    result = np.zeros((count * size, count * size))
    for j in range(count):
        block = np.empty((size, size))
        for start in range(0, size, _AT_ONCE):
            tick()
            moves = step * np.eye(size)[start : start + _AT_ONCE]
            points = np.concatenate([u[j] + moves, u[j] - moves])
            own = series.select(np.full(len(points), j))
            G = own.gradient(points, np.broadcast_to(cell[j], (len(points), cell.shape[1])))
            block[start : start + _AT_ONCE] = (G[: len(moves)] - G[len(moves) :]) / (2 * step)
        result[j * size : (j + 1) * size, j * size : (j + 1) * size] = (block + block.T) / 2
    return result
