"""The KKT point near which a direction settles, in double precision by Newton's method on the sphere. Nothing is proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from certflow.flow.propose.field import Field
from certflow.running import tick

Array = Any

_ITERATIONS = 40
_LONGEST_STEP = 0.5
_ZERO = 1e-9
_FLAT = 1e-7
_NOISE = 1e-10
_VANISHES = 1e-12
_RESIDUAL = 1e-13
_RADIUS = 1e-9
_AT_ONCE = 128


@dataclass(frozen=True)
class Limit:
    """A KKT point `point` (parts × weights) of norm 1 with its `value` N and its `gap`, each 0 if negligible."""

    point: Array
    value: float
    gap: float

    @property
    def strict(self) -> bool:
        """Whether N is not zero and falls in every direction on the sphere, to second order."""
        return self.gap > 0 and self.value != 0


def settle(field: Field, u: Array) -> Limit | None:
    """The KKT point that Newton's method finds from the weights `u` of norm near 1, or None.

    For orders above 2 a growing group keeps only one of several neurons: the largest is tried alone, the others are 0.
    """
    many = len(u) > 1
    if many and (u * field.gradient(u, field.cell(field.kinks(u)))).sum() > 0:
        largest = int(np.argmax((u * u).sum(1)))
        alone = _newton(field.select(np.array([largest])), u[[largest]])
        if alone is None:
            return None
        point = np.zeros_like(u)
        point[largest] = alone.point[0]
        return Limit(point, alone.value, min(alone.gap, field.order * alone.value))
    return _newton(field, u)


def _newton(field: Field, u: Array) -> Limit | None:
    u = u / np.linalg.norm(u)
    size = u.size
    for _ in range(_ITERATIONS):
        tick()
        cell = field.cell(field.kinks(u))
        G, H = field.gradient(u, cell).ravel(), hessian(field, u, cell)
        flat = u.ravel()
        value, unit = flat @ G, float(np.abs(H).max())
        if not 0 < unit < np.inf:
            return None
        system = np.zeros((size + 1, size + 1))
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
    cell = field.cell(field.kinks(u))
    G, flat = field.gradient(u, cell).ravel(), u.ravel()
    value, residual = float(flat @ G), float(np.linalg.norm(G - flat @ G * flat))
    H = hessian(field, u, cell)
    if residual > _RESIDUAL * max(field.order * field.scale, abs(value)) or not np.isfinite(H).all():
        return None
    gap = -_tangential_top(H - value * np.eye(size), flat)
    kinked = np.abs(field.kinks(u)) <= _ZERO * field.reach
    if kinked.any():
        # Beside a kink N has another second derivative, which may grow.
        beside = hessian(field, u, np.where(kinked, 1.0, cell))
        gap = min(gap, -_tangential_top(beside - value * np.eye(size), flat))
    largest = float(np.abs(H).max())
    if abs(gap) <= max(_FLAT * largest, _NOISE * field.scale):
        gap = 0.0
    if abs(value) <= _VANISHES * largest:
        value = 0.0
    # A value that is small next to the scale may have a small gap, from which the point must not be far.
    return None if 0 < gap * _RADIUS < residual else Limit(u, value / field.order, gap)


def _tangential_top(A: Array, u: Array) -> float:
    """The largest eigenvalue of A on the vectors orthogonal to u."""
    if len(u) == 1:
        return -np.inf
    basis = np.linalg.svd(u[None])[2][1:]
    return float(np.linalg.eigvalsh(basis @ A @ basis.T)[-1])


def hessian(field: Field, u: Array, cell: Array) -> Array:
    """The second derivative of N on the cell, block by block, from central differences of the gradient (error ~1e-10)."""
    (count, size), step = u.shape, 1e-5
    result = np.zeros((count * size, count * size))
    for j in range(count):
        block = np.empty((size, size))
        for start in range(0, size, _AT_ONCE):
            tick()
            moves = step * np.eye(size)[start : start + _AT_ONCE]
            points = np.concatenate([u[j] + moves, u[j] - moves])
            own = field.select(np.full(len(points), j))
            G = own.gradient(points, np.broadcast_to(cell[j], (len(points), cell.shape[1])))
            block[start : start + _AT_ONCE] = (G[: len(moves)] - G[len(moves) :]) / (2 * step)
        result[j * size : (j + 1) * size, j * size : (j + 1) * size] = (block + block.T) / 2
    return result
