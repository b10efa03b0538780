"""Polyhedral cones in exact integers: generators of a cone given by inequalities, and whether 0 is in a
convex hull.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from gmpy2 import mpq

from certflow.algebra.directions import dot
from certflow.running import tick

Vector = tuple[int, ...]


def generators(
    inequalities: Sequence[Sequence[int]], equalities: Sequence[Sequence[int]], d: int
) -> tuple[list[Vector], list[Vector]]:
    """Rays and lines of the cone `{u in R^d: a·u >= 0, e·u = 0}`: it is the cone of the rays plus the span of
    the lines (L6.7).

    The lines are a basis of the largest subspace in the cone, the rays are its extreme rays modulo the lines,
    each once; all are coprime integers. By double description: the cone of the constraints so far is cut by
    one more at a time.
    """
    cone = _Cone(d)
    for row in equalities:
        cone.cut(row, equality=True)
    for row in inequalities:
        cone.cut(row, equality=False)
    return [ray for ray, _ in cone.rays], cone.lines


class _Cone:
    """The cone of the constraints so far. With each ray goes the set of inequalities (as bits) that are tight
    on it.
    """

    def __init__(self, d: int) -> None:
        self.lines: list[Vector] = [tuple(int(i == j) for j in range(d)) for i in range(d)]
        self.rays: list[tuple[Vector, int]] = []
        self._bit = 1

    def cut(self, row: Sequence[int], equality: bool) -> None:
        """Adds `row·u >= 0` or `row·u = 0`."""
        tick()
        pivot = next((k for k, line in enumerate(self.lines) if dot(row, line)), None)
        if pivot is None:
            self._cut_rays(row, equality)
        else:
            self._cut_lines(row, pivot, equality)
        self._bit <<= 1

    def _cut_lines(self, row: Sequence[int], k: int, equality: bool) -> None:
        # All constraints so far are tight on a line: rays and other lines can move along it into the
        # hyperplane of the row.
        pivot = self.lines.pop(k)
        height = dot(row, pivot)
        if height < 0:
            pivot, height = tuple(-c for c in pivot), -height
        self.lines = [_combination(height, line, -dot(row, line), pivot) for line in self.lines]
        self.rays = [
            (_combination(height, ray, -dot(row, ray), pivot), tight | self._bit) for ray, tight in self.rays
        ]
        if not equality:
            self.rays.append((pivot, self._bit - 1))

    def _cut_rays(self, row: Sequence[int], equality: bool) -> None:
        heights = [dot(row, ray) for ray, _ in self.rays]
        above = [k for k, height in enumerate(heights) if height > 0]
        below = [k for k, height in enumerate(heights) if height < 0]
        kept = [
            (ray, tight | self._bit)
            for (ray, tight), height in zip(self.rays, heights, strict=True)
            if height == 0
        ]
        for i in above:
            tick()
            for k in below:
                common = self.rays[i][1] & self.rays[k][1]
                # Two extreme rays span a face of dimension two if no third one satisfies all that they
                # satisfy in common.
                if not any(common & ~tight == 0 for j, (_, tight) in enumerate(self.rays) if j not in (i, k)):
                    new = _combination(heights[i], self.rays[k][0], -heights[k], self.rays[i][0])
                    kept.append((new, common | self._bit))
        self.rays = kept if equality else [self.rays[i] for i in above] + kept


def _combination(a: int, x: Vector, b: int, y: Vector) -> Vector:
    """a x + b y in lowest terms."""
    entries = [a * s + b * t for s, t in zip(x, y, strict=True)]
    divisor = math.gcd(*entries)
    return tuple(entry // divisor for entry in entries)


def zero_in_hull(points: Sequence[Sequence[int | Fraction]]) -> bool:
    """Whether 0 is in the convex hull of the points (at least one)."""
    return zero_combination(points) is not None


def zero_combination(points: Sequence[Sequence[int | Fraction]]) -> list[Fraction] | None:
    """Coefficients >= 0 of sum 1 with which the points (at least one) sum to 0, or None if 0 is not in their
    convex hull (L6.7).

    Some of the points are separated from 0, and one that the separating vector misses is added, until none is
    missed, or there is no separating vector.
    """
    table = np.array([list(point) for point in points], dtype=object).reshape(len(points), len(points[0]))
    chosen = [0]
    while True:  # ends: one more of the points is chosen
        tick()
        coefficients, separating = _combination_or_separation([points[k] for k in chosen])
        if coefficients is not None:
            result = [Fraction(0)] * len(points)
            for k, c in zip(chosen, coefficients, strict=True):
                result[k] = c
            return result
        heights = (table @ np.array(separating, dtype=object)).tolist()
        worst = min(range(len(points)), key=heights.__getitem__)
        if heights[worst] > 0:
            return None
        chosen.append(worst)


def _combination_or_separation(
    points: Sequence[Sequence[int | Fraction]],
) -> tuple[list[Fraction] | None, list[int]]:
    """Coefficients as for `zero_combination`, or else None and a vector q with q·p > 0 for all the points p.

    Phase one of the simplex method in rationals, with the rule of Bland, so that it ends.
    """
    count, d = len(points), len(points[0])
    # One row per coordinate and one for the sum of the coefficients; the columns are the points, the
    # artificial variables, which are the basis at first, and the right-hand side. `costs` is y times the
    # columns, y the dual solution.
    table = [
        [mpq(point[r]) if r < d else mpq(1) for point in points]
        + [mpq(int(r == c)) for c in range(d + 1)]
        + [mpq(int(r == d))]
        for r in range(d + 1)
    ]
    basis = [count + r for r in range(d + 1)]
    costs = [sum(column) for column in zip(*table, strict=True)]
    # ends: no basis comes back (Bland)
    while (enter := next((k for k in range(count) if costs[k] > 0), None)) is not None:
        tick()
        _, _, leave = min(
            (row[-1] / row[enter], basis[r], r) for r, row in enumerate(table) if row[enter] > 0
        )
        pivot = [v / table[leave][enter] for v in table[leave]]
        table[leave], basis[leave] = pivot, enter
        for r, row in enumerate(table):
            if r != leave and row[enter]:
                table[r] = [v - row[enter] * w for v, w in zip(row, pivot, strict=True)]
        costs = [v - costs[enter] * w for v, w in zip(costs, pivot, strict=True)]
    if costs[-1] != 0:
        # The sum of the artificial variables stays at y_d > 0, and y·(p, 1) <= 0 for all points p.
        y = costs[count : count + d]
        common = math.lcm(*(int(v.denominator) for v in y))
        return None, [-int(v * common) for v in y]
    values = {variable: row[-1] for variable, row in zip(basis, table, strict=True)}
    return [
        Fraction(int(v.numerator), int(v.denominator)) for v in (values.get(k, mpq(0)) for k in range(count))
    ], []
