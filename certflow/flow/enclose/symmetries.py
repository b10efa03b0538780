"""Exact symmetries of N near a point, which move a KKT point through a continuum: skew matrices xi with
<grad N(q), xi q> = 0 (L12.3), and the form that lifts eigenvalues along them (L12.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_down, float_up
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.flow.curve import Grid
from certflow.flow.enclose.parts import LayeredParts, Parts
from certflow.flow.enclose.rotations import rotation_form
from certflow.ncf.in_weights import correlation_tree
from certflow.networks.expansion import expand
from certflow.networks.expression import Expression
from certflow.networks.tree import split_coefficient
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem

WeightPowers = tuple[int, ...]

_BITS = 64


@dataclass(frozen=True)
class Turns:
    """Rotations of the neurons of linear hidden layers: layer -> the weights of its neurons (L12.2)."""

    layers: Mapping[int, np.ndarray]

    @property
    def cost(self) -> float:
        """The form at w is at most this times |v|^2 |w|^2."""
        return float(len(self.layers))

    @property
    def room(self) -> float:
        """The angle up to which these are symmetries."""
        return math.inf

    def form(self, weights: MidRad) -> MidRad:
        """The sum of (xi w)(xi w)^T."""
        return rotation_form(weights, self.layers.values())


@dataclass(frozen=True)
class Commuting:
    """Skew matrices that commute with the matrix of the quadratic form of one neuron, up to the angle `room`
    from a point, where all samples keep their branches (L12.14).
    """

    matrices: tuple[np.ndarray, ...]
    room: float

    @property
    def cost(self) -> float:
        """The form at w is at most this times |v|^2 |w|^2."""
        return float_up(sum((square_of(xi) for xi in self.matrices), Fraction(0)))

    def form(self, weights: MidRad) -> MidRad:
        """The sum of (xi w)(xi w)^T."""
        size = len(weights)
        total = MidRad.exact(np.zeros((size, size)))
        for xi in self.matrices:
            d = len(xi)
            turned = (MIDRAD.array(xi) * weights[None, :d]).sum(axis=1)
            form = turned[:, None] * turned[None, :]
            dense = MidRad.exact(np.zeros((size, size)))
            dense[:d, :d] = form
            total = total + dense
        return total


class Turning(Commuting):
    """Skew matrices xi with <grad N(w), xi w> = 0 for all w, N a polynomial (L12.19)."""


Symmetry = Turns | Commuting


def square_of(xi: np.ndarray) -> Fraction:
    """An upper bound of |xi|^2 (L12.14)."""
    rows = max(sum((abs(v) for v in row), Fraction(0)) for row in xi)
    squares = sum((xi[a, b] ** 2 for a in range(len(xi)) for b in range(a + 1, len(xi))), Fraction(0))
    return min(rows**2, squares)


def quadratic_form(parts: LayeredParts, centre: Grid) -> tuple[np.ndarray, float]:
    """M = sum_i z_i b_i x_i x_i^T with the branches of all samples at the centre of one neuron, exactly, and
    the angle up to which they keep these (L12.14).
    """
    (row,) = centre
    off, d = parts.own.activation.off, parts.X.shape[1]
    size = sum(v * v for v in row)
    M, room = np.full((d, d), Fraction(0), dtype=object), math.inf
    for x, z in zip(parts.X, parts.N.z, strict=True):
        square = sum((v * v for v in x), Fraction(0))
        if z == 0 or square == 0:
            continue
        inner = sum((v * w for v, w in zip(x, row[:d], strict=True)), Fraction(0))
        if off != 1:
            sine = Ball(inner * inner / (square * size), _BITS).sqrt()
            room = min(room, float_down(sine.lower()))
        M = M + (z if inner > 0 else z * off) * np.outer(x, x)
    return M, room


def commuting(parts: LayeredParts, centre: Grid, matrices: Iterable[np.ndarray]) -> Commuting | None:
    """Those of these skew matrices that commute with the form of N at the centre, in rationals; None if there
    are none (L12.14).
    """
    M, room = quadratic_form(parts, centre)
    exact = tuple(xi for xi in matrices if (-xi == xi.T).all() and (M @ xi == xi @ M).all() and xi.any())
    return Commuting(exact, room) if exact and room > 0 else None


def monomials(problem: Problem) -> dict[WeightPowers, Fraction] | None:
    """N of an expression as numbers times products of weights, each as often as its power, in increasing
    order; None if N is no polynomial, or too long.
    """
    if not isinstance(problem.network, Expression):
        return None
    try:
        whole = expand(correlation_tree(problem.correlation))
    except (BadInput, Inconclusive):
        return None
    if whole is None:
        return None
    places = {name: k for k, name in enumerate(problem.network.weight_names)}
    found: dict[WeightPowers, Fraction] = {}
    for term in whole.args if whole.op == "add" else (whole,):
        number, rest = split_coefficient(term)
        powers: list[int] = []
        for factor in rest.args if rest.op == "mul" else (rest,):
            base, exponent = (factor.args[0], factor.value) if factor.op == "pow" else (factor, Fraction(1))
            if base.op != "name" or exponent.denominator > 1 or exponent < 1:
                return None
            powers += [places[base.value]] * int(exponent)
        found[tuple(sorted(powers))] = number
    return found


def turned(N: Mapping[WeightPowers, Fraction], k: int, other: int) -> dict[WeightPowers, Fraction]:
    """w_other times the derivative of N by weight k."""
    result: dict[WeightPowers, Fraction] = {}
    for powers, number in N.items():
        for place, own in enumerate(powers):
            if own == k:
                key = tuple(sorted((*powers[:place], other, *powers[place + 1 :])))
                result[key] = result.get(key, Fraction(0)) + number
    return result


def turning(parts: Parts, matrices: Iterable[np.ndarray]) -> Turning | None:
    """Those of these skew matrices along which N is exactly the same, in rationals; None if there are none
    (L12.19).
    """
    N = monomials(parts.problem)
    if N is None or parts.size != parts.problem.network.size:
        return None
    exact = tuple(xi for xi in matrices if (-xi == xi.T).all() and xi.any() and _unchanged(N, xi))
    return Turning(exact, math.inf) if exact else None


def _unchanged(N: Mapping[WeightPowers, Fraction], xi: np.ndarray) -> bool:
    rest: dict[WeightPowers, Fraction] = {}
    for k, other in zip(*np.nonzero(xi), strict=True):
        for key, number in turned(N, int(k), int(other)).items():
            rest[key] = rest.get(key, Fraction(0)) + number * xi[k, other]
    return not any(rest.values())
