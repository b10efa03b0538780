"""Upper bounds of N on the unit sphere for the claim: by norms, or as sharp as a cover of the sphere proves
them (L12.21).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.flow.enclose.parts import ExpressionParts, LayeredParts
from certflow.flow.enclose.trap import BITS
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem
from certflow.running import tick
from certflow.theorems.early_direction.groups import GroupProof

_FEATURES, _BOXES = 3, 10_000
"""The checker covers spheres in so many dimensions, with up to twice so many boxes."""
_ABOVE = 1.004
"""How far the bound is above the largest value that is found; for less a cover takes more boxes."""


def sharp_bound(problem: Problem, groups: Sequence[GroupProof]) -> Fraction:
    """An upper bound of N on the unit sphere, near its maximum if the checker will prove it by a cover
    (L12.21).
    """
    bound, parts = largest_ncf(problem, groups), groups[0].whole
    if not isinstance(parts, LayeredParts) or not parts.shallow or parts.X.shape[1] > _FEATURES:
        return bound
    power, order = parts.network.activation.power, problem.order
    if power < 2:
        return bound
    own = (group.whole for group in groups)
    outputs = [float(v) for each in own if isinstance(each, LayeredParts) for v in each.outgoing]
    if not outputs:
        # Of |v| |w|^p over |v|^2 + |w|^2 = 1.
        largest = math.sqrt((power / order) ** power / order)
        outputs = [largest, -largest]
    X, ends = parts.X.astype(float), (min(outputs), max(outputs))
    found = _Cover(list(problem.z), X, parts.network.activation, ends).bound()
    return bound if found is None or found <= 0 else min(bound, Fraction(found))


def largest_ncf(problem: Problem, groups: Sequence[GroupProof]) -> Fraction:
    """An upper bound of |N| on the unit sphere: sum_i |z_i| beta_i with beta_i >= |h_i| (L2.5, L5.6)."""
    network, parts = problem.network, groups[0].whole
    if isinstance(parts, ExpressionParts):
        return _from_outputs(problem, parts.output_bounds() if len(groups) > 1 else parts.largest_outputs())
    if not isinstance(network, FeedForward):
        raise ValueError("only feed-forward networks and expressions are certified")
    # Linear networks have nothing of their data but sum_i z_i x_i.
    linear = network.activation.power == 1 and network.activation.alpha == 1
    if len(groups) > 1 and linear:
        return (_length(problem.z @ parts.X) / 2).upper()
    if len(groups) > 1:
        return _from_outputs(problem, parts.output_bounds())
    power, depth, L = network.activation.power, network.depth, problem.order
    constant = Ball(Fraction(1), BITS)
    for layer in range(1, depth + 1):
        e = power ** (depth - layer)
        if layer in network.trained:
            constant = constant * (Ball(Fraction(e, L), BITS) ** e).sqrt()
        else:
            constant = (
                constant * Ball(sum(v * v for row in network.given[layer] for v in row), BITS).sqrt() ** e
            )
    q = power ** (depth - 1)
    if linear:
        return (constant * _length(problem.z @ problem.X)).upper()
    lengths = [_length(row) ** q for row in problem.X]
    total = sum(
        (length * abs(z) for z, length in zip(problem.z, lengths, strict=True)), Ball(Fraction(0), BITS)
    )
    return (constant * total).upper()


def _from_outputs(problem: Problem, bounds: np.ndarray) -> Fraction:
    beta = [Fraction(float(b)) for b in bounds]
    return sum((abs(z) * b for z, b in zip(problem.z, beta, strict=True)), Fraction(0))


def _length(row: Iterable[Fraction]) -> Ball:
    return Ball(sum((v * v for v in row), Fraction(0)), BITS).sqrt()


class _Cover:
    """The largest v F(u) over unit u and the `outputs` v, F(u) = sum_i z_i sigma(x_i.u); in floats, as the
    checker covers the sphere.
    """

    def __init__(
        self, z: Sequence[Fraction], X: np.ndarray, activation: Activation, outputs: tuple[float, float]
    ) -> None:
        self.X, self.z, self.outputs = X, np.array([float(v) for v in z]), outputs
        self.p, self.off = activation.power, float(activation.off)
        lengths = np.linalg.norm(X, axis=1) ** self.p
        self.bend = self.p**2 / 2 * float(np.abs(self.z) @ lengths)

    def bound(self) -> float | None:
        """A bound that the checker proves, None if it takes too many boxes."""
        d = self.X.shape[1]
        faces = np.concatenate([np.eye(d), -np.eye(d)])
        centres, face, half, best, count = faces, np.tile(np.arange(d), 2), 1.0, 0.0, 0
        while count <= _BOXES:  # ends: boxes get smaller, and their number is limited
            tick()
            count += len(centres)
            values, above = self._values(centres, half * math.sqrt(d - 1))
            best = max(best, float(values.max()))
            left = ~(above <= best * _ABOVE * (1 - 1e-9))
            centres, face, half = centres[left], face[left], half / 2
            if not len(centres):
                return best * _ABOVE
            moves = np.array(list(itertools.product((-half, half), repeat=d - 1)))
            free = np.array([[k for k in range(d) if k != own] for own in face], dtype=int)
            centres = np.repeat(centres, len(moves), axis=0)
            at = np.repeat(free, len(moves), axis=0)
            np.add.at(centres, (np.arange(len(centres))[:, None], at), np.tile(moves, (len(free), 1)))
            face = np.repeat(face, len(moves))
        return None

    def _values(self, centres: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """The largest v F at the centres, brought to the sphere, and a bound within `reach` of each."""
        length = np.linalg.norm(centres, axis=1)
        inner = centres @ self.X.T / length[:, None]
        pushes = self.z * np.where(inner >= 0, 1.0, self.off) * inner ** (self.p - 1)
        F, gradient = (pushes * inner).sum(axis=1), self.p * (pushes @ self.X)
        slope = np.sqrt(np.maximum(0.0, (gradient**2).sum(axis=1) - (self.p * F) ** 2))
        sine = reach / length
        angle = np.where(sine <= 0.5, sine + sine**3 / 4, 1e100)
        more = slope * angle + self.bend * angle**2
        low, high = self.outputs
        return np.maximum(high * F, low * F), np.maximum(high * (F + more), low * (F - more))
