"""Q1: one neuron of power 1 in canonical form, G(w) = b.w + sum_C j_C (x_C.w)_+ with one term for every
line through 0 that has samples on it, and G on the unit sphere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import comb, gcd, lcm
from operator import mul
from typing import NamedTuple

from ..kernel.numbers import root_up
from ..kernel.problem import Problem
from ..kernel.verdicts import Clock

MAX_SPAN, MAX_WORK = 8, 3_000_000
"""Kinks through one ray, and products of inputs, with which the sphere is searched."""

Whole = list[int]


class Vector(NamedTuple):
    """entries / unit, unit > 0, in lowest terms (L11.28)."""

    entries: Whole
    unit: int

    def along(self, x: Sequence[int]) -> int:
        """x times the entries; its sign is that of x times the vector."""
        return sum(map(mul, x, self.entries))

    def times(self, x: Sequence[int]) -> Fraction:
        """x times the vector."""
        return Fraction(self.along(x), self.unit)

    def inner(self, other: Vector) -> Fraction:
        """The inner product."""
        return Fraction(self.along(other.entries), self.unit * other.unit)


def lowest(entries: Whole, unit: int) -> Vector:
    """The vector entries / unit in lowest terms; unit > 0."""
    divisor = gcd(unit, *entries)
    return Vector([v // divisor for v in entries], unit // divisor)


def vector(values: Sequence[Fraction]) -> Vector:
    """The vector of these numbers."""
    unit = lcm(*(v.denominator for v in values))
    return Vector([v.numerator * (unit // v.denominator) for v in values], unit)


class Line(NamedTuple):
    """The samples on one line through 0: the number of the first, the primitive whole vector x in its
    direction, the jump j (in units of 1/`unit`), and c_i of every sample i, which is c_i x.
    """

    first: int
    x: Whole
    jump: int
    members: dict[int, Fraction]

    @property
    def length(self) -> Fraction:
        """|x|, rounded up."""
        return root_up(Fraction(sum(map(mul, self.x, self.x))), 2)


class Neuron:
    """Q1: G(w) = b.w + sum_C j_C (x_C.w)_+ of a problem, exactly (L11.1); b and all j_C in units of
    1/`unit`.
    """

    def __init__(self, problem: Problem, clock: Clock) -> None:
        self.d, self.clock, self.alpha = len(problem.features[0]), clock, problem.alpha
        self.samples = {i: x for i, x in enumerate(problem.features) if any(x)}
        found: dict[tuple[int, ...], Line] = {}
        for i, x in self.samples.items():
            clock.tick()
            whole = vector(x)
            divisor = gcd(*whole.entries)
            entries = tuple(v // divisor for v in whole.entries)
            opposite = tuple(-v for v in entries)
            factor = Fraction(divisor, whole.unit)
            if opposite in found:
                found[opposite].members[i] = -factor
            else:
                found.setdefault(entries, Line(i, list(entries), 0, {})).members[i] = factor
        a, z = problem.alpha, problem.z
        jumps = [
            (1 - a) * sum((z[i] * abs(c) for i, c in C.members.items()), Fraction(0)) for C in found.values()
        ]
        b = [a * sum((z[i] * x[k] for i, x in self.samples.items()), Fraction(0)) for k in range(self.d)]
        for line in found.values():
            back = (1 - a) * sum((z[i] * -c for i, c in line.members.items() if c < 0), Fraction(0))
            b = [v - back * entry for v, entry in zip(b, line.x, strict=True)]
        self.unit = lcm(*(v.denominator for v in (*jumps, *b)))
        self.b = [int(v * self.unit) for v in b]
        self.lines = [C._replace(jump=int(j * self.unit)) for C, j in zip(found.values(), jumps, strict=True)]
        self.kinks = [k for k, line in enumerate(self.lines) if line.jump]
        self.names = {self.lines[k].first: k for k in self.kinks}

    def free(self, k: int) -> bool:
        """Whether no other sample changes the argument of a kink, and its own only where it is positive
        (L11.29).
        """
        x, members = self.lines[k].x, self.lines[k].members.values()
        alone = sum(self.at(i, x) != 0 for i in range(len(self.lines))) == 1
        return self.alpha == 0 and alone and min(members) > 0

    def gradient(self, on: Sequence[int]) -> Whole:
        """g with these kinks active and no other, in units of 1/`unit`."""
        g = self.b
        for k in on:
            g = [v + self.lines[k].jump * x for v, x in zip(g, self.lines[k].x, strict=True)]
        return g

    def value(self, w: Sequence[int]) -> int:
        """G at a whole vector, in units of 1/`unit`."""
        return sum(map(mul, self.gradient([k for k in self.kinks if self.at(k, w) > 0]), w))

    def gram(self, kinks: Sequence[int]) -> tuple[list[Whole], int]:
        """The adjugate and the determinant of X_S X_S^T; determinant 0 if the kinks are not independent."""
        rows = [self.lines[k].x for k in kinks]
        return inverse([[sum(map(mul, x, y)) for y in rows] for x in rows])

    def at(self, k: int, w: Sequence[int]) -> int:
        """The argument of a kink."""
        return sum(map(mul, self.lines[k].x, w))

    def rays(self) -> Iterator[Whole] | None:
        """Both directions of every line in which d - 1 independent kinks meet, or coordinate planes
        besides, so that they span the space; None if they are too many (L11.7).
        """
        n = len(self.kinks) + self.d
        if 2 * comb(n, self.d - 1) * 3 ** (self.d - 1) * n * self.d > MAX_WORK:
            return None
        planes = [self.lines[k].x for k in self.kinks]
        for k in range(self.d):
            axis = [int(i == k) for i in range(self.d)]
            planes += [axis] if len(_basis([*planes, axis])) > len(_basis(planes)) else []
        return (
            ray for rows in combinations(planes, self.d - 1) for ray in _meeting(rows, self.d, self.clock)
        )

    def fall(self, sign: int) -> Fraction | None:
        """The square of an m0 > 0 with s G(u) <= -m0 |u| for all u, None if there is none (L11.24)."""
        rays, least = self.rays(), None
        for ray in rays or ():
            height = sign * self.value(ray)
            if height >= 0:
                return None
            square = Fraction(height * height, self.unit**2 * sum(map(mul, ray, ray)))
            least = square if least is None else min(least, square)
        return least

    def largest(self, rough: Fraction) -> Fraction:
        """An upper bound of |G| on the unit sphere: that of all its critical points, face by face of the
        cells, or `rough` if they are too many (L11.7).
        """
        best = Fraction(0)
        rays = self.rays()
        for ray in () if rays is None else rays:
            fixed = {k: self.at(k, ray) for k in self.kinks}
            free = [k for k, side in fixed.items() if side == 0]
            if len(free) > MAX_SPAN:
                return rough
            for states in product((0, 1, -1), repeat=len(free)):
                self.clock.tick()
                sides = fixed | dict(zip(free, states, strict=True))
                g = [Fraction(v) for v in self.gradient([k for k, side in sides.items() if side > 0])]
                for row in _basis([self.lines[k].x for k, side in sides.items() if side == 0]):
                    factor = sum(map(mul, g, row)) / sum(map(mul, row, row))
                    g = [v - factor * r for v, r in zip(g, row, strict=True)]
                signs = {
                    sign_of(sum(map(mul, g, self.lines[k].x))) * sign_of(side)
                    for k, side in sides.items()
                    if side
                }
                # The critical point is in the face itself, for s = 1 or s = -1.
                if len(signs) <= 1 and 0 not in signs:
                    best = max(best, sum(map(mul, g, g)) / self.unit**2)
        return rough if rays is None else min(rough, root_up(best, 2))


def _basis(rows: Sequence[Sequence[int]]) -> list[list[Fraction]]:
    """An orthogonal basis of the span of the rows."""
    basis: list[list[Fraction]] = []
    for given in rows:
        row = [Fraction(v) for v in given]
        for other in basis:
            factor = sum(map(mul, row, other)) / sum(map(mul, other, other))
            row = [v - factor * w for v, w in zip(row, other, strict=True)]
        basis += [row] if any(row) else []
    return basis


def _meeting(rows: Sequence[Whole], d: int, clock: Clock) -> list[Whole]:
    """Both directions of the line orthogonal to d - 1 rows; none if they are dependent."""
    clock.tick()
    basis = _basis(rows)
    if len(basis) < d - 1:
        return []
    for k in range(d):
        axis = [Fraction(int(i == k)) for i in range(d)]
        for row in basis:
            factor = row[k] / sum(map(mul, row, row))
            axis = [v - factor * w for v, w in zip(axis, row, strict=True)]
        if any(axis):
            whole = vector(axis).entries
            return [whole, [-v for v in whole]]
    return []


def sign_of(value: int | Fraction) -> int:
    """1, 0 or -1."""
    return (value > 0) - (value < 0)


def inverse(matrix: list[Whole]) -> tuple[list[Whole], int]:
    """The adjugate and the determinant of a positive semidefinite whole matrix; determinant 0 if it is
    singular.
    """
    rows = [[*row, *(int(i == k) for k in range(len(matrix)))] for i, row in enumerate(matrix)]
    last = 1
    for k in range(len(matrix)):
        pivot = rows[k][k]
        if pivot == 0:
            return [], 0
        # Every division is exact (Bareiss).
        rows = [
            row if i == k else [(pivot * v - row[k] * w) // last for v, w in zip(row, rows[k], strict=True)]
            for i, row in enumerate(rows)
        ]
        last = pivot
    return [row[len(matrix) :] for row in rows], last
