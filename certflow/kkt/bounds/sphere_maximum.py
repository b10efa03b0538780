"""Proved upper bounds of `F(u) = sum_i a_i (x_i . u)_+^q + b_i (-x_i . u)_+^q` over the unit sphere of R^d.

Every neuron-wise quantity of the theory has this form: with q = p, a = z and b = z (-alpha)^p it is the NCF
of one neuron; with q = 2p, a = 1 and b = alpha^(2p) it is ‖h(u)‖². Each term is convex and homogeneous, which
is all that is used. Three proofs, from the sharpest to the cheapest:

*Cones* (branch and bound; exact in the limit). Let K be the cone over the vectors v_1, ..., v_d, and m a
vector with m . v_k > 0. Every direction of K is that of a point y in the simplex with corners `v_k' = v_k
|m|²/(m . v_k)`, which lies in the plane m . y = |m|², so |y| >= |m|. Write F = P - M with P, M >= 0 the sums
of the positive and negative terms, both convex. On the simplex P is at most its chord, M at least its tangent
at m (and at least 0), so `F(y) <= max_k [P(v_k') - M(m) - M'(m)(v_k' - m)]` since the right-hand side is
affine in y; and `F(y/|y|) = F(y)/|y|^q <= max(0, F(y))/|m|^q`. The error is of second order in the width of
K. For q = 1 the linear part, `a t_+ + b (-t)_+ = (a + b) t_+ - b t`, needs no bound at all.

*Spectrum*. With C_i = max(a_i, b_i), q = 2: `F(u) <= u . (sum C_i x_i x_i^T) u`; for q > 2 with C_i^+
|x_i|^(q-2) in place of C_i; for q = 1 `F(u)² <= (sum C_i^+)(sum C_i^+ (x_i . u)²)`; and `lambda_max(A)^s <=
tr(A^s)`, s even.

*Lengths*: `F(u) <= sum C_i^+ |x_i|^q`.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.algebra.cones import Vector
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.running import tick

BITS = 96
TOLERANCE = Fraction(1, 10**6)
"""The relative gap between upper and lower bound at which branch and bound stops."""

_WORK = 400_000
"""Ball operations that one call may spend on cones (deterministic: counted, not timed)."""

_LEAST_IN_THE_PLANE = 32
_MOST_DIMENSIONS = 5
_SPECTRAL_WORK = 300_000


@dataclass(frozen=True)
class SphereMaximum:
    """`lower <= max(0, max F) <= upper`, exact numbers, and the name of the proof of `upper`."""

    lower: Fraction
    upper: Fraction
    method: str


@dataclass(frozen=True)
class Terms:
    """The function F: inputs `X` (n × d), coefficients `a` and `b` (n) of the two sides, power `q` >= 1;
    `Fraction`s.
    """

    X: np.ndarray
    a: Sequence[Fraction]
    b: Sequence[Fraction]
    q: int

    def caps(self) -> list[Fraction]:
        """C_i = max(a_i, b_i)."""
        return [max(a, b) for a, b in zip(self.a, self.b, strict=True)]


def sphere_maximum(terms: Terms, tolerance: Fraction = TOLERANCE) -> SphereMaximum:
    """Proved bounds of max(0, F) over the unit sphere; the best of the three proofs of this module that
    are affordable (L2.9)."""
    if all(cap <= 0 for cap in terms.caps()) or not any(value for value in terms.X.ravel()):
        return SphereMaximum(Fraction(0), Fraction(0), "no term is positive")
    if terms.q == 1 and all(a == -b for a, b in zip(terms.a, terms.b, strict=True)):
        return _linear(terms)
    best = _lengths(terms)
    n, d = terms.X.shape
    if n * d * d <= _SPECTRAL_WORK:
        best = min(best, _spectrum(terms), key=lambda bound: bound.upper)
    budget = max(_WORK // (n * (2 * d + 4) + 60 * d), _LEAST_IN_THE_PLANE if d <= 2 else 0)
    if d <= _MOST_DIMENSIONS and 2**d <= budget // 2:
        cones = _Cones(terms, budget, tolerance).run()
        best = SphereMaximum(cones.lower, best.upper, best.method) if best.upper < cones.upper else cones
    return best


def _linear(terms: Terms) -> SphereMaximum:
    """The maximum of a linear F is the length of its gradient."""
    square = sum((g * g for g in terms.X.T @ np.array(terms.a, dtype=object)), Fraction(0))
    length = Ball(square, BITS).sqrt()
    return SphereMaximum(length.lower(), length.upper(), "length of the gradient of a linear function")


def _lengths(terms: Terms) -> SphereMaximum:
    total = Ball(0, BITS)
    for row, cap in zip(terms.X, terms.caps(), strict=True):
        if cap > 0:
            total = total + _length_power(row, terms.q) * cap
    return SphereMaximum(Fraction(0), total.upper(), "sum of the lengths of the inputs")


def _length_power(row: np.ndarray, q: int) -> Ball:
    """|x|^q."""
    square = Ball(sum((x * x for x in row), Fraction(0)), BITS)
    return square ** (q // 2) if q % 2 == 0 else square ** (q // 2) * square.sqrt()


def _spectrum(terms: Terms) -> SphereMaximum:
    n, d = terms.X.shape
    q, caps = terms.q, terms.caps()
    weights = [
        Ball(cap, BITS)
        if q == 2
        else Ball(max(cap, Fraction(0)), BITS) * (_length_power(row, q - 2) if q > 2 else 1)
        for row, cap in zip(terms.X, caps, strict=True)
    ]
    X = [[Ball(x, BITS) for x in row] for row in terms.X]
    matrix = [[Ball(0, BITS)] * d for _ in range(d)]
    for r, c in itertools.combinations_with_replacement(range(d), 2):
        tick()
        entry = sum((weights[i] * X[i][r] * X[i][c] for i in range(n)), Ball(0, BITS))
        matrix[r][c] = matrix[c][r] = entry
    upper = largest_eigenvalue_bound(matrix)
    if q == 1:
        upper = (Ball(sum(max(cap, Fraction(0)) for cap in caps), BITS) * upper).sqrt().upper()
    return SphereMaximum(
        Fraction(0), upper, "largest eigenvalue of the weighted second moments of the inputs"
    )


def largest_eigenvalue_bound(matrix: list[list[Ball]]) -> Fraction:
    """A proved upper bound, not below 0, of the largest eigenvalue of every symmetric matrix in the balls (d
    × d) (L2.9).

    From `lambda_max^s <= tr(A^s)` for even s; s is 2 for large d (Frobenius norm) and up to 512 for small
    ones, where the bound is at most d^(1/512) times the spectral norm.
    """
    d, doublings = len(matrix), 0
    power = matrix
    while doublings < 8 and (doublings + 1) * d**3 <= _SPECTRAL_WORK:  # ends: doublings rise to 8
        tick()
        power = [[_dot(power[r], power[c]) for c in range(r + 1)] for r in range(d)]
        power = [[power[max(r, c)][min(r, c)] for c in range(d)] for r in range(d)]
        doublings += 1
    # Now power = A^(2^doublings), symmetric, so the sum of its squared entries is tr(A^(2^(doublings + 1))).
    trace = sum((entry.square() for row in power for entry in row), Ball(0, BITS))
    for _ in range(doublings + 1):
        tick()
        trace = trace.maximum(0).sqrt()
    return trace.upper()


def _dot(first: Sequence[Ball], second: Sequence[Ball]) -> Ball:
    total = first[0] * second[0]
    for x, y in zip(first[1:], second[1:], strict=True):
        total = total + x * y
    return total


class _Ray:
    """A direction v (integers) with the dot products x_i . v and, once asked for, the values of P and M
    there.
    """

    def __init__(self, v: Vector, cones: _Cones) -> None:
        self.v = v
        self.size = sum(abs(c) for c in v)
        self.dots = [_integer_dot(row, v) for row in cones.X]
        # For q = 1 the linear part is counted here: the sum is not positive then, but still convex.
        self.positive = cones.value(self.dots, cones.positive)
        if cones.linear:
            self.positive = self.positive + _integer_dot(cones.linear, v)
        self.negative = cones.value(self.dots, cones.negative)


def _integer_dot(row: Sequence[Ball], v: Vector) -> Ball:
    total = row[0] * v[0]
    for x, c in zip(row[1:], v[1:], strict=True):
        if c:
            total = total + x * c
    return total


class _Cones:
    """Best-first subdivision of the 2^d orthants into simplicial cones."""

    def __init__(self, terms: Terms, budget: int, tolerance: Fraction) -> None:
        self.q, self.budget, self.tolerance = terms.q, budget, tolerance
        self.d = terms.X.shape[1]
        self.X = [[Ball(x, BITS) for x in row] for row in terms.X]
        sides = [(i, 1, a) for i, a in enumerate(terms.a)] + [(i, -1, b) for i, b in enumerate(terms.b)]
        self.linear: list[Ball] = []
        if self.q == 1:
            sides = [(i, 1, a + b) for i, (a, b) in enumerate(zip(terms.a, terms.b, strict=True))]
            self.linear = [Ball(-g, BITS) for g in terms.X.T @ np.array(terms.b, dtype=object)]
        self.positive = [(i, side, Ball(c, BITS)) for i, side, c in sides if c > 0]
        self.negative = [(i, side, Ball(-c, BITS)) for i, side, c in sides if c < 0]
        self.rays: dict[Vector, _Ray] = {}
        self.lower = Fraction(0)

    def run(self) -> SphereMaximum:
        heap: list[tuple[Fraction, int, tuple[_Ray, ...]]] = []
        order = itertools.count()
        for signs in itertools.product((1, -1), repeat=self.d):
            tick()
            corners = tuple(
                self._ray(tuple(s if k == j else 0 for k in range(self.d))) for j, s in enumerate(signs)
            )
            heapq.heappush(heap, (-self._upper(corners), next(order), corners))
        for _ in range(self.budget):
            tick()
            upper = -heap[0][0]
            if upper <= self.lower * (1 + self.tolerance) or self.d == 1:
                break
            _, _, corners = heapq.heappop(heap)
            for part in self._halves(corners):
                heapq.heappush(heap, (-min(upper, self._upper(part)), next(order), part))
        upper = max(self.lower, -heap[0][0])
        return SphereMaximum(self.lower, upper, "branch and bound over cones of directions")

    def value(self, dots: Sequence[Ball], part: list[tuple[int, int, Ball]]) -> Ball:
        """P or M at the vector with these dot products."""
        total = Ball(0, BITS)
        for i, side, coefficient in part:
            t = dots[i] if side > 0 else -dots[i]
            sign = t.sign()
            if sign > 0:
                total = total + coefficient * t**self.q
            elif sign == UNKNOWN:
                total = total + coefficient * t.relu_power(power=self.q)
        return total

    def _ray(self, v: Vector) -> _Ray:
        ray = self.rays.get(v)
        if ray is None:
            ray = self.rays[v] = _Ray(v, self)
            square = Ball(sum(c * c for c in v), BITS)
            length = square ** (self.q // 2) * (square.sqrt() if self.q % 2 else 1)
            self.lower = max(self.lower, ((ray.positive - ray.negative) / length).lower())
        return ray

    def _middle(self, corners: Sequence[_Ray]) -> Vector:
        """The sum of the corners scaled to equal sizes (sums of absolute entries), in lowest terms."""
        sizes = [ray.size for ray in corners]
        common = math.lcm(*sizes)
        entries = [sum(ray.v[k] * (common // ray.size) for ray in corners) for k in range(self.d)]
        divisor = math.gcd(*entries)
        return tuple(entry // divisor for entry in entries)

    def _halves(self, corners: tuple[_Ray, ...]) -> list[tuple[_Ray, ...]]:
        """The two cones that the middle of the longest edge splits this one into; they cover it."""

        def squared_length(pair: tuple[int, int]) -> Fraction:
            first, second = (corners[k] for k in pair)
            return sum(
                (
                    (Fraction(x, first.size) - Fraction(y, second.size)) ** 2
                    for x, y in zip(first.v, second.v, strict=True)
                ),
                Fraction(0),
            )

        j, k = max(itertools.combinations(range(self.d), 2), key=squared_length)
        middle = self._ray(self._middle((corners[j], corners[k])))
        return [corners[:j] + (middle,) + corners[j + 1 :], corners[:k] + (middle,) + corners[k + 1 :]]

    def _upper(self, corners: tuple[_Ray, ...]) -> Fraction:
        """An upper bound, not below 0, of F on the directions of the cone (see the module's proof)."""
        m = self._middle(corners)
        square = sum(c * c for c in m)
        scales = [Fraction(square, sum(x * y for x, y in zip(m, ray.v, strict=True))) for ray in corners]
        chords = [
            ray.positive * Ball(scale, BITS) ** self.q for ray, scale in zip(corners, scales, strict=True)
        ]
        height = max(chord.upper() for chord in chords)
        if self.negative and height > 0:
            tangents = self._tangents(m, corners)
            values = [
                chord - tangent * scale
                for chord, tangent, scale in zip(chords, tangents, scales, strict=True)
            ]
            height = min(height, max((value + self._constant(m)).upper() for value in values))
        length = Ball(square, BITS) ** (self.q // 2) * (Ball(square, BITS).sqrt() if self.q % 2 else 1)
        return (Ball(max(height, Fraction(0)), BITS) / length).upper()

    def _constant(self, m: Vector) -> Ball:
        """M'(m) m - M(m) = (q - 1) M(m), by Euler's identity."""
        return self._ray(m).negative * (self.q - 1)

    def _tangents(self, m: Vector, corners: Sequence[_Ray]) -> list[Ball]:
        """M'(m) v for each corner v. For q = 1 each term's slope is 0 or 1, and either is a lower bound
        everywhere.
        """
        dots = self._ray(m).dots
        totals = [Ball(0, BITS) for _ in corners]
        for i, side, coefficient in self.negative:
            t = dots[i] if side > 0 else -dots[i]
            if t.sign() in (-1, 0):
                continue
            slope = (
                coefficient * side
                if self.q == 1
                else coefficient * (side * self.q) * t.relu_power(power=self.q - 1)
            )
            for k, ray in enumerate(corners):
                totals[k] = totals[k] + slope * ray.dots[i]
        return totals
